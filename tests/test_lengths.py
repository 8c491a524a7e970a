"""A module of the package has at most 250 lines, and a function at most 40 below its docstring."""

import ast
import pathlib

import pytest

PACKAGE = pathlib.Path(__file__).parents[1] / "sclib"


def long_functions(source, most=40):
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            first = node.body[1 if ast.get_docstring(node) and len(node.body) > 1 else 0]
            if node.end_lineno - first.lineno + 1 > most:
                found.append(node.name)
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_and_functions_are_short(path):
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 250
    assert long_functions(source) == []


def test_a_docstring_does_not_count():
    body = "\n".join(["    pass"] * 40)
    assert long_functions(f'def f():\n    """One.\n\n    Two.\n    """\n{body}') == []
    assert long_functions(f"def f():\n{body}\n    pass") == ["f"]
