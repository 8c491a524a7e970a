"""The list of mutants follows the package: the check itself takes too long for every day (`make mutants`)."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tools"))

import mutants


@pytest.mark.parametrize("old, new, tests", mutants.MUTANTS)
def test_each_stands_once_and_names_tests(old, new, tests):
    path = mutants.place(old)
    compile(path.read_text(encoding="utf-8").replace(old, new), path.name, "exec")
    assert new != old
    for name in tests.split():
        assert (mutants.ROOT / "tests" / f"test_{name}.py").is_file(), name
