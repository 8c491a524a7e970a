"""The K-choice on samples: someone sees K candidates and picks one (Eq. 1-2, Luce's rule)."""

from collections.abc import Callable

import torch

from sclib import checks, tensor_checks

Rule = Callable[[torch.Tensor, torch.Generator | None], torch.Tensor]  # rewards (n, K), generator -> index (n,)


def choice_probabilities(rewards: torch.Tensor) -> torch.Tensor:
    """Probability that each of K candidates is picked, e^{r_k} / sum_j e^{r_j}.

    Parameters
    ----------
    rewards : (..., K), finite, in nats, K >= 1.

    Returns
    -------
    Tensor (..., K), floating; the last axis sums to 1.

    Raises
    ------
    ValueError
        For another type or shape, or for NaN or infinite rewards.

    Source
    ------
    Eq. 2.
    """
    return torch.softmax(tensor_checks.tensor(rewards, "rewards"), dim=-1)


def choose(
    rewards: torch.Tensor,
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """Index of the picked candidate, drawn as argmax_k (r_k + G_k) with i.i.d. standard Gumbels G_k.

    Parameters
    ----------
    rewards : (..., K), as for `choice_probabilities`.
    generator : on the same device.

    Returns
    -------
    Tensor (...), long, values 0..K-1.

    Raises
    ------
    ValueError
        As `choice_probabilities`.

    Source
    ------
    Eq. 2.
    """
    rewards = tensor_checks.tensor(rewards, "rewards").double()
    # In float32 a uniform is 0 once in 2^24 draws, and no Gumbel exceeds 16.6.
    uniform = rewards.new_empty(rewards.shape).uniform_(generator=generator)
    gumbel = uniform.log_().neg_().log_().neg_()  # in place, for speed
    # Only differences matter, and beside rewards of 1e16 noise is lost.
    gaps = rewards - rewards.amax(dim=-1, keepdim=True)
    return torch.argmax(gumbel.add_(gaps), dim=-1)


def curate(
    proposals: torch.Tensor,
    rewards: torch.Tensor,
    generator: torch.Generator | None = None,
    choose: Rule = choose,
) -> torch.Tensor:
    """Keep one proposal of each group of K: the curated samples.

    Parameters
    ----------
    proposals : (n, K, *shape), any dtype.
    rewards : (n, K), the reward of each proposal, nats.
    generator : on the same device.
    choose : another choice rule, rewards (n, K), generator -> index (n,) of the picks; see `rules`.

    Returns
    -------
    Tensor (n, *shape).

    Raises
    ------
    ValueError
        If the shapes don't fit, or as `choice_probabilities`.

    Source
    ------
    Eq. 1-2.
    """
    rewards = tensor_checks.tensor(rewards, "rewards")
    if not isinstance(proposals, torch.Tensor):
        raise ValueError(f"proposals has type {type(proposals).__name__}; it must be a tensor (n, K, *shape)")
    if rewards.ndim != 2 or proposals.shape[:2] != rewards.shape:
        raise ValueError(
            f"proposals has shape {tuple(proposals.shape)} and rewards {tuple(rewards.shape)}; "
            "allowed are (n, K, *shape) and (n, K)"
        )
    if not callable(choose):
        raise ValueError(f"choose = {choose!r:.80} must be a function of rewards and generator")
    picked = choose(rewards, generator)  # (n,)
    try:
        picked = tensor_checks.labels(picked, len(rewards), rewards.shape[1], "what choose returned")
    except (TypeError, RuntimeError, AttributeError) as error:
        raise checks.wrong("what choose returned", picked, f"be indices ({len(rewards)},)") from error
    return proposals[torch.arange(len(proposals), device=proposals.device), picked]


def picked_index(proposals: torch.Tensor, picks: torch.Tensor) -> torch.Tensor:
    """Which candidate of its group each pick is: the first that equals it.

    Parameters
    ----------
    proposals : (n, K, *shape).
    picks : (n, *shape), one of each group.

    Returns
    -------
    Tensor (n,), long, values 0..K-1.

    Raises
    ------
    ValueError
        If the shapes don't fit, or a pick is none of its group.
    """
    for name, values in (("proposals", proposals), ("picks", picks)):
        if not isinstance(values, torch.Tensor):
            raise ValueError(f"{name} has type {type(values).__name__}; it must be a tensor")
    shape = tuple(proposals.shape)
    if proposals.ndim < 2 or not proposals.numel() or tuple(picks.shape) != shape[:1] + shape[2:]:
        raise ValueError(
            f"picks has shape {tuple(picks.shape)} and proposals {shape}; allowed are (n, *shape) and (n, K, *shape)"
        )
    same = (proposals == picks[:, None]).reshape(*shape[:2], -1).all(-1)  # (n, K)
    if not same.any(-1).all():
        raise ValueError("picks has a row that is none of its group's proposals; each must be one")
    return same.int().argmax(-1)
