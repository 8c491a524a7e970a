"""Classifiers of CIFAR-10 that judge images: trained once, shipped, and the same for every loop.

The reward's judge is VGG11 with batch normalisation, as the paper's, at half its width.  The second judge, a residual
network that nothing is trained against, reports beside it: a loop that only fools its judge shows as a gap between the
two.  The critic, a smaller one, lends its features to the losses of the first stage (`first_stage`).

`python -m sclib.judges judge` trains one, or goes on with it, and puts its weights into the user's cache.
"""

import argparse
import dataclasses
import datetime
from collections.abc import Callable

import torch
from torch import nn

from sclib import checks, datasets, distributed, tensor_checks, weights
from sclib.classifiers import moved
from sclib.folders import writable_cache
from sclib.precision import single
from sclib.record import file_name, record
from sclib.training import Training, stream

SHAPE = (3, 32, 32)
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
    "critic": Judge("cifar10-critic", "residual", 24, epochs=4, shift=2, hole=0, seed=2),
}


class Network(nn.Module):
    """Three maps of features, the last one pooled, and a linear layer; it takes pixels (n, 3, 32, 32), float, 0..255.

    With `fit`'s result, `logits` and `features` take images, uint8, as `classifiers.ImageClassifier` does.
    """

    mean: torch.Tensor
    sd: torch.Tensor

    @single()
    def __init__(self, kind: str, width: int):
        super().__init__()
        kind, w = checks.one_of(kind, "kind", ("vgg", "residual")), checks.integer(width, "width", 1, 10**4)
        if kind == "vgg":
            from torchvision.models.vgg import make_layers

            # The last of VGG's five poolings is the one before the linear layer.
            plan = [w, "M", 2 * w, "M", 4 * w, 4 * w, "M", 8 * w, 8 * w, "M", 8 * w, 8 * w]
            layers, self.width = list(make_layers(plan, batch_norm=True)), 8 * w
            self.stages = nn.ModuleList([nn.Sequential(*layers[a:b]) for a, b in ((0, 8), (8, 15), (15, None))])
        else:
            self.width = 5 * w
            self.stages = nn.ModuleList(
                [
                    nn.Sequential(nn.PixelUnshuffle(2), _convolution(12, w), Residual(w)),
                    nn.Sequential(_convolution(w, 2 * w), nn.MaxPool2d(2), Residual(2 * w)),
                    nn.Sequential(_convolution(2 * w, 5 * w), nn.MaxPool2d(2), Residual(5 * w)),
                ]
            )
        self.head = nn.Linear(self.width, 10)
        self.register_buffer("mean", torch.zeros(3, 1, 1))  # of training pixels
        self.register_buffer("sd", torch.ones(3, 1, 1))

    def maps(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        """The three maps of features, (n, C, H, W) each, of `pixels`."""
        found = [((pixels - self.mean) / self.sd).contiguous(memory_format=torch.channels_last)]
        for stage in self.stages:
            found.append(stage(found[-1]))
        return found[1:]

    def classify(self, last: torch.Tensor) -> torch.Tensor:
        """Logits (n, 10) from the last of `maps`."""
        return self.head(last.amax((2, 3)))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.classify(self.maps(pixels)[-1])

    @torch.no_grad()
    def features(self, images: torch.Tensor) -> torch.Tensor:
        """What the linear layer sees of `images`, uint8 (n, 3, 32, 32): (n, width).  Raises: ValueError."""
        images = tensor_checks.images(images, SHAPE).to(self.mean.device)

        def features(images):
            return torch.cat([self.maps(part.float())[-1].amax((2, 3)) for part in images.split(500)])

        return distributed.mapped(features, images)

    @torch.no_grad()
    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """The output for `images`, uint8 (n, 3, 32, 32): (n, 10).  Raises: ValueError."""
        return self.head(self.features(images))


class Residual(nn.Module):
    """x plus two convolutions of x, (n, C, H, W)."""

    def __init__(self, channels: int):
        super().__init__()
        self.change = nn.Sequential(_convolution(channels, channels), _convolution(channels, channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.change(x)


def _convolution(fan_in, fan_out):
    return nn.Sequential(nn.Conv2d(fan_in, fan_out, 3, padding=1, bias=False), nn.BatchNorm2d(fan_out), nn.GELU())


@single()
def fit(
    judge: Judge,
    images: torch.Tensor,
    labels: torch.Tensor,
    source: str,
    max_minutes: float | None = None,
    report: Callable[[str], None] = print,
) -> Network | None:
    """The network of `judge`, trained on `images`, uint8 (n, 3, 32, 32), from `source`, with `labels` (n,).

    SGD on the cross-entropy, without smoothed labels: that would flatten the probabilities, and so change the reward.
    The same call goes on where an interrupted one stopped (`training.Training`); None if `max_minutes` were too few.
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
    """`pixels` (n, 3, H, W), in each a square of `side`, around any of its pixels, replaced by `mean` (3, 1, 1)."""
    n, _, *size = pixels.shape
    inside = []
    for length in size:
        first = torch.randint(length, (n, 1), generator=generator) - side // 2
        at = torch.arange(length)
        inside.append((at >= first) & (at < first + side))
    hole = (inside[0][:, :, None] & inside[1][:, None])[:, None]
    return torch.where(hole, mean, pixels)


def one_cycle(done: float, peak: float = 0.25) -> float:
    """The learning rate's share of the highest when a share `done` of the steps is made: up, then down, in lines."""
    return min(done / peak + 0.01, (1 - done) / (1 - peak))


def accuracy(network: Network, images: torch.Tensor, labels: torch.Tensor) -> float:
    """The share of `images`, uint8 (n, 3, 32, 32), whose likeliest class is that of `labels` (n,)."""
    return float((network.logits(images).argmax(-1) == labels).double().mean())


def load(name: str) -> Network:
    """The judge `name` of `JUDGES`, with shipped weights or those that `python -m sclib.judges` made.

    Raises: MissingResult, naming that command; DamagedResult for a file that is cut short or altered.
    """
    judge = JUDGES[checks.one_of(name, "name", JUDGES)]
    tensors, _ = weights.load(judge.network, f"python -m sclib.judges {name}")
    network = Network(judge.kind, judge.width)
    network.load_state_dict(tensors)
    return network.to(memory_format=torch.channels_last).eval().requires_grad_(False)


def main(arguments: list[str] | None = None) -> None:
    """Train a judge on CIFAR-10, and put its weights into the user's cache."""
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
    """Put the weights of a trained `network` into the user's cache, with the accuracy of what was written."""
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
