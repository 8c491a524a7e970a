"""A small classifier for points in the plane: what turns a point into class probabilities, and so into a reward."""

import torch
from torch import nn


def fit_classifier(points, labels, steps=500, batch=256, width=64, seed=0):
    """Train an MLP with two hidden layers on `points` (n, 2) with `labels` (n,), 0..C-1; about a second on a CPU.

    Returns a function from points (..., 2) to class probabilities (..., C), on the device of its argument.  The same
    seed gives the same function and leaves PyTorch's global stream as it was.  Raises: ValueError for other shapes.
    """
    if points.ndim != 2 or labels.shape != points.shape[:1]:
        raise ValueError(
            f"points has shape {tuple(points.shape)} and labels {tuple(labels.shape)}; allowed (n, d), (n,)"
        )
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

    def probabilities(x):
        return network.to(x.device)(x).softmax(-1)

    return probabilities
