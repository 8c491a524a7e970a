"""Runs: their checkpoints, time limit, threads, and two processes that want the same."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from test_experiments import TINY
from test_images import TINY as TINY_IMAGES

from sclib import experiments, flow, kept, parts, plane, results, stacked, study
from sclib.folders import lock

pytestmark = pytest.mark.usefixtures("cache")


def test_small_runs_take_one_thread_and_put_back_what_was(monkeypatch):
    seen, prepare = [], plane.prepare
    monkeypatch.setattr(plane, "prepare", lambda *args: (seen.append(torch.get_num_threads()), prepare(*args))[1])
    torch.set_num_threads(2)
    experiments.run("moons-k2", "cpu", **TINY)
    assert seen == [1] and torch.get_num_threads() == 2
    monkeypatch.setattr(plane, "prepare", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        experiments.run("moons-k2", "cpu", **TINY)
    assert torch.get_num_threads() == 2


def test_checkpoints_are_written_within_a_fit_when_they_are_due(cache, monkeypatch):
    """A long fit that is killed loses no more than `SAVE_EVERY`."""
    saved = []
    monkeypatch.setattr(study, "SAVE_EVERY", 0)
    monkeypatch.setattr(parts, "write_split", lambda path, config, state: saved.append(state))
    experiments.run("moons-k2", "cpu", **TINY)
    assert [int(state["model.step"]) for state in saved] == [1, 2, 3, 0, 1, 2, 0, 1, 2, 0]


def test_seconds_before_an_interruption_are_counted(monkeypatch):
    """One second passes at each look at the clock; a run in pieces counts those of all its pieces."""
    now = [0.0]

    def clock():
        now[0] += 1
        return now[0]

    monkeypatch.setattr(study.time, "perf_counter", clock)
    calls = 0
    while (result := experiments.run("moons-k2", "cpu", max_minutes=0, **TINY)) is None:
        calls += 1
        now[0] += 1_000  # between the pieces
    assert calls == 9  # each of the seven steps, and each generation but the last
    # The first generation takes four pieces of at least three looks each; the last piece alone has fewer than six.
    assert 12 <= result.arrays["seconds"][0] <= 20 and result.arrays["seconds"].max() < 100


def test_a_first_model_from_the_cache_counts_once_and_is_not_fitted_twice(capsys, same):
    """The first experiment leaves its first models in the cache; the second, out of time at every step, takes them."""
    experiments.run("digits-class", "cpu", **TINY_IMAGES)
    whole = experiments.run("digits-class-mixed", "cpu", **TINY_IMAGES)
    capsys.readouterr()
    calls = 0
    while (result := experiments.run("digits-class-mixed", "cpu", max_minutes=0, **TINY_IMAGES)) is None:
        calls += 1
        assert calls < 30
    said = [line.split()[2:5:2] for line in capsys.readouterr().out.splitlines() if line.startswith("stopped after")]
    assert same(result, whole) and len(said) == calls
    made = [int(done) for done, _ in said]
    assert made == sorted(made) and made[-1] == 14  # two seeds of 3 + 2 + 2 steps


def first(**changes):
    config = experiments.configure("digits-class", **TINY_IMAGES | changes)
    return kept.KeptFlow(config, (1, 8, 8), 100, 200, "cpu").made_with


def test_a_first_model_is_shared_by_what_begins_alike_only():
    plain = results.key(first())
    for same in ({"steps": 9}, {"lr": 1.0}, {"calls": 4}, {"chunk": 7}, {"gamma": 2.0}, {"K": 9}):
        assert results.key(first(**same)) == plain, same
    for other in ({"batch": 9}, {"first_steps": 4}, {"first_lr": 1.0}, {"width": 9}, {"flip": True}, {"warmup": 0.5}):
        assert results.key(first(**other)) != plain, other


PROGRAM = """
import sys, torch
torch.set_num_threads(1)
from sclib import experiments, kept
fit = kept.Flow.fit
def noted(*args):
    print("fitted", args[0].fits, flush=True)
    fit(*args)
kept.Flow.fit = noted
experiments.run(sys.argv[1], "cpu", **eval(sys.argv[2]))
"""


@pytest.mark.parametrize("names", [("digits-class", "digits-class"), ("digits-class", "digits-class-mixed")])
def test_two_processes_train_what_they_share_once(names):
    """The same run, made by one of them; two experiments with the same first models, trained by one of them."""
    command = [sys.executable, "-W", "error", "-c", PROGRAM]
    settings = repr(TINY_IMAGES | {"first_steps": 300})
    both = [
        subprocess.Popen([*command, name, settings], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for name in names
    ]
    outputs = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    fits = sorted("".join(out for out, _ in outputs).split("\n"))
    assert fits.count("fitted 0") == 2  # two seeds
    assert fits.count("fitted 1") == (2 if names[0] == names[1] else 4)


def test_a_run_waits_for_the_same_one_and_returns_what_it_stored(cache, same):
    config = experiments.configure("moons-k2", **TINY)
    stored = experiments.run("moons-k2", "cpu", **TINY)
    (cache / results.file_name(config)).unlink()
    program = "import sys; from sclib import experiments; experiments.run('moons-k2', 'cpu', **eval(sys.argv[1]))"
    path = study.checkpoint(config, "cpu")
    with lock(path):
        waiting = subprocess.Popen(
            [sys.executable, "-c", program, repr(TINY)], stderr=subprocess.PIPE, env={**os.environ}, text=True
        )
        time.sleep(6)
        assert waiting.poll() is None
        results.save(config, stored.arrays, {"date": "another process's"})
    _, said = waiting.communicate(timeout=120)
    assert waiting.returncode == 0, said
    found = experiments.load("moons-k2", **TINY)
    assert found.provenance["date"] == "another process's" and same(found, stored)


def test_gpus_of_a_machine_share_what_is_kept():
    config = experiments.configure("moons-k2")
    assert study.checkpoint(config, "cuda:1") == study.checkpoint(config, "cuda") != study.checkpoint(config, "cpu")


def test_the_spread_of_one_point_lies_where_the_points_are():
    """On a GPU, a number on the CPU cannot be stacked with the others; "meta" is a device that this machine has."""
    assert plane._spread(torch.empty(1, 2, device="meta")).device.type == "meta"
    assert np.isnan(plane._spread(torch.zeros(1, 2)).item())


def test_several_flows_count_their_steps_together():
    settings = flow.Settings(width=8, depth=1, first_steps=3, steps=2, batch=4, calls=2)
    models = stacked.Flows([flow.Flow((1, 4, 4), seed, settings) for seed in (1, 2)])
    models.fit(torch.zeros(2, 5, 1, 4, 4, dtype=torch.uint8))
    assert models.steps_made == 6 and models.steps_of(3) == 14
