"""The first stage: latents as bytes, losses, and a training that can be cut short."""

import dataclasses

import pytest
import torch

from sclib import autoencoder, datasets, first_stage, first_stage_losses, results, weights
from sclib.first_stage import Stage
from sclib.first_stage_losses import Losses
from sclib.judge_network import Network

TINY = Stage(widths=(8, 8, 16), steps=7, batch=6, adversary_from=0.4)


@pytest.fixture
def critic():
    torch.manual_seed(0)
    return Network("residual", 4).eval().requires_grad_(False)


@pytest.fixture
def silent():
    return lambda line: None


def test_bytes_keep_a_latent_within_half_a_level_and_cut_the_rest():
    z = torch.linspace(-3.9, 3.9, 1000)
    assert (autoencoder.from_bytes(autoencoder.to_bytes(z)) - z).abs().max() <= 0.5 / 32 + 1e-6
    ends = autoencoder.from_bytes(autoencoder.to_bytes(torch.tensor([-9.0, 9.0])))
    assert ends.tolist() == [-127.5 / 32, 127.5 / 32]


def test_every_byte_is_a_fixed_point():
    every = torch.arange(256).to(torch.uint8)
    assert torch.equal(autoencoder.to_bytes(autoencoder.from_bytes(every)), every)


def test_images_and_latents_have_their_shapes_and_others_are_refused(critic):
    network = autoencoder.Autoencoder((8, 8, 16), 4, critic).eval()
    images = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    z = network.encode(images)
    assert z.shape == (3, 4, 4, 4) and z.dtype == torch.uint8
    assert network.decode(z).shape == images.shape and network.decode(z).dtype == torch.uint8
    with pytest.raises(ValueError, match="latents has shape"):
        network.decode(images)
    with pytest.raises(ValueError, match="images has type"):
        network.encode(images.float())


def test_a_training_cut_short_anywhere_ends_with_the_same_weights(cache, cifar10_stand_in, critic, silent):
    images, labels = datasets.cifar10("train")
    straight = first_stage.fit(TINY, critic, images, labels, "straight", report=silent).state_dict()
    calls = 0
    while (made := first_stage.fit(TINY, critic, images, labels, "pieces", max_minutes=0, report=silent)) is None:
        calls += 1
    assert calls == 6
    for name, tensor in made.state_dict().items():
        assert torch.equal(tensor, straight[name]), name


def test_pictures_of_few_images_come_near_them(cache, critic, silent):
    """Six images of one colour each, in comparison with a picture of their mean grey."""
    generator = torch.Generator().manual_seed(0)
    colours = torch.randint(0, 256, (6, 3, 1, 1), generator=generator, dtype=torch.uint8)
    images = colours.expand(6, 3, 32, 32).contiguous()
    stage = dataclasses.replace(TINY, steps=250, lr=3e-3, adversary_from=1.0)
    made = first_stage.fit(stage, critic, images, torch.arange(6), "colours", report=silent)
    away = (made.decode(made.encode(images)).float() - images).abs().mean()
    assert away < 0.4 * (images.float() - images.float().mean()).abs().mean()


def test_the_adversary_learns_to_tell_and_the_critic_stays(cache, cifar10_stand_in, critic, silent):
    before = {name: tensor.clone() for name, tensor in critic.state_dict().items()}
    losses = Losses(TINY, critic)
    bright, dark = (critic.maps(torch.full((8, 3, 32, 32), value)) for value in (200.0, 20.0))
    optimizer = torch.optim.AdamW(losses.adversary.parameters(), 5e-3)
    first = losses.discriminator(bright, dark).item()
    for _ in range(300):
        first_stage._descend(optimizer, losses.discriminator(bright, dark))
    assert first > 1.5 and losses.discriminator(bright, dark) < 0.3
    assert all(torch.equal(tensor, before[name]) for name, tensor in critic.state_dict().items())


def test_the_encoder_sees_what_the_critic_sees(critic):
    """The critic shows in the latents, and no training changes it, nor the averages in its layers."""
    network = autoencoder.Autoencoder((8, 8, 16), 4, critic).train()
    images = torch.randint(0, 256, (20, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    assert not critic.training and network.look.training
    seen = critic.maps(images.float())[-1]
    z = network.eval().latents(images.float(), seen)
    assert torch.equal(autoencoder.to_bytes(z), network.encode(images))
    assert (network.latents(images.float(), seen.flip(0)) - z).abs().max() > 0.1
    learned = {id(weight) for weight in Losses(TINY, critic).learned()}
    assert not learned & {id(weight) for weight in critic.parameters()}


def test_a_distance_of_features_is_zero_only_for_the_same():
    a = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    assert first_stage_losses._distance(a, a) == 0 and first_stage_losses._distance(a, a.flip(0)) > 0.5
    # In units of each channel's size, so that loud channels say no more than quiet ones.
    loud, louder = (first_stage_losses._distance(size * a, size * a.flip(0)).item() for size in (10, 100))
    assert louder == pytest.approx(loud, rel=0.02)


def test_missing_weights_name_the_command(cache, monkeypatch):
    monkeypatch.setattr(weights, "SHIPPED", cache / "nothing")
    with pytest.raises(results.MissingResult, match=r"python -m sclib\.first_stage"):
        first_stage.load()
