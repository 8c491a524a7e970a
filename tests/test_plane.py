"""The experiments in the plane: what is stored follows the exact law, which is what it should be."""

import math

import numpy as np
import pytest
import torch

from sclib import datasets, experiments, images, plane, sentences, tasks
from sclib.loop import Generation
from sclib.population import trajectory


def test_gaussians_stay_close_to_the_exact_law():
    config, arrays = experiments.configure("gaussians-k4"), experiments.load("gaussians-k4").arrays
    found = plane.distances(config, arrays)
    tv, spread = found["total_variation"][:7], found["spread_ratio"][:7]
    assert np.median(tv) <= 0.05 and tv.max() <= 0.08
    assert np.abs(spread - 1).max() <= 0.2


# Without curation nothing pulls a seed back: chance alone moves a share by 0.007 a round, so K = 1 drifts out later.
@pytest.mark.parametrize("K, generations", [(1, 7), (2, 11), (4, 11), (16, 11)])
def test_moons_stay_close_to_the_exact_law(K, generations):
    config, arrays = experiments.configure(f"moons-k{K}"), experiments.load(f"moons-k{K}").arrays
    assert plane.distances(config, arrays)["total_variation"][:generations].max() <= 0.06


@pytest.mark.parametrize("lam", plane.MIXED)
def test_mixed_gaussians_stay_close_to_the_exact_law(lam):
    config, arrays = experiments.configure(f"gaussians-lam{lam:g}"), experiments.load(f"gaussians-lam{lam:g}").arrays
    found = plane.distances(config, arrays)
    assert np.median(found["total_variation"]) <= 0.05 and found["total_variation"].max() <= 0.08
    assert np.abs(found["spread_ratio"] - 1).max() <= 0.2


@pytest.mark.parametrize("lam", plane.MIXED)
def test_mixed_moons_stay_close_to_the_exact_law(lam):
    config, arrays = experiments.configure(f"moons-lam{lam:g}"), experiments.load(f"moons-lam{lam:g}").arrays
    assert plane.distances(config, arrays)["total_variation"].max() <= 0.05


# The exact law.


def test_the_exact_law_of_the_gaussians_has_converged_in_the_grid():
    config = experiments.configure("gaussians-k4")
    coarse, fine = (plane.exact_law(config, grid=grid) for grid in (200, 260))
    for name in ("masses", "spread", "mean_reward"):
        np.testing.assert_allclose(coarse[name], fine[name], atol=3e-4)
    np.testing.assert_allclose(coarse["masses"][0], 1 / 8, atol=1e-5)
    assert coarse["spread"][0] == pytest.approx(0.5, abs=2e-3)  # 0.2 % of a mode lies in a neighbour's cell


def test_the_exact_law_of_the_moons_starts_at_the_first_models_samples():
    config, arrays = experiments.configure("moons-k4"), experiments.load("moons-k4").arrays
    law = plane.exact_law(config, arrays)
    assert arrays["first_rewards"].shape == (1, 5, 20_000)
    np.testing.assert_allclose(law["masses"][0, :, 0], (arrays["first_labels"][0] == 0).mean(1))
    np.testing.assert_allclose(law["mean_reward"][0], arrays["first_rewards"][0].mean(1), rtol=1e-5)
    assert (np.diff(law["mean_reward"], axis=0) >= 0).all()  # as that of e^r (Lemma A.1), since H grows with r


def test_statistics_are_those_of_the_draw_that_is_curated():
    config = experiments.configure("gaussians-k2", n_points=3)
    centres = torch.as_tensor(datasets.GAUSSIAN_CENTRES).float()
    proposals = torch.stack([centres[[0, 0, 1, 2]], centres[[0, 3, 3, 3]]]).view(2, 2, 2, 2)  # (S, n, K, 2)
    proposals[0, 0, 1, 0] += 1.0
    reward, label, _ = plane.task(config)
    found = plane.summarise(Generation(0, proposals, reward(proposals), None), label, config)
    np.testing.assert_allclose(found["masses"][:, :4], [[0.5, 0.25, 0.25, 0], [0.25, 0, 0, 0.75]])
    np.testing.assert_allclose(found["mean_reward"], reward(proposals).double().mean((1, 2)))
    assert found["spread"][0] == pytest.approx(math.sqrt(0.5 / 2)) and math.isnan(found["spread"][1])


def test_the_mixed_law_of_the_moons_starts_at_the_model_and_refers_to_the_data():
    config = experiments.configure("moons-lam0.5", n_atoms=3, generations=1)
    arrays = {
        "first_rewards": np.array([[[0.0, 1.0, 2.0]]]), "first_labels": np.array([[[1, 1, 0]]]),
        "data_rewards": np.array([[[0.0, 0.5, 2.0]]]), "data_labels": np.array([[[1, 0, 0]]]),
    }  # fmt: skip
    law = plane.exact_law(config, arrays)
    np.testing.assert_allclose(law["masses"][0, 0], [1 / 3, 2 / 3])
    # By hand: picks from the model's atoms alone (Eq. 6), then 2 parts of data to 1 of picks (Eq. 8).
    picks = trajectory(np.full(3, 1 / 3), arrays["first_rewards"][0, 0], config.K, 1)[1]
    np.testing.assert_allclose(law["masses"][1, 0, 0], 2 / 3 * (2 / 3) + 1 / 3 * picks[2])
    np.testing.assert_allclose(law["mean_reward"][1, 0], 2 / 3 * 2.5 / 3 + 1 / 3 * picks @ [0, 1, 2])


def test_without_picks_the_mixed_law_is_the_data_from_the_first_round_on():
    config, arrays = experiments.configure("moons-lam0"), experiments.load("moons-lam0").arrays
    law = plane.exact_law(config, arrays)
    share = (arrays["data_labels"][0, 0] == 0).mean()
    np.testing.assert_allclose(law["masses"][1:, :, 0], share)
    assert share == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(arrays["data_labels"].shape[-1]))


# Random streams, the table, and tasks of one's own.


def streams(study):
    members = getattr(study.model, "members", [study.model])
    models = [g for member in members for g in member.streams.values()]
    return [generator.initial_seed() for generator in (*models, *study.choices)]


TINY = {"n_data": 30, "n_atoms": 20, "width": 8}


def test_models_choices_and_data_of_all_seeds_draw_from_streams_of_their_own(monkeypatch, cache):
    """What shares a stream is correlated: a seed's model would start from the noise that its choices are made with."""
    drawn, task = [], tasks.TASKS["gaussians"]

    def sample(config, generator):
        drawn.append(generator.initial_seed())
        return task.sample(config, generator)

    monkeypatch.setitem(tasks.TASKS, "gaussians", task._replace(sample=sample))
    seeds = tuple(range(6))
    config = experiments.configure("gaussians-k4", seeds=seeds, **TINY)
    study = plane.prepare(config, "cpu")
    found = [*streams(study), *drawn]
    assert len(drawn) == 6 and len(found) == 18 == len(set(found)) and plane.DATA_ATOMS not in found
    assert len({id(generator) for generator in study.choices}) == 6
    config = experiments.configure("digits-class", seeds=seeds, width=8, classifier_steps=1)
    found = streams(images.prepare(config, "cpu"))
    assert len(found) == 12 == len(set(found))
    config = experiments.configure("words-k2", seeds=seeds, n_data=30)
    found = streams(sentences.prepare(config, "cpu"))
    assert len(found) == 12 == len(set(found))


def test_the_table_shows_measured_beside_exact():
    config, stored = experiments.configure("moons-k4"), experiments.load("moons-k4")
    lines = plane.table(config, stored.arrays).splitlines()
    law = plane.exact_law(config, stored.arrays)
    assert len(lines) == 12 and "favoured share (exact)" in lines[0]
    for t, line in enumerate(lines[1:]):
        _, reward, share, exact, median, worst, seconds = line.split()
        assert float(reward) == pytest.approx(stored.arrays["mean_reward"][t].mean(), abs=0.006)
        assert float(share) == pytest.approx(np.median(stored.arrays["masses"][t, :, 0]), abs=6e-4)
        assert float(exact.strip("()")) == pytest.approx(np.median(law["masses"][t, :, 0]), abs=6e-4)
        tv = np.abs(stored.arrays["masses"][t] - law["masses"][t]).sum(-1) / 2
        assert (float(median), float(worst)) == pytest.approx((np.median(tv), tv.max()), abs=6e-4)
        assert float(seconds) == pytest.approx(stored.arrays["seconds"][t], abs=0.06)


def test_a_reward_of_ones_own_needs_a_task_and_a_config(monkeypatch, cache):
    """Away from the middle, whatever the mode: no class is favoured, so the table has no such column."""
    far = tasks.TASKS["gaussians"]._replace(reward=lambda config: lambda x: x.norm(dim=-1), favours=False)
    monkeypatch.setitem(tasks.TASKS, "far", far)
    monkeypatch.setitem(experiments.EXPERIMENTS, "far-k4", plane.Config("far-k4", "far", 4, generations=1))
    result = experiments.run("far-k4", "cpu", seeds=(0,), n=500, first_steps=300, steps=100)
    law = plane.exact_law(experiments.configure("far-k4", generations=1))
    assert law["mean_reward"][1] > law["mean_reward"][0] + 0.1
    np.testing.assert_allclose(law["masses"], 1 / 8, atol=1e-3)  # none of eight modes on a circle gains
    table = plane.table(experiments.configure("far-k4"), result.arrays)
    assert "favoured" not in table and len(table.splitlines()[1].split()) == 6
