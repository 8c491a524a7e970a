"""The named experiments, run and stored: `python -m sclib.experiments list | run NAME | show NAME`."""

import argparse
import ast
import dataclasses
import datetime
import math
import platform
import time
from typing import NamedTuple

import numpy as np
import torch
from tqdm.auto import tqdm

from sclib import images, plane, results, sentences
from sclib.checks import is_number
from sclib.loop import Generation, self_consuming_loop

KINDS = {kind.Config: kind for kind in (plane, images, sentences)}
EXPERIMENTS = {config.experiment: config for kind in KINDS.values() for config in kind.EXPERIMENTS}
SAVE_EVERY = 300  # seconds between checkpoints within a fit


def configure(name, preset=None, **changes):
    """The `Config` of experiment `name`, with fields of it or of its model's `Settings` changed.

    `preset`: a name for several changes at once, which CIFAR-10 has: "full" (as it is), "short" or "smoke".
    Values are coerced to the fields' types, so that equal ones name the same result (lam=1 and 1.0).
    Raises: ValueError for a name, a preset or a field that does not exist, or a value that is not allowed.
    """
    if name not in EXPERIMENTS:
        raise ValueError(f"name = {name!r} must be one of {', '.join(EXPERIMENTS)}")
    config = EXPERIMENTS[name]
    presets = {None: {}} | images.PRESETS.get(config.data, {})
    if preset not in presets:
        raise ValueError(f"preset = {preset!r} must be one of {', '.join(map(str, presets))}")
    changes = presets[preset] | changes
    ours = {field.name for field in dataclasses.fields(config)} - {"experiment", "model"}
    models = {field.name for field in dataclasses.fields(config.model)}
    if unknown := set(changes) - ours - models:
        raise ValueError(
            f"{', '.join(sorted(unknown))}: no such setting; allowed are {', '.join(sorted(ours | models))}"
        )
    model = dataclasses.replace(config.model, **{k: v for k, v in changes.items() if k in models})
    return dataclasses.replace(config, model=model, **{k: v for k, v in changes.items() if k in ours})


def load(name, **changes):
    """The stored `results.Result` of experiment `name`; a miss raises MissingResult with the command and its time."""
    config = configure(name, **changes)
    return results.load(config, command(config))


def command(config):
    """The command that makes the result of `config`, in bash, PowerShell and Windows' cmd, and how long it takes."""
    ours, theirs = (
        dataclasses.asdict(c) | dataclasses.asdict(c.model) for c in (config, EXPERIMENTS[config.experiment])
    )
    changed = [f' --set "{k}={v}"' for k, v in ours.items() if v != theirs[k] and k != "model"]
    return f"python -m sclib.experiments run {config.experiment}{''.join(changed)} (about {config.minutes})"


def run(name, device="auto", max_minutes=None, **changes):
    """Train experiment `name` into the user's cache, with a progress bar; returns its `results.Result`.

    `device`: "auto" (a GPU, if there is one), "cpu", "cuda", "cuda:1"; `changes`: settings to replace: seeds=(0,).
    A checkpoint is written after each generation, and with images every few minutes: the same call goes on where an
    interrupted one stopped, exactly so on a CPU, but for the order of a GPU's sums there.  After `max_minutes` it stops
    at the next checkpoint and returns None.
    """
    config = configure(name, **changes)
    device = chosen_device(config, device)
    if max_minutes is not None and not (is_number(max_minutes) and max_minutes >= 0):
        raise ValueError(f"max_minutes = {max_minutes!r} must be a number >= 0, or None")
    checkpoint = results.writable_cache() / "checkpoints" / f"{device}-{results.file_name(config)}"
    start = time.perf_counter()
    study = KINDS[type(config)].prepare(config, device)
    progress = _Progress(None, {}, [], 0.0, 0)
    if (stored := results.read_or_put_aside(checkpoint, config)) is not None:
        progress = _resumed(stored, study, device)
    rounds = self_consuming_loop(
        study.model, study.data, study.reward, config.K, config.n, config.lam, config.generations,
        stacked=True, generator=study.choices, resume=progress.last,
    )  # fmt: skip
    deadline = math.inf if max_minutes is None else start + 60 * max_minutes
    lap, saved = start - progress.spent, start

    with tqdm(total=study.steps, initial=progress.steps, desc=name, unit="step") as bar:

        def save():
            nonlocal saved
            saved = time.perf_counter()
            _write_checkpoint(checkpoint, config, study, progress._replace(spent=saved - lap, steps=bar.n))

        def on_step(n=1):
            bar.update(n)
            if study.resumes_fits and time.perf_counter() > min(deadline, saved + SAVE_EVERY):
                save()
                if saved > deadline:
                    raise _OutOfTime

        study.model.on_step = on_step
        bar.set_postfix_str("first fit" if progress.last is None else f"generation {progress.last.t}")
        try:
            for generation in rounds:
                statistics = study.summarise(generation)
                history = progress.history
                for key, value in statistics.items():
                    history[key] = np.concatenate([history[key], value[None]]) if key in history else value[None]
                progress.seconds.append(time.perf_counter() - lap)
                lap = time.perf_counter()
                progress = progress._replace(last=generation)
                save()
                bar.set_postfix_str(f"generation {generation.t}, reward {statistics['mean_reward'].mean():.3f}")
                if saved > deadline and generation.t < config.generations:
                    raise _OutOfTime
        except _OutOfTime:
            tqdm.write(f"stopped after {bar.n} of {bar.total} steps; the same call goes on from there")
            return None

    provenance = {
        "date": datetime.date.today().isoformat(),
        "device": _device_name(device),
        "seconds": round(sum(progress.seconds), 1),
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        **study.provenance,
    }
    path = results.save(config, progress.history | {"seconds": np.array(progress.seconds)}, provenance)
    results.remove_split(checkpoint)
    return results.read(path, config)


def chosen_device(config, device="auto"):
    """The name of the device that `config` will run on: "auto" is a GPU, if there is one and the experiment takes it.

    Raises: ValueError for a device that this machine or the experiment does not have.
    """
    there = ["cpu", "cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if not torch.cuda.is_available() or not config.on_gpu:
        there = ["cpu"]
    if device == "auto":
        return there[:2][-1]
    if device not in there:
        raise ValueError(f"device = {device!r} must be one of auto, {', '.join(there)} here")
    return device


class _Progress(NamedTuple):
    """How far a run has come."""

    last: Generation | None  # the last generation, or None in the first fit
    history: dict  # its statistics and those before, (t + 1, S, ...)
    seconds: list  # that each took
    spent: float  # seconds spent on the next
    steps: int  # optimiser steps made


class _OutOfTime(Exception):
    """A checkpoint has been written, and the time allowed is over."""


def _write_checkpoint(path, config, study, progress):
    state = {f"model.{name}": array for name, array in study.model.state().items()}
    state |= {f"choice.{i}": generator.get_state().numpy() for i, generator in enumerate(study.choices)}
    state |= {f"history.{name}": array for name, array in progress.history.items()}
    state |= {"seconds": progress.seconds, "spent": progress.spent, "steps": progress.steps}
    if progress.last is not None:
        state |= {"t": progress.last.t, "picks": progress.last.picks.cpu().numpy()}
    results.write_split(path, config, state)


def _resumed(stored, study, device):
    arrays = stored.arrays

    def part(prefix):
        return {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}

    study.model.restore(part("model."))
    for i, generator in enumerate(study.choices):
        generator.set_state(torch.as_tensor(arrays[f"choice.{i}"]))
    last = None
    if "t" in arrays:
        last = Generation(int(arrays["t"]), None, None, torch.as_tensor(arrays["picks"]).to(device))
    return _Progress(last, part("history."), list(arrays["seconds"]), float(arrays["spent"]), int(arrays["steps"]))


def _device_name(device):
    if device.startswith("cuda"):
        return torch.cuda.get_device_name()
    return f"CPU, {torch.get_num_threads()} thread{'s' if torch.get_num_threads() > 1 else ''}"


def show(result, config):
    """What `python -m sclib.experiments show NAME` prints: the source, then measured and exact by generation."""
    return f"{result.source}\n{KINDS[type(config)].table(config, result.arrays)}"


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m sclib.experiments", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="name the experiments")
    for command, text in (("run", "train one into your cache, or go on with it"), ("show", "print a stored result")):
        sub = commands.add_parser(command, help=text)
        sub.add_argument("name", choices=EXPERIMENTS, metavar="NAME")
        sub.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="change a setting")
        if command == "run":
            sub.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, ..")
            sub.add_argument("--max-minutes", type=float, help="stop at a checkpoint after this time")
    options = parser.parse_args(arguments)
    if options.command == "list":
        for config in EXPERIMENTS.values():
            mix = "" if config.lam == math.inf else f", lambda = {config.lam:g}"
            print(
                f"{config.experiment:28} {config.data}, K = {config.K}{mix}, {config.n} picks; about {config.minutes}"
            )
        return
    try:
        changes = dict(_parsed(text) for text in options.set)
        config = configure(options.name, **changes)
        if options.command == "run":
            result = run(options.name, options.device, options.max_minutes, **changes)
        else:
            result = load(options.name, **changes)
        if result is not None:
            print(show(result, config))
    except KeyboardInterrupt:
        parser.exit(130, "\ninterrupted; the same command goes on from the last checkpoint\n")
    except (ValueError, results.MissingResult) as error:
        parser.exit(2, f"{error}\n")


def _parsed(text):
    name, _, value = text.partition("=")
    try:
        return name, math.inf if value == "inf" else ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


if __name__ == "__main__":
    main()
