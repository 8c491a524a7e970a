"""A log of picks from a CSV file, with an error that names the line for whatever is wrong with it."""

import csv
import os
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

COLUMNS = ("group", "item", "picked", "position")
TRUTH = {"0": False, "1": True, "false": False, "true": True, "0.0": False, "1.0": True}
LONG = 20_000  # rows between two steps of the progress bar


class Log(NamedTuple):
    """A log of n picks, as `fit_rewards` takes it."""

    groups: list  # n lists of items (text)
    picks: np.ndarray  # (n,)
    positions: list | None  # n lists of integers, where the log has them


def read_log(path: str | os.PathLike, progress: bool = False) -> Log:
    """Read a log of picks from a CSV with the columns group, item, picked (0 or 1) and, if it has one, position.

    A row is one item that was shown in one group.  Rows of a group need not be neighbours; other columns are ignored.
    Commas, semicolons or tabs; UTF-8, with or without a byte order mark.

    Parameters
    ----------
    path : of the file.
    progress : whether to show a bar.

    Returns
    -------
    Log

    Raises
    ------
    ValueError
        Naming the file, the line and what is allowed, at the first thing wrong.
    """
    groups: dict[str, dict] = {}
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            size = os.path.getsize(path)
            with tqdm(total=size, unit="B", unit_scale=True, desc="read", disable=not progress) as bar:
                has_position = _read_rows(file, groups, bar)
        picks = [_one_pick(name, rows) for name, rows in groups.items()]
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 ({error.reason} at byte {error.start}); save it as CSV UTF-8") from error
    except (csv.Error, ValueError) as error:
        raise ValueError(f"{path}, {error}") from error
    items = [[row[1] for row in rows] for rows in groups.values()]
    positions = [[row[3] for row in rows] for rows in groups.values()] if has_position else None
    return Log(items, np.array(picks), positions)


def _read_rows(file, groups, bar):
    """Fill `groups`, a dict from a group's name to its rows (line, item, picked, position)."""
    header = file.readline()
    if not header.strip():
        raise ValueError(f"line 1: the file is {'empty' if not header else 'without a header'}; {_wanted()}")
    delimiter = max(",;\t", key=header.count)
    names = [name.strip().lower() for name in next(csv.reader([header], delimiter=delimiter))]
    missing = [name for name in COLUMNS[:3] if name not in names]
    if missing or any(names.count(name) > 1 for name in COLUMNS):
        raise ValueError(f"line 1: the columns are {', '.join(names)}; {_wanted()}")
    where = [names.index(name) if name in names else None for name in COLUMNS]
    group_at, item_at, picked_at, position_at = where
    rows = csv.reader(file, delimiter=delimiter)
    was = 0
    for row in rows:
        line = rows.line_num + 1
        if not row:
            continue
        if len(row) != len(names):
            raise ValueError(f"line {line}: {len(row)} fields; the header has {len(names)}")
        name, item = row[group_at].strip(), row[item_at].strip()
        if not name or not item:
            raise ValueError(f"line {line}: {'item' if name else 'group'} is empty")
        picked = TRUTH.get(row[picked_at].strip().lower())
        if picked is None:
            raise ValueError(f"line {line}: picked = {row[picked_at]!r}; it must be 0 or 1")
        position = None if position_at is None else _integer(row[position_at], line)
        groups.setdefault(name, []).append((line, item, picked, position))
        if line % LONG == 0:
            bar.update(file.buffer.tell() - was)
            was = file.buffer.tell()
    if not groups:
        raise ValueError("line 2: no rows below the header")
    return position_at is not None


def _one_pick(name, rows):
    """The index of the pick of a group, in which nothing may be twice."""
    line = rows[0][0]
    if len(rows) < 2:
        raise ValueError(f"line {line}: group {name!r} has one item; a choice needs two or more")
    for column, what in ((1, "item"), (3, "position")):
        seen = {}
        for row in rows:
            if row[column] is not None and seen.setdefault(row[column], row[0]) != row[0]:
                raise ValueError(
                    f"line {row[0]}: group {name!r} has {what} {row[column]!r} twice, first in line {seen[row[column]]}"
                )
    picked = [i for i, row in enumerate(rows) if row[2]]
    if len(picked) != 1:
        where = f"line {rows[picked[1]][0]}" if picked else f"line {line}"
        raise ValueError(f"{where}: group {name!r} has {len(picked) or 'no'} picks; exactly one is needed")
    return picked[0]


def _integer(text, line):
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"line {line}: position = {text!r}; it must be an integer") from None


def _wanted():
    return f"needed are {', '.join(COLUMNS[:3])} and, if known, {COLUMNS[3]}"
