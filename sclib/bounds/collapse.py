"""The fully synthetic loop: where it ends, and how fast (Section 2.1 of the paper)."""

import math

import numpy as np
from numpy.typing import ArrayLike

from sclib import array_checks, checks
from sclib.bounds._common import average, chance_of_some, in_unit, log_odds_plus_one, positive, relative_weights


def variance_sum_bound(probs: ArrayLike, rewards: ArrayLike, K: float) -> float:
    """A bound on sum_t V_t / M^2 over all rounds, (K/(K-1)) (1 - E_{p_0}[e^r] / M).

    Parameters
    ----------
    probs, rewards, K : as for `population.curation_weight`; `probs` is p_0.

    Returns
    -------
    A float >= 0; inf at K = 1.

    Raises
    ------
    ValueError
        As `population.curation_weight`.

    Source
    ------
    Ours; Section A.1.3 has that it is finite.
    """
    missing = -math.expm1(relative_weights(probs, rewards)[0])
    return math.inf if checks.candidates(K) == 1 else missing / (1 - 1 / K)


def is_fixed_point(probs: ArrayLike, rewards: ArrayLike, K: float) -> bool:
    """Whether a round leaves the law as it is: for K >= 2 exactly when one level set of r carries it.

    Parameters
    ----------
    probs, rewards, K : as for `population.curation_weight`.

    Returns
    -------
    True or False; True at K = 1.

    Raises
    ------
    ValueError
        As `population.curation_weight`.

    Source
    ------
    Lemma A.3.
    """
    probs, rewards = array_checks.law(probs, rewards)
    return checks.candidates(K) == 1 or bool(np.ptp(rewards[probs > 0]) == 0)


def limit_law(probs: ArrayLike, rewards: ArrayLike) -> np.ndarray:
    """p*, where the loop without real data ends: `probs` restricted to A = {r = r*} and renormalised.

    Parameters
    ----------
    probs, rewards : as for `population.curation_weight`.

    Returns
    -------
    Array (n,).

    Raises
    ------
    ValueError
        As `population.curation_weight`.

    Source
    ------
    Theorem 2.1.
    """
    probs, rewards = array_checks.law(probs, rewards)
    top = np.where(rewards == rewards[probs > 0].max(), probs, 0)
    return top / top.sum()


def kl_from_limit(probs: ArrayLike, rewards: ArrayLike) -> float:
    """KL(p* || p_t) = -log P_t(A), exactly; it tends to 0.

    Parameters
    ----------
    probs, rewards : as for `population.curation_weight`; `probs` is p_t.

    Returns
    -------
    A float >= 0, nats.

    Raises
    ------
    ValueError
        As `population.curation_weight`.

    Source
    ------
    Theorem 2.1; the equality is ours.
    """
    probs, rewards = array_checks.law(probs, rewards)
    top = limit_law(probs, rewards) > 0
    return log_odds_plus_one(probs[~top].sum(), probs[top].sum())


def kl_from_limit_bounds(probs: ArrayLike, rewards: ArrayLike, K: float, t: int) -> tuple[float, float]:
    """Bounds on KL(p* || p_t) in round t.

    KL = log(1 + sum over x off A of p_t(x) / P_t(A)).  With a = e^{r(x) - r*}, in each round

    - a ratio p_t(x) / P_t(A) shrinks by `collapse_factor` at most, by 1 - (1 - a) c(P_t(A)) at least,
      c(P) = P / (1 - (1 - P)^K) - 1/K, or 1 at K = inf, where both are a;
    - their sum shrinks by (1 + (K-1) e^{-d}) / K at least, d > 0 the gap from r* to the next reward.

    Parameters
    ----------
    probs, rewards, K : as for `population.curation_weight`; `probs` is p_0.
    t : rounds, >= 0.

    Returns
    -------
    The lower and the upper bound, nats.

    Raises
    ------
    ValueError
        As `population.curation_weight`, and for `t` out of range.

    Source
    ------
    Ours, for Theorem 2.1.
    """
    probs, rewards = array_checks.law(probs, rewards)
    K, t = checks.candidates(K), checks.rounds(t)
    top = limit_law(probs, rewards) > 0
    rest = ~top & (probs > 0)
    on, off, distance = probs[top].sum(), probs[rest], rewards[top][0] - rewards[rest]  # off / on are the ratios
    fastest = off @ collapse_factor(distance, K) ** t
    a = np.exp(-distance)
    gapped = off.sum() * average(a.max(initial=0), K) ** t
    for _ in range(t):
        P = on / (on + off.sum())
        c = 1 if K == math.inf else P / chance_of_some(P, K) - 1 / K
        off = off * (1 - c + c * a)
    return log_odds_plus_one(fastest, on), log_odds_plus_one(min(off.sum(), gapped), on)


def collapse_factor(distance: ArrayLike, K: float) -> np.ndarray:
    """K e^{-d} / (K - 1 + e^{-d}), with d the distance from r* down to a reward.

    p(x) / P(A) never shrinks by a smaller factor in a round; P_t(not A) does by this one in the end, d the gap.

    Parameters
    ----------
    distance : floats or (n,), nats, >= 0.
    K : candidates, an integer >= 1 or inf.

    Returns
    -------
    Array of the shape of `distance`, from 0 to 1.

    Raises
    ------
    ValueError
        For a negative or NaN distance, or K out of range.

    Source
    ------
    Ours.
    """
    distance = array_checks.reals(distance, "distance")
    if not np.all(distance >= 0):
        raise ValueError(f"distance = {distance.tolist()} must be >= 0")
    if checks.candidates(K) == 1:
        return np.ones_like(distance)
    a = np.exp(-distance)
    return a / (1 - 1 / K + a / K)


def plateau_constant(density: float, mass: float, K: float, exponent: float = 1.0) -> float:
    """The limit of t^k KL(p* || p_t) without a gap below the top, Gamma(1+k) (K/(K-1))^k g / P_0(A).

    At k = 1, a reward whose density just below the top is g, the divergence falls like 1/t.

    Parameters
    ----------
    density : g > 0; P_0(r* - h <= r < r*) / h^k tends to it as h -> 0.
    mass : P_0(A), in (0, 1].
    K : candidates, an integer >= 1 or inf.
    exponent : k > 0, at most 100.

    Returns
    -------
    A float; inf at K = 1.

    Raises
    ------
    ValueError
        For an argument out of range.

    Source
    ------
    Ours, for Theorem 2.1.
    """
    density = positive(density, "density")
    exponent = checks.real(exponent, "exponent", lambda number: 0 < number <= 100, "be positive, at most 100")
    mass = checks.real(mass, "mass", lambda number: 0 < number <= 1, "be in (0, 1]")
    if checks.candidates(K) == 1:
        return math.inf
    return math.gamma(1 + exponent) * density / ((1 - 1 / K) ** exponent * mass)


def speed_limit(mass: float, K: float, t: int) -> float:
    """P_t(U) <= 1 - (1 - P_0(U))^{K^t} without real data: the most that a set can hold, whatever the reward.

    Parameters
    ----------
    mass : P_0(U), from 0 to 1.
    K : candidates, an integer >= 1 or inf.
    t : rounds, >= 0.

    Returns
    -------
    A float from 0 to 1.

    Raises
    ------
    ValueError
        For an argument out of range.

    Source
    ------
    Ours.
    """
    mass = in_unit(mass, "mass")
    for _ in range(checks.rounds(t)):  # round by round, since K^t overflows
        mass = float(chance_of_some(mass, checks.candidates(K)))
    return mass
