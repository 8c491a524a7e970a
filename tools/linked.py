"""Sphinx extension: a card for what a link leads to or a symbol means, and at each proof the places that use it.

All come from the built pages.  A page holds its symbols and the statements, equations and works that it links to in a
<template>: book/_static/cards.js shows them from a disk too, where a page cannot read another.
"""

import re
from pathlib import Path
from urllib.parse import urldefrag

import symbols
from bs4 import BeautifulSoup

STATEMENT = "div.proof:is(.theorem, .proposition, .lemma, .corollary, .definition)"
PROOF = "div.proof:not(.theorem, .proposition, .lemma, .corollary, .definition)"
SHOWN = f"{STATEMENT}, div.math[id], div.citation"
PROVED = f"section:has(> {PROOF})"
LISTS = ("proofs.html", "notation.html")  # they name statements, but use none
ADDED = re.compile(rf'<p class="used">.*?</p>\n|<template id="cards">.*?</template>\n|{symbols.MARK}', re.DOTALL)


def links(part, name):
    """(link, (page, anchor)) of every link of `part` of the page `name` to a place in the book."""
    for link in part.select("a.reference.internal[href*='#']:is(article *)"):
        page, anchor = urldefrag(link["href"])
        yield link, (page or name, anchor)


def card(target):
    """What a card shows of `target`: all but its links, labels and ids."""
    copy = BeautifulSoup(str(target), "html.parser")
    for extra in copy.select(".headerlink, .label, button, details"):
        extra.decompose()
    for link in copy("a"):
        link.unwrap()
    for element in copy(id=True):
        del element["id"]
    return str(copy)


def cards(pages, name):
    """A card for each address that the page `name` links to."""
    found = {}
    for link, (page, anchor) in links(pages[name], name):
        target = pages[page].find(id=anchor) if page in pages else None
        if link["href"] not in found and target is not None and target.css.match(SHOWN):
            found[link["href"]] = f'<div data-for="{link["href"]}">{card(target)}</div>'
    return list(found.values())


def title(heading):
    """A heading without its number, its sign and what stands in brackets."""
    text = re.sub(r"\s*(\([^()]*\))?#?$", "", heading.get_text())
    number = heading.select_one(".section-number")
    return f"Chapter {number.get_text(strip=True).rstrip('.')}" if number else text


def proved(section, name):
    """Addresses of what a section proves: itself, its statements, or the one elsewhere that it begins with."""
    anchors = [section["id"], *(part["id"] for part in section.select(f":scope > :is(span[id], {STATEMENT})"))]
    stated = section.select_one(f":scope > {STATEMENT}")
    elsewhere = [] if stated else [address for _, address in links(section.p, name)][:1]
    return {*((name, anchor) for anchor in anchors), *elsewhere}


def uses(pages):
    """{(page, anchor): {(title, page): section}}: where proofs and pages link to each place of the book."""
    found = {}
    for name, page in pages.items():
        for link, address in links(page, name) if name not in LISTS else ():
            section = link.find_parent("section", id=True)
            proof = link.find_parent(lambda part: part.css.match(PROVED))
            head = (proof or page.article).select_one("h1, h2, h3")
            found.setdefault(address, {}).setdefault((title(head), name), (proof or section)["id"])
    return found


def used(pages, name, found):
    """{id of a section that proves something: a line with links to what uses that}."""
    lines = {}
    for section in pages[name].select(PROVED):
        places = {}
        for address in proved(section, name):
            places |= {place: id for place, id in found.get(address, {}).items() if id != section["id"]}
        told = [
            f'<a class="reference internal" href="{page if page != name else ""}#{id}">{text}</a>'
            for (text, page), id in sorted(places.items(), key=lambda use: use[0][1])
        ]
        if told:
            lines[section["id"]] = f'<p class="used">Used in {"; ".join(told)}.</p>\n'
    return lines


def link_pages(app, error):
    if error or app.builder.format != "html":
        return
    folder = Path(app.outdir, app.config.root_doc).parent
    texts = {file.name: ADDED.sub("", file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.html"))}
    pages = {name: BeautifulSoup(text, "html.parser") for name, text in texts.items()}
    found, meanings = uses(pages), symbols.table(pages)
    for name, text in texts.items():
        for id, line in used(pages, name, found).items():
            heading = re.search(rf'<section id="{id}">.*?</h\d>\n', text, re.DOTALL)
            text = text[: heading.end()] + line + text[heading.end() :]
        text, told = symbols.marked(text, meanings if name != symbols.PAGE else {})
        if told := cards(pages, name) + told:
            text = text.replace("</body>", f'<template id="cards">{"".join(told)}</template>\n</body>')
        (folder / name).write_text(text, encoding="utf-8")


def setup(app):
    app.connect("build-finished", link_pages, priority=900)  # when the other tools have changed the pages
    return {"parallel_read_safe": True, "parallel_write_safe": True}
