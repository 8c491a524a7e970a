"""The result store: arrays saved and loaded by the config that made them.  It never trains, and needs no torch.

A result is one file `<experiment>-<key>.npz` of plain arrays; `key` is the first 12 hex digits of SHA-256 of the
config as canonical JSON.  Config and provenance (date, device, seconds, versions) are one JSON string inside the file.
Shipped results (this package's folder `results`) come before the user's cache (`SCLIB_CACHE`, else the platform's).
"""

import json
import math
import os
import pathlib
import secrets
import warnings
import zipfile
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from sclib.folders import cache_folder, sweep, writable_cache, writing
from sclib.record import META, PARTS, canonical, file_name, key, record, storable

SHIPPED = pathlib.Path(__file__).with_name("results")


class Result(NamedTuple):
    """What `load` returns."""

    config: dict  # as JSON holds it: lists for tuples, "inf" for math.inf
    arrays: dict  # name -> NumPy array
    provenance: dict  # date, device, seconds, versions

    @property
    def source(self) -> str:
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
    """Write a result to the user's cache.

    Parameters
    ----------
    config : a dataclass or dict of what JSON can hold, or infinite, with `experiment` and `version`.
    arrays : name -> numbers, booleans, dates, text or bytes; names of letters, digits, _, . and -.
    provenance : a dataclass or dict of what JSON can hold.

    Returns
    -------
    The file's path.

    Raises
    ------
    ValueError
        Naming what is anything else.
    """
    name = file_name(config)
    _meta(config, provenance), storable(arrays)  # what cannot be stored is said before any folder is made
    path = writable_cache() / name
    write(path, config, arrays, provenance)
    return path


def load(config: Any, command: str | None = None) -> Result:
    """A result, shipped or from the user's cache; every byte read is checked.

    A damaged file, or one of another config, is renamed to `*.damaged` with a warning and never used.

    Parameters
    ----------
    config : a dataclass or dict with `experiment` and `version`.
    command : what a miss says to run; None for `experiments run`.

    Raises
    ------
    MissingResult
        If there is none.
    """
    for folder in (lambda: SHIPPED, cache_folder):
        if (result := read_or_put_aside(folder() / file_name(config), config)) is not None:
            return result
    command = command or f"python -m sclib.experiments run {record(config)['experiment']}"
    raise MissingResult(f"no stored result {file_name(config)}; make it with: {command}")


def write(path: str | pathlib.Path, config: Any, arrays: dict, provenance: Any, parts: Sequence[str] = ()) -> None:
    """Write one file so that the path holds all of it or what it held before, whatever happens meanwhile.

    Parameters
    ----------
    path : to be written.
    config, arrays, provenance : as for `save`.
    parts : names of files beside it whose arrays belong to it too.

    Raises
    ------
    ValueError
        As `save`.
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
            np.savez_compressed(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read(path: pathlib.Path, config: Any) -> Result:
    """The result in a file.

    Parameters
    ----------
    path : to be read.
    config : whose it must be.

    Raises
    ------
    OSError
        If it cannot be read.
    DamagedResult
        If it is not whole or not `config`'s.
    """
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


def read_or_put_aside(path: pathlib.Path, config: Any) -> Result | None:
    """As `read`, but None for a file that is missing, cannot be read or is damaged, of which the latter two are warned.

    A damaged file is renamed `*.damaged`, if nobody has written another one in the meantime.

    Parameters
    ----------
    path, config : as for `read`.
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
