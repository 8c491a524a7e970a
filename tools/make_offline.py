"""Copy the built book to a folder that opens from file:// and asks no other host: `make book-offline`.

The pages of _build/html load MathJax from a CDN.  Each such address is replaced by that of the same
file of the same npm package, which the copy carries.
"""

import re
import shutil
import sys
from pathlib import Path

import npm_packages

ROOT = Path(__file__).parents[1]
CDN = "https://cdn.jsdelivr.net/npm/"
SCRIPTS = "_npm"
# What a page may ask for; MathJax itself fetches fonts, extensions and what reads formulas aloud.
FILES = {
    "mathjax": [
        "es5/tex-mml-chtml.js",
        *(f"es5/{part}/**/*" for part in ("output/chtml", "input/tex", "a11y", "sre", "ui")),
    ],
}


def make_offline(html, target):
    """Write the offline copy of the built book in `html` to the folder `target`, which is replaced.

    Raises ValueError if there is no built book, or if a file of a package is not the one that a page demands.
    """
    if not (html / "index.html").exists():
        raise ValueError(f"html = {html} holds no built book; run `make book` first")
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(html, target)
    packages = set()
    for path in target.rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        for tag in re.findall(r"<script\b[^>]*\bintegrity=[^>]*>", page):
            package, file = split(re.search(r'\bsrc="([^"]*)"', tag)[1])
            demanded = re.search(r'\bintegrity="([^"]*)"', tag)[1]
            found = npm_packages.integrity((npm_packages.folder(package) / file).read_bytes(), demanded.split("-")[0])
            if found != demanded:
                raise ValueError(f"{package}/{file} is {found}; {path.name} demands {demanded}")
            # A page from file:// may load neither with CORS nor with a demanded hash.
            page = page.replace(tag, re.sub(r' (integrity|crossorigin)="[^"]*"', "", tag))
        packages |= {split(address)[0] for address in re.findall(re.escape(CDN) + r"[^'\"\s]+", page)}
        up = "../" * (len(path.relative_to(target).parts) - 1)
        path.write_text(page.replace(CDN, f"{up}{SCRIPTS}/"), encoding="utf-8")
    for package in packages:
        source = npm_packages.folder(package)
        for pattern in FILES[package.rpartition("@")[0]]:
            for file in filter(Path.is_file, source.glob(pattern)):
                copy = target / SCRIPTS / package / file.relative_to(source)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, copy)
    # Search shows a line of each page that it finds, which it fetches; from file:// it may not.
    options = target / "_static" / "documentation_options.js"
    text = options.read_text(encoding="utf-8")
    options.write_text(text.replace("SHOW_SEARCH_SUMMARY: true", "SHOW_SEARCH_SUMMARY: false"), encoding="utf-8")


def split(address):
    """("mathjax@3.2.2", "es5/tex-mml-chtml.js") of an address on the CDN with an exact version."""
    package, version, file = re.fullmatch(
        re.escape(CDN) + r"((?:@[^/]+/)?[^/@]+)@(\d+\.\d+\.\d+)/?(.*)", address
    ).groups()
    return f"{package}@{version}", file


if __name__ == "__main__":
    target = ROOT / "_build" / "offline"
    try:
        make_offline(ROOT / "_build" / "html", target)
    except ValueError as error:
        sys.exit(str(error))
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    print(f"{target / 'index.html'}: opens without a network, {size / 1e6:.0f} MB with all scripts")
