"""Finite samples, no model error: how far a share wanders, how soon a kind is lost, how many samples keep it (ours)."""

import math

from sclib import checks
from sclib.bounds._common import _average, _in_unit, _samples, _shares
from sclib.bounds.drift import contraction_factor


def share_variance(share, lam, n):
    """Var P_t(B) in the long run at K = 1: pi (1-pi) lam^2 / (lam^2 + (1 + 2 lam) n), a float; exact at every n.

    A round mixes the data's law, in which B has the share pi, with `n` samples of the last model.

    Parameters: `share` pi in [0, 1]; `lam` >= 0 or inf (then pi (1-pi): in the end all or nothing); `n` >= 1.
    """
    share = _in_unit(share, "share")
    synthetic = _shares(lam)[1]
    n = _samples(n)
    return share * (1 - share) * synthetic**2 / (synthetic**2 + (1 - synthetic**2) * n)


def sampling_distance_bound(kinds, n, K, lam, t=math.inf, span=math.inf):
    """E TV(loop with n picks a round, exact loop) <= this in round t, a float; for t = inf, in all rounds, or inf.

    sqrt((k-1)/n) / 2 times lam/(1+lam) (1 + q + .. + q^{t-1}) with q = `contraction_factor`; from the same p_0, with
    the data's law exact.  lam = inf is the fully synthetic loop.

    Parameters: `kinds` k >= 1, how many the model tells apart; `n` >= 1 picks; `K`, `lam`, `span` as for
        `contraction_factor`; `t` rounds.
    """
    kinds = checks.integer(kinds, "kinds", 1)
    factor, synthetic = contraction_factor(K, lam, span), _shares(lam)[1]
    once = synthetic * math.sqrt((kinds - 1) / _samples(n)) / 2
    if once == 0:
        return 0.0
    if not (checks.is_number(t) and t == math.inf):
        t = checks.rounds(t)
        return once * (t if factor == 1 else math.expm1(t * math.log(factor)) / (factor - 1)) if factor else once
    return once / (1 - factor) if factor < 1 else math.inf


def leftover_bound(off, gap, K, n, t):
    """P(a kind off the top A is left after t rounds without data) <= n y_0 s^t + t (s (2-s))^{n/2}, a float, at most 1.

    q = (1 + (K-1) e^{-gap}) / K and s = 2q / (1+q): about log n rounds, if A has at least half.

    Parameters: `off` y_0 in [0, 1/2], the share off A in p_0; `gap` > 0 nats from the top to the next reward; `K` an
        integer >= 1 or inf; `n` >= 1 picks a round; `t` rounds.
    """
    off = checks.real(off, "off", lambda number: 0 <= number <= 0.5, "be in [0, 1/2]")
    gap = checks.real(gap, "gap", lambda nats: nats > 0, "be positive, in nats (math.inf is allowed)")
    q = _average(math.exp(-gap), checks.candidates(K))
    s = 2 * q / (1 + q)
    n, t = _samples(n), checks.rounds(t)
    return min(1.0, n * off * s**t + t * (s * (2 - s)) ** (n / 2))


def picks_to_keep(share, lam, rounds, risk, K=None):
    """How many picks n a round keep a mode of the data in every one of `rounds` rounds with probability 1 - `risk`.

    With n / lam fresh real samples a round (K = None): n >= lam log(rounds / risk) / share, so that some real sample is
    of the mode.  With the data's law exact and `K` candidates a pick: n >= (1 + lam) log(rounds / risk) / (K share), so
    that some candidate is.  A float; an integer above it will do.

    Parameters: `share` in (0, 1] of the mode in the data; `lam` >= 0, finite; `rounds` >= 1; `risk` in (0, 1).
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
