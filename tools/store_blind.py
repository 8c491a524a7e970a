"""Write where blind picks leave nine games in ten, after each number of picks, for the game in the page."""

import json
from pathlib import Path

import numpy as np

from sclib.blind_picks import blind_shares

TARGET = Path(__file__).parents[1] / "book" / "extra" / "live" / "blind.js"


def script(rate=0.1):
    """The script: `BLIND[t]` holds the 5 % and the 95 % quantiles of the shares of all eight values after t picks."""
    quantiles = np.quantile(blind_shares(rate), [0.05, 0.95], axis=1).transpose(1, 0, 2)  # (rounds + 1, 2, 8)
    lines = (json.dumps(row, separators=(",", ":")) for row in quantiles.round(4).tolist())
    return "// Made by tools/store_blind.py from sclib.game.\nconst BLIND = [\n" + ",\n".join(lines) + "\n];\n"


if __name__ == "__main__":
    TARGET.write_text(script(), encoding="utf-8")
    print(TARGET)
