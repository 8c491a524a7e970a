"""The cell with `RUN = False` of each chapter that has one, switched on: with a tiny model it trains and draws."""

import ast
import functools
import re
from pathlib import Path

import jupytext
import numpy as np
import pytest
from matplotlib import pyplot as plt

from sclib import datasets, experiments, latent_loop, plane, plots, predictions, sentences

POINTS = {
    "generations": 1, "n": 40, "n_data": 200, "n_atoms": 100, "n_points": 10,
    "width": 8, "first_steps": 3, "first_batch": 8, "steps": 2, "batch": 8, "calls": 2,
}  # fmt: skip
DIGITS = {
    "generations": 1, "n": 30, "n_atoms": 100, "n_kept": 20, "n_near": 20, "n_pictures": 4, "classifier_steps": 2,
    "width": 8, "depth": 1, "first_steps": 3, "steps": 2, "batch": 8, "calls": 2,
}  # fmt: skip
WORDS = {"generations": 1, "n": 40, "n_data": 200, "width": 8, "depth": 1, "first_steps": 3, "steps": 2, "batch": 8}
TINY = {"gaussians": POINTS, "digits": DIGITS, "cifar10": {}, "words": WORDS}
CELLS = [
    pytest.param(cell.source, id=f"{path.stem}-{re.search('run[(].(.+?).[,)]', cell.source)[1]}")
    for path in sorted((Path(__file__).parents[2] / "book").glob("[0-9]*.md"))
    for cell in jupytext.read(path).cells
    if cell.source.startswith("RUN = False") and "experiments.run(" in cell.source
]


@pytest.mark.parametrize("source", CELLS)
def test_switched_on_it_trains_and_draws(source, monkeypatch, tmp_path, cifar10_stand_in):
    monkeypatch.setenv("SCLIB_CACHE", str(tmp_path / "cache"))
    name = re.search(r'experiments.run\("(.+?)"', source)[1]
    config = experiments.configure(name)
    monkeypatch.setattr(experiments, "run", functools.partial(experiments.run, device="cpu", **TINY[config.data]))
    names = {"experiments": experiments, "np": np, "plt": plt, "plots": plots, "predictions": predictions}
    names["sentences"] = sentences
    lengths = [4, 4, 4] if config.data == "words" else [3, 3]  # the latter of the preset smoke
    if key := re.search(r"runs\[(.+?)\]", source):
        stored, key = experiments.load(name), ast.literal_eval(key[1])  # under which the chapter holds it
        law = (plane if config.data == "gaussians" else predictions).exact_law(config, stored.arrays)
        names |= {"runs": {key: stored}, "exact": {key: law}}
        lengths = [11, 2, 11]
    plt.close("all")  # what other tests have left
    exec(source.replace("RUN = False", "RUN = True").replace('preset="full"', 'preset="smoke"'), names)
    lines = plt.gca().lines
    assert [len(line.get_ydata()) for line in lines] == lengths
    assert np.isfinite(lines[-2].get_ydata()).all()
    plt.close("all")


def test_rounds_from_shipped_weights_run_without_data(monkeypatch, cache, capsys):
    monkeypatch.delenv("SCLIB_CIFAR10", raising=False)
    monkeypatch.setattr(datasets, "cifar10", None)
    path = Path(__file__).parents[2] / "book" / "06_cifar10.md"
    (source,) = [cell.source for cell in jupytext.read(path).cells if cell.source.startswith("RUN = False")]
    monkeypatch.setattr(experiments, "configure", functools.partial(experiments.configure, n=20, steps=2, calls=4))
    names = {"experiments": experiments, "latent_loop": latent_loop, "plots": plots, "plt": plt}
    exec(source.replace("RUN = False", "RUN = True"), names)
    assert len(names["mine"]) == 6 and len(capsys.readouterr().out.splitlines()) == 6
    assert plt.gca().images[0].get_array().shape == (2 * 34, 5 * 34, 3)
    plt.close("all")
