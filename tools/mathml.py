"""Sphinx extension: formulas become MathML when the book is built, by pandoc, and need no script in the page.

All formulas of a page are converted in one call.  One that pandoc cannot read stops the build.
"""

import json
import re
from xml.etree import ElementTree

import pypandoc
from docutils import nodes
from sphinx.locale import _
from sphinx.util.math import get_node_equation_number

# pandoc puts combining accents over letters, which browsers shift aside; these stand by themselves.
ACCENTS = str.maketrans({"\u0302": "\u02c6", "\u0303": "\u02dc", "\u0304": "\u00af", "\u0307": "\u02d9"})
NAMESPACE = "http://www.w3.org/1998/Math/MathML"
ElementTree.register_namespace("", NAMESPACE)
MINUS = "\u2212"  # a sign, in pandoc's hands a letter
SCRIPTS = ("msub", "msup", "msubsup", "munder", "mover", "munderover")
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
            tree = ElementTree.fromstring(re.sub(r"(?s)<annotation .*?</annotation>", "", markup.translate(ACCENTS)))
            space_operators(tree)
            if re.match(r"\\begin\{(aligned|align\*?|split|gathered)\}", formula[0]):  # each line as if it stood alone
                next(element for element in tree.iter() if tag(element) == "mtable").set("displaystyle", "true")
            DONE[formula] = ElementTree.tostring(tree, encoding="unicode")
    return [DONE[formula] for formula in formulas]


def space_operators(tree):
    """Let log, max and the like stand apart from what is no bracket, as in TeX: log 2 is no log2."""
    for row in [element for element in tree.iter() if tag(element) in ("mrow", "mtd", "mstyle")]:
        for child in [child for child in row if is_operator(child)]:
            at = list(row).index(child)
            after = row[at + 1] if at + 1 < len(row) else None
            before = row[at - 1] if at else None
            if after is not None and tag(after) not in ("mo", "mspace"):
                row.insert(at + 1, thin_space())
            closed = before is not None and before.get("form") == "postfix"
            if closed or (before is not None and tag(before) not in ("mo", "mspace") and before.text != MINUS):
                row.insert(at, thin_space())


def tag(element):
    return element.tag.removeprefix(f"{{{NAMESPACE}}}")


def is_operator(element):
    """Whether it is a name with pandoc's invisible "applied to", or one with scripts."""
    if tag(element) in SCRIPTS:
        return is_operator(element[0])
    return tag(element) == "mrow" and len(element) == 2 and element[1].text == "\u2061"


def thin_space():
    return ElementTree.Element(f"{{{NAMESPACE}}}mspace", width="0.17em")


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
