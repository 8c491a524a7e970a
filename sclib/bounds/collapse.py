"""The fully synthetic loop: where it ends, and how fast (Section 2.1 of the paper)."""

import math

import numpy as np

from sclib import checks
from sclib.bounds._common import _average, _in_unit, _log_odds_plus_one, _positive, _some, _weights


def variance_sum_bound(probs, rewards, K):
    """Ours: sum_t V_t / M^2 <= (K/(K-1)) (1 - E_{p_0}[e^r] / M), a float, with `probs` = p_0 (A.1.3: it is finite).

    K = 1: inf.
    """
    missing = -math.expm1(_weights(probs, rewards)[0])
    return math.inf if checks.candidates(K) == 1 else missing / (1 - 1 / K)


def is_fixed_point(probs, rewards, K):
    """Lemma A.3, for K >= 2: a law stays as it is exactly when one level set of r carries it.  True at K = 1."""
    probs, rewards = checks.law(probs, rewards)
    return checks.candidates(K) == 1 or bool(np.ptp(rewards[probs > 0]) == 0)


def limit_law(probs, rewards):
    """p* of Theorem 2.1, (n,): `probs` restricted to A = {r = r*} and renormalised."""
    probs, rewards = checks.law(probs, rewards)
    top = np.where(rewards == rewards[probs > 0].max(), probs, 0)
    return top / top.sum()


def kl_from_limit(probs, rewards):
    """Ours, exact: KL(p* || p_t) = -log P_t(A), a float, with `probs` = p_t; it tends to 0 (Theorem 2.1)."""
    probs, rewards = checks.law(probs, rewards)
    top = limit_law(probs, rewards) > 0
    return _log_odds_plus_one(probs[~top].sum(), probs[top].sum())


def kl_from_limit_bounds(probs, rewards, K, t):
    """Ours: (lower, upper) for KL(p* || p_t) of Theorem 2.1, with `probs` = p_0 and A = {r = r*}.

    KL = log(1 + sum over x off A of p_t(x) / P_t(A)).  With a = e^{r(x) - r*}, in each round
    - a ratio p_t(x) / P_t(A) shrinks by `collapse_factor` at most, by 1 - (1 - a) c(P_t(A)) at least,
      c(P) = P / (1 - (1 - P)^K) - 1/K, or 1 at K = inf, where both are a;
    - their sum shrinks by (1 + (K-1) e^{-d}) / K at least, d > 0 the gap from r* to the next reward.
    """
    probs, rewards = checks.law(probs, rewards)
    K, t = checks.candidates(K), checks.rounds(t)
    top = limit_law(probs, rewards) > 0
    rest = ~top & (probs > 0)
    on, off, distance = probs[top].sum(), probs[rest], rewards[top][0] - rewards[rest]  # off / on are the ratios
    fastest = off @ collapse_factor(distance, K) ** t
    a = np.exp(-distance)
    gapped = off.sum() * _average(a.max(initial=0), K) ** t
    for _ in range(t):
        P = on / (on + off.sum())
        c = 1 if K == math.inf else P / _some(P, K) - 1 / K
        off = off * (1 - c + c * a)
    return _log_odds_plus_one(fastest, on), _log_odds_plus_one(min(off.sum(), gapped), on)


def collapse_factor(distance, K):
    """K e^{-d} / (K - 1 + e^{-d}), floats or (n,), d >= 0 the distance from r* down to a reward.

    Ours: p(x) / P(A) never shrinks by a smaller factor in a round; P_t(not A) does by this one in the end, d the gap.
    """
    distance = checks.reals(distance, "distance")
    if not np.all(distance >= 0):
        raise ValueError(f"distance = {distance.tolist()} must be >= 0")
    if checks.candidates(K) == 1:
        return np.ones_like(distance)
    a = np.exp(-distance)
    return a / (1 - 1 / K + a / K)


def plateau_constant(density, mass, K, exponent=1.0):
    """Ours: without a gap, t^a KL(p* || p_t) -> Gamma(1+a) (K/(K-1))^a f / P_0(A), a float (Theorem 2.1); inf at K = 1.

    `density` f > 0: P_0(r* - s <= r < r*) / s^a tends to it as s -> 0, with a = `exponent` > 0; a = 1 is a reward whose
    density just below the top is f, and the divergence falls like 1/t.  `mass`: P_0(A), in (0, 1].
    """
    density, exponent = _positive(density, "density"), _positive(exponent, "exponent")
    mass = checks.real(mass, "mass", lambda number: 0 < number <= 1, "be in (0, 1]")
    if checks.candidates(K) == 1:
        return math.inf
    return math.gamma(1 + exponent) * density / ((1 - 1 / K) ** exponent * mass)


def speed_limit(mass, K, t):
    """Ours: P_t(U) <= 1 - (1 - P_0(U))^{K^t} for every set U, a float (lam = inf); `mass` = P_0(U), in [0, 1]."""
    mass = _in_unit(mass, "mass")
    for _ in range(checks.rounds(t)):  # round by round, since K^t overflows
        mass = float(_some(mass, checks.candidates(K)))
    return mass
