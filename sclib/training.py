"""A long training that can be cut short at any step and goes on from there, exactly: networks, optimisers, a step."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

from sclib import parts, results
from sclib.folders import writable_cache
from sclib.record import file_name
from sclib.trainer import put_moments, under

SAVE_EVERY = 60.0  # seconds between checkpoints


class Training:
    """A training, step by step: iterate over it, and make one step each time.

    What happens at a step must depend on nothing but its number and the networks: draws take a generator of its own,
    `stream`.  A checkpoint in the user's cache is written every minute and at the end; a new `Training` of the same
    config goes on from it.

    Parameters
    ----------
    config : under which the checkpoint is filed, with `experiment` and `version`.
    steps : in all.
    networks, optimizers : by name.
    max_minutes : after which iteration ends early, and `finished` is False; None for no limit.
    report : takes a line on progress, with the time left, at each checkpoint.
    """

    def __init__(
        self,
        config: Any,
        steps: int,
        networks: Mapping[str, nn.Module],
        optimizers: Mapping[str, torch.optim.Optimizer],
        max_minutes: float | None = None,
        report: Callable[[str], None] = print,
    ):
        self.config, self.steps, self.networks, self.optimizers = config, steps, networks, optimizers
        self.report, self.step, self.loss = report, 0, math.nan  # the body of the iteration may put its loss here
        self.start = time.monotonic()
        self.deadline = math.inf if max_minutes is None else self.start + 60 * max_minutes
        self.path = writable_cache() / "checkpoints" / file_name(config)
        if (stored := results.read_or_put_aside(self.path, config)) is not None:
            self._restore({name: torch.as_tensor(array) for name, array in stored.arrays.items()})
        self.first, self.saved = self.step, self.start

    @property
    def finished(self) -> bool:
        """Whether all steps are made."""
        return self.step == self.steps

    def __iter__(self) -> Iterator[int]:
        while not self.finished:
            yield self.step
            self.step += 1
            now = time.monotonic()
            if self.finished or now > min(self.deadline, self.saved + SAVE_EVERY):
                self._save()
                self.saved = now
                left = (now - self.start) / (self.step - self.first) * (self.steps - self.step) / 60
                self.report(f"step {self.step} of {self.steps}, loss {self.loss:.3f}, {left:.0f} min left")
            if now > self.deadline:
                return

    def _save(self):
        state = {"step": torch.tensor(self.step)}
        for name, network in self.networks.items():
            state |= {f"{name}.{key}": tensor for key, tensor in network.state_dict().items()}
        for name, optimizer in self.optimizers.items():
            for i, moments in optimizer.state_dict()["state"].items():
                state |= {f"{name}.{i}.{key}": tensor for key, tensor in moments.items() if tensor is not None}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        parts.write_split(self.path, self.config, {key: tensor.numpy() for key, tensor in state.items()})

    def _restore(self, tensors):
        self.step = int(tensors["step"])
        for name, network in self.networks.items():
            network.load_state_dict(under(name, tensors))
        for name, optimizer in self.optimizers.items():
            put_moments(optimizer, under(name, tensors))


def stream(seed: int, step: int, use: int = 0) -> torch.Generator:
    """The generator of a step: no three numbers give another's draws.

    Parameters
    ----------
    seed : of the training.
    step : below 500,000.
    use : below 100.
    """
    return torch.Generator().manual_seed((seed * 100 + use) * 500_000 + step)
