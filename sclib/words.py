"""Sentences of five words from a small grammar: all of them, what people think of each, and the law they begin with.

A sentence is (noun, adverb, adjective, adverb, adjective), read as "staff was very kind and clean"; an adverb may be
missing, written "_".  A tensor of sentences (..., 5) holds the ids of words, an index of a sentence counts through
`Grammar.sentences`, and what the grammar does not contain has the index N, one past the last.

Adjectives carry the ratings of ten people, -4 to 4, from the VADER lexicon (Hutto and Gilbert 2014; MIT licence, see
`data/README.md`).
"""

import csv
import dataclasses
import functools
import math
from importlib import resources
from typing import Any

import numpy as np
import torch

from sclib import array_checks, checks, tensor_checks
from sclib.vocabulary import FACTORS, HOW_COMMON, HOW_OFTEN, SAID_OF

MAX_SENTENCES = 5_000_000  # that `Grammar` enumerates


@functools.cache
def ratings() -> dict[str, tuple[int, ...]]:
    """What ten people think of each adjective: a dict from the word to their ratings, a tuple of 10 integers."""
    text = resources.files("sclib").joinpath("data/ratings.csv").read_text(encoding="utf-8")
    rows = list(csv.reader(text.splitlines()))[1:]
    return {word: tuple(map(int, numbers)) for word, *numbers in rows}


@dataclasses.dataclass(frozen=True)
class Grammar:
    """Which sentences there are: one noun, then twice an adverb and an adjective; every combination is a sentence.

    Raises ValueError for a word in two places, and for more than 5 million sentences.
    """

    nouns: tuple = tuple(SAID_OF)
    adverbs: tuple = tuple(FACTORS)
    adjectives: tuple = tuple(ratings())

    def __post_init__(self):
        if len(set(self.words)) < len(self.words):
            twice = {word for word in self.words if self.words.count(word) > 1}
            raise ValueError(f"the grammar has {', '.join(sorted(twice))} twice; each word must have one place")
        if not 1 <= len(self) <= MAX_SENTENCES:
            raise ValueError(f"the grammar has {len(self):,} sentences; allowed are 1 to {MAX_SENTENCES:,}")

    def __len__(self):
        return math.prod(self.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """How many words each of the five places allows: a law (N,) is an array of this shape, flattened."""
        return tuple(map(len, self.places))

    @property
    def places(self) -> tuple[tuple, ...]:
        """The words that each of the five places allows."""
        return (self.nouns, self.adverbs, self.adjectives, self.adverbs, self.adjectives)

    @property
    def words(self) -> tuple:
        """All words; the id of a word is its position here."""
        return self.nouns + self.adverbs + self.adjectives

    @property
    def first_ids(self) -> tuple[int, ...]:
        """The id of the first word that each place allows; the others follow it."""
        adverb = len(self.nouns)
        adjective = adverb + len(self.adverbs)
        return (0, adverb, adjective, adverb, adjective)

    def sentences(self) -> torch.Tensor:
        """All sentences, a uint8 tensor (N, 5) of ids; the last place varies fastest."""
        return torch.as_tensor(np.indices(self.shape, np.uint8).reshape(5, -1).T) + torch.tensor(
            self.first_ids, dtype=torch.uint8
        )

    def index(self, ids: torch.Tensor) -> torch.Tensor:
        """The index of sentences, long (...); N for what is no sentence of the grammar.

        Parameters
        ----------
        ids : (..., 5), of words.

        Raises
        ------
        ValueError
            For another shape.
        """
        ids = tensor_checks.tensor(ids, "ids", "5")
        if ids.shape[-1] != 5:
            raise ValueError(f"ids has shape {tuple(ids.shape)}; a sentence has five words, so it must be (..., 5)")
        index, valid = (torch.full(ids.shape[:-1], start, device=ids.device) for start in (0, True))
        for place, (first, size) in enumerate(zip(self.first_ids, self.shape, strict=True)):
            word = ids[..., place].long() - first
            valid = valid & (word >= 0) & (word < size)
            index = index * size + word
        return torch.where(valid, index, len(self))

    def encode(self, text: str) -> torch.Tensor:
        """The ids of a sentence, uint8 (5,).

        Parameters
        ----------
        text : five words, such as "staff very kind _ clean".

        Raises
        ------
        ValueError
            For an unknown word, another length, or a word in a place that does not allow it.
        """
        if not isinstance(text, str):
            raise checks.wrong("text", text, "be text")
        words = text.split()
        if len(words) != 5:
            raise ValueError(f"text = {text!r} has {len(words)} words; a sentence has five, with _ for no adverb")
        for word, allowed in zip(words, self.places, strict=True):
            if word not in self.words:
                raise ValueError(f"{word!r} in text = {text!r} is unknown; the words are {', '.join(self.words)}")
            if word not in allowed:
                raise ValueError(f"{word!r} in text = {text!r} stands where one of {', '.join(allowed)} must stand")
        return torch.tensor([self.words.index(word) for word in words], dtype=torch.uint8)

    def text(self, ids: torch.Tensor) -> str:
        """A sentence as one reads it, "staff was very kind and clean"; off the grammar, its words.

        Parameters
        ----------
        ids : (5,), of words.
        """
        ids = tensor_checks.labels(ids, 5, len(self.words), "ids")
        words = [self.words[i] for i in ids]
        if self.index(torch.as_tensor(ids)) == len(self):
            return " ".join(words)
        noun, *rest = words
        first, second = ([word for word in pair if word != "_"] for pair in (rest[:2], rest[2:]))
        return " ".join([noun, "was", *first, "and", *second])


def reward(grammar: Grammar, rater: int | None = None, reads: tuple = (0, 1)) -> np.ndarray:
    """What people think of each sentence: float64 (N + 1,), nats, the last for anything off the grammar.

    The two adjectives' ratings, each times its adverb's factor, are added up: r = f_1 v_1 + f_2 v_2.  What is no
    sentence is worth as little as the worst sentence.

    Parameters
    ----------
    grammar : a `Grammar`.
    rater : 0..9, one of the ten people, or None for their mean.
    reads : which of the two adjectives the judge reads; (0,) is one who stops after the first.

    Raises
    ------
    ValueError
        For a word without ratings or factor, and for another rater.
    """
    if rater is not None:
        rater = checks.integer(rater, "rater", 0, 9, "be one of 0..9, or None for the mean of the ten")
    _check_grammar(grammar)
    said = np.add.outer(*(_said(grammar, rater) * (place in reads) for place in (0, 1)))
    table = np.broadcast_to(said, (len(grammar.nouns), *said.shape)).ravel()
    table = table.round(10)  # so that equal sums are equal
    return np.append(table, table.min())


def first_law(grammar: Grammar) -> np.ndarray:
    """The law of the data, (N,), positive on every sentence: what users are supposed to have written.

    log p = what is often said of the noun (1.5 for each such adjective) + how common the adverbs are + 0.03 times the
    product of the two halves' sentiments (reviews tend to praise or to complain) - 2 for the same adjective twice + a
    constant.

    Parameters
    ----------
    grammar : a `Grammar` of known words.
    """
    common = np.log([HOW_COMMON[adverb] for adverb in grammar.adverbs])
    shares = np.array([HOW_OFTEN[noun] for noun in grammar.nouns])
    suits = np.array([[1.5 * (word in SAID_OF[noun].split()) for word in grammar.adjectives] for noun in grammar.nouns])
    half = suits[:, None, :] + common[:, None]  # (nouns, adverbs, adjectives)
    score = half[:, :, :, None, None] + half[:, None, None]
    sentiment = _said(grammar).reshape(len(grammar.adverbs), -1)
    score = score + 0.03 * np.multiply.outer(sentiment, sentiment)
    score = score - 2 * np.eye(len(grammar.adjectives))[None, None, :, None, :]
    law = np.exp(score)
    law *= (shares / law.sum((1, 2, 3, 4)))[:, None, None, None, None]
    return law.ravel() / law.sum()


def draw(law: Any, grammar: Grammar, n: int, generator: torch.Generator) -> torch.Tensor:
    """Draw n sentences of a law, uint8 (n, 5).

    Parameters
    ----------
    law, grammar : a law (N,) and its `Grammar`.
    n : from 0 to 1e8.
    generator : on the CPU.
    """
    law, n = _law(law, grammar), checks.integer(n, "n", 0, 10**8)
    uniform = torch.rand(n, generator=generator, dtype=torch.float64)
    ladder = torch.as_tensor(np.cumsum(law))
    return grammar.sentences()[torch.searchsorted(ladder / ladder[-1], uniform)]


def cool(law: np.ndarray, grammar: Grammar, temperature: float) -> np.ndarray:
    """The law (N,) of sentences drawn word by word with p(word | words before)^(1 / temperature), renormalised.

    Parameters
    ----------
    law, grammar : a law (N,) and its `Grammar`.
    temperature : from 1e-6 to 1e6.
    """
    temperature = checks.real(temperature, "temperature", lambda T: 1e-6 <= T <= 1e6, "be from 1e-6 to 1e6")
    law = _law(law, grammar).reshape(grammar.shape)
    cooled = np.ones(())
    for place in range(5):
        left = law.sum(tuple(range(place + 1, 5)))  # of the words up to this place
        power = np.where(left > 0, left, 0) / np.maximum(left.sum(-1, keepdims=True), np.finfo(float).tiny)
        power = (power / np.maximum(power.max(-1, keepdims=True), np.finfo(float).tiny)) ** (1 / temperature)
        cooled = cooled[..., None] * power / np.maximum(power.sum(-1, keepdims=True), np.finfo(float).tiny)
    return cooled.ravel() / cooled.sum()


def _check_grammar(grammar):
    if not isinstance(grammar, Grammar):
        raise checks.wrong("grammar", grammar, "be a Grammar")


def _law(law, grammar):
    _check_grammar(grammar)
    law = array_checks.probabilities(law, "law")
    if len(law) != len(grammar):
        raise ValueError(f"law has shape {law.shape}; for this grammar it must be ({len(grammar)},)")
    return law


def _said(grammar, rater=None):
    """Factor times rating of each pair of adverb and adjective, (adverbs * adjectives,)."""
    known = ratings()
    for words, table in ((grammar.adverbs, FACTORS), (grammar.adjectives, known)):
        if unknown := [word for word in words if word not in table]:
            raise ValueError(f"{', '.join(unknown)}: unknown; allowed are {', '.join(table)}")
    value = [np.mean(known[w]) if rater is None else known[w][rater] for w in grammar.adjectives]
    return np.multiply.outer([FACTORS[w] for w in grammar.adverbs], value).ravel()
