"""The whole loop in one file: data, a model of your own, a reward, ten rounds of picking and refitting, a picture.

    python examples/whole_loop.py              # fully synthetic: the favourites take over
    python examples/whole_loop.py --lam 0.5    # a third of each round's weight on picks, the rest on real data

Replace `Model` by anything with `fit` and `sample`, and `reward` by what your users like.
"""

import argparse
import math

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.neighbors import KernelDensity

from sclib.loop import self_consuming_loop
from sclib.population import trajectory

K, ROUNDS, PICKS = 4, 10, 2000


class Model:
    """A kernel density estimate.  `sample` must return independent draws in random order."""

    def __init__(self, seed=0):
        self.kde, self.random = KernelDensity(bandwidth=0.1), np.random.RandomState(seed)

    def fit(self, data, weights=None):
        self.kde.fit(data.numpy(), sample_weight=None if weights is None else weights.numpy())

    def sample(self, n):
        return torch.as_tensor(self.kde.sample(n, random_state=self.random))


def reward(x):  # (n, 1) -> (n,), in nats: what lies to the right is picked e times as often, a unit further
    return x[:, 0].clamp(-2, 2)


def main(arguments=None):
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--lam", type=float, default=math.inf, help="weight of the picks against real data")
    options.add_argument("--out", default="whole_loop.png", help="where the picture goes")
    options = options.parse_args(arguments)
    generator = torch.Generator().manual_seed(0)
    data = torch.randn(PICKS, 1, generator=generator).double()

    rounds = self_consuming_loop(Model(), data, reward, K, PICKS, options.lam, ROUNDS, generator=generator)
    measured = [generation.rewards.mean().item() for generation in rounds]
    probs = np.full(PICKS, 1 / PICKS)  # the law of the data, as if each refit were perfect
    exact = trajectory(probs, reward(data).numpy(), K, ROUNDS, options.lam) @ reward(data).numpy()

    plt.plot(exact, label="exact law of the data")
    plt.plot(measured, "o", label="trained")
    plt.xlabel("round"), plt.ylabel("mean reward (nats)"), plt.legend(), plt.savefig(options.out)
    return measured, exact


if __name__ == "__main__":
    main()
