import numpy as np
import pytest

from sclib import experiments, sentences
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
    )]  # fmt: skip
    assert all(abs(laws[i] - laws[j]).sum() > 1e-2 for i in range(5) for j in range(i))


def test_summaries_of_the_exact_law_itself():
    exact = sentences.exact_laws(sentences.Config("test", 4, generations=1))[1]
    found = sentences.summarise(np.append(0.9 * exact, 0.1)[None], exact)
    assert found["off"] == pytest.approx(0.1)
    assert found["kl_exact"] == pytest.approx(-np.log(0.9))
    assert found["nouns"].sum() == pytest.approx(1)
    assert np.all(np.diff(found["top"][0]) <= 0)
    r = reward(sentences.GRAMMAR)
    assert found["mean_reward"] == pytest.approx(0.9 * exact @ r[:-1] + 0.1 * r[-1])


@pytest.mark.parametrize("name", ["words-k4", "words-k4-mixed", "words-k4-cool"])
def test_a_tiny_loop_runs_and_is_stored(name, tmp_path, monkeypatch):
    monkeypatch.setenv("SCLIB_CACHE", str(tmp_path))
    found = experiments.run(name, device="cpu", **TINY).arrays
    assert found["top"].shape == (3, 2, 10) and found["nouns"].shape == (3, 2, 4)
    assert all(np.isfinite(found[key]).all() for key in ("mean_reward", "kl_exact", "kl_data", "off"))
    assert "exact" in experiments.show(experiments.load(name, **TINY), experiments.configure(name, **TINY))
