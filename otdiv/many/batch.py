"""Optimal transport of many pairs of samples, or of many cost matrices, in one call."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .._arrays import keeps_arrays
from .._calling import explains_calls
from .._kernels.network_flow.many_small import COLUMNS
from .._typing import FloatArray, IndexArray
from .._validation import (
    as_cost_matrix,
    as_points,
    as_weights,
    check_callback,
    describe,
)
from ..costs import PNormCost, as_point_cost
from ..errors import InvalidInputError
from ..measures import DiscreteMeasure
from ..plans import SparsePlan
from ..problems import TransportProblem
from ..results import Callback, Status, TransportResult
from ..solving import solve
from .engine import LARGEST, Problems, even_mass, even_weights, n_threads
from .results import BatchPlan, BatchResult, as_batch_plan

__all__ = [
    *("as_clouds", "joined", "new_table", "solve_clouds"),
    *("transport_batch", "transport_matrix_batch"),
]


@keeps_arrays("transport_cost")
@explains_calls("one pair of samples goes to transport(x, y)")
def transport_batch(
    X: Any,
    Y: Any,
    *,
    x_weights: Any = None,
    y_weights: Any = None,
    cost: Any = "euclidean",
    n_jobs: int | None = None,
    callback: Callback | None = None,
) -> BatchResult:
    """Optimal transport between X[k] and Y[k] for every k, exact, with bounds.

    Small problems run through one compiled loop; larger ones, and those out of the ordinary, go
    one by one to `transport`. The answers do not depend on `n_jobs`.

    Parameters
    ----------
    X, Y : array_like, shapes (B, n, d) and (B, m, d), or sequences of B arrays
        Clouds of points (n, d), or samples (n,), of any sizes; all in one dimension d.
    x_weights, y_weights : array_like, shapes (B, n) and (B, m), or sequences of B, optional
        Relative frequencies, each sample normalised to 1; uniform by default, and where an entry
        of the sequence is None.
    cost : PNormCost or str, default "euclidean"
        Ground cost, as in `transport`.
    n_jobs : int, optional
        Threads; None takes as many as there are processors.
    callback : callable, optional
        Called with a `Progress` whose `iteration` counts problems; returning True stops, and
        leaves the problems that are not solved yet STOPPED.

    Returns
    -------
    BatchResult
        An unfinished problem is reported by its status, and raises nothing.

    Raises
    ------
    InvalidInputError
        Names the sample, as ``X[17]``.

    Examples
    --------
    >>> from otdiv import transport_batch
    >>> X = [[[0.0, 0.0], [1.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]]]
    >>> Y = [[[1.0, 1.0], [0.0, 1.0]], [[5.0, 0.0], [4.0, 0.0]]]
    >>> result = transport_batch(X, Y)
    >>> result.values, result.plans
    (array([1., 4.]), array([[1, 0],
           [1, 0]]))
    """
    check_callback(callback)
    cost, threads = as_point_cost(cost), n_threads(n_jobs)
    x, y = as_clouds("X", X), as_clouds("Y", Y)
    _check_length("Y", len(y), "X", len(x))
    _check_dimensions(("X", x), ("Y", y))
    a, b = _weights("x_weights", x_weights, x), _weights("y_weights", y_weights, y)
    return solve_clouds(x, y, a, b, cost, threads, callback, names=lambda t: (f"X[{t}]", f"Y[{t}]"))


def solve_clouds(
    x: list[FloatArray],
    y: list[FloatArray],
    a: list[FloatArray | None] | None,
    b: list[FloatArray | None] | None,
    cost: PNormCost,
    threads: int,
    callback: Callback | None = None,
    *,
    names: Callable[[int], tuple[str, str]],
) -> BatchResult:
    """`transport_batch` of input that was checked; `names` of problem t are for errors."""

    def alone(t: int) -> TransportResult:
        source, target = (
            DiscreteMeasure(points=side[t], weights=_share(weights, t, len(side[t])))
            for side, weights in ((x, a), (y, b))
        )
        try:
            problem = TransportProblem(source=source, target=target, cost=cost)
        except InvalidInputError as error:
            first, second = names(t)
            raise InvalidInputError(first, f"be near to `{second}`: {error}") from None
        return solve(problem, throw=False)

    n, m = _sizes(x), _sizes(y)
    on_line = x[0].shape[1] == 1 and cost.power >= 1.0  # sorting solves those
    problems = _problems(n, m, a, b, alone, skip=on_line)
    problems.cost = cost
    problems.x, problems.column("x_start")[:] = joined(x)
    problems.y, problems.column("y_start")[:] = joined(y)
    return _result(problems, problems.solve(threads, callback), a, b)


@keeps_arrays("transport_matrix_cost")
@explains_calls("one matrix goes to transport_matrix(C); points go to transport_batch(X, Y)")
def transport_matrix_batch(
    C: Any,
    *,
    x_weights: Any = None,
    y_weights: Any = None,
    n_jobs: int | None = None,
    callback: Callback | None = None,
) -> BatchResult:
    """Optimal transport for every cost matrix C[k], exact, with bounds; `inf` forbids a pair.

    Parameters
    ----------
    C : array_like, shape (B, n, m), or a sequence of B matrices
        Costs of any finite sign, or inf; the matrices of a sequence may have any shapes.
    x_weights, y_weights, n_jobs, callback
        As in `transport_batch`.

    Returns
    -------
    BatchResult
        A matrix without a plan is INFEASIBLE there, and raises nothing.

    Raises
    ------
    InvalidInputError
        Names the matrix, as ``C[17]``.

    Examples
    --------
    >>> from otdiv import transport_matrix_batch
    >>> transport_matrix_batch([[[3.0, 1.0], [1.0, 3.0]], [[0.0, 1.0], [1.0, 0.0]]]).values
    array([1., 0.])
    """
    check_callback(callback)
    threads = n_threads(n_jobs)
    matrices = _matrices(C)
    n, m = (np.array([c.shape[side] for c in matrices]) for side in (0, 1))
    rows, columns = [c[:, 0] for c in matrices], [c[0] for c in matrices]
    a, b = _weights("x_weights", x_weights, rows), _weights("y_weights", y_weights, columns)

    def alone(t: int) -> TransportResult:
        weights = (None if side is None else side[t] for side in (a, b))
        return solve(TransportProblem.from_matrix(matrices[t], *weights), throw=False)

    problems = _problems(n, m, a, b, alone)
    sizes = n * m
    if type(C) is np.ndarray and C.dtype == np.float64 and C.flags.c_contiguous:
        problems.costs = C.reshape(-1)
    else:
        problems.costs = np.concatenate([c.reshape(-1) for c in matrices])
    problems.column("x_start")[:] = np.cumsum(sizes) - sizes
    return _result(problems, problems.solve(threads, callback), a, b)


def as_clouds(name: str, value: Any) -> list[FloatArray]:
    """Points (n, d) of every sample of a batch; errors name the sample."""
    if isinstance(value, str | bytes | DiscreteMeasure) or not isinstance(value, Iterable):
        raise InvalidInputError(name, "be a sequence of samples", describe(value))
    if isinstance(value, np.ndarray) and value.ndim < 2:
        raise InvalidInputError(name, "have shape (B, n, d) or (B, n)", f"shape {value.shape}")
    if (
        type(value) is np.ndarray
        and value.dtype == np.float64
        and value.ndim == 3
        and value.size
        and math.isfinite(np.vdot(value, value))
    ):
        return list(np.ascontiguousarray(value))
    clouds = [as_points(f"{name}[{k}]", sample) for k, sample in enumerate(value)]
    if not clouds:
        raise InvalidInputError(name, "hold at least one sample", "none")
    return clouds


def _matrices(value: Any) -> list[FloatArray]:
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise InvalidInputError("C", "be a sequence of cost matrices", describe(value))
    if isinstance(value, np.ndarray) and value.ndim != 3:
        raise InvalidInputError("C", "have shape (B, n, m)", f"shape {value.shape}")
    matrices = [as_cost_matrix(f"C[{k}]", matrix) for k, matrix in enumerate(value)]
    if not matrices:
        raise InvalidInputError("C", "hold at least one matrix", "none")
    return matrices


def _check_dimensions(*sides: tuple[str, list[FloatArray]]) -> None:
    """All clouds must have as many columns as the first."""
    d = sides[0][1][0].shape[1]
    for name, clouds in sides:
        for k, cloud in enumerate(clouds):
            if cloud.shape[1] != d:
                requirement = f"have {d} columns like `{sides[0][0]}[0]`"
                raise InvalidInputError(f"{name}[{k}]", requirement, cloud.shape[1])


def _check_length(name: str, size: int, other: str, expected: int) -> None:
    if size != expected:
        raise InvalidInputError(name, f"hold {expected} samples like `{other}`", size)


def _weights(name: str, value: Any, clouds: list[FloatArray]) -> list[FloatArray | None] | None:
    """Shares of every problem, or None where all are uniform."""
    if value is None:
        return None
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise InvalidInputError(name, "be a sequence of weights, one a sample", describe(value))
    given = list(value)
    _check_length(name, len(given), "X" if name[0] == "x" else "Y", len(clouds))
    return [
        None if weights is None else as_weights(f"{name}[{k}]", weights, len(cloud), normalize=True)
        for k, (weights, cloud) in enumerate(zip(given, clouds, strict=True))
    ]


def _share(weights: list[FloatArray | None] | None, t: int, n: int) -> FloatArray:
    given = None if weights is None else weights[t]
    return np.full(n, 1.0 / n) if given is None else given


def _sizes(clouds: list[FloatArray]) -> IndexArray:
    return np.array([len(cloud) for cloud in clouds])


def joined(clouds: list[FloatArray]) -> tuple[FloatArray, IndexArray]:
    """All points one below the other (N, d), and where each cloud begins."""
    sizes = _sizes(clouds)
    return np.concatenate(clouds), np.asarray(np.cumsum(sizes) - sizes, dtype=np.int64)


def new_table(n: IndexArray, m: IndexArray) -> IndexArray:
    """Table of problems of these sizes, that keep no plans and potentials yet."""
    table = np.full((len(n), len(COLUMNS)), -1)
    table[:, COLUMNS.index("n")] = n
    table[:, COLUMNS.index("m")] = m
    table[:, COLUMNS.index("inside")] = np.maximum(n, m) <= LARGEST
    return table


def _problems(
    n: IndexArray,
    m: IndexArray,
    a: list[FloatArray | None] | None,
    b: list[FloatArray | None] | None,
    alone: Any,
    *,
    skip: bool = False,
) -> Problems:
    """Problems without their costs; with `skip` the loop leaves all of them alone."""
    table = new_table(n, m)
    if skip:
        table[:, COLUMNS.index("inside")] = 0
    even, starts = even_weights(np.concatenate([n, m]))
    parts, size = [even], even.size
    masses = np.array([even_mass(k) for k in n.tolist()])
    for side, weights in (("a_start", a), ("b_start", b)):
        column = table[:, COLUMNS.index(side)]
        column[:] = starts[: len(n)] if side == "a_start" else starts[len(n) :]
        for t, shares in enumerate(weights or ()):
            if shares is not None:
                column[t] = size
                size += shares.size
                parts.append(shares)
                if side == "a_start":
                    masses[t] = math.fsum(shares)
    uniform = a is None and b is None
    problems = Problems(
        table=table,
        masses=masses,
        weights=np.concatenate(parts),
        alone=alone,
        one_to_one=uniform and bool((n == m).all()),
    )
    problems.keep_answers()
    return problems


def _sparse(problems: Problems, part: slice, shape: tuple[int, int]) -> SparsePlan:
    rows, columns, mass = problems.rows[part], problems.columns[part], problems.mass[part]
    return SparsePlan(rows=rows, columns=columns, mass=mass, shape=shape)


def _result(
    problems: Problems,
    finished: bool,
    a: list[FloatArray | None] | None,
    b: list[FloatArray | None] | None,
) -> BatchResult:
    """Answers of the loop and of the problems that were solved alone, put together."""
    size = len(problems.table)
    n, m = problems.column("n"), problems.column("m")
    starts = problems.column("plan_start")
    status = [Status.OPTIMAL] * size
    known = [True] * size
    plans: list[BatchPlan] = [None] * size
    same_size = problems.one_to_one and bool((n == n[0]).all())
    whole = problems.columns.reshape(size, -1) if same_size else None
    for t in range(size):
        done = problems.counts[t, 0] >= 0
        if done and problems.one_to_one:
            plans[t] = problems.columns[starts[t] : starts[t] + n[t]]
            continue
        paired = n[t] == m[t] and all(side is None or side[t] is None for side in (a, b))
        if done:
            part = slice(starts[t], starts[t] + problems.counts[t, 0])
            plan = _sparse(problems, part, (int(n[t]), int(m[t])))
            plans[t] = as_batch_plan(plan, paired)
            continue
        result = problems.others.get(t)
        if result is None:
            known[t], status[t] = False, Status.STOPPED
            problems.values[t] = math.nan, -math.inf, math.inf
            continue
        status[t] = result.status
        plans[t] = as_batch_plan(result.plan, paired)
        known[t] = result.potentials is not None
        if result.potentials is not None:
            f, g = problems.column("f_start")[t], problems.column("g_start")[t]
            problems.f[f : f + n[t]] = result.potentials.f
            problems.g[g : g + m[t]] = result.potentials.g
        columns = plans[t]
        if whole is not None and isinstance(columns, np.ndarray):
            whole[t] = columns
    values = problems.values
    complete = whole is not None and all(isinstance(plan, np.ndarray) for plan in plans)
    return BatchResult(
        values=values[:, 0].copy(),
        lower=values[:, 1].copy(),
        upper=values[:, 2].copy(),
        plans=whole if complete and whole is not None else tuple(plans),
        status=tuple(status),
        _shapes=np.stack([n, m], axis=1),
        _masses=problems.masses,
        _starts=np.stack([problems.column("f_start"), problems.column("g_start")], axis=1),
        _f=problems.f,
        _g=problems.g,
        _known=tuple(known),
    )
