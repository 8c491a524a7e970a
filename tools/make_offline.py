"""Copy the built book to a folder that is read from a disk, as file://: `make book-offline`.

The pages ask no other host for anything.  Only the search fetches a line of each page that it finds, which it may not
from file://; in the copy it shows titles.
"""

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def make_offline(html, target):
    """Write the offline copy of the built book in `html` to the folder `target`, which is replaced.

    Raises ValueError if there is no built book.
    """
    if not (html / "index.html").exists():
        raise ValueError(f"html = {html} holds no built book; run `make book` first")
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(html, target)
    options = target / "_static" / "documentation_options.js"
    text = options.read_text(encoding="utf-8")
    options.write_text(text.replace("SHOW_SEARCH_SUMMARY: true", "SHOW_SEARCH_SUMMARY: false"), encoding="utf-8")


if __name__ == "__main__":
    target = ROOT / "_build" / "offline"
    try:
        make_offline(ROOT / "_build" / "html", target)
    except ValueError as error:
        sys.exit(str(error))
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    print(f"{target / 'index.html'}: opens without a network, {size / 1e6:.0f} MB")
