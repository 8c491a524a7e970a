"""How far the mixed loop drifts from its reference, for every lambda, K and number of rounds; from p_0 = p_ref.

One choice lifts the share P of a set to phi(P) at most: 1 - (1 - P)^K whatever the reward, and less if the rewards
span R nats, phi_R(P) = E[N / (N + (K - N) e^{-R})] with N binomial (K, P).  So P_t(B) <= G_t(P_ref(B)) with
G_0(v) = v and G_{t+1}(v) = v / (1 + lam) + lam / (1 + lam) phi(G_t(v)); G_t is concave, and every divergence of p_t
from p_ref is at most that of the law on [0, 1] with distribution function G_t from the uniform one.

Without a span the bounds are best possible: hard choice on a reward without ties attains them.
"""

import math

import numpy as np

from sclib import checks
from sclib.bounds._common import shares, span_of
from sclib.bounds._lift import lift_cap, lift_kernel

LARGE = 1e6  # a lam from which on the share of the data has lost too many digits to integrate over
LONG = 1_000  # rounds from which on t counts as infinite; the bounds increase with t
CELL = 4.0  # width of a cell of the quadrature, in units of log v
NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)


def contraction_factor(K: float, lam: float, span: float | None = math.inf) -> float:
    """The most by which one mixed round F stretches: TV(F(p), F(q)) <= lam C / (1 + lam) TV(p, q).

    C = K / (1 + (K-1) e^{-span}).  Below 1, that is for lam (C - 1) < 1, the loop has exactly one fixed point, reached
    from every p_0 at this rate.

    Parameters
    ----------
    K : candidates, an integer >= 1 or inf.
    lam : >= 0 or inf.
    span : nats from the lowest reward to the highest; inf or None for any reward, where C = K.

    Returns
    -------
    A float >= 0.

    Raises
    ------
    ValueError
        For an argument out of range.

    Source
    ------
    Ours.
    """
    _, synthetic = shares(lam)
    return synthetic * lift_cap(checks.candidates(K), span_of(span)) if synthetic else 0.0


def drift_kl_bound(K: float, lam: float, t: float = math.inf, span: float | None = None) -> float:
    """A bound on KL(p_t || p_ref) from p_0 = p_ref, int_0^1 G_t'(v) log G_t'(v) dv.

    For t = inf, on all rounds: -int_0^1 log(1 + lam - lam phi'(P)) dP if lam (C - 1) <= 1, with
    C = phi'(0) = K / (1 + (K-1) e^{-span}), and inf beyond, where no bound in K, lam and span exists.

    Parameters
    ----------
    K : candidates, an integer >= 1 or inf.
    lam : >= 0 or inf.
    t : rounds, from 1,000 on taken as inf.
    span : of the rewards, nats; None for any.

    Returns
    -------
    A float >= 0, nats.

    Raises
    ------
    ValueError
        For an argument out of range.

    Source
    ------
    Ours.
    """
    kernel, lam, t = lift_kernel(K, span), checks.mixing(lam), _horizon(t)
    if kernel.cap == 1 or lam == 0 or t == 0:
        return 0.0
    if t == math.inf:
        if not lam * (kernel.cap - 1) <= 1 + 1e-12:  # the border itself, but for the rounding of lam
            return math.inf
        return _integral(lambda z: -np.log(_density(kernel, lam, z)) * np.exp(z), 50)
    if kernel.cap == math.inf:  # a single point wins, if nothing is known of the reward
        return math.inf
    _, g = _grown(kernel, lam, t, np.array([-math.inf]))

    def integrand(z):
        _, g = _grown(kernel, lam, t, z)
        return np.exp(z + g) * np.where(np.isneginf(g), 0, g)  # y log y is 0 at y = 0

    return max(0.0, _integral(integrand, 50 + float(g[0])))


def drift_tv_bound(K: float, lam: float, t: float = math.inf, span: float | None = None) -> float:
    """A bound on TV(p_t, p_ref) from p_0 = p_ref, max_v G_t(v) - v, attained with two levels.

    For t = inf, on all rounds: lam (y - y^K) with y = min(K^{-1/(K-1)}, y_u) for any reward, y_u the root below 1 of
    (1 + lam) y - lam y^K = 1, or 1 if lam (K-1) <= 1.  At most lam / (1 + lam), and lam tanh(span / 4) for any K.

    Parameters
    ----------
    K, lam, t, span : as for `drift_kl_bound`.

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
    kernel, lam, t = lift_kernel(K, span), checks.mixing(lam), _horizon(t)
    if kernel.cap == 1 or lam == 0 or t == 0:
        return 0.0
    most = shares(lam)[1]
    if kernel.cap == math.inf or (lam >= LARGE and t == math.inf):
        return most
    if t == math.inf:
        z = max(_root(lambda z: kernel.log_slope(z)), _log_atom(kernel, lam))
        P = math.exp(z)
        return min(most, float(lam * (np.exp(kernel.log_lift(np.array([z]))[0]) - P)))
    z = _root(lambda z: _grown(kernel, lam, t, z)[1])
    ell, _ = _grown(kernel, lam, t, np.array([z]))  # flat there: z needs no more digits
    return min(most, max(0.0, float(np.exp(ell[0]) - math.exp(z))))


def drift_reverse_kl_bound(K: float, lam: float, t: float = math.inf, span: float | None = None) -> float:
    """A bound on KL(p_ref || p_t) from p_0 = p_ref, -int_0^1 log G_t'(v) dv.

    For t = inf, on all rounds: int D log D dP over P from P_u to 1, D = 1 + lam - lam phi'(P) and P_u the largest root
    of (1 + lam) P = lam phi(P).  At most log(1 + lam), returned for K = inf without a span and for t = inf with a
    lam of 10^6 or more.

    Parameters
    ----------
    K, lam, t, span : as for `drift_kl_bound`.

    Returns
    -------
    A float >= 0, nats.

    Raises
    ------
    ValueError
        For an argument out of range.

    Source
    ------
    Ours.
    """
    kernel, lam, t = lift_kernel(K, span), checks.mixing(lam), _horizon(t)
    if kernel.cap == 1 or lam == 0 or t == 0:
        return 0.0
    most = math.log1p(lam)
    if kernel.cap == math.inf or lam == math.inf or (lam >= LARGE and t == math.inf):
        return most
    if t == math.inf:

        def integrand(z):
            D = _density(kernel, lam, z)
            return D * np.log(D) * np.exp(z)

        return min(most, max(0.0, _integral(integrand, min(50.0, -_log_atom(kernel, lam)))))
    return min(most, max(0.0, _integral(lambda z: -_grown(kernel, lam, t, z)[1] * np.exp(z), 50)))


def _grown(kernel, lam, t, z):
    """log G_t and log G_t' at v = e^z; in logarithms, since G_t' reaches K^t at v near K^-t."""
    real, synthetic = shares(lam)
    with np.errstate(divide="ignore"):
        log_b, log_c = np.log([real, synthetic])
    ell, g = np.array(z, dtype=float), np.zeros(np.shape(z))
    for _ in range(t):
        g = np.logaddexp(log_b, log_c + kernel.log_slope(ell) + g)
        ell = np.logaddexp(log_b + z, log_c + kernel.log_lift(ell))
    return ell, g


def _density(kernel, lam, z):
    """D = 1 + lam - lam phi'(P) at P = e^z, dv/dG for t = inf; floored where all is rounding."""
    log_slope = kernel.log_slope(z)
    fall = log_slope - math.log(kernel.cap)  # log of phi'(P) / phi'(0)
    steep = (1 - lam * (kernel.cap - 1)) + lam * kernel.cap * -np.expm1(fall)
    D = np.where(fall > -0.7, steep, 1 + lam * -np.expm1(np.minimum(log_slope, 700)))
    return np.maximum(D, 1e-17)


def _log_atom(kernel, lam):
    """log of the largest P with (1 + lam) P <= lam phi(P): what the rarest favourite reaches; -inf if none."""
    if lam * (kernel.cap - 1) <= 1:
        return -math.inf
    return _root(lambda z: math.log(lam) - math.log1p(lam) + kernel.log_lift(z) - z)


def _root(decreasing):
    """Where a decreasing function of z = log P crosses 0, P in (0, 1)."""
    low, high = -700.0, 0.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if decreasing(np.array([middle]))[0] > 0 else (low, middle)
    return (low + high) / 2


def _integral(integrand, length):
    """The integral over z from -length to 0, which holds all but e^-50 of what is integrated over P = e^z in [0, 1]."""
    cells = max(1, math.ceil(length / CELL))
    edges = np.linspace(-length, 0, cells + 1)
    # Near P = 1 the integrand changes within a K-th of z: finer and finer cells.
    edges = np.unique(np.append(edges, -np.geomspace(1e-9, CELL, 40) * min(1.0, length / CELL)))
    half = np.diff(edges)[:, None] / 2
    z = edges[:-1, None] + half * (1 + NODES)
    return float(np.sum(half * WEIGHTS * integrand(z.ravel()).reshape(z.shape)))


def _horizon(t):
    if checks.is_number(t) and t == math.inf:
        return math.inf
    return math.inf if checks.rounds(t) >= LONG else checks.rounds(t)
