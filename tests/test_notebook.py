"""Checked numbers in chapters: what they print, what they store for prose, and that they can fail."""

import ast
import subprocess
import sys

import pytest

from sclib import choice
from sclib.notebook import check, check_at_most, glue, show

RECORD = "application/papermill.record/text/plain"


@pytest.fixture
def displayed(monkeypatch):
    """What the code under test hands to Jupyter, as (object, keyword arguments)."""
    calls = []
    monkeypatch.setattr("sclib.notebook.display", lambda value, **options: calls.append((value, options)))
    return calls


def stored(displayed):
    assert all(options["raw"] and list(value) == [RECORD] for value, options in displayed)
    return {options["metadata"]["scrapbook"]["name"]: ast.literal_eval(value[RECORD]) for value, options in displayed}


def test_check_prints_one_line_and_stores_both_numbers(displayed, capsys):
    check("share", 0.33811, 0.3379, tolerance=0.001)
    assert capsys.readouterr().out == "share: measured 0.3381, predicted 0.3379, tolerance 0.001\n"
    assert stored(displayed) == {"share": "0.3381", "share-predicted": "0.3379"}


def test_check_at_most_prints_one_line_and_stores_both_numbers(displayed, capsys):
    check_at_most("weight", 3.27, 3.97, digits=2)
    assert capsys.readouterr().out == "weight: 3.27, allowed up to 3.97\n"
    assert stored(displayed) == {"weight": "3.27", "weight-bound": "3.97"}


def test_a_rounding_error_is_given_by_its_limit_once(displayed, capsys):
    check_at_most("identity", 3e-16, 1e-12, digits=12)
    assert capsys.readouterr().out == "identity: below 1e-12, as it must be\n"
    check_at_most("identity", 3e-16, 1e-10, digits=12)
    assert capsys.readouterr().out == "identity: below 1e-12, allowed up to 1e-10\n"
    with pytest.raises(AssertionError, match="identity: 3e-09, allowed up to 1e-12"):
        check_at_most("identity", 3e-9, 1e-12, digits=12)


def test_a_check_that_does_not_hold_fails():
    with pytest.raises(AssertionError, match=r"share: measured 0\.5000, predicted 0\.3380"):
        check("share", 0.5, 0.338, tolerance=0.1)
    with pytest.raises(AssertionError):
        check("not a number", float("nan"), 0.338, tolerance=0.1)
    with pytest.raises(AssertionError, match=r"weight: 4\.0000, allowed up to 3\.9700"):
        check_at_most("weight", 4, 3.97)


def test_glue_shows_nothing(displayed, capsys):
    glue("name", "3/4")
    assert capsys.readouterr().out == "" and stored(displayed) == {"name": "3/4"}


def test_show_gives_the_code_that_runs_without_its_docstring(displayed):
    show(choice.choose)
    text = displayed[0][0].data
    assert (
        text.startswith("```python\ndef choose(") and ") -> torch.Tensor:\n    rewards = tensor_checks.tensor(" in text
    )
    assert "Gumbels G_k" not in text and "return torch.argmax(gumbel.add_(" in text


def test_a_check_fails_on_either_side_and_under_python_O():
    for measured in (0.1, 0.5):
        with pytest.raises(AssertionError, match="share: measured"):
            check("share", measured, 0.3, tolerance=0.01)
    for tolerance in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=r"tolerance = .* must be >= 0 and finite"):
            check("share", 0.3, 0.3, tolerance)
    code = "from sclib.notebook import check, check_at_most as most\n"
    for call in ("check('wrong', 1, 2, 1e-3)", "most('wrong', 2, 1)"):
        done = subprocess.run([sys.executable, "-O", "-c", code + call], capture_output=True, text=True)
        assert done.returncode and "AssertionError: wrong: " in done.stderr and not done.stdout
