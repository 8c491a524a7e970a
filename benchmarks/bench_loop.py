"""One generation of the loop on eight Gaussians (n = 5,000, K = 4): draw, curate, fit; one seed, and five stacked."""

import dataclasses
import math

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from sclib import datasets, experiments, plane
from sclib.choice import curate
from sclib.ddpm import DDPM, time_features

CONFIG = experiments.EXPERIMENTS["gaussians-k4"]
SETTINGS = dataclasses.replace(CONFIG.model, first_steps=1)  # what a step costs does not depend on the weights
SEEDS = [1, 5]


def fitted(seeds):
    model = DDPM(range(seeds), SETTINGS)
    model.fit(
        torch.stack([datasets.sample_gaussians(CONFIG.n, torch.Generator().manual_seed(s)) for s in range(seeds)])
    )
    return model


def measure(benchmark, step, seeds, work, way="stacked"):
    benchmark.extra_info |= {"part": "loop", "step": step, "seeds": seeds, "way": way}
    return benchmark.pedantic(work, rounds=5, warmup_rounds=1)


@pytest.mark.large
@pytest.mark.parametrize("seeds", SEEDS)
def test_draw(benchmark, seeds):
    model = fitted(seeds)
    assert measure(benchmark, "draw", seeds, lambda: model.sample(CONFIG.n * CONFIG.K)).shape == (seeds, 20_000, 2)


@pytest.mark.parametrize("seeds", SEEDS)
def test_curate(benchmark, seeds):
    samples, reward = fitted(seeds).sample(CONFIG.n * CONFIG.K), plane.task(CONFIG)[0]

    def work():
        proposals, rewards = samples.unflatten(1, (CONFIG.n, CONFIG.K)), reward(samples)
        return torch.stack([curate(*seed) for seed in zip(proposals, rewards.view(proposals.shape[:3]), strict=True)])

    assert measure(benchmark, "curate", seeds, work).shape == (seeds, CONFIG.n, 2)


@pytest.mark.large
@pytest.mark.parametrize("seeds", SEEDS)
def test_fit(benchmark, seeds):
    model = fitted(seeds)
    picks = model.sample(CONFIG.n)
    measure(benchmark, "fit", seeds, lambda: model.fit(picks))


@pytest.mark.large
def test_fit_from_a_data_loader(benchmark):
    """The same network, loss, batches and number of steps, as most training scripts are written."""
    width, model = SETTINGS.width, fitted(1)
    layers = [nn.Linear(2 + 16, width), nn.SiLU()]
    for _ in range(SETTINGS.depth - 1):
        layers += [nn.Linear(width, width), nn.SiLU()]
    network = nn.Sequential(*layers, nn.Linear(width, 2))
    assert sum(p.numel() for p in network.parameters()) == sum(layer.numel() for layer in model.layers)
    loader = DataLoader(TensorDataset(model.sample(CONFIG.n)[0]), SETTINGS.batch, shuffle=True)

    def work():
        optimizer = torch.optim.AdamW(network.parameters(), SETTINGS.lr, weight_decay=0.0)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, SETTINGS.steps)
        made = 0
        while made < SETTINGS.steps:
            for (x0,) in loader:
                eps, phi = torch.randn_like(x0), math.pi / 2 * torch.rand(len(x0), 1) ** 1.5
                x, v = phi.cos() * x0 + phi.sin() * eps, phi.cos() * eps - phi.sin() * x0
                loss = (network(torch.cat([x, time_features(phi)], 1)) - v).square().mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                made += 1
                if made == SETTINGS.steps:
                    break
        return loss

    assert torch.isfinite(measure(benchmark, "fit", 1, work, "DataLoader"))
