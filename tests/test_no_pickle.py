"""No pickle is ever loaded: a file that runs code is no data."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = [path for folder in ("sclib", "tools") for path in sorted(ROOT.glob(f"{folder}/*.py"))]
CHAPTERS = sorted(ROOT.glob("book/*.md"))
PICKLES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_pickle_is_ever_loaded(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [name.name for name in node.names]
            assert not PICKLES & {module.split(".")[0] for module in modules}, ast.unparse(node)
        if isinstance(node, ast.Call):
            called, settings = ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}
            assert called not in ("torch.load", "pd.read_pickle"), ast.unparse(node)
            assert settings.get("allow_pickle", "False") == "False", ast.unparse(node)
            if called in ("np.load", "numpy.load"):
                assert settings.get("allow_pickle") == "False", ast.unparse(node)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.name)
def test_no_chapter_loads_files_itself(path):
    words = ("torch.load", "pickle", "joblib", "np.load(")
    assert [word for word in words if word in path.read_text(encoding="utf-8")] == []
