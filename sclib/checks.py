"""Is that a valid argument?  One check for each kind of input, for all modules: it returns what was meant, or raises.

Every check takes a value and the argument's name, and raises a ValueError that says the name, the value and what is
allowed.  Numbers come back as Python's, arrays as float64, tensors as float32 or float64, whatever the default dtype.
NumPy does all but the last checks, from `tensor` on, which import torch.
"""

import decimal
import math
import numbers
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

MAX_SPREAD = 700.0  # max - min of the rewards; beyond it e^r leaves the range of float64
MAX_K = 10**15  # float64 tells integers apart up to 9e15
MAX_ROUNDS = 10**6  # rounds are gone through one by one
EXACT = 2**53  # up to here float64 tells integers apart


def wrong(name: str, value: Any, must: str) -> ValueError:
    """The error for the caller to raise: "`name` = `value` must `must`", which is "be positive", say."""
    return ValueError(f"{name} = {shown(value)} must {must}")


def shown(value: Any) -> str:
    """The first 80 characters of `value` as Python writes it, on one line, or its type where it cannot be written."""
    try:
        return " ".join(repr(value).split())[:80]
    except Exception:  # an integer of 5,000 digits, or a class with an error in its __repr__
        return f"<{type(value).__name__}>"


def is_number(value: Any) -> bool:
    """Whether `value` is a real number in the range of float64, or infinite; not NaN, not True or False."""
    try:
        return isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_) and not math.isnan(value)
    except OverflowError:  # an integer of 400 digits
        return False


def real(value: Any, name: str, within: Callable[[float], bool], must: str) -> float:
    """`value` as a float, if it is a number for which `within` holds: what it `must`, in words."""
    if not (is_number(value) and within(float(value))):
        raise wrong(name, value, must)
    return float(value)


def integer(value: Any, name: str, least: int = 0, most: float = math.inf, must: str = "") -> int:
    """`value` as an int, if it is a whole number from `least` to `most` (3.0 is one, True is not)."""
    if not (is_number(value) and least <= value <= most and value < math.inf and value == int(value)):
        bounds = f">= {least}" if most == math.inf else f">= {least} and <= {most:,}"
        raise wrong(name, value, must or f"be an integer {bounds}")
    return int(value)


def one_of(value: Any, name: str, allowed: Any) -> Any:
    """`value`, if it is one of the texts `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        raise wrong(name, value, f"be one of {', '.join(allowed)}")
    return value


def random_numbers(seed: Any, name: str = "seed") -> np.random.Generator:
    """NumPy's generator of `seed`: None, an integer >= 0, or a sequence of these."""
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError) as error:
        raise wrong(name, seed, "be an integer >= 0 or None") from error


def candidates(K: Any, least: int = 1) -> float:
    """`K` as an int from `least` to 1e15, or inf."""
    if is_number(K) and K == math.inf:
        return math.inf
    text = f"be an integer from 1 to {MAX_K:.0e}" if least == 1 else f"be an integer >= {least} and <= {MAX_K:.0e}"
    return integer(K, "K", least, MAX_K, f"{text}, or math.inf")


def mixing(lam: Any) -> float:
    """`lam`, the weight of the curated samples against the reference, as a float >= 0, or inf."""
    return real(lam, "lam", lambda value: value >= 0, "be >= 0; math.inf is the fully synthetic loop")


def rounds(t: Any, name: str = "t") -> int:
    """`t` as an int from 0 to a million."""
    return integer(t, name, 0, MAX_ROUNDS)


def reals(values: Any, name: str, finite: bool = False) -> np.ndarray:
    """`values` as a float64 array of any shape, without NaN or infinities if `finite`.

    Arrays, nested sequences, data frames and tensors, on any device and of any dtype, but no complex numbers, no text,
    no masked array, and no integer that float64 does not hold.
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
    """`probs` as a law, float64 (n,): all >= 0, and a sum of one, to which it is set exactly.

    The sum may be off by 1e-6, or, if it came in single or half precision, by the rounding of n numbers added up.
    """
    given, probs = probs, reals(probs, name)
    if probs.ndim != 1 or probs.size == 0:
        raise ValueError(f"{name} has shape {probs.shape}; it must be (n,) with n >= 1")
    if not np.all(probs >= 0):
        raise ValueError(f"{name} has a negative or NaN value ({np.min(probs)}); all must be >= 0")
    with np.errstate(over="ignore"):
        total = probs.sum()
    tolerance = min(max(1e-6, _rounding(given) * math.sqrt(len(probs))), 0.01)
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
    """`probs`, a law, and the `rewards` of its atoms, float64 (n,) each; rewards are finite and span 700 at most."""
    probs, rewards = probabilities(probs, name), reals(rewards, "rewards")
    if rewards.shape != probs.shape:
        raise ValueError(f"{name} has shape {probs.shape} and rewards has shape {rewards.shape}; both must be (n,)")
    reals(rewards, "rewards", finite=True)
    with np.errstate(over="ignore"):
        spread = np.ptp(rewards)
    if spread > MAX_SPREAD:
        raise ValueError(f"rewards span {spread:.6g}; max - min may be at most {MAX_SPREAD:g}")
    return probs, rewards


def tensor(values: Any, name: str, last: str = "K", arrays: bool = False):
    """`values` as a tensor (..., `last`) of finite numbers, in float32 or float64.

    Half precision becomes float32, in which distances do not overflow, and integers float64, which tells them apart.
    `arrays`: whether whatever `reals` takes will do too.
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


def weights(values: Any, n: int, name: str = "weights"):
    """`values` as a tensor (n,) of numbers >= 0, some of them positive; None, which stands for all equal, as it is."""
    if values is None:
        return None
    found = tensor(values, name, "n", arrays=True).detach()
    if tuple(found.shape) != (n,) or (found < 0).any() or not 0 < found.sum() < math.inf:
        raise ValueError(
            f"{name} has shape {tuple(found.shape)}, numbers from {found.min():g} to {found.max():g}; "
            f"allowed is ({n},), all >= 0, and not all 0"
        )
    return found


def seeds(values: Any, name: str = "seeds") -> tuple[int, ...]:
    """`values` as one or more integers from 0 to 2^63 - 1, which PyTorch's generators take."""
    try:
        found = tuple(values)
    except TypeError as error:
        raise wrong(name, values, "be a sequence of integers >= 0") from error
    if not found:
        raise wrong(name, values, "hold one integer or more")
    return tuple(integer(seed, name, 0, 2**63 - 1, "hold integers >= 0, below 2^63") for seed in found)


def images(values: Any, shape: Any = None, name: str = "images"):
    """`values` as they came, if they are a uint8 tensor (n, C, H, W), n >= 1, with `shape` (C, H, W) if it is given."""
    import torch

    wanted = "C, H, W" if shape is None else ", ".join(map(str, shape))
    if not isinstance(values, torch.Tensor) or values.dtype != torch.uint8:
        kind = values.dtype if isinstance(values, torch.Tensor) else type(values).__name__
        raise ValueError(f"{name} has type {kind}; allowed is a uint8 tensor (n, {wanted}), pixels 0..255")
    if values.ndim != 4 or not values.numel() or (shape is not None and values.shape[1:] != tuple(shape)):
        raise ValueError(f"{name} has shape {tuple(values.shape)}; allowed is (n, {wanted}) with n >= 1")
    return values


def labels(values: Any, n: int, classes: float = math.inf, name: str = "labels"):
    """`values`, integers of any type in a tensor or array, as a long tensor (n,) of classes 0..`classes` - 1."""
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
