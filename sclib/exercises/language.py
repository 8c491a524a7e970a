"""Chapter 7: sentences word by word."""

from collections.abc import Callable

import numpy as np

from sclib.exercises.saying import CLOSE, law, number, require, says
from sclib.population import kl, tilt


@says
def check_words(answer: Callable) -> str:
    """Chapter 7: whether an answer is right.

    Parameters
    ----------
    answer : `answer(p, q)` are the terms of the divergence of two laws of three words, arrays (a, b, c).
    """
    rng = np.random.default_rng(0)
    for shape in [(2, 3, 2), (3, 1, 4)]:
        p, q = (rng.dirichlet(np.ones(np.prod(shape))).reshape(shape) for _ in range(2))
        given = [kl(p.sum(tuple(range(i, 3))).ravel(), q.sum(tuple(range(i, 3))).ravel()) for i in (1, 2, 3)]
        got = law(answer(p, q), f"divergences(p, q) for shape {shape}", 3)
        require(abs(got.sum() - given[2]) < CLOSE, f"they add up to {got.sum():.4f}, but KL(p || q) is {given[2]:.4f}.")
        want = np.diff([0.0, *given])
        wrong = int(np.argmax(abs(got - want)))
        off = f"word {wrong + 1} gave {got[wrong]:.4f}, not {want[wrong]:.4f}: average over p of the words before."
        require(abs(got - want).max() < CLOSE, off)
    return "the divergence of sentences, split among their words."


@says
def check_slope(answer: Callable) -> str:
    """Chapter 7: whether an answer is right.

    Parameters
    ----------
    answer : `answer(p, r, learned, s)` is the slope of the true reward along the tilt of the learned one.
    """
    rng = np.random.default_rng(1)
    p, r, learned = rng.dirichlet(np.ones(6)), rng.normal(size=6), rng.normal(size=6)

    def true(s):
        return (tilt(p, learned, 1 / s) if s else p) @ r

    for s in (0.0, 1.0, 3.0):
        got, h = number(answer(p, r, learned, s), f"slope(p, r, learned, {s:g})"), 1e-5
        want = (-3 * true(s) + 4 * true(s + h) - true(s + 2 * h)) / (2 * h)
        require(abs(got - want) < 1e-4, f"at s = {s:g} it gave {got:.4f}, but the reward rises by {want:.4f}.")
    return "the covariance, under the model's own law."
