"""What has to hold for every chapter, without running it."""

import re
import shutil
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import readable  # noqa: E402
import set_repository  # noqa: E402
import stored_outputs  # noqa: E402

CHAPTERS = sorted(ROOT.glob("book/*.ipynb"))
each = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@each
def test_every_code_cell_was_run_in_order_without_error(path):
    cells = code_cells(nbformat.read(path, 4))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        for output in cell.outputs:
            assert output.output_type != "error", cell.source
            assert output.get("name") != "stderr", f"a warning is stored: {output.text}"


@each
def test_code_is_that_of_the_text(path):
    assert [cell.execution_count for cell in code_cells(stored_outputs.join(path.with_suffix(".md"), path))]


@pytest.mark.parametrize("path", readable.chapters(), ids=lambda path: path.stem)
def test_no_role_and_no_directive_is_left(path):
    text = [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown"]
    assert [match[0] for source in text for match in readable.LEFT.finditer(source)] == []


def test_figures_have_numbers_that_run_through_the_book():
    cells = [cell for path in readable.chapters() for cell in nbformat.read(path, 4).cells]
    numbers = [re.match(r"\*\*Fig\. (\d+)\.\*\* ", cell.source) for cell in cells if cell.cell_type == "markdown"]
    found = [int(number[1]) for number in numbers if number]
    captioned = sum("caption" in cell.metadata.get("mystnb", {}).get("figure", {}) for cell in cells)
    assert found == list(range(1, captioned + 1))


def test_the_text_of_every_notebook_is_up_to_date():
    book = readable.Book(ROOT)
    for path in readable.chapters():
        made, stored = readable.readable(path.with_suffix(".md"), book), nbformat.read(path, 4)
        for left, right in zip(made.cells, stored.cells, strict=True):
            assert (left.id, left.source, left.metadata) == (right.id, right.source, right.metadata), (
                f"{path.name} is stale: python tools/readable.py"
            )


def test_a_role_and_other_code_are_noticed(tmp_path):
    assert readable.LEFT.search("see {prf:ref}`thm-gumbel`") and readable.LEFT.search(":::{prf:theorem} A")
    assert readable.LEFT.search("a [chapter](02_rlhf_link)") and not readable.LEFT.search("by `f`, $x$, [a](https://b)")
    for suffix in (".md", ".ipynb"):
        shutil.copy(ROOT / f"book/template{suffix}", tmp_path)
    source = tmp_path / "template.md"
    stored_outputs.join(source, source.with_suffix(".ipynb"))
    source.write_text(source.read_text().replace("generations=8", "generations=9"))
    with pytest.raises(ValueError, match="was not run from"):
        stored_outputs.join(source, source.with_suffix(".ipynb"))


@each
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


@each
def test_uses_the_package_and_draws_every_figure_with_alt_text(path):
    cells = code_cells(nbformat.read(path, 4))
    assert any(re.search(r"^from sclib", cell.source, re.M) for cell in cells)
    for cell in cells:
        drawn = [o for o in cell.outputs if "image/png" in o.get("data", {})]
        widgets = [o for o in drawn if "application/vnd.jupyter.widget-view+json" in o.data]  # explore wants alt text
        if len(drawn) > len(widgets):
            assert len(cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")) > 20, cell.source


@each
def test_set_up_cell_installs_from_the_address_of_the_repository(path):
    set_up = code_cells(nbformat.read(path, 4))[0]
    assert f"%pip install -q git+{set_repository.address(ROOT)}\n" in set_up.source + "\n"
    assert "remove-cell" in set_up.metadata.tags


@each
def test_code_and_printed_lines_fit_on_the_page(path):
    for cell in code_cells(nbformat.read(path, 4)):
        printed = [o.text if o.output_type == "stream" else o.data.get("text/markdown", "") for o in cell.outputs]
        lines = [line for text in (cell.source, *printed) for line in text.splitlines()]
        # A row of a table is one line of Markdown, which the page wraps.
        assert [line for line in lines if len(line) > 79 and not line.startswith("| ")] == []
