"""The exact laws: what curation and retraining do to a distribution that has infinitely many samples.

A law is a vector `probs` of shape (n,) on atoms x_1..x_n, with their `rewards` of shape (n,).  Everything is float64
and plain NumPy.  Rewards are in nats (a reward higher by log 2 is picked twice as often) and may be shifted by any
constant.  `K` is the number of candidates, an integer >= 1 or `math.inf`; `lam` is the paper's lambda, the weight of
the curated samples against the reference, >= 0, or `math.inf` for the fully synthetic loop.
"""

import functools
import math

import numpy as np

from sclib import checks

HELD = 23 * 10**6  # numbers (184 MB) that a trajectory may keep between its rounds: a grid of 500 x 500, range 20
BLOCK = 2**18  # numbers handled at once: three such arrays fit a processor's cache


def curation_weight(probs, rewards, K):
    """H of Eq. 6, for all K by one integral: the curated law is `probs * curation_weight(probs, rewards, K)`.

    H(x) = E[K e^{r(x)} / (e^{r(x)} + e^{r(x_1)} + ... + e^{r(x_{K-1})})] with x_1..x_{K-1} i.i.d. from `probs`;
    for K = inf its limit e^{r(x)} / E[e^r] (Lemma 2.1).  Cost grows with n and with max r - min r, not with K.

    Parameters: `probs` (n,), summing to one; `rewards` (n,), spanning at most 700; `K` integer >= 1 or inf.
    Returns: (n,), between 0 and K, of mean one under `probs`; relative error below 1e-10 (Eq. 6 by enumeration).
    Raises: ValueError naming the argument, its value and what is allowed.
    """
    probs, rewards = checks.law(probs, rewards)
    return _weigher(rewards, checks.candidates(K))(probs)


def step(probs, rewards, K, lam=math.inf, reference=None, weigh=curation_weight):
    """The law after one round: Eq. 4 (lam = inf, fully synthetic) or Eq. 8 (mixed with `reference`), shape (n,).

    p_{t+1} = reference / (1 + lam) + lam / (1 + lam) * p_t H.  A finite `lam` needs a `reference`; with lam = inf
    it has no weight and is ignored.  `weigh` as in `trajectory`.  Raises ValueError as `curation_weight`.
    """
    lam = checks.mixing(lam)
    if reference is None and lam < math.inf:
        raise ValueError(f"reference is None, but lam = {lam} mixes one in; give a law of shape (n,) or lam = math.inf")
    return trajectory(probs, rewards, K, 1, lam, None if lam == math.inf else reference, weigh)[1]


def trajectory(probs, rewards, K, generations, lam=math.inf, reference=None, weigh=curation_weight):
    """The laws p_0 = `probs`, p_1, .., p_generations of the loop (Eq. 4 or Eq. 8), shape (generations + 1, n).

    `reference` defaults to `probs`: real data and first model coincide, as Theorems 2.3 and 2.4 assume.
    `weigh`: another choice rule, weigh(probs, rewards, K) -> its H (n,), of mean one under `probs`; see `rules`.
    Work that depends only on the rewards is done once for all rounds.  Raises ValueError as `curation_weight`.
    """
    probs, rewards = checks.law(probs, rewards)
    reference = probs if reference is None else checks.law(reference, rewards, "reference")[0]
    K, lam = checks.candidates(K), checks.mixing(lam)
    generations = checks.rounds(generations, "generations")
    synthetic = synthetic_share(lam)
    weigher = _weigher(rewards, K) if weigh is curation_weight else _other_weigher(weigh, rewards, K)
    laws = np.empty((generations + 1, len(probs)))
    laws[0] = probs
    for t in range(generations):
        curated = laws[t] * weigher(laws[t])
        # Without this, rounding errors grow by about K lam / (1 + lam) a round.
        curated /= curated.sum()
        laws[t + 1] = (1 - synthetic) * reference + synthetic * curated
    return laws


def synthetic_share(lam):
    """lam / (1 + lam), the weight of the picks in Eq. 8, a float in [0, 1]: 1 for lam = inf.  Raises ValueError."""
    lam = checks.mixing(lam)
    return 1.0 if lam == math.inf else lam / (1 + lam)


def tilt(probs, rewards, beta):
    """The optimum of RLHF, argmax_pi E_pi[r] - beta KL(pi || probs) = probs e^{r / beta} / Z, shape (n,).

    `beta` > 0 in nats of reward per nat of KL; inf gives `probs` back.  Raises ValueError as `curation_weight`.
    """
    probs, rewards = checks.law(probs, rewards)
    beta = checks.real(beta, "beta", lambda value: value > 0, "be positive (math.inf is allowed)")
    highest = rewards[probs > 0].max()
    with np.errstate(over="ignore"):  # e^-inf = 0 is what a tiny beta means
        tilted = probs * np.exp(np.minimum(rewards - highest, 0) / beta)
    return tilted / tilted.sum()


def kl(p, q):
    """Kullback-Leibler divergence KL(p || q) = sum p log(p / q) in nats, a float; inf where q misses mass of p."""
    p, q = _same_shape(p, q)
    held = p > 0
    if np.any(q[held] == 0):
        return math.inf
    return max(0.0, float(np.sum(p[held] * (np.log(p[held]) - np.log(q[held])))))


def total_variation(p, q):
    """TV(p, q) = sum |p - q| / 2 of two laws (n,), a float in [0, 1].  Raises ValueError as `curation_weight`."""
    p, q = _same_shape(p, q)
    return float(np.abs(p - q).sum() / 2)


def _same_shape(p, q):
    p, q = checks.probabilities(p, "p"), checks.probabilities(q, "q")
    if p.shape != q.shape:
        raise ValueError(f"q has shape {q.shape} but p has shape {p.shape}; they must be equal")
    return p, q


def _weigher(rewards, K):
    """The map from laws to weights H on fixed rewards.  H depends on x only through r(x): work on distinct rewards."""
    if K == 1:
        return np.ones_like
    levels, atom = np.unique(rewards, return_inverse=True)
    levels -= levels[-1]
    weigh_levels = _limit_weigher(levels) if K == math.inf else _integral_weigher(levels, K)
    return lambda probs: weigh_levels(np.bincount(atom, probs, len(levels)))[atom]


def _other_weigher(weigh, rewards, K):
    if not callable(weigh):
        raise ValueError(f"weigh = {weigh!r:.80} must be a function of probs, rewards and K")

    def weigher(probs):
        H = checks.reals(weigh(probs, rewards, K), "what weigh returned")
        if H.shape != probs.shape or not (np.all(H >= 0) and abs(probs @ H - 1) <= 1e-6):
            raise ValueError(f"weigh returned {H!r:.80}; it must be ({len(probs)},), >= 0, of mean one under probs")
        return H

    return weigher


def _limit_weigher(levels):
    w = np.exp(levels)
    return lambda probs: w / (w @ probs)


def _integral_weigher(levels, K):
    """H = K a int_0^inf e^{-u a} Q(u)^{K-1} du with a = e^r and Q(u) = E[e^{-u a}], from 1/S = int_0^inf e^{-u S} du.

    With u = exp(t - e^{-t}) / K the integrand is smooth and dies off at both ends, where the trapezoid rule with step
    0.3 has converged to 1e-12: on the left at t = -3.4, on the right at t = log 40 + max r - min r.
    """
    t = np.arange(-3.4, math.log(40) - levels[0] + 0.3, 0.3)
    log_u = t - np.exp(-t) - math.log(K)
    log_du = math.log(0.3) + log_u + np.log1p(np.exp(-t))
    width = max(1, BLOCK // len(t))
    blocks = [(start, min(start + width, len(levels))) for start in range(0, len(levels), width)]

    def decay(start, stop):  # e^{-u a}, (nodes, stop - start)
        return np.exp(-np.exp(log_u[:, None] + levels[None, start:stop]))

    if len(t) * len(levels) <= HELD:
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
