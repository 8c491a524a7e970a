"""The weights that are shipped: they load, say where they are from and what they reach, and are small enough."""

import re

import pytest

from sclib import first_stage, judges, latent_loop, latents, weights
from sclib.record import file_name

CONFIG = latents.EXPERIMENTS[0]
FILES = {name: judges.JUDGES[name].network for name in ("judge", "second")}
FILES |= {"stage": first_stage.STAGE.network, "flow": latent_loop.first_model(0, CONFIG)}


@pytest.mark.parametrize("name", FILES)
def test_a_file_says_where_it_is_from_and_what_it_reached(name, cache):
    _, provenance = weights.load(FILES[name], "train it")
    assert set(provenance) == set(weights.PROVENANCE) and "MIT" in provenance["licence"]
    assert "CIFAR-10" in provenance["data"]


@pytest.mark.parametrize(("name", "least"), [("judge", 0.87), ("second", 0.85)])
def test_a_judge_is_as_good_as_the_book_says(name, least, cache):
    _, provenance = weights.load(FILES[name], "train it")
    assert float(re.search(r"test accuracy (0\.\d+) in half precision", provenance["reached"])[1]) >= least


def test_drawn_pictures_are_what_both_judges_take_them_for(cache):
    """Two networks that share nothing but the data agree on far more than a tenth of what is drawn."""
    flow = latent_loop.ShippedFlow(CONFIG, 0)
    flow.fit(None)
    pictures = first_stage.load().decode(flow.sample(200))
    labels = [judges.load(name).logits(pictures).argmax(1) for name in ("judge", "second")]
    assert (labels[0] == labels[1]).double().mean() > 0.5


def test_what_a_reader_runs_is_small():
    sizes = {path.name: path.stat().st_size for path in weights.SHIPPED.glob("*.npz")}
    assert set(sizes) == {file_name(network) for network in FILES.values()}
    assert sum(sizes[file_name(FILES[name])] for name in ("judge", "stage", "flow")) <= 12e6
