"""Print the tables of a benchmark's JSON file; with --write, put them into README.md and benchmarks/README.md too."""

import json
import math
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
NEVER = math.nan  # the time of what was not run


def digits(x, n):
    """x with n significant digits and commas, or a dash for NaN."""
    return f"{float(f'{x:.{n}g}'):,.15g}" if x == x else "-"


def seconds(s):
    """A time in the unit that suits it."""
    for unit, size in [("years", 3.156e7), ("days", 86_400), ("h", 3_600), ("min", 60), ("s", 1), ("ms", 1e-3)]:
        if s >= size:
            return f"{digits(s / size, 3)} {unit}"
    return f"{digits(s * 1e6, 3)} µs" if s == s else "-"


def power(n):
    """1000 as 10^3, other numbers as they are."""
    return f"10^{round(math.log10(n))}" if n >= 1000 and 10 ** round(math.log10(n)) == n else f"{n:,}"


def markdown(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


class Measured:
    """The fastest round of every benchmark of a file, found by what its test says of it."""

    def __init__(self, path):
        stored = json.loads(Path(path).read_text())
        machine = stored["machine_info"]
        cpu, versions = machine["cpu"], {"Python": machine["python_version"]} | machine["versions"]
        self.machine = (
            f"Measured on {stored['datetime'][:10]}: {cpu['count']} cores ({cpu.get('brand_raw', 'unnamed')}), no GPU "
            f"used, {', '.join(map(' '.join, versions.items()))}; the fastest round of each."
        )
        self.all = [bench["extra_info"] | {"seconds": bench["stats"]["min"]} for bench in stored["benchmarks"]]

    def rows(self, **what):
        return [bench for bench in self.all if what.items() <= bench.items()]

    def time(self, **what):
        found = self.rows(**what)
        return found[0]["seconds"] if found else NEVER

    def sampled(self, **what):
        """Monte Carlo: groups of rivals, error, seconds; and seconds to ten digits, by the law of large numbers."""
        found = self.rows(part="monte carlo", **what)
        if not found:
            return NEVER, NEVER, NEVER, NEVER
        draws, error, took = (found[0][name] for name in ("draws", "error", "seconds"))
        return draws, error, took, took * max(1 / draws, (error / 1e-10) ** 2)

    def generation(self, seeds):
        return sum(self.time(part="loop", way="stacked", step=step, seeds=seeds) for step in ("draw", "curate", "fit"))


def curation(m):
    rows = []
    for n, K in dict.fromkeys((b["n"], b["K"]) for b in m.rows(part="curation")):
        ours, *others = (
            m.time(part="curation", n=n, K=K, way=way)
            for way in ("choose", "softmax + multinomial", "loop over groups")
        )
        compared = [f"{seconds(other)} ({digits(other / ours, 2)} ×)" if other == other else "-" for other in others]
        rows.append([f"{n:,} × {K:,}", seconds(ours), *compared])
    return markdown(["n × K", "`choose`", "softmax + multinomial", "loop over groups"], rows)


def exact(m):
    rows = []
    for b in sorted(m.rows(part="exact"), key=lambda b: (b["n"], b["K"], b["span"])):
        draws, error, took, longer = m.sampled(n=b["n"], K=b["K"], span=b["span"])
        cells = [power(b["n"]), power(b["K"]), f"{b['span']:g}", seconds(b["seconds"])]
        rows.append([*cells, digits(draws, 6), f"{error:.0e}", seconds(took), seconds(longer)])
    header = ["atoms", "K", "range", "exact", "groups", "error", "Monte Carlo", "Monte Carlo to 10^-10"]
    return markdown(header, rows)


def loop(m):
    rows = []
    for step in ("draw", "curate", "fit"):
        one, five = (m.time(part="loop", step=step, seeds=seeds, way="stacked") for seeds in (1, 5))
        loader = m.time(part="loop", step=step, way="DataLoader")
        rows.append([step, seconds(one), seconds(five), f"{digits(five / one, 3)} ×", seconds(loader)])
    return markdown(["step", "one seed", "five stacked", "five over one", "one seed, DataLoader"], rows)


def images(m):
    rows = [[b["data"], b["step"], digits(b["images"] / b["seconds"], 3)] for b in m.rows(part="images")]
    return markdown(["images", "step", "images a second"], sorted(rows, reverse=True))


def book(m):
    rows = []
    for build in m.rows(part="book", page="all"):
        sizes = {page: f"{size / 1e6:.2f} MB" for page, size in build["bytes"].items()}
        rows = [[page, seconds(m.time(part="book", page=page)), size] for page, size in sizes.items()]
        rows.append(["all, built from the stored outputs", seconds(build["seconds"]), ""])
    return markdown(["page", "run from top to bottom", "bytes, pictures included"], rows)


def summary(m):
    """The few lines that README.md quotes."""
    rows = []
    for (n, K), way in [((25_000_000, 4), "softmax + multinomial"), ((250_000, 4), "loop over groups")]:
        ours, usual = (m.time(part="curation", n=n, K=K, way=w) for w in ("choose", way))
        rows.append([f"pick from {power(n * K)} candidates, K = {K}", seconds(ours), way, seconds(usual)])
    for n, K, span in [(10**4, 2, 100.0), (10**6, 1000, 100.0)]:
        ours, (*_, usual, longer) = m.time(part="exact", n=n, K=K, span=span), m.sampled(n=n, K=K, span=span)
        what = f"one exact round, {power(n)} atoms, K = {power(K)}, rewards within {span:g} nats"
        against = f"Monte Carlo to a total variation of 1 % (to 10^-10: {seconds(longer)})"
        rows.append([what, seconds(ours), against, seconds(usual)])
    ours, usual = m.generation(5), 5 * m.generation(1)
    rows.append(["a generation on eight Gaussians, five seeds", seconds(ours), "one seed, five times", seconds(usual)])
    ours, usual = (m.time(part="loop", step="fit", seeds=1, way=way) for way in ("stacked", "DataLoader"))
    rows.append(["its refit, one seed", seconds(ours), "the same steps, fed by a DataLoader", seconds(usual)])
    return markdown(["what", "takes", "against", "which takes"], rows)


def put(file, text):
    """Replace what stands between the two marks in `file`."""
    marks = r"(<!-- measured -->\n).*(<!-- end -->)"
    old = file.read_text()
    assert re.search(marks, old, re.DOTALL), f"{file} has no place for the tables"
    file.write_text(re.sub(marks, lambda found: f"{found[1]}{text}{found[2]}", old, flags=re.DOTALL))


if __name__ == "__main__":
    measured = Measured(sys.argv[1])
    tables = {"Curation": curation, "One exact round": exact, "One generation": loop, "Images": images, "Pages": book}
    full = measured.machine + "\n\n" + "\n".join(f"### {name}\n\n{table(measured)}" for name, table in tables.items())
    print(full)
    if "--write" in sys.argv:
        put(ROOT / "benchmarks" / "README.md", full)
        put(ROOT / "README.md", f"{measured.machine}\n\n{summary(measured)}")
