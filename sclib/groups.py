"""The logs that `taste` reads: ragged groups made flat, and what must hold of them and of the picks."""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.sparse import csgraph

from sclib import checks

SHOWN = 5  # so many items are named in a message


def flatten(groups: Sequence[Sequence], name: str) -> tuple[list, np.ndarray]:
    """Groups of two or more in one list, and where each starts, (n,).

    Parameters
    ----------
    groups : of candidates.
    name : of the argument.

    Raises
    ------
    ValueError
        If there is no group, or one of fewer than two.
    """
    try:
        groups = [list(group) for group in groups]
    except TypeError as error:
        raise checks.wrong(name, groups, "be a sequence of sequences") from error
    sizes = np.array([len(group) for group in groups], dtype=np.int64)
    if not len(sizes):
        raise ValueError(f"{name} is empty; at least one group is needed")
    if sizes.min() < 2:
        i = int(sizes.argmin())
        raise ValueError(f"{name}[{i}] = {groups[i]!r:.60}; a choice needs two candidates or more")
    return list(itertools.chain.from_iterable(groups)), np.cumsum(sizes) - sizes


def index(flat: Sequence, name: str) -> tuple[list, np.ndarray]:
    """The distinct values, sorted, and the place of each entry among them, (rows,).

    Parameters
    ----------
    flat : entries.
    name : of the argument.

    Raises
    ------
    ValueError
        If they cannot be sorted.
    """
    try:
        values = sorted(set(flat))
    except TypeError as error:
        raise ValueError(f"{name} mixes things that cannot be sorted, such as text and numbers: {error}") from error
    place = {value: i for i, value in enumerate(values)}
    return values, np.fromiter((place[entry] for entry in flat), dtype=np.int64, count=len(flat))


def refuse_twice(entry: np.ndarray, starts: np.ndarray, values: list, name: str) -> None:
    """Let groups pass in which no value comes twice.

    Parameters
    ----------
    entry : (rows,), the place of each row's value in `values`.
    starts : (n,), the first row of each group.
    values : that there are.
    name : of the argument.

    Raises
    ------
    ValueError
        If a group has the same value twice.
    """
    group = group_of(starts, len(entry))
    order = np.lexsort((entry, group))
    same = (np.diff(group[order]) == 0) & (np.diff(entry[order]) == 0)
    if same.any():
        row = order[1:][same].min()
        raise ValueError(f"{name}[{group[row]}] has {values[entry[row]]!r} twice; within a group all must differ")


def require_links(item: np.ndarray, starts: np.ndarray, picked: np.ndarray, items: list) -> None:
    """Let picks pass that lead by a chain from every item to every other: else some reward is infinite.

    Parameters
    ----------
    item : (rows,), the place of each row's item in `items`.
    starts : (n,), the first row of each group.
    picked : (n,), the row that was picked in each.
    items : that there are.

    Raises
    ------
    ValueError
        If there is no such chain; it names the items.
    """
    group = group_of(starts, len(item))
    winner = item[picked][group]
    m = len(items)
    beats = sparse.coo_array((np.ones(len(item)), (winner, item)), shape=(m, m)).tocsr()
    count, part = csgraph.connected_components(beats, connection="strong")
    if count == 1:
        return
    crossing = part[winner] != part[item]
    beaten, winning = np.zeros(count, bool), np.zeros(count, bool)
    beaten[part[item][crossing]] = winning[part[winner][crossing]] = True
    said = [
        f"{_names(items, ends[part])} {verb}"
        for ends, verb in [
            (winning & ~beaten, "never lost to the others"),
            (beaten & ~winning, "never won against the others"),
            (~beaten & ~winning, "never met the others"),
        ]
        if ends.any()
    ]
    raise ValueError(
        f"groups and picks leave rewards infinite or unknown: {'; '.join(said)}. "
        "Leave these out, or set prior (in nats; 2, say)"
    )


def indicators(place: np.ndarray, size: int) -> sparse.csr_array:
    """A sparse matrix (rows, size) with a one in each row.

    Parameters
    ----------
    place : (rows,), where.
    size : columns.
    """
    return sparse.csr_array((np.ones(len(place)), (np.arange(len(place)), place)), shape=(len(place), size))


def places_of(positions: Sequence[Sequence], starts: np.ndarray, rows: int) -> tuple[list, np.ndarray]:
    """The distinct positions, sorted, and the place of each row's position among them.

    Parameters
    ----------
    positions : one a candidate, in groups of the sizes of the others.
    starts : (n,), the first row of each group.
    rows : how many candidates there are.

    Raises
    ------
    ValueError
        If the sizes differ, or a group has a position twice.
    """
    shown, begins = flatten(positions, "positions")
    if len(shown) != rows or not np.array_equal(begins, starts):
        raise ValueError("positions differ from groups in their sizes; each candidate needs one position")
    places, place = index(shown, "positions")
    refuse_twice(place, starts, places, "positions")
    return places, place


def indices(picks: ArrayLike, n: int, sizes: ArrayLike) -> np.ndarray:
    """Picks as an array (n,).

    Parameters
    ----------
    picks : (n,), integers, each below its entry of `sizes`.
    n : groups.
    sizes : (n,), or one for all.

    Raises
    ------
    ValueError
        For anything else.
    """
    try:
        picks = np.asarray(picks)
    except (TypeError, ValueError, RuntimeError) as error:
        raise checks.wrong("picks", picks, f"be ({n},) integers") from error
    if picks.shape != (n,) or picks.dtype.kind not in "iu":
        raise ValueError(
            f"picks has shape {picks.shape} and type {picks.dtype}; "
            f"it must be ({n},) integers, one for each of groups or features"
        )
    wrong = np.flatnonzero((picks < 0) | (picks >= sizes))
    if len(wrong):
        i = wrong[0]
        size = np.broadcast_to(sizes, n)[i]
        raise ValueError(f"picks[{i}] = {picks[i]}; of {size} candidates it must be from 0 to {size - 1}")
    return picks


def group_of(starts: np.ndarray, rows: int) -> np.ndarray:
    """The group of each row, (rows,).

    Parameters
    ----------
    starts : (n,), the first row of each group.
    rows : how many there are.
    """
    return np.repeat(np.arange(len(starts)), np.diff(np.append(starts, rows)))


def _names(items, chosen):
    names = [str(items[i]) for i in np.flatnonzero(chosen)]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
