"""Several groups of curators with different tastes: the exact loop, and where two opposite tastes settle.

Group j makes a share `shares[j]` of all picks, by its own reward `rewards[j]`, and the picks of all groups are pooled:
p_{t+1} = p_t * sum_j shares[j] H_j, with H_j of Eq. 6 for group j.  Laws and `K` are those of `population`.
Every function raises ValueError naming the argument, its value and what is allowed.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from sclib import array_checks, checks
from sclib.population import curation_weight


def group_step(probs: ArrayLike, rewards: ArrayLike, shares: ArrayLike, K: float) -> np.ndarray:
    """The law after one round with several groups of curators.

    Parameters
    ----------
    probs : (n,), a law.
    rewards : (m, n), nats, one row a group.
    shares : (m,), of all picks that each group makes, summing to one.
    K : candidates, an integer >= 1 or inf.

    Returns
    -------
    Array (n,).

    Raises
    ------
    ValueError
        Naming the argument, its value and what is allowed.

    Source
    ------
    Eq. 6 for each group.
    """
    return group_trajectory(probs, rewards, shares, K, 1)[1]


def group_trajectory(
    probs: ArrayLike,
    rewards: ArrayLike,
    shares: ArrayLike,
    K: float,
    generations: int,
) -> np.ndarray:
    """The laws p_0 = `probs`, p_1, .., p_generations of the fully synthetic loop with several groups of curators.

    Parameters
    ----------
    probs, rewards, shares, K : as for `group_step`.
    generations : rounds, an integer >= 0.

    Returns
    -------
    Array (generations + 1, n).

    Raises
    ------
    ValueError
        As `group_step`.

    Source
    ------
    Eq. 6 for each group.
    """
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


def welfare(probs: ArrayLike, rewards: ArrayLike, shares: ArrayLike) -> float:
    """sum_j nu_j log E_p[e^{r_j}]: what the loop at K = inf maximises, never falling on the way.

    Parameters
    ----------
    probs, rewards, shares : as for `group_step`.

    Returns
    -------
    A float, nats.

    Raises
    ------
    ValueError
        As `group_step`.

    Source
    ------
    Ours.
    """
    probs, rewards, shares = _groups(probs, rewards, shares)
    top = rewards[:, probs > 0].max(axis=1)
    return float(shares @ (top + np.log(np.exp(np.minimum(rewards - top[:, None], 0)) @ probs)))


def bargain(share: float, gap: float) -> float:
    """The bargain of two opposite groups, before it is cut off at 0 and 1: nu_1 + (2 nu_1 - 1) / (e^gap - 1).

    Cut off, it is the mass of A that maximises `welfare`.

    Parameters
    ----------
    share : nu_1, of the curators who like A more than B by `gap`, from 0 to 1; the others like B more by as much.
    gap : > 0, nats.

    Returns
    -------
    A float.

    Raises
    ------
    ValueError
        For an argument out of range.

    Source
    ------
    Ours.
    """
    share = checks.real(share, "share", lambda value: 0 <= value <= 1, "lie in [0, 1]")
    gap = _gap(gap)
    return share + (2 * share - 1) * math.exp(-gap) / -math.expm1(-gap)


def surviving_share(gap: float, K: float) -> float:
    """The share that a minority of curators has to exceed, or its kind dies out; both kinds are present at first.

    Parameters
    ----------
    gap : > 0, nats, between two kinds as in `bargain`.
    K : candidates, an integer >= 2 or inf.

    Returns
    -------
    A float in (0, 1/2]; at K = 2 it is 1/2 for every gap.

    Raises
    ------
    ValueError
        For an argument out of range.

    Source
    ------
    Ours.
    """
    K, gap = checks.candidates(K, least=2), _gap(gap)
    ease = math.exp(-gap)
    return (1 / K + (1 - 1 / K) * ease) / (1 + ease) if K < math.inf else ease / (1 + ease)


def _gap(gap):
    # Below 1e-300 its inverse leaves the range of float64.
    return checks.real(gap, "gap", lambda value: value >= 1e-300, "be positive, at least 1e-300 (math.inf is allowed)")


def _groups(probs: ArrayLike, rewards: ArrayLike, shares: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    shares = array_checks.probabilities(shares, "shares")
    rewards = array_checks.reals(rewards, "rewards")
    if rewards.ndim != 2 or len(rewards) != len(shares):
        raise ValueError(
            f"rewards has shape {rewards.shape} for {len(shares)} shares; it must be (m, n), a row a group"
        )
    for row in rewards:
        law, _ = array_checks.law(probs, row)
    return law, rewards, shares
