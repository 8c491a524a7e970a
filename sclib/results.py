"""The result store: arrays saved and loaded by the config that made them.  It never trains, and needs no torch.

A result is one file `<experiment>-<key>.npz` of plain arrays; `key` is the first 12 hex digits of SHA-256 of the
config as canonical JSON.  Config and provenance (date, device, seconds, versions) are one JSON string inside the file.
Shipped results (this package's folder `results`) come before the user's cache (`SCLIB_CACHE`, else the platform's).
"""

import contextlib
import dataclasses
import glob
import hashlib
import json
import math
import os
import pathlib
import re
import secrets
import warnings
import zipfile
from typing import NamedTuple

import filelock
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
    """The user's folder for results: `SCLIB_CACHE` if set, else the platform's.  ValueError if its ~ is no home."""
    name = os.environ.get("SCLIB_CACHE") or platformdirs.user_cache_dir("sclib", appauthor=False)
    folder = os.path.expanduser(name)
    if folder.startswith("~"):
        raise ValueError(f"SCLIB_CACHE = {name!r} begins with ~, but there is no such home; set it to a folder")
    return pathlib.Path(folder)


def writable_cache():
    """`cache_folder()`, made if need be: to be called before long work whose outcome is to be written there.

    Raises: ValueError, naming SCLIB_CACHE, if nothing can be written there.
    """
    folder = cache_folder()
    try:
        with _writing(folder), open(folder / f"{secrets.token_hex(4)}.tmp", "xb") as file:
            pathlib.Path(file.name).unlink()
    except OSError as error:
        raise ValueError(
            f"nothing can be written into {folder} ({error}); set SCLIB_CACHE to a folder that you may write to"
        ) from error
    return folder


@contextlib.contextmanager
def lock(path):
    """Hold `path`, whatever it is to hold, for this process: others that ask wait until the block is left.

    A process that dies leaves the lock to the next one.  No file is left over.  Raises: OSError.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.with_name(f".{path.name}.lock")
    with filelock.FileLock(file, is_singleton=True) as held:
        try:
            yield
        finally:
            if held.lock_counter == 1:  # the outermost of this process; who waits for the file that goes makes another
                with contextlib.suppress(OSError):  # Windows keeps a file that is open
                    file.unlink()


def _writing(folder):
    """The lock of those that write or remove files in `folder`: never held for longer than that takes."""
    return lock(folder / "writing")


def save(config, arrays, provenance):
    """Write `arrays` (name -> array) to the user's cache under `config`; returns the path.

    `config` and `provenance`: a dataclass or dict of what JSON can hold, or infinite, and the first as `file_name`
    wants it; `arrays`: of numbers, booleans, dates, text or bytes, under names of letters, digits, _, . and -.
    Raises: ValueError naming what is anything else.
    """
    name = file_name(config)
    _meta(config, provenance), _storable(arrays)  # what cannot be stored is said before any folder is made
    path = writable_cache() / name
    write(path, config, arrays, provenance)
    return path


def load(config, command=None):
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
    arrays, path = _storable(arrays), pathlib.Path(path)
    own = {META: np.array(_meta(config, provenance))} | ({PARTS: np.array(parts)} if parts else {})
    with _writing(path.parent):
        _sweep(path.parent)
        _write(path, arrays | own)


def _meta(config, provenance):
    return _canonical({"config": record(config), "provenance": record(provenance, "provenance")})


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


def _sweep(folder):
    """Remove what writers that were killed left in `folder`: while its lock is held, no other one is at work."""
    for left in folder.glob("*.tmp"):
        with contextlib.suppress(OSError):  # another user's
            left.unlink()


def read(path, config):
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
    with _writing(path.parent):
        for part, group in zip(parts, groups[1:], strict=True):
            write(part, config, group, {})
        write(path, config, groups[0], {}, [part.name for part in parts])
        _remove_parts(path, parts)


def remove_split(path):
    """Remove what `write_split` wrote; nothing if there is none."""
    if path.parent.exists():
        with _writing(path.parent):
            path.unlink(missing_ok=True)
            _remove_parts(path)
            _sweep(path.parent)


def _remove_parts(path, but=()):
    # Also those of writers that were killed, which no file names.
    for part in set(path.parent.glob(f"{glob.escape(path.stem)}-*.part")) - set(but):
        if re.fullmatch(r"-[0-9a-f]{8}-\d+\.part", part.name.removeprefix(path.stem)):
            part.unlink(missing_ok=True)


def read_or_put_aside(path, config):
    """As `read`, but None for a file that is missing, cannot be read or is damaged, of which the latter two are warned.

    A damaged file is renamed `*.damaged`, if nobody has written another one in the meantime.
    """
    try:
        return _read_or_none(path, config)
    except DamagedResult:
        pass
    try:
        with _writing(path.parent):  # once more, while nobody writes
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
