"""Sphinx extension: a chapter is built from the text of book/NAME.md and the outputs stored in book/NAME.ipynb.

Sliders among the outputs become plain HTML (`native_sliders.py`).  The text of the .ipynb is for those who open it in
Jupyter or Colab (`readable.py`), not for Sphinx.
"""

from pathlib import Path

import jupytext
import native_sliders
import nbformat
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)


def join(source, stored):
    """The notebook of the text file `source` with the outputs of the notebook file `stored`.

    Raises ValueError if the code is not what was run.
    """
    text, notebook = jupytext.read(source), nbformat.read(stored, 4)
    cells = [[cell for cell in book.cells if cell.cell_type == "code"] for book in (text, notebook)]
    if [cell.source for cell in cells[0]] != [cell.source for cell in cells[1]]:
        raise ValueError(f"{stored} was not run from {source} as it is: make notebooks CHAPTERS={source}")
    for written, ran in zip(*cells, strict=True):
        written.outputs, written.execution_count = ran.outputs, ran.execution_count
    if "widgets" in notebook.metadata:
        text.metadata.widgets = notebook.metadata.widgets
    return text


def read(app, docname, content):
    stored = Path(app.env.doc2path(docname))
    source = stored.with_suffix(".md")
    if stored.suffix != ".ipynb" or not source.exists():
        return
    app.env.note_dependency(str(source))
    try:
        notebook = join(source, stored)
        native_sliders.replace(notebook, folder(app), "../" * docname.count("/") + "_images")
        content[0] = nbformat.writes(notebook)
    except ValueError as error:
        LOGGER.warning(str(error), location=docname)


def folder(app):
    """Where the pictures of sliders are."""
    return Path(app.outdir) / "_images"


def write_pictures(app, error):
    """Those of pages that were not read again, too: what was built may have been removed since."""
    if error or app.builder.format != "html":
        return
    for docname in app.env.found_docs:
        stored = Path(app.env.doc2path(docname))
        if stored.suffix == ".ipynb":
            native_sliders.replace(nbformat.read(stored, 4), folder(app), "")


def setup(app):
    app.connect("source-read", read)
    app.connect("build-finished", write_pictures)
    return {"parallel_read_safe": True}
