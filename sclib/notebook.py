"""What a chapter needs from Jupyter: numbers that prose can quote, checks that must hold, the package's own code."""

import ast
import inspect
import math
import textwrap
from collections.abc import Callable
from typing import Any

from IPython.display import Markdown, display

from sclib import array_checks, checks

_HIDDEN = "application/papermill.record/"  # the mime prefix under which MyST-NB looks glued values up


def glue(name: str, text: str) -> None:
    """Store a text in this cell's output, unseen, for prose to quote as {glue:text}`name`.

    Parameters
    ----------
    name : by which it is quoted.
    text : as it will stand in the prose.
    """
    # Stored as a string: as a number, 3.270 would be quoted as 3.27.
    metadata = {"scrapbook": {"name": name, "mime_prefix": _HIDDEN}}
    display({f"{_HIDDEN}text/plain": repr(text)}, raw=True, metadata=metadata)


def check(name: str, measured: Any, predicted: Any, tolerance: float, digits: int = 4) -> None:
    """Print measured, predicted and tolerance on one line, glue the first two, and fail if they are further apart.

    Parameters
    ----------
    name : labels the line; the measured number is glued under it, the predicted one under `name-predicted`.
    measured, predicted : numbers, or arrays that hold one.
    tolerance : >= 0, by which they may differ.
    digits : after the point.

    Raises
    ------
    AssertionError
        If they differ by more, so that no chapter is stored with a check that fails.
    ValueError
        For what is no number.
    """
    measured, predicted = _number(measured, "measured"), _number(predicted, "predicted")
    tolerance = checks.real(tolerance, "tolerance", lambda value: 0 <= value < math.inf, "be >= 0 and finite")
    said, expected = _text(measured, digits), _text(predicted, digits)
    line = f"{name}: measured {said}, predicted {expected}, tolerance {tolerance:.3g}"
    if not abs(measured - predicted) <= tolerance:  # NaN is no success; `assert` would be gone under python -O
        raise AssertionError(line)
    print(line)
    glue(name, said)
    glue(f"{name}-predicted", expected)


def check_at_most(name: str, measured: float, bound: float, digits: int = 4) -> None:
    """As `check` for an inequality: print and glue both numbers, fail if it does not hold.

    Parameters
    ----------
    name : labels the line; the numbers are glued under it and under `name-bound`.
    measured, bound : numbers, or arrays that hold one.
    digits : after the point.

    Raises
    ------
    AssertionError
        If `measured` exceeds `bound`.
    ValueError
        For what is no number.
    """
    measured, bound = _number(measured, "measured"), _number(bound, "bound")
    said, allowed = _text(measured, digits), _text(bound, digits)
    if not measured <= bound:
        raise AssertionError(f"{name}: {said}, allowed up to {allowed}")
    rounding = said == f"below {allowed}"  # no two machines share its digits, so the limit alone is printed
    print(f"{name}: {said}, as it must be" if rounding else f"{name}: {said}, allowed up to {allowed}")
    glue(name, said)
    glue(f"{name}-bound", allowed)


def _number(value, name):
    """`value`, a number or an array that holds one, as a float; NaN is none that a check may pass."""
    array = array_checks.reals(value, name)
    if value is None or array.size != 1:
        raise checks.wrong(name, value, "be one number")
    return array.item()


def _text(value, digits):
    """A number with `digits` after the point; rounding errors, which no two machines share, only as "below 1e-12"."""
    digits = checks.integer(digits, "digits", 0, 100)
    if digits < 10:
        return f"{value:.{digits}f}"
    smallest = 10.0**-digits
    if abs(value) < smallest:
        return f"below {smallest:.0e}"
    return f"{value:.{digits}f}" if abs(value) > 1e-3 else f"{value:.0e}"


def show(function: Callable) -> None:
    """Display a function's source as the package runs it, without its docstring.

    Parameters
    ----------
    function : of the package.
    """
    source = textwrap.dedent(inspect.getsource(function))
    tree: Any = ast.parse(source).body[0]
    body = tree.body
    lines = source.splitlines()
    if ast.get_docstring(tree):
        del lines[body[0].lineno - 1 : body[0].end_lineno]
    display(Markdown("```python\n" + "\n".join(lines) + "\n```"))
