"""The cell with `RUN = False` of each chapter that has one, switched on: with a tiny model it trains and draws."""

import ast
import functools
import re
from pathlib import Path

import jupytext
import numpy as np
import pytest
from matplotlib import pyplot as plt

from sclib import experiments, plane, plots

TINY = {
    "generations": 1, "n": 40, "n_data": 200, "n_atoms": 100, "n_points": 10,
    "width": 8, "first_steps": 3, "first_batch": 8, "steps": 2, "batch": 8, "calls": 2,
}  # fmt: skip
CELLS = [
    pytest.param(cell.source, id=path.stem)
    for path in sorted((Path(__file__).parents[2] / "book").glob("[0-9]*.md"))
    for cell in jupytext.read(path).cells
    if cell.source.startswith("RUN = False")
]


@pytest.mark.parametrize("source", CELLS)
def test_switched_on_it_trains_and_draws(source, monkeypatch, tmp_path):
    monkeypatch.setenv("SCLIB_CACHE", str(tmp_path))
    monkeypatch.setattr(experiments, "run", functools.partial(experiments.run, **TINY))
    name = re.search(r'experiments.run\("(.+?)"', source)[1]
    stored = ast.literal_eval(re.search(r"runs\[(.+?)\]", source)[1])  # the key under which the chapter holds it
    names = {
        "experiments": experiments, "np": np, "plt": plt, "plots": plots,
        "runs": {stored: experiments.load(name)}, "exact": {stored: plane.exact_law(experiments.configure(name))},
    }  # fmt: skip
    exec(source.replace("RUN = False", "RUN = True"), names)
    lines = plt.gca().lines
    assert [len(line.get_ydata()) for line in lines] == [11, 2, 11]
    assert np.isfinite(lines[1].get_ydata()).all()
    plt.close("all")
