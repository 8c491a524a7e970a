"""The built book in Chromium: whatever a page holds is found there and used, by keyboard.  `make test-browser` runs it.

Every other host is refused: the pages need none.
"""

import contextlib
import gzip
import http.server
import io
import itertools
import json
import re
import shutil
import sys
import threading
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import numpy as np
import pytest
import yaml
from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import npm_packages  # noqa: E402

sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

HTML = ROOT / "_build" / "html"
OFFLINE = ROOT / "_build" / "offline"
SCREENSHOTS = ROOT / "_build" / "screenshots"
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text())["sphinx"]["config"]
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
TOPS = [top for part in TOC["parts"] for top in part["chapters"]]
PAGES = [TOC["root"], *(page["file"] for top in TOPS for page in (top, *top.get("sections", [])))]
QUICK = PAGES[-1]  # for what is the same on all pages
PREFIX = CONFIG["notfound_urls_prefix"]  # where the book lies on its host

NOTE_FIRST_SLIDER = """
new MutationObserver((_, observer) => {
  if (!document.querySelector("figure.slider .play:not([hidden])")) return;
  window.sliderAlive = performance.now();
  observer.disconnect();
}).observe(document, {childList: true, subtree: true, attributes: true});
"""


def number_of_sliders(page):
    """How many sliders the notebook of a page holds."""
    notebook = (ROOT / page).with_suffix(".ipynb")
    if not notebook.exists():
        return 0
    widgets = json.loads(notebook.read_text(encoding="utf-8"))["metadata"].get("widgets", {})
    models = [model for mime in widgets.values() for model in mime["state"].values()]
    return sum(model["model_name"].endswith("SliderModel") for model in models)


class BookHandler(http.server.SimpleHTTPRequestHandler):
    """The book below its prefix, and its page 404 for what is not there, as GitHub Pages does it."""

    def translate_path(self, path):
        return str(HTML / unquote(urlsplit(path).path).removeprefix(PREFIX))

    def send_error(self, code, *_):
        page = (HTML / "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    assert (HTML / "index.html").exists(), "there is no built book; run `make book` first"
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), BookHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}{PREFIX}"
        server.shutdown()


@pytest.fixture(scope="module")
def launch():
    """A function that starts Chromium."""
    on_a_mac = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
    chromium = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which(on_a_mac)
    assert chromium, "Chromium is not installed"
    arguments = {"executable_path": chromium, "args": ["--no-sandbox", "--disable-background-networking"]}
    with sync_api.sync_playwright() as playwright:
        yield lambda **more: playwright.chromium.launch(**arguments, **more)


@pytest.fixture(scope="module")
def browser(launch):
    browser = launch()
    yield browser
    browser.close()


@contextlib.contextmanager
def opened(browser, folder, page, dark=False):
    """A tab with a page of the book whose sliders are alive; on leaving, require that nothing went wrong in it."""
    wrong = []
    scheme = "dark" if dark else "light"
    with browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme) as context:
        # Reaches the page as an error, and so fails its test.
        context.route(lambda url: not url.startswith((folder, "data:")), lambda route: route.abort())
        context.add_init_script(NOTE_FIRST_SLIDER)
        tab = context.new_page()
        tab.on("console", lambda message: message.type == "error" and wrong.append(message.text))
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        # Aborted is what was on its way when a test left the page.
        tab.on("requestfailed", lambda r: r.failure == "net::ERR_ABORTED" or wrong.append(f"failed: {r.url}"))
        tab.goto(f"{folder}{page}.html")
        tab.wait_for_function(
            "n => document.querySelectorAll('figure.slider input').length === n", arg=number_of_sliders(page)
        )
        tab.evaluate("document.fonts.ready.then(() => 0)")
        yield tab
        assert wrong == []


@pytest.fixture(scope="module", params=PAGES)
def page(request):
    return request.param


@pytest.fixture(scope="module")
def tab(browser, address, page):
    """One load of each page, which the tests of all its parts share."""
    with opened(browser, address, page) as tab:
        yield tab


def test_first_slider_is_alive_at_once(tab, page):
    if number_of_sliders(page):
        parsed, alive = tab.evaluate(
            "[performance.timing.domContentLoadedEventStart - performance.timeOrigin, window.sliderAlive]"
        )
        print(f"{page}: parsed after {parsed / 1000:.2f} s, first slider alive after {alive / 1000:.2f} s")
        assert alive - parsed < 300


def test_the_page_holds_still_while_it_loads(tab, page):
    """The pictures have their sizes, so that nothing jumps: the sum of all layout shifts that no one caused."""
    shifts = tab.evaluate(
        """() => new Promise(resolve => new PerformanceObserver(list => resolve(
             list.getEntries().filter(e => !e.hadRecentInput).reduce((sum, e) => sum + e.value, 0)
           )).observe({type: "layout-shift", buffered: true}) || setTimeout(() => resolve(0), 300))"""
    )
    assert shifts <= 0.05


def move_every_slider(tab, keys):
    """Press keys on each slider; after each, the name, the value and what is said of the picture have to agree."""
    for slider in tab.locator("figure.slider input").all():
        name = slider.evaluate("e => e.labels[0].textContent")
        slider.focus()
        values, pictures, alts = set(), set(), set()
        for key in keys:
            tab.keyboard.press(key)
            tab.wait_for_timeout(100)
            value, readout, picture, alt, drawn = slider.evaluate(
                """async e => {
                  const image = e.closest("figure").querySelector("img");
                  await image.decode();
                  return [e.ariaValueText, e.previousElementSibling.value, image.src, image.alt, image.naturalWidth];
                }"""
            )
            assert value == readout and f"{name} = {value}" in alt.partition(". ")[0] and drawn > 0
            values.add(value)
            pictures.add(picture)
            alts.add(alt)
        assert len(values) > 1 and len(pictures) > 1 and len(alts) == len(values), (name, values)
        tab.wait_for_timeout(500)
        assert slider.evaluate("e => e.closest('figure').querySelector('.told').textContent") == alt


def test_every_slider_moves_with_the_keyboard_and_changes_the_picture_and_its_text(tab):
    move_every_slider(tab, ["Home", "ArrowRight", "End"])


def test_every_answer_hint_and_proof_opens_with_the_keyboard(tab):
    for summary in tab.locator("article details > summary").all():
        summary.focus()
        tab.keyboard.press("Enter")
        assert summary.evaluate("e => e.parentElement.open && e.parentElement.lastElementChild.checkVisibility()")


def test_every_question_has_one_right_answer(page):
    """Of the answers that share a name, one begins with Yes; the others say why not."""
    html = (HTML / page).with_suffix(".html").read_text(encoding="utf-8")
    found = re.findall(r'<details name="(.*?)"><summary>.*?</summary>\s*<p>(\w+)', html, flags=re.DOTALL)
    assert len(found) == html.count("<details name=")
    for question in {name for name, _ in found}:
        assert [first for name, first in found if name == question].count("Yes") == 1, question


def test_predictions_are_remembered_counted_and_forgotten(browser, address):
    with opened(browser, address, PAGES[2]) as tab:
        answer = tab.locator('article details:has(> summary:text-is("β = 1/3."))')
        other = tab.locator('article details:has(> summary:text-is("β = 3: three penalties add up."))')
        other.locator("summary").click()
        before = answer.bounding_box()["y"]
        answer.locator("summary").click()
        assert answer.bounding_box()["y"] == before  # nothing moved under the pointer
        sync_api.expect(other.locator("summary")).to_contain_text("not so")  # said a moment after it opens
        sync_api.expect(answer).to_have_attribute("open", "")
        assert other.evaluate("e => e.open")
        assert "your answer" not in answer.locator("summary").text_content()  # the first one counts
        tab.reload()
        sync_api.expect(other.locator("summary")).to_contain_text("not so")
        told = tab.locator(".predicted")
        sync_api.expect(told).to_have_text(re.compile(r"^You predicted 0 of \d+ right, \d+ still open\."))
        told.get_by_role("button").click()
        answer.locator("summary").click()
        sync_api.expect(answer.locator("summary")).to_contain_text("right")
        sync_api.expect(told).to_contain_text("predicted 1 of")
        tab.evaluate("localStorage.clear()")


def test_every_picture_has_alt_text(tab):
    silent = tab.eval_on_selector_all(
        "main img", "all => all.filter(e => !e.alt.trim()).map(e => e.outerHTML.slice(0, 200))"
    )
    assert silent == []


def test_every_picture_has_its_size_before_it_comes(tab):
    wrong = tab.eval_on_selector_all(
        "main img",
        """async all => { await Promise.all(all.map(e => e.decode())); return all.filter(e =>
           Math.abs(e.getAttribute("width") / e.getAttribute("height") - e.naturalWidth / e.naturalHeight) > 0.01
           || Math.abs(e.clientWidth / e.clientHeight - e.naturalWidth / e.naturalHeight) > 0.02
           || !e.getAttribute("width")).map(e => e.outerHTML.slice(0, 200)) }""",
    )
    assert wrong == []


def unfold(tab):
    """Open all answers at once: what is folded is not looked at."""
    tab.eval_on_selector_all("details", "all => all.forEach(e => { e.removeAttribute('name'); e.open = true; })")


def findings(tab, but=()):
    """What axe-core calls serious or critical, but not within what `but` selects."""
    tab.evaluate((npm_packages.folder("axe-core@4.14.1") / "axe.min.js").read_text(encoding="utf-8"))
    return [
        (rule["id"], node["target"], node["failureSummary"])
        for rule in tab.evaluate(
            "exclude => axe.run({exclude}, {resultTypes: ['violations']})", [[selector] for selector in but]
        )["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


# The theme lets the keyboard into what has to be scrolled, .3 s after a page has changed its size.
REACHED = """
[...document.querySelectorAll("main :is(pre, .cell_output > .output, .pst-scrollable-table-container)")].every(
    e => e.tabIndex === 0 || (e.scrollWidth <= e.clientWidth && e.scrollHeight <= e.clientHeight))"""


def look(tab, theme, width):
    """Give the page a theme, as the reader's system would, and a width."""
    tab.set_viewport_size({"width": width, "height": 900})
    tab.emulate_media(color_scheme=theme)
    tab.evaluate("scrollTo(0, 0)")
    tab.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)
    tab.wait_for_function("document.getAnimations().every(animation => animation.playState !== 'running')")
    tab.evaluate("() => { dispatchEvent(new Event('resize')) }")  # back from paper, a page is told nothing
    tab.wait_for_timeout(400)
    tab.wait_for_function(REACHED)


LOOKS = [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)]


@pytest.mark.parametrize("theme, width", LOOKS)
def test_page_fits_and_its_screenshot_is_written(tab, page, theme, width):
    unfold(tab)
    look(tab, theme, width)
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
    wide = tab.eval_on_selector_all(
        "main div.math",
        "all => all.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent.slice(0, 80))",
    )
    assert wide == [] or width < 600, "formulas that do not fit"  # on a phone they can be moved within their box
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    height = min(6000, tab.evaluate("document.documentElement.scrollHeight"))
    tab.screenshot(
        path=SCREENSHOTS / f"{Path(page).name}-{theme}-{width}.png",
        full_page=True,
        clip={"x": 0, "y": 0, "width": width, "height": height},
    )


def test_drawings_are_turned_over_in_the_dark_and_photographs_are_not(tab, page):
    look(tab, "dark", 1280)
    turned = tab.eval_on_selector_all(
        "img.explore", "all => all.map(e => [e.matches('.photographs'), getComputedStyle(e).filter.includes('invert')])"
    )
    assert all(photographs != inverted for photographs, inverted in turned)
    assert any(photographs for photographs, _ in turned) == (page == "book/06_cifar10")


def test_headings_and_landmarks_are_in_order(tab):
    levels = tab.eval_on_selector_all("main article :is(h1, h2, h3, h4, h5, h6)", "all => all.map(e => +e.tagName[1])")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), levels


def test_print_shows_all_of_it_and_no_menu(tab):
    tab.eval_on_selector_all("details", "all => all.forEach(e => { e.open = false; })")
    tab.set_viewport_size({"width": 700, "height": 1000})  # A4 without its margins
    tab.emulate_media(media="print")
    for menu in (".bd-sidebar-primary", ".bd-sidebar-secondary", ".bd-header-article", ".axis input", ".play"):
        assert not any(part.is_visible() for part in tab.locator(menu).all()), menu
    assert tab.eval_on_selector_all(
        "article details > :not(summary)", "all => all.every(e => e.getBoundingClientRect().height > 0)"
    )
    cut = tab.eval_on_selector_all(
        "main pre", "all => all.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent.slice(0, 80))"
    )
    assert cut == []
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    pictures = tab.eval_on_selector_all("img.explore", "all => all.filter(e => e.checkVisibility()).length")
    assert pictures >= tab.locator("figure.slider").count()
    tab.emulate_media(media="screen")


def test_axe_finds_nothing_serious(tab):
    """In both themes and widths, all answers open; formulas, the same in every look, are checked once."""
    unfold(tab)
    for i, (theme, width) in enumerate(LOOKS):
        look(tab, theme, width)
        assert findings(tab, but=["math", ".math"] if i else []) == [], (theme, width)


def test_page_is_within_its_budget(page):
    html = (HTML / page).with_suffix(".html").read_text(encoding="utf-8")
    told = re.findall(r'<script type="application/json">(.*?)</script>', html)
    frames = {HTML / "_images" / file for files, _ in map(json.loads, told) for file in files}
    images = {(HTML / page).parent / source for source in re.findall(r'<img[^>]* src="([^":]+)"', html)}
    assert sum(frame.stat().st_size for frame in frames) < 1.5e6
    assert len(gzip.compress(html.encode())) < 900e3
    assert len(html) + sum(image.resolve().stat().st_size for image in images) < 3e6


def test_no_page_asks_another_host_for_anything(address):
    for file in HTML.rglob("*.html"):
        for tag in re.findall(r"<(?:script|link|img|iframe)\b[^>]*>", file.read_text(encoding="utf-8")):
            told = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
            loads = "src" in told or {"stylesheet", "preload", "modulepreload"} & set(told.get("rel", "").split())
            assert not (loads and urlsplit(told.get("src") or told["href"]).netloc), (file.name, tag)


@pytest.mark.parametrize("folder", [HTML, OFFLINE], ids=["online", "offline"])
def test_the_whole_book_is_within_its_budget(folder):
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < 40e6


def position(tab):
    return tab.eval_on_selector_all("figure.slider:first-of-type input", "all => all.map(e => e.ariaValueText)")


def test_an_address_names_a_position(browser, address):
    """From the address bar, from a sentence's link, and back into the address."""
    with opened(browser, address, f"{PAGES[2]}") as tab:
        assert number_of_sliders(PAGES[2]) == 2
        tab.locator('main a[href="#K=inf&rounds=2"]').first.click()
        assert position(tab) == ["∞", "2"]
        tab.wait_for_function("location.hash === '#slider1&K=inf&rounds=2'")
        tab.evaluate("location.hash = '#K=4&rounds=2'")  # pasted while the page is open
        tab.wait_for_function("document.querySelector('figure.slider input').getAttribute('aria-valuetext') === '4'")
        assert position(tab) == ["4", "2"]
        tab.goto("about:blank")
        tab.goto(f"{address}{PAGES[2]}.html#K=4&rounds=1")
        assert position(tab) == ["4", "1"]


def test_every_link_to_a_position_leads_there(tab, page):
    """The figure shows what the link names, as far as it names it; the playground's links are its own."""
    if not number_of_sliders(page):
        return
    for link in tab.locator('main a[href^="#"][href*="="]').all():
        told = dict(parse_qsl(link.get_attribute("href")[1:]))
        link.click()
        shown = link.evaluate(
            """e => [...document.querySelectorAll("figure.slider")]
                    .filter(f => f.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING)
                    .map(f => [...f.querySelectorAll("input")].map(i => [i.name, i.ariaValueText]))"""
        )
        named = {name.replace("lam", "λ").replace("_", " "): value.replace("inf", "∞") for name, value in told.items()}
        assert [one for one in map(dict, shown) if named.items() <= one.items()], (named, shown)


def test_play_goes_through_the_rounds_and_can_be_stopped(browser, address):
    with opened(browser, address, PAGES[2]) as tab:
        play = tab.locator("figure.slider .play").first
        play.scroll_into_view_if_needed()
        tab.locator("figure.slider input").nth(1).evaluate("e => { e.value = 0; }")
        play.click()
        assert play.text_content() == "Stop rounds"
        tab.wait_for_timeout(1600)
        play.click()
        assert play.text_content() == "Play rounds"
        reached = position(tab)[1]
        assert reached not in ("0", "1")
        tab.wait_for_timeout(900)
        assert position(tab)[1] == reached
        tab.emulate_media(reduced_motion="reduce")
        play.wait_for(state="hidden")


SEEN = {  # what a reader uses, and the least share of its picture that is drawn
    "book/01_choice_model": {"figure.slider input": 0.01, "figure.slider .play": 0.02, "article summary": 0.02},
    "book/08_going_further": {".live .bar": 0.15, ".live button": 0.02},
    "book/playground": {".live input[type=range]": 0.01, ".live svg": 0.005, ".live select": 0.01},
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", SEEN)
def test_what_is_used_is_seen_in_colours_that_the_system_forces(browser, address, page, scheme):
    """High contrast: most of a part is the ground, and something else stands out from it."""
    with browser.new_context(forced_colors="active", color_scheme=scheme) as context:
        tab = context.new_page()
        tab.goto(f"{address}{page}.html")
        tab.wait_for_timeout(500)
        for selector, share in SEEN[page].items():
            shown = tab.locator(selector).locator("visible=true").first.screenshot()
            grey = np.asarray(Image.open(io.BytesIO(shown)).convert("L"), float)
            ground = 0 if scheme == "dark" else 255
            assert np.mean(abs(grey - ground) > 100) > share, selector


def test_without_javascript_the_first_picture_stands_there(browser, address):
    with browser.new_context(java_script_enabled=False) as context:
        tab = context.new_page()
        tab.goto(f"{address}{PAGES[1]}.html")
        assert tab.locator("figure.slider img").first.is_visible()
        assert "JavaScript" in tab.locator("figure.slider").first.inner_text()


STOPS = """[...document.querySelectorAll("a[href], button, input, summary, [tabindex='0']")]
           .filter(e => e.tabIndex >= 0 && e.checkVisibility())"""


def test_a_chapter_has_few_tab_stops_and_each_address_is_one(browser, address, page):
    """The signs beside the headings, which the contents have again, are none, nor is a work cited before."""
    with opened(browser, address, page) as tab:
        stops = tab.evaluate(f"{STOPS}.length")
        print(f"{page}: {stops} tab stops")
        if re.match(r"book/\d", page):
            assert stops <= (100 if page == PAGES[1] else 120)
        missed = tab.evaluate(
            f"""() => {{
              const reached = new Set({STOPS}.map(e => e.href));
              return [...document.querySelectorAll("article a[href]:not(.headerlink)")]
                     .filter(e => e.checkVisibility()).map(e => e.href)
                     .filter(href => !reached.has(href));
            }}"""
        )
        assert missed == []


def test_the_arrow_keys_lead_to_every_copy_button(browser, address):
    with opened(browser, address, PAGES[1]) as tab:
        shown = tab.evaluate("[...document.querySelectorAll('.copybtn')].filter(e => e.checkVisibility()).length")
        assert shown > 5 and tab.locator(".copybtn[tabindex='0']").count() == 1
        tab.keyboard.press("Tab")
        tab.locator(".copybtn[tabindex='0']").focus()
        seen = set()
        for _ in range(shown):
            seen.add(tab.evaluate("document.activeElement.dataset.clipboardTarget"))
            tab.wait_for_function("getComputedStyle(document.activeElement).opacity === '1'")
            tab.keyboard.press("ArrowDown")
        assert len(seen) == shown
        tab.keyboard.press("ArrowUp")
        assert tab.evaluate("document.activeElement.tabIndex") == 0
        assert tab.locator(".copybtn[tabindex='0']").count() == 1


def test_no_formula_has_a_scrollbar_or_stops_the_tab_key(launch, address):
    """With scrollbars that take room, as on Windows; Playwright hides them by default."""
    browser = launch(ignore_default_args=["--hide-scrollbars"])
    with opened(browser, address, PAGES[1]) as tab:
        assert (
            tab.evaluate(
                """[...document.querySelectorAll("main span.math")].filter(
                 e => e.offsetHeight > e.clientHeight + 1 && getComputedStyle(e).overflowX !== "visible").length"""
            )
            == 0
        )
        assert tab.locator("main .math [tabindex='0']").count() == 0
    browser.close()


NUMBER = r"(?:Theorem|Proposition|Lemma|Corollary|Definition) \d+|\(\d+\)"


def test_every_link_to_a_statement_an_equation_or_a_work_has_its_card(tab):
    """In the page itself, as no page can read another from a disk; the link's text says which card it has to be."""
    told = tab.evaluate(
        """() => [...document.querySelectorAll("article a.reference.internal[href*='#']")].map(e => {
             const cards = document.getElementById("cards")?.content;
             const card = cards?.querySelector(`[data-for="${e.getAttribute("href")}"]`);
             const live = card?.querySelectorAll("a, [id]").length;
             return [e.textContent, e.getAttribute("href"), card?.textContent, live];
           })"""
    )
    for text, target, card, live in told:
        if "bibliography.html#" in target:
            assert re.search(r"\d{4}", text)[0] in card and live == 0, (text, target)
        elif re.fullmatch(NUMBER, text):
            assert card and live == 0, (text, target)
            assert text.startswith("(") or card.split("(")[0].strip() == text, (text, card)


def linked(tab, target):
    return tab.locator(f"article a.reference.internal[href*='{target}']").first


PLACES = "[scrollY, ...[...document.querySelectorAll('article > section *')].map(e => e.getBoundingClientRect().top)]"


@pytest.mark.parametrize("folder", ["online", "offline"])
def test_a_card_opens_for_the_mouse_stays_under_it_and_moves_nothing(browser, address, folder):
    with opened(browser, address if folder == "online" else OFFLINE.as_uri() + "/", "book/04_mixed_stability") as tab:
        link, card = linked(tab, "proofs_mixed.html#thm-2-4"), tab.get_by_role("tooltip")
        link.scroll_into_view_if_needed()
        before = tab.evaluate(PLACES)
        link.hover()
        tab.wait_for_timeout(150)
        assert card.count() == 0  # not for a pointer that only passes
        card.wait_for()
        assert tab.evaluate(PLACES) == before
        assert "Theorem 2.4 of the paper" in card.text_content()
        assert card.locator("math").first.bounding_box()["height"] > 5
        assert link.evaluate("e => document.getElementById(e.getAttribute('aria-describedby')).role") == "tooltip"
        box, line = card.bounding_box(), link.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 1280
        assert box["y"] >= line["y"] + line["height"] - 1 or box["y"] + box["height"] <= line["y"] + 1
        card.hover()
        tab.wait_for_timeout(600)
        assert card.is_visible()
        tab.keyboard.press("Escape")
        assert card.count() == 0 and link.get_attribute("aria-describedby") is None
        tab.mouse.move(5, 5)
        link.hover()
        card.wait_for()
        tab.mouse.move(5, 5)
        card.wait_for(state="detached")


def test_a_card_opens_for_the_keyboard_and_is_no_stop_of_its_own(browser, address):
    with opened(browser, address, "book/02_rlhf_link") as tab:
        card, link = tab.get_by_role("tooltip"), linked(tab, "#equation-eq-rlhf")
        for theme in ("light", "dark"):
            look(tab, theme, 1280)
            tab.keyboard.press("Tab")
            link.evaluate("e => { e.blur(); e.focus(); }")
            assert card.locator("math").is_visible() and findings(tab) == []
        tab.keyboard.press("Escape")
        assert card.count() == 0
        assert tab.evaluate("document.activeElement.hash") == "#equation-eq-rlhf"  # the place is kept
        tab.keyboard.press("Tab")
        tab.keyboard.press("Shift+Tab")
        assert card.locator("math").is_visible()
        tab.keyboard.press("Tab")
        assert tab.evaluate("document.activeElement.closest('[role=tooltip]')") is None


def test_a_touch_opens_no_card(browser, address):
    with browser.new_context(has_touch=True, viewport={"width": 390, "height": 800}) as context:
        tab = context.new_page()
        tab.goto(f"{address}book/01_choice_model.html")
        tab.evaluate("document.addEventListener('click', event => event.preventDefault())")
        linked(tab, "bibliography.html#").tap()
        tab.wait_for_timeout(600)
        assert tab.get_by_role("tooltip").count() == 0


def test_every_symbol_with_one_meaning_has_its_card(tab, page):
    """A letter with an index, a power or an accent is another symbol."""
    marked = tab.evaluate(
        """() => [...document.querySelectorAll("article [data-symbol]")].map(e => [
             e.textContent, e.dataset.symbol, e.parentElement.matches("msub, msup, msubsup, mover")
               && e === e.parentElement.firstElementChild && e.tagName === "mi",
             document.getElementById("cards").content.querySelector(`[data-for="${e.dataset.symbol}"]`)?.textContent])"""
    )
    for symbol, name, is_part, card in marked:
        assert symbol in name.split(", ") and card.startswith(f"{name}: ") and not is_part, (symbol, name, card)
    assert marked or "book/0" not in page


def test_a_symbol_shows_its_meaning_to_the_mouse_and_moves_nothing(browser, address):
    with opened(browser, address, "book/01_choice_model") as tab:
        symbol, card = tab.locator("article p [data-symbol='K']").first, tab.get_by_role("tooltip")
        before = tab.evaluate(PLACES)
        symbol.hover()
        card.wait_for()
        assert card.text_content().startswith("K: number of candidates") and card.locator(".symbol").count() == 1
        assert tab.evaluate(PLACES) == before
        tab.mouse.move(5, 5)
        card.wait_for(state="detached")


def test_the_link_to_the_notation_shows_all_symbols_of_the_page_to_the_keyboard(browser, address):
    with opened(browser, address, "book/04_mixed_stability") as tab:
        used = tab.evaluate(
            "[...new Set([...document.querySelectorAll('article [data-symbol]')].map(e => e.dataset.symbol))]"
        )
        for theme in ("light", "dark"):
            look(tab, theme, 1280)
            tab.keyboard.press("Tab")
            link = tab.locator("nav a[href='notation.html']").first
            link.evaluate("e => { e.blur(); e.focus(); }")
            told = tab.get_by_role("tooltip").locator(".symbol").evaluate_all("all => all.map(e => e.dataset.for)")
            assert sorted(told) == sorted(used) and len(told) > 15
            assert link.evaluate("e => document.getElementById(e.getAttribute('aria-describedby')).role") == "tooltip"
            box = tab.get_by_role("tooltip").bounding_box()
            assert box["y"] >= 0 and box["y"] + box["height"] <= 901 and findings(tab) == []
        tab.keyboard.press("Escape")
        assert tab.get_by_role("tooltip").count() == 0


def test_a_touch_on_a_formula_shows_its_symbols_until_another_touch(browser, address):
    with browser.new_context(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 800}) as context:
        tab = context.new_page()
        tab.goto(f"{address}book/03_synthetic_collapse.html")
        formula, card = tab.locator("article p math:has([data-symbol])").first, tab.get_by_role("tooltip")
        symbols = formula.locator("[data-symbol]").evaluate_all("all => [...new Set(all.map(e => e.dataset.symbol))]")
        formula.scroll_into_view_if_needed()
        before = tab.evaluate(PLACES)
        formula.tap()
        tab.wait_for_timeout(600)
        assert card.locator(".symbol").evaluate_all("all => all.map(e => e.dataset.for)") == symbols
        box = card.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390 and tab.evaluate(PLACES) == before
        card.tap()
        tab.wait_for_timeout(600)
        assert card.is_visible()
        tab.locator("article h1").first.tap()
        card.wait_for(state="detached")


USED_NOWHERE = {"hard-best-of-n-ours", "the-mixed-loop-stays-above-its-reference-ours"}  # stand for themselves


def test_every_proof_links_to_what_uses_it(tab, page):
    """And there, in the place that the link leads to, stands a link to the proof or to its statement."""
    proofs = tab.evaluate(
        """async () => Promise.all([...document.querySelectorAll("article section")].filter(section =>
             section.querySelector(":scope > .proof:not(.theorem, .proposition, .lemma, .corollary, .definition)")
           ).map(async section => {
             const own = [...section.querySelectorAll(":scope > :is(span, .proof)[id]")].map(e => e.id);
             const first = section.querySelector("p:not(.used) a.reference.internal[href*='#']");
             const names = [section.id, ...own, first?.hash.slice(1)];
             const places = [...section.querySelectorAll(":scope > .used a")].map(async link => {
               const page = new DOMParser().parseFromString(await (await fetch(link.href)).text(), "text/html");
               const there = page.getElementById(decodeURIComponent(link.hash.slice(1)));
               return [...there.querySelectorAll("a[href*='#']")].some(e => names.includes(e.hash.slice(1)));
             });
             return [section.id, await Promise.all(places)];
           }))"""
    )
    assert (len(proofs) > 2) == ("book/proofs_" in page)
    for section, places in proofs:
        assert all(places) and bool(places) != (section in USED_NOWHERE), (section, places)


def test_links_to_the_page_show_a_card(page):
    html = (HTML / page).with_suffix(".html").read_text(encoding="utf-8")
    tags = dict(re.findall(r'<meta (?:property|name)="((?:og|twitter):[^"]+)" content="([^"]+)"', html))
    site = CONFIG["ogp_site_url"]
    assert tags["og:url"] == f"{site}{page}.html"
    assert tags["og:image"] == f"{site}_static/card.png" and tags["og:image:alt"]
    assert tags["og:title"] and tags["og:description"] and tags["twitter:card"] == "summary_large_image"


def test_card_has_the_shape_that_sites_ask_for():
    assert Image.open(HTML / "_static" / "card.png").size == (1200, 630)


def active(tab):
    return tab.evaluate("document.activeElement.outerHTML.slice(0, 200)")


def press_until(tab, selector, key="Tab", at_most=40):
    """Move on with a key until the focus is on an element, as someone without a mouse does."""
    for _ in range(at_most):
        tab.keyboard.press(key)
        if tab.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} is not reached with {at_most} times {key}; the focus is on {active(tab)}")


def test_first_key_skips_to_the_text(browser, address):
    with opened(browser, address, QUICK) as tab:
        press_until(tab, ".skip-link a", at_most=1)
        tab.keyboard.press("Enter")
        press_until(tab, "main *", at_most=1)


def test_theme_switches_with_the_keyboard_and_says_so(browser, address):
    with opened(browser, address, QUICK, dark=True) as tab:
        seen = set()
        press_until(tab, ".theme-switch-button")
        assert tab.evaluate("document.activeElement.ariaLabel") == "Color mode: System Settings"
        for _ in range(3):
            tab.keyboard.press("Enter")
            tab.wait_for_timeout(100)
            seen.add(tab.evaluate("[document.activeElement.ariaLabel, document.documentElement.dataset.theme].join()"))
        assert seen == {"Color mode: Light,light", "Color mode: Dark,dark", "Color mode: System Settings,dark"}


def test_menu_of_a_phone_opens_and_closes_with_the_keyboard(browser, address):
    with opened(browser, address, QUICK) as tab:
        tab.set_viewport_size({"width": 390, "height": 900})
        press_until(tab, ".primary-toggle")
        tab.keyboard.press("Enter")
        link = f'.bd-sidebar-primary a[href$="{Path(PAGES[1]).name}.html"]'
        press_until(tab, link)
        assert tab.locator(link).is_visible()
        assert findings(tab) == []
        tab.keyboard.press("Escape")
        tab.wait_for_function("document.activeElement.matches('.primary-toggle')")
        tab.locator(link).wait_for(state="hidden")


NAMED = [("Theorem 2.3", "Theorem 2.3"), ("lemma 2.2", "Lemma 2.2"), ("Kingman", "Kingman"), ("Luce", "Luce")]


def look_for(tab, asked):
    """Search with the keyboard alone; titles and addresses of the first three results."""
    tab.keyboard.press("Control+k")
    tab.wait_for_selector("dialog[open] input[name=q]")
    tab.keyboard.type(asked)
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".search-summary:not(:empty)")
    tab.wait_for_timeout(300)
    return tab.eval_on_selector_all("ul.search > li > a", "all => all.slice(0, 3).map(e => [e.textContent, e.href])")


@pytest.mark.parametrize("asked, name", NAMED)
def test_search_finds_a_statement_by_its_name(browser, address, asked, name):
    with opened(browser, address, QUICK) as tab:
        (title, link), *_ = look_for(tab, asked)
        assert name in title
        page, _, fragment = link.partition("#")
        text = tab.evaluate(
            """async ([page, id]) => new DOMParser().parseFromString(await (await fetch(page)).text(), "text/html")
                                     .getElementById(id).textContent""",
            [page, fragment],
        )
        assert name in text


@pytest.mark.parametrize("asked", ["Theorem 18", "thm 18", "Thm. 18", "Chapter 3", "ch 3", "exercise 5"])
def test_search_finds_what_has_a_number(browser, address, asked):
    """First of all, by its number or a usual short form; and where the link leads, it is."""
    number = asked.split()[-1]
    with opened(browser, address, QUICK) as tab:
        (title, link), *_ = look_for(tab, asked)
        assert re.match(rf"\w+ {number}: \S", title), title
        tab.goto(link)
        _, _, anchor = link.partition("#")
        shown = tab.locator(f"[id='{anchor}'] .caption-number" if anchor else "h1 .section-number").first
        assert shown.text_content().strip().strip(".").split()[-1] == number


def test_search_finds_the_papers_theorem_by_a_short_form(browser, address):
    with opened(browser, address, QUICK) as tab:
        assert "Theorem 2.3" in look_for(tab, "thm 2.3")[0][0]


def test_dialogue_of_the_search_has_no_serious_fault(browser, address):
    with opened(browser, address, QUICK) as tab:
        tab.keyboard.press("Control+k")
        tab.wait_for_selector("dialog[open] input[name=q]")
        assert findings(tab) == []


def test_an_address_that_leads_nowhere_shows_the_way_home(browser, address):
    with opened(browser, address, "404") as tab:
        pass  # every style and script is found
    context = browser.new_context()
    tab = context.new_page()
    assert tab.goto(f"{address}no/such/page.html").status == 404
    assert tab.get_by_role("heading", name="Page not found").is_visible()
    assert findings(tab) == []
    tab.click(".navbar-brand.logo")
    assert tab.url == f"{address}{TOC['root']}.html"
    context.close()


def test_offline_everything_is_still_there(browser, page):
    """From file://, with every host refused: formulas in their own type, sliders alive, icons drawn."""
    with opened(browser, OFFLINE.as_uri() + "/", page) as tab:
        move_every_slider(tab, ["Home", "End"])
        formulas = tab.locator("main .math").count()
        assert tab.locator("main .math math").count() >= formulas
        assert tab.locator("main merror").count() == 0
        if formulas:
            assert tab.evaluate(
                "[...document.fonts].some(f => f.family.includes('Book Math') && f.status === 'loaded')"
            )
        assert tab.evaluate("document.fonts.check('900 1em \"Font Awesome 6 Free\"')")


def test_offline_search_finds_a_statement_by_its_name(browser):
    with opened(browser, OFFLINE.as_uri() + "/", QUICK) as tab:
        assert "Kingman" in look_for(tab, "Kingman")[0][0]
