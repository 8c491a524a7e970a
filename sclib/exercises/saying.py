"""How a check speaks: one sentence, whatever the answer does."""

import functools
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from sclib import array_checks

CLOSE = 1e-5  # an answer may compute in float32


class _Wrong(Exception):
    pass


def says(check: Callable[[Callable], str]) -> Callable[[Callable], None]:
    """Print what a check returns, or what it found wrong.

    Parameters
    ----------
    check : takes an answer; returns a sentence, or calls `require`.
    """

    @functools.wraps(check)
    def said(answer):
        try:
            line = f"Right: {check(lambda *given: answer(*map(_copied, given)))}"
        except _Wrong as wrong:
            line = f"Not yet: {wrong}"
        except Exception as error:
            line = f"Not yet: your function raised {type(error).__name__}: {error}"
        print(textwrap.fill(line, 79))

    return said


def _copied(given):
    # An answer may change what it is given: what is compared with it afterwards must not change too.
    if isinstance(given, torch.Tensor):
        return given.clone(memory_format=torch.contiguous_format)
    return given.copy() if isinstance(given, np.ndarray) else given


def require(condition: Any, message: str) -> None:
    """End a check whose condition does not hold.

    Parameters
    ----------
    condition : true or false.
    message : what is wrong with the answer.

    Raises
    ------
    _Wrong
        Which `says` prints.
    """
    if not condition:
        raise _Wrong(message)


def number(value: Any, call: str) -> float:
    """What an answer returned, as a number.

    Parameters
    ----------
    value : what it returned.
    call : as it was called, in words.
    """
    require(value is not None, f"{call} returned None; it should return a number.")
    return float(value)


def law(value: Any, call: str, n: int) -> np.ndarray:
    """What an answer returned, in whatever form, as n probabilities.

    Parameters
    ----------
    value : what it returned.
    call : as it was called, in words.
    n : how many it should return.
    """
    require(value is not None, f"{call} returned None; it should return {n} probabilities.")
    found = array_checks.reals(value, "what it returned")
    require(found.shape == (n,), f"{call} should return {n} probabilities, not shape {found.shape}.")
    return found
