"""Any input to a function of the lowest floor gives a right result, or a ValueError that names the argument.

Every public function of `population`, `bounds`, `choice` and `rewards`, and of `datasets` those that draw or take
points; all others are in `test_fuzz_samples.py`.  Half of the calls are valid, and must give a result; in the others
one argument is anything at all.  Left out: torch.Generators, and numbers of points or rounds that are valid but do not
fit the memory or the day.
"""

import inspect
import math

import numpy as np
import pytest
import torch
from fuzzing import ANYTHING, QUICK, REFUSED, THOROUGH, call
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sclib import bounds, checks, choice, datasets, population, rewards

masses = st.floats(0, 1) | st.sampled_from([0.0, 1e-9, 1e-200, 1e-310])
spreads = st.sampled_from([0.0, 1e-12, 1e-3, 1.0, 20.0, 700.0])
candidates = st.integers(1, 1000) | st.sampled_from([1, 2, 10**6, checks.MAX_K, math.inf])
mixings = st.floats(0, 1e300) | st.sampled_from([0, 0.5, 1e-300, math.inf])
rounds = st.integers(0, 20)


@st.composite
def law(draw, n):
    p = np.array(draw(st.lists(masses, min_size=n, max_size=n)))
    p[draw(st.integers(0, n - 1))] += 1
    return p / p.sum()


@st.composite
def reward(draw, n):
    levels = draw(st.lists(st.floats(0, 1) | st.sampled_from([0.0, 1.0]), min_size=n, max_size=n))
    return np.array(levels) * draw(spreads) + draw(st.sampled_from([0.0, -7.0, 1e6]))


@st.composite
def semidefinite(draw, n, definite):
    a = draw(hnp.arrays(float, (n, n), elements=st.floats(-1, 1)))
    return draw(st.sampled_from([1e-3, 1.0, 1e3])) * (a @ a.T + definite * np.eye(n))


def tensors(*shape, low=-1e6, high=1e6):
    """Tensors of any floating type, and of integers if `high` leaves room for them."""
    kinds = [torch.float32, torch.float64, torch.float16, torch.bfloat16] + [torch.int64, torch.uint8] * (high > 1)
    values = hnp.arrays(float, shape, elements=st.floats(low, high).map(lambda x: float(np.float16(x % 6e4))))
    return st.tuples(values, st.sampled_from(kinds)).map(lambda drawn: torch.as_tensor(drawn[0]).to(drawn[1]))


def good(function, n):
    """Strategies for the arguments of a valid call on n atoms, points or groups, by name."""
    if function.__module__ == "sclib.choice":
        proposals = st.shared(tensors(n, 3, 2), key="proposals")
        return {
            "rewards": tensors(n, 3),
            "proposals": proposals,
            "picks": proposals.map(lambda drawn: drawn[:, 1]),
            "generator": st.just(torch.Generator()),
        } | {"choose": st.just(choice.choose)}
    return {
        **{name: law(n) for name in ("probs", "before", "after", "p", "q")},
        "reference": law(n),
        "rewards": reward(n),
        "K": candidates,
        "weigh": st.just(population.curation_weight),
        "lam": st.floats(0, 1e3) if function.__name__.startswith(("retraining_", "picks")) else mixings,
        "beta": st.floats(1e-300, 1e300) | st.just(math.inf),
        "generations": rounds,
        "t": rounds | st.just(math.inf) if "span" in inspect.signature(function).parameters else rounds,
        "rounds": st.integers(1, 10**6),
        "span": st.sampled_from([None, 0, 700, math.inf]) | st.floats(0, 700),
        "gap": st.floats(0, 700, exclude_min=True),
        "off": st.floats(0, 0.5),
        "share": st.floats(1e-100, 1),
        "risk": st.floats(1e-100, 1),
        "kinds": st.integers(1, 1000),
        "exponent": st.floats(0.01, 50),
        "distance": reward(n).map(lambda r: r - r.min()) | st.floats(0, 700),
        "density": st.floats(1e-100, 1e100),
        "mass": st.floats(1e-100, 1),
        "cap": st.floats(1, 1e300) | st.just(1),
        "alpha": st.floats(1e-100, 1e100),
        "L": st.floats(0, 1e100),
        "epsilon": st.floats(0, 1e100),
        "B": semidefinite(n, True),
        "F": semidefinite(n, False),
        "n": st.integers(1, 1000),
        "noise": st.floats(0, 1e6),
        "points": tensors(n, 2).map(torch.Tensor.double) if function.__name__ == "gaussian_density" else tensors(n, 2),
        "target": st.tuples(st.floats(-9, 9), st.floats(-9, 9)),
        "r_min": st.floats(0, 9),
        "gamma": st.floats(0, 100),
        "probabilities": tensors(n, 3, low=0, high=1),
        "favoured": st.integers(0, 2),
        "generator": st.just(torch.Generator()),
    }


def shape(function, called):
    """Of the result of a valid call."""
    name, sized = function.__name__, {key: np.shape(called[key]) for key in called}
    if name in ("curation_weight", "step", "tilt", "limit_law", "hard_best_of_n", "survival"):
        return sized["probs"]
    return {
        "trajectory": lambda: (called["generations"] + 1, *sized["probs"]),
        "kl_from_limit_bounds": lambda: (2,),
        "retraining_jacobian": lambda: np.atleast_2d(called["B"]).shape,
        "retraining_covariance": lambda: np.atleast_2d(called["B"]).shape,
        "collapse_factor": lambda: sized["distance"],
        "choice_probabilities": lambda: sized["rewards"],
        "choose": lambda: sized["rewards"][:-1],
        "curate": lambda: sized["proposals"][:1] + sized["proposals"][2:],
        "picked_index": lambda: sized["proposals"][:1],
        "clipped_distance": lambda: sized["points"][:-1],
        "class_probability": lambda: sized["probabilities"][:-1],
        "confidence": lambda: sized["probabilities"][:-1],
        "sample_gaussians": lambda: (called["n"], 2),
        "gaussian_density": lambda: sized["points"][:-1],
        "nearest_centre": lambda: sized["points"][:-1],
    }.get(name, tuple)()


INFINITE = {  # where a docstring says so
    *("kl", "variance_sum_bound", "plateau_constant", "sup_ratio_bound", "mixed_kl_bound", "sharp_mixed_kl_bound"),
    *("reverse_kl_bound", "retraining_rate", "selection_kl_bound", "kl_from_limit_bounds"),
    *("drift_kl_bound", "drift_reverse_kl_bound", "sampling_distance_bound", "picks_to_keep", "contraction_factor"),
}
SIGNED = {
    *("gain", "clipped_distance", "sample_gaussians", "sample_moons", "curate"),
    *("retraining_jacobian", "retraining_covariance"),
}
AT_MOST_ONE = {
    *("total_variation", "limit_distance", "survival", "expected_weight", "gain", "limit_law", "hard_best_of_n"),
    *("collapse_factor", "total_variation_bound", "speed_limit", "choice_probabilities", "step", "trajectory", "tilt"),
}


def assert_sound(function, called, result):
    name = function.__name__
    if name == "sample_moons":
        result, moon = result
        assert moon.shape == (called["n"],) and set(moon.tolist()) <= {0, 1}
        assert result.shape == (called["n"], 2)
    else:
        assert np.shape(result) == tuple(shape(function, called)), np.shape(result)
    values = np.asarray(result.detach().double() if isinstance(result, torch.Tensor) else result, dtype=np.float64)
    assert not np.isnan(values).any()
    assert name in INFINITE or np.isfinite(values).all()
    assert name in SIGNED or (values >= 0).all()
    assert name not in AT_MOST_ONE or (values <= 1 + 1e-6).all()
    if name in ("step", "trajectory", "tilt", "limit_law", "hard_best_of_n"):
        np.testing.assert_allclose(values.sum(-1), 1, rtol=1e-9)


def public(module):
    found = [f for n, f in inspect.getmembers(module, inspect.isfunction) if not n.startswith("_")]
    return [function for function in found if f"{function.__module__}.".startswith(f"{module.__name__}.")]


POINTS = [datasets.sample_gaussians, datasets.gaussian_density, datasets.nearest_centre, datasets.sample_moons]
FUNCTIONS = public(population) + public(bounds) + public(choice) + public(rewards) + POINTS


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f"{f.__module__}.{f.__name__}")
@given(data=st.data())
@QUICK
def test_a_result_or_a_value_error_that_names_the_argument(function, data):
    names = list(inspect.signature(function).parameters)
    strategies = good(function, data.draw(st.integers(1, 5), "n"))
    called = {name: data.draw(strategies[name], name) for name in names}
    spoiled = data.draw(st.sampled_from([None] * len(names) + [n for n in names if n != "generator"]), "spoiled")
    if spoiled:
        called[spoiled] = data.draw(ANYTHING, "instead")
    result = call(function, called, spoiled, f"{function.__module__}.{function.__name__}")
    if result is not REFUSED:
        assert_sound(function, called, result)


def test_every_function_is_reached():
    assert len(FUNCTIONS) > 40
    for function in FUNCTIONS:
        assert set(inspect.signature(function).parameters) <= set(good(function, 1)), function.__name__


@given(st.integers(1, 8).flatmap(lambda n: st.tuples(law(n), reward(n))), candidates)
@THOROUGH
def test_weights_are_right_in_every_corner(law, K):
    probs, rewards = law
    H = population.curation_weight(probs, rewards, K)
    assert np.all((H >= 0) & (H <= K * (1 + 1e-10)))
    assert probs @ H == pytest.approx(1, rel=1e-10)
    rising = H[np.argsort(rewards, kind="stable")]
    assert np.all(np.diff(rising) >= -1e-10 * rising[1:])
    if K == 2:  # Bradley-Terry
        with np.errstate(over="ignore"):
            wins = 1 / (1 + np.exp(rewards[None, :] - rewards[:, None]))  # (x, rival)
        np.testing.assert_allclose(H, 2 * wins @ probs, rtol=1e-10, atol=1e-300)
    if K == math.inf:
        w = np.exp(rewards - rewards.max())
        np.testing.assert_allclose(H, w / (w @ probs), rtol=1e-10, atol=1e-300)
