"""How much faster a fit is on two processes than on one, each of one thread: a step of CIFAR-10's U-Net, preset smoke.

`python benchmarks/processes.py`, a minute on two quiet cores; with --write, benchmarks/README.md has the table.
"""

import itertools
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

BATCH, STEPS, ROUNDS = 64, 4, 3  # STEPS are measured in each of ROUNDS, after one that is not
PAGE = Path(__file__).with_name("README.md")


def fit():
    """What each process runs: a fit; rank 0 prints the seconds of its steps, by the clock and of its core."""
    import torch

    from sclib import distributed, experiments, flow

    torch.set_num_threads(1)
    config = experiments.configure("cifar10-class", preset="smoke", batch=BATCH, first_steps=STEPS + 1)
    images = torch.randint(256, (1000, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with distributed.group():
        model, ends = flow.Flow(images.shape[1:], 0, config.model), []
        model.on_step = lambda: ends.append((time.perf_counter(), time.process_time()))
        model.fit(images)
        print(json.dumps([(b[0] - a[0], b[1] - a[1]) for a, b in itertools.pairwise(ends)]))


def steps(processes):
    """Seconds of each step on that many processes, by the clock and of rank 0's core."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    shared = {"WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    shared |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "fit"]
    own = [os.environ | shared | {"RANK": str(i), "LOCAL_RANK": str(i)} for i in range(processes)]
    ranks = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) for env in own]
    said = [rank.communicate()[0] for rank in ranks]
    if any(rank.returncode for rank in ranks):
        sys.exit("a process failed")
    return json.loads(said[0])


def main():
    found = {1: [], 2: []}
    load = os.getloadavg()[0]
    for _ in range(ROUNDS):  # in turn, so that what else the machine does meets both
        for processes, seconds in found.items():
            seconds += steps(processes)
    rows, medians = [], {}
    for processes, seconds in found.items():
        clock, core = zip(*seconds, strict=True)
        medians[processes] = statistics.median(clock), statistics.median(core)
        spread = f"{min(clock):.3g} to {max(clock):.3g}"
        rows.append(f"| {processes} | {medians[processes][0]:.3g} | {spread} | {medians[processes][1]:.3g} |")
    head = "| processes of one thread | seconds a step | from, to | of them on a core |\n| --- | --- | --- | --- |"
    (one, one_core), (two, two_core) = medians.values()
    said = (
        f"Medians of {ROUNDS * STEPS} steps each, taken in turn, on {os.cpu_count()} cores with a load of {load:.1f} "
        f"before: by the clock two are {one / two:.2f} times as fast as one, which tells on a quiet machine only; "
        f"each of two computes for 1 / {one_core / two_core:.2f} of the time that one does, which tells on any."
    )
    text = "\n".join([head, *rows, "", said, ""])
    print(text)
    if "--write" in sys.argv:
        page = PAGE.read_text(encoding="utf-8")
        marks = r"(<!-- processes -->\n).*(<!-- end of processes -->)"
        PAGE.write_text(re.sub(marks, lambda m: f"{m[1]}{text}{m[2]}", page, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    fit() if "fit" in sys.argv else main()
