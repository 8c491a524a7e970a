"""Figures: readable colours, and words that say what they show."""

import math

import numpy as np
import pytest
from matplotlib import colors
from matplotlib import pyplot as plt

from sclib import plots


def contrast_on_white(color):
    channels = np.array(colors.to_rgb(color))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05)


@pytest.mark.parametrize("K", [1, 2, 4, 8, 16, 64, 10**6, math.inf])
def test_lines_of_every_K_stand_out_from_white(K):
    assert contrast_on_white(plots.color_of(K)) >= 3


def test_more_candidates_are_darker():
    contrasts = [contrast_on_white(plots.color_of(K)) for K in (1, 2, 4, 8, 16, 64, math.inf)]
    assert contrasts == sorted(contrasts)


def test_two_laws_on_a_line_are_drawn_and_said():
    x = np.array([-1.0, -0.5, 0.5, 1.0])
    figure = plots.line_laws(
        x, np.full(4, 0.25), np.array([0.1, 0.2, 0.3, 0.4]), x, "title", dashed=(x**2 / 2.5, "third")
    )
    assert (
        figure.get_label()
        == "The share of the right-hand half goes from 0.50 to 0.70; the density is highest at x = 1.0."
    )
    reward, density = figure.axes
    np.testing.assert_allclose(reward.lines[0].get_ydata(), x)
    np.testing.assert_allclose(density.lines[0].get_ydata(), [0.2, 0.4, 0.6, 0.8])
    assert [text.get_text() for text in density.get_legend().get_texts()] == [
        "the model, p",
        "after one pick, p H",
        "third",
    ]
    plt.close(figure)
