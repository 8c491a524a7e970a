"""`pytest --nbval` on a chapter has to notice a picture in another's place, and a frame of a slider too."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

BOOK = Path(__file__).parents[2] / "book"


def swap_pictures(notebook):
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
    one, two = outputs[0].data, outputs[1].data
    one["image/png"], two["image/png"] = two["image/png"], one["image/png"]


def swap_frames(notebook):
    (widgets,) = notebook.metadata.widgets.values()
    frames = [m.state for m in widgets["state"].values() if re.search("base64,", m.state.get("value", ""))]
    frames[0]["value"], frames[-1]["value"] = frames[-1]["value"], frames[0]["value"]


@pytest.mark.parametrize(
    ("harm", "said"), [(None, "passed"), (swap_pictures, "picture 1 is not"), (swap_frames, "slider frame 1 is not")]
)
def test_a_replaced_picture_fails(harm, said, tmp_path):
    notebook = nbformat.read(BOOK / "template.ipynb", 4)
    if harm:
        harm(notebook)
    nbformat.write(notebook, tmp_path / "chapter.ipynb")
    shutil.copy(BOOK / "conftest.py", tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider", "."]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout
    assert said in told and ("failed" in told) == (harm is not None), told[-3000:]
