"""What the modules of bounds share: moments on a safe scale, the levels of a reward, checked numbers."""

import math

import numpy as np

from sclib import array_checks, checks
from sclib.population import synthetic_share


def relative_weights(probs, rewards, also=0):
    """log(E[w] / M), log(w / E[w]) (n,) and `probs`; M is the top weight of `probs` + `also`."""
    probs, rewards = array_checks.law(probs, rewards)
    r = np.minimum(rewards - rewards[probs + also > 0].max(), 0)  # an atom that no law holds may lie higher
    missing = -probs @ np.expm1(r)  # keeps all its digits when the rewards are close, E[w] when they are far apart
    log_mean = math.log1p(-missing) if missing < 0.5 else math.log(probs @ np.exp(r))
    return log_mean, r - log_mean, probs


def levels_of(probs, rewards):
    """For the distinct rewards c in increasing order: their index at each atom (n,), P(r = c) and P(r >= c)."""
    levels, atom = np.unique(rewards, return_inverse=True)
    mass = np.bincount(atom, probs, len(levels))
    return atom, mass, np.minimum(np.cumsum(mass[::-1])[::-1], 1)


def average(a, K, one=1.0):
    """(one + (K-1) a) / K, also at K = inf."""
    return one / K + (1 - 1 / K) * a


def chance_of_some(P, n):
    """1 - (1 - P)^n, the chance that some of n draws lands in a set of mass P; floats or arrays."""
    with np.errstate(divide="ignore", invalid="ignore"):  # log 0 at P = 1 is meant; 0 inf at P = 0 is replaced
        return np.where(P > 0, -np.expm1(n * np.log1p(-P)), 0.0)


def log_odds_plus_one(off, on):
    return float(math.log1p(off / on) if off < on else math.log(on + off) - math.log(on))


def shares(lam):
    """The weights of the reference and of the curated samples: 1 / (1 + lam) and lam / (1 + lam)."""
    lam = checks.mixing(lam)
    return 1 / (1 + lam), synthetic_share(lam)


def span_of(span):
    """The span of the rewards in nats; None and inf stand for any reward."""
    if span is None or (checks.is_number(span) and span == math.inf):
        return math.inf
    must = f"be from 0 to {checks.MAX_SPREAD:g} nats, or None for any"
    return checks.real(span, "span", lambda nats: 0 <= nats <= checks.MAX_SPREAD, must)


def in_unit(value, name):
    return checks.real(value, name, lambda number: 0 <= number <= 1, "be in [0, 1]")


def positive(value, name):
    return checks.real(value, name, lambda number: 0 < number < math.inf, "be positive and finite")


def sample_count(n):
    return checks.real(n, "n", lambda number: 1 <= number < math.inf, "be at least 1 and finite")
