"""What the first stage is trained by: pixels, a classifier's features and probabilities, and an adversary."""

import math
from typing import Any

import torch
from torch import nn

from sclib.autoencoder import SHAPE, Adversary, Autoencoder, pixels, scaled
from sclib.judge_network import Network


class Losses:
    """The networks of a training, and its two losses.

    Parameters
    ----------
    stage : a `first_stage.Stage`.
    critic : whose features and probabilities are compared; it takes no gradients.
    """

    def __init__(self, stage: Any, critic: Network):
        self.stage, self.critic = stage, critic
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stage.seed)  # layers draw their first weights from the global stream
            self.autoencoder = Autoencoder(stage.widths, stage.channels, critic)
            self.label = nn.Linear(math.prod(self.autoencoder.shape), 10)
            widths = [x.shape[1] for x in critic.maps(torch.zeros(2, *SHAPE))]
            self.adversary = Adversary(tuple(widths))

    def learned(self) -> list[torch.Tensor]:
        """What the autoencoder's loss is minimised over."""
        weights = [weight for weight in self.autoencoder.parameters() if weight.requires_grad]  # not the critic's
        return [*weights, *self.label.parameters()]

    def generator(
        self, x: torch.Tensor, labels: torch.Tensor, draws: torch.Generator, adversarial: bool
    ) -> tuple[torch.Tensor, tuple[list[torch.Tensor], list[torch.Tensor]]]:
        """The loss of the autoencoder, and the critic's maps of images and of what becomes of them, for
        `discriminator`.

        Parameters
        ----------
        x : (n, 3, 32, 32), float, 0..255.
        labels : (n,), long, 0..9.
        draws : of the decoder's noise.
        adversarial : whether the adversary has a say.
        """
        s = self.stage
        with torch.no_grad():
            real = self.critic.maps(x)
            meant = self.critic.classify(real[-1]).softmax(1)
        z = self.autoencoder.latents(x, real[-1])
        y = self.autoencoder.decoder(z + s.noise * torch.randn(z.shape, generator=draws))
        made = self.critic.maps(pixels(y))
        said = self.critic.classify(made[-1]).log_softmax(1)
        loss = (
            s.pixel * (scaled(x) - y).abs().mean()
            + s.perceptual * sum(_distance(a, b) for a, b in zip(real, made, strict=True))
            + s.outputs * nn.functional.kl_div(said, meant, reduction="batchmean")
            + s.label * nn.functional.cross_entropy(self.label(z.flatten(1)), labels)
        )
        if adversarial:
            loss = loss - s.adversarial * sum(v.mean() for v in self.adversary(made)) / len(made)
        return loss, (real, [v.detach() for v in made])

    def discriminator(self, real: list[torch.Tensor], made: list[torch.Tensor]) -> torch.Tensor:
        """The adversary's hinge loss.

        Parameters
        ----------
        real, made : the critic's maps, (n, C, H, W) each.
        """
        scores = zip(self.adversary(real), self.adversary(made), strict=True)
        return sum((1 - a).relu().mean() + (1 + b).relu().mean() for a, b in scores) / len(real)


def _distance(a, b):
    """Mean absolute difference of maps of features, each channel in units of its root mean square in its batch."""
    return (_in_units(a) - _in_units(b)).abs().mean()


def _in_units(a):
    return a / (a.square().mean((0, 2, 3), keepdim=True).sqrt() + 0.05)
