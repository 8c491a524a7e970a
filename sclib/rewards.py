"""Rewards r(x) in nats: a point that scores log 2 more is picked twice as often."""

import torch
from numpy.typing import ArrayLike

from sclib import checks, tensor_checks


def clipped_distance(points: torch.Tensor, target: ArrayLike, gamma: float, r_min: float) -> torch.Tensor:
    """r(x) = -gamma max(0, |x - target| - r_min), nats.

    Zero, the top reward, on the ball of radius `r_min` about `target`.  At r_min = 0 the top has no mass.

    Parameters
    ----------
    points : (..., d), finite.
    target : d finite numbers.
    gamma : nats per unit of distance, >= 0 and finite.
    r_min : the ball's radius, >= 0 and finite.

    Returns
    -------
    Tensor (...), <= 0.

    Raises
    ------
    ValueError
        If an argument or a shape does not fit, or a reward is not finite.

    Source
    ------
    The paper's Figure 4.
    """
    points, gamma, r_min = tensor_checks.tensor(points, "points", "d"), _scale(gamma, "gamma"), _scale(r_min, "r_min")
    try:
        centre = torch.as_tensor(target, device=points.device)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        centre = None
    if centre is None or centre.is_complex() or centre.shape != points.shape[-1:] or not centre.isfinite().all():
        raise checks.wrong("target", target, f"be {points.shape[-1]} finite numbers, as each of points has")
    rewards = -gamma * ((points - centre.to(points.dtype)).norm(dim=-1) - r_min).clamp(min=0)
    if not rewards.isfinite().all():
        far = f"points reach {points.abs().max():g}, target {centre.abs().max():g}"
        raise ValueError(f"{far} and gamma = {gamma:g}; a reward is not finite")
    return rewards


def class_probability(probabilities: torch.Tensor, favoured: int, gamma: float) -> torch.Tensor:
    """r(x) = gamma q_c(x), nats, with c = `favoured`.

    Parameters
    ----------
    probabilities : (..., C), of the classes, in [0, 1].
    favoured : one of 0..C-1.
    gamma : >= 0 and finite.

    Returns
    -------
    Tensor (...), from 0 to gamma.

    Raises
    ------
    ValueError
        If an argument does not fit.

    Source
    ------
    The paper's Figures 2 and 5.
    """
    probabilities = _probabilities(probabilities)
    classes = probabilities.shape[-1]
    favoured = checks.integer(favoured, "favoured", 0, classes - 1, f"be one of 0..{classes - 1}")
    return _scale(gamma, "gamma") * probabilities[..., favoured]


def confidence(probabilities: torch.Tensor, gamma: float) -> torch.Tensor:
    """r(x) = gamma max_c q_c(x), nats.

    Parameters
    ----------
    probabilities, gamma : as for `class_probability`.

    Returns
    -------
    Tensor (...), from 0 to gamma.

    Raises
    ------
    ValueError
        As `class_probability`.

    Source
    ------
    The paper's Figure 3.
    """
    return _scale(gamma, "gamma") * _probabilities(probabilities).amax(-1)


def _probabilities(probabilities):
    probabilities = tensor_checks.tensor(probabilities, "probabilities", "C")
    if ((probabilities < 0) | (probabilities > 1 + 1e-3)).any():  # a softmax in half precision rounds that much
        low, high = probabilities.min(), probabilities.max()
        raise ValueError(f"probabilities reach from {low:g} to {high:g}; they must lie in [0, 1]")
    return probabilities


def _scale(value, name):
    # float32 ends at 3e38
    return checks.real(value, name, lambda scale: 0 <= scale < 1e30, "be >= 0 and finite, below 1e30")
