"""Judges of CIFAR-10: training that can be cut short, and weights that are shipped."""

import dataclasses

import pytest
import torch

from sclib import datasets, judges, results, training, weights
from sclib.judge_network import Network

TINY = {"width": 4, "epochs": 3, "batch": 10}


@pytest.fixture
def silent():
    return lambda line: None


@pytest.mark.parametrize("kind", ["vgg", "residual"])
def test_a_training_cut_short_anywhere_ends_with_the_same_weights(kind, cache, cifar10_stand_in, monkeypatch, silent):
    images, labels = datasets.cifar10("train")
    judge = judges.Judge("some-judge", kind, **TINY)
    straight = judges.fit(judge, images, labels, "straight", report=silent).state_dict()
    calls = 0
    while (network := judges.fit(judge, images, labels, "in pieces", max_minutes=0, report=silent)) is None:
        calls += 1
    assert calls == 8  # a step each, of nine
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, straight[name]), name


@pytest.mark.parametrize("kind", ["vgg", "residual"])
def test_a_judge_learns_what_can_be_learned(kind, cache, silent):
    """Two classes of noise, dark and bright: nothing is easier, and chance is one half."""
    images = torch.randint(0, 128, (80, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    labels = torch.arange(80) % 2
    images[labels == 1] += 127
    judge = judges.Judge("some-judge", kind, 8, epochs=12, batch=20, lr=0.05)
    network = judges.fit(judge, images[:60], labels[:60], "noise", report=silent)
    assert judges.accuracy(network, images[60:], labels[60:]) == 1


def test_features_and_logits_are_those_of_the_network():
    torch.manual_seed(0)
    network = Network("residual", 4).eval()
    images = torch.randint(0, 256, (700, 3, 32, 32), dtype=torch.uint8)
    assert network.features(images).shape == (700, 20)
    torch.testing.assert_close(network.logits(images), network(images.float()), rtol=1e-4, atol=1e-5)


def test_a_square_is_hidden_around_any_pixel():
    """Inside, each pixel is hidden in side^2 of the H W places; at the border the square is cut off."""
    n, side = 20_000, 4
    pixels, mean = torch.ones(n, 3, 8, 10), torch.tensor([2.0, 3.0, 4.0])[:, None, None]
    out = judges.hidden(pixels, side, mean, torch.Generator().manual_seed(0))
    hole = out[:, 0] == 2
    assert torch.equal(out, torch.where(hole[:, None], mean, pixels))
    inside, corner = side**2 / 80, (side // 2) ** 2 / 80  # the last row is met from the last side / 2
    share = hole.double().mean(0)
    assert abs(share[4, 5] - inside) < 4 * (inside / n) ** 0.5
    assert abs(share[-1, -1] - corner) < 4 * (corner / n) ** 0.5
    assert torch.equal(judges.hidden(pixels, 0, mean, torch.Generator()), pixels)


@pytest.mark.parametrize("name, value", [("shift", 0), ("hole", 0), ("lr", 0.1), ("weight_decay", 0.1)])
def test_every_setting_of_a_training_changes_it(name, value, cache, cifar10_stand_in, silent):
    images, labels = datasets.cifar10("train")
    ones = [judges.Judge("some-judge", "residual", **TINY, weight_decay=0.5)]
    ones.append(dataclasses.replace(ones[0], **{name: value}))
    a, b = (judges.fit(judge, images, labels, "both", report=silent).head.weight for judge in ones)
    assert not torch.equal(a, b)


def test_the_rate_rises_a_quarter_of_the_way_and_falls_to_zero():
    rates = [judges.one_cycle(done / 1000) for done in range(1001)]
    assert 240 <= rates.index(max(rates)) <= 250
    assert rates[-1] == 0 and min(rates[:-1]) > 0 and max(rates) == pytest.approx(1, abs=0.01)


def test_draws_of_a_step_are_no_other_steps():
    seeds = [
        training.stream(seed, step, use).initial_seed() for seed in (0, 1) for step in (0, 1, 9999) for use in (0, 1)
    ]
    assert len(set(seeds)) == len(seeds)


def test_trained_weights_are_kept_and_loaded(cache, cifar10_stand_in, monkeypatch, capsys):
    tiny = dataclasses.replace(judges.JUDGES["critic"], **TINY)
    monkeypatch.setitem(judges.JUDGES, "critic", tiny)
    monkeypatch.setattr(weights, "SHIPPED", cache / "nothing")
    with pytest.raises(results.MissingResult, match=r"python -m sclib\.judges critic"):
        judges.load("critic")
    judges.main(["critic"])
    assert "test accuracy 0." in capsys.readouterr().out
    images, _ = datasets.cifar10("test")
    network = judges.fit(tiny, *datasets.cifar10("train"), datasets.cifar10_source())  # from its last checkpoint
    torch.testing.assert_close(judges.load("critic").logits(images), network.logits(images), rtol=0.02, atol=0.02)
