"""A small causal transformer for sentences of five words, for several seeds at once.

Seeds are stacked: weights are (S, in, out), sentences (S, n, 5), and one `torch.baddbmm` serves all.  Each seed draws
from its own random stream and nothing is shared, so its result is that of the seed alone, but for rounding.

The law of a word given those before it depends on them alone, so sampling and scoring run the network once for each
*different* beginning: of the grammar's 90,000 sentences there are 3,000, however many sentences are drawn.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from sclib import checks, distributed, tensor_checks
from sclib.attention import HEADS, LENGTH, word_scores
from sclib.precision import single
from sclib.settings import check_counts, check_numbers, coerce
from sclib.trainer import Trainer


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a transformer is made of and how it is fitted; `Settings()` is what the book's experiments use."""

    width: int = 48  # of the residual stream
    depth: int = 2  # blocks
    first_steps: int = 1500  # optimiser steps of the first fit, from random weights
    steps: int = 150  # of each later fit, from the weights it finds: few, or it learns the picks by heart
    batch: int = 128  # sentences of a seed in a step
    first_lr: float = 6e-3  # AdamW's first learning rate, from which it falls to zero along a cosine
    lr: float = 2e-3

    def __post_init__(self):
        coerce(self)
        check_counts(self, "width", "depth", "first_steps", "steps", "batch")
        check_numbers(self, "first_lr", "lr")
        if self.width % HEADS:
            raise ValueError(f"width = {self.width} must be a multiple of {HEADS}, the number of heads")


class Transformer(Trainer):
    """S causal language models, one a seed: `fit(data)`, `sample(n)`, `log_prob(sentences)`.

    Parameters
    ----------
    seeds : S integers.
    words : how many there are.
    settings : `Settings()` if None.
    temperature : > 0; the law of each word is taken to the power 1 / temperature.
    """

    warmup, betas = 0.03, (0.9, 0.99)

    @single()
    def __init__(self, seeds: Sequence[int], words: int, settings: Settings | None = None, temperature: float = 1.0):
        self.generators = [torch.Generator().manual_seed(seed) for seed in checks.seeds(seeds)]
        super().__init__(settings or Settings(), {f"generator.{i}": g for i, g in enumerate(self.generators)})
        self.words = checks.integer(words, "words", 1, 10_000)
        self.temperature = checks.real(temperature, "temperature", lambda T: 0 < T < math.inf, "be positive and finite")
        s, depth = self.settings.width, self.settings.depth
        # Embeddings of words, of the start (id `words`) and of places; then four matrices a block; then the readout.
        shapes = [(words + 1, s), (LENGTH, s)] + depth * [(s, 3 * s), (s, s), (s, 4 * s), (4 * s, s)] + [(s, words)]
        scales = [0.5, 0.1] + depth * [s**-0.5, 0.5 * s**-0.5, s**-0.5, 0.25 * s**-0.5] + [s**-0.5]
        self.weights = [scale * self._randn(*shape) for scale, shape in zip(scales, shapes, strict=True)]

    def logits(self, sentences: torch.Tensor) -> torch.Tensor:
        """As `attention.word_scores`, by these weights: (S, n, 5, words).

        Parameters
        ----------
        sentences : (S, n, 5), long, ids of words.
        """
        return word_scores(self.weights, sentences)

    @single()
    def fit(self, data: torch.Tensor, weights: Any = None) -> None:
        """One fit by maximum likelihood, the first or a later one, or what is left of it.

        A step takes the beginnings of a batch of sentences, and each with *all* that follows it in the data: the mean
        gradient is that of single sentences, its noise far less, and a product of two words is found in 1,000 steps.

        Parameters
        ----------
        data : (S, n, 5), ids of words.
        weights : (n,), >= 0, what each sentence weighs; all the same by default.

        Raises
        ------
        ValueError
            For data of another shape, unknown words, or weights that don't fit.
        """
        data = self._checked(data, "data")
        weights = tensor_checks.weights(weights, data.shape[1])
        ladder = None if weights is None else weights.double().cumsum(0) / weights.sum()
        follow = [self._follow(data, weights, place) for place in range(LENGTH)]
        seed = torch.arange(len(data))[:, None]

        def loss():
            batch = torch.stack([self._batch(data.shape[1], ladder, generator) for generator in self.generators])
            part, weight = distributed.share(self.settings.batch)
            batch = batch[:, part]
            targets = torch.stack([law[seed, which[seed, batch]] for law, which in follow], 2)
            return -weight * (targets * self.logits(data[seed, batch]).log_softmax(-1)).sum(-1).mean((1, 2)).sum()

        self.descend(loss)

    def scores(self, sentences: torch.Tensor) -> torch.Tensor:
        """Log-probability of each word given those before it, (S, n, 5), nats; differentiable.

        Parameters
        ----------
        sentences : (S, n, 5), long, ids of words.
        """
        logits = self.logits(sentences)
        return logits.log_softmax(-1).gather(-1, sentences[..., None])[..., 0]

    def log_prob(self, sentences: torch.Tensor) -> torch.Tensor:
        """Log-probability of sentences at temperature 1, (S, n), nats.

        Parameters
        ----------
        sentences : (S, n, 5) or (n, 5), ids of words.
        """
        S = len(self.generators)
        sentences = tensor_checks.tensor(sentences, "sentences", str(LENGTH))
        sentences = self._checked(sentences if sentences.ndim == 3 else sentences.expand(S, -1, -1))
        return self._word_by_word(sentences, 1.0).sum(-1)

    @torch.no_grad()
    def sample(self, n: int, first: torch.Tensor | None = None) -> torch.Tensor:
        """Draw n sentences of each seed, uint8 (S, n, 5).

        Parameters
        ----------
        n : an integer >= 1.
        first : (S, n), ids of their first words, if these are given.

        Raises
        ------
        ValueError
            For another `n`, or before the first fit.
        """
        if self.fits == 0:
            raise ValueError("sample(n) needs a fitted model; call fit(data) first")
        n = checks.integer(n, "n", 1)
        S = len(self.generators)
        drawn = torch.empty(S, n, LENGTH, dtype=torch.long)
        for place in range(LENGTH):
            if place == 0 and first is not None:
                drawn[..., 0] = first
                continue
            beginnings, which = self._beginnings(drawn[..., :place])
            ladder = (self._next(beginnings, place) / self.temperature).softmax(-1).cumsum(-1)
            ladder = ladder / ladder[..., -1:] + torch.arange(ladder.shape[1])[:, None]  # a row a unit above the last
            for seed, generator in enumerate(self.generators):
                uniform = torch.rand(n, generator=generator, dtype=torch.float64).clamp(max=1 - 1e-12)
                found = torch.searchsorted(ladder[seed].flatten(), which[seed] + uniform, right=True)
                drawn[seed, :, place] = found - which[seed] * self.words
        return drawn.to(torch.uint8)

    def law(self, grammar: Any, first: np.ndarray | None = None) -> np.ndarray:
        """The whole law at `self.temperature`, float64 (S, N + 1); the last number is the mass of all that is off the
        grammar.

        Parameters
        ----------
        grammar : a `words.Grammar`.
        first : (S, nouns) or (nouns,), a law that gives the first word instead of the model.
        """
        sentences = grammar.sentences().long()
        scores = self._word_by_word(sentences.expand(len(self.generators), -1, -1), self.temperature)
        if first is not None:
            scores[..., 0] = torch.as_tensor(np.log(first))[..., sentences[:, 0] - grammar.first_ids[0]]
        law = scores.sum(-1).exp().numpy()
        return np.append(law, np.maximum(0, 1 - law.sum(1, keepdims=True)), 1)

    def parameters(self) -> list[torch.Tensor]:
        """As `Trainer.parameters`: each of all seeds."""
        return self.weights

    def tensors(self) -> dict[str, torch.Tensor]:
        """As `Trainer.tensors`."""
        return {f"weight.{i}": weight for i, weight in enumerate(self.weights)}

    def put(self, tensors: dict[str, torch.Tensor]) -> None:
        """As `Trainer.put`."""
        self.weights = [tensors[f"weight.{i}"] for i in range(len(self.weights))]

    def _beginnings(self, ids):
        """The different rows of `ids` (S, n, places), (B, places), and which of them each is, long (S, n)."""
        code = torch.zeros(ids.shape[:2], dtype=torch.long)
        for place in range(ids.shape[-1]):
            code = code * self.words + ids[..., place]
        codes, which = torch.unique(code, return_inverse=True)
        powers = self.words ** torch.arange(ids.shape[-1]).flip(0)
        return codes[:, None] // powers % self.words, which

    @torch.no_grad()
    def _word_by_word(self, sentences, temperature):
        """Log-probability of each word given those before it, float64 (S, n, 5)."""
        scores = []
        for place in range(LENGTH):
            beginnings, which = self._beginnings(sentences[..., :place])
            table = (self._next(beginnings, place) / temperature).log_softmax(-1)  # (S, beginnings, words)
            scores.append(table[torch.arange(len(table))[:, None], which, sentences[..., place]])
        return torch.stack(scores, -1)

    def _next(self, beginnings, place):
        """Log-law of the next word after each beginning (B, place): float64 (S, B, words)."""
        sentences = functional.pad(beginnings, (0, LENGTH - place)).expand(len(self.generators), -1, -1)

        def scores(sentences):
            return torch.cat([self.logits(chunk)[:, :, place] for chunk in sentences.split(1024, 1)], 1)

        return distributed.mapped(scores, sentences, 1).double().log_softmax(-1)

    def _follow(self, data, weights, place):
        """What follows the words before `place`: laws (S, B, words) in data, and which of the B each has, (S, n)."""
        beginnings, which = self._beginnings(data[..., :place])
        cells, size = which * self.words + data[..., place], len(beginnings) * self.words
        mass = torch.stack([torch.bincount(cell, weights, size) for cell in cells]).unflatten(1, (-1, self.words))
        return (mass / mass.sum(-1, keepdim=True).clamp(min=1e-300)).float(), which

    def _batch(self, n, ladder, generator):
        if ladder is None:
            return torch.randint(n, (self.settings.batch,), generator=generator)
        uniform = torch.rand(self.settings.batch, generator=generator, dtype=torch.float64)
        return torch.searchsorted(ladder, uniform).clamp(max=n - 1)

    def _checked(self, sentences, name="sentences"):
        S, sentences = len(self.generators), tensor_checks.tensor(sentences, name, str(LENGTH))
        if sentences.ndim != 3 or (len(sentences), sentences.shape[2]) != (S, LENGTH) or not sentences.numel():
            raise ValueError(f"{name} has shape {tuple(sentences.shape)}; allowed is ({S}, n, {LENGTH}), n >= 1")
        if not (0 <= sentences.min() <= sentences.max() < self.words and (sentences == sentences.long()).all()):
            raise ValueError(
                f"{name} holds {sentences.min():g} to {sentences.max():g}; allowed are integers 0 to {self.words - 1}"
            )
        return sentences.long()

    def _randn(self, *shape):
        return torch.stack([torch.randn(shape, generator=generator) for generator in self.generators])
