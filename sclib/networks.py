"""The networks of the flow model: the velocity of images (n, C, H, W) at times (n,), and the time's features."""

import math
from typing import Any

import torch
from torch import nn


def network(shape: tuple, settings: Any) -> nn.Module:
    """The network that a flow's settings ask for; torchcfm's is imported only here, as it brings many packages.

    Parameters
    ----------
    shape : (C, H, W) of an image.
    settings : a `flow.Settings`.
    """
    if settings.network == "mlp":
        return ResidualMLP(shape, settings.width, settings.depth)
    from torchcfm.models.unet import UNetModel

    return UNetModel(
        shape, settings.width, settings.depth, num_heads=4, num_head_channels=64, attention_resolutions="16"
    )


class ResidualMLP(nn.Module):
    """The velocity of images (n, C, H, W), all pixels at once, at times (n,).

    Parameters
    ----------
    shape : (C, H, W).
    width : units of a hidden layer.
    depth : residual blocks.
    """

    def __init__(self, shape: tuple, width: int, depth: int):
        super().__init__()
        pixels = math.prod(shape)
        self.enter, self.time = nn.Linear(pixels, width), nn.Linear(16, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
            for _ in range(depth)
        )
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, pixels))

    def forward(self, t: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """The velocity, (n, C, H, W).

        Parameters
        ----------
        t : (n,), times from 0 to 1.
        x : (n, C, H, W), on the scale of the noise.
        """
        time = self.time(time_features(math.pi / 2 * t[:, None]))
        h = self.enter(x.flatten(1))
        for block in self.blocks:
            h = h + block(h + time)
        return self.leave(h).view_as(x)


def time_features(phi: torch.Tensor) -> torch.Tensor:
    """Sines and cosines of 1 to 8 times an angle: (..., 16).

    Parameters
    ----------
    phi : (..., 1), radians.
    """
    angles = phi * torch.arange(1, 9, device=phi.device)
    return torch.cat([angles.sin(), angles.cos()], -1)
