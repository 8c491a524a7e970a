"""A run on several ranks is that on one: gradients, picks, statistics; it goes on, on as many as you like."""

import os
import pathlib
import re
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import ranks

from sclib import experiments, results

HERE = pathlib.Path(__file__).parent
FOUR = ("digits", "unet", "plane")  # the cases that four ranks run, too
ARGUMENTS = ["digits-class-mixed", "--device=cpu", *(f"--set={k}={v}" for k, v in ranks.CASES["digits"][1].items())]


def launch(number, *arguments):
    """`number` ranks of a Python program, to their end: exit codes, and what each printed and reported."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    shared = {"WORLD_SIZE": str(number), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=os.environ | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(number)
    ]  # fmt: skip
    try:
        said = [process.communicate(timeout=300) for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [process.returncode for process in processes], said


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What each number of ranks makes of each case, and what the ranks said."""
    arrays, found = tmp_path_factory.mktemp("arrays"), {}
    for split, n in (("train", 30), ("test", 20)):
        images = np.random.default_rng(n).integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
        np.save(arrays / f"{split}_images.npy", images)
        np.save(arrays / f"{split}_labels.npy", np.arange(n) % 10)
    (arrays / "source.txt").write_text("a stand-in of coloured noise\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCLIB_CIFAR10", str(arrays))
        patch.setenv("SCLIB_CACHE", str(tmp_path_factory.mktemp("alone")))
        found[1] = {name: ranks.noted(name) for name in ranks.CASES}, []
        for number in (2, 4):
            folder = tmp_path_factory.mktemp(f"ranks{number}")
            patch.setenv("SCLIB_CACHE", str(folder / "cache"))
            cases = FOUR if number == 4 else ranks.CASES
            codes, said = launch(number, HERE / "ranks.py", folder, *cases)
            assert not any(codes), said
            found[number] = {name: dict(np.load(folder / f"{name}.npz")) for name in cases}, said
    return found


@pytest.mark.parametrize("number, name", [*((2, name) for name in ranks.CASES), *((4, name) for name in FOUR)])
def test_a_run_on_several_ranks_is_that_on_one(made, number, name):
    """Gradients are compared since AdamW forgives a factor; another candidate picked would differ by far more."""
    alone, shared = made[1][0][name], made[number][0][name]
    assert alone.keys() == shared.keys() and sum("gradients" in key for key in alone) >= 2
    assert sum("picks" in key for key in alone) >= 2
    for key, value in alone.items():
        assert shared[key].shape == value.shape
        expected, found = value.astype(float), shared[key].astype(float)
        if key.startswith("gradients"):
            assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max(), key
        else:  # pixels may be rounded to the next
            pixel = 1.0 if value.dtype == np.uint8 and not name.startswith(("words", "dpo", "reinforce")) else 0.0
            assert np.allclose(found, expected, 1e-4, 1e-5 + pixel, equal_nan=True), key


def test_one_rank_reports(made):
    for number in (2, 4):
        (out, progress), *others = made[number][1]
        assert "classifier: accuracy" in out and "generation 1" in progress
        assert others == [("", "")] * (number - 1)


def test_a_rank_that_dies_ends_the_others_and_any_number_goes_on(cache, monkeypatch, same):
    """Two ranks, of which one is killed; one, out of time after a step; then as many as torchrun starts, three."""
    start = time.monotonic()
    codes, said = launch(2, HERE / "ranks.py", "die", 1, 4, *ARGUMENTS)
    assert codes == [3, -9] and time.monotonic() - start < 120
    assert re.search(
        r"rank 0 has lost another rank \([^/\n]+\); the same command goes on from the last checkpoint", said[0][1]
    )

    name, settings = ranks.CASES["digits"]
    config = experiments.configure(name, **settings)
    checkpoint = cache / "checkpoints" / f"cpu-{results.file_name(config)}"
    assert made_steps(checkpoint, config) in (3, 4)  # the last may have been lost with the rank
    assert experiments.run(name, "cpu", max_minutes=0, **settings) is None
    program = ["-m", "torch.distributed.run", "--nproc-per-node=3", "-m", "sclib.experiments", "run", *ARGUMENTS]
    ran = subprocess.run([sys.executable, *program], capture_output=True, text=True)
    assert ran.returncode == 0 and ran.stdout.count("3 x CPU, 1 thread") == 1, ran.stderr
    resumed = results.load(config)
    assert not list(checkpoint.parent.iterdir())

    monkeypatch.setenv("SCLIB_CACHE", str(cache / "other"))
    whole = experiments.run(name, "cpu", **settings)
    assert whole.provenance["device"] == "CPU, 1 thread"
    for key in whole.arrays.keys() - {"seconds", "pictures"}:
        assert np.allclose(resumed.arrays[key], whole.arrays[key], 1e-4, 1e-5, equal_nan=True), key


def made_steps(checkpoint, config):
    arrays = results.read(checkpoint, config).arrays
    return sum(int(arrays[f"model.{i}.step"]) + 3 * int(arrays[f"model.{i}.fits"]) for i in range(2))
