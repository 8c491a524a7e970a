"""The symbols that carry cards in the built pages: tools/symbols.py marks those of the notation page's first table."""

import re
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import mathml  # noqa: E402
import symbols  # noqa: E402

PAGE = (ROOT / "book" / "notation.md").read_text(encoding="utf-8")
TABLES = [part for part in PAGE.split("\n\n") if part.startswith("|")]
CELLS = [re.findall(r"^\| (\$.+?\$) \|", table, re.MULTILINE) for table in TABLES]
EVERYWHERE, *ELSEWHERE = [[tex for cell in cells for tex in re.findall(r"\$(.+?)\$", cell)] for cells in CELLS]


def formula(tex):
    return mathml.convert([(tex, False)])[0]


@pytest.fixture(scope="module")
def table():
    """The first table of the notation page as Sphinx writes it."""
    symbols_of = [", ".join(formula(tex) for tex in re.findall(r"[$](.+?)[$]", cell)) for cell in CELLS[0]]
    rows = [f"<tr><td><p>{cell}</p></td><td><p>meaning</p></td></tr>" for cell in symbols_of]
    page = f"<table><tbody>{''.join(rows)}</tbody></table>"
    return symbols.table({symbols.PAGE: BeautifulSoup(page, "html.parser")})


def marked(tex, table):
    text, cards = symbols.marked(f"<article>{formula(tex)}</article>", table)
    assert re.sub(symbols.MARK, "", text) == f"<article>{formula(tex)}</article>"
    names = [name.split(", ")[0] for name in re.findall(r'data-symbol="(.*?)"', text)]
    assert len(cards) == len(set(names))
    return names


def test_a_symbol_with_one_meaning_has_no_other():
    assert len(EVERYWHERE) > 40 and len(set(EVERYWHERE)) == len(EVERYWHERE)
    assert not set(EVERYWHERE) & {tex for table in ELSEWHERE for tex in table}


@pytest.mark.parametrize("tex", EVERYWHERE)
def test_each_symbol_is_found_where_it_stands_alone_and_in_a_formula(tex, table):
    (name,) = marked(tex, table)
    assert marked(f"1 - {tex}", table) == [name] and marked(rf"\frac{{{tex}}}{{2}}", table) == [name]


@pytest.mark.parametrize(
    ("tex", "names"),
    [
        ("p_{t+1} = p_t H", ["pt", "pt", "H"]),
        ("e^{r}", ["r"]),
        (r"\sum_{k=1}^K Q(u)^{K-1}", ["K", "Q", "K"]),
        (r"r_j + K^2 + \hat r + \pi^2 + M_t", []),  # other symbols, or powers
        (r"\pi(x_w) + \mathbb E_{p_t}", ["π"]),  # w is the winner here
        (r"\mathrm{Kr}", []),  # upright letters are names
    ],
)
def test_what_only_looks_like_a_symbol_has_no_card(tex, names, table):
    assert marked(tex, table) == names
