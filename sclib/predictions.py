"""The laws that trained loops are held against, and how far off they are.

`config` is a `plane.Config` or `images.Config` (K, lam, generations, n and classes count), `arrays` those of its stored
result.  Arrays have axes T + 1 generations, S seeds, C classes.  Without a density, the law is that of the first
model's samples, which carry their rewards and classes.
"""

import math
from typing import Any

import numpy as np

from sclib.population import step, synthetic_share, total_variation, trajectory


def exact_law(config: Any, arrays: dict, reset: bool = False) -> dict:
    """The statistics of a loop under the exact law of the first model's samples, generations 0..T.

    It starts at samples of each seed's first model, equally weighted, which carry their rewards and classes; for a
    finite lam the reference is the data, with theirs.

    Parameters
    ----------
    config, arrays : a `Config`, and the arrays of its result.
    reset : another law, in which curation moves the classes' shares but not what is in them: each refit puts the
        rewards within a class back to the first model's, so selection never tires.  With s_t(c) the share of class c
        and p_0(x | c) the first model's law within it, the law before curation is sum_c s_t(c) p_0(x | c), and s_{t+1}
        are the class shares of the outcome.

    Returns
    -------
    masses (T + 1, S, C), mean_reward and var_reward (T + 1, S), nats.

    Source
    ------
    Eq. 6 curates, Eq. 8 mixes.
    """
    first = zip(arrays["first_rewards"][0], arrays["first_labels"][0], strict=True)
    data = (arrays["data_rewards"][0, 0], arrays["data_labels"][0, 0]) if "data_rewards" in arrays else (None, None)
    laws = [(_reset_law if reset else _law)(config, *one, *data) for one in first]
    return {name: np.stack([law[name] for law in laws], 1) for name in laws[0]}


def law_error(config: Any, arrays: dict, reset: bool = False, blocks: int = 10) -> dict:
    """The standard error of `exact_law` that comes from its finite number of atoms.

    Parameters
    ----------
    config, arrays, reset : as for `exact_law`.
    blocks : into which the atoms are dealt; the law is computed on each, and its standard deviation over blocks divided
        by the root of their number.

    Returns
    -------
    Arrays of the names and shapes of `exact_law`.
    """
    n = arrays["first_rewards"].shape[-1] // blocks
    laws = []
    for start in range(0, n * blocks, n):
        block = {name: arrays[name][..., start : start + n] for name in ("first_rewards", "first_labels")}
        laws.append(exact_law(config, arrays | block, reset))
    return {name: np.std([law[name] for law in laws], 0, ddof=1) / math.sqrt(blocks) for name in laws[0]}


def distances(config: Any, arrays: dict, law: dict | None = None) -> dict:
    """How far measured statistics are from an exact law.

    Parameters
    ----------
    config, arrays : a `Config`, and the arrays of its result.
    law : as from `exact_law`, which is called if it is None; one (T + 1, ...) is that of all seeds.

    Returns
    -------
    total_variation (T + 1, S), of the class shares; and spread_ratio (T + 1, S), measured over exact, if the law has a
    spread.
    """
    law = law or exact_law(config, arrays)
    measured, exact = arrays["masses"], law["masses"]
    exact = np.broadcast_to(exact if exact.ndim == 3 else exact[:, None], measured.shape)
    pairs = zip(measured, exact, strict=True)
    found = [[total_variation(p, q) for p, q in zip(*both, strict=True)] for both in pairs]
    if "spread" not in law:
        return {"total_variation": np.array(found)}
    return {"total_variation": np.array(found), "spread_ratio": arrays["spread"] / law["spread"][:, None]}


def transmission(config: Any, arrays: dict) -> tuple[np.ndarray, np.ndarray]:
    """How much of the predicted change of class shares a refit makes, and its standard error.

    With m_t the measured shares and m^_{t+1} what one exact round makes of the very proposals of round t, it is the
    slope <m_{t+1} - m_t, m^_{t+1} - m_t> / |m^_{t+1} - m_t|^2: 1 for a perfect refit, 0 if nothing moves.  The error
    counts the chance in the n picks and in the n K proposals of round t + 1, by which m_{t+1} is measured.

    Parameters
    ----------
    config, arrays : a `Config`, and the arrays of its result.

    Returns
    -------
    Two arrays (T, S), NaN where the predicted change is shorter than that of one proposal in n K, as for K = 1, or in
    the end.

    Source
    ------
    Eq. 4 or 8 for the exact round; the slope is ours.
    """
    mix, reference = _mixture(config, arrays["data_labels"][0, 0])
    now, then = arrays["masses"][:-1], arrays["masses"][1:]  # (T, S, C)
    predicted = (1 - mix) * reference + mix * arrays["step_masses"][:-1] - now
    length = np.square(predicted).sum(-1, keepdims=True)
    n, drawn = config.n, config.n * config.K
    along = predicted / np.where(length > drawn**-2, length, math.nan)
    slope = ((then - now) * along).sum(-1)

    def variance(shares):  # of `along` at a class drawn from `shares`
        return (shares * along**2).sum(-1) - (shares * along).sum(-1) ** 2

    picks = arrays["pick_masses"][:-1]
    error = np.sqrt(variance(then) / drawn + mix**2 * variance(picks) / n)
    return slope, error


def entropy(masses: np.ndarray) -> np.ndarray:
    """Entropy of shares, nats: log 10 = 2.303 for ten even classes, 0 for one alone.

    Parameters
    ----------
    masses : (..., C), >= 0, summing to one.
    """
    return -np.sum(masses * np.log(np.where(masses > 0, masses, 1)), -1)


def _law(config, r, labels, data_r, data_labels):
    probs, reference = np.full(len(r), 1 / len(r)), None
    if config.lam < math.inf:  # both live on the union of the first model's samples and the data
        probs = np.append(probs, np.zeros(len(data_r)))
        reference = np.append(np.zeros(len(r)), np.full(len(data_r), 1 / len(data_r)))
        r, labels = np.append(r, data_r), np.append(labels, data_labels)
    laws = trajectory(probs, r, config.K, config.generations, config.lam, reference)  # (T + 1, atoms)
    return moments(laws, r, labels, config.classes)


def _reset_law(config, r, labels, data_r, data_labels):
    mix, reference = _mixture(config, data_labels)
    first = np.bincount(labels, minlength=config.classes) / len(labels)
    laws = [np.full(len(r), 1 / len(r))]
    for _ in range(config.generations):
        curated = np.bincount(labels, step(laws[-1], r, config.K), config.classes)
        shares = ((1 - mix) * reference + mix * curated) * (first > 0)  # a class it lacks, the model cannot remake
        laws.append((shares / shares.sum() / np.where(first > 0, first, 1))[labels] / len(r))
    return moments(np.array(laws), r, labels, config.classes)


def _mixture(config, data_labels):
    """Weight of the picks in Eq. 8, and the class shares of the reference, which has no weight if lam = inf."""
    if config.lam == math.inf:
        return 1.0, np.zeros(config.classes)
    return synthetic_share(config.lam), np.bincount(data_labels, minlength=config.classes) / len(data_labels)


def moments(laws: np.ndarray, r: np.ndarray, labels: np.ndarray, classes: int) -> dict[str, np.ndarray]:
    """Class shares, and mean and variance of the reward.

    Parameters
    ----------
    laws : (T, n), on n atoms.
    r, labels : (n,), their rewards, nats, and classes.
    classes : C.

    Returns
    -------
    masses (T, C), mean_reward and var_reward (T,).
    """
    r = r.astype(float)
    mean = laws @ r
    masses = np.stack([np.bincount(labels, p, classes) for p in laws])
    return {"masses": masses, "mean_reward": mean, "var_reward": laws @ r**2 - mean**2}
