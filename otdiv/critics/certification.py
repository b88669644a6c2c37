"""What any critic proves about W1 of two measures, rounding included."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from .._typing import FloatArray
from ..certificates import c_transform, dual_bound, primal_bound
from ..costs import Euclidean
from ..measures import DiscreteMeasure
from ..plans import Potentials, SparsePlan
from ..problems import TransportProblem
from ..results import Bounds

__all__ = ["certify_critic", "repaired_lower_bound"]

_U = 2.0**-53

# Atoms of each side among which the best multiple of a critic is searched, and how often: the
# golden section shrinks the bracket, a factor of at most some hundreds, to about 1 %.
_SEARCH_ATOMS = 768
_SEARCH_STEPS = 12


class _CertifiableCritic(Protocol):
    """A function with the proofs about itself that a raw bound needs."""

    def __call__(self, z: FloatArray) -> FloatArray: ...

    def gradient(self, z: FloatArray) -> FloatArray: ...

    def value_errors(self, z: FloatArray) -> FloatArray: ...

    def lipschitz_bound(self) -> float: ...


def weighted_mean(values: FloatArray, weights: FloatArray) -> float:
    """Mean with correctly rounded sums."""
    return math.fsum(weights * values) / math.fsum(weights)


def certify_critic(
    critic: _CertifiableCritic, source: DiscreteMeasure, target: DiscreteMeasure
) -> tuple[float, float, Bounds]:
    """Raw estimate, proven Lipschitz constant, and proven bounds of W1 from *any* critic.

    The lower bound is the higher of two. Raw: for the exact function f with constant L,
    E f(x) - E f(y) <= L W1. Repair: see `repaired_lower_bound`. The upper bound is the cost of
    matching both sides in the order of f, rarely sharp.

    Parameters
    ----------
    critic : Critic
        Any scalar function with `gradient`, `value_errors` and `lipschitz_bound`.
    source, target : DiscreteMeasure
        Of mass one.

    Returns
    -------
    raw, lipschitz, bounds
        In the unit of the metric; `raw` proves nothing by itself.

    References
    ----------
    Villani (2009), Optimal transport: old and new, theorem 5.10 and remark 6.5.
    """
    x, y, a, b = source.points, target.points, source.weights, target.weights
    f, h = critic(x), critic(y)
    raw = weighted_mean(f, a) - weighted_mean(h, b)
    lipschitz = critic.lipschitz_bound()
    # Computed means differ from exact ones by the mean of the value errors and, for centred values,
    # by at most 10 u times their mean size: product, quotient, two sums of weights, centring.
    middle = 0.5 * (weighted_mean(f, a) + weighted_mean(h, b))
    f_centred, h_centred = f - middle, h - middle
    difference = weighted_mean(f_centred, a) - weighted_mean(h_centred, b)
    error = weighted_mean(critic.value_errors(x), a) + weighted_mean(critic.value_errors(y), b)
    size = weighted_mean(np.abs(f_centred), a) + weighted_mean(np.abs(h_centred), b)
    proven = difference - (error + 10.0 * _U * size) * (1.0 + 16.0 * _U)
    # Where 0 < L < inf is not known nothing follows from the raw value.
    lower = proven / lipschitz * (1.0 - 4.0 * _U) if 0.0 < lipschitz < math.inf else 0.0

    problem = TransportProblem(source=source, target=target, cost=Euclidean())
    lower = max(0.0, lower, repaired_lower_bound(problem, f, h, _multiples(critic, x, y)))
    upper = primal_bound(problem, _ordered_plan(f, h, problem.a, problem.b))[2]
    return raw, lipschitz, Bounds(min(lower, upper), upper)


def _multiples(critic: _CertifiableCritic, x: FloatArray, y: FloatArray) -> tuple[float, float]:
    """Bracket of the multiples t of f worth trying: t f has slopes about one somewhere."""
    some = np.concatenate([_thinned(x)[0], _thinned(y)[0]])
    slopes = np.linalg.norm(critic.gradient(some), axis=1)
    steepest, usual = float(slopes.max()), float(np.median(slopes))
    if not 0.0 < usual <= steepest < math.inf:
        return 1.0, 1.0
    return 1.0 / steepest, max(1.0 / steepest, 2.0 / usual)


def _thinned(points: FloatArray) -> tuple[FloatArray, slice]:
    rows = slice(None, None, max(1, len(points) // _SEARCH_ATOMS))
    return points[rows], rows


def repaired_lower_bound(
    problem: TransportProblem,
    f: FloatArray,
    h: FloatArray,
    multiples: tuple[float, float] = (1.0, 1.0),
) -> float:
    """Lower bound of W1 from the critic's values alone, whatever its slopes.

    For any numbers φ at the x, the pair (φ, φ^c) is feasible with φ^c(y_j) = min_i (|x_i - y_j| -
    φ_i), and so is the pair ((φ^c)^c, φ^c), which is nowhere smaller; likewise from the values at
    the y. Tried are φ = f, and φ = t f for the best t of the bracket `multiples`: the dual value is
    concave in t. A critic that is a little too steep loses most of its value at t = 1.

    Parameters
    ----------
    problem : TransportProblem
        With a metric cost.
    f, h : ndarray, shape (n,) and (m,)
        Critic at the source atoms and at the target atoms.
    multiples : (float, float)
        Bracket of t, positive.
    """
    mirrored = TransportProblem(source=problem.target, target=problem.source, cost=problem.cost)
    best = 0.0
    candidates = {1.0, _best_multiple(problem, f, multiples)}
    for t in candidates:
        for one, other, values in ((problem, mirrored, t * f), (mirrored, problem, -t * h)):
            pair, lower, _ = dual_bound(one, Potentials(f=values, g=np.zeros(one.shape[1])))
            again = dual_bound(other, Potentials(f=pair.g, g=pair.f))[1]
            best = max(best, lower, again)
    return best


def _best_multiple(
    problem: TransportProblem, f: FloatArray, multiples: tuple[float, float]
) -> float:
    """Golden section for max over t of the dual value of (t f, (t f)^c), on some of the atoms."""
    low, high = multiples
    if not 0.0 < low < high:
        return low
    x, rows = _thinned(problem.x)
    y, columns = _thinned(problem.y)
    part = TransportProblem(
        source=DiscreteMeasure.from_samples(x, problem.a[rows]),
        target=DiscreteMeasure.from_samples(y, problem.b[columns]),
        cost=problem.cost,
    )
    values = f[rows]

    def dual_value(log_t: float) -> float:
        scaled = math.exp(log_t) * values
        return float(part.a @ scaled + part.b @ c_transform(part, scaled))

    # The dual value is concave in t and so unimodal in log t.
    shrink = 0.5 * (math.sqrt(5.0) - 1.0)
    left, right = math.log(low), math.log(high)
    inner, outer = right - shrink * (right - left), left + shrink * (right - left)
    at_inner, at_outer = dual_value(inner), dual_value(outer)
    for _ in range(_SEARCH_STEPS):
        if at_inner >= at_outer:
            right, outer, at_outer = outer, inner, at_inner
            inner = right - shrink * (right - left)
            at_inner = dual_value(inner)
        else:
            left, inner, at_inner = inner, outer, at_outer
            outer = left + shrink * (right - left)
            at_outer = dual_value(outer)
    return math.exp(inner if at_inner >= at_outer else outer)


def _ordered_plan(f: FloatArray, h: FloatArray, a: FloatArray, b: FloatArray) -> SparsePlan:
    """Match both sides in the order of their critic values: the monotone coupling of f(x), f(y)."""
    rows, columns = np.argsort(f, kind="stable"), np.argsort(h, kind="stable")
    right, left = np.cumsum(a[rows]), np.cumsum(b[columns])
    right[-1] = left[-1] = max(right[-1], left[-1])
    edges = np.union1d(right, left)
    return SparsePlan(
        rows=rows[np.searchsorted(right, edges)],
        columns=columns[np.searchsorted(left, edges)],
        mass=np.diff(edges, prepend=0.0),
        shape=(len(a), len(b)),
    )
