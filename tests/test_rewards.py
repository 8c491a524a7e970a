"""The three rewards, at points where they can be worked out by hand."""

import math

import pytest
import torch

from sclib.choice import choice_probabilities
from sclib.rewards import class_probability, clipped_distance, confidence

Q = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])


def test_clipped_distance_is_flat_inside_and_linear_outside():
    x = torch.tensor([[4.0, 0.0], [4.0, 1.0], [4.0, -3.0], [0.0, 0.0]])
    torch.testing.assert_close(clipped_distance(x, (4, 0), 10, 1), torch.tensor([0.0, 0.0, -20.0, -30.0]))


def test_clipped_distance_keeps_leading_axes():
    assert clipped_distance(torch.zeros(3, 5, 4, 2), (4, 0), 10, 1).shape == (3, 5, 4)


def test_class_probability_and_confidence_scale_the_classifier():
    torch.testing.assert_close(class_probability(Q, 1, 5), torch.tensor([1.0, 1.5]))
    torch.testing.assert_close(confidence(Q, 10), torch.tensor([7.0, 6.0]))


def test_gamma_is_in_nats():
    # A hidden temperature would show here: certain against impossible at gamma = log 3 is three to one.
    r = class_probability(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), 0, math.log(3))
    torch.testing.assert_close(choice_probabilities(r), torch.tensor([0.75, 0.25]))


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: clipped_distance(torch.zeros(1, 2), (0, 0), -1, 1), "gamma = -1 must be >= 0 and finite"),
        (lambda: clipped_distance(torch.zeros(1, 2), (0, 0), 1, math.nan), "r_min = nan must be >= 0 and finite"),
        (lambda: class_probability(Q, 3, 1), r"favoured = 3 must be one of 0..2"),
        (lambda: class_probability(Q, -1, 1), r"favoured = -1 must be one of 0..2"),
        (lambda: confidence(Q, math.inf), "gamma = inf must be >= 0 and finite"),
    ],
)
def test_bad_arguments_are_named(call, says):
    with pytest.raises(ValueError, match=says):
        call()
