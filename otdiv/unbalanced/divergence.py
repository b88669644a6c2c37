"""The unbalanced Sinkhorn divergence: entropic unbalanced transport with its bias taken out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._arrays import keeps_arrays
from .._calling import explains_calls
from .._validation import check_positive
from ..certificates.penalties import Penalty
from ..costs import PNormCost, as_point_cost
from ..errors import ConvergenceError
from ..measures import DiscreteMeasure, as_measures
from ..results import Bounds, Status, Valued
from .problem import UnbalancedProblem
from .result import UnbalancedResult
from .transport import unbalanced_transport

__all__ = [
    "UnbalancedDivergenceResult",
    "unbalanced_sinkhorn_divergence",
    "unbalanced_sinkhorn_divergence_result",
]

# Rounding of the few sums and products between the terms and the divergence.
_ROUNDING = 2.0**-49


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class UnbalancedDivergenceResult(Valued):
    """An unbalanced Sinkhorn divergence with its three terms.

    Attributes
    ----------
    value : float
        cross - (source + target) / 2 + epsilon / 2 (m_x - m_y)², in units of the cost times mass.
    bounds : Bounds
        Enclosure of the exact divergence, from the bounds of the three problems.
    terms : mapping of str to float
        "cross", "source" and "target", the three values of unbalanced transport, and "masses", the
        last summand.
    epsilon, reach : float
    n_iterations : int
        Of the three solves together.
    """

    value: float
    bounds: Bounds
    terms: Mapping[str, float]
    epsilon: float
    reach: float
    n_iterations: int

    def __repr__(self) -> str:
        return (
            f"UnbalancedDivergenceResult(value={self.value:.12g}, "
            f"bounds=[{self.bounds.lower:.12g}, {self.bounds.upper:.12g}], "
            f"epsilon={self.epsilon:g}, reach={self.reach:g})"
        )


@keeps_arrays("unbalanced_sinkhorn_divergence")
@explains_calls()
def unbalanced_sinkhorn_divergence(
    x: Any,
    y: Any,
    *,
    epsilon: float,
    reach: float,
    penalty: Penalty = "kl",
    x_weights: Any = None,
    y_weights: Any = None,
    cost: PNormCost | str = "sqeuclidean",
    rtol: float = 1e-6,
    max_iterations: int = 1000,
) -> float:
    """Sinkhorn divergence of two measures whose masses and supports may differ.

    S(p, q) = OT(p, q) - OT(p, p) / 2 - OT(q, q) / 2 + epsilon / 2 (m_p - m_q)², where OT is the
    least value of <C, P> + D(P 1 | p) + D(P' 1 | q) + epsilon KL(P | p⊗q) with the penalty D of
    `UnbalancedProblem`. It is zero when the measures agree. Where exp(-C / epsilon) is positive
    definite it is not negative: with the potentials f of p against itself, g of q, and the measures
    α = p exp(f / epsilon), β = q exp(g / epsilon), the value of (f, g) for the dual of OT(p, q)
    gives S >= epsilon / 2 (α - β)' exp(-C / epsilon) (α - β). That holds for
    |x - y|_2 ** k with k up to 2 and |x - y|_1 ** k with k up to 1.

    Parameters
    ----------
    x, y : array_like, shapes (n,) or (n, d) and (m,) or (m, d)
        Points. A `DiscreteMeasure` is taken as it is, with its mass.
    epsilon : float
        Regularisation, in the unit of the cost.
    reach : float
        Price of mass that is lost or made, as in `UnbalancedProblem`, of both sides.
    penalty : {"kl", "tv", "squared"}, default "kl"
    x_weights, y_weights : array_like, shapes (n,) and (m,), optional
        Relative frequencies, each side normalised to 1; uniform by default.
    cost : PNormCost or str, default "sqeuclidean"
        Ground cost of points.
    rtol : float, default 1e-6
        Relative gap of the bounds of each of the three terms that is asked for.
    max_iterations : int, default 1000
        Limit of steps of each solve.

    Returns
    -------
    float
        In the unit of the cost times mass; exactly 0.0 for equal measures, and exactly symmetric.

    Raises
    ------
    ConvergenceError
        If the bounds of one of the terms do not meet `rtol`.
    InvalidInputError
        If an argument breaks its requirement.

    References
    ----------
    Séjourné, Feydy, Vialard, Trouvé & Peyré (2019), Sinkhorn divergences for unbalanced optimal
    transport, arXiv:1910.12958.

    Examples
    --------
    >>> from otdiv import DiscreteMeasure, unbalanced_sinkhorn_divergence
    >>> p = DiscreteMeasure([0.0, 1.0])
    >>> q = DiscreteMeasure([0.0, 1.0, 9.0], weights=[0.5, 0.5, 0.1])
    >>> unbalanced_sinkhorn_divergence(p, p, epsilon=0.1, reach=1.0)
    0.0
    >>> round(unbalanced_sinkhorn_divergence(p, q, epsilon=0.1, reach=1.0), 3)  # an outlier of 0.1
    0.094
    """
    return unbalanced_sinkhorn_divergence_result(
        x,
        y,
        epsilon=epsilon,
        reach=reach,
        penalty=penalty,
        x_weights=x_weights,
        y_weights=y_weights,
        cost=cost,
        rtol=rtol,
        max_iterations=max_iterations,
    ).value


@keeps_arrays("unbalanced_sinkhorn_divergence")
@explains_calls()
def unbalanced_sinkhorn_divergence_result(
    x: Any,
    y: Any,
    *,
    epsilon: float,
    reach: float,
    penalty: Penalty = "kl",
    x_weights: Any = None,
    y_weights: Any = None,
    cost: PNormCost | str = "sqeuclidean",
    rtol: float = 1e-6,
    max_iterations: int = 1000,
) -> UnbalancedDivergenceResult:
    """`unbalanced_sinkhorn_divergence` with its three terms and bounds.

    Parameters
    ----------
    x, y, epsilon, reach, penalty, x_weights, y_weights, cost, rtol, max_iterations
        As in `unbalanced_sinkhorn_divergence`.

    Returns
    -------
    UnbalancedDivergenceResult

    Raises
    ------
    ConvergenceError, InvalidInputError
        As in `unbalanced_sinkhorn_divergence`.

    Examples
    --------
    >>> from otdiv import unbalanced_sinkhorn_divergence_result
    >>> result = unbalanced_sinkhorn_divergence_result([0.0], [3.0], epsilon=0.5, reach=100.0)
    >>> round(result.value, 2), result.value in result.bounds
    (8.8, True)
    """
    epsilon, reach = check_positive("epsilon", epsilon), check_positive("reach", reach)
    ground = as_point_cost(cost)
    source, target, _ = as_measures(x, y, x_weights, y_weights)
    p, q = _merged(source), _merged(target)
    equal = np.array_equal(p.points, q.points) and np.array_equal(p.weights, q.weights)
    pairs = [("source", p, p)]
    if not equal:
        pairs += [("target", q, q), ("cross", p, q)]
    found: dict[str, UnbalancedResult] = {}
    for term, first, second in pairs:
        problem = UnbalancedProblem(first, target=second, cost=ground, reach=reach, penalty=penalty)
        found[term] = result = unbalanced_transport(
            problem, epsilon=epsilon, rtol=rtol, max_iterations=max_iterations, throw=False
        )
        if result.status is not Status.OPTIMAL:
            raise ConvergenceError(
                f"the {term} term of the divergence ended with {result.status.name} at a relative "
                f"gap of {result.bounds.relative_gap:.2e}; ask for a larger rtol",
                result,
            )
    if equal:
        # Equal measures need no arithmetic for a divergence of zero.
        own = found["source"]
        terms = {"cross": own.value, "source": own.value, "target": own.value, "masses": 0.0}
        value, bounds = 0.0, Bounds(0.0, 0.0)
    else:
        value, bounds, terms = _together(found, p.mass, q.mass, epsilon)
        if _positive_definite(ground):
            # What is below zero is the rounding that the bounds already hold.
            value = max(value, 0.0)
            bounds = Bounds(max(bounds.lower, 0.0), max(bounds.upper, 0.0))
    return UnbalancedDivergenceResult(
        value=value,
        bounds=bounds,
        terms=terms,
        epsilon=epsilon,
        reach=reach,
        n_iterations=sum(result.n_iterations for result in found.values()),
    )


def _merged(measure: DiscreteMeasure) -> DiscreteMeasure:
    """Equal atoms joined in lexicographic order, so that the order of atoms cannot matter."""
    support, inverse = np.unique(measure.points, axis=0, return_inverse=True)
    weights = np.zeros(len(support))
    np.add.at(weights, inverse.reshape(-1), measure.weights)
    return DiscreteMeasure(points=support, weights=weights)


def _together(
    found: Mapping[str, UnbalancedResult], first: float, second: float, epsilon: float
) -> tuple[float, Bounds, dict[str, float]]:
    """Value, bounds and terms of measures of these masses."""
    cross, source, target = found["cross"], found["source"], found["target"]
    masses = 0.5 * epsilon * (first - second) ** 2
    size = math.fsum(result.bounds.upper for result in found.values())
    slack = _ROUNDING * (size + epsilon * (first + second) ** 2)
    lower = math.fsum(
        [
            cross.bounds.lower,
            -0.5 * (source.bounds.upper + target.bounds.upper),
            masses,
            -slack,
        ]
    )
    upper = math.fsum(
        [cross.bounds.upper, -0.5 * (source.bounds.lower + target.bounds.lower), masses, slack]
    )
    # source + target before halving: the sum does not depend on which measure came first.
    value = cross.value - 0.5 * (source.value + target.value) + masses
    terms = {
        "cross": cross.value,
        "source": source.value,
        "target": target.value,
        "masses": masses,
    }
    return value, Bounds(min(lower, value), max(upper, value)), terms


def _positive_definite(cost: PNormCost) -> bool:
    """Whether exp(-C / epsilon) is a positive definite kernel for every epsilon.

    Schoenberg (1938), doi:10.1090/S0002-9947-1938-1501980-0.
    """
    return (cost.norm == 2.0 and cost.power <= 2.0) or (cost.norm == 1.0 and cost.power <= 1.0)
