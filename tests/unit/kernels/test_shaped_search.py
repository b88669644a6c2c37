"""The pruned search of costs with a shape misses no pair."""

import math

import numpy as np
import pytest

from otdiv._kernels.shaped import ARC, HUBER, POWER, Shape, pairwise
from otdiv._tree_search import shaped_c_transform


def shapes(d):
    none, ring = np.full(d, np.inf), np.full(d, 1.0)
    yield Shape(POWER, 2.0, 1.0, np.inf, np.inf, ring)
    yield Shape(POWER, 2.0, 2.0, np.inf, np.inf, ring)
    yield Shape(POWER, 1.0, 1.0, np.inf, np.inf, ring)
    yield Shape(POWER, np.inf, 1.5, np.inf, 0.2, ring)
    yield Shape(POWER, 2.0, 0.5, np.inf, np.inf, none)
    yield Shape(POWER, 2.0, 1.5, np.inf, 0.1, none)
    yield Shape(HUBER, 2.0, 1.0, 0.1, np.inf, none)
    if d == 3:
        yield Shape(ARC, 2.0, 1.0, np.inf, np.inf, none)
        yield Shape(ARC, 2.0, 2.0, np.inf, np.inf, none)
        yield Shape(ARC, 2.0, 1.0, np.inf, 0.3, none)


CASES = [(d, shape) for d in (1, 2, 3, 4) for shape in shapes(d)]


@pytest.mark.parametrize(("d", "shape"), CASES)
@pytest.mark.parametrize("kind", ["none", "noise", "tight", "steep"])
def test_the_search_finds_the_least_reduced_cost_of_every_row(d, shape, kind):
    rng = np.random.default_rng(d)
    x, y = rng.uniform(size=(700, d)), rng.uniform(size=(900, d))
    if shape.code == ARC:
        x, y = (z - 0.5 for z in (x, y))
        x, y = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (x, y))
        x[:9], y[:9] = x[9:18], -x[9:18]  # antipodes
    C = pairwise(x, y, shape)
    g = {
        "none": np.zeros(900),
        "noise": rng.normal(size=900) * 0.1,
        "tight": (C - rng.normal(size=700)[:, None] * 0.01).min(axis=0),
        "steep": 3.0 * y[:, 0],
    }[kind]
    found = shaped_c_transform(x, y, g, shape)
    np.testing.assert_allclose(found, (C - g).min(axis=1), rtol=0, atol=4e-15 * math.pi)
