"""What is noted of a round of a loop on images: rewards, classes, pictures, and how close these are to real images."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from sclib import closeness
from sclib.classifiers import probabilities
from sclib.population import step

COMPARED = ("near_copies", "train_distance", "held_out_distance", "frechet", "precision", "recall")


def summarise(
    config: Any, proposals: torch.Tensor, logits: torch.Tensor, r: torch.Tensor, picked: torch.Tensor
) -> dict[str, Any]:
    """Statistics of the draw that was curated, of one seed.

    Parameters
    ----------
    config : an `images.Loop`.
    proposals : (n, K, C, H, W), pictures, uint8.
    logits : (n K, C), the judge's.
    r : (n, K), rewards, nats.
    picked : (n,), long, the index of the pick in each group.

    Returns
    -------
    masses (C,): share of each class; mean_reward, var_reward: nats; top: mean probability, at temperature 1, of the
    likeliest class; class_reward (C,): mean reward within each class; step_masses (C,): the shares after one exact
    round from the law of these very proposals; pick_masses (C,); rewards (n_kept,) float16, labels (n_kept,) int8,
    pictures (n_pictures, C, H, W) uint8.
    """
    rewards = r.flatten().double().cpu().numpy()  # (n K,)
    classes = logits.argmax(-1)
    labels, those = (v.cpu().numpy() for v in (classes, classes.view(len(picked), -1).gather(1, picked[:, None])[:, 0]))
    counts, kept = (np.bincount(each, minlength=config.classes) for each in (labels, those))
    curated = step(np.full(len(rewards), 1 / len(rewards)), rewards, config.K)
    return {
        "masses": counts / len(labels),
        "mean_reward": rewards.mean(),
        "var_reward": rewards.var(),
        "top": float(probabilities(logits).amax(-1).double().mean()),
        "class_reward": np.where(
            counts, np.bincount(labels, rewards, config.classes) / np.maximum(counts, 1), math.nan
        ),
        "step_masses": np.bincount(labels, curated, config.classes),
        "pick_masses": kept / len(picked),
        "rewards": rewards[: config.n_kept].astype(np.float16),
        "labels": labels[: config.n_kept].astype(np.int8),
        "pictures": proposals[: config.n_pictures, 0].cpu().numpy(),
    }


def comparison(
    config: Any, classifier: Any, images: torch.Tensor, held_out: torch.Tensor
) -> Callable[..., dict[str, np.ndarray]]:
    """How close generated images are to real ones, as a function.

    Parameters
    ----------
    config : an `images.Loop`.
    classifier : with `features(images)`.
    images, held_out : (n, C, H, W), uint8, trained on and held out.

    Returns
    -------
    A function from the proposals of one seed, (n, K, C, H, W), to arrays (): near_copies, share nearer to a training
    image than 99 % of the held-out images are; train_distance, held_out_distance, mean distance to the nearest of as
    many training as held-out images; frechet, precision, recall, in the classifier's feature space, against training
    images.  Given closely=False all are NaN but the Fréchet distance, the only one that takes little time.
    """
    if config.data == "cifar10":  # some copies come class by class, and below the first images stand for all
        images = images[torch.randperm(len(images), generator=torch.Generator().manual_seed(0)).to(images.device)]
    near = closeness.nearest_distance(held_out, images).quantile(0.01)
    real = classifier.features(images)

    def compare(proposals, closely=True):
        features = classifier.features(proposals[:, 0])
        found = {"frechet": closeness.frechet_distance(features, real)}
        if closely:
            x, few = proposals[: config.n_near, 0], min(len(features), len(real), 2000)
            found |= {
                "near_copies": (closeness.nearest_distance(x, images) < near).double().mean(),
                "train_distance": closeness.nearest_distance(x, images[: len(held_out)]).mean(),
                "held_out_distance": closeness.nearest_distance(x, held_out).mean(),
            }
            found["precision"], found["recall"] = closeness.precision_recall(features[:few], real[:few])
        return {name: np.array(float(found.get(name, math.nan))) for name in COMPARED}

    return compare
