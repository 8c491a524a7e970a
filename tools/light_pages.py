"""Sphinx extension: no line begins with the stop after a formula, no page loads half a megabyte of icons as a script.

The theme's style sheet draws the same icons from a web font.  The sign beside a heading that gives its address is for
the mouse: the contents beside the text have the same address for those who use keys.
Ids that an extension gave to many boxes get a number.
"""

import re
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


def lighten(app, error):
    if error or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        lighter = re.sub(r'\s*<script defer src="[^"]*/scripts/fontawesome\.js[^"]*"></script>', "", text)
        lighter = lighter.replace('<a class="headerlink" href', '<a class="headerlink" tabindex="-1" href')
        lighter = number_repeated_ids(lighter)
        if lighter != text:
            page.write_text(lighter, encoding="utf-8")
    for script in Path(app.outdir, "_static", "scripts").glob("fontawesome.js*"):
        script.unlink()


def setup(app):
    app.add_post_transform(KeepStops)
    app.connect("build-finished", lighten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
