"""Curation with real data in the mix: what is gained, kept, and how far a ratio may rise (Section 2.2)."""

import math

from numpy.typing import ArrayLike

from sclib import array_checks, checks
from sclib.bounds._common import shares
from sclib.bounds.one_round import gain, gain_bound
from sclib.population import step


def mixed_gain_bound(probs: ArrayLike, rewards: ArrayLike, K: float, lam: float) -> float:
    """A lower bound on gain(p_ref, p_t) for t >= 1, (lam/(1+lam)^3) ((K-1)/K) V_0 / M^2.

    Parameters
    ----------
    probs, rewards, K : as for `population.curation_weight`; `probs` is p_ref = p_0.
    lam : weight of the picks, >= 0 or inf.

    Returns
    -------
    A float >= 0.

    Raises
    ------
    ValueError
        As `population.step`.

    Source
    ------
    Theorem 2.3.
    """
    real, synthetic = shares(lam)
    return synthetic * real**2 * gain_bound(probs, rewards, K)


def sharp_mixed_gain_bound(probs: ArrayLike, rewards: ArrayLike, K: float, lam: float) -> float:
    """Theorem 2.3 with the factor lam/(1+lam), which no larger one can replace; `first_round_gain` is larger.

    Parameters
    ----------
    probs, rewards, K, lam : as for `mixed_gain_bound`.

    Returns
    -------
    A float >= 0.

    Raises
    ------
    ValueError
        As `population.step`.

    Source
    ------
    Ours.
    """
    return shares(lam)[1] * gain_bound(probs, rewards, K)


def first_round_gain(probs: ArrayLike, rewards: ArrayLike, K: float, lam: float) -> float:
    """The best right-hand side of Theorem 2.3: gain(p_ref, p_t) >= gain(p_ref, p_1) for all t >= 1.

    p_t dominates p_1, so the least gain is that of the first round, lam/(1+lam) times the gain of one choice; that is
    at least lam/(1+lam) times `sharp_gain_bound`, in closed form.

    Parameters
    ----------
    probs, rewards, K, lam : as for `mixed_gain_bound`.

    Returns
    -------
    A float >= 0.

    Raises
    ------
    ValueError
        As `population.step`.

    Source
    ------
    Ours.
    """
    probs, rewards = array_checks.law(probs, rewards)
    return shares(lam)[1] * max(0.0, gain(probs, step(probs, rewards, K), rewards))


def sup_ratio_bound(cap: float, lam: float) -> float:
    """m = 1/(1 - lam (cap - 1)), with p_t <= m p_ref at all t if p_0 = p_ref.

    Parameters
    ----------
    cap : >= 1, any cap of H; K gives the paper's m, `weight_cap` of p_ref ours.
    lam : >= 0 or inf.

    Returns
    -------
    A float >= 1; inf unless lam (cap - 1) < 1.

    Raises
    ------
    ValueError
        For an argument out of range.

    Source
    ------
    Theorem 2.4's proof.
    """
    lam = checks.mixing(lam)
    cap = checks.real(cap, "cap", lambda number: number >= 1, "be >= 1")
    if lam == 0 or cap == 1:
        return 1.0
    return 1 / (1 - lam * (cap - 1)) if lam * (cap - 1) < 1 else math.inf


def mixed_kl_bound(cap: float, lam: float) -> float:
    """A bound on KL(p_t || p_ref) if p_0 = p_ref, -log(1 - lam (cap - 1)); the paper's has cap = K.

    Parameters
    ----------
    cap, lam : as for `sup_ratio_bound`.

    Returns
    -------
    A float >= 0, nats; inf unless lam (cap - 1) < 1.

    Raises
    ------
    ValueError
        For an argument out of range.

    Source
    ------
    Theorem 2.4.
    """
    return math.log(sup_ratio_bound(cap, lam))


def sharp_mixed_kl_bound(cap: float, lam: float) -> float:
    """A bound on KL(p_t || p_ref) if p_0 = p_ref: theta m log m + (1-theta) (1-s) log(1-s).

    p_t / p_ref lies in [1 - s, m] and averages to 1: m = sup_ratio_bound(cap, lam), s = lam / (1 + lam),
    theta = s / (m - 1 + s).

    Parameters
    ----------
    cap, lam : as for `sup_ratio_bound`.

    Returns
    -------
    A float >= 0, nats; inf unless lam (cap - 1) < 1.

    Raises
    ------
    ValueError
        For an argument out of range.

    Source
    ------
    Ours.
    """
    m, (real, synthetic) = sup_ratio_bound(cap, lam), shares(lam)
    if m in (1, math.inf):
        return math.log(m)
    theta = synthetic / (m - real)
    return max(0.0, theta * m * math.log(m) - (1 - theta) * real * math.log1p(lam))


def reverse_kl_bound(lam: float) -> float:
    """A bound on KL(p_ref || p_t), log(1 + lam), for every K, p_0 and t >= 1: no mode is ever lost.

    Parameters
    ----------
    lam : >= 0 or inf.

    Returns
    -------
    A float >= 0, nats.

    Raises
    ------
    ValueError
        For `lam` out of range.

    Source
    ------
    Ours.
    """
    return math.log1p(checks.mixing(lam))


def total_variation_bound(lam: float) -> float:
    """A bound on TV(p_t, p_ref), lam / (1 + lam), for every K, p_0 and t >= 1.

    Parameters
    ----------
    lam : >= 0 or inf.

    Returns
    -------
    A float from 0 to 1.

    Raises
    ------
    ValueError
        For `lam` out of range.

    Source
    ------
    Ours.
    """
    return shares(lam)[1]
