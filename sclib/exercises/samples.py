"""Chapters 5, 6 and 8: samples, a judge, and several groups of curators."""

import math
from collections.abc import Callable

import numpy as np

from sclib.curators import group_step, surviving_share
from sclib.exercises.saying import CLOSE, law, number, require, says
from sclib.population import step, trajectory


@says
def check_share(answer: Callable) -> str:
    """Chapter 5: whether an answer is right.

    Parameters
    ----------
    answer : `answer(r, labels, c, K, t)` is the share of class c after t rounds, by the exact law of samples.
    """
    rng = np.random.default_rng(0)
    for c, K, t in [(0, 4, 1), (2, 4, 3), (1, math.inf, 2), (1, 2, 0)]:
        labels = rng.integers(3, size=60)
        r = rng.normal(size=60) + labels
        got = number(answer(r, labels, c, K, t), f"predicted_share(r, labels, {c}, {K}, {t})")
        want = trajectory(np.full(60, 1 / 60), r, K, t)[t][labels == c].sum()
        require(abs(got - want) < CLOSE, f"for c = {c}, K = {K} and t = {t} it gave {got:.4f}, not {want:.4f}.")
    return "samples with rewards are all the law needs."


@says
def check_transmission(answer: Callable) -> str:
    """Chapter 5: whether an answer is right.

    Parameters
    ----------
    answer : `answer(before, due, after)` is the slope of the change that happened along the change due.
    """
    before, due = np.array([0.1, 0.4, 0.5]), np.array([0.4, 0.3, 0.3])
    for part, aside in [(1.0, 0.0), (0.0, 0.0), (0.5, 0.0), (0.8, 0.1), (1.2, -0.05)]:
        sideways = np.array([1.0, -5.0, 4.0])  # at right angles to what is due
        after = before + part * (due - before) + aside * sideways
        want = (after - before) @ (due - before) / ((due - before) @ (due - before))
        got = number(answer(before, due, after), "transmitted(before, due, after)")
        right = abs(got - want) < CLOSE
        require(right, f"shares {np.round(after, 3)} after {before}, with {due} due, are {want:.3f}, not {got:.3f}.")
    return "one for a perfect refit, zero for none."


@says
def check_confidence(answer: Callable) -> str:
    """Chapter 5: whether an answer is right.

    Parameters
    ----------
    answer : `answer(logits, T)` is the largest entry of the softmax of logits / T.
    """
    for logits, T in [([2.0, 0.0, -1.0], 1.0), ([2.0, 0.0, -1.0], 3.0), ([1000.0, 999.0], 1.0), ([-4e4, -4e4], 2.0)]:
        got = number(answer(np.array(logits), T), f"confidence_at({logits}, {T})")
        want = 1 / np.exp((np.array(logits) - max(logits)) / T).sum()
        require(abs(got - want) < CLOSE, f"confidence_at({logits}, {T}) gave {got:.6f}, not {want:.6f}.")
    return "a higher temperature makes the judge less sure and keeps its order."


@says
def check_lagging(answer: Callable) -> str:
    """Chapter 6: whether an answer is right.

    Parameters
    ----------
    answer : `answer(p, r, K, part, t)` is the law after t rounds of which each makes a `part` of the change due.
    """
    r = np.array([0.0, 1.0, 5.0])
    for K, part, t in [(4, 1.0, 3), (4, 0.5, 1), (math.inf, 0.6, 4), (2, 0.0, 2), (4, 0.7, 0)]:
        want = np.array([0.5, 0.4, 0.1])
        for _ in range(t):
            want = want + part * (step(want, r, K) - want)
        call = f"lagging(p, r, {K}, {part}, {t})"
        got = law(answer(np.array([0.5, 0.4, 0.1]), r, K, part, t), call, 3)
        require(np.abs(got - want).max() < CLOSE, f"{call} gave {np.round(got, 3)} instead of {np.round(want, 3)}.")
    return "a slow refit delays the loop, and leaves its direction as it is."


@says
def check_candidates(answer: Callable) -> str:
    """Chapter 8: whether an answer is right.

    Parameters
    ----------
    answer : `answer(minority, gap)` is the least K at which a minority survives, or inf.
    """
    for minority, gap in [(0.3, 10.0), (0.4, 1.0), (0.2, 1.0), (0.45, 0.1), (0.1, 3.0)]:
        call = f"candidates({minority}, {gap})"
        got = number(answer(minority, gap), call)
        want = next((K for K in range(2, 1000) if minority > surviving_share(gap, K)), math.inf)
        require(got == want, f"{call} gave {got:g}; the minority survives from K = {want:g} on.")
    return "with fewer candidates the kind dies out."


@says
def check_compromise(answer: Callable) -> str:
    """Chapter 8: whether an answer is right.

    Parameters
    ----------
    answer : `answer(gap)` is the reward from which a compromise enters between two equal groups at K = inf.
    """
    for gap in (0.5, 2.0, 6.0):
        got = number(answer(gap), f"price({gap})")
        rare = np.array([0.5 - 5e-10, 0.5 - 5e-10, 1e-9])
        for c, grows, wrong in [
            (got - 1e-3, False, "just below it green grows already"),
            (got + 1e-3, True, "just above it green does not grow yet"),
        ]:
            after = group_step(rare, [[gap, 0.0, c], [0.0, gap, c]], [0.5, 0.5], math.inf)
            require((after[2] > rare[2]) == grows, f"price({gap}) gave {got:.4f}; {wrong}.")
    return "half the gap for mild tastes, nearly all of it for strong ones."


@says
def check_pool(answer: Callable) -> str:
    """Chapter 8: whether an answer is right.

    Parameters
    ----------
    answer : `answer(probs, r, K, alpha, rounds)` is the law when each round renews a share alpha of the pool.
    """
    probs, rewards = np.array([0.1, 0.3, 0.6]), np.array([2.0, 1.0, 0.0])
    for K, alpha, rounds in [(4, 0.5, 1), (4, 0.1, 12), (math.inf, 1.0, 3), (2, 0.3, 0)]:
        call = f"pooled_law(probs, r, {K}, {alpha}, {rounds})"
        got, want = answer(probs, rewards, K, alpha, rounds), probs
        require(np.shape(got) == (3,), f"{call} gave {got}; it should return a law of shape (3,).")
        got = law(got, call, 3)
        for _ in range(rounds):
            want = want + alpha * (step(want, rewards, K) - want)
        require(np.allclose(got, want, atol=CLOSE), f"{call} gave {np.round(got, 4)} instead of {np.round(want, 4)}.")
    return "at alpha = 1 it is the plain loop."
