import numpy as np
import pytest

from sclib import counted, experiments, sentences
from sclib.curators import group_trajectory
from sclib.population import trajectory
from sclib.study import Run
from sclib.transformer import Transformer
from sclib.words import first_law, reward

TINY = {"seeds": (0, 1), "first_steps": 3, "steps": 2, "generations": 2, "n": 30, "n_data": 200, "batch": 8}


def test_the_exact_laws_are_the_trajectory():
    config = sentences.Config("test", 4, generations=2)
    law = trajectory(first_law(counted.GRAMMAR), reward(counted.GRAMMAR)[:-1], 4, 2)
    assert np.allclose(counted.exact_laws(config), law, rtol=1e-10)


def test_settings_change_the_exact_law():
    laws = [counted.exact_laws(experiments.configure("words-k4", **c))[-1] for c in (
        {"generations": 1}, {"generations": 1, "K": 2}, {"generations": 1, "lam": 0.5},
        {"generations": 1, "temperature": 0.9}, {"generations": 1, "reads": (0,)},
        {"generations": 1, "prompts": True}, {"generations": 1, "people": True},
    )]  # fmt: skip
    assert all(abs(laws[i] - laws[j]).sum() > 1e-2 for i in range(7) for j in range(i))


def test_summaries_of_the_exact_law_itself():
    exact = counted.exact_laws(sentences.Config("test", 4, generations=1))[1]
    found = counted.summarise(np.append(0.9 * exact, 0.1)[None], exact, counted.judges(sentences.Config("test", 4)))
    assert found["off"] == pytest.approx(0.1)
    assert found["kl_exact"] == pytest.approx(-np.log(0.9))
    assert found["nouns"].sum() == pytest.approx(1)
    assert np.all(np.diff(found["top"][0]) <= 0)
    r = reward(counted.GRAMMAR)
    assert found["mean_reward"] == pytest.approx(0.9 * exact @ r[:-1] + 0.1 * r[-1])


def test_prompts_keep_the_nouns_and_each_has_a_loop_of_its_own():
    config = experiments.configure("words-k4-prompts", generations=3)
    laws = counted.exact_laws(config).reshape(4, 4, -1)
    assert np.allclose(laws.sum(2), [0.3, 0.3, 0.25, 0.15])
    rewards = np.split(reward(counted.GRAMMAR)[:-1], 4)
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
    people = counted.judges(experiments.configure("words-k4-people"))[:, counted.GRAMMAR.index(same[0, 0])]
    assert np.allclose(given, people[:, None])


def test_the_pooled_loop_is_that_of_groups():
    config = experiments.configure("words-k4-people", generations=2)
    first = first_law(counted.GRAMMAR)
    laws = group_trajectory(first, counted.judges(config)[:, :-1], [0.1] * 10, 4, 2)
    assert np.allclose(counted.exact_laws(config), laws, rtol=1e-9)


@pytest.mark.parametrize("name", ["words-k4", "words-k4-mixed", "words-k4-cool", "words-k4-prompts", "words-k4-people"])
def test_a_tiny_loop_runs_and_is_stored(name, tmp_path, monkeypatch):
    monkeypatch.setenv("SCLIB_CACHE", str(tmp_path))
    found = experiments.run(name, device="cpu", **TINY).arrays
    assert found["top"].shape == (3, 2, 10) and found["nouns"].shape == (3, 2, 4)
    assert all(np.isfinite(found[key]).all() for key in ("mean_reward", "kl_exact", "kl_data", "off"))
    assert "exact" in experiments.show(experiments.load(name, **TINY), experiments.configure(name, **TINY))


def test_a_learned_reward_adds_up_words_and_comes_closer_with_more_choices():
    r, p = reward(counted.GRAMMAR)[:-1], first_law(counted.GRAMMAR)

    def correlation(choices):
        told = [counted.learned_reward(choices, seed)[:-1] for seed in range(3)]
        return np.array(
            [np.cov(t, r, aweights=p)[0, 1] / np.sqrt(np.diag(np.cov(t, r, aweights=p)).prod()) for t in told]
        )

    assert correlation(200).max() < 0.6 and correlation(5000).min() > 0.7
    told = counted.learned_reward(2000)
    halves = told[:-1].reshape(4, 150, 150)
    assert np.allclose(halves, halves[:1]) and np.allclose(halves - halves[:, :1], (halves - halves[:, :1])[:, :, :1])
    # An additive truth would be found; "not" changes a sign here, which no sum of words can.
    first = halves[0, :, 0].reshape(5, 30)
    assert np.allclose(first - first[0], (first - first[0])[:, :1])
    assert told[-1] == told[:-1].min()
    with pytest.raises(ValueError, match="choices = 0"):
        counted.learned_reward(0)


def test_with_a_learned_reward_the_exact_law_follows_it_and_the_judge_too():
    config = experiments.configure("words-learned", generations=2)
    told = counted.learned_reward(2000)
    laws = trajectory(first_law(counted.GRAMMAR), told[:-1], 4, 2)
    assert np.allclose(counted.exact_laws(config), laws, rtol=1e-9)
    found = counted.summarise(np.append(laws[2], 0)[None], laws[2], counted.judges(config))
    assert found["judged"] == pytest.approx(laws[2] @ told[:-1])
    assert found["judged"] != pytest.approx(found["mean_reward"], rel=0.1)
    study = sentences.prepare(experiments.configure("words-learned", **TINY), "cpu")
    same = study.data[:, :1].expand(2, 30 * 4, 5)
    assert np.allclose(study.reward(same)[:, 0], told[counted.GRAMMAR.index(same[:, 0])])


def test_the_likeliest_sentences_are_those_of_the_trained_law():
    exact = counted.exact_laws(sentences.Config("test", 4, generations=1))[1]
    trained = np.append(np.roll(exact, 7), 0)[None]
    found = counted.summarise(trained, exact, counted.judges(sentences.Config("test", 4)))
    assert np.array_equal(found["likeliest"][0], np.argsort(-trained[0], kind="stable")[:10])
    assert np.allclose(found["likeliest_law"], np.sort(trained)[:, :-11:-1])


@pytest.mark.parametrize("config", sentences.BUDGET, ids=lambda config: config.experiment)
def test_the_budget_is_what_a_run_uses(config, cache, monkeypatch):
    counted_up = {"sampled": 0, "scored": 0, "steps": 0}
    sample, logits, on_step = Transformer.sample, Transformer.logits, Run.on_step

    def sampling(self, n, first=None):
        counted_up["sampled"] += n
        return sample(self, n, first)

    def scoring(self, ids):
        scores = logits(self, ids)
        counted_up["scored"] += ids.shape[1] * scores.requires_grad
        return scores

    def stepping(self):
        counted_up["steps"] += 1
        on_step(self)

    monkeypatch.setattr(Transformer, "sample", sampling)
    monkeypatch.setattr(Transformer, "logits", scoring)
    monkeypatch.setattr(Run, "on_step", stepping)
    few = {**TINY, "generations": config.generations, "n": min(30, config.n)}
    experiments.run(config.experiment, device="cpu", **few)
    config = experiments.configure(config.experiment, **few)
    used = sentences.budget(config)
    assert counted_up["steps"] == 3 + used["steps"]
    assert counted_up["scored"] == 3 * 8 + used["scored"]  # the first fit's
    groups = config.n * config.K  # the last are drawn for their statistics only; REINFORCE learns from none
    assert counted_up["sampled"] == used["sampled"] + groups * (4 if config.method == "reinforce" else 1)
    assert used["sampled"] == max(used["rewards"], used["choices"] * config.K)


def test_each_method_has_the_rate_that_was_best_on_the_seeds_for_tuning():
    for config in sentences.BUDGET:
        worth = {}
        for rate in sentences.RATES:
            tried = experiments.load(f"{config.experiment}-lr{rate:g}")
            assert tried.config["seeds"] == [100, 101, 102, 103, 104]
            worth[rate] = np.median(tried.arrays["mean_reward"][-1] - 0.75 * tried.arrays["kl_data"][-1])
        assert config.model.lr == max(worth, key=worth.get), (config.experiment, worth)
