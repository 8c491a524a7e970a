"""A classifier of points, a small MLP: what makes a reward of the moon that a point belongs to."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from sclib import checks, tensor_checks
from sclib.classifiers import MOST_CLASSES
from sclib.precision import single


@single()
def fit_classifier(
    points: Any, labels: Any, steps: int = 500, batch: int = 256, width: int = 64, seed: int = 0
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Train an MLP with two hidden layers on points; about a second on a CPU.

    Parameters
    ----------
    points : (n, d), a tensor or array, finite.
    labels : (n,), integers 0..C-1.
    steps : of AdamW.
    batch : points in a step.
    width : units of a hidden layer.
    seed : the same one gives the same function, and leaves PyTorch's global stream as it was.

    Returns
    -------
    A function from points (..., d) to class probabilities (..., C), on the device of its argument.

    Raises
    ------
    ValueError
        For an argument of another shape or range, or points too far to be learnt from.
    """
    points = _single(tensor_checks.tensor(points, "points", "d", arrays=True), "points")
    if points.ndim != 2 or not len(points):
        raise ValueError(f"points has shape {tuple(points.shape)}; it must be (n, d) with n >= 1")
    labels = tensor_checks.labels(labels, len(points), MOST_CLASSES)
    steps, batch, width = (
        checks.integer(value, name, 1, 10**6) for name, value in (("steps", steps), ("batch", batch), ("width", width))
    )
    (seed,) = checks.seeds([seed], "seed")
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # layers draw their first weights from the global stream
        network = nn.Sequential(
            nn.Linear(points.shape[1], width), nn.SiLU(),
            nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, int(labels.max()) + 1),
        )  # fmt: skip
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        index = torch.randint(len(points), (batch,), generator=generator)
        loss = nn.functional.cross_entropy(network(points[index]), labels[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    network.requires_grad_(False)
    if not all(weight.isfinite().all() for weight in network.parameters()):
        raise ValueError(f"points reach {points.abs().max():g}, too far to be learnt from; scale them to about 1")

    def probabilities(points):
        x = _single(tensor_checks.tensor(points, "points", "d"), "points")
        if x.shape[-1] != network[0].in_features:
            raise ValueError(f"points has shape {tuple(x.shape)}; it must be (..., {network[0].in_features})")
        return network.to(x.device)(x).softmax(-1)

    return probabilities


def _single(values, name):
    values = values.detach().float()
    if not values.isfinite().all():
        raise ValueError(f"{name} has values beyond 3e38, where float32 ends; it must have none")
    return values
