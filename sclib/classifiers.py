"""Classifiers of images, and class probabilities: what turns a sample into a reward."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from sclib import checks, distributed, tensor_checks
from sclib.precision import single

MOST_CLASSES = 10_000
SIZES = {"cnn": (8, 8), "vgg": (32, 32)}  # the images that each kind of network is for


class ImageClassifier:
    """A convolutional network that turns images, uint8 (n, C, H, W), into class probabilities.

    Parameters
    ----------
    kind : "cnn", a small network for 8 x 8 images, or "vgg", torchvision's VGG11 with batch normalisation and one
        linear layer from its 512 features, for 32 x 32.
    shape : (C, H, W) of an image.
    classes : how many there are.
    seed : of its random streams.
    device : "cpu", "cuda" or "cuda:1".
    """

    @single()
    def __init__(self, kind: str, shape: Sequence[int], classes: int = 10, seed: int = 0, device: str = "cpu"):
        size = SIZES[checks.one_of(kind, "kind", tuple(SIZES))]
        (seed,) = checks.seeds([seed], "seed")
        classes = checks.integer(classes, "classes", 1, MOST_CLASSES)
        if not isinstance(shape, tuple | list | torch.Size) or len(shape) != 3 or tuple(shape[1:]) != size:
            raise checks.wrong("shape", shape, f"be (C, {size[0]}, {size[1]}), which kind = {kind!r} is for")
        channels = checks.integer(shape[0], "shape[0]", 1, 10_000)
        self.shape, self.classes = (channels, *size), classes
        self.generator = torch.Generator(device).manual_seed(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)  # layers draw their first weights from the global stream
            body, width = _body(kind, channels)
            self.network = nn.Sequential(body, nn.Linear(width, classes)).to(device)
        self.mean, self.sd = (torch.ones(channels, 1, 1, device=device) for _ in range(2))  # of training pixels

    @single()
    def fit(
        self,
        images: torch.Tensor,
        labels: Any,
        steps: int,
        batch: int = 128,
        lr: float = 0.1,
        shift: int = 0,
        flip: bool = False,
    ) -> None:
        """Train by SGD on the cross-entropy.  Labels are not smoothed: that would flatten the probabilities, hence the
        reward.

        Parameters
        ----------
        images : (n, C, H, W), uint8, two or more.
        labels : (n,), integers, 0 to classes - 1.
        steps : of SGD.
        batch : images in a step.
        lr : the highest learning rate, at most 10.
        shift : pixels by which each image drawn is moved at most, each way.
        flip : whether it is mirrored every other time.

        Raises
        ------
        ValueError
            For an argument of another shape or range, or if the weights run off.
        """
        images = tensor_checks.images(images, self.shape)
        labels = tensor_checks.labels(labels, len(images), self.classes)
        steps, batch = checks.integer(steps, "steps", 1, 10**7), checks.integer(batch, "batch", 2)
        lr = checks.real(lr, "lr", lambda value: 0 < value <= 10, "be positive, at most 10")
        shift = checks.integer(shift, "shift", 0, self.shape[1])
        if not isinstance(flip, bool | np.bool_):
            raise checks.wrong("flip", flip, "be True or False")
        if len(images) < 2:
            raise ValueError(f"images has shape {tuple(images.shape)}; at least two are needed")
        device = self.generator.device
        images, labels = images.to(device), labels.to(device)
        pixels = images.double().transpose(0, 1).flatten(1)  # (C, n H W)
        self.mean, self.sd = (v[:, None, None].float() for v in (pixels.mean(1), pixels.std(1)))
        self.sd = torch.where(self.sd > 0, self.sd, 1)  # a channel of one value tells nothing, and harms nothing
        optimizer = torch.optim.SGD(self.network.parameters(), lr, momentum=0.9, nesterov=True, weight_decay=5e-4)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps)
        batch = min(batch, len(images))
        self.network.train()
        for _ in range(steps):
            index = torch.randint(len(images), (batch,), generator=self.generator, device=device)
            x = moved(images[index], shift, flip, self.generator)
            loss = nn.functional.cross_entropy(self.network(self._normalised(x)), labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        self.network.eval()
        if not all(weight.isfinite().all() for weight in self.network.parameters()):
            raise ValueError(f"lr = {lr:g} is too large: the weights are no longer finite")

    @torch.no_grad()
    def features(self, images: torch.Tensor) -> torch.Tensor:
        """What the last layer sees, (n, width).

        Parameters
        ----------
        images : (n, C, H, W), uint8.
        """
        images = tensor_checks.images(images, self.shape).to(self.generator.device)

        def features(images):
            return torch.cat([self.network[0](self._normalised(part)) for part in images.split(2000)])

        return distributed.mapped(features, images)

    @torch.no_grad()
    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """The network's output, (n, classes).

        Parameters
        ----------
        images : (n, C, H, W), uint8.
        """
        return self.network[1](self.features(images))

    def state(self) -> dict[str, np.ndarray]:
        """What `restore` needs."""
        tensors = self.network.state_dict() | {"mean": self.mean, "sd": self.sd}
        return {name: tensor.cpu().numpy() for name, tensor in tensors.items()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Put back what `state` gave.

        Parameters
        ----------
        state : of a classifier of the same kind and shape.
        """
        tensors = {name: torch.as_tensor(array).to(self.generator.device) for name, array in state.items()}
        self.mean, self.sd = tensors.pop("mean"), tensors.pop("sd")
        self.network.load_state_dict(tensors)
        self.network.eval()

    def _normalised(self, images):
        # The only place where pixels become the network's input, in training as in use.
        return (images.float() - self.mean) / self.sd


def probabilities(logits: torch.Tensor, temperature: float = 1.0) -> torch.Tensor:
    """Class probabilities softmax(logits / temperature), (..., C).

    Parameters
    ----------
    logits : (..., C), finite.
    temperature : > 0; above 1 it makes them less certain and keeps their order.

    Raises
    ------
    ValueError
        For another temperature, or where logits or their quotients are not finite.
    """
    logits = tensor_checks.tensor(logits, "logits", "C")
    temperature = checks.real(temperature, "temperature", lambda T: 0 < T < float("inf"), "be positive and finite")
    scaled = logits / temperature
    if not scaled.isfinite().all():
        raise ValueError(f"logits reach {logits.abs().max():g}, too much at temperature = {temperature:g}")
    return scaled.softmax(-1)


def calibration_error(q: Any, labels: Any, bins: int = 10) -> float:
    """Expected calibration error: how far shares of correct guesses are from the top probabilities.

    The mean over samples of |share correct - mean top probability| in the bin, of equal width, of its top probability.

    Parameters
    ----------
    q : (n, C), class probabilities.
    labels : (n,), integers 0..C-1.
    bins : >= 1.

    Returns
    -------
    A float from 0 to 1.

    Raises
    ------
    ValueError
        For an argument of another shape or range.

    Source
    ------
    Guo et al. 2017.
    """
    q = tensor_checks.tensor(q, "q", "C", arrays=True).detach()
    if q.ndim != 2 or not len(q) or (q < 0).any() or not ((q.sum(1) - 1).abs() <= 1e-2).all():
        raise ValueError(f"q has shape {tuple(q.shape)}; it must be (n, C), n >= 1, >= 0, with rows that sum to one")
    labels, bins = tensor_checks.labels(labels, len(q), q.shape[1]), checks.integer(bins, "bins", 1, 10**6)
    top, guess = (v.cpu().numpy() for v in q.max(-1))
    bin_of = np.minimum((top * bins).astype(int), bins - 1)
    gap = np.bincount(bin_of, (guess == labels.cpu().numpy()) - top.astype(float), bins)  # summed over each bin
    return float(np.abs(gap).sum() / len(top))


def _body(kind, channels):
    """The network up to its features, and how many these are."""
    if kind == "vgg":
        from torchvision.models import vgg11_bn

        return nn.Sequential(vgg11_bn(weights=None).features, nn.Flatten()), 512
    layers = []
    for fan_in, fan_out, pool in ((channels, 16, False), (16, 32, True), (32, 32, True)):
        layers += [nn.Conv2d(fan_in, fan_out, 3, padding=1), nn.BatchNorm2d(fan_out), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if pool else []
    return nn.Sequential(*layers, nn.Flatten()), 32 * 2 * 2


def moved(images: torch.Tensor, shift: int, flip: bool, generator: torch.Generator) -> torch.Tensor:
    """Images, each moved at random, what comes in being black, and mirrored or not.

    Parameters
    ----------
    images : (n, C, H, W).
    shift : pixels, at most, each way.
    flip : whether each is mirrored every other time.
    generator : on the same device.
    """
    n, _, height, width = images.shape
    like: dict[str, Any] = {"generator": generator, "device": images.device}
    if flip:
        mirrored = torch.rand(n, **like) < 0.5
        images = torch.where(mirrored[:, None, None, None], images.flip(-1), images)
    if shift:
        down, right = torch.randint(2 * shift + 1, (2, n, 1), **like)
        rows = down + torch.arange(height, device=images.device)  # (n, H)
        columns = right + torch.arange(width, device=images.device)  # (n, W)
        one = torch.arange(n, device=images.device)[:, None, None]
        padded = nn.functional.pad(images, (shift,) * 4)
        images = padded[one, :, rows[:, :, None], columns[:, None]].movedim(-1, 1)  # (n, C, H, W)
    return images
