"""Curation on samples: `sclib.choice.choose` against two usual ways to draw from Luce's rule."""

import math

import numpy as np
import pytest
import torch

from sclib.choice import choose


def softmax_and_multinomial(rewards):
    return torch.multinomial(torch.softmax(rewards, -1), 1)[:, 0]


def loop_over_groups(rewards):
    rng = np.random.default_rng(0)
    picks = []
    for r in rewards.numpy():
        w = np.exp(r - r.max())
        picks.append(rng.choice(len(r), p=w / w.sum()))
    return picks


WAYS = {"choose": choose, "softmax + multinomial": softmax_and_multinomial, "loop over groups": loop_over_groups}
SIZES = [(2_500, 4), (250_000, 4), (10_000, 100), (100, 10_000), (25_000_000, 4)]
LARGE = 10**5  # candidates
MANY = 10**7  # more would take the loop minutes: its time is proportional to n


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("n", "K"), [pytest.param(n, K, marks=[pytest.mark.large] * (n * K > LARGE)) for n, K in SIZES]
)
def test_curation(benchmark, way, n, K):
    if way == "loop over groups" and n * K > MANY:
        pytest.skip("too slow")
    rewards = torch.randn(n, K, generator=torch.Generator().manual_seed(0))
    benchmark.extra_info |= {"part": "curation", "n": n, "K": K, "way": way}
    rounds = 3 if n * K >= LARGE else 20
    picks = benchmark.pedantic(WAYS[way], (rewards,), rounds=rounds, warmup_rounds=1)
    # The mean reward of the picks is that of Eq. 2, whichever way they were drawn.
    q = torch.softmax(rewards.double(), -1)
    mean, square = (q * rewards).sum(-1), (q * rewards**2).sum(-1)
    picked = rewards[torch.arange(n), torch.as_tensor(np.asarray(picks))].double()
    assert abs((picked - mean).mean()) <= 5 * math.sqrt((square - mean**2).sum()) / n
