"""The benchmarks still run, those that take moments, and their tables can be made."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_small_benchmarks_run_and_are_tabled(tmp_path):
    stored = tmp_path / "benchmark.json"
    command = [sys.executable, "-m", "pytest", *sorted(ROOT.glob("benchmarks/bench_*.py")), "-m", "not large", "-q"]
    command.append(f"--benchmark-json={stored}")
    # A test that runs beside others is not the place to measure, and pytest-benchmark would refuse to.
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    ran = subprocess.run(command, cwd=ROOT, env=alone, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout
    command = [sys.executable, ROOT / "benchmarks" / "table.py", stored]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "| 2,500 × 4 |" in printed and "| 10^3 | 10^6 | 100 |" in printed and "| cifar10 | rate |" in printed
