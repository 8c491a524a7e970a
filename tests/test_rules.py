"""Other choice rules: what they pick from samples has their exact weight, in one group and in the whole loop."""

import itertools
import math

import numpy as np
import pytest
import torch

from sclib import rules
from sclib.population import curation_weight, step, trajectory

PROBS = np.array([0.1, 0.3, 0.2, 0.4, 0.0])
REWARDS = np.array([2.0, 1.0, 1.0, -1.0, 3.0])  # a tie, and a best that is never drawn
RULES = {"luce": rules.LUCE, **{f"best or any, {eps}": rules.best_or_any(eps) for eps in (0.0, 0.1, 1.0)}}


def chosen_share(rule, group, n=20_000):
    """How often each place of `group`, a tuple of atoms, is picked: (K,)."""
    rewards = torch.as_tensor(REWARDS[list(group)]).expand(n, -1)
    picked = rule.choose(rewards, torch.Generator().manual_seed(0))
    return np.bincount(picked, minlength=len(group)) / n


@pytest.mark.parametrize("K", [1, 2, 3])
@pytest.mark.parametrize("name", RULES)
def test_the_exact_weight_is_what_picking_from_samples_does(name, K):
    rule, curated, n = RULES[name], np.zeros(5), 20_000
    for group in itertools.product(range(5), repeat=K):
        chance = PROBS[list(group)].prod()
        if chance > 0:
            np.add.at(curated, list(group), chance * chosen_share(rule, group, n))
    law = PROBS * rule.weigh(PROBS, REWARDS, K)
    assert law.sum() == pytest.approx(1)
    np.testing.assert_allclose(curated, law, atol=4.5 * 0.5 / math.sqrt(n))


def test_the_rule_between_its_ends():
    assert np.allclose(rules.best_or_any(1.0).weigh(PROBS, REWARDS, 7), 1)
    best = PROBS * rules.best_or_any(0.0).weigh(PROBS, REWARDS, math.inf)
    np.testing.assert_allclose(best, [1, 0, 0, 0, 0], atol=1e-15)


def test_a_trajectory_takes_any_rule():
    rule = rules.best_or_any(0.1)
    laws = trajectory(PROBS, REWARDS, 3, 2, lam=0.5, weigh=rule.weigh)
    by_hand = PROBS
    for law in laws[1:]:
        by_hand = PROBS / 1.5 + 0.5 / 1.5 * by_hand * rule.weigh(by_hand, REWARDS, 3)
        np.testing.assert_allclose(law, by_hand)
    np.testing.assert_allclose(step(PROBS, REWARDS, 3, 0.5, PROBS, rule.weigh), laws[1])
    # The same weight given by hand is the default's.
    given = trajectory(PROBS, REWARDS, 3, 2, weigh=lambda *law: curation_weight(*law))
    np.testing.assert_allclose(given, trajectory(PROBS, REWARDS, 3, 2), rtol=1e-12)


def test_a_probability_is_asked_for():
    with pytest.raises(ValueError, match=r"eps = 1.5 must lie in \[0, 1\]"):
        rules.best_or_any(1.5)


@pytest.mark.parametrize(
    "weigh, says",
    [
        (3, "weigh = 3 must be a function"),
        (lambda p, r, K: np.full(len(p), 2.0), "of mean one"),
        (lambda p, r, K: np.ones(len(p) + 1), "of mean one"),
    ],
)
def test_a_weight_that_is_none_is_refused(weigh, says):
    with pytest.raises(ValueError, match=says):
        trajectory(PROBS, REWARDS, 2, 1, weigh=weigh)
