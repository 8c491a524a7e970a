"""The classifiers: they tell their data apart, always in the same way, and treat pixels alike."""

import numpy as np
import pytest
import torch

from sclib.classifiers import ImageClassifier, calibration_error, moved, probabilities
from sclib.datasets import digits, sample_moons
from sclib.images import Config
from sclib.kept import CLASSIFIERS
from sclib.point_classifier import fit_classifier


def moons(n, seed):
    return sample_moons(n, generator=torch.Generator().manual_seed(seed))


def test_moons_are_told_apart_on_points_not_trained_on():
    classify = fit_classifier(*moons(5_000, 0))
    x, moon = moons(5_000, 1)
    q = classify(x)
    assert q.shape == (5_000, 2)
    torch.testing.assert_close(q.sum(-1), torch.ones(5_000))
    assert (q.argmax(-1) == moon).double().mean() > 0.995


def test_same_seed_same_classifier_and_the_global_stream_is_left_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    x, moon = moons(200, 0)
    first, second, other = (fit_classifier(x, moon, steps=5, seed=seed)(x) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(first, second) and not torch.equal(first, other)


def test_leading_axes_are_kept():
    assert fit_classifier(*moons(50, 0), steps=1)(torch.zeros(3, 4, 2)).shape == (3, 4, 2)


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"labels has shape \(4,\); allowed is \(5,\)"):
        fit_classifier(torch.zeros(5, 2), torch.zeros(4, dtype=torch.long))


# Images.


@pytest.fixture(scope="module")
def digits_classifier():
    settings = CLASSIFIERS["digits"]
    classifier = ImageClassifier(settings["kind"], (1, 8, 8))
    steps = Config.classifier_steps
    classifier.fit(*digits("train"), steps, **{k: v for k, v in settings.items() if k != "kind"})
    return classifier


def test_held_out_digits_are_told_apart_and_the_classifier_knows_how_sure_it_may_be(digits_classifier):
    images, labels = digits("test")
    q = probabilities(digits_classifier.logits(images))
    assert (q.argmax(-1) == labels).double().mean() >= 0.975
    # Of 360, one more or less is 0.003: the error of a perfectly calibrated classifier is of that order.
    assert calibration_error(q, labels) < 0.02 < calibration_error(probabilities(q.log(), 3.0), labels)


def test_pixels_are_prepared_in_one_place_for_training_and_use(digits_classifier):
    """The mistake in public code: images in [-1, 1] go to a network that was trained on other pixels."""
    images, labels = digits("test")
    for other in (images.float() / 127.5 - 1, images.float() / 255, images.float()):
        with pytest.raises(ValueError, match="allowed is a uint8 tensor"):
            digits_classifier.logits(other)
    # The mistake itself, past that guard, costs accuracy at once: the guard is worth having.
    with torch.no_grad():
        mistaken = digits_classifier.network(
            (images.float() / 127.5 - 1 - digits_classifier.mean) / digits_classifier.sd
        )
    assert (mistaken.argmax(-1) == labels).double().mean() < 0.5


def test_the_networks_input_has_mean_zero_and_spread_one(digits_classifier):
    x = digits_classifier._normalised(digits("train")[0])
    assert x.mean().item() == pytest.approx(0, abs=1e-5) and x.std().item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("kind, shape", [("cnn", (1, 8, 8)), ("vgg", (3, 32, 32))])
def test_a_restored_classifier_is_the_same(kind, shape):
    images = torch.randint(256, (12, *shape), dtype=torch.uint8)
    labels = torch.arange(12) % 10
    first, second = (ImageClassifier(kind, shape, seed=seed) for seed in (1, 2))
    first.fit(images, labels, 3, batch=6, shift=1, flip=True)
    second.restore(first.state())
    assert first.logits(images).shape == (12, 10) and first.features(images).shape == (
        12,
        128 if kind == "cnn" else 512,
    )
    assert torch.equal(first.logits(images), second.logits(images))
    again = ImageClassifier(kind, shape, seed=1)
    again.fit(images, labels, 3, batch=6, shift=1, flip=True)
    assert torch.equal(first.logits(images), again.logits(images))


def test_temperature_flattens_and_keeps_the_order():
    logits = torch.tensor([[0.0, 3.0, 6.0]])
    np.testing.assert_allclose(probabilities(logits, 3.0), torch.tensor([[0.0, 1.0, 2.0]]).softmax(-1))
    torch.testing.assert_close(probabilities(logits), logits.softmax(-1))
    for temperature in (0, -1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match=r"temperature = .* must be positive"):
            probabilities(logits, temperature)


def test_calibration_error_by_hand():
    q = torch.tensor([[0.95, 0.05], [0.95, 0.05], [0.65, 0.35], [0.35, 0.65]])
    labels = torch.tensor([0, 1, 0, 1])  # right, wrong, right, right: 0.95 - 0.5 and 1 - 0.65, half of the samples each
    assert calibration_error(q, labels) == pytest.approx((0.45 + 0.35) / 2)
    assert calibration_error(torch.eye(2), torch.tensor([0, 1])) == 0


def test_images_are_moved_by_whole_pixels_and_mirrored_every_other_time():
    one = torch.zeros(400, 1, 5, 5, dtype=torch.uint8)
    one[:, :, 2, 1] = 9
    drawn = moved(one, 1, True, torch.Generator().manual_seed(0))
    assert drawn.shape == one.shape and (drawn.flatten(1).sum(1) == 9).all()
    rows, columns = np.nonzero(drawn[:, 0].sum(0).numpy())
    assert sorted(set(rows)) == [1, 2, 3] and sorted(set(columns)) == [0, 1, 2, 3, 4]
    still = moved(one, 0, False, torch.Generator())
    assert torch.equal(still, one)


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: ImageClassifier("mlp", (1, 8, 8)), "kind = 'mlp' must be one of cnn, vgg"),
        (
            lambda: ImageClassifier("cnn", (1, 8, 8)).fit(digits("test")[0], torch.zeros(5), 1),
            r"labels has shape \(5,\); allowed is \(360,\)",
        ),
        (
            lambda: ImageClassifier("cnn", (1, 8, 8)).logits(torch.zeros(2, 1, 9, 9, dtype=torch.uint8)),
            r"images has shape \(2, 1, 9, 9\); allowed is \(n, 1, 8, 8\)",
        ),
    ],
)
def test_bad_arguments_are_named(call, says):
    with pytest.raises(ValueError, match=says):
        call()
