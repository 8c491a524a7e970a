"""Draw book/_static/card.png, the picture that other sites show beside a link: `python tools/draw_card.py`."""

from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt

from sclib import plots
from sclib.population import trajectory

plots.use_style()
x = np.linspace(-4, 4, 400)
p = np.exp(-((x + 1.5) ** 2) / 0.72) + np.exp(-((x - 1.5) ** 2) / 0.72)
p /= p.sum()
laws = trajectory(p, -np.maximum(0, abs(x - 1.5) - 0.5), K=4, generations=3)

figure, axes = plt.subplots(figsize=(6, 3.15))  # 1,200 x 630 pixels
axes.fill_between(x, p, facecolor="#C9C9C9", edgecolor=plots.GREY, label="first model")
for rounds, law in enumerate(laws[1:], 1):
    axes.plot(x, law, color=plots.BLUE, alpha=rounds / 3, label=f"after {rounds} round{'s' * (rounds > 1)}")
axes.set(xticks=[], yticks=[], ylim=(0, None))
axes.spines.left.set_visible(False)
axes.legend(loc="upper left", fontsize=10)
figure.get_layout_engine().set(w_pad=0.24, h_pad=0.16)
figure.suptitle("Retrained on the Favourites", x=0.04, ha="left", fontsize=19, weight="bold")
axes.set_title("What becomes of a model that learns from what people picked?", fontsize=11.5)
figure.savefig(Path(__file__).parents[1] / "book" / "_static" / "card.png")
