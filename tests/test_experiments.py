"""The experiments: what is stored reaches what it should, tiny runs agree with it, and nothing is lost when killed."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from sclib import command_line, experiments, plane, results

pytestmark = pytest.mark.usefixtures("cache")

TINY = dict(
    seeds=(100, 101), generations=2, n=40, n_data=200, n_atoms=100, n_points=10,
    width=8, first_steps=3, first_batch=8, steps=2, batch=8, calls=2,
)  # fmt: skip
PLANE = [config.experiment for config in plane.EXPERIMENTS]
SYNTHETIC = [f"{data}-k{K}" for data in ("gaussians", "moons") for K in (1, 2, 4, 16)]


# What is shipped.


@pytest.mark.parametrize("name", PLANE)
def test_every_experiment_is_shipped(name):
    config = experiments.configure(name)
    path = results.SHIPPED / results.file_name(config)
    stored = results.read(path, config)
    rounds, seeds = config.generations + 1, len(config.seeds)
    assert path.stat().st_size < 1_000_000
    assert stored.arrays["masses"].shape[:2] == (rounds, seeds) and stored.arrays["seconds"].shape == (rounds,)
    np.testing.assert_allclose(stored.arrays["masses"].sum(-1), 1)
    assert np.isfinite(stored.arrays["points"]).all() and np.isfinite(stored.arrays["mean_reward"]).all()


def test_shipped_results_are_small():
    assert sum(path.stat().st_size for path in results.SHIPPED.glob("*.npz")) < 30_000_000


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
    command_line.main(["list"])
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(experiments.EXPERIMENTS)


def test_show_prints_the_stored_numbers_and_where_they_come_from(capsys):
    command_line.main(["show", "gaussians-k4"])
    out = capsys.readouterr().out
    assert (
        results.key(experiments.configure("gaussians-k4")) in out and "seeds 0-4" in out and len(out.splitlines()) == 13
    )


def test_a_miss_names_the_exact_command(capsys):
    with pytest.raises(SystemExit):
        command_line.main(["show", "moons-k2", "--set", "seeds=(7, 8)", "--set", "lam=0.5"])
    text = capsys.readouterr().err
    assert 'python -m sclib.experiments run moons-k2 --set "lam=0.5" --set "seeds=(7, 8)" (about' in text


def test_a_miss_prints_a_command_that_every_shell_takes():
    """Windows' cmd knows no single quotes; within double ones, no shell changes what stands between them."""
    command = experiments.command(experiments.configure("moons-k2", seeds=(7,), sampler="large", lam=0.5))
    values = re.findall(r' --set "([^"]*)"', command)
    assert values == ["lam=0.5", "seeds=(7,)", "sampler=large"] and not set("$`'%!") & set(command)


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["run", "moons-k1", "--set", "seeds=0"], "seeds = 0 must be different integers >= 0, such as (0,)"),
        (["run", "moons-k1", "--set", "lam=1/2"], "lam = '1/2' must be a number, such as 0.5, or inf"),
        (["run", "moons-k1", "--set", "favoured=2"], "favoured = 2 must be one of 0, 1"),
        (["run", "gaussians-k1", "--set", "favoured=8"], "favoured = 8 must be one of 0, 1"),
        (["run", "moons-k1", "--set", "generations=-1"], "generations = -1 must be an integer >= 0"),
        (["run", "moons-k1", "--set", "data=moon"], "data = 'moon' must be one of gaussians, moons"),
        (["run", "moons-lam1", "--set", "n_data=10"], "n_atoms = 20000 must be at most n_data = 10"),
        (["run", "moons-k1", "--set", "gamma=1000"], "gamma = 1000.0 must be a number >= 0 and below 700"),
        (["run", "digits-class", "--set", "favoured=99"], "favoured = 99 must be one of 0, 1"),
        (["run", "digits-class", "--set", "data=mnist"], "data = 'mnist' must be one of digits, cifar10"),
        (["run", "words-k2", "--set", "temperature=0"], "temperature = 0.0 must be a number >= 0.001"),
        (["run", "words-k2", "--set", "reads=(2,)"], "reads = (2,) must be one of (0, 1), (0,), (1,)"),
        (["run", "words-k2", "--set", "lr=-1"], "lr = -1.0 must be a number >= 0"),
        (["run", "moons-k1", "--device", "cuda"], "device = 'cuda' must be one of auto, cpu here"),
        (["run", "moons-k1", "--device", "gpu"], "device = 'gpu' must be one of auto, cpu here"),
        (["run", "moons-k1", "--max-minutes", "nan"], "max_minutes = nan must be a number >= 0"),
        (["show", "moons-k1", "--set", "seeds=0"], "seeds = 0 must be"),
    ],
)
def test_a_wrong_setting_is_one_line_before_anything_is_trained(arguments, says, capsys, monkeypatch):
    monkeypatch.setattr(experiments.torch.cuda, "is_available", lambda: False)
    for kind in experiments.KINDS.values():
        monkeypatch.setattr(kind, "prepare", lambda *_: pytest.fail("prepared"))
    with pytest.raises(SystemExit) as stopped:
        command_line.main(arguments)
    text = capsys.readouterr().err
    assert stopped.value.code == 2 and says in text and len(text.splitlines()) == 1


@pytest.mark.parametrize(
    "name, equal",
    [
        ("gaussians-lam1", {"lam": 1}), ("gaussians-lam1", {"gamma": 10, "generations": 10.0, "K": np.int64(4)}),
        ("gaussians-lam1", {"seeds": np.arange(5), "first_lr": np.float64(3e-3)}), ("digits-class", {"gamma": 5}),
    ],
)  # fmt: skip
def test_equal_settings_find_what_is_stored(name, equal):
    assert experiments.load(name, **equal).config == results.record(experiments.configure(name))


def test_the_device_is_one_that_is_there(monkeypatch):
    plane_, words = experiments.configure("moons-k1"), experiments.configure("words-k1")
    monkeypatch.setattr(experiments.torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(experiments.torch.cuda, "device_count", lambda: 2)
    assert [experiments.chosen_device(plane_, d) for d in ("auto", "cuda:1", "cpu")] == ["cuda", "cuda:1", "cpu"]
    assert experiments.chosen_device(words) == "cpu"  # which takes no GPU
    with pytest.raises(ValueError, match="device = 'cuda:2' must be one of auto, cpu, cuda, cuda:0, cuda:1 here"):
        experiments.chosen_device(plane_, "cuda:2")


def test_a_cache_that_cannot_be_written_is_said_before_anything_is_trained(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("SCLIB_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(plane, "prepare", lambda *_: pytest.fail("prepared"))
    with pytest.raises(ValueError, match="set SCLIB_CACHE"):
        experiments.run("moons-k1", "cpu", **TINY)


def test_ctrl_c_promises_only_a_checkpoint_that_is_there(capsys, monkeypatch):
    arguments = [x for name, value in TINY.items() for x in ("--set", f"{name}={value}")]
    command = ["run", "moons-k2", "--device", "cpu", *arguments]

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(experiments, "run_study", interrupted)
        for before in (False, True):
            if before:
                patch.undo()
                assert experiments.run("moons-k2", "cpu", max_minutes=0, **TINY) is None
                patch.setattr(experiments, "run_study", interrupted)
            with pytest.raises(SystemExit) as stopped:
                command_line.main(command)
            says = capsys.readouterr().err
            assert stopped.value.code == 130
            assert ("goes on from the last checkpoint" in says) is before is not ("begins again" in says)


def test_the_named_command_makes_what_was_asked():
    config = experiments.configure("gaussians-k4", **TINY)
    words = shlex.split(experiments.command(config))
    command_line.main(words[3:])
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


def test_ship_copies_what_is_registered_from_the_cache(cache, tmp_path, monkeypatch, capsys):
    config = experiments.configure("gaussians-k2")
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    monkeypatch.setattr(results, "SHIPPED", shipped)
    (shipped / "gaussians-k2-000000000000.npz").write_bytes(b"of other settings")
    (shipped / "gaussians-k2-small-000000000000.npz").write_bytes(b"of another experiment")
    with pytest.raises(results.MissingResult, match="run gaussians-k2"):
        experiments.ship("gaussians-k2")
    results.save(config, {"x": np.arange(3)}, {"date": "2026-01-01"})
    command_line.main(["ship", "gaussians-k2"])
    assert {path.name for path in shipped.iterdir()} == {
        results.file_name(config),
        "gaussians-k2-small-000000000000.npz",
    }
    assert results.file_name(config) in capsys.readouterr().out
    assert experiments.load("gaussians-k2").arrays["x"].tolist() == [0, 1, 2]
