"""Several groups of curators with different tastes: the exact loop, and where two opposite tastes settle.

Group j makes a share `shares[j]` of all picks, by its own reward `rewards[j]`, and the picks of all groups are pooled:
p_{t+1} = p_t * sum_j shares[j] H_j, with H_j of Eq. 6 for group j.  Laws and `K` are those of `population`.
Every function raises ValueError naming the argument, its value and what is allowed.
"""

import math

import numpy as np

from sclib import checks
from sclib.population import curation_weight


def group_step(probs, rewards, shares, K):
    """The law after one round with several groups, (n,).

    `probs` (n,); `rewards` (m, n), one row a group, in nats; `shares` (m,), summing to one; `K` integer >= 1 or inf.
    """
    return group_trajectory(probs, rewards, shares, K, 1)[1]


def group_trajectory(probs, rewards, shares, K, generations):
    """The laws p_0 = `probs`, p_1, .., p_generations of the fully synthetic loop, (generations + 1, n)."""
    probs, rewards, shares = _groups(probs, rewards, shares)
    K = checks.candidates(K)
    generations = checks.rounds(generations, "generations")
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
    top = rewards[:, probs > 0].max(axis=1)
    return float(shares @ (top + np.log(np.exp(np.minimum(rewards - top[:, None], 0)) @ probs)))


def bargain(share, gap):
    """The bargain of two opposite groups, before it is cut off at 0 and 1: q + (2q - 1) / (e^gap - 1), a float.

    A share q = `share` in [0, 1] of the curators likes A more than B by `gap` > 0 nats, the others like B more than A
    by as much.  Cut off at 0 and 1 it is the mass of A that maximises `welfare`.
    """
    share = checks.real(share, "share", lambda value: 0 <= value <= 1, "lie in [0, 1]")
    gap = _gap(gap)
    return share + (2 * share - 1) * math.exp(-gap) / -math.expm1(-gap)


def surviving_share(gap, K):
    """The share that a minority of curators has to exceed, or its kind dies out, a float in (0, 1/2].

    Two groups as in `bargain`, both kinds present at first.  K integer >= 2 or inf.  At K = 2 it is 1/2 for every gap.
    """
    K, gap = checks.candidates(K, least=2), _gap(gap)
    ease = math.exp(-gap)
    return (1 / K + (1 - 1 / K) * ease) / (1 + ease) if K < math.inf else ease / (1 + ease)


def _gap(gap):
    # Below 1e-300 its inverse leaves the range of float64.
    return checks.real(gap, "gap", lambda value: value >= 1e-300, "be positive, at least 1e-300 (math.inf is allowed)")


def _groups(probs, rewards, shares):
    shares = checks.probabilities(shares, "shares")
    rewards = checks.reals(rewards, "rewards")
    if rewards.ndim != 2 or len(rewards) != len(shares):
        raise ValueError(
            f"rewards has shape {rewards.shape} for {len(shares)} shares; it must be (m, n), a row a group"
        )
    for row in rewards:
        law, _ = checks.law(probs, row)
    return law, rewards, shares
