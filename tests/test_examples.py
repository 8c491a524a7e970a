"""The example is short, runs as it stands, and does what the exact law says."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot as plt

PATH = Path(__file__).parents[1] / "examples" / "whole_loop.py"


@pytest.mark.parametrize("lam", [math.inf, 0.5])
def test_whole_loop_follows_the_exact_law(lam, tmp_path):
    spec = importlib.util.spec_from_file_location("whole_loop", PATH)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    plt.close("all")
    measured, exact = example.main(["--lam", str(lam), "--out", str(tmp_path / "picture.png")])
    # A round's mean has a standard error of 1 / sqrt(n K) at most, and in ten rounds such errors add up to ten at most;
    # what is picked by luck moves the next model by 1 / sqrt(n).
    assert np.abs(measured - exact).max() < 10 / math.sqrt(example.PICKS)
    assert exact[-1] > 1.9 if lam == math.inf else exact[-1] < 0.4
    assert (tmp_path / "picture.png").stat().st_size > 1000
    plt.close("all")


def test_it_stays_short():
    assert len(PATH.read_text(encoding="utf-8").splitlines()) <= 60
