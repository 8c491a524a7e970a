"""Several groups of curators with different tastes: the exact loop, and where two opposite tastes settle.

Group j makes a share `shares[j]` of all picks, by its own reward `rewards[j]`, and the picks of all groups are pooled:
p_{t+1} = p_t * sum_j shares[j] H_j, with H_j of Eq. 6 for group j.  Laws and `K` are those of `population`.
Every function raises ValueError naming the argument, its value and what is allowed.
"""

import math
import numbers

import numpy as np

from sclib.population import _law, _probabilities, curation_weight


def group_step(probs, rewards, shares, K):
    """The law after one round with several groups, (n,).

    `probs` (n,); `rewards` (m, n), one row a group, in nats; `shares` (m,), summing to one; `K` integer >= 1 or inf.
    """
    return group_trajectory(probs, rewards, shares, K, 1)[1]


def group_trajectory(probs, rewards, shares, K, generations):
    """The laws p_0 = `probs`, p_1, .., p_generations of the fully synthetic loop, (generations + 1, n)."""
    probs, rewards, shares = _groups(probs, rewards, shares)
    if not isinstance(generations, numbers.Integral) or generations < 0:
        raise ValueError(f"generations = {generations!r} must be an int >= 0")
    laws = np.empty((generations + 1, len(probs)))
    laws[0] = probs
    for t in range(generations):
        weights = [curation_weight(laws[t], r, K) for r in rewards]  # (m, n)
        curated = laws[t] * (shares @ weights)
        laws[t + 1] = curated / curated.sum()
    return laws


def welfare(probs, rewards, shares):
    """sum_j q_j log E_p[e^{r_j}], a float in nats: what the loop at K = inf maximises, never falling on the way."""
    probs, rewards, shares = _groups(probs, rewards, shares)
    top = rewards.max(axis=1)
    return float(shares @ (top + np.log(np.exp(rewards - top[:, None]) @ probs)))


def bargain(share, gap):
    """The bargain of two opposite groups, before it is cut off at 0 and 1: q + (2q - 1) / (e^gap - 1), a float.

    A share q = `share` in [0, 1] of the curators likes A more than B by `gap` > 0 nats, the others like B more than A
    by as much.  Cut off at 0 and 1 it is the mass of A that maximises `welfare`.
    """
    if not isinstance(share, numbers.Real) or not 0 <= share <= 1:
        raise ValueError(f"share = {share!r} must lie in [0, 1]")
    if not isinstance(gap, numbers.Real) or not gap > 0:
        raise ValueError(f"gap = {gap!r} must be positive (math.inf is allowed)")
    return share + (2 * share - 1) * math.exp(-gap) / -math.expm1(-gap)


def surviving_share(gap, K):
    """The share that a minority of curators has to exceed, or its kind dies out, a float in (0, 1/2].

    Two groups as in `bargain`, both kinds present at first.  K integer >= 2 or inf.  At K = 2 it is 1/2 for every gap.
    """
    if not (K == math.inf or (isinstance(K, numbers.Integral) and K >= 2)):
        raise ValueError(f"K = {K!r} must be an integer >= 2, or math.inf")
    bargain(0.5, gap)  # checks gap
    ease = math.exp(-gap)
    return (1 / K + (1 - 1 / K) * ease) / (1 + ease) if K < math.inf else ease / (1 + ease)


def _groups(probs, rewards, shares):
    shares = _probabilities(shares, "shares")
    rewards = np.asarray(rewards, dtype=np.float64)
    if rewards.ndim != 2 or len(rewards) != len(shares):
        raise ValueError(
            f"rewards has shape {rewards.shape} for {len(shares)} shares; it must be (m, n), a row a group"
        )
    for row in rewards:
        probs, _ = _law(probs, row)
    return probs, rewards, shares
