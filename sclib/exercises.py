"""Checks for the exercises: each takes the reader's function and says what is right or what is wrong with it.

A check prints one sentence and never raises: a half-written answer gets a message, not a traceback.
"""

import functools
import math
import textwrap

import numpy as np
import torch

from sclib.bounds import kl_from_limit, retraining_covariance, selection_kl_bound, speed_limit, weight_cap
from sclib.choice import choice_probabilities
from sclib.curators import group_step, surviving_share
from sclib.population import step, tilt, trajectory
from sclib.taste import fit_rewards


class _Wrong(Exception):
    pass


def _says(check):
    """Print what `check` returns, or what it found wrong."""

    @functools.wraps(check)
    def said(answer):
        try:
            line = f"Right: {check(lambda *given: answer(*map(_copied, given)))}"
        except _Wrong as wrong:
            line = f"Not yet: {wrong}"
        except Exception as error:
            line = f"Not yet: your function raised {type(error).__name__}: {error}"
        print(textwrap.fill(line, 79))

    return said


def _copied(given):
    # An answer may change what it is given: what is compared with it afterwards must not change too.
    if isinstance(given, torch.Tensor):
        return given.clone(memory_format=torch.contiguous_format)
    return given.copy() if isinstance(given, np.ndarray) else given


def _require(condition, message):
    if not condition:
        raise _Wrong(message)


def _number(value, call):
    _require(value is not None, f"{call} returned None; it should return a number.")
    return float(value)


@_says
def check_probabilities(answer):
    """Chapter 1: `answer(rewards)` is Luce's rule for a tensor (..., K) of rewards of any size."""
    for rewards in (torch.tensor([0.0, math.log(3)]), torch.linspace(-2, 2, 12).view(3, 4)):
        got = answer(rewards)
        _require(isinstance(got, torch.Tensor), f"expected a tensor, got {type(got).__name__}.")
        _require(got.shape == rewards.shape, f"shape {tuple(rewards.shape)} went in and {tuple(got.shape)} came out.")
        off = (got.sum(-1) - 1).abs().max().item()
        _require(off < 1e-5, f"the probabilities of one group add up to {1 + off:.3g}; which axis did you sum over?")
        _require(torch.allclose(got, choice_probabilities(rewards)), "they sum to one but are not e^r over its sum.")
    for rewards in (torch.tensor([1000.0, 999.0]), torch.tensor([[1000.0, 999.0], [-1000.0, -998.0]])):
        got, gave = answer(rewards), f"rewards {rewards.tolist()} gave"
        _require(bool(torch.isfinite(got).all()), f"{gave} {got.tolist()}: subtract the largest of each group first.")
        right = torch.allclose(got, choice_probabilities(rewards))
        _require(right, f"{gave} {got.tolist()}; only differences within a group matter.")
    return "Luce's rule, for any shape and for rewards of any size."


@_says
def check_urn(answer):
    """Chapter 1: `answer(q, ratio, K)` is the favourite's share after one round, by the binomial law."""
    for q, ratio, K in [(0.5, 3.0, 2), (0.5, 3.0, 4), (0.1, math.exp(5), 4), (0.3, 1.0, 7), (0.2, 2.0, 64)]:
        call = f"urn({q}, {ratio:.4g}, {K})"
        got = _number(answer(q, ratio, K), call)
        want = step([q, 1 - q], [math.log(ratio), 0.0], K)[0]
        _require(abs(got - want) < 1e-9, f"{call} gave {got:.6f}; the exact share is {want:.6f}.")
    return "the binomial sum is the curated law on two kinds."


@_says
def check_audit(answer):
    """Chapter 1: `answer(wins, losses)` is the gap in nats that makes the log most likely, and its standard error."""
    for wins, losses in [(30, 10), (7, 90), (50, 50)]:
        call = f"audit({wins}, {losses})"
        got = answer(wins, losses)
        _require(np.size(got) == 2, f"{call} should return two numbers, the gap and its error.")
        fit = fit_rewards([("red", "blue")] * (wins + losses), [0] * wins + [1] * losses)  # items: blue, red
        gap, error = fit.rewards[1] - fit.rewards[0], math.sqrt(np.diff(np.diff(fit.covariance, axis=0)).item())
        _require(abs(got[0] - gap) < 1e-6, f"{call} gave a gap of {got[0]:.6f}; most likely is {gap:.6f}.")
        _require(abs(got[1] - error) < 1e-6, f"{call} gave an error of {got[1]:.6f}, not {error:.6f}.")
    return "the gap and its error are what `fit_rewards` finds."


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
            want = step(probs, 100 * np.array(rewards), K)  # gaps of 100 nats: the choice is all but certain
            _require(
                np.abs(got - want).max() < 1e-9,
                f"{call} gave {np.round(got, 4).tolist()}, not {np.round(want, 4).tolist()}.",
            )
    return "with certain choices the K-choice keeps the best of K."


@_says
def check_tilt(answer):
    """Chapter 2: `answer(probs, rewards, beta)` is p e^{r / beta} / Z, for rewards of any size."""
    probs = np.array([0.2, 0.3, 0.5])
    for rewards, beta in [([1.0, 0.0, -1.0], 1.0), ([1.0, 0.0, -1.0], 0.25), ([2000.0, 1999.0, 1998.0], 2.0)]:
        call = f"tilt({probs.tolist()}, {rewards}, {beta})"
        got = answer(probs, np.array(rewards), beta)
        _require(got is not None, f"{call} returned None; it should return 3 probabilities.")
        got, want = np.asarray(got, dtype=float), tilt(probs, rewards, beta)
        _require(got.shape == (3,), f"{call} should return 3 probabilities, not shape {got.shape}.")
        _require(np.isfinite(got).all(), f"{call} is not finite: subtract the largest reward first.")
        _require(abs(got.sum() - 1) < 1e-9, f"{call} sums to {got.sum():.4g}; divide by Z.")
        _require(np.allclose(got, want), f"{call} gave {np.round(got, 4).tolist()}, not {np.round(want, 4).tolist()}.")
    return "the optimum of RLHF, for rewards of any size."


@_says
def check_rounds(answer):
    """Chapter 2: `answer(before, target, ratio)` is the number of rounds at K = inf until the share reaches target."""
    for before, target, ratio in [
        (0.5, 0.74, 3.0),
        (0.01, 0.99, 2.0),
        (0.1, 0.5, math.e),
        (1e-6, 0.5, 1.1),
        (0.9, 0.5, 2.0),
        (0.5, 0.8, 2.0),  # reached exactly, in two rounds
    ]:
        call = f"rounds_needed({before}, {target}, {ratio:.4g})"
        got = _number(answer(before, target, ratio), call)
        odds, want = before / (1 - before), 0
        while odds * (1 + 1e-9) < target / (1 - target):
            odds, want = odds * ratio, want + 1
        _require(got == want, f"{call} gave {got:g}; the share first reaches the target after {want} rounds.")
    return "odds grow by the same factor each round."


@_says
def check_budget(answer):
    """Chapter 2: `answer(budget, K)` is the largest t with t log K - 1 + K^-t <= budget."""
    for budget, K in [(1.0, 2), (0.5, 2), (1.0, 4), (10.0, 4), (0.1, 16), (5.0, 3)]:
        call = f"safe_rounds({budget}, {K})"
        got = _number(answer(budget, K), call)
        want = next(t for t in range(100) if selection_kl_bound(K, t + 1) > budget)
        _require(got == want, f"{call} gave {got:g}; the bound stays within the budget up to t = {want}.")
    return "the divergence is bounded by K and t alone."


@_says
def check_dpo(answer):
    """Chapter 2: `answer(log_w, log_l, first_w, first_l, beta)` is d loss / d log pi(x_w) of the DPO loss."""
    for arguments in [(-1.0, -2.0, -1.0, -2.0, 1.0), (-0.5, -3.0, -1.0, -1.0, 0.1), (-4.0, -0.2, -1.0, -2.0, 2.0)]:
        got = _number(answer(*arguments), f"dpo_gradient{arguments}")
        log_w, log_l, first_w, first_l, beta = (torch.tensor(a, dtype=torch.float64) for a in arguments)
        log_w.requires_grad_()
        margin = beta * (log_w - first_w) - beta * (log_l - first_l)
        (want,) = torch.autograd.grad(-torch.nn.functional.logsigmoid(margin), log_w)
        _require(abs(got - want) < 1e-9, f"dpo_gradient{arguments} gave {got:.6f}; autograd says {want:.6f}.")
    return "the same gradient as autograd's."


@_says
def check_beta(answer):
    """Chapter 2: `answer(probs, rewards, K)` is the beta whose tilt has the mean reward of one round at K."""
    probs, rewards = np.array([0.1, 0.2, 0.3, 0.4]), np.array([2.0, 1.0, 0.5, 0.0])
    for K in (2, 4, 64, math.inf):
        call = f"beta_of(probs, rewards, {K})"
        got = _number(answer(probs, rewards, K), call)
        _require(got > 0, f"{call} gave {got:g}; beta is positive.")
        have, want = (law @ rewards for law in (tilt(probs, rewards, got), step(probs, rewards, K)))
        _require(abs(have - want) < 1e-6, f"{call} gave {got:.4f}, with mean reward {have:.4f} instead of {want:.4f}.")
    return "at K = infinity you found 1, and more for fewer candidates."


@_says
def check_identity(answer):
    """Chapter 3: `answer(probs, w, K)` is the gain of one round from the identity, by listing all groups."""
    for probs, w, K in [
        ([0.5, 0.5], [3.0, 1.0], 2),
        ([0.5, 0.5], [3.0, 1.0], 4),
        ([0.2, 0.3, 0.5], [5.0, 2.0, 1.0], 3),
    ]:
        got = _number(answer(np.array(probs), np.array(w), K), f"gain({probs}, {w}, {K})")
        want = (step(probs, np.log(w), K) - probs) @ w
        _require(abs(got - want) < 1e-9, f"gain({probs}, {w}, {K}) gave {got:.6f}; the round gains {want:.6f}.")
    return "the identity counts what a round gains."


@_says
def check_divergence(answer):
    """Chapter 3: `answer(probs, rewards)` is KL(p* || p) of Theorem 2.1, for rewards with ties."""
    for probs, rewards in [
        ([0.1, 0.9], [5.0, 0.0]),
        ([0.2, 0.3, 0.1, 0.4], [1.0, 2.0, 2.0, 0.0]),
        ([0.5, 0.5], [1.0, 1.0]),
        ([0.0, 0.3, 0.7], [9.0, 2.0, 0.0]),
    ]:
        got = _number(answer(np.array(probs), np.array(rewards)), f"divergence({probs}, {rewards})")
        want = kl_from_limit(probs, rewards)
        _require(abs(got - want) < 1e-9, f"divergence({probs}, {rewards}) gave {got:.6f}, not {want:.6f}.")
    return "one logarithm is all it takes."


@_says
def check_leftover(answer):
    """Chapter 3: `answer(share, gap, K, eps)` is the first round in which less than eps is left of the others."""
    for share, gap, K, eps in [
        (0.1, 5.0, 4, 1e-3),
        (0.1, 1.0, 4, 1e-3),
        (0.5, 0.1, 2, 0.01),
        (0.01, 2.0, math.inf, 0.5),
        (0.9, 1.0, 4, 0.5),
    ]:
        call = f"rounds_left({share}, {gap}, {K}, {eps})"
        got = _number(answer(share, gap, K, eps), call)
        want = int(np.argmax(trajectory([share, 1 - share], [gap, 0.0], K, 500)[:, 1] < eps))
        _require(got == want, f"{call} gave {got:g}; the law falls below {eps} after {want} rounds.")
    return "you ran the exact loop until the others were gone."


@_says
def check_speed(answer):
    """Chapter 3: `answer(mass, target, K)` is the least t that the speed limit allows for a set to reach target."""
    for mass, target, K in [(0.1, 0.9, 4), (1e-6, 0.5, 4), (0.3, 0.99, 2), (0.01, 0.02, 2), (0.5, 0.1, 4)]:
        got = _number(answer(mass, target, K), f"fewest_rounds({mass}, {target}, {K})")
        want = next(t for t in range(1000) if speed_limit(mass, K, t) >= target)
        _require(got == want, f"fewest_rounds({mass}, {target}, {K}) gave {got:g}; the limit allows it after {want}.")
    return "no reward, however strong, is faster."


@_says
def check_settled(answer):
    """Chapter 4: `answer(share, gap, lam)` is where a favourite's share settles at K = inf with data in the mix."""
    for share, gap, lam in [(0.1, 5.0, 0.5), (0.1, 0.1, 0.5), (0.5, 1.0, 0.0), (0.01, 0.3, 8.0)]:
        call = f"settled({share}, {gap}, {lam})"
        got = _number(answer(share, gap, lam), call)
        want = trajectory([share, 1 - share], [gap, 0.0], math.inf, 5_000, lam)[-1, 0]
        _require(abs(got - want) < 1e-6, f"{call} gave {got:.6f}; the loop settles at {want:.6f}.")
    return "push and pull balance there."


@_says
def check_largest_lam(answer):
    """Chapter 4: `answer(K, span)` is the lambda below which the drift is bounded for rewards that span so much."""
    for K, span in [(4, 2.0), (4, math.log(9)), (2, 50.0), (1, 3.0), (16, 0.0)]:
        call = f"largest_lam({K}, {span:g})"
        got = _number(answer(K, span), call)
        cap = weight_cap([0.5, 0.5], [0.0, span], K)
        want = math.inf if cap == 1 else 1 / (cap - 1)
        right = got == want or abs(got - want) < 1e-9 * want
        _require(right, f"{call} gave {got:.6g}; with the cap {cap:.4g} it is {want:.6g}.")
    return "small spans allow more than 1 / (K - 1)."


@_says
def check_samples(answer):
    """Chapter 4: `answer(lam, sd, most)` is the least n that keeps a Gaussian mean within sd `most` of its best fit."""
    for lam, sd, most in [(0.5, 1.0, 0.01), (8.0, 2.0, 0.1), (50.0, 1.0, 0.5), (1.0, 3.0, 0.2)]:
        call = f"samples_needed({lam}, {sd}, {most})"
        got = _number(answer(lam, sd, most), call)
        want = math.ceil(retraining_covariance(lam, 1 / sd**2, 1 / sd**2, 1).item() / most**2 - 1e-9)
        _require(got == want, f"{call} gave {got:g}; {want} samples hold it there.")
    return "that many samples hold it there."


@_says
def check_share(answer):
    """Chapter 5: `answer(r, labels, c, K, t)` is the share of class c after t rounds, by the exact law of samples."""
    rng = np.random.default_rng(0)
    for c, K, t in [(0, 4, 1), (2, 4, 3), (1, math.inf, 2), (1, 2, 0)]:
        labels = rng.integers(3, size=60)
        r = rng.normal(size=60) + labels
        got = _number(answer(r, labels, c, K, t), f"predicted_share(r, labels, {c}, {K}, {t})")
        want = trajectory(np.full(60, 1 / 60), r, K, t)[t][labels == c].sum()
        _require(abs(got - want) < 1e-9, f"for c = {c}, K = {K} and t = {t} it gave {got:.4f}, not {want:.4f}.")
    return "samples with rewards are all the law needs."


@_says
def check_transmission(answer):
    """Chapter 5: `answer(before, due, after)` is the slope of the change that happened along the change due."""
    before, due = np.array([0.1, 0.4, 0.5]), np.array([0.4, 0.3, 0.3])
    for part, aside in [(1.0, 0.0), (0.0, 0.0), (0.5, 0.0), (0.8, 0.1), (1.2, -0.05)]:
        sideways = np.array([1.0, -5.0, 4.0])  # at right angles to what is due
        after = before + part * (due - before) + aside * sideways
        want = (after - before) @ (due - before) / ((due - before) @ (due - before))
        got = _number(answer(before, due, after), "transmitted(before, due, after)")
        right = abs(got - want) < 1e-9
        _require(right, f"shares {np.round(after, 3)} after {before}, with {due} due, are {want:.3f}, not {got:.3f}.")
    return "one for a perfect refit, zero for none."


@_says
def check_confidence(answer):
    """Chapter 5: `answer(logits, T)` is the largest entry of the softmax of logits / T."""
    for logits, T in [([2.0, 0.0, -1.0], 1.0), ([2.0, 0.0, -1.0], 3.0), ([1000.0, 999.0], 1.0), ([-4e4, -4e4], 2.0)]:
        got = _number(answer(np.array(logits), T), f"confidence_at({logits}, {T})")
        want = 1 / np.exp((np.array(logits) - max(logits)) / T).sum()
        _require(abs(got - want) < 1e-9, f"confidence_at({logits}, {T}) gave {got:.6f}, not {want:.6f}.")
    return "a higher temperature makes the judge less sure and keeps its order."


@_says
def check_candidates(answer):
    """Chapter 7: `answer(minority, gap)` is the least K at which a minority survives, or inf."""
    for minority, gap in [(0.3, 10.0), (0.4, 1.0), (0.2, 1.0), (0.45, 0.1), (0.1, 3.0)]:
        call = f"candidates({minority}, {gap})"
        got = _number(answer(minority, gap), call)
        want = next((K for K in range(2, 1000) if minority > surviving_share(gap, K)), math.inf)
        _require(got == want, f"{call} gave {got:g}; the minority survives from K = {want:g} on.")
    return "with fewer candidates the kind dies out."


@_says
def check_compromise(answer):
    """Chapter 7: `answer(gap)` is the reward from which a compromise enters between two equal groups at K = inf."""
    for gap in (0.5, 2.0, 6.0):
        got = _number(answer(gap), f"price({gap})")
        rare = np.array([0.5 - 5e-10, 0.5 - 5e-10, 1e-9])
        for c, grows, wrong in [
            (got - 1e-3, False, "just below it green grows already"),
            (got + 1e-3, True, "just above it green does not grow yet"),
        ]:
            after = group_step(rare, [[gap, 0.0, c], [0.0, gap, c]], [0.5, 0.5], math.inf)
            _require((after[2] > rare[2]) == grows, f"price({gap}) gave {got:.4f}; {wrong}.")
    return "half the gap for mild tastes, nearly all of it for strong ones."


@_says
def check_pool(answer):
    """Chapter 7: `answer(probs, r, K, alpha, rounds)` is the law when each round renews a share alpha of the pool."""
    probs, rewards = np.array([0.1, 0.3, 0.6]), np.array([2.0, 1.0, 0.0])
    for K, alpha, rounds in [(4, 0.5, 1), (4, 0.1, 12), (math.inf, 1.0, 3), (2, 0.3, 0)]:
        call = f"pooled_law(probs, r, {K}, {alpha}, {rounds})"
        got, want = answer(probs, rewards, K, alpha, rounds), probs
        _require(np.shape(got) == (3,), f"{call} gave {got}; it should return a law of shape (3,).")
        for _ in range(rounds):
            want = want + alpha * (step(want, rewards, K) - want)
        _require(np.allclose(got, want, atol=1e-9), f"{call} gave {np.round(got, 4)} instead of {np.round(want, 4)}.")
    return "at alpha = 1 it is the plain loop."
