"""One choice: the cap of its weight, and what a round gains."""

import math

import numpy as np
from numpy.typing import ArrayLike

from sclib import array_checks, checks
from sclib.bounds._common import average, levels_of, relative_weights


def weight_cap(probs: ArrayLike, rewards: ArrayLike, K: float) -> float:
    """The largest H that the law allows: H <= K e^{r*} / (e^{r*} + (K-1) e^{r_min}), never above K, the cap of Eq. 6.

    It depends only on the highest and the lowest reward held.  The loop holds no others, so it caps H in every round;
    in the mixed loop that is so only if the reference, too, holds no reward beyond these two.

    Parameters
    ----------
    probs, rewards, K : as for `population.curation_weight`.

    Returns
    -------
    A float from 1 to K; at K = inf the limit.

    Raises
    ------
    ValueError
        As `population.curation_weight`.

    Source
    ------
    Ours.
    """
    probs, rewards = array_checks.law(probs, rewards)
    return 1 / average(math.exp(-np.ptp(rewards[probs > 0])), checks.candidates(K))


def survival(probs: ArrayLike, rewards: ArrayLike) -> np.ndarray:
    """P(r >= r(x)) at each atom.  No entry falls from p_t to p_{t+1} without real data.

    This is first-order stochastic dominance, so E[f(r)] rises for every increasing f.

    Parameters
    ----------
    probs, rewards : as for `population.curation_weight`.

    Returns
    -------
    Array (n,), from 0 to 1.

    Raises
    ------
    ValueError
        As `population.curation_weight`.

    Source
    ------
    Ours, stronger than Lemma A.1.
    """
    atom, _, tail = levels_of(*array_checks.law(probs, rewards))
    return tail[atom]


def expected_weight(probs: ArrayLike, rewards: ArrayLike) -> float:
    """E[e^r] / M.  Without real data it rises, to 1 if K >= 2.

    Parameters
    ----------
    probs, rewards : as for `population.curation_weight`.

    Returns
    -------
    A float in (0, 1].

    Raises
    ------
    ValueError
        As `population.curation_weight`.

    Source
    ------
    Lemma A.1, Lemma 2.2.
    """
    return math.exp(relative_weights(probs, rewards)[0])


def weight_variance(probs: ArrayLike, rewards: ArrayLike) -> float:
    """V / M^2 with V = Var[e^r].  Without real data it vanishes, and its sum over the rounds is finite.

    Parameters
    ----------
    probs, rewards : as for `population.curation_weight`.

    Returns
    -------
    A float from 0 to 1/4.

    Raises
    ------
    ValueError
        As `population.curation_weight`.

    Source
    ------
    Section A.1.3.
    """
    log_mean, log_W, probs = relative_weights(probs, rewards)
    return float(probs @ (math.exp(log_mean) * np.expm1(log_W)) ** 2)


def gain(before: ArrayLike, after: ArrayLike, rewards: ArrayLike) -> float:
    """(E_after[e^r] - E_before[e^r]) / M, with M over what either law holds.

    The left side of Eq. 7 (`after` is ``step(before, ...)``) and of Theorem 2.3 (`before` is p_ref).

    Parameters
    ----------
    before, after : (n,), laws.
    rewards : (n,), nats.

    Returns
    -------
    A float; >= 0 from p_t to p_{t+1} without real data.

    Raises
    ------
    ValueError
        As `population.curation_weight`.

    Source
    ------
    Lemma A.1, Eq. 7, Theorem 2.3.
    """
    before, rewards = array_checks.law(before, rewards, "before")
    after, _ = array_checks.law(after, rewards, "after")
    log_mean, log_W, _ = relative_weights(before, rewards, after)
    return float(math.exp(log_mean) * (after @ np.expm1(log_W)))


def gain_bound(probs: ArrayLike, rewards: ArrayLike, K: float) -> float:
    """A lower bound on the gain of one round, ((K-1)/K) V_t / M^2.

    Parameters
    ----------
    probs, rewards, K : as for `population.curation_weight`.

    Returns
    -------
    A float >= 0.

    Raises
    ------
    ValueError
        As `population.curation_weight`.

    Source
    ------
    Lemma 2.2 (Eq. 7).
    """
    return (1 - 1 / checks.candidates(K)) * weight_variance(probs, rewards)


def sharp_gain_bound(probs: ArrayLike, rewards: ArrayLike, K: float) -> float:
    """A lower bound on the gain, over M, never below that of Eq. 7, up to K times it, and exact at K = inf.

    The larger of (K-1) V_t / (M_t + (K-1) mu), M_t = E[w (w-mu)^2] / V_t (Cauchy-Schwarz), and
    ((K-1)^2 / K) E[(w-mu)^2 / (w + (K-1) mu)] (Jensen), which needs no more than E[w] < inf.  Neither always wins.

    Parameters
    ----------
    probs, rewards, K : as for `population.curation_weight`.

    Returns
    -------
    A float >= 0.

    Raises
    ------
    ValueError
        As `population.curation_weight`.

    Source
    ------
    Ours.
    """
    log_mean, log_W, probs = relative_weights(probs, rewards)
    K, mean, w = checks.candidates(K), math.exp(log_mean), np.exp(log_mean + log_W)
    squares = probs * (mean * np.expm1(log_W)) ** 2
    variance = squares.sum()
    if K == 1 or variance == 0:
        return 0.0
    schwarz = variance / average(mean, K, squares @ w / variance)
    jensen = np.sum(squares / (w / (K - 1) + mean))
    return float((1 - 1 / K) * max(schwarz, jensen))
