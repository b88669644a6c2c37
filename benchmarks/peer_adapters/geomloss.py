"""GeomLoss's `ot.solve` for matrices and points, answered by otdiv.

Arrays of NumPy and tensors come back as they came, in their precision; `max_iter` is dropped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

import otdiv
from otdiv import DiscreteMeasure, UnbalancedProblem, solvers
from otdiv.costs import as_cost

from . import LATER, Adapter, Listed

# Both stop where the marginals, or the conditions on the potentials, are met to this.
TOLERANCE = 1e-9


@dataclass
class Answer:
    """The attributes of GeomLoss's results that its tests read."""

    value: Any
    value_linear: Any
    plan: Any
    potential_a: Any
    potential_b: Any
    marginal_a: Any
    marginal_b: Any
    a_to_b: Any = None
    b_to_a: Any = None


def numbers(value: Any) -> np.ndarray:
    """As float64, from NumPy or torch."""
    return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value, dtype=float)


def like(value: Any, sample: Any) -> Any:
    """In the library and precision of the sample."""
    if hasattr(sample, "new_tensor"):
        return sample.new_tensor(np.asarray(value))
    return np.asarray(value, dtype=np.asarray(sample).dtype)[()]


def weights(a: Any, n: int) -> np.ndarray:
    return np.full(n, 1.0 / n) if a is None else numbers(a)


def balanced(C: np.ndarray, a: np.ndarray, b: np.ndarray, reg: float) -> list[Any]:
    """Entropic transport of any mass: <C, P> + reg sum P log(P / a⊗b).

    Of a mass m, P' = P / m moves shares, and sum P log(P / a⊗b) = m KL(P' | a'⊗b') - m log m. The
    terms -m + m² of the KL divergence that GeomLoss documents are not in its value.
    """
    solver = solvers.Sinkhorn(epsilon=reg, marginal_tolerance=TOLERANCE, max_iterations=10_000)
    result = otdiv.transport_matrix(C, x_weights=a, y_weights=b, solver=solver)
    mass = float(a.sum())
    value = mass * (result.entropic.value - reg * math.log(mass))
    plan = mass * result.plan.toarray()
    return [value, mass * result.entropic.terms["transport"], plan, *logarithms(plan, C, a, b, reg)]


def logarithms(
    plan: np.ndarray, C: np.ndarray, a: np.ndarray, b: np.ndarray, reg: float
) -> tuple[np.ndarray, np.ndarray]:
    """Potentials f, g of a plan a_i b_j exp((f_i + g_j - C_ij) / reg), where no entry vanished.

    Their means are equal, as in GeomLoss.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        sums = reg * np.log(plan / (a[:, None] * b)) + C
        f, g = sums.mean(axis=1), sums.mean(axis=0)
        half = sums.mean() / 2.0
    return f - half, g - half


def unbalanced(C: np.ndarray, a: np.ndarray, b: np.ndarray, reg: float, reach: float) -> list[Any]:
    source, target = (DiscreteMeasure(points=np.arange(float(w.size)), weights=w) for w in (a, b))
    problem = UnbalancedProblem(source=source, target=target, cost=otdiv.CostMatrix(C), reach=reach)
    result = otdiv.unbalanced_transport(
        problem, epsilon=reg, rtol=1e-9, marginal_tolerance=TOLERANCE, throw=False
    )
    plan = result.plan.toarray()
    return [result.value, result.terms["transport"], plan, result.plan.f, result.plan.g]


def solved(C: Any, a: Any, b: Any, reg: float, reach: float | None) -> list[np.ndarray]:
    """Value, linear value, plan, both potentials and both marginals of one problem."""
    n, m = C.shape
    a, b = weights(a, n), weights(b, m)
    parts = balanced(C, a, b, reg) if reach is None else unbalanced(C, a, b, reg, reach)
    plan = parts[2]
    return [np.asarray(part) for part in (*parts, plan.sum(axis=1), plan.sum(axis=0))]


def solve(
    C: Any, *, reg: float, a: Any = None, b: Any = None, unbalanced: float | None = None, **_: Any
) -> Answer:
    return Answer(*(like(part, C) for part in solved(numbers(C), a, b, reg, unbalanced)))


def solve_batch(
    C: Any, *, reg: float, a: Any = None, b: Any = None, unbalanced: float | None = None, **_: Any
) -> Answer:
    a, b = ([None] * len(C) if side is None else side for side in (a, b))
    problems = zip(numbers(C), a, b, strict=True)
    answers = [solved(*problem, reg, unbalanced) for problem in problems]
    return Answer(*(like(np.stack(parts), C) for parts in zip(*answers, strict=True)))


def solve_sample(
    X_a: Any,
    X_b: Any,
    *,
    reg: float,
    a: Any = None,
    b: Any = None,
    cost: str = "sqeuclidean",
    unbalanced: float | None = None,
    **_: Any,
) -> Answer:
    C = as_cost(cost).pairwise(numbers(X_a), numbers(X_b))
    return Answer(*(like(part, X_a) for part in solved(C, a, b, reg, unbalanced)))


DOORS = {
    "geomloss.ot.solve": solve,
    "geomloss.ot.solve_batch": solve_batch,
    "geomloss.ot.solve_sample": solve_sample,
}

SIGNS = (
    "`unbalanced_transport` takes non-negative costs; the test draws costs of both signs, without "
    "and with an unbalanced penalty"
)
LISTED = (
    Listed("geomloss_tests/test_ot_solve_matrix.py::test_symmetry", LATER, SIGNS),
    Listed("geomloss_tests/test_ot_solve_matrix.py::test_cost_linearity", LATER, SIGNS),
)

ADAPTER = Adapter(
    name="GeomLoss",
    package="geomloss",
    folders={"tests": "geomloss_tests"},
    files=("geomloss_tests/test_ot_*.py",),
    doors=DOORS,
    listed=LISTED,
    # The tests draw their problems; the seed makes them the same ones each time.
    options=("--hypothesis-seed=0",),
)
