"""Finite samples, no model error: how far a share wanders, how soon a kind is lost, how many samples keep it (ours)."""

import math

from sclib import checks
from sclib.bounds._common import average, in_unit, sample_count, shares
from sclib.bounds.drift import contraction_factor


def share_variance(share: float, lam: float, n: float) -> float:
    """Var P_t(B) in the long run at K = 1, v (1-v) lam^2 / (lam^2 + (1 + 2 lam) n), exact at every n.

    A round mixes the data's law, in which B has the share v, with n samples of the last model.

    Parameters
    ----------
    share : v, from 0 to 1.
    lam : >= 0 or inf (then v (1-v): in the end all or nothing).
    n : samples a round, >= 1.

    Returns
    -------
    A float from 0 to 1/4.

    Raises
    ------
    ValueError
        For an argument out of range.

    Source
    ------
    Ours.
    """
    share = in_unit(share, "share")
    synthetic = shares(lam)[1]
    n = sample_count(n)
    return share * (1 - share) * synthetic**2 / (synthetic**2 + (1 - synthetic**2) * n)


def sampling_distance_bound(
    kinds: int,
    n: float,
    K: float,
    lam: float,
    t: float = math.inf,
    span: float = math.inf,
) -> float:
    """A bound on E TV(loop with n picks a round, exact loop) in round t, from the same p_0, with the data's law exact.

    sqrt((k-1)/n) / 2 times lam/(1+lam) (1 + q + .. + q^{t-1}) with q = `contraction_factor`.

    Parameters
    ----------
    kinds : k >= 1, how many the model tells apart.
    n : picks a round, >= 1.
    K, lam, span : as for `contraction_factor`; lam = inf is the fully synthetic loop.
    t : rounds; inf bounds all rounds.

    Returns
    -------
    A float >= 0, or inf.

    Raises
    ------
    ValueError
        For an argument out of range.

    Source
    ------
    Ours.
    """
    kinds = checks.integer(kinds, "kinds", 1)
    factor, synthetic = contraction_factor(K, lam, span), shares(lam)[1]
    once = synthetic * math.sqrt((kinds - 1) / sample_count(n)) / 2
    if once == 0:
        return 0.0
    if not (checks.is_number(t) and t == math.inf):
        t = checks.rounds(t)
        if factor == 1 or t < 2:
            return once * t
        growth = t * math.log(factor)
        return once * math.expm1(growth) / (factor - 1) if growth < 700 else math.inf  # float64 ends at e^709
    return once / (1 - factor) if factor < 1 else math.inf


def leftover_bound(off: float, gap: float, K: float, n: float, t: int) -> float:
    """A bound on P(a kind off the top A is left after t rounds without data), n y_0 s^t + t (s (2-s))^{n/2}.

    q = (1 + (K-1) e^{-gap}) / K and s = 2q / (1+q): about log n rounds, if A has at least half.

    Parameters
    ----------
    off : y_0, the share off A in p_0, from 0 to 1/2.
    gap : > 0, nats from the top to the next reward.
    K : candidates, an integer >= 1 or inf.
    n : picks a round, >= 1.
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
    off = checks.real(off, "off", lambda number: 0 <= number <= 0.5, "be in [0, 1/2]")
    gap = checks.real(gap, "gap", lambda nats: nats > 0, "be positive, in nats (math.inf is allowed)")
    q = average(math.exp(-gap), checks.candidates(K))
    s = 2 * q / (1 + q)
    n, t = sample_count(n), checks.rounds(t)
    return min(1.0, n * off * s**t + t * (s * (2 - s)) ** (n / 2))


def picks_to_keep(share: float, lam: float, rounds: int, risk: float, K: float | None = None) -> float:
    """How many picks a round keep a mode of the data in every round with probability 1 - risk.

    With n / lam fresh real samples a round (K = None): n >= lam log(rounds / risk) / share, so that some real sample is
    of the mode.  With the data's law exact and `K` candidates a pick: n >= (1 + lam) log(rounds / risk) / (K share), so
    that some candidate is.

    Parameters
    ----------
    share : of the mode in the data, in (0, 1].
    lam : >= 0, finite.
    rounds : an integer >= 1.
    risk : in (0, 1].
    K : candidates, an integer >= 1 or inf, or None.

    Returns
    -------
    A float; an integer above it will do.

    Raises
    ------
    ValueError
        For an argument out of range.

    Source
    ------
    Ours.
    """
    share, risk = (
        checks.real(value, name, lambda number: 0 < number <= 1, "be in (0, 1]")
        for name, value in (("share", share), ("risk", risk))
    )
    lam = checks.real(lam, "lam", lambda number: 0 <= number < math.inf, "be >= 0 and finite")
    rounds = checks.integer(rounds, "rounds", 1, checks.MAX_ROUNDS)
    if K is None:
        return lam * math.log(rounds / risk) / share
    return (1 + lam) * math.log(rounds / risk) / (checks.candidates(K) * share)
