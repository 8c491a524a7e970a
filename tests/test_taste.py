"""Rewards from picks: published values, two other libraries, coverage of the intervals, and what has no finite fit."""

import math
import re
import time

import numpy as np
import pytest

from sclib import click_log, taste_report
from sclib.population import kl, tilt, trajectory
from sclib.taste import MODES, TERMS, fit_rewards, fit_taste, iia_test, travellers


def choose_one(r, rng):
    """Picks by Luce's rule from rewards (n, K)."""
    return np.argmax(r + rng.gumbel(size=r.shape), axis=1)


def ragged_log(n=400, m=7, seed=0):
    rng = np.random.default_rng(seed)
    true = rng.normal(size=m)
    groups = [rng.choice(m, rng.integers(2, 6), replace=False).tolist() for _ in range(n)]
    picks = np.array([choose_one(true[group][None], rng)[0] for group in groups])
    return groups, picks, true - true.mean()


def test_travellers_reproduce_the_published_fit():
    features, picks = travellers()
    assert features.shape == (210, len(MODES), len(TERMS))
    fit = fit_taste(features, picks)
    assert [f"{c:.4f}" for c in fit.coefficients] == ["5.2074", "3.8690", "3.1632", "-0.0155", "-0.0961", "0.0133"]
    assert [f"{e:.4f}" for e in fit.errors] == ["0.7791", "0.4431", "0.4503", "0.0044", "0.0104", "0.0103"]
    assert (f"{fit.log_likelihood:.4f}", f"{fit.chance:.4f}") == ("-199.1284", "-291.1218")


def test_without_the_plane_the_published_statistic_rejects_luce():
    test = iia_test(*travellers(), drop=MODES.index("plane"))
    assert (f"{test.statistic:.3f}", test.freedom, test.n) == ("33.337", 4, 152)
    assert test.p_value < 1e-5 and [TERMS[i] for i in test.compared] == list(TERMS[1:5])


def test_where_luce_holds_the_test_rejects_as_often_as_it_says():
    rng, rejected, logs = np.random.default_rng(3), 0, 200
    for _ in range(logs):
        features = rng.normal(size=(400, 4, 2))
        picks = choose_one(features @ [1.0, -0.5], rng)
        rejected += iia_test(features, picks, drop=0).p_value < 0.05
    assert abs(rejected / logs - 0.05) < 4 * math.sqrt(0.05 * 0.95 / logs)


def test_equal_to_conditional_logit_of_statsmodels():
    models = pytest.importorskip("statsmodels.discrete.conditional_models")
    rng = np.random.default_rng(1)
    scale = np.array([1.0, 30.0, 0.1])
    features = scale * rng.normal(size=(300, 5, 3))
    for features, picks in [(features, choose_one(features @ ([0.7, -0.4, 1.5] / scale), rng)), travellers()]:  # noqa: B020
        n, K, d = features.shape
        picked = (np.arange(K) == picks[:, None]).astype(float).ravel()
        model = models.ConditionalLogit(picked, features.reshape(-1, d), groups=np.repeat(np.arange(n), K))
        theirs, ours = model.fit(disp=0, method="newton", maxiter=100), fit_taste(features, picks)
        np.testing.assert_allclose(ours.coefficients, theirs.params, rtol=1e-6)
        np.testing.assert_allclose(ours.covariance, theirs.cov_params(), rtol=1e-6, atol=1e-6 * ours.errors.min() ** 2)
        assert ours.log_likelihood == pytest.approx(theirs.llf, rel=1e-9)


def test_equal_to_choix():
    choix = pytest.importorskip("choix")
    groups, picks, _ = ragged_log()
    data = [(group[k], [x for x in group if x != group[k]]) for group, k in zip(groups, picks, strict=True)]
    theirs = choix.ilsr_top1(7, data, alpha=0.0, tol=1e-12)
    ours = fit_rewards(groups, picks)
    assert ours.items == list(range(7))
    np.testing.assert_allclose(ours.rewards, theirs - theirs.mean(), atol=1e-6)
    assert ours.log_likelihood == pytest.approx(choix.log_likelihood_top1(data, theirs), abs=1e-6)


def test_items_are_features_that_say_which_item_it_is():
    """The same fit by `fit_taste`, the first item's reward held at 0; errors of all differences agree."""
    rng = np.random.default_rng(2)
    groups = np.array([rng.choice(5, 3, replace=False) for _ in range(300)])
    picks = choose_one(np.linspace(-1, 1, 5)[groups], rng)
    by_item, by_feature = fit_rewards(groups.tolist(), picks), fit_taste(np.eye(5)[groups][:, :, 1:], picks)
    np.testing.assert_allclose(by_item.rewards[1:] - by_item.rewards[0], by_feature.coefficients, atol=1e-8)
    C = by_item.covariance
    differences = C[1:, 1:] - C[1:, :1] - C[:1, 1:] + C[0, 0]
    np.testing.assert_allclose(differences, by_feature.covariance, atol=1e-8)
    np.testing.assert_allclose(C.sum(axis=0), 0, atol=1e-10)


def test_two_items_have_the_log_odds_and_their_error():
    fit = fit_rewards([["a", "b"]] * 40, [0] * 30 + [1] * 10)
    gap, error = math.log(3), math.sqrt(1 / 30 + 1 / 10)
    np.testing.assert_allclose(fit.rewards, [gap / 2, -gap / 2], atol=1e-9)
    np.testing.assert_allclose(fit.errors, error / 2, rtol=1e-8)


def test_intervals_hold_the_truth_in_95_of_100():
    """1,000 simulated logs with an effect of position; all (1,000 x 5) intervals of the rewards."""
    rng, logs = np.random.default_rng(0), 1000
    true, effect = np.array([0.9, 0.3, 0.0, -0.4, -0.8]), np.array([0.0, -0.3, -0.6])
    held, places = np.empty((logs, 5)), [range(3)] * 150
    for log in range(logs):
        groups = np.argsort(rng.random((150, 5)), axis=1)[:, :3]
        fit = fit_rewards(groups.tolist(), choose_one(true[groups] + effect, rng), places)
        held[log] = np.abs(fit.rewards - true) < 1.96 * fit.errors
    # The intervals of one log are dependent: the error comes from the spread between logs.
    error = held.mean(axis=1).std() / math.sqrt(logs)
    assert abs(held.mean() - 0.95) < 4 * error
    assert 0.93 < held.mean() < 0.97
    assert np.all(np.abs(held.mean(axis=0) - 0.95) < 4 * math.sqrt(0.05 * 0.95 / logs))


def test_position_effect_is_found_and_misleads_if_left_out():
    """The item is put first more often the worse it is; without the effect of position its reward looks too high."""
    rng = np.random.default_rng(4)
    true, effect = np.array([0.5, 0.0, -0.5]), np.array([0.0, -1.0, -1.5])
    groups = np.argsort(true - 0.3 * rng.gumbel(size=(20_000, 3)), axis=1)
    picks = choose_one(true[groups] + effect, rng)
    fit = fit_rewards(groups.tolist(), picks, [range(3)] * len(groups))
    assert np.all(np.abs(fit.rewards - true) < 4 * fit.errors)
    assert np.all(np.abs(fit.effects - effect)[1:] < 4 * fit.effect_errors[1:])
    without = fit_rewards(groups.tolist(), picks)
    assert without.rewards[2] - true[2] > 10 * without.errors[2]


def test_a_chain_of_picks_is_what_a_finite_fit_needs():
    circle = [("a", "b"), ("b", "c"), ("c", "a")]
    np.testing.assert_allclose(fit_rewards(circle, [0, 0, 0]).rewards, 0, atol=1e-9)
    with pytest.raises(ValueError, match="a never lost to the others; c never won against the others"):
        fit_rewards([("a", "b"), ("b", "c"), ("b", "a")], [0, 0, 1])
    with pytest.raises(ValueError, match="a, b, c, d never met the others"):
        fit_rewards([("a", "b"), ("b", "a"), ("c", "d"), ("d", "c")], [0, 0, 0, 0])


def test_a_prior_makes_every_fit_finite_and_shrinks_it():
    log = [("a", "b"), ("b", "c")], [0, 0]
    narrow, wide = (fit_rewards(*log, prior=sd) for sd in (0.5, 5))
    assert narrow.rewards[0] > narrow.rewards[1] > narrow.rewards[2]
    assert np.ptp(narrow.rewards) < np.ptp(wide.rewards) and np.all(narrow.errors < wide.errors)
    # Where the picks say nothing, the error is the prior's, less what centring takes.
    silent = fit_rewards([("a", "b")], [0], prior=1e-3)
    np.testing.assert_allclose(silent.errors, 1e-3 / math.sqrt(2), rtol=1e-5)


def test_a_wide_prior_is_none():
    groups, picks, _ = ragged_log()
    np.testing.assert_allclose(
        fit_rewards(groups, picks, prior=1e5).rewards, fit_rewards(groups, picks).rewards, atol=1e-6
    )


LINES = "group,item,picked,position\n1,a,1,1\n1,b,0,2\n2,b,1,1\n2,a,0,2\n"


def read(text, tmp_path, encoding="utf-8"):
    path = tmp_path / "log.csv"
    path.write_bytes(text.encode(encoding))
    return click_log.read_log(path)


MIXED = "group,note,picked,item,position\n2,,1,b,1\n1,,1,a,1\n\n1,,0,b,2\n2,,0,a,2\n"


@pytest.mark.parametrize(
    "text", [LINES, *(LINES.replace(",", mark) for mark in ";\t"), LINES.replace("\n", "\r\n"), MIXED]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_log_is_read(text, encoding, tmp_path):
    log = read(text, tmp_path, encoding)
    found = {tuple(group): pick for group, pick in zip(log.groups, log.picks, strict=True)}
    assert found == {("a", "b"): 0, ("b", "a"): 0} and log.positions == [[1, 2], [1, 2]]


@pytest.mark.parametrize(
    "text, says",
    [
        ("", "line 1: the file is empty; needed are group, item, picked and, if known, position"),
        ("\n", "line 1: the file is without a header"),
        ("group,item,picked\n", "line 2: no rows below the header"),
        ("group,thing,picked\n1,a,1\n", "line 1: the columns are group, thing, picked; needed are"),
        (LINES.replace("1,b,0", "1,b,1"), "line 3: group '1' has 2 picks; exactly one is needed"),
        (LINES.replace("2,b,1", "2,b,0"), "line 4: group '2' has no picks; exactly one is needed"),
        (LINES + "3,a,1,1\n", "line 6: group '3' has one item; a choice needs two or more"),
        (LINES + "2,b,0,3\n", "line 6: group '2' has item 'b' twice, first in line 4"),
        (LINES + "2,c,0,2\n", "line 6: group '2' has position 2 twice, first in line 5"),
        (LINES.replace("1,b,0", "1,b,no"), "line 3: picked = 'no'; it must be 0 or 1"),
        (LINES.replace("1,b,0,2", "1,b,0,left"), "line 3: position = 'left'; it must be an integer"),
        (LINES + "3,c\n", "line 6: 2 fields; the header has 4"),
        (LINES + "3,,1,1\n", "line 6: item is empty"),
    ],
)
def test_a_bad_log_is_named_with_its_line(text, says, tmp_path, capsys):
    with pytest.raises(ValueError, match=re.escape(says)):
        read(text, tmp_path)
    assert taste_report.main([str(tmp_path / "log.csv")]) == 2
    assert says in capsys.readouterr().err


def test_a_log_in_another_encoding_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"not UTF-8 .* save it as CSV UTF-8"):
        read(LINES.replace("a", "ä"), tmp_path, "latin-1")


def write_log(path, groups, picks):
    with open(path, "w") as file:
        file.write("group,item,picked,position\n")
        for i, (group, pick) in enumerate(zip(groups, picks, strict=True)):
            file.writelines(f"{i},{item},{int(k == pick)},{k + 1}\n" for k, item in enumerate(group))


def test_the_report_forecasts_the_exact_loop(tmp_path, capsys):
    rng = np.random.default_rng(5)
    true = np.array([1.0, 0.0, -0.5, -0.5])
    groups = np.argsort(rng.random((2000, 4)), axis=1)[:, :3]
    write_log(tmp_path / "log.csv", groups, choose_one(true[groups], rng))
    log = click_log.read_log(tmp_path / "log.csv")
    told = taste_report.report(log, rounds=5, position=False)
    np.testing.assert_allclose(told.laws, trajectory(told.probs, told.fit.rewards, 3, 5), atol=1e-10)
    for t in (1, 5):
        same = tilt(told.probs, told.fit.rewards, told.betas[t])
        assert kl(same, told.probs) == pytest.approx(kl(told.laws[t], told.probs), rel=1e-6)
    sd = math.sqrt(told.probs @ (true - told.probs @ true) ** 2)
    assert abs(told.true_sd - sd) < 4 * told.fit.errors.max()
    plot, options = tmp_path / "plot.png", ["--rounds", "5", "--no-position", "--plot"]
    assert taste_report.main([str(tmp_path / "log.csv"), *options, str(plot)]) == 0
    out = capsys.readouterr().out
    assert "2,000 picks among 4 items; groups: 2,000 of 3" in out and f"effective beta {told.betas[5]:.2f}" in out
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert "position" not in out
    assert taste_report.main([str(tmp_path / "log.csv"), "--rounds", "0", "--plot", str(plot)]) == 0
    assert "position 2: " in capsys.readouterr().out


def test_noise_is_taken_from_the_spread_of_rewards():
    """Blind picks: the fitted rewards spread by their errors alone, and what is left without it is near zero."""
    rng = np.random.default_rng(6)
    groups = np.argsort(rng.random((400, 20)), axis=1)[:, :4]
    told = taste_report.report(click_log.Log(groups.tolist(), rng.integers(4, size=400), None), rounds=0)
    assert told.sd > 0.15 and told.true_sd < 0.6 * told.sd


def test_a_million_rows_take_less_than_20_seconds(tmp_path):
    rng = np.random.default_rng(7)
    groups = np.tile([rng.choice(100, 4, replace=False) for _ in range(2500)], (100, 1))
    write_log(tmp_path / "log.csv", groups, choose_one(rng.normal(size=100)[groups], rng))
    start = time.process_time()  # of this process: other work beside the test does not count
    assert taste_report.main([str(tmp_path / "log.csv")]) == 0
    assert time.process_time() - start < 20


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: fit_rewards([], []), "groups is empty"),
        (lambda: fit_rewards([("a",)], [0]), r"groups\[0\] = \['a'\]; a choice needs two candidates or more"),
        (lambda: fit_rewards([("a", "b"), ("a", "a")], [0, 0]), r"groups\[1\] has 'a' twice"),
        (lambda: fit_rewards([("a", 1)], [0]), "groups mixes things that cannot be sorted"),
        (lambda: fit_rewards([("a", "b")], [2]), r"picks\[0\] = 2; of 2 candidates it must be from 0 to 1"),
        (
            lambda: fit_rewards([("a", "b")], [0.0]),
            r"picks has shape \(1,\) and type float64; it must be \(1,\) integers",
        ),
        (lambda: fit_rewards([("a", "b")], [0, 1]), r"picks has shape \(2,\)"),
        (lambda: fit_rewards([("a", "b")], [0], prior=0), "prior = 0 must be positive"),
        (lambda: fit_rewards([("a", "b")], [0], [(1, 2, 3)], prior=1), "positions differ from groups in their sizes"),
        (lambda: fit_rewards([("a", "b")], [0], [(1, 1)], prior=1), r"positions\[0\] has 1 twice"),
        (lambda: fit_rewards([(0, i) for i in range(1, 3001)], [0] * 3000), "groups has 3,001 items; at most 3,000"),
        (lambda: fit_rewards([(0, 1), (1, 0)], [0, 0], [(1, 2), (2, 1)]), "no finite fit|cannot be told apart"),
        (lambda: fit_taste(np.ones((5, 3)), [0] * 5), r"features has shape \(5, 3\); it must be \(n, K, d\)"),
        (lambda: fit_taste(np.full((5, 3, 1), np.nan), [0] * 5), "features has 15 NaN or infinite values"),
        (lambda: fit_taste(np.ones((5, 3, 1)), [0] * 5), "features .* cannot be told apart"),
        (lambda: fit_taste(np.eye(2)[None].repeat(5, 0)[:, :, :1], [0] * 5), "picks have no finite fit"),
        (lambda: iia_test(np.ones((5, 2, 1)), [0] * 5, 0), "features has 2 candidates"),
        (lambda: iia_test(*travellers(), drop=4), "drop = 4 must be an integer from 0 to 3"),
        (lambda: iia_test(np.eye(3)[None, :, :1].repeat(5, 0), [1, 1, 2, 1, 0], 0), "drop = 0 leaves 4 choices and no"),
    ],
)
def test_bad_input_is_named(call, says):
    with pytest.raises(ValueError, match=says):
        call()
