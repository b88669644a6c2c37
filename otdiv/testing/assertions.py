"""Assertions that a result is optimal and that a function is a metric, with the size of a miss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import certificates
from ..plans import Potentials
from ..problems import TransportProblem
from ..results import TransportResult

__all__ = ["assert_metric", "assert_optimal"]


def assert_optimal(
    result: TransportResult, *, value: float | None = None, rtol: float = 1e-9
) -> None:
    """Prove again, from the problem alone, that a result is optimal.

    Parameters
    ----------
    result : TransportResult
        Its plan's marginals, its potentials' feasibility and the gap between them are recomputed.
    value : float, optional
        A known optimum that the bounds must contain.
    rtol : float, default 1e-9
        Largest relative gap.

    Raises
    ------
    AssertionError
        Naming the property that fails and by how much.

    Examples
    --------
    >>> from otdiv import transport
    >>> from otdiv.testing import assert_optimal
    >>> assert_optimal(transport([0.0, 1.0], [2.0, 3.0]), value=2.0)
    """
    problem = result.problem
    assert result.plan is not None, f"no plan: {result.status.name}"
    assert result.potentials is not None, f"no potentials: {result.status.name}"
    for name, sums, weights in (
        ("row", result.plan.row_sums(), problem.a),
        ("column", result.plan.column_sums(), problem.b),
    ):
        worst = float(np.abs(sums - weights).max())
        assert worst <= 1e-12 * problem.mass, f"{name} sums are off by up to {worst:.3g}"
    _assert_feasible(problem, result.potentials)
    proof = certificates.prove(problem, result.plan, result.potentials)
    scale = max(abs(proof.bounds.upper), abs(proof.bounds.lower))
    allowed = max(rtol * scale, 8.0 * proof.slack)
    assert proof.bounds.gap <= allowed, (
        f"the gap {proof.bounds.gap:.3g} between {proof.bounds.lower!r} and "
        f"{proof.bounds.upper!r} exceeds {allowed:.3g}"
    )
    assert result.value in result.bounds, f"value {result.value!r} outside {result.bounds}"
    if value is not None:
        off = max(result.bounds.lower - value, value - result.bounds.upper)
        assert off <= 1e-12 * max(1.0, abs(value)), (
            f"the known optimum {value!r} lies {off:.3g} outside {result.bounds}"
        )


def _assert_feasible(problem: TransportProblem, potentials: Potentials) -> None:
    n, m = problem.shape
    worst = -np.inf
    step = max(1, 2**22 // m)
    for start in range(0, n, step):
        stop = min(n, start + step)
        excess = potentials.f[start:stop, None] + potentials.g - problem.block(start, stop)
        worst = max(worst, float(excess.max()))
    scale = float(np.abs(potentials.f).max() + np.abs(potentials.g).max())
    assert worst <= 1e-14 * (1.0 + problem.source.d) * scale + 1e-300, (
        f"potentials exceed a cost by {worst:.3g}"
    )


def assert_metric(
    distance: Callable[[Any, Any], float], points: Sequence[Any], *, rtol: float = 1e-9
) -> None:
    """Check the axioms of a metric on all pairs and triples of `points`.

    Parameters
    ----------
    distance : callable
        Function of two of the points.
    points : sequence
        At least one object; equal objects must be the same object.
    rtol : float, default 1e-9
        Tolerance of symmetry, identity and triangle inequality, relative to the largest distance.

    Raises
    ------
    AssertionError
        Naming the axiom, the points' positions and the excess.

    Examples
    --------
    >>> from otdiv import wasserstein1
    >>> from otdiv.testing import assert_metric
    >>> assert_metric(wasserstein1, [[0.0], [1.0, 2.0], [3.0]])
    """
    size = len(points)
    values = np.array([[float(distance(p, q)) for q in points] for p in points])
    slack = rtol * float(np.abs(values).max(initial=0.0))
    for i in range(size):
        assert abs(values[i, i]) <= slack, f"identity: d({i}, {i}) = {values[i, i]!r}"
        for j in range(size):
            assert values[i, j] >= -slack, f"sign: d({i}, {j}) = {values[i, j]!r}"
            off = abs(values[i, j] - values[j, i])
            assert off <= slack, f"symmetry: d({i}, {j}) and d({j}, {i}) differ by {off:.3g}"
            for k in range(size):
                excess = values[i, k] - values[i, j] - values[j, k]
                assert excess <= slack, (
                    f"triangle: d({i}, {k}) exceeds d({i}, {j}) + d({j}, {k}) by {excess:.3g}"
                )
