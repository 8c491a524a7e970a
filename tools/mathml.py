"""Sphinx extension: formulas become MathML when the book is built, by pandoc, and need no script in the page.

All formulas of a page are converted in one call.  One that pandoc cannot read stops the build.
"""

import json
import re

import pypandoc
from docutils import nodes
from sphinx.locale import _
from sphinx.util.math import get_node_equation_number

# pandoc puts combining accents over letters, which browsers shift aside; these stand by themselves.
ACCENTS = str.maketrans({"\u0302": "\u02c6", "\u0303": "\u02dc", "\u0304": "\u00af", "\u0307": "\u02d9"})
DONE = {}  # (TeX, whether it stands alone) -> MathML


def convert(formulas):
    """MathML of each of `formulas`, pairs of TeX and whether it stands alone.  Raises ValueError for what is no TeX."""
    missing = [formula for formula in dict.fromkeys(formulas) if formula not in DONE]
    if missing:
        blocks = [
            {"t": "Plain", "c": [{"t": "Math", "c": [{"t": "DisplayMath" if alone else "InlineMath"}, tex]}]}
            for tex, alone in missing
        ]
        document = json.loads(pypandoc.convert_text("", "json", format="markdown")) | {"blocks": blocks}
        made = pypandoc.convert_text(
            json.dumps(document), "html", format="json", extra_args=["--mathml", "--wrap=none"]
        )
        found = re.findall(r"<math.*?</math>|<span class=\"math .*?</span>", made, flags=re.DOTALL)
        for formula, markup in zip(missing, found, strict=True):
            if not markup.startswith("<math"):
                raise ValueError(f"no formula: {formula[0]}")
            DONE[formula] = re.sub(r"<annotation .*?</annotation>", "", markup, flags=re.DOTALL).translate(ACCENTS)
    return [DONE[formula] for formula in formulas]


def tex(node):
    """A formula's source, lines of a displayed one lined up as Sphinx does it."""
    text = node.astext().strip()
    if isinstance(node, nodes.math):
        return text, False
    if "\\\\" in text and "\\begin" not in text:
        text = rf"\begin{{aligned}}{text}\end{{aligned}}"
    return text, True


def convert_page(app, doctree, docname):
    convert([tex(node) for kind in (nodes.math, nodes.math_block) for node in doctree.findall(kind)])


def visit_math(translator, node):
    opening = translator.starttag(node, "span", "", CLASS="math notranslate nohighlight")
    translator.body.append(f"{opening}{convert([tex(node)])[0]}</span>")
    raise nodes.SkipNode


def visit_displaymath(translator, node):
    translator.body.append(translator.starttag(node, "div", CLASS="math notranslate nohighlight"))
    if node["number"]:
        translator.body.append(f'<span class="eqno">({get_node_equation_number(translator, node)})')
        translator.add_permalink_ref(node, _("Link to this equation"))
        translator.body.append("</span>")
    translator.body.append(f"{convert([tex(node)])[0]}</div>")
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_displaymath, None))
    app.connect("doctree-resolved", convert_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
