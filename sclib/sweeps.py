"""Sweeps by what clusters have: a list of commands, each a run of its own, and one result made of many."""

import ast
import itertools
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from sclib.results import Result


def setting(text: str) -> tuple[str, Any]:
    """A setting from the command line.

    Parameters
    ----------
    text : "FIELD=VALUE": "K=4", "lam=inf", "seeds=0:50".
    """
    name, _, value = text.partition("=")
    if found := re.fullmatch(r"(\d+):(\d+)", value):
        return name, tuple(range(int(found[1]), int(found[2])))
    try:
        return name, math.inf if value == "inf" else ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def combinations(varied: Iterable[str]) -> list[dict[str, Any]]:
    """Settings of all runs of a sweep.

    Parameters
    ----------
    varied : texts "FIELD=VALUES": "K=2,4,16", "lam=0.5,inf", or, of integers, "seeds=0:50"; a seed is a run.

    Returns
    -------
    A dict of settings for each combination, the last field changing fastest.

    Raises
    ------
    ValueError
        For a text without values.
    """
    fields: dict[str, list] = {}
    for text in varied:
        name, _, values = text.partition("=")
        if re.fullmatch(r"\d+:\d+", values):
            found = setting(text)[1]
        else:
            found = [setting(f"{name}={value.strip()}")[1] for value in values.split(",") if value.strip()]
        if not found:
            raise ValueError(f"vary = {text!r} must be FIELD=VALUES, such as K=2,4,16 or seeds=0:50")
        fields[name] = [(value,) for value in found] if name == "seeds" else list(found)
    return [dict(zip(fields, values, strict=True)) for values in itertools.product(*fields.values())]


def joined(parts: Sequence[Result]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """One result of many: what a run of all their seeds at once stores, but for rounding.

    Parameters
    ----------
    parts : results of one seed each, of the same settings otherwise, in the order of the seeds.

    Returns
    -------
    Arrays and provenance, as `results.save` takes them.  Of what is measured on all seeds together, such as the gate,
    the mean; seconds are the sum.

    Raises
    ------
    ValueError
        If they are not of the same data.
    """
    origins = [
        {k: v for k, v in part.provenance.items() if k not in ("date", "device", "seconds", "versions")}
        for part in parts
    ]
    if any(origin != origins[0] for origin in origins):
        raise ValueError(f"the results come from different data, {origins}; all must come from the same")
    provenance = origins[0] | {
        "date": max(part.provenance["date"] for part in parts),
        "device": ", ".join(sorted({part.provenance["device"] for part in parts})),
        "seconds": round(sum(part.provenance["seconds"] for part in parts), 1),
        "versions": parts[0].provenance["versions"],
        "joined": [part.provenance for part in parts],
    }
    arrays = {name: _joined(name, [part.arrays[name] for part in parts]) for name in parts[0].arrays}
    return arrays, provenance


def _joined(name, arrays):
    first = arrays[0]
    if name == "seconds":
        return np.sum(arrays, 0)
    if first.ndim > 1 and first.shape[1] == 1 and not name.startswith("data_"):  # (rounds, seeds, ...)
        return np.concatenate(arrays, 1)
    # Of the data or, as the gate's, of all seeds' first samples, as many of each.
    return first if all(np.array_equal(first, other) for other in arrays) else np.mean(arrays, 0, dtype=np.float64)
