"""The flow model, against laws whose velocity is known; its fits go on where they were interrupted."""

import itertools
import math

import numpy as np
import pytest
import torch

from sclib import flow, precision
from sclib.flow import Flow, Settings
from sclib.loop import self_consuming_loop
from sclib.stacked import Flows

TINY = Settings(width=8, depth=1, first_steps=6, steps=4, batch=8, calls=2, chunk=30)
SHAPE = (1, 4, 4)


def images(n, seed=0, shape=SHAPE):
    return torch.randint(256, (n, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


class Interrupted(Exception):
    pass


def interrupt(model, after):
    """Make `model` raise after its optimiser step number `after` from now."""
    count = itertools.count(1)

    def on_step(n=1):
        if next(count) == after:
            raise Interrupted

    model.on_step = on_step


def test_path_and_velocity_are_those_of_the_straight_line():
    x0, x1, t = torch.randn(5, 1, 2, 2), torch.randn(5, 1, 2, 2), torch.rand(5)
    x, velocity = flow.path(x0, x1, t)
    torch.testing.assert_close(x, x0 + t[:, None, None, None] * (x1 - x0))
    assert torch.equal(velocity, x1 - x0)
    ends = [flow.path(x0, x1, torch.full((5,), t))[0] for t in (0.0, 1.0)]
    assert torch.equal(ends[0], x0) and torch.equal(ends[1], x1)


def test_pairing_is_the_permutation_of_the_least_cost():
    x0, x1 = torch.randn(5, 1, 2, 2), torch.randn(5, 1, 2, 2)
    cost = {p: (x0 - x1[list(p)]).square().sum().item() for p in itertools.permutations(range(5))}
    assert tuple(flow.shortest_pairing(x0, x1).tolist()) == min(cost, key=cost.get)


def test_pairing_keeps_every_image_of_the_batch():
    """torchcfm's own sampler draws the batch again with replacement, and loses about a third of it."""
    x0, x1 = torch.randn(64, *SHAPE), torch.randn(64, *SHAPE)
    assert sorted(flow.shortest_pairing(x0, x1).tolist()) == list(range(64))


class PerfectForGaussian(Flow):
    """The flow whose network is E[x_1 - x_0 | x_t] for pixels of N(mean, sd^2)."""

    def __init__(self, mean, sd, **settings):
        super().__init__(SHAPE, settings=Settings(**settings))
        self.mean, self.sd, self.fits = mean, sd, 1

    def _velocity(self, t, x):
        variance = (1 - t) ** 2 + (t * self.sd) ** 2
        return self.mean + (t * self.sd**2 - (1 - t)) / variance * (x - t * self.mean)


@pytest.mark.parametrize("mean, sd", [(0.0, 0.25), (0.3, 0.1)])
def test_the_sampler_gives_back_a_gaussian_with_a_perfect_network(mean, sd):
    n = 2_000
    x = PerfectForGaussian(mean, sd, calls=16).sample(n).double() / 127.5 - 1
    number = n * math.prod(SHAPE)
    assert x.mean().item() == pytest.approx(mean, abs=4.5 * sd / math.sqrt(number) + 0.01 * sd)
    rounding = (2 / 255) ** 2 / 12
    assert x.std().item() == pytest.approx(math.sqrt(sd**2 + rounding), rel=0.02 + 4.5 / math.sqrt(2 * number))


def test_the_samplers_error_falls_at_least_with_the_square_of_its_steps():
    x = torch.randn(1000, *SHAPE, dtype=torch.float64)
    ends = [PerfectForGaussian(0.2, 0.3, calls=calls)._solve(x) for calls in (16, 32, 2_000)]
    coarse, fine = ((end - ends[-1]).square().mean().sqrt().item() for end in ends[:2])
    assert 3.5 * fine < coarse < 0.01 * 0.3


def test_a_fitted_model_has_the_mean_and_spread_of_its_data():
    n = 2_000
    data = (100 + 80 * (torch.arange(n) % 2))[:, None, None, None].expand(n, *SHAPE).to(torch.uint8)  # two grey levels
    model = Flow(SHAPE, settings=Settings(width=64, depth=1, first_steps=400, batch=64))
    model.fit(data)
    level = model.sample(n).double().mean((1, 2, 3))
    assert abs((level > 140).double().mean() - 0.5) < 4.5 * 0.5 / math.sqrt(n) + 0.05  # 0.05: what the network misses
    assert level[level > 140].mean() == pytest.approx(180, abs=8) and level[level < 140].mean() == pytest.approx(
        100, abs=8
    )


def test_images_are_drawn_in_proportion_to_their_weights():
    model = Flow(SHAPE, settings=Settings(batch=20_000))
    shares = np.bincount(model._draw(4, torch.tensor([1.0, 0.0, 2.0, 1.0])), minlength=4) / 20_000
    assert shares[1] == 0
    np.testing.assert_allclose(shares, [0.25, 0, 0.5, 0.25], atol=4.5 * 0.5 / math.sqrt(20_000))


@pytest.mark.parametrize("n", [1, 30, 71])
def test_as_many_samples_as_asked(n):
    model = Flow(SHAPE, settings=TINY)
    model.fit(images(20))
    assert model.sample(n).shape == (n, *SHAPE) and model.sample(n).dtype == torch.uint8


@pytest.mark.parametrize("pairing", flow.PAIRINGS)
@pytest.mark.parametrize("network", flow.NETWORKS)
def test_a_fit_interrupted_anywhere_goes_on_as_if_it_had_not_been(network, pairing):
    shape = SHAPE if network == "mlp" else (3, 32, 32)
    width = 8 if network == "mlp" else 32
    settings = Settings(network, width, 1, pairing, 3, 2, 4, flip=network == "unet", calls=2)
    data = images(20, shape=shape)
    whole, broken = (Flow(shape, 1, settings) for _ in range(2))
    interrupt(broken, 2)
    with pytest.raises(Interrupted):
        broken.fit(data)
    other = Flow(shape, 7, settings)
    other.restore(broken.state())
    for model in (whole, other):
        model.fit(data)
        model.fit(model.sample(10), torch.arange(10.0))
    assert torch.equal(whole.sample(5), other.sample(5))


def test_the_way_of_a_gpu_gives_nearly_the_same_velocity():
    """Channels last and bfloat16, tried on a CPU: all that a GPU does otherwise, but for compiling."""
    shape = (3, 32, 32)
    model = Flow(shape, 1, Settings("unet", 32, 1, first_steps=1, steps=1, batch=2, calls=2))
    model.fit(images(8, shape=shape))
    x = torch.randn(1, *shape)
    with torch.no_grad():
        plain = model._velocity(0.5, x)
        model.channels_last = model.bfloat16 = True
        fast = model._velocity(0.5, x)
    assert fast.dtype == torch.float32 == plain.dtype
    assert 0 < (fast - plain).norm() / plain.norm() < 0.05  # bfloat16 keeps 8 bits, over some 30 layers
    model.fit(images(8, shape=shape))


def like_a_gpu(seed=1):
    """A U-Net laid out as on a GPU."""
    model = Flow((3, 32, 32), seed, Settings("unet", 32, 1, first_steps=3, steps=2, batch=4, calls=2))
    model.network.to(memory_format=torch.channels_last)
    model.channels_last = True
    return model


def test_moments_come_back_laid_out_as_their_weights():
    """On a GPU weights are channels last; fused AdamW refuses, or mixes up, moments that are not."""
    data = images(20, shape=(3, 32, 32))
    whole, broken, other = like_a_gpu(), like_a_gpu(), like_a_gpu(7)
    interrupt(broken, 2)
    with pytest.raises(Interrupted):
        broken.fit(data)
    other.restore(broken.state())
    moments = other.optimizer.state_dict()["state"]
    assert all(
        moments[i][kind].stride() == weight.stride()
        for i, weight in enumerate(other.parameters())
        for kind in ("exp_avg", "exp_avg_sq")
    )
    for model in (whole, other):
        model.fit(data)
    # The order of sums in a convolution is the layout's, which is the same in both.
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), other.parameters(), strict=True))


def test_a_failing_compiler_is_said_once_and_the_network_runs_without():
    def backend(graph, inputs):
        raise RuntimeError("an old GPU")

    plain, compiled = Flow(SHAPE, 1, TINY), Flow(SHAPE, 1, TINY)
    compiled.call = torch.compile(compiled.network, backend=backend)
    with pytest.warns(UserWarning, match="runs uncompiled, and slower, since compiling failed") as said:
        compiled.fit(images(20))
    assert len(said) == 1
    plain.fit(images(20))
    assert torch.equal(plain.sample(3), compiled.sample(3))


@pytest.mark.parametrize("capability, native", [((7, 5), False), ((8, 0), True), ((9, 0), True)])
def test_bfloat16_is_used_where_the_gpu_has_it(capability, native, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert precision.has_bfloat16("cuda:1") is native


def test_flip_mirrors_every_other_image_of_a_batch(monkeypatch):
    seen = []
    monkeypatch.setattr(flow, "path", lambda x0, x1, t: (seen.append(x1), (x0, x0))[1])
    data = torch.zeros(1, *SHAPE, dtype=torch.uint8)
    data[..., 0] = 255
    Flow(SHAPE, settings=Settings(width=8, depth=1, first_steps=1, batch=2_000, flip=True)).fit(data)
    left, right = (seen[0][..., 0, i].flatten() > 0 for i in (0, -1))
    assert torch.equal(left, ~right)
    assert left.double().mean().item() == pytest.approx(0.5, abs=4.5 * 0.5 / math.sqrt(2_000))


def test_pairs_are_the_nearest_when_asked_for(monkeypatch):
    seen = []
    monkeypatch.setattr(flow, "path", lambda x0, x1, t: (seen.append((x0, x1)), (x0, x0))[1])
    for pairing in flow.PAIRINGS:
        Flow(SHAPE, settings=Settings(width=8, depth=1, first_steps=1, batch=64, pairing=pairing)).fit(images(500))
    apart, near = (float((x0 - x1).square().sum()) for x0, x1 in seen)
    x0, x1 = seen[1]
    least = float((x0 - x1[flow.shortest_pairing(x0, x1)]).square().sum())
    assert near == pytest.approx(least, rel=1e-6) and near < 0.95 * apart


def test_pairing_tells_large_numbers_apart():
    """A matrix product in single precision, which torch takes above 25 rows, would not."""
    x = torch.arange(26.0)[:, None, None, None] + 2**23
    assert torch.equal(flow.shortest_pairing(x, x.flip(0)), torch.arange(26).flip(0))


def test_a_model_is_the_same_alone_and_beside_others_and_leaves_the_global_stream_alone():
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    many, alone = Flows([Flow(SHAPE, seed, TINY) for seed in (4, 5)]), Flow(SHAPE, 5, TINY)
    many.fit(images(20).expand(2, -1, -1, -1, -1))
    alone.fit(images(20))
    assert torch.equal(many.sample(10)[1], alone.sample(10))
    assert torch.equal(torch.rand(3), expected)


def test_several_models_go_on_where_one_of_them_was_interrupted():
    data = images(20).expand(2, -1, -1, -1, -1)
    whole, broken, other = (Flows([Flow(SHAPE, seed, TINY) for seed in (4, 5)]) for _ in range(3))
    interrupt(broken, 8)  # within the second's first fit
    with pytest.raises(Interrupted):
        broken.fit(data)
    other.restore(broken.state())
    for model in (whole, other):
        model.fit(data)
        model.fit(data)
    assert torch.equal(whole.sample(5), other.sample(5))


def test_it_serves_in_the_loop_mixed_with_data():
    model = Flow(SHAPE, settings=TINY)
    brightness = lambda x: x.float().mean((1, 2, 3)) / 255  # noqa: E731
    rounds = list(self_consuming_loop(model, images(20), brightness, K=2, n=15, lam=0.5, generations=2))
    assert [g.proposals.shape for g in rounds] == [(15, 2, *SHAPE)] * 3 and model.fits == 3


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: Flow(SHAPE).sample(3), "needs a fitted model"),
        (lambda: Flow(SHAPE).fit(images(3).float()), "data has type torch.float32; allowed is a uint8 tensor"),
        (lambda: Flow(SHAPE).fit(images(3)[:, 0]), r"data has shape \(3, 4, 4\); allowed is \(n, 1, 4, 4\)"),
        (
            lambda: Flow(SHAPE).fit(images(3), torch.ones(4)),
            r"weights has shape \(4,\), .*allowed is \(3,\)",
        ),
        (lambda: Flows([Flow(SHAPE)]).fit(images(3).expand(2, -1, -1, -1, -1)), r"allowed is \(1, n, C, H, W\)"),
        (lambda: Flow(SHAPE).fit(images(3), torch.zeros(3)), "and not all 0"),
        (lambda: Settings(network="gan"), "network = 'gan' must be one of mlp, unet"),
        (lambda: Settings(pairing="nearest"), "pairing = 'nearest' must be one of independent, ot"),
        (lambda: Settings(calls=5), "calls = 5 must be even"),
        (lambda: Settings(steps=0), "steps = 0 must be an integer >= 1"),
    ],
)
def test_bad_arguments_are_named(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_a_step_takes_a_batch(monkeypatch):
    sizes, straight = set(), flow.path
    monkeypatch.setattr(flow, "path", lambda x0, x1, t: sizes.add(len(x1)) or straight(x0, x1, t))
    model = Flow(SHAPE, settings=TINY)
    model.fit(images(40))
    model.fit(images(40), torch.ones(40))
    assert sizes == {TINY.batch}
