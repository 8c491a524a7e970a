"""A loop in the latent space from shipped weights alone: no data, no download, less than a minute a round on a laptop.

`python -m sclib.latent_loop SEED` puts the weights of a seed's first model into the user's cache: it needs CIFAR-10.
"""

import argparse
import datetime
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from sclib import checks, datasets, first_stage, images, judges, weights
from sclib.experiments import chosen_device
from sclib.folders import writable_cache
from sclib.kept import first_fit
from sclib.latents import FIRST, FLOW, Config, LatentFlow, View
from sclib.loop import self_consuming_loop
from sclib.record import file_name
from sclib.stacked import Flows


class ShippedFlow(LatentFlow):
    """A flow whose first fit has travelled, in half precision; `fit(None)`, the loop's first, leaves it as it is.

    Parameters
    ----------
    config : a `latents.Config`.
    seed : of the experiment.
    device : "cpu", "cuda" or "cuda:1".
    """

    def __init__(self, config: Config, seed: int, device: str = "cpu"):
        super().__init__(config, seed, images.stream(seed, 0), device)
        tensors, _ = weights.load(first_model(seed, config), f"python -m sclib.latent_loop {seed}")
        self.network.load_state_dict(tensors)
        self.fits = 1

    def fit(self, data: torch.Tensor | None, weights: Any = None) -> None:
        """As `LatentFlow.fit`, of what comes after the first."""
        if data is not None:
            super().fit(data, weights)


def loop(config: Config, seed: int = 0, generations: int = 5, device: str = "auto") -> Iterator[dict[str, np.ndarray]]:
    """The rounds of a synthetic loop as they are made, 0 to the last: `image_statistics.summarise` of each.

    Parameters
    ----------
    config : a `latents.Config` of a synthetic loop.
    seed : whose first model it begins with.
    generations : rounds, an integer >= 0.
    device : "auto" (a GPU, if there is one), "cpu", "cuda" or "cuda:1".

    Raises
    ------
    ValueError
        For a mixed loop, which needs the data: that is what `experiments.run` is for; for a device that is not there.
    MissingResult
        If the weights are not there.
    """
    if config.lam != float("inf"):
        raise ValueError(f"lam = {config.lam:g} must be math.inf: a mixed loop needs the data, see experiments.run")
    seed, generations = checks.integer(seed, "seed"), checks.rounds(generations, "generations")
    device = chosen_device(config, device)
    view = View(config, first_stage.load().to(device), judges.load("judge").to(device))
    flow = ShippedFlow(config, seed, device)
    choices = [torch.Generator(device).manual_seed(images.stream(seed, 1))]
    rounds = self_consuming_loop(
        Flows([flow]), [None], view.reward, config.K, config.n,
        generations=generations, stacked=True, generator=choices,
    )  # fmt: skip
    return (view.statistics(generation)[0] for generation in rounds)


def first_model(seed: int, config: Config) -> dict:
    """What the weights of a seed's first model are filed under: all that they depend on, but for the data.

    Parameters
    ----------
    seed : of the experiment.
    config : a `latents.Config`.
    """
    return first_fit(config, FIRST, seed=seed, stage=first_stage.STAGE.network)


def keep(seed: int, config: Config) -> None:
    """Train a seed's first model, or take it from the cache, and put its weights there in half precision.

    Parameters
    ----------
    seed : of the experiment.
    config : a `latents.Config`.
    """
    stage = first_stage.load()
    x, _ = datasets.cifar10("train")
    flow = LatentFlow(config, seed, images.stream(seed, 0), "cpu")
    flow.fit(torch.cat([stage.encode(x), stage.encode(x.flip(-1))]))
    made_with = first_model(seed, config)
    trained = f"{config.model.first_steps} steps on the latents of both mirror images"
    made = {"date": datetime.date.today().isoformat(), "data": datasets.cifar10_source(), "licence": judges.LICENCE}
    reached = "see the gate of cifar10-latent-control"
    path = writable_cache() / "weights" / file_name(made_with)
    weights.save(path, made_with, flow.network.state_dict(), made | {"trained": trained, "reached": reached})
    print(path)


def main(arguments: list[str] | None = None) -> None:
    """Put the weights of a seed's first model into the user's cache.

    Parameters
    ----------
    arguments : of the command line; None for what the shell gave.
    """
    parser = argparse.ArgumentParser(prog="python -m sclib.latent_loop", description="Keep a first model's weights.")
    parser.add_argument("seed", type=int)
    keep(parser.parse_args(arguments).seed, Config(FIRST, "cifar10", "class", model=FLOW))


if __name__ == "__main__":
    main()
