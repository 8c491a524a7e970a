"""A small diffusion model (DDPM, Ho et al. 2020) for points in the plane, for several seeds at once.

A point x_0 is noised along a quarter circle, x_phi = cos(phi) x_0 + sin(phi) eps with 0 <= phi <= pi / 2: the cosine
schedule (Nichol and Dhariwal 2021).  The network predicts v = cos(phi) eps - sin(phi) x_0 (Salimans and Ho 2022), so
x_0 = cos(phi) x - sin(phi) v and eps = sin(phi) x + cos(phi) v without any division, and dx/dphi = v is the ODE that
carries noise (phi = pi / 2) to data (phi = 0).

Seeds are stacked: weights are (S, in, out), data (S, n, 2), and one `torch.baddbmm` serves all.  Each seed draws from
its own random stream and nothing is shared, so its result is that of the seed alone, but for rounding.
"""

import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import silu

from sclib import checks, distributed, tensor_checks
from sclib.networks import time_features
from sclib.precision import single
from sclib.settings import check_counts, check_numbers, check_one_of, coerce
from sclib.trainer import Trainer

FIXED = ("shift", "scale", "low", "high")  # by the first fit
SAMPLERS = ("ode", "large", "small")
CHUNK = 2048  # points that go through the network together in sampling: twice as fast when they fit the cache


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a DDPM is made of; `Settings()` is what the book's experiments use."""

    width: int = 64  # units of a hidden layer
    depth: int = 3  # hidden layers
    first_steps: int = 6000  # optimiser steps of the first fit, from random weights
    steps: int = 600  # of each later fit, which starts from the weights it finds
    first_batch: int = 512  # points of a seed in a step of the first fit
    batch: int = 256  # and of each later one
    first_lr: float = 3e-3  # AdamW's first learning rate, from which it falls to zero along a cosine
    lr: float = 1e-2
    sampler: str = "ode"  # or ancestral with the variance "large" (beta_t) or "small" (the posterior's)
    calls: int = 24  # network calls of the sampler: about 24 for the ODE, 100 for the ancestral ones

    def __post_init__(self):
        coerce(self)
        check_one_of(self, "sampler", SAMPLERS)
        check_counts(self, "width", "depth", "first_steps", "steps", "first_batch", "batch", "calls")
        check_numbers(self, "first_lr", "lr")


class DDPM(Trainer):
    """S models of points in the plane, one a seed: `fit(data)`, `sample(n)`.

    Data are standardised by the first fit's mean and standard deviation, which later fits keep; so is the box around
    the first data, to which the sampler clips each prediction of x_0.

    Parameters
    ----------
    seeds : S integers.
    settings : `Settings()` if None.
    device : "cpu", "cuda" or "cuda:1".
    """

    @single()
    def __init__(self, seeds: Sequence[int] = (0,), settings: Settings | None = None, device: str = "cpu"):
        self.generators = [torch.Generator(device).manual_seed(seed) for seed in checks.seeds(seeds)]
        super().__init__(settings or Settings(), {f"generator{i}": g for i, g in enumerate(self.generators)})
        self.shift = self.scale = self.low = self.high = None  # (S, 1, 2), but the scale (S, 1, 1)
        sizes = [2 + len(time_features(torch.zeros(1)))] + [self.settings.width] * self.settings.depth + [2]
        self.layers = []  # weights (S, in, out), bias (S, 1, out), weights, ...
        for fan_in, fan_out in itertools.pairwise(sizes):
            self.layers += [self._randn(fan_in, fan_out) / math.sqrt(fan_in), self._randn(1, fan_out) * 0]

    @single()
    def fit(self, data: Any, weights: Any = None) -> None:
        """One fit, the first or a later one, or what is left of it.

        Parameters
        ----------
        data : (S, n, 2), finite.
        weights : (n,), >= 0, what each point weighs; all the same by default.

        Raises
        ------
        ValueError
            For data of another shape, too far to be learnt from or, in the first fit, all equal; or for wrong weights.

        Source
        ------
        Ho et al. 2020; Salimans and Ho 2022 for the prediction of v.
        """
        data = tensor_checks.tensor(data, "data", "2").detach().to(self.layers[0])
        if data.ndim != 3 or data.shape[::2] != (len(self.generators), 2) or not torch.isfinite(data).all():
            raise ValueError(f"data has shape {tuple(data.shape)}; allowed is ({len(self.generators)}, n, 2), finite")
        weights = tensor_checks.weights(weights, data.shape[1])
        first = self.fits == 0
        if first:
            shift, scale = data.mean(1, keepdim=True), data.std((1, 2), keepdim=True)
            if not ((scale > 0) & (scale < math.inf)).all():
                raise ValueError(f"data has standard deviations {scale.flatten().tolist()}; all must be > 0 and finite")
            self.shift, self.scale = shift, scale
        data = (data - self.shift) / self.scale
        if first:
            self.low, self.high = data.amin(1, keepdim=True), data.amax(1, keepdim=True)
        batch = self.settings.first_batch if first else self.settings.batch
        self.descend(lambda: self._loss(data, batch, weights))
        if not all(layer.isfinite().all() for layer in self.layers):
            raise ValueError("data lie too far from those of the first fit to be learnt from: weights are not finite")

    def _loss(self, data, batch, weights):
        """The squared error of v on a fresh batch, a sum over seeds: each keeps its own gradient."""
        x0 = self._draw(data, batch, weights)  # (S, batch, 2)
        eps = self._randn(batch, 2)
        # One angle in each of `batch` strata makes gradients less noisy; the power 1.5 favours small angles, where
        # an error blurs the edge of a mode.
        strata = torch.arange(batch, device=x0.device)[:, None] + self._rand(batch, 1)
        phi = math.pi / 2 * (strata / batch) ** 1.5  # (S, batch, 1)
        part, weight = distributed.share(batch)
        x0, eps, phi = (values[:, part] for values in (x0, eps, phi))
        x, v = phi.cos() * x0 + phi.sin() * eps, phi.cos() * eps - phi.sin() * x0
        return weight * (self.velocity(x, phi) - v).square().mean((1, 2)).sum()

    @torch.no_grad()
    @single()
    def sample(self, n: int) -> torch.Tensor:
        """Draw n points of each seed, (S, n, 2).

        Parameters
        ----------
        n : an integer >= 1.

        Raises
        ------
        ValueError
            For another `n`, or before the first fit.
        """
        n = checks.integer(n, "n", 1)
        if self.scale is None:
            raise ValueError("sample(n) needs a fitted model; call fit(data) first")
        solve = self._solve_ode if self.settings.sampler == "ode" else self._ancestral
        return solve(self._randn(n, 2)) * self.scale + self.shift

    def parameters(self) -> list[torch.Tensor]:
        """As `Trainer.parameters`: weights and biases, each of all seeds."""
        return self.layers

    def tensors(self) -> dict[str, torch.Tensor]:
        """As `Trainer.tensors`."""
        tensors = {f"layer{i}": layer for i, layer in enumerate(self.layers)}
        fixed = {name: getattr(self, name) for name in FIXED}
        return tensors | {name: value for name, value in fixed.items() if value is not None}

    def put(self, tensors: dict[str, torch.Tensor]) -> None:
        """As `Trainer.put`."""
        self.layers = [tensors[f"layer{i}"].to(layer) for i, layer in enumerate(self.layers)]
        for name in FIXED:
            setattr(self, name, tensors[name].to(self.layers[0]) if name in tensors else None)

    def velocity(self, x: torch.Tensor, phi: torch.Tensor) -> torch.Tensor:
        """The network: E[v | x_phi = x], (S, n, 2).

        Parameters
        ----------
        x : (S, n, 2), standardised.
        phi : (S, n, 1), or (S, 1, 1) for all n; radians, from 0 to pi / 2.
        """
        time = torch.baddbmm(self.layers[1], time_features(phi), self.layers[0][:, 2:])
        h = silu(torch.baddbmm(time, x, self.layers[0][:, :2]))  # (S, n, width)
        for weight, bias in zip(self.layers[2:-2:2], self.layers[3:-2:2], strict=True):
            h = silu(torch.baddbmm(bias, h, weight))
        return torch.baddbmm(self.layers[-1], h, self.layers[-2])

    def _denoised(self, x, phi):
        """E[x_0 | x_phi = x] for x (S, n, 2) and one angle for all."""
        angle = x.new_full((len(x), 1, 1), phi)

        def velocity(x):
            return torch.cat([self.velocity(part, angle) for part in x.split(math.ceil(CHUNK / len(x)), 1)], 1)

        v = distributed.mapped(velocity, x, 1)
        # Far from its data the network is arbitrary: without the clip a path in a million runs off to 1e12.
        return (math.cos(phi) * x - math.sin(phi) * v).clamp(self.low, self.high)

    def _solve_ode(self, x):
        # Adams-Bashforth of order two; steps shrink towards phi = 0, where v changes over the width of a mode.
        angles = [math.pi / 2 * (1 - i / self.settings.calls) ** 4 for i in range(self.settings.calls + 1)]
        last, last_h = 0.0, math.inf
        for phi, to in itertools.pairwise(angles):
            v, h = (math.cos(phi) * x - self._denoised(x, phi)) / math.sin(phi), to - phi
            x = x + h * (v + (v - last) * (h / last_h / 2))
            last, last_h = v, h
        return x

    def _ancestral(self, x):
        angles = [math.pi / 2 * (1 - i / self.settings.calls) for i in range(self.settings.calls + 1)]
        for phi, to in itertools.pairwise(angles):
            mean, sd = ancestral_step(x, self._denoised(x, phi), phi, to, self.settings.sampler)
            x = mean + sd * self._randn(x.shape[1], 2)
        return x

    def _draw(self, data, batch, weights):
        if weights is None:
            draws = [torch.randint(data.shape[1], (batch,), generator=g, device=g.device) for g in self.generators]
            index = torch.stack(draws)
        else:
            reached = weights.to(data.device, torch.float64).cumsum(0)
            level = self._rand(batch).double() * reached[-1]
            index = torch.searchsorted(reached, level, right=True).clamp(max=len(reached) - 1)
        return data.gather(1, index[..., None].expand(-1, -1, 2))

    def _randn(self, *shape):
        return torch.stack([torch.randn(shape, generator=g, device=g.device) for g in self.generators])

    def _rand(self, *shape):
        return torch.stack([torch.rand(shape, generator=g, device=g.device) for g in self.generators])


def ancestral_step(
    x: torch.Tensor, x0: torch.Tensor, phi: float, to: float, variance: str
) -> tuple[torch.Tensor, float]:
    """Mean and standard deviation of a step back towards the data.

    Parameters
    ----------
    x : (S, n, 2), at the angle `phi`.
    x0 : (S, n, 2), the prediction of where it comes from.
    phi, to : the angle before and the smaller one after, radians.
    variance : "large", beta_t, or "small", the posterior's.

    Returns
    -------
    (S, n, 2) and a float.

    Source
    ------
    Ho et al. 2020, Eq. 6-7.
    """
    beta = 1 - (math.cos(phi) / math.cos(to)) ** 2  # variance of the noise added from `to` to `phi`
    kept = math.sin(to) ** 2 / math.sin(phi) ** 2
    mean = math.cos(phi) / math.cos(to) * kept * x + math.cos(to) * beta / math.sin(phi) ** 2 * x0
    if to == 0:
        return mean, 0.0  # the last step adds no noise
    return mean, math.sqrt(beta if variance == "large" else beta * kept)
