"""What several experiments on images share is trained once and kept in the user's cache: classifier, first models."""

from collections.abc import Callable
from typing import Any

import torch
from tqdm.auto import tqdm

from sclib import datasets, distributed, parts, results
from sclib.classifiers import ImageClassifier
from sclib.flow import Flow
from sclib.folders import cache_folder
from sclib.record import file_name, record

CLASSES = 10
CLASSIFIERS: dict[str, dict[str, Any]] = {
    "digits": {"kind": "cnn", "batch": 128, "lr": 0.1},
    "cifar10": {"kind": "vgg", "batch": 256, "lr": 0.1, "shift": 4, "flip": True},
}
LATER = ("steps", "lr", "calls", "chunk")  # settings on which a first fit does not depend


def trained_once(made_with: dict, device: str, model: Any, train: Callable[[], None]) -> None:
    """Put a trained model's state into one that is not, from the cache if it is there, else by training it, and keep
    it.

    Processes that want the same wait for the one that trains it.

    Parameters
    ----------
    made_with : all that its weights depend on, with "experiment" and "version", as `record.file_name` wants it.
    device : that it is trained on.
    model : with `state()` and `restore(arrays)`.
    train : trains `model`.
    """
    # What a CPU and a GPU make differs by rounding.
    file = cache_folder() / "models" / f"{device.partition(':')[0]}-{file_name(made_with)}"
    with distributed.lock(file):
        if (stored := distributed.from_main(lambda: results.read_or_put_aside(file, made_with))) is not None:
            model.restore(stored.arrays)
            return
        train()
        distributed.follow(model)
        distributed.from_main(lambda: parts.write_split(file, made_with, model.state()))


def classifier(config: Any, images: torch.Tensor, labels: torch.Tensor) -> ImageClassifier:
    """The classifier whose probabilities are the reward.

    Parameters
    ----------
    config : an `images.Config`.
    images : (n, C, H, W), uint8, to train it on.
    labels : (n,), long, 0..9.
    """
    made_with = {"experiment": f"{config.data}-classifier", "version": config.version, "steps": config.classifier_steps}
    made_with |= CLASSIFIERS[config.data] | {"source": source(config)}
    kind, settings = CLASSIFIERS[config.data]["kind"], CLASSIFIERS[config.data].copy()
    del settings["kind"]
    device = str(images.device)
    model = ImageClassifier(kind, images.shape[1:], CLASSES, device=device)

    def train():
        tqdm.write(f"training the classifier: {config.classifier_steps} steps")
        model.fit(images, labels, config.classifier_steps, **settings)

    trained_once(made_with, device, model, train)
    return model


class KeptFlow(Flow):
    """A flow model whose first fit is kept, for all experiments that begin with the same one.

    Parameters
    ----------
    config : an `images.Loop`.
    shape : (C, H, W) of an image.
    seed : of the experiment.
    stream : the seed of the model's random stream.
    device : "cpu", "cuda" or "cuda:1".
    """

    def __init__(self, config: Any, shape: tuple, seed: int, stream: int, device: str):
        super().__init__(shape, stream, config.model, device)
        self.made_with = first_fit(config, f"{config.data}-first", seed=seed, source=source(config))
        self.device = device

    def fit(self, data: torch.Tensor, weights: Any = None) -> None:
        """As `Flow.fit`, or, if it is the first and the cache has its outcome, that."""
        if self.fits:
            super().fit(data, weights)
        else:
            trained_once(self.made_with, self.device, self, lambda: super(KeptFlow, self).fit(data, weights))


def first_fit(config: Any, experiment: str, **also: Any) -> dict[str, Any]:
    """What a first fit depends on, as `trained_once` wants it.

    Parameters
    ----------
    config : with the `model`'s settings and a `version`.
    experiment : the name to file it under.
    also : what else it depends on: the seed, the data.
    """
    begin = {name: value for name, value in record(config.model).items() if name not in LATER}
    return {"experiment": experiment, "version": config.version, **begin, **also}


def source(config: Any) -> str:
    """Where the images come from.

    Parameters
    ----------
    config : an `images.Loop`.
    """
    return datasets.cifar10_source() if config.data == "cifar10" else "scikit-learn's digits"
