"""Logs of picks, tests of the rule on them, and sliders: any input gives a sound result, or a ValueError."""

import math

import numpy as np
import pytest
from fuzzing import ANYTHING, QUICK, REFUSED, call
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matplotlib.figure import Figure

from sclib import click_log, taste, widgets

FEATURES = np.random.default_rng(0).normal(size=(60, 3, 2))
PICKS = np.random.default_rng(1).integers(0, 3, 60)
GROUPS = [["a", "b", "c"], ["b", "c", "a"]] * 6
PLACES = [[1, 2, 3], [2, 1, 3]] * 6
CHOSEN = [0, 2, 0, 1, 0, 1, 2, 0, 1, 2, 1, 0]


def spoil(data, called):
    """The arguments, one of which may be anything at all, and its name."""
    name = data.draw(st.sampled_from([None, *called]), "spoiled")
    return (called, None) if name is None else (called | {name: data.draw(ANYTHING, "instead")}, name)


@given(st.data())
@settings(QUICK, max_examples=150)
def test_iia_test(data):
    called, spoiled = spoil(data, {"features": FEATURES, "picks": PICKS, "drop": data.draw(st.integers(0, 2))})
    found = call(taste.iia_test, called, spoiled, "taste.iia_test")
    assert found is REFUSED or (math.isfinite(found.statistic) and 0 <= found.p_value <= 1)


@given(st.data())
@settings(QUICK, max_examples=150)
def test_fit_rewards_with_positions(data):
    called, spoiled = spoil(data, {"groups": GROUPS, "picks": CHOSEN, "positions": PLACES, "prior": 2.0})
    found = call(taste.fit_rewards, called, spoiled, "taste.fit_rewards")
    assert found is REFUSED or (np.isfinite(found.rewards).all() and np.isfinite(found.effect_errors).all())


CELLS = st.sampled_from(
    ["a", "b", "1", "0", "2", "", "x,y", '"', "\N{BOM}", "ä", "1e3", "nan", "True", ";", "\t", "\x00"]
)
ROWS = st.lists(st.lists(CELLS, min_size=1, max_size=5).map(",".join), max_size=8)
HEADS = st.sampled_from(["group,item,picked", "group;item;picked", "group,item,picked,position", "item,picked", ""])


@given(HEADS, ROWS, st.sampled_from(["utf-8", "utf-8-sig", "latin-1", "utf-16"]))
@settings(QUICK, max_examples=300)
def test_read_log(tmp_path_factory, head, rows, encoding):
    path = tmp_path_factory.mktemp("log") / "log.csv"
    path.write_bytes("\n".join([head, *rows]).encode(encoding, "replace"))
    try:
        log = click_log.read_log(path)
    except ValueError as error:
        assert str(error)
        return
    assert len(log.groups) == len(log.picks) and all(len(group) >= 2 for group in log.groups)
    assert all(0 <= pick < len(group) for group, pick in zip(log.groups, log.picks, strict=True))


@given(hnp.arrays(np.uint8, st.integers(0, 200)))
@settings(QUICK, max_examples=100)
def test_read_log_of_any_bytes(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("log") / "log.csv"
    path.write_bytes(data.tobytes())
    with pytest.raises(ValueError):
        click_log.read_log(path)


@given(st.data())
@settings(QUICK, max_examples=60)
def test_explore(data):
    def draw(**_):
        figure = Figure(figsize=(0.5, 0.5))
        figure.set_label("nothing")
        return figure

    axis = data.draw(st.sampled_from([[1, 2], [math.inf], [], (), range(2), ["a"], None, 3, "ab", [None], [[1]]]))
    start = data.draw(st.sampled_from([None, {}, {"K": 1}, {"K": 9}, {"other": 1}, 7, "K"]))
    try:
        found = widgets.explore(draw, start=start, K=axis)
    except ValueError as error:
        assert str(error)
        return
    assert repr(found).startswith("explore(")
