"""What an experiment costs before it is run: operations and memory, counted by PyTorch on tensors of the right shapes.

One FLOP is an addition or a multiplication of numbers in matrix products and convolutions; what else there is takes
few.  Memory is that of single precision; where a GPU computes in bfloat16, a step keeps about half as much.
"""

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

from sclib import (
    attention,
    checks,
    ddpm,
    first_stage,
    flow,
    images,
    judges,
    kept,
    latents,
    networks,
    transformer,
)
from sclib.classifiers import ImageClassifier
from sclib.counted import GRAMMAR, METHODS
from sclib.first_stage_losses import Losses
from sclib.judge_network import Network
from sclib.precision import single

SHAPES = {"digits": (1, 8, 8), "cifar10": (3, 32, 32)}
TRAINING = 50_000  # images of CIFAR-10 that judges are trained on
BEGINNINGS = 3_000  # of the grammar's sentences, which a draw goes through once each
PER_WEIGHT = 16  # bytes: the weight, its gradient and AdamW's two moments


class Cost(NamedTuple):
    """What `cost` returns, FLOP and bytes."""

    parameters: int  # of one seed's model
    first: float  # FLOP of a seed's first fit
    later: float  # of a later round of a seed: refit, draws, and two looks of the judge at each
    once: float  # of what is trained once for all: judges, and the first stage of the latent route
    whole: float  # of all seeds and rounds, and `once`
    memory: float  # bytes that a step keeps: weights, gradients, moments, and activations for the way back


class Model(NamedTuple):
    """What one seed's model takes, FLOP and bytes."""

    parameters: int
    first_step: float
    step: float
    draw: Callable[[int], float]  # number of samples -> FLOP
    activations: float  # bytes


def cost(config: Any) -> Cost:
    """Count what an experiment takes; a second or two.

    Parameters
    ----------
    config : as from `experiments.configure`.

    Returns
    -------
    Cost.
    """
    settings = config.model
    counters = {flow.Settings: _flow, ddpm.Settings: _ddpm, transformer.Settings: _transformer}
    model: Model = counters[type(settings)](config)
    look, once = _judging(config)
    first, drawn = settings.first_steps * model.first_step, config.n * config.K
    sampling = model.draw(drawn) + drawn * look
    rounds = len(config.seeds) * (first + sampling + config.generations * (settings.steps * model.step + sampling))
    memory = PER_WEIGHT * model.parameters + model.activations
    return Cost(model.parameters, first, settings.steps * model.step + sampling, once, rounds + once, memory)


def routes() -> dict[str, Any]:
    """Ways to see a loop in images, by name: configs for `cost`, the dearest first; of the paper's, the first fit."""
    full = next(config for config in images.EXPERIMENTS if config.experiment == "cifar10-class")
    quick: dict[str, Any] = images.PRESETS["short"].copy()
    generations = quick.pop("generations")
    short = dataclasses.replace(full, generations=generations, model=dataclasses.replace(full.model, **quick))
    recipe = flow.Settings("unet", 128, 2, "ot", first_steps=400_000, batch=128, first_lr=2e-4, flip=True)
    return {
        "torchcfm's recipe, one fit": dataclasses.replace(full, model=recipe, generations=0, n=4, classifier_steps=1),
        "cifar10-class, full": full,
        "cifar10-class, short": short,
        "cifar10-latent-class": latents.EXPERIMENTS[0],
        "digits-class": images.EXPERIMENTS[0],
    }


def table(costs: dict[str, Cost], tflops: float = 1.0) -> str:
    """Costs as text, a line each.

    Parameters
    ----------
    costs : by name.
    tflops : 10^12 FLOP/s that the machine sustains: 0.1 on two cores, some tens on a data centre's GPU.

    Returns
    -------
    Text of at most 79 columns, of experiments as they are named here.

    Raises
    ------
    ValueError
        Unless `tflops` is positive and finite.
    """
    tflops = checks.real(tflops, "tflops", lambda value: 0 < value < math.inf, "be positive and finite")
    head = f"FLOP, and time at {tflops:g} TFLOP/s"
    lines = [f"{head:31}    fit  round    all  weights     GB      time"]
    for name, one in costs.items():
        flop = " ".join(f"{value:6.1e}".replace("e+", "e") for value in (one.first, one.later, one.whole))
        took = duration(one.whole / (tflops * 1e12))
        lines.append(f"{name:31} {flop} {one.parameters / 1e6:6.2f} M {one.memory / 1e9:6.2f}  {took:>8}")
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """A time in the largest unit of which there is one: "3.1 h".

    Parameters
    ----------
    seconds : >= 0.
    """
    units = {"years": 31_557_600, "days": 86_400, "h": 3_600, "min": 60, "s": 1}
    name, size = next(((n, s) for n, s in units.items() if seconds >= s), ("s", 1))
    return f"{seconds / size:.2g} {name}" if seconds / size < 100 else f"{seconds / size:.0f} {name}"


def counted(work: Callable[[], Any]) -> float:
    """FLOP of what a function does, forward and backward.

    Parameters
    ----------
    work : without arguments.
    """
    with FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops())


@contextlib.contextmanager
def keeping(parameters: Iterable[torch.Tensor]) -> Iterator[Callable[[], float]]:
    """How much a step in the block keeps for the way back, as a function: bytes.

    Parameters
    ----------
    parameters : which do not count.
    """
    own = {parameter.untyped_storage()._cdata for parameter in parameters}
    storages: dict[int, int] = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            storages[storage._cdata] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield lambda: float(sum(storages.values()))


@single()
def _flow(config):
    settings, latent = config.model, isinstance(config, latents.Config)
    shape = (first_stage.STAGE.channels, 4, 4) if latent else SHAPES[config.data]
    with torch.device("meta"):
        network, n = networks.network(shape, settings), settings.batch
        weights = list(network.parameters())
        with keeping(weights) as held, FlopCounterMode(display=False) as counter:
            loss = network(torch.rand(n), torch.randn(n, *shape)).square().mean()
            call = counter.get_total_flops() / n
            loss.backward()
    step = float(counter.get_total_flops())
    return Model(sum(w.numel() for w in weights), step, step, lambda n: n * settings.calls * call, held())


def _ddpm(config):
    settings = dataclasses.replace(config.model, first_steps=1, steps=1)
    model, data = ddpm.DDPM((0,), settings), torch.randn(1, 100, 2)
    with keeping(model.parameters()) as held:
        first = counted(lambda: model.fit(data))
    step = counted(lambda: model.fit(data))
    draw = counted(lambda: model.sample(1))
    return Model(sum(w.numel() for w in model.parameters()), first, step, lambda n: n * draw, held())


def _transformer(config):
    settings = dataclasses.replace(config.model, first_steps=1, steps=1)
    model = transformer.Transformer((0,), len(GRAMMAR.words), settings)
    data = torch.zeros(1, 100, attention.LENGTH, dtype=torch.uint8)
    with keeping(model.parameters()) as held:
        step = counted(lambda: model.fit(data))
    one = counted(lambda: model.logits(data[:, :1].long()))
    each = config.K if config.method in METHODS else 1  # these learn from all candidates of a group
    return Model(sum(w.numel() for w in model.parameters()), step, each * step, lambda n: BEGINNINGS * one, held())


def _judging(config):
    """FLOP of what the judges do with one sample, and of what is trained once."""
    if isinstance(config, latents.Config):
        return _latent_judging()
    if not isinstance(config, images.Config):
        return 0.0, 0.0
    image = torch.zeros(1, *SHAPES[config.data], dtype=torch.uint8)
    settings = kept.CLASSIFIERS[config.data]
    judge = ImageClassifier(settings["kind"], image.shape[1:])
    judge.network.eval()
    look = counted(lambda: judge.logits(image))
    return 2 * look, 3 * look * settings["batch"] * config.classifier_steps


def _latent_judging():
    image, stage, trained = torch.zeros(2, 3, 32, 32, dtype=torch.uint8), first_stage.STAGE, 0.0
    looks, critic = {}, None
    for name, judge in judges.JUDGES.items():
        network = Network(judge.kind, judge.width).eval()
        looks[name] = counted(lambda network=network: network.logits(image)) / 2
        trained += 3 * looks[name] * judge.epochs * TRAINING
        critic = network if name == "critic" else critic
    losses = Losses(stage, critic.requires_grad_(False))
    labels, draws = torch.zeros(2, dtype=torch.long), torch.Generator().manual_seed(0)

    def step():
        loss, judged = losses.generator(image.float(), labels, draws, True)
        loss.backward()
        losses.discriminator(*judged).backward()

    trained += counted(step) / 2 * stage.batch * stage.steps
    coder = losses.autoencoder.eval()
    decode = counted(lambda: coder.decode(coder.encode(image))) / 2
    return decode + 2 * looks["judge"] + looks["second"], trained
