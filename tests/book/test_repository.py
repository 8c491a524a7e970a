"""The address of the repository: one place, faithful copies, no button while it is unset."""

import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import set_repository  # noqa: E402


def copies(root):
    """Every address that stands after git+, clone of, or repository-code in the files that hold copies."""
    pattern = re.compile(r'(?:git\+|clone of `|repository-code: ")((?:https|file)://[^\s"`\\]+)')
    return {
        path.relative_to(root).as_posix(): pattern.findall(path.read_text()) for path in set_repository.holders(root)
    }


def buttons(root):
    config = yaml.safe_load((root / "_config.yml").read_text())
    return bool(config["launch_buttons"]["colab_url"]), config["html"]["use_repository_button"]


@pytest.fixture
def clone(tmp_path):
    shutil.copytree(ROOT / "book", tmp_path / "book", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    for name in ("_config.yml", "README.md", "CITATION.cff"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def test_all_copies_agree():
    found = copies(ROOT)
    assert {"README.md", "CITATION.cff", "book/intro.md", "book/intro.ipynb"} <= {
        name for name, urls in found.items() if urls
    }
    assert {url for urls in found.values() for url in urls} == {set_repository.address(ROOT)}


def test_buttons_show_exactly_when_the_address_is_set():
    known = set_repository.address(ROOT) != set_repository.PLACEHOLDER
    assert buttons(ROOT) == (known, known)


def test_one_command_sets_it_everywhere_and_back(clone):
    before = {path: path.read_text() for path in set_repository.holders(clone)}
    set_repository.set_address(clone, "https://github.com/me/book")
    assert {url for urls in copies(clone).values() for url in urls} == {"https://github.com/me/book"}
    assert buttons(clone) == (True, True)
    assert not any(set_repository.PLACEHOLDER in path.read_text() for path in before)
    set_repository.set_address(clone, set_repository.PLACEHOLDER)
    if set_repository.address(ROOT) == set_repository.PLACEHOLDER:
        assert {path: path.read_text() for path in before} == before


def sites(root):
    config = yaml.safe_load((root / "_config.yml").read_text())["sphinx"]["config"]
    return config["ogp_site_url"], config["notfound_urls_prefix"]


@pytest.mark.parametrize(
    "repository, site, prefix",
    [
        ("https://github.com/Me/book", "https://me.github.io/book/", "/book/"),
        ("https://github.com/Me/me.github.io", "https://me.github.io/", "/"),
        ("https://git.example.org/me/book", "", "/"),
        (set_repository.PLACEHOLDER, "", "/"),
    ],
)
def test_address_of_the_published_book_follows(clone, repository, site, prefix):
    set_repository.set_address(clone, "https://github.com/someone/else")
    set_repository.set_address(clone, repository)
    assert sites(clone) == (site, prefix)


@pytest.mark.parametrize("url", ["", "github.com/me/book", "https://github.com/me/book/", "https://a b"])
def test_an_address_that_cannot_be_one_is_refused(clone, url):
    with pytest.raises(ValueError, match="must look like"):
        set_repository.set_address(clone, url)
