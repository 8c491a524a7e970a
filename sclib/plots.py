"""One look for every figure of the book."""

import math

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
