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
import re
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
NAME = "[A-Za-z0-9_][A-Za-z0-9_.-]{,99}"  # of arrays, which become files in a zip, and of experiments
RESERVED = (META, PARTS, "file", "allow_pickle")  # the last two are parameters of np.savez
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
    return hashlib.sha256(_canonical(record(config)).encode()).hexdigest()[:12]


def cache_folder():
    """The user's folder for results: `SCLIB_CACHE` if set, else the platform's."""
    return pathlib.Path(os.environ.get("SCLIB_CACHE") or platformdirs.user_cache_dir("sclib", appauthor=False))


def save(config, arrays, provenance):
    """Write `arrays` (name -> array) to the user's cache under `config`; returns the path.

    `config` and `provenance`: a dataclass or dict of what JSON can hold, or infinite, and the first as `file_name`
    wants it; `arrays`: of numbers, booleans, dates, text or bytes, under names of letters, digits, _, . and -.
    Raises: ValueError naming what is anything else.
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
    command = command or f"python -m sclib.experiments run {record(config)['experiment']}"
    raise MissingResult(f"no stored result {file_name(config)}; make it with: {command}")


def file_name(config):
    """`<experiment>-<key>.npz`.

    Raises: ValueError if `config` has no experiment or version, or the experiment's name could be no file's.
    """
    plain = record(config)
    for name in ("experiment", "version"):
        if name not in plain:
            raise ValueError(f"config has no {name!r}; it must have 'experiment' and 'version'")
    _check_name(plain["experiment"], "config['experiment']")
    return f"{plain['experiment']}-{key(config)}.npz"


def write(path, config, arrays, provenance, parts=()):
    """Write one file so that `path` holds all of it or what it held before, whatever happens meanwhile.

    `parts`: names of files beside it whose arrays belong to it too.  Raises: ValueError as `save`.
    """
    arrays = _storable(arrays)
    meta = _canonical({"config": record(config), "provenance": record(provenance, "provenance")})
    own = {META: np.array(meta)} | ({PARTS: np.array(parts)} if parts else {})
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The temporary file is in the same folder because os.replace is atomic only within a file system.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **arrays, **own)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        pathlib.Path(temporary).unlink(missing_ok=True)
        raise


def read(path, config):
    """The `Result` in `path`.  Raises: FileNotFoundError; DamagedResult if it is not whole or not `config`'s."""
    path, config = pathlib.Path(path), record(config)
    with open(path, "rb") as file:
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
        raise DamagedResult(f"{path}: made with another config: {_canonical(result.config)}")
    return result


def write_split(path, config, arrays):
    """As `write`, in as many files as keep each under 15 MB: `path`, and parts beside it that it names.

    `path` is written last, so that it always stands for a whole set.  A larger array has a file of its own.
    """
    path, groups, size = pathlib.Path(path), [{}], 0
    for name, array in _storable(arrays).items():
        size += array.nbytes
        if size > PART and groups[-1]:
            groups.append({})
            size = array.nbytes
        groups[-1][name] = array
    mark = secrets.token_hex(4)  # a set of parts never overwrites that of the last time
    parts = [path.with_name(f"{path.stem}-{mark}-{i}.part") for i in range(1, len(groups))]
    for part, group in zip(parts, groups[1:], strict=True):
        write(part, config, group, {})
    write(path, config, groups[0], {}, [part.name for part in parts])
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


def _storable(arrays):
    """`arrays` as NumPy arrays, if each can be written and read back as it is."""
    if not isinstance(arrays, dict):
        raise ValueError(f"arrays is of type {type(arrays).__name__}; it must be a dict from names to arrays")
    plain = {}
    for name, array in arrays.items():
        _check_name(name, "a name in arrays")
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


def _check_name(name, what):
    if not (isinstance(name, str) and re.fullmatch(NAME, name)):
        raise ValueError(
            f"{what} = {name!r:.80} must be at most 100 of A-Z, a-z, 0-9, _, . and -, and begin with neither . nor -"
        )


def record(value, name="config"):
    """A config or a provenance as JSON holds it, so that what was read back can be compared with what is asked."""
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


def _canonical(plain):
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)
