"""Sphinx extension for book/api.md: docstrings with NumPy sections as fields, a module's own public names alone."""

import re

SECTION = re.compile(r"(?m)^(Parameters|Returns|Raises|Source)\n-+\n")


def fields(docstring):
    """`docstring` as reStructuredText, its sections as fields.  Stars, bars and underscores in it are meant as such."""
    text = re.sub(r"(`+)(.*?)\1|([*|]|_(?=\W|$))", lambda m: f"``{m[2]}``" if m[1] else "\\" + m[3], docstring)
    before, *sections = SECTION.split(text)
    lines = [before.rstrip(), ""]
    for name, body in zip(sections[::2], sections[1::2], strict=True):
        entries = re.sub(r"\n +", " ", body.strip()).splitlines()
        if name == "Parameters":
            entries = [re.sub(r"^(.+?) : ", r"* **\1**: ", entry) for entry in entries]
        if name == "Raises":
            entries = [re.sub(r"^([\w.]+) ", r"``\1``. ", entry) for entry in entries]
        lines += [f":{name}:", *(f"    {entry}" for entry in entries)]
    return "\n".join(lines).splitlines()


def process(app, what, name, obj, options, lines):
    lines[:] = fields("\n".join(lines))


def skip(app, what, name, obj, skip, options):
    return True if getattr(obj, "imported", False) or not getattr(obj, "docstring", "") else None


def outdated(app, env, added, changed, removed):
    """The page is made of docstrings, so it is read again although it has not changed."""
    return sorted({"book/api"} & env.found_docs)


def setup(app):
    app.connect("env-get-outdated", outdated)
    app.connect("autodoc-process-docstring", process)
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True}
