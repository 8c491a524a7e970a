"""What is noted of a round of a loop on images: rewards, classes, pictures, and how close these are to real images."""

import math

import numpy as np

from sclib import closeness
from sclib.classifiers import probabilities
from sclib.population import step


def summarise(config, classifier, proposals, r, picks):
    """Statistics of the draw that was curated, of one seed: a dict of arrays.

    `proposals`: (n, K, C, H, W); `r`: (n, K), their rewards; `picks`: (n, C, H, W).
    Returns: masses (C,): share of each class; mean_reward, var_reward: nats; top: mean probability, at temperature 1,
    of the likeliest class; class_reward (C,): mean reward within each class; step_masses (C,): the shares after one
    exact round from the law of these very proposals;
    pick_masses (C,); rewards (n_kept,) float16, labels (n_kept,) int8, pictures (n_pictures, C, H, W) uint8.
    """
    x, r = proposals.flatten(0, 1), r.flatten().double().cpu().numpy()  # (n K, C, H, W), (n K,)
    logits = classifier.logits(x)
    labels = logits.argmax(-1).cpu().numpy()
    guesses = classifier.logits(picks).argmax(-1).cpu().numpy()
    counts, picked = (np.bincount(each, minlength=config.classes) for each in (labels, guesses))
    curated = step(np.full(len(r), 1 / len(r)), r, config.K)
    return {
        "masses": counts / len(labels),
        "mean_reward": r.mean(),
        "var_reward": r.var(),
        "top": float(probabilities(logits).amax(-1).double().mean()),
        "class_reward": np.where(counts, np.bincount(labels, r, config.classes) / np.maximum(counts, 1), math.nan),
        "step_masses": np.bincount(labels, curated, config.classes),
        "pick_masses": picked / len(picks),
        "rewards": r[: config.n_kept].astype(np.float16),
        "labels": labels[: config.n_kept].astype(np.int8),
        "pictures": proposals[: config.n_pictures, 0].cpu().numpy(),
    }


def comparison(config, classifier, images, held_out):
    """A function from the proposals of one seed, (n, K, C, H, W), to how close they are to real images.

    It returns a dict of arrays (): near_copies, share nearer to a training image than 99 % of the held-out images are;
    train_distance, held_out_distance, mean distance to the nearest of as many training as held-out images; frechet,
    precision, recall, in the classifier's feature space, against training images.
    """
    near = closeness.nearest_distance(held_out, images).quantile(0.01)
    real = classifier.features(images)

    def compare(proposals):
        x = proposals[:, 0]
        features = classifier.features(x)
        few = min(len(x), len(real), 2000)
        precision, recall = closeness.precision_recall(features[:few], real[:few])
        x = x[: config.n_near]
        found = {
            "near_copies": (closeness.nearest_distance(x, images) < near).double().mean(),
            "train_distance": closeness.nearest_distance(x, images[: len(held_out)]).mean(),
            "held_out_distance": closeness.nearest_distance(x, held_out).mean(),
            "frechet": closeness.frechet_distance(features, real),
            "precision": precision,
            "recall": recall,
        }
        return {name: np.array(float(value)) for name, value in found.items()}

    return compare
