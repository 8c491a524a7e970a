"""Several models of images, one a seed, behind one `fit` and `sample` with a leading axis S for the seeds."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch

from sclib.flow import Flow


class Flows:
    """Several flow models behind one `fit(data)` and `sample(n)`.

    Parameters
    ----------
    members : S of them, one a seed.
    """

    def __init__(self, members: Iterable[Flow]):
        self.members = list(members)
        self.fitting = 0  # whose fit is in progress

    @property
    def steps_made(self) -> int:
        """As `Trainer.steps_made`, of all."""
        return sum(member.steps_made for member in self.members)

    def steps_of(self, fits: int) -> int:
        """As `Trainer.steps_of`, of all."""
        return sum(member.steps_of(fits) for member in self.members)

    @property
    def on_step(self) -> Callable[[], None] | None:
        """As in `Trainer`, the same for all."""
        return self.members[0].on_step

    @on_step.setter
    def on_step(self, call: Callable[[], None] | None) -> None:
        for member in self.members:
            member.on_step = call

    def fit(self, data: torch.Tensor, weights: Any = None) -> None:
        """Fit one after the other.

        Parameters
        ----------
        data : (S, n, C, H, W), uint8.
        weights : (n,), as for `Flow.fit`, the same for all seeds.

        Raises
        ------
        ValueError
            If there are not as many seeds, or as `Flow.fit`.
        """
        if len(data) != len(self.members):
            raise ValueError(f"data has shape {tuple(data.shape)}; allowed is ({len(self.members)}, n, C, H, W)")
        while self.fitting < len(self.members):
            self.members[self.fitting].fit(data[self.fitting], weights)
            self.fitting += 1
        self.fitting = 0

    def sample(self, n: int) -> torch.Tensor:
        """Draw n images of each seed, uint8 (S, n, C, H, W).

        Parameters
        ----------
        n : an integer >= 1.
        """
        return torch.stack([member.sample(n) for member in self.members])

    def state(self) -> dict[str, np.ndarray]:
        """As `Trainer.state`, of all."""
        states = {f"{i}.{name}": v for i, member in enumerate(self.members) for name, v in member.state().items()}
        return states | {"fitting": np.asarray(self.fitting)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """As `Trainer.restore`, of all."""
        self.fitting = int(state["fitting"])
        for i, member in enumerate(self.members):
            member.restore({k.removeprefix(f"{i}."): v for k, v in state.items() if k.startswith(f"{i}.")})
