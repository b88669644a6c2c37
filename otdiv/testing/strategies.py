"""Hypothesis strategies: probability vectors, measures, problems with and without known answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._optional import import_optional
from .._typing import FloatArray
from ..costs import (
    CostMatrix,
    Euclidean,
    Huber,
    Mahalanobis,
    Periodic,
    PNormCost,
    SquaredEuclidean,
    Truncated,
)
from ..measures import DiscreteMeasure
from ..mixtures import GaussianMixture
from ..partial_problem import PartialProblem
from ..problems import TransportProblem
from ..unbalanced import UnbalancedProblem
from . import problems as known

__all__ = [
    "discrete_measures",
    "gaussian_mixtures",
    "partial_problems",
    "persistence_diagrams",
    "point_costs",
    "probability_vectors",
    "solved_problems",
    "transport_batches",
    "transport_problems",
    "unbalanced_problems",
]

st: Any = import_optional(
    "hypothesis.strategies", extra="verify", purpose="otdiv.testing.strategies"
)


def probability_vectors(*, min_size: int = 1, max_size: int = 12, allow_zeros: bool = True) -> Any:
    """Strategy of probability vectors (k,): whole numbers up to 50 over their sum.

    Half of them have entries of very different size (down to 2**-40 of the largest). They shrink
    to a single 1, then to few entries that are small whole numbers before division.

    Parameters
    ----------
    min_size, max_size : int
        Number of entries.
    allow_zeros : bool, default True
        Whether entries may be exactly 0.

    Returns
    -------
    strategy of arrays

    Examples
    --------
    >>> from hypothesis import given
    >>> from otdiv.testing import probability_vectors
    >>> @given(probability_vectors())
    ... def sums_to_one(p):
    ...     assert abs(p.sum() - 1.0) < 1e-15 * len(p) * 2
    >>> sums_to_one()
    """

    def draw_vector(draw: Callable[[Any], Any]) -> Any:
        size = draw(st.integers(min_size, max_size))
        counts = draw(
            st.lists(st.integers(0 if allow_zeros else 1, 50), min_size=size, max_size=size)
        )
        weights = np.array(counts, dtype=np.float64)
        if draw(st.booleans()):
            powers = draw(st.lists(st.integers(0, 40), min_size=size, max_size=size))
            weights = np.ldexp(weights, -np.array(powers))
        if not weights.any():
            weights[0] = 1.0
        return weights / weights.sum()

    return st.composite(draw_vector)()


def _coordinates(d: int) -> Any:
    lattice = st.integers(-20, 20).map(lambda k: k / 4.0)
    free = st.floats(-1e3, 1e3, allow_subnormal=False)
    return st.one_of(
        st.lists(lattice, min_size=d, max_size=d), st.lists(free, min_size=d, max_size=d)
    )


def discrete_measures(
    *, d: int | None = None, min_size: int = 1, max_size: int = 12, max_dimension: int = 5
) -> Any:
    """Strategy of `DiscreteMeasure`s of mass one: ties, repeated and collinear points included.

    They shrink to one atom at the origin.

    Parameters
    ----------
    d : int, optional
        Dimension; drawn from 1 to `max_dimension` by default.
    min_size, max_size : int
        Number of atoms.
    max_dimension : int, default 5
        Largest dimension that is drawn.

    Returns
    -------
    strategy of DiscreteMeasure

    Examples
    --------
    >>> from hypothesis import given
    >>> from otdiv.testing import discrete_measures
    >>> @given(discrete_measures(d=2))
    ... def has_two_columns(p):
    ...     assert p.d == 2
    >>> has_two_columns()
    """

    def draw_measure(draw: Callable[[Any], Any]) -> DiscreteMeasure:
        dimension = draw(st.integers(1, max_dimension)) if d is None else d
        weights = draw(probability_vectors(min_size=min_size, max_size=max_size))
        points = draw(
            st.lists(_coordinates(dimension), min_size=len(weights), max_size=len(weights))
        )
        return DiscreteMeasure(points=np.array(points), weights=weights)

    return st.composite(draw_measure)()


def _costs() -> Any:
    return st.one_of(
        st.sampled_from([Euclidean(), SquaredEuclidean()]),
        st.builds(
            PNormCost,
            norm=st.sampled_from([1.0, 2.0, 3.0, float("inf")]),
            power=st.sampled_from([0.5, 1.0, 1.5, 2.0, 3.0]),
        ),
    )


def point_costs(*, d: int) -> Any:
    """Strategy of costs of points of `d` dimensions: norms and what else there is.

    `Geodesic` and `Cosine` are left out, which do not know all points: latitudes beyond a pole, and
    vectors of zeros.

    Parameters
    ----------
    d : int
        Dimension of the points.

    Returns
    -------
    strategy of costs

    Examples
    --------
    >>> from hypothesis import given
    >>> from otdiv.testing import point_costs
    >>> @given(point_costs(d=2))
    ... def points_cost_nothing_where_they_are(cost):
    ...     assert cost.pairwise([[0.0, 1.0]], [[0.0, 1.0]])[0, 0] == 0.0
    >>> points_cost_nothing_where_they_are()
    """
    powers = st.sampled_from([1.0, 2.0, 0.5, 1.5])
    sizes = st.sampled_from([1.0, 24.0, 0.1])
    norms = st.builds(PNormCost, norm=st.sampled_from([2.0, 1.0, float("inf")]), power=powers)
    diagonal = st.lists(st.sampled_from([1.0, 4.0, 0.25]), min_size=d, max_size=d)
    rings = st.builds(Periodic, sizes, norm=st.sampled_from([2.0, 1.0]), power=powers)
    scaled = st.builds(Mahalanobis, diagonal.map(np.diag), power=powers)
    return st.one_of(
        _costs(),
        rings,
        scaled,
        st.builds(Huber, sizes),
        st.builds(Truncated, st.one_of(norms, rings, scaled), limit=sizes),
    )


def transport_problems(*, max_size: int = 8, matrices: bool = True) -> Any:
    """Strategy of `TransportProblem`s between points or, if `matrices`, with bare cost matrices.

    They shrink to one atom on either side at distance 0.

    Parameters
    ----------
    max_size : int, default 8
        Largest number of atoms on a side.
    matrices : bool, default True
        Whether cost matrices of either sign are drawn too.

    Returns
    -------
    strategy of TransportProblem

    Examples
    --------
    >>> from hypothesis import given
    >>> from otdiv import solve
    >>> from otdiv.testing import transport_problems
    >>> @given(transport_problems(max_size=4))
    ... def value_is_inside_its_bounds(problem):
    ...     result = solve(problem, throw=False)
    ...     assert result.value in result.bounds
    >>> value_is_inside_its_bounds()
    """

    def draw_problem(draw: Callable[[Any], Any]) -> TransportProblem:
        if matrices and draw(st.booleans()):
            a = draw(probability_vectors(max_size=max_size))
            b = draw(probability_vectors(max_size=max_size))
            entries = st.one_of(st.integers(-20, 20).map(float), st.floats(-1e3, 1e3))
            C = draw(st.lists(entries, min_size=len(a) * len(b), max_size=len(a) * len(b)))
            return TransportProblem.from_matrix(np.reshape(C, (len(a), len(b))), a, b)
        d = draw(st.integers(1, 3))
        sides = [draw(discrete_measures(d=d, max_size=max_size)) for _ in range(2)]
        return TransportProblem(source=sides[0], target=sides[1], cost=draw(_costs()))

    return st.composite(draw_problem)()


def transport_batches(*, max_length: int = 5, max_size: int = 6) -> Any:
    """Strategy of arguments (X, Y, options) of `transport_batch`: ragged, weighted or not.

    Samples may repeat points, share them, weigh some of them nothing and occur several times;
    `options` has the weights, where there are any, and the cost. They shrink to one pair of points
    at the origin.

    Parameters
    ----------
    max_length : int, default 5
        Largest number of problems.
    max_size : int, default 6
        Largest number of points of a sample.

    Returns
    -------
    strategy of tuples

    Examples
    --------
    >>> from hypothesis import given
    >>> from otdiv import transport_batch
    >>> from otdiv.testing import transport_batches
    >>> @given(transport_batches(max_length=2, max_size=3))
    ... def values_are_inside_their_bounds(batch):
    ...     X, Y, options = batch
    ...     result = transport_batch(X, Y, n_jobs=1, **options)
    ...     assert (result.lower <= result.values).all() and (result.values <= result.upper).all()
    >>> values_are_inside_their_bounds()
    """

    def draw_batch(draw: Callable[[Any], Any]) -> tuple[list[Any], list[Any], dict[str, Any]]:
        d, length = draw(st.integers(1, 3)), draw(st.integers(1, max_length))
        equal = draw(st.booleans())
        size = draw(st.integers(1, max_size))
        limits = {"min_size": size if equal else 1, "max_size": size if equal else max_size}
        pool = [draw(discrete_measures(d=d, **limits)) for _ in range(draw(st.integers(1, 4)))]
        sides = [[draw(st.sampled_from(pool)) for _ in range(length)] for _ in range(2)]
        options: dict[str, Any] = {"cost": draw(_costs())}
        for name, side in zip(("x_weights", "y_weights"), sides, strict=True):
            if draw(st.booleans()):
                options[name] = [p.weights if draw(st.booleans()) else None for p in side]
        X, Y = ([p.points for p in side] for side in sides)
        return X, Y, options

    return st.composite(draw_batch)()


def partial_problems(*, max_size: int = 8) -> Any:
    """Strategy of `PartialProblem`s between points: a mass to move, or prices of what stays.

    Masses of the sides differ; prices are one number, one a side, or one an atom.

    Parameters
    ----------
    max_size : int, default 8
        Largest number of atoms on a side.

    Returns
    -------
    strategy of PartialProblem

    Examples
    --------
    >>> from hypothesis import given
    >>> from otdiv import partial_transport
    >>> from otdiv.testing import partial_problems
    >>> @given(partial_problems(max_size=4))
    ... def no_more_is_moved_than_there_is(problem):
    ...     how = {"mass": problem.mass, "reach": problem.reach}
    ...     result = partial_transport(problem.source, problem.target, cost=problem.cost, **how)
    ...     assert result.moved <= min(problem.source.mass, problem.target.mass) * (1 + 1e-12)
    >>> no_more_is_moved_than_there_is()
    """

    def draw_problem(draw: Callable[[Any], Any]) -> PartialProblem:
        d = draw(st.integers(1, 3))
        source, target = (draw(discrete_measures(d=d, max_size=max_size)) for _ in range(2))
        scale = draw(st.sampled_from([0.5, 1.0, 3.0]))
        target = DiscreteMeasure(target.points, weights=scale * target.weights)
        cost = draw(_costs())
        if draw(st.booleans()):
            share = draw(st.floats(0.01, 1.0))
            mass = share * min(source.mass, target.mass)
            return PartialProblem(source, target=target, cost=cost, mass=mass)
        prices = st.floats(0.0, 50.0)
        kind = draw(st.integers(0, 2))
        reach: Any = draw(prices)
        if kind == 1:
            reach = (draw(prices), draw(prices))
        elif kind == 2:
            reach = tuple(
                np.array(draw(st.lists(prices, min_size=side.n, max_size=side.n)))
                for side in (source, target)
            )
        return PartialProblem(source, target=target, cost=cost, reach=reach)

    return st.composite(draw_problem)()


def persistence_diagrams(*, max_size: int = 8, forever: bool = True) -> Any:
    """Strategy of persistence diagrams: arrays (n, 2) of births and deaths, n = 0 included.

    Points repeat, lie on the diagonal and, if `forever`, at infinity. They shrink to the empty one.

    Parameters
    ----------
    max_size : int, default 8
        Largest number of points.
    forever : bool, default True
        Whether points never die, were always there, or both.

    Returns
    -------
    strategy of arrays

    Examples
    --------
    >>> from hypothesis import given
    >>> from otdiv import bottleneck_distance
    >>> from otdiv.testing import persistence_diagrams
    >>> @given(persistence_diagrams())
    ... def is_no_distance_from_itself(diagram):
    ...     assert bottleneck_distance(diagram, diagram[::-1]) == 0.0
    >>> is_no_distance_from_itself()
    """
    numbers = st.one_of(st.integers(-4, 4).map(float), st.floats(-1e3, 1e3))
    lengths = st.one_of(st.integers(0, 4).map(float), st.floats(0.0, 1e3))
    points = st.builds(lambda birth, length: (birth, birth + length), numbers, lengths)
    if forever:
        ends = numbers.map(lambda birth: (birth, np.inf)), numbers.map(lambda d: (-np.inf, d))
        points = st.one_of(points, points, *ends, st.just((-np.inf, np.inf)))

    def as_rows(pairs: list[tuple[float, float]]) -> FloatArray:
        return np.array(pairs, dtype=np.float64).reshape(-1, 2)

    return st.lists(points, max_size=max_size).map(as_rows)


def gaussian_mixtures(*, d: int, max_components: int = 4) -> Any:
    """Strategy of `GaussianMixture`s in d dimensions, of positive definite covariances.

    They shrink to one standard normal component.

    Parameters
    ----------
    d : int
        Dimension.
    max_components : int, default 4
        Largest number of components.

    Returns
    -------
    strategy of GaussianMixture

    Examples
    --------
    >>> from hypothesis import given
    >>> from otdiv import gaussian_mixture_distance
    >>> from otdiv.testing import gaussian_mixtures
    >>> @given(gaussian_mixtures(d=2))
    ... def is_no_distance_from_itself(law):
    ...     assert gaussian_mixture_distance(law, law) == 0.0
    >>> is_no_distance_from_itself()
    """
    numbers = st.integers(-16, 16).map(lambda k: k / 4.0)

    def draw_mixture(draw: Callable[[Any], Any]) -> GaussianMixture:
        k = draw(st.integers(1, max_components))

        def array(*shape: int) -> FloatArray:
            size = math.prod(shape)
            drawn = draw(st.lists(numbers, min_size=size, max_size=size))
            return np.array(drawn, dtype=np.float64).reshape(shape)

        roots = np.tril(array(k, d, d), -1) + np.eye(d) * (1.0 + np.abs(array(k, 1, 1)))
        weights = draw(st.lists(st.integers(1, 9), min_size=k, max_size=k))
        return GaussianMixture(
            array(k, d),
            covariances=roots @ roots.transpose(0, 2, 1),
            weights=np.array(weights, dtype=np.float64),
        )

    return st.composite(draw_mixture)()


def unbalanced_problems(*, max_size: int = 6) -> Any:
    """Strategy of `UnbalancedProblem`s of every penalty, with one reach, two or one and infinity.

    Masses differ, weights may be 0, and costs of matrices have either sign, but none that total
    variation would use over and over. They shrink to one atom on either side at distance 0.

    Parameters
    ----------
    max_size : int, default 6
        Largest number of atoms on a side.

    Returns
    -------
    strategy of UnbalancedProblem

    Examples
    --------
    >>> from hypothesis import given, settings
    >>> from otdiv import unbalanced_transport
    >>> from otdiv.testing import unbalanced_problems
    >>> @settings(max_examples=20, deadline=None)
    ... @given(unbalanced_problems(max_size=3))
    ... def value_is_inside_its_bounds(problem):
    ...     result = unbalanced_transport(problem, epsilon=0.5, throw=False)
    ...     assert result.value in result.bounds
    >>> value_is_inside_its_bounds()
    """
    reaches = st.integers(-4, 4).map(lambda k: 2.0**k)

    def draw_problem(draw: Callable[[Any], Any]) -> UnbalancedProblem:
        balanced = draw(transport_problems(max_size=max_size))
        penalty = draw(st.sampled_from(["kl", "tv", "squared"]))
        p, q = draw(reaches), draw(reaches)
        kind = draw(st.integers(0, 3))
        reach = (p, (p, q), (p, np.inf), (np.inf, q))[kind]
        cost: Any = balanced.cost
        if isinstance(cost, CostMatrix) and penalty == "tv" and kind < 2:
            cost = CostMatrix(np.maximum(cost.values, -(p + q) if kind else -2.0 * p))
        elif not isinstance(cost, CostMatrix | PNormCost):
            cost = CostMatrix(balanced.matrix())
        target = balanced.target
        mass = draw(st.integers(1, 8)) / 4.0
        return UnbalancedProblem(
            balanced.source,
            target=DiscreteMeasure(points=target.points, weights=mass * target.weights),
            cost=cost,
            reach=reach,
            penalty=penalty,
        )

    return st.composite(draw_problem)()


def solved_problems(*, max_size: int = 12) -> Any:
    """Strategy of `SolvedProblem`s, whose optimal value is known by construction.

    Funnels, permutations, translations, Dirac measures, monotone lines and Gaussian quantiles; they
    shrink to Dirac measures, then to few points.

    Parameters
    ----------
    max_size : int, default 12
        Largest number of points on a side.

    Returns
    -------
    strategy of SolvedProblem

    Examples
    --------
    >>> from hypothesis import given
    >>> from otdiv import solve
    >>> from otdiv.testing import solved_problems
    >>> @given(solved_problems(max_size=5))
    ... def finds_the_known_value(case):
    ...     value = solve(case.problem).value
    ...     assert abs(value - case.value) <= 1e-12 * (1.0 + abs(case.value))
    >>> finds_the_known_value()
    """
    sizes = st.integers(1, max_size)
    dimensions = st.integers(1, 4)
    seeds = st.integers(0, 2**16)
    lengths = st.integers(1, 64).map(lambda k: k / 8.0)
    powers = st.sampled_from([1.0, 2.0, 1.5])
    return st.one_of(
        st.builds(known.point_masses, distance=lengths, d=dimensions, power=powers),
        st.builds(known.permuted, n=sizes, d=dimensions, rng=seeds),
        st.builds(known.translated, n=sizes, d=dimensions, shift=lengths, power=powers, rng=seeds),
        st.builds(known.monotone_line, n=sizes, power=powers, rng=seeds),
        st.builds(known.gaussian_line, n=sizes, mean=lengths, deviation=lengths),
        st.builds(known.funnels, n=sizes, d=dimensions, weighted=st.booleans(), rng=seeds),
    )
