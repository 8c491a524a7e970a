"""Several groups of curators: one group is the plain loop, K = inf bargains, K = 2 counts heads."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sclib.curators import bargain, group_step, group_trajectory, surviving_share, welfare
from sclib.population import kl, step, trajectory


def random_groups(seed, n=5, m=3):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(n)), rng.normal(size=(m, n)), rng.dirichlet(np.ones(m))


@pytest.mark.parametrize("K", [1, 2, 4, math.inf])
def test_one_group_is_the_plain_loop(K):
    probs, rewards, _ = random_groups(0)
    laws = group_trajectory(probs, rewards[:1], [1.0], K, 5)
    np.testing.assert_allclose(laws, trajectory(probs, rewards[0], K, 5), rtol=1e-12)


@pytest.mark.parametrize("K", [2, 4, math.inf])
def test_picks_of_the_groups_are_pooled(K):
    probs, rewards, shares = random_groups(1)
    pooled = sum(q * step(probs, r, K) for q, r in zip(shares, rewards, strict=True))
    np.testing.assert_allclose(group_step(probs, rewards, shares, K), pooled, rtol=1e-12)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6))
def test_welfare_rises_by_at_least_the_divergence_of_the_round(seed):
    probs, rewards, shares = random_groups(seed)
    laws = group_trajectory(probs, rewards, shares, math.inf, 6)
    for before, after in itertools.pairwise(laws):
        rise = welfare(after, rewards, shares) - welfare(before, rewards, shares)
        assert rise >= kl(after, before) - 1e-12


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6))
def test_welfare_comes_within_the_proved_distance_of_every_law(seed):
    probs, rewards, shares = random_groups(seed)
    best = group_trajectory(probs, rewards, shares, math.inf, 100)[-1]  # any law with welfare above all others'
    laws = group_trajectory(probs, rewards, shares, math.inf, 20)
    for t, law in enumerate(laws):
        lack = welfare(best, rewards, shares) - welfare(law, rewards, shares)
        assert lack <= -math.log(probs.min()) / (t + 1)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.8])
@pytest.mark.parametrize("gap", [0.5, 2.0, 8.0])
def test_the_bargain_maximises_welfare(share, gap):
    rewards, shares = [[gap, 0.0], [0.0, gap]], [share, 1 - share]
    grid = np.linspace(0, 1, 2001)
    best = grid[np.argmax([welfare([s, 1 - s], rewards, shares) for s in grid])]
    # The maximum is flat: within a step of the grid and the rounding of welfare, 1e-16 over its curvature.
    assert abs(np.clip(bargain(share, gap), 0, 1) - best) <= 2.5e-4 + 1e-6


@pytest.mark.parametrize("K", [2, 3, 4, 16, math.inf])
@pytest.mark.parametrize("gap", [0.5, 2.0])
def test_a_minority_lives_exactly_above_the_threshold(K, gap):
    rewards, least = [[gap, 0.0], [0.0, gap]], surviving_share(gap, K)
    below = group_trajectory([0.5, 0.5], rewards, [1 - least + 0.02, least - 0.02], K, 3000)[-1, 1]
    assert below < 1e-6
    if K > 2:
        above = group_trajectory([0.9, 0.1], rewards, [1 - least - 0.02, least + 0.02], K, 3000)[-1, 1]
        assert above > 0.01


@pytest.mark.parametrize("gap", [0.1, 1.0, math.inf])
def test_two_candidates_count_heads_whatever_the_gap(gap):
    assert surviving_share(gap, 2) == pytest.approx(0.5, abs=1e-15)


@pytest.mark.parametrize("K", [3, 4, 9])
def test_the_threshold_is_where_the_bargain_gives_one_in_K(K):
    assert 1 - bargain(1 - surviving_share(1.5, K), 1.5) == pytest.approx(1 / K, abs=1e-12)


def test_limits_of_strong_and_equal_taste():
    assert bargain(0.3, math.inf) == 0.3 and bargain(0.5, 1.0) == 0.5
    assert surviving_share(math.inf, 4) == 0.25 and surviving_share(math.inf, math.inf) == 0


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: group_step([0.5, 0.5], [1.0, 0.0], [1.0], 4), r"rewards has shape \(2,\) for 1 shares"),
        (lambda: group_step([0.5, 0.5], [[1.0, 0.0]], [0.5, 0.5], 4), r"rewards has shape \(1, 2\) for 2 shares"),
        (lambda: group_step([0.5, 0.5], [[1.0, 0.0]], [0.9], 4), "shares sums to 0.9"),
        (lambda: group_step([0.5, 0.5], [[1.0, math.nan]], [1.0], 4), "rewards has 1 NaN"),
        (lambda: group_step([0.5, 0.5], [[1.0, 0.0]], [1.0], 0), "K = 0"),
        (lambda: group_trajectory([0.5, 0.5], [[1.0, 0.0]], [1.0], 4, -1), "generations = -1"),
        (lambda: welfare([0.5, 0.6], [[1.0, 0.0]], [1.0]), "probs sums to 1.1"),
        (lambda: bargain(1.5, 1.0), r"share = 1.5 must lie in \[0, 1\]"),
        (lambda: bargain(0.5, 0.0), "gap = 0.0 must be positive"),
        (lambda: surviving_share(-1.0, 4), "gap = -1.0 must be positive"),
        (lambda: surviving_share(1.0, 1), "K = 1 must be an integer >= 2"),
    ],
)
def test_bad_input_is_named(call, says):
    with pytest.raises(ValueError, match=says):
        call()
