"""The result store: arrays saved and loaded by the config that made them.  It never trains, and needs no torch.

A result is one file `<experiment>-<key>.npz` of plain arrays; `key` is the first 12 hex digits of SHA-256 of the
config as canonical JSON.  Config and provenance (date, device, seconds, versions) are one JSON string inside the file.
Shipped results (this package's folder `results`) come before the user's cache (`SCLIB_CACHE`, else the platform's).
"""

import dataclasses
import glob
import hashlib
import json
import math
import os
import pathlib
import secrets
import tempfile
import warnings
import zipfile
from typing import NamedTuple

import numpy as np
import platformdirs

SHIPPED = pathlib.Path(__file__).with_name("results")
META = "meta"  # the array that holds config and provenance
PARTS = "parts"  # the array that names the other files of one written by `write_split`
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


def key(config):
    """First 12 hex digits of SHA-256 of `config` (a dataclass or a dict) as canonical JSON."""
    return hashlib.sha256(_canonical(_plain(config)).encode()).hexdigest()[:12]


def cache_folder():
    """The user's folder for results: `SCLIB_CACHE` if set, else the platform's."""
    return pathlib.Path(os.environ.get("SCLIB_CACHE") or platformdirs.user_cache_dir("sclib", appauthor=False))


def save(config, arrays, provenance):
    """Write `arrays` (name -> array) to the user's cache under `config`; returns the path.

    Raises: ValueError if an array is named "meta" or holds Python objects, or the config has no experiment or version.
    """
    path = cache_folder() / file_name(config)
    write(path, config, arrays, provenance)
    return path


def load(config, command=None):
    """The `Result` of `config`, shipped or from the user's cache; every byte read is checked.

    `config`: a dataclass or dict with `experiment` and `version`; `command`: what a miss says to run.
    A damaged file, or one of another config, is renamed to `*.damaged` with a warning and never used.
    Raises: MissingResult naming the command that makes it.
    """
    for folder in (SHIPPED, cache_folder()):
        if (result := read_or_put_aside(folder / file_name(config), config)) is not None:
            return result
    command = command or f"python -m sclib.experiments run {_plain(config)['experiment']}"
    raise MissingResult(f"no stored result {file_name(config)}; make it with: {command}")


def file_name(config):
    """`<experiment>-<key>.npz`.  Raises: ValueError if `config` has no experiment or version."""
    plain = _plain(config)
    for name in ("experiment", "version"):
        if name not in plain:
            raise ValueError(f"config has no {name!r}; it must have 'experiment' and 'version'")
    return f"{plain['experiment']}-{key(config)}.npz"


def write(path, config, arrays, provenance):
    """Write one file so that `path` holds all of it or what it held before, whatever happens meanwhile."""
    arrays = {name: np.asarray(array) for name, array in arrays.items()}
    for name, array in arrays.items():
        if name == META or array.dtype.hasobject:
            raise ValueError(f"array {name!r} of type {array.dtype}: objects and the name {META!r} are not allowed")
    meta = _canonical({"config": _plain(config), "provenance": _plain(provenance)})
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The temporary file is in the same folder because os.replace is atomic only within a file system.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **arrays, **{META: np.array(meta)})
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        pathlib.Path(temporary).unlink(missing_ok=True)
        raise


def read(path, config):
    """The `Result` in `path`.  Raises: FileNotFoundError; DamagedResult if it is not whole or not `config`'s."""
    with open(path, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                if (bad := archive.testzip()) is not None:
                    raise DamagedResult(f"checksum of {bad} is wrong")
            file.seek(0)
            with np.load(file, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            meta = json.loads(str(arrays.pop(META)))
            for part in arrays.pop(PARTS, ()):
                arrays |= read(path.with_name(str(part)), config).arrays
            result = Result(meta["config"], arrays, meta["provenance"])
        except Exception as error:  # what a damaged zip file makes zipfile and NumPy raise is not documented
            raise DamagedResult(f"{path}: {type(error).__name__}: {error}") from error
    if result.config != _plain(config):
        raise DamagedResult(f"{path}: made with another config: {_canonical(result.config)}")
    return result


def write_split(path, config, arrays):
    """As `write`, in as many files as keep each under 15 MB: `path`, and parts beside it that it names.

    `path` is written last, so that it always stands for a whole set.  A larger array has a file of its own.
    """
    groups, size = [{}], 0
    for name, array in arrays.items():
        array = np.asarray(array)
        size += array.nbytes
        if size > PART and groups[-1]:
            groups.append({})
            size = array.nbytes
        groups[-1][name] = array
    mark = secrets.token_hex(4)  # a set of parts never overwrites that of the last time
    parts = [path.with_name(f"{path.stem}-{mark}-{i}.part") for i in range(1, len(groups))]
    for part, group in zip(parts, groups[1:], strict=True):
        write(part, config, group, {})
    write(path, config, groups[0] | {PARTS: np.array([part.name for part in parts], str)}, {})
    _remove_parts(path, parts)


def remove_split(path):
    """Remove what `write_split` wrote; nothing if there is none."""
    path.unlink(missing_ok=True)
    _remove_parts(path)


def _remove_parts(path, but=()):
    for part in set(path.parent.glob(f"{glob.escape(path.stem)}-*.part")) - set(but):
        part.unlink()


def read_or_put_aside(path, config):
    """As `read`, but None for a missing file, and for a damaged one, which is reported and renamed `*.damaged`."""
    try:
        return read(path, config)
    except FileNotFoundError:
        return None
    except DamagedResult as error:
        aside = path.with_name(path.name + ".damaged")
        try:
            os.replace(path, aside)
            warnings.warn(f"not used and put aside as {aside.name}: {error}", stacklevel=3)
        except OSError:  # an installed package may be read-only
            warnings.warn(f"not used, and could not be put aside: {error}", stacklevel=3)
        return None


def _plain(value):
    """`value` as JSON holds it, so that what was read back can be compared with what is asked."""
    if dataclasses.is_dataclass(value):
        value = dataclasses.asdict(value)
    if isinstance(value, dict):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return value


def _canonical(plain):
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)
