"""Images a second of the loops on images: training, sampling, and the classifier that rates."""

import dataclasses

import pytest
import torch

from sclib import experiments
from sclib.classifiers import ImageClassifier
from sclib.flow import Flow

# Data set, images of a batch and of a draw, optimiser steps.  The U-Net of CIFAR-10 is meant for a GPU.
CASES = [("digits", 256, 2_000, 20), ("cifar10", 8, 4, 2)]
SHAPES = {"digits": (1, 8, 8), "cifar10": (3, 32, 32)}


def measure(benchmark, data, step, images, work):
    benchmark.extra_info |= {"part": "images", "data": data, "step": step, "images": images}
    quick = data == "digits"
    return benchmark.pedantic(work, rounds=3 if quick else 1, warmup_rounds=quick)


def noise(n, shape):
    return torch.randint(0, 256, (n, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.large
@pytest.mark.parametrize(("data", "batch", "n", "steps"), CASES)
def test_flow(benchmark, data, batch, n, steps):
    settings = experiments.EXPERIMENTS[f"{data}-class"].model
    settings = dataclasses.replace(settings, batch=batch, chunk=n, first_steps=steps, steps=steps)
    model, images = Flow(SHAPES[data], settings=settings), noise(batch, SHAPES[data])
    measure(benchmark, data, "train", steps * batch, lambda: model.fit(images))


@pytest.mark.large
@pytest.mark.parametrize(("data", "batch", "n", "steps"), CASES)
def test_sampling(benchmark, data, batch, n, steps):
    settings = dataclasses.replace(experiments.EXPERIMENTS[f"{data}-class"].model, batch=batch, chunk=n, first_steps=1)
    model = Flow(SHAPES[data], settings=settings)
    model.fit(noise(batch, SHAPES[data]))
    assert len(measure(benchmark, data, f"sample, {settings.calls} calls", n, lambda: model.sample(n))) == n


@pytest.mark.parametrize(("data", "kind", "n"), [("digits", "cnn", 2_000), ("cifar10", "vgg", 200)])
def test_rating(benchmark, data, kind, n):
    classifier, images = ImageClassifier(kind, SHAPES[data]), noise(n, SHAPES[data])
    classifier.fit(images, torch.arange(n) % 10, steps=1)
    assert measure(benchmark, data, "rate", n, lambda: classifier.logits(images)).shape == (n, 10)
