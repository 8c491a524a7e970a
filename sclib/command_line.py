"""The command line of the experiments, `python -m sclib.experiments`: run one, or a sweep, and look at what it made."""

import argparse
import math
from collections.abc import Sequence

from sclib import cost, distributed, experiments, results, sweeps
from sclib.study import checkpoint


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line, `python -m sclib.experiments`.

    Parameters
    ----------
    arguments : what stands after that; None for what the shell gave.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        with distributed.group():
            if (said := _answer(options)) is not None:
                print(said)
    except KeyboardInterrupt:
        parser.exit(130, f"\ninterrupted; {_what_next(options)}\n" if distributed.is_main() else None)
    except distributed.LostRank as error:
        parser.exit(3, f"{error}; {_what_next(options)}\n")
    except (ValueError, results.MissingResult) as error:
        parser.exit(2, f"{error}\n")


def _parser():
    parser = argparse.ArgumentParser(prog="python -m sclib.experiments", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="name the experiments")
    texts = {
        "run": "train one into your cache, or go on with it",
        "show": "print a stored result",
        "ship": "copy one from your cache into the package",
        "plan": "print the commands of a sweep, one a line, without those whose results are stored",
        "join": "make one result of those of single seeds",
        "cost": "count operations and memory before anything is run",
    }
    for command, text in texts.items():
        sub = commands.add_parser(command, help=text)
        sub.add_argument("name", choices=experiments.EXPERIMENTS, metavar="NAME")
        if command != "ship":
            sub.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="change a setting")
        if command == "run":
            sub.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, ..")
            sub.add_argument("--max-minutes", type=float, help="stop at a checkpoint after this time")
        if command == "plan":
            sub.add_argument("--vary", action="append", default=[], metavar="FIELD=A,B", help="or seeds=0:50")
        if command == "cost":
            sub.add_argument("--tflops", type=float, default=1.0, help="10^12 FLOP/s that your machine sustains")
    return parser


def _answer(options) -> str | None:
    """Do what the command says; what is to be printed of it."""
    if options.command == "list":
        return "\n".join(_line(config) for config in experiments.EXPERIMENTS.values())
    if options.command == "ship":
        return f"{experiments.ship(options.name)}: commit it, and run again the chapters that load it"
    changes = _changes(options)
    config = experiments.configure(options.name, **changes)
    if options.command == "plan":
        return "\n".join(experiments.plan(options.name, options.vary, **changes)) or None
    if options.command == "cost":
        return cost.table({name: cost.cost(one) for name, one in _presets(config, changes).items()}, options.tflops)
    result: results.Result | None
    if options.command == "join":
        result = experiments.join(options.name, **changes)
    elif options.command == "run":
        result = experiments.run(options.name, options.device, options.max_minutes, **changes)
    else:
        result = experiments.load(options.name, **changes)
    return None if result is None else experiments.show(result, config)


def _presets(config, changes):
    """A config and its presets, by name, with the same changes in all."""
    name, presets = config.experiment, getattr(config, "presets", {})
    if "preset" in changes or not presets:
        return {name: config}
    return {f"{name}, {preset}": experiments.configure(name, preset, **changes) for preset in presets}


def _line(config):
    mix = "" if config.lam == math.inf else f", lambda = {config.lam:g}"
    return f"{config.experiment:28} {config.data}, K = {config.K}{mix}, {config.n} picks; about {config.minutes}"


def _what_next(options):
    """What the same command will do after an end that was not meant."""
    config = experiments.configure(options.name, **_changes(options))
    there = checkpoint(config, experiments.chosen_device(config, getattr(options, "device", "cpu"))).exists()
    what = "goes on from the last checkpoint" if there else "begins again: there was no checkpoint yet"
    return f"the same command {what}"


def _changes(options):
    return dict(sweeps.setting(text) for text in options.set)
