"""Sweeps: one command a run, and one result of many that equals a run of all seeds at once."""

import math
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_experiments import TINY
from test_images import TINY as TINY_IMAGES

from sclib import command_line, experiments, results, sweeps

README = Path(__file__).parents[1] / "README.md"
SBATCH = Path(__file__).parents[1] / "examples" / "sweep.sbatch"
WORDS = {"seeds": (100, 101), "generations": 1, "n": 40, "n_data": 300, "width": 8, "first_steps": 3, "steps": 2}

pytestmark = pytest.mark.usefixtures("cache")


def test_a_plan_has_a_command_for_each_combination_of_values():
    lines = experiments.plan("gaussians-k4", ["seeds=0:50", "K=2,4,16"], lam=0.5)
    assert len(lines) == len(set(lines)) == 150
    configs = []
    for line in lines:
        python, m, module, run, name, *settings = shlex.split(line)
        assert (python, m, module, run, name) == ("python", "-m", "sclib.experiments", "run", "gaussians-k4")
        assert set(settings[::2]) == {"--set"}
        configs.append(experiments.configure(name, **dict(sweeps.setting(text) for text in settings[1::2])))
    assert [(c.seeds, c.K, c.lam) for c in configs] == [((s,), K, 0.5) for s in range(50) for K in (2, 4, 16)]


def test_what_is_stored_is_not_planned_again():
    names = [line.split()[4:] for line in experiments.plan("gaussians-k4", ["K=4,8"])]
    assert names == [["gaussians-k4", "--set", '"K=8"']]  # K = 4 is shipped


@pytest.mark.parametrize(
    "varied, settings",
    [
        (["lam=0.5,inf"], [{"lam": 0.5}, {"lam": math.inf}]),
        (["pairing=ot,independent"], [{"pairing": "ot"}, {"pairing": "independent"}]),
        (["seeds=3,1"], [{"seeds": (3,)}, {"seeds": (1,)}]),
        (["K=2:4"], [{"K": 2}, {"K": 3}]),
        ([], [{}]),
    ],
)
def test_what_can_be_varied(varied, settings):
    assert sweeps.combinations(varied) == settings


@pytest.mark.parametrize("text", ["K", "K=", "K=3:3", "K=,"])
def test_nothing_to_vary_is_an_error(text):
    with pytest.raises(ValueError, match=r"vary = .* must be FIELD=VALUES"):
        sweeps.combinations([text])


@pytest.mark.parametrize(
    "name, settings",
    [
        ("moons-lam0.5", TINY),
        ("digits-class-mixed", TINY_IMAGES),
        ("words-k4-mixed", WORDS),
    ],
)
def test_results_of_single_seeds_joined_are_a_run_of_all(name, settings, cache, monkeypatch, capsys):
    single = {name: value for name, value in settings.items() if name != "seeds"}
    changes = [f"--set={name}={value}" for name, value in single.items()]
    with pytest.raises(SystemExit):
        command_line.main(["join", name, "--set=seeds=100:102", *changes])
    missing = capsys.readouterr().err.splitlines()
    assert missing[0].startswith("2 of 2 results are missing") and len(missing) == 3
    for line in missing[1:]:
        command_line.main(shlex.split(line)[3:])
    command_line.main(["join", name, "--set=seeds=100:102", *changes])
    joined = experiments.load(name, **settings)

    monkeypatch.setenv("SCLIB_CACHE", str(cache / "other"))
    whole = experiments.run(name, "cpu", **settings)
    assert joined.config == whole.config and joined.arrays.keys() == whole.arrays.keys()
    for key in whole.arrays.keys() - {"seconds"}:
        found, expected = joined.arrays[key], whole.arrays[key]
        assert found.shape == expected.shape
        rounding = 1e-5 if key.startswith("gate") or name != "digits-class-mixed" else 0.0
        assert np.allclose(found.astype(float), expected.astype(float), rounding, rounding, equal_nan=True), key
    assert joined.arrays["seconds"].shape == whole.arrays["seconds"].shape
    assert joined.provenance["device"] == "CPU, 1 thread" and len(joined.provenance["joined"]) == 2
    assert joined.provenance.get("data") == whole.provenance.get("data")


def test_results_of_different_data_are_not_joined():
    made = {"date": "2026-01-01", "device": "CPU", "seconds": 1.0, "versions": {}}
    parts = [results.Result({}, {"masses": np.ones((1, 1, 2))}, made | {"data": source}) for source in "ab"]
    with pytest.raises(ValueError, match="different data"):
        sweeps.joined(parts)


def test_the_sbatch_file_runs_the_line_of_its_task(cache, tmp_path):
    lines = SBATCH.read_text().splitlines()
    assert len(lines) == 10 and [line[0] for line in lines[:-1]] == 9 * ["#"]  # SLURM reads no option after a command
    sweep = tmp_path / "sweep.txt"
    planned = experiments.plan("gaussians-k4", ["seeds=100:102"], **{k: v for k, v in TINY.items() if k != "seeds"})
    sweep.write_text("\n".join(planned) + "\n")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"SLURM_ARRAY_TASK_ID": "2", "PATH": path}
    subprocess.run(["bash", SBATCH, sweep], env=environment, check=True, capture_output=True)
    config = experiments.configure("gaussians-k4", **TINY | {"seeds": (101,)})
    assert [path.name for path in cache.glob("*.npz")] == [results.file_name(config)]


def test_the_commands_of_the_readme_are_taken(monkeypatch):
    lines = re.findall(r"^(?:torchrun .*|python) -m sclib\.experiments (.*?)(?: +[>#].*)?$", README.read_text(), re.M)
    done = []
    monkeypatch.setattr(command_line, "_answer", lambda options: done.append((options.command, options.name)))
    for line in lines:
        command_line.main(shlex.split(line))
    assert done == [("run", "cifar10-class"), ("plan", "gaussians-k4"), ("join", "gaussians-k4")]
