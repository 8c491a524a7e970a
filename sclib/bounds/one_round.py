"""One choice: the weight and its cap, the limit of many candidates, what a round gains, keeping one of n."""

import math

import numpy as np

from sclib import checks
from sclib.bounds._common import _average, _levels, _some, _weights
from sclib.population import step, total_variation


def weight_cap(probs, rewards, K):
    """Ours: H <= K e^{r*} / (e^{r*} + (K-1) e^{r_min}), a float; never above K, the cap of Eq. 6.  K = inf: the limit.

    It depends only on the highest and the lowest reward held.  The loop holds no others, so it caps H in every round;
    in the mixed loop that is so only if the reference, too, holds no reward beyond these two.
    """
    probs, rewards = checks.law(probs, rewards)
    return 1 / _average(math.exp(-np.ptp(rewards[probs > 0])), checks.candidates(K))


def limit_distance(probs, rewards, K):
    """TV between the laws curated with K and with infinitely many candidates; it tends to 0 (Lemma 2.1)."""
    return total_variation(step(probs, rewards, K), step(probs, rewards, math.inf))


def limit_distance_bound(probs, rewards, K):
    """Ours: `limit_distance` <= E[W (W-1)^+ / (W + K - 1)] with W = e^r / E[e^r], an equality at K = 1.

    It is at most (chi^2 + chi / 2) / K with chi^2 = Var[W], an explicit constant for the 1/K of Lemma 2.1.
    """
    _, log_W, probs = _weights(probs, rewards)
    W = np.exp(log_W)
    return float(np.sum(probs * W / (W + (checks.candidates(K) - 1)) * np.maximum(np.expm1(log_W), 0)))


def survival(probs, rewards):
    """P(r >= r(x)) at each atom, (n,).  Ours, stronger than Lemma A.1: no entry falls from p_t to p_{t+1} (lam = inf).

    This is first-order stochastic dominance, so E[f(r)] rises for every increasing f.
    """
    atom, _, tail = _levels(*checks.law(probs, rewards))
    return tail[atom]


def expected_weight(probs, rewards):
    """E[e^r] / M, a float in (0, 1].  It rises (Lemma A.1), to 1 if K >= 2 (Lemma 2.2)."""
    return math.exp(_weights(probs, rewards)[0])


def weight_variance(probs, rewards):
    """V / M^2 with V = Var[e^r], a float in [0, 1/4]; it vanishes and its sum over the rounds is finite (A.1.3)."""
    log_mean, log_W, probs = _weights(probs, rewards)
    return float(probs @ (math.exp(log_mean) * np.expm1(log_W)) ** 2)


def gain(before, after, rewards):
    """(E_after[e^r] - E_before[e^r]) / M, a float, >= 0 from p_t to p_{t+1} (Lemma A.1); M over what either law holds.

    The left side of Eq. 7 (`after` = step(before, ...)) and of Theorem 2.3 (`before` = p_ref).
    """
    before, rewards = checks.law(before, rewards, "before")
    after, _ = checks.law(after, rewards, "after")
    log_mean, log_W, _ = _weights(before, rewards, after)
    return float(math.exp(log_mean) * (after @ np.expm1(log_W)))


def gain_bound(probs, rewards, K):
    """Lemma 2.2 (Eq. 7), for one round: gain >= ((K-1)/K) V_t / M^2, a float."""
    return (1 - 1 / checks.candidates(K)) * weight_variance(probs, rewards)


def sharp_gain_bound(probs, rewards, K):
    """Ours: a lower bound on the gain, over M, a float; never below Eq. 7's, up to K times it, and exact at K = inf.

    The larger of (K-1) V_t / (M_t + (K-1) mu), M_t = E[w (w-mu)^2] / V_t (Cauchy-Schwarz), and
    ((K-1)^2 / K) E[(w-mu)^2 / (w + (K-1) mu)] (Jensen), which needs no more than E[w] < inf.  Neither always wins.
    """
    log_mean, log_W, probs = _weights(probs, rewards)
    K, mean, w = checks.candidates(K), math.exp(log_mean), np.exp(log_mean + log_W)
    squares = probs * (mean * np.expm1(log_W)) ** 2
    variance = squares.sum()
    if K == 1 or variance == 0:
        return 0.0
    schwarz = variance / _average(mean, K, squares @ w / variance)
    jensen = np.sum(squares / (w / (K - 1) + mean))
    return float((1 - 1 / K) * max(schwarz, jensen))


def selection_kl_bound(K, t=1):
    """Ours: KL(p_t || p_0) <= log n - (n-1)/n with n = K^t, a float (lam = inf).

    It holds for whatever rule keeps one of n i.i.d. samples: hard best-of-n too (Beirami et al. 2401.01879).
    """
    K, t = checks.candidates(K), checks.rounds(t)
    log_n = t * math.log(K) if t else 0.0  # 0 inf at K = inf
    return log_n + math.expm1(-log_n)


def hard_best_of_n(probs, rewards, K):
    """The law of the best of K i.i.d. samples, ties shared equally, (n,): P(best >= c) = 1 - (1 - P(r >= c))^K.

    The limit of `step(probs, scale * rewards, K)` at large scale.  Absolute error about 1e-16.
    """
    probs, rewards = checks.law(probs, rewards)
    atom, mass, tail = _levels(probs, rewards)
    reached = _some(tail, checks.candidates(K))
    best = reached - np.append(reached[1:], 0)  # P(best = c)
    law = best[atom] * np.divide(probs, mass[atom], out=np.zeros_like(probs), where=probs > 0)
    return law / law.sum()
