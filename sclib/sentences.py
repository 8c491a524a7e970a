"""Experiments in words: a transformer in the loop on a grammar whose 90,000 sentences can all be counted.

Beside each trained model stands the exact law, `exact_laws`, and they are compared as whole laws.
"""

import dataclasses
import functools
import math
from typing import ClassVar

import numpy as np
import torch

from sclib import alignment
from sclib.bounds import hard_best_of_n
from sclib.kept import LATER, trained_once
from sclib.population import kl, step, synthetic_share, tilt
from sclib.record import record
from sclib.settings import check_counts, check_numbers, check_one_of, coerce, later
from sclib.study import Study
from sclib.transformer import LENGTH, Settings, Transformer
from sclib.words import HOW_OFTEN, Grammar, cool, draw, first_law, reward

GRAMMAR = Grammar()
SHARES = torch.tensor([HOW_OFTEN[noun] for noun in GRAMMAR.nouns], dtype=torch.float64)  # of the nouns, in the data
METHODS = ("dpo", "dpo-offline", "reinforce")  # of `alignment`; offline, all candidates come from the first model


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
    on_gpu: ClassVar[bool] = False
    one_thread: ClassVar[bool] = True
    minutes: ClassVar[str] = "3 min on a CPU core with five seeds, not run on a GPU"

    def __post_init__(self):
        coerce(self)
        check_one_of(self, "data", ("words",))
        check_one_of(self, "method", ("retrain", "best", *METHODS))
        check_one_of(self, "reads", ((0, 1), (0,), (1,)))
        check_counts(self, "K", "n", "n_data", "version")
        check_counts(self, "generations", least=0)
        check_numbers(self, "temperature", "beta", least=1e-3)
        check_numbers(self, "lam", allow_inf=True)


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
    # Others, with the sentences and the choices of three rounds of words-k4.
    Config("words-dpo", 4, generations=3, method="dpo", model=Settings(lr=1e-3)),
    Config("words-dpo-offline", 4, generations=3, method="dpo-offline", model=Settings(lr=1e-3)),
    Config("words-reinforce", 4, generations=3, method="reinforce", n=1, model=Settings(lr=3e-3)),
    Config("words-best", 32, generations=1, method="best", n=15_000),
]


def prepare(config, device):
    """The `Study` of `config`; `device` must be "cpu", where the models are quick enough."""
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
        return summarise(model.law(GRAMMAR), exact_laws(config)[generation.t])

    return Study(model, data, lambda x: tables[judge, GRAMMAR.index(x)], choices, noted)


class Learner(Transformer):
    """The transformer of an experiment: its first fit is kept for all that begin with the same one; it may be asked.

    If `config.prompts`, the noun is given: drawn as data have it, one for each K sentences in turn.
    """

    def __init__(self, config, streams):
        super().__init__(streams, len(GRAMMAR.words), config.model, config.temperature)
        self.config = config
        self.groups = torch.zeros(len(streams), 0, config.K, LENGTH, dtype=torch.uint8)  # drawn last
        self.reference = Transformer(streams, len(GRAMMAR.words), config.model)  # the first fit
        self.reference.generators = self.generators
        table = torch.as_tensor(reward(GRAMMAR)).float()
        self.reward = lambda sentences: table[GRAMMAR.index(sentences)]
        begin = {name: value for name, value in record(config.model).items() if name not in LATER}
        self.made_with = {"experiment": "words-first", "version": config.version, "seeds": config.seeds} | begin
        self.made_with["n_data"] = config.n_data

    def fit(self, data, weights=None):
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

    def sample(self, n):
        """As `Transformer.sample`."""
        K, prompts = self.config.K, None
        if self.config.prompts:
            prompts = torch.stack([torch.multinomial(SHARES, n // K, True, generator=g) for g in self.generators])
            prompts = prompts.repeat_interleave(K, 1)
        model = self.reference if self.config.method == "dpo-offline" else super()
        drawn = model.sample(n, prompts)
        self.groups = drawn.unflatten(1, (-1, K))
        return drawn

    def tensors(self):
        """As `Transformer.tensors`; with what DPO and REINFORCE compare with."""
        if self.fits == 0 or self.config.method not in METHODS:
            return super().tensors()
        kept = {f"reference.{name}": tensor for name, tensor in self.reference.tensors().items()}
        return super().tensors() | kept | {"groups": self.groups}

    def put(self, tensors):
        """As `Transformer.put`."""
        super().put(tensors)
        if "groups" in tensors:
            self.groups = tensors["groups"]
            self.reference.put({name: tensors[f"reference.{name}"] for name in super().tensors()})
            self.reference.fits = 1

    def law(self, grammar):
        """As `Transformer.law`."""
        return super().law(grammar, SHARES.numpy() if self.config.prompts else None)


def judges(config):
    """Rewards of each judge, (judges, N + 1), nats: groups go to them in turn."""
    raters = range(10) if config.people else [None]
    return np.array([reward(GRAMMAR, rater, config.reads) for rater in raters])


def summarise(laws, exact):
    """Statistics of trained `laws` (S, N + 1) beside the `exact` one (N,), a dict of arrays (S, ...).

    mean_reward (S,): of the law, nats, by the judge who reads everything; kl_exact (S,): KL(exact || trained); kl_data
    (S,): KL(trained on the grammar || law of the data); off (S,): mass off the grammar; nouns (S, 4): shares on the
    grammar; top (S, 10): probabilities of the ten sentences that are likeliest in the exact law, the likeliest first.
    """
    table, data = reward(GRAMMAR), first_law(GRAMMAR)
    held = laws[:, :-1] / laws[:, :-1].sum(1, keepdims=True)
    return {
        "mean_reward": laws @ table,
        "kl_exact": np.array([kl(np.append(exact, 0), law) for law in laws]),
        "kl_data": np.array([kl(law, data) for law in held]),
        "off": laws[:, -1],
        "nouns": held.reshape(len(held), len(GRAMMAR.nouns), -1).sum(2),
        "top": laws[:, top_sentences(exact)],
    }


def top_sentences(law, count=10):
    """Indices of the likeliest sentences of a law (N,), the likeliest first, ties in the grammar's order."""
    return np.argsort(-law, kind="stable")[:count]


@functools.lru_cache
def exact_laws(config):
    """The laws that candidates are drawn from in rounds 0..T when every refit is perfect, (T + 1, N)."""
    first, r = first_law(GRAMMAR), judges(config)[:, :-1]
    if config.method in METHODS:  # what all of them seek
        return np.array([first] + config.generations * [tilt(first, r[0], config.beta)])
    if config.prompts:  # a loop for each noun
        parts = zip(np.split(first, len(SHARES)), np.split(r, len(SHARES), 1), SHARES.tolist(), strict=True)
        return np.concatenate([share * _loop(part / part.sum(), r, config) for part, r, share in parts], 1)
    return _loop(first, r, config)


def _loop(first, r, config):
    laws = [_sampled(first, config)]
    for _ in range(config.generations):
        pick = hard_best_of_n if config.method == "best" else step
        picked = np.mean([pick(laws[-1], rewards, config.K) for rewards in r], 0)
        picks = synthetic_share(config.lam)
        laws.append(_sampled((1 - picks) * first + picks * picked, config))
    return np.array(laws)


def _sampled(law, config):
    return law if config.temperature == 1 else cool(law, GRAMMAR, config.temperature)


def table(config, arrays):
    """Measured and exact, generation by generation, as text."""
    exact = exact_laws(config) @ reward(GRAMMAR)[:-1]
    lines = [" t  reward: trained (median), exact   KL(exact || trained)   off the grammar"]
    for t, expected in enumerate(exact):
        r, divergence, off = (np.median(arrays[name][t]) for name in ("mean_reward", "kl_exact", "off"))
        lines.append(f"{t:2} {r:24.3f} {expected:7.3f} {divergence:22.4f} {off:17.4f}")
    return "\n".join(lines)
