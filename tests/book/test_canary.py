"""`pytest --nbval` on a chapter has to notice one changed number, in what is printed and in what prose quotes."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

BOOK = Path(__file__).parents[2] / "book"
CHAPTERS = sorted(BOOK.glob("[0-9]*.ipynb"))


def printed(output):
    return output.output_type == "stream" and re.search(r"\d", output.text)


def quoted(output):
    return re.search(r"\d", output.get("data", {}).get("application/papermill.record/text/plain", ""))


def change_a_digit(output):
    def other(match):
        return str((int(match[0]) + 1) % 10)

    if output.output_type == "stream":
        output.text = re.sub(r"\d(?=\D*$)", other, output.text, count=1)
    else:
        for mime, text in output.data.items():
            output.data[mime] = re.sub(r"\d(?=\D*$)", other, text, count=1)


@pytest.mark.parametrize(
    ("chapter", "kinds"),
    [pytest.param(chapter, (printed, quoted), id=chapter.stem) for chapter in (*CHAPTERS, BOOK / "reproduction.ipynb")],
)
def test_each_changed_number_fails_and_nothing_else(chapter, kinds, tmp_path):
    notebook = nbformat.read(chapter, 4)
    cells = list(enumerate(notebook.cells))
    first = [next((i, o) for i, cell in cells for o in cell.get("outputs", []) if kind(o)) for kind in kinds]
    for _, output in first:
        change_a_digit(output)
    changed = {i for i, _ in first}
    del notebook.cells[max(changed) + 1 :]  # the rest of the chapter says nothing more about these numbers
    nbformat.write(notebook, tmp_path / "chapter.ipynb")
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider", "."]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout
    assert f"\n{len(changed)} failed" in told and "error" not in told.splitlines()[-1], told[-2000:]
