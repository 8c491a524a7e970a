"""The first stage: how 128 numbers come to stand for an image.  It is trained once, shipped, and shared by all loops.

As in latent diffusion (Rombach et al. 2022), an autoencoder is trained on pixels, on a classifier's features and
against an adversary; a flow then learns the law of its latents (`latents`), and the frozen decoder draws them.

`python -m sclib.first_stage` trains it, or goes on with it, and puts its weights into the user's cache.
"""

import argparse
import dataclasses
import datetime
import math
from collections.abc import Callable

import torch
from torch import nn

from sclib import datasets, judges, tensor_checks, weights
from sclib.autoencoder import SHAPE, Adversary, Autoencoder, pixels, scaled
from sclib.classifiers import moved
from sclib.folders import writable_cache
from sclib.precision import single
from sclib.record import file_name, record
from sclib.training import Training, stream


@dataclasses.dataclass(frozen=True)
class Stage:
    """What the first stage is, in `experiment`, `widths` and `channels`, and how it is trained."""

    experiment: str = "cifar10-first-stage"
    widths: tuple = (48, 96, 192)  # of the decoder's maps, 16 x 16, 8 x 8 and 4 x 4
    channels: int = 8  # of the latents, 4 x 4 each
    steps: int = 8_000
    batch: int = 128
    lr: float = 1e-3
    noise: float = 0.15  # that the decoder is trained with, in standard deviations of a latent
    adversary_from: float = 0.3  # part of the steps after which the adversary has a say
    pixel: float = 4.0  # weights of the losses: mean absolute error of pixels, in -1..1
    perceptual: float = 0.5  # mean absolute error of the critic's features, each channel in units of its rms
    outputs: float = 0.1  # Kullback-Leibler divergence of the critic's probabilities
    label: float = 0.05  # cross-entropy of a linear classifier of the latents
    adversarial: float = 0.05
    seed: int = 0
    version: int = 1

    @property
    def network(self) -> dict:
        """The part that a file of weights is filed under."""
        return record({name: getattr(self, name) for name in ("experiment", "widths", "channels", "version")})


STAGE = Stage()


@single()
def fit(
    stage: Stage,
    critic: judges.Network,
    images: torch.Tensor,
    labels: torch.Tensor,
    source: str,
    max_minutes: float | None = None,
    report: Callable[[str], None] = print,
) -> Autoencoder | None:
    """The autoencoder of `stage`, trained on `images`, uint8 (n, 3, 32, 32), from `source`, with `labels` (n,).

    The same call goes on where an interrupted one stopped (`training.Training`); None if `max_minutes` were too few.
    """
    images, labels = tensor_checks.images(images, SHAPE), tensor_checks.labels(labels, len(images), 10)
    losses = _Losses(stage, critic)
    optimizers = {
        "generator": torch.optim.AdamW(losses.learned(), stage.lr, betas=(0.9, 0.99), weight_decay=1e-4),
        "discriminator": torch.optim.AdamW(losses.adversary.parameters(), stage.lr / 2, betas=(0.5, 0.99)),
    }
    networks = {"autoencoder": losses.autoencoder, "label": losses.label, "adversary": losses.adversary}
    config = record(stage) | {"source": source}
    run = Training(config, stage.steps, networks, optimizers, max_minutes, report)
    losses.autoencoder.train()
    for step in run:
        draws = stream(stage.seed, step)
        index = torch.randint(len(images), (min(stage.batch, len(images)),), generator=draws)
        x = moved(images[index], 0, True, draws).float()
        done = step / stage.steps
        for group in optimizers["generator"].param_groups:
            group["lr"] = stage.lr * min(1, (step + 1) / 200, max(0.02, (1 - done) / 0.4))
        loss, judged = losses.generator(x, labels[index], draws, done > stage.adversary_from)
        _descend(optimizers["generator"], loss)
        if done > stage.adversary_from - 0.03:  # the adversary learns a little before it has a say
            _descend(optimizers["discriminator"], losses.discriminator(*judged))
        run.loss = loss.item()
    return losses.autoencoder.eval().requires_grad_(False) if run.finished else None


class _Losses:
    """The networks of a training, and its two losses."""

    def __init__(self, stage, critic):
        self.stage, self.critic = stage, critic
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stage.seed)  # layers draw their first weights from the global stream
            self.autoencoder = Autoencoder(stage.widths, stage.channels)
            self.label = nn.Linear(math.prod(self.autoencoder.shape), 10)
            widths = [x.shape[1] for x in critic.maps(torch.zeros(2, *SHAPE))]
            self.adversary = Adversary(tuple(widths))

    def learned(self):
        return [*self.autoencoder.parameters(), *self.label.parameters()]

    def generator(self, x, labels, draws, adversarial):
        """The loss of the autoencoder on `x` (n, 3, 32, 32), 0..255, and the critic's maps of x and of its picture."""
        s = self.stage
        z = self.autoencoder.encoder(scaled(x))
        y = self.autoencoder.decoder(z + s.noise * torch.randn(z.shape, generator=draws))
        with torch.no_grad():
            real = self.critic.maps(x)
            meant = self.critic.classify(real[-1]).softmax(1)
        made = self.critic.maps(pixels(y))
        said = self.critic.classify(made[-1]).log_softmax(1)
        loss = (
            s.pixel * (scaled(x) - y).abs().mean()
            + s.perceptual * sum(_distance(a, b) for a, b in zip(real, made, strict=True))
            + s.outputs * nn.functional.kl_div(said, meant, reduction="batchmean")
            + s.label * nn.functional.cross_entropy(self.label(z.flatten(1)), labels)
        )
        if adversarial:
            loss = loss - s.adversarial * sum(v.mean() for v in self.adversary(made)) / len(made)
        return loss, (real, [v.detach() for v in made])

    def discriminator(self, real, made):
        """The adversary's hinge loss."""
        scores = zip(self.adversary(real), self.adversary(made), strict=True)
        return sum((1 - a).relu().mean() + (1 + b).relu().mean() for a, b in scores) / len(real)


def _distance(a, b):
    """Mean absolute difference of maps of features, each channel in units of its root mean square in its batch."""
    return (_in_units(a) - _in_units(b)).abs().mean()


def _in_units(a):
    return a / (a.square().mean((0, 2, 3), keepdim=True).sqrt() + 0.05)


def _descend(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def load() -> Autoencoder:
    """The first stage, with shipped weights or those that `python -m sclib.first_stage` made.

    Raises: MissingResult, naming that command; DamagedResult for a file that is cut short or altered.
    """
    tensors, _ = weights.load(STAGE.network, "python -m sclib.first_stage")
    return _restored(tensors)


def _restored(tensors):
    autoencoder = Autoencoder(STAGE.widths, STAGE.channels)
    autoencoder.load_state_dict(tensors)
    return autoencoder.eval().requires_grad_(False)


def measure(autoencoder: Autoencoder, images: torch.Tensor, labels: torch.Tensor) -> str:
    """What the judges make of `images` and of the same through the first stage, as text."""
    through = autoencoder.decode(autoencoder.encode(images))
    lines = []
    for name in ("judge", "second"):
        network = judges.load(name)
        tops = [network.logits(x).softmax(1).amax(1).mean() for x in (images, through)]
        shares = [judges.accuracy(network, x, labels) for x in (images, through)]
        lines.append(
            f"{name}: accuracy {shares[1]:.4f} ({shares[0]:.4f} on originals), top probability {tops[1]:.3f} "
            f"({tops[0]:.3f})"
        )
    return "; ".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Train the first stage on CIFAR-10, and put its weights into the user's cache, with what they reach."""
    parser = argparse.ArgumentParser(prog="python -m sclib.first_stage", description="Train the first stage.")
    parser.add_argument("--max-minutes", type=float, help="stop at a checkpoint after this time")
    options = parser.parse_args(arguments)
    source = datasets.cifar10_source()
    images, labels = datasets.cifar10("train")
    autoencoder = fit(STAGE, judges.load("critic"), images, labels, source, options.max_minutes)
    if autoencoder is None:
        return print("stopped; the same command goes on from there")
    tensors = autoencoder.state_dict()
    half = _restored({key: t.half().float() if t.is_floating_point() else t for key, t in tensors.items()})
    reached = measure(half, *datasets.cifar10("test"))
    trained = ", ".join(f"{key} {value}" for key, value in record(STAGE).items() if key not in STAGE.network)
    made = {"date": datetime.date.today().isoformat(), "data": source, "licence": judges.LICENCE}
    path = writable_cache() / "weights" / file_name(STAGE.network)
    weights.save(path, STAGE.network, tensors, made | {"trained": trained, "reached": reached})
    print(f"{path}: {reached}")


if __name__ == "__main__":
    main()
