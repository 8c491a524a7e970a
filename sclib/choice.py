"""The K-choice on samples: someone sees K candidates and picks one (Eq. 1-2, Luce's rule)."""

import torch

from sclib import checks


def choice_probabilities(rewards):
    """Probability that each of K candidates is picked, Eq. 2: e^{r_k} / sum_j e^{r_j}.

    `rewards`: tensor (..., K), finite, in nats, K >= 1.  Returns a floating tensor (..., K); the last axis sums to 1.
    Raises: ValueError for another type or shape, or for NaN or infinite rewards.
    """
    return torch.softmax(checks.tensor(rewards, "rewards"), dim=-1)


def choose(rewards, generator=None):
    """Index of the picked candidate, drawn from Eq. 2 as argmax_k (r_k + G_k) with i.i.d. standard Gumbels G_k.

    `rewards`: tensor (..., K) as in `choice_probabilities`; `generator`: a torch.Generator on the same device.
    Returns: long tensor (...), values 0..K-1.  Raises: ValueError as `choice_probabilities`.
    """
    rewards = checks.tensor(rewards, "rewards").double()
    # In float32 a uniform is 0 once in 2^24 draws, and no Gumbel exceeds 16.6.
    like = {"dtype": torch.float64, "device": rewards.device}
    uniform = torch.rand(rewards.shape, generator=generator, **like)
    gumbel = uniform.log_().neg_().log_().neg_()  # in place, for speed
    # Only differences matter, and beside rewards of 1e16 noise is lost.
    gaps = rewards - rewards.amax(dim=-1, keepdim=True)
    return torch.argmax(gumbel.add_(gaps), dim=-1)


def curate(proposals, rewards, generator=None, choose=choose):
    """Keep one proposal of each group of K, drawn by `choose`: the curated samples of Eq. 1-2.

    `proposals`: (n, K, *shape), any dtype; `rewards`: (n, K), the reward of each proposal; `choose`: another choice
    rule, rewards (n, K), generator -> index (n,) of the pick, see `rules`.
    Returns: (n, *shape), all n of them.  Raises: ValueError if the shapes don't fit, or as `choice_probabilities`.
    """
    rewards = checks.tensor(rewards, "rewards")
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
    return proposals[torch.arange(len(proposals), device=proposals.device), picked]
