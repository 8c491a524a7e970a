"""Experiments in words: a transformer in the loop on a grammar whose 90,000 sentences can all be counted.

Beside each trained model stands the exact law, `exact_laws`, and they are compared as whole laws.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch

from sclib import alignment
from sclib.attention import LENGTH
from sclib.counted import GRAMMAR, METHODS, SHARES, exact_laws, judges, summarise
from sclib.kept import first_fit, trained_once
from sclib.settings import check_counts, check_numbers, check_one_of, coerce, later
from sclib.study import Study
from sclib.transformer import Settings, Transformer
from sclib.words import draw, first_law, reward

TUNING = (100, 101, 102, 103, 104)  # seeds
RATES = (5e-4, 1e-3, 2e-3, 4e-3)  # learning rates that each of BUDGET is tried at


@dataclasses.dataclass(frozen=True)
class Config:
    """One experiment: everything that its numbers depend on."""

    experiment: str
    K: int  # candidates in a group
    data: str = "words"
    lam: float = math.inf  # weight of the picks against the data; inf is the fully synthetic loop
    temperature: float = 1.0  # at which candidates are drawn, word by word
    reads: tuple = (0, 1)  # which of the two adjectives the judge reads
    people: bool = False  # whether each of the ten raters judges a tenth of the groups, instead of their mean all
    prompts: bool = False  # whether the noun is given: candidates of a group share it, and nouns keep their shares
    seeds: tuple = (0, 1, 2, 3, 4)
    generations: int = 6
    n: int = 40_000  # groups a round, hence picks
    n_data: int = 1_000_000  # sentences that the first model of a seed is fitted to
    model: Settings = dataclasses.field(default_factory=Settings)
    version: int = 1
    method: str = later("retrain")  # or "best": on the best of K instead of the chosen; or another of METHODS
    beta: float = later(0.75)  # of the KL penalty of DPO and REINFORCE, nats of reward a nat
    learned: int = later(0)  # choices between two sentences that the judge's reward is fitted to; 0: the true reward
    on_gpu: ClassVar[bool] = False
    one_thread: ClassVar[bool] = True
    minutes: ClassVar[str] = "3 min on a CPU core with five seeds, not run on a GPU"

    def __post_init__(self):
        coerce(self)
        check_one_of(self, "data", ("words",))
        check_one_of(self, "method", ("retrain", "best", *METHODS))
        check_one_of(self, "reads", ((0, 1), (0,), (1,)))
        check_counts(self, "K", "n", "n_data", "version")
        check_counts(self, "generations", "learned", least=0)
        check_numbers(self, "temperature", "beta", least=1e-3)
        check_numbers(self, "lam", allow_inf=True)


# Nobody has more sentences or choices than three rounds of words-loop.  Each is at the best of RATES.
BUDGET = [
    Config("words-loop", 4, generations=3, model=Settings(lr=1e-3)),
    Config("words-loop-16", 16, generations=2, n=15_000),
    Config("words-dpo", 4, generations=3, method="dpo", model=Settings(lr=1e-3)),
    Config("words-dpo-offline", 4, generations=3, method="dpo-offline", model=Settings(lr=2e-3)),
    Config("words-reinforce", 4, generations=3, method="reinforce", n=1, model=Settings(lr=2e-3)),
    Config("words-best", 32, generations=1, method="best", n=15_000, model=Settings(lr=4e-3)),
]


def _tried(config, rate):
    """`config` at another learning rate, on the seeds that settings are chosen by."""
    name, model = f"{config.experiment}-lr{rate:g}", dataclasses.replace(config.model, lr=rate)
    return dataclasses.replace(config, experiment=name, model=model, seeds=TUNING)


EXPERIMENTS = [
    *(Config(f"words-k{K}", K) for K in (1, 2, 4, 16)),
    *(Config(f"words-k{K}-mixed", K, lam=0.5) for K in (1, 2, 4, 16)),
    Config("words-k4-prompts", 4, prompts=True),
    Config("words-k4-people", 4, people=True),
    # What breaks it: few picks, a short refit, a judge who stops after the first adjective, a cooler sampler.
    Config("words-few", 4, n=500),
    Config("words-short", 4, model=Settings(steps=10)),
    Config("words-first", 4, reads=(0,)),
    Config("words-k1-cool", 1, temperature=0.9),
    Config("words-k4-cool", 4, temperature=0.9),
    # A reward model in place of the people, fitted once to many choices, or to few.
    Config("words-learned", 4, learned=2000),
    Config("words-learned-few", 4, learned=200),
    *BUDGET,
    *(_tried(config, rate) for rate in RATES for config in BUDGET),
]


def prepare(config: Config, device: str) -> Study:
    """What it takes to run an experiment.

    Parameters
    ----------
    config : a `Config`.
    device : "cpu", where the models are quick enough.

    Raises
    ------
    ValueError
        For another device.
    """
    if device != "cpu":
        raise ValueError(f"device = {device!r} must be 'cpu'")
    streams = {use: [3 * seed + use for seed in config.seeds] for use in range(3)}  # model, choices, data
    model = Learner(config, streams[0])
    choices = [torch.Generator().manual_seed(stream) for stream in streams[1]]
    data = torch.stack(
        [draw(first_law(GRAMMAR), GRAMMAR, config.n_data, torch.Generator().manual_seed(s)) for s in streams[2]]
    )
    sharp = 1e4 if config.method == "best" else 1  # so sharp that the best is chosen
    tables = torch.as_tensor(sharp * judges(config)).float()
    judge = torch.arange(config.n).repeat_interleave(config.K) % len(tables)  # of each candidate, one in a group

    def noted(generation):
        return summarise(model.law(GRAMMAR), exact_laws(config)[generation.t], judges(config))

    return Study(model, data, lambda x: tables[judge, GRAMMAR.index(x)], choices, noted)


class Learner(Transformer):
    """The transformer of an experiment: its first fit is kept for all that begin with the same one; it may be asked.

    If `config.prompts`, the noun is given: drawn as data have it, one for each K sentences in turn.

    Parameters
    ----------
    config : a `Config`.
    streams : seeds of the models.
    """

    def __init__(self, config: Config, streams: Sequence[int]):
        super().__init__(streams, len(GRAMMAR.words), config.model, config.temperature)
        self.config = config
        self.groups = torch.zeros(len(streams), 0, config.K, LENGTH, dtype=torch.uint8)  # drawn last
        self.reference = Transformer(streams, len(GRAMMAR.words), config.model)  # the first fit
        self.reference.generators = self.generators
        table = torch.as_tensor(judges(config).mean(0)).float()
        self.reward = lambda sentences: table[GRAMMAR.index(sentences)]
        self.made_with = first_fit(config, "words-first", seeds=config.seeds, n_data=config.n_data)

    def fit(self, data: torch.Tensor, weights: Any = None) -> None:
        """As `Transformer.fit`, or, if it is the first and the cache has its outcome, that; or one of METHODS."""
        method, beta = self.config.method, self.config.beta
        if self.fits == 0:
            trained_once(self.made_with, "cpu", self, lambda: super(Learner, self).fit(data, weights))
            self.reference.put({name: tensor.detach().clone() for name, tensor in super().tensors().items()})
            self.reference.fits = 1
        elif method == "reinforce":
            alignment.reinforce(self, self.reference, self.config.K * self.settings.batch, self.reward, beta)
        elif method in METHODS:
            alignment.dpo(self, self.reference, self.groups, data, beta)
        else:
            super().fit(data, weights)

    def sample(self, n: int, first: torch.Tensor | None = None) -> torch.Tensor:
        """As `Transformer.sample`, with first words of its own if `config.prompts` and none are given."""
        K = self.config.K
        if self.config.prompts and first is None:
            shares = torch.as_tensor(SHARES)
            nouns = [torch.multinomial(shares, n // K, True, generator=g) for g in self.generators]
            first = torch.stack(nouns).repeat_interleave(K, 1)
        sampler = self.reference.sample if self.config.method == "dpo-offline" else super().sample
        drawn = sampler(n, first)
        self.groups = drawn.unflatten(1, (-1, K))
        return drawn

    def tensors(self) -> dict[str, torch.Tensor]:
        """As `Transformer.tensors`; with what DPO and REINFORCE compare with."""
        if self.fits == 0 or self.config.method not in METHODS:
            return super().tensors()
        kept = {f"reference.{name}": tensor for name, tensor in self.reference.tensors().items()}
        return super().tensors() | kept | {"groups": self.groups}

    def put(self, tensors: dict[str, torch.Tensor]) -> None:
        """As `Transformer.put`."""
        super().put(tensors)
        if "groups" in tensors:
            self.groups = tensors["groups"]
            self.reference.put({name: tensors[f"reference.{name}"] for name in super().tensors()})
            self.reference.fits = 1

    def law(self, grammar: Any, first: np.ndarray | None = None) -> np.ndarray:
        """As `Transformer.law`, with first words as data have them if `config.prompts`."""
        return super().law(grammar, SHARES if self.config.prompts and first is None else first)


def budget(config: Config) -> dict[str, int]:
    """What the training of an experiment used after the first fit, of each seed.

    Parameters
    ----------
    config : a `Config`.

    Returns
    -------
    sampled, sentences drawn to learn from; choices, made by people; rewards, of single sentences, read; steps, of the
    optimiser; scored, sentences whose gradient was taken, with repetitions.
    """
    asks = config.method == "reinforce"
    steps = config.generations * config.model.steps
    scored = steps * config.model.batch * (config.K if config.method in METHODS else 1)
    sampled = scored if asks else config.generations * config.n * config.K
    return {
        "sampled": sampled,
        "choices": config.generations * config.n if config.method in ("retrain", "dpo", "dpo-offline") else 0,
        "rewards": sampled if config.method in ("best", "reinforce") else 0,
        "steps": steps,
        "scored": scored,
    }


def table(config: Config, arrays: dict) -> str:
    """Measured and exact, generation by generation, as text.

    Parameters
    ----------
    config, arrays : a `Config`, and the arrays of its result.
    """
    exact = exact_laws(config) @ reward(GRAMMAR)[:-1]
    lines = [" t  reward: trained (median), exact   KL(exact || trained)   off the grammar"]
    for t, expected in enumerate(exact):
        r, divergence, off = (np.median(arrays[name][t]) for name in ("mean_reward", "kl_exact", "off"))
        lines.append(f"{t:2} {r:24.3f} {expected:7.3f} {divergence:22.4f} {off:17.4f}")
    return "\n".join(lines)
