"""Does a test fail when the package is wrong?  Breaks `sclib` in one place at a time and runs the tests named for it.

`make mutants` runs all of them, in copies of the tree, and names those that no test noticed.  A mutant is a piece of
code that stands once in the package, what takes its place, and the test files that should notice, told apart by spaces.
"""

import argparse
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[1]
ALLOWED = 3  # survivors
MUTANTS = [
    # The choice and the loop.
    ("torch.argmax(gumbel.add_(gaps), dim=-1)", "torch.argmax(gumbel.sub_(gaps), dim=-1)", "choice"),
    (
        'rewards = tensor_checks.tensor(rewards, "rewards").double()\n',
        'rewards = tensor_checks.tensor(rewards, "rewards").float()\n',
        "choice",
    ),
    ("gaps = rewards - rewards.amax(dim=-1, keepdim=True)", "gaps = rewards", "choice"),
    ("(torch.rand(rewards.shape[:-1], **like) >= eps)", "(torch.rand(rewards.shape[:-1], **like) < eps)", "rules"),
    ("eps + (1 - eps) * np.divide", "(1 - eps) + eps * np.divide", "rules"),
    ("samples = _shuffled(samples, generator, stacked)", "pass", "loop"),
    ("[generator] * seeds", "[None] * seeds", "loop"),
    ("torch.full((N,), (1 - share) / N)", "torch.full((N,), share / N)", "loop"),
    ("torch.full((n,), share / n)", "torch.full((n,), share / N)", "loop"),
    ("(resume.t + 1, resume.picks)", "(resume.t, resume.picks)", "loop study"),
    # The exact laws.
    ("curated /= curated.sum()", "pass", "population"),
    (
        "(1 - synthetic) * reference + synthetic * curated",
        "synthetic * reference + (1 - synthetic) * curated",
        "population",
    ),
    ("np.minimum(rewards - highest, 0) / beta", "(rewards - rewards.max()) / beta", "population"),
    ("np.arange(-3.4, math.log(40)", "np.arange(-2.4, math.log(40)", "population"),
    ("if K <= 10**5:", "if K <= 10**9:", "population"),
    ("(K - 1) * log_mean_decay(probs)", "K * log_mean_decay(probs)", "population"),
    ("np.abs(p - q).sum() / 2", "np.abs(p - q).max()", "population"),
    ("abs(probs @ H - 1) <= 1e-6", "True", "population rules"),
    ("curated = laws[t] * (shares @ weights)", "curated = laws[t] * np.mean(weights, 0)", "curators"),
    ("share + (2 * share - 1) * math.exp(-gap)", "share + (2 * share - 1)", "curators"),
    (
        "(1 / K + (1 - 1 / K) * ease) / (1 + ease) if K < math.inf",
        "(1 / K + (1 - 1 / K) * ease) if K < math.inf",
        "curators",
    ),
    # The bounds.
    ("return synthetic * real**2 * gain_bound", "return synthetic * real * gain_bound", "bounds"),
    ("theta = synthetic / (m - real)", "theta = synthetic / m", "bounds"),
    ("float((1 - 1 / K) * max(schwarz, jensen))", "float(max(schwarz, jensen))", "bounds"),
    ("np.maximum(np.expm1(log_W), 0)", "np.abs(np.expm1(log_W))", "bounds"),
    ("return log_n + math.expm1(-log_n)", "return log_n", "bounds"),
    ("mass = float(chance_of_some(mass, checks.candidates(K)))", "mass = float(chance_of_some(mass, 2))", "bounds"),
    ("if not lam * (kernel.cap - 1) <= 1 + 1e-12:", "if not lam * (kernel.cap - 1) < 1 - 1e-9:", "drift"),
    (
        "ell = np.logaddexp(log_b + z, log_c + kernel.log_lift(ell))",
        "ell = np.logaddexp(log_b + ell, log_c + kernel.log_lift(ell))",
        "drift",
    ),
    ("edges = np.linspace(-length, 0, cells + 1)", "edges = np.linspace(-length, 0, 2)", "drift"),
    ("lam * (1 + bias) / (1 + lam * (1 - bias))", "lam * (1 + bias) / (1 + lam)", "bounds"),
    ("lam**2 / n * np.linalg.solve", "lam / n * np.linalg.solve", "bounds"),
    ("(synthetic**2 + (1 - synthetic**2) * n)", "(synthetic**2 + n)", "drift"),
    # Models.
    ("self.optimizer.zero_grad()\n", "pass\n", "trainer flow ddpm"),
    ("(self.warmup * steps + 1)", "(self.warmup * steps + 50)", "trainer flow"),
    ("stream.set_state(tensors[name])", "pass", "trainer flow"),
    ("x1 = x1[shortest_pairing(x0, x1)]", "pass", "flow"),
    (
        "(torch.arange(n, device=self.generator.device) + torch.rand(n, **self._stream)) / n",
        "torch.rand(n, **self._stream) / 2",
        "flow",
    ),
    ("middle = x + self._velocity(i / steps, x) / (2 * steps)", "middle = x", "flow"),
    ("torch.randint(n, (self.settings.batch,), **self._stream)", "torch.randint(n, (256,), **self._stream)", "flow"),
    ("self.temperature).softmax(-1).cumsum(-1)", "1.0).softmax(-1).cumsum(-1)", "transformer words"),
    (
        "seen = torch.cat([start, sentences[..., :-1]], -1)",
        "seen = torch.cat([sentences[..., 1:], start], -1)",
        "transformer",
    ),
    ("dpo_loss(beta * (scores - base[seed, batch])", "dpo_loss(beta * (scores + 0 * base[seed, batch])", "alignment"),
    ("(gains - gains.mean(-1, keepdim=True)).detach() * scores", "gains.detach() * scores", "alignment"),
    # What is measured.
    ("kthvalue(k + 1, 1)", "kthvalue(k, 1)", "closeness"),
    ("np.trace(c1) + np.trace(c2) - 2 * cross", "np.trace(c1) + np.trace(c2) - cross", "closeness"),
    ("bin_of = np.minimum((top * bins).astype(int), bins - 1)", "bin_of = np.zeros(len(top), int)", "classifiers"),
    ("scaled = logits / temperature", "scaled = logits", "classifiers"),
    (
        '"top": float(probabilities(logits).amax(-1)',
        '"top": float(probabilities(logits, config.temperature).amax(-1)',
        "images",
    ),
    ("mirrored = [classifier.logits(x.flip(-1))", "mirrored = [classifier.logits(x.flip(-2))", "images"),
    (
        "np.full(len(rewards), 1 / len(rewards)), rewards, config.K",
        "np.full(len(rewards), 1 / len(rewards)), rewards, 2",
        "images",
    ),
    ("* (first > 0)  # a class it lacks", "* 1  # a class it lacks", "predictions"),
    (
        "np.std([law[name] for law in laws], 0, ddof=1) / math.sqrt(blocks)",
        "np.std([law[name] for law in laws], 0, ddof=1)",
        "predictions",
    ),
    ("variance(then) / drawn + mix**2 * variance(picks) / n", "variance(then) / drawn", "predictions"),
    ("return 2 * seed + use", "return seed + use", "images"),
    ("return 3 * seed + use", "return seed + use", "plane"),
    (
        "generator=torch.Generator().manual_seed(0))\n    labels = torch.as_tensor(found.target)",
        "generator=torch.Generator().manual_seed(1))\n    labels = torch.as_tensor(found.target)",
        "datasets",
    ),
    (
        "torch.where(moon == 0, angle.sin(), 0.5 - angle.sin())",
        "torch.where(moon == 0, angle.sin(), -angle.sin())",
        "datasets",
    ),
    ("value - b @ penalty @ b / 2, value, p", "value, value, p", "taste"),
    ("not abs(measured - predicted) <= tolerance", "not measured - predicted <= tolerance", "notebook"),
    # What is stored.
    ("(bad := archive.testzip()) is not None", "(bad := None) is not None", "results"),
    ("if result.config != config:", "if False:", "results"),
    ('self.lap -= float(arrays["spent"])', "pass", "study experiments"),
    (
        "time.perf_counter() > min(self.deadline, self.saved + SAVE_EVERY)",
        "time.perf_counter() > self.deadline",
        "study experiments",
    ),
    ("from_main(lambda: _stamp(stored) != before)", "False", "study experiments"),
]


def place(old: str, root: pathlib.Path = ROOT) -> pathlib.Path:
    """The one file of the package in which `old` stands, once.  Raises: ValueError."""
    found = [path for path in sorted((root / "sclib").rglob("*.py")) if old in path.read_text(encoding="utf-8")]
    if len(found) != 1 or found[0].read_text(encoding="utf-8").count(old) != 1:
        raise ValueError(f"{old!r} must stand once in the package; it is in {[path.name for path in found]}")
    return found[0]


def survives(old: str, new: str, tests: str) -> bool:
    """Whether the tests named pass although `new` stands where `old` stood."""
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder)
        for name in ("sclib", "tests", "book", "tools", "benchmarks", "examples"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.ipynb"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        path = place(old, copy)
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        files = [f"tests/test_{name}.py" for name in tests.split()]
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", *files]
        environment = os.environ | {"PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"}
        code = subprocess.run(command, cwd=copy, env=environment, capture_output=True, check=False).returncode
        if code > 1:
            raise RuntimeError(f"pytest ended with {code} on {' '.join(files)}")
        return code == 0


def main(arguments: list[str] | None = None) -> None:
    """Run the mutants, or those whose code or tests contain a text; fail if more than three survive."""
    parser = argparse.ArgumentParser(prog="python tools/mutants.py", description="Break the package, run the tests.")
    parser.add_argument("containing", nargs="?", default="")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args(arguments)
    chosen = [mutant for mutant in MUTANTS if any(options.containing in part for part in mutant)]
    survivors = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for mutant, alive in zip(chosen, pool.map(lambda mutant: survives(*mutant), chosen), strict=True):
            print("SURVIVED" if alive else "killed  ", place(mutant[0]).name, "|", mutant[1].strip(), flush=True)
            survivors += [mutant] if alive else []
    print(f"{len(survivors)} of {len(chosen)} survived; at most {ALLOWED} may")
    sys.exit(len(survivors) > ALLOWED)


if __name__ == "__main__":
    main()
