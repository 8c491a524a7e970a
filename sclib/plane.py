"""Experiments in the plane, eight Gaussians and two moons: settings, statistics, and the exact laws they must follow.

Settings (reward scales, widths, sizes) are the book's own: the paper's could not be recovered.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch

from sclib import predictions
from sclib.ddpm import DDPM, Settings
from sclib.loop import Generation
from sclib.population import trajectory
from sclib.settings import check_counts, check_numbers, check_one_of, coerce
from sclib.study import Study
from sclib.tasks import TASKS, Task


@dataclasses.dataclass(frozen=True)
class Config:
    """One experiment: everything that its numbers depend on."""

    experiment: str
    data: str  # a name in TASKS
    K: int  # candidates in a group
    gamma: float = 10.0  # scale of the reward, nats per unit of distance or of class probability
    r_min: float = 1.0  # Gaussians: radius of the ball about the favoured centre where the reward is at its top
    noise: float = 0.1  # moons: standard deviation about the half circles
    favoured: int = 0  # the mode or moon that the reward favours
    lam: float = math.inf  # weight of the picks against the data; inf is the fully synthetic loop
    seeds: tuple = (0, 1, 2, 3, 4)
    generations: int = 10
    n: int = 5_000  # groups a round, hence picks
    n_data: int = 50_000  # data points of a seed
    n_atoms: int = 20_000  # without a density: samples of the first model that carry the exact law
    n_points: int = 400  # proposals of a seed and generation kept for scatter plots
    model: Settings = dataclasses.field(default_factory=Settings)
    version: int = 1
    on_gpu: ClassVar[bool] = True
    one_thread: ClassVar[bool] = True
    minutes: ClassVar[str] = "1 to 3 min on two CPU cores with five seeds, not timed on a GPU"

    def __post_init__(self):
        coerce(self)
        check_one_of(self, "data", TASKS)
        check_counts(self, "K", "n", "n_data", "n_atoms", "version")
        check_counts(self, "generations", "favoured", "n_points", least=0)
        check_numbers(self, "gamma", below=self.task.most_gamma)
        check_numbers(self, "r_min", "noise")
        check_numbers(self, "lam", allow_inf=True)
        check_one_of(self, "favoured", range(self.classes))
        if not self.task.density and self.lam < math.inf and self.n_data < self.n_atoms:
            raise ValueError(f"n_atoms = {self.n_atoms} must be at most n_data = {self.n_data}: the data are atoms too")

    @property
    def task(self) -> Task:
        """The `Task` of `data`."""
        return TASKS[self.data]

    @property
    def classes(self) -> int:
        """How many classes are counted."""
        return self.task.classes


MIXED = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)  # values of lam
PATIENT = Settings(steps=1000, calls=40)
DATA_ATOMS = 54321  # random stream of the moons that stand for the data in the exact law of the mixed loop
EXPERIMENTS = [
    *(Config(f"gaussians-k{K}", "gaussians", K) for K in (1, 2, 4, 16)),
    *(Config(f"moons-k{K}", "moons", K, gamma=2.0) for K in (1, 2, 4, 16)),
    # Real data in the mix; lam = 0, each round refitted to the data alone, is the control.  These loops do not end, so
    # what each fit and each sampling lose of a mode's spread has more time to add up: more steps of both.
    *(Config(f"gaussians-lam{lam:g}", "gaussians", 4, lam=lam, model=PATIENT) for lam in MIXED),
    *(Config(f"moons-lam{lam:g}", "moons", 4, gamma=2.0, lam=lam, model=PATIENT) for lam in MIXED),
    # At gamma = 10 Luce's choice hardly differs from taking the best; at 0.3 it does.  This loop takes its time, too.
    Config("gaussians-k4-soft", "gaussians", 4, gamma=0.3, model=PATIENT),
    # The uncurated loop with few samples a round: what is commonly called model collapse.
    Config("gaussians-k1-few", "gaussians", 1, n=300),
    # The sampler's own collapse: 50 ancestral steps with the posterior's variance lose spread in every pass.
    Config("gaussians-k1-small-variance", "gaussians", 1, model=Settings(sampler="small", calls=50)),
    Config("gaussians-k4-small-variance", "gaussians", 4, model=Settings(sampler="small", calls=50)),
]


def prepare(config: Config, device: str) -> Study:
    """What it takes to run an experiment.

    Parameters
    ----------
    config : a `Config`.
    device : on which its tensors are to be.
    """
    model = DDPM([_stream(seed, 0) for seed in config.seeds], config.model, device)
    choices = [torch.Generator(device).manual_seed(_stream(seed, 1)) for seed in config.seeds]
    data = torch.stack([_sample_data(config, _stream(seed, 2)) for seed in config.seeds]).to(device)
    reward, label, _ = task(config)

    def noted(generation):
        statistics = summarise(generation, label, config)
        if generation.t == 0 and not config.task.density:
            atoms = {"first": model.sample(config.n_atoms)}
            if config.lam < math.inf:
                atoms["data"] = _sample_data(config, DATA_ATOMS).to(device)[None, : config.n_atoms]
            for name, points in atoms.items():
                statistics[f"{name}_rewards"] = reward(points).cpu().numpy()  # (S, n_atoms), or (1, n_atoms) for all
                statistics[f"{name}_labels"] = label(points).cpu().numpy().astype(np.int8)
        return statistics

    return Study(model, data, reward, choices, noted)


def task(config: Config) -> tuple[Callable, Callable, int]:
    """What is asked of the loop.

    Parameters
    ----------
    config : a `Config`.

    Returns
    -------
    The reward, from points (..., 2) to nats (...); the label, from points to 0..C-1; and C.
    """
    return config.task.reward(config), config.task.label(config), config.classes


def summarise(generation: Generation, label: Callable, config: Config) -> dict[str, np.ndarray]:
    """Statistics of the draw that was curated.

    Parameters
    ----------
    generation : with points, proposals (S, n, K, 2).
    label : as from `task`.
    config : a `Config`.

    Returns
    -------
    masses (S, C): share of each mode or moon; mean_reward (S,), nats; spread (S,): standard deviation, per axis, within
    the favoured class; points (S, n_points, 2), float16.
    """
    x, r = generation.proposals.flatten(1, 2), generation.rewards.flatten(1, 2).double()  # (S, n K, 2), (S, n K)
    labels = label(x)
    statistics = {
        "masses": torch.stack([(labels == c).double().mean(-1) for c in range(config.classes)], -1),
        "mean_reward": r.mean(-1),
        "spread": torch.stack([_spread(xs[ls == config.favoured]) for xs, ls in zip(x, labels, strict=True)]),
        "points": x[:, :: config.K][:, : config.n_points].half(),
    }
    return {name: value.cpu().numpy() for name, value in statistics.items()}


def exact_law(config: Config, arrays: dict | None = None, grid: int = 200) -> dict[str, np.ndarray]:
    """The statistics of `summarise` under the exact law, generations 0..T: the line under the dots.

    Parameters
    ----------
    config : a `Config`.
    arrays : of its result; without a density (moons), its samples carry the law, as in `predictions.exact_law`.
    grid : with a density (Gaussians), points of a side of the lattice on [-6.5, 6.5]^2 that carries the law; at 200 the
        error is below 3e-4 in every number (at r_min = 1).

    Returns
    -------
    Arrays (T + 1, ...) with a density; (T + 1, S, ...), and no spread, without one.
    """
    if not config.task.density:
        return predictions.exact_law(config, arrays or {})
    axis = np.linspace(-6.5, 6.5, grid)
    points = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    reward, label, _ = task(config)
    r, labels = (of(torch.as_tensor(points)).numpy() for of in (reward, label))
    probs = config.task.density(points)
    laws = trajectory(probs / probs.sum(), r, config.K, config.generations, config.lam)  # (T + 1, atoms)
    inside = laws * (labels == config.favoured)
    inside /= inside.sum(1, keepdims=True)
    spread = np.sqrt((inside @ points**2 - (inside @ points) ** 2).mean(1))
    return predictions.moments(laws, r, labels, config.classes) | {"spread": spread}


def distances(config: Config, arrays: dict, law: dict | None = None) -> dict[str, np.ndarray]:
    """How far the trained loop is from the exact law, as `predictions.distances`.

    Parameters
    ----------
    config, arrays : a `Config`, and the arrays of its result.
    law : as from `exact_law`, which is called if it is None.
    """
    return predictions.distances(config, arrays, law or exact_law(config, arrays))


def _spread(points):
    points = points.double()
    return points.var(0).mean().sqrt() if len(points) > 1 else points.new_full((), math.nan)


def _sample_data(config, stream):
    return config.task.sample(config, torch.Generator().manual_seed(stream))


def _stream(seed, use):
    # Model, choices and data of a seed draw from different streams: one seed for all would correlate them.
    return 3 * seed + use


def table(config: Config, arrays: dict) -> str:
    """Measured and exact, generation by generation, as text.

    Parameters
    ----------
    config, arrays : a `Config`, and the arrays of its result.
    """
    law = exact_law(config, arrays)
    found = distances(config, arrays, law)
    share, exact = arrays["masses"][..., config.favoured], law["masses"][..., config.favoured]
    head = "  favoured share (exact)" if config.task.favours else ""
    lines = [f" t  reward{head}  TV median  worst  spread/exact    seconds"]
    for t in range(config.generations + 1):
        shares = f"  {np.median(share[t]):14.3f} ({np.median(exact[t]):.3f})" if head else ""
        tv, spread = found["total_variation"][t], ""
        if "spread_ratio" in found:
            spread = "{:.2f}-{:.2f}".format(*np.nanquantile(found["spread_ratio"][t], [0, 1]))
        lines.append(
            f"{t:2}  {arrays['mean_reward'][t].mean():6.2f}{shares}"
            f"  {np.median(tv):9.3f}  {tv.max():5.3f}  {spread:12}  {arrays['seconds'][t]:9.1f}"
        )
    return "\n".join(lines)
