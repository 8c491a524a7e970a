"""The store of `results` gives back what it took, bit for bit, and nothing else."""

import contextlib
import json
import math
import re
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from fuzzing import ODDITIES, QUICK, THOROUGH
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sclib import parts, record, results

names = st.from_regex(record.NAME, fullmatch=True) | st.sampled_from(["model.0.network.x", "a..b", "a_-", "x" * 100])
array_names = names.filter(lambda name: name not in record.RESERVED and not name.endswith(".npy"))
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


@pytest.mark.parametrize("name", [*NO_FILES, *record.RESERVED, "x.npy", ".npy"])
def test_no_array_has_a_name_that_a_zip_file_or_numpy_could_change(name):
    with empty_cache() as folder:
        with pytest.raises(ValueError, match="arrays"):
            results.save({"experiment": "x", "version": 1}, {name: 1}, {})
        with pytest.raises(ValueError, match="arrays"):
            parts.write_split(folder / "x.npz", {}, {"x": 1, name: 1})
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
