"""Checks for the exercises: each takes the reader's function and says what is right or what is wrong with it.

A check prints one sentence and never raises: a half-written answer gets a message, not a traceback.
"""

import functools
import math
import textwrap

import numpy as np
import torch
from scipy import stats

from sclib.choice import choice_probabilities
from sclib.population import step


class _Wrong(Exception):
    pass


def _says(check):
    """Print what `check` returns, or what it found wrong."""

    @functools.wraps(check)
    def said(answer):
        try:
            line = f"Right: {check(answer)}"
        except _Wrong as wrong:
            line = f"Not yet: {wrong}"
        except Exception as error:
            line = f"Not yet: your function raised {type(error).__name__}: {error}"
        print(textwrap.fill(line, 79))

    return said


def _require(condition, message):
    if not condition:
        raise _Wrong(message)


def _number(value, call):
    _require(value is not None, f"{call} returned None; it should return a number.")
    return float(value)


@_says
def check_probabilities(answer):
    """Chapter 1: `answer(rewards)` gives Eq. 2 for a tensor (..., K) without torch.softmax's help, at any size."""
    for rewards in (torch.tensor([0.0, math.log(3)]), torch.linspace(-2, 2, 12).view(3, 4)):
        got = answer(rewards)
        _require(isinstance(got, torch.Tensor), f"expected a tensor, got {type(got).__name__}.")
        _require(got.shape == rewards.shape, f"shape {tuple(rewards.shape)} went in and {tuple(got.shape)} came out.")
        off = (got.sum(-1) - 1).abs().max().item()
        _require(off < 1e-5, f"the probabilities of one group add up to {1 + off:.3g}; which axis did you sum over?")
        _require(torch.allclose(got, choice_probabilities(rewards)), "they sum to one but are not e^r over its sum.")
    got = answer(torch.tensor([1000.0, 999.0]))
    _require(bool(torch.isfinite(got).all()), f"rewards (1000, 999) gave {got.tolist()}: subtract the largest first.")
    return "Eq. 2, for any shape and for rewards of any size."


@_says
def check_urn(answer):
    """Chapter 1: `answer(q, ratio, K)` is the favourite's share after one round, by the binomial law."""
    for q, ratio, K in [(0.5, 3.0, 2), (0.5, 3.0, 4), (0.1, math.exp(5), 4), (0.3, 1.0, 7), (0.2, 2.0, 64)]:
        call = f"urn({q}, {ratio:.4g}, {K})"
        got = _number(answer(q, ratio, K), call)
        want = step([q, 1 - q], [math.log(ratio), 0.0], K)[0]
        _require(abs(got - want) < 1e-9, f"{call} gave {got:.6f}; the exact share is {want:.6f}.")
    return "the binomial sum is the law of Eq. 6 on two kinds."


@_says
def check_race(answer):
    """Chapter 1: `answer(rewards, generator)` picks the winner of a race of exponential clocks, (n, K) -> (n,)."""
    rewards = torch.tensor([0.0, 1.0, 2.0, -1.0]).expand(40_000, 4)
    got = answer(rewards, torch.Generator().manual_seed(0))
    _require(isinstance(got, torch.Tensor), f"expected a tensor, got {type(got).__name__}.")
    _require(got.shape == (40_000,), f"40,000 groups should give 40,000 picks, not shape {tuple(got.shape)}.")
    counts = torch.bincount(got, minlength=4).numpy()
    _require(len(counts) == 4, "some picks are not an index from 0 to 3.")
    p_value = stats.chisquare(counts, len(got) * choice_probabilities(rewards[0].double()).numpy()).pvalue
    shares = ", ".join(f"{share:.3f}" for share in counts / len(got))
    _require(p_value > 1e-4, f"picks came in shares {shares}; Eq. 2 says 0.087, 0.237, 0.644, 0.032.")
    return f"shares {shares}: the first clock to ring follows Luce's rule."


@_says
def check_audit(answer):
    """Chapter 1: `answer(before, after)` is the reward gap that turns one share into the other at K = 2."""
    for share, gap in [(0.5, math.log(3)), (0.1, 5.0), (0.7, -1.5), (0.4, 0.0)]:
        after = step([share, 1 - share], [gap, 0.0], 2)[0]
        call = f"audit({share}, {after:.6f})"
        got = _number(answer(share, after), call)
        _require(abs(got - gap) < 1e-6, f"{call} gave {got:.6f}; the picks were made with a gap of {gap:.6f}.")
    return "from shares alone you read off what the crowd prefers."


@_says
def check_best_of(answer):
    """Chapter 1: `answer(probs, rewards, K)` is the law of the best of K candidates, distinct rewards in any order."""
    for rewards in ([0.0, 1.0, 2.0], [3.0, -1.0, 2.0, 0.5]):
        probs = np.arange(1.0, len(rewards) + 1) / sum(range(1, len(rewards) + 1))
        for K in (1, 2, 8):
            call = f"best_of({np.round(probs, 3).tolist()}, {rewards}, {K})"
            got = answer(probs, np.array(rewards), K)
            _require(got is not None, f"{call} returned None; it should return {len(rewards)} probabilities.")
            got = np.asarray(got, dtype=float)
            _require(got.shape == probs.shape, f"{call} should return {len(rewards)} probabilities.")
            want = step(probs, 100 * np.array(rewards), K)  # gaps of 50 nats: the choice is all but certain
            _require(
                np.abs(got - want).max() < 1e-9,
                f"{call} gave {np.round(got, 4).tolist()}, not {np.round(want, 4).tolist()}.",
            )
    return "with certain choices the K-choice keeps the best of K."
