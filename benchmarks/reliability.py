"""The store of results under stress, counted: `python benchmarks/reliability.py [--write]`, some three minutes, Linux.

Every trial runs in processes of its own, in a fresh cache.  Lost: a set that was written and is not read; mixed: one
read with arrays of two; left over: files in the end that belong to no set.  `--write` puts the table into README.md.
"""

import errno
import itertools
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np

from sclib import parts, record, results

KILLS, SECONDS = 200, 30.0
CONFIG = {"experiment": "stress", "version": 1}
NOBODY = 65534
parts.PART = 40_000  # three files a set


def arrays(value, size=4000):
    return {f"layer{i}": np.full(size, value, np.float32) for i in range(6)}


def write(path, value):
    parts.write_split(path, CONFIG, arrays(value))


def read(path):
    """What is stored: its value, "lost" or "mixed"."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = results.read_or_put_aside(path, CONFIG)
    if result is None:
        return "lost"
    values = {float(v) for array in result.arrays.values() for v in np.unique(array)}
    return values.pop() if len(values) == 1 else "mixed"


def left_over(path):
    """Files that belong to no set: not the one named, not its parts."""
    with np.load(path, allow_pickle=False) as stored:
        parts = {str(part) for part in stored[record.PARTS]}
    return sum(file.name not in {path.name, *parts} for file in path.parent.iterdir())


def fork(work, user=None):
    """Start `work()` in a process of its own, which exits with 0, or 1 after an error."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        if user is not None:
            os.setgroups([])
            os.setuid(user)
        work()
        code = 0
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    finally:
        os._exit(code)


def ended(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def together(folder, writers, readers=2):
    """Writers of one set for some seconds, readers between."""
    path, end = folder / "state.npz", time.monotonic() + SECONDS
    write(path, 0)

    def writing():
        for value in itertools.count(os.getpid()):
            if time.monotonic() > end:
                break
            write(path, value % 2**20)
            os.write(note, b"w")

    def reading():
        while time.monotonic() < end:
            os.write(note, {"lost": b"l", "mixed": b"m"}.get(read(path), b"r"))

    note = os.open(folder.parent / "notes", os.O_APPEND | os.O_CREAT | os.O_RDWR)
    failed = sum(map(ended, [fork(writing) for _ in range(writers)] + [fork(reading) for _ in range(readers)]))
    notes = (folder.parent / "notes").read_text()
    lost = notes.count("l") + failed + (read(path) == "lost")
    return f"{notes.count('w'):,} writes, {notes.count('r'):,} reads", lost, notes.count("m"), left_over(path)


def killed(folder):
    """A writer killed at a random moment, and what is read afterwards."""
    path, found, rng = folder / "state.npz", [], random.Random(0)
    write(path, 0)

    def writing(first):
        for value in itertools.count(first):
            write(path, value)

    for kill in range(KILLS):
        child = fork(lambda first=1 + 1000 * kill: writing(first))
        time.sleep(rng.uniform(0, 0.12))
        os.kill(child, signal.SIGKILL)
        ended(child)
        found.append(read(path))
    kinds = len(list(folder.iterdir()))
    write(path, 1e6)
    tried = f"{KILLS} kills, {len(set(found))} different sets read, {kinds} files before the last write"
    return tried, found.count("lost"), found.count("mixed"), left_over(path)


def full_disk(folder):
    """A set that no longer fits, on a file system of 3 MB if one may be mounted, else with a write that says so."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder]
    mounted = not subprocess.run(mount, capture_output=True).returncode
    fsync, path, lost, mixed = os.fsync, folder / "state.npz", 0, 0
    try:
        for value in range(20):
            write(path, value)
            if not mounted:
                os.fsync = lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "no space left"))
            try:
                parts.write_split(path, CONFIG, arrays(-1.0, 200_000))
                lost += 1  # it cannot have fitted
            except OSError:
                pass
            os.fsync = fsync
            lost, mixed = lost + (read(path) != value), mixed + (read(path) == "mixed")
        return f"20 writes too many, {'tmpfs of 3 MB' if mounted else 'ENOSPC at fsync'}", lost, mixed, left_over(path)
    finally:
        os.fsync = fsync
        if mounted:
            subprocess.run(["umount", folder], check=True)


def other_user(folder):
    """Saved by root under umask 022 and 077; loaded by nobody from a folder that nobody may not write to."""
    if os.getuid():
        return "not tried: needs root", 0, 0, 0
    os.environ["SCLIB_CACHE"] = str(folder)
    path, other = (results.save(CONFIG | {"version": v}, arrays(v), {}) for v in (1, 2))
    other.chmod(0o600)

    def load():
        if results.load(CONFIG).arrays["layer0"][0] != 1:
            raise AssertionError("another set")
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                results.load(CONFIG | {"version": 2})
            except results.MissingResult:
                if len(said) != 1:
                    raise AssertionError("nothing was said") from None
        try:
            results.save(CONFIG, arrays(3), {})
        except ValueError as error:
            if "SCLIB_CACHE" not in str(error):
                raise
        else:
            raise AssertionError("written")

    failed = sum(ended(fork(load, NOBODY)) for _ in range(20))
    return "20 loads, misses and refused writes", failed, 0, sum(f not in (path, other) for f in folder.iterdir())


def odd_paths(folder):
    """Caches with ~, spaces and letters of other alphabets."""
    names, lost = ("~/cache", "~/my cache", "~/Bücher, 本 & Ökonomie", "~/a'b\"c", "~/%41"), 0
    os.environ["HOME"] = str(folder)
    for value, name in enumerate(names):
        os.environ["SCLIB_CACHE"] = name
        path = results.save(CONFIG, arrays(value), {})
        lost += path.parent != folder / name[2:] or results.load(CONFIG).arrays["layer0"][0] != value
    return f"{len(names)} folders", lost, 0, sum(1 for f in folder.rglob("*") if f.is_file()) - len(names)


TRIALS = {
    "two writers, two readers": lambda folder: together(folder, 2),
    "four writers, two readers": lambda folder: together(folder, 4),
    "SIGKILL at random moments": killed,
    "a full disk": full_disk,
    "another user, a read-only cache": other_user,
    "a path with ~, spaces, umlauts, quotes": odd_paths,
}


def main():
    rows = ["| trial | tried | lost | mixed | left over |", "| --- | --- | --- | --- | --- |"]
    for name, trial in TRIALS.items():
        root = pathlib.Path(tempfile.mkdtemp())
        root.chmod(0o755)
        (root / "cache").mkdir()
        start = time.perf_counter()
        rows.append(f"| {name} | {' | '.join(map(str, trial(root / 'cache')))} |")
        print(rows[-1], f"{time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
        shutil.rmtree(root)
    print("\n".join(rows))
    if "--write" in sys.argv:
        page = pathlib.Path(__file__).with_name("README.md")
        text = page.read_text(encoding="utf-8")
        table = "<!-- reliability -->\n" + "\n".join(rows) + "\n<!-- end of reliability -->"
        page.write_text(re.sub(r"<!-- reliability -->.*<!-- end of reliability -->", lambda _: table, text, flags=re.S))


if __name__ == "__main__":
    main()
