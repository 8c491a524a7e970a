import sys

import numpy as np
import pytest
import threadpoolctl
import torch


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder, and one thread: sums depend on how many share them, and small nets need no more."""
    monkeypatch.setenv("SCLIB_CACHE", str(tmp_path / "cache"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpoolctl.threadpool_limits(1):  # BLAS too
        yield tmp_path / "cache"
    torch.set_num_threads(threads)


@pytest.fixture
def same():
    """Whether two results are equal in everything that is not a time."""

    def equal(first, second):
        return first.arrays.keys() == second.arrays.keys() and all(
            np.array_equal(first.arrays[k], second.arrays[k], equal_nan=first.arrays[k].dtype.kind == "f")
            for k in first.arrays
            if k != "seconds"
        )

    return equal


@pytest.fixture
def cifar10_stand_in(tmp_path, monkeypatch):
    """A folder of arrays in CIFAR-10's place: coloured noise, which is enough to run everything."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "arrays"
    folder.mkdir()
    for split, n in (("train", 30), ("test", 20)):
        np.save(folder / f"{split}_images.npy", rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8))
        np.save(folder / f"{split}_labels.npy", np.arange(n) % 10)
    (folder / "source.txt").write_text("a stand-in of coloured noise\n")
    monkeypatch.setenv("SCLIB_CIFAR10", str(folder))
    return folder


def pytest_terminal_summary(terminalreporter):
    """What the fuzz tests of this process tried (`-n 0` for all of them)."""
    if fuzzing := sys.modules.get("fuzzing"):
        counts = ", ".join(f"{name}: {count:,}" for name, count in fuzzing.COUNTS.items())
        terminalreporter.write_line(f"fuzz: functions: {len(fuzzing.REACHED)}, {counts}")
