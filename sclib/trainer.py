"""What the models that are retrained share: fits, the first and later ones, that go on where they were interrupted."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from sclib import distributed


class Trainer:
    """A model fitted by AdamW, whose rate rises over a part `warmup` of a fit, then falls to zero along a cosine.

    A subclass has `parameters()`, what is learned; `tensors()` and `put(tensors)`, all that its state holds by name;
    and calls `descend` in its `fit`.  If `on_step`, called after each optimiser step, raises, the next `fit` with the
    same data goes on at the next step; so it does in a model that took over `state()`.

    Parameters
    ----------
    settings : with first_steps and first_lr, of the first fit, from random weights; and steps and lr, of each later
        fit, which starts from the weights it finds.
    streams : random ones, by name, which the state holds.
    """

    warmup = 0.0
    betas = (0.9, 0.999)

    def __init__(self, settings: Any, streams: dict[str, torch.Generator]):
        self.settings, self.streams = settings, streams
        self.fits = 0  # completed fits
        self.step = 0  # steps made of the fit in progress
        self.optimizer: Any = None  # of the fit in progress
        self.on_step: Callable | None = None

    def parameters(self) -> list[torch.Tensor]:
        """What is learned, in a fixed order.

        Raises
        ------
        NotImplementedError
            In this base class.
        """
        raise NotImplementedError

    def tensors(self) -> dict[str, torch.Tensor]:
        """All that the state holds besides random streams and the fit in progress.

        Raises
        ------
        NotImplementedError
            In this base class.
        """
        raise NotImplementedError

    def put(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take over what `tensors` gave.

        Parameters
        ----------
        tensors : by the names that `tensors` gave, and more.

        Raises
        ------
        NotImplementedError
            In this base class.
        """
        raise NotImplementedError

    @property
    def steps_made(self) -> int:
        """Optimiser steps of all fits so far, those of a first fit that was taken over included."""
        return self.step + self.steps_of(self.fits)

    def steps_of(self, fits: int) -> int:
        """Optimiser steps of the first fits.

        Parameters
        ----------
        fits : how many, >= 0.
        """
        return self.settings.first_steps + (fits - 1) * self.settings.steps if fits else 0

    def descend(self, loss: Callable[[], torch.Tensor], steps: int | None = None, lr: float | None = None) -> None:
        """One fit, or what is left of it, by AdamW.

        Parameters
        ----------
        loss : -> a scalar, of a new batch at each call.
        steps : optimiser steps of the fit; None for as many as the settings say.
        lr : the highest learning rate; None as the settings say.
        """
        s = self.settings
        default = (s.first_steps, s.first_lr) if self.fits == 0 else (s.steps, s.lr)
        steps, lr = default[0] if steps is None else steps, default[1] if lr is None else lr
        parameters = [parameter.requires_grad_() for parameter in self.parameters()]
        distributed.align(parameters)
        if self.optimizer is None:
            self.optimizer = self._adamw(parameters)
        while self.step < steps:
            rise = min(1.0, (self.step + 1) / (self.warmup * steps + 1))
            for group in self.optimizer.param_groups:
                group["lr"] = lr * rise * (1 + math.cos(math.pi * self.step / steps)) / 2
            self.optimizer.zero_grad()
            loss().backward()
            distributed.sum_gradients(parameters)
            self.optimizer.step()
            self.step += 1
            if self.on_step:
                self.on_step()
        for parameter in parameters:
            parameter.requires_grad_(False).grad = None
        self.fits, self.step, self.optimizer = self.fits + 1, 0, None

    def state(self) -> dict[str, np.ndarray]:
        """Everything that `restore` needs to go on as if never interrupted, also within a fit."""
        state = self.tensors() | {name: stream.get_state() for name, stream in self.streams.items()}
        if self.optimizer is not None:
            for i, moments in self.optimizer.state_dict()["state"].items():
                state |= {f"optimizer.{i}.{name}": tensor for name, tensor in moments.items()}
        state |= {"fits": torch.tensor(self.fits), "step": torch.tensor(self.step)}
        return {name: tensor.detach().cpu().numpy().copy() for name, tensor in state.items()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Put back what `state` gave.

        Parameters
        ----------
        state : of a model of the same settings, seeds and kind of device.
        """
        tensors = {name: torch.as_tensor(np.array(array)) for name, array in state.items()}
        self.put(tensors)
        for name, stream in self.streams.items():
            stream.set_state(tensors[name])
        self.fits, self.step, self.optimizer = int(state["fits"]), int(state["step"]), None
        if self.step:
            self.optimizer = self._adamw(self.parameters())
            put_moments(self.optimizer, under("optimizer", tensors))

    def _adamw(self, parameters):
        return torch.optim.AdamW(parameters, weight_decay=0.0, betas=self.betas, fused=True)


def put_moments(optimizer: torch.optim.Optimizer, moments: dict[str, torch.Tensor]) -> None:
    """Give an optimiser its state back, laid out as each weight: fused AdamW asks for it.

    Parameters
    ----------
    optimizer : a new one of the same parameters.
    moments : by names "0.exp_avg", the place of the parameter and the name of the moment.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, found in moments.items():
        i, kind = name.split(".")
        if found.ndim:  # not the count of steps; a weight may be channels last
            found = torch.empty_like(parameters[int(i)], requires_grad=False).copy_(found)
        state.setdefault(int(i), {})[kind] = found
    optimizer.load_state_dict(optimizer.state_dict() | {"state": state})


def under(name: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Those tensors whose names begin with "name.", by the rest of their names.

    Parameters
    ----------
    name : what they begin with, without the dot.
    tensors : by name.
    """
    return {key.removeprefix(f"{name}."): tensor for key, tensor in tensors.items() if key.startswith(f"{name}.")}
