"""Distances of diagrams beside GUDHI's."""

from __future__ import annotations

import numpy as np
import pytest

from otdiv import bottleneck_distance, persistence_distance

gudhi = pytest.importorskip("gudhi")
pytest.importorskip("gudhi.wasserstein")
pytestmark = pytest.mark.peers


def diagram(n, seed):
    rng = np.random.default_rng(seed)
    births = rng.random(n)
    return np.stack([births, births + rng.exponential(0.1, n)], axis=1)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("order", [1.0, 2.0])
@pytest.mark.parametrize(("norm", "metric"), [(np.inf, "chebyshev"), (2.0, "euclidean")])
def test_wasserstein_distances_agree(seed, order, norm, metric):
    from gudhi.wasserstein import wasserstein_distance

    x, y = diagram(60, seed), diagram(50, seed + 100)
    theirs = wasserstein_distance(x, y, order=order, internal_p=norm)
    assert persistence_distance(x, y, p=order, metric=metric) == pytest.approx(theirs, rel=1e-10)


@pytest.mark.parametrize("seed", range(10))
def test_bottleneck_distances_agree(seed):
    x, y = diagram(200, seed), diagram(150, seed + 100)
    assert bottleneck_distance(x, y) == pytest.approx(gudhi.bottleneck_distance(x, y), rel=1e-12)
