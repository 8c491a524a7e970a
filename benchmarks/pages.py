"""Print how each page of the built book loads, on a desk and on a slow phone: `python benchmarks/pages.py [FOLDER]`.

FOLDER holds a built book, _build/html by default: an older one gives figures to compare.  The phone: 390 pixels wide,
1.6 Mb/s, 150 ms, a processor four times slower.  Bytes are of all that a first visit fetches, text compressed.
"""

import functools
import gzip
import http.server
import io
import shutil
import sys
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
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
    """First paint, first slider alive (s), layout shift, kB fetched, tab stops of a first visit."""
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
    painted, alive, shift, stops = tab.evaluate(f"[window.painted, window.alive ?? NaN, window.shift, {STOPS}]")
    context.close()
    return painted / 1000, (alive or float("nan")) / 1000, shift, sum(fetched) / 1000, stops


def main(folder):
    handler = functools.partial(Compressing, directory=str(folder))
    pages = sorted(path.stem for path in (folder / "book").glob("*.html"))
    print("| page | kB | wide: paint, slider (s), shift | slow phone: paint, slider (s), shift | tab stops |")
    print("| --- | --- | --- | --- | --- |")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for page in pages:
            address = f"http://127.0.0.1:{server.server_port}/book/{page}.html"
            (*wide, size, stops), slow = visit(browser, address, False), visit(browser, address, True)
            shown = [", ".join(f"{x:.2f}" if x == x else "-" for x in one[:3]) for one in (wide, slow)]
            print(f"| {page} | {size:.0f} | {' | '.join(shown)} | {stops} |", flush=True)
        browser.close()
        server.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "_build" / "html")
