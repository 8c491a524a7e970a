"""What is shipped of CIFAR-10: weights that load and say what they reach, and loops that are what the book says."""

import re

import numpy as np
import pytest
import torch

from sclib import experiments, first_stage, images, judges, latent_loop, latents, predictions, weights
from sclib.population import step
from sclib.record import file_name

CONFIG = latents.EXPERIMENTS[0]
FILES = {name: judges.JUDGES[name].network for name in ("judge", "second")}
FILES |= {"stage": first_stage.STAGE.network, "flow": latent_loop.first_model(0, CONFIG)}


@pytest.mark.parametrize("name", FILES)
def test_a_file_says_where_it_is_from_and_what_it_reached(name, cache):
    _, provenance = weights.load(FILES[name], "train it")
    assert set(provenance) == set(weights.PROVENANCE) and "MIT" in provenance["licence"]
    assert "CIFAR-10" in provenance["data"]


@pytest.mark.parametrize(("name", "least"), [("judge", 0.87), ("second", 0.85)])
def test_a_judge_is_as_good_as_the_book_says(name, least, cache):
    _, provenance = weights.load(FILES[name], "train it")
    assert float(re.search(r"test accuracy (0\.\d+) in half precision", provenance["reached"])[1]) >= least


def test_drawn_pictures_are_what_both_judges_take_them_for(cache):
    """Two networks that share nothing but the data agree on far more than a tenth of what is drawn."""
    flow = latent_loop.ShippedFlow(CONFIG, 0)
    flow.fit(None)
    pictures = first_stage.load().decode(flow.sample(200))
    labels = [judges.load(name).logits(pictures).argmax(1) for name in ("judge", "second")]
    assert (labels[0] == labels[1]).double().mean() > 0.5


def test_what_a_reader_runs_is_small():
    sizes = {path.name: path.stat().st_size for path in weights.SHIPPED.glob("*.npz")}
    assert set(sizes) == {file_name(network) for network in FILES.values()}
    assert sum(sizes[file_name(FILES[name])] for name in ("judge", "stage", "flow")) <= 12e6


@pytest.mark.parametrize("config", latents.EXPERIMENTS, ids=lambda config: config.experiment)
def test_stored_pictures_get_their_stored_classes_and_rewards(config, cache):
    """The shipped judge, given the shipped pictures, says what the stored loop was told."""
    arrays, judge = experiments.load(config.experiment).arrays, judges.load("judge")
    for t in (0, config.generations // 2, config.generations):
        for seed in range(len(config.seeds)):
            logits = judge.logits(torch.as_tensor(arrays["pictures"][t, seed]))
            firsts = slice(0, config.K * config.n_pictures, config.K)  # a picture is the first of its group
            assert (arrays["labels"][t, seed, firsts] == logits.argmax(1).numpy()).all()
            r = images.score(config, logits).numpy()
            np.testing.assert_allclose(arrays["rewards"][t, seed, firsts], r, rtol=2**-9, atol=2**-9)


@pytest.fixture(scope="module")
def loops():
    return {
        config.experiment.removeprefix("cifar10-latent-"): experiments.load(config.experiment).arrays
        for config in latents.EXPERIMENTS
    }


@pytest.mark.parametrize("whose", ["", "second_"], ids=["judge", "second judge"])
def test_first_pictures_are_more_than_noise_to_both_judges(loops, whose):
    """More than half the way from noise of the images' covariance to the images; 100,000 pictures, errors < .005."""
    for arrays in loops.values():
        for name in ("gate_top", "gate_flip"):
            images, first, noise = arrays[whose + name][0]
            assert (first - noise) / (images - noise) > 0.5
    masses = loops["class"]["second_gate_masses"][0, 1]
    assert 0.05 < masses.min() and masses.max() < 0.18


def test_the_first_stage_keeps_what_the_second_judge_sees(loops):
    arrays = loops["class"]
    assert arrays["second_gate_accuracy"][0] - arrays["gate_through"][0, 1] < 0.05


def test_airplanes_take_over_and_both_judges_say_so(loops):
    """The judges are within .08 in all rounds but one, there by one standard error of a share of 2,500, .01, more."""
    share, second = (np.median(loops["class"][name][..., 0], 1) for name in ("masses", "second_masses"))
    apart = np.sort(np.abs(share - second))
    assert share[10] > 0.9 and second[10] > 0.9 and apart[-2] < 0.08 and apart[-1] < 0.09
    slope, _ = predictions.transmission(CONFIG, loops["class"])
    assert np.median(slope[0]) > 0.6


def test_an_even_lag_is_overtaken_in_the_middle_only(loops):
    """The answer to the exercise of a loop that lags, from the first row of the chapter's table."""
    first = np.median(loops["class"]["masses"][0, :, 0]).round(3)
    part = np.median(predictions.transmission(CONFIG, loops["class"])[0][0]).round(2)
    p, shares = np.array([first, 1 - first]), []
    for _ in range(CONFIG.generations):
        p = p + part * (step(p, np.array([5.0, 0.0]), CONFIG.K) - p)
        shares.append(p[0])
    behind = np.median(loops["class"]["masses"][1:, :, 0], 1) < shares
    assert list(np.flatnonzero(~behind) + 1) == [2, 3, 4]


def test_with_data_airplanes_come_near_the_level_of_the_law(loops):
    law = predictions.exact_law(experiments.configure("cifar10-latent-class-mixed"), loops["class-mixed"])["masses"]
    second, level = (np.median(masses[10, :, 0]) for masses in (loops["class-mixed"]["second_masses"], law))
    assert level - 0.08 < second < level


def test_confidence_leaves_fewer_classes_than_no_choice_in_every_seed(loops):
    spread = {
        name: predictions.entropy(loops[name]["masses"]) for name in ("confidence", "confidence-mixed", "control")
    }
    assert (spread["confidence"][10] < spread["control"][10]).all()
    assert np.abs(np.median(spread["confidence-mixed"], 1) - np.median(spread["confidence-mixed"][0])).max() < 0.1


def test_loops_do_not_copy(loops):
    """Copies of training images, of which a fifth are among those measured, would be less far from these.

    As many as there are near-copies, at distance 0, would lower the mean by near_copies / 5 of it; half is not seen.
    With data in the mix there are fewer than three times as many near-copies as among held-out images, 1 % of these.
    """
    for name, arrays in loops.items():
        train, held_out, copies = (
            np.median(arrays[part][-1]) for part in ("train_distance", "held_out_distance", "near_copies")
        )
        assert held_out - train < copies / 5 * held_out / 2
        assert copies < 0.03 or "mixed" not in name
