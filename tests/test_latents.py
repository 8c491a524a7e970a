"""Loops in the latent space, in small: random networks in place of the trained ones, and noise for images."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from sclib import (
    autoencoder,
    datasets,
    experiments,
    first_stage,
    judges,
    latent_loop,
    latents,
    predictions,
    results,
    weights,
)  # fmt: skip
from sclib.judge_network import Network
from sclib.record import file_name

NAMES = [config.experiment for config in latents.EXPERIMENTS]
PROVENANCE = {name: "none" for name in weights.PROVENANCE}


@pytest.fixture
def small(cache, cifar10_stand_in, tmp_path, monkeypatch):
    """Networks of random weights, small ones, shipped."""
    return ship_small(tmp_path / "shipped", monkeypatch)


def ship_small(folder, monkeypatch):
    monkeypatch.setattr(weights, "SHIPPED", folder)
    stage = first_stage.Stage(widths=(8, 8, 16), channels=2)
    monkeypatch.setattr(first_stage, "STAGE", stage)
    torch.manual_seed(0)
    networks = {}
    for name, judge in judges.JUDGES.items():
        judge = dataclasses.replace(judge, width=4)
        monkeypatch.setitem(judges.JUDGES, name, judge)
        networks[file_name(judge.network)] = (judge.network, Network(judge.kind, judge.width))
    _, critic = networks[file_name(judges.JUDGES["critic"].network)]
    coder = autoencoder.Autoencoder(stage.widths, stage.channels, critic)
    networks[file_name(stage.network)] = (stage.network, coder)
    for name, (config, network) in networks.items():
        weights.save(folder / name, config, network.state_dict(), PROVENANCE)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_settings_are_the_papers_where_these_are_known(name):
    config = experiments.configure(name)
    assert config.K == (1 if "control" in name else 4) and config.lam == (0.5 if "mixed" in name else math.inf)
    assert (
        config.seeds == ((0,) if "scratch" in name else (0, 1, 2, 3, 4))
        and config.generations >= (3 if "scratch" in name else 10)
        and config.n >= 2500
    )
    assert config.model.pairing == "ot" and config.reward == ("class" if "class" in name else "confidence")


def test_a_loop_stopped_after_every_step_equals_one_that_was_not(small, cache, monkeypatch, same):
    name, changes = "cifar10-latent-confidence-mixed", {"preset": "smoke", "seeds": (100, 101)}
    whole = experiments.run(name, device="cpu", **changes)
    monkeypatch.setenv("SCLIB_CACHE", str(cache / "other"))
    calls = 1
    while (result := experiments.run(name, device="cpu", max_minutes=0, **changes)) is None:
        calls += 1
        assert calls < 30
    assert calls >= 2 * (2 + 2 * 2) and same(result, whole)


def test_what_is_stored_is_what_both_judges_say_of_decoded_pictures(small):
    config = experiments.configure("cifar10-latent-class", preset="smoke", seeds=(100,))
    result = experiments.run("cifar10-latent-class", device="cpu", preset="smoke", seeds=(100,))
    a = result.arrays
    assert a["pictures"].shape == (3, 1, 4, 3, 32, 32) and a["second_masses"].shape == (3, 1, 10)
    for t in range(3):  # all proposals' rewards and labels are kept, in the order drawn: a picture is every K-th
        logits = judges.load("judge").logits(torch.as_tensor(a["pictures"][t, 0]))
        r = config.gamma * logits.softmax(1)[:, 0]
        np.testing.assert_allclose(a["rewards"][t, 0, :: config.K][:4], r, rtol=2e-3)
        assert (a["labels"][t, 0, :: config.K][:4] == logits.argmax(1).numpy()).all()
    for name in ("near_copies", "precision", "recall"):  # of the first and the last round
        assert list(np.isnan(a[name][:, 0])) == [False, True, False]
    assert not np.isnan(a["frechet"]).any()
    second = judges.load("second").logits(torch.as_tensor(a["pictures"][0, 0])).argmax(1)
    assert (a["second_masses"][0, 0][second] > 0).all()
    np.testing.assert_allclose(a["second_masses"].sum(-1), 1)
    assert a["data_rewards"].shape == (1, 1, 20) and predictions.exact_law(config, a)["masses"].shape == (3, 1, 10)
    text = experiments.show(result, config)
    assert "through the first stage" in text and len(text.splitlines()) == 1 + (2 * 4 + 2) + (4 + 1 + 3) + 1 + 3


def test_a_refit_from_scratch_forgets_the_weights(small):
    config = experiments.configure("cifar10-latent-class", preset="smoke", seeds=(100,), lr=0.0)
    data = torch.randint(0, 256, (20, 2, 4, 4), dtype=torch.uint8)
    for refit in ("warm", "scratch"):
        flow = latents.LatentFlow(dataclasses.replace(config, refit=refit), 100, 200, "cpu")
        flow.fit(data)
        before = [weight.clone() for weight in flow.parameters()]
        flow.fit(data)  # at a rate of 0
        kept = [torch.equal(a, b) for a, b in zip(before, flow.parameters(), strict=True) if a.ndim > 1]
        assert all(kept) if refit == "warm" else not any(kept)


def test_the_first_model_learns_latents_on_the_scale_of_the_noise(small):
    """Latents of standard deviation 1/2 about 1, which a flow of bytes as pixels would draw elsewhere."""
    generator = torch.Generator().manual_seed(0)
    data = autoencoder.to_bytes(1 + 0.5 * torch.randn(2000, 2, 4, 4, generator=generator))
    config = experiments.configure("cifar10-latent-class", seeds=(100,), width=128, depth=1, first_steps=800, batch=128)
    flow = latents.LatentFlow(config, 100, 200, "cpu")
    flow.fit(data)
    drawn = autoencoder.from_bytes(flow.sample(2000))
    assert drawn.mean().item() == pytest.approx(1, abs=0.05) and drawn.std().item() == pytest.approx(0.5, abs=0.08)


def test_damaged_weights_are_an_error_that_names_them(small, monkeypatch):
    path = small / file_name(first_stage.STAGE.network)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(results.DamagedResult, match=path.name):
        experiments.run("cifar10-latent-class", device="cpu", preset="smoke")


def test_without_a_data_folder_and_a_network_it_says_what_to_do(small, cifar10_stand_in, monkeypatch):
    monkeypatch.setenv("SCLIB_CIFAR10", str(cifar10_stand_in / "elsewhere"))
    with pytest.raises(FileNotFoundError, match="SCLIB_CIFAR10"):
        experiments.run("cifar10-latent-class", device="cpu", preset="smoke")


def test_a_refit_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="refit = 'cold' must be one of warm, scratch"):
        experiments.configure("cifar10-latent-class", refit="cold")


def test_a_loop_from_shipped_weights_needs_no_data(small, monkeypatch):
    config = experiments.configure("cifar10-latent-class", preset="smoke")
    with pytest.raises(results.MissingResult, match=r"python -m sclib\.latent_loop 0"):
        latent_loop.loop(config)
    latent_loop.keep(0, config)
    monkeypatch.delenv("SCLIB_CIFAR10")
    monkeypatch.setattr(datasets, "cifar10", None)
    once, again = (list(latent_loop.loop(config, 0, 2)) for _ in range(2))
    assert len(once) == 3 and all(one["masses"].sum() == pytest.approx(1) for one in once)
    assert all(np.array_equal(a["rewards"], b["rewards"]) for a, b in zip(once, again, strict=True))
    assert not np.array_equal(once[0]["rewards"], once[1]["rewards"])
    with pytest.raises(ValueError, match="device = 'tpu' must be one of auto, cpu"):
        latent_loop.loop(config, 0, 2, "tpu")
    with pytest.raises(ValueError, match=r"lam = 0\.5 must be math\.inf"):
        latent_loop.loop(dataclasses.replace(config, lam=0.5))


def test_a_first_model_that_travelled_is_the_trained_one_but_for_half_precision(small):
    config = experiments.configure("cifar10-latent-class", preset="smoke")
    latent_loop.keep(100, config)
    trained = latents.LatentFlow(config, 100, 200, "cpu")
    trained.fit(None)  # from the cache
    x, t = torch.randn(50, 2, 4, 4, generator=torch.Generator().manual_seed(0)), torch.linspace(0, 1, 50)
    there, here = latent_loop.ShippedFlow(config, 100).network(t, x), trained.network(t, x)
    torch.testing.assert_close(there, here, rtol=0, atol=0.01 * here.std().item())
    assert not torch.equal(there, here)
