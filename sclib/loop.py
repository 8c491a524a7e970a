"""Algorithm 1 of the paper: draw, curate, refit, for any model with `fit(data, weights=None)` and `sample(n)`."""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch

from sclib import checks, distributed, tensor_checks
from sclib.choice import Rule, choose, curate
from sclib.population import synthetic_share


class Generation(NamedTuple):
    """One round of the loop.  Statistics of p_t belong to `proposals`, the very draw that `picks` come from.

    With S stacked seeds every tensor has a leading axis S.
    """

    t: int  # 0 is the model fitted to the data
    proposals: Any  # (n, K, *shape), drawn from the model p_t
    rewards: Any  # (n, K), nats
    picks: Any  # (n, *shape), one proposal of each group: the next model is fitted to them


def self_consuming_loop(
    model: Any,
    data: Any,
    reward: Callable[[torch.Tensor], Any],
    K: int,
    n: int,
    lam: float = math.inf,
    generations: int = 10,
    stacked: bool = False,
    generator: Any = None,
    resume: Generation | None = None,
    choose: Rule = choose,
    shuffle: bool = False,
) -> Iterator[Generation]:
    """Yield a `Generation` for p_0 (fitted to `data`), p_1, .., p_generations.

    Parameters
    ----------
    model : `fit(data)` and `sample(n)` -> n samples, a tensor or an array; for a finite `lam` also
        `fit(data, weights)`, see `mixed`.  Groups are runs of K neighbours, so samples must come in random order: a
        model that sorts them, as scikit-learn's mixtures do by component, needs `shuffle`, or all candidates are of
        one kind.
    data : (N, *shape), or (S, N, *shape) for S `stacked` seeds.
    reward : samples -> one reward each, nats.
    K : candidates, an integer; 1 leaves the loop uncurated.
    n : groups a round.
    lam : weight of the picks against `data`, >= 0, or inf.
    generations : rounds, an integer >= 0.
    stacked : whether `data`, samples and rewards have an axis of seeds in front.
    generator : a torch.Generator for the choices, or a list of one a seed.
    resume : the last Generation seen (its `t` and `picks`), with the model as it was then, to go on from there.
    choose : another choice rule than Luce's, rewards (n, K), generator -> index (n,) of the picks; see `rules`.
    shuffle : whether to put each draw into random order, with `generator`, before it is dealt into groups.

    Raises
    ------
    ValueError
        For K, n or lam out of range, and for a model that returns fewer or more samples than asked.

    Source
    ------
    Algorithm 1: Eq. 4, or Eq. 8 for a finite `lam`.
    """
    K, n = checks.integer(K, "K", 1), checks.integer(n, "n", 1)
    lam = checks.mixing(lam)
    generations = checks.rounds(generations, "generations")
    axis = 1 if stacked else 0  # along which samples lie
    t, picks = (resume.t + 1, resume.picks) if resume else (0, None)
    while t <= generations:
        # Refit: first on the data, then on the picks, with data if lam < inf.
        model.fit(*(mixed(picks, data, lam, axis) if t else (data,)))
        # Draw n groups of K candidates, and rate them.
        samples = _sampled(model, n * K)
        if shuffle:
            samples = _shuffled(samples, generator, stacked)
        proposals, rewards = _rated_groups(samples, reward, n, K, axis)
        # Curate: keep one of each group.
        picks = _curate(proposals, rewards, generator, choose)
        yield Generation(t, proposals, rewards, picks)
        t += 1


def mixed(
    picks: Any,
    data: Any,
    lam: float,
    axis: int = 0,
) -> tuple[torch.Tensor, ...]:
    """What the next model is fitted to: the union of data and picks, and the weight of each point.

    Data weigh 1 / (1 + lam) together and picks lam / (1 + lam), however many there are of each.

    Parameters
    ----------
    picks : (n, *shape), of the last round.
    data : (N, *shape).
    lam : >= 0, or inf.
    axis : along which points lie, if not in front.

    Returns
    -------
    (picks,) for lam = inf; else (union, weights) with weights (N + n,) that sum to one.

    Source
    ------
    Eq. 8.
    """
    if lam == math.inf:
        return (picks,)
    N, n = data.shape[axis], picks.shape[axis]
    share = synthetic_share(lam)
    real = torch.full((N,), (1 - share) / N)
    synthetic = torch.full((n,), share / n)
    weights = torch.cat([real, synthetic]).to(picks.device)
    return torch.cat([data.to(picks), picks], axis), weights


def _sampled(model, number):
    samples = model.sample(number)  # (n K, *shape)
    if isinstance(samples, np.ndarray):
        samples = torch.as_tensor(samples)
    if not isinstance(samples, torch.Tensor):
        found = type(samples).__name__
        raise ValueError(f"what the model's sample returned has type {found}; it must be a tensor or an array")
    return samples


def _shuffled(samples, generator, stacked):
    if stacked:
        pairs = zip(samples, _one_each(generator, len(samples)), strict=True)
        return torch.stack([_shuffled(*pair, False) for pair in pairs])
    device = samples.device if generator is None else generator.device
    return samples[torch.randperm(len(samples), generator=generator, device=device).to(samples.device)]


def _rated_groups(samples, reward, n, K, axis):
    """Proposals (n, K, *shape) and their rewards (n, K), from one draw."""
    rewards = tensor_checks.tensor(reward(samples), "what the reward returned", arrays=True).to(
        samples.device
    )  # (n K,)
    if rewards.ndim != axis + 1 or rewards.shape != samples.shape[: axis + 1] or rewards.shape[-1] != n * K:
        shapes = f"samples of shape {tuple(samples.shape)} and rewards of shape {tuple(rewards.shape)}"
        raise ValueError(f"{n * K} samples were asked for, but the model and the reward returned {shapes}")
    return samples.unflatten(axis, (n, K)), rewards.unflatten(axis, (n, K))


def _curate(proposals, rewards, generator, choose):
    """The picks of rank 0, which may differ from another's by rounding."""
    if rewards.ndim == 2:
        return distributed.broadcast(curate(proposals, rewards, generator, choose))
    seeds = zip(proposals, rewards, _one_each(generator, len(rewards)), strict=True)
    return distributed.broadcast(torch.stack([curate(*seed, choose) for seed in seeds]))


def _one_each(generator, seeds):
    return generator if isinstance(generator, list | tuple) else [generator] * seeds
