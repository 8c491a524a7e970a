"""Print how each page of the built book loads, on a desk and on a slow phone: `python benchmarks/pages.py [BASE]`.

BASE holds an older built book: instead of each page's times come their parts of its times over all pages, which tells
on a busy machine too.  With --write, benchmarks/README.md has the table.  The phone: 390 pixels wide, 1.6 Mb/s, 150 ms,
a processor four times slower.  Bytes are of all that a first visit fetches, text compressed.
"""

import contextlib
import functools
import gzip
import http.server
import io
import shutil
import statistics
import sys
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
README = ROOT / "benchmarks" / "README.md"
TIMES = " wide: paint, slider (s) | phone: paint, slider (s) |"
NAMES = ("wide, paint", "wide, slider", "phone, paint", "phone, slider")
TEXT = (".html", ".css", ".js", ".svg", ".json")
OBSERVE = """
window.shift = 0; window.painted = 0;
new PerformanceObserver(list => list.getEntries().forEach(e => { if (!e.hadRecentInput) window.shift += e.value; }))
  .observe({type: "layout-shift", buffered: true});
new PerformanceObserver(list => list.getEntries().forEach(e => {
  if (e.name === "first-contentful-paint") window.painted = e.startTime; })).observe({type: "paint", buffered: true});
new MutationObserver((_, observer) => {
  if (!document.querySelector("figure.slider .play:not([hidden]), .noUi-handle")) return;
  window.alive = performance.now();
  observer.disconnect();
}).observe(document, {childList: true, subtree: true, attributes: true});
"""
STOPS = """[...document.querySelectorAll("a[href], button, input, summary, [tabindex='0']")]
           .filter(e => e.tabIndex >= 0 && e.checkVisibility()).length"""


class Compressing(http.server.SimpleHTTPRequestHandler):
    """Serves a folder with its text compressed, as hosts do."""

    def send_head(self):
        path = Path(self.translate_path(self.path))
        if path.suffix not in TEXT or not path.is_file():
            return super().send_head()
        body = gzip.compress(path.read_bytes())
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return io.BytesIO(body)

    def log_message(self, *_):
        pass


def visit(browser, address, slow):
    """First paint, first slider alive (s), layout shift, kB fetched, tab stops and elements of a first visit."""
    context = browser.new_context(viewport={"width": 390 if slow else 1280, "height": 844})
    context.add_init_script(OBSERVE)
    tab = context.new_page()
    session = context.new_cdp_session(tab)
    session.send("Network.enable")
    fetched = []
    session.on("Network.loadingFinished", lambda event: fetched.append(event["encodedDataLength"]))
    if slow:
        line = {"offline": False, "latency": 150, "downloadThroughput": 2e5, "uploadThroughput": 2e5}
        session.send("Network.emulateNetworkConditions", line)
        session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    tab.goto(address, wait_until="load", timeout=120_000)
    tab.wait_for_timeout(1500)
    count = "document.querySelectorAll('*').length"
    painted, alive, *rest = tab.evaluate(f"[window.painted, window.alive ?? NaN, window.shift, {STOPS}, {count}]")
    context.close()
    shift, stops, elements = rest
    return painted / 1000, (alive or float("nan")) / 1000, shift, sum(fetched) / 1000, stops, elements


@contextlib.contextmanager
def served(folder):
    """The address of a folder."""
    handler = functools.partial(Compressing, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/book/"
        server.shutdown()


def table(folders):
    """The lines of the table, one after the other; with a base the times come below it, over all pages."""
    yield "| page | kB | elements | tab stops | shift: wide, phone |" + TIMES * (len(folders) == 1)
    yield "| --- | --- | --- | --- | --- |" + " --- | --- |" * (len(folders) == 1)
    parts = []
    with contextlib.ExitStack() as stack:
        addresses = [stack.enter_context(served(folder)) for folder in folders]
        playwright = stack.enter_context(sync_playwright())
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for page in sorted(path.stem for path in (folders[0] / "book").glob("*.html")):
            if not all((folder / "book" / f"{page}.html").exists() for folder in folders):
                continue
            wide, *base_wide = [visit(browser, f"{address}{page}.html", False) for address in addresses]
            slow, *base_slow = [visit(browser, f"{address}{page}.html", True) for address in addresses]
            _, _, shift, size, stops, elements = wide
            line = f"| {page} | {size:.0f} | {elements} | {stops} | {shift:.2f}, {slow[2]:.2f} |"
            if base_wide:
                parts.append(
                    [own[i] / base[i] for own, (base,) in ((wide, base_wide), (slow, base_slow)) for i in (0, 1)]
                )
                yield line
            else:
                told = [", ".join(f"{x:.2f}" if x == x else "-" for x in one[:2]) for one in (wide, slow)]
                yield f"{line} {' | '.join(told)} |"
        browser.close()
    if parts:
        told = ", ".join(map(spread, NAMES, zip(*parts, strict=True)))
        yield f"\nTimes over the base's, median and quartiles of {len(parts)} pages: {told}."


def spread(name, parts):
    low, middle, high = statistics.quantiles([part for part in parts if part == part], n=4)
    return f"{name} {middle:.2f} ({low:.2f} to {high:.2f})"


def main():
    folders = [ROOT / "_build" / "html", *(Path(name) for name in sys.argv[1:] if name != "--write")]
    lines = []
    for line in table(folders):
        print(line, flush=True)
        lines.append(line + "\n")
    if "--write" in sys.argv:
        page = README.read_text(encoding="utf-8")
        start, end = (page.index(f"<!-- {mark}visits -->") for mark in ("", "end of "))
        README.write_text(page[: start + len("<!-- visits -->\n")] + "".join(lines) + page[end:], encoding="utf-8")


if __name__ == "__main__":
    main()
