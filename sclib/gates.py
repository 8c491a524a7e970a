"""What has to hold of a judge and of the first models of images before the rounds of a loop mean anything."""

import math
from typing import Any

import numpy as np
import torch

from sclib.classifiers import calibration_error, probabilities
from sclib.kept import CLASSES

GATED = ("held-out images", "first samples", "noise of the same covariance")


def measured_gate(
    config: Any,
    classifier: Any,
    held_out: torch.Tensor,
    labels: torch.Tensor,
    images: torch.Tensor,
    first: torch.Tensor,
) -> dict[str, np.ndarray]:
    """The classifier on held-out images, on samples of the first models, and on noise.

    A top probability alone proves nothing: Gaussian noise with the mean and covariance of the training images reaches a
    good part of it.

    Parameters
    ----------
    config : an `images.Loop`.
    classifier : with `logits(images)`.
    held_out, images : (n, C, H, W), uint8, held out and trained on.
    labels : (n,), long, of the held-out images.
    first : (S, n, C, H, W), uint8, samples of the first models.

    Returns
    -------
    gate_accuracy, gate_calibration (): on held-out images.  For each of `GATED`: gate_top (3,), mean top probability;
    gate_masses (3, C), class shares; and, except for digits, which a mirror makes into something else, gate_flip (3,),
    share whose likeliest class is the same when mirrored.
    """
    generator = torch.Generator(images.device).manual_seed(0)
    kinds = (held_out, first.flatten(0, 1), _gaussian_noise(images, len(held_out), generator))
    q = [probabilities(classifier.logits(x)) for x in kinds]
    guesses = [one.argmax(-1) for one in q]
    found = {
        "gate_accuracy": np.array(float((guesses[0] == labels).double().mean())),
        "gate_calibration": np.array(calibration_error(q[0], labels)),
        "gate_top": np.array([float(one.amax(-1).mean()) for one in q]),
        "gate_masses": np.stack([np.bincount(a.cpu().numpy(), minlength=CLASSES) / len(a) for a in guesses]),
    }
    if config.data != "digits":
        mirrored = [classifier.logits(x.flip(-1)).argmax(-1) for x in kinds]
        agree = [(a == b).double().mean().item() for a, b in zip(guesses, mirrored, strict=True)]
        found["gate_flip"] = np.array(agree)
    return found


def _gaussian_noise(images, n, generator):
    """n images of Gaussian noise with the mean and covariance of `images`, clipped to 0..255."""
    x = images.flatten(1).float()
    mean = x.mean(0)
    # A sum of the centred images with independent standard normal weights has their covariance.
    z = torch.randn(n, len(x), generator=generator, device=x.device) / math.sqrt(len(x))
    noise = z @ (x - mean) + mean
    return noise.round().clamp(0, 255).to(torch.uint8).view(n, *images.shape[1:])


def gate(arrays: dict) -> str:
    """The stored gate as text.

    Parameters
    ----------
    arrays : of a result, as `measured_gate` names them, with an axis of generations in front.
    """
    lines = [
        f"classifier: accuracy {arrays['gate_accuracy'][0]:.4f}, "
        f"calibration error {arrays['gate_calibration'][0]:.4f} on held-out images"
    ]
    for i, name in enumerate(GATED):
        masses = arrays["gate_masses"][0, i]
        flip = f", same class when mirrored {arrays['gate_flip'][0, i]:.3f}" if "gate_flip" in arrays else ""
        lines.append(
            f"{name}: mean top probability {arrays['gate_top'][0, i]:.3f}{flip}, "
            f"class shares {masses.min():.3f} to {masses.max():.3f}"
        )
    return "\n".join(lines)
