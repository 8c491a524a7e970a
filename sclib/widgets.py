"""Sliders over figures that work wherever the book is read: `explore`."""

import base64
import html
import io
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import ipywidgets
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from sclib.checks import is_number

NAMES = {"lam": "λ"}


class Explorer(ipywidgets.VBox):
    """Sliders above a picture; shows the first picture where no widget can be drawn.

    Parameters
    ----------
    children : the sliders, and what they show.
    summary : its text, where there is no picture either.
    first_png : base64 of the first picture.
    """

    def __init__(self, children: Sequence[ipywidgets.Widget], summary: str, first_png: str):
        super().__init__(children)
        self._summary, self._first_png = summary, first_png

    def __repr__(self):
        return self._summary

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        return bundle and {"image/png": self._first_png, **bundle}


def explore(draw: Callable[..., Figure], start: dict | None = None, **axes: Any) -> Explorer:
    """Draw every combination of the axes' values once and put one slider per axis above the pictures.

    The sliders are linked to the pictures in the page itself, so they work in static HTML, without a kernel; under
    ipywidgets 7 (Google Colab), which has no `Stack`, they call back into the running kernel.

    Parameters
    ----------
    draw : called as draw(K=4, ...) with one value per axis; returns a matplotlib Figure whose label
        (`fig.set_label(text)`) says in words what the picture shows: it becomes the alternative text.
    start : from an axis' name to the value shown first; by default each axis' first value.
    axes : one or two, each a name and its values, e.g. K=[1, 2, 4, math.inf], generation=range(11).

    Returns
    -------
    A widget.

    Raises
    ------
    ValueError
        If there are no axes or more than two, an axis is empty, `start` is not on it, or a figure has no label.
    """
    axes = {name: _values(name, values) for name, values in axes.items()}
    if not 1 <= len(axes) <= 2:
        raise ValueError(f"axes = {list(axes)}; explore takes one or two")
    if not isinstance(start, dict | None):
        raise ValueError(f"start = {start!r:.80} must be a dict from axes' names to values, or None")
    first = {name: values[0] for name, values in axes.items()} | (start or {})
    for name, value in first.items():
        if value not in axes.get(name, []):
            raise ValueError(f"start has {name} = {value!r}, which is not among the values {axes.get(name)}")

    pngs, pictures = {}, {}
    for values in itertools.product(*axes.values()):
        where = ", ".join(f"{_shown(name)} = {text(value)}" for name, value in zip(axes, values, strict=True))
        figure = draw(**dict(zip(axes, values, strict=True)))
        if not figure.get_label():
            raise ValueError(f"the figure for {where} has no label; say what it shows with fig.set_label(text)")
        pngs[values] = png(figure)
        pictures[values] = img(pngs[values], f"{where}. {figure.get_label()}", _photographs(figure))

    sliders = [
        ipywidgets.SelectionSlider(
            options=[(text(value), i) for i, value in enumerate(values)],
            index=values.index(first[name]),
            description=_shown(name),
            style={"description_width": "initial"},
            layout=ipywidgets.Layout(width="100%", max_width="32rem"),
        )
        for name, values in axes.items()
    ]
    link = _link_in_the_page if hasattr(ipywidgets, "Stack") else _link_through_the_kernel
    summary = ", ".join(f"{slider.description}: {len(slider.options)} values" for slider in sliders)
    return Explorer([*sliders, link(sliders, list(pictures.values()))], f"explore({summary})", pngs[(*first.values(),)])


def _values(name, values):
    """The values of an axis, a list of numbers or texts."""
    if not isinstance(values, Iterable) or not (values := list(values)):
        raise ValueError(f"{name} = {values!r:.80}; an axis needs at least one value")
    if not all(isinstance(value, str) or is_number(value) for value in values):
        raise ValueError(f"{name} = {values!r:.80}; values of an axis are numbers or texts")
    return values


def _link_in_the_page(sliders, pictures):
    """Stacks of pictures, one level per slider, each showing the child that its slider points at."""
    full = ipywidgets.Layout(width="100%", height="auto", overflow="hidden")
    level = [ipywidgets.HTML(picture, layout=full) for picture in pictures]
    for slider in reversed(sliders):
        size = len(slider.options)
        level = [
            ipywidgets.Stack(level[i : i + size], selected_index=slider.index, layout=full)
            for i in range(0, len(level), size)
        ]
        for stack in level:
            ipywidgets.jslink((slider, "index"), (stack, "selected_index"))
    return level[0]


def _link_through_the_kernel(sliders, pictures):
    picture = ipywidgets.HTML(layout=ipywidgets.Layout(width="100%"))

    def show(_=None):
        position = 0
        for slider in sliders:
            position = position * len(slider.options) + slider.index
        picture.value = pictures[position]

    for slider in sliders:
        slider.observe(show, "index")
    show()
    return picture


def _shown(name):
    return NAMES.get(name, name.replace("_", " "))


def text(value: float | str) -> str:
    """A value as axis labels and sliders write it: ∞ for infinity, no trailing zeros.

    Parameters
    ----------
    value : a number, or a text, which stays as it is.
    """
    if isinstance(value, str):
        return value
    return "∞" if value == math.inf else f"{value:.10g}"


def img(data: str, alt: str, photographs: bool = False) -> str:
    """HTML of a picture.

    Parameters
    ----------
    data : a PNG in base64, as `png` makes it.
    alt : in words what it shows.
    photographs : whether it has any: these are not turned over in the dark, as drawings are.
    """
    kind = "explore photographs" if photographs else "explore"
    return (
        f'<img alt="{html.escape(alt)}" class="{kind}" '
        f'style="width: 100%; max-width: 38rem; height: auto" src="data:image/png;base64,{data}">'
    )


def png(figure: Figure) -> str:
    """Base64 of a figure as a PNG with a palette of 64 colours, a third of the bytes of a full one, or of 256 with
    photographs; the figure is closed.

    The palette covers rare colours too: the median cut would take an orange mark among many greys for a grey.

    Parameters
    ----------
    figure : to be drawn.
    """
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    plt.close(figure)
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    colours = 256 if _photographs(figure) else 64
    image = image.quantize(colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    image.save(buffer, format="png")
    return base64.b64encode(buffer.getvalue()).decode()


def _photographs(figure):
    """Whether a figure shows pictures in colour, as they are."""
    return any(image.get_array().ndim == 3 for axes in figure.axes for image in axes.images)
