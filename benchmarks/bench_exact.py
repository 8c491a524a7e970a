"""One exact round against Monte Carlo, at a total variation of 1 % from the true law."""

import math

import numpy as np
import pytest

from sclib.bounds import total_variation
from sclib.population import curation_weight

ATOMS = [10**3, 10**4, 10**5, 10**6]
CANDIDATES = [2, 1_000, 10**6]
SPANS = [1.0, 100.0]  # max - min of the rewards, nats
BUDGET = 10**7  # candidates that a run of Monte Carlo draws
ERROR = 0.01  # total variation


def law(n, span):
    rng = np.random.default_rng(0)
    probs, rewards = rng.random(n), rng.random(n)
    return probs / probs.sum(), span * (rewards - rewards.min()) / np.ptp(rewards)


def sampled_round(probs, rewards, K, groups, rng):
    """The law of the picks of `groups` simulated choices, (n,); at most 10^6 candidates are held at a time."""
    reached, counts = probs.cumsum(), np.zeros(len(probs))
    while groups > 0:
        now = min(groups, max(1, 10**6 // K))
        drawn = np.searchsorted(reached, rng.random((now, K)) * reached[-1])
        picked = np.argmax(rewards[drawn] + rng.gumbel(size=(now, K)), axis=1)
        counts += np.bincount(drawn[np.arange(now), picked], minlength=len(probs))
        groups -= now
    return counts / counts.sum()


def expected_error(curated, groups):
    """Mean total variation between a law (n,) and the shares of many independent draws from it."""
    return np.sqrt(2 / math.pi * curated * (1 - curated) / groups).sum() / 2


@pytest.mark.parametrize("n", [pytest.param(n, marks=[pytest.mark.large] * (n > 1000)) for n in ATOMS])
@pytest.mark.parametrize("K", CANDIDATES)
@pytest.mark.parametrize("span", SPANS)
def test_exact(benchmark, n, K, span):
    probs, rewards = law(n, span)
    benchmark.extra_info |= {"part": "exact", "n": n, "K": K, "span": span}
    H = benchmark.pedantic(curation_weight, (probs, rewards, K), rounds=3, warmup_rounds=n < 10**6)
    assert abs(probs @ H - 1) < 1e-10


@pytest.mark.parametrize("n", ATOMS)
@pytest.mark.parametrize("K", CANDIDATES)
@pytest.mark.large
def test_monte_carlo(benchmark, n, K):
    """Measures the time of a group.  How many groups an error of 1 % takes is known: they are independent draws."""
    groups, rng = BUDGET // K, np.random.default_rng(1)
    curated = {span: probs * curation_weight(probs, rewards, K) for span in SPANS for probs, rewards in [law(n, span)]}
    needed = {f"{span:g}": (expected_error(p, 1) / ERROR) ** 2 for span, p in curated.items()}
    benchmark.extra_info |= {"part": "monte carlo", "n": n, "K": K, "groups": groups, "needed": needed}
    shares = benchmark.pedantic(sampled_round, (*law(n, SPANS[0]), K, groups, rng), rounds=1)
    if groups > 100 * n:  # enough for the normal law behind `expected_error`
        found = total_variation(shares, curated[SPANS[0]])
        assert abs(found / expected_error(curated[SPANS[0]], groups) - 1) < 5 / math.sqrt(n)
