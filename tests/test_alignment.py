"""DPO and REINFORCE against closed forms and enumeration, and as experiments that may be interrupted."""

import itertools

import numpy as np
import pytest
import torch

from sclib import alignment, experiments
from sclib.alignment import dpo_loss, reinforce_loss
from sclib.bounds import hard_best_of_n
from sclib.population import tilt
from sclib.transformer import Settings, Transformer

TINY = {"seeds": (0, 1), "first_steps": 3, "steps": 3, "generations": 2, "n": 30, "n_data": 200, "batch": 8}
LAW = np.array([0.1, 0.3, 0.2, 0.25, 0.15])
REWARDS = np.array([0.5, -1.0, 2.0, 0.5, 1.0])


def test_dpo_on_two_sentences_is_a_logistic_loss():
    """Chosen with odds e^1.2: of all gaps between the two log-ratios, 1.2 / beta loses least, and by the entropy."""
    beta, gap = 0.75, 1.2
    share = 1 / (1 + np.exp(-gap))
    chosen = torch.tensor([0, 1])

    def loss(theta):
        each = [dpo_loss(beta * torch.stack([theta, 0 * theta])[None], chosen[i : i + 1]) for i in (0, 1)]
        return share * each[0] + (1 - share) * each[1]

    for theta in (-1.0, 0.3, 2.0):
        expected = share * np.log1p(np.exp(-beta * theta)) + (1 - share) * np.log1p(np.exp(beta * theta))
        assert float(loss(torch.tensor(theta, dtype=torch.float64))) == pytest.approx(expected, abs=1e-12)
    theta = torch.tensor(gap / beta, dtype=torch.float64, requires_grad=True)
    loss(theta).backward()
    assert float(theta.grad) == pytest.approx(0, abs=1e-12)


def test_dpo_over_groups_is_least_at_the_tilt():
    """Every group of three, chosen as curators do: the gradient vanishes at RLHF's optimum, and not elsewhere."""
    beta = 0.75
    for law, stationary in ((tilt(LAW, REWARDS, beta), True), (LAW, False)):
        theta = torch.tensor(np.log(law), requires_grad=True)
        total = 0.0
        for group in itertools.product(range(5), repeat=3):
            odds = np.exp(REWARDS[list(group)])
            ratios = beta * (theta.log_softmax(0) - torch.tensor(np.log(LAW)))[list(group)]
            for i in range(3):
                weight = LAW[list(group)].prod() * odds[i] / odds.sum()
                total = total + weight * dpo_loss(ratios[None], torch.tensor([i]))
        (gradient,) = torch.autograd.grad(total, theta)
        assert (gradient.abs().max() < 1e-12) == stationary


def test_reinforce_has_the_gradient_of_reward_minus_divergence():
    """The mean over all batches of two samples, against the sum over all five sentences."""
    beta, reference = 0.75, torch.tensor(np.log(LAW))
    theta = torch.tensor([0.3, -0.2, 0.5, 0.0, 1.0], dtype=torch.float64, requires_grad=True)
    scores, r = theta.log_softmax(0), torch.tensor(REWARDS)
    objective = (scores.exp() * (r - beta * (scores - reference))).sum()
    (expected,) = torch.autograd.grad(objective, theta, retain_graph=True)
    estimate = 0.0
    for batch in itertools.product(range(5), repeat=2):
        batch = list(batch)
        gains = (r - beta * (scores - reference)).detach()[batch]
        weight = scores.exp().detach()[batch].prod()
        estimate = estimate + weight * reinforce_loss(scores[batch], gains)
    (gradient,) = torch.autograd.grad(estimate, theta)
    assert torch.allclose(gradient, -expected, atol=1e-12)


def test_the_best_of_n_by_enumeration():
    found = np.zeros(5)
    for draws in itertools.product(range(5), repeat=3):
        top = [i for i in draws if REWARDS[i] == REWARDS[list(draws)].max()]
        np.add.at(found, top, LAW[list(draws)].prod() / len(top))  # one of the best, repeated or tied
    assert np.allclose(hard_best_of_n(LAW, REWARDS, 3), found, atol=1e-12)
    assert np.allclose(hard_best_of_n(LAW, REWARDS, 1), LAW)


@pytest.mark.parametrize("name", ["words-dpo", "words-dpo-offline", "words-reinforce", "words-best"])
def test_an_interrupted_run_goes_on_and_equals_one_that_was_not(name, cache, same):
    assert experiments.run(name, device="cpu", max_minutes=0, **TINY) is None
    resumed = experiments.run(name, device="cpu", **TINY)
    whole = experiments.run(name, device="cpu", **TINY)
    assert same(resumed, whole)
    assert np.isfinite(whole.arrays["kl_exact"]).all()
    assert experiments.load(name, **TINY).source in experiments.show(whole, experiments.configure(name, **TINY))


def test_dpo_begins_at_log_k(monkeypatch):
    """A model compared with itself prefers nothing: the first ratios are 0, whatever the choices."""
    seen = []
    monkeypatch.setattr(alignment, "dpo_loss", lambda ratios, chosen: seen.append(ratios) or dpo_loss(ratios, chosen))
    generator = torch.Generator().manual_seed(0)
    data, groups = (torch.randint(6, shape, generator=generator) for shape in ((1, 40, 5), (1, 30, 3, 5)))
    model, reference = (Transformer((0,), 6, Settings(8, 1, 3, 1, 4)) for _ in range(2))
    for one in (model, reference):
        one.fit(data)
    alignment.dpo(model, reference, groups, groups[:, :, 0], beta=5.0)
    torch.testing.assert_close(seen[0], torch.zeros_like(seen[0]), rtol=0, atol=1e-4)
