"""Experiments in the plane, eight Gaussians and two moons: settings, statistics, and the exact laws they must follow.

Settings (reward scales, widths, sizes) are the book's own: the paper's could not be recovered.
"""

import dataclasses
import math
from typing import ClassVar

import numpy as np
import torch

from sclib import datasets, rewards
from sclib.bounds import total_variation
from sclib.classifiers import fit_classifier
from sclib.ddpm import DDPM, Settings
from sclib.population import trajectory
from sclib.settings import check_counts, check_numbers, check_one_of, coerce
from sclib.study import Study

MOST_GAMMA = {"gaussians": 50.0, "moons": 700.0}  # below this, the rewards span what an exact law allows


@dataclasses.dataclass(frozen=True)
class Config:
    """One experiment: everything that its numbers depend on."""

    experiment: str
    data: str  # "gaussians" or "moons"
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
    n_atoms: int = 20_000  # moons: samples of the first model that carry the exact law
    n_points: int = 400  # proposals of a seed and generation kept for scatter plots
    model: Settings = dataclasses.field(default_factory=Settings)
    version: int = 1
    on_gpu: ClassVar[bool] = True
    one_thread: ClassVar[bool] = True
    minutes: ClassVar[str] = "1 to 3 min on two CPU cores with five seeds, not timed on a GPU"

    def __post_init__(self):
        coerce(self)
        check_one_of(self, "data", MOST_GAMMA)
        check_counts(self, "K", "n", "n_data", "n_atoms", "version")
        check_counts(self, "generations", "favoured", "n_points", least=0)
        check_numbers(self, "gamma", below=MOST_GAMMA[self.data])
        check_numbers(self, "r_min", "noise")
        check_numbers(self, "lam", allow_inf=True)
        check_one_of(self, "favoured", range(datasets.MODES if self.data == "gaussians" else 2))
        if self.data == "moons" and self.lam < math.inf and self.n_data < self.n_atoms:
            raise ValueError(f"n_atoms = {self.n_atoms} must be at most n_data = {self.n_data}: the data are atoms too")


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


def prepare(config, device):
    """The `Study` of `config`, its tensors on `device`."""
    model = DDPM([_stream(seed, 0) for seed in config.seeds], config.model, device)
    choices = [torch.Generator(device).manual_seed(_stream(seed, 1)) for seed in config.seeds]
    data = torch.stack([_sample_data(config, _stream(seed, 2)) for seed in config.seeds]).to(device)
    reward, label, classes = task(config)

    def noted(generation):
        statistics = summarise(generation, label, classes, config)
        if generation.t == 0 and config.data == "moons":
            atoms = {"first": model.sample(config.n_atoms)}
            if config.lam < math.inf:
                atoms["data"] = _sample_data(config, DATA_ATOMS).to(device)[None, : config.n_atoms]
            for name, points in atoms.items():
                statistics[f"{name}_rewards"] = reward(points).cpu().numpy()  # (S, n_atoms), or (1, n_atoms) for all
                statistics[f"{name}_labels"] = label(points).cpu().numpy().astype(np.int8)
        return statistics

    return Study(model, data, reward, choices, noted)


def task(config):
    """What is asked of the loop: reward(points) in nats, label(points) -> 0..C-1, and C."""
    if config.data == "gaussians":
        target = datasets.GAUSSIAN_CENTRES[config.favoured]
        return (
            lambda x: rewards.clipped_distance(x, target, config.gamma, config.r_min),
            datasets.nearest_centre,
            datasets.MODES,
        )
    classify = moons_classifier(config)
    return (
        lambda x: rewards.class_probability(classify(x), config.favoured, config.gamma),
        lambda x: classify(x).argmax(-1),
        2,
    )


def moons_classifier(config):
    """The classifier whose probabilities are the reward, trained on 5,000 points; the same for all seeds."""
    return fit_classifier(*datasets.sample_moons(5_000, config.noise, torch.Generator().manual_seed(12345)))


def summarise(generation, label, classes, config):
    """Statistics of the draw that was curated, a dict of arrays (S, ...).

    masses (S, C): share of each mode or moon; mean_reward, var_reward (S,), nats; mean_weight, var_weight (S,): of
    e^{r - r*}, r* the top reward; spread (S,): standard deviation, per axis, within the favoured class;
    points (S, n_points, 2), float16.
    """
    x, r = generation.proposals.flatten(1, 2), generation.rewards.flatten(1, 2).double()  # (S, n K, 2), (S, n K)
    labels = label(x)
    weight = (r - top_reward(config)).exp()
    statistics = {
        "masses": torch.stack([(labels == c).double().mean(-1) for c in range(classes)], -1),
        "mean_reward": r.mean(-1),
        "var_reward": r.var(-1, correction=0),
        "mean_weight": weight.mean(-1),
        "var_weight": weight.var(-1, correction=0),
        "spread": torch.stack([_spread(xs[ls == config.favoured]) for xs, ls in zip(x, labels, strict=True)]),
        "points": x[:, :: config.K][:, : config.n_points].half(),
    }
    return {name: value.cpu().numpy() for name, value in statistics.items()}


def top_reward(config):
    """r*, nats: 0 for the clipped distance, gamma for a class probability."""
    return 0.0 if config.data == "gaussians" else config.gamma


def exact_law(config, arrays=None, grid=200):
    """The statistics of `summarise` under the exact law, generations 0..T: the line under the dots.

    Gaussians: `trajectory` of the data's density on a `grid` x `grid` lattice of [-6.5, 6.5]^2, whose error is below
    3e-4 in every number but the rewards' variance (at r_min = 1); arrays (T + 1, ...).
    Moons: of the samples of each seed's first model in `arrays` (a result's), which carry their rewards; arrays
    (T + 1, S, ...), and no spread.
    """
    if config.data == "gaussians":
        axis = np.linspace(-6.5, 6.5, grid)
        points = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
        reward, label, classes = task(config)
        x = torch.as_tensor(points)
        probs = datasets.gaussian_density(points)
        return _law(config, probs / probs.sum(), reward(x).numpy(), label(x).numpy(), classes, points)
    r, labels = arrays["first_rewards"][0], arrays["first_labels"][0]  # (S, n_atoms)
    probs, reference = np.full(r.shape[1], 1 / r.shape[1]), None
    if config.lam < math.inf:  # both live on the union of the first model's samples and the data
        probs, reference = np.append(probs, 0 * probs), np.append(0 * probs, probs)
        r, labels = (
            np.concatenate([a, np.broadcast_to(arrays[f"data_{name}"][0], a.shape)], 1)
            for name, a in (("rewards", r), ("labels", labels))
        )
    laws = [_law(config, probs, *atoms, 2, reference=reference) for atoms in zip(r, labels, strict=True)]
    return {name: np.stack([law[name] for law in laws], 1) for name in laws[0]}


def distances(config, arrays, law=None):
    """How far the trained loop is from the exact law: `total_variation` of the masses, (T + 1, S), and, for the
    Gaussians, `spread_ratio`, measured over exact, (T + 1, S).
    """
    law = law or exact_law(config, arrays)
    exact = np.broadcast_to(
        law["masses"] if law["masses"].ndim == 3 else law["masses"][:, None], arrays["masses"].shape
    )
    pairs = zip(arrays["masses"], exact, strict=True)
    found = {
        "total_variation": np.array([[total_variation(p, q) for p, q in zip(*both, strict=True)] for both in pairs])
    }
    if "spread" in law:
        found["spread_ratio"] = arrays["spread"] / law["spread"][:, None]
    return found


def _law(config, probs, r, labels, classes, points=None, reference=None):
    laws = trajectory(probs, r, config.K, config.generations, config.lam, reference)  # (T + 1, atoms)
    weight = np.exp(np.asarray(r, float) - top_reward(config))
    law = {"masses": np.stack([np.bincount(labels, p, classes) for p in laws])}
    law |= {"mean_reward": laws @ r, "mean_weight": laws @ weight}
    law |= {
        "var_reward": laws @ r**2 - law["mean_reward"] ** 2,
        "var_weight": laws @ weight**2 - law["mean_weight"] ** 2,
    }
    if points is not None:
        inside = laws * (labels == config.favoured)
        inside /= inside.sum(1, keepdims=True)
        law["spread"] = np.sqrt((inside @ points**2 - (inside @ points) ** 2).mean(1))
    return law


def _spread(points):
    points = points.double()
    return points.var(0).mean().sqrt() if len(points) > 1 else points.new_full((), math.nan)


def _sample_data(config, stream):
    generator = torch.Generator().manual_seed(stream)
    if config.data == "gaussians":
        return datasets.sample_gaussians(config.n_data, generator)
    return datasets.sample_moons(config.n_data, config.noise, generator)[0]


def _stream(seed, use):
    # Model, choices and data of a seed draw from different streams: one seed for all would correlate them.
    return 3 * seed + use


def table(config, arrays):
    """Measured and exact, generation by generation, as text."""
    law = exact_law(config, arrays)
    found = distances(config, arrays, law)
    share, exact = arrays["masses"][..., config.favoured], law["masses"][..., config.favoured]
    lines = [" t  reward  favoured share (exact)  TV median  worst  spread/exact    seconds"]
    for t in range(config.generations + 1):
        tv = found["total_variation"][t]
        spread = (
            "{:.2f}-{:.2f}".format(*np.nanquantile(found["spread_ratio"][t], [0, 1])) if "spread_ratio" in found else ""
        )
        lines.append(
            f"{t:2}  {arrays['mean_reward'][t].mean():6.2f}  {np.median(share[t]):14.3f} ({np.median(exact[t]):.3f})"
            f"  {np.median(tv):9.3f}  {tv.max():5.3f}  {spread:12}  {arrays['seconds'][t]:9.1f}"
        )
    return "\n".join(lines)
