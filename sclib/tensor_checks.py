"""Are these valid tensors, weights, images, labels?  Checks of what models work on, as those of `checks`.

Numbers come back as float32 or float64, whatever the default dtype.  torch is imported where it is used: a module that
names a check needs none.
"""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sclib.array_checks import reals
from sclib.checks import EXACT

if TYPE_CHECKING:
    import torch


def tensor(values: Any, name: str, last: str = "K", arrays: bool = False) -> "torch.Tensor":
    """Finite numbers, as a tensor of the same shape, float32 or float64.

    Half precision becomes float32, in which distances do not overflow, and integers float64, which tells them apart.

    Parameters
    ----------
    values : a dense tensor (..., `last`), real.
    name : of the argument.
    last : what messages call the size of the last axis.
    arrays : whether what `array_checks.reals` takes will do too.

    Raises
    ------
    ValueError
        For anything else.
    """
    import torch

    if arrays and not isinstance(values, torch.Tensor):
        values = torch.from_numpy(np.array(reals(values, name)))
    if not isinstance(values, torch.Tensor) or values.is_complex() or values.is_quantized:
        found = values.dtype if isinstance(values, torch.Tensor) else type(values).__name__
        raise ValueError(f"{name} has type {found}; it must be a tensor (..., {last}) of real numbers")
    if values.ndim == 0 or values.shape[-1] == 0:
        raise ValueError(f"{name} has shape {tuple(values.shape)}; it must be (..., {last}) with {last} >= 1")
    whole = not values.is_floating_point()
    try:
        if values.dtype not in (torch.float32, torch.float64):
            values = values.to(torch.float64 if whole else torch.float32)
        bad = int((~torch.isfinite(values)).sum())
    except (RuntimeError, NotImplementedError, TypeError) as error:  # sparse, nested, on no device
        raise ValueError(f"{name} has type {values.dtype}, {values.layout}; it must be a dense tensor") from error
    if bad:
        raise ValueError(f"{name} has {bad} NaN or infinite values; all must be finite")
    if whole and (values.abs() > EXACT).any():
        raise ValueError(f"{name} has integers beyond 2^53, which float64 does not tell apart; it must have none")
    return values


def weights(values: Any, n: int, name: str = "weights") -> "torch.Tensor | None":
    """What each of n samples weighs, as a tensor.

    Parameters
    ----------
    values : (n,), >= 0, some of them positive; None, which is given back, stands for all equal.
    n : samples.
    name : of the argument.

    Raises
    ------
    ValueError
        For anything else.
    """
    if values is None:
        return None
    found = tensor(values, name, "n", arrays=True).detach()
    if tuple(found.shape) != (n,) or (found < 0).any() or not 0 < found.sum() < math.inf:
        raise ValueError(
            f"{name} has shape {tuple(found.shape)}, numbers from {found.min():g} to {found.max():g}; "
            f"allowed is ({n},), all >= 0, and not all 0"
        )
    return found


def images(values: Any, shape: Any = None, name: str = "images") -> "torch.Tensor":
    """Images, as they came.

    Parameters
    ----------
    values : (n, C, H, W), a uint8 tensor, n >= 1.
    shape : (C, H, W) that they must have; None for any.
    name : of the argument.

    Raises
    ------
    ValueError
        For anything else.
    """
    import torch

    wanted = "C, H, W" if shape is None else ", ".join(map(str, shape))
    if not isinstance(values, torch.Tensor) or values.dtype != torch.uint8:
        kind = values.dtype if isinstance(values, torch.Tensor) else type(values).__name__
        raise ValueError(f"{name} has type {kind}; allowed is a uint8 tensor (n, {wanted}), pixels 0..255")
    if values.ndim != 4 or not values.numel() or (shape is not None and values.shape[1:] != tuple(shape)):
        raise ValueError(f"{name} has shape {tuple(values.shape)}; allowed is (n, {wanted}) with n >= 1")
    return values


def labels(values: Any, n: int, classes: float = math.inf, name: str = "labels") -> "torch.Tensor":
    """Classes of n samples, as a long tensor.

    Parameters
    ----------
    values : (n,), a tensor or array of integers of any type, 0..`classes` - 1.
    n : samples.
    classes : how many there are; inf for any number.
    name : of the argument.

    Raises
    ------
    ValueError
        For anything else.
    """
    import torch

    array = values if isinstance(values, torch.Tensor) else np.asarray(values)
    if tuple(array.shape) != (n,):
        raise ValueError(f"{name} has shape {tuple(array.shape)}; allowed is ({n},)")
    whole = str(array.dtype).removeprefix("torch.").startswith(("int", "uint"))
    top = "" if classes == math.inf else f" to {classes - 1}"
    if not whole:
        raise ValueError(f"{name} has type {array.dtype}; allowed are integers from 0{top}")
    found = torch.as_tensor(array.astype(np.int64) if isinstance(array, np.ndarray) else array).long()
    if n and (found.min() < 0 or found.max() >= classes):
        raise ValueError(f"{name} reach from {found.min()} to {found.max()}; allowed are integers from 0{top}")
    return found
