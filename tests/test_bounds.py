"""Each statement about the exact laws, on random laws: masses down to 1e-200, repeated rewards, every K and lambda.

Tolerances.  `population` promises H to a relative 1e-10, so that a law after one round, normalised, is right to a
relative DELTA = 3e-10.  Each proof goes round by round and holds for any law, also for the computed p_t: a round adds
its own DELTA, and none is amplified.  What is left is float64: EPS = 2.2e-16 for each operation.

The last tests strengthen each bound a little and require that its test fails.
"""

import math
import os
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sclib import bounds
from sclib.population import curation_weight, kl, step, tilt, trajectory

settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True, database=None)
settings.register_profile("thorough", max_examples=2000, deadline=None, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

DELTA = 3e-10
EPS = np.finfo(float).eps


@st.composite
def laws(draw, most=12):
    n = draw(st.integers(2, most))
    scale = draw(st.sampled_from([0.0, 1e-9, 1e-3, 0.1, 1.0, 5.0, 20.0]) | st.floats(1e-9, 20))
    levels = draw(st.lists(st.integers(0, 10**6).map(lambda i: i / 10**6), min_size=1, max_size=n))
    picks = draw(st.lists(st.sampled_from(levels), min_size=n, max_size=n))
    shift = draw(st.sampled_from([0.0, -7.0, 1000.0]))  # e^1000 overflows
    exponents = draw(st.lists(st.floats(-3, 0) | st.sampled_from([-12.0, -60.0, -200.0]), min_size=n, max_size=n))
    masses = 10.0 ** np.array(exponents)
    return masses / masses.sum(), scale * np.array(picks) + shift


Ks = st.integers(2, 1000) | st.just(math.inf)
lams = st.floats(0.01, 100)
rounds = st.integers(1, 5)


def rounding_of_gain(before, after, rewards):
    """DELTA on each term of E_after[w - E_before w] / M, and a few EPS on its exponents, at most the rewards' range."""
    w = np.exp(rewards - rewards.max())
    return DELTA * (after @ np.abs(w - before @ w)) + 64 * EPS * np.ptp(rewards)


# Section 1: the choice model


@given(laws(), Ks)
def test_weight_is_at_most_its_sharp_cap_and_that_at_most_K(law, K):
    cap = bounds.weight_cap(*law, K)
    H = curation_weight(*law, K)
    assert np.all(H > 0)
    assert np.all(H <= cap * (1 + DELTA))
    assert cap <= K * (1 + 4 * EPS)


# Section 2: K to infinity, and RLHF


@given(laws(), st.just(1) | Ks)
def test_curated_law_is_within_order_one_over_K_of_its_limit(law, K):
    distance, bound = bounds.limit_distance(*law, K), bounds.limit_distance_bound(*law, K)
    chi = math.sqrt(bounds.weight_variance(*law)) / bounds.expected_weight(*law)
    assert distance <= bound + DELTA
    assert bound <= (chi**2 + chi / 2) / K * (1 + 64 * EPS) + 64 * EPS * np.ptp(law[1])


@given(laws(), laws(), rounds)
def test_t_rounds_at_infinite_K_are_rlhf_with_beta_one_over_t(law, other, t):
    probs, rewards = law
    best = trajectory(probs, rewards, math.inf, t)[t]
    assert bounds.total_variation(best, tilt(probs, rewards, 1 / t)) <= 64 * EPS * t * (1 + np.ptp(rewards))
    rival = np.resize(other[0], len(probs))
    rival = rival / rival.sum()
    centred = rewards - rewards.max()
    objective = [p @ centred - kl(p, probs) / t for p in (best, rival)]
    assert objective[0] >= objective[1] - 64 * EPS * (1 + 460 + np.ptp(rewards))  # log of a mass is at most 460


@given(laws(), st.integers(2, 1000), rounds)
def test_kl_from_the_start_is_at_most_that_of_best_of_K_to_the_t(law, K, t):
    last = trajectory(*law, K, t)[t]
    assert kl(last, law[0]) <= bounds.selection_kl_bound(K, t) + t * DELTA * (1 + t * math.log(K))


@given(laws(), st.integers(1, 1000))
def test_hard_best_of_n_keeps_the_kl_bound(law, K):
    best = bounds.hard_best_of_n(*law, K)
    assert kl(best, law[0]) <= bounds.selection_kl_bound(K) + 500 * 64 * EPS  # |log p| <= 500


@given(laws(most=5), st.integers(1, 3))
def test_hard_best_of_n_is_the_enumerated_one(law, K):
    probs, rewards = law
    expected = np.zeros(len(probs))
    for group in product(range(len(probs)), repeat=K):
        group = np.array(group)
        best = group[rewards[group] == rewards[group].max()]
        np.add.at(expected, best, np.prod(probs[group]) / len(best))
    assert np.abs(bounds.hard_best_of_n(probs, rewards, K) - expected).max() <= 5**3 * 8 * EPS


@given(laws(), st.integers(0, 3), st.integers(2, 1000))
def test_hard_best_of_n_is_the_limit_of_large_rewards(law, highest, K):
    probs = law[0]
    rewards = 100.0 * (np.arange(len(probs)) % (highest + 1))  # a better candidate is e^100 times likelier
    assert bounds.total_variation(bounds.hard_best_of_n(probs, rewards, K), step(probs, rewards, K)) <= DELTA


# Section 3: the fully synthetic loop


@given(laws(), Ks)
def test_the_law_of_the_reward_rises(law, K):
    probs, rewards = law
    after = step(probs, rewards, K)
    assert bounds.gain(probs, after, rewards) >= -rounding_of_gain(probs, after, rewards)
    assert np.all(bounds.survival(after, rewards) >= bounds.survival(probs, rewards) * (1 - DELTA))


@given(laws(), Ks)
def test_gain_is_at_least_lemma_2_2(law, K):
    probs, rewards = law
    after = step(probs, rewards, K)
    gain = bounds.gain(probs, after, rewards)
    paper, sharp = bounds.gain_bound(probs, rewards, K), bounds.sharp_gain_bound(probs, rewards, K)
    assert gain >= paper - rounding_of_gain(probs, after, rewards)
    assert gain >= sharp - rounding_of_gain(probs, after, rewards)
    assert sharp >= paper * (1 - 8 * EPS)


@given(laws(most=5), st.integers(2, 3))
def test_gain_is_the_mean_spread_of_a_group_over_its_sum(law, K):
    probs, rewards = law
    w = np.exp(rewards - rewards.max())
    expected = 0.0
    for group in product(range(len(probs)), repeat=K):
        x = w[list(group)]
        expected += np.prod(probs[list(group)]) * np.sum((x - x.mean()) ** 2) / x.sum()
    after = step(probs, rewards, K)
    assert abs(bounds.gain(probs, after, rewards) - expected) <= rounding_of_gain(probs, after, rewards)


@given(laws(), Ks, st.integers(1, 8))
def test_variances_have_a_finite_sum(law, K, t):
    probs, rewards = law
    path = trajectory(probs, rewards, K, t)
    total = sum(bounds.weight_variance(p, rewards) for p in path)
    slack = sum(rounding_of_gain(p, step(p, rewards, K), rewards) for p in path)
    assert total <= bounds.variance_sum_bound(probs, rewards, K) + 2 * slack  # K / (K-1) <= 2


@given(laws(), Ks)
def test_fixed_points_are_the_laws_on_one_level(law, K):
    probs, rewards = law
    moved = bounds.total_variation(step(probs, rewards, K), probs)
    if bounds.is_fixed_point(probs, rewards, K):
        assert moved <= DELTA
    else:
        assert len(set(rewards)) > 1
        assert moved >= bounds.sharp_gain_bound(probs, rewards, K) - DELTA  # w / M lies in [0, 1], so TV >= gain


@given(laws(), Ks, rounds)
def test_kl_from_the_limit_is_minus_the_log_of_the_top_mass(law, K, t):
    probs, rewards = law
    p = trajectory(probs, rewards, K, t)[t]
    # p_t / p_0 is one number on the top level, up to EPS; the logs are at most 500.
    assert abs(bounds.kl_from_limit(p, rewards) - kl(bounds.limit_law(probs, rewards), p)) <= 500 * 16 * EPS


@given(laws(), Ks, st.integers(0, 8))
def test_kl_from_the_limit_stays_between_its_bounds(law, K, t):
    probs, rewards = law
    path = trajectory(probs, rewards, K, t)
    lower, upper = bounds.kl_from_limit_bounds(probs, rewards, K, t)
    now = bounds.kl_from_limit(path[t], rewards)
    # Each round adds 2 DELTA to the relative error of a ratio, and log(1 + x) has at most that of x.
    assert lower * (1 - 2 * t * DELTA - 500 * EPS) <= now <= upper * (1 + 2 * t * DELTA + 500 * EPS)


@given(st.floats(0.3, 5), Ks)
def test_left_over_mass_shrinks_by_the_collapse_factor_in_the_end(d, K):
    probs, rewards = np.array([0.9, 0.1 - 1e-3, 1e-3]), np.array([0.0, -d, -2 * d])
    left = 1.0
    for _ in range(200):
        after = step(probs, rewards, K)
        if probs[1:].sum() < 1e-12 and probs[2] < 1e-6 * probs[1]:
            break
        left, probs = after[1:].sum() / probs[1:].sum(), after
    # The lower level has at most 1e-6 of the rest, and others than r* enter a group with probability K 1e-12.
    assert left == pytest.approx(float(bounds.collapse_factor(d, K)), rel=1e-5)


@pytest.mark.parametrize("K", [2, 4, 64, math.inf])
@pytest.mark.parametrize("mass", [0.1, 0.5])
def test_without_a_gap_kl_falls_like_the_plateau_constant_over_t(K, mass):
    n, width, t = 4000, 2.0, 80
    distance = (np.arange(n) + 0.5) / n * width  # cells of 0.0005, far below 1 / t
    probs, rewards = np.append(np.full(n, (1 - mass) / n), mass), np.append(-distance, 0.0)
    path = trajectory(probs, rewards, K, 2 * t)
    constant = bounds.plateau_constant((1 - mass) / width, mass, K)
    early, late = (s * bounds.kl_from_limit(path[s], rewards) / constant for s in (t, 2 * t))
    assert abs(late - 1) < abs(early - 1) < 0.05
    # The remainder is O(log t / t): the 1 / t in it cancels here.
    assert 2 * late - early == pytest.approx(1, abs=0.01)


@given(laws(), Ks, rounds, st.integers(1, 2**12 - 1))
def test_no_set_grows_faster_than_the_speed_limit(law, K, t, members):
    probs, rewards = law
    U = [bool(members >> i & 1) for i in range(len(probs))]
    limit = bounds.speed_limit(min(1.0, probs[U].sum()), K, t)
    # 1 - (1 - P)^K is concave and 0 at 0: it does not amplify a relative error.
    assert trajectory(probs, rewards, K, t)[t][U].sum() <= limit * (1 + DELTA) ** t


# Section 4: real data in the mix


@given(laws(), Ks, lams, rounds)
def test_mixed_gain_is_at_least_theorem_2_3(law, K, lam, t):
    probs, rewards = law
    after = trajectory(probs, rewards, K, t, lam)[t]
    gain = bounds.gain(probs, after, rewards)
    paper, sharp = bounds.mixed_gain_bound(*law, K, lam), bounds.sharp_mixed_gain_bound(*law, K, lam)
    w = np.exp(rewards - rewards.max())
    slack = t * (DELTA * np.ptp(w) + 64 * EPS * np.ptp(rewards))
    assert gain >= paper - slack
    assert gain >= sharp - slack
    assert sharp >= paper * (1 - 8 * EPS)


@given(laws(), Ks, lams, rounds)
def test_mixed_variance_keeps_a_share_of_the_reference_s(law, K, lam, t):
    probs, rewards = law
    after = trajectory(probs, rewards, K, t, lam)[t]
    kept = bounds.weight_variance(probs, rewards) / (1 + lam)
    assert bounds.weight_variance(after, rewards) >= kept * (1 - DELTA) - 64 * EPS * np.ptp(rewards) ** 2


@given(laws(), st.integers(2, 1000), st.floats(0.01, 0.99), rounds)
def test_mixed_kl_is_at_most_theorem_2_4(law, K, part, t):
    lam = part / (K - 1)
    assert_drift_is_capped(law, K, lam, t, K)
    tight = bounds.weight_cap(*law, K)
    paper, sharp = bounds.mixed_kl_bound(K, lam), bounds.sharp_mixed_kl_bound(K, lam)
    assert bounds.sharp_mixed_kl_bound(tight, lam) <= sharp + 8 * EPS * (1 + paper)
    assert sharp <= paper + 8 * EPS * (1 + paper)


@given(laws(), Ks, st.floats(0.01, 0.99), rounds)
def test_a_narrow_range_of_rewards_extends_theorem_2_4_to_larger_lambda(law, K, part, t):
    cap = bounds.weight_cap(*law, K)
    lam = min(100.0, part / (cap - 1)) if cap > 1 else 100.0
    assert_drift_is_capped(law, K, lam, t, cap)


def assert_drift_is_capped(law, K, lam, t, cap):
    probs, rewards = law
    after = trajectory(probs, rewards, K, t, lam)[t]
    m, sharp = bounds.sup_ratio_bound(cap, lam), bounds.sharp_mixed_kl_bound(cap, lam)
    assert np.all(after <= m * probs * (1 + t * DELTA))
    # With p_t / p_ref in an interval t DELTA wider, the convex bound rises by at most t DELTA (2 + its log ends).
    assert kl(after, probs) <= sharp + t * DELTA * (2 + math.log(m) + math.log1p(lam))


@given(laws(), laws(), Ks, lams, rounds)
def test_no_mode_of_the_reference_is_lost(law, start, K, lam, t):
    reference, rewards = law
    start = np.resize(start[0], len(reference))
    after = trajectory(start / start.sum(), rewards, K, t, lam, reference)[t]
    slack = 32 * EPS * (1 + lam)  # population takes 1 / (1 + lam) as 1 - lam / (1 + lam)
    assert kl(reference, after) <= bounds.reverse_kl_bound(lam) + slack
    assert bounds.total_variation(after, reference) <= bounds.total_variation_bound(lam) + slack


@given(laws(), lams, rounds)
def test_mixed_reward_never_falls_at_infinite_K(law, lam, t):
    probs, rewards = law
    path = trajectory(probs, rewards, math.inf, t + 1, lam)
    assert bounds.gain(path[t], path[t + 1], rewards) >= -64 * EPS * (1 + lam) * np.ptp(rewards)


def test_mixed_loop_at_infinite_K_ends_in_kingman_s_equilibrium():
    reference, rewards, lam = np.array([0.1, 0.2, 0.3, 0.4]), np.array([2.0, 1.0, 1.5, 0.0]), 0.7
    end = trajectory(reference, rewards, math.inf, 500, lam)[500]
    b, w = 1 / (1 + lam), np.exp(rewards)
    assert np.allclose(end, b * reference / (1 - (1 - b) * w / (w @ end)), rtol=1e-12)


def test_a_ratio_given_as_a_fraction_is_a_number_like_another():
    B, F = np.diag([1.0, 2.0]), np.eye(2)
    for of in (bounds.retraining_jacobian, lambda *given: bounds.retraining_covariance(*given, 100)):
        np.testing.assert_allclose(of(Fraction(1, 2), B, F), of(0.5, B, F), rtol=1e-15)


@given(st.integers(1, 4), st.integers(0, 2**32 - 1), st.floats(0.1, 10), st.floats(0, 0.99), st.floats(0.01, 0.99))
def test_jacobian_of_retraining_contracts_as_theorem_2_2_says(dim, seed, alpha, bias, part):
    rng = np.random.default_rng(seed)
    root, E = rng.normal(size=(2, dim, dim))
    E = E + E.T
    B = alpha * np.eye(dim) + root @ root.T  # minus the Hessian on the data
    F = B - bias * alpha * E / np.linalg.norm(E, 2)  # and on the model's samples, L epsilon = bias alpha off
    lam = min(part / (2 * bias), 100.0) if bias else 100.0
    rate = bounds.retraining_rate(lam, alpha, bias, alpha)
    rounding = 64 * EPS * np.linalg.cond(B + lam * F)
    assert np.linalg.norm(bounds.retraining_jacobian(lam, B, F), 2) <= rate * (1 + rounding)
    assert rate < 1
    # Ours: at any lam the eigenvalues are lam f / (1 + lam f), f >= 0.
    f = np.linalg.eigvals(np.linalg.solve(B, F))
    eigenvalues = np.linalg.eigvals(bounds.retraining_jacobian(1e3, B, F))
    assert np.allclose(np.sort(eigenvalues.real), np.sort((1e3 * f / (1 + 1e3 * f)).real), rtol=1e-6)
    assert np.all(np.abs(eigenvalues) < 1)


@given(st.integers(1, 4), st.integers(0, 2**32 - 1), st.floats(0, 100), st.integers(1, 10**6))
def test_retraining_covariance_is_stationary_in_the_linear_loop(dim, seed, lam, n):
    roots = np.random.default_rng(seed).normal(size=(2, dim, dim))
    B, F = (root @ root.T + 0.1 * np.eye(dim) for root in roots)
    J, S = bounds.retraining_jacobian(lam, B, F), bounds.retraining_covariance(lam, B, F, n)
    gain = np.linalg.solve(B + lam * F, lam * np.eye(dim))  # of the noise in the model's mean score, covariance F / n
    size = np.abs(S).max()
    rounding = 1e3 * EPS * np.linalg.cond(B + lam * F) * np.linalg.cond(B)
    assert np.allclose(S, J @ S @ J.T + gain @ F @ gain.T / n, atol=rounding * size, rtol=0)


def test_the_loop_of_a_gaussian_mean_drifts_as_computed():
    # theta_{t+1} is the weighted mean of the data's mean, 0, and that of n samples: B = F = 1 / sd^2.
    lam, n, sd, chains, rounds = 5.0, 20, 2.0, 4_000, 60
    rng, theta = np.random.default_rng(0), np.zeros(chains)
    for _ in range(rounds):  # (5/6)^120: the start is forgotten
        theta = lam / (1 + lam) * (theta + sd * rng.normal(size=(n, chains)).mean(0))
    exact = bounds.retraining_covariance(lam, 1 / sd**2, 1 / sd**2, n)[0, 0]
    assert exact == pytest.approx(sd**2 * lam**2 / (1 + 2 * lam) / n)
    assert theta.var() == pytest.approx(exact, abs=4 * exact * math.sqrt(2 / chains))


# Numbers counted by hand, or that the book quotes


def test_gain_at_K_4_and_gamma_5_is_3_55_times_the_paper_s_bound_and_1_08_times_ours():
    law = [0.1, 0.9], [5.0, 0.0]
    gain = bounds.gain(law[0], step(*law, 4), law[1])
    assert gain / bounds.gain_bound(*law, 4) == pytest.approx(3.55, abs=0.005)
    assert gain / bounds.sharp_gain_bound(*law, 4) == pytest.approx(1.08, abs=0.005)
    assert bounds.gain(law[0], step(*law, math.inf), law[1]) == pytest.approx(
        bounds.sharp_gain_bound(*law, math.inf), rel=1e-12
    )


def test_theorem_2_4_at_K_4_and_lambda_0_3_is_2_303_and_ours_is_0_379():
    assert bounds.sup_ratio_bound(4, 0.3) == pytest.approx(10)
    assert bounds.mixed_kl_bound(4, 0.3) == pytest.approx(2.303, abs=0.0005)
    assert bounds.sharp_mixed_kl_bound(4, 0.3) == pytest.approx(0.379, abs=0.0005)


def test_the_paper_s_image_mix_lies_outside_theorem_2_4():
    assert bounds.mixed_kl_bound(4, 0.5) == bounds.sharp_mixed_kl_bound(4, 0.5) == math.inf
    assert bounds.reverse_kl_bound(0.5) == pytest.approx(math.log(1.5))
    assert bounds.total_variation_bound(0.5) == pytest.approx(1 / 3)


def test_airplane_share_follows_the_exact_law():
    airplane = [0.1, 0.9], [5.0, 0.0]
    assert np.round(trajectory(*airplane, 4, 3)[:, 0], 3).tolist() == [0.1, 0.338, 0.798, 0.996]
    assert round(trajectory(*airplane, 4, 100, lam=0.5)[-1, 0], 3) == 0.329
    mild = trajectory([0.1, 0.9], [1.0, 0.0], 4, 6)[:, 0]
    assert np.round(mild, 3).tolist() == [0.1, 0.177, 0.299, 0.463, 0.643, 0.796, 0.897]


def test_closed_forms():
    assert bounds.weight_cap([0.5, 0.5], [math.log(3), 0], 2) == pytest.approx(1.5)
    assert bounds.collapse_factor(math.log(2), 2) == pytest.approx(2 / 3)
    assert bounds.collapse_factor(math.log(2), math.inf) == pytest.approx(1 / 2)
    assert bounds.speed_limit(0.1, 2, 2) == pytest.approx(1 - 0.9**4)
    assert bounds.speed_limit(0.1, math.inf, 1) == 1
    assert bounds.selection_kl_bound(4) == pytest.approx(math.log(4) - 3 / 4)
    assert bounds.selection_kl_bound(4, 3) == pytest.approx(math.log(64) - 63 / 64)
    assert bounds.selection_kl_bound(1) == bounds.selection_kl_bound(math.inf, 0) == 0
    assert bounds.hard_best_of_n([0.5, 0.25, 0.25], [0, 1, 1], 2).tolist() == [0.25, 0.375, 0.375]
    assert bounds.hard_best_of_n([0.5, 0.25, 0.25], [0, 1, 1], math.inf).tolist() == [0, 0.5, 0.5]
    assert bounds.limit_law([0.5, 0.125, 0.375, 0], [0, 1, 1, 2]).tolist() == [0, 0.25, 0.75, 0]
    assert bounds.kl_from_limit([0.5, 0.125, 0.375, 0], [0, 1, 1, 2]) == pytest.approx(math.log(2))
    assert bounds.survival([0.5, 0.25, 0.25], [1, 0, 1]).tolist() == [0.75, 1, 0.75]
    law = [0.1, 0.9], [5, 0]
    assert bounds.sharp_mixed_gain_bound(*law, 4, 1) == 4 * bounds.mixed_gain_bound(*law, 4, 1)
    assert bounds.retraining_rate(0.5, 2.0, 1.0, 0.5) == pytest.approx(0.5 * 2.5 / (2 + 0.5 * 1.5))
    assert bounds.retraining_rate(3.0, 2.0, 1.0, 0.5) == math.inf
    assert bounds.plateau_constant(0.4, 0.2, 2) == pytest.approx(4)


@pytest.mark.parametrize("K", [1, 4, math.inf])
def test_nothing_overflows_on_the_widest_range(K):
    law = np.array([1e-300, 0.5, 0.5]), np.array([1700.0, 1001.0, 1000.0])
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        values = [
            bounds.weight_cap(*law, K),
            bounds.limit_distance_bound(*law, K),
            bounds.expected_weight(*law),
            bounds.weight_variance(*law),
            bounds.gain(law[0], step(*law, K), law[1]),
            bounds.sharp_gain_bound(*law, K),
            *bounds.kl_from_limit_bounds(*law, K, 50),
        ]
    assert np.all(np.isfinite(values))


LAW = [0.5, 0.5], [0.0, 1.0]


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: bounds.weight_cap(*LAW, 0), "K = 0"),
        (lambda: bounds.sharp_gain_bound(*LAW, 2.5), "K = 2.5"),
        (lambda: bounds.limit_distance([0.5, 0.6], LAW[1], 2), "probs sums to 1.1"),
        (lambda: bounds.gain([0.5, 0.6], LAW[0], LAW[1]), "before sums to 1.1"),
        (lambda: bounds.gain(LAW[0], [0.5, 0.6], LAW[1]), "after sums to 1.1"),
        (lambda: bounds.survival(LAW[0], [0.0, math.nan]), "rewards has 1 NaN"),
        (lambda: bounds.total_variation([1.0], [0.5, 0.5]), r"q has shape \(2,\)"),
        (lambda: bounds.total_variation_bound(-1), "lam = -1"),
        (lambda: bounds.reverse_kl_bound(math.nan), "lam = nan"),
        (lambda: bounds.sup_ratio_bound(0.5, 1), "cap = 0.5"),
        (lambda: bounds.speed_limit(1.5, 2, 1), "mass = 1.5"),
        (lambda: bounds.speed_limit(0.5, 2, -1), "t = -1"),
        (lambda: bounds.selection_kl_bound(2, 0.5), "t = 0.5"),
        (lambda: bounds.kl_from_limit_bounds(*LAW, 2, math.inf), "t = inf"),
        (lambda: bounds.collapse_factor(-1, 2), "distance = -1"),
        (lambda: bounds.plateau_constant(-1, 0.5, 2), "density = -1"),
        (lambda: bounds.plateau_constant(1, 0, 2), "mass = 0"),
        (lambda: bounds.retraining_rate(1, 0, 1, 1), "alpha = 0"),
        (lambda: bounds.retraining_jacobian(math.inf, 1, 1), "lam = inf"),
        (lambda: bounds.retraining_jacobian(1, 0, 1), "B = .* must be positive definite"),
        (lambda: bounds.retraining_jacobian(1, 1, -1), "F = .* positive semidefinite"),
        (lambda: bounds.retraining_jacobian(1, np.eye(2), 1), r"B has shape \(2, 2\) and F has shape \(1, 1\)"),
        (lambda: bounds.retraining_covariance(1, 1, 1, 0), "n = 0"),
    ],
)
def test_bad_input_is_named(call, names):
    with pytest.raises(ValueError, match=names):
        call()


# The tests can fail: one bound made a little too strong, on a law that comes close to it


def times(factor):
    return lambda bound: lambda *args: factor * np.asarray(bound(*args))


def law(probs, rewards):
    return np.array(probs), np.array(rewards, dtype=float)


RARE = law([1e-6, 1 - 1e-6], [20, 0])
NEAR = law([0.5, 0.5], [0, 0.01])
PLANE = law([0.1, 0.9], [5, 0])
MANY = law(np.full(400, 1 / 400), np.linspace(0, 600, 400))

TOO_STRONG = [
    (test_weight_is_at_most_its_sharp_cap_and_that_at_most_K, "weight_cap", times(0.99), (RARE, 4)),
    (test_curated_law_is_within_order_one_over_K_of_its_limit, "limit_distance_bound", times(0.99), (PLANE, 1)),
    (test_curated_law_is_within_order_one_over_K_of_its_limit, "limit_distance_bound", times(0.9), (PLANE, 4)),
    (test_kl_from_the_start_is_at_most_that_of_best_of_K_to_the_t, "selection_kl_bound", times(0.97), (MANY, 2, 1)),
    (test_hard_best_of_n_keeps_the_kl_bound, "selection_kl_bound", times(0.97), (MANY, 2)),
    (test_hard_best_of_n_is_the_enumerated_one, "hard_best_of_n", lambda f: lambda p, r, K: step(p, r, K), (PLANE, 2)),
    (
        test_hard_best_of_n_is_the_limit_of_large_rewards,
        "hard_best_of_n",
        lambda f: lambda p, r, K: f(p, r, K + 1),
        (PLANE, 1, 2),
    ),
    (test_the_law_of_the_reward_rises, "survival", lambda f: lambda p, r: f(p, -r), (PLANE, 4)),
    (test_the_law_of_the_reward_rises, "gain", times(-1), (PLANE, 4)),
    (test_gain_is_at_least_lemma_2_2, "gain_bound", times(1.02), (NEAR, 4)),
    (test_gain_is_at_least_lemma_2_2, "sharp_gain_bound", times(1.01), (NEAR, 4)),
    (test_gain_is_at_least_lemma_2_2, "sharp_gain_bound", times(1.01), (PLANE, math.inf)),
    (test_gain_is_the_mean_spread_of_a_group_over_its_sum, "gain", times(1.0001), (PLANE, 3)),
    (test_variances_have_a_finite_sum, "variance_sum_bound", times(0.97), (law([0.5, 0.5], [0, 0.05]), math.inf, 300)),
    (test_fixed_points_are_the_laws_on_one_level, "is_fixed_point", lambda f: lambda *a: True, (PLANE, 2)),
    (
        test_fixed_points_are_the_laws_on_one_level,
        "is_fixed_point",
        lambda f: lambda *a: not f(*a),
        (law([0.5, 0.5], [1, 1]), 2),
    ),
    (test_kl_from_the_limit_is_minus_the_log_of_the_top_mass, "kl_from_limit", times(1.001), (PLANE, 4, 2)),
    (
        test_kl_from_the_limit_stays_between_its_bounds,
        "kl_from_limit_bounds",
        lambda f: lambda *a: (1.01 * f(*a)[0], f(*a)[1]),
        (law([0.999, 0.001], [1, 0]), 4, 3),
    ),
    (
        test_kl_from_the_limit_stays_between_its_bounds,
        "kl_from_limit_bounds",
        lambda f: lambda *a: (f(*a)[0], 0.99 * f(*a)[1]),
        (RARE, 4, 1),
    ),
    (test_left_over_mass_shrinks_by_the_collapse_factor_in_the_end, "collapse_factor", times(0.999), (1.0, 4)),
    (test_without_a_gap_kl_falls_like_the_plateau_constant_over_t, "plateau_constant", times(0.97), (4, 0.5)),
    (test_no_set_grows_faster_than_the_speed_limit, "speed_limit", times(0.99), (RARE, 4, 2, 1)),
    (test_mixed_gain_is_at_least_theorem_2_3, "mixed_gain_bound", times(4.1), (NEAR, 4, 1.0, 1)),
    (test_mixed_gain_is_at_least_theorem_2_3, "sharp_mixed_gain_bound", times(1.02), (NEAR, 4, 1.0, 1)),
    (test_mixed_kl_is_at_most_theorem_2_4, "sup_ratio_bound", times(0.97), (law([1e-9, 1], [20, 0]), 4, 0.9, 100)),
    (test_mixed_kl_is_at_most_theorem_2_4, "mixed_kl_bound", times(0.1), (PLANE, 4, 0.9, 20)),
    (
        test_mixed_kl_is_at_most_theorem_2_4,
        "sharp_mixed_kl_bound",
        times(0.35),
        (law([0.1, 0.9], [20, 0]), 10, 0.1, 20),
    ),
    (
        test_a_narrow_range_of_rewards_extends_theorem_2_4_to_larger_lambda,
        "sup_ratio_bound",
        times(0.97),
        (law([1e-9, 1], [1, 0]), 4, 0.8, 100),
    ),
    (test_no_mode_of_the_reference_is_lost, "reverse_kl_bound", times(0.99), (RARE, PLANE, 1000, 1.0, 9)),
    (test_no_mode_of_the_reference_is_lost, "total_variation_bound", times(0.99), (RARE, PLANE, 1000, 1.0, 9)),
    (test_mixed_reward_never_falls_at_infinite_K, "gain", times(-1), (PLANE, 1.0, 2)),
    (
        test_jacobian_of_retraining_contracts_as_theorem_2_2_says,
        "retraining_rate",
        times(0.98),
        (1, 0, 1.0, 0.001, 0.01),
    ),
]


@pytest.mark.parametrize(("theorem", "name", "strengthen", "case"), TOO_STRONG)
def test_a_bound_too_strong_is_caught(monkeypatch, theorem, name, strengthen, case):
    body = theorem.hypothesis.inner_test if hasattr(theorem, "hypothesis") else theorem
    body(*case)
    monkeypatch.setattr(bounds, name, strengthen(getattr(bounds, name)))
    with pytest.raises(AssertionError):
        body(*case)
