"""How close generated images are to real ones: distances of pictures, and of their clouds of features."""

import math

import numpy as np
import torch


def nearest_distance(images, reference):
    """Distance from each of `images`, uint8 (n, *shape), to the nearest of `reference`, uint8 (N, *shape): (n,).

    It is the root mean square over pixels of their difference, in units of black to white: between 0 and 1.
    """
    x, y = (v.flatten(1).float() / 255 for v in (images, reference))
    nearest = [torch.cdist(part, y).amin(1) for part in x.split(500)]
    return torch.cat(nearest) / math.sqrt(x.shape[1])


def frechet_distance(features, reference):
    """|m_1 - m_2|^2 + tr(C_1 + C_2 - 2 (C_1 C_2)^{1/2}), the squared 2-Wasserstein distance of two Gaussians with the
    means and covariances of `features` (n, d) and `reference` (N, d), a float.

    Called Fréchet Inception distance when the features are Inception's, which those of this package are not.
    """
    (m1, c1), (m2, c2) = ((x.mean(0), np.cov(x, rowvar=False)) for x in (_array(features), _array(reference)))
    values, vectors = np.linalg.eigh(c1)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ c2 @ root).clip(0)).sum()  # tr (C_1 C_2)^{1/2}
    return float(np.square(m1 - m2).sum() + np.trace(c1) + np.trace(c2) - 2 * cross)


def precision_recall(features, reference, k=3):
    """Improved precision and recall (Kynkäänniemi et al. 2019) of `features` (n, d) for `reference` (N, d): floats.

    Precision is the share of `features` inside the manifold of `reference`, recall the converse; a manifold is the
    union of balls about its points that reach to their k-th nearest neighbour.  Take n = N to compare the two.
    """
    x, y = (torch.as_tensor(v).float() for v in (features, reference))
    return _share_inside(x, y, k), _share_inside(y, x, k)


def _share_inside(points, centres, k):
    radius = torch.cat([torch.cdist(part, centres).kthvalue(k + 1, 1).values for part in centres.split(1000)])
    inside = [(torch.cdist(part, centres) <= radius).any(1) for part in points.split(1000)]
    return float(torch.cat(inside).double().mean())


def _array(features):
    return features.double().cpu().numpy() if isinstance(features, torch.Tensor) else np.asarray(features, float)
