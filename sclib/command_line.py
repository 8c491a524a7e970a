"""The command line of the experiments: `python -m sclib.experiments list | run NAME | show NAME | ship NAME`."""

import argparse
import ast
import math
from collections.abc import Sequence

from sclib import distributed, experiments, results
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
    }
    for command, text in texts.items():
        sub = commands.add_parser(command, help=text)
        sub.add_argument("name", choices=experiments.EXPERIMENTS, metavar="NAME")
        if command != "ship":
            sub.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="change a setting")
        if command == "run":
            sub.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, ..")
            sub.add_argument("--max-minutes", type=float, help="stop at a checkpoint after this time")
    return parser


def _answer(options) -> str | None:
    """Do what the command says; what is to be printed of it."""
    if options.command == "list":
        return "\n".join(_line(config) for config in experiments.EXPERIMENTS.values())
    if options.command == "ship":
        return f"{experiments.ship(options.name)}: commit it, and run again the chapters that load it"
    changes = _changes(options)
    config = experiments.configure(options.name, **changes)
    if options.command == "run":
        result = experiments.run(options.name, options.device, options.max_minutes, **changes)
    else:
        result = experiments.load(options.name, **changes)
    return None if result is None else experiments.show(result, config)


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
    return dict(_parsed(text) for text in options.set)


def _parsed(text):
    name, _, value = text.partition("=")
    try:
        return name, math.inf if value == "inf" else ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value
