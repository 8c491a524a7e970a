"""A flow model for images: conditional flow matching (Lipman et al. 2023; Tong et al. 2024) with torchcfm's paths.

Noise x_0 ~ N(0, I) goes to an image x_1 along the line x_t = (1 - t) x_0 + t x_1.  The network learns its velocity,
E[x_1 - x_0 | x_t], and a sample is the end of dx/dt = velocity(t, x), started at noise.  torchcfm is imported where it
is used: it brings many packages, and takes seconds.
"""

import dataclasses
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch

from sclib import checks, distributed, tensor_checks
from sclib.networks import network
from sclib.pairing import path, shortest_pairing
from sclib.precision import has_bfloat16, single
from sclib.settings import check_counts, check_numbers, check_one_of, coerce
from sclib.trainer import Trainer

NETWORKS = ("mlp", "unet")
PAIRINGS = ("independent", "ot")


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a flow model is made of; `Settings()` is what the book's experiments on digits use.

    Neither averaged weights (EMA) nor clipped gradients are among them.  On the digits, seeds 100-102, they were of no
    use: the rate falls to zero in each fit, so averages (decay .99, .999) leave the first fit's top probability at
    .959-.964 and send on .77 and .09 of a round's change instead of .91; gradients are seldom longer than 0.5.
    """

    network: str = "mlp"  # "mlp", residual, on all pixels at once; or "unet", torchcfm's
    width: int = 320  # units of a hidden layer of the MLP, channels of the U-Net at full resolution
    depth: int = 3  # residual blocks: of the MLP, or at each resolution of the U-Net
    pairing: str = "independent"  # of noise and images in a batch; or "ot", the pairs of the shortest way in all
    first_steps: int = 6000  # optimiser steps of the first fit, from random weights
    steps: int = 200  # of each later fit, which starts from the weights it finds
    batch: int = 256  # images in a step
    first_lr: float = 4e-3  # AdamW's learning rate at its highest, from which it falls to zero along a cosine
    lr: float = 1.5e-3
    warmup: float = 0.03  # part of a fit over which the learning rate rises to its highest
    flip: bool = False  # mirror each image of a batch, left to right, every other time
    calls: int = 16  # network calls of the sampler, two in each midpoint step
    chunk: int = 2000  # images that go through the network together in sampling

    def __post_init__(self):
        coerce(self)
        check_one_of(self, "network", NETWORKS)
        check_one_of(self, "pairing", PAIRINGS)
        check_counts(self, "width", "depth", "first_steps", "steps", "batch", "calls", "chunk")
        check_numbers(self, "first_lr", "lr")
        check_numbers(self, "warmup", below=1.0)
        if self.calls % 2:
            raise ValueError(f"calls = {self.calls} must be even: a midpoint step makes two")


class Flow(Trainer):
    """One flow model of images: `fit(data)`, `sample(n)`.

    On a GPU the network runs compiled, with channels last, and in bfloat16 where the GPU has it and that is safe.

    Parameters
    ----------
    shape : (C, H, W) of an image.
    seed : of its random stream.
    settings : `Settings()` if None.
    device : "cpu", "cuda" or "cuda:1".
    """

    @single()
    def __init__(self, shape: Sequence[int], seed: int = 0, settings: Settings | None = None, device: str = "cpu"):
        (seed,) = checks.seeds([seed], "seed")
        self.generator = torch.Generator(device).manual_seed(seed)
        super().__init__(settings or Settings(), {"generator": self.generator})
        self.warmup = self.settings.warmup
        self.shape = tuple(checks.integer(size, "shape", 1, 10_000) for size in shape)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)  # layers draw their first weights from the global stream
            self.network = network(self.shape, self.settings).to(device).requires_grad_(False)
        self.call: Callable[..., torch.Tensor] = self.network
        on_gpu = self.generator.device.type == "cuda"
        self.channels_last = on_gpu
        self.bfloat16 = on_gpu and has_bfloat16(device)
        if on_gpu:
            self.network.to(memory_format=torch.channels_last)
            self.call = torch.compile(self.network, dynamic=False)  # one program for training, one for sampling

    @single()
    def fit(self, data: torch.Tensor, weights: Any = None) -> None:
        """One fit, the first or a later one, or what is left of it.

        Parameters
        ----------
        data : (n, C, H, W), uint8.
        weights : (n,), >= 0, what each image weighs; all the same by default.

        Raises
        ------
        ValueError
            For data of another shape or type, or weights that don't fit.

        Source
        ------
        Lipman et al. 2023, the conditional flow matching loss; Tong et al. 2024 for pairing "ot".
        """
        data = tensor_checks.images(data, self.shape, "data").to(self.generator.device)
        weights = tensor_checks.weights(weights, len(data))
        self.network.train()
        self.descend(lambda: self._loss(data, weights))
        self.network.eval()

    def _loss(self, data, weights):
        s = self.settings
        x1 = self.enter(data[self._draw(len(data), weights)])
        if s.flip:
            mirrored = torch.rand(len(x1), **self._stream) < 0.5
            x1 = torch.where(mirrored[:, None, None, None], x1.flip(-1), x1)
        x0, t = self._randn(len(x1)), self._strata(len(x1))
        if s.pairing == "ot":
            x1 = x1[shortest_pairing(x0, x1)]
        part, weight = distributed.share(len(x1))
        x, velocity = path(x0[part], x1[part], t[part])
        return weight * (self._predicted(t[part], x) - velocity).square().mean()

    @torch.no_grad()
    @single()
    def sample(self, n: int) -> torch.Tensor:
        """Draw n images, uint8 (n, C, H, W).

        Parameters
        ----------
        n : an integer >= 1.

        Raises
        ------
        ValueError
            For another `n`, or before the first fit.
        """
        n = checks.integer(n, "n", 1)
        if self.fits == 0:
            raise ValueError("sample(n) needs a fitted model; call fit(data) first")
        sizes = [min(self.settings.chunk, n - start) for start in range(0, n, self.settings.chunk)]
        # A compiled network is compiled again for another size: the last, smaller chunk is drawn whole and cut.
        x = torch.cat([distributed.mapped(self._solve, self._randn(max(sizes)))[:size] for size in sizes])
        return self.leave(x)

    def enter(self, data: torch.Tensor) -> torch.Tensor:
        """Pixels on the scale of the noise, float32.

        Parameters
        ----------
        data : (n, C, H, W), uint8, 0..255.

        Returns
        -------
        Tensor (n, C, H, W), from -1 to 1.
        """
        return data.float() / 127.5 - 1

    def leave(self, x: torch.Tensor) -> torch.Tensor:
        """What `enter` is the inverse of: pixels, uint8.

        Parameters
        ----------
        x : (n, C, H, W), on the scale of the noise; what lies outside [-1, 1] is cut off.
        """
        return ((x + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)

    def parameters(self) -> list[torch.Tensor]:
        """As `Trainer.parameters`: the network's."""
        return list(self.network.parameters())

    def tensors(self) -> dict[str, torch.Tensor]:
        """As `Trainer.tensors`."""
        return {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}

    def put(self, tensors: dict[str, torch.Tensor]) -> None:
        """As `Trainer.put`."""
        prefix = "network."
        self.network.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
        self.network.train(bool(tensors["step"]))

    def _solve(self, x):
        """The midpoint rule from t = 0 to 1."""
        steps = self.settings.calls // 2
        for i in range(steps):
            middle = x + self._velocity(i / steps, x) / (2 * steps)
            x = x + self._velocity((i + 0.5) / steps, middle) / steps
        return x

    def _velocity(self, t, x):
        return self._predicted(x.new_full((len(x),), t), x)

    def _predicted(self, t, x):
        """The network's velocity, float32; uncompiled from the first time that compiling fails, which is said."""
        if self.channels_last:
            x = x.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.generator.device.type, torch.bfloat16, enabled=self.bfloat16):
            try:
                return self.call(t, x).float()
            except Exception as error:
                if self.call is self.network:
                    raise
                reason = f"{type(error).__name__}: {error}".splitlines()[0]
                warnings.warn(
                    f"the network runs uncompiled, and slower, since compiling failed: {reason}", stacklevel=2
                )
                self.call = self.network
                return self.call(t, x).float()

    def _draw(self, n, weights):
        if weights is None:
            return torch.randint(n, (self.settings.batch,), **self._stream)
        weights = weights.to(self.generator.device)
        return torch.multinomial(weights, self.settings.batch, replacement=True, generator=self.generator)

    def _randn(self, n):
        return torch.randn(n, *self.shape, **self._stream)

    def _strata(self, n):
        # One time in each of n strata of [0, 1] makes gradients less noisy.
        return (torch.arange(n, device=self.generator.device) + torch.rand(n, **self._stream)) / n

    @property
    def _stream(self):
        return {"generator": self.generator, "device": self.generator.device}
