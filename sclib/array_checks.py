"""Are these valid numbers, a valid law?  Checks of arrays, as those of `checks`; NumPy only.

What comes back is float64, whatever type of array, sequence, data frame or tensor came.
"""

import decimal
import math
import numbers
import sys
from typing import Any

import numpy as np

from sclib.checks import EXACT, MAX_SPREAD, wrong


def reals(values: Any, name: str, finite: bool = False) -> np.ndarray:
    """Real numbers, as a float64 array of the same shape.

    Parameters
    ----------
    values : an array, nested sequence, data frame or tensor, on any device and of any dtype; no complex numbers, no
        text, no masked array, and no integer that float64 does not hold.
    name : of the argument.
    finite : whether NaN and infinities are refused.

    Raises
    ------
    ValueError
        For anything else.
    """
    try:
        array = np.asarray(_cpu(values))
        # An array of objects (fractions, say) is converted one by one; complex numbers and text are refused.
        one_by_one = array.dtype == object and all(
            isinstance(v, numbers.Real | decimal.Decimal) or v is None for v in array.flat
        )
        with np.errstate(over="ignore"):
            numeric = array.astype(np.float64, casting="unsafe" if one_by_one else "same_kind", copy=False)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise wrong(name, values, "be an array of real numbers") from error
    if isinstance(values, np.ma.MaskedArray) and values.mask.any():
        raise ValueError(f"{name} is a masked array; it must be an array without a mask")
    if array.dtype.kind in "iu" and (np.abs(numeric) > EXACT).any():
        raise ValueError(f"{name} has integers beyond 2^53, which float64 does not tell apart; it must have none")
    if finite and not np.all(np.isfinite(numeric)):
        raise ValueError(f"{name} has {np.sum(~np.isfinite(numeric))} NaN or infinite values; all must be finite")
    return numeric


def _cpu(values):
    """What NumPy can read: a tensor that needs a gradient, lies on a GPU or is in bfloat16 it cannot."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(values, torch.Tensor):
        return values
    values = values.detach().cpu()
    half = values.is_floating_point() and values.dtype not in (torch.float32, torch.float64)
    return (values.double() if half else values).numpy()


def probabilities(probs: Any, name: str) -> np.ndarray:
    """A law, float64 (n,), its sum set to one exactly.

    Parameters
    ----------
    probs : (n,), all >= 0; the sum may be off by 1e-6, or by the rounding of n numbers added up in single precision, or
        in half precision if it came in that.
    name : of the argument.

    Raises
    ------
    ValueError
        For anything else.
    """
    given, probs = probs, reals(probs, name)
    if probs.ndim != 1 or probs.size == 0:
        raise ValueError(f"{name} has shape {probs.shape}; it must be (n,) with n >= 1")
    if not np.all(probs >= 0):
        raise ValueError(f"{name} has a negative or NaN value ({np.min(probs)}); all must be >= 0")
    with np.errstate(over="ignore"):
        total = probs.sum()
    # Float64 often holds what a network computed in single precision.
    rounding = max(_rounding(given), float(np.finfo(np.float32).eps))
    tolerance = min(max(1e-6, rounding * math.sqrt(len(probs))), 0.01)
    if not abs(total - 1) <= tolerance:
        raise ValueError(f"{name} sums to {total:.9g}; it must sum to 1 within {tolerance:.2g}")
    return probs / total


def _rounding(values):
    """The relative spacing of floating numbers in the type of `values`: 1.2e-7 for float32."""
    torch, dtype = sys.modules.get("torch"), getattr(values, "dtype", None)
    if torch is not None and isinstance(dtype, torch.dtype):
        return torch.finfo(dtype).eps if dtype.is_floating_point else 0.0
    return float(np.finfo(dtype).eps) if isinstance(dtype, np.dtype) and dtype.kind == "f" else 0.0


def law(probs: Any, rewards: Any, name: str = "probs") -> tuple[np.ndarray, np.ndarray]:
    """A law and the rewards of its atoms, float64 (n,) each.

    Parameters
    ----------
    probs : (n,), as for `probabilities`.
    rewards : (n,), finite, nats, spanning at most 700.
    name : of the argument `probs`.

    Raises
    ------
    ValueError
        For anything else.
    """
    probs, rewards = probabilities(probs, name), reals(rewards, "rewards")
    if rewards.shape != probs.shape:
        raise ValueError(f"{name} has shape {probs.shape} and rewards has shape {rewards.shape}; both must be (n,)")
    reals(rewards, "rewards", finite=True)
    with np.errstate(over="ignore"):
        spread = np.ptp(rewards)
    if spread > MAX_SPREAD:
        raise ValueError(f"rewards span {spread:.6g}; max - min may be at most {MAX_SPREAD:g}")
    return probs, rewards
