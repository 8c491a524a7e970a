"""You are the curator: pick one of four small pictures, round after round, and see the model that your picks make.

A picture has a shape, a colour and a size.  The model draws the three independently, and after each pick its shares
move a fraction `rate` of the way towards the picture that was picked: (1 - rate) p_t + rate (picked), a loop of one
pick a round.  On average over picks that is (1 - rate) p_t + rate p_t H in each attribute, H of Eq. 6.
"""

import functools
import itertools
from typing import Any, NamedTuple

import ipywidgets
import numpy as np
from matplotlib import patches
from matplotlib import pyplot as plt

from sclib import array_checks, checks
from sclib.plots import BLUE, GREY, ORANGE, PURPLE
from sclib.taste import fit_taste
from sclib.widgets import img, png

ATTRIBUTES = {
    "shape": ("circle", "square", "triangle"),
    "colour": ("blue", "orange", "purple"),
    "size": ("small", "large"),
}
KINDS = np.array(list(itertools.product(*(range(len(values)) for values in ATTRIBUTES.values()))))  # (18, 3)
COLOURS = (BLUE, ORANGE, PURPLE)
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
    """

    def __init__(self, K=4, rate=0.1, seed=None):
        """`K` >= 2 candidates, 0 < `rate` < 1, `seed` for NumPy's generator; ValueError for anything else."""
        self.K = checks.integer(K, "K", 2, MOST)
        self.rate = _rate(rate)
        self.rng = checks.random_numbers(seed)
        self.marginals = [[np.full(len(values), 1 / len(values)) for values in ATTRIBUTES.values()]]
        self.offers, self.picks = [], []
        self._deal()

    def _deal(self):
        drawn = [self.rng.choice(len(shares), self.K, p=shares) for shares in self.marginals[-1]]
        self.offers.append(np.stack(drawn, axis=1))

    def pick(self, k):
        """Take candidate `k` (0..K-1) of the offer on the table, retrain, and deal the next offer."""
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
    def law(self):
        """The model's law now on all 18 `KINDS`, (18,)."""
        return np.prod([shares[KINDS[:, i]] for i, shares in enumerate(self.marginals[-1])], axis=0)

    def biases(self, t=None):
        """One `Bias` for each value after `t` picks (all by default), from what was offered and what was picked."""
        t = _round(self, t)
        offers, picks = self.offers[:t], self.picks[:t]
        if not picks:
            return [Bias(value, 0, 0.0, 0.0) for value in VALUES]
        seen = np.stack([_features(offer) for offer in offers])  # (t, K, 8)
        picked = seen[np.arange(len(picks)), picks].sum(axis=0)
        offered = seen.mean(axis=1)  # the chance of each value if the pick is blind
        sd = np.sqrt((offered * (1 - offered)).sum(axis=0))
        return [Bias(*row) for row in zip(VALUES, picked.astype(int), offered.sum(axis=0), sd, strict=True)]

    def fit(self, prior=1.0):
        """The reward behind the picks, a sum of one number for each of the eight `VALUES`: a `TasteFit` of Luce's rule.

        `prior`: standard deviation in nats of a normal prior of mean zero on each number; the fewer the picks, the
        more it decides.  Raises ValueError if nothing was picked, or as `fit_taste`.
        """
        seen = [_features(offer) for offer in self.offers[: len(self.picks)]]
        return fit_taste(np.reshape(seen, (len(seen), self.K, len(VALUES))), np.array(self.picks, dtype=int), prior)

    def rewards(self, prior=1.0):
        """For each of `VALUES` its name, its reward in nats, of mean zero within its attribute, and standard error."""
        fit, attribute = self.fit(prior), np.repeat(np.arange(len(ATTRIBUTES)), np.diff(ENDS))
        same = attribute[:, None] == attribute
        centre = np.eye(len(VALUES)) - same / same.sum(axis=1)
        errors = np.sqrt(np.diag(centre @ fit.covariance @ centre))
        return list(zip(VALUES, (centre @ fit.coefficients).tolist(), errors.tolist(), strict=True))

    def taste(self, prior=1.0):
        """Rewards of all 18 `KINDS` in nats, (18,), of mean zero, by `fit`.  No picks: all zero."""
        if not self.picks:
            return np.zeros(len(KINDS))
        rewards = _features(KINDS) @ self.fit(prior).coefficients
        return rewards - rewards.mean()


def simulate(rewards: Any, rounds: int, K: int = 4, rate: float = 0.1, seed: int = 0) -> Game:
    """A `Game` in which `rounds` picks are made by Luce's rule with `rewards` on all 18 `KINDS`, (18,), in nats."""
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


def blind_shares(rate: float, rounds: int = 100, games: int = 2000) -> np.ndarray:
    """Shares of all eight values in games whose picks are blind, (rounds + 1, games, 8): what chance alone does."""
    return _blind_shares(_rate(rate), checks.rounds(rounds, "rounds"), checks.integer(games, "games", 1, 10**6)).copy()


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


def name(candidate):
    """A candidate (3,) in words: "large orange circle"."""
    shape, colour, size = (values[i] for values, i in zip(ATTRIBUTES.values(), candidate, strict=True))
    return f"{size} {colour} {shape}"


def verdict(game, t=None):
    """What the picks show after `t` of them, in a sentence: each bias more than `CLEAR` sd above chance."""
    t = _round(game, t)
    clear = [b for b in game.biases(t) if b.picked - b.expected > CLEAR * b.sd > 0]
    if not clear:
        return f"Picks: {t}. Nothing yet that blind picks could not do."
    found = ", ".join(f"{b.value} {b.picked} times (blind: {b.expected:.1f} ± {b.sd:.1f})" for b in clear)
    return f"Picks: {t}. You picked {found}."


def draw(game, t=None):
    """Figure of the offer after `t` picks (now by default), the pick framed if made, above the model's shares.

    Bars: the shares; black lines: where blind picks leave nine games in ten.  The label says it in words.
    """
    t = _round(game, t)
    offer, picked = game.offers[t], game.picks[t] if t < len(game.picks) else None
    figure = plt.figure(figsize=(5.6, 4.2))
    top, bottom = figure.subfigures(2, 1, height_ratios=[1, 1.3])
    for k, (panel, candidate) in enumerate(zip(top.subplots(1, game.K), offer, strict=True)):
        _draw_candidate(panel, candidate)
        panel.set_title(f"{k + 1}{' ✓' if k == picked else ''}", loc="center")
        for spine in panel.spines.values():
            spine.set(visible=True, color="black" if k == picked else "#C9C9C9", lw=3 if k == picked else 1)
    blind = blind_shares(game.rate)
    low, high = np.quantile(blind[min(t, len(blind) - 1)], [0.05, 0.95], axis=0)
    panels = bottom.subplots(1, len(ATTRIBUTES), sharey=True, width_ratios=np.diff(ENDS))
    for panel, shares, attribute, start in zip(panels, game.marginals[t], ATTRIBUTES, ENDS[:-1], strict=True):
        values, at = ATTRIBUTES[attribute], np.arange(len(shares))
        panel.bar(at, shares, color=COLOURS if attribute == "colour" else GREY, width=0.6)
        panel.vlines(at + 0.38, low[start:][: len(at)], high[start:][: len(at)], color="black", lw=3)
        panel.set_xticks(at, values, fontsize=9, rotation=20)
        panel.set(ylim=(0, 1), title=attribute)
    panels[0].set_ylabel("share")
    shares = ", ".join(f"{v} {s:.0%}" for v, s in zip(VALUES, np.concatenate(game.marginals[t]), strict=True))
    offered = "; ".join(f"{k + 1}: {name(candidate)}" for k, candidate in enumerate(offer))
    chosen = "" if picked is None else f" Number {picked + 1} was picked."
    figure.set_label(f"On offer, {offered}.{chosen} The model's shares: {shares}. {verdict(game, t)}")
    return figure


def play(game):
    """Buttons to play `game` with, in Jupyter and in Colab; every click picks, retrains and deals again."""
    picture, said = ipywidgets.HTML(layout=ipywidgets.Layout(width="100%")), ipywidgets.HTML()
    wide = ipywidgets.Layout(width="auto", flex="1 1 10rem")
    buttons = [ipywidgets.Button(layout=wide) for _ in range(game.K)]

    def show():
        figure = draw(game)
        picture.value = img(png(figure), figure.get_label())
        said.value = f'<p role="status">{verdict(game)}</p>'
        for k, button in enumerate(buttons):
            button.description = f"{k + 1}: {name(game.offers[-1][k])}"

    def clicked(k, _):
        game.pick(k)
        show()

    for k, button in enumerate(buttons):
        button.on_click(functools.partial(clicked, k))
    show()
    row = ipywidgets.HBox(buttons, layout=ipywidgets.Layout(flex_flow="row wrap"))
    return ipywidgets.VBox([picture, row, said])


def _round(game, t):
    last = len(game.picks)
    must = f"be an integer from 0 to {last}, the number of picks"
    return last if t is None else checks.integer(t, "t", 0, last, must)


def _rate(rate):
    return checks.real(rate, "rate", lambda value: 0 < value < 1, "lie between 0 and 1")


def _draw_candidate(panel, candidate):
    shape, colour, size = candidate
    radius, fill = (0.35, 0.75)[size], COLOURS[colour]
    drawn = (
        patches.Circle((0, 0), radius, color=fill),
        patches.Rectangle((-0.88 * radius, -0.88 * radius), 1.76 * radius, 1.76 * radius, color=fill),
        patches.RegularPolygon((0, -0.15 * radius), 3, radius=1.2 * radius, color=fill),
    )[shape]
    panel.add_patch(drawn)
    panel.set(xlim=(-1, 1), ylim=(-1, 1), aspect="equal", xticks=[], yticks=[])


def _features(candidates):
    """Which of the eight values each candidate has, (..., 3) -> (..., 8) of zeros and ones."""
    sizes = np.diff(ENDS)
    return np.concatenate([np.eye(size)[candidates[..., i]] for i, size in enumerate(sizes)], axis=-1)
