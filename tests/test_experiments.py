"""The experiments: what is stored reaches what it should, tiny runs agree with it, and nothing is lost when killed."""

import os
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from sclib import experiments, plane, results

pytestmark = pytest.mark.usefixtures("cache")

TINY = dict(
    seeds=(100, 101), generations=2, n=40, n_data=200, n_atoms=100, n_points=10,
    width=8, first_steps=3, first_batch=8, steps=2, batch=8, calls=2,
)  # fmt: skip
PLANE = [config.experiment for config in plane.EXPERIMENTS]
SYNTHETIC = [f"{data}-k{K}" for data in ("gaussians", "moons") for K in (1, 2, 4, 16)]


# What is shipped.


@pytest.mark.parametrize("name", PLANE)
def test_every_experiment_is_shipped_with_fixed_seeds(name):
    config = experiments.configure(name)
    path = results.SHIPPED / results.file_name(config)
    stored = results.read(path, config)
    assert config.seeds == (0, 1, 2, 3, 4) and config.generations == 10
    assert path.stat().st_size < 1_000_000
    assert stored.arrays["masses"].shape[:2] == (11, 5) and stored.arrays["seconds"].shape == (11,)
    np.testing.assert_allclose(stored.arrays["masses"].sum(-1), 1)
    assert np.isfinite(stored.arrays["points"]).all() and np.isfinite(stored.arrays["mean_reward"]).all()


def test_shipped_results_are_small():
    assert sum(path.stat().st_size for path in results.SHIPPED.glob("*.npz")) < 12_000_000


# Running.


@pytest.mark.parametrize("name", PLANE)
def test_every_experiment_runs(name, same):
    result = experiments.run(name, device="cpu", **TINY)
    config = experiments.configure(name, **TINY)
    assert same(result, experiments.load(name, **TINY))
    assert result.arrays["masses"].shape == (3, 2, 8 if "gaussians" in name else 2)
    assert result.source in experiments.show(result, config)


@pytest.mark.parametrize("name, within", [("gaussians-k4", 0.06), ("moons-k4", 0.06)])
def test_a_short_run_agrees_with_the_stored_seeds(name, within):
    short = dict(seeds=(0,), generations=1, n=2_000, first_steps=1_000, first_batch=256)
    measured = experiments.run(name, device="cpu", **short).arrays["masses"][:, 0]
    stored = experiments.load(name).arrays["masses"][:2]  # (2, 5, C)
    assert (measured > stored.min(1) - within).all() and (measured < stored.max(1) + within).all()


def test_a_time_limit_stops_at_a_checkpoint_from_which_the_same_call_goes_on(cache, same):
    assert experiments.run("moons-k2", device="cpu", max_minutes=0, **TINY) is None
    assert len(list((cache / "checkpoints").glob("*.npz"))) == 1
    resumed = experiments.run("moons-k2", device="cpu", **TINY)
    assert not list((cache / "checkpoints").glob("*.npz"))
    assert same(resumed, experiments.run("moons-k2", device="cpu", **TINY))


def test_a_killed_run_goes_on_and_equals_one_that_was_not(cache, same):
    settings = {**TINY, "generations": 25, "steps": 10}
    arguments = [x for name, value in settings.items() for x in ("--set", f"{name}={value}")]
    command = [sys.executable, "-m", "sclib.experiments", "run", "gaussians-k2", "--device", "cpu", *arguments]
    process = subprocess.Popen(
        command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    checkpoint = cache / "checkpoints" / f"cpu-{results.file_name(experiments.configure('gaussians-k2', **settings))}"
    deadline = time.monotonic() + 60
    while not checkpoint.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    stored = results.read(checkpoint, experiments.configure("gaussians-k2", **settings))
    assert 0 <= stored.arrays["t"] < 25
    resumed = experiments.run("gaussians-k2", device="cpu", **settings)
    assert same(resumed, experiments.run("gaussians-k2", device="cpu", **settings))


def test_a_damaged_checkpoint_is_put_aside_and_the_run_starts_again(cache, same):
    experiments.run("gaussians-k2", device="cpu", max_minutes=0, **TINY)
    (checkpoint,) = (cache / "checkpoints").glob("*.npz")
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1])
    with pytest.warns(UserWarning, match="put aside"):
        again = experiments.run("gaussians-k2", device="cpu", **TINY)
    assert same(again, experiments.run("gaussians-k2", device="cpu", **TINY))


# The command line.


def test_list_names_every_experiment(capsys):
    experiments.main(["list"])
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(experiments.EXPERIMENTS)


def test_show_prints_the_stored_numbers_and_where_they_come_from(capsys):
    experiments.main(["show", "gaussians-k4"])
    out = capsys.readouterr().out
    assert (
        results.key(experiments.configure("gaussians-k4")) in out and "seeds 0-4" in out and len(out.splitlines()) == 13
    )


def test_a_miss_names_the_exact_command(capsys):
    with pytest.raises(SystemExit):
        experiments.main(["show", "moons-k2", "--set", "seeds=(7, 8)", "--set", "lam=0.5"])
    text = capsys.readouterr().err
    assert "python -m sclib.experiments run moons-k2 --set 'lam=0.5' --set 'seeds=(7, 8)' (about" in text


def test_ctrl_c_says_how_to_go_on(capsys, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(experiments, "run", interrupted)
    with pytest.raises(SystemExit) as stopped:
        experiments.main(["run", "moons-k2"])
    assert stopped.value.code == 130 and "the same command goes on" in capsys.readouterr().err


def test_the_named_command_makes_what_was_asked():
    config = experiments.configure("gaussians-k4", **TINY)
    words = shlex.split(experiments.command(config).split(" (about")[0])
    experiments.main(words[3:])
    assert results.load(config).arrays["masses"].shape == (3, 2, 8)


@pytest.mark.parametrize(
    "name, changes, says",
    [
        ("gaussians", {}, "name = 'gaussians' must be one of gaussians-k1, gaussians-k2"),
        ("moons-k1", {"speed": 3}, "speed: no such setting; allowed are K, batch"),
        ("moons-k1", {"sampler": "fast"}, "sampler = 'fast' must be one of"),
    ],
)
def test_bad_names_are_named(name, changes, says):
    with pytest.raises(ValueError, match=says):
        experiments.configure(name, **changes)
