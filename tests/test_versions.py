"""The oldest versions that are tested are the oldest that are allowed."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
tomllib = pytest.importorskip("tomllib", reason="new in Python 3.11")


def test_oldest_versions_tested_are_the_lower_bounds():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    allowed = [*project["dependencies"], *project["optional-dependencies"]["images"]]
    lines = (ROOT / "tests" / "oldest.txt").read_text().splitlines()
    tested = [line for line in lines if not line.startswith("#")]
    assert sorted(allowed) == [line.replace("==", ">=") for line in tested]
