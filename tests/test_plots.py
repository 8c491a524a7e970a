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


def test_a_sheet_has_each_picture_at_its_place():
    pictures = np.arange(6, dtype=np.uint8)[:, None, None, None] * np.ones((6, 3, 2, 2), np.uint8)
    sheet = plots.sheet(pictures, 3)
    assert sheet.shape == (2 * 4, 3 * 4, 3)
    assert sheet[1::4, 1::4, 0].tolist() == sheet[2::4, 2::4, 2].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert plots.sheet(pictures[:, :1], 2).shape == (3 * 4, 2 * 4)


def test_a_round_of_images_shows_its_pictures_and_says_its_shares():
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 256, (3, 2, 4, 3, 8, 8), np.uint8)
    masses = np.array([[0.5, 0.5], [0.7, 0.3], [0.9, 0.1]])[:, None]
    law = {"masses": masses[::-1]}
    figure = plots.round_of_images({"pictures": pictures, "masses": masses}, law, 2, ("cat", "dog"), columns=2)
    assert figure.get_label() == (
        "The largest class is cat with a share of 0.90; the exact law says 0.50. The smallest has 0.100."
    )
    left, right = figure.axes
    np.testing.assert_array_equal(left.images[0].get_array(), plots.sheet(pictures[2, 0], 2))
    assert [bar.get_width() for bar in right.patches] == [0.9, 0.1]
    np.testing.assert_allclose(right.lines[0].get_xdata(), [0.5, 0.5])
    plt.close(figure)


def test_trained_loops_are_dots_and_a_band_over_the_line_of_the_law():
    measured = np.array([[0.1, 0.2, 0.6], [0.3, 0.4, 0.8]])
    plots.over_law(measured, measured + 1, "loop")
    line, dots = plt.gca().lines
    np.testing.assert_allclose(dots.get_ydata(), [0.2, 0.4])
    np.testing.assert_allclose(line.get_ydata(), [1.2, 1.4])
    band = plt.gca().collections[0].get_paths()[0].vertices
    assert {tuple(v) for v in band.round(6)} >= {(0.0, 0.1), (1.0, 0.3), (0.0, 0.6), (1.0, 0.8)}
    plt.close()
