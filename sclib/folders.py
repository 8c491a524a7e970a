"""The user's cache folder, who may write there, and how writers keep out of each other's way."""

import contextlib
import os
import pathlib
import secrets
from collections.abc import Iterator

import filelock
import platformdirs


def cache_folder() -> pathlib.Path:
    """The user's folder for results: `SCLIB_CACHE` if set, else the platform's.

    Raises
    ------
    ValueError
        If its ~ is no home.
    """
    name = os.environ.get("SCLIB_CACHE") or platformdirs.user_cache_dir("sclib", appauthor=False)
    folder = os.path.expanduser(name)
    if folder.startswith("~"):
        raise ValueError(f"SCLIB_CACHE = {name!r} begins with ~, but there is no such home; set it to a folder")
    return pathlib.Path(folder)


def writable_cache() -> pathlib.Path:
    """`cache_folder()`, made if need be: to be called before long work whose outcome is to be written there.

    Raises
    ------
    ValueError
        If nothing can be written there.
    """
    folder = cache_folder()
    try:
        with writing(folder), open(folder / f"{secrets.token_hex(4)}.tmp", "xb") as file:
            pathlib.Path(file.name).unlink()
    except OSError as error:
        raise ValueError(
            f"nothing can be written into {folder} ({error}); set SCLIB_CACHE to a folder that you may write to"
        ) from error
    return folder


@contextlib.contextmanager
def lock(path: str | pathlib.Path, timeout: float = -1) -> Iterator[None]:
    """Hold a path for this process: others that ask wait until the block is left.

    A process that dies leaves the lock to the next one.  No file is left over.

    Parameters
    ----------
    path : whatever it is to hold; its folder is made if need be.
    timeout : seconds to wait at most; without end if negative.

    Raises
    ------
    OSError
        If nothing can be written there.
    filelock.Timeout
        If another process holds it for longer.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.with_name(f".{path.name}.lock")
    with filelock.FileLock(file, is_singleton=True).acquire(timeout=timeout) as held:
        try:
            yield
        finally:
            if held.lock_counter == 1:  # the outermost of this process; who waits for the file that goes makes another
                with contextlib.suppress(OSError):  # Windows keeps a file that is open
                    file.unlink()


def writing(folder: pathlib.Path) -> contextlib.AbstractContextManager[None]:
    """The lock of those that write or remove files in a folder: never held for longer than that takes.

    Parameters
    ----------
    folder : where.
    """
    return lock(folder / "writing")


def sweep(folder: pathlib.Path) -> None:
    """Remove what writers that were killed left behind: while the lock is held, no other one is at work.

    Parameters
    ----------
    folder : whose lock, `writing`, is held.
    """
    for left in folder.glob("*.tmp"):
        with contextlib.suppress(OSError):  # another user's
            left.unlink()
