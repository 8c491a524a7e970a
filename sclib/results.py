"""The result store: arrays saved and loaded by the config that made them.  It never trains, and needs no torch.

A result is one file `<experiment>-<key>.npz` of plain arrays; `key` is the first 12 hex digits of SHA-256 of the
config as canonical JSON.  Config and provenance (date, device, seconds, versions) are one JSON string inside the file.
Shipped results (this package's folder `results`) come before the user's cache (`SCLIB_CACHE`, else the platform's).
"""

import contextlib
import glob
import json
import math
import os
import pathlib
import re
import secrets
import warnings
import zipfile
from typing import Any, NamedTuple

import numpy as np

from sclib.folders import cache_folder, sweep, writable_cache, writing
from sclib.record import META, PARTS, canonical, file_name, key, record, storable

SHIPPED = pathlib.Path(__file__).with_name("results")
PART = 15_000_000  # bytes


class Result(NamedTuple):
    """What `load` returns."""

    config: dict  # as JSON holds it: lists for tuples, "inf" for math.inf
    arrays: dict  # name -> NumPy array
    provenance: dict  # date, device, seconds, versions

    @property
    def source(self):
        """One line that says where the numbers come from, for captions."""
        made = self.provenance
        seeds = self.config.get("seeds", [])
        span = f"seeds {seeds[0]}-{seeds[-1]}" if len(seeds) > 1 else f"seed {seeds[0]}" if seeds else "no seed"
        return (
            f"{self.config['experiment']} ({key(self.config)}), {span}, {made.get('date', 'date unknown')}, "
            f"{made.get('device', 'device unknown')}, {made.get('seconds', math.nan):.0f} s"
        )


class MissingResult(LookupError):
    """No sound result for a config; the message names the command that makes it."""


class DamagedResult(ValueError):
    """A file that is cut short, altered, or of another config."""


def save(config: Any, arrays: dict, provenance: dict) -> pathlib.Path:
    """Write `arrays` (name -> array) to the user's cache under `config`; returns the path.

    `config` and `provenance`: a dataclass or dict of what JSON can hold, or infinite, and the first as `file_name`
    wants it; `arrays`: of numbers, booleans, dates, text or bytes, under names of letters, digits, _, . and -.
    Raises: ValueError naming what is anything else.
    """
    name = file_name(config)
    _meta(config, provenance), storable(arrays)  # what cannot be stored is said before any folder is made
    path = writable_cache() / name
    write(path, config, arrays, provenance)
    return path


def load(config: Any, command: str | None = None) -> Result:
    """The `Result` of `config`, shipped or from the user's cache; every byte read is checked.

    `config`: a dataclass or dict with `experiment` and `version`; `command`: what a miss says to run.
    A damaged file, or one of another config, is renamed to `*.damaged` with a warning and never used.
    Raises: MissingResult naming the command that makes it.
    """
    for folder in (lambda: SHIPPED, cache_folder):
        if (result := read_or_put_aside(folder() / file_name(config), config)) is not None:
            return result
    command = command or f"python -m sclib.experiments run {record(config)['experiment']}"
    raise MissingResult(f"no stored result {file_name(config)}; make it with: {command}")


def write(path, config, arrays, provenance, parts=()):
    """Write one file so that `path` holds all of it or what it held before, whatever happens meanwhile.

    `parts`: names of files beside it whose arrays belong to it too.  Raises: ValueError as `save`.
    """
    arrays, path = storable(arrays), pathlib.Path(path)
    own = {META: np.array(_meta(config, provenance))} | ({PARTS: np.array(parts)} if parts else {})
    with writing(path.parent):
        sweep(path.parent)
        _write(path, arrays | own)


def _meta(config, provenance):
    return canonical({"config": record(config), "provenance": record(provenance, "provenance")})


def _write(path, arrays):
    # In the same folder because os.replace is atomic only within a file system; opened with the mode that the user's
    # umask gives to any file.
    temporary = path.with_name(f"{path.name}{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read(path: pathlib.Path, config: Any) -> Result:
    """The `Result` in `path`.  Raises: OSError; DamagedResult if it is not whole or not `config`'s."""
    path, config = pathlib.Path(path), record(config)
    while True:
        with open(path, "rb") as file:
            seen = os.fstat(file.fileno())
            try:
                return _read(file, path, config)
            except DamagedResult:
                # A writer may have put another set in its place and removed the parts of the one that was read.
                if path.exists() and os.path.samestat(seen, path.stat()):
                    raise


def _read(file, path, config):
    try:
        with zipfile.ZipFile(file) as archive:
            if (bad := archive.testzip()) is not None:
                raise DamagedResult(f"checksum of {bad} is wrong")
            # A wrong length of a comment hides the entry of the table of contents that comes next.
            if any(entry.comment for entry in archive.infolist()):
                raise DamagedResult("its table of contents has a comment, which nothing here writes")
        file.seek(0)
        with np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        meta = json.loads(str(arrays.pop(META)))
        for part in arrays.pop(PARTS, ()):
            arrays |= read(path.with_name(str(part)), config).arrays
        result = Result(meta["config"], arrays, meta["provenance"])
    except Exception as error:  # what a damaged zip file makes zipfile and NumPy raise is not documented
        raise DamagedResult(f"{path}: {type(error).__name__}: {error}") from error
    if result.config != config:
        raise DamagedResult(f"{path}: made with another config: {canonical(result.config)}")
    return result


def write_split(path: pathlib.Path, config: Any, arrays: dict) -> None:
    """As `write`, in as many files as keep each under 15 MB: `path`, and parts beside it that it names.

    `path` is written last, so that it always stands for a whole set.  A larger array has a file of its own.
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
    """Remove what `write_split` wrote; nothing if there is none."""
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


def read_or_put_aside(path: pathlib.Path, config: Any) -> Result | None:
    """As `read`, but None for a file that is missing, cannot be read or is damaged, of which the latter two are warned.

    A damaged file is renamed `*.damaged`, if nobody has written another one in the meantime.
    """
    try:
        return _read_or_none(path, config)
    except DamagedResult:
        pass
    try:
        with writing(path.parent):  # once more, while nobody writes
            try:
                return _read_or_none(path, config)
            except DamagedResult as error:
                os.replace(path, path.with_name(path.name + ".damaged"))
                warnings.warn(f"not used and put aside as {path.name}.damaged: {error}", stacklevel=3)
    except OSError:  # an installed package may be read-only
        try:
            return _read_or_none(path, config)
        except DamagedResult as damage:
            warnings.warn(f"not used, and could not be put aside: {damage}", stacklevel=3)
    return None


def _read_or_none(path, config):
    try:
        return read(path, config)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        warnings.warn(f"not used, since it cannot be read: {error}", stacklevel=4)
        return None
