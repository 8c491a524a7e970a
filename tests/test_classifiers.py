"""The classifier of the moons: it separates them, and always in the same way."""

import pytest
import torch

from sclib.classifiers import fit_classifier
from sclib.datasets import sample_moons


def moons(n, seed):
    return sample_moons(n, generator=torch.Generator().manual_seed(seed))


def test_moons_are_told_apart_on_points_not_trained_on():
    classify = fit_classifier(*moons(5_000, 0))
    x, moon = moons(5_000, 1)
    q = classify(x)
    assert q.shape == (5_000, 2)
    torch.testing.assert_close(q.sum(-1), torch.ones(5_000))
    assert (q.argmax(-1) == moon).double().mean() > 0.995


def test_same_seed_same_classifier_and_the_global_stream_is_left_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    x, moon = moons(200, 0)
    first, second, other = (fit_classifier(x, moon, steps=5, seed=seed)(x) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(first, second) and not torch.equal(first, other)


def test_leading_axes_are_kept():
    assert fit_classifier(*moons(50, 0), steps=1)(torch.zeros(3, 4, 2)).shape == (3, 4, 2)


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"points has shape \(5, 2\) and labels \(4,\)"):
        fit_classifier(torch.zeros(5, 2), torch.zeros(4, dtype=torch.long))
