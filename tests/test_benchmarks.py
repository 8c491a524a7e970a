"""The benchmarks still run, those that take moments, and their tables can be made."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_small_benchmarks_run_and_are_tabled(tmp_path):
    stored = tmp_path / "benchmark.json"
    command = [sys.executable, "-m", "pytest", *sorted(ROOT.glob("benchmarks/bench_*.py")), "-m", "not large", "-q"]
    ran = subprocess.run([*command, f"--benchmark-json={stored}"], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout
    command = [sys.executable, ROOT / "benchmarks" / "table.py", stored]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "| 2,500 × 4 |" in printed and "| 10^3 | 10^6 | 100 |" in printed and "| cifar10 | rate |" in printed
