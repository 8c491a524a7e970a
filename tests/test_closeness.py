"""Distances of pictures and of features, against closed forms and cases small enough to count."""

import math

import numpy as np
import pytest
import torch

from sclib import closeness


def test_distance_is_a_root_mean_square_in_units_of_black_to_white():
    black, white = torch.zeros(1, 1, 2, 2, dtype=torch.uint8), torch.full((1, 1, 2, 2), 255, dtype=torch.uint8)
    one_white = black.clone()
    one_white[..., 0, 0] = 255
    assert closeness.nearest_distance(white, black).tolist() == [1.0]
    assert closeness.nearest_distance(one_white, torch.cat([white, black])).item() == pytest.approx(0.5)


def test_nearest_is_the_nearest_of_all_also_in_parts():
    x, y = (torch.randint(256, (n, 3, 4, 4), dtype=torch.uint8) for n in (1_100, 40))
    expected = ((x[:, None].double() - y) / 255).square().mean((2, 3, 4)).sqrt().amin(1)
    torch.testing.assert_close(closeness.nearest_distance(x, y).double(), expected, atol=1e-7, rtol=0)


def test_frechet_distance_of_gaussians_with_commuting_covariances():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 3))
    x = (x - x.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False)).T)  # covariance is now exactly I
    a, b = np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 0.5])
    shift = np.array([0.0, 1.0, -2.0])
    assert closeness.frechet_distance(x * a + shift, x * b) == pytest.approx(5 + np.square(a - b).sum())
    assert closeness.frechet_distance(x * a, x * a) == pytest.approx(0, abs=1e-6)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    assert closeness.frechet_distance(x * a @ turn + shift, x * b @ turn) == pytest.approx(5 + np.square(a - b).sum())


def test_precision_and_recall_of_clouds_that_can_be_counted():
    grid = torch.stack(torch.meshgrid(torch.arange(6.0), torch.arange(6.0), indexing="ij"), -1).reshape(-1, 2)
    assert closeness.precision_recall(grid, grid) == (1.0, 1.0)
    assert closeness.precision_recall(grid, grid + 1_000) == (0.0, 0.0)
    half = torch.cat([grid[:18], grid[:18] + 1_000])  # half of the samples lie where there is no data
    precision, recall = closeness.precision_recall(half, grid)
    assert precision == 0.5 and recall < 1
    cluster = grid.mean(0) + 0.01 * torch.randn(36, 2, generator=torch.Generator().manual_seed(0))  # one mode left
    precision, recall = closeness.precision_recall(cluster, grid)
    assert precision == 1.0 and recall == 0.0


def test_features_may_be_tensors_or_arrays():
    x = torch.randn(50, 3)
    assert math.isclose(closeness.frechet_distance(x, 2 * x), closeness.frechet_distance(x.numpy(), 2 * x.numpy()))


def test_points_far_from_the_origin_are_told_apart():
    for n in (25, 26, 60):  # above 25 rows PyTorch goes through a matrix product
        x = torch.arange(float(n))[:, None] + 2**23
        assert closeness.precision_recall(x, x + 100 + n) == (0.0, 0.0)
        assert closeness.precision_recall(x, x) == (1.0, 1.0)
    copies = torch.randint(256, (26, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert closeness.nearest_distance(copies, copies).tolist() == [0.0] * 26


def test_no_distance_is_negative_and_one_feature_will_do():
    x = np.random.default_rng(0).normal(size=(40, 8)) + 100
    assert 0 <= closeness.frechet_distance(x, x) < 1e-6
    assert closeness.frechet_distance(x[:, :1], x[:, :1] + 2) == pytest.approx(4)
    assert closeness.frechet_distance(torch.as_tensor(x).requires_grad_(), x) < 1e-6


X = np.arange(12.0).reshape(6, 2)


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: closeness.nearest_distance(torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1)), "images has type"),
        (lambda: closeness.frechet_distance(X[:1], X), "at least 2"),
        (lambda: closeness.frechet_distance(X, X[:, :1]), "reference"),
        (lambda: closeness.frechet_distance(X * math.nan, X), "features has 12 NaN"),
        (lambda: closeness.precision_recall(X, X, k=6), "at least 7"),
        (lambda: closeness.precision_recall(X, X * math.inf), "reference has .* NaN or infinite"),
        (lambda: closeness.precision_recall(X, X, k=0), "k = 0 must be an integer >= 1"),
    ],
)
def test_bad_clouds_are_named(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_data_frames_are_read():
    frame = pytest.importorskip("pandas").DataFrame(X)
    assert closeness.precision_recall(frame, X) == (1.0, 1.0)


def test_a_ball_reaches_to_the_kth_neighbour_not_to_the_point_itself():
    reference = torch.tensor([[0.0], [1.0], [3.0], [7.0]])  # to the nearest: 1, 1, 2, 4
    x = torch.tensor([[-1.5], [2.0], [5.1], [12.0]])
    assert closeness.precision_recall(x, reference, k=1)[0] == 0.5
