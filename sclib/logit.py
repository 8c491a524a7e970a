"""The machinery of `taste`: ragged groups made flat, and Newton's method for Luce's rule with a linear reward."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.sparse import csgraph

from sclib import checks

SINGULAR = 1e-11  # least eigenvalue of the scaled information from which on it counts as zero
SHOWN = 5  # so many items are named in a message


def maximise(
    design: Any,
    starts: np.ndarray,
    picked: np.ndarray,
    penalty: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Maximise log-likelihood(b) - b^T penalty b / 2 of picks by Luce's rule with rewards design @ b.

    Parameters
    ----------
    design : (rows, d), dense or sparse; a row a candidate, the groups one after another.
    starts : (n,), the first row of each group.
    picked : (n,), the row that was picked in each.
    penalty : (d, d).

    Returns
    -------
    b (d,), the inverse (d, d) of the information + penalty, the log-likelihood at b, and at 0.

    Raises
    ------
    ValueError
        If features cannot be told apart, or b runs off to infinity.
    """
    rows, d = design.shape
    ends = np.append(starts, rows)
    taken = np.asarray(design[picked].sum(axis=0)).ravel()

    def at(b):
        value, p = _likelihood(design @ b, starts, ends, picked)
        return value - b @ penalty @ b / 2, value, p

    b = np.zeros(d)
    goal, value, p = at(b)
    chance = value
    for attempt in range(60):
        mean = sparse.csr_array((p, np.arange(rows), ends), shape=(len(starts), rows)) @ design  # (n, d)
        square = design.T @ (sparse.csr_array((p, np.arange(rows), np.arange(rows + 1)), shape=(rows, rows)) @ design)
        information = square - mean.T @ mean
        information = (information.toarray() if sparse.issparse(information) else information) + penalty
        inverse = _inverse(information, at_zero=attempt == 0)
        move = inverse @ (taken - np.asarray(mean.sum(axis=0)).ravel() - penalty @ b)
        if np.abs(design @ move).max() < 1e-9:
            return b, inverse, value, chance
        for _ in range(40):  # a full step may overshoot where few picks speak
            new = at(b + move)
            if new[0] >= goal - 1e-12 * abs(goal):
                break
            move = move / 2
        b, (goal, value, p) = b + move, new
    raise _runs_off()


def flatten(groups: Sequence[Sequence], name: str) -> tuple[list, np.ndarray]:
    """Groups of two or more in one list, and where each starts, (n,)."""
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
    """The distinct values, sorted, and the place of each entry of `flat` among them, (rows,)."""
    try:
        values = sorted(set(flat))
    except TypeError as error:
        raise ValueError(f"{name} mixes things that cannot be sorted, such as text and numbers: {error}") from error
    place = {value: i for i, value in enumerate(values)}
    return values, np.fromiter((place[entry] for entry in flat), dtype=np.int64, count=len(flat))


def refuse_twice(entry: np.ndarray, starts: np.ndarray, values: list, name: str) -> None:
    """ValueError if a group has the same value twice."""
    group = group_of(starts, len(entry))
    order = np.lexsort((entry, group))
    same = (np.diff(group[order]) == 0) & (np.diff(entry[order]) == 0)
    if same.any():
        row = order[1:][same].min()
        raise ValueError(f"{name}[{group[row]}] has {values[entry[row]]!r} twice; within a group all must differ")


def require_links(item: np.ndarray, starts: np.ndarray, picked: np.ndarray, items: list) -> None:
    """ValueError unless a chain of picks leads from every item to every other: else some reward is infinite."""
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
    """A sparse matrix (rows, size) with a one at `place` (rows,) of each row."""
    return sparse.csr_array((np.ones(len(place)), (np.arange(len(place)), place)), shape=(len(place), size))


def places_of(positions: Sequence[Sequence], starts: np.ndarray, rows: int) -> tuple[list, np.ndarray]:
    """The distinct positions, sorted, and the place of each row's position among them; sizes as those of the groups."""
    shown, begins = flatten(positions, "positions")
    if len(shown) != rows or not np.array_equal(begins, starts):
        raise ValueError("positions differ from groups in their sizes; each candidate needs one position")
    places, place = index(shown, "positions")
    refuse_twice(place, starts, places, "positions")
    return places, place


def indices(picks: ArrayLike, n: int, sizes: ArrayLike) -> np.ndarray:
    """`picks` as (n,) integers, each below its entry of `sizes`, or ValueError."""
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
    """The group of each row, (rows,)."""
    return np.repeat(np.arange(len(starts)), np.diff(np.append(starts, rows)))


def _names(items, chosen):
    names = [str(items[i]) for i in np.flatnonzero(chosen)]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _likelihood(u, starts, ends, picked):
    """The log-likelihood of the picks for utilities `u` (rows,), and the probability of each row within its group."""
    sizes = np.diff(ends)
    top = np.maximum.reduceat(u, starts)
    w = np.exp(u - np.repeat(top, sizes))
    total = np.add.reduceat(w, starts)
    return float(np.sum(u[picked] - top - np.log(total))), w / np.repeat(total, sizes)


def _inverse(information, at_zero):
    scale = 1 / np.sqrt(np.maximum(np.diag(information), np.finfo(float).tiny))
    scaled = information * np.outer(scale, scale)
    if not np.all(np.isfinite(scaled)) or np.linalg.eigvalsh(scaled)[0] < SINGULAR:
        raise _undetermined() if at_zero else _runs_off()
    return np.linalg.inv(scaled) * np.outer(scale, scale)


def _undetermined():
    return ValueError(
        "features (or positions) cannot be told apart: some combination of them is the same for all candidates of "
        "every choice; leave one out, or set prior"
    )


def _runs_off():
    return ValueError(
        "picks have no finite fit: some combination of features (or positions) always wins; leave one out, or set prior"
    )
