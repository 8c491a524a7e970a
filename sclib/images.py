"""Experiments on images, digits and CIFAR-10: settings, statistics, and what has to hold before they mean anything.

A classifier gives the reward: gamma times the probability of one class, or times the probability of the likeliest.
Settings (reward scales, networks, sizes) are the book's own, where the paper's could not be recovered.
"""

import dataclasses
import math
from typing import Any, ClassVar

import numpy as np
import torch
from tqdm.auto import tqdm

from sclib import datasets, gates, kept, rewards
from sclib.choice import picked_index
from sclib.classifiers import probabilities
from sclib.flow import Settings
from sclib.image_statistics import comparison, summarise
from sclib.kept import CLASSES, KeptFlow
from sclib.predictions import distances, entropy, exact_law, transmission
from sclib.settings import check_counts, check_numbers, check_one_of, coerce
from sclib.stacked import Flows
from sclib.study import Study

REWARDS = ("class", "confidence")
SOURCES = {"digits": datasets.digits, "cifar10": datasets.cifar10}


@dataclasses.dataclass(frozen=True)
class Loop:
    """What the numbers of any loop on images depend on, in pixels (`Config`) or in latents (`latents.Config`)."""

    experiment: str
    data: str  # "digits" or "cifar10"
    reward: str  # "class", gamma times the probability of one class; "confidence", of the likeliest class
    gamma: float = 5.0  # scale of the reward, nats per unit of probability
    temperature: float = 1.0  # of the probabilities in the reward; see `classifiers.probabilities`
    favoured: int = 0  # the class that a "class" reward favours
    K: int = 4  # candidates in a group
    lam: float = math.inf  # weight of the picks against the data; inf is the fully synthetic loop
    seeds: tuple = (0, 1, 2, 3, 4)
    generations: int = 10
    n: int = 1_500  # groups a round, hence picks
    n_atoms: int = 20_000  # samples of the first model that carry the exact law
    n_kept: int = 500  # proposals of a seed and generation whose rewards and classes are stored
    n_near: int = 1_000  # and those whose distances to real images are measured
    n_pictures: int = 30  # and those that are stored as pictures
    model: Settings = dataclasses.field(default_factory=Settings)
    version: int = 1
    on_gpu: ClassVar[bool] = True
    one_thread: ClassVar[bool] = False
    classes: ClassVar[int] = CLASSES

    def __post_init__(self):
        coerce(self)
        check_one_of(self, "data", SOURCES)
        check_one_of(self, "reward", REWARDS)
        check_one_of(self, "favoured", range(CLASSES))
        check_counts(self, "K", "n_kept", "n_near", "n_pictures", "n_atoms", "version")
        check_counts(self, "n", least=4)  # precision and recall take each sample's third neighbour
        check_counts(self, "generations", least=0)
        check_numbers(self, "gamma", below=700.0)
        check_numbers(self, "temperature", least=1e-3)
        check_numbers(self, "lam", allow_inf=True)


# For tests, on a CPU: everything happens, nothing is learned.
SMOKE: dict[str, Any] = {
    "width": 32, "depth": 1, "first_steps": 3, "steps": 2, "batch": 4, "calls": 2, "chunk": 20,
    "generations": 2, "n": 6, "n_atoms": 20, "n_kept": 24, "n_pictures": 4,
}  # fmt: skip
PRESETS: dict[str, dict[str, Any]] = {
    "full": {},
    "short": {"first_steps": 12_000, "generations": 10, "steps": 500},
    "smoke": SMOKE | {"classifier_steps": 3},
}


@dataclasses.dataclass(frozen=True)
class Config(Loop):
    """One experiment: everything that its numbers depend on."""

    classifier_steps: int = 600

    def __post_init__(self):
        super().__post_init__()
        check_counts(self, "classifier_steps")

    @property
    def presets(self) -> dict[str, dict[str, Any]]:
        """Settings that change together, by name: how much of a GPU's time a run may take."""
        return PRESETS if self.data == "cifar10" else {}

    @property
    def minutes(self) -> str:
        """How long it takes."""
        if self.data == "digits":
            return (
                "6 min on one CPU core with five seeds, and once 8 for first models that all share; not timed on a GPU"
            )
        return "35 min on a GPU, not yet timed; out of reach of a CPU but for the preset smoke"


# At temperature 1 the classifier is so sure of nearly every digit that the exact law itself predicts almost nothing.
CONFIDENCE: dict[str, Any] = {"gamma": 15.0, "temperature": 3.0}
# Noise and images are paired by optimal transport within a batch, as in torchcfm's recipe, which the paper took.
U_NET = Settings(
    "unet", 64, 2, "ot", first_steps=20_000, steps=1_000, batch=512, first_lr=5e-4, lr=3e-4, flip=True, calls=32,
    chunk=2_500,
)  # fmt: skip
CIFAR10: dict[str, Any] = {
    "data": "cifar10", "seeds": (0,), "generations": 20, "n": 2_500, "n_kept": 10_000, "n_pictures": 16,
    "classifier_steps": 10_000, "model": U_NET,
}  # fmt: skip
EXPERIMENTS = [
    Config("digits-class", "digits", "class"),
    Config("digits-class-mixed", "digits", "class", lam=0.5),
    Config("digits-confidence", "digits", "confidence", **CONFIDENCE),
    Config("digits-confidence-mixed", "digits", "confidence", lam=0.5, **CONFIDENCE),
    # Nobody chooses: what changes here is drift, not preference.
    Config("digits-control", "digits", "confidence", K=1, **CONFIDENCE),
    # The paper's Figures 2 and 3.
    Config("cifar10-class", reward="class", **CIFAR10),
    Config("cifar10-confidence", reward="confidence", **CIFAR10),
    Config("cifar10-confidence-mixed", reward="confidence", lam=0.5, **CIFAR10),
    Config("cifar10-class-mixed", reward="class", lam=0.5, **CIFAR10),
    Config("cifar10-control", reward="confidence", K=1, **CIFAR10),
]


def prepare(config: Config, device: str) -> Study:
    """What it takes to run an experiment: S seeds, images uint8 (S, n, C, H, W).

    The classifier and each seed's first model are kept in the user's cache, where experiments share them.

    Parameters
    ----------
    config : a `Config`.
    device : on which its tensors are to be.
    """
    (images, labels), (held_out, held_out_labels) = (
        [tensor.to(device) for tensor in SOURCES[config.data](split)] for split in ("train", "test")
    )
    classifier = kept.classifier(config, images, labels)
    members = [KeptFlow(config, images.shape[1:], seed, stream(seed, 0), device) for seed in config.seeds]
    choices = [torch.Generator(device).manual_seed(stream(seed, 1)) for seed in config.seeds]
    model = Flows(members)

    seen: list[torch.Tensor] = []  # the classifier's logits of the round's proposals, (n K, 10) of each seed

    def reward(x):  # (S, n, C, H, W) -> (S, n)
        seen[:] = [classifier.logits(part) for part in x]
        return torch.stack([score(config, logits) for logits in seen])

    compare = comparison(config, classifier, images, held_out)

    def summary(generation):
        of_seeds = zip(generation.proposals, seen, generation.rewards, generation.picks, strict=True)
        seeds = [
            summarise(config, x, logits, r, picked_index(x, picks)) | compare(x) for x, logits, r, picks in of_seeds
        ]
        statistics = {name: np.stack([found[name] for found in seeds]) for name in seeds[0]}
        if generation.t == 0:
            atoms = {"first": model.sample(config.n_atoms), "data": images[None]}
            for name, x in atoms.items():  # (S, n_atoms) and (1, N)
                logits = torch.stack([classifier.logits(part) for part in x])
                statistics[f"{name}_rewards"] = score(config, logits).cpu().numpy()
                statistics[f"{name}_labels"] = logits.argmax(-1).cpu().numpy().astype(np.int8)
            statistics |= gates.measured_gate(config, classifier, held_out, held_out_labels, images, atoms["first"])
            tqdm.write(gates.gate({name: value[None] for name, value in statistics.items()}))
        return statistics

    data = images.expand(len(config.seeds), *images.shape)
    return Study(model, data, reward, choices, summary, {"data": kept.source(config)})


def score(config: Any, logits: torch.Tensor) -> torch.Tensor:
    """The reward of images, nats, (...).

    Parameters
    ----------
    config : a `Config`, which says what is rewarded.
    logits : (..., C), the classifier's.
    """
    q = probabilities(logits, config.temperature)
    if config.reward == "class":
        return rewards.class_probability(q, config.favoured, config.gamma)
    return rewards.confidence(q, config.gamma)


def stream(seed: int, use: int) -> int:
    """The random stream of a seed for one use: model and choices from one stream would be correlated.

    Parameters
    ----------
    seed : >= 0.
    use : 0 for the model, 1 for the choices.
    """
    # Model and choices of a seed draw from different streams: one seed for both would correlate them.
    return 2 * seed + use


def table(config: Any, arrays: dict) -> str:
    """Measured and exact, generation by generation, as text: medians over seeds.

    Parameters
    ----------
    config, arrays : a `Config`, and the arrays of its result.
    """
    law, reset = exact_law(config, arrays), exact_law(config, arrays, reset=True)
    tv = distances(config, arrays, law)["total_variation"]
    slope, error = transmission(config, arrays)
    lines = [
        gates.gate(arrays),
        " t  reward (exact, reset)  favoured (exact, reset)  entropy (exact, reset)  TV median worst  top    "
        "transmission  near-copies  train/held-out  Fréchet  precision recall  seconds",
    ]
    for t in range(config.generations + 1):
        triples = [
            [np.median(value[t]) for value in values]
            for values in (
                (arrays["mean_reward"], law["mean_reward"], reset["mean_reward"]),
                [x[..., config.favoured] for x in (arrays["masses"], law["masses"], reset["masses"])],
                [entropy(x) for x in (arrays["masses"], law["masses"], reset["masses"])],
            )
        ]
        sent = f"{np.median(slope[t]):5.2f} +-{np.median(error[t]):.2f}" if t < config.generations else " " * 12
        m = {name: np.median(arrays[name][t]) for name in (
            "top", "near_copies", "train_distance", "held_out_distance", "frechet", "precision", "recall"
        )}  # fmt: skip
        lines.append(
            f"{t:2}  {'    '.join('{:6.3f} ({:.3f}, {:.3f})'.format(*one) for one in triples)}  "
            f"{np.median(tv[t]):.3f} {tv[t].max():.3f}  {m['top']:.3f}  {sent}  {m['near_copies']:.3f}        "
            f"{m['train_distance']:.4f}/{m['held_out_distance']:.4f}  {m['frechet']:7.2f}  {m['precision']:.2f} "
            f"{m['recall']:.2f}  {arrays['seconds'][t]:7.1f}"
        )
    return "\n".join(lines)
