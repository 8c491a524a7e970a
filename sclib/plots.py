"""One look for every figure of the book."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

# Three of Okabe and Ito's colours, told apart with any common colour vision.
BLUE, ORANGE, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
GREY = "#767676"  # the lightest grey with a contrast of 4.5 on white


def use_style() -> None:
    """Set matplotlib's defaults for the book: type that a phone can show, white ground, no frame on top and right."""
    plt.rcParams.update(
        {
            "figure.figsize": (5.6, 3.6),
            "figure.dpi": 200,
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "font.size": 12,
            "axes.titlesize": 12,
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "legend.frameon": False,
            "legend.fontsize": 11,
            "lines.linewidth": 2,
        }
    )


def color_of(K: float) -> tuple[float, float, float, float]:
    """One colour per number of candidates, darker for more: on a log scale from 1 to 64, then infinity.

    Parameters
    ----------
    K : candidates, an integer >= 1 or inf.

    Returns
    -------
    Red, green, blue and opacity, from 0 to 1.
    """
    position = 1.0 if K == math.inf else min(math.log2(K) / 7, 0.86)
    return colormaps["viridis_r"](0.4 + 0.6 * position)  # 0.4: a contrast of 3 on white


def line_laws(
    x: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    rewards: np.ndarray,
    title: str = "",
    color: str = BLUE,
    top: float | None = None,
    names: tuple[str, str] = ("the model, p", "after one pick, p H"),
    dashed: tuple[np.ndarray, str] | None = None,
) -> Figure:
    """Figure of two laws on an evenly spaced line and, above them, the reward.

    Parameters
    ----------
    x : (n,), evenly spaced.
    before, after : (n,), probabilities, drawn as densities.
    rewards : (n,), nats.
    title : above the reward.
    color : of the law `after`.
    top : height of the density axis, so that the frames of one slider can be compared.
    names : of the two laws.
    dashed : a third law (n,) and its name.

    Returns
    -------
    Figure, labelled with where the mass right of the middle went.
    """
    cell = x[1] - x[0]
    figure, (above, below) = plt.subplots(2, 1, sharex=True, height_ratios=[1, 2.6])
    above.plot(x, rewards, color=ORANGE)
    above.set_ylabel("reward r")
    above.set_title(title)
    below.fill_between(x, before / cell, facecolor="#C9C9C9", edgecolor=GREY, lw=0.8, label=names[0])
    below.plot(x, after / cell, color=color, label=names[1])
    if dashed is not None:
        below.plot(x, dashed[0] / cell, color="black", ls="--", lw=1.3, label=dashed[1])
    below.set(xlabel="x", ylabel="density", ylim=(0, top))
    below.legend(loc="upper left")
    shares = [law[x > 0].sum() for law in (before, after)]
    figure.set_label(
        f"The share of the right-hand half goes from {shares[0]:.2f} to {shares[1]:.2f}; "
        f"the density is highest at x = {x[after.argmax()]:.1f}."
    )
    return figure


def sheet(pictures: np.ndarray, columns: int) -> np.ndarray:
    """Pictures side by side, for `imshow`, with a margin of one pixel.

    Parameters
    ----------
    pictures : (n, C, H, W), uint8; C is 1 or 3, n a multiple of `columns`.
    columns : of the sheet.

    Returns
    -------
    (rows, columns), or with three colours in a last axis.
    """
    n, channels, height, width = pictures.shape
    padded = np.pad(pictures, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=255 if channels == 3 else 0)
    rows = padded.reshape(n // columns, columns, channels, height + 2, width + 2)
    one = rows.transpose(0, 3, 1, 4, 2).reshape(-1, columns * (width + 2), channels)
    return one[..., 0] if channels == 1 else one


def round_of_images(arrays: dict, law: dict, generation: int, names: Sequence[str], columns: int = 5) -> Figure:
    """Figure of one generation of a loop on images: pictures of the first seed, and the shares over the exact law.

    Parameters
    ----------
    arrays : of a result; `pictures` (T + 1, S, n, C, H, W) and `masses` (T + 1, S, C) are drawn.
    law : as from `predictions.exact_law`.
    generation : 0..T.
    names : of the C classes.
    columns : of pictures.

    Returns
    -------
    Figure, labelled with the largest and the smallest share, medians over seeds.
    """
    figure, (left, right) = plt.subplots(1, 2, width_ratios=[1.3, 1])
    grey = {"cmap": "gray_r", "vmin": 0, "vmax": 255}  # of no effect on colours
    left.imshow(sheet(arrays["pictures"][generation, 0], columns), **grey)
    left.set(xticks=[], yticks=[], title=f"generation {generation}")
    left.spines[:].set_visible(False)
    shares, exact = (np.median(each["masses"][generation], 0) for each in (arrays, law))
    right.barh(names, shares, color=BLUE)
    right.plot(exact, range(len(names)), "|", ms=14, mew=2, color=ORANGE)
    right.set(yticks=range(len(names)), xlim=(-0.02, 1.02), title="share of each class")
    right.invert_yaxis()
    top = int(shares.argmax())
    figure.set_label(
        f"The largest class is {names[top]} with a share of {shares[top]:.2f}; the "
        f"exact law says {exact[top]:.2f}. The smallest has {shares.min():.3f}."
    )
    return figure


def over_law(measured: np.ndarray, law: np.ndarray, label: str, color: str = BLUE) -> None:
    """Draw what trained loops have over the exact law: their median as dots, their range as a band, the law as a line.

    Parameters
    ----------
    measured, law : (T + 1, S), of S seeds; of the law, the median.
    label : of the dots.
    color : of all three.
    """
    plt.plot(np.median(law, 1), color=color, lw=1.2)
    plt.fill_between(range(len(measured)), measured.min(1), measured.max(1), color=color, alpha=0.25)
    plt.plot(np.median(measured, 1), "o", ms=5, color=color, label=label)
    plt.gca().set_xlabel("generation")
    plt.legend()
