"""What chance alone does in the curator's game: the shares where nobody looks at the pictures."""

import functools
import itertools

import numpy as np

from sclib import checks
from sclib.game import ENDS, VALUES, check_rate


def blind_shares(rate: float, rounds: int = 100, games: int = 2000) -> np.ndarray:
    """Shares of all eight values in games whose picks are blind, (rounds + 1, games, 8): what chance alone does.

    Parameters
    ----------
    rate : as for `Game`.
    rounds : picks, an integer >= 0.
    games : an integer >= 1.

    Raises
    ------
    ValueError
        For an argument out of range.
    """
    return _blind_shares(
        check_rate(rate), checks.rounds(rounds, "rounds"), checks.integer(games, "games", 1, 10**6)
    ).copy()


@functools.cache
def _blind_shares(rate, rounds, games):
    rng = np.random.default_rng(0)
    shares = np.empty((rounds + 1, games, len(VALUES)))
    for start, stop in itertools.pairwise(ENDS):
        shares[0, :, start:stop] = 1 / (stop - start)
        for t in range(rounds):
            now = shares[t, :, start:stop]
            drawn = (rng.random((games, 1)) > now.cumsum(axis=1)[:, :-1]).sum(axis=1)
            shares[t + 1, :, start:stop] = (1 - rate) * now + rate * np.eye(stop - start)[drawn]
    return shares
