import numpy as np
import pytest


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
