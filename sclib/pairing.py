"""Which noise goes to which image in flow matching, and along which path."""

import scipy.optimize
import torch

from sclib import tensor_checks


def path(x0: torch.Tensor, x1: torch.Tensor, t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Points and velocities on lines from noise to images: torchcfm's conditional path with sigma = 0.

    Parameters
    ----------
    x0 : (n, *shape), noise.
    x1 : (n, *shape), images.
    t : (n,), times from 0 to 1.

    Returns
    -------
    x_t = (1 - t) x_0 + t x_1 and x_1 - x_0, each (n, *shape).
    """
    from torchcfm.conditional_flow_matching import ConditionalFlowMatcher

    matcher = ConditionalFlowMatcher(sigma=0.0)
    x = matcher.compute_mu_t(x0, x1, t)
    return x, matcher.compute_conditional_flow(x0, x1, t, x)


def shortest_pairing(x0: torch.Tensor, x1: torch.Tensor) -> torch.Tensor:
    """The permutation of images that pairs them with noise at the least sum of squared distances: long (n,).

    A permutation keeps every image of the batch; torchcfm's own sampler redraws the batch with replacement and loses a
    third of it.

    Parameters
    ----------
    x0 : (n, *shape), noise.
    x1 : (n, *shape), images.

    Raises
    ------
    ValueError
        For other shapes or types.

    Source
    ------
    Optimal transport within a batch, Tong et al. 2024.
    """
    for name, images in (("x0", x0), ("x1", x1)):
        tensor_checks.tensor(images, name, "*shape")
        if images.shape != x0.shape or x0.ndim < 2:
            raise ValueError(f"{name} has shape {tuple(images.shape)}; x0 and x1 must both be (n, *shape)")
    # |x|^2 and |y|^2 add up to the same in every pairing, so it has the greatest sum of products; about the means, in
    # float64, these keep their digits however far from 0 the images lie.
    x, y = (v.flatten(1).double() for v in (x0, x1))
    products = (x - x.mean(0)) @ (y - y.mean(0)).T
    _, order = scipy.optimize.linear_sum_assignment(products.cpu().numpy(), maximize=True)
    return torch.as_tensor(order, device=x1.device)
