"""Curation with real data in the mix: what is gained, kept, and how far a ratio may rise (Section 2.2)."""

import math

from sclib import checks
from sclib.bounds._common import _shares
from sclib.bounds.one_round import gain, gain_bound
from sclib.population import step


def mixed_gain_bound(probs, rewards, K, lam):
    """Theorem 2.3: gain(p_ref, p_t) >= (lam/(1+lam)^3) ((K-1)/K) V_0 / M^2, a float; `probs` = p_ref = p_0, t >= 1."""
    real, synthetic = _shares(lam)
    return synthetic * real**2 * gain_bound(probs, rewards, K)


def sharp_mixed_gain_bound(probs, rewards, K, lam):
    """Ours: Theorem 2.3 with the factor lam/(1+lam), which no larger one can replace; `first_round_gain` is larger."""
    return _shares(lam)[1] * gain_bound(probs, rewards, K)


def first_round_gain(probs, rewards, K, lam):
    """Ours, the best right-hand side of Theorem 2.3: gain(p_ref, p_t) >= gain(p_ref, p_1) for all t >= 1, a float.

    p_t dominates p_1, so the least gain is that of the first round, lam/(1+lam) times the gain of one choice; that is
    at least lam/(1+lam) times `sharp_gain_bound`, in closed form.

    Parameters: `probs` (n,) = p_ref = p_0; `rewards` (n,) nats; `K` an integer >= 1 or inf; `lam` >= 0 or inf.
    """
    probs, rewards = checks.law(probs, rewards)
    return _shares(lam)[1] * max(0.0, gain(probs, step(probs, rewards, K), rewards))


def sup_ratio_bound(cap, lam):
    """m = 1/(1 - lam (cap - 1)), with p_t <= m p_ref at all t if p_0 = p_ref (Theorem 2.4's proof); else inf.

    `cap` >= 1: any cap of H; K gives the paper's m, `weight_cap` of p_ref ours.
    """
    lam = checks.mixing(lam)
    cap = checks.real(cap, "cap", lambda number: number >= 1, "be >= 1")
    if lam == 0 or cap == 1:
        return 1.0
    return 1 / (1 - lam * (cap - 1)) if lam * (cap - 1) < 1 else math.inf


def mixed_kl_bound(cap, lam):
    """Theorem 2.4 (cap = K): KL(p_t || p_ref) <= -log(1 - lam (cap - 1)), a float; inf unless lam < 1/(cap - 1)."""
    return math.log(sup_ratio_bound(cap, lam))


def sharp_mixed_kl_bound(cap, lam):
    """Ours: KL(p_t || p_ref) <= theta m log m + (1 - theta) a log a, theta = (1-a)/(m-a), if p_0 = p_ref; or inf.

    m = sup_ratio_bound(cap, lam), a = 1/(1 + lam): p_t / p_ref lies in [a, m] and averages to 1.
    """
    m, (a, synthetic) = sup_ratio_bound(cap, lam), _shares(lam)
    if m in (1, math.inf):
        return math.log(m)
    theta = synthetic / (m - a)
    return max(0.0, theta * m * math.log(m) - (1 - theta) * a * math.log1p(lam))


def reverse_kl_bound(lam):
    """Ours: KL(p_ref || p_t) <= log(1 + lam), a float, for every K, p_0 and t >= 1: no mode is ever lost."""
    return math.log1p(checks.mixing(lam))


def total_variation_bound(lam):
    """Ours: TV(p_t, p_ref) <= lam / (1 + lam), a float, for every K, p_0 and t >= 1."""
    return _shares(lam)[1]
