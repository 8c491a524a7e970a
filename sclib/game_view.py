"""The curator's game to look at and to play: a figure of an offer above the model's shares, and buttons."""

import functools
from typing import Any

import ipywidgets
import numpy as np
from matplotlib import patches
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from sclib.blind_picks import blind_shares
from sclib.game import ATTRIBUTES, ENDS, VALUES, Game, name, verdict
from sclib.plots import BLUE, GREY, ORANGE, PURPLE
from sclib.widgets import img, png

COLOURS = (BLUE, ORANGE, PURPLE)


def draw(game: Game, t: int | None = None) -> Figure:
    """Figure of an offer, the pick framed if made, above the model's shares; its label says the same in words.

    Bars: the shares; black lines: where blind picks leave nine games in ten.

    Parameters
    ----------
    game : a session.
    t : after so many picks, as for `Game.count`.
    """
    t = game.count(t)
    offer, picked = game.offers[t], game.picks[t] if t < len(game.picks) else None
    figure = plt.figure(figsize=(5.6, 4.2))
    halves: Any = figure.subfigures(2, 1, height_ratios=[1, 1.3])
    top, bottom = halves
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
    said = ", ".join(f"{v} {s:.0%}" for v, s in zip(VALUES, np.concatenate(game.marginals[t]), strict=True))
    offered = "; ".join(f"{k + 1}: {name(candidate)}" for k, candidate in enumerate(offer))
    chosen = "" if picked is None else f" Number {picked + 1} was picked."
    figure.set_label(f"On offer, {offered}.{chosen} The model's shares: {said}. {verdict(game, t)}")
    return figure


def play(game: Game) -> ipywidgets.VBox:
    """Buttons to play with, in Jupyter and in Colab; every click picks, retrains and deals again.

    Parameters
    ----------
    game : a session.
    """
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
