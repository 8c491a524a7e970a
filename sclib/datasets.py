"""The data: eight Gaussians on a circle, with their density, and two moons; handwritten digits.

Images are float32 tensors (n, C, H, W) with pixels in [-1, 1], black to white, everywhere in this package.
"""

import math
import numbers

import numpy as np
import torch

MODES = 8
RADIUS = 4.0
SD = 0.5
DIGITS_HELD_OUT = 360
GAUSSIAN_CENTRES = RADIUS * np.array(
    [[math.cos(2 * math.pi * k / MODES), math.sin(2 * math.pi * k / MODES)] for k in range(MODES)]
)


def sample_gaussians(n, generator=None):
    """Draw n points of the mixture of eight Gaussians: float32 (n, 2); equal weights, radius 4, sd 0.5 on each axis.

    `generator`: a torch.Generator.  Raises: ValueError unless n is an integer >= 1.
    """
    centres = torch.as_tensor(GAUSSIAN_CENTRES, dtype=torch.float32)
    mode = torch.randint(MODES, (_count(n),), generator=generator)
    return centres[mode] + SD * torch.randn(n, 2, generator=generator)


def gaussian_density(points):
    """Density of the mixture at `points` (..., 2), float64 (...), per unit of area."""
    squares = np.square(np.asarray(points, float)[..., None, :] - GAUSSIAN_CENTRES).sum(-1)  # (..., 8)
    return np.exp(-squares / (2 * SD**2)).mean(-1) / (2 * math.pi * SD**2)


def nearest_centre(points):
    """Index 0..7 of the Gaussian whose centre is nearest, for `points` (..., 2), long tensor (...)."""
    centres = torch.as_tensor(GAUSSIAN_CENTRES, dtype=points.dtype, device=points.device)
    # |x - c|^2 = |x|^2 - 2 x.c + |c|^2, and all centres have the same |c|: the largest product is the nearest.
    return (points @ centres.T).argmax(-1)


def sample_moons(n, noise=0.1, generator=None):
    """Draw n points of two interleaved half circles of radius 1, and the moon of each.

    Moon 0 is (cos a, sin a), moon 1 is (1 - cos a, 1/2 - sin a), a uniform on [0, pi], plus Gaussian noise of standard
    deviation `noise` on each axis (scikit-learn's formula, but with independent moons and angles).
    Returns: float32 (n, 2) and long (n,), 0 or 1.  Raises: ValueError unless n is an integer >= 1 and noise >= 0.
    """
    if not 0 <= noise < math.inf:
        raise ValueError(f"noise = {noise!r} must be >= 0 and finite")
    moon = torch.randint(2, (_count(n),), generator=generator)
    angle = math.pi * torch.rand(n, generator=generator)
    x = torch.where(moon == 0, angle.cos(), 1 - angle.cos())
    y = torch.where(moon == 0, angle.sin(), 0.5 - angle.sin())
    return torch.stack([x, y], -1) + noise * torch.randn(n, 2, generator=generator), moon


def digits(split):
    """scikit-learn's handwritten digits, 8 x 8: images (n, 1, 8, 8) and labels (n,), 0..9.

    `split`: "train", 1,437 of them, or "test", the 360 held out, always the same (Alpaydin and Kaynak 1998, from the
    UCI repository's test set).  Raises: ValueError for another split.
    """
    from sklearn.datasets import load_digits

    found = load_digits()
    order = torch.randperm(len(found.target), generator=torch.Generator().manual_seed(0))
    images = torch.as_tensor(found.images, dtype=torch.float32)[order, None] / 8 - 1  # from 0..16
    return _part(split, images, torch.as_tensor(found.target).long()[order], DIGITS_HELD_OUT)


def to_bytes(images):
    """Images in [-1, 1] as uint8, 0 to 255, of the same shape: what pictures are drawn and stored from."""
    return ((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def _part(split, images, labels, held_out):
    if split not in ("train", "test"):
        raise ValueError(f"split = {split!r} must be train or test")
    part = slice(held_out, None) if split == "train" else slice(held_out)
    return images[part], labels[part]


def _count(n):
    if not (isinstance(n, numbers.Integral) and n >= 1):
        raise ValueError(f"n = {n!r} must be an integer >= 1")
    return n
