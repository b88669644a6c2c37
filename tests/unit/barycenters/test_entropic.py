"""Entropic barycenters on a given support, and pictures of barycenters."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest

from otdiv import Gaussian, InvalidInputError, UnsupportedProblemError, barycenter
from otdiv.plotting import plot_barycenter

mpl.use("Agg")


def rings(k, n=24, seed=0):
    rng = np.random.default_rng(seed)
    u, v = np.meshgrid(*[np.linspace(-1.0, 1.0, n)] * 2, indexing="ij")
    images = []
    for _ in range(k):
        (a, b), (c, d) = rng.uniform(0.4, 0.8, 2), rng.uniform(-0.15, 0.15, 2)
        radius = np.hypot((u - c) / a, (v - d) / b)
        images.append((np.abs(radius - 1.0) < 0.2).astype(float))
    return images


def test_smaller_epsilons_come_nearer_to_the_best():
    images = rings(4)
    best = barycenter(images, support="grid", rtol=1e-3, throw=False)
    for debiased in (True, False):
        values = [
            barycenter(images, support="grid", epsilon=epsilon, debiased=debiased).value
            for epsilon in (20.0, 4.0, 1.0)
        ]
        assert values[0] > values[1] > values[2] >= best.bounds.lower


def test_it_is_sharper_debiased():
    images = rings(4)
    sharp, spread = (
        barycenter(images, support="grid", epsilon=10.0, debiased=debiased).value
        for debiased in (True, False)
    )
    assert sharp < spread


def test_bounds_are_of_the_best_measure_on_the_support():
    images = rings(3)
    best = barycenter(images, support="grid", rtol=1e-3, throw=False)
    blurred = barycenter(images, support="grid", epsilon=2.0)
    assert blurred.bounds.lower <= best.bounds.upper
    assert best.bounds.lower <= blurred.bounds.upper
    assert blurred.bounds_of == "support"


def test_points_are_a_support_too():
    support = np.stack(np.meshgrid(*[np.linspace(-1.0, 1.0, 9)] * 2), axis=-1).reshape(-1, 2)
    rng = np.random.default_rng(0)
    clouds = [rng.uniform(-1.0, 1.0, (12, 2)) for _ in range(3)]
    result = barycenter(clouds, support=support, epsilon=0.05)
    best = barycenter(clouds, support=support, rtol=1e-6)
    assert best.value <= result.value <= 1.3 * best.value


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epsilon": 1.0}, "`epsilon` must be None but on a given support"),
        ({"epsilon": -1.0, "support": [[0.0]]}, "`epsilon` must be positive"),
        ({"debiased": False}, "`debiased` must be True without `epsilon`"),
        ({"debiased": 1}, "`debiased` must be True or False"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(InvalidInputError, match=message):
        barycenter([[0.0], [1.0]], **options)


def test_each_kind_has_a_picture_with_its_gap():
    rng = np.random.default_rng(0)
    round_, long = np.eye(2), np.diag([4.0, 1.0])
    results = [
        barycenter(rings(3), support="grid"),
        barycenter([rng.normal(size=(20, 2)) for _ in range(3)]),
        barycenter([[0.0, 1.0], [2.0, 5.0, 6.0]]),
        barycenter(
            [Gaussian([0.0, 0.0], covariance=round_), Gaussian([3.0, 0.0], covariance=long)]
        ),
    ]
    for result in results:
        ax = result.plot()
        assert f"{result.value:.4g}, gap " in ax.get_title(loc="left")
        mpl.pyplot.close(ax.figure)


def test_more_dimensions_have_none():
    result = barycenter([np.zeros((1, 3)), np.ones((1, 3))])
    with pytest.raises(UnsupportedProblemError, match="3 dimensions has no picture"):
        plot_barycenter(result)
