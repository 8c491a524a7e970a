"""What may be stored, and under what: a config as JSON holds it, its key, names that any file may have, arrays."""

import dataclasses
import hashlib
import json
import math
import re
from typing import Any

import numpy as np

NAME = "[A-Za-z0-9_][A-Za-z0-9_.-]{,99}"  # of arrays, which become files in a zip, and of experiments
META = "meta"  # the array that holds config and provenance
PARTS = "parts"  # the array that names the other files of one written by `write_split`
RESERVED = (META, PARTS, "file", "allow_pickle")  # the last two are parameters of np.savez_compressed


def key(config: Any) -> str:
    """The first 12 hex digits of SHA-256 of a config as canonical JSON.

    Parameters
    ----------
    config : a dataclass or a dict.

    Raises
    ------
    ValueError
        As `record`.
    """
    return hashlib.sha256(canonical(record(config)).encode()).hexdigest()[:12]


def file_name(config: Any) -> str:
    """What a result is called, `<experiment>-<key>.npz`.

    Parameters
    ----------
    config : with `experiment`, a name that a file may have, and `version`.

    Raises
    ------
    ValueError
        For a config without these, or as `record`.
    """
    plain = record(config)
    for name in ("experiment", "version"):
        if name not in plain:
            raise ValueError(f"config has no {name!r}; it must have 'experiment' and 'version'")
    check_name(plain["experiment"], "config['experiment']")
    return f"{plain['experiment']}-{key(config)}.npz"


def check_name(name: Any, what: str) -> None:
    """Let a name pass that any file, and any array in one, may have.

    Parameters
    ----------
    name : at most 100 letters, digits, _, . and -; the first neither . nor -.
    what : how the message calls it.

    Raises
    ------
    ValueError
        For anything else.
    """
    if not (isinstance(name, str) and re.fullmatch(NAME, name)):
        raise ValueError(
            f"{what} = {name!r:.80} must be at most 100 of A-Z, a-z, 0-9, _, . and -, and begin with neither . nor -"
        )


def record(value: Any, name: str = "config") -> dict:
    """A config or a provenance as JSON holds it, so that what was read back can be compared with what is asked.

    Parameters
    ----------
    value : a dataclass or dict of text, numbers but NaN, True, False, None, and dicts, lists, tuples, dataclasses of
        these.
    name : how messages call it.

    Raises
    ------
    ValueError
        For anything else.
    """
    try:
        plain = _plain(value, name)
    except RecursionError:
        raise ValueError(f"{name} is nested too deeply, or contains itself") from None
    if not isinstance(plain, dict):
        raise ValueError(f"{name} is of type {type(value).__name__}; it must be a dataclass or a dict")
    return plain


def _plain(value, name):
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if not _left_out(f, value)}
    if isinstance(value, dict):
        for key in value:
            if not isinstance(_plain(key, f"a key of {name}"), str):
                raise ValueError(f"{name} has the key {key!r:.80}; all keys must be text")
        return {key: _plain(entry, f"{name}[{key!r:.80}]") for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry, f"{name}[{i}]") for i, entry in enumerate(value)]
    if isinstance(value, float) and math.isinf(value):
        return "inf" if value > 0 else "-inf"
    try:
        if json.loads(json.dumps(value, allow_nan=False)) == value:
            return value
    except (TypeError, ValueError):
        pass
    raise ValueError(
        f"{name}, of type {type(value).__name__}, is not what JSON would give back; allowed are text, numbers but NaN, "
        "True, False, None, and dicts, lists, tuples and dataclasses of these"
    )


def _left_out(field, value):
    """Whether a field that came later (`settings.later`) is at its default: results are older than it."""
    return field.metadata.get("later") and getattr(value, field.name) == field.default


def canonical(plain: dict) -> str:
    """The one JSON text of a config: sorted keys, no spaces.

    Parameters
    ----------
    plain : as `record` returns it.
    """
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)


def storable(arrays: Any) -> dict[str, np.ndarray]:
    """Arrays that can be written and read back as they are.

    Parameters
    ----------
    arrays : name -> numbers, booleans, dates, text or bytes, without a mask; names as for `check_name`, and not
        `RESERVED`.

    Raises
    ------
    ValueError
        For anything else.
    """
    if not isinstance(arrays, dict):
        raise ValueError(f"arrays is of type {type(arrays).__name__}; it must be a dict from names to arrays")
    plain = {}
    for name, array in arrays.items():
        check_name(name, "a name in arrays")
        if name in RESERVED or name.endswith(".npy"):  # NumPy takes this ending away
            raise ValueError(f"arrays has the name {name!r}; no name may end in .npy or be {', '.join(RESERVED)}")
        try:
            plain[name] = np.asarray(array)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"arrays[{name!r}], of type {type(array).__name__}, is no array: {error}") from error
        kind = plain[name].dtype
        if kind.kind not in "biufcmMUS" or isinstance(array, np.ma.MaskedArray):
            raise ValueError(
                f"arrays[{name!r}] is of type {type(array).__name__}, {kind}; "
                "allowed are numbers, booleans, dates, text and bytes without a mask"
            )
    return plain
