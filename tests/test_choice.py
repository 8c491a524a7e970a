"""The K-choice on samples, against Eq. 2, the exact law, and the mistakes found in public code."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from sclib.choice import choice_probabilities, choose, curate, picked_index
from sclib.population import step

ALPHA = 1e-4  # a right sampler fails each chi-square test below with this probability; the seeds are fixed


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def chi_square_p_value(counts, probs):
    probs = np.asarray(probs, float)
    return stats.chisquare(counts, counts.sum() * probs / probs.sum()).pvalue


def groups_from(probs, n, K, seed=1):
    """Atoms (n, K) drawn i.i.d. from `probs`."""
    return torch.multinomial(torch.as_tensor(probs), n * K, replacement=True, generator=generator(seed)).view(n, K)


def test_probabilities_are_luces_rule():
    w = torch.tensor([[1.0, 2.0, 5.0], [4.0, 4.0, 8.0]], dtype=torch.float64)
    torch.testing.assert_close(choice_probabilities(w.log()), w / w.sum(-1, keepdim=True))


def test_two_candidates_are_bradley_terry():
    r = torch.randn(50, 2, dtype=torch.float64, generator=generator())
    torch.testing.assert_close(choice_probabilities(r)[:, 0], torch.sigmoid(r[:, 0] - r[:, 1]))


def test_one_candidate_is_always_picked():
    assert choose(torch.randn(100, 1)).eq(0).all()


def test_large_rewards_do_not_overflow():
    r = torch.tensor([1000.0, 999.0, -1000.0])
    torch.testing.assert_close(choice_probabilities(r), choice_probabilities(r - 1000))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.int64])
def test_choices_have_the_probabilities_of_equation_2(dtype):
    r = torch.tensor([0, 1, 2, -1]).to(dtype)
    picks = choose(r.expand(200_000, 4), generator())
    expected = choice_probabilities(r.double())
    assert chi_square_p_value(torch.bincount(picks, minlength=4).numpy(), expected) > ALPHA


def test_rare_choices_are_not_lost():
    # Float32 uniforms would cut the Gumbel's tail at 16.6; e^-12 = 6e-6 of two million is about 12 picks.
    n = 2_000_000
    picks = choose(torch.tensor([0.0, 12.0]).expand(n, 2), generator())
    expected = n / (1 + math.exp(12))
    assert abs(int((picks == 0).sum()) - expected) < 4 * math.sqrt(expected)


@pytest.mark.parametrize("K", [1, 2, 4, 16])
def test_curated_samples_follow_equation_6(K):
    probs, rewards = np.array([0.1, 0.4, 0.3, 0.2]), np.array([5.0, 0.0, 1.0, 2.5])
    atoms = groups_from(probs, 100_000, K)
    picked = curate(atoms, torch.as_tensor(rewards)[atoms], generator())
    assert chi_square_p_value(torch.bincount(picked, minlength=4).numpy(), step(probs, rewards, K)) > ALPHA


@pytest.mark.parametrize("shape", [(), (2,), (3, 8, 8)])
def test_every_group_gives_one_of_its_own_proposals(shape):
    n, K = 50, 4
    proposals = torch.arange(n * K).view(n, K, *(1,) * len(shape)).expand(n, K, *shape)
    picked = curate(proposals, torch.randn(n, K), generator())
    assert picked.shape == (n, *shape)
    assert (picked.reshape(n, -1)[:, 0] // K == torch.arange(n)).all()


def test_same_seed_same_choice():
    r = torch.randn(1000, 4)
    assert torch.equal(choose(r, generator(3)), choose(r, generator(3)))
    assert not torch.equal(choose(r, generator(3)), choose(r, generator(4)))


# Mistakes found in public code.  The test above accepts `curate`; here the same chi-square rejects each mistake.


def pooled_without_replacement(atoms, rewards, gen):
    pool = torch.softmax(rewards.flatten(), 0)
    return atoms.flatten()[torch.multinomial(pool, len(atoms), replacement=False, generator=gen)]


def hidden_temperature(atoms, rewards, gen):
    return curate(atoms, rewards / 0.1, gen)


def deterministic_top(atoms, rewards, gen):
    return atoms.flatten()[rewards.flatten().argsort(descending=True)[: len(atoms)]]


@pytest.mark.parametrize("mistake", [pooled_without_replacement, hidden_temperature, deterministic_top])
def test_public_mistake_gives_another_law(mistake):
    probs, rewards = np.array([0.1, 0.4, 0.3, 0.2]), np.array([2.0, 0.0, 0.5, 1.0])
    atoms = groups_from(probs, 20_000, 4)
    right, wrong = (
        chi_square_p_value(
            torch.bincount(pick(atoms, torch.as_tensor(rewards)[atoms], generator()), minlength=4).numpy(),
            step(probs, rewards, 4),
        )
        for pick in (curate, mistake)
    )
    assert right > ALPHA and wrong < 1e-12


@pytest.mark.parametrize(
    "rewards, says",
    [
        ([0.0, 1.0], "rewards has type list"),
        (torch.tensor(1.0), r"rewards has shape \(\)"),
        (torch.empty(3, 0), r"rewards has shape \(3, 0\); it must be \(..., K\) with K >= 1"),
        (torch.tensor([0.0, math.nan]), "rewards has 1 NaN or infinite values; all must be finite"),
        (torch.tensor([-math.inf, math.inf]), "rewards has 2 NaN or infinite"),
    ],
)
def test_bad_rewards_are_named(rewards, says):
    for function in (choice_probabilities, choose):
        with pytest.raises(ValueError, match=says):
            function(rewards)


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"proposals has shape \(5, 4, 2\) and rewards \(5, 3\); allowed are"):
        curate(torch.zeros(5, 4, 2), torch.zeros(5, 3))
    with pytest.raises(ValueError, match=r"rewards \(5, 4, 1\)"):
        curate(torch.zeros(5, 4, 1), torch.zeros(5, 4, 1))
    with pytest.raises(ValueError, match="proposals has type list"):
        curate([[0, 1]], torch.zeros(1, 2))


def test_the_index_of_a_pick_is_where_it_stands_in_its_group():
    generator = torch.Generator().manual_seed(0)
    proposals, rewards = torch.randint(0, 256, (500, 4, 2, 3), generator=generator), torch.zeros(500, 4)
    index = torch.randint(4, (500,), generator=generator)
    picks = curate(proposals, rewards, choose=lambda *_: index)
    assert torch.equal(picked_index(proposals, picks), index)
    numbers = torch.arange(2000).view(500, 4)
    assert torch.equal(picked_index(numbers, numbers.gather(1, index[:, None])[:, 0]), index)


@pytest.mark.parametrize("rewards, share", [([1e8, 1e8 + 1], 1 / (1 + math.exp(-1))), ([1e17, 1e17], 0.5)])
def test_rewards_far_from_zero_keep_their_differences(rewards, share):
    """In float32 the first two would be equal; noise that is added to 1e17 is lost."""
    n = 20_000
    picks = choose(torch.tensor(rewards, dtype=torch.float64).expand(n, 2), generator())
    assert abs(picks.double().mean().item() - share) < 5 * math.sqrt(share * (1 - share) / n)
