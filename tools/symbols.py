"""Cards for the symbols that mean the same on every page: those of the first table of the notation page.

A formula of the built page carries data-symbol at each of them, and cards.js shows the row of the table.
"""

import re
from xml.etree import ElementTree

from bs4 import BeautifulSoup
from mathml import SCRIPTS, tag

PAGE = "notation.html"
FORMULA = re.compile(r"<math .*?</math>", re.DOTALL)
BELOW = ("msub", "msubsup", "munder", "munderover")
MARK = ' data-symbol="[^"]*"'


def markup(element):
    return ElementTree.tostring(element, encoding="unicode").removesuffix(element.tail or "")


def table(pages):
    """{MathML of a symbol: (name, card) of its row}, from the first table of the notation page."""
    found = {}
    for row in pages[PAGE].select_one("table").select("tbody tr") if PAGE in pages else ():
        symbols, meaning = (BeautifulSoup(cell.p.decode_contents(), "html.parser") for cell in row("td")[:2])
        name = symbols.get_text()
        card = f'<div data-for="{name}" class="symbol"><p>{symbols}: {meaning}.</p></div>'
        for formula in symbols("math"):
            (symbol,) = ElementTree.fromstring(str(formula))[0]
            found[markup(symbol)] = name, card
    return found


def mark(element, symbols, found):
    """Give `element` its name if it is one of `symbols`, or else those of its parts; add their cards to `found`.

    A letter with an index, a power or an accent is another symbol, and so may be what stands in an index.
    """
    name, card = symbols.get(markup(element), (None, None))
    if name:
        element.set("data-symbol", name)
        found[name] = card
        return
    parts = list(element)
    if tag(element) in SCRIPTS:
        parts = ([] if tag(parts[0]) == "mi" else parts[:1]) + parts[2 if tag(element) in BELOW else 1 :]
    for part in parts:
        mark(part, symbols, found)


def marked(text, symbols):
    """The `text` of a page with its symbols marked in the article, and their cards."""
    found = {}

    def formula(match):
        tree = ElementTree.fromstring(match[0])
        mark(tree, symbols, found)
        return markup(tree)

    start, end = text.find("<article"), text.find("</article>")
    return text[:start] + FORMULA.sub(formula, text[start:end]) + text[end:], list(found.values())
