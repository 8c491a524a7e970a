"""The machinery of `taste`: Newton's method for Luce's rule with a reward that is linear in features."""

from typing import Any

import numpy as np
from scipy import sparse

SINGULAR = 1e-11  # least eigenvalue of the scaled information from which on it counts as zero


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
