"""How close generated images are to real ones: distances of pictures, and of their clouds of features."""

import math
from typing import Any

import numpy as np
import torch

from sclib import checks, tensor_checks

FAR = 1e100  # beyond it squares leave the range of float64
# Through a matrix product, PyTorch's choice above 25 rows, a distance loses what the points' distance from 0 outweighs.
DIRECT = {"compute_mode": "donot_use_mm_for_euclid_dist"}


def nearest_distance(images: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Distance from each image to the nearest of others: root mean square over pixels, in units of black to white.

    Parameters
    ----------
    images : (n, *shape), uint8.
    reference : (N, *shape), uint8.

    Returns
    -------
    Tensor (n,), float32, from 0 to 1.

    Raises
    ------
    ValueError
        Unless both are uint8 tensors of at least one image, of the same shape each.
    """
    for name, v in (("images", images), ("reference", reference)):
        if not isinstance(v, torch.Tensor) or v.dtype != torch.uint8:
            kind = v.dtype if isinstance(v, torch.Tensor) else type(v).__name__
            raise ValueError(f"{name} has type {kind}; allowed is a uint8 tensor (n, *shape), pixels 0..255")
        if v.ndim < 2 or not v.numel() or v.shape[1:] != images.shape[1:]:
            raise ValueError(
                f"images has shape {tuple(images.shape)} and reference {tuple(reference.shape)}; "
                "allowed are (n, *shape) and (N, *shape), none of them empty"
            )
    # Searched in float32, at twice the speed; the distance to the one that is found is exact.
    x, y = (v.flatten(1).float() - 127.5 for v in (images, reference))
    lengths = y.square().sum(1)
    nearest = torch.cat([(lengths - 2 * part @ y.T).argmin(1) for part in x.split(500)])
    squares = (x.double() - y[nearest]).square().sum(1)
    return (squares.sqrt() / (255 * math.sqrt(x.shape[1]))).float()


def frechet_distance(features: Any, reference: Any) -> float:
    """The squared 2-Wasserstein distance of two Gaussians with the means and covariances of two clouds of features.

    |m_1 - m_2|^2 + tr(C_1 + C_2 - 2 (C_1 C_2)^{1/2}) is called Fréchet Inception distance when the features are
    Inception's, which those of this package are not.

    Parameters
    ----------
    features, reference : (n, d) and (N, d), finite, two rows or more.

    Returns
    -------
    A float >= 0.

    Raises
    ------
    ValueError
        For other shapes or values.
    """
    x, y = _clouds(features, reference, least=2)
    x, y = x.cpu().numpy(), y.cpu().numpy()
    (m1, c1), (m2, c2) = ((v.mean(0), np.atleast_2d(np.cov(v, rowvar=False))) for v in (x, y))
    values, vectors = np.linalg.eigh(c1)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ c2 @ root).clip(0)).sum()  # tr (C_1 C_2)^{1/2}
    # Of a set with itself rounding leaves a little on either side of 0.
    return max(0.0, float(np.square(m1 - m2).sum() + np.trace(c1) + np.trace(c2) - 2 * cross))


def precision_recall(features: Any, reference: Any, k: int = 3) -> tuple[float, float]:
    """Improved precision and recall of features for those of real data.

    Precision is the share of `features` inside the manifold of `reference`, recall the converse; a manifold is the
    union of balls about its points that reach to their k-th nearest neighbour.  Take n = N to compare the two.

    Parameters
    ----------
    features, reference : (n, d) and (N, d), finite, more than k rows.
    k : >= 1.

    Returns
    -------
    Two floats from 0 to 1.

    Raises
    ------
    ValueError
        For other shapes or values.

    Source
    ------
    Kynkäänniemi et al. 2019.
    """
    k = checks.integer(k, "k", 1)
    x, y = _clouds(features, reference, k + 1, f", which is k + 1 at k = {k}")
    return _share_inside(x, y, k), _share_inside(y, x, k)


def _clouds(features, reference, least, why=""):
    """Both as float64 tensors (n, d) and (N, d), if they have `least` rows: in float32 squares may overflow."""
    x, y = (
        tensor_checks.tensor(v, name, "d", arrays=True).detach().double()
        for v, name in ((features, "features"), (reference, "reference"))
    )
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or min(len(x), len(y)) < least:
        raise ValueError(
            f"features has shape {tuple(x.shape)} and reference {tuple(y.shape)}; "
            f"allowed are (n, d) and (N, d), n and N at least {least}{why}"
        )
    for v, name in ((x, "features"), (y, "reference")):
        if v.abs().max() > FAR:
            raise ValueError(f"{name} reach {v.abs().max():g}; they must not exceed {FAR:g}")
    return x, y.to(x.device)


def _share_inside(points, centres, k):
    radius = torch.cat([torch.cdist(part, centres, **DIRECT).kthvalue(k + 1, 1).values for part in centres.split(1000)])
    inside = [(torch.cdist(part, centres, **DIRECT) <= radius).any(1) for part in points.split(1000)]
    return float(torch.cat(inside).double().mean())
