"""The exact laws: what curation and retraining do to a distribution that has infinitely many samples.

A law is a vector `probs` of shape (n,) on atoms x_1..x_n, with their `rewards` of shape (n,).  Everything is float64
and plain NumPy.  Rewards are in nats (a reward higher by log 2 is picked twice as often) and may be shifted by any
constant.  `K` is the number of candidates, an integer >= 1 or `math.inf`; `lam` is the paper's lambda, the weight of
the curated samples against the reference, >= 0, or `math.inf` for the fully synthetic loop.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from sclib import array_checks, checks
from sclib.weighing import luce_weigher, other_weigher

Weigh = Callable[[np.ndarray, np.ndarray, float], np.ndarray]


def curation_weight(probs: ArrayLike, rewards: ArrayLike, K: float) -> np.ndarray:
    """H of Eq. 6, for all K by one integral: the curated law is ``probs * curation_weight(probs, rewards, K)``.

    H(x) = E[K e^{r(x)} / (e^{r(x)} + e^{r(x_1)} + ... + e^{r(x_{K-1})})] with x_1..x_{K-1} i.i.d. from `probs`;
    for K = inf its limit e^{r(x)} / E[e^r].  Cost grows with n and with max r - min r, not with K.

    Parameters
    ----------
    probs : (n,), a law; set to sum to one exactly.
    rewards : (n,), nats, spanning at most 700.
    K : candidates, an integer >= 1 or inf.

    Returns
    -------
    Array (n,), from 0 to K, of mean one under `probs`; relative error below 1e-10.

    Raises
    ------
    ValueError
        Naming the argument, its value and what is allowed.

    Source
    ------
    Eq. 6; Lemma 2.1 for K = inf.
    """
    probs, rewards = array_checks.law(probs, rewards)
    return luce_weigher(rewards, checks.candidates(K))(probs)


def step(
    probs: ArrayLike,
    rewards: ArrayLike,
    K: float,
    lam: float = math.inf,
    reference: ArrayLike | None = None,
    weigh: Weigh = curation_weight,
) -> np.ndarray:
    """The law after one round, p_{t+1} = reference / (1 + lam) + lam / (1 + lam) p_t H.

    Parameters
    ----------
    probs, rewards, K : as for `curation_weight`.
    lam : weight of the picks against the reference, >= 0; inf is the fully synthetic loop.
    reference : (n,), the law of the real data; a finite `lam` needs it, and with lam = inf it is ignored.
    weigh : as for `trajectory`.

    Returns
    -------
    Array (n,).

    Raises
    ------
    ValueError
        As `curation_weight`.

    Source
    ------
    Eq. 4 (lam = inf), Eq. 8.
    """
    lam = checks.mixing(lam)
    if reference is None and lam < math.inf:
        raise ValueError(f"reference is None, but lam = {lam} mixes one in; give a law of shape (n,) or lam = math.inf")
    return trajectory(probs, rewards, K, 1, lam, None if lam == math.inf else reference, weigh)[1]


def trajectory(
    probs: ArrayLike,
    rewards: ArrayLike,
    K: float,
    generations: int,
    lam: float = math.inf,
    reference: ArrayLike | None = None,
    weigh: Weigh = curation_weight,
) -> np.ndarray:
    """The laws p_0 = `probs`, p_1, .., p_generations of the loop.

    Work that depends only on the rewards is done once for all rounds.

    Parameters
    ----------
    probs, rewards, K : as for `curation_weight`.
    generations : rounds, an integer >= 0.
    lam : as for `step`.
    reference : (n,); `probs` if None: real data and first model coincide, as Theorems 2.3 and 2.4 assume.
    weigh : another choice rule, weigh(probs, rewards, K) -> its H (n,), of mean one under `probs`; see `rules`.

    Returns
    -------
    Array (generations + 1, n).

    Raises
    ------
    ValueError
        As `curation_weight`, and for a `weigh` that returns no such H.

    Source
    ------
    Eq. 4 (lam = inf), Eq. 8.
    """
    probs, rewards = array_checks.law(probs, rewards)
    reference = probs if reference is None else array_checks.law(reference, rewards, "reference")[0]
    K, lam = checks.candidates(K), checks.mixing(lam)
    generations = checks.rounds(generations, "generations")
    synthetic = synthetic_share(lam)
    weigher = luce_weigher(rewards, K) if weigh is curation_weight else other_weigher(weigh, rewards, K)
    laws = np.empty((generations + 1, len(probs)))
    laws[0] = probs
    for t in range(generations):
        curated = laws[t] * weigher(laws[t])
        # Without this, rounding errors grow by about K lam / (1 + lam) a round.
        curated /= curated.sum()
        laws[t + 1] = (1 - synthetic) * reference + synthetic * curated
    return laws


def synthetic_share(lam: float) -> float:
    """s = lam / (1 + lam), the share of the picks in what is trained on.

    Parameters
    ----------
    lam : >= 0, or inf.

    Returns
    -------
    A float from 0 to 1; 1 for lam = inf.

    Raises
    ------
    ValueError
        For a negative or NaN `lam`.

    Source
    ------
    Eq. 8.
    """
    lam = checks.mixing(lam)
    return 1.0 if lam == math.inf else lam / (1 + lam)


def tilt(probs: ArrayLike, rewards: ArrayLike, beta: float) -> np.ndarray:
    """The optimum of RLHF, argmax_pi E_pi[r] - beta KL(pi || probs) = probs e^{r / beta} / Z.

    Parameters
    ----------
    probs, rewards : as for `curation_weight`.
    beta : > 0, nats of reward a nat of KL; inf gives `probs` back.

    Returns
    -------
    Array (n,).

    Raises
    ------
    ValueError
        As `curation_weight`.

    Source
    ------
    Section 2.1 of the paper, after Lemma 2.1.
    """
    probs, rewards = array_checks.law(probs, rewards)
    beta = checks.real(beta, "beta", lambda value: value > 0, "be positive (math.inf is allowed)")
    highest = rewards[probs > 0].max()
    with np.errstate(over="ignore"):  # e^-inf = 0 is what a tiny beta means
        tilted = probs * np.exp(np.minimum(rewards - highest, 0) / beta)
    return tilted / tilted.sum()


def kl(p: ArrayLike, q: ArrayLike) -> float:
    """Kullback-Leibler divergence KL(p || q) = sum p log(p / q).

    Parameters
    ----------
    p, q : (n,), laws.

    Returns
    -------
    A float >= 0, nats; inf where q misses mass of p.

    Raises
    ------
    ValueError
        If one is no law, or the shapes differ.
    """
    p, q = _same_shape(p, q)
    held = p > 0
    if np.any(q[held] == 0):
        return math.inf
    return max(0.0, float(np.sum(p[held] * (np.log(p[held]) - np.log(q[held])))))


def total_variation(p: ArrayLike, q: ArrayLike) -> float:
    """TV(p, q), half the sum of the absolute differences of two laws.

    Parameters
    ----------
    p, q : (n,), laws.

    Returns
    -------
    A float from 0 to 1.

    Raises
    ------
    ValueError
        As `kl`.
    """
    p, q = _same_shape(p, q)
    return float(np.abs(p - q).sum() / 2)


def _same_shape(p: ArrayLike, q: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    p, q = array_checks.probabilities(p, "p"), array_checks.probabilities(q, "q")
    if p.shape != q.shape:
        raise ValueError(f"q has shape {q.shape} but p has shape {p.shape}; they must be equal")
    return p, q
