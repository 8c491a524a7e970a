"""What has to hold for every chapter, without running it."""

import re
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import set_repository  # noqa: E402

CHAPTERS = sorted(ROOT.glob("book/*.ipynb"))
pytestmark = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_every_code_cell_was_run_in_order_without_error(path):
    cells = code_cells(nbformat.read(path, 4))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        for output in cell.outputs:
            assert output.output_type != "error", cell.source
            assert output.get("name") != "stderr", f"a warning is stored: {output.text}"


def test_text_and_notebook_agree(path):
    text, notebook = jupytext.read(path.with_suffix(".md")), nbformat.read(path, 4)
    for left, right in zip(text.cells, notebook.cells, strict=True):
        assert (left.cell_type, left.source, left.metadata) == (right.cell_type, right.source, right.metadata)


def test_at_most_a_tenth_of_the_cells_ignore_their_output_and_say_why(path):
    cells = code_cells(nbformat.read(path, 4))
    ignoring = [
        cell
        for cell in cells
        if {"nbval-ignore-output", "nbval-skip"} & set(cell.metadata.get("tags", [])) or "NBVAL_" in cell.source
    ]
    assert len(ignoring) <= len(cells) / 10
    for cell in ignoring:
        assert re.search(r"^# Output not compared: \w+", cell.source, re.M), cell.source


def test_uses_the_package_and_draws_every_figure_with_alt_text(path):
    cells = code_cells(nbformat.read(path, 4))
    assert any(re.search(r"^from sclib", cell.source, re.M) for cell in cells)
    for cell in cells:
        drawn = [o for o in cell.outputs if "image/png" in o.get("data", {})]
        widgets = [o for o in drawn if "application/vnd.jupyter.widget-view+json" in o.data]  # explore wants alt text
        if len(drawn) > len(widgets):
            assert len(cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")) > 20, cell.source


def test_set_up_cell_installs_from_the_address_of_the_repository(path):
    set_up = code_cells(nbformat.read(path, 4))[0]
    assert f"%pip install -q git+{set_repository.address(ROOT)}\n" in set_up.source + "\n"
    assert "remove-cell" in set_up.metadata.tags


def test_code_and_printed_lines_fit_on_the_page(path):
    for cell in code_cells(nbformat.read(path, 4)):
        printed = [o.text if o.output_type == "stream" else o.data.get("text/markdown", "") for o in cell.outputs]
        lines = [line for text in (cell.source, *printed) for line in text.splitlines()]
        # A row of a table is one line of Markdown, which the page wraps.
        assert [line for line in lines if len(line) > 79 and not line.startswith("| ")] == []
