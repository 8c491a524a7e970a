"""Inputs from public bug reports, each with its right value: one example of a kind that every module has to hold."""

import http.client
import math

import fuzzing
import numpy as np
import pytest
import torch

from sclib import (
    bounds,
    choice,
    classifiers,
    closeness,
    curators,
    datasets,
    ddpm,
    exercises,
    flow,
    game,
    loop,
    notebook,
    point_classifier,
    population,
    rules,
    taste,
)

DTYPES = [torch.float32, torch.float64, torch.bfloat16]


@pytest.fixture(params=DTYPES, ids=str)
def default_dtype(request):
    with fuzzing.default_dtype(request.param):
        yield request.param


@pytest.mark.parametrize("pair", [(2**24, 2**24 + 1), (256, 257), (-(2**53), 1 - 2**53), (10**15, 10**15 + 1)])
@pytest.mark.parametrize("dtype", [torch.int64, torch.float64])
def test_rewards_one_apart_are_one_nat_apart(pair, dtype, default_dtype):
    r = torch.tensor(pair, dtype=dtype)
    right = [1 / (1 + math.e), 1 / (1 + 1 / math.e)]
    assert choice.choice_probabilities(r).tolist() == pytest.approx(right)
    assert curators.group_step([0.5, 0.5], r[None], [1.0], math.inf) == pytest.approx(right)
    assert population.step(np.full(2, 0.5), r, math.inf) == pytest.approx(right)
    picked = choice.choose(r.expand(4000, 2), torch.Generator().manual_seed(0)).double().mean()
    assert abs(picked - right[1]) < 4 * math.sqrt(right[0] * right[1] / 4000)
    assert rules.best_or_any(0.0).choose(r.expand(50, 2)).min() == 1


@pytest.mark.parametrize("r", [-1e30, 1e16, 1e300, 0.0, -0.0])
def test_equal_rewards_of_any_size_are_picked_evenly(r, default_dtype):
    rewards = torch.full((4000, 4), r, dtype=torch.float64)
    for choose in (choice.choose, rules.best_or_any(0.1).choose):
        found = np.bincount(choose(rewards, torch.Generator().manual_seed(1)), minlength=4)
        assert abs(found - 1000).max() < 4 * math.sqrt(750)


def test_choose_draws_what_float32_cannot(monkeypatch):
    drawn = torch.tensor([[0.5, 1 - 2**-53]], dtype=torch.float64)  # Gumbels of 0.37 and 36.7; in float32 of infinity
    monkeypatch.setattr(torch.Tensor, "uniform_", lambda self, generator: self.copy_(drawn))
    assert choice.choose(torch.tensor([[40.0, 0.0]])).tolist() == [0]


def test_samples_and_models_are_float32_whatever_the_default(default_dtype):
    x, moon = datasets.sample_moons(20, generator=torch.Generator().manual_seed(0))
    assert x.dtype == datasets.sample_gaussians(3).dtype == torch.float32
    judge = classifiers.ImageClassifier("cnn", (1, 8, 8))
    judge.fit(torch.zeros(4, 1, 8, 8, dtype=torch.uint8), np.arange(4, dtype=np.int32), 2)
    assert judge.logits(torch.zeros(1, 1, 8, 8, dtype=torch.uint8)).dtype == torch.float32
    classify = point_classifier.fit_classifier(x.double(), moon.int(), steps=20)
    assert torch.equal(classify(x), point_classifier.fit_classifier(x.numpy(), moon.numpy(), steps=20)(x.double()))
    model = ddpm.DDPM([0], ddpm.Settings(width=4, depth=1, first_steps=2, calls=2))
    model.fit(x[None].double())
    assert model.sample(3).dtype == torch.float32


def test_pairing_far_from_the_origin_is_as_near_it():
    generator = torch.Generator().manual_seed(0)
    x0, x1 = (torch.randint(1000, (60, 2), generator=generator).float() for _ in range(2))
    assert torch.equal(flow.shortest_pairing(x0 + 2**23, x1 + 2**23), flow.shortest_pairing(x0, x1))
    assert torch.equal(flow.shortest_pairing(x0 - 2**23, x1 + 2**20), flow.shortest_pairing(x0, x1))


def test_what_does_not_fit_float32_keeps_precision_and_recall():
    x = torch.arange(30.0)[:, None] * 1e30  # squares beyond 3e38
    assert closeness.precision_recall(x, x + 1e33) == (0.0, 0.0)
    with pytest.raises(ValueError, match="features reach 1e"):
        closeness.frechet_distance(np.full((3, 2), 1e200), np.ones((3, 2)))


def test_the_ball_reaches_to_the_kth_neighbour_not_counting_the_point_itself():
    reference = torch.tensor([[0.0], [1.0], [3.0], [10.0]])
    near = torch.tensor([[-0.9], [1.9], [4.9], [16.9]])  # radii at k = 1: 1, 1, 2, 7
    far = torch.tensor([[-1.1], [5.1], [17.1], [30.0]])
    assert closeness.precision_recall(near, reference, k=1)[0] == 1.0
    assert closeness.precision_recall(far, reference, k=1)[0] == 0.25  # 5.1 lies in the last ball
    assert closeness.precision_recall(torch.tensor([[-2.9], [3.9], [5.9], [18.9]]), reference, k=2)[0] == 1.0


@pytest.mark.parametrize("data", [torch.zeros(1, 2, 2), torch.full((1, 5, 2), 1e6), torch.ones(1, 1, 2)])
def test_points_all_equal_are_refused_before_training(data):
    with pytest.raises(ValueError, match="data has standard deviations"):
        ddpm.DDPM([0]).fit(data)


@pytest.mark.parametrize("weights", [torch.zeros(3), [0, 0, 0], [1, -1, 1], [1, math.nan, 1], [1, math.inf, 1], [1, 1]])
def test_weights_that_cannot_be_drawn_from_are_refused(weights):
    for model, data in (
        (ddpm.DDPM([0]), torch.randn(1, 3, 2)),
        (flow.Flow((1, 4, 4)), torch.zeros(3, 1, 4, 4, dtype=torch.uint8)),
    ):
        with pytest.raises(ValueError, match="weights has"):
            model.fit(data, weights)


@pytest.mark.parametrize(
    "labels",
    [np.arange(1, 21), np.full(20, -1), np.full(20, np.nan), np.full(20, "cat"), np.full(20, True), np.ones(19, int)],
)
def test_label_files_of_other_numbers_are_named(labels, cifar10_stand_in):
    np.save(cifar10_stand_in / "test_labels.npy", labels)
    with pytest.raises(ValueError, match=r"test_labels\.npy"):
        datasets.cifar10("test")


@pytest.mark.parametrize(
    "error",
    [
        http.client.IncompleteRead(b"x", 9),
        http.client.BadStatusLine(""),
        ConnectionResetError(),
        EOFError(),
    ],
)
def test_a_download_that_breaks_off_says_what_to_do(error, monkeypatch, tmp_path):
    def broken(*args, **kwargs):
        raise error

    torchvision = pytest.importorskip("torchvision")
    monkeypatch.delenv("SCLIB_CIFAR10", raising=False)
    monkeypatch.setenv("SCLIB_CACHE", str(tmp_path))
    monkeypatch.setattr(torchvision.datasets, "CIFAR10", broken)
    with pytest.raises(FileNotFoundError, match="Connect to the internet, or set SCLIB_CIFAR10"):
        datasets.cifar10("train")


class Fixed:
    """A model whose samples are always 0, 1, .., n - 1."""

    def fit(self, data, weights=None):
        pass

    def sample(self, n):
        return torch.arange(float(n))[:, None]


@pytest.mark.parametrize("form", [list, np.asarray, torch.tensor, lambda r: torch.tensor(r, requires_grad=True)])
def test_a_reward_may_return_a_list_or_an_array(form):
    def rounds(reward):
        stream = torch.Generator().manual_seed(0)
        return list(loop.self_consuming_loop(Fixed(), torch.zeros(2, 1), reward, 2, 3, generations=1, generator=stream))

    plain = rounds(lambda x: torch.arange(6.0).double())
    for a, b in zip(rounds(lambda x: form([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])), plain, strict=True):
        assert torch.equal(a.picks, b.picks)


@pytest.mark.parametrize("reward", [lambda x: 1j * x[:, 0], lambda x: None, lambda x: ["a"] * 6, lambda x: x[:, 0] / 0])
def test_a_reward_that_is_none_is_named(reward):
    with pytest.raises(ValueError, match="what the reward returned"):
        next(loop.self_consuming_loop(Fixed(), torch.zeros(2, 1), reward, 2, 3))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_groups_and_games_take_any_real_tensor(dtype):
    rewards = torch.tensor([[1.0, 0.0], [0.0, 2.0]], requires_grad=True).to(dtype)
    exact = curators.group_step([0.5, 0.5], [[1.0, 0.0], [0.0, 2.0]], [0.5, 0.5], 4)
    np.testing.assert_array_equal(
        curators.group_step(torch.full((2,), 0.5, dtype=dtype), rewards, torch.tensor([0.5, 0.5], dtype=dtype), 4),
        exact,
    )
    for call in (
        lambda: curators.group_step([0.5, 0.5], rewards.detach().float() + 1j, [0.5, 0.5], 4),
        lambda: game.simulate(torch.zeros(18, dtype=torch.complex64), 3),
        lambda: taste.fit_taste(np.ones((2, 2, 1)) * 1j, [0, 1]),
    ):
        with pytest.raises(ValueError, match=r"rewards|features"):
            call()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("n", [10, 10**6])
def test_a_softmax_of_any_size_is_a_law(dtype, n):
    r = np.random.default_rng(0).normal(size=n).astype(np.float32)
    p = torch.softmax(torch.as_tensor(r), 0).numpy().astype(dtype)
    if dtype is np.float16 and n > 10:
        pytest.skip("probabilities of 1e-6 are below what float16 holds")
    assert population.step(p, r, 4).sum() == pytest.approx(1, abs=1e-12)
    with pytest.raises(ValueError, match="probs sums to"):
        population.step(p * 1.02, r, 4)


@pytest.mark.parametrize("wrong", [True, False, -1, 4, 0.5, "1", None, [1], math.nan])
def test_only_a_candidate_can_be_picked_and_the_game_goes_on(wrong):
    played = game.Game(seed=0)
    with pytest.raises(ValueError, match=r"k = .* must be an integer from 0 to 3"):
        played.pick(wrong)
    played.pick(np.int64(2))
    assert played.picks == [2] and len(played.offers) == len(played.marginals) == 2


def test_far_below_every_limit_is_a_limit():
    assert bounds.collapse_factor(800.0, 1) == 1 and bounds.collapse_factor(800.0, 2) == 0
    assert bounds.collapse_factor(math.inf, 1) == 1
    assert bounds.hard_best_of_n([1, 1e-310, 0], [0, 1, 2], math.inf).tolist() == [0, 1, 0]
    assert population.tilt([0, 1], [700, 0], 1e-3).tolist() == [0, 1]  # without the clamp: inf * 0
    assert rules.best_or_any(0.0).weigh(np.full(10, 0.1), np.arange(10.0), math.inf) @ np.full(10, 0.1) == 1


def test_no_check_of_a_chapter_passes_what_is_no_number(capsys):
    for measured in (math.nan, 1.1, -1.1):
        with pytest.raises(AssertionError):
            notebook.check("x", measured, 0.0, 1.0)
    for measured in ("1", None, 1j, [1, 2]):
        with pytest.raises(ValueError, match="measured"):
            notebook.check("x", measured, 1.0, 1.0)
    with pytest.raises(ValueError, match="tolerance"):
        notebook.check("x", 1.0, 1.0, math.inf)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_exercises_take_answers_in_either_precision(dtype, capsys):
    exercises.check_probabilities(lambda r: torch.softmax(r.to(dtype), -1).requires_grad_())
    number = np.float32 if dtype == torch.float32 else np.float64

    def tilted(p, r, beta):
        w = torch.as_tensor(p, dtype=dtype) * torch.exp(torch.as_tensor((r - r.max()) / beta, dtype=dtype))
        return (w / w.sum()).requires_grad_()

    exercises.check_tilt(tilted)
    exercises.check_confidence(lambda z, T: number(1) / np.exp((z - z.max()).astype(number) / number(T)).sum())
    assert capsys.readouterr().out.count("Right") == 3
