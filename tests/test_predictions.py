"""The laws of the experiments on images, against closed forms; transmission, against loops whose refit is known."""

import math

import numpy as np
import pytest
import torch

from sclib import choice, experiments, population, predictions


def atoms(n=4_000, S=2, spread=1.0, seed=0):
    """Arrays as a result holds them: ten classes, rewards that differ between classes and, by `spread`, within."""
    rng = np.random.default_rng(seed)
    labels, data_labels = rng.integers(10, size=(1, S, n)), (np.arange(500) % 10)[None, None]
    rewards, data_rewards = (a * 0.3 + spread * rng.random(a.shape) for a in (labels, data_labels))
    return {
        "first_rewards": rewards, "first_labels": labels, "data_rewards": data_rewards, "data_labels": data_labels,
    }  # fmt: skip


@pytest.mark.parametrize("lam", [math.inf, 0.5])
def test_the_exact_law_is_that_of_the_classes_when_their_rewards_do_not_vary(lam):
    config = experiments.configure("digits-class", lam=lam)
    arrays = atoms(spread=0.0)
    first = np.bincount(arrays["first_labels"][0, 0], minlength=10) / 4_000
    expected = population.trajectory(first, 0.3 * np.arange(10), config.K, 10, lam, np.full(10, 0.1))
    for reset in (False, True):
        law = predictions.exact_law(config, arrays, reset)
        np.testing.assert_allclose(law["masses"][:, 0], expected, atol=1e-9)
        np.testing.assert_allclose(law["mean_reward"][:, 0], expected @ (0.3 * np.arange(10)), atol=1e-9)


@pytest.mark.parametrize("lam", [math.inf, 0.5])
def test_the_reset_law_moves_shares_and_keeps_what_is_in_a_class(lam):
    config, arrays = experiments.configure("digits-class", lam=lam), atoms()
    law, exact = predictions.exact_law(config, arrays, reset=True), predictions.exact_law(config, arrays)
    r, labels = arrays["first_rewards"][0, 0], arrays["first_labels"][0, 0]
    within = np.bincount(labels, r) / np.bincount(labels)
    np.testing.assert_allclose(law["mean_reward"][:, 0], law["masses"][:, 0] @ within)
    # The first round is the same for both when nothing is mixed in; then only the exact law's classes improve.
    if lam == math.inf:
        np.testing.assert_allclose(law["masses"][1], exact["masses"][1])
    assert (exact["mean_reward"][1:] > law["mean_reward"][1:]).all()


def test_the_mixed_law_starts_at_the_model_and_is_drawn_to_the_data():
    config, arrays = experiments.configure("digits-class", lam=0.0, generations=2), atoms()
    law = predictions.exact_law(config, arrays)
    np.testing.assert_allclose(law["masses"][0, 0], np.bincount(arrays["first_labels"][0, 0]) / 4_000)
    np.testing.assert_allclose(law["masses"][1:], np.full((2, 2, 10), 0.1))
    np.testing.assert_allclose(law["mean_reward"][1:], arrays["data_rewards"].mean())
    np.testing.assert_allclose(law["var_reward"][1:], arrays["data_rewards"].var())


def test_the_laws_error_is_the_spread_over_fresh_atoms():
    config = experiments.configure("digits-class", generations=3)
    arrays = atoms(S=60)
    spread = predictions.exact_law(config, arrays)["mean_reward"].std(1, ddof=1)
    error = np.sqrt(np.square(predictions.law_error(config, arrays)["mean_reward"]).mean(1))
    # Relative errors: 1 / sqrt(2 * 59) of the spread, 1 / sqrt(2 * 9 * 60) of the mean error; four of them.
    np.testing.assert_allclose(error, spread, rtol=4 * math.hypot(1 / math.sqrt(118), 1 / math.sqrt(1_080)))


@pytest.mark.parametrize("way", [1.0, 0.5, 0.0])
@pytest.mark.parametrize("lam", [math.inf, 0.5])
def test_transmission_is_the_part_of_the_way_that_was_gone(lam, way):
    n, K, S = 500, 4, 300
    config = experiments.configure("digits-class", n=n, K=K, lam=lam)
    generator = torch.Generator().manual_seed(0)
    rng = np.random.default_rng(0)
    levels = torch.linspace(0, 3, 10, dtype=torch.float64)
    mix = 1.0 if lam == math.inf else lam / (1 + lam)
    found = {"masses": np.empty((2, S, 10)), "step_masses": np.empty((2, S, 10)), "pick_masses": np.empty((2, S, 10))}
    for s in range(S):
        labels = torch.randint(10, (n, K), generator=generator)
        picks = choice.curate(labels, levels[labels], generator)
        now, picked = (np.bincount(x.flatten(), minlength=10) / x.numel() for x in (labels, picks))
        target = now + way * ((1 - mix) * 0.1 + mix * picked - now)
        found["masses"][:, s] = now, rng.multinomial(n * K, target) / (n * K)
        found["step_masses"][:, s] = now * population.curation_weight(now, levels.numpy(), K)
        found["pick_masses"][:, s] = picked
    slope, error = predictions.transmission(config, found | {"data_labels": atoms()["data_labels"]})
    assert slope.shape == error.shape == (1, S)
    z = (slope[0] - way) / error[0]
    assert abs(z.mean()) < 4.5 / math.sqrt(S)
    # Picks are counted as independent draws, which bounds their variance; for way < 1 they matter less than counted.
    assert z.std() < 1 + 4 / math.sqrt(2 * S) and (way < 1 or z.std() > 0.7)


def test_where_no_change_is_predicted_there_is_no_transmission():
    config = experiments.configure("digits-control", n=100)
    masses = np.full((3, 2, 10), 0.1)
    found = {"masses": masses, "step_masses": masses + 1e-16, "pick_masses": masses}
    slope, error = predictions.transmission(config, found | {"data_labels": atoms()["data_labels"]})
    assert np.isnan(slope).all() and np.isnan(error).all()


def test_entropy_of_even_and_of_single_shares():
    np.testing.assert_allclose(predictions.entropy(np.array([[0.1] * 10, [1.0] + [0.0] * 9])), [math.log(10), 0])


def test_a_class_that_the_first_model_lacks_stays_empty_and_the_others_share_the_rest():
    config = experiments.configure("digits-class", lam=0.5, generations=4)
    arrays = atoms()
    keep = arrays["first_labels"][0, 0] != 7
    few = arrays | {name: arrays[name][..., :1, keep] for name in ("first_rewards", "first_labels")}
    law = predictions.exact_law(config, few, reset=True)
    np.testing.assert_allclose(law["masses"].sum(-1), 1)
    assert (law["masses"][..., 7] == 0).all() and np.isfinite(law["mean_reward"]).all()
    assert predictions.exact_law(config, few)["masses"][1, 0, 7] > 0.05  # which the data bring into the exact law
    # By hand, one round: curated and mixed shares, without the seventh.
    r, labels = few["first_rewards"][0, 0], few["first_labels"][0, 0]
    curated = np.bincount(labels, population.step(np.full(len(r), 1 / len(r)), r, config.K), 10)
    shares = 2 / 3 * 0.1 + curated / 3
    shares[7] = 0
    np.testing.assert_allclose(law["masses"][1, 0], shares / shares.sum())


def test_laws_of_the_plane_and_of_images_are_one():
    """Two moons are two classes; so are ten, of which eight have no atoms."""
    digits = experiments.configure("digits-class", generations=3)
    moons = experiments.configure("moons-k4", generations=3)
    found = {name: values % 2 if "labels" in name else values for name, values in atoms().items()}
    two, ten = (predictions.exact_law(config, found)["masses"] for config in (moons, digits))
    np.testing.assert_allclose(two, ten[..., :2])
    moved = two + np.array([0.1, -0.1])
    off = predictions.distances(moons, {"masses": moved}, {"masses": two})
    np.testing.assert_allclose(off["total_variation"], 0.1)
