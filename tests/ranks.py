"""What each rank of `test_distributed.py` runs: experiments, with notes of what they learned from and what was picked.

`python tests/ranks.py FOLDER CASE..`, in processes that know of each other as torchrun's do; rank 0 writes into FOLDER.
`python tests/ranks.py die RANK STEP ..`: as `python -m sclib.experiments run ..`, but that rank is killed at that step,
and a checkpoint is written at each.
"""

import os
import pathlib
import signal
import sys
import tempfile

import numpy as np
import pytest
import torch
from test_experiments import TINY
from test_images import TINY as TINY_IMAGES
from test_latents import ship_small

from sclib import command_line, distributed, experiments, study

WORDS = {"seeds": (100, 101), "generations": 1, "n": 40, "n_data": 300, "width": 8, "first_steps": 3, "steps": 2}
# Batches that four ranks cannot share evenly: of five items, the last rank gets none.
CASES = {
    "digits": ("digits-class-mixed", TINY_IMAGES | {"batch": 5}),
    "unet": ("cifar10-class", {"preset": "smoke", "generations": 1, "n": 4, "n_atoms": 8}),
    "latent": ("cifar10-latent-class", {"preset": "smoke", "seeds": (100,)}),
    "plane": ("gaussians-lam0.5", TINY | {"batch": 5}),
    "ancestral": ("gaussians-k4-small-variance", TINY | {"batch": 7}),
    "words": ("words-k4-mixed", WORDS | {"batch": 5}),
    "dpo": ("words-dpo", WORDS | {"batch": 5}),
    "reinforce": ("words-reinforce", WORDS | {"batch": 5, "n": 4}),
}


def noted(name):
    """Run a case: the gradients of its steps, the picks of its rounds, and its result's arrays."""
    experiment, settings = CASES[name]
    found, note, step = {}, study.Run.note, torch.optim.AdamW.step

    def step_noted(self, *args):
        gradients = [weight.grad.numpy().ravel() for weight in self.param_groups[0]["params"]]
        found[f"gradients{len(found)}"] = np.concatenate(gradients)
        return step(self, *args)

    def note_noted(self, generation):
        found[f"picks{len(found)}"] = generation.picks.numpy()
        note(self, generation)

    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(study.Run, "note", note_noted)
        patch.setattr(torch.optim.AdamW, "step", step_noted)
        if name == "latent":
            ship_small(pathlib.Path(folder), patch)
        result = experiments.run(experiment, "cpu", **settings)
    return found | {name: value for name, value in result.arrays.items() if name != "seconds"}


def die(rank, last, *arguments):
    """Run an experiment up to the step at which a rank is killed."""
    on_step, study.SAVE_EVERY = study.Run.on_step, 0

    def on_step_or_die(self):
        on_step(self)
        if distributed.rank() == int(rank) and self.study.model.steps_made == int(last):
            os.kill(os.getpid(), signal.SIGKILL)

    study.Run.on_step = on_step_or_die
    command_line.main(["run", *arguments])


if __name__ == "__main__":
    torch.set_num_threads(1)
    first, *others = sys.argv[1:]
    if first == "die":
        die(*others)
    else:
        with distributed.group():
            for name in others:
                found = noted(name)
                if distributed.is_main():
                    np.savez(pathlib.Path(first) / f"{name}.npz", **found)
