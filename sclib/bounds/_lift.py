"""phi, the most by which one choice lifts the share of a set, and its slope, in logarithms and for every K."""

import math

import numpy as np

from sclib import checks
from sclib.bounds._common import average, span_of
from sclib.weighing import quadrature

RARE = -300.0  # log P below which phi is its tangent C P in float64, and P itself soon leaves its range


def lift_kernel(K, span):
    K, span = checks.candidates(K), span_of(span)
    if span == math.inf:
        return _Hard(K)
    return _Limit(span) if K == math.inf or span == 0 else _Luce(K, span)


def lift_cap(K, span):
    """C = phi'(0), the cap of H for rewards that span `span` nats."""
    mean = average(math.exp(-span), K)
    return 1 / mean if mean else math.inf


def _share(z):
    """P = e^z; what exceeds 1 is rounding."""
    return np.exp(np.minimum(z, 0.0))


class _Hard:
    """phi(P) = 1 - (1 - P)^K, any reward."""

    def __init__(self, K):
        self.K, self.cap, self.log_cap = K, K, math.log(K)

    def log_lift(self, z):
        P = _share(z)
        with np.errstate(divide="ignore"):  # log 0 at P = 1 is meant
            return np.where(z < RARE, self.log_cap + z, np.log(-np.expm1(self.K * np.log1p(-P))))

    def log_slope(self, z):
        with np.errstate(divide="ignore"):
            return self.log_cap + (self.K - 1) * np.log1p(-_share(z))


class _Limit:
    """phi(P) = P / (P + (1 - P) a), a = e^{-span}: K = inf, or no span."""

    def __init__(self, span):
        self.span, self.a, self.cap = span, math.exp(-span), math.exp(span)

    def log_lift(self, z):
        return z - np.log(self._sum(z))

    def log_slope(self, z):
        return -self.span - 2 * np.log(self._sum(z))

    def _sum(self, z):
        return self.a - math.expm1(-self.span) * _share(z)


class _Luce:
    """phi(P) = E[N / (N + (K - N) a)], N binomial (K, P), a = e^{-span}, by 1/S = int_0^inf e^{-uS} du as for H."""

    def __init__(self, K, span):
        self.K, self.cap = K, lift_cap(K, span)
        a, spread = math.exp(-span), -math.expm1(-span)  # spread = 1 - a
        log_u, log_du = quadrature(K, span)
        u = np.exp(log_u)
        self.x = -np.expm1(-u * spread)
        self.lift_weights = np.exp(log_du + math.log(K) - u * (1 + (K - 1) * a))
        self.slope_weights = np.exp(log_du + 2 * math.log(K) - span - u * K * a) * self.x / spread

    def log_lift(self, z):
        return z + np.log(self._sum(z, self.lift_weights))

    def log_slope(self, z):
        return np.log(self._sum(z, self.slope_weights))

    def _sum(self, z, weights):
        with np.errstate(divide="ignore"):  # log 0 at P = x = 1 is meant
            return np.exp((self.K - 1) * np.log1p(-np.multiply.outer(_share(z), self.x))) @ weights
