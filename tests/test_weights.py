"""Weights that travel: half precision, checked, with provenance."""

import numpy as np
import pytest
import torch

from sclib import results, weights

CONFIG = {"experiment": "some-network", "version": 1, "width": 8}
PROVENANCE = {"date": "2026-01-01", "data": "noise", "licence": "MIT", "trained": "not at all", "reached": "nothing"}


@pytest.fixture
def stored(cache):
    """A network's tensors, and the file in the cache that holds them."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(40, 30), torch.nn.BatchNorm1d(30))
    path = results.cache_folder() / "weights" / results.file_name(CONFIG)
    weights.save(path, CONFIG, network.state_dict(), PROVENANCE)
    return network.state_dict(), path


def test_tensors_come_back_in_half_precision(stored):
    tensors, path = stored
    found, provenance = weights.load(CONFIG, "train it")
    assert provenance == PROVENANCE and found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        torch.testing.assert_close(found[name], tensor, rtol=2**-11, atol=2**-25)
    with np.load(path, allow_pickle=False) as arrays:
        assert arrays["0.weight"].dtype == np.float16


def test_a_missing_file_names_the_command(cache):
    with pytest.raises(results.MissingResult, match="python -m train"):
        weights.load(CONFIG, "python -m train")


def test_a_cut_file_is_refused(stored):
    _, path = stored
    whole = path.read_bytes()
    for length in (0, 1, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(results.DamagedResult, match=path.name):
            weights.load(CONFIG, "train it")


def test_an_altered_byte_of_the_weights_is_refused(stored):
    _, path = stored
    whole = path.read_bytes()
    start = whole.index(b"0.weight.npy")
    for place in (start + 200, start + 1000, start + 2000):  # within 2,400 bytes of numbers
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(results.DamagedResult, match=path.name):
            weights.load(CONFIG, "train it")


def test_another_networks_file_is_refused(stored):
    _, path = stored
    other = CONFIG | {"width": 9}
    path.rename(path.with_name(results.file_name(other)))
    with pytest.raises(results.DamagedResult, match="another config"):
        weights.load(other, "train it")


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 7e4])
def test_numbers_beyond_half_precision_are_refused(bad, tmp_path):
    with pytest.raises(ValueError, match=r"tensors\['w'\]"):
        weights.save(tmp_path / "w.npz", CONFIG, {"w": torch.tensor([1.0, bad])}, PROVENANCE)
    assert not list(tmp_path.iterdir())


def test_provenance_must_be_whole(tmp_path):
    with pytest.raises(ValueError, match="provenance lacks licence"):
        weights.save(tmp_path / "w.npz", CONFIG, {}, PROVENANCE | {"licence": ""})
