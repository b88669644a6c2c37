"""Values near ±1e308, near 1e-308 and subnormal: the right number, or an error that helps.

No warning escapes (pytest turns them into errors), nothing is NaN, and no bounds cross.
"""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

import otdiv
from otdiv import InvalidInputError, OtdivError, solvers

SCALES = (1.7e308, 1e308, 8e307, 1e300, 1e155, 1e100, 1e-100, 1e-155, 1e-200, 1e-300, 2.3e-308)
SUBNORMAL = (1e-310, 5e-324)
NORMS = (1.0, 1.5, 2.0, np.inf)


def clouds(scale, d):
    rng = np.random.default_rng(1)
    yield rng.random((6, d)) * scale, rng.random((5, d)) * scale
    yield (rng.random((6, d)) * 2 - 1) * scale, (rng.random((5, d)) * 2 - 1) * scale
    yield rng.random((6, d)) * scale, -rng.random((5, d)) * scale
    yield np.full((1, d), scale), np.full((1, d), -scale)
    yield np.full((3, d), scale), np.full((4, d), scale)
    yield (
        np.where(rng.random((6, d)) < 0.5, scale, 1.0),
        np.where(rng.random((5, d)) < 0.5, -scale, 0.0),
    )


def answered(call):
    """The value of a call, or None where an error of the library says that there is none."""
    try:
        result = call()
    except OtdivError:
        return None
    bounds = getattr(result, "bounds", None)
    if bounds is not None:
        assert bounds.lower <= bounds.upper
    value = getattr(result, "value", result)
    if isinstance(value, float | np.ndarray):
        assert not np.isnan(value).any()
    return value


PAIRS = {
    **{
        f"wasserstein(p={p:g})": lambda x, y, p=p: otdiv.wasserstein(x, y, p=p)
        for p in (1.0, 1.5, 2.0, 3.0)
    },
    "wasserstein1 rtol": lambda x, y: otdiv.wasserstein1(x, y, rtol=1e-3),
    "cityblock": lambda x, y: otdiv.wasserstein1(x, y, metric="cityblock"),
    "chebyshev": lambda x, y: otdiv.wasserstein1_result(x, y, metric="chebyshev"),
    "sliced": lambda x, y: otdiv.sliced_wasserstein(x, y, n_projections=7, rng=0),
    "energy": otdiv.energy_distance,
    "energy chebyshev": lambda x, y: otdiv.energy_distance(x, y, metric="chebyshev"),
    "batch": lambda x, y: otdiv.wasserstein1_batch(x.T, y.T),
    "mmd": otdiv.maximum_mean_discrepancy,
    "mmd laplace": lambda x, y: otdiv.maximum_mean_discrepancy(x, y, kernel="laplace"),
    "mmd of bandwidth 1": lambda x, y: otdiv.maximum_mean_discrepancy(x, y, bandwidth=1.0),
    "histogram": lambda x, y: otdiv.wasserstein1_histogram(
        np.ones(len(x)), np.arange(1.0, len(x) + 1.0), support=x
    ),
    "merged": lambda x, y: otdiv.DiscreteMeasure(points=x).merged(),
}
COSTS = {
    f"pairwise {norm:g} {power:g}": lambda x, y, norm=norm, power=power: otdiv.PNormCost(
        norm=norm, power=power
    ).pairwise(x, y)
    for norm, power in itertools.product(NORMS, (0.5, 1.0, 2.0, 3.0))
}


@pytest.mark.parametrize("name", PAIRS | COSTS)
def test_distances_answer_or_refuse_at_any_scale(name):
    for scale, d in itertools.product(SCALES + SUBNORMAL, (1, 2, 3)):
        for x, y in clouds(scale, d):
            answered(lambda x=x, y=y: (PAIRS | COSTS)[name](x, y))


@pytest.mark.parametrize("scale", [s for s in SCALES if s < 1e307])
def test_distances_scale_with_their_points(scale):
    power = math.ldexp(1.0, math.frexp(scale)[1] - 1)
    for (x, y), (u, v) in zip(clouds(power, 2), clouds(1.0, 2), strict=True):
        if 1.0 in x and power != 1.0:  # scaled and unscaled coordinates side by side
            continue
        for distance in (otdiv.wasserstein1, otdiv.wasserstein2, PAIRS["sliced"]):
            assert distance(x, y) == pytest.approx(power * distance(u, v), rel=1e-9)
        root = math.sqrt(power) * otdiv.energy_distance(u, v)
        assert otdiv.energy_distance(x, y) == pytest.approx(root, rel=1e-9)


SOLVERS = {
    "Line": solvers.Line(),
    "NetworkSimplex": solvers.NetworkSimplex(),
    "ColumnGeneration": solvers.ColumnGeneration(),
    "LinearProgram": solvers.LinearProgram(),
    "Sinkhorn": solvers.Sinkhorn(),
}
GROUND = ("euclidean", "sqeuclidean", "cityblock", otdiv.PNormCost(norm=3.0, power=0.5))


@pytest.mark.parametrize("name", SOLVERS)
def test_solvers_of_points_answer_or_refuse_at_any_scale(name):
    options = {"solver": SOLVERS[name], "throw": False, "rtol": 1e-3}
    for scale, d, cost in itertools.product(SCALES, (1, 2), GROUND):
        if name == "Line" and (d > 1 or cost is GROUND[-1]):
            continue
        for x, y in clouds(scale, d):
            answered(lambda x=x, y=y, cost=cost: otdiv.transport(x, y, cost=cost, **options))


@pytest.mark.parametrize("name", [name for name in SOLVERS if name not in ("Line",)])
def test_solvers_agree_on_points_of_any_scale(name):
    if name == "ColumnGeneration":
        options = {}
    else:
        options = {"rtol": 1e-9} if name != "Sinkhorn" else {"rtol": 1e-3}
    for scale in (1e-300, 1e-200, 1e-100, 1e100, 1e200, 1e300):
        x, y = next(clouds(scale, 2))
        found = otdiv.transport(x, y, solver=SOLVERS[name], **options)
        near = otdiv.transport(*next(clouds(1.0, 2)))
        assert found.value == pytest.approx(scale * near.value, rel=options.get("rtol", 1e-9))


@pytest.mark.parametrize("name", ["NetworkSimplex", "LinearProgram", "Sinkhorn"])
@pytest.mark.parametrize("forbidden", [False, True])
def test_solvers_of_matrices_answer_or_refuse_at_any_scale(name, forbidden):
    options = {"solver": SOLVERS[name], "throw": False, "rtol": 1e-3}
    for scale, d in itertools.product(SCALES, (1, 2)):
        for x, y in clouds(scale, d):
            C = np.resize(np.concatenate([x.ravel(), y.ravel()]), (3, 4))
            if forbidden:
                C[0, 1] = np.inf
            for weights in (None, [1.0, 2.0, 3.0]):
                answered(
                    lambda C=C, weights=weights: otdiv.transport_matrix(
                        C, x_weights=weights, **options
                    )
                )


def test_costs_up_to_the_largest_float_are_transported():
    assert otdiv.transport_matrix([[1e308]]).value == 1e308
    assert otdiv.transport_matrix([[1e308, 0.0], [0.0, 1.7e308]]).value == 0.0
    assert otdiv.transport_matrix([[0.0, -1e308]]).value == -5e307
    assert otdiv.transport_matrix([[1.7e308, np.inf]], y_weights=[1.0, 0.0]).value == 1.7e308
    result = otdiv.transport_matrix([[1.7e308, -1.7e308], [-1.7e308, 1.7e308]])
    assert result.value == -1.7e308
    assert result.bounds.relative_gap <= 1e-9


def test_costs_of_points_that_overflow_are_refused_with_the_remedy():
    with pytest.raises(InvalidInputError, match="rescale"):
        otdiv.transport([[1e308, 0.0]], [[-1e308, 0.0]])
    with pytest.raises(InvalidInputError, match="rescale"):
        otdiv.PNormCost(power=2.0).pairwise([[1e200]], [[0.0]])


@pytest.mark.parametrize("scale", SCALES + SUBNORMAL)
def test_laws_answer_or_refuse_at_any_scale(scale):
    variance = min(scale, 1e300)
    far = otdiv.Gaussian(mean=scale, covariance=variance)
    near = otdiv.Gaussian(mean=0.0, covariance=1.0)
    for call in (otdiv.wasserstein1, otdiv.wasserstein2, otdiv.energy_distance):
        answered(lambda call=call: call(far, near))
        answered(lambda call=call: call([scale, 0.0], stats.norm()))
        answered(lambda call=call: call([0.0, 1.0], stats.norm(loc=scale, scale=scale)))
    for d in (1, 2, 3):
        p = otdiv.Gaussian(mean=np.full(d, scale), covariance=np.eye(d) * scale)
        q = otdiv.Gaussian(mean=np.zeros(d), covariance=np.eye(d))
        for call in (
            otdiv.kl_divergence,
            otdiv.chi2_divergence,
            otdiv.hellinger_distance,
            otdiv.jeffreys_divergence,
            otdiv.wasserstein2,
            lambda p, q: otdiv.maximum_mean_discrepancy(p, q, bandwidth=1.0),
        ):
            answered(lambda call=call, p=p, q=q: call(p, q))


@pytest.mark.parametrize("n", [2, 3, 4])
def test_bounds_hold_for_distances_below_the_least_float(n):
    x = [0.0] * (n - 1) + [1.0]
    bounds = otdiv.wasserstein1_result(x, [5e-324, *x[1:]]).bounds
    # The mean of one least float and zeros, which rounds to 0.
    assert bounds.lower == 0.0
    assert 0.0 < bounds.upper <= 1e-323
