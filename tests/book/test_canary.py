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


def tabled(output):
    return re.search(r"\d", output.get("data", {}).get("text/markdown", ""))


def change_a_digit(output):
    def other(match):
        return str((int(match[0]) + 1) % 10)

    if output.output_type == "stream":
        output.text = re.sub(r"\d(?=\D*$)", other, output.text, count=1)
    else:
        for mime, text in output.data.items():
            output.data[mime] = re.sub(r"\d(?=\D*$)", other, text, count=1)


def nbval(notebook, folder):
    """Exit code of pytest --nbval on the notebook, stored in `folder`."""
    nbformat.write(notebook, folder / "chapter.ipynb")
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider", "."]
    return subprocess.run(command, cwd=folder, capture_output=True).returncode


@pytest.mark.parametrize(
    ("chapter", "kind"),
    [
        *((chapter, kind) for chapter in CHAPTERS for kind in (printed, quoted)),
        *((BOOK / "reproduction.ipynb", kind) for kind in (printed, quoted, tabled)),
    ],
    ids=lambda value: value.stem if isinstance(value, Path) else value.__name__,
)
def test_one_changed_number_fails(chapter, kind, tmp_path):
    notebook = nbformat.read(chapter, 4)
    last, output = next((i, o) for i, cell in enumerate(notebook.cells) for o in cell.get("outputs", []) if kind(o))
    del notebook.cells[last + 1 :]  # the rest of the chapter says nothing more about this number
    assert nbval(notebook, tmp_path) == 0
    change_a_digit(output)
    assert nbval(notebook, tmp_path) == 1
