"""The first stage's networks: an encoder and a decoder between 32 x 32 images and 128 numbers, and an adversary."""

from typing import Any

import torch
from torch import nn

from sclib import distributed, tensor_checks
from sclib.precision import single

SHAPE = (3, 32, 32)
LEVELS = 32.0  # of a latent, as a byte, in one standard deviation; bytes reach to 3.98 of them on either side
MIDDLE = 127.5
PART = 100  # images at a time: on a CPU their maps stay in its cache


class Autoencoder(nn.Module):
    """Images to latents of 4 x 4 places, and back.

    The encoder sees an image and what a classifier sees in it, so that the few numbers of a latent tell what the image
    shows before they tell its details.  Each channel of the latents has mean 0 and variance 1 over the training images.
    Where latents are kept, a model's data or what it draws, they are bytes: rounding them, by .009 standard deviations,
    is far below the decoder's noise.

    Parameters
    ----------
    widths : of the decoder's maps, 16, 8 and 4 wide.
    channels : numbers of a latent at each of its places.
    critic : the classifier, a `judge_network.Network`; it becomes part of the encoder, and stays as it is.
    """

    @single()
    def __init__(self, widths: tuple, channels: int, critic: Any):
        super().__init__()
        a, b, c = widths
        self.shape, self.critic = (channels, 4, 4), critic
        e, f, g = (max(8, width // 2) for width in widths)  # the encoder's task is the easier one
        self.look = nn.Sequential(
            nn.PixelUnshuffle(2), nn.Conv2d(12, e, 3, padding=1), Block(e), nn.Conv2d(e, f, 4, 2, 1), Block(f),
            nn.Conv2d(f, g, 4, 2, 1), Block(g),
        )  # fmt: skip
        self.encoder = nn.Sequential(
            nn.Conv2d(g + critic.width, g, 1), Block(g), _norm(g), nn.SiLU(), nn.Conv2d(g, channels, 1),
            nn.BatchNorm2d(channels, affine=False, momentum=0.01),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Conv2d(channels, c, 1), Block(c), nn.Conv2d(c, 4 * b, 1), nn.PixelShuffle(2), Block(b), Block(b),
            nn.Conv2d(b, 4 * a, 1), nn.PixelShuffle(2), Block(a), Block(a), _norm(a), nn.SiLU(),
            nn.Conv2d(a, 48, 3, padding=1), nn.PixelShuffle(2), nn.Conv2d(12, 16, 3, padding=1), nn.SiLU(),
            nn.Conv2d(16, 3, 3, padding=1),
        )  # fmt: skip

    def train(self, mode: bool = True) -> "Autoencoder":
        """As any module's, but for the critic, which is not trained.

        Parameters
        ----------
        mode : whether the rest is.
        """
        super().train(mode)
        self.critic.eval()
        return self

    def latents(self, pixels: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """Latents, in standard deviations, (n, channels, 4, 4).

        Parameters
        ----------
        pixels : (n, 3, 32, 32), float, 0..255.
        seen : the last of the critic's maps of these, (n, C, 4, 4).
        """
        return self.encoder(torch.cat([self.look(scaled(pixels)), seen], 1))

    @torch.no_grad()
    def encode(self, images: torch.Tensor) -> torch.Tensor:
        """Latents of images as bytes, uint8 (n, channels, 4, 4).

        Parameters
        ----------
        images : (n, 3, 32, 32), uint8.
        """
        images = tensor_checks.images(images, SHAPE)

        def latents(images):
            parts = (part.float() for part in images.split(PART))
            return torch.cat([to_bytes(self.latents(part, self.critic.maps(part)[-1])) for part in parts])

        return distributed.mapped(latents, images)

    @torch.no_grad()
    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """The images of latents, uint8 (n, 3, 32, 32).

        Parameters
        ----------
        latents : (n, channels, 4, 4), uint8.
        """
        latents = tensor_checks.images(latents, self.shape, "latents")

        def images(latents):
            parts = [pixels(self.decoder(from_bytes(part))) for part in latents.split(PART)]
            return torch.cat([part.round().clamp(0, 255).to(torch.uint8) for part in parts])

        return distributed.mapped(images, latents)


class Block(nn.Module):
    """x plus two normalised convolutions of x, (n, C, H, W).

    Parameters
    ----------
    channels : C.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.change = nn.Sequential(
            _norm(channels), nn.SiLU(), nn.Conv2d(channels, channels, 3, padding=1),
            _norm(channels), nn.SiLU(), nn.Conv2d(channels, channels, 3, padding=1),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The sum, (n, C, H, W).

        Parameters
        ----------
        x : (n, C, H, W).
        """
        return x + self.change(x)


class Adversary(nn.Module):
    """Scores of a critic's maps of features: (n, 1, H, W) each, high for original images.

    Parameters
    ----------
    widths : channels of each of the maps.
    """

    @single()
    def __init__(self, widths: tuple):
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width, 64, 1), nn.LeakyReLU(0.2), nn.Conv2d(64, 64, 3, padding=1), nn.LeakyReLU(0.2),
                nn.Conv2d(64, 1, 1),
            )
            for width in widths
        )  # fmt: skip

    def forward(self, maps: list[torch.Tensor]) -> list[torch.Tensor]:
        """The scores, (n, 1, H, W) each.

        Parameters
        ----------
        maps : (n, C, H, W) each.
        """
        return [head(x) for head, x in zip(self.heads, maps, strict=True)]


def scaled(grey: torch.Tensor) -> torch.Tensor:
    """Pixels from -1 to 1.

    Parameters
    ----------
    grey : any shape, 0..255.
    """
    return grey / MIDDLE - 1


def pixels(x: torch.Tensor) -> torch.Tensor:
    """What `scaled` is the inverse of: pixels 0..255.

    Parameters
    ----------
    x : any shape, -1 to 1.
    """
    return (x + 1) * MIDDLE


def to_bytes(latents: torch.Tensor) -> torch.Tensor:
    """Latents as uint8; those beyond 3.98 are cut.

    Parameters
    ----------
    latents : any shape, in standard deviations.
    """
    return (latents * LEVELS + MIDDLE).round().clamp(0, 255).to(torch.uint8)


def from_bytes(latents: torch.Tensor) -> torch.Tensor:
    """What `to_bytes` rounded, float32.

    Parameters
    ----------
    latents : any shape, uint8.
    """
    return (latents.float() - MIDDLE) / LEVELS


def _norm(channels):
    return nn.GroupNorm(8, channels)
