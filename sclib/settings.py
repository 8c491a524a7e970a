"""Settings, frozen dataclasses: their values as the fields' types say, and fields that came later."""

import dataclasses
import math
import numbers
import typing
from typing import Any

COUNT_UP = 10**9  # the most that a setting may count


def later(default: Any) -> Any:
    """A field that is younger than stored results: at its default it is left out of their keys, so that they hold.

    Parameters
    ----------
    default : as `dataclasses.field` takes it.
    """
    return dataclasses.field(default=default, metadata={"later": True})


def coerce(settings: Any) -> None:
    """Put each field of a frozen dataclass into its type, so that equal settings have one key; for `__post_init__`.

    Parameters
    ----------
    settings : the dataclass.

    Raises
    ------
    ValueError
        For a value that is not of the field's type and equals none that is; it names the field.
    """
    hints = typing.get_type_hints(type(settings))
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        object.__setattr__(settings, field.name, _converted(field.name, value, hints[field.name]))


def check_counts(settings: Any, *names: str, least: int = 1) -> None:
    """Let fields pass that are integers of a given range.

    Parameters
    ----------
    settings : the dataclass.
    names : of the fields.
    least : allowed; the most is 10^9.

    Raises
    ------
    ValueError
        For another value.
    """
    for name in names:
        if not least <= getattr(settings, name) <= COUNT_UP:
            raise ValueError(f"{name} = {getattr(settings, name)!r} must be an integer >= {least} and <= 10^9")


def check_numbers(
    settings: Any, *names: str, least: float = 0.0, below: float = math.inf, allow_inf: bool = False
) -> None:
    """Let fields pass that are numbers of a given range.

    Parameters
    ----------
    settings : the dataclass.
    names : of the fields.
    least : allowed.
    below : which they must lie.
    allow_inf : whether inf is allowed besides.

    Raises
    ------
    ValueError
        For another value.
    """
    for name in names:
        value = getattr(settings, name)
        if not (least <= value < below or (allow_inf and value == math.inf)):
            top = "; inf is allowed" if allow_inf else "and finite" if below == math.inf else f"and below {below:g}"
            raise ValueError(f"{name} = {value!r} must be a number >= {least:g} {top}".replace(" ;", ";"))


def check_one_of(settings: Any, name: str, allowed: typing.Iterable) -> None:
    """Let a field pass that has one of some values.

    Parameters
    ----------
    settings : the dataclass.
    name : of the field.
    allowed : the values.

    Raises
    ------
    ValueError
        For another value.
    """
    if getattr(settings, name) not in allowed:
        raise ValueError(f"{name} = {getattr(settings, name)!r} must be one of {', '.join(map(str, allowed))}")


def _converted(name, value, kind):
    if kind in (int, float, tuple, str, bool):
        try:
            return {int: _integer, float: _number, tuple: _integers, str: _text, bool: _truth}[kind](value)
        except (TypeError, ValueError, OverflowError):
            wanted = {
                int: "an integer", float: "a number, such as 0.5, or inf",
                tuple: "different integers >= 0, such as (0,) or (0, 1, 2)", str: "text", bool: "True or False",
            }[kind]  # fmt: skip
            raise ValueError(f"{name} = {value!r:.80} must be {wanted}") from None
    if not isinstance(value, kind):
        raise ValueError(f"{name} is of type {type(value).__name__}; it must be {kind.__name__}")
    return value


def _integer(value):
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or value != int(value):
        raise ValueError
    return int(value)


def _number(value):
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or math.isnan(value):
        raise ValueError
    return float(value)


def _integers(value):
    found = tuple(_integer(entry) for entry in value)
    if not found or min(found) < 0 or max(found) >= 2**60 or len(set(found)) < len(found):
        raise ValueError
    return found


def _text(value):
    if not isinstance(value, str):
        raise ValueError
    return value


def _truth(value):
    if not isinstance(value, bool):
        raise ValueError
    return value
