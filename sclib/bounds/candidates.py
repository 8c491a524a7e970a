"""What the number of candidates does: the limit of many, and the most that keeping one of n can do."""

import math

import numpy as np
from numpy.typing import ArrayLike

from sclib import array_checks, checks
from sclib.bounds._common import chance_of_some, levels_of, relative_weights
from sclib.population import step, total_variation


def limit_distance(probs: ArrayLike, rewards: ArrayLike, K: float) -> float:
    """TV between the laws curated with K and with infinitely many candidates.

    Parameters
    ----------
    probs, rewards, K : as for `population.curation_weight`.

    Returns
    -------
    A float from 0 to 1; it tends to 0 as K grows.

    Raises
    ------
    ValueError
        As `population.curation_weight`.

    Source
    ------
    Lemma 2.1.
    """
    return total_variation(step(probs, rewards, K), step(probs, rewards, math.inf))


def limit_distance_bound(probs: ArrayLike, rewards: ArrayLike, K: float) -> float:
    """A bound on `limit_distance`, E[W (W-1)^+ / (W + K - 1)] with W = e^r / E[e^r], an equality at K = 1.

    It is at most (chi^2 + chi / 2) / K with chi^2 = Var[W], an explicit constant for the 1/K of Lemma 2.1.

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
    _, log_W, probs = relative_weights(probs, rewards)
    W = np.exp(log_W)
    return float(np.sum(probs * W / (W + (checks.candidates(K) - 1)) * np.maximum(np.expm1(log_W), 0)))


def selection_kl_bound(K: float, t: int = 1) -> float:
    """A bound on KL(p_t || p_0) without real data, log n - (n-1)/n with n = K^t, nats.

    It holds for whatever rule keeps one of n i.i.d. samples: hard best-of-n too.

    Parameters
    ----------
    K : candidates, an integer >= 1 or inf.
    t : rounds, >= 0.

    Returns
    -------
    A float >= 0; inf at K = inf.

    Raises
    ------
    ValueError
        For K or t out of range.

    Source
    ------
    Ours; for best-of-n Beirami et al. (2401.01879).
    """
    K, t = checks.candidates(K), checks.rounds(t)
    log_n = t * math.log(K) if t else 0.0  # 0 inf at K = inf
    return log_n + math.expm1(-log_n)


def hard_best_of_n(probs: ArrayLike, rewards: ArrayLike, K: float) -> np.ndarray:
    """The law of the best of K i.i.d. samples, ties shared equally: P(best >= c) = 1 - (1 - P(r >= c))^K.

    The limit of ``step(probs, scale * rewards, K)`` at large scale.

    Parameters
    ----------
    probs, rewards, K : as for `population.curation_weight`.

    Returns
    -------
    Array (n,), to an absolute error of about 1e-16.

    Raises
    ------
    ValueError
        As `population.curation_weight`.
    """
    probs, rewards = array_checks.law(probs, rewards)
    atom, mass, tail = levels_of(probs, rewards)
    reached = chance_of_some(tail, checks.candidates(K))
    best = reached - np.append(reached[1:], 0)  # P(best = c)
    law = best[atom] * np.divide(probs, mass[atom], out=np.zeros_like(probs), where=probs > 0)
    return law / law.sum()
