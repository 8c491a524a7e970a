"""Other choice rules than Luce's (Eq. 2): each as it picks from samples, and its exact weight H, which must agree.

`Rule.choose` goes to `loop.self_consuming_loop` and `choice.curate`, `Rule.weigh` to `population.step` and
`trajectory`.  A rule of your own is two functions of these shapes.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from sclib import array_checks, checks, tensor_checks
from sclib.bounds import hard_best_of_n
from sclib.choice import choose
from sclib.population import curation_weight


class Rule(NamedTuple):
    """One choice rule."""

    choose: Callable  # rewards (..., K), generator -> index (...) of the picked candidate
    weigh: Callable  # probs (n,), rewards (n,), K -> H (n,), of mean one under probs


LUCE = Rule(choose, curation_weight)


def best_or_any(eps: float) -> Rule:
    """Pick the best of the K candidates with probability 1 - eps, ties by lot, and any of them with probability eps.

    Parameters
    ----------
    eps : from 0 to 1.

    Returns
    -------
    Rule

    Raises
    ------
    ValueError
        Unless 0 <= eps <= 1.
    """
    eps = checks.real(eps, "eps", lambda share: 0 <= share <= 1, "lie in [0, 1]")

    def choose(rewards, generator=None):
        rewards = tensor_checks.tensor(rewards, "rewards")
        like = {"generator": generator, "device": rewards.device, "dtype": torch.float32}
        keen = (torch.rand(rewards.shape[:-1], **like) >= eps)[..., None]
        best = rewards == rewards.amax(-1, keepdim=True)
        lots = torch.rand(rewards.shape, **like)
        return lots.masked_fill(keen & ~best, -1.0).argmax(-1)

    def weigh(probs, rewards, K):
        probs, _ = array_checks.law(probs, rewards)
        best = hard_best_of_n(probs, rewards, K)
        return eps + (1 - eps) * np.divide(best, probs, out=np.zeros_like(probs), where=probs > 0)

    return Rule(choose, weigh)
