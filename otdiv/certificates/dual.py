"""Lower bounds: any potentials, made feasible by a c-transform."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from .._kernels.proofs import sums
from .._typing import FloatArray
from .._validation import LEAST_WEIGHT
from ..costs import PNormCost, ShapedCost, SparseCost
from ..errors import InvalidInputError
from ..plans import Potentials
from ..problems import TransportProblem
from .rounding import U, blocks, cost_rounding
from .transforms import Tick, c_transform, c_transform_back

__all__ = [
    "derived_value",
    "dual_bound",
    "exact_lower",
    "kept_dual_bound",
    "usable",
    "vague_mass",
]

# Beyond this, differences of potentials and costs may leave the range of floats.
_LARGE = 8e307
# Costs below this are taken for 0 where they are bounded from below.
_TINY = 1e-290
# Costs of points that are computed anew for an exact bound: some seconds.
_MANY_PAIRS = 10**8
# Share by which potentials are drawn towards 0: a quarter of what an exact solve may leave open.
_DRAWN = 2.0**-32


def dual_bound(
    problem: TransportProblem, potentials: Potentials
) -> tuple[Potentials, float, float]:
    """Feasible potentials from any potentials, and a proven lower bound of the optimum.

    The rows' side is kept up to a shift, the columns' replaced by its c-transform.

    Parameters
    ----------
    problem : TransportProblem
        Problem with n source and m target atoms.
    potentials : Potentials
        Any pair f (n,), g (m,); what is not finite is replaced by what its side allows.

    Returns
    -------
    potentials, lower, slack
        The feasible pair, a number that no optimum is below, and the rounding part subtracted in it
        (unit of cost times mass).

    Raises
    ------
    InvalidInputError
        If the shapes are not those of the problem.
    """
    known: tuple[Potentials, float, float] | None = problem._proof
    if known is not None and known[0] is potentials:
        return known
    n, m = problem.shape
    if potentials.f.shape != (n,) or potentials.g.shape != (m,):
        found = f"shapes {potentials.f.shape} and {potentials.g.shape}"
        raise InvalidInputError("potentials", f"have shapes ({n},) and ({m},)", found)
    f, g, lower, rounding = derived_value(problem, potentials.f, potentials.g)
    if lower == -math.inf:
        f, g, lower, rounding = derived_value(problem, *usable(problem, potentials))
    return Potentials(f=f, g=g), lower, rounding


def kept_dual_bound(problem: TransportProblem, potentials: Potentials) -> tuple[Potentials, float]:
    """`dual_bound` for a solver that may return these feasible potentials; without the rounding.

    The proof stays with the problem for the driver, which then need not make it again: at 2e5
    points that takes seconds.
    """
    proof = dual_bound(problem, potentials)
    object.__setattr__(problem, "_proof", proof)
    return proof[:2]


def derived_value(
    problem: TransportProblem,
    f: FloatArray,
    g: FloatArray,
    *,
    from_columns: bool = False,
    threads: int = 1,
    tick: Tick = None,
) -> tuple[FloatArray, FloatArray, float, float]:
    """Potentials of the rows with the largest that are feasible on the columns, and their proof.

    Parameters
    ----------
    problem : TransportProblem
        Problem with n source and m target atoms.
    f, g : arrays (n,), (m,)
        Potentials, of which f is kept up to a shift, or g with `from_columns`.
    threads, tick
        Of the c-transform.

    Returns
    -------
    f, g, lower, rounding
        The pair, its dual value less all rounding, and that rounding; -inf where a potential that
        is kept is not finite, or sums overflow.
    """
    k = cost_rounding(problem)
    sides = (problem.b, problem.a) if from_columns else (problem.a, problem.b)
    pair = (g, f) if from_columns else (f, g)
    given = sums.centred(*pair, *sides, problem.mass, (k + 2.0) * U)
    if given is None:
        return f, g, -math.inf, 0.0
    transform = c_transform_back if from_columns else c_transform
    derived = transform(problem, given, threads=threads, tick=tick)
    first, second, _ = problem.defects()
    scale = k, problem.mass, (second, first) if from_columns else (first, second)
    lower, rounding, finite = sums.lower_value(sides[0], given, sides[1], derived, *scale)
    if not finite:
        # An atom that may not be reached from anywhere: any number is feasible there.
        derived = np.where(np.isfinite(derived), derived, 0.0)
        lower, rounding, _ = sums.lower_value(sides[0], given, sides[1], derived, *scale)
    f, g = (derived, given) if from_columns else (given, derived)
    if not math.isfinite(lower):
        lower, rounding = -math.inf, 0.0
    return f, g, lower, rounding


def exact_lower(problem: TransportProblem, potentials: Potentials) -> tuple[Potentials, float]:
    """Feasible potentials near the given ones, and their dual value; rounded but once, downwards.

    Where nearly all mass stays in place, the optimum is far below the rounding of any sum: then
    the weights, the potentials and their sums have to be taken as the numbers that they are. For a
    cost matrix the potentials may be feasible as they stand. Otherwise the rows' are drawn towards
    0 by a share that no tolerance sees: that leaves pairs which cost nothing tight, and the others
    more room than the columns' potentials lose where they are rounded.

    Returns
    -------
    potentials, lower
        As given with -inf, where nothing finite is found, costs of points are too many, or atoms
        may weigh less than it says.
    """
    n, m = problem.shape
    f, g = potentials.f, potentials.g
    if f.shape != (n,) or g.shape != (m,) or not np.isfinite(f).all() or not np.isfinite(g).all():
        return potentials, -math.inf
    if isinstance(problem.cost, PNormCost | ShapedCost) and n * m > _MANY_PAIRS:
        return potentials, -math.inf
    drawn = f * (1.0 - _DRAWN)
    pairs = [(drawn, _below(problem, drawn))]
    if not isinstance(problem.cost, PNormCost | ShapedCost) and (g <= _below(problem, f)).all():
        pairs.append((f, g))
    if vague_mass(problem) > 0.0:
        return potentials, -math.inf
    lower, best = max((_value(problem, *pair), k) for k, pair in enumerate(pairs))
    if lower == -math.inf:
        return potentials, lower
    f, g = pairs[best]
    return Potentials(f=f, g=g), lower


def vague_mass(problem: TransportProblem) -> float:
    """Mass of atoms that may weigh less than it says: shares of the mass end where floats do."""
    if problem.defects()[2] > LEAST_WEIGHT:
        return 0.0
    sides = (problem.a, problem.b)
    return LEAST_WEIGHT * sum(np.count_nonzero(weights == LEAST_WEIGHT) for weights in sides)


def _below(problem: TransportProblem, f: FloatArray) -> FloatArray:
    """No more than min_i (C_ij - f_i) of the exact costs, and just that where floats hold it."""
    n, m = problem.shape
    room = 1.0 - (cost_rounding(problem) + 2.0) * U
    lowest = np.full(m, math.inf)
    if isinstance(problem.cost, SparseCost):
        costs = problem.cost.values
        np.minimum.at(lowest, problem.cost.columns, _lowered(costs, f[problem.cost.rows]))
        return lowest
    starts = blocks(n, m)
    for start in starts:
        part = slice(start, start + starts.step)
        costs = problem.block(start, start + starts.step)
        with np.errstate(all="ignore"):
            if isinstance(problem.cost, PNormCost | ShapedCost):
                # Costs near the least float are rounded by more than a share.
                costs = np.where(costs < _TINY, 0.0, np.nextafter(costs * room, 0.0))
        lowest = np.minimum(lowest, _lowered(costs, f[part, None]).min(axis=0, initial=math.inf))
    return lowest


def _lowered(costs: FloatArray, f: FloatArray) -> FloatArray:
    """No more than the exact C - f, and just that where floats hold it."""
    with np.errstate(all="ignore"):
        difference, lost = _difference(costs, f)
        # What was lost is no number where sums overflow on the way.
        high = np.isfinite(difference) & ~(lost >= 0.0)
        return np.where(high, np.nextafter(difference, -math.inf), difference)


def _value(problem: TransportProblem, f: FloatArray, g: FloatArray) -> float:
    """Dual value of a feasible pair in exact arithmetic, rounded downwards."""
    if not (np.isfinite(f).all() and np.isfinite(g).all()):
        return -math.inf
    exact = (_share(problem.a, f) + _share(problem.b, g)) * Fraction(problem.mass)
    rounded = float(exact)
    return math.nextafter(rounded, -math.inf) if Fraction(rounded) > exact else rounded


def _difference(p: FloatArray, q: FloatArray) -> tuple[FloatArray, FloatArray]:
    """P - q, rounded, and what the rounding lost."""
    s = p - q
    z = s - p
    return s, (p - (s - z)) - (q + z)


def _share(weights: FloatArray, potential: FloatArray) -> Fraction:
    """Weighted mean of a potential."""
    shares = [Fraction(w) for w in weights.tolist()]
    terms = (w * Fraction(v) for w, v in zip(shares, potential.tolist(), strict=True) if w)
    return sum(terms, Fraction(0)) / sum(shares)


def usable(problem: TransportProblem, potentials: Potentials) -> tuple[FloatArray, FloatArray]:
    """The pair with numbers for what is NaN, infinite, or so large that sums would overflow."""
    f, g = potentials.f, potentials.g
    usable = np.abs(f) < _LARGE
    if not usable.any():
        f, usable = np.zeros_like(f), np.ones(f.size, dtype=np.bool_)
    if not usable.all():
        # So low that no minimum over rows is theirs; the transform back then finds what fits.
        low = float(f[usable].min()) - 2.0 * problem.cost_bound() - 1.0
        g = c_transform(problem, np.where(usable, f, low))
        g = np.where(np.isfinite(g), g, 0.0)
        back = c_transform_back(problem, g)
        f = np.where(usable, f, np.where(np.isfinite(back), back, 0.0))
    return f, np.where(np.abs(g) < _LARGE, g, 0.0)
