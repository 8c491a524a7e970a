"""Sphinx extension: no line begins with the stop after a formula, no page loads half a megabyte of icons as a script.

The theme's style sheet draws the same icons from a web font.  The Tab key stops once at what a page has twice: not at
the sign beside a heading, as the contents have its address; nor at the book's title, the first of the menu; nor at the
page's own name in the menu; nor at a link to a work or a statement that the page linked to before.
Ids that an extension gave to many boxes get a number.  Pictures get their sizes, so that nothing moves when they come.
"""

import re
import struct
from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

STOPS = re.compile(r"[.,;:!?)\]’”%]+")


class KeepStops(SphinxPostTransform):
    """A formula and the punctuation after it stay on one line."""

    default_priority = 900

    def run(self, **kwargs):
        for formula in list(self.document.findall(nodes.math)):
            after = formula.next_node(descend=False, siblings=True)
            stops = STOPS.match(after) if isinstance(after, nodes.Text) else None
            if stops:
                index = formula.parent.index(formula)
                rest = nodes.Text(after[stops.end() :])
                kept = nodes.inline("", "", formula.deepcopy(), nodes.Text(stops[0]), classes=["keep"])
                formula.parent[index : index + 2] = [kept, rest]


def number_repeated_ids(page):
    """The `page` with proof, proof-1, proof-2 for the id "proof" of every proof, and so on."""
    counts = {}

    def numbered(match):
        count = counts[match[1]] = counts.get(match[1], -1) + 1
        return f' id="{match[1]}-{count}"' if count else match[0]

    return re.sub(r' id="(proof|proof-content|exercise-content)"', numbered, page)


def stop_once(page):
    """The `page` without the stops of the Tab key at what it has a second time."""
    second = '<a class="(headerlink|navbar-brand logo|current reference internal)" href'
    page = re.sub(second, r'<a class="\1" tabindex="-1" href', page)
    linked, folds = set(), 0

    def once(match):
        nonlocal folds
        folds += {"<details": 1, "</details": -1}.get(match[0], 0)
        again = match[1] in linked
        if not folds:  # what stands in a fold may be hidden
            linked.add(match[1])
        return f'{match[0]} tabindex="-1"' if again and match[1] else match[0]

    link = r'<a class="reference internal" href="([^"]*#[^"]+)"(?! tabindex)'
    return re.sub(rf"{link}|</?details", once, page)


def give_sizes(page, folder):
    """The `page`, a file in `folder`, with the width and height of its pictures."""

    def sized(match):
        picture = (folder / match[2]).read_bytes()
        if match[2].endswith(".png"):
            width, height = struct.unpack(">II", picture[16:24])
        else:
            width, height = (number.decode() for number in re.search(rb'viewBox="0 0 (\d+) (\d+)"', picture).groups())
        return f'{match[1]} width="{width}" height="{height}"'

    return re.sub(r'(<img (?![^>]*\bheight=")[^>]*src="([^"]*_images/[^"]+\.(?:png|svg))")', sized, page)


def lighten(app, error):
    if error or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        lighter = re.sub(r'\s*<script defer src="[^"]*/scripts/fontawesome\.js[^"]*"></script>', "", text)
        lighter = give_sizes(number_repeated_ids(stop_once(lighter)), page.parent)
        if lighter != text:
            page.write_text(lighter, encoding="utf-8")
    for script in Path(app.outdir, "_static", "scripts").glob("fontawesome.js*"):
        script.unlink()


def setup(app):
    app.add_post_transform(KeepStops)
    app.connect("build-finished", lighten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
