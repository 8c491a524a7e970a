"""Weights that travel: networks in half precision, one checked file each, shipped with the package or in the cache.

A file is an npz of plain arrays, as every result (`results`): no pickle, a checksum for each array, and, as JSON, what
the network is, where its training images are from, its licence and what it reached.
"""

import pathlib
from typing import Any

import numpy as np
import torch

from sclib import results

SHIPPED = pathlib.Path(__file__).with_name("weights")
PROVENANCE = ("date", "data", "licence", "trained", "reached")
LARGEST = float(np.finfo(np.float16).max)


def save(path: pathlib.Path, config: Any, tensors: dict[str, torch.Tensor], provenance: dict) -> None:
    """Write a network's tensors, floating ones rounded to half precision (11 bits, so a relative 5e-4).

    Parameters
    ----------
    path : file to write, all of it or nothing.
    config : what the network is, a dataclass or dict with `experiment` and `version`.
    tensors : its `state_dict()`.
    provenance : date, data (where the training images are from), licence, trained (how), reached (measured figures).

    Raises
    ------
    ValueError
        If an entry of the provenance is missing, or a number is not finite or beyond 65,504, half precision's end.
    """
    if missing := [name for name in PROVENANCE if not provenance.get(name)]:
        raise ValueError(f"provenance lacks {', '.join(missing)}; it must have {', '.join(PROVENANCE)}")
    arrays = {}
    for name, tensor in tensors.items():
        array = tensor.detach().cpu().numpy()
        if array.dtype.kind == "f":
            if not (np.abs(array) <= LARGEST).all():
                raise ValueError(f"tensors[{name!r}] has a number that is not finite or beyond {LARGEST:,.0f}")
            array = array.astype(np.float16)
        arrays[name] = array
    path.parent.mkdir(parents=True, exist_ok=True)
    results.write(path, config, arrays, provenance)


def load(config: Any, command: str) -> tuple[dict[str, torch.Tensor], dict]:
    """A network's tensors, floating ones in float32, and their provenance: shipped, or from the user's cache.

    Parameters
    ----------
    config : as for `save`.
    command : trains the network.

    Raises
    ------
    MissingResult
        If there is no such file; it names `command`.
    DamagedResult
        If the file is cut short or altered, or another network's; it names the file.
    """
    name = results.file_name(config)
    for folder in (SHIPPED, results.cache_folder() / "weights"):
        if (folder / name).is_file():
            stored = results.read(folder / name, config)
            tensors = {name: torch.as_tensor(array) for name, array in stored.arrays.items()}
            return {n: t.float() if t.is_floating_point() else t for n, t in tensors.items()}, stored.provenance
    raise results.MissingResult(f"no weights {name}; make them with: {command}")
