"""Formulas as the book is built with them: MathML that reads like the TeX it came from."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import mathml


def shown(tex):
    """What stands there, a thin space as _."""
    (markup,) = mathml.convert([(tex, False)])
    return re.sub(r"<[^>]+>|\u2061", "", re.sub(r"<mspace[^>]*>", "_", markup))


@pytest.mark.parametrize(
    "tex, text",
    [
        (r"\log 2", "log_2"),
        (r"2\log 2", "2_log_2"),
        (r"\log(1 + \lambda)", "log(1+λ)"),
        (r"-\log\big(1 - x\big)", "−log(1−x)"),
        (r"\gamma \max_c q_c", "γ_maxc_qc"),
        (r"(a) \log b", "(a)_log_b"),
        (r"\operatorname{Var}[W]", "Var[W]"),
    ],
)
def test_names_stand_apart_from_what_is_no_bracket(tex, text):
    assert shown(tex) == text


@pytest.mark.parametrize("environment, large", [("aligned", True), ("cases", False)])
def test_lines_of_a_display_are_as_large_as_one_that_stands_alone(environment, large):
    tex = rf"\begin{{{environment}}}a &= b \\ c &= d\end{{{environment}}}"
    (markup,) = mathml.convert([(tex, True)])
    assert ('displaystyle="true"' in markup) == large


def test_what_is_no_formula_stops_the_build():
    with pytest.raises(ValueError, match="frac"):
        mathml.convert([(r"\frac{1}", False)])
