"""Classifiers of CIFAR-10 that judge images: trained once, shipped, and the same for every loop.

The reward's judge is VGG11 with batch normalisation, as the paper's, at half its width.  The second judge, a residual
network that nothing is trained against, reports beside it: a loop that only fools its judge shows as a gap between the
two.  The critic, a smaller one of the second judge's design, is part of the first stage, of its encoder and its losses
(`first_stage`).

`python -m sclib.judges judge` trains one, or goes on with it, and puts its weights into the user's cache.
"""

import argparse
import dataclasses
import datetime
from collections.abc import Callable

import torch
from torch import nn

from sclib import checks, datasets, tensor_checks, weights
from sclib.classifiers import moved
from sclib.folders import writable_cache
from sclib.judge_network import SHAPE, Network
from sclib.precision import single
from sclib.record import file_name, record
from sclib.training import Training, stream

LICENCE = "MIT, as this package; trained on CIFAR-10 (Krizhevsky 2009)"


@dataclasses.dataclass(frozen=True)
class Judge:
    """What a judge is, in `experiment`, `kind` and `width`, by which its weights are filed; and how it is trained."""

    experiment: str
    kind: str  # "vgg", VGG11 with batch normalisation, or "residual"
    width: int  # channels of the first layers
    epochs: int
    batch: int = 256
    lr: float = 0.2  # the highest, a quarter of the way
    weight_decay: float = 5e-4
    shift: int = 4  # pixels that an image is moved by at most; every other one is mirrored
    hole: int = 8  # side of a square, in pixels, that is hidden in every image (DeVries and Taylor 2017)
    seed: int = 0
    version: int = 1

    @property
    def network(self) -> dict:
        """The part that a file of weights is filed under."""
        return {name: getattr(self, name) for name in ("experiment", "kind", "width", "version")}


JUDGES = {
    "judge": Judge("cifar10-judge", "vgg", 32, epochs=48, seed=0),
    "second": Judge("cifar10-second-judge", "residual", 32, epochs=14, seed=1),
    "critic": Judge("cifar10-critic", "residual", 24, epochs=14, shift=2, hole=0, seed=2, version=2),
}


@single()
def fit(
    judge: Judge,
    images: torch.Tensor,
    labels: torch.Tensor,
    source: str,
    max_minutes: float | None = None,
    report: Callable[[str], None] = print,
) -> Network | None:
    """A judge, trained; the same call goes on where an interrupted one stopped (`training.Training`).

    SGD on the cross-entropy, without smoothed labels: that would flatten the probabilities, and so change the reward.

    Parameters
    ----------
    judge : what it is, and how it is trained.
    images : (n, 3, 32, 32), uint8.
    labels : (n,), integers 0..9.
    source : where the images are from.
    max_minutes : after which it stops at a checkpoint; None for no limit.
    report : takes lines on progress.

    Returns
    -------
    The network; None if time was out.
    """
    images, labels = tensor_checks.images(images, SHAPE), tensor_checks.labels(labels, len(images), 10)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(judge.seed)  # layers draw their first weights from the global stream
        network = Network(judge.kind, judge.width).to(memory_format=torch.channels_last)
    pixels = images.double().transpose(0, 1).flatten(1)
    network.mean[:], network.sd[:] = pixels.mean(1)[:, None, None], pixels.std(1)[:, None, None]
    optimizer = torch.optim.SGD(
        network.parameters(), judge.lr, momentum=0.9, nesterov=True, weight_decay=judge.weight_decay
    )
    batch = min(judge.batch, len(images))
    each = len(images) // batch  # steps in an epoch
    config = record(judge) | {"source": source}
    run = Training(config, judge.epochs * each, {"network": network}, {"sgd": optimizer}, max_minutes, report)
    network.train()
    for step in run:
        if step % each == 0 or step == run.first:
            order = torch.randperm(len(images), generator=stream(judge.seed, step // each, 1))
        index = order[step % each * batch :][:batch]
        draws = stream(judge.seed, step)
        x = hidden(moved(images[index], judge.shift, True, draws).float(), judge.hole, network.mean, draws)
        optimizer.param_groups[0]["lr"] = judge.lr * one_cycle(step / run.steps)
        loss = nn.functional.cross_entropy(network(x), labels[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        run.loss = loss.item()
    return network.eval().requires_grad_(False) if run.finished else None


def hidden(pixels: torch.Tensor, side: int, mean: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Pixels, in each image a square replaced by the mean.

    Parameters
    ----------
    pixels : (n, 3, H, W).
    side : of the square, pixels; it lies around any pixel of its image.
    mean : (3, 1, 1).
    generator : of the draw.

    Source
    ------
    DeVries and Taylor 2017.
    """
    n, _, *size = pixels.shape
    inside = []
    for length in size:
        first = torch.randint(length, (n, 1), generator=generator) - side // 2
        at = torch.arange(length)
        inside.append((at >= first) & (at < first + side))
    hole = (inside[0][:, :, None] & inside[1][:, None])[:, None]
    return torch.where(hole, mean, pixels)


def one_cycle(done: float, peak: float = 0.25) -> float:
    """The learning rate's share of the highest: up, then down, in lines.

    Parameters
    ----------
    done : share of the steps that is made.
    peak : share of the steps at which it is highest.
    """
    return min(done / peak + 0.01, (1 - done) / (1 - peak))


def accuracy(network: Network, images: torch.Tensor, labels: torch.Tensor) -> float:
    """The share of images whose likeliest class is right.

    Parameters
    ----------
    network : a judge.
    images : (n, 3, 32, 32), uint8.
    labels : (n,), long, 0..9.
    """
    return float((network.logits(images).argmax(-1) == labels).double().mean())


def load(name: str) -> Network:
    """A judge, with shipped weights or those that `python -m sclib.judges` made.

    Parameters
    ----------
    name : one of `JUDGES`.

    Raises
    ------
    MissingResult
        If there are none; it names that command.
    DamagedResult
        For a file that is cut short or altered.
    """
    judge = JUDGES[checks.one_of(name, "name", JUDGES)]
    tensors, _ = weights.load(judge.network, f"python -m sclib.judges {name}")
    network = Network(judge.kind, judge.width)
    network.load_state_dict(tensors)
    return network.to(memory_format=torch.channels_last).eval().requires_grad_(False)


def main(arguments: list[str] | None = None) -> None:
    """Train a judge on CIFAR-10, and put its weights into the user's cache.

    Parameters
    ----------
    arguments : of the command line; None for what the shell gave.
    """
    parser = argparse.ArgumentParser(prog="python -m sclib.judges", description="Train a judge, or go on with it.")
    parser.add_argument("name", choices=JUDGES)
    parser.add_argument("--max-minutes", type=float, help="stop at a checkpoint after this time")
    options = parser.parse_args(arguments)
    judge, source = JUDGES[options.name], datasets.cifar10_source()
    images, labels = datasets.cifar10("train")
    network = fit(judge, images, labels, source, options.max_minutes)
    if network is None:
        return print("stopped; the same command goes on from there")
    keep(options.name, network, source)


def keep(name: str, network: Network, source: str) -> None:
    """Put a trained judge's weights into the user's cache, with the accuracy of what was written.

    Parameters
    ----------
    name : one of `JUDGES`.
    network : trained.
    source : where its training images are from.
    """
    judge, path = JUDGES[name], writable_cache() / "weights" / file_name(JUDGES[name].network)
    half = Network(judge.kind, judge.width)
    half.load_state_dict(
        {key: t.half().float() if t.is_floating_point() else t for key, t in network.state_dict().items()}
    )
    reached = f"test accuracy {accuracy(half.eval(), *datasets.cifar10('test')):.4f} in half precision"
    trained = ", ".join(f"{key} {value}" for key, value in record(judge).items() if key not in judge.network)
    made = {"date": datetime.date.today().isoformat(), "data": source, "licence": LICENCE}
    weights.save(path, judge.network, network.state_dict(), made | {"trained": trained, "reached": reached})
    print(f"{path}: {reached}")


if __name__ == "__main__":
    main()
