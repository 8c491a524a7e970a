"""The diffusion model, against laws whose best network is known, and seed by seed."""

import itertools
import math

import numpy as np
import pytest
import torch

from sclib.ddpm import DDPM, Settings, ancestral_step

TINY = Settings(width=16, first_steps=20, steps=10, first_batch=32, batch=16, calls=8)


def normal(S, n, seed=0):
    return torch.randn(S, n, 2, generator=torch.Generator().manual_seed(seed))


class PerfectForGaussian(DDPM):
    """The DDPM whose network is E[v | x] of N(0, sd^2)."""

    def __init__(self, sd, **settings):
        super().__init__((0,), Settings(**settings))
        self.sd, self.shift, self.scale = sd, torch.zeros(1), torch.ones(1)
        self.low, self.high = torch.tensor(-math.inf), torch.tensor(math.inf)

    def velocity(self, x, phi):
        return x * phi.cos() * phi.sin() * (1 - self.sd**2) / (phi.cos() ** 2 * self.sd**2 + phi.sin() ** 2)


def ancestral_sd(sd, calls, variance):
    """What ancestral sampling makes of N(0, sd^2) with a perfect network: a linear recursion for the variance."""
    var, angles = 1.0, [math.pi / 2 * (1 - i / calls) for i in range(calls + 1)]
    for phi, to in itertools.pairwise(angles):
        denoise = math.cos(phi) * sd**2 / (math.cos(phi) ** 2 * sd**2 + math.sin(phi) ** 2)
        mean, noise = ancestral_step(1.0, denoise, phi, to, variance)
        var = mean**2 * var + noise**2
    return math.sqrt(var)


def test_a_gaussian_is_reproduced():
    n, mean, sd = 10_000, torch.tensor([3.0, -1.0]), 0.7
    model = DDPM((0,), Settings(first_steps=1_000, first_batch=256))
    model.fit(mean + sd * normal(1, n))
    x = model.sample(n)[0]
    error = 4 * sd * math.sqrt(2 / n)  # four standard errors of the difference of two means
    fit = 0.03 * sd  # and what the network misses
    assert (x.mean(0) - mean).abs().max() < error + fit
    assert (x.std(0) - sd).abs().max() < error / math.sqrt(2) + fit


@pytest.mark.parametrize("sd", [0.1, 0.15, 0.3, 1.0])
def test_the_ode_loses_no_spread_with_a_perfect_network(sd):
    n = 40_000
    x = PerfectForGaussian(sd).sample(n)
    assert x.std() / sd == pytest.approx(1, abs=0.01 + 4 / math.sqrt(4 * n))


@pytest.mark.parametrize("variance", ["large", "small"])
@pytest.mark.parametrize("calls", [20, 50])
def test_ancestral_sampling_has_the_spread_of_its_recursion(variance, calls):
    n, sd = 40_000, 0.15
    x = PerfectForGaussian(sd, sampler=variance, calls=calls).sample(n)
    assert x.std().item() == pytest.approx(ancestral_sd(sd, calls, variance), rel=4 / math.sqrt(4 * n))


def test_the_posterior_variance_collapses_and_the_large_one_does_not():
    # A mode of the eight Gaussians has standard deviation 0.174 in units of the data's.
    assert ancestral_sd(0.174, 50, "small") < 0.92 * 0.174 < 0.174 < ancestral_sd(0.174, 50, "large")
    assert ancestral_sd(0.174, 2_000, "small") == pytest.approx(0.174, rel=0.01)


def test_the_small_variance_is_the_posteriors():
    phi, to, x, x0 = 0.9, 0.6, 1.3, -0.4
    ratio = math.cos(phi) / math.cos(to)
    beta = 1 - ratio**2  # x_phi = ratio x_to + sqrt(beta) noise, x_to = cos(to) x_0 + sin(to) noise
    precision = 1 / math.sin(to) ** 2 + ratio**2 / beta
    mean, sd = ancestral_step(x, x0, phi, to, "small")
    assert sd**2 == pytest.approx(1 / precision)
    assert mean == pytest.approx((math.cos(to) * x0 / math.sin(to) ** 2 + ratio * x / beta) / precision)
    assert ancestral_step(x, x0, phi, to, "large") == (mean, pytest.approx(math.sqrt(beta)))


def test_the_last_step_adds_no_noise():
    for variance in ("large", "small"):
        assert ancestral_step(0.3, 0.2, 0.03, 0.0, variance) == (pytest.approx(0.2), 0.0)


def test_stacked_networks_equal_separate_ones_for_the_same_weights():
    stacked = DDPM((1, 2, 3), TINY)
    x, phi = normal(3, 50), torch.rand(3, 50, 1)
    together = stacked.velocity(x, phi)
    for s in range(3):
        alone = DDPM((9,), TINY)
        alone.layers = [layer[s : s + 1] for layer in stacked.layers]
        torch.testing.assert_close(alone.velocity(x[s : s + 1], phi[s : s + 1])[0], together[s])


@pytest.mark.parametrize("sampler", ["ode", "large"])
def test_a_seed_does_not_depend_on_the_seeds_stacked_with_it(sampler):
    settings = Settings(width=16, first_steps=20, steps=10, first_batch=32, batch=16, calls=8, sampler=sampler)

    def samples(seeds):
        model, data = DDPM(seeds, settings), torch.stack([normal(1, 200, seed)[0] for seed in seeds])
        model.fit(data)
        model.fit(model.sample(100), torch.arange(100))
        return model.sample(3_000)

    torch.testing.assert_close(samples((4, 5, 6))[1:2], samples((5,)), rtol=1e-3, atol=1e-3)


def test_points_are_drawn_in_proportion_to_their_weights():
    model, n = DDPM((0, 1), TINY), 20_000
    data = torch.arange(4.0)[None, :, None].expand(2, 4, 2)
    drawn = model._draw(data, n, torch.tensor([1.0, 0.0, 2.0, 1.0]))
    shares = torch.stack([(drawn[..., 0] == a).double().mean(1) for a in range(4)], 1)  # (2, 4)
    assert (shares[:, 1] == 0).all()
    np.testing.assert_allclose(shares, [[0.25, 0, 0.5, 0.25]] * 2, atol=4.5 * 0.5 / math.sqrt(n))


@pytest.mark.parametrize("n", [1, 5_000])
@pytest.mark.parametrize("sampler", ["ode", "small"])
def test_as_many_samples_as_asked(n, sampler):
    model = DDPM((0, 1), Settings(width=8, first_steps=1, calls=2, sampler=sampler))
    model.fit(normal(2, 50))
    assert model.sample(n).shape == (2, n, 2)


def test_samples_stay_in_the_box_of_the_first_data():
    model = DDPM((0,), TINY)
    data = normal(1, 500)
    model.fit(data)
    model.layers[-1] += 1e6  # a network gone wild
    x = model.sample(100)
    assert (x >= data.amin(1) - 1e-3).all() and (x <= data.amax(1) + 1e-3).all()


def test_a_restored_model_goes_on_as_if_never_interrupted():
    model = DDPM((0, 1), TINY)
    model.fit(normal(2, 100))
    state = model.state()
    other = DDPM((7, 8), TINY)
    other.restore(state)
    for m in (model, other):
        m.fit(m.sample(60))
    assert torch.equal(model.sample(10), other.sample(10))


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: DDPM().sample(3), "needs a fitted model"),
        (lambda: DDPM((0, 1), TINY).fit(normal(1, 5)), r"data has shape \(1, 5, 2\); allowed is \(2, n, 2\), finite"),
        (lambda: DDPM((0,), TINY).fit(normal(1, 5) / 0), "finite"),
        (
            lambda: DDPM((0,), TINY).fit(normal(1, 5), torch.ones(4)),
            r"weights has shape \(4,\), .*allowed is \(5,\)",
        ),
        (lambda: DDPM((0,), TINY).fit(torch.zeros(1, 2, 2)), "all must be > 0 and finite"),
        (lambda: DDPM((0,), TINY).fit(torch.ones(1, 1, 2)), "all must be > 0 and finite"),
        (lambda: DDPM((0,), TINY).fit(normal(1, 5), torch.zeros(5)), "and not all 0"),
        (lambda: Settings(sampler="medium"), "sampler = 'medium' must be one of ode, large, small"),
        (lambda: Settings(steps=0), "steps = 0 must be an integer >= 1"),
    ],
)
def test_bad_arguments_are_named(call, says):
    with pytest.raises(ValueError, match=says):
        call()
