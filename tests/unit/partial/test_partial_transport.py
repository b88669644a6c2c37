"""Partial transport through its public calls: conventions, results, errors."""

import math
import pickle

import numpy as np
import pytest
from scipy.sparse import coo_array

from otdiv import (
    ConvergenceError,
    DiscreteMeasure,
    InvalidInputError,
    PartialProblem,
    Status,
    partial_transport,
    partial_transport_matrix,
)

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(40, 2)), rng.normal(size=(30, 2)) + 1.0
C = np.hypot(*(X[:, None] - Y).transpose(2, 0, 1))


def test_points_and_their_matrix_agree():
    for asked in ({"mass": 0.6}, {"mass": 1.0}, {"reach": 0.7}, {"reach": (0.2, 1.0)}):
        points = partial_transport(X, Y, **asked)
        matrix = partial_transport_matrix(C, **asked)
        assert points.value == pytest.approx(matrix.value, rel=1e-12)
        assert points.moved == pytest.approx(matrix.moved, rel=1e-12)
        assert points.status is matrix.status is Status.OPTIMAL


def test_the_mass_of_samples_is_a_share_and_of_measures_absolute():
    x, y = [0.0, 1.0], [0.5, 3.0]
    share = partial_transport(x, y, mass=0.5)
    p, q = DiscreteMeasure(x, weights=[2.0, 2.0]), DiscreteMeasure(y, weights=[3.0, 3.0])
    absolute = partial_transport(p, q, mass=2.0)
    assert share.value == 0.25
    assert absolute.value == 1.0
    assert absolute.moved == 2.0
    with pytest.raises(InvalidInputError, match=r"`mass` must be a share above 0 and at most 1"):
        partial_transport(x, y, mass=2.0)
    with pytest.raises(InvalidInputError, match=r"at most 4\.0, the smaller of both masses; got 5"):
        partial_transport(p, q, mass=5.0)


def test_the_value_includes_the_price_of_what_stays_and_transport_cost_does_not():
    result = partial_transport([0.0, 100.0], [1.0, 2.0], reach=3.0)
    assert result.transport_cost == 0.5
    assert result.value == 0.5 + 2 * 3.0 * 0.5
    assert result.price == 6.0
    assert result.source_left.tolist() == [0.0, 0.5]
    assert result.target_left.tolist() == [0.0, 0.5]


def test_a_pair_is_moved_where_it_costs_less_than_twice_the_reach():
    for reach, moved in ((0.49, 0.0), (0.51, 1.0)):
        assert partial_transport([0.0], [1.0], reach=reach).moved == moved


def test_nothing_moved_is_a_result_too():
    result = partial_transport(X, Y + 100.0, reach=1.0)
    assert result.value == pytest.approx(2.0, rel=1e-15)
    assert result.moved == 0.0
    assert result.plan.n_entries == 0
    assert 2.0 in result.bounds


def test_equal_samples_cost_nothing_and_that_is_proven():
    for asked in ({"mass": 0.5}, {"mass": 1.0}, {"reach": 1.0}):
        result = partial_transport(X, X, **asked)
        assert result.value == result.bounds.lower == result.bounds.upper == 0.0, asked


def test_the_price_is_the_slope():
    masses = (0.5 - 1e-4, 0.5, 0.5 + 1e-4)
    below, at, above = (partial_transport(X, Y, mass=s) for s in masses)
    assert at.value - below.value <= at.price * 1e-4 * (1 + 1e-9)
    assert above.value - at.value >= at.price * 1e-4 * (1 - 1e-9)


def test_potentials_are_feasible_and_their_value_is_the_bound():
    result = partial_transport(X, Y, mass=0.6)
    f, g = result.potentials.f, result.potentials.g
    assert (f[:, None] + g <= C + 1e-12).all()
    assert max(f.max(), g.max()) <= result.price / 2
    dual = f.mean() + g.mean() - result.price * (1.0 - 0.6)
    assert dual == pytest.approx(result.value, rel=1e-12)


def test_measures_may_differ_in_mass_and_one_side_may_have_to_be_moved_wholly():
    p, q = DiscreteMeasure([0.0, 1.0], weights=[1.0, 1.0]), DiscreteMeasure([5.0, 6.0, 7.0])
    q = DiscreteMeasure(q.points, weights=[1.0, 1.0, 1.0])
    result = partial_transport(p, q, reach=(math.inf, 1.0))
    assert result.moved == 2.0
    assert result.value == 10.0 + 1.0
    with pytest.raises(InvalidInputError, match=r"finite for the target, which has more mass"):
        partial_transport(p, q, reach=(1.0, math.inf))
    with pytest.raises(InvalidInputError, match=r"finite on one side"):
        partial_transport(p, q, reach=math.inf)


def test_forbidden_pairs_and_sparse_costs():
    costs = [[1.0, math.inf], [math.inf, 5.0]]
    assert partial_transport_matrix(costs, mass=0.5).value == 0.5
    stored = coo_array(([1.0, 5.0], ([0, 1], [0, 1])), shape=(2, 2))
    assert partial_transport_matrix(stored, mass=0.5).value == 0.5
    assert partial_transport_matrix(stored, reach=1.0).value == 0.5 + 2 * 0.5
    alone = coo_array(([1.0, 5.0], ([0, 1], [0, 0])), shape=(2, 2))
    result = partial_transport_matrix(alone, mass=0.75, throw=False)
    assert result.status is Status.INFEASIBLE
    assert result.value == math.inf
    assert result.plan is None
    with pytest.raises(ConvergenceError, match="INFEASIBLE"):
        partial_transport_matrix(alone, mass=0.75)


def test_negative_costs_are_right_and_those_below_both_prices_are_named():
    result = partial_transport_matrix([[-1.0, 2.0], [3.0, -4.0]], mass=0.5)
    assert result.value == -2.0
    assert result.price <= -1.0
    assert partial_transport_matrix([[-1.0, 2.0], [3.0, 4.0]], reach=1.0).value == -0.5 + 1.0
    with pytest.raises(InvalidInputError, match=r"at least minus both prices, -2; .*\(1, 0\)"):
        partial_transport_matrix([[-1.0, 2.0], [-3.0, 4.0]], reach=1.0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "`mass` must be given, or else `reach`; got neither"),
        ({"mass": 0.5, "reach": 1.0}, "got both"),
        ({"mass": 0.0}, "share above 0"),
        ({"mass": math.nan}, "share above 0"),
        ({"reach": -1.0}, "`reach` must be non-negative; got -1.0"),
        ({"reach": ([1.0, -2.0], 1.0)}, r"non-negative and finite; got -2.0 at index 1"),
        ({"reach": ([1.0], 1.0)}, "one price an atom"),
        ({"reach": "far"}, "be a real number"),
        ({"mass": 0.5, "cost": "minkowski"}, "PNormCost"),
    ],
)
def test_bad_options_are_named(options, words):
    with pytest.raises(InvalidInputError, match=words):
        partial_transport([0.0, 1.0], [2.0, 3.0], **options)


def test_supports_of_another_dimension_are_refused():
    with pytest.raises(InvalidInputError, match="dimension 1"):
        partial_transport([0.0], [[0.0, 1.0]], mass=1.0)


def test_atoms_without_weight_take_no_part():
    result = partial_transport(
        [0.0, 50.0, 1.0], [0.0, 1.0, -7.0], x_weights=[1, 0, 1], y_weights=[1, 1, 0], mass=1.0
    )
    assert result.value == 0.0
    f, g = result.potentials.f, result.potentials.g
    assert (f[:, None] + g <= np.abs(np.subtract.outer([0, 50, 1], [0, 1, -7])) + 1e-12).all()


def test_a_tolerance_ends_early_and_is_met():
    x, y = rng.random((3000, 2)), rng.normal(size=(3000, 2))
    exact = partial_transport(x, y, mass=0.8)
    early = partial_transport(x, y, mass=0.8, rtol=0.05)
    assert early.bounds.relative_gap <= 0.05
    assert exact.value in early.bounds
    assert exact.bounds.relative_gap <= 1e-9


@pytest.mark.parametrize("asked", [{"mass": 0.8}, {"reach": 0.3}])
def test_a_run_that_is_stopped_says_what_it_knows(asked):
    x, y = rng.random((3000, 2)), rng.normal(size=(3000, 2))
    seen = []
    result = partial_transport(
        x, y, **asked, callback=lambda progress: bool(seen.append(progress)) or True, throw=False
    )
    assert seen
    assert result.status is Status.STOPPED
    exact = partial_transport(x, y, **asked)
    assert result.bounds.lower <= exact.value <= result.bounds.upper
    assert math.isfinite(result.bounds.upper)


def test_results_are_numbers_and_survive_a_pickle():
    result = partial_transport(X, Y, mass=0.5)
    again = pickle.loads(pickle.dumps(result))
    assert float(again) == result.value
    assert again.plan.mass.tolist() == result.plan.mass.tolist()
    assert "moved=0.5" in repr(result)
    assert repr(
        PartialProblem(DiscreteMeasure(X), target=DiscreteMeasure(Y), cost="euclidean", mass=0.5)
    ).startswith("PartialProblem(n=40, m=30")


def test_the_unit_of_the_points_does_not_matter():
    expected = partial_transport(X, Y, mass=0.5).value
    for unit in (1e-200, 1e-30, 1e30, 1e150):
        assert partial_transport(X * unit, Y * unit, mass=0.5).value == pytest.approx(
            unit * expected, rel=1e-12
        )
