"""The named experiments, run and stored; `python -m sclib.experiments --help` has the commands."""

import dataclasses
import pathlib
import shutil
from collections.abc import Iterable
from typing import Any

import torch

from sclib import distributed, images, latents, plane, results, sentences, sweeps
from sclib.checks import is_number
from sclib.folders import cache_folder
from sclib.record import file_name
from sclib.study import run_study

KINDS = {kind.Config: kind for kind in (plane, images, latents, sentences)}
EXPERIMENTS = {config.experiment: config for kind in KINDS.values() for config in kind.EXPERIMENTS}


def configure(name: str, preset: str | None = None, **changes: Any) -> Any:
    """The `Config` of an experiment, with some settings changed.

    Values are coerced to the fields' types, so that equal ones name the same result (lam=1 and 1.0).

    Parameters
    ----------
    name : one of `EXPERIMENTS`.
    preset : a name for several changes at once, which CIFAR-10 has: "full" (as it is), "short" or "smoke".
    changes : fields of the `Config` or of its model's `Settings`, and their new values.

    Raises
    ------
    ValueError
        For a name, a preset or a field that does not exist, or a value that is not allowed.
    """
    if name not in EXPERIMENTS:
        raise ValueError(f"name = {name!r} must be one of {', '.join(EXPERIMENTS)}")
    config = EXPERIMENTS[name]
    presets: dict = {None: {}} | getattr(config, "presets", {})
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


def load(name: str, **changes: Any) -> results.Result:
    """The stored result of an experiment.

    Parameters
    ----------
    name, changes : as for `configure`.

    Raises
    ------
    ValueError
        As `configure`.
    results.MissingResult
        If there is none, with the command that makes it and the time it takes.
    """
    config = configure(name, **changes)
    return results.load(config, _advice(config))


def command(config: Any) -> str:
    """The command that makes a result, in bash, PowerShell and Windows' cmd.

    Parameters
    ----------
    config : as from `configure`.
    """
    ours, theirs = (
        dataclasses.asdict(c) | dataclasses.asdict(c.model) for c in (config, EXPERIMENTS[config.experiment])
    )
    changed = [f' --set "{k}={v}"' for k, v in ours.items() if v != theirs[k] and k != "model"]
    return f"python -m sclib.experiments run {config.experiment}{''.join(changed)}"


def plan(name: str, varied: Iterable[str], **changes: Any) -> list[str]:
    """The commands of a sweep, a run each, without those whose results are stored.

    Parameters
    ----------
    name, changes : as for `configure`.
    varied : as for `sweeps.combinations`.

    Raises
    ------
    ValueError
        As `configure` and `sweeps.combinations`.
    """
    configs = [configure(name, **(changes | one)) for one in sweeps.combinations(varied)]
    folders = (results.SHIPPED, cache_folder())
    return [command(one) for one in configs if not any((folder / file_name(one)).exists() for folder in folders)]


def join(name: str, **changes: Any) -> results.Result:
    """Make one result of those of single seeds, and store it in the user's cache.

    Parameters
    ----------
    name, changes : as for `configure`; `seeds` are those to be joined.

    Returns
    -------
    What a run of all seeds at once gives, but for rounding.

    Raises
    ------
    ValueError
        As `configure`, or if the results are of different data.
    results.MissingResult
        Naming the commands that make those that are missing.
    """
    config = configure(name, **changes)
    if missing := plan(name, [f"seeds={','.join(map(str, config.seeds))}"], **changes):
        head = f"{len(missing)} of {len(config.seeds)} results are missing; make them with:"
        raise results.MissingResult("\n".join([head, *missing]))
    parts = [load(name, **(changes | {"seeds": (seed,)})) for seed in config.seeds]
    return results.read(results.save(config, *sweeps.joined(parts)), config)


def run(name: str, device: str = "auto", max_minutes: float | None = None, **changes: Any) -> results.Result | None:
    """Train an experiment into the user's cache, with a progress bar.

    A checkpoint is written after each generation, and with images every few minutes: the same call goes on where an
    interrupted one stopped, exactly so on a CPU, but for the order of a GPU's sums there.  Processes that
    torchrun has started share the work: see `distributed`.

    Parameters
    ----------
    name, changes : as for `configure`.
    device : "auto" (a GPU, if there is one), "cpu", "cuda", "cuda:1".
    max_minutes : after which it stops at the next checkpoint; None for no limit.

    Returns
    -------
    The `results.Result`; None if time was out.

    Raises
    ------
    ValueError
        As `configure`, for a device that is not there, or a negative time.
    """
    config = configure(name, **changes)
    device = chosen_device(config, device)
    if max_minutes is not None and not (is_number(max_minutes) and max_minutes >= 0):
        raise ValueError(f"max_minutes = {max_minutes!r} must be a number >= 0, or None")
    with distributed.group():
        return run_study(config, KINDS[type(config)].prepare, device, max_minutes)


def chosen_device(config: Any, device: str = "auto") -> str:
    """The name of the device that an experiment will run on.

    Parameters
    ----------
    config : as from `configure`.
    device : "auto", a GPU if there is one and the experiment takes it; or the name itself.  Of several ranks on one
        machine each has its own GPU, "auto" or "cuda".

    Raises
    ------
    ValueError
        For a device that this machine or the experiment does not have.
    """
    there = ["cpu", "cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if not torch.cuda.is_available() or not config.on_gpu:
        there = ["cpu"]
    elif distributed.started():
        own = f"cuda:{distributed.local_rank()}"
        if own not in there and device != "cpu":
            raise ValueError(
                f"there are more processes than the {len(there) - 2} GPUs here; allowed are --device cpu too"
            )
        there, device = ["cpu", own], own if device == "cuda" else device
    if device == "auto":
        return there[:2][-1]
    if device not in there:
        raise ValueError(f"device = {device!r} must be one of auto, {', '.join(there)} here")
    return device


def show(result: results.Result, config: Any) -> str:
    """What `python -m sclib.experiments show NAME` prints: the source, then measured and exact by generation.

    Parameters
    ----------
    result : as `load` returns it.
    config : that made it.
    """
    return f"{result.source}\n{KINDS[type(config)].table(config, result.arrays)}"


def ship(name: str) -> pathlib.Path:
    """Copy the result of experiment `name`, as registered, from the user's cache to those that the package brings.

    Parameters
    ----------
    name : one of `EXPERIMENTS`.

    Returns
    -------
    The file, to be committed.  A result of the same experiment with other settings is removed beside it.

    Raises
    ------
    ValueError
        For a name that does not exist.
    results.MissingResult
        If the cache does not hold it.
    """
    config = configure(name)
    source, target = (folder / file_name(config) for folder in (cache_folder(), results.SHIPPED))
    if results.read_or_put_aside(source, config) is None:
        raise results.MissingResult(f"{source} is not there; make it with: {_advice(config)}")
    for old in results.SHIPPED.glob("*.npz"):
        if old.stem.rpartition("-")[0] == name:
            old.unlink()
    return pathlib.Path(shutil.copyfile(source, target))


def _advice(config):
    return f"{command(config)} (about {config.minutes})"


if __name__ == "__main__":
    from sclib.command_line import main

    main()
