"""The cells of the coverage benchmark have the distances that they state."""

import math

import numpy as np
import pytest

from benchmarks.coverage import Row, cells, measure
from otdiv import (
    Gaussian,
    energy_distance,
    js_divergence,
    sliced_wasserstein,
    total_variation,
    wasserstein1,
    wasserstein2,
)

LARGEST = {(cell.distance, cell.case): cell for cell in cells()}


def normal(shift, scale=1.0):
    return Gaussian([shift], covariance=[[scale * scale]])


def test_no_two_cells_share_a_name():
    names = [(cell.distance, cell.case, cell.n) for cell in cells()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("distance", "case", "function", "law"),
    [
        ("wasserstein1", "shift 0.2", wasserstein1, normal(0.2)),
        ("wasserstein1", "scale 1.5", wasserstein1, normal(0.0, 1.5)),
        ("wasserstein2", "scale 1.5", wasserstein2, normal(0.0, 1.5)),
        ("energy", "shift 0.2", energy_distance, normal(0.2)),
        ("energy", "shift 1", energy_distance, normal(1.0)),
    ],
)
def test_closed_forms_are_the_distances_of_the_laws(distance, case, function, law):
    truth = LARGEST[distance, case].truth
    assert truth == pytest.approx(function(normal(0.0), law), rel=1e-9)


def test_the_share_of_a_shift_is_that_of_the_laws():
    truth = LARGEST["mean_shift_share", "scale 1.5, shift .5"].truth
    assert truth == pytest.approx(0.5 / wasserstein1(normal(0.0), normal(0.5, 1.5)), rel=1e-9)


def test_a_shift_has_the_mean_cosine_of_the_directions():
    truth = LARGEST["sliced_wasserstein", "d=5, shift 0.5"].truth
    one, other = np.zeros((1, 5)), np.array([[0.5, 0, 0, 0, 0]])
    found = sliced_wasserstein(one, other, n_projections=20_000, rng=0)
    assert found == pytest.approx(truth, rel=0.02)


def test_categories_have_the_distance_that_is_stated():
    functions = {"total_variation": total_variation, "jensen_shannon": js_divergence}
    for cell in cells():
        if cell.categories:
            p, q = cell.x.args[0], cell.y.args[0]
            found = functions[cell.distance](p, q)
            # The root of a divergence that is 0 where laws are equal.
            assert math.sqrt(found) == pytest.approx(math.sqrt(cell.truth), abs=1e-7)


def test_a_cell_is_measured_twice_alike():
    one, other = measure(0, 20), measure(0, 20)
    assert isinstance(one, Row)
    assert (one.coverage, one.length) == (other.coverage, other.length)
    assert 0.5 < one.coverage <= 1.0
    assert one.percentile_coverage == 0.0


def test_too_small_a_coverage_and_too_long_an_interval_are_told():
    row = measure(0, 20)
    values = {name: getattr(row, name) for name in Row.__dataclass_fields__}
    assert Row(**values | {"coverage": 0.95}).fault == ""
    assert "covers" in Row(**values | {"coverage": 0.9}).fault
    assert Row(**values | {"coverage": 0.9, "thin": True}).fault == ""
    longer = {"coverage": 0.95, "compared": True, "length": 2.0, "percentile_length": 1.0}
    assert "2.00 times" in Row(**values | longer).fault
