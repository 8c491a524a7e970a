"""One experiment run to its end: with checkpoints, a time limit, and one process at a time."""

import contextlib
import datetime
import math
import pathlib
import platform
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from tqdm.auto import tqdm

from sclib import distributed, parts, results
from sclib.distributed import from_main
from sclib.folders import cache_folder, writable_cache
from sclib.loop import Generation, self_consuming_loop
from sclib.record import file_name

SAVE_EVERY = 300  # seconds between checkpoints within a fit


class Study(NamedTuple):
    """What it takes to run one experiment of S stacked seeds: what the loop needs, and what is noted of each round."""

    model: Any  # as a `trainer.Trainer`: fit, sample, state, restore, on_step, steps_made, steps_of
    data: torch.Tensor  # (S, n_data, *shape)
    reward: Callable  # samples (S, n, *shape) -> nats (S, n)
    choices: list  # S torch.Generators for the choices
    summarise: Callable  # Generation -> a dict of arrays (S, ...)
    provenance: dict = {}  # what a stored result says of its origin besides date, device and versions  # noqa: RUF012


class OutOfTime(Exception):
    """The time allowed is over, and a checkpoint has been written; it leaves a fit as KeyboardInterrupt would."""


def run_study(
    config: Any, prepare: Callable, device: str = "cpu", max_minutes: float | None = None
) -> results.Result | None:
    """Run `prepare(config, device)`, a `Study`, and store its result.

    Parameters
    ----------
    config : with the `experiment`'s name, K, n, lam, generations and `one_thread`.
    prepare : config, device -> Study.
    device : "cpu", "cuda" or "cuda:1", say.
    max_minutes : after which it stops at the next checkpoint; None for no limit.

    Returns
    -------
    results.Result, or None if time was out: the same call goes on from there.  While another process runs the same, it
    waits, and returns what that one has stored.
    """
    start = time.perf_counter()
    deadline = math.inf if max_minutes is None else start + 60 * max_minutes
    stored = from_main(writable_cache) / file_name(config)
    path, before = checkpoint(config, device), _stamp(stored)
    with distributed.lock(path), threads(1 if config.one_thread and device == "cpu" else None):
        if from_main(lambda: _stamp(stored) != before):
            return from_main(lambda: results.read(stored, config))
        run = Run(config, prepare(config, device), path, start, deadline)
        if (saved := from_main(lambda: results.read_or_put_aside(path, config))) is not None:
            run.resume(saved.arrays)
        try:
            run.go_on()
        except OutOfTime:
            tqdm.write(f"stopped after {run.bar.n} of {run.bar.total} steps; the same call goes on from there")
            return None
        made = from_main(lambda: results.save(config, *run.outcome(device)))
        from_main(lambda: parts.remove_split(path))
    return from_main(lambda: results.read(made, config))


def checkpoint(config: Any, device: str) -> pathlib.Path:
    """Where a run is kept while it is not at its end; what a CPU and a GPU make differs by rounding.

    Parameters
    ----------
    config : as for `run_study`.
    device : "cpu", "cuda" or "cuda:1".
    """
    return cache_folder() / "checkpoints" / f"{device.partition(':')[0]}-{file_name(config)}"


@contextlib.contextmanager
def threads(number: int | None) -> Iterator[None]:
    """Let PyTorch compute with another number of threads within the block.

    Small networks are no faster with two, and a hundred times slower where another process has one of the cores.

    Parameters
    ----------
    number : >= 1; None changes nothing.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Run:
    """A study on its way: how far it has come, and how that is saved.

    Parameters
    ----------
    config, study : what is run.
    path : of the checkpoint.
    start, deadline : when it began and when it must end, in seconds of `time.perf_counter`.
    """

    def __init__(self, config: Any, study: Study, path: pathlib.Path, start: float, deadline: float = math.inf):
        self.config, self.study, self.path, self.deadline = config, study, path, deadline
        self.last: Generation | None = None  # the last generation, None in the first fit
        self.history: dict[str, np.ndarray] = {}  # its statistics and those before, (t + 1, S, ...)
        self.seconds: list[float] = []  # that each took
        self.lap = self.saved = start  # when the next began, and when the last checkpoint was written
        self.bar: Any = None  # tqdm's

    def go_on(self) -> None:
        """Run to the last generation.

        Raises
        ------
        OutOfTime
            When the time allowed is over, and a checkpoint is written.
        """
        config, study = self.config, self.study
        rounds = self_consuming_loop(
            study.model, study.data, study.reward, config.K, config.n, config.lam, config.generations,
            stacked=True, generator=study.choices, resume=self.last,
        )  # fmt: skip
        made, total = study.model.steps_made, study.model.steps_of(config.generations + 1)
        quiet = not distributed.is_main()
        with tqdm(total=total, initial=made, desc=config.experiment, unit="step", disable=quiet) as self.bar:
            self.bar.set_postfix_str("first fit" if self.last is None else f"generation {self.last.t}")
            study.model.on_step = self.on_step
            for generation in rounds:
                self.note(generation)

    def on_step(self) -> None:
        """After each optimiser step: move the bar, and write a checkpoint when it is due.

        Raises
        ------
        OutOfTime
            As `go_on`.
        """
        self.bar.update(self.study.model.steps_made - self.bar.n)
        if distributed.decided(time.perf_counter() > min(self.deadline, self.saved + SAVE_EVERY)):
            self.save()

    def note(self, generation: Generation) -> None:
        """Add a round's statistics to the history, and save it.

        Parameters
        ----------
        generation : the round that was just made.

        Raises
        ------
        OutOfTime
            As `go_on`.
        """
        for key, value in self.study.summarise(generation).items():
            past = self.history.get(key)
            self.history[key] = value[None] if past is None else np.concatenate([past, value[None]])
        now = time.perf_counter()
        self.seconds.append(now - self.lap)
        self.last, self.lap = generation, now
        self.bar.set_postfix_str(f"generation {generation.t}, reward {self.history['mean_reward'][-1].mean():.3f}")
        self.save()

    def save(self) -> None:
        """Write a checkpoint.

        Raises
        ------
        OutOfTime
            If the deadline is over and something is left to do.
        """
        self.saved = time.perf_counter()
        from_main(lambda: parts.write_split(self.path, self.config, self.state()))
        left = self.last is None or self.last.t < self.config.generations
        if distributed.decided(self.saved > self.deadline) and left:
            raise OutOfTime

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds; nothing of how many ranks there are."""
        study = self.study
        state = {f"model.{name}": array for name, array in study.model.state().items()}
        state |= {f"choice.{i}": generator.get_state().numpy() for i, generator in enumerate(study.choices)}
        state |= {f"history.{name}": array for name, array in self.history.items()}
        state |= {"seconds": self.seconds, "spent": self.saved - self.lap}
        if self.last is not None:
            state |= {"t": self.last.t, "picks": self.last.picks.cpu().numpy()}
        return state

    def resume(self, arrays: dict[str, np.ndarray]) -> None:
        """Go on from a checkpoint.

        Parameters
        ----------
        arrays : what `save` wrote, by name.
        """

        def part(prefix):
            return {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}

        self.study.model.restore(part("model."))
        for i, generator in enumerate(self.study.choices):
            generator.set_state(torch.as_tensor(arrays[f"choice.{i}"]))
        if "t" in arrays:
            picks = torch.as_tensor(arrays["picks"]).to(self.study.data.device)
            self.last = Generation(int(arrays["t"]), None, None, picks)
        self.history, self.seconds = part("history."), list(arrays["seconds"])
        self.lap -= float(arrays["spent"])

    def outcome(self, device: str) -> tuple[dict, dict]:
        """The arrays and the provenance of the result.

        Parameters
        ----------
        device : that it ran on.
        """
        name = f"CPU, {(n := torch.get_num_threads())} thread{'s' if n > 1 else ''}"
        name = name if device == "cpu" else torch.cuda.get_device_name(device)
        provenance = {
            "date": datetime.date.today().isoformat(),
            "device": name if (ranks := distributed.size()) == 1 else f"{ranks} x {name}",
            "seconds": round(sum(self.seconds), 1),
            "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
            **self.study.provenance,
        }
        return self.history | {"seconds": np.array(self.seconds)}, provenance


def _stamp(path):
    """What changes when another process writes `path`."""
    try:
        return path.stat().st_ino, path.stat().st_mtime_ns
    except OSError:
        return None
