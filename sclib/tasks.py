"""What can be asked of a loop in the plane: where its data come from, what is rewarded, which classes are counted."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from sclib import datasets, rewards
from sclib.point_classifier import fit_classifier


class Task(NamedTuple):
    """What stands in the plane: the data, the reward, and the classes whose shares are counted."""

    sample: Callable  # config, generator -> points (n_data, 2)
    reward: Callable  # config -> a function: points (..., 2) -> nats (...)
    label: Callable  # config -> a function: points (..., 2) -> class 0..C-1
    classes: int  # C
    density: Callable | None = None  # points (n, 2) -> their density; without it, the law is that of samples
    favours: bool = True  # whether the reward favours the class `config.favoured`
    most_gamma: float = 700.0  # below this, the rewards span what an exact law allows


@functools.lru_cache
def moons_classifier(noise: float) -> Callable[[torch.Tensor], torch.Tensor]:
    """The classifier whose probabilities are the reward, trained on 5,000 points; the same for all seeds.

    Parameters
    ----------
    noise : of the moons, see `datasets.sample_moons`.

    Returns
    -------
    A function from points (..., 2) to probabilities (..., 2).
    """
    return fit_classifier(*datasets.sample_moons(5_000, noise, torch.Generator().manual_seed(12345)))


def near_favoured(config: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    """The reward of the Gaussians: minus the distance to a ball about the favoured centre.

    Parameters
    ----------
    config : a `plane.Config`.

    Returns
    -------
    A function from points (..., 2) to nats (...).
    """
    target = datasets.GAUSSIAN_CENTRES[config.favoured]
    return lambda x: rewards.clipped_distance(x, target, config.gamma, config.r_min)


def moon_probability(config: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    """The reward of the moons: the probability of the favoured one.

    Parameters
    ----------
    config : a `plane.Config`.

    Returns
    -------
    A function from points (..., 2) to nats (...).
    """
    classify = moons_classifier(config.noise)
    return lambda x: rewards.class_probability(classify(x), config.favoured, config.gamma)


TASKS = {
    "gaussians": Task(
        lambda config, generator: datasets.sample_gaussians(config.n_data, generator),
        near_favoured,
        lambda config: datasets.nearest_centre,
        datasets.MODES,
        datasets.gaussian_density,
        most_gamma=50.0,
    ),
    "moons": Task(
        lambda config, generator: datasets.sample_moons(config.n_data, config.noise, generator)[0],
        moon_probability,
        lambda config: lambda x: moons_classifier(config.noise)(x).argmax(-1),
        2,
    ),
}
