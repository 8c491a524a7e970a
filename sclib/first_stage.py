"""The first stage: how 128 numbers come to stand for an image.  It is trained once, shipped, and shared by all loops.

As in latent diffusion (Rombach et al. 2022), an autoencoder is trained on pixels, on a classifier's features and
against an adversary; a flow then learns the law of its latents (`latents`), and the frozen decoder draws them.  The
encoder has that classifier, the critic, within it.

`python -m sclib.first_stage` trains it, or goes on with it, and puts its weights into the user's cache.
"""

import argparse
import dataclasses
import datetime
from collections.abc import Callable

import torch

from sclib import datasets, judges, tensor_checks, weights
from sclib.autoencoder import SHAPE, Autoencoder
from sclib.classifiers import moved
from sclib.first_stage_losses import Losses
from sclib.folders import writable_cache
from sclib.judge_network import Network
from sclib.precision import single
from sclib.record import file_name, record
from sclib.training import Training, stream


@dataclasses.dataclass(frozen=True)
class Stage:
    """What the first stage is, in `experiment`, `widths` and `channels`, and how it is trained."""

    experiment: str = "cifar10-first-stage"
    widths: tuple = (48, 96, 192)  # of the decoder's maps, 16 x 16, 8 x 8 and 4 x 4
    channels: int = 8  # of the latents, 4 x 4 each
    steps: int = 5_000
    batch: int = 128
    lr: float = 1e-3
    noise: float = 0.3  # that the decoder is trained with, in standard deviations of a latent
    adversary_from: float = 0.3  # part of the steps after which the adversary has a say
    pixel: float = 4.0  # weights of the losses: mean absolute error of pixels, in -1..1
    perceptual: float = 0.5  # mean absolute error of the critic's features, each channel in units of its rms
    outputs: float = 1.0  # Kullback-Leibler divergence of the critic's probabilities
    label: float = 0.5  # cross-entropy of a linear classifier of the latents
    adversarial: float = 0.05
    seed: int = 0
    version: int = 2

    @property
    def network(self) -> dict:
        """The part that a file of weights is filed under."""
        return record({name: getattr(self, name) for name in ("experiment", "widths", "channels", "version")})


STAGE = Stage()


@single()
def fit(
    stage: Stage,
    critic: Network,
    images: torch.Tensor,
    labels: torch.Tensor,
    source: str,
    max_minutes: float | None = None,
    report: Callable[[str], None] = print,
) -> Autoencoder | None:
    """The first stage, trained; the same call goes on where an interrupted one stopped (`training.Training`).

    Parameters
    ----------
    stage : what it is, and how it is trained.
    critic : whose features are compared.
    images : (n, 3, 32, 32), uint8.
    labels : (n,), integers 0..9.
    source : where the images are from.
    max_minutes : after which it stops at a checkpoint; None for no limit.
    report : takes lines on progress.

    Returns
    -------
    The autoencoder; None if time was out.

    Source
    ------
    Rombach et al. 2022.
    """
    images, labels = tensor_checks.images(images, SHAPE), tensor_checks.labels(labels, len(images), 10)
    losses = Losses(stage, critic)
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


def _descend(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def load() -> Autoencoder:
    """The first stage, with shipped weights or those that `python -m sclib.first_stage` made.

    Raises
    ------
    MissingResult
        If there are none; it names that command.
    DamagedResult
        For a file that is cut short or altered.
    """
    tensors, _ = weights.load(STAGE.network, "python -m sclib.first_stage")
    return _restored(tensors)


def _restored(tensors):
    critic = judges.JUDGES["critic"]
    autoencoder = Autoencoder(STAGE.widths, STAGE.channels, Network(critic.kind, critic.width))
    autoencoder.load_state_dict(tensors)
    return autoencoder.to(memory_format=torch.channels_last).eval().requires_grad_(False)


def measure(autoencoder: Autoencoder, images: torch.Tensor, labels: torch.Tensor) -> str:
    """What the judges make of images and of the same through the first stage, as text.

    Parameters
    ----------
    autoencoder : the first stage.
    images : (n, 3, 32, 32), uint8.
    labels : (n,), long, 0..9.
    """
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
    """Train the first stage on CIFAR-10, and put its weights into the user's cache, with what they reach.

    Parameters
    ----------
    arguments : of the command line; None for what the shell gave.
    """
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
