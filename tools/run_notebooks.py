"""Run chapters and store their outputs: book/NAME.md -> book/NAME.ipynb.  `make notebooks` calls it.

The .md is the source.  The text of the .ipynb is made from it by `readable.py`, in every chapter, since a theorem more
moves the numbers of those behind it.  Ids of cells and widgets are numbered instead of random, and a cell's printed
lines are one output however they arrived, so that a second run of an unchanged chapter leaves an unchanged file.
"""

import json
import re
import sys
import time
from pathlib import Path

import jupytext
import matplotlib.font_manager  # noqa: F401  # lists the fonts, which else the first chapter reports
import nbformat
import readable
from nbclient import NotebookClient


def run(source):
    notebook = jupytext.read(source)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
    start = time.perf_counter()
    resources = {"metadata": {"path": source.parent}}
    NotebookClient(notebook, timeout=600, coalesce_streams=True, resources=resources).execute()
    seconds = time.perf_counter() - start
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # time stamps
    text = nbformat.writes(notebook)
    models = dict.fromkeys(re.findall(r'"model_id": "([0-9a-f]{32})"', text))
    for widgets in notebook.metadata.get("widgets", {}).values():
        models |= dict.fromkeys(widgets["state"])
    # Widgets of one chapter are created in a fixed order, and so their ids appear in the state in that order.
    for number, model in enumerate(models):
        text = text.replace(model, f"{number:032x}")
    target = source.with_suffix(".ipynb")
    nbformat.write(nbformat.from_dict(json.loads(text)), target)
    print(f"{target}: {seconds:.1f} s, {target.stat().st_size / 1e6:.2f} MB", flush=True)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        run(Path(name))
    readable.refresh()
