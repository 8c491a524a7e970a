"""What it takes to build the book, to run each chapter, and to load each page (`make book` comes first)."""

import re
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
HTML = ROOT / "_build" / "html" / "book"
PAGES = sorted(page.stem for page in HTML.glob("*.html"))
CHAPTERS = [page for page in PAGES if (ROOT / "book" / f"{page}.ipynb").exists()]


def size(page):
    """Bytes of a page with the pictures that it loads, without the scripts that all pages share."""
    html = (HTML / f"{page}.html").read_text(encoding="utf-8")
    pictures = {(HTML / source).resolve() for source in re.findall(r'<img[^>]* src="([^":]+)"', html)}
    return len(html.encode()) + sum(picture.stat().st_size for picture in pictures)


@pytest.mark.large
def test_build(benchmark, tmp_path):
    """From the stored outputs, with the environment there and nothing built before."""
    command = [Path(sys.executable).with_name("jupyter-book"), "build", str(ROOT), "--path-output", str(tmp_path), "-q"]
    benchmark.extra_info |= {"part": "book", "page": "all", "bytes": {page: size(page) for page in PAGES}}
    benchmark.pedantic(subprocess.run, (command,), {"check": True, "capture_output": True}, rounds=1)
    assert (tmp_path / "_build" / "html" / "index.html").exists()


@pytest.mark.large
@pytest.mark.parametrize("page", CHAPTERS)
def test_chapter(benchmark, page):
    """From top to bottom in a fresh kernel."""
    benchmark.extra_info |= {"part": "book", "page": page}
    notebook = jupytext.read(ROOT / "book" / f"{page}.md")
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": ROOT / "book"}})
    benchmark.pedantic(client.execute, rounds=1)
