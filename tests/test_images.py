"""The experiments on images: their statistics, what is stored, and runs cut short."""

import math
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from sclib import datasets, experiments, gates, images, population, predictions, results
from sclib.classifiers import ImageClassifier
from sclib.image_statistics import comparison

DIGITS = [config.experiment for config in images.EXPERIMENTS if config.data == "digits"]
CIFAR10 = [config.experiment for config in images.EXPERIMENTS if config.data == "cifar10"]
pytestmark = pytest.mark.usefixtures("cache")

TINY = dict(
    seeds=(100, 101), generations=2, n=30, n_atoms=100, n_kept=20, n_near=20, n_pictures=4, classifier_steps=2,
    width=8, depth=1, first_steps=3, steps=2, batch=8, calls=2,
)  # fmt: skip


def assert_statistics_follow(config, arrays):
    """Statistics are those of the stored rewards, which are rounded to half precision, and classes, if all are kept."""
    gamma = config.gamma
    for t, s in np.ndindex(arrays["masses"].shape[:2]):
        r, labels = arrays["rewards"][t, s].astype(float), arrays["labels"][t, s]
        assert len(r) == config.n * config.K
        found = {name: arrays[name][t, s] for name in arrays if arrays[name].shape[:2] == arrays["masses"].shape[:2]}
        np.testing.assert_allclose(found["masses"], np.bincount(labels, minlength=10) / len(labels))
        np.testing.assert_allclose(found["mean_reward"], r.mean(), rtol=1e-3)
        np.testing.assert_allclose(found["var_reward"], r.var(), atol=4e-3 * gamma * r.std() + 1e-6)
        for c in range(10):
            inside = r[labels == c].mean() if (labels == c).any() else math.nan
            np.testing.assert_allclose(found["class_reward"][c], inside, rtol=1e-3)
        curated = population.step(np.full(len(r), 1 / len(r)), r, config.K)
        np.testing.assert_allclose(found["step_masses"], np.bincount(labels, curated, 10), atol=2e-3 * gamma)


# What is shipped.  What the digits reach: medians over seeds.


@pytest.fixture(scope="module")
def shipped():
    return {name: (experiments.configure(name), experiments.load(name).arrays) for name in DIGITS}


@pytest.mark.parametrize("name", DIGITS)
def test_every_experiment_on_digits_is_shipped_with_fixed_seeds(name):
    config = experiments.configure(name)
    path = results.SHIPPED / results.file_name(config)
    arrays = results.read(path, config).arrays
    assert config.seeds == (0, 1, 2, 3, 4) and config.generations == 10 and path.stat().st_size < 800_000
    assert arrays["masses"].shape == (11, 5, 10) and arrays["first_rewards"].shape == (1, 5, 20_000)
    assert arrays["pictures"].shape == (11, 5, 30, 1, 8, 8) and arrays["pictures"].dtype == np.uint8


@pytest.mark.parametrize("name", DIGITS)
def test_stored_statistics_follow_from_what_is_stored(name, shipped):
    config, arrays = shipped[name]
    masses, kept = arrays["masses"], config.n_kept
    np.testing.assert_allclose(masses.sum(-1), 1)
    np.testing.assert_allclose(
        (masses * np.nan_to_num(arrays["class_reward"])).sum(-1), arrays["mean_reward"], rtol=1e-6
    )
    shares = (arrays["labels"][..., None] == np.arange(10)).mean(-2)
    # Of 550 shares, by chance one in 300 tries is further off than 4.5 standard errors; so is one of 55 means.
    assert (abs(shares - masses) <= 4.5 * np.sqrt(masses * (1 - masses) / kept) + 1 / kept).all()
    error = 4.5 * np.sqrt(arrays["var_reward"] / kept) + 5e-3  # the rest is half precision
    assert (abs(arrays["rewards"].astype(float).mean(-1) - arrays["mean_reward"]) <= error).all()


def test_the_classifier_and_the_first_models_are_good_enough(shipped):
    for config, arrays in shipped.values():
        assert arrays["gate_accuracy"][0] >= 0.975 and arrays["gate_calibration"][0] <= 0.02
        assert np.median(arrays["top"][0]) >= 0.95 > arrays["gate_top"][0, 2] + 0.1  # and noise is told from digits
        shares = (arrays["first_labels"][0][..., None] == np.arange(10)).mean(1)  # (S, 10)
        assert np.median(abs(shares - 0.1).sum(1) / 2) <= 0.05
        assert len(config.seeds) == 5


def test_a_class_reward_is_followed_as_the_exact_law_says(shipped):
    config, arrays = shipped["digits-class"]
    assert np.median(predictions.transmission(config, arrays)[0][0]) >= 0.75
    assert np.median(predictions.distances(config, arrays)["total_variation"], 1)[5:].max() <= 0.05
    assert np.median(arrays["masses"][10, :, config.favoured]) > 0.97


def test_real_data_holds_a_class_reward_near_the_exact_law(shipped):
    config, arrays = shipped["digits-class-mixed"]
    assert np.median(predictions.distances(config, arrays)["total_variation"], 1).max() <= 0.10
    assert np.median(arrays["top"], 1).min() >= 0.95


def test_confidence_makes_shares_uneven_in_the_direction_predicted_and_the_control_does_not(shipped):
    config, arrays = shipped["digits-confidence"]
    entropy = {name: np.median(predictions.entropy(shipped[name][1]["masses"][10])) for name in DIGITS}
    assert entropy["digits-confidence"] < entropy["digits-control"] - 0.3
    for reset in (False, True):
        masses = predictions.exact_law(config, arrays, reset)["masses"]
        law, found = masses[10] - masses[0], arrays["masses"][10] - arrays["masses"][0]
        cosine = (law * found).sum(-1) / np.sqrt(np.square(law).sum(-1) * np.square(found).sum(-1))
        assert np.median(cosine) > 0.5  # two independent directions among ten shares: 0 +- 0.33


def test_real_data_keeps_shares_even_under_confidence(shipped):
    _, arrays = shipped["digits-confidence-mixed"]
    assert np.median(predictions.entropy(arrays["masses"]), 1).min() >= 2.25


def test_the_laws_own_error_is_small_beside_what_is_measured(shipped):
    for config, arrays in shipped.values():
        assert predictions.law_error(config, arrays)["masses"].max() < 0.03


# Statistics.


class Bright:
    """A classifier by brightness: the class is that of the mean pixel, ten levels."""

    def logits(self, x):
        level = x.float().mean((1, 2, 3)) / 25.6
        return -2 * (level[:, None] - torch.arange(10) - 0.5).square()

    def features(self, x):
        return x.flatten(1).float()


def test_statistics_are_those_of_the_draw_that_was_curated():
    config = experiments.configure("digits-class", favoured=3, K=2, n_kept=5, n_pictures=2)
    level = torch.tensor([[0, 3], [3, 3], [9, 0]])  # (n, K)
    proposals = (level * 25.6 + 12.8).round().to(torch.uint8)[..., None, None, None].expand(3, 2, 1, 8, 8)
    r = images.score(config, Bright().logits(proposals.flatten(0, 1))).view(3, 2)
    logits = Bright().logits(proposals.flatten(0, 1))
    found = images.summarise(config, proposals, logits, r, torch.tensor([1, 0, 0]))
    expected = np.zeros(10)
    expected[[0, 3, 9]] = 1 / 3, 1 / 2, 1 / 6
    np.testing.assert_allclose(found["masses"], expected)
    np.testing.assert_allclose(found["pick_masses"][[3, 9]], [2 / 3, 1 / 3])
    assert found["labels"].tolist() == [0, 3, 3, 3, 9]
    np.testing.assert_allclose(found["rewards"], r.flatten()[:5], rtol=1e-3, atol=1e-6)
    assert found["mean_reward"] == pytest.approx(r.mean().item()) and found["var_reward"] == pytest.approx(
        r.var(correction=0).item()
    )
    np.testing.assert_allclose(found["class_reward"][[3, 9]], [r[1, 0], r[2, 0]], rtol=1e-6)
    assert np.isnan(found["class_reward"][1])
    curated = population.step(np.full(6, 1 / 6), r.flatten().double().numpy(), 2)
    assert found["step_masses"][3] == pytest.approx(curated[[1, 2, 3]].sum())
    assert torch.equal(torch.as_tensor(found["pictures"]), proposals[:2, 0])


def test_the_reward_is_the_papers_without_a_hidden_temperature():
    logits = torch.tensor([[0.0, math.log(3.0)] + [-50.0] * 8])
    assert images.score(experiments.configure("digits-class"), logits).item() == pytest.approx(5 / 4)
    assert images.score(experiments.configure("digits-class", favoured=1), logits).item() == pytest.approx(5 * 3 / 4)
    sure = experiments.configure("digits-confidence", temperature=1.0, gamma=2.0)
    assert images.score(sure, logits).item() == pytest.approx(1.5)
    assert images.score(experiments.configure("cifar10-class"), logits).item() == pytest.approx(5 / 4)


def test_copies_of_training_images_are_found_and_held_out_ones_are_not_taken_for_copies():
    config = experiments.configure("digits-class", n_near=360)
    (train, _), (held_out, _) = datasets.digits("train"), datasets.digits("test")
    compare = comparison(config, Bright(), train, held_out)
    copies, fresh = compare(train[:360, None]), compare(held_out[:, None])
    assert copies["near_copies"] == 1 and copies["train_distance"] == pytest.approx(0, abs=1e-3)
    assert fresh["near_copies"] == pytest.approx(0.01, abs=1 / 360) and fresh["train_distance"] > 0.1
    assert fresh["held_out_distance"] == pytest.approx(0, abs=1e-3)


def test_a_copy_of_cifar10_that_comes_class_by_class_is_compared_as_a_whole():
    """Dark images first, then bright ones: samples of both are as close to them as others of both are."""
    config = experiments.configure("cifar10-class", n_near=200)
    generator = torch.Generator().manual_seed(0)
    dark, bright = (torch.randint(low, low + 60, (700, 3, 4, 4), generator=generator) for low in (0, 195))
    parts = [torch.cat([dark[a:b], bright[a:b]]).to(torch.uint8) for a, b in ((0, 500), (500, 600), (600, 700))]
    images, held_out, samples = parts
    found = comparison(config, Bright(), images, held_out)(samples[:, None])
    assert min(found["precision"], found["recall"]) > 0.6  # beside the first images, all dark, at most 0.5
    assert found["train_distance"] == pytest.approx(found["held_out_distance"], rel=0.05)
    little = comparison(config, Bright(), images, held_out)(samples[:, None], closely=False)
    assert {name: value for name, value in little.items() if not np.isnan(value)} == {"frechet": found["frechet"]}


def test_the_gates_noise_has_the_mean_and_covariance_of_the_images():
    rng = np.random.default_rng(0)
    turn = rng.normal(size=(12, 12)) * 6
    x = torch.as_tensor((rng.normal(size=(3_000, 12)) @ turn + 127).clip(0, 255)).to(torch.uint8).view(-1, 3, 2, 2)
    n = 20_000
    noise = gates._gaussian_noise(x, n, torch.Generator().manual_seed(1))
    assert noise.shape == (n, 3, 2, 2) and noise.dtype == torch.uint8
    ours, theirs = (np.cov(v.flatten(1).double().numpy(), rowvar=False) for v in (noise, x))
    sd = np.sqrt(np.diag(theirs))
    # Four and a half standard errors of a covariance, and what rounding and clipping add.
    np.testing.assert_allclose(ours / np.outer(sd, sd), theirs / np.outer(sd, sd), atol=4.5 * math.sqrt(2 / n) + 0.02)
    means = (v.flatten(1).double().mean(0) for v in (noise, x))
    np.testing.assert_allclose(*means, atol=4.5 * sd.max() / math.sqrt(n) + 0.3)


def test_the_gate_tells_samples_from_noise():
    (train, labels), (held_out, held_out_labels) = datasets.digits("train"), datasets.digits("test")
    classifier = ImageClassifier("cnn", (1, 8, 8))
    classifier.fit(train, labels, 150)
    config = experiments.configure("digits-class")
    found = gates.measured_gate(config, classifier, held_out, held_out_labels, train, train[None, :360])
    assert found["gate_accuracy"] > 0.9 and found["gate_top"][1] > found["gate_top"][2] + 0.1
    np.testing.assert_allclose(found["gate_masses"].sum(1), 1)
    np.testing.assert_allclose(found["gate_masses"][1], labels[:360].bincount(minlength=10) / 360, atol=0.05)
    text = gates.gate({name: value[None] for name, value in found.items()})
    assert f"accuracy {found['gate_accuracy']:.4f}" in text and "noise of the same covariance" in text


def test_the_gate_asks_whether_a_mirror_left_to_right_changes_the_class():
    class Half(Bright):
        """A classifier by the brightness of one half."""

        def __init__(self, *half):
            self.half = half

        def logits(self, x):
            return super().logits(x[(..., *self.half)])

    x = torch.zeros(40, 3, 32, 32, dtype=torch.uint8)
    x[:20, ..., :16], x[:20, ..., :16, :] = 128, 255  # the upper half bright; in the lower, the left one
    labels, config = torch.zeros(40, dtype=torch.long), experiments.configure("cifar10-class")
    upper, left = ((slice(16), slice(None)), (slice(None), slice(16)))
    for half, share in ((upper, 1.0), (left, 0.5)):
        found = gates.measured_gate(config, Half(*half), x, labels, x, x[None])["gate_flip"]
        np.testing.assert_allclose(found[:2], share)
    digits = experiments.configure("digits-class")
    assert "gate_flip" not in gates.measured_gate(digits, Bright(), x, labels, x, x[None])


# Running.


@pytest.mark.parametrize("name", DIGITS)
def test_every_experiment_on_digits_runs_and_experiments_share_their_first_models(name, cache, same):
    result = experiments.run(name, device="cpu", **TINY)
    config = experiments.configure(name, **TINY)
    assert result.arrays["masses"].shape == (3, 2, 10) and result.arrays["first_rewards"].shape == (1, 2, 100)
    assert (
        result.arrays["pictures"].shape == (3, 2, 4, 1, 8, 8) and result.provenance["data"] == "scikit-learn's digits"
    )
    assert result.source in experiments.show(result, config)
    made = sorted((cache / "models").iterdir())
    assert len(made) == 3  # a classifier and two first models
    again = experiments.run(name, device="cpu", **TINY)
    assert same(result, again) and sorted((cache / "models").iterdir()) == made


def test_a_short_run_agrees_with_the_stored_seeds():
    """With a tenth of the training, shares come within 0.06 of the stored seeds' range, before and after one round."""
    short = dict(seeds=(0,), generations=1, first_steps=800, n=750, n_atoms=100, n_near=100)
    measured = experiments.run("digits-class", device="cpu", **short).arrays["masses"][:, 0]
    stored = experiments.load("digits-class").arrays["masses"][:2]  # (2, 5, 10)
    assert (measured > stored.min(1) - 0.06).all() and (measured < stored.max(1) + 0.06).all()


def test_a_run_stopped_after_every_step_equals_one_that_was_not(cache, monkeypatch, same):
    whole = experiments.run("digits-class-mixed", device="cpu", **TINY)
    monkeypatch.setenv("SCLIB_CACHE", str(cache / "other"))
    calls = 1
    while (result := experiments.run("digits-class-mixed", device="cpu", max_minutes=0, **TINY)) is None:
        calls += 1
        assert calls < 30
    assert calls >= 2 * (3 + 2 * 2) and same(result, whole)
    assert not list((cache / "other" / "checkpoints").iterdir())


def test_rehearsal_of_cifar_10_killed_and_resumed_equals_an_uninterrupted_run(
    cache, cifar10_stand_in, monkeypatch, same
):
    """From arrays in a folder to the stored result and its table, with everything but learning."""
    config = experiments.configure("cifar10-confidence-mixed", preset="smoke")
    command = [sys.executable, "-m", "sclib.experiments", "run", config.experiment, "--set", "preset=smoke"]
    process = subprocess.Popen(
        [*command, "--device", "cpu"], env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    checkpoint = cache / "checkpoints" / f"cpu-{results.file_name(config)}"
    deadline = time.monotonic() + 300
    while not checkpoint.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 0 <= results.read(checkpoint, config).arrays["t"] < 2
    # Then it runs out of time within a fit, and goes on from there.
    assert experiments.run(config.experiment, "cpu", max_minutes=0, preset="smoke") is None
    assert all(part.stat().st_size < 16_000_000 for part in checkpoint.parent.iterdir())
    resumed = experiments.run(config.experiment, "cpu", preset="smoke")
    assert not list(checkpoint.parent.iterdir())

    monkeypatch.setenv("SCLIB_CACHE", str(cache / "other"))
    assert same(resumed, experiments.run(config.experiment, "cpu", preset="smoke"))
    arrays = resumed.arrays
    assert arrays["pictures"].shape == (3, 1, 4, 3, 32, 32) and arrays["data_rewards"].shape == (1, 1, 30)
    assert resumed.provenance["data"] == "a stand-in of coloured noise"
    assert_statistics_follow(config, arrays)
    assert len(experiments.show(resumed, config).splitlines()) == 1 + 4 + 1 + 3


@pytest.mark.parametrize("name", CIFAR10)
def test_the_presets_of_cifar_10_change_what_they_say(name):
    full, short, smoke = (experiments.configure(name, preset=preset) for preset in ("full", "short", "smoke"))
    assert full == experiments.configure(name)
    assert (short.generations, short.model.first_steps, short.model.steps) == (10, 12_000, 500)
    assert smoke.K == full.K and smoke.lam == full.lam and smoke.model.network == "unet"
    assert experiments.configure(name, preset="short", generations=3).generations == 3
    assert '--set "generations=10"' in experiments.command(short)


def test_presets_that_do_not_exist_are_named():
    with pytest.raises(ValueError, match="preset = 'tiny' must be one of None, full, short, smoke"):
        experiments.configure("cifar10-class", preset="tiny")
    with pytest.raises(ValueError, match="preset = 'short' must be one of None"):
        experiments.configure("digits-class", preset="short")
    with pytest.raises(ValueError, match="reward = 'beauty' must be one of class, confidence"):
        experiments.configure("digits-class", reward="beauty")


def test_top_is_at_temperature_1_and_the_next_shares_at_the_config_s_k():
    config = experiments.configure("digits-confidence", K=3)
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(60, 10, generator=generator)
    r = images.score(config, logits).view(20, 3)
    pictures = torch.zeros(20, 3, 1, 8, 8, dtype=torch.uint8)
    found = images.summarise(config, pictures, logits, r, torch.zeros(20, dtype=torch.long))
    assert config.temperature != 1 and found["top"] == pytest.approx(logits.softmax(-1).amax(-1).mean().item())
    curated = population.step(np.full(60, 1 / 60), r.flatten().double().numpy(), 3)
    np.testing.assert_allclose(found["step_masses"], np.bincount(logits.argmax(-1), curated, 10))


def test_no_two_uses_of_seeds_share_a_stream():
    streams = {images.stream(seed, use) for seed in range(50) for use in (0, 1)}
    assert len(streams) == 100
