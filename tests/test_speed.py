"""What the exact laws promise of time and memory, in a fresh process each."""

import subprocess
import sys

import pytest

MEASURE = """
import math, resource, sys, time
import numpy as np
from sclib.population import step

n, K, span = int(sys.argv[1]), eval(sys.argv[2]), float(sys.argv[3])
rng = np.random.default_rng(0)
p, r = rng.random(n), span * rng.random(n)
p /= p.sum()
unit = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss is in bytes on macOS, in kB elsewhere
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
before, start = peak(), time.process_time()
step(p, r, K)
print(time.process_time() - start, peak() - before)
"""


def measured(n, K, span=20.0):
    """CPU seconds and MB of one step on n atoms whose rewards span `span` nats."""
    command = [sys.executable, "-c", MEASURE, str(n), K, str(span)]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [float(number) for number in out.split()]


@pytest.mark.parametrize(("n", "K", "span"), [(10**6, "2", 20), (10**6, "10**6", 20), (10**6, "math.inf", 20),
                                               (920_000, "10**6", 0.1)])  # fmt: skip
def test_a_step_at_a_million_points_takes_less_than_300_mb(n, K, span):
    """The last case is the worst: just so small that all is held between rounds."""
    assert measured(n, K, span)[1] < 300


def test_time_grows_with_the_points_and_not_with_K():
    few, many, large_K = measured(10**5, "4")[0], measured(10**6, "4")[0], measured(10**6, "10**6")[0]
    assert many < 20 * few and large_K < 2 * many


@pytest.mark.parametrize("module", ["population", "bounds", "widgets", "results"])
def test_needs_no_torch(module):
    code = f"import sys, sclib.{module}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("module", ["population", "widgets"])
def test_is_imported_in_under_a_second(module):
    code = f"import time; t = time.process_time(); import sclib.{module}; print(time.process_time() - t)"
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(3)]
    assert min(float(run.stdout) for run in runs) < 1
