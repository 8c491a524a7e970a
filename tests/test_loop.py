"""Algorithm 1 with a model that has no error of its own, against the exact law."""

import math

import numpy as np
import pytest
import scipy.stats
import torch

from sclib import population, rules
from sclib.loop import self_consuming_loop

PROBS = torch.tensor([0.1, 0.4, 0.3, 0.2], dtype=torch.float64)
REWARDS = torch.tensor([2.0, 0.0, 0.5, 1.0], dtype=torch.float64)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Histogram:
    """The model that Eq. 3 asks for: the (weighted) frequencies of what it is fitted to; one a seed."""

    def __init__(self, seed=0):
        self.generator = generator(seed)

    def fit(self, data, weights=None):
        weights = torch.ones(data.shape[-1], dtype=torch.float64) if weights is None else weights.double()
        self.probs = torch.stack([(data == a).double() @ weights for a in range(len(PROBS))], -1)

    def sample(self, n):
        return torch.multinomial(self.probs, n, replacement=True, generator=self.generator)


def score(samples):
    return REWARDS[samples]


def exact_data(n=10):
    """Data whose frequencies are PROBS exactly."""
    return torch.repeat_interleave(torch.arange(4), (PROBS * n).round().long())


def run(K=4, n=500, S=None, model=None, **settings):
    data = exact_data() if S is None else exact_data().expand(S, -1)
    model = model or Histogram()
    return list(
        self_consuming_loop(model, data, score, K, n, stacked=S is not None, generator=generator(1), **settings)
    )


@pytest.mark.parametrize("lam", [math.inf, 0.5])
@pytest.mark.parametrize("K", [1, 2, 4])
def test_the_loop_follows_the_exact_law(K, lam):
    S, T = 40, 4
    law = population.trajectory(PROBS.numpy(), REWARDS.numpy(), K, T, lam)
    rounds = run(K, n=2_000, S=S, lam=lam, generations=T)
    assert [generation.t for generation in rounds] == list(range(T + 1))
    shares = np.stack([[np.bincount(x.flatten(), minlength=4) / x.numel() for x in g.proposals] for g in rounds])
    error = shares.std(1, ddof=1) / math.sqrt(S)  # of the mean over seeds, with what earlier rounds passed on
    z = (shares.mean(1) - law) / error
    assert np.abs(z).max() < 4.5  # 20 numbers, 40 seeds: by chance in less than one of 500 tries


def test_without_curation_only_chance_moves_the_law():
    start, *_, end = run(K=1, n=2_000, S=40, generations=5)
    drift = [(end.proposals == a).double().mean() - (start.proposals == a).double().mean() for a in range(4)]
    assert max(map(abs, drift)) < 4.5 * math.sqrt(5 * 0.25 / 2_000 / 40)
    assert torch.equal(end.picks, end.proposals[..., 0])


def test_stacked_seeds_equal_the_seeds_alone():
    class Stack:
        def __init__(self, seeds):
            self.models = [Histogram(seed) for seed in seeds]

        def fit(self, data, weights=None):
            for model, d in zip(self.models, data, strict=True):
                model.fit(d, weights)

        def sample(self, n):
            return torch.stack([model.sample(n) for model in self.models])

    def picks(seeds):
        data, choices = exact_data().expand(len(seeds), -1), [generator(10 + seed) for seed in seeds]
        loop = self_consuming_loop(Stack(seeds), data, score, 2, 50, 0.5, 3, stacked=True, generator=choices)
        return torch.stack([g.picks for g in loop])

    assert torch.equal(picks([3, 5, 8])[:, 1], picks([5])[:, 0])


def test_lambda_zero_refits_the_data():
    model = Histogram()
    run(K=4, lam=0, generations=2, model=model)
    torch.testing.assert_close(model.probs / model.probs.sum(), PROBS, atol=1e-6, rtol=0)


def test_data_and_picks_weigh_as_equation_8_says_however_many_there_are():
    seen = []

    class Recorder(Histogram):
        def fit(self, data, weights=None):
            seen.append((data, weights))
            super().fit(data, weights)

    run(K=2, n=123, lam=0.5, generations=1, model=Recorder())
    (_, first), (union, weights) = seen
    assert first is None and len(union) == len(weights) == 10 + 123
    assert weights[:10].sum().item() == pytest.approx(2 / 3) and weights[10:].sum().item() == pytest.approx(1 / 3)


def test_an_interrupted_loop_goes_on_where_it_stopped():
    whole = run(generations=4)
    model, choices = Histogram(), generator(1)
    first = self_consuming_loop(model, exact_data(), score, 4, 500, generations=4, generator=choices)
    last = [next(first) for _ in range(3)][-1]._replace(proposals=None, rewards=None)
    rest = self_consuming_loop(model, exact_data(), score, 4, 500, generations=4, generator=choices, resume=last)
    for a, b in zip(whole[3:], rest, strict=True):
        assert a.t == b.t and torch.equal(a.proposals, b.proposals) and torch.equal(a.picks, b.picks)


class Sorted(Histogram):
    """A model that draws as scikit-learn's mixtures do: sorted by component."""

    def sample(self, n):
        return super().sample(n).sort(-1).values


@pytest.mark.parametrize("S", [None, 3])
def test_samples_in_order_spoil_the_groups_and_shuffling_them_mends_it(S):
    n, law = 4_000, population.step(PROBS.numpy(), REWARDS.numpy(), 4)

    def off(**settings):
        picks = run(n=n, S=S, model=Sorted(), generations=0, **settings)[0].picks
        shares = np.stack([np.bincount(x, minlength=4) / n for x in picks.reshape(-1, n)])
        return np.abs(shares - law).max()

    chance = 4.5 * 0.5 * math.sqrt(1 / n + 1 / (4 * n))  # of picks, and of the draw that they come from
    assert off(shuffle=True) < chance and off() > 2 * chance


def test_each_stacked_seed_is_shuffled_with_its_own_generator():
    def order(seed):
        data = exact_data().expand(2, -1)
        loop = self_consuming_loop(
            Sorted(), data, score, 1, 500, stacked=True, generator=[generator(1), generator(seed)], shuffle=True
        )
        return next(loop).proposals

    first, second, other = *order(2), order(3)[1]
    assert not torch.equal(first, second) and not torch.equal(second, other)
    assert torch.equal(order(2)[1], second)


@pytest.mark.parametrize("K, lam, eps", [(3, math.inf, 0.2), (4, 0.5, 0.0)])
def test_another_choice_rule_follows_its_exact_law(K, lam, eps):
    rule, S, T = rules.best_or_any(eps), 40, 3
    law = population.trajectory(PROBS.numpy(), REWARDS.numpy(), K, T, lam, weigh=rule.weigh)
    rounds = run(K, n=2_000, S=S, lam=lam, generations=T, choose=rule.choose)
    shares = np.stack([[np.bincount(x.flatten(), minlength=4) / x.numel() for x in g.proposals] for g in rounds])
    error = shares.std(1, ddof=1) / math.sqrt(S) + 1e-9
    assert np.abs((shares.mean(1) - law) / error).max() < 4.5


def test_models_and_rewards_may_be_of_numpy_or_lists():
    """A Gaussian kernel density estimate of SciPy's, in four lines."""

    class Density:
        def fit(self, data, weights=None):
            self.kde = scipy.stats.gaussian_kde(np.asarray(data), weights=None if weights is None else weights.numpy())

        def sample(self, n):
            return self.kde.resample(n, seed=0)[0]

    data = np.random.default_rng(0).normal(size=200)
    for reward in (lambda x: -np.square(x.numpy()), lambda x: (-(x**2)).tolist()):
        rounds = list(
            self_consuming_loop(Density(), torch.as_tensor(data), reward, 4, 300, 0.5, 3, generator=generator())
        )
        spread = [g.proposals.std().item() for g in rounds]
        assert len(rounds) == 4 and spread[3] < 0.95 * spread[0] and rounds[3].rewards.shape == (300, 4)


# Mistakes found in public code: fewer samples than asked, statistics on a second draw.


def belongs_to_its_draw(generation):
    """Each pick is one of its own group's proposals, and the rewards are those of the very proposals."""
    same_group = (generation.proposals == generation.picks[:, None]).any(1).all()
    return bool(same_group) and torch.equal(generation.rewards, score(generation.proposals))


def test_statistics_come_from_the_draw_that_is_curated():
    def second_draw(model):
        for generation in self_consuming_loop(model, exact_data(), score, 2, 500, generations=2, generator=generator()):
            fresh = model.sample(1_000).view(500, 2)
            yield generation._replace(proposals=fresh, rewards=score(fresh))

    assert all(belongs_to_its_draw(g) for g in run(K=2, generations=2))
    assert not any(belongs_to_its_draw(g) for g in second_draw(Histogram()))


@pytest.mark.parametrize("missing", [1, -1])
def test_a_model_that_returns_another_number_of_samples_is_refused(missing):
    class Short(Histogram):
        def sample(self, n):
            return super().sample(n - missing)

    for stacked in (None, 3):
        with pytest.raises(ValueError, match="2000 samples were asked for, but the model and the reward returned"):
            run(S=stacked, model=Short())


def test_every_round_has_n_picks():
    assert all(g.picks.shape == (500,) and g.proposals.shape == g.rewards.shape == (500, 4) for g in run(generations=3))


def test_a_reward_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="samples were asked for"):
        next(self_consuming_loop(Histogram(), exact_data(), lambda x: score(x)[:, None], 2, 10))


@pytest.mark.parametrize(
    "settings, says",
    [({"K": 0}, "K = 0"), ({"K": math.inf}, "K = inf"), ({"n": 1.5}, "n = 1.5"), ({"lam": -1.0}, "lam = -1.0")],
)
def test_bad_settings_are_named(settings, says):
    with pytest.raises(ValueError, match=says):
        run(**settings)
    with pytest.raises(ValueError, match="lam = nan"):
        run(lam=math.nan)


def test_one_generator_for_all_stacked_seeds_makes_the_same_choices_again():
    once, again = (run(S=3, generations=1)[-1].picks for _ in range(2))
    assert torch.equal(once, again)
