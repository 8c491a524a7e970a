"""Sliders: one picture per combination, each with words, linked in the page or through the kernel."""

import base64
import io
import itertools
import math
import re

import ipywidgets
import numpy as np
import pytest
from matplotlib import pyplot as plt
from PIL import Image

from sclib.plots import ORANGE
from sclib.widgets import explore, png

in_the_page = pytest.mark.skipif(
    int(ipywidgets.__version__.partition(".")[0]) < 8,
    reason="ipywidgets 7 has no Stack, and shows itself without a bundle",
)


def draw(**values):
    figure = plt.figure(figsize=(1, 1), dpi=20)
    figure.text(0.1, 0.5, str(values))
    figure.set_label(f'drawn for "{values}"')
    return figure


def pictures(widget):
    """All HTML pictures below a widget, in order."""
    if isinstance(widget, ipywidgets.HTML):
        return [widget.value]
    return [p for child in getattr(widget, "children", ()) for p in pictures(child)]


@in_the_page
def test_one_picture_for_each_combination_in_the_order_of_the_sliders():
    K, lam = [1, 4, math.inf], [0, 0.5]
    explorer = explore(draw, K=K, lam=lam)
    alts = [re.search('alt="([^"]*)"', p)[1] for p in pictures(explorer)]
    assert len(alts) == 6
    for alt, (k, value) in zip(alts, itertools.product(K, lam), strict=True):
        assert alt.startswith(f"K = {'∞' if k == math.inf else k}, λ = {value:g}. drawn for &quot;")


def test_the_slider_shows_plain_text_and_starts_where_it_should():
    slider = explore(draw, start={"K": 4}, K=[1, 4, math.inf]).children[0]
    assert slider.description == "K"
    assert slider.label == "4"
    assert [label for label, _ in slider.options] == ["1", "4", "∞"]


@in_the_page
def test_each_stack_shows_what_its_slider_points_at():
    outer = explore(draw, start={"lam": 2}, K=[1, 4], lam=[0, 1, 2]).children[-1]
    assert isinstance(outer, ipywidgets.Stack) and len(outer.children) == 2 and outer.selected_index == 0
    for inner in outer.children:
        assert isinstance(inner, ipywidgets.Stack) and len(inner.children) == 3 and inner.selected_index == 2


def test_without_stack_the_kernel_changes_the_picture(monkeypatch):
    monkeypatch.delattr(ipywidgets, "Stack", raising=False)
    explorer = explore(draw, K=[1, 4], lam=[0, 1, 2])
    k, lam, picture = explorer.children
    seen = {}
    for i, j in itertools.product(range(2), range(3)):
        k.index, lam.index = i, j
        seen[i, j] = re.search('alt="([^.]*)', picture.value)[1]
    assert seen[0, 0] == "K = 1, λ = 0" and seen[1, 2] == "K = 4, λ = 2"
    assert len(set(seen.values())) == 6


def test_repr_is_the_same_in_every_run():
    assert repr(explore(draw, K=[1, 4], lam=[0, 1, 2])) == "explore(K: 2 values, λ: 3 values)"


@in_the_page
def test_a_viewer_without_widgets_gets_the_first_picture():
    bundle = explore(draw, K=[1, 4])._repr_mimebundle_()
    assert bundle["image/png"].startswith("iVBOR")
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_figures_are_closed():
    before = plt.get_fignums()
    explore(draw, K=[1, 4])
    assert plt.get_fignums() == before


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: explore(draw), r"axes = \[\]; explore takes one or two"),
        (lambda: explore(draw, a=[1], b=[1], c=[1]), "explore takes one or two"),
        (lambda: explore(draw, K=[]), r"K = \[\]; an axis needs at least one value"),
        (lambda: explore(draw, start={"K": 3}, K=[1, 4]), r"start has K = 3, which is not among the values \[1, 4\]"),
        (lambda: explore(draw, start={"L": 3}, K=[1, 4]), "start has L = 3"),
        (lambda: explore(lambda K: plt.figure(), K=[1]), "the figure for K = 1 has no label"),
    ],
)
def test_bad_input_is_named(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_a_rare_colour_among_many_greys_stays_what_it_is():
    figure, panel = plt.subplots(figsize=(4, 4))
    panel.imshow(np.random.default_rng(0).random((30, 30)), cmap="gray")
    panel.plot([5], [5], "s", ms=4, color=ORANGE)
    picture = Image.open(io.BytesIO(base64.b64decode(png(figure)))).convert("RGB")
    orange = [int(ORANGE[i : i + 2], 16) for i in (1, 3, 5)]
    assert (np.asarray(picture) == orange).all(-1).any()


def test_photographs_keep_their_colours_and_are_named():
    def draw(K):
        figure, panel = plt.subplots(figsize=(4, 4))
        panel.imshow(colours, interpolation="nearest")
        panel.axis("off")
        figure.set_label("colours")
        return figure

    colours = np.stack(np.meshgrid(*[np.arange(16, 256, 17, dtype=np.uint8)] * 2), -1)[..., [0, 1, 1]]  # 15 x 15
    picture = Image.open(io.BytesIO(base64.b64decode(png(draw(1))))).convert("RGB")
    assert {tuple(colour) for colour in np.asarray(picture).reshape(-1, 3)} >= {
        tuple(colour) for colour in colours.reshape(-1, 3)
    }
    assert [re.search('class="(.*?)"', one)[1] for one in pictures(explore(draw, K=[1]))] == ["explore photographs"]
