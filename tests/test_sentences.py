import numpy as np
import pytest

from sclib import experiments, sentences
from sclib.curators import group_trajectory
from sclib.population import trajectory
from sclib.words import first_law, reward

TINY = {"seeds": (0, 1), "first_steps": 3, "steps": 2, "generations": 2, "n": 30, "n_data": 200, "batch": 8}


def test_the_exact_laws_are_the_trajectory():
    config = sentences.Config("test", 4, generations=2)
    law = trajectory(first_law(sentences.GRAMMAR), reward(sentences.GRAMMAR)[:-1], 4, 2)
    assert np.allclose(sentences.exact_laws(config), law, rtol=1e-10)


def test_settings_change_the_exact_law():
    laws = [sentences.exact_laws(experiments.configure("words-k4", **c))[-1] for c in (
        {"generations": 1}, {"generations": 1, "K": 2}, {"generations": 1, "lam": 0.5},
        {"generations": 1, "temperature": 0.9}, {"generations": 1, "reads": (0,)},
        {"generations": 1, "prompts": True}, {"generations": 1, "people": True},
    )]  # fmt: skip
    assert all(abs(laws[i] - laws[j]).sum() > 1e-2 for i in range(7) for j in range(i))


def test_summaries_of_the_exact_law_itself():
    exact = sentences.exact_laws(sentences.Config("test", 4, generations=1))[1]
    found = sentences.summarise(np.append(0.9 * exact, 0.1)[None], exact)
    assert found["off"] == pytest.approx(0.1)
    assert found["kl_exact"] == pytest.approx(-np.log(0.9))
    assert found["nouns"].sum() == pytest.approx(1)
    assert np.all(np.diff(found["top"][0]) <= 0)
    r = reward(sentences.GRAMMAR)
    assert found["mean_reward"] == pytest.approx(0.9 * exact @ r[:-1] + 0.1 * r[-1])


def test_prompts_keep_the_nouns_and_each_has_a_loop_of_its_own():
    config = experiments.configure("words-k4-prompts", generations=3)
    laws = sentences.exact_laws(config).reshape(4, 4, -1)
    assert np.allclose(laws.sum(2), [0.3, 0.3, 0.25, 0.15])
    rewards = np.split(reward(sentences.GRAMMAR)[:-1], 4)
    food = trajectory(laws[0, 2] / laws[0, 2].sum(), rewards[2], 4, 3)
    assert np.allclose(laws[:, 2], 0.25 * food, rtol=1e-9)


def test_prompted_groups_share_a_noun_and_raters_judge_whole_groups(cache):
    study = sentences.prepare(experiments.configure("words-k4-prompts", **TINY), "cpu")
    study.model.fit(study.data)
    nouns = study.model.sample(4000)[..., 0].reshape(2, 1000, 4)
    assert (nouns == nouns[..., :1]).all()
    shares = np.bincount(nouns[0, :, 0], minlength=4) / 1000
    assert np.all(abs(shares - [0.3, 0.3, 0.25, 0.15]) < 4 * np.sqrt(0.21 / 1000))
    study = sentences.prepare(experiments.configure("words-k4-people", **TINY), "cpu")
    same = study.data[:, :1].expand(2, 30 * 4, 5)  # the same sentence to everybody
    given = study.reward(same)[0].reshape(3, 10, 4)
    people = sentences.judges(experiments.configure("words-k4-people"))[:, sentences.GRAMMAR.index(same[0, 0])]
    assert np.allclose(given, people[:, None])


def test_the_pooled_loop_is_that_of_groups():
    config = experiments.configure("words-k4-people", generations=2)
    first = first_law(sentences.GRAMMAR)
    laws = group_trajectory(first, sentences.judges(config)[:, :-1], [0.1] * 10, 4, 2)
    assert np.allclose(sentences.exact_laws(config), laws, rtol=1e-9)


@pytest.mark.parametrize("name", ["words-k4", "words-k4-mixed", "words-k4-cool", "words-k4-prompts", "words-k4-people"])
def test_a_tiny_loop_runs_and_is_stored(name, tmp_path, monkeypatch):
    monkeypatch.setenv("SCLIB_CACHE", str(tmp_path))
    found = experiments.run(name, device="cpu", **TINY).arrays
    assert found["top"].shape == (3, 2, 10) and found["nouns"].shape == (3, 2, 4)
    assert all(np.isfinite(found[key]).all() for key in ("mean_reward", "kl_exact", "kl_data", "off"))
    assert "exact" in experiments.show(experiments.load(name, **TINY), experiments.configure(name, **TINY))
