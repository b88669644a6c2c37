"""Unbalanced entropic transport between Gaussians has a closed form, which grids converge to."""

import math

import numpy as np
import pytest

from otdiv import DiscreteMeasure, UnbalancedProblem, unbalanced_transport


def closed_form(mean, other_mean, variance, other_variance, mass, other_mass, epsilon, reach):
    """Value and mass by theorem 3 of Janati, Muzellec, Peyré & Cuturi (2020), arXiv:2006.02572.

    Axes are independent: means and variances are (d,). Their sigma² is epsilon / 2, their gamma the
    reach.
    """
    sigma2, gamma, d = 0.5 * epsilon, reach, mean.size
    A, B = variance, other_variance
    tau, lam = gamma / (2 * sigma2 + gamma), sigma2 + gamma / 2
    A_, B_ = (gamma / 2 * (1 - lam / (S + lam)) for S in (A, B))
    C = np.sqrt(A_ * B_ / tau + sigma2**2 / 4) - sigma2 / 2
    distance = float((np.square(mean - other_mean) / (A + B + lam)).sum())
    moved = math.sqrt(sigma2) ** (d * sigma2 / (gamma + sigma2))
    ratio = np.prod(C) * math.sqrt(np.prod(A_ * B_) ** tau / np.prod(A * B))
    moved *= (mass * other_mass * ratio) ** (1 / (tau + 1))
    moved *= math.exp(-distance / (2 * (tau + 1))) / math.sqrt(np.prod(C - 2 / gamma * A_ * B_))
    value = gamma * (mass + other_mass) + 2 * sigma2 * mass * other_mass
    return value - 2 * (sigma2 + gamma) * moved, moved


def quadrature(mean, variance, mass, n):
    """A Gaussian on an even grid of n points an axis over 7 standard deviations each way.

    The trapezoidal rule is exact to exp(-2 (pi sigma / h)²) for a Gaussian (Poisson summation).
    """
    axes = [
        m + math.sqrt(s) * np.linspace(-7.0, 7.0, n) for m, s in zip(mean, variance, strict=True)
    ]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
    weights = np.exp(-0.5 * (np.square(points - mean) / variance).sum(axis=1))
    return DiscreteMeasure(points=points, weights=mass * weights / weights.sum())


CASES = [
    ((0.0,), (1.0,), (0.04,), (0.09,), 1.0, 1.0),
    ((0.0,), (0.3,), (0.04,), (0.01,), 1.5, 0.4),
    ((0.0, 0.2), (0.3, 0.0), (0.04, 0.02), (0.05, 0.09), 0.7, 1.2),
]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("epsilon", "reach"), [(0.1, 0.5), (0.02, 0.2), (0.5, 5.0)])
def test_gaussians_have_their_closed_form(case, epsilon, reach):
    mean, other_mean, variance, other_variance = (np.array(part) for part in case[:4])
    mass, other_mass = case[4:]
    value, moved = closed_form(
        mean, other_mean, variance, other_variance, mass, other_mass, epsilon, reach
    )
    n = 200 if mean.size == 1 else 50
    problem = UnbalancedProblem(
        source=quadrature(mean, variance, mass, n),
        target=quadrature(other_mean, other_variance, other_mass, n + 3),
        cost="sqeuclidean",
        reach=reach,
    )
    result = unbalanced_transport(problem, epsilon=epsilon, rtol=1e-5, marginal_tolerance=1e-9)
    # Seven standard deviations leave out 3e-12 of the mass and 1e-10 of a second moment; what the
    # marginal tolerance leaves is second order in the value and first order in the mass.
    assert result.value == pytest.approx(value, rel=1e-7)
    assert result.mass == pytest.approx(moved, rel=1e-6)


def test_coarser_grids_are_further_off():
    """Doubling the grid squares the error until rounding: the quadrature converges spectrally."""
    case = [np.array(part) for part in CASES[1][:4]]
    value, _ = closed_form(*case, 1.5, 0.4, 0.1, 0.5)
    errors = []
    for n in (8, 12, 40):
        problem = UnbalancedProblem(
            source=quadrature(case[0], case[2], 1.5, n),
            target=quadrature(case[1], case[3], 0.4, n),
            cost="sqeuclidean",
            reach=0.5,
        )
        result = unbalanced_transport(problem, epsilon=0.1, rtol=1e-5, marginal_tolerance=1e-9)
        errors.append(abs(result.value - value))
    assert errors[0] > 10.0 * errors[1] > 100.0 * errors[2]
