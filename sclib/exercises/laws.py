"""Chapters 1 and 2: one choice, and what it has to do with RLHF."""

import math
from collections.abc import Callable

import numpy as np
import torch

from sclib.bounds import selection_kl_bound
from sclib.choice import choice_probabilities
from sclib.exercises.saying import CLOSE, law, number, require, says
from sclib.population import step, tilt
from sclib.taste import fit_rewards


@says
def check_probabilities(answer: Callable) -> str:
    """Chapter 1: whether an answer is right.

    Parameters
    ----------
    answer : `answer(rewards)` is Luce's rule for a tensor (..., K) of rewards of any size.
    """
    single = torch.float32
    for rewards in (torch.tensor([0.0, math.log(3)], dtype=single), torch.linspace(-2, 2, 12, dtype=single).view(3, 4)):
        got = answer(rewards)
        require(isinstance(got, torch.Tensor), f"expected a tensor, got {type(got).__name__}.")
        require(got.shape == rewards.shape, f"shape {tuple(rewards.shape)} went in and {tuple(got.shape)} came out.")
        off = (got.sum(-1) - 1).abs().max().item()
        require(off < 1e-5, f"the probabilities of one group add up to {1 + off:.3g}; which axis did you sum over?")
        require(_are_luces(got, rewards), "they sum to one but are not e^r over its sum.")
    for values in ([1000.0, 999.0], [[1000.0, 999.0], [-1000.0, -998.0]]):
        rewards = torch.tensor(values, dtype=single)
        got, gave = answer(rewards), f"rewards {rewards.tolist()} gave"
        require(bool(torch.isfinite(got).all()), f"{gave} {got.tolist()}: subtract the largest of each group first.")
        right = _are_luces(got, rewards)
        require(right, f"{gave} {got.tolist()}; only differences within a group matter.")
    return "Luce's rule, for any shape and for rewards of any size."


def _are_luces(got, rewards):
    return torch.allclose(got.double(), choice_probabilities(rewards.double()), atol=CLOSE)


@says
def check_urn(answer: Callable) -> str:
    """Chapter 1: whether an answer is right.

    Parameters
    ----------
    answer : `answer(q, ratio, K)` is the favourite's share after one round, by the binomial law.
    """
    for q, ratio, K in [(0.5, 3.0, 2), (0.5, 3.0, 4), (0.1, math.exp(5), 4), (0.3, 1.0, 7), (0.2, 2.0, 64)]:
        call = f"urn({q}, {ratio:.4g}, {K})"
        got = number(answer(q, ratio, K), call)
        want = step([q, 1 - q], [math.log(ratio), 0.0], K)[0]
        require(abs(got - want) < CLOSE, f"{call} gave {got:.6f}; the exact share is {want:.6f}.")
    return "the binomial sum is the curated law on two kinds."


@says
def check_audit(answer: Callable) -> str:
    """Chapter 1: whether an answer is right.

    Parameters
    ----------
    answer : `answer(wins, losses)` is the gap in nats that makes the log most likely, and its standard error.
    """
    for wins, losses in [(30, 10), (7, 90), (50, 50)]:
        call = f"audit({wins}, {losses})"
        got = answer(wins, losses)
        require(got is not None and np.size(got) == 2, f"{call} should return two numbers, the gap and its error.")
        fit = fit_rewards([("red", "blue")] * (wins + losses), [0] * wins + [1] * losses)  # items: blue, red
        gap, error = fit.rewards[1] - fit.rewards[0], math.sqrt(np.diff(np.diff(fit.covariance, axis=0)).item())
        require(abs(got[0] - gap) < CLOSE, f"{call} gave a gap of {got[0]:.6f}; most likely is {gap:.6f}.")
        require(abs(got[1] - error) < CLOSE, f"{call} gave an error of {got[1]:.6f}, not {error:.6f}.")
    return "the gap and its error are what `fit_rewards` finds."


@says
def check_best_of(answer: Callable) -> str:
    """Chapter 1: whether an answer is right.

    Parameters
    ----------
    answer : `answer(probs, rewards, K)` is the law of the best of K candidates, distinct rewards in any order.
    """
    for rewards in ([0.0, 1.0, 2.0], [3.0, -1.0, 2.0, 0.5]):
        probs = np.arange(1.0, len(rewards) + 1) / sum(range(1, len(rewards) + 1))
        for K in (1, 2, 8):
            call = f"best_of({np.round(probs, 3).tolist()}, {rewards}, {K})"
            got = law(answer(probs, np.array(rewards), K), call, len(rewards))
            want = step(probs, 100 * np.array(rewards), K)  # gaps of 100 nats: the choice is all but certain
            require(
                np.abs(got - want).max() < CLOSE,
                f"{call} gave {np.round(got, 4).tolist()}, not {np.round(want, 4).tolist()}.",
            )
    return "with certain choices the K-choice keeps the best of K."


@says
def check_tilt(answer: Callable) -> str:
    """Chapter 2: whether an answer is right.

    Parameters
    ----------
    answer : `answer(probs, rewards, beta)` is p e^{r / beta} / Z, for rewards of any size.
    """
    probs = np.array([0.2, 0.3, 0.5])
    for rewards, beta in [([1.0, 0.0, -1.0], 1.0), ([1.0, 0.0, -1.0], 0.25), ([2000.0, 1999.0, 1998.0], 2.0)]:
        call = f"tilt({probs.tolist()}, {rewards}, {beta})"
        got, want = law(answer(probs, np.array(rewards), beta), call, 3), tilt(probs, rewards, beta)
        require(np.isfinite(got).all(), f"{call} is not finite: subtract the largest reward first.")
        require(abs(got.sum() - 1) < CLOSE, f"{call} sums to {got.sum():.4g}; divide by Z.")
        require(
            np.allclose(got, want, atol=CLOSE),
            f"{call} gave {np.round(got, 4).tolist()}, not {np.round(want, 4).tolist()}.",
        )
    return "the optimum of RLHF, for rewards of any size."


@says
def check_rounds(answer: Callable) -> str:
    """Chapter 2: whether an answer is right.

    Parameters
    ----------
    answer : `answer(before, target, ratio)` is the number of rounds at K = inf until the share reaches target.
    """
    for before, target, ratio in [
        (0.5, 0.74, 3.0),
        (0.01, 0.99, 2.0),
        (0.1, 0.5, math.e),
        (1e-6, 0.5, 1.1),
        (0.9, 0.5, 2.0),
        (0.5, 0.8, 2.0),  # reached exactly, in two rounds
    ]:
        call = f"rounds_needed({before}, {target}, {ratio:.4g})"
        got = number(answer(before, target, ratio), call)
        odds, want = before / (1 - before), 0
        while odds * (1 + 1e-9) < target / (1 - target):
            odds, want = odds * ratio, want + 1
        require(got == want, f"{call} gave {got:g}; the share first reaches the target after {want} rounds.")
    return "odds grow by the same factor each round."


@says
def check_budget(answer: Callable) -> str:
    """Chapter 2: whether an answer is right.

    Parameters
    ----------
    answer : `answer(budget, K)` is the largest t with t log K - 1 + K^-t <= budget.
    """
    for budget, K in [(1.0, 2), (0.5, 2), (1.0, 4), (10.0, 4), (0.1, 16), (5.0, 3)]:
        call = f"safe_rounds({budget}, {K})"
        got = number(answer(budget, K), call)
        want = next(t for t in range(100) if selection_kl_bound(K, t + 1) > budget)
        require(got == want, f"{call} gave {got:g}; the bound stays within the budget up to t = {want}.")
    return "the divergence is bounded by K and t alone."


@says
def check_dpo(answer: Callable) -> str:
    """Chapter 2: whether an answer is right.

    Parameters
    ----------
    answer : `answer(log_w, log_l, first_w, first_l, beta)` is d loss / d log pi(x_w) of the DPO loss.
    """
    for arguments in [(-1.0, -2.0, -1.0, -2.0, 1.0), (-0.5, -3.0, -1.0, -1.0, 0.1), (-4.0, -0.2, -1.0, -2.0, 2.0)]:
        got = number(answer(*arguments), f"dpo_gradient{arguments}")
        log_w, log_l, first_w, first_l, beta = (torch.tensor(a, dtype=torch.float64) for a in arguments)
        log_w.requires_grad_()
        margin = beta * (log_w - first_w) - beta * (log_l - first_l)
        (want,) = torch.autograd.grad(-torch.nn.functional.logsigmoid(margin), log_w)
        require(abs(got - want) < CLOSE, f"dpo_gradient{arguments} gave {got:.6f}; autograd says {want:.6f}.")
    return "the same gradient as autograd's."
