"""You are the curator: a pick moves the model, blind picks only drift, a taste is found, the buttons do it all."""

import math
import re
import sys
from pathlib import Path

import ipywidgets
import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt

from sclib import game, game_view
from sclib.blind_picks import blind_shares
from sclib.game import KINDS, VALUES, Game, simulate
from sclib.game_view import play

LIKES_ORANGE = 2.0 * (KINDS[:, 1] == 1)


def test_a_pick_moves_each_attribute_towards_the_picture():
    session = Game(rate=0.25, seed=1)
    shape, colour, size = session.offers[0][2]
    session.pick(2)
    for shares, value in zip(session.marginals[1], (shape, colour, size), strict=True):
        first = 1 / len(shares)
        np.testing.assert_allclose(shares[value], 0.75 * first + 0.25)
        np.testing.assert_allclose(np.delete(shares, value), 0.75 * first)
    assert len(session.offers) == 2 and session.picks == [2]


def test_the_law_is_the_product_of_the_shares():
    session = simulate(LIKES_ORANGE, 5)
    assert session.law.sum() == pytest.approx(1, abs=1e-12)
    orange = session.law[KINDS[:, 1] == 1].sum()
    assert orange == pytest.approx(session.marginals[-1][1][1], abs=1e-12)


def test_blind_picks_drift_as_the_formula_says():
    """E[1 - sum of squared shares] falls by the factor 1 - rate^2 a round: the loss of diversity by drift alone."""
    rate, t = 0.1, 60
    shares = blind_shares(rate)
    for start, stop in [(0, 3), (3, 6), (6, 8)]:
        diversity = 1 - (shares[t, :, start:stop] ** 2).sum(axis=1)
        expected = (1 - 1 / (stop - start)) * (1 - rate**2) ** t
        assert abs(diversity.mean() - expected) < 4 * diversity.std() / math.sqrt(len(diversity))


def test_blind_and_played_games_follow_the_same_law():
    finals = np.array([simulate(np.zeros(18), 20, seed=seed).marginals[-1][1][1] for seed in range(200)])
    blind = blind_shares(0.1)[20, :, 4]
    error = math.sqrt(finals.var() / len(finals) + blind.var() / len(blind))
    assert abs(finals.mean() - blind.mean()) < 4 * error


def test_chance_of_a_value_is_its_part_of_the_offer():
    session = Game(seed=3)
    session.pick(0)
    offer = session.offers[0]
    for bias, (attribute, value) in zip(session.biases(), [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0),
                                                           (2, 1)], strict=True):  # fmt: skip
        part = np.mean(offer[:, attribute] == value)
        assert bias.expected == part and bias.sd == pytest.approx(math.sqrt(part * (1 - part)))
        assert bias.picked == (offer[0, attribute] == value)


def test_blind_picks_stay_near_their_expectation():
    scores = [
        (b.picked - b.expected) / b.sd
        for seed in range(200)
        for b in simulate(np.zeros(18), 20, seed=seed).biases()
        if b.value in ("circle", "blue", "small") and b.sd > 0
    ]
    assert abs(np.mean(scores)) < 4 / math.sqrt(len(scores))
    assert np.mean(np.square(scores)) == pytest.approx(1, abs=4 * math.sqrt(2 / len(scores)))


def test_the_page_holds_what_blind_picks_do():
    root = Path(__file__).parents[1]
    sys.path.insert(0, str(root / "tools"))
    import store_blind

    assert store_blind.TARGET.read_text(encoding="utf-8") == store_blind.script(), "run tools/store_blind.py"


def test_a_strong_taste_is_named():
    session = simulate(2 * LIKES_ORANGE, 30)
    assert re.search(r"You picked orange \d+ times \(blind: [\d.]+ ± [\d.]+\)", game.verdict(session))
    assert "Nothing yet" in game.verdict(session, 0)


def test_taste_is_read_back_from_many_picks():
    """With the model held nearly still, 4,000 picks determine the rewards to a tenth of a nat."""
    true = np.array([0.8, 0.0, -0.8])[KINDS[:, 0]] + np.array([0.0, 1.0])[KINDS[:, 2]]
    session = simulate(true, 4000, rate=1e-6)
    # A value's count has information of about 4000 * 2/9 * 3/4: a standard error of 0.04; allow four of them.
    assert np.abs(session.taste() - (true - true.mean())).max() < 0.16


def test_error_bars_of_the_game_hold_the_taste():
    """95 % intervals of all eight values, in 200 games of 200 picks with the model held nearly still."""
    true, held = 1.5 * np.array([0, 0, 0, -1 / 3, 2 / 3, -1 / 3, 0, 0]), []
    for seed in range(200):
        rewards = simulate(1.5 * (KINDS[:, 1] == 1), 200, rate=1e-6, seed=seed).rewards(prior=10)
        assert [value for value, _, _ in rewards] == VALUES
        held.append([abs(r - truth) < 1.96 * error for (_, r, error), truth in zip(rewards, true, strict=True)])
    error = np.mean(held, axis=1).std() / math.sqrt(200)
    assert abs(np.mean(held) - 0.95) < 4 * error


def test_a_narrow_prior_keeps_the_taste_small():
    session = simulate(LIKES_ORANGE, 30)
    assert np.ptp(session.taste(prior=0.1)) < 0.2 * np.ptp(session.taste(prior=1.0))


def test_no_picks_no_taste():
    assert np.all(Game(seed=0).taste() == 0)


def buttons(widget):
    if isinstance(widget, ipywidgets.Button):
        return [widget]
    return [b for child in getattr(widget, "children", ()) for b in buttons(child)]


def test_clicks_play_the_game():
    session, open_before = Game(seed=5), plt.get_fignums()
    widget = play(session)
    picture, _, said = widget.children
    seen = {picture.value}
    for k in [2, 0, 3]:
        offer = session.offers[-1]
        assert [b.description for b in buttons(widget)] == [f"{i + 1}: {game.name(c)}" for i, c in enumerate(offer)]
        buttons(widget)[k].click()
        seen.add(picture.value)
    assert session.picks == [2, 0, 3] and len(seen) == 4
    assert "Picks: 3." in said.value and 'role="status"' in said.value
    assert game.name(session.offers[-1][0]) in re.search('alt="([^"]*)"', picture.value)[1]
    assert plt.get_fignums() == open_before


def test_the_cell_of_the_chapter_plays():
    chapter = (Path(__file__).parents[1] / "book" / "08_going_further.md").read_text(encoding="utf-8")
    source = re.search(r"^PLAY = False.*?(?=^```)", chapter, re.M | re.S)[0]
    shown, names = [], {"game": game, "game_view": game_view}
    exec(source, names | {"display": shown.append})
    assert shown == []
    names["display"] = shown.append
    exec(source.replace("PLAY = False", "PLAY = True"), names)
    buttons(shown[0])[1].click()
    assert names["mine"].picks == [1]


def test_a_picture_says_what_was_offered_and_picked():
    session = simulate(LIKES_ORANGE, 4)
    label = game_view.draw(session, 2).get_label()
    plt.close("all")
    assert f"Number {session.picks[2] + 1} was picked." in label
    assert all(value in label for value in VALUES)
    assert "was picked" not in game_view.draw(session).get_label()
    plt.close("all")


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: Game(K=1), "K = 1 must be an integer >= 2"),
        (lambda: Game(rate=0), "rate = 0 must lie between 0 and 1"),
        (lambda: Game(seed=0).pick(True), "k = True must be an integer from 0 to 3"),
        (lambda: Game(seed=-1), "seed = -1 must be an integer >= 0"),
        (lambda: simulate(np.ones(18) * 1j, 3), "rewards = .* must be an array of real numbers"),
        (lambda: Game(seed=0).pick(4), "k = 4 must be an integer from 0 to 3"),
        (lambda: simulate(LIKES_ORANGE, 2).fit(prior=0), "prior = 0 must be positive"),
        (lambda: Game(seed=0).fit(), "features has shape"),
        (lambda: simulate(LIKES_ORANGE, -1), "rounds = -1 must be an integer >= 0"),
        (lambda: game.verdict(simulate(LIKES_ORANGE, 2), 3), "t = 3 must be an integer from 0 to 2"),
        (lambda: simulate([1.0, 2.0], 3), r"rewards has shape \(2,\); it must be \(18,\)"),
    ],
)
def test_bad_input_is_named(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_huge_equal_rewards_are_picked_evenly():
    picks = np.bincount(simulate(np.full(18, -1e30), 400, seed=1).picks, minlength=4)
    assert picks.min() > 100 - 4 * (400 * 3 / 16) ** 0.5


def test_half_precision_rewards_are_read():
    exact = simulate(np.arange(18.0), 20)
    assert simulate(torch.arange(18.0, requires_grad=True).bfloat16(), 20).picks == exact.picks
