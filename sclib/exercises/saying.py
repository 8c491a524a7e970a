"""How a check speaks: one sentence, whatever the answer does."""

import functools
import textwrap

import numpy as np
import torch

from sclib import array_checks

CLOSE = 1e-5  # an answer may compute in float32


class _Wrong(Exception):
    pass


def says(check):
    """Print what `check` returns, or what it found wrong."""

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


def require(condition, message):
    if not condition:
        raise _Wrong(message)


def number(value, call):
    require(value is not None, f"{call} returned None; it should return a number.")
    return float(value)


def law(value, call, n):
    """`value`, the n probabilities that `call` returned, in whatever form, as an array."""
    require(value is not None, f"{call} returned None; it should return {n} probabilities.")
    found = array_checks.reals(value, "what it returned")
    require(found.shape == (n,), f"{call} should return {n} probabilities, not shape {found.shape}.")
    return found
