"""The networks of the judges: VGG11 with batch normalisation, and a small residual network."""

import torch
from torch import nn

from sclib import checks, distributed, tensor_checks
from sclib.autoencoder import PART, SHAPE
from sclib.precision import single


class Network(nn.Module):
    """Three maps of features, the last one pooled, and a linear layer; it takes pixels (n, 3, 32, 32), float, 0..255.

    With the result of `judges.fit`, `logits` and `features` take images, uint8, as `classifiers.ImageClassifier` does.

    Parameters
    ----------
    kind : "vgg", VGG11 with batch normalisation, or "residual".
    width : channels of the first layers.
    """

    mean: torch.Tensor
    sd: torch.Tensor

    @single()
    def __init__(self, kind: str, width: int):
        super().__init__()
        kind, w = checks.one_of(kind, "kind", ("vgg", "residual")), checks.integer(width, "width", 1, 10**4)
        if kind == "vgg":
            from torchvision.models.vgg import make_layers

            # The last of VGG's five poolings is the one before the linear layer.
            plan = [w, "M", 2 * w, "M", 4 * w, 4 * w, "M", 8 * w, 8 * w, "M", 8 * w, 8 * w]
            layers, self.width = list(make_layers(plan, batch_norm=True)), 8 * w
            self.stages = nn.ModuleList([nn.Sequential(*layers[a:b]) for a, b in ((0, 8), (8, 15), (15, None))])
        else:
            self.width = 5 * w
            self.stages = nn.ModuleList(
                [
                    nn.Sequential(nn.PixelUnshuffle(2), _convolution(12, w), Residual(w)),
                    nn.Sequential(_convolution(w, 2 * w), nn.MaxPool2d(2), Residual(2 * w)),
                    nn.Sequential(_convolution(2 * w, 5 * w), nn.MaxPool2d(2), Residual(5 * w)),
                ]
            )
        self.head = nn.Linear(self.width, 10)
        self.register_buffer("mean", torch.zeros(3, 1, 1))  # of training pixels
        self.register_buffer("sd", torch.ones(3, 1, 1))

    def maps(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        """The three maps of features, (n, C, H, W) each.

        Parameters
        ----------
        pixels : (n, 3, 32, 32), float, 0..255.
        """
        found = [((pixels - self.mean) / self.sd).contiguous(memory_format=torch.channels_last)]
        for stage in self.stages:
            found.append(stage(found[-1]))
        return found[1:]

    def classify(self, last: torch.Tensor) -> torch.Tensor:
        """Logits, (n, 10).

        Parameters
        ----------
        last : (n, C, H, W), the last of `maps`.
        """
        return self.head(last.amax((2, 3)))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits, (n, 10).

        Parameters
        ----------
        pixels : (n, 3, 32, 32), float, 0..255.
        """
        return self.classify(self.maps(pixels)[-1])

    @torch.no_grad()
    def features(self, images: torch.Tensor) -> torch.Tensor:
        """What the linear layer sees, (n, width).

        Parameters
        ----------
        images : (n, 3, 32, 32), uint8.
        """
        images = tensor_checks.images(images, SHAPE).to(self.mean.device)

        def features(images):
            return torch.cat([self.maps(part.float())[-1].amax((2, 3)) for part in images.split(PART)])

        return distributed.mapped(features, images)

    @torch.no_grad()
    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """The output, (n, 10).

        Parameters
        ----------
        images : (n, 3, 32, 32), uint8.
        """
        return self.head(self.features(images))


class Residual(nn.Module):
    """x plus two convolutions of x, (n, C, H, W).

    Parameters
    ----------
    channels : C.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.change = nn.Sequential(_convolution(channels, channels), _convolution(channels, channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The sum, (n, C, H, W).

        Parameters
        ----------
        x : (n, C, H, W).
        """
        return x + self.change(x)


def _convolution(fan_in, fan_out):
    return nn.Sequential(nn.Conv2d(fan_in, fan_out, 3, padding=1, bias=False), nn.BatchNorm2d(fan_out), nn.GELU())
