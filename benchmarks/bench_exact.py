"""One exact round, and Monte Carlo that averages the choice probabilities, to a total variation of 1 %."""

import itertools

import numpy as np
import pytest

from sclib.bounds import total_variation
from sclib.population import curation_weight

ATOMS = [10**3, 10**4, 10**5, 10**6]
CANDIDATES = [2, 1_000, 10**6]
SPANS = [1.0, 100.0]  # max - min of the rewards, nats
ERROR = 0.01  # total variation
GRID = [
    pytest.param(n, K, span, marks=[pytest.mark.large] * (n > 1000))
    for n, K, span in itertools.product(ATOMS, CANDIDATES, SPANS)
]


def law(n, span):
    rng = np.random.default_rng(0)
    probs, rewards = rng.random(n), rng.random(n)
    return probs / probs.sum(), span * (rewards - rewards.min()) / np.ptp(rewards)


def sampled_weight(probs, rewards, K, draws, rng):
    """H of Eq. 6 with its mean over the rivals replaced by one over `draws` random groups of rivals, (n,)."""
    w, H = np.exp(rewards - rewards.max()), np.zeros(len(probs))
    reached = probs.cumsum()
    for _ in range(draws):
        if K > len(probs):  # how often each atom is among the rivals
            rivals = rng.multinomial(K - 1, probs) @ w
        else:
            rivals = w[np.searchsorted(reached, rng.random(K - 1) * reached[-1])].sum()
        H += K * w / (w + rivals)
    H /= draws
    return H / (probs @ H)


@pytest.mark.parametrize(("n", "K", "span"), GRID)
def test_exact(benchmark, n, K, span):
    probs, rewards = law(n, span)
    benchmark.extra_info |= {"part": "exact", "n": n, "K": K, "span": span}
    H = benchmark.pedantic(curation_weight, (probs, rewards, K), rounds=3, warmup_rounds=n < 10**6)
    assert abs(probs @ H - 1) < 1e-10


@pytest.mark.parametrize(("n", "K", "span"), GRID)
def test_monte_carlo(benchmark, n, K, span):
    """With the smallest power of two of groups whose error, in the mean of five runs, is at most 1 %."""
    (probs, rewards), rng, draws = law(n, span), np.random.default_rng(1), 1
    curated = probs * curation_weight(probs, rewards, K)
    while True:
        runs = [probs * sampled_weight(probs, rewards, K, draws, rng) for _ in range(5)]
        error = np.mean([total_variation(run, curated) for run in runs])
        if error <= ERROR:
            break
        draws *= 2
    benchmark.extra_info |= {"part": "monte carlo", "n": n, "K": K, "span": span, "draws": draws, "error": error}
    benchmark.pedantic(sampled_weight, (probs, rewards, K, draws, rng), rounds=3)
