"""The data: eight Gaussians on a circle, with their density, and two moons; handwritten digits and CIFAR-10.

Images are uint8 tensors (n, C, H, W), 0 black to 255 white, everywhere in this package: what a network wants instead
is made inside it, so that no two of them can disagree about it.
"""

import http.client
import math
import os
import pathlib
import tarfile
import zlib
from typing import Any

import numpy as np
import torch

from sclib import array_checks, checks, tensor_checks
from sclib.folders import cache_folder, lock

MODES = 8
RADIUS = 4.0
SD = 0.5
DIGITS_HELD_OUT = 36  # of each digit
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR10_FOLDER = "SCLIB_CIFAR10"
CIFAR10_HELP = (
    f"Connect to the internet, or set {CIFAR10_FOLDER} to a folder with train_images.npy, uint8 (n, 32, 32, 3), "
    "train_labels.npy, (n,), test_images.npy, test_labels.npy, and source.txt, one line that says where they are from."
)
# What a connection that ends too soon, or half a file, makes torchvision raise.
BROKEN_DOWNLOAD = (OSError, RuntimeError, EOFError, http.client.HTTPException, tarfile.TarError, zlib.error)
GAUSSIAN_CENTRES = RADIUS * np.array(
    [[math.cos(2 * math.pi * k / MODES), math.sin(2 * math.pi * k / MODES)] for k in range(MODES)]
)


def sample_gaussians(n: int, generator: torch.Generator | None = None) -> torch.Tensor:
    """Draw points of the mixture of eight Gaussians, float32 (n, 2): equal weights, radius 4, sd 0.5 on each axis.

    Parameters
    ----------
    n : an integer >= 1.
    generator : of the draw; None for PyTorch's global one.

    Raises
    ------
    ValueError
        For another `n`.
    """
    centres = torch.as_tensor(GAUSSIAN_CENTRES, dtype=torch.float32)
    mode = torch.randint(MODES, (_count(n),), generator=generator)
    return centres[mode] + SD * torch.randn(len(mode), 2, generator=generator, dtype=torch.float32)


def gaussian_density(points: Any) -> np.ndarray:
    """Density of the mixture of eight Gaussians, per unit of area: float64 (...).

    Parameters
    ----------
    points : (..., 2), finite.

    Raises
    ------
    ValueError
        For other points.
    """
    points = array_checks.reals(points, "points")
    if points.shape[-1:] != (2,) or not np.isfinite(points).all():
        raise ValueError(f"points has shape {points.shape}; it must be (..., 2), finite")
    with np.errstate(over="ignore"):  # far away the density is 0
        squares = np.square(points[..., None, :] - GAUSSIAN_CENTRES).sum(-1)  # (..., 8)
    return np.exp(-squares / (2 * SD**2)).mean(-1) / (2 * math.pi * SD**2)


def nearest_centre(points: torch.Tensor) -> torch.Tensor:
    """The Gaussian whose centre is nearest, a long tensor (...), 0..7.

    Parameters
    ----------
    points : (..., 2), finite.

    Raises
    ------
    ValueError
        For other points.
    """
    points = tensor_checks.tensor(points, "points", "2")
    if points.shape[-1] != 2:
        raise ValueError(f"points has shape {tuple(points.shape)}; it must be (..., 2)")
    centres = torch.as_tensor(GAUSSIAN_CENTRES, dtype=points.dtype, device=points.device)
    # |x - c|^2 = |x|^2 - 2 x.c + |c|^2, and all centres have the same |c|: the largest product is the nearest.
    products = points @ centres.T
    if not products.isfinite().all():
        raise ValueError(f"points reach {points.abs().max():g}, too far for {points.dtype}")
    return products.argmax(-1)


def sample_moons(
    n: int, noise: float = 0.1, generator: torch.Generator | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw points of two interleaved half circles of radius 1, and the moon of each.

    Moon 0 is (cos a, sin a), moon 1 is (1 - cos a, 1/2 - sin a), a uniform on [0, pi] (scikit-learn's formula, but with
    independent moons and angles).

    Parameters
    ----------
    n : an integer >= 1.
    noise : standard deviation, on each axis, of what is added, from 0 to 1e30.
    generator : of the draw; None for PyTorch's global one.

    Returns
    -------
    float32 (n, 2) and long (n,), 0 or 1.

    Raises
    ------
    ValueError
        For another `n` or `noise`.
    """
    # float32 ends at 3e38
    noise = checks.real(noise, "noise", lambda sd: 0 <= sd < 1e30, "be >= 0 and finite, below 1e30")
    moon = torch.randint(2, (_count(n),), generator=generator)
    like: dict[str, Any] = {"generator": generator, "dtype": torch.float32}
    angle = math.pi * torch.rand(len(moon), **like)
    x = torch.where(moon == 0, angle.cos(), 1 - angle.cos())
    y = torch.where(moon == 0, angle.sin(), 0.5 - angle.sin())
    return torch.stack([x, y], -1) + noise * torch.randn(len(moon), 2, **like), moon


def digits(split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """scikit-learn's handwritten digits, 8 x 8 (Alpaydin and Kaynak 1998).

    Parameters
    ----------
    split : "train", 1,437 of them, or "test", the 360 held out, 36 of each digit; always the same ones.

    Returns
    -------
    uint8 (n, 1, 8, 8) and labels (n,), 0..9.

    Raises
    ------
    ValueError
        For another split.
    """
    from sklearn.datasets import load_digits

    _check_split(split)
    found = load_digits()
    order = torch.randperm(len(found.target), generator=torch.Generator().manual_seed(0))
    labels = torch.as_tensor(found.target).long()[order]
    # How many of the same digit came before, in this order.
    rank = torch.nn.functional.one_hot(labels).cumsum(0).gather(1, labels[:, None])[:, 0] - 1
    part = (rank < DIGITS_HELD_OUT) == (split == "test")
    pixels = torch.as_tensor(found.images)[order, None] * (255 / 16)  # from 0..16
    return pixels.round().to(torch.uint8)[part], labels[part]


def cifar10(split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """CIFAR-10, 32 x 32, in colour (Krizhevsky 2009).

    They come from the folder named by the environment variable `SCLIB_CIFAR10`, if it is set, else from torchvision,
    which downloads them once (170 MB) into the user's cache.  The folder holds train_images.npy, uint8 (n, 32, 32, 3),
    train_labels.npy, integers (n,), the same for test, and source.txt, one line that says where these images are from.

    Parameters
    ----------
    split : "train", 50,000, or "test", 10,000.

    Returns
    -------
    uint8 (n, 3, 32, 32) and labels (n,), 0 airplane to 9 truck.

    Raises
    ------
    ValueError
        For another split, or arrays of another shape.
    FileNotFoundError
        If the images are neither there nor can be downloaded; it says what to do.
    """
    _check_split(split)
    if folder := os.environ.get(CIFAR10_FOLDER):
        images, labels = (_array(folder, f"{split}_{name}.npy") for name in ("images", "labels"))
        named = images.dtype == np.uint8 and images.shape[1:] == (32, 32, 3) and labels.shape == images.shape[:1]
        if not (named and len(images)):
            raise ValueError(
                f"{split}_images.npy is {images.dtype} {images.shape} and {split}_labels.npy {labels.shape}; "
                "allowed are uint8 (n, 32, 32, 3) and (n,) with n >= 1"
            )
        labels = tensor_checks.labels(labels, len(images), 10, f"{split}_labels.npy")
    else:
        from torchvision.datasets import CIFAR10

        try:
            there = cache_folder() / "cifar10"
            with lock(there):  # ranks and sweeps begin together
                found = CIFAR10(there, train=split == "train", download=True)
        except BROKEN_DOWNLOAD as error:
            found = f"{type(error).__name__}: {error}"
            raise FileNotFoundError(f"CIFAR-10 could not be downloaded ({found}).  {CIFAR10_HELP}") from error
        images, labels = found.data, np.asarray(found.targets)
    return torch.as_tensor(images).movedim(-1, 1).contiguous(), torch.as_tensor(labels).long()


def cifar10_source() -> str:
    """Where `cifar10` takes its images from, one line: a result made with them carries it.

    Raises
    ------
    ValueError
        If source.txt has more lines than one.
    """
    if folder := os.environ.get(CIFAR10_FOLDER):
        text = _found(folder, "source.txt").read_text(encoding="utf-8", errors="replace").strip()
        if len(text.splitlines()) != 1:
            lines = len(text.splitlines())
            raise ValueError(f"source.txt has {lines} lines; it must be one, which says where the images are from")
        return text
    return "CIFAR-10 as torchvision downloads it"


def _array(folder, name):
    path = _found(folder, name)
    try:
        array = np.load(path, allow_pickle=False)
        return np.asarray(array[:])
    except (ValueError, EOFError, KeyError, TypeError, IndexError) as error:
        raise ValueError(f"{path} is no array that NumPy reads without pickle: {error}") from error


def _found(folder, name):
    path = pathlib.Path(folder).expanduser() / name
    if not path.is_file():
        raise FileNotFoundError(f"{path}, in the folder that {CIFAR10_FOLDER} names, is missing.  {CIFAR10_HELP}")
    return path


def _check_split(split):
    if not isinstance(split, str) or split not in ("train", "test"):
        raise checks.wrong("split", split, "be train or test")


def _count(n):
    return checks.integer(n, "n", 1, 10**9, "be an integer >= 1 and <= 10^9")
