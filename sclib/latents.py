"""CIFAR-10 on a CPU: loops of a flow in the latent space of a frozen autoencoder, as in latent diffusion.

An image is encoded once into 128 numbers (`first_stage`), a flow learns their law, and the decoder draws them.  The
loop retrains the flow; the judge, VGG11 as in the paper, looks at decoded pictures, and so does a second judge that
nothing was trained against.  Rewards, laws and statistics are those of `images`.
"""

import dataclasses
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn
from tqdm.auto import tqdm

from sclib import datasets, first_stage, gates, images, judges
from sclib.autoencoder import LEVELS, MIDDLE, Autoencoder
from sclib.choice import picked_index
from sclib.classifiers import probabilities
from sclib.flow import Settings
from sclib.image_statistics import comparison, summarise
from sclib.judge_network import Network
from sclib.kept import KeptFlow
from sclib.loop import Generation
from sclib.record import record
from sclib.settings import check_one_of
from sclib.stacked import Flows
from sclib.study import Study

REFITS = ("warm", "scratch")
FIRST = "cifar10-latent-first"  # what first models are filed under
# Of a width at which one flow, first stage and judge travel in 12 MB, and a batch at which pairing costs little.
FLOW = Settings(
    "mlp", 512, 3, "ot", first_steps=6_000, steps=300, batch=256, first_lr=2e-3, lr=3e-3, calls=8, chunk=2_500
)


@dataclasses.dataclass(frozen=True)
class Config(images.Loop):
    """One experiment: everything that its numbers depend on; `model` is the flow of latents."""

    refit: str = "warm"  # of the flow: from the weights it finds; or "scratch", from random ones
    presets: ClassVar[dict[str, dict[str, Any]]] = {"full": {}, "smoke": images.SMOKE}

    def __post_init__(self):
        super().__post_init__()
        check_one_of(self, "refit", REFITS)

    @property
    def minutes(self) -> str:
        """How long it takes."""
        return "70 min on one CPU core with five seeds, and once 30 min for first models that all share"


COMMON: dict[str, Any] = {"data": "cifar10", "n": 2_500, "n_near": 500, "n_kept": 2_500, "n_pictures": 10}
COMMON["model"] = FLOW
# On samples of seed 100 the exact law moves the entropy of the shares by 0.04 nats at temperature 1 and gamma 5, by 0.7
# at these.
CONFIDENCE = COMMON | {"reward": "confidence", "gamma": 10.0, "temperature": 3.0}
# What sets the transmission: each refit from random weights, with many more steps.
SCRATCH = COMMON | {"model": dataclasses.replace(FLOW, steps=2_000, lr=2e-3), "seeds": (0,), "generations": 3}
EXPERIMENTS = [
    Config("cifar10-latent-class", reward="class", **COMMON),
    Config("cifar10-latent-class-mixed", reward="class", lam=0.5, **COMMON),
    Config("cifar10-latent-confidence", **CONFIDENCE),
    Config("cifar10-latent-confidence-mixed", lam=0.5, **CONFIDENCE),
    Config("cifar10-latent-control", K=1, **CONFIDENCE),
    Config("cifar10-latent-class-scratch", reward="class", refit="scratch", **SCRATCH),
]


class LatentFlow(KeptFlow):
    """A flow of latents, bytes (n, 8, 4, 4); see `autoencoder.to_bytes`.

    Parameters
    ----------
    config : a `Config`.
    seed : of the experiment.
    stream : the seed of the model's random stream.
    device : "cpu", "cuda" or "cuda:1".
    """

    def __init__(self, config: Config, seed: int, stream: int, device: str):
        stage = first_stage.STAGE
        super().__init__(config, (stage.channels, 4, 4), seed, stream, device)
        self.made_with |= {"experiment": FIRST, "stage": record(stage)}
        self.scratch, self.seed = config.refit == "scratch", stream

    def fit(self, data: torch.Tensor, weights: Any = None) -> None:
        """As `KeptFlow.fit`, each fit from random weights if the settings say so."""
        if self.scratch and self.fits and not self.step:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(1000 * self.fits + self.seed)
                self.network.apply(_begin_again)
        super().fit(data, weights)

    def enter(self, data: torch.Tensor) -> torch.Tensor:
        """As `Flow.enter`, of bytes, in standard deviations of a latent."""
        return (data.float() - MIDDLE) / LEVELS

    def leave(self, x: torch.Tensor) -> torch.Tensor:
        """As `Flow.leave`, to bytes."""
        return (x * LEVELS + MIDDLE).round().clamp(0, 255).to(torch.uint8)


def _begin_again(module: nn.Module) -> None:
    reset = getattr(module, "reset_parameters", None)
    if callable(reset):
        reset()


def prepare(config: Config, device: str) -> Study:
    """What it takes to run an experiment: S seeds, latents uint8 (S, n, 8, 4, 4); each seed has its own first model.

    Parameters
    ----------
    config : a `Config`.
    device : on which its tensors are to be.
    """
    stage = first_stage.load().to(device)
    judge, second = (judges.load(name).to(device) for name in ("judge", "second"))
    (x, _), test = ([tensor.to(device) for tensor in datasets.cifar10(split)] for split in ("train", "test"))
    data = torch.cat([stage.encode(x), stage.encode(x.flip(-1))])  # both mirror images, as the first models learn them
    model = Flows(LatentFlow(config, seed, images.stream(seed, 0), device) for seed in config.seeds)
    choices = [torch.Generator(device).manual_seed(images.stream(seed, 1)) for seed in config.seeds]
    compare = comparison(config, second, x, test[0])
    view = View(config, stage, judge)

    def summary(generation):
        closely = generation.t in (0, config.generations)
        seeds = [
            found | compare(proposals, closely) | _second_opinion(config, second, proposals[:, 0])
            for found, proposals in zip(view.statistics(generation), view.proposals, strict=True)
        ]
        statistics = {name: np.stack([found[name] for found in seeds]) for name in seeds[0]}
        if generation.t == 0:
            first = torch.stack([stage.decode(part) for part in model.sample(config.n_atoms)])
            statistics |= _beginning(config, (stage, judge, second), first, data[: len(x)], x, test)
            tqdm.write(gate({name: value[None] for name, value in statistics.items()}))
        return statistics

    provenance = {"data": datasets.cifar10_source(), "stage": record(first_stage.STAGE)}
    return Study(model, data.expand(len(config.seeds), *data.shape), view.reward, choices, summary, provenance)


class View:
    """What a round's latents look like and what the judge says of them, for the reward and for the statistics.

    Parameters
    ----------
    config : a `Config`.
    stage : decodes.
    judge : gives the reward.
    """

    def __init__(self, config: Config, stage: Autoencoder, judge: Network):
        self.config, self.stage, self.judge = config, stage, judge
        self.proposals: list[torch.Tensor] = []  # pictures (n, K, 3, 32, 32), of each seed
        self.logits: list[torch.Tensor] = []  # the judge's, (n K, 10)

    def reward(self, latents: torch.Tensor) -> torch.Tensor:
        """The reward, nats, (S, n K).

        Parameters
        ----------
        latents : (S, n K, 8, 4, 4), uint8.
        """
        pictures = [self.stage.decode(part) for part in latents]
        self.proposals = [part.unflatten(0, (-1, self.config.K)) for part in pictures]
        self.logits = [self.judge.logits(part) for part in pictures]
        return torch.stack([images.score(self.config, logits) for logits in self.logits])

    def statistics(self, generation: Generation) -> list[dict[str, np.ndarray]]:
        """`image_statistics.summarise` of a round, for each seed.

        Parameters
        ----------
        generation : the one that was rated last.
        """
        seeds = zip(
            self.proposals, self.logits, generation.rewards, generation.proposals, generation.picks, strict=True
        )
        return [
            summarise(self.config, pictures, logits, r, picked_index(latents, picks))
            for pictures, logits, r, latents, picks in seeds
        ]


def _second_opinion(config, second, pictures):
    """What the second judge says of `pictures` (n, 3, 32, 32): its shares (C,), top probability and reward."""
    logits = second.logits(pictures)
    return {
        "second_masses": np.bincount(logits.argmax(-1).cpu().numpy(), minlength=10) / len(pictures),
        "second_top": float(probabilities(logits).amax(-1).double().mean()),
        "second_reward": float(images.score(config, logits).double().mean()),
    }


def _beginning(config, networks, first, latents, x, test):
    """What carries the exact law, and the gate, by both judges: a dict of arrays, see `images`.

    `first`: (S, n_atoms, 3, 32, 32), pictures of the first models; `latents`: of training images `x`.  The reference of
    a mixed loop is what its model is fitted to, so the law's is n_atoms of the images as the first stage draws them.
    gate_through (2,): the judges' accuracy on held-out images through the first stage.
    """
    stage, judge, second = networks
    generator = torch.Generator().manual_seed(0)
    few = torch.randperm(len(latents), generator=generator)[: config.n_atoms].to(latents.device)
    found = {}
    for name, pictures in {"first": first, "data": stage.decode(latents[few])[None]}.items():
        logits = torch.stack([judge.logits(part) for part in pictures])
        found[f"{name}_rewards"] = images.score(config, logits).cpu().numpy()
        found[f"{name}_labels"] = logits.argmax(-1).cpu().numpy().astype(np.int8)
    held_out, labels = test
    through = stage.decode(stage.encode(held_out))
    found |= gates.measured_gate(config, judge, held_out, labels, x, first)
    by_second = gates.measured_gate(config, second, held_out, labels, x, first)
    accuracies = [judges.accuracy(network, through, labels) for network in (judge, second)]
    return (
        found | {f"second_{name}": value for name, value in by_second.items()} | {"gate_through": np.array(accuracies)}
    )


def gate(arrays: dict) -> str:
    """The stored gate as text, by both judges.

    Parameters
    ----------
    arrays : of a result.
    """
    second = {name.removeprefix("second_"): value for name, value in arrays.items() if name.startswith("second_gate")}
    through = "held-out images through the first stage: accuracy {:.4f}, by the second judge {:.4f}"
    return "\n".join(
        [gates.gate(arrays), "the second judge:", gates.gate(second), through.format(*arrays["gate_through"][0])]
    )


def table(config: Config, arrays: dict) -> str:
    """As `images.table`, and what the second judge says, generation by generation: medians over seeds."""
    lines = [gate(arrays), images.table(config, arrays), " t  second judge: reward  favoured  entropy  top"]
    for t in range(config.generations + 1):
        shares = arrays["second_masses"][t]
        favoured, spread = np.median(shares[:, config.favoured]), np.median(images.entropy(shares))
        reward, top = (np.median(arrays[f"second_{name}"][t]) for name in ("reward", "top"))
        lines.append(f"{t:2}  {reward:20.3f}  {favoured:8.3f}  {spread:7.3f}  {top:.3f}")
    return "\n".join(lines)
