"""Is that a valid argument?  One check for each kind of input, for all modules: it returns what was meant, or raises.

Every check takes a value and the argument's name, and raises a ValueError that says the name, the value and what is
allowed.  Here are those of single numbers; `array_checks` has arrays and laws, `tensor_checks` what models work on.
"""

import math
import numbers
from collections.abc import Callable
from typing import Any

import numpy as np

MAX_SPREAD = 700.0  # max - min of the rewards; beyond it e^r leaves the range of float64
MAX_K = 10**15  # float64 tells integers apart up to 9e15
MAX_ROUNDS = 10**6  # rounds are gone through one by one
EXACT = 2**53  # up to here float64 tells integers apart


def wrong(name: str, value: Any, must: str) -> ValueError:
    """The error for the caller to raise: "`name` = `value` must `must`".

    Parameters
    ----------
    name : of the argument.
    value : that it has.
    must : what it must, "be positive", say.
    """
    return ValueError(f"{name} = {shown(value)} must {must}")


def shown(value: Any) -> str:
    """The first 80 characters of a value as Python writes it, on one line, or its type where it cannot be written.

    Parameters
    ----------
    value : anything.
    """
    try:
        return " ".join(repr(value).split())[:80]
    except Exception:  # an integer of 5,000 digits, or a class with an error in its __repr__
        return f"<{type(value).__name__}>"


def is_number(value: Any) -> bool:
    """Whether this is a real number in the range of float64, or infinite; not NaN, not True or False.

    Parameters
    ----------
    value : anything.
    """
    try:
        return isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_) and not math.isnan(value)
    except OverflowError:  # an integer of 400 digits
        return False


def real(value: Any, name: str, within: Callable[[float], bool], must: str) -> float:
    """A number of a given range, as a float.

    Parameters
    ----------
    value, name : the argument's.
    within : -> whether the number lies in the range.
    must : the range in words, "be positive".

    Raises
    ------
    ValueError
        For anything else.
    """
    if not (is_number(value) and within(float(value))):
        raise wrong(name, value, must)
    return float(value)


def integer(value: Any, name: str, least: int = 0, most: float = math.inf, must: str = "") -> int:
    """A whole number of a given range, as an int (3.0 is one, True is not).

    Parameters
    ----------
    value, name : the argument's.
    least, most : the range, both ends allowed.
    must : the range in words; "be an integer >= 0", say, if left out.

    Raises
    ------
    ValueError
        For anything else.
    """
    if not (is_number(value) and least <= value <= most and value < math.inf and value == int(value)):
        bounds = f">= {least}" if most == math.inf else f">= {least} and <= {most:,}"
        raise wrong(name, value, must or f"be an integer {bounds}")
    return int(value)


def one_of(value: Any, name: str, allowed: Any) -> Any:
    """A text that is one of those allowed.

    Parameters
    ----------
    value, name : the argument's.
    allowed : texts.

    Raises
    ------
    ValueError
        For anything else.
    """
    if not isinstance(value, str) or value not in allowed:
        raise wrong(name, value, f"be one of {', '.join(allowed)}")
    return value


def random_numbers(seed: Any, name: str = "seed") -> np.random.Generator:
    """NumPy's random numbers.

    Parameters
    ----------
    seed : None, an integer >= 0, or a sequence of these.
    name : of the argument.

    Raises
    ------
    ValueError
        For anything else.
    """
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError) as error:
        raise wrong(name, seed, "be an integer >= 0 or None") from error


def candidates(K: Any, least: int = 1) -> float:
    """The number of candidates, as an int or inf.

    Parameters
    ----------
    K : from `least` to 1e15, or inf.
    least : allowed.

    Raises
    ------
    ValueError
        For anything else.
    """
    if is_number(K) and K == math.inf:
        return math.inf
    text = f"be an integer from 1 to {MAX_K:.0e}" if least == 1 else f"be an integer >= {least} and <= {MAX_K:.0e}"
    return integer(K, "K", least, MAX_K, f"{text}, or math.inf")


def mixing(lam: Any) -> float:
    """The weight of the curated samples against the reference, as a float.

    Parameters
    ----------
    lam : >= 0, or inf.

    Raises
    ------
    ValueError
        For anything else.
    """
    return real(lam, "lam", lambda value: value >= 0, "be >= 0; math.inf is the fully synthetic loop")


def rounds(t: Any, name: str = "t") -> int:
    """A number of rounds, as an int.

    Parameters
    ----------
    t : from 0 to a million.
    name : of the argument.

    Raises
    ------
    ValueError
        For anything else.
    """
    return integer(t, name, 0, MAX_ROUNDS)


def seeds(values: Any, name: str = "seeds") -> tuple[int, ...]:
    """Seeds of PyTorch's generators, as a tuple.

    Parameters
    ----------
    values : one or more integers from 0 to 2^63 - 1.
    name : of the argument.

    Raises
    ------
    ValueError
        For anything else.
    """
    try:
        found = tuple(values)
    except TypeError as error:
        raise wrong(name, values, "be a sequence of integers >= 0") from error
    if not found:
        raise wrong(name, values, "hold one integer or more")
    return tuple(integer(seed, name, 0, 2**63 - 1, "hold integers >= 0, below 2^63") for seed in found)
