"""From logged choices to rewards in nats: Luce's rule (Eq. 2) fitted to picks, and a test of the rule itself.

`fit_rewards` gives every item a reward of its own (the Plackett-Luce model, of which only the first place is seen);
`fit_taste` gives features of the items coefficients (the conditional or multinomial logit of McFadden, 1974).  Both
maximise the log-likelihood of the picks, which is concave, by Newton's method.  `iia_test` asks whether the rule holds.
"""

import csv
import math
import sys
from collections.abc import Sequence
from importlib import resources
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse, stats

from sclib import array_checks, checks
from sclib.groups import flatten, index, indicators, indices, places_of, refuse_twice, require_links
from sclib.logit import maximise

MAX_ITEMS = 3000  # the covariance is a full matrix
MODES = ("plane", "train", "bus", "car")
TERMS = ("plane", "train", "bus", "general cost", "terminal time", "income x plane")


class RewardFit(NamedTuple):
    """What `fit_rewards` returns.  Rewards and effects are in nats; m items, l positions."""

    rewards: np.ndarray  # (m,), of mean zero
    errors: np.ndarray  # (m,), their standard errors
    items: list  # the m items, sorted
    covariance: np.ndarray  # (m, m) of the rewards; its rows sum to zero
    positions: list  # the l positions, sorted; empty if none were given
    effects: np.ndarray  # (l,), what a position adds to the reward; 0 for the first
    effect_errors: np.ndarray  # (l,), 0 for the first
    log_likelihood: float  # of the picks
    chance: float  # the same if all picks were blind


class TasteFit(NamedTuple):
    """What `fit_taste` returns."""

    coefficients: np.ndarray  # (d,), nats per unit of each feature
    covariance: np.ndarray  # (d, d)
    log_likelihood: float  # of the picks
    errors: np.ndarray  # (d,), standard errors
    chance: float  # the log-likelihood if all picks were blind
    probabilities: np.ndarray  # (n, K), of each candidate to be picked


class IIATest(NamedTuple):
    """What `iia_test` returns."""

    statistic: float  # Hausman's; chi-square with `freedom` degrees of freedom if Luce's rule holds
    freedom: int
    p_value: float
    n: int  # choices that are left without the dropped candidate
    compared: np.ndarray  # (freedom,), indices of the features whose coefficients both fits have
    full: TasteFit
    restricted: TasteFit


def fit_rewards(
    groups: Sequence[Sequence],
    picks: ArrayLike,
    positions: Sequence[Sequence] | None = None,
    prior: float = math.inf,
) -> RewardFit:
    """Rewards of items from picks: the r of Luce's rule that makes the picks most likely, centred, with errors.

    Parameters
    ----------
    groups : n sequences of items (text or numbers), two or more and different within a group; sizes K may differ.
    picks : (n,) integers, the index within its group of the item that was picked.
    positions : n sequences like `groups`, where each item was shown; each position then adds an effect of its own to
        the reward, 0 for the first.  None: no effect.
    prior : standard deviation in nats of a normal prior of mean zero on rewards and effects; inf: none.

    Returns
    -------
    RewardFit

    Raises
    ------
    ValueError
        If an argument does not fit; if there is no finite fit: without a prior every item must be linked to every
        other by a chain of picks in which each beats the next (Ford, 1957), and the message names those that are not.

    Source
    ------
    Luce (1959), Plackett (1975); errors from the inverse of the observed information.
    """
    prior = _prior(prior)
    flat, starts = flatten(groups, "groups")
    picked = starts + indices(picks, len(starts), np.diff(np.append(starts, len(flat))))
    items, item = index(flat, "groups")
    m = len(items)
    if m > MAX_ITEMS:
        raise ValueError(f"groups has {m:,} items; at most {MAX_ITEMS:,} are allowed: join them to kinds, or fit_taste")
    refuse_twice(item, starts, items, "groups")
    if prior == math.inf:
        require_links(item, starts, picked, items)
    design = indicators(item, m)
    places: list = []
    if positions is not None:
        places, place = places_of(positions, starts, len(flat))
        design = sparse.hstack([design, indicators(place, len(places))[:, 1:]], format="csr")
    d = design.shape[1]
    middle = np.where(np.arange(d) < m, 1 / math.sqrt(m), 0.0)  # the direction that no pick can tell
    penalty = np.eye(d) / prior**2 + np.outer(middle, middle)
    b, inverse, value, chance = maximise(design, starts, picked, penalty)
    centre = np.eye(d) - np.outer(middle, middle)
    covariance = centre @ inverse @ centre
    errors = np.sqrt(np.diag(covariance))
    first = np.zeros(1 if places else 0)
    effects, effect_errors = np.append(first, b[m:]), np.append(first, errors[m:])
    covariance = covariance[:m, :m]
    return RewardFit(b[:m], errors[:m], items, covariance, places, effects, effect_errors, value, chance)


def fit_taste(features: ArrayLike, picks: ArrayLike, prior: float = math.inf) -> TasteFit:
    """Coefficients of a reward that is linear in features, r = features @ coefficients: the conditional logit.

    Parameters
    ----------
    features : (n, K, d), finite; row k of choice i describes the candidate k.
    picks : (n,) integers, 0..K-1.
    prior : standard deviation of a normal prior of mean zero on each coefficient; inf: none.

    Returns
    -------
    TasteFit

    Raises
    ------
    ValueError
        If an argument does not fit, if features cannot be told apart within choices (a constant, say), or if no
        finite coefficients are most likely, because some combination of features always wins.

    Source
    ------
    McFadden (1974); covariance from the inverse of the observed information.
    """
    prior = _prior(prior)
    features, picks = _features(features, picks)
    n, K, d = features.shape
    starts = np.arange(n) * K
    penalty = np.eye(d) / prior**2
    b, inverse, value, chance = maximise(features.reshape(n * K, d), starts, starts + picks, penalty)
    r = features @ b
    probabilities = np.exp(r - r.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return TasteFit(b, inverse, value, np.sqrt(np.diag(inverse)), chance, probabilities)


def iia_test(features: ArrayLike, picks: ArrayLike, drop: int) -> IIATest:
    """Hausman and McFadden's test of Luce's rule: does the fit change when a candidate is left out?

    Under the rule, the choices among the other candidates have the same coefficients b.  With the fits to all choices
    and to those that did not pick `drop`, the statistic is (b' - b)^T (V' - V)^{-1} (b' - b), V the covariances.
    V' - V may fail to be positive definite in a small sample; a negative statistic is no evidence against the rule.

    Parameters
    ----------
    features, picks : as for `fit_taste`, with K >= 3 and candidates in the same order in every choice.
    drop : index of the candidate that is left out.

    Returns
    -------
    IIATest

    Raises
    ------
    ValueError
        As `fit_taste`, for both fits, and if `drop` is no index or no feature is left to compare.

    Source
    ------
    Hausman and McFadden (1984).
    """
    features, picks = _features(features, picks)
    K = features.shape[1]
    if K < 3:
        raise ValueError(f"features has {K} candidates; without one of them no choice is left: K >= 3 is needed")
    drop = checks.integer(drop, "drop", 0, K - 1, f"be an integer from 0 to {K - 1}")
    others, left = np.arange(K) != drop, picks != drop
    fewer = features[left][:, others]
    varies = np.ptp(fewer, axis=1).any(axis=0) if left.any() else np.zeros(features.shape[2], bool)
    compared = np.flatnonzero(varies)
    if not len(compared):
        raise ValueError(f"drop = {drop} leaves {left.sum()} choices and no feature that differs between candidates")
    full = fit_taste(features, picks)
    restricted = fit_taste(fewer[:, :, compared], picks[left] - (picks[left] > drop))
    change = restricted.coefficients - full.coefficients[compared]
    spread = restricted.covariance - full.covariance[np.ix_(compared, compared)]
    statistic = float(change @ np.linalg.solve(spread, change))
    p_value = float(stats.chi2.sf(statistic, len(compared)))
    return IIATest(statistic, len(compared), p_value, int(left.sum()), compared, full, restricted)


def travellers() -> tuple[np.ndarray, np.ndarray]:
    """The 210 travellers of Greene and Hensher: features (210, 4, 6) by `TERMS`, picks (210,) by `MODES`.

    Each went from one Australian city to another in 1987 by one of four modes.  Cost in dollars, time in minutes,
    income in 1,000 dollars a year.  Public domain; the file's source stands beside it, in `data/README.md`.
    """
    with resources.files("sclib").joinpath("data/travellers.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))

    def column(name):
        return np.array([float(row[name]) for row in table]).reshape(-1, len(MODES))

    constants = np.broadcast_to(np.eye(4)[:, :3], (len(table) // 4, 4, 3))
    plane = constants[:, :, 0]
    rest = [column("general_cost"), column("terminal_time"), column("income") * plane]
    return np.concatenate([constants, np.stack(rest, axis=-1)], axis=-1), column("picked").argmax(axis=1)


def _prior(prior):
    # Its square is needed.
    within = lambda sd: 1e-100 <= sd and (sd <= 1e100 or sd == math.inf)  # noqa: E731
    return checks.real(prior, "prior", within, "be positive, from 1e-100 to 1e100 (math.inf is allowed)")


def _features(features: ArrayLike, picks: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    features = array_checks.reals(features, "features", finite=True)
    if features.ndim != 3 or 0 in features.shape or features.shape[1] < 2:
        raise ValueError(f"features has shape {features.shape}; it must be (n, K, d) with K >= 2")
    return features, indices(picks, len(features), features.shape[1])


if __name__ == "__main__":
    from sclib.taste_report import main

    sys.exit(main())
