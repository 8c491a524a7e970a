"""Rewards r(x) in nats: a point that scores log 2 more is picked twice as often."""

import math

import torch


def clipped_distance(points, target, gamma, r_min):
    """r(x) = -gamma max(0, |x - target| - r_min), the paper's Figure 4: (..., d) -> (...).

    Zero, the top reward, on the ball of radius `r_min` about `target` (d,).  At r_min = 0 the top has no mass.
    Raises: ValueError unless gamma and r_min are finite and >= 0.
    """
    if not 0 <= r_min < math.inf:
        raise ValueError(f"r_min = {r_min!r} must be >= 0 and finite")
    target = torch.as_tensor(target, dtype=points.dtype, device=points.device)
    return -_checked(gamma) * ((points - target).norm(dim=-1) - r_min).clamp(min=0)


def class_probability(probabilities, favoured, gamma):
    """r(x) = gamma q_c(x) with c = `favoured`, the paper's Figures 2 and 5: class probabilities (..., C) -> (...).

    Raises: ValueError unless gamma is finite and >= 0 and `favoured` is one of 0..C-1.
    """
    classes = probabilities.shape[-1]
    if favoured not in range(classes):
        raise ValueError(f"favoured = {favoured!r} must be one of 0..{classes - 1}")
    return _checked(gamma) * probabilities[..., favoured]


def confidence(probabilities, gamma):
    """r(x) = gamma max_c q_c(x), the paper's Figure 3: (..., C) -> (...).  Raises: ValueError as above."""
    return _checked(gamma) * probabilities.amax(-1)


def _checked(gamma):
    if not 0 <= gamma < math.inf:
        raise ValueError(f"gamma = {gamma!r} must be >= 0 and finite")
    return gamma
