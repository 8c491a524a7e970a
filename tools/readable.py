"""Write the text of each notebook as Jupyter and Colab show it: no role, no directive, numbers filled in.

`tools/run_notebooks.py` calls it; alone, `python tools/readable.py` only brings the texts up to date.  All text comes
from the .md.  What a role or a label becomes is asked of Sphinx: a list of all of them is appended to each chapter as
Sphinx reads it, and the resolved list is read back.  So numbers are those of the built pages.
"""

import base64
import re
import sys
import tempfile
from pathlib import Path
from urllib.parse import urljoin

import jupytext
import nbformat
import yaml
from docutils import nodes
from jupyter_book.config import get_final_config
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

sys.path.insert(0, str(Path(__file__).parent))
import stored_outputs

ROOT = Path(__file__).parents[1]
LIST = "all-references"
MATH = re.compile(r"\$\$\s*(.+?)\s*\$\$(?:[ \t]*\(([\w-]+)\))?", re.S)
ROLE = r"\{[a-z][\w:-]*\}`[^`]+`"
LINK = r"(?<!!)\[[^\]\n]*\]\((?!https?:|mailto:)[^)\s]+\)"
REFERENCE = re.compile(f"{ROLE}|{LINK}")
BLOCK = re.compile(
    r"^(:{3,}|`{3,})\{(?P<name>[\w:-]+)\}[ \t]*(?P<title>.*)\n(?P<options>(?::[\w-]+:.*\n)*)"
    r"(?P<body>(?:.*\n)*?)\1[ \t]*$",
    re.M,
)
LEFT = re.compile(rf"{ROLE}|^:::|^`{{3,}}\{{|^\([\w-]+\)=$|^:[\w-]+:|^%|\$\$[ \t]*\([\w-]+\)|{LINK}", re.M)


def chapters(root=ROOT):
    """The notebooks that the table of contents names and that have a source, in its order."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    names = re.findall(r"'(?:root|file)': '([^']+)'", str(toc))
    return [root / f"{name}.ipynb" for name in names if (root / f"{name}.ipynb").exists()]


def asked(notebook):
    """Every role and local link of a notebook, and for every label the role that gives its number."""
    for cell in notebook.cells:
        figure = cell.metadata.get("mystnb", {}).get("figure", {})
        texts = [cell.source] if cell.cell_type == "markdown" else [figure.get("caption", "")]
        yield from (match[0] for text in texts for match in REFERENCE.finditer(text))
        if "name" in figure:
            yield number_of("figure", figure["name"])
        if cell.cell_type == "markdown":
            yield from (number_of("equation", match[2]) for match in MATH.finditer(cell.source) if match[2])
            for block in BLOCK.finditer(cell.source):
                if label := option(block, "label"):
                    yield number_of(block["name"], label)


def number_of(kind, label):
    """The role that shows what the book calls a thing: Theorem 3, Exercise 2, Figure 4, (5)."""
    role = {"figure": "numref", "equation": "eq", "exercise": "ref"}.get(kind, "prf:ref")
    return f"{{{role}}}`{label}`"


def option(block, name):
    found = re.search(rf"^:{name}:[ \t]*(.*)$", block["options"], re.M)
    return found and found[1].strip()


class Book:
    """The whole book as Sphinx reads it: what it makes of each reference of each chapter."""

    def __init__(self, root=ROOT):
        self.root, self.lists = root, {}
        overrides, _ = get_final_config(
            user_yaml=root / "_config.yml", cli_config={"latex_individualpages": False}, sourcedir=root
        )
        with tempfile.TemporaryDirectory() as folder, patch_docutils(), docutils_namespace():
            self.app = Sphinx(
                srcdir=str(root), confdir=None, outdir=folder, doctreedir=folder, buildername="html",
                confoverrides=overrides, status=None, warning=None,
            )  # fmt: skip
            self.app.connect("source-read", self._append, priority=900)  # after stored_outputs
            self.app.builder.read()
            env = self.app.env
            list(env.check_dependents(self.app, set()))  # numbers figures and theorems
            self.base = self.app.config.ogp_site_url
            self.said = {name: dict(self._resolved(name)) for name in self.lists}

    def _append(self, app, docname, content):
        if not app.env.doc2path(docname).endswith(".ipynb"):
            return
        notebook = nbformat.reads(content[0], 4)
        notebook.metadata.pop("widgets", None)
        for cell in notebook.cells:
            if cell.cell_type == "code":  # of the outputs, only numbers that the text quotes and figures, which count
                figure = "figure" in cell.metadata.get("mystnb", {})
                cell.outputs = [
                    output
                    for output in cell.outputs
                    if "scrapbook" in output.get("metadata", {}) or (figure and "image/png" in output.get("data", {}))
                ]
        self.lists[docname] = list(dict.fromkeys(asked(notebook)))
        text = "\n\n".join([f":::{{container}} {LIST}", *self.lists[docname], ":::"])
        notebook.cells.append(nbformat.v4.new_markdown_cell(text))
        content[0] = nbformat.writes(notebook)

    def _resolved(self, docname):
        tree = self.app.env.get_and_resolve_doctree(docname, self.app.builder)
        (found,) = (node for node in tree.findall(nodes.container) if LIST in node["classes"])
        for reference, paragraph in zip(self.lists[docname], found.children, strict=True):
            yield reference, self._markdown(paragraph, docname)

    def _markdown(self, node, docname):
        if isinstance(node, nodes.Text):
            return node.astext()
        if isinstance(node, nodes.math):
            return f"${node.astext()}$"
        inner = "".join(self._markdown(child, docname) for child in node.children)
        if isinstance(node, nodes.emphasis):
            return f"*{inner}*"
        if isinstance(node, nodes.strong):
            return f"**{inner}**"
        if isinstance(node, nodes.literal):
            return f"`{inner}`"
        if isinstance(node, nodes.reference) and self.base:
            target = urljoin(f"{self.base}{docname}.html", node.get("refuri") or f"#{node.get('refid')}")
            return f"[{inner}]({target})"
        return inner


def readable(source, book):
    """The notebook of the text file `source` with its text as Jupyter shows it, without outputs."""
    notebook = jupytext.read(source)
    said = book.said[source.relative_to(book.root).with_suffix("").as_posix()]
    cells = []
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cells.append(cell)
        if cell.cell_type == "markdown":
            cell.source = in_words(cell.source, said, source.parent)
            continue
        fold(cell)
        figure = cell.metadata.get("mystnb", {}).get("figure", {})
        if "caption" in figure:
            name = said[number_of("figure", figure["name"])] if "name" in figure else "Figure"
            caption = f"**{name}.** {in_words(figure['caption'], said, source.parent)}"
            cells.append(nbformat.v4.new_markdown_cell(caption, id=f"caption-{number}"))
    notebook.cells = cells
    return notebook


def fold(cell):
    """What the pages hide is folded: in Jupyter by `jupyter`, in Colab by `cellView` and `collapsed`."""
    tags = set(cell.metadata.get("tags", []))
    if tags & {"hide-input", "hide-cell", "remove-input", "remove-cell"}:
        cell.metadata["jupyter"] = {"source_hidden": True}
        cell.metadata["cellView"] = "form"
    if tags & {"hide-output", "hide-cell", "remove-output"}:
        cell.metadata["jupyter"] = {**cell.metadata.get("jupyter", {}), "outputs_hidden": True}
        cell.metadata["collapsed"] = True


def in_words(text, said, folder):
    """Markdown without roles and directives."""
    text = re.sub(r"^\([\w-]+\)=\n|^% .*\n", "", text, flags=re.M)
    text = MATH.sub(lambda match: display(match, said), text)
    while BLOCK.search(text):
        text = BLOCK.sub(lambda match: quote(match, said, folder), text)
    return REFERENCE.sub(lambda match: said.get(match[0], match[0]), text)


def display(match, said):
    """A displayed formula on one line: in a quote, Jupyter would take the marks before its lines for formula."""
    tag = rf" \tag{{{said[number_of('equation', match[2])].strip('()')}}}" if match[2] else ""
    return f"$$ {' '.join(match[1].split())}{tag} $$"


def quote(block, said, folder):
    """A theorem, an exercise or a box as a quote that begins with its name."""
    kind, title, body = block["name"], block["title"].strip(), block["body"].strip("\n")
    if kind == "image":
        data = base64.b64encode((folder / title).read_bytes()).decode()
        media = {".svg": "svg+xml"}.get(Path(title).suffix, Path(title).suffix[1:])
        alt, width = option(block, "alt"), option(block, "width")
        return f'<img alt="{alt}" width="{width}" src="data:image/{media};base64,{data}">'
    label = option(block, "label")
    name = said[number_of(kind, label)] if label else "" if kind == "admonition" else kind.split(":")[-1].capitalize()
    head = f"{name} ({title})." if name and title else f"{name or title}."
    lines = [f"**{head}**", "", *body.splitlines()] if body else [f"**{head}**"]
    return "\n".join(f"> {line}".rstrip() for line in lines)


def refresh(root=ROOT):
    """Bring the text of every chapter's notebook up to date; its code and its outputs stay.  Returns what changed."""
    book, changed = Book(root), []
    for path in chapters(root):
        source = path.with_suffix(".md")
        try:
            ran = stored_outputs.join(source, path)
        except ValueError as error:
            print(error, file=sys.stderr)
            continue
        if write(ran, readable(source, book), path):
            changed.append(path)
    return changed


def write(ran, notebook, path):
    """Write `notebook` with the outputs of `ran` to `path`; True if that changes the file."""
    outputs = iter([cell for cell in ran.cells if cell.cell_type == "code"])
    for cell in notebook.cells:
        if cell.cell_type == "code":
            done = next(outputs)
            cell.outputs, cell.execution_count = done.outputs, done.execution_count
    old = nbformat.read(path, 4)
    notebook.metadata = old.metadata
    notebook.nbformat, notebook.nbformat_minor = old.nbformat, old.nbformat_minor
    text = nbformat.writes(notebook) + "\n"
    if text == path.read_text(encoding="utf-8"):
        return False
    path.write_text(text, encoding="utf-8")
    return True


if __name__ == "__main__":
    for path in refresh():
        print(f"{path.relative_to(ROOT)}: text brought up to date")
