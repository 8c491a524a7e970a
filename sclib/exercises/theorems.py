"""Chapters 3 and 4: how fast the loop collapses, and what data in the mix hold in place."""

import math
from collections.abc import Callable

import numpy as np

from sclib.bounds import kl_from_limit, retraining_covariance, speed_limit, weight_cap
from sclib.exercises.saying import CLOSE, number, require, says
from sclib.population import step, trajectory


@says
def check_identity(answer: Callable) -> str:
    """Chapter 3: whether an answer is right.

    Parameters
    ----------
    answer : `answer(probs, w, K)` is the gain of one round from the identity, by listing all groups.
    """
    for probs, w, K in [
        ([0.5, 0.5], [3.0, 1.0], 2),
        ([0.5, 0.5], [3.0, 1.0], 4),
        ([0.2, 0.3, 0.5], [5.0, 2.0, 1.0], 3),
    ]:
        got = number(answer(np.array(probs), np.array(w), K), f"gain({probs}, {w}, {K})")
        want = (step(probs, np.log(w), K) - probs) @ w
        require(abs(got - want) < CLOSE, f"gain({probs}, {w}, {K}) gave {got:.6f}; the round gains {want:.6f}.")
    return "the identity counts what a round gains."


@says
def check_divergence(answer: Callable) -> str:
    """Chapter 3: whether an answer is right.

    Parameters
    ----------
    answer : `answer(probs, rewards)` is KL(p* || p) of Theorem 2.1, for rewards with ties.
    """
    for probs, rewards in [
        ([0.1, 0.9], [5.0, 0.0]),
        ([0.2, 0.3, 0.1, 0.4], [1.0, 2.0, 2.0, 0.0]),
        ([0.5, 0.5], [1.0, 1.0]),
        ([0.0, 0.3, 0.7], [9.0, 2.0, 0.0]),
    ]:
        got = number(answer(np.array(probs), np.array(rewards)), f"divergence({probs}, {rewards})")
        want = kl_from_limit(probs, rewards)
        require(abs(got - want) < CLOSE, f"divergence({probs}, {rewards}) gave {got:.6f}, not {want:.6f}.")
    return "one logarithm is all it takes."


@says
def check_leftover(answer: Callable) -> str:
    """Chapter 3: whether an answer is right.

    Parameters
    ----------
    answer : `answer(share, gap, K, eps)` is the first round in which less than eps is left of the others.
    """
    for share, gap, K, eps in [
        (0.1, 5.0, 4, 1e-3),
        (0.1, 1.0, 4, 1e-3),
        (0.5, 0.1, 2, 0.01),
        (0.01, 2.0, math.inf, 0.5),
        (0.9, 1.0, 4, 0.5),
    ]:
        call = f"rounds_left({share}, {gap}, {K}, {eps})"
        got = number(answer(share, gap, K, eps), call)
        want = int(np.argmax(trajectory([share, 1 - share], [gap, 0.0], K, 500)[:, 1] < eps))
        require(got == want, f"{call} gave {got:g}; the law falls below {eps} after {want} rounds.")
    return "you ran the exact loop until the others were gone."


@says
def check_speed(answer: Callable) -> str:
    """Chapter 3: whether an answer is right.

    Parameters
    ----------
    answer : `answer(mass, target, K)` is the least t that the speed limit allows for a set to reach target.
    """
    for mass, target, K in [(0.1, 0.9, 4), (1e-6, 0.5, 4), (0.3, 0.99, 2), (0.01, 0.02, 2), (0.5, 0.1, 4)]:
        got = number(answer(mass, target, K), f"fewest_rounds({mass}, {target}, {K})")
        want = next(t for t in range(1000) if speed_limit(mass, K, t) >= target)
        require(got == want, f"fewest_rounds({mass}, {target}, {K}) gave {got:g}; the limit allows it after {want}.")
    return "no reward, however strong, is faster."


@says
def check_settled(answer: Callable) -> str:
    """Chapter 4: whether an answer is right.

    Parameters
    ----------
    answer : `answer(share, gap, lam)` is where a favourite's share settles at K = inf with data in the mix.
    """
    for share, gap, lam in [(0.1, 5.0, 0.5), (0.1, 0.1, 0.5), (0.5, 1.0, 0.0), (0.01, 0.3, 8.0), (0.1, 0.01, 200.0)]:
        call = f"settled({share}, {gap}, {lam})"
        got = number(answer(share, gap, lam), call)
        g, s = math.expm1(gap), lam / (1 + lam)  # the end solves g p^2 + half p = (1 - s) share
        half = 1 - s - g * (s + (1 - s) * share)
        want = (math.sqrt(half**2 + 4 * g * (1 - s) * share) - half) / (2 * g)
        require(abs(got - want) < 1e-6, f"{call} gave {got:.6f}; the loop settles at {want:.6f}.")
    return "push and pull balance there."


@says
def check_largest_lam(answer: Callable) -> str:
    """Chapter 4: whether an answer is right.

    Parameters
    ----------
    answer : `answer(K, span)` is the lambda below which the drift is bounded for rewards that span so much.
    """
    for K, span in [(4, 2.0), (4, math.log(9)), (2, 50.0), (1, 3.0), (16, 0.0)]:
        call = f"largest_lam({K}, {span:g})"
        got = number(answer(K, span), call)
        cap = weight_cap([0.5, 0.5], [0.0, span], K)
        want = math.inf if cap == 1 else 1 / (cap - 1)
        right = got == want or abs(got - want) < CLOSE * want
        require(right, f"{call} gave {got:.6g}; with the cap {cap:.4g} it is {want:.6g}.")
    return "small spans allow more than 1 / (K - 1)."


@says
def check_samples(answer: Callable) -> str:
    """Chapter 4: whether an answer is right.

    Parameters
    ----------
    answer : `answer(lam, sd, most)` is the least n that keeps a Gaussian mean within sd `most` of its best fit.
    """
    for lam, sd, most in [(0.5, 1.0, 0.01), (8.0, 2.0, 0.1), (50.0, 1.0, 0.5), (1.0, 3.0, 0.2)]:
        call = f"samples_needed({lam}, {sd}, {most})"
        got = number(answer(lam, sd, most), call)
        want = math.ceil(retraining_covariance(lam, 1 / sd**2, 1 / sd**2, 1).item() / most**2 - 1e-9)
        require(got == want, f"{call} gave {got:g}; {want} samples hold it there.")
    return "that many samples hold it there."
