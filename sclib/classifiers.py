"""Classifiers, of points in the plane and of images: what turns a sample into class probabilities, and so a reward."""

import math

import numpy as np
import torch
from torch import nn

from sclib.datasets import checked_images


def fit_classifier(points, labels, steps=500, batch=256, width=64, seed=0):
    """Train an MLP with two hidden layers on `points` (n, 2) with `labels` (n,), 0..C-1; about a second on a CPU.

    Returns a function from points (..., 2) to class probabilities (..., C), on the device of its argument.  The same
    seed gives the same function and leaves PyTorch's global stream as it was.  Raises: ValueError for other shapes.
    """
    if points.ndim != 2 or labels.shape != points.shape[:1]:
        raise ValueError(
            f"points has shape {tuple(points.shape)} and labels {tuple(labels.shape)}; allowed (n, d), (n,)"
        )
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # layers draw their first weights from the global stream
        network = nn.Sequential(
            nn.Linear(points.shape[1], width), nn.SiLU(),
            nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, int(labels.max()) + 1),
        )  # fmt: skip
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        index = torch.randint(len(points), (batch,), generator=generator)
        loss = nn.functional.cross_entropy(network(points[index]), labels[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    network.requires_grad_(False)

    def probabilities(x):
        return network.to(x.device)(x).softmax(-1)

    return probabilities


class ImageClassifier:
    """A convolutional network that turns images, uint8 (n, C, H, W), into class probabilities.

    `kind`: "cnn", a small network for 8 x 8 images, or "vgg", torchvision's VGG11 with batch normalisation and one
    linear layer from its 512 features, for 32 x 32; `shape`: (C, H, W); `seed`: of its random streams; `device`.
    """

    def __init__(self, kind, shape, classes=10, seed=0, device="cpu"):
        self.shape = tuple(shape)
        self.generator = torch.Generator(device).manual_seed(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)  # layers draw their first weights from the global stream
            body, width = _body(kind, shape[0])
            self.network = nn.Sequential(body, nn.Linear(width, classes)).to(device)
        self.mean, self.sd = (torch.ones(shape[0], 1, 1, device=device) for _ in range(2))  # of training pixels

    def fit(self, images, labels, steps, batch=128, lr=0.1, shift=0, flip=False):
        """Train on `images` and `labels` (n,), 0 to classes - 1, by `steps` of SGD on the cross-entropy.

        Labels are not smoothed: that would flatten the probabilities, and so change the reward.
        Each image drawn is moved by up to `shift` pixels and, if `flip`, mirrored every other time.
        Raises: ValueError for images or labels of another shape or type.
        """
        images = checked_images(images, self.shape)
        if labels.shape != images.shape[:1]:
            raise ValueError(f"labels has shape {tuple(labels.shape)}; allowed is ({len(images)},)")
        device = self.generator.device
        images, labels = images.to(device), labels.to(device)
        pixels = images.double().transpose(0, 1).flatten(1)  # (C, n H W)
        self.mean, self.sd = (v[:, None, None].float() for v in (pixels.mean(1), pixels.std(1)))
        optimizer = torch.optim.SGD(self.network.parameters(), lr, momentum=0.9, nesterov=True, weight_decay=5e-4)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps)
        batch = min(batch, len(images))
        self.network.train()
        for _ in range(steps):
            index = torch.randint(len(images), (batch,), generator=self.generator, device=device)
            x = _moved(images[index], shift, flip, self.generator)
            loss = nn.functional.cross_entropy(self.network(self._normalised(x)), labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        self.network.eval()

    @torch.no_grad()
    def features(self, images):
        """What the last layer sees of `images`, uint8 (n, C, H, W): (n, width).  Raises: ValueError."""
        images = checked_images(images, self.shape)
        return torch.cat([self.network[0](self._normalised(part)) for part in images.split(2000)])

    @torch.no_grad()
    def logits(self, images):
        """The network's output for `images`, uint8 (n, C, H, W): (n, classes).  Raises: ValueError."""
        return self.network[1](self.features(images))

    def state(self):
        """What `restore` needs: a dict of NumPy arrays."""
        tensors = self.network.state_dict() | {"mean": self.mean, "sd": self.sd}
        return {name: tensor.cpu().numpy() for name, tensor in tensors.items()}

    def restore(self, state):
        """Put back what `state` gave, for a classifier of the same kind and shape."""
        tensors = {name: torch.as_tensor(array).to(self.generator.device) for name, array in state.items()}
        self.mean, self.sd = tensors.pop("mean"), tensors.pop("sd")
        self.network.load_state_dict(tensors)
        self.network.eval()

    def _normalised(self, images):
        # The only place where pixels become the network's input, in training as in use.
        return (images.float() - self.mean) / self.sd


def probabilities(logits, temperature=1.0):
    """Class probabilities q = softmax(logits / temperature) along the last axis, same shape as `logits`.

    A temperature above 1 makes them less certain and keeps their order.  Raises: ValueError unless it is positive.
    """
    if not 0 < temperature < math.inf:
        raise ValueError(f"temperature = {temperature!r} must be positive and finite")
    return (logits / temperature).softmax(-1)


def calibration_error(q, labels, bins=10):
    """Expected calibration error (Guo et al. 2017) of class probabilities `q` (n, C) for `labels` (n,), a float.

    The mean over samples of |share correct - mean top probability| in the bin, of equal width, of its top probability.
    """
    top, guess = (v.cpu().numpy() for v in q.max(-1))
    bin_of = np.minimum((top * bins).astype(int), bins - 1)
    gap = np.bincount(bin_of, (guess == labels.cpu().numpy()) - top.astype(float), bins)  # summed over each bin
    return float(np.abs(gap).sum() / len(top))


def _body(kind, channels):
    """The network up to its features, and how many these are."""
    if kind == "vgg":
        from torchvision.models import vgg11_bn

        return nn.Sequential(vgg11_bn(weights=None).features, nn.Flatten()), 512
    if kind != "cnn":
        raise ValueError(f"kind = {kind!r} must be cnn or vgg")
    layers = []
    for fan_in, fan_out, pool in ((channels, 16, False), (16, 32, True), (32, 32, True)):
        layers += [nn.Conv2d(fan_in, fan_out, 3, padding=1), nn.BatchNorm2d(fan_out), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if pool else []
    return nn.Sequential(*layers, nn.Flatten()), 32 * 2 * 2


def _moved(images, shift, flip, generator):
    """`images` (n, C, H, W), each moved by up to `shift` pixels, what comes in being black, and mirrored or not."""
    n, _, height, width = images.shape
    like = {"generator": generator, "device": images.device}
    if flip:
        mirrored = torch.rand(n, **like) < 0.5
        images = torch.where(mirrored[:, None, None, None], images.flip(-1), images)
    if shift:
        down, right = torch.randint(2 * shift + 1, (2, n, 1), **like)
        rows = down + torch.arange(height, device=images.device)  # (n, H)
        columns = right + torch.arange(width, device=images.device)  # (n, W)
        one = torch.arange(n, device=images.device)[:, None, None]
        padded = nn.functional.pad(images, (shift,) * 4)
        images = padded[one, :, rows[:, :, None], columns[:, None]].movedim(-1, 1)  # (n, C, H, W)
    return images
