"""Sphinx extension: the search page knows what has a number, "Theorem 18" or "Chapter 3", and where it stands."""

import html
import json
import re
from pathlib import Path

BOX = re.compile(
    r'<div class="(?:proof|exercise)[^"]*admonition" id="([^"]+)">\s*<p class="admonition-title">'
    r'<span class="caption-number">(\w+ \d+) ?</span>(.*?)</p>',
    re.DOTALL,
)
CHAPTER = re.compile(r'<h1><span class="section-number">(\d+)\. </span>(.*?)<a class="headerlink"', re.DOTALL)


def text(markup):
    """What a reader sees of `markup`."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", markup)).split())


def numbered(page):
    """[number, name, anchor] of all on a page, given as HTML."""
    found = [[f"Chapter {number}", text(title), ""] for number, title in CHAPTER.findall(page)]
    boxes = BOX.findall(page)  # a name stands in brackets
    return found + [[number, re.sub(r"^\((.*)\)$", r"\1", text(name)), f"#{id}"] for id, number, name in boxes]


def tell_search(app, error):
    if error or app.builder.format != "html":
        return
    out, found = Path(app.outdir), []
    for name in sorted(app.env.found_docs):
        page = (out / f"{name}.html").read_text(encoding="utf-8")
        found += [[*entry, name] for entry in numbered(page)]
    script = f"window.NUMBERED = {json.dumps(found, ensure_ascii=False)};\n"
    (out / "_static" / "numbered.js").write_text(script, encoding="utf-8")
    search = out / "search.html"
    page = search.read_text(encoding="utf-8")
    if "numbered.js" not in page:
        tag = '<script src="_static/numbered.js"></script>\n    '
        search.write_text(re.sub(r'(?=<script src="_static/book\.js)', tag, page), encoding="utf-8")


def setup(app):
    app.connect("build-finished", tell_search)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
