"""The two data sets, against their densities."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from sclib import datasets, tensor_checks


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_density_integrates_to_one_and_has_the_mixtures_variance():
    axis = np.linspace(-7, 7, 281)
    x = np.stack(np.meshgrid(axis, axis), -1)
    mass = datasets.gaussian_density(x) * (axis[1] - axis[0]) ** 2
    assert mass.sum() == pytest.approx(1, abs=1e-7)
    assert (mass[..., None] * x**2).sum() == pytest.approx(4**2 + 2 * 0.5**2, rel=1e-6)


def test_samples_fall_into_cells_as_the_density_says():
    n = 40_000
    x = datasets.sample_gaussians(n, generator())
    assert x.shape == (n, 2) and x.dtype == torch.float32
    counts = torch.bincount(datasets.nearest_centre(x), minlength=8).numpy()
    assert stats.chisquare(counts).pvalue > 1e-4
    residual = (x - torch.as_tensor(datasets.GAUSSIAN_CENTRES).float()[datasets.nearest_centre(x)]).flatten()
    assert stats.kstest(residual.numpy(), stats.norm(scale=0.5).cdf).pvalue > 1e-4  # 0.2 % lie in a neighbour's cell


def test_nearest_centre_is_the_nearest():
    x = torch.randn(500, 2, generator=generator()).double() * 4
    distance = torch.cdist(x, torch.as_tensor(datasets.GAUSSIAN_CENTRES))
    assert torch.equal(datasets.nearest_centre(x), distance.argmin(-1))


def test_moons_without_noise_lie_on_their_half_circles():
    x, moon = datasets.sample_moons(2_000, noise=0, generator=generator())
    centre = torch.where(moon[:, None] == 0, torch.tensor([0.0, 0.0]), torch.tensor([1.0, 0.5]))
    torch.testing.assert_close((x - centre).norm(dim=-1), torch.ones(2_000))
    up = torch.where(moon == 0, 1, -1)
    assert ((x - centre)[:, 1] * up > -1e-6).all()
    assert abs(moon.double().mean() - 0.5) < 4 * 0.5 / math.sqrt(2_000)


def test_noise_is_the_standard_deviation_on_each_axis():
    clean, noisy = (datasets.sample_moons(20_000, noise, generator(1))[0] for noise in (0, 0.2))
    assert (noisy - clean).std(0).numpy() == pytest.approx(0.2, abs=4 * 0.2 / math.sqrt(2 * 20_000))


def test_same_stream_same_points():
    for sample in (datasets.sample_gaussians, lambda n, generator: datasets.sample_moons(n, generator=generator)[0]):
        assert torch.equal(sample(50, generator=generator(3)), sample(50, generator=generator(3)))


@pytest.mark.parametrize("n", [0, -1, 2.5])
def test_bad_counts_are_named(n):
    for sample in (datasets.sample_gaussians, datasets.sample_moons):
        with pytest.raises(ValueError, match=f"n = {n} must be an integer >= 1"):
            sample(n)


def test_bad_noise_is_named():
    with pytest.raises(ValueError, match=r"noise = -0\.1 must be >= 0"):
        datasets.sample_moons(10, noise=-0.1)


def test_digits_are_split_always_alike_and_evenly():
    (train, train_labels), (held_out, labels) = datasets.digits("train"), datasets.digits("test")
    assert train.shape == (1_437, 1, 8, 8) and held_out.shape == (360, 1, 8, 8)
    assert train.dtype == torch.uint8 and (train.min(), train.max()) == (0, 255)
    assert labels.bincount().tolist() == [36] * 10 and len(train_labels) == 1_437
    again, _ = datasets.digits("test")
    assert torch.equal(held_out, again)


def test_every_digit_is_there_once():
    from sklearn.datasets import load_digits

    found = load_digits()
    ours = torch.cat([datasets.digits(split)[0] for split in ("train", "test")]).flatten(1).double() * 16 / 255
    ours, theirs = (np.asarray(sorted(map(tuple, rows))) for rows in (ours.round().tolist(), found.data.tolist()))
    np.testing.assert_array_equal(ours, theirs)
    first = (found.images[:1] * 255 / 16).round()
    assert any((image == first).all() for split in ("train", "test") for image in datasets.digits(split)[0].numpy())


@pytest.mark.parametrize(
    "images, says",
    [
        (np.zeros((2, 1, 8, 8)), "images has type ndarray"),
        (torch.zeros(2, 1, 8, 8), "images has type torch.float32; allowed is a uint8 tensor"),
        (torch.zeros(2, 8, 8, dtype=torch.uint8), r"images has shape \(2, 8, 8\); allowed is \(n, C, H, W\)"),
        (torch.zeros(0, 1, 8, 8, dtype=torch.uint8), "with n >= 1"),
    ],
)
def test_what_is_no_batch_of_images_is_refused(images, says):
    with pytest.raises(ValueError, match=says):
        tensor_checks.images(images)


def test_bad_splits_are_named():
    with pytest.raises(ValueError, match="split = 'valid' must be train or test"):
        datasets.digits("valid")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for split, n in (("train", 3), ("test", 2)):
        images = np.arange(n * 32 * 32 * 3).reshape(n, 32, 32, 3).astype(np.uint8)
        np.save(tmp_path / f"{split}_images.npy", images)
        np.save(tmp_path / f"{split}_labels.npy", np.arange(n))
    (tmp_path / "source.txt").write_text("a stand-in\n")
    monkeypatch.setenv("SCLIB_CIFAR10", str(tmp_path))
    return tmp_path


def test_cifar_10_comes_from_the_folder_that_is_named(folder):
    images, labels = datasets.cifar10("test")
    assert images.shape == (2, 3, 32, 32) and images.dtype == torch.uint8 and labels.tolist() == [0, 1]
    assert images[1, 2, 4, 5] == np.load(folder / "test_images.npy")[1, 4, 5, 2]
    assert datasets.cifar10_source() == "a stand-in"


@pytest.mark.parametrize("name", ["train_labels.npy", "source.txt"])
def test_what_is_missing_in_the_folder_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name}, in the folder that SCLIB_CIFAR10 names, is missing"):
        datasets.cifar10("train") if "labels" in name else datasets.cifar10_source()


def test_arrays_of_another_shape_are_named(folder):
    np.save(folder / "train_labels.npy", np.arange(5))
    with pytest.raises(ValueError, match=r"train_images.npy is uint8 \(3, 32, 32, 3\) and train_labels.npy \(5,\)"):
        datasets.cifar10("train")


def test_without_data_and_network_the_error_says_what_to_do(monkeypatch, tmp_path):
    import torchvision

    def offline(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.delenv("SCLIB_CIFAR10", raising=False)
    monkeypatch.setenv("SCLIB_CACHE", str(tmp_path))
    monkeypatch.setattr(torchvision.datasets, "CIFAR10", offline)
    with pytest.raises(FileNotFoundError, match=r"no route to host.*Connect to the internet, or set SCLIB_CIFAR10"):
        datasets.cifar10("train")
    with pytest.raises(ValueError, match="split = 'valid' must be train or test"):
        datasets.cifar10("valid")


def test_the_digits_split_is_the_one_that_results_were_made_with():
    """Another split would mean other held-out images than those that stored classifiers have never seen."""
    (_, train), (_, held_out) = datasets.digits("train"), datasets.digits("test")
    assert train[:12].tolist() == [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 8]
    assert held_out[:12].tolist() == [6, 5, 5, 7, 9, 9, 8, 4, 6, 8, 6, 0]
