"""The map from laws (n,) to their weights H (n,) on fixed rewards: what `population` repeats from round to round."""

import functools
import math
from collections.abc import Callable

import numpy as np

from sclib import array_checks

Weigher = Callable[[np.ndarray], np.ndarray]

HELD = 23 * 10**6  # numbers (184 MB) that a trajectory may keep between its rounds: a grid of 500 x 500, range 20
BLOCK = 2**18  # numbers handled at once: three such arrays fit a processor's cache


def luce_weigher(rewards: np.ndarray, K: float) -> Weigher:
    """H of Luce's rule.  It depends on x only through r(x): work on distinct rewards.

    Parameters
    ----------
    rewards : (n,), nats.
    K : candidates, an integer >= 1 or inf.

    Returns
    -------
    A function from a law (n,) to H (n,).

    Source
    ------
    Eq. 6.
    """
    if K == 1:
        return np.ones_like
    levels, atom = np.unique(rewards, return_inverse=True)
    levels -= levels[-1]
    weigh_levels = _limit_weigher(levels) if K == math.inf else _integral_weigher(levels, K)
    return lambda probs: weigh_levels(np.bincount(atom, probs, len(levels)))[atom]


def other_weigher(weigh: Callable, rewards: np.ndarray, K: float) -> Weigher:
    """H of another rule, held to what an H is.

    Parameters
    ----------
    weigh : (probs, rewards, K) -> H (n,), see `rules`.
    rewards : (n,), nats.
    K : candidates.

    Returns
    -------
    A function from a law (n,) to H (n,).

    Raises
    ------
    ValueError
        If `weigh` is no function, or what it returns no H.
    """
    if not callable(weigh):
        raise ValueError(f"weigh = {weigh!r:.80} must be a function of probs, rewards and K")

    def weigher(probs):
        H = array_checks.reals(weigh(probs, rewards, K), "what weigh returned")
        if H.shape != probs.shape or not (np.all(H >= 0) and abs(probs @ H - 1) <= 1e-6):
            raise ValueError(f"weigh returned {H!r:.80}; it must be ({len(probs)},), >= 0, of mean one under probs")
        return H

    return weigher


def _limit_weigher(levels):
    w = np.exp(levels)
    return lambda probs: w / (w @ probs)


def quadrature(K: float, span: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights for int_0^inf e^{-u S} du = 1/S, S a sum of K weights e^r.

    With u = exp(t - e^{-t}) / K the integrand is smooth and dies off at both ends, where the trapezoid rule with step
    0.3 has converged to 1e-12: on the left at t = -3.4, on the right at t = log 40 + span.

    Parameters
    ----------
    K : candidates, an integer >= 1.
    span : of the rewards, 0 >= r >= -span, nats.

    Returns
    -------
    log u and log du, (nodes,) each.
    """
    t = np.arange(-3.4, math.log(40) + span + 0.3, 0.3)
    log_u = t - np.exp(-t) - math.log(K)
    return log_u, math.log(0.3) + log_u + np.log1p(np.exp(-t))


def _integral_weigher(levels, K):
    """H = K a int_0^inf e^{-u a} Q(u)^{K-1} du with a = e^r and Q(u) = E[e^{-u a}], by `quadrature`."""
    log_u, log_du = quadrature(K, -levels[0])
    width = max(1, BLOCK // len(log_u))
    blocks = [(start, min(start + width, len(levels))) for start in range(0, len(levels), width)]

    def decay(start, stop):  # e^{-u a}, (nodes, stop - start)
        return np.exp(-np.exp(log_u[:, None] + levels[None, start:stop]))

    if len(log_u) * len(levels) <= HELD:
        decay = functools.cache(decay)

    def log_mean_decay(probs):  # log Q, (nodes,)
        if K <= 10**5:
            Q = sum(decay(i, j) @ probs[i:j] for i, j in blocks)
            return np.log(np.maximum(Q, np.finfo(float).tiny))
        # Q^{K-1} needs 1 - Q to a relative, not an absolute, 1e-16: 1 - e^{-x} = tanh(x/2) (1 + e^{-x}).
        missing = 0.0
        for i, j in blocks:
            half = np.exp(log_u[:, None] + levels[None, i:j]) / 2
            missing = missing + (np.tanh(half) * (1 + decay(i, j))) @ probs[i:j]
        return np.log1p(-np.minimum(missing, 0.5))  # from one half on, Q^{K-1} is zero in float64

    def weigh(probs):
        factor = np.exp(log_du + (K - 1) * log_mean_decay(probs))  # (nodes,)
        return np.concatenate([K * np.exp(levels[i:j]) * (factor @ decay(i, j)) for i, j in blocks])

    return weigh
