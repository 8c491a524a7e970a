"""A result too large for one file: several files, each within a host's limit, that always stand for a whole set."""

import contextlib
import glob
import pathlib
import re
import secrets
import zipfile
from typing import Any

import numpy as np

from sclib.folders import sweep, writing
from sclib.record import PARTS, storable
from sclib.results import write

PART = 15_000_000  # bytes


def write_split(path: str | pathlib.Path, config: Any, arrays: dict) -> None:
    """As `results.write`, in as many files as keep each under 15 MB: the one asked for, and parts that it names.

    It is written last, so that it always stands for a whole set.  A larger array has a file of its own.

    Parameters
    ----------
    path : to be written; the parts stand beside it.
    config, arrays : as for `results.save`.
    """
    path, size = pathlib.Path(path), 0
    groups: list[dict] = [{}]
    for name, array in storable(arrays).items():
        size += array.nbytes
        if size > PART and groups[-1]:
            groups.append({})
            size = array.nbytes
        groups[-1][name] = array
    mark = secrets.token_hex(4)  # a set of parts never overwrites that of the last time
    parts = [path.with_name(f"{path.stem}-{mark}-{i}.part") for i in range(1, len(groups))]
    with writing(path.parent):
        try:
            for part, group in zip(parts, groups[1:], strict=True):
                write(part, config, group, {})
            write(path, config, groups[0], {}, [part.name for part in parts])
        finally:  # a full disk keeps the old set, and nothing of the new one
            with contextlib.suppress(OSError, ValueError, zipfile.BadZipFile):
                _remove_parts(path, _named(path))


def remove_split(path: pathlib.Path) -> None:
    """Remove what `write_split` wrote; nothing if there is none.

    Parameters
    ----------
    path : as for `write_split`.
    """
    if path.parent.exists():
        with writing(path.parent):
            path.unlink(missing_ok=True)
            _remove_parts(path)
            sweep(path.parent)


def _named(path):
    """The parts that `path` names; none if there is no such file."""
    if not path.exists():
        return []
    with np.load(path, allow_pickle=False) as stored:
        return [path.with_name(str(part)) for part in stored.get(PARTS, ())]


def _remove_parts(path, but=()):
    # Also those of writers that were killed, which no file names.
    for part in set(path.parent.glob(f"{glob.escape(path.stem)}-*.part")) - set(but):
        if re.fullmatch(r"-[0-9a-f]{8}-\d+\.part", part.name.removeprefix(path.stem)):
            part.unlink(missing_ok=True)
