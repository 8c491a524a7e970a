"""Bring your own log: a CSV of picks in; rewards with error bars, a forecast and the effective beta out.

python -m sclib.taste log.csv --plot rewards.png
"""

import argparse
import math
import sys
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from scipy import optimize

from sclib.click_log import Log, read_log
from sclib.plots import BLUE, GREY, ORANGE
from sclib.population import curation_weight, kl, tilt
from sclib.taste import RewardFit, fit_rewards

SURE = 1.96  # standard errors to each side of a 95 % interval


class Report(NamedTuple):
    """What a log says; T rounds of forecast."""

    fit: RewardFit
    probs: np.ndarray  # (m,), the share of each item among all that was shown
    sd: float  # standard deviation of the rewards under `probs`, nats
    true_sd: float  # the same without what the errors of the fit add to it
    laws: np.ndarray  # (T + 1, m), the forecast
    betas: np.ndarray  # (T + 1,), the beta whose tilt is as far from `probs` in KL; inf for no move
    log: Log


def report(log: Log, rounds: int = 10, prior: float = math.inf, position: bool = True) -> Report:
    """Fit rewards to `log` and forecast the loop that is retrained on such picks alone (Eq. 4).

    The first law are the items' shares among all that was shown.  Each round draws groups from the law, of the sizes
    that the log has and in its proportions, and keeps what is picked: p_{t+1} = sum_K share(K) p_t H_K, without effects
    of position.

    Parameters
    ----------
    log : Log
    rounds : how many rounds, an integer >= 0.
    prior : as in `fit_rewards`.
    position : whether effects of position are fitted, where the log has positions.

    Returns
    -------
    Report

    Raises
    ------
    ValueError
        As `fit_rewards`.
    """
    fit = fit_rewards(log.groups, log.picks, log.positions if position else None, prior)
    shown = Counter(item for group in log.groups for item in group)
    probs = np.array([shown[item] for item in fit.items], dtype=float)
    probs /= probs.sum()
    sizes = Counter(len(group) for group in log.groups)
    laws = [probs]
    for _ in range(rounds):
        kept = sum(n * curation_weight(laws[-1], fit.rewards, K) for K, n in sizes.items()) * laws[-1]
        laws.append(kept / kept.sum())
    variance = probs @ fit.rewards**2 - (probs @ fit.rewards) ** 2
    noise = probs @ np.diag(fit.covariance) - probs @ fit.covariance @ probs
    sds = math.sqrt(variance), math.sqrt(max(0.0, variance - noise))
    betas = np.array([effective_beta(probs, fit.rewards, kl(law, probs)) for law in laws])
    return Report(fit, probs, *sds, np.array(laws), betas, log)


def effective_beta(probs: ArrayLike, rewards: ArrayLike, divergence: float) -> float:
    """The beta > 0 for which the RLHF optimum `tilt` is at KL `divergence` from `probs`.

    Parameters
    ----------
    probs, rewards : (m,), as for `population.tilt`.
    divergence : >= 0, nats.

    Returns
    -------
    A float; inf for no divergence, 0 for more than any tilt has.
    """
    if divergence <= 0:
        return math.inf

    def excess(log_beta):
        return kl(tilt(probs, rewards, math.exp(log_beta)), probs) - divergence

    low, high = -12.0, 12.0
    if excess(low) < 0:
        return 0.0
    return math.inf if excess(high) > 0 else math.exp(optimize.brentq(excess, low, high, xtol=1e-10))


def say(told: Report, top: int = 20) -> str:
    """The report in words.

    Parameters
    ----------
    told : Report
    top : so many items are listed, those of the highest rewards.

    Returns
    -------
    A text of several lines.
    """
    fit, laws = told.fit, told.laws
    n = len(told.log.picks)
    sizes = Counter(len(group) for group in told.log.groups)
    commonest = ", ".join(f"{count:,} of {K}" for K, count in sorted(sizes.items()))
    last = len(laws) - 1
    width = max(len(str(item)) for item in fit.items[: 10 * top])
    lines = [
        f"{n:,} picks among {len(fit.items):,} items; groups: {commonest}",
        f"log-likelihood {fit.log_likelihood:.1f} (blind picks: {fit.chance:.1f})",
        f"sd of the rewards {told.sd:.2f} nats; {told.true_sd:.2f} without the noise of the fit",
        "",
        f"{'item':{width}}  reward   95 % interval   share now  after 1  after {last}",
    ]
    for i in np.argsort(-fit.rewards)[:top]:
        low, high = (fit.rewards[i] + side * SURE * fit.errors[i] for side in (-1, 1))
        after = laws[min(1, last)][i], laws[last][i]
        lines.append(
            f"{fit.items[i]!s:{width}}  {fit.rewards[i]:+6.2f}  {low:+6.2f} to {high:+6.2f}"
            f"  {laws[0][i]:9.3f}  {after[0]:7.3f}  {after[1]:7.3f}"
        )
    if len(fit.items) > top:
        lines.append(f"... and {len(fit.items) - top:,} more")
    for place, effect, error in zip(fit.positions, fit.effects, fit.effect_errors, strict=True):
        lines.append(f"position {place}: {effect:+.2f} ± {SURE * error:.2f} nats")
    lines += ["", "If a model is retrained on such picks alone:"]
    for t in sorted({1, 3, last} & set(range(1, last + 1))):
        lines.append(
            f"  round {t:2}: mean reward {laws[t] @ fit.rewards:+.2f}, KL from now {kl(laws[t], laws[0]):.2f} nats,"
            f" effective beta {told.betas[t]:.2f}"
        )
    return "\n".join(lines)


def plot(told: Report, top: int = 20) -> Figure:
    """Rewards with 95 % intervals, and the shares that the forecast gives the same items.

    Parameters
    ----------
    told : Report
    top : so many items are drawn, those of the highest rewards.

    Returns
    -------
    Figure
    """
    fit = told.fit
    best = np.argsort(-fit.rewards)[:top][::-1]
    figure, (left, right) = plt.subplots(1, 2, sharey=True, figsize=(7, 1.4 + 0.26 * len(best)), layout="constrained")
    at = np.arange(len(best))
    left.errorbar(fit.rewards[best], at, xerr=SURE * fit.errors[best], fmt="o", color=BLUE)
    left.set_yticks(at, [str(fit.items[i]) for i in best])
    left.set_xlabel("reward, nats")
    last = len(told.laws) - 1
    for t, color in {0: GREY, min(1, last): BLUE, last: ORANGE}.items():
        right.plot(told.laws[t][best], at, "o", color=color, label="now" if t == 0 else f"after round {t}")
    right.set_xlabel("share")
    right.legend()
    return figure


def main(argv: Sequence[str] | None = None) -> int:
    """The command line of `python -m sclib.taste`.

    Parameters
    ----------
    argv : its arguments; those of the process if None.

    Returns
    -------
    0 if all went well, 2 after a message for a log that cannot be used.
    """
    parser = argparse.ArgumentParser(prog="python -m sclib.taste", description="From logged picks to rewards in nats.")
    parser.add_argument("log", help="CSV with the columns group, item, picked (0 or 1) and, if there is one, position")
    parser.add_argument("--rounds", type=int, default=10, help="of the forecast (10)")
    parser.add_argument("--prior", type=float, default=math.inf, help="sd in nats of a normal prior on the rewards")
    parser.add_argument("--no-position", action="store_true", help="fit no effects of position")
    parser.add_argument("--top", type=int, default=20, help="how many items are listed (20)")
    parser.add_argument("--plot", metavar="FILE", help="write the plot there, .png, .svg or .pdf")
    options = parser.parse_args(argv)
    try:
        log = read_log(options.log, progress=sys.stderr.isatty())
        told = report(log, options.rounds, options.prior, not options.no_position)
        print(say(told, options.top))
        if options.plot:
            figure = plot(told, options.top)
            figure.savefig(options.plot, dpi=150)
            plt.close(figure)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0
