"""Set the address of the repository everywhere: `make repository URL=https://github.com/you/your-book`.

`_config.yml` holds the address; README, CITATION.cff and the chapters' set-up cells hold copies.  While it is the
placeholder, the book shows no button that leads to it.  The address of the published book follows from it, if it is on
GitHub: cards that other sites show of a link need it, and the page for addresses that lead nowhere.
"""

import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

PLACEHOLDER = "https://github.com/OWNER/REPOSITORY"
CONFIG = "_config.yml"


def address(root):
    """The address that `_config.yml` holds."""
    return re.search(r"^  url: (\S+)$", (root / CONFIG).read_text(), re.M)[1]


def holders(root):
    """Files that may hold a copy of the address."""
    return [
        root / CONFIG,
        root / "README.md",
        root / "CITATION.cff",
        *sorted(root.glob("book/*.md")),
        *sorted(root.glob("book/*.ipynb")),
    ]


def set_address(root, new):
    """Replace the address in every file that holds it and switch the buttons of the book on or off."""
    if not re.fullmatch(r"(https|file)://\S*[^/\s]", new):
        raise ValueError(f"URL = {new!r} must look like https://github.com/you/your-book")
    old = address(root)
    for path in holders(root):
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(re.escape(old) + r"(?![\w-])", new, text), encoding="utf-8")
    known = new != PLACEHOLDER
    text = (root / CONFIG).read_text()
    text = re.sub(
        r"^  colab_url: .*$", f'  colab_url: "{"https://colab.research.google.com" if known else ""}"', text, flags=re.M
    )
    text = re.sub(r"^  use_repository_button: .*$", f"  use_repository_button: {str(known).lower()}", text, flags=re.M)
    site = published(new) if known else ""
    text = re.sub(r"^    ogp_site_url: .*$", f'    ogp_site_url: "{site}"', text, flags=re.M)
    prefix = urlsplit(site).path or "/"
    text = re.sub(r"^    notfound_urls_prefix: \S+", f"    notfound_urls_prefix: {prefix}", text, flags=re.M)
    (root / CONFIG).write_text(text)


def published(repository):
    """Where GitHub Pages shows the book of a repository; "" for a repository elsewhere."""
    found = re.fullmatch(r"https://github\.com/([^/]+)/([^/]+?)(?:\.git)?", repository)
    if not found:
        return ""
    owner, name = found[1].lower(), found[2]
    return f"https://{owner}.github.io/" + ("" if name.lower() == f"{owner}.github.io" else f"{name}/")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: make repository URL=https://github.com/you/your-book")
    set_address(Path(__file__).parents[1], sys.argv[1])
