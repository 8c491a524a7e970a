"""Two data sets in the plane: eight Gaussians on a circle, with their density, and two moons."""

import math
import numbers

import numpy as np
import torch

from sclib.choice import _checked
from sclib.population import _is_number, _reals

MODES = 8
RADIUS = 4.0
SD = 0.5
GAUSSIAN_CENTRES = RADIUS * np.array(
    [[math.cos(2 * math.pi * k / MODES), math.sin(2 * math.pi * k / MODES)] for k in range(MODES)]
)


def sample_gaussians(n, generator=None):
    """Draw n points of the mixture of eight Gaussians: float32 (n, 2); equal weights, radius 4, sd 0.5 on each axis.

    `generator`: a torch.Generator.  Raises: ValueError unless n is an integer >= 1.
    """
    centres = torch.as_tensor(GAUSSIAN_CENTRES, dtype=torch.float32)
    mode = torch.randint(MODES, (_count(n),), generator=generator)
    return centres[mode] + SD * torch.randn(len(mode), 2, generator=generator)


def gaussian_density(points):
    """Density of the mixture at `points` (..., 2), float64 (...), per unit of area.  Raises: ValueError."""
    points = _reals(points, "points")
    if points.shape[-1:] != (2,) or not np.isfinite(points).all():
        raise ValueError(f"points has shape {points.shape}; it must be (..., 2), finite")
    with np.errstate(over="ignore"):  # far away the density is 0
        squares = np.square(points[..., None, :] - GAUSSIAN_CENTRES).sum(-1)  # (..., 8)
    return np.exp(-squares / (2 * SD**2)).mean(-1) / (2 * math.pi * SD**2)


def nearest_centre(points):
    """Index 0..7 of the Gaussian whose centre is nearest, for `points` (..., 2), long tensor (...).

    Raises: ValueError for another shape, or for points that are not finite.
    """
    points = _checked(points, "points", "2")
    if points.shape[-1] != 2:
        raise ValueError(f"points has shape {tuple(points.shape)}; it must be (..., 2)")
    centres = torch.as_tensor(GAUSSIAN_CENTRES, dtype=points.dtype, device=points.device)
    # |x - c|^2 = |x|^2 - 2 x.c + |c|^2, and all centres have the same |c|: the largest product is the nearest.
    products = points @ centres.T
    if not products.isfinite().all():
        raise ValueError(f"points reach {points.abs().max():g}, too far for {points.dtype}")
    return products.argmax(-1)


def sample_moons(n, noise=0.1, generator=None):
    """Draw n points of two interleaved half circles of radius 1, and the moon of each.

    Moon 0 is (cos a, sin a), moon 1 is (1 - cos a, 1/2 - sin a), a uniform on [0, pi], plus Gaussian noise of standard
    deviation `noise` on each axis (scikit-learn's formula, but with independent moons and angles).
    Returns: float32 (n, 2) and long (n,), 0 or 1.  Raises: ValueError unless n is an integer >= 1 and noise >= 0.
    """
    if not (_is_number(noise) and 0 <= noise < 1e30):  # float32 ends at 3e38
        raise ValueError(f"noise = {noise!r} must be >= 0 and finite, below 1e30")
    moon = torch.randint(2, (_count(n),), generator=generator)
    angle = math.pi * torch.rand(len(moon), generator=generator)
    x = torch.where(moon == 0, angle.cos(), 1 - angle.cos())
    y = torch.where(moon == 0, angle.sin(), 0.5 - angle.sin())
    return torch.stack([x, y], -1) + float(noise) * torch.randn(len(moon), 2, generator=generator), moon


def _count(n):
    if not (isinstance(n, numbers.Integral) and 1 <= n <= 10**9):
        raise ValueError(f"n = {n!r} must be an integer >= 1 and <= 10^9")
    return int(n)
