"""What the trained models share: fits that go on, settings that matter, one precision."""

import dataclasses
import math

import pytest
import torch

from sclib import ddpm, flow

POINTS = torch.randn(2, 60, 2, generator=torch.Generator().manual_seed(0))
IMAGES = torch.randint(256, (60, 1, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
SMALL = {
    ddpm: ddpm.Settings(width=8, depth=2, first_steps=4, steps=3, first_batch=8, batch=6, calls=4),
    flow: flow.Settings(width=8, depth=2, first_steps=8, steps=6, batch=8, calls=4, chunk=30),
}
OTHER = {
    "sampler": "large", "network": "unet", "pairing": "ot", "flip": True, "warmup": 0.9, "first_lr": 1e-2, "lr": 3e-2,
}  # fmt: skip


def make(kind, settings=None, seed=1):
    settings = settings or SMALL[kind]
    return ddpm.DDPM((seed, seed + 1), settings) if kind is ddpm else flow.Flow((1, 4, 4), seed, settings)


def fitted(model, data=None):
    data = data if data is not None else POINTS if isinstance(model, ddpm.DDPM) else IMAGES
    model.fit(data)
    model.fit(data, torch.arange(60.0))
    return model


@pytest.mark.parametrize("kind", SMALL)
def test_every_setting_changes_the_samples(kind):
    """A setting that is in a result's key and does nothing would let two names stand for one thing."""
    plain = fitted(make(kind)).sample(50)
    for field in dataclasses.fields(SMALL[kind]):
        if (kind, field.name) in ((flow, "network"), (flow, "chunk")):
            continue  # a U-Net takes no images of 4 by 4; a chunk is a matter of memory
        value = getattr(SMALL[kind], field.name)
        changed = OTHER.get(field.name, value + 2 if isinstance(value, int) else None)
        model = fitted(make(kind, dataclasses.replace(SMALL[kind], **{field.name: changed})))
        assert not torch.equal(model.sample(50), plain), field.name


class Stop(Exception):
    pass


@pytest.mark.parametrize("step", [1, 4, 5, 6])
@pytest.mark.parametrize("kind", SMALL)
def test_a_fit_goes_on_where_it_was_interrupted(kind, step):
    """In the first fit and in a later one; `steps_made` counts on."""
    whole, broken, other = make(kind), make(kind), make(kind, seed=9)

    def stop():
        if broken.steps_made == step:
            raise Stop

    broken.on_step = stop
    with pytest.raises(Stop):
        fitted(broken)
    other.restore(broken.state())
    assert other.steps_made == step and other.fits == (step > SMALL[kind].first_steps)
    data, s = POINTS if kind is ddpm else IMAGES, SMALL[kind]
    if other.fits == 0:
        other.fit(data)
    other.fit(data, torch.arange(60.0))
    assert torch.equal(fitted(whole).sample(9), other.sample(9))
    assert other.steps_made == whole.steps_made == s.first_steps + s.steps


@pytest.mark.parametrize("kind", SMALL)
def test_doubles_by_default_change_no_precision(kind):
    torch.set_default_dtype(torch.float64)
    try:
        x = fitted(make(kind)).sample(5)
    finally:
        torch.set_default_dtype(torch.float32)
    assert x.dtype == (torch.float32 if kind is ddpm else torch.uint8)


def test_a_fitted_model_holds_no_gradients():
    for kind in SMALL:
        assert not any(p.requires_grad or p.grad is not None for p in fitted(make(kind)).parameters())


def test_the_rate_rises_over_the_warm_up_and_falls_along_a_cosine():
    model, rates = make(flow, dataclasses.replace(SMALL[flow], first_steps=40, warmup=0.25, first_lr=1e-3)), []
    model.on_step = lambda: rates.append(model.optimizer.param_groups[0]["lr"])
    model.fit(IMAGES)
    expected = [1e-3 * min(1, (i + 1) / 11) * (1 + math.cos(math.pi * i / 40)) / 2 for i in range(40)]
    assert rates == pytest.approx(expected, rel=1e-12)
