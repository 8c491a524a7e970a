"""Other ways to follow preferences than retraining on the picks: DPO over groups, and REINFORCE with a KL penalty.

Both start from a fitted `Transformer`, their `reference`, and seek max E[r] - beta KL(model || reference), RLHF's
objective, whose optimum is `population.tilt`.  DPO needs choices and what lost; REINFORCE needs the reward itself.
"""

from collections.abc import Callable

import torch

from sclib import distributed
from sclib.transformer import Transformer


def dpo_loss(ratios: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """How surprising the choices are to the model's implied reward; of two candidates, DPO's loss.

    Parameters
    ----------
    ratios : (..., n, K), beta log(model / reference) of each candidate, nats.
    chosen : long (..., n), which of the K was chosen.

    Returns
    -------
    (...), nats: the mean of -log softmax(ratios) at the one chosen.  Rafailov et al. 2023, Eq. 7; over K candidates,
    Appendix A.3, of which only the first place is known here.
    """
    return -ratios.log_softmax(-1).gather(-1, chosen[..., None])[..., 0].mean(-1)


def reinforce_loss(scores: torch.Tensor, gains: torch.Tensor) -> torch.Tensor:
    """What has minus the gradient of E[gain] of samples, without bias; its own value means nothing.

    Parameters
    ----------
    scores : (..., n), log-probabilities of n >= 2 samples from the model, differentiable, nats.
    gains : (..., n), what each is worth, nats; each is compared with the mean of the others.
    """
    n = scores.shape[-1]
    return -((gains - gains.mean(-1, keepdim=True)).detach() * scores).sum(-1) / (n - 1)


def dpo(model: Transformer, reference: Transformer, groups: torch.Tensor, picks: torch.Tensor, beta: float) -> None:
    """One fit of a model to choices.

    Parameters
    ----------
    model : fitted further from where it stands.
    reference : what it is compared with.
    groups : (S, n, K, 5), sentences that were offered.
    picks : (S, n, 5), which of them was chosen.
    beta : of the KL penalty, nats of reward a nat.
    """
    groups = groups.long()
    chosen = (groups == picks.long()[:, :, None]).all(-1).int().argmax(-1)
    base = reference.log_prob(groups.flatten(1, 2)).float().unflatten(1, groups.shape[1:3])
    seed = torch.arange(len(groups))[:, None]

    def loss():
        batch = torch.stack(
            [torch.randint(groups.shape[1], (model.settings.batch,), generator=g) for g in model.generators]
        )
        part, weight = distributed.share(model.settings.batch)
        batch = batch[:, part]
        scores = model.scores(groups[seed, batch].flatten(1, 2)).sum(-1).unflatten(1, (-1, groups.shape[2]))
        return weight * dpo_loss(beta * (scores - base[seed, batch]), chosen[seed, batch]).sum()

    model.descend(loss)


def reinforce(model: Transformer, reference: Transformer, n: int, reward: Callable, beta: float) -> None:
    """One fit of a model to a reward.

    Parameters
    ----------
    model : fitted further from where it stands.
    reference : what it is compared with.
    n : new sentences of each seed a step.
    reward : sentences (S, n, 5) -> nats (S, n).
    beta : of the KL penalty, nats of reward a nat.
    """

    def loss():
        sentences = Transformer.sample(model, n).long()
        scores = model.scores(sentences).sum(-1)
        with torch.no_grad():
            gains = reward(sentences) - beta * (scores - reference.scores(sentences).sum(-1))
        return reinforce_loss(scores, gains).sum() / distributed.size()  # all ranks compute all of it

    model.descend(loss)
