"""You are the curator: pick one of four small pictures, round after round, and see the model that your picks make.

A picture has a shape, a colour and a size.  The model draws the three independently, and after each pick its shares
move a fraction `rate` of the way towards the picture that was picked: (1 - rate) p_t + rate (picked), a loop of one
pick a round.  On average over picks that is (1 - rate) p_t + rate p_t H in each attribute, H of Eq. 6.
"""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from sclib import array_checks, checks
from sclib.taste import TasteFit, fit_taste

ATTRIBUTES = {
    "shape": ("circle", "square", "triangle"),
    "colour": ("blue", "orange", "purple"),
    "size": ("small", "large"),
}
KINDS = np.array(list(itertools.product(*(range(len(values)) for values in ATTRIBUTES.values()))))  # (18, 3)
ENDS = np.cumsum([0] + [len(values) for values in ATTRIBUTES.values()])
VALUES = [value for values in ATTRIBUTES.values() for value in values]  # all eight
MOST = 1000  # candidates
CLEAR = 2.5  # standard deviations above chance from which a bias is called one


class Bias(NamedTuple):
    """One value of an attribute: how often it was picked, and mean and standard deviation if picks were blind."""

    value: str
    picked: int
    expected: float
    sd: float


class Game:
    """One reader's session: what was offered, what was picked, and the model after each pick.

    `offers`: list of (K, 3) arrays of attribute indices, the last one still on the table; `picks`: list of ints;
    `marginals`: after t picks, `marginals[t]` lists the shares of each attribute's values.

    Parameters
    ----------
    K : candidates, an integer >= 2.
    rate : by which a pick moves the model, between 0 and 1.
    seed : of NumPy's generator.
    """

    def __init__(self, K: int = 4, rate: float = 0.1, seed: Any = None):
        self.K = checks.integer(K, "K", 2, MOST)
        self.rate = check_rate(rate)
        self.rng = checks.random_numbers(seed)
        self.marginals = [[np.full(len(values), 1 / len(values)) for values in ATTRIBUTES.values()]]
        self.offers: list[np.ndarray] = []
        self.picks: list[int] = []
        self._deal()

    def _deal(self):
        drawn = [self.rng.choice(len(shares), self.K, p=shares) for shares in self.marginals[-1]]
        self.offers.append(np.stack(drawn, axis=1))

    def pick(self, k: int) -> None:
        """Take one candidate of the offer on the table, retrain, and deal the next offer.

        Parameters
        ----------
        k : 0..K-1.

        Raises
        ------
        ValueError
            For another `k`.
        """
        k = checks.integer(k, "k", 0, self.K - 1, f"be an integer from 0 to {self.K - 1}")
        self.picks.append(k)
        picked = self.offers[-1][k]
        self.marginals.append(
            [
                (1 - self.rate) * shares + self.rate * (np.arange(len(shares)) == value)
                for shares, value in zip(self.marginals[-1], picked, strict=True)
            ]
        )
        self._deal()

    @property
    def law(self) -> np.ndarray:
        """The model's law now on all 18 `KINDS`, (18,)."""
        return np.prod([shares[KINDS[:, i]] for i, shares in enumerate(self.marginals[-1])], axis=0)

    def count(self, t: int | None = None) -> int:
        """How many picks are meant: all that were made, if `t` is None.

        Parameters
        ----------
        t : from 0 to the number of picks, or None.

        Raises
        ------
        ValueError
            For another `t`.
        """
        last = len(self.picks)
        return (
            last
            if t is None
            else checks.integer(t, "t", 0, last, f"be an integer from 0 to {last}, the number of picks")
        )

    def biases(self, t: int | None = None) -> list[Bias]:
        """One `Bias` for each value, from what was offered and what was picked.

        Parameters
        ----------
        t : after so many picks, as for `count`.
        """
        t = self.count(t)
        offers, picks = self.offers[:t], self.picks[:t]
        if not picks:
            return [Bias(value, 0, 0.0, 0.0) for value in VALUES]
        seen = np.stack([_features(offer) for offer in offers])  # (t, K, 8)
        picked = seen[np.arange(len(picks)), picks].sum(axis=0)
        offered = seen.mean(axis=1)  # the chance of each value if the pick is blind
        sd = np.sqrt((offered * (1 - offered)).sum(axis=0))
        return [Bias(*row) for row in zip(VALUES, picked.astype(int), offered.sum(axis=0), sd, strict=True)]

    def fit(self, prior: float = 1.0) -> TasteFit:
        """The reward behind the picks by Luce's rule, a sum of one number for each of the eight `VALUES`.

        Parameters
        ----------
        prior : standard deviation, nats, of a normal prior of mean zero on each number; the fewer the picks, the more
            it decides.

        Raises
        ------
        ValueError
            If nothing was picked, or as `taste.fit_taste`.
        """
        seen = [_features(offer) for offer in self.offers[: len(self.picks)]]
        return fit_taste(np.reshape(seen, (len(seen), self.K, len(VALUES))), np.array(self.picks, dtype=int), prior)

    def rewards(self, prior: float = 1.0) -> list[tuple[str, float, float]]:
        """For each of `VALUES` its name, its reward in nats, of mean zero within its attribute, and standard error.

        Parameters
        ----------
        prior : as for `fit`.

        Raises
        ------
        ValueError
            As `fit`.
        """
        fit, attribute = self.fit(prior), np.repeat(np.arange(len(ATTRIBUTES)), np.diff(ENDS))
        same = attribute[:, None] == attribute
        centre = np.eye(len(VALUES)) - same / same.sum(axis=1)
        errors = np.sqrt(np.diag(centre @ fit.covariance @ centre))
        return list(zip(VALUES, (centre @ fit.coefficients).tolist(), errors.tolist(), strict=True))

    def taste(self, prior: float = 1.0) -> np.ndarray:
        """Rewards of all 18 `KINDS`, nats, (18,), of mean zero; all zero if nothing was picked.

        Parameters
        ----------
        prior : as for `fit`.
        """
        if not self.picks:
            return np.zeros(len(KINDS))
        rewards = _features(KINDS) @ self.fit(prior).coefficients
        return rewards - rewards.mean()


def simulate(rewards: Any, rounds: int, K: int = 4, rate: float = 0.1, seed: int = 0) -> Game:
    """A game in which somebody picks by Luce's rule.

    Parameters
    ----------
    rewards : (18,), of all `KINDS`, nats, finite.
    rounds : picks, an integer >= 0.
    K, rate : as for `Game`.
    seed : an integer >= 0.

    Raises
    ------
    ValueError
        For an argument of another shape or range.
    """
    rewards = array_checks.reals(rewards, "rewards", finite=True)
    if rewards.shape != (len(KINDS),):
        raise ValueError(f"rewards has shape {rewards.shape}; it must be ({len(KINDS)},), all finite")
    rounds, seed = checks.rounds(rounds, "rounds"), checks.integer(seed, "seed")
    table = np.zeros([len(values) for values in ATTRIBUTES.values()])
    table[tuple(KINDS.T)] = rewards
    game = Game(K, rate, seed)
    people = np.random.default_rng([seed, 1])
    for _ in range(rounds):
        r = table[tuple(game.offers[-1].T)]
        # Beside rewards of 1e16 the noise would be lost: only their differences matter.
        game.pick(int(np.argmax(r - r.max() + people.gumbel(size=game.K))))
    return game


def name(candidate: Sequence[int]) -> str:
    """A candidate in words: "large orange circle".

    Parameters
    ----------
    candidate : (3,), indices into the values of each attribute.
    """
    shape, colour, size = (values[i] for values, i in zip(ATTRIBUTES.values(), candidate, strict=True))
    return f"{size} {colour} {shape}"


def verdict(game: Game, t: int | None = None) -> str:
    """What the picks show, in a sentence: each bias more than `CLEAR` standard deviations above chance.

    Parameters
    ----------
    game : a session.
    t : after so many picks, as for `Game.count`.
    """
    t = game.count(t)
    clear = [b for b in game.biases(t) if b.picked - b.expected > CLEAR * b.sd > 0]
    if not clear:
        return f"Picks: {t}. Nothing yet that blind picks could not do."
    found = ", ".join(f"{b.value} {b.picked} times (blind: {b.expected:.1f} ± {b.sd:.1f})" for b in clear)
    return f"Picks: {t}. You picked {found}."


def check_rate(rate: float) -> float:
    """A rate, as a float.

    Parameters
    ----------
    rate : between 0 and 1.

    Raises
    ------
    ValueError
        For anything else.
    """
    return checks.real(rate, "rate", lambda value: 0 < value < 1, "lie between 0 and 1")


def _features(candidates):
    """Which of the eight values each candidate has, (..., 3) -> (..., 8) of zeros and ones."""
    sizes = np.diff(ENDS)
    return np.concatenate([np.eye(size)[candidates[..., i]] for i, size in enumerate(sizes)], axis=-1)
