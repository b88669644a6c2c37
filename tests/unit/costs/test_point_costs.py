"""Costs of points beyond norms: what they are, what they refuse, and bounds that hold exactly."""

import io
import itertools
import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otdiv import (
    Cosine,
    DiscreteMeasure,
    Euclidean,
    FunctionCost,
    Gaussian,
    Geodesic,
    Huber,
    InvalidInputError,
    Mahalanobis,
    Periodic,
    PNormCost,
    Potentials,
    SquaredEuclidean,
    TransportProblem,
    Truncated,
    UnbalancedProblem,
    UnsupportedProblemError,
    certificates,
    certify,
    load_result,
    preflight,
    sinkhorn_divergence,
    solvers,
    transport,
    transport_batch,
    transport_matrix,
    wasserstein,
    wasserstein1,
    wasserstein1_result,
)
from otdiv.testing import point_costs

COVARIANCE = [[2.0, 0.5], [0.5, 1.0]]
PLANE = [
    Mahalanobis(COVARIANCE),
    Mahalanobis(COVARIANCE, power=2.0),
    Periodic(1.0),
    Periodic([1.0, math.inf], norm=1.0),
    Periodic([1.0, 0.5], norm=math.inf, power=2.0),
    Truncated(Euclidean(), limit=0.3),
    Truncated(PNormCost(norm=1.0, power=2.0), limit=0.1),
    Truncated(Periodic(1.0), limit=0.2),
    Huber(0.2),
]
SPHERE = [
    Geodesic(),
    Geodesic(power=2.0),
    Geodesic(radius=6371.0, power=0.5),
    Truncated(Geodesic(radius=6371.0), limit=3000.0),
]
ALL = [Cosine(), *PLANE, *SPHERE]
# What rounding of the points may lose of a concave power is the same power of it: 1e-7 here.
CONVEX = [cost for cost in ALL if getattr(cost, "power", 1.0) >= 1.0]
NAMES = {"ids": repr}


def precise(cost, x, y):
    """The cost of two points in 60 digits, from its definition."""
    x, y = [mpmath.mpf(v) for v in x], [mpmath.mpf(v) for v in y]
    if isinstance(cost, Truncated):
        return min(precise(cost.cost, x, y), mpmath.mpf(cost.limit))
    if isinstance(cost, Cosine):
        dot = sum(p * q for p, q in zip(x, y, strict=True))
        return 1 - dot / mpmath.sqrt(sum(p * p for p in x) * sum(q * q for q in y))
    if isinstance(cost, Geodesic):
        scale = mpmath.pi / 180 if cost.unit == "degrees" else mpmath.mpf(1)
        u, v = ([mpmath.cos(b) * mpmath.cos(a), mpmath.cos(b) * mpmath.sin(a), mpmath.sin(b)]
                for a, b in ([p * scale for p in side] for side in (x, y)))  # fmt: skip
        near = mpmath.sqrt(sum((p - q) ** 2 for p, q in zip(u, v, strict=True)))
        far = mpmath.sqrt(sum((p + q) ** 2 for p, q in zip(u, v, strict=True)))
        return (cost.radius * 2 * mpmath.atan2(near, far)) ** mpmath.mpf(cost.power)
    difference = [p - q for p, q in zip(x, y, strict=True)]
    if isinstance(cost, Mahalanobis):
        S = mpmath.matrix(cost.covariance.tolist())
        z = mpmath.lu_solve(S, mpmath.matrix(difference))
        square = sum(p * z[k] for k, p in enumerate(difference))
        return square ** (mpmath.mpf(cost.power) / 2)
    if isinstance(cost, Huber):
        r = mpmath.sqrt(sum(d * d for d in difference))
        return r * r / 2 if r <= cost.delta else cost.delta * (r - mpmath.mpf(cost.delta) / 2)
    if isinstance(cost, Periodic):
        periods = np.broadcast_to(cost.period, len(x)).tolist()
        for k, period in enumerate(periods):
            if period < math.inf:
                rest = difference[k] - period * mpmath.floor(difference[k] / period)
                difference[k] = min(rest, period - rest)
    sizes = [abs(d) for d in difference]
    if cost.norm == math.inf:
        length = max(sizes)
    else:
        length = sum(s**cost.norm for s in sizes) ** (1 / mpmath.mpf(cost.norm))
    return length ** mpmath.mpf(cost.power)


def optimum(cost, x, y):
    """The optimum of uniform samples of one size, over all permutations, in 60 digits."""
    n = len(x)
    C = [[precise(cost, p, q) for q in y] for p in x]
    plans = itertools.permutations(range(n))
    return min(sum(C[i][s[i]] for i in range(n)) for s in plans) / n


def sphere(rng, n):
    height = np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    return np.stack([rng.uniform(-180, 180, n), height], axis=1)


def hard_pairs(cost, rng):
    """Samples of five: anywhere, close together, across the seam, and on opposite sides."""
    if isinstance(cost, Geodesic) or isinstance(getattr(cost, "cost", None), Geodesic):
        x = sphere(rng, 5)
        opposite = np.stack([x[:, 0] + 180.0, -x[:, 1]], axis=1)
        near = x + rng.normal(size=x.shape) * 1e-7
        near[:, 1] = np.clip(near[:, 1], -90.0, 90.0)
        shifts = (sphere(rng, 5), near, opposite + 1e-8 * (np.abs(opposite[:, 1:]) < 89.0))
        return [(x, y) for y in shifts] + [(x, x + np.array([360.0, 0.0]))]
    x = rng.normal(size=(5, 2))
    return [(x, x + rng.normal(size=(5, 2)) * size) for size in (1.0, 1e-9, 1e3)]


@pytest.mark.parametrize("cost", ALL, **NAMES)
@pytest.mark.parametrize("solver", [None, solvers.ColumnGeneration()], ids=["dense", "columns"])
def test_bounds_hold_the_optimum_of_sixty_digits(cost, solver):
    rng = np.random.default_rng(5)
    with mpmath.workdps(60):
        for x, y in hard_pairs(cost, rng):
            result = transport(x, y, cost=cost, solver=solver, throw=False)
            exact = optimum(cost, x, y)
            assert result.bounds.lower <= exact <= result.bounds.upper
            assert result.value in result.bounds
            assert (
                result.bounds.gap <= 1e-9 * abs(float(exact)) + result.problem.cost_bound() * 1e-6
            )


@pytest.mark.parametrize("cost", CONVEX, **NAMES)
def test_bounds_are_tight_where_distances_are_about_one(cost):
    rng = np.random.default_rng(6)
    x, y = hard_pairs(cost, rng)[0]
    result = transport(x, y, cost=cost)
    assert result.status.name == "OPTIMAL"
    assert result.bounds.relative_gap < 1e-11


@pytest.mark.parametrize("cost", ALL, **NAMES)
def test_pairwise_is_the_definition(cost):
    rng = np.random.default_rng(7)
    with mpmath.workdps(60):
        for x, y in hard_pairs(cost, rng):
            C = cost.pairwise(x, y)
            exact = [[float(precise(cost, p, q)) for q in y] for p in x]
            largest = float(np.max(exact))
            np.testing.assert_allclose(C, exact, rtol=1e-12, atol=2e-7 * largest)


@pytest.mark.parametrize("cost", ALL, **NAMES)
def test_a_sample_is_at_distance_zero_from_itself_exactly(cost):
    rng = np.random.default_rng(8)
    x = hard_pairs(cost, rng)[0][0]
    result = transport(x, x[::-1], cost=cost)
    assert (result.value, result.bounds.lower, result.bounds.upper) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("cost", [*PLANE, *SPHERE], **NAMES)
@pytest.mark.parametrize("n", [40, 700])
def test_column_generation_finds_what_the_matrix_has(cost, n):
    rng = np.random.default_rng(9)
    is_sphere = cost in SPHERE
    x, y = (sphere(rng, n) if is_sphere else rng.normal(size=(n, 2)) for _ in range(2))
    by_columns = transport(x, y, cost=cost, solver=solvers.ColumnGeneration())
    by_matrix = transport_matrix(cost.pairwise(x, y))
    assert by_columns.value == pytest.approx(by_matrix.value, rel=1e-11)
    assert by_columns.bounds.relative_gap < (1e-9 if cost in CONVEX else 2e-6)


def test_three_dimensions_weights_and_atoms_without_any():
    rng = np.random.default_rng(10)
    x, y = rng.uniform(size=(60, 3)), rng.uniform(size=(50, 3))
    a, b = rng.integers(0, 4, 60), rng.uniform(size=50)
    for cost in (Periodic(1.0, power=2.0), Huber(0.1), Truncated(SquaredEuclidean(), limit=0.05)):
        found = [
            transport(x, y, x_weights=a, y_weights=b, cost=cost, solver=solver).value
            for solver in (solvers.ColumnGeneration(), solvers.LinearProgram())
        ]
        assert found[0] == pytest.approx(found[1], rel=1e-9)


def test_cosine_ignores_lengths_and_refuses_vectors_of_zeros():
    x, y = np.array([[1e-200, 0.0], [0.0, 1e200]]), np.array([[0.0, 3.0], [2.0, 0.0]])
    assert transport(x, y, cost="cosine").value == 0.0
    with pytest.raises(InvalidInputError, match=r"`y` must hold no vector of zeros.*row 1"):
        transport(x, [[1.0, 1.0], [0.0, 0.0]], cost=Cosine())


def test_integers_beyond_float64_are_refused_where_a_cost_is_not_the_same_everywhere():
    large = [[2**60 + 1, 1], [2**60 + 3, 1]]
    assert transport(large, large, cost=Periodic(8.0)).value == 0.0
    for cost in (Cosine(), FunctionCost(lambda x, y: np.abs(x[:, None] - y).sum(axis=2))):
        with pytest.raises(InvalidInputError, match="float64"):
            transport(large, [[2**60 + 5, 1]], cost=cost)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: Periodic(0.0), "`period` must be positive; got 0.0"),
        (lambda: Periodic([1.0, -2.0]), "`period` must be positive; got -2.0 at index 1"),
        (lambda: Periodic(1.0, norm=3.0), "`norm` must be 1, 2 or inf; got 3"),
        (lambda: Periodic(1.0, power=0.0), "`power` must be positive"),
        (lambda: Geodesic("grad"), "`unit` must be"),
        (lambda: Geodesic(radius=-1.0), "`radius` must be positive"),
        (lambda: Mahalanobis([[1.0, 2.0], [2.0, 1.0]]), "`covariance` must be positive definite"),
        (lambda: Mahalanobis([[1.0, 0.5], [0.2, 1.0]]), "`covariance` must be symmetric"),
        (lambda: Mahalanobis([1.0, 2.0]), r"`covariance` must have shape \(d, d\)"),
        (lambda: Truncated(Euclidean(), limit=0.0), "`limit` must be positive"),
        (lambda: Truncated(PNormCost(norm=3.0), limit=1.0), "`cost` must have norm 1, 2 or inf"),
        (lambda: Truncated(Huber(1.0), limit=1.0), "`cost` must be a PNormCost"),
        (lambda: Huber(-1.0), "`delta` must be positive"),
        (lambda: FunctionCost(3), "`function` must be callable"),
    ],
)
def test_what_a_cost_cannot_be_names_the_argument_and_the_value(build, words):
    with pytest.raises(InvalidInputError, match=words):
        build()


@pytest.mark.parametrize(
    ("cost", "points", "words"),
    [
        (
            Geodesic(),
            [[0.0, 91.0]],
            "latitudes from -90 to 90 in the second column; got 91.0 at row",
        ),
        (Geodesic("radians"), [[0.0, 2.0]], "latitudes"),
        (Geodesic(), [[0.0, 1.0, 2.0]], "two columns, longitude and latitude"),
        (Periodic([1.0, 2.0]), [[0.0]], "have 2 columns"),
        (Mahalanobis(COVARIANCE), [[0.0]], "have 2 columns"),
        (Huber(1.0), [[1e200, 0.0]], "coordinates below"),
    ],
)
def test_points_that_a_cost_does_not_know_are_refused(cost, points, words):
    with pytest.raises(InvalidInputError, match=words):
        transport(points, points, cost=cost)


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (lambda x, y: np.zeros((len(x), len(y) + 1)), r"return shape \(2, 3\)"),
        (lambda x, y: np.full((len(x), len(y)), np.nan), r"got nan for the pair \(0, 0\)"),
        (lambda x, y: np.full((len(x), len(y)), -np.inf), "return numbers"),
        (lambda x, y: 1.0, r"return shape \(2, 3\)"),
        (lambda x, y: "no", "`cost`"),
    ],
)
def test_a_function_that_returns_something_else_is_named(returned, words):
    with pytest.raises(InvalidInputError, match=words):
        transport([0.0, 1.0], [1.0, 2.0, 3.0], cost=FunctionCost(returned))


def test_a_function_is_called_by_blocks_and_its_values_are_the_problem():
    rng = np.random.default_rng(11)
    x, y, seen = rng.normal(size=(30, 2)), rng.normal(size=(20, 2)), []

    def function(x, y):
        seen.append(len(x))
        return np.sqrt(np.abs(x[:, None] - y).sum(axis=2)) - 0.3

    result = transport(x, y, cost=FunctionCost(function, block_size=8))
    assert seen == [8, 8, 8, 6]
    assert result.value == transport_matrix(function(x, y)).value
    assert result.bounds.gap < 1e-13


def test_a_function_may_forbid_pairs():
    def function(x, y):
        return np.where(np.abs(x - y.T) > 1.5, np.inf, np.abs(x - y.T))

    assert transport([0.0, 2.0], [1.0, 3.0], cost=FunctionCost(function)).value == 1.0
    result = transport([0.0, 9.0], [1.0, 3.0], cost=FunctionCost(function), throw=False)
    assert result.status.name == "INFEASIBLE"


def test_an_exception_of_the_function_is_its_own():
    def function(x, y):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        transport([0.0], [1.0], cost=FunctionCost(function))


@pytest.mark.parametrize("cost", ALL, **NAMES)
def test_certify_bounds_the_optimum_of_a_spoilt_answer(cost):
    rng = np.random.default_rng(12)
    x, y = hard_pairs(cost, rng)[0]
    result = transport(x, y, cost=cost)
    P = result.plan.toarray() * 0.99 + 0.01 / 25
    pair = result.potentials.f + 0.01 * rng.normal(size=5), result.potentials.g
    with mpmath.workdps(60):
        exact = optimum(cost, x, y)
    certificate = certify(x, y, plan=P, potentials=pair, cost=cost)
    assert certificate.bounds.lower <= exact <= certificate.bounds.upper
    assert certificate.problem.cost is cost
    again = certify(x, y, plan=result, potentials=result, cost=cost)
    assert again.bounds.relative_gap < (1e-10 if cost in CONVEX else 2e-6)


@pytest.mark.parametrize("cost", [Geodesic(radius=6371.0), Periodic(24.0), Huber(0.1)], **NAMES)
def test_certify_of_many_points_writes_no_matrix_and_agrees(cost):
    rng = np.random.default_rng(13)
    x, y = (sphere(rng, 2100) for _ in range(2))
    result = transport(x, y, cost=cost)
    certificate = certify(x, y, plan=result, potentials=result, cost=cost)
    assert certificate.bounds.relative_gap < 1e-9
    assert certificate.value == pytest.approx(result.value, rel=1e-12)


@pytest.mark.parametrize("cost", [Cosine(), Geodesic(power=2.0), Periodic(1.0)], **NAMES)
def test_sinkhorn_takes_every_cost_and_its_bounds_hold(cost):
    rng = np.random.default_rng(14)
    x, y = hard_pairs(cost, rng)[0]
    epsilon = 0.05 * float(cost.pairwise(x, y).mean())
    result = transport(x, y, cost=cost, solver=solvers.Sinkhorn(epsilon=epsilon))
    with mpmath.workdps(60):
        exact = optimum(cost, x, y)
    assert result.bounds.lower <= exact <= result.bounds.upper
    assert result.entropic.bounds.lower <= result.entropic.value <= result.entropic.bounds.upper


def test_tolerances_are_of_the_widened_bounds():
    rng = np.random.default_rng(15)
    x, y = sphere(rng, 300), sphere(rng, 300)
    result = transport(x, y, cost=Geodesic(radius=6371.0), rtol=1e-3)
    assert result.bounds.relative_gap <= 1e-3
    close = x + 1e-12
    found = transport(x, close, cost=Geodesic(), rtol=1e-6, throw=False)
    assert found.status.name == "STALLED"
    assert found.bounds.upper < 1e-12


def test_a_warm_start_carries_over():
    rng = np.random.default_rng(16)
    x, y = sphere(rng, 800), sphere(rng, 800)
    solver, cost = solvers.ColumnGeneration(), Geodesic(radius=6371.0)
    cold = transport(x, y, cost=cost, solver=solver)
    warm = transport(x, y, cost=cost, solver=solver, warm_start=cold)
    assert warm.n_iterations < cold.n_iterations / 4
    assert warm.value == pytest.approx(cold.value, rel=1e-12)


def test_a_callback_sees_the_callers_unit():
    rng = np.random.default_rng(17)
    x, y, seen = sphere(rng, 1500), sphere(rng, 1500), []
    cost = Geodesic(radius=6371.0)
    solver = solvers.ColumnGeneration()
    result = transport(x, y, cost=cost, solver=solver, callback=lambda p: seen.append(p))
    assert seen[-1].lower <= result.bounds.upper
    assert seen[-1].lower > 0.9 * result.value


def test_wasserstein_takes_metrics_and_raises_them_to_powers():
    hours, later = [23.0, 1.0], [0.0, 3.0]
    assert wasserstein1(hours, later, metric=Periodic(24)) == 1.5
    assert wasserstein(hours, later, p=2, metric=Periodic(24)) == pytest.approx(math.sqrt(2.5))
    rng = np.random.default_rng(18)
    x, y = sphere(rng, 40), sphere(rng, 40)
    assert wasserstein1(x, y, metric="geodesic") == transport(x, y, cost="geodesic").value
    squared = transport(x, y, cost=Geodesic(radius=2.0, power=2.0)).value
    found = wasserstein(x, y, p=2, metric=Geodesic(radius=2.0))
    assert found == pytest.approx(math.sqrt(squared), rel=1e-14)
    limited = wasserstein1_result(x, y, metric=Truncated(Geodesic(), limit=0.1))
    assert limited.value <= 0.1
    assert limited.kind == "certified"
    plain = transport(x @ np.linalg.inv(np.linalg.cholesky(COVARIANCE)).T,
                      y @ np.linalg.inv(np.linalg.cholesky(COVARIANCE)).T)  # fmt: skip
    found = wasserstein1(x, y, metric=Mahalanobis(COVARIANCE))
    assert found == pytest.approx(plain.value, rel=1e-12)


@pytest.mark.parametrize("metric", [Cosine(), Huber(1.0), Geodesic(power=2.0)], **NAMES)
def test_what_is_no_metric_is_refused_as_one(metric):
    with pytest.raises(InvalidInputError, match="`metric` must be a metric"):
        wasserstein1([[0.0, 1.0]], [[1.0, 0.0]], metric=metric)


def test_where_only_norms_are_supported_the_error_says_so():
    x = [[0.0, 1.0], [1.0, 0.0]]
    measure = DiscreteMeasure(x)
    with pytest.raises(InvalidInputError, match="be a PNormCost here"):
        transport_batch([x], [x], cost=Geodesic())
    with pytest.raises(InvalidInputError, match="be a PNormCost here"):
        sinkhorn_divergence(x, x, cost=Geodesic(), epsilon=0.1)
    with pytest.raises(InvalidInputError, match="PNormCost or a CostMatrix"):
        UnbalancedProblem(measure, target=measure, reach=1.0, cost=Geodesic())
    with pytest.raises(UnsupportedProblemError, match="laws are compared in norms"):
        wasserstein1(
            Gaussian([0.0], covariance=[[1.0]]),
            Gaussian([1.0], covariance=[[1.0]]),
            metric=Periodic(1.0),
        )


def test_huber_lies_between_its_two_costs():
    rng = np.random.default_rng(19)
    x, y = rng.normal(size=(50, 2)), rng.normal(size=(50, 2))
    wide, narrow = 1e6, 1e-6
    half_square = 0.5 * transport(x, y, cost="sqeuclidean").value
    assert transport(x, y, cost=Huber(wide)).value == pytest.approx(half_square, rel=1e-12)
    scaled = transport(x, y, cost=Huber(narrow)).value / narrow
    assert scaled == pytest.approx(transport(x, y).value, rel=1e-5)


@given(
    data=st.data(),
    period=st.sampled_from([1.0, 24.0, 360.0]),
    shift=st.floats(-1000.0, 1000.0),
    power=st.sampled_from([1.0, 1.5, 2.0]),
)
@settings(max_examples=40, deadline=None)
def test_turning_the_circle_changes_no_optimum(data, period, shift, power):
    numbers = st.lists(st.floats(0.0, period), min_size=1, max_size=7)
    x, y = np.array(data.draw(numbers)), np.array(data.draw(numbers))
    cost = Periodic(period, power=power)
    here = transport(x, y, cost=cost, throw=False)
    there = transport(x + shift, y + shift, cost=cost, throw=False)
    # Adding the shift rounds positions by u of 1360 at most.
    slack = 1e-11 * period ** (power - 1.0) + 1e-12 * here.value
    assert abs(here.value - there.value) <= slack * 10.0


@given(
    n=st.integers(1, 9),
    m=st.integers(1, 9),
    seed=st.integers(0, 2**32 - 1),
    power=st.sampled_from([1.0, 1.3, 2.0, 3.0]),
    kind=st.sampled_from(["anywhere", "ties", "clusters"]),
    weighted=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_the_circle_agrees_with_a_linear_program(n, m, seed, power, kind, weighted):
    rng = np.random.default_rng(seed)
    if kind == "anywhere":
        x, y = rng.uniform(-24, 48, n), rng.uniform(0, 24, m)
    elif kind == "ties":
        x, y = rng.integers(0, 6, n) * 4.0, rng.integers(0, 6, m) * 4.0
    else:
        x, y = rng.normal(0, 2, n), rng.normal(12, 2, m)
    options = {}
    if weighted:
        options = {"x_weights": rng.integers(0, 4, n) + (np.arange(n) == 0)}
    cost = Periodic(24.0, power=power)
    found = transport(x, y, cost=cost, solver=solvers.Circle(), **options)
    oracle = transport(x, y, cost=cost, solver=solvers.LinearProgram(), **options)
    scale = 12.0**power
    assert abs(found.value - oracle.value) <= 1e-13 * scale
    assert found.bounds.gap <= 1e-12 * scale


def test_many_points_on_a_circle_are_sent_to_the_circle():
    rng = np.random.default_rng(20)
    x, y = rng.uniform(0, 24, 5000), rng.normal(6, 3, 4000)
    result = transport(x, y, cost=Periodic(24.0), x_weights=rng.uniform(size=5000))
    assert isinstance(result.solver, solvers.Circle)
    assert result.bounds.relative_gap < 1e-12
    # W1 on the circle: the mean distance of F - G from its median (Rabin, Delon & Gousseau 2011).
    x, y = rng.uniform(0, 24, 3000), np.mod(rng.normal(6, 3, 2000), 24.0)
    places = np.sort(np.concatenate([x, y]))
    F = np.searchsorted(np.sort(x), places, side="right") / x.size
    G = np.searchsorted(np.sort(y), places, side="right") / y.size
    widths = np.diff(np.append(places, places[0] + 24.0))
    order = np.argsort(F - G)
    half = np.searchsorted(np.cumsum(widths[order]), 12.0)
    expected = float(np.abs(F - G - (F - G)[order][half]) @ widths)
    assert wasserstein1(x, y, metric=Periodic(24.0)) == pytest.approx(expected, rel=1e-11)


def test_the_circle_refuses_what_is_none():
    x = [[0.0, 0.0], [0.1, 0.2]]
    for cost in (Periodic(1.0), Geodesic()):
        with pytest.raises(UnsupportedProblemError, match="Circle needs"):
            transport(x, x, cost=cost, solver=solvers.Circle())
    with pytest.raises(UnsupportedProblemError, match="Circle needs"):
        transport([0.0], [1.0], solver=solvers.Circle())


def test_preflight_knows_what_the_cost_comes_down_to():
    problem = TransportProblem(
        DiscreteMeasure(np.linspace(0.0, 20.0, 2000)),
        target=DiscreteMeasure(np.linspace(3.0, 23.0, 2000)),
        cost=Periodic(24.0),
    )
    assert preflight(problem)[0].reason.startswith("points on a circle")


def test_problems_say_their_costs_in_the_callers_unit():
    rng = np.random.default_rng(21)
    x, y = sphere(rng, 6), sphere(rng, 4)
    cost = Geodesic(radius=6371.0)
    problem = TransportProblem(
        DiscreteMeasure.from_samples(x), target=DiscreteMeasure.from_samples(y), cost=cost
    )
    C = cost.pairwise(x, y)
    np.testing.assert_array_equal(problem.matrix(), C)
    rows, columns = np.array([0, 5]), np.array([3, 1])
    np.testing.assert_allclose(problem.pair_costs(rows, columns), C[rows, columns], rtol=1e-14)
    assert problem.cost_bound() >= C.max()
    result = transport(x, y, cost=cost)
    assert isinstance(result.potentials, Potentials)
    excess = result.potentials.f[:, None] + result.potentials.g - C
    assert excess.max() <= 1e-11 * C.max()


@pytest.mark.parametrize("cost", ALL, **NAMES)
def test_files_hold_the_result_and_prove_it_anew(cost):
    rng = np.random.default_rng(22)
    x, y = hard_pairs(cost, rng)[0]
    result, file = transport(x, y, cost=cost), io.BytesIO()
    result.save(file)
    found = load_result(io.BytesIO(file.getvalue()))
    assert found.value == pytest.approx(result.value, rel=1e-13)
    assert found.bounds.lower == pytest.approx(result.bounds.lower, rel=1e-12)
    assert repr(found.problem.cost) == repr(cost)
    np.testing.assert_array_equal(found.problem.cost.pairwise(x, y), cost.pairwise(x, y))


def test_files_hold_no_function():
    result = transport([0.0], [1.0], cost=FunctionCost(lambda x, y: np.abs(x - y.T)))
    with pytest.raises(UnsupportedProblemError, match="files hold no cost"):
        result.save(io.BytesIO())


def test_the_auditor_says_what_it_does_not_audit():
    audit = certificates.audit(transport([23.0], [1.0], cost=Periodic(24.0)))
    assert audit.verdict.name == "UNDECIDED"
    assert "Periodic" in audit.reason


@given(cost=point_costs(d=2), seed=st.integers(0, 2**32 - 1), n=st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_every_cost_is_bounded_and_proven_by_strangers(cost, seed, n):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, 2)), rng.normal(size=(n, 2))
    result = transport(x, y, cost=cost, throw=False)
    with mpmath.workdps(60):
        exact = optimum(cost, x, y)
    assert result.bounds.lower <= exact <= result.bounds.upper
    proof = certificates.prove(result.problem, result.plan, result.potentials)
    assert proof.bounds.lower <= exact <= proof.bounds.upper


@pytest.mark.parametrize("unit", [1e-80, 1e-30, 1e60, 1e80])
@pytest.mark.parametrize("power", [1.5, 3.0])
def test_bounds_hold_where_the_logarithm_of_a_cost_is_large(unit, power):
    # Roots of such numbers are rounded by their logarithm, as 1 / power is.
    rng = np.random.default_rng(21)
    x, y = rng.normal(size=(2, 3, 2)) * unit
    for cost in (
        Periodic([unit, math.inf], power=power),
        Truncated(PNormCost(power=power), limit=unit**power),
    ):
        for solver in (solvers.NetworkSimplex(), solvers.ColumnGeneration()):
            result = transport(x, y, cost=cost, solver=solver)
            with mpmath.workdps(60):
                exact = optimum(cost, x, y)
            assert result.bounds.lower <= exact <= result.bounds.upper
            assert result.bounds.relative_gap < 1e-12


def test_mahalanobis_loses_nothing_to_different_units():
    # A metre and a nanometre: the condition of the covariance is 1e18, that of the axes is 3.
    units = np.array([1.0, 1e-9])
    cost = Mahalanobis(np.array([[1.0, 0.5], [0.5, 1.0]]) * units[:, None] * units)
    rng = np.random.default_rng(22)
    x, y = rng.normal(size=(2, 4, 2)) * units
    result = transport(x, y, cost=cost)
    with mpmath.workdps(60):
        exact = optimum(cost, x, y)
    assert result.bounds.lower <= exact <= result.bounds.upper
    assert result.bounds.relative_gap < 1e-12


@pytest.mark.parametrize("covariance", [[[1.0, 0.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, -1.0]]])
def test_a_variance_that_is_not_positive_is_named(covariance):
    with pytest.raises(InvalidInputError, match=r"positive definite; got -?[01]\.0 at \(1, 1\)"):
        Mahalanobis(covariance)


def test_masked_costs_of_a_function_are_refused():
    cost = FunctionCost(lambda x, y: np.ma.masked_less(np.abs(x - y.T), 0.5))
    with pytest.raises(InvalidInputError, match="masked"):
        transport([0.0, 1.0], [0.1, 3.0], cost=cost)
