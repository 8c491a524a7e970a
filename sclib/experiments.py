"""The named experiments, run and stored: `python -m sclib.experiments list | run NAME | show NAME`."""

import argparse
import ast
import dataclasses
import datetime
import math
import platform
import time

import numpy as np
import torch
from tqdm.auto import tqdm

from sclib import plane, results
from sclib.loop import Generation, self_consuming_loop

EXPERIMENTS = {config.experiment: config for config in plane.EXPERIMENTS}


def configure(name, **changes):
    """The `Config` of experiment `name`, with fields of it or of its model's `Settings` changed.

    Raises: ValueError for a name or a field that does not exist.
    """
    if name not in EXPERIMENTS:
        raise ValueError(f"name = {name!r} must be one of {', '.join(EXPERIMENTS)}")
    config = EXPERIMENTS[name]
    ours = {field.name for field in dataclasses.fields(config)} - {"experiment", "model"}
    models = {field.name for field in dataclasses.fields(config.model)}
    if unknown := set(changes) - ours - models:
        raise ValueError(
            f"{', '.join(sorted(unknown))}: no such setting; allowed are {', '.join(sorted(ours | models))}"
        )
    model = dataclasses.replace(config.model, **{k: v for k, v in changes.items() if k in models})
    changes = {k: tuple(v) if k == "seeds" else v for k, v in changes.items() if k in ours}
    return dataclasses.replace(config, model=model, **changes)


def load(name, **changes):
    """The stored `results.Result` of experiment `name`; a miss raises MissingResult with the command and its time."""
    config = configure(name, **changes)
    return results.load(config, command(config))


def command(config):
    """The shell command that makes the result of `config`, and how long it takes."""
    ours, theirs = (
        dataclasses.asdict(c) | dataclasses.asdict(c.model) for c in (config, EXPERIMENTS[config.experiment])
    )
    changed = [f" --set '{k}={v}'" for k, v in ours.items() if v != theirs[k] and k != "model"]
    return f"python -m sclib.experiments run {config.experiment}{''.join(changed)} (about {config.minutes})"


def run(name, device="auto", max_minutes=None, **changes):
    """Train experiment `name` into the user's cache, with a progress bar; returns its `results.Result`.

    `device`: "auto" (a GPU if there is one), "cpu" or "cuda"; `changes`: settings to replace, e.g. seeds=(0,).
    A checkpoint is written after each generation: the same call goes on where an interrupted one stopped.
    After `max_minutes` it stops at the next checkpoint and returns None.
    """
    config = configure(name, **changes)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    checkpoint = results.cache_folder() / "checkpoints" / f"{device}-{results.file_name(config)}"
    model, data, reward, choices, summarise = plane.prepare(config, device)
    resume, history, seconds = None, {}, []
    if (stored := results.read_or_put_aside(checkpoint, config)) is not None:
        resume, history, seconds = _resumed(stored, model, choices, device)
    first, later = config.model.first_steps, config.model.steps
    done = 0 if resume is None else first + resume.t * later
    rounds = self_consuming_loop(
        model, data, reward, config.K, config.n, config.lam, config.generations,
        stacked=True, generator=choices, resume=resume,
    )  # fmt: skip
    start = lap = time.perf_counter()
    with tqdm(total=first + config.generations * later, initial=done, desc=name, unit="step") as bar:
        model.on_step = bar.update
        bar.set_postfix_str("first fit" if resume is None else f"generation {resume.t}")
        for generation in rounds:
            statistics = summarise(generation)
            for key, value in statistics.items():
                history[key] = np.concatenate([history[key], value[None]]) if key in history else value[None]
            seconds.append(time.perf_counter() - lap)
            _write_checkpoint(checkpoint, config, generation, model, choices, history, seconds)
            lap = time.perf_counter()
            bar.set_postfix_str(f"generation {generation.t}, reward {statistics['mean_reward'].mean():.3f}")
            if max_minutes is not None and lap - start > 60 * max_minutes and generation.t < config.generations:
                tqdm.write(f"stopped after generation {generation.t}; the same call goes on from there")
                return None

    provenance = {
        "date": datetime.date.today().isoformat(),
        "device": _device_name(device),
        "seconds": round(sum(seconds), 1),
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
    }
    path = results.save(config, history | {"seconds": np.array(seconds)}, provenance)
    checkpoint.unlink(missing_ok=True)
    return results.read(path, config)


def _write_checkpoint(path, config, generation, model, choices, history, seconds):
    state = {f"model.{name}": array for name, array in model.state().items()}
    state |= {f"choice.{i}": generator.get_state().numpy() for i, generator in enumerate(choices)}
    state |= {f"history.{name}": array for name, array in history.items()}
    state |= {"t": generation.t, "picks": generation.picks.cpu().numpy(), "seconds": seconds}
    results.write(path, config, state, {})


def _resumed(stored, model, choices, device):
    def part(prefix):
        return {name.removeprefix(prefix): a for name, a in stored.arrays.items() if name.startswith(prefix)}

    model.restore(part("model."))
    for i, generator in enumerate(choices):
        generator.set_state(torch.as_tensor(stored.arrays[f"choice.{i}"]))
    picks = torch.as_tensor(stored.arrays["picks"]).to(device)
    last = Generation(int(stored.arrays["t"]), None, None, picks)
    return last, part("history."), list(stored.arrays["seconds"])


def _device_name(device):
    if device.startswith("cuda"):
        return torch.cuda.get_device_name()
    return f"CPU, {torch.get_num_threads()} thread{'s' if torch.get_num_threads() > 1 else ''}"


def show(result, config):
    """What `python -m sclib.experiments show NAME` prints: the source, then measured and exact by generation."""
    return f"{result.source}\n{plane.table(config, result.arrays)}"


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m sclib.experiments", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="name the experiments")
    for command, text in (("run", "train one into your cache, or go on with it"), ("show", "print a stored result")):
        sub = commands.add_parser(command, help=text)
        sub.add_argument("name", choices=EXPERIMENTS, metavar="NAME")
        sub.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="change a setting")
        if command == "run":
            sub.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
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
    except KeyboardInterrupt:
        parser.exit(130, "\ninterrupted; the same command goes on from the last generation\n")
    except (ValueError, results.MissingResult) as error:
        parser.exit(2, f"{error}\n")
    if result is not None:
        print(show(result, config))


def _parsed(text):
    name, _, value = text.partition("=")
    try:
        return name, math.inf if value == "inf" else ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


if __name__ == "__main__":
    main()
