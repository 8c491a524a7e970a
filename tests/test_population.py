"""The exact laws against enumeration, closed forms and symmetries."""

import itertools
import math
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sclib.population import curation_weight, kl, step, tilt, total_variation, trajectory

CANDIDATES = [1, 2, 3, 4, 6]
EXACT = dict(rtol=1e-10, atol=0)


def enumerated_weight(probs, rewards, K):
    """H of Eq. 6 as it is written: the mean over all n^(K-1) ordered groups of rivals."""
    H = np.zeros(len(probs))
    w = np.exp(rewards - rewards.max())
    for rivals in itertools.product(range(len(probs)), repeat=K - 1):
        rivals = list(rivals)
        H += np.prod(probs[rivals]) * K * w / (w + w[rivals].sum())
    return H


def random_law(seed, n=5, spread=8.0):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.full(n, 0.5)), spread * rng.random(n)


@pytest.mark.parametrize("K", CANDIDATES)
@pytest.mark.parametrize("spread", [0.0, 1e-3, 1.0, 20.0, 300.0])
def test_weight_equals_enumeration(K, spread):
    probs, rewards = random_law(K, spread=spread)
    np.testing.assert_allclose(curation_weight(probs, rewards, K), enumerated_weight(probs, rewards, K), **EXACT)


@pytest.mark.parametrize("spread", [0.1, 5.0, 50.0])
def test_two_candidates_follow_bradley_terry(spread):
    probs, rewards = random_law(7, n=40, spread=spread)
    sigmoid = 1 / (1 + np.exp(rewards[None, :] - rewards[:, None]))  # (x, rival)
    np.testing.assert_allclose(curation_weight(probs, rewards, 2), 2 * sigmoid @ probs, **EXACT)


def two_point_share(q, gap, K):
    """The favourite's share after one round: m of K candidates are favourites with binomial probability."""
    m = np.arange(K + 1)
    log_binomial = np.array([math.lgamma(K + 1) - math.lgamma(k + 1) - math.lgamma(K - k + 1) for k in m])
    mass = np.exp(log_binomial + m * np.log(q) + (K - m) * np.log1p(-q))
    return np.sum(mass * m / (m + (K - m) * np.exp(-gap)))


@pytest.mark.parametrize("K", [1, 2, 4, 64, 1000])
@pytest.mark.parametrize("q, gap", [(0.1, 5.0), (0.5, math.log(3)), (1e-3, 15.0), (0.9, 0.01)])
def test_two_point_law_is_binomial(K, q, gap):
    share = step(np.array([q, 1 - q]), np.array([gap, 0.0]), K)[0]
    # lgamma of 1,000 is about 6,000 and carries an absolute error of 1e-12.
    np.testing.assert_allclose(share, two_point_share(q, gap, K), rtol=2e-11 if K == 1000 else 1e-12)


def test_urn_counted_by_hand():
    # Half the pictures are red and three times as popular: 5/8 at K = 2, 111/160 at K = 4, 3/4 in the limit.
    law, rewards = np.array([0.5, 0.5]), np.log([3.0, 1.0])
    shares = [step(law, rewards, K)[0] for K in (1, 2, 4, math.inf)]
    np.testing.assert_allclose(shares, [1 / 2, 5 / 8, 111 / 160, 3 / 4], rtol=1e-12)


@pytest.mark.parametrize("K", [2, 4, 100, 10**4, 10**6, 10**9, math.inf])
@pytest.mark.parametrize("spread", [0.0, 1.0, 20.0, 700.0])
def test_weights_average_to_one(K, spread):
    probs, rewards = random_law(3, n=300, spread=spread)
    assert probs @ curation_weight(probs, rewards, K) == pytest.approx(1, abs=1e-11)


@pytest.mark.parametrize("K", [10**4, 10**8, 10**12])
def test_rare_favourite_is_exact_at_huge_K(K):
    # With q = c / K favourites the number among K candidates is Poisson, up to 1/K; reward gap log K makes them matter:
    # share = E[m / (m + (K - m) / K)] -> E[m / (m + 1)] = 1 - (1 - e^-c) / c.
    c = 2.0
    share = step(np.array([c / K, 1 - c / K]), np.array([math.log(K), 0.0]), K)[0]
    assert share == pytest.approx(1 - (1 - math.exp(-c)) / c, abs=3 / K + 1e-10)


def test_huge_K_approaches_the_tilt():
    probs, rewards = random_law(11, n=50, spread=3.0)
    distances = [np.abs(step(probs, rewards, K) - step(probs, rewards, math.inf)).sum() for K in (10**3, 10**4, 10**5)]
    np.testing.assert_allclose(np.array(distances[:-1]) / distances[1:], 10, rtol=0.02)


@pytest.mark.parametrize("K", [2, 5, 10**6, math.inf])
@pytest.mark.parametrize("shift", [-1000.0, 1000.0])
def test_only_reward_differences_matter(K, shift):
    probs, rewards = random_law(5, n=20, spread=64.0)
    rewards = np.round(rewards * 2**20) / 2**20  # so that adding the shift loses no digit
    np.testing.assert_array_equal(curation_weight(probs, rewards + shift, K), curation_weight(probs, rewards, K))


@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(2, 2000), st.floats(0, 30))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_weight_depends_on_the_reward_alone_rises_with_it_and_stays_below_K(seed, n, K, spread):
    probs, rewards = random_law(seed, n, spread)
    rewards[0] = rewards[-1]
    H = curation_weight(probs, rewards, K)
    assert H[0] == H[-1]
    assert np.all(np.diff(H[np.argsort(rewards)]) >= -1e-11 * H.max())
    assert np.all(H > 0) and np.all(H <= K * (1 + 1e-11))


def test_blocks_give_the_same_weights(monkeypatch):
    probs, rewards = random_law(2, n=500, spread=9.0)
    for K in (4, 10**7):
        whole = curation_weight(probs, rewards, K)
        with monkeypatch.context() as patch:
            patch.setattr("sclib.weighing.HELD", 0)
            patch.setattr("sclib.weighing.BLOCK", 2000)
            np.testing.assert_allclose(curation_weight(probs, rewards, K), whole, rtol=1e-13)


def test_atoms_without_mass_get_no_mass():
    law = step(np.array([0.0, 0.3, 0.7]), np.array([600.0, 1.0, 0.0]), math.inf)
    assert law[0] == 0
    np.testing.assert_allclose(law[1:], np.array([0.3 * math.e, 0.7]) / (0.3 * math.e + 0.7), rtol=1e-12)


def test_one_candidate_changes_nothing():
    probs, rewards = random_law(1)
    np.testing.assert_array_equal(step(probs, rewards, 1), probs / probs.sum())


def test_mixed_step_is_equation_8():
    probs, rewards = random_law(4)
    reference = np.full(5, 0.2)
    curated = probs * enumerated_weight(probs, rewards, 4)
    for lam in (0, 0.5, 3):
        np.testing.assert_allclose(
            step(probs, rewards, 4, lam, reference), reference / (1 + lam) + lam / (1 + lam) * curated, **EXACT
        )


def test_trajectory_repeats_the_step():
    probs, rewards = random_law(6)
    laws = trajectory(probs, rewards, 4, 3, lam=0.5)
    assert laws.shape == (4, 5)
    for before, after in itertools.pairwise(laws):
        np.testing.assert_allclose(after, step(before, rewards, 4, 0.5, reference=laws[0]), rtol=1e-13)


def test_published_airplane_shares():
    # A tenth of the mass favoured, K = 4 (gamma = 5 and 1; fully synthetic, then lambda = 1/2 at its level).
    law = np.array([0.1, 0.9])
    synthetic = trajectory(law, np.array([5.0, 0.0]), 4, 3)[:, 0]
    np.testing.assert_allclose(synthetic, [0.100, 0.338, 0.798, 0.996], atol=5e-4)
    mild = trajectory(law, np.array([1.0, 0.0]), 4, 6)[:, 0]
    np.testing.assert_allclose(mild, [0.100, 0.177, 0.299, 0.463, 0.643, 0.796, 0.897], atol=5e-4)
    assert trajectory(law, np.array([5.0, 0.0]), 4, 60, lam=0.5)[-1, 0] == pytest.approx(0.329, abs=5e-4)


def test_rounds_without_bound_on_K_are_rlhf_at_beta_one_over_t():
    probs, rewards = random_law(8)
    for t, law in enumerate(trajectory(probs, rewards, math.inf, 10)):
        np.testing.assert_allclose(law, tilt(probs, rewards, math.inf if t == 0 else 1 / t), rtol=1e-12)


def test_kl_of_known_laws():
    assert kl([0.5, 0.5], [0.5, 0.5]) == 0
    assert kl([1.0, 0.0], [0.25, 0.75]) == pytest.approx(math.log(4))
    assert kl([0.25, 0.75], [1.0, 0.0]) == math.inf


def test_a_step_costs_100_integrand_values_an_atom():
    # In units of the machine's own exp; taken in turn, so that a busy machine slows both.
    probs, rewards = random_law(9, n=2000, spread=20.0)
    values = np.linspace(-20, 3, 100 * 2000)
    exact, unit = [], []
    for _ in range(25):
        start = time.perf_counter()
        step(probs, rewards, 4)
        between = time.perf_counter()
        np.exp(-np.exp(values))
        exact.append(between - start)
        unit.append(time.perf_counter() - between)
    assert min(exact) < 3 * min(unit)


def test_population_needs_no_torch():
    code = "import sys, sclib.population, sclib.widgets; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


HALF = np.array([0.5, 0.5])
REWARDS = np.array([1.0, 0.0])


@pytest.mark.parametrize(
    "arguments, says",
    [
        ((HALF, REWARDS, 0), r"K = 0 must be an integer from 1"),
        ((HALF, REWARDS, 2.5), r"K = 2.5 must be an integer"),
        ((HALF, REWARDS, -math.inf), r"K = -inf"),
        ((HALF, REWARDS, math.nan), r"K = nan"),
        ((HALF, REWARDS, 10**400), r"K = 1000"),
        ((HALF, [math.nan, 0.0], 4), r"rewards has 1 NaN or infinite"),
        ((HALF, [math.inf, -math.inf], 4), r"rewards has 2 NaN or infinite"),
        ((HALF, [0.0, 701.0], 4), r"rewards span 701; max - min may be at most 700"),
        ((HALF, [0.0, 1.0, 2.0], 4), r"probs has shape \(2,\) and rewards has shape \(3,\)"),
        (([0.5, 0.4], REWARDS, 4), r"probs sums to 0.9; it must sum to 1"),
        (([0.5, 0.5 + 3e-6], REWARDS, 4), r"probs sums to 1.000003; it must sum to 1"),
        (([1.5, -0.5], REWARDS, 4), r"probs has a negative or NaN value"),
        (([math.nan, 1.0], REWARDS, 4), r"probs has a negative or NaN value"),
        (([[0.5, 0.5]], [REWARDS], 4), r"probs has shape \(1, 2\)"),
        (([], [], 4), r"probs has shape \(0,\)"),
    ],
)
def test_bad_input_is_named(arguments, says):
    for function in (curation_weight, step):
        with pytest.raises(ValueError, match=says):
            function(*arguments)


def test_bad_mixing_is_named():
    with pytest.raises(ValueError, match=r"reference is None, but lam = 0.5"):
        step(HALF, REWARDS, 4, lam=0.5)
    with pytest.raises(ValueError, match=r"lam = -1 must be >= 0"):
        step(HALF, REWARDS, 4, lam=-1, reference=HALF)
    with pytest.raises(ValueError, match=r"reference has shape \(3,\)"):
        trajectory(HALF, REWARDS, 4, 1, lam=1, reference=np.ones(3) / 3)
    with pytest.raises(ValueError, match=r"lam = None must be >= 0"):
        step(HALF, REWARDS, 4, lam=None)
    for generations in (-1, 2.5, math.inf, None):
        with pytest.raises(ValueError, match=rf"generations = {generations} must be an integer >= 0"):
            trajectory(HALF, REWARDS, 4, generations)
    with pytest.raises(ValueError, match=r"beta = 0 must be positive"):
        tilt(HALF, REWARDS, 0)
    with pytest.raises(ValueError, match=r"q has shape \(1,\) but p has shape \(2,\)"):
        kl(HALF, [1.0])


def test_total_variation_is_half_the_sum_of_the_differences():
    """On four atoms, where it is not the largest difference."""
    p, q = [0.25, 0.25, 0.25, 0.25], [0.45, 0.45, 0.05, 0.05]
    assert total_variation(p, q) == pytest.approx(0.4) == total_variation(q, p)
