"""What helps a reader in the built book, in Chromium: words in the search, focus, icon.  `make test-browser` runs."""

import re
from collections import Counter

import pytest
from test_browser import HTML, PAGES, QUICK, address, browser, launch, look_for, opened  # noqa: F401

pytestmark = pytest.mark.browser


def test_results_of_the_search_show_words(browser, address):  # noqa: F811
    with opened(browser, address, QUICK) as tab:
        look_for(tab, "curation")
        tab.wait_for_selector("ul.search p.context")
        lines = tab.locator("ul.search p.context").all_text_contents()
        titles = tab.locator("ul.search > li > a").all_text_contents()
    assert lines
    assert [line for line in [*lines, *titles] if re.search(r"\\[a-z]+|\$|import |\bdef ", line)] == []


def test_no_two_parts_of_a_page_share_an_id():
    for page in PAGES:
        counts = Counter(re.findall(r'<[^>]* id="([^"]+)"', (HTML / f"{page}.html").read_text(encoding="utf-8")))
        assert {name: count for name, count in counts.items() if count > 1 and name.startswith(("proof", "ex"))} == {}


def test_focus_is_seen_on_the_buttons_of_the_header(browser, address):  # noqa: F811
    with opened(browser, address, QUICK) as tab:
        for button in (".primary-toggle", ".dropdown-download-buttons > .btn"):
            tab.keyboard.press("Tab")  # the focus moves by keyboard
            tab.locator(button).first.focus()
            outline = tab.eval_on_selector(button, "e => getComputedStyle(e).outlineStyle")
            assert outline == "solid"


def test_a_page_has_an_icon_and_names_its_authors(browser, address):  # noqa: F811
    with opened(browser, address, QUICK) as tab:
        assert tab.locator("link[rel=icon]").get_attribute("href").startswith("data:image/svg+xml,")
        assert "the authors of Retrained on the Favourites" in tab.locator(".copyright").inner_text()
