"""Retraining without a choice: how fast an error shrinks, how far finite samples wander (Theorem 2.2)."""

import math

import numpy as np
from numpy.typing import ArrayLike

from sclib import array_checks, checks
from sclib.bounds._common import positive, sample_count

MAX_CONDITION = 1e12  # of a matrix to be inverted: four digits are left


def retraining_rate(lam: float, alpha: float, L: float, epsilon: float) -> float:
    """How a round without a choice contracts: lam (alpha + epsilon L) / (alpha + lam (alpha - epsilon L)).

    KL falls like the rate^{2t} if L epsilon < alpha and lam < alpha / (2 L epsilon).

    Parameters
    ----------
    lam : >= 0 or inf.
    alpha, L : > 0 and >= 0, of Assumption 2.2.
    epsilon : >= 0, the Wasserstein distance from the data to the best model.

    Returns
    -------
    A float >= 0; inf where the theorem is silent.

    Raises
    ------
    ValueError
        For an argument out of range.

    Source
    ------
    Theorem 2.2.
    """
    lam, alpha = checks.mixing(lam), positive(alpha, "alpha")
    L, epsilon = (
        checks.real(value, name, lambda number: 0 <= number < math.inf, "be >= 0 and finite")
        for name, value in (("L", L), ("epsilon", epsilon))
    )
    bias = L * epsilon / alpha
    if not (lam < math.inf and bias < 1 and 2 * lam * bias < 1):
        return math.inf
    return lam * (1 + bias) / (1 + lam * (1 - bias))


def retraining_jacobian(lam: float, B: ArrayLike, F: ArrayLike) -> np.ndarray:
    """J = (B + lam F)^{-1} lam F: what a round without a choice makes of a small error of theta.

    Its eigenvalues lie in [0, 1) for every finite `lam`.

    Parameters
    ----------
    lam : >= 0, finite.
    B : (d, d), Omega in the book: minus the Hessian of the mean log-likelihood of the data, positive definite.
    F : (d, d), the Fisher matrix of p_theta*, positive semidefinite.  Numbers serve for d = 1.

    Returns
    -------
    Array (d, d).

    Raises
    ------
    ValueError
        For an argument out of range, and for matrices too close to singular.

    Source
    ------
    Theorem 2.2; the eigenvalues are ours.
    """
    lam, B, F = _information(lam, B, F)
    return np.linalg.solve(B + lam * F, lam * F)


def retraining_covariance(lam: float, B: ArrayLike, F: ArrayLike, n: float) -> np.ndarray:
    """Covariance of theta_t - theta* in the long run, to first order, (lam^2 / n) B^{-1} F (B + 2 lam F)^{-1}.

    Parameters
    ----------
    lam, B, F : as for `retraining_jacobian`.
    n : model samples a round, >= 1.

    Returns
    -------
    Array (d, d); it grows like lam / n.

    Raises
    ------
    ValueError
        As `retraining_jacobian`.

    Source
    ------
    Ours.
    """
    lam, B, F = _information(lam, B, F)
    n = sample_count(n)
    covariance = lam**2 / n * np.linalg.solve(B, np.linalg.solve(B + 2 * lam * F, F).T)
    return (covariance + covariance.T) / 2


def _information(lam: float, B: ArrayLike, F: ArrayLike) -> tuple[float, np.ndarray, np.ndarray]:
    lam = checks.mixing(lam)
    if not lam < 1e100:  # its square is needed
        raise ValueError(f"lam = {lam!r:.80} must be finite, below 1e100")
    B, F = np.atleast_2d(array_checks.reals(B, "B")), np.atleast_2d(array_checks.reals(F, "F"))
    if B.ndim != 2 or B.shape != F.shape:
        raise ValueError(f"B has shape {B.shape} and F has shape {F.shape}; both must be (d, d)")
    for name, matrix in (("B", B), ("F", F)):
        if matrix.shape != matrix.T.shape or not np.isfinite(matrix).all() or not np.allclose(matrix, matrix.T):
            raise ValueError(f"{name} = {matrix.tolist()} must be symmetric and finite")
    if np.linalg.eigvalsh(B)[0] <= 0 or np.linalg.eigvalsh(F)[0] < -1e-12 * np.abs(F).max():
        raise ValueError(f"B = {B.tolist()} must be positive definite and F = {F.tolist()} positive semidefinite")
    with np.errstate(over="ignore"):
        total = B + 2 * lam * F
    if not (np.isfinite(total).all() and max(np.linalg.cond(B), np.linalg.cond(total)) < MAX_CONDITION):
        raise ValueError(
            f"lam = {lam:g} with B = {B.tolist()} and F = {F.tolist()}: the condition numbers of B and B + 2 lam F "
            f"must be below {MAX_CONDITION:g}"
        )
    return lam, B, F
