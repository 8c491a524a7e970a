"""Both sides of each statement about the exact laws: what the loop gains, where it ends, how far it may drift.

Laws, `rewards` (nats), `K` and `lam` are those of `population`; t >= 0 counts rounds.  Moments of w = e^r are relative
to M = e^{r*}, r* the top reward that the law holds: they lie in [0, 1], do not change when all rewards are shifted,
and cannot overflow.  `sharp_...` bounds are ours and never weaker than the paper's.  Divergences are in nats.
Every function raises ValueError naming the argument, its value and what is allowed.
"""

import math

import numpy as np

from sclib.population import MAX_ROUNDS, _candidates, _is_number, _law, _mixing, _probabilities, _reals, step

MAX_CONDITION = 1e12  # of a matrix to be inverted: four digits are left


def total_variation(p, q):
    """TV(p, q) = sum |p - q| / 2 of two laws (n,), a float in [0, 1]."""
    p, q = _probabilities(p, "p"), _probabilities(q, "q")
    if p.shape != q.shape:
        raise ValueError(f"q has shape {q.shape} but p has shape {p.shape}; they must be equal")
    return float(np.abs(p - q).sum() / 2)


def weight_cap(probs, rewards, K):
    """Ours: H <= K e^{r*} / (e^{r*} + (K-1) e^{r_min}), a float; never above K, the cap of Eq. 6.  K = inf: the limit.

    It depends only on the highest and the lowest reward held, hence caps H in every round.
    """
    probs, rewards = _law(probs, rewards)
    return 1 / _average(math.exp(-np.ptp(rewards[probs > 0])), _candidates(K))


def limit_distance(probs, rewards, K):
    """TV between the laws curated with K and with infinitely many candidates; it tends to 0 (Lemma 2.1)."""
    return total_variation(step(probs, rewards, K), step(probs, rewards, math.inf))


def limit_distance_bound(probs, rewards, K):
    """Ours: `limit_distance` <= E[W (W-1)^+ / (W + K - 1)] with W = e^r / E[e^r], an equality at K = 1.

    It is at most (chi^2 + chi / 2) / K with chi^2 = Var[W], an explicit constant for the 1/K of Lemma 2.1.
    """
    _, log_W, probs = _weights(probs, rewards)
    W = np.exp(log_W)
    return float(np.sum(probs * W / (W + (_candidates(K) - 1)) * np.maximum(np.expm1(log_W), 0)))


def survival(probs, rewards):
    """P(r >= r(x)) at each atom, (n,).  Ours, stronger than Lemma A.1: no entry falls from p_t to p_{t+1} (lam = inf).

    This is first-order stochastic dominance, so E[f(r)] rises for every increasing f.
    """
    atom, _, tail = _levels(*_law(probs, rewards))
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
    before, rewards = _law(before, rewards, "before")
    after, _ = _law(after, rewards, "after")
    log_mean, log_W, _ = _weights(before, rewards, after)
    return float(math.exp(log_mean) * (after @ np.expm1(log_W)))


def gain_bound(probs, rewards, K):
    """Lemma 2.2 (Eq. 7), for one round: gain >= ((K-1)/K) V_t / M^2, a float."""
    return (1 - 1 / _candidates(K)) * weight_variance(probs, rewards)


def sharp_gain_bound(probs, rewards, K):
    """Ours: gain >= (K-1) V_t / (M (M + (K-1) E[e^r])), a float; up to K times Eq. 7's and exact at K = inf."""
    return gain_bound(probs, rewards, K) / _average(expected_weight(probs, rewards), K)


def variance_sum_bound(probs, rewards, K):
    """Ours: sum_t V_t / M^2 <= (K/(K-1)) (1 - E_{p_0}[e^r] / M), a float, with `probs` = p_0 (A.1.3: it is finite).

    K = 1: inf.
    """
    missing = -math.expm1(_weights(probs, rewards)[0])
    return math.inf if _candidates(K) == 1 else missing / (1 - 1 / K)


def is_fixed_point(probs, rewards, K):
    """Lemma A.3, for K >= 2: a law stays as it is exactly when one level set of r carries it.  True at K = 1."""
    probs, rewards = _law(probs, rewards)
    return _candidates(K) == 1 or bool(np.ptp(rewards[probs > 0]) == 0)


def limit_law(probs, rewards):
    """p* of Theorem 2.1, (n,): `probs` restricted to A = {r = r*} and renormalised."""
    probs, rewards = _law(probs, rewards)
    top = np.where(rewards == rewards[probs > 0].max(), probs, 0)
    return top / top.sum()


def kl_from_limit(probs, rewards):
    """Ours, exact: KL(p* || p_t) = -log P_t(A), a float, with `probs` = p_t; it tends to 0 (Theorem 2.1)."""
    probs, rewards = _law(probs, rewards)
    top = limit_law(probs, rewards) > 0
    return _log_odds_plus_one(probs[~top].sum(), probs[top].sum())


def kl_from_limit_bounds(probs, rewards, K, t):
    """Ours: (lower, upper) for KL(p* || p_t) of Theorem 2.1, with `probs` = p_0 and A = {r = r*}.

    KL = log(1 + sum over x off A of p_t(x) / P_t(A)).  With a = e^{r(x) - r*}, in each round
    - a ratio p_t(x) / P_t(A) shrinks by `collapse_factor` at most, by 1 - (1 - a) c(P_t(A)) at least,
      c(P) = P / (1 - (1 - P)^K) - 1/K, or 1 at K = inf, where both are a;
    - their sum shrinks by (1 + (K-1) e^{-d}) / K at least, d > 0 the gap from r* to the next reward.
    """
    probs, rewards = _law(probs, rewards)
    K, t = _candidates(K), _rounds(t)
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
    distance = _reals(distance, "distance")
    if not np.all(distance >= 0):
        raise ValueError(f"distance = {distance.tolist()} must be >= 0")
    a = np.exp(-distance)
    return a / (1 - 1 / _candidates(K) + a / K)


def plateau_constant(density, mass, K):
    """Ours: without a gap, t KL(p* || p_t) -> K f / ((K-1) P_0(A)), a float (Theorem 2.1 falls like 1/t); inf at K = 1.

    `density` f > 0: P_0(r* - s <= r < r*) / s tends to it as s -> 0.  `mass`: P_0(A), in (0, 1].
    """
    if not (_is_number(density) and 0 < density < math.inf):
        raise ValueError(f"density = {density!r:.80} must be positive and finite")
    if not (_is_number(mass) and 0 < mass <= 1):
        raise ValueError(f"mass = {mass!r:.80} must be in (0, 1]")
    return math.inf if _candidates(K) == 1 else density / ((1 - 1 / K) * mass)


def speed_limit(mass, K, t):
    """Ours: P_t(U) <= 1 - (1 - P_0(U))^{K^t} for every set U, a float (lam = inf); `mass` = P_0(U), in [0, 1]."""
    if not (_is_number(mass) and 0 <= mass <= 1):
        raise ValueError(f"mass = {mass!r:.80} must be in [0, 1]")
    for _ in range(_rounds(t)):  # round by round, since K^t overflows
        mass = float(_some(mass, _candidates(K)))
    return mass


def selection_kl_bound(K, t=1):
    """Ours: KL(p_t || p_0) <= log n - (n-1)/n with n = K^t, a float (lam = inf).

    It holds for whatever rule keeps one of n i.i.d. samples: hard best-of-n too (Beirami et al. 2401.01879).
    """
    K, t = _candidates(K), _rounds(t)
    log_n = t * math.log(K) if t else 0.0  # 0 inf at K = inf
    return log_n + math.expm1(-log_n)


def hard_best_of_n(probs, rewards, K):
    """The law of the best of K i.i.d. samples, ties shared equally, (n,): P(best >= c) = 1 - (1 - P(r >= c))^K.

    The limit of `step(probs, scale * rewards, K)` at large scale.  Absolute error about 1e-16.
    """
    probs, rewards = _law(probs, rewards)
    atom, mass, tail = _levels(probs, rewards)
    reached = _some(tail, _candidates(K))
    best = reached - np.append(reached[1:], 0)  # P(best = c)
    law = np.divide(best, mass, out=np.zeros_like(mass), where=mass > 0)[atom] * probs
    return law / law.sum()


def mixed_gain_bound(probs, rewards, K, lam):
    """Theorem 2.3: gain(p_ref, p_t) >= (lam/(1+lam)^3) ((K-1)/K) V_0 / M^2, a float; `probs` = p_ref = p_0, t >= 1."""
    real, synthetic = _shares(lam)
    return synthetic * real**2 * gain_bound(probs, rewards, K)


def sharp_mixed_gain_bound(probs, rewards, K, lam):
    """Ours: Theorem 2.3 with the factor lam/(1+lam), which no larger one can replace."""
    return _shares(lam)[1] * gain_bound(probs, rewards, K)


def sup_ratio_bound(cap, lam):
    """m = 1/(1 - lam (cap - 1)), with p_t <= m p_ref at all t if p_0 = p_ref (Theorem 2.4's proof); else inf.

    `cap` >= 1: any cap of H; K gives the paper's m, `weight_cap` of p_ref ours.
    """
    lam = _mixing(lam)
    if not (_is_number(cap) and cap >= 1):
        raise ValueError(f"cap = {cap!r:.80} must be >= 1")
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
    return math.log1p(_mixing(lam))


def total_variation_bound(lam):
    """Ours: TV(p_t, p_ref) <= lam / (1 + lam), a float, for every K, p_0 and t >= 1."""
    return _shares(lam)[1]


def retraining_rate(lam, alpha, L, epsilon):
    """Theorem 2.2: lam (alpha + epsilon L) / (alpha + lam (alpha - epsilon L)), by which a round contracts; else inf.

    `alpha` > 0, `L` >= 0 of Assumption 2.2; `epsilon` >= 0 the Wasserstein distance from the data to the best model.
    KL falls like the rate^{2t} if L epsilon < alpha and lam < alpha / (2 L epsilon).
    """
    lam, numbers = _mixing(lam), (alpha, L, epsilon)
    if not (all(map(_is_number, numbers)) and min(alpha, L, epsilon) >= 0 and alpha > 0 and max(numbers) < math.inf):
        raise ValueError(
            f"alpha = {alpha!r:.80} must be > 0, L = {L!r:.80} and epsilon = {epsilon!r:.80} >= 0, all finite"
        )
    bias = L * epsilon / alpha
    if not (lam < math.inf and bias < 1 and 2 * lam * bias < 1):
        return math.inf
    return lam * (1 + bias) / (1 + lam * (1 - bias))


def retraining_jacobian(lam, B, F):
    """J = (B + lam F)^{-1} lam F, (d, d): what a round without curation makes of a small error of theta (Theorem 2.2).

    `B` (d, d): minus the Hessian of the data's mean log-likelihood at its maximum theta*, positive definite.
    `F` (d, d): the Fisher matrix of p_theta*, positive semidefinite.  Numbers serve for d = 1.
    Ours: its eigenvalues lie in [0, 1) for every finite `lam`.
    """
    B, F = _information(lam, B, F)
    return np.linalg.solve(B + lam * F, lam * F)


def retraining_covariance(lam, B, F, n):
    """Ours: covariance (d, d) of theta_t - theta* in the long run, to first order, with `n` model samples a round.

    (lam^2 / n) B^{-1} F (B + 2 lam F)^{-1}, `B` and `F` as for `retraining_jacobian`; it grows like lam / n.
    """
    B, F = _information(lam, B, F)
    if not (_is_number(n) and 1 <= n < math.inf):
        raise ValueError(f"n = {n!r:.80} must be at least 1 and finite")
    covariance = lam**2 / n * np.linalg.solve(B, np.linalg.solve(B + 2 * lam * F, F).T)
    return (covariance + covariance.T) / 2


def _information(lam, B, F):
    lam = _mixing(lam)
    if not lam < 1e100:  # its square is needed
        raise ValueError(f"lam = {lam!r:.80} must be finite, below 1e100")
    B, F = np.atleast_2d(_reals(B, "B")), np.atleast_2d(_reals(F, "F"))
    if B.ndim != 2 or B.shape != F.shape:
        raise ValueError(f"B has shape {B.shape} and F has shape {F.shape}; both must be (d, d)")
    for name, matrix in (("B", B), ("F", F)):
        if matrix.shape != matrix.T.shape or not np.isfinite(matrix).all() or not np.allclose(matrix, matrix.T):
            raise ValueError(f"{name} = {matrix.tolist()} must be symmetric and finite")
    if np.linalg.eigvalsh(B)[0] <= 0 or np.linalg.eigvalsh(F)[0] < -1e-12 * np.abs(F).max():
        raise ValueError(f"B = {B.tolist()} must be positive definite and F = {F.tolist()} positive semidefinite")
    with np.errstate(over="ignore"):
        total = B + 2 * lam * F
    if not (np.isfinite(total).all() and max(np.linalg.cond(B), np.linalg.cond(total)) < MAX_CONDITION):
        raise ValueError(
            f"lam = {lam:g} with B = {B.tolist()} and F = {F.tolist()}: the condition numbers of B and B + 2 lam F "
            f"must be below {MAX_CONDITION:g}"
        )
    return B, F


def _weights(probs, rewards, also=0):
    """log(E[w] / M), log(w / E[w]) (n,) and `probs`; M is the top weight of `probs` + `also`."""
    probs, rewards = _law(probs, rewards)
    r = np.minimum(rewards - rewards[probs + also > 0].max(), 0)  # an atom that no law holds may lie higher
    missing = -probs @ np.expm1(r)  # keeps all its digits when the rewards are close, E[w] when they are far apart
    log_mean = math.log1p(-missing) if missing < 0.5 else math.log(probs @ np.exp(r))
    return log_mean, r - log_mean, probs


def _levels(probs, rewards):
    """For the distinct rewards c in increasing order: their index at each atom (n,), P(r = c) and P(r >= c)."""
    levels, atom = np.unique(rewards, return_inverse=True)
    mass = np.bincount(atom, probs, len(levels))
    return atom, mass, np.minimum(np.cumsum(mass[::-1])[::-1], 1)


def _average(a, K):
    """(1 + (K-1) a) / K, also at K = inf."""
    return 1 / K + (1 - 1 / K) * a


def _some(P, n):
    """1 - (1 - P)^n, the chance that some of n draws lands in a set of mass P; floats or arrays."""
    with np.errstate(divide="ignore", invalid="ignore"):  # log 0 at P = 1 is meant; 0 inf at P = 0 is replaced
        return np.where(P > 0, -np.expm1(n * np.log1p(-P)), 0.0)


def _log_odds_plus_one(off, on):
    return float(math.log1p(off / on) if off < on else math.log(on + off) - math.log(on))


def _shares(lam):
    """The weights of the reference and of the curated samples: 1 / (1 + lam) and lam / (1 + lam)."""
    lam = _mixing(lam)
    return 1 / (1 + lam), 1.0 if lam == math.inf else lam / (1 + lam)


def _rounds(t):
    if not (_is_number(t) and 0 <= t <= MAX_ROUNDS and t == int(t)):
        raise ValueError(f"t = {t!r:.80} must be an integer >= 0 and <= {MAX_ROUNDS:,}")
    return int(t)
