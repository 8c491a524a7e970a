"""Any input to a function of the lowest floor gives a right result, or a ValueError that names the argument.

Every public function of `population`, `bounds`, `choice` and `rewards`, and of `datasets` those that draw or take
points.  Half of the calls are valid, and must give a result; in the others one argument is anything at all.
Left out: torch.Generators, and numbers of points or rounds that are valid but do not fit the memory or the day.

The store of `results` gives back what it took, bit for bit, and nothing else.
"""

import contextlib
import decimal
import fractions
import inspect
import json
import math
import re
import tempfile
import warnings
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sclib import bounds, checks, choice, datasets, population, record, results, rewards

THOROUGH = settings(max_examples=60, deadline=None, derandomize=True, database=None)
QUICK = settings(THOROUGH, max_examples=50)

ODDITIES = [
    *(None, True, "a", "", b"a", [], {}, object(), print, 1j, 10**400, -(10**400), 2**63, 10**12, range(2)),
    *(fractions.Fraction(1, 3), decimal.Decimal("0.5"), np.float32(0.5), np.int64(3), np.datetime64("2025-01-31")),
    *([[0.5], [0.2, 0.3]], [None, 1.0], ["a", "b"], [10**400, 0], [0.5 + 1j, 0.5], np.array(["a"]), np.array(0.5)),
    *(np.array([0.5 + 1j, 0.5]), np.ma.array([0.5, 0.5]), torch.tensor([0.5, 0.5], requires_grad=True)),
    *(torch.ones(2, dtype=torch.complex64), torch.ones(2, 0), torch.tensor(1), torch.tensor([math.nan, 1])),
]
ANYTHING = (
    st.sampled_from(ODDITIES)
    | st.floats()
    | st.integers(-3, 300)
    | hnp.arrays(st.sampled_from([float, int, bool]), hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
    | hnp.arrays(np.float32, hnp.array_shapes(max_dims=4, max_side=3)).map(torch.as_tensor)
)

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
        shape = (n, 3)
        return {
            "rewards": tensors(*shape),
            "proposals": tensors(*shape, 2),
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
    *("drift_kl_bound", "drift_reverse_kl_bound", "sampling_distance_bound", "picks_to_keep"),
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
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            result = function(**called)
        except ValueError as error:
            assert spoiled, f"{error} at a valid call"
            assert re.search(rf"\b{spoiled}\b", str(error)), str(error)
            assert len(str(error)) < 1000
            return
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


# The store.

names = st.from_regex(record.NAME, fullmatch=True) | st.sampled_from(["model.0.network.x", "a..b", "a_-", "x" * 100])
array_names = names.filter(lambda name: name not in results.RESERVED and not name.endswith(".npy"))
plain_types = (
    *(hnp.boolean_dtypes(), hnp.integer_dtypes(), hnp.unsigned_integer_dtypes(), hnp.floating_dtypes()),
    *(hnp.complex_number_dtypes(), hnp.datetime64_dtypes(), hnp.timedelta64_dtypes()),
    *(hnp.byte_string_dtypes(), hnp.unicode_string_dtypes(), st.just(np.longdouble)),
)
shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3)
in_any_order = st.sampled_from([np.asarray, np.transpose, np.flip])
plain_arrays = st.builds(lambda lay, a: lay(a), in_any_order, hnp.arrays(st.one_of(plain_types), shapes))
plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
configs = st.builds(
    lambda more, name, version: more | {"experiment": name, "version": version},
    *(st.dictionaries(st.text(), plain_values, max_size=3), names, plain_values),
)
stored = st.fixed_dictionaries({
    "config": configs,
    "arrays": st.dictionaries(array_names, plain_arrays, max_size=3),
    "provenance": st.dictionaries(st.text(), plain_values, max_size=3),
})  # fmt: skip


def as_json(value):
    """What a config is when it comes back, as text that tells 1 from True."""
    infinite = {"Infinity": "inf", "-Infinity": "-inf"}.__getitem__
    return json.dumps(json.loads(json.dumps(value), parse_constant=infinite), sort_keys=True)


def assert_is_what_was_stored(result, config, arrays, provenance):
    assert as_json(result.config) == as_json(config) and as_json(result.provenance) == as_json(provenance)
    assert result.arrays.keys() == arrays.keys()
    for name, array in arrays.items():
        array, back = np.asarray(array), result.arrays[name]
        assert (back.dtype, back.shape, back.tobytes()) == (array.dtype, array.shape, array.tobytes()), name


@contextlib.contextmanager
def empty_cache():
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict("os.environ", SCLIB_CACHE=folder):
        yield Path(folder)


@given(stored)
@settings(QUICK, max_examples=200)
def test_what_is_stored_comes_back(what):
    with empty_cache():
        results.save(**what)
        assert_is_what_was_stored(results.load(what["config"]), **what)


ENDLESS, ENDLESS_DICT = [], {}
ENDLESS.append(ENDLESS)
ENDLESS_DICT["itself"] = ENDLESS_DICT
ODD_ENTRIES = [
    *ODDITIES,
    *(math.nan, math.inf, -math.inf, -0.0, 10**5000, {(): 1}, {1: 1}, {"1": 1}, {1}, "\ud83d\ude00", "\ud800", ENDLESS),
    *(ENDLESS_DICT, results.Result, np.bool_(True), np.float64(0.5), np.zeros(2, "f,i"), np.zeros(2, "V3")),
]


@pytest.mark.parametrize("odd", ODD_ENTRIES, ids=lambda odd: type(odd).__name__)
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("argument", ["config", "arrays", "provenance"])
def test_anything_comes_back_or_a_value_error_names_the_argument(argument, whole, odd):
    what = {"config": {"experiment": "odd", "version": 1}, "arrays": {"x": 1}, "provenance": {}}
    what[argument] = odd if whole else what[argument] | {"y": odd}
    with empty_cache() as folder:
        try:
            results.save(**what)
        except ValueError as error:
            assert re.search(rf"\b{argument}\b", str(error)), str(error)
            assert len(str(error)) < 1000
            assert not list(folder.iterdir())
        else:
            assert_is_what_was_stored(results.load(what["config"]), **what)


NO_FILES = [
    *("", ".", "..", "../x", "a/b", "a\\b", "C:x", "x\0", "ä", " ", "a\n", "-x", "x" * 101, "\ud800"),
    *(b"x", None, 1),
]


@pytest.mark.parametrize("name", [*NO_FILES, *results.RESERVED, "x.npy", ".npy"])
def test_no_array_has_a_name_that_a_zip_file_or_numpy_could_change(name):
    with empty_cache() as folder:
        with pytest.raises(ValueError, match="arrays"):
            results.save({"experiment": "x", "version": 1}, {name: 1}, {})
        with pytest.raises(ValueError, match="arrays"):
            results.write_split(folder / "x.npz", {}, {"x": 1, name: 1})
        assert not list(folder.iterdir())


@pytest.mark.parametrize("name", NO_FILES)
def test_no_experiment_has_a_name_that_no_file_could_have(name):
    with empty_cache() as folder:
        with pytest.raises(ValueError, match="config"):
            results.save({"experiment": name, "version": 1}, {}, {})
        with pytest.raises(ValueError, match="config"):
            results.load({"experiment": name, "version": 1})
        assert not list(folder.iterdir())


# In the table of contents of a zip file an entry takes 50 bytes and its name: 64 and 128 of these are one bit apart
# from none, so that one wrong bit can hide one.
WHOLE = {
    "config": {"experiment": "fuzzed", "version": 1},
    "arrays": {
        "x" * 14: np.arange(3.0),
        "y" * 14: np.float16(2.0),
        "z" * 78: np.array(["text"]),
        "w": np.zeros((0, 2)),
    },
    "provenance": {"seconds": 1.5},
}


def read_with(content, position, mask):
    """Whether a file is still read with one byte of it changed; if so, as it was."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "changed.npz"
        path.write_bytes(content[:position] + bytes([content[position] ^ mask]) + content[position + 1 :])
        try:
            assert_is_what_was_stored(results.read(path, WHOLE["config"]), **WHOLE)
        except results.DamagedResult:
            return False
        return True


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzzed") / "whole.npz"
    results.write(path, **WHOLE)
    return path.read_bytes()


@given(st.data())
@settings(THOROUGH, max_examples=500)
def test_no_changed_byte_changes_what_is_read(content, data):
    read_with(content, data.draw(st.integers(0, len(content) - 1), "position"), data.draw(st.integers(1, 255), "mask"))


def test_no_flipped_bit_in_the_table_of_contents_changes_what_is_read(content):
    start = content.index(b"PK\1\2")
    read = [read_with(content, at, 1 << bit) for at in range(start, len(content)) for bit in range(8)]
    assert 0 < sum(read) < len(read) / 2  # some bits, such as those of dates, nothing depends on
