"""A chapter that begins as a copy of book/template.md is whole from the start: it runs, passes the guards, builds."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_copy_of_the_template_is_a_chapter(tmp_path):
    book = tmp_path / "book"
    for folder in ("book", "sclib", "tests/book", "tools"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "*.npz"))
    for name in ("_config.yml", "_toc.yml", "references.bib", "pyproject.toml", "README.md", "CITATION.cff"):
        shutil.copy(ROOT / name, tmp_path)

    shutil.copy(book / "template.md", book / "99_new.md")
    toc = tmp_path / "_toc.yml"
    toc.write_text(toc.read_text().replace("chapters:\n", "chapters:\n      - file: book/99_new\n", 1))
    for command in (
        [sys.executable, "tools/run_notebooks.py", "book/99_new.md"],
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/book/test_guards.py", "-k", "99_new"],
        [Path(sys.executable).with_name("jupyter-book"), "build", ".", "-n", "-W", "--keep-going"],
    ):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "Do one thing" in (tmp_path / "_build" / "html" / "book" / "99_new.html").read_text(encoding="utf-8")
    assert not (tmp_path / "_build" / "html" / "book" / "template.html").exists()
