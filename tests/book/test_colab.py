"""Chapters as Google Colab runs them: an empty folder, no `sclib`, ipywidgets 7, and a set-up cell that installs.

The set-up cell runs as it is, except that the address of the repository is set to a copy of this checkout.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import set_repository  # noqa: E402

CHAPTERS = sorted(ROOT.glob("book/*.ipynb"))
LOOK = """
import ipywidgets, sclib
explorers = [value for value in Out.values() if type(value).__name__ == "Explorer"]
moved = None
for slider, *_, picture in [explorer.children for explorer in explorers[:1]]:
    before = picture.value
    slider.index = (slider.index + 1) % len(slider.options)
    moved = picture.value != before
print(ipywidgets.__version__.split(".")[0], hasattr(ipywidgets, "Stack"), moved)
print(sclib.__file__)
"""


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def printed(cell):
    """All that a cell printed; where Jupyter cuts it into pieces is a matter of time."""
    return "".join(o.text for o in cell.get("outputs", []) if o.output_type == "stream")


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A copy of the checkout, committed, whose chapters install from itself."""
    folder = tmp_path_factory.mktemp("clone") / "repository"
    files = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT).splitlines()
    for name in files:
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    set_repository.set_address(folder, folder.as_uri())
    git = ("git", "-c", "user.name=test", "-c", "user.email=test@example.org")
    for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "copy")):
        run(*git, *arguments, cwd=folder)
    return folder


@pytest.fixture(scope="module", autouse=True)
def no_checkout_on_the_path():
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONPATH", raising=False)
        yield


@pytest.fixture(scope="module")
def colab(tmp_path_factory):
    """An interpreter that has all of this environment but `sclib`, with ipywidgets 7 and `google.colab` on top."""
    folder = tmp_path_factory.mktemp("colab")
    run(sys.executable, "-m", "venv", folder)
    python = folder / "bin" / "python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    # A second folder of packages; its own .pth files, the editable `sclib` among them, are not read.
    (site / "beneath.pth").write_text(sysconfig.get_path("purelib"))
    run(python, "-m", "pip", "install", "-q", "--no-deps", "ipywidgets==7.7.1", "ipython_genutils==0.2.0")
    (site / "google" / "colab").mkdir(parents=True)
    (site / "google" / "colab" / "__init__.py").touch()
    startup = folder / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00-colab.py").write_text("import google.colab")
    environment = {**os.environ, "IPYTHONDIR": str(folder / "ipython"), "MPLCONFIGDIR": str(folder / "matplotlib")}
    run(
        python, "-c", "import matplotlib.font_manager", env=environment
    )  # lists the fonts, which else a chapter reports
    return python, environment


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_runs_on_colab(chapter, colab, repository, tmp_path):
    python, environment = colab
    run(python, "-m", "pip", "uninstall", "-q", "-y", "self-consuming-loops")
    assert subprocess.run([python, "-c", "import sclib"], cwd=tmp_path, capture_output=True).returncode != 0
    notebook = nbformat.read(repository / "book" / chapter.name, 4)
    stored = [printed(cell) for cell in notebook.cells]
    notebook.cells.append(nbformat.v4.new_code_cell(LOOK))
    nbformat.write(notebook, tmp_path / "chapter.ipynb")
    script = """
        import nbformat, nbclient
        notebook = nbformat.read("chapter.ipynb", 4)
        nbclient.NotebookClient(notebook, timeout=300).execute()
        nbformat.write(notebook, "chapter.ipynb")
    """
    run(python, "-c", textwrap.dedent(script), cwd=tmp_path, env=environment)
    *cells, look = nbformat.read(tmp_path / "chapter.ipynb", 4).cells
    ran = [printed(cell) for cell in cells]
    set_up = next(i for i, cell in enumerate(cells) if cell.cell_type == "code")
    del ran[set_up], stored[set_up]  # here pip speaks
    assert ran == stored
    versions, package = "".join(o.text for o in look.outputs).splitlines()
    sliders = any("\nexplore(" in cell.source for cell in cells)
    assert versions == f"7 False {True if sliders else None}"
    assert Path(package).is_relative_to(Path(python).parents[1])
