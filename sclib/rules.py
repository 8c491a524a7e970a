"""Other choice rules than Luce's (Eq. 2): each as it picks from samples, and its exact weight H, which must agree.

`Rule.choose` goes to `loop.self_consuming_loop` and `choice.curate`, `Rule.weigh` to `population.step` and
`trajectory`.  A rule of your own is two functions of these shapes.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from sclib.choice import choose
from sclib.population import curation_weight


class Rule(NamedTuple):
    """One choice rule."""

    choose: Callable  # rewards (..., K), generator -> index (...) of the picked candidate
    weigh: Callable  # probs (n,), rewards (n,), K -> H (n,), of mean one under probs


LUCE = Rule(choose, curation_weight)


def best_or_any(eps: float) -> Rule:
    """Pick the best of the K candidates with probability 1 - eps, ties by lot, and any of them with probability eps.

    Raises
    ------
    ValueError
        Unless 0 <= eps <= 1.
    """
    if not 0 <= eps <= 1:
        raise ValueError(f"eps = {eps!r} must lie in [0, 1]")

    def choose(rewards, generator=None):
        keen = (torch.rand(rewards.shape[:-1], generator=generator, device=rewards.device) >= eps)[..., None]
        best = rewards == rewards.amax(-1, keepdim=True)
        lots = torch.rand(rewards.shape, generator=generator, device=rewards.device)
        return lots.masked_fill(keen & ~best, -1.0).argmax(-1)

    def weigh(probs, rewards, K):
        _, level = np.unique(rewards, return_inverse=True)
        mass = np.bincount(level, probs)
        below = np.append(0.0, np.cumsum(mass)[:-1])
        best = (below + mass) ** K - below**K  # the chance that the best of K lies on a level
        return eps + (1 - eps) * np.divide(best, mass, out=np.zeros_like(mass), where=mass > 0)[level]

    return Rule(choose, weigh)
