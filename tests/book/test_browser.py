"""The built book in Chromium: everything that a reader can move, moves.  `make test-browser` runs it.

Pages load scripts from a public CDN.  Here each of its addresses is answered from the npm package that it names, so
that the test needs no other network, and the browser checks the integrity of what it gets.
"""

import functools
import http.server
import json
import re
import shutil
import subprocess
import tarfile
import threading
from pathlib import Path

import pytest
import yaml

sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
HTML = ROOT / "_build" / "html"
SCREENSHOTS = ROOT / "_build" / "screenshots"
PACKAGES = ROOT / ".cache" / "npm"
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
PAGES = [TOC["root"], *(chapter["file"] for chapter in TOC["chapters"])]
NOTEBOOKS = [page for page in PAGES if (ROOT / page).with_suffix(".ipynb").exists()]
WITH_SLIDERS = [page for page in NOTEBOOKS if "\nexplore(" in (ROOT / page).with_suffix(".md").read_text()]
CDN = re.compile(r"https://cdn\.jsdelivr\.net/npm/((?:@[^/]+/)?[^/@]+)@([\d.]+)/([^?]+)")


NOTE_FIRST_SLIDER = """
new MutationObserver((_, observer) => {
  if (!document.querySelector(".noUi-handle")) return;
  window.sliderAlive = performance.now();
  observer.disconnect();
}).observe(document, {childList: true, subtree: true});
"""


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def address():
    assert (HTML / "index.html").exists(), "there is no built book; run `make book` first"
    handler = functools.partial(QuietHandler, directory=HTML)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def browser():
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium, "Chromium is not installed"
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@functools.cache
def npm_package(name, version):
    """Folder of the npm package, fetched once."""
    folder = PACKAGES / f"{name.replace('/', '_')}-{version}"
    if not folder.exists():
        fetched = PACKAGES / "fetched"
        fetched.mkdir(parents=True, exist_ok=True)
        command = ["npm", "pack", "--json", f"{name}@{version}", "--pack-destination", str(fetched)]
        archive = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)[0]["filename"]
        with tarfile.open(fetched / archive.replace("@", "").replace("/", "-")) as tar:
            tar.extractall(folder, filter="data")
    return folder / "package"


def answer_from_npm(route):
    found = CDN.fullmatch(route.request.url)
    path = found and npm_package(found[1], found[2]) / found[3]
    if path and path.is_file():
        route.fulfill(path=path, headers={"access-control-allow-origin": "*"})
    else:
        route.abort()  # reaches the page as an error, and so fails its test


@pytest.fixture
def visit(browser, address):
    """Open a page of the book; on leaving, require that nothing went wrong in it."""
    contexts, wrong = [], []

    def open_page(page, width=1280, height=900, dark=False):
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        contexts.append(context)
        context.route(lambda url: not url.startswith(address), answer_from_npm)
        context.add_init_script(NOTE_FIRST_SLIDER)
        tab = context.new_page()
        tab.on("console", lambda message: message.type == "error" and wrong.append(message.text))
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
        tab.goto(f"{address}{page}.html")
        if page in WITH_SLIDERS:
            tab.wait_for_selector(".noUi-handle")
        tab.wait_for_load_state("networkidle")
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def picture_of(slider):
    """Addresses of the pictures that are visible below a slider."""
    return slider.evaluate(
        """slider => [...slider.closest('.widget-vbox').querySelectorAll('img')]
                     .filter(image => image.checkVisibility()).map(image => image.src)"""
    )


@pytest.mark.parametrize("page", WITH_SLIDERS)
def test_every_slider_moves_with_the_keyboard_and_changes_the_picture(visit, page):
    tab = visit(page)
    handles = tab.locator(".noUi-handle").all()
    assert handles
    for handle in handles:
        assert handle.get_attribute("role") == "slider" and handle.get_attribute("aria-label")
        before, value = picture_of(handle), handle.get_attribute("aria-valuetext")
        assert len(before) == 1
        handle.focus()
        seen = set()
        for key in ("Home", "ArrowRight", "End"):
            tab.keyboard.press(key)
            tab.wait_for_timeout(100)
            (shown,) = picture_of(handle)
            seen.add((shown, handle.get_attribute("aria-valuetext")))
        readout = handle.evaluate("e => e.closest('.widget-hslider').querySelector('.widget-readout').textContent")
        assert len({shown for shown, _ in seen}) >= 2 and len({text for _, text in seen}) >= 2, (value, seen)
        assert readout == handle.get_attribute("aria-valuetext")


@pytest.mark.parametrize("page", WITH_SLIDERS)
def test_first_slider_is_alive_two_seconds_after_load(visit, page):
    tab = visit(page)
    loaded, alive = tab.evaluate("[performance.timing.loadEventEnd - performance.timeOrigin, window.sliderAlive]")
    print(f"{page}: loaded after {loaded / 1000:.2f} s, first slider alive after {alive / 1000:.2f} s")
    assert alive - loaded < 2000


@pytest.mark.parametrize("page", PAGES)
def test_every_picture_has_alt_text(visit, page):
    tab = visit(page)
    silent = tab.eval_on_selector_all(
        "main img", "all => all.filter(e => !e.alt.trim()).map(e => e.outerHTML.slice(0, 200))"
    )
    assert silent == []


@pytest.mark.parametrize("page", WITH_SLIDERS)
def test_every_answer_hint_and_proof_opens_with_the_keyboard(visit, page):
    tab = visit(page)
    for summary in tab.locator("article details > summary").all():
        summary.focus()
        tab.keyboard.press("Enter")
        assert summary.evaluate("e => e.parentElement.open && e.parentElement.lastElementChild.checkVisibility()")


def test_quizzes_have_one_right_answer():
    """Of the answers that share a name, one begins with Yes, all others say why not."""
    for page in WITH_SLIDERS:
        text = (ROOT / page).with_suffix(".md").read_text(encoding="utf-8")
        answers = re.findall(r'<details name="([^"]+)"><summary>[^\n]*</summary>\n\n(\w+)', text)
        assert len(answers) == text.count("<details name=")
        for name in {name for name, _ in answers}:
            assert [first for quiz, first in answers if quiz == name].count("Yes") == 1, name


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_page_fits_and_its_screenshot_is_written(visit, page, look):
    tab = visit(page, width=390 if look == "phone" else 1280, dark=look == "dark")
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
    wide = tab.eval_on_selector_all(
        "main div.math mjx-math",
        """all => all.filter(e => {
             const end = box => box.getBoundingClientRect().right;
             return end(e) > end(e.closest("div.math")) + 1;
           }).map(e => e.closest("div.math").textContent.slice(0, 80))""",
    )
    assert wide == [], "formulas that do not fit"
    if look == "dark":
        assert tab.evaluate("document.documentElement.dataset.theme") == "dark"
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    tab.screenshot(path=SCREENSHOTS / f"{Path(page).name}-{look}.png", full_page=True)


@pytest.mark.parametrize("page", PAGES)
def test_page_is_within_its_budget(page):
    html = (HTML / page).with_suffix(".html").read_text(encoding="utf-8")
    frames = sum(len(data) for data in re.findall(r"data:image/png;base64,([\w+/=]+)", html))
    images = {(HTML / page).parent / source for source in re.findall(r'<img[^>]* src="([^":]+)"', html)}
    assert frames < 1.5e6
    assert len(html) + sum(image.resolve().stat().st_size for image in images) < 3e6
