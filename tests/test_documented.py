"""Every public function and class of the package has type hints, and a docstring with a line for each parameter.

Read from the source, without importing it.  Free of Parameters: what takes no arguments, properties, dataclasses, and
what says "As Base.method" or "As module.function" of something documented that takes as much.
"""

import ast
import pathlib
import re

import pytest

PACKAGE = pathlib.Path(__file__).parents[1] / "sclib"
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SECTION = r"(?m)^{}\n-+\n((?:.*\n)*?)(?=\n*^\w+\n-+\n|\Z)"


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if not any(part.startswith("_") for part in parts):
            yield ".".join(parts), ast.parse(path.read_text(encoding="utf-8"))


def public(tree):
    """The public functions, methods and constructors of a module, each with its qualified name and docstring."""
    for node in tree.body:
        if getattr(node, "name", "_").startswith("_"):
            continue
        if isinstance(node, FUNCTIONS):
            yield node.name, node, ast.get_docstring(node)
        if isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, FUNCTIONS) and (method.name == "__init__" or not method.name.startswith("_")):
                    of = node if method.name == "__init__" else method
                    yield f"{node.name}.{method.name}", method, ast.get_docstring(of)


def arguments(function, method):
    found = function.args
    named = [*found.posonlyargs, *found.args, *found.kwonlyargs, found.vararg, found.kwarg]
    static = any(ast.unparse(one) == "staticmethod" for one in function.decorator_list)
    return [one for one in named if one is not None][1 if method and not static else 0 :]


def section(docstring, name):
    found = re.search(SECTION.format(name), docstring + "\n")
    return found[1] if found else ""


def documented(docstring):
    """The names that stand before " : " in the section Parameters."""
    heads = re.findall(r"(?m)^([*\w, ]+) : ", section(docstring, "Parameters"))
    return {name.strip(" *") for head in heads for name in head.split(",")}


def wrong(name, function, docstring, known):
    """What `function` lacks, in words; `known` has the arguments of all that is documented, by name."""
    taken = [one.arg for one in arguments(function, "." in name)]
    lacking = [f"hint of {one.arg}" for one in arguments(function, "." in name) if one.annotation is None]
    lacking += ["hint of the result"] * (function.returns is None and function.name != "__init__")
    if any(re.search(r"property$|\.setter$", ast.unparse(one)) for one in function.decorator_list):
        return lacking + ["docstring"] * (not docstring and not taken)  # a setter needs none
    if not docstring:
        return [*lacking, "docstring"]
    lacking += ["closing `"] * any(line.count("`") % 2 for line in docstring.splitlines())
    base = re.match(r"As `?(\w+\.\w+)", docstring)
    if base and base[1].endswith(f".{function.name}") and set(taken) <= set(known.get(base[1], [])):
        return lacking
    lacking += [f"line of {one}" for one in taken if one not in documented(docstring)]
    named = section(docstring, "Raises")
    for node in ast.walk(function):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and function.name != "__init__":
            error = ast.unparse(node.exc.func).split(".")[-1]
            error = error if error.strip("_")[0].isupper() else "ValueError"  # a function that makes the error
            if error not in named and f"line of {error}" not in lacking:
                lacking.append(f"line of {error}")
    return lacking


def reported(modules):
    found = [(module, *one) for module, tree in modules for one in public(tree)]
    known = {}
    for module, name, function, docstring in found:
        if docstring:
            known[name] = known[f"{module}.{name}"] = [one.arg for one in arguments(function, "." in name)]
    return [
        f"{module}.{name}: {', '.join(lacks)}" for module, name, *one in found if (lacks := wrong(name, *one, known))
    ]


def test_every_public_function_says_what_it_takes():
    assert reported(modules()) == []


FULL = '''
def plain(a: int) -> int:
    """One.

    Parameters
    ----------
    a : >= 0.

    Raises
    ------
    ValueError
        For a negative one.
    """
    if a < 0:
        raise ValueError(a)
    return a

class Base:
    """Another.

    Parameters
    ----------
    size : >= 0.
    """
    def __init__(self, size: int):
        self.size = size

    def plain(self, a: int) -> int:
        """As `some.plain`."""
        return a + 1

    @property
    def double(self) -> int:
        """Twice the size."""
        return 2 * self.size
'''


@pytest.mark.parametrize(
    "was, now, said",
    [
        ("", "", []),
        ("    a : >= 0", "    b : >= 0", ["some.plain: line of a"]),
        ("Parameters\n    ----------\n    a", "Arguments\n    ---------\n    a", ["some.plain: line of a"]),
        ("def plain(a: int)", "def plain(a)", ["some.plain: hint of a"]),
        ("def plain(a: int) -> int", "def plain(a: int)", ["some.plain: hint of the result"]),
        ("    ValueError\n ", "    TypeError\n ", ["some.plain: line of ValueError"]),
        ("raise ValueError(a)", "raise checks.wrong(a)", []),
        ("As `some.plain`", "As `other.plain`", ["some.Base.plain: line of a"]),
        ("plain(self, a: int)", "plain(self, c: int)", ["some.Base.plain: line of c"]),
        ('"""As `some.plain`."""', "", ["some.Base.plain: docstring"]),
        ("    a : >= 0", "    a : >= `0\n        * 1`", ["some.plain: closing `"]),
        ("    size : >= 0", "    length : >= 0", ["some.Base.__init__: line of size"]),
        ("size: int", "size", ["some.Base.__init__: hint of size"]),
        ('"""Twice the size."""', "", ["some.Base.double: docstring"]),
    ],
)  # fmt: skip
def test_what_is_lacking_is_named(was, now, said):
    assert was in FULL
    assert reported([("some", ast.parse(FULL.replace(was, now)))]) == said
