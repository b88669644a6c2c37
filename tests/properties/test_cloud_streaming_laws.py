"""Bounds of clouds read in passes hold for any data: ties, weights, clusters, offsets, scales."""

import numpy as np
import pytest

from otdiv import wasserstein1_result
from otdiv.streaming import wasserstein1_clouds


def drawn_cloud(rng, d):
    n = int(rng.integers(1, 100))
    kinds = [
        lambda: rng.standard_normal((n, d)),
        lambda: rng.integers(0, 3, (n, d)).astype(float),
        lambda: rng.standard_cauchy((n, d)),
        lambda: 10.0 * rng.integers(-3, 3, (4, d))[rng.integers(0, 4, n)] + rng.random((n, d)),
        lambda: np.repeat(rng.standard_normal((1, d)), n, axis=0),
    ]
    return kinds[int(rng.integers(len(kinds)))]()


def drawn_pair(rng):
    d = int(rng.integers(1, 5))
    x, y = drawn_cloud(rng, d), drawn_cloud(rng, d)
    alike = rng.random()
    if alike < 0.2:
        y = x.copy()
    elif alike < 0.35:
        y = np.repeat(x, 2, axis=0)
    scale, offset = rng.choice([1.0, 1e-3, 1e-200, 1e100]), rng.choice([0.0, 1e6, -1e9])
    x, y = x * scale + offset, y * scale + offset
    if rng.random() < 0.2:
        y += rng.choice([1e6, 1e-9])
    weights = [
        rng.random(len(z)) * (rng.random(len(z)) < 0.8) + 1e-9 if rng.random() < 0.5 else None
        for z in (x, y)
    ]
    return x, y, dict(zip(("x_weights", "y_weights"), weights, strict=True))


@pytest.mark.parametrize("seed", range(8))
def test_no_bound_excludes_the_certified_distance(seed):
    rng = np.random.default_rng(seed)
    for _ in range(25):
        x, y, weights = drawn_pair(rng)
        truth = wasserstein1_result(x, y, **weights).bounds
        n_cells = int(rng.choice([1, 4, 16, 64]))
        for n_passes in (1, 2):
            found = wasserstein1_clouds(x, y, n_cells=n_cells, n_passes=n_passes, **weights).bounds
            assert found.lower <= truth.upper
            assert truth.lower <= found.upper
