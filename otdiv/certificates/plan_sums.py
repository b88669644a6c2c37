"""Sums of the plan of two potentials over all pairs, and what they may be off by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .._kernels.exponential import LOG2_E, exponentiate
from .._kernels.gibbs.relaxed_sums import ROW_SUMS, add_plan
from .._typing import FloatArray
from ..problems import TransportProblem
from .rounding import U, blocks

__all__ = ["PlanSums", "Shares", "divergence_of_share", "log_mean", "sum_plan"]

# The terms k of z^k / (k (k - 1)), the series of (1 + z) log(1 + z) - z, below this |z|.
_SERIES, _SMALL = 14, 0.1


class Shares(NamedTuple):
    """Sums over weights, r / a, and what they exceed one by: neither has the other's digits."""

    share: FloatArray
    excess: FloatArray

    def best_excess(self) -> FloatArray:
        """The excess from whichever has its digits."""
        return np.where(self.share < 0.5, self.share - 1.0, self.excess)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlanSums:
    """Sums of a plan relative to the weights."""

    rows: Shares
    row_errors: FloatArray
    """What the shares of rows may be off by (n,)."""
    columns: Shares
    column_errors: FloatArray
    transport: float
    entropy: float
    """KL(P | s a⊗b)."""
    mass: float
    above: float
    """Mass of the plan less s."""
    above_error: float
    forbidden: float
    """Share of a⊗b that lies on forbidden pairs."""
    entropy_error: float
    rounding: float
    """Relative rounding of `transport` and `mass`."""
    missing: float = 0.0
    """Mass that the sums may have left out, or have too much of."""


def sum_plan(
    problem: TransportProblem,
    f: FloatArray,
    g: FloatArray,
    epsilon: float,
    log_reference: float = 0.0,
    *,
    careful: bool = True,
) -> PlanSums:
    """Sums of P_ij = s a_i b_j exp((f_i + g_j - C_ij) / epsilon) over all pairs, one by one.

    With `careful` they have their digits also where P is hardly different from a⊗b, which takes
    some ten times as long.
    """
    n, m = problem.shape
    starts = blocks(n, m)
    parts = [slice(start, min(start + starts.step, n)) for start in starts]
    add = _careful_sums if careful else _quick_sums
    return add(problem, f, g, epsilon, log_reference, parts)


def _careful_sums(
    problem: TransportProblem,
    f: FloatArray,
    g: FloatArray,
    epsilon: float,
    log_reference: float,
    parts: list[slice],
) -> PlanSums:
    n, m = problem.shape
    a, b = problem.a, problem.b
    rows, columns = np.empty((n, ROW_SUMS)), np.zeros((m, 3))
    for part in parts:
        C = problem.block(part.start, part.stop)
        add_plan(C, f[part], g, a[part], b, epsilon, log_reference, rows[part], columns)
    rounding = (m + 32.0) * U
    mass, excess, size, above, apart = (math.fsum(a * rows[:, k]) for k in (0, 1, 2, 6, 7))
    return PlanSums(
        rows=Shares(rows[:, 0].copy(), rows[:, 1].copy()),
        row_errors=(m + 16.0) * U * np.where(rows[:, 0] < 0.5, rows[:, 0], rows[:, 2]),
        columns=Shares(columns[:, 0].copy(), columns[:, 1].copy()),
        column_errors=(n + 16.0) * U * np.where(columns[:, 0] < 0.5, columns[:, 0], columns[:, 2]),
        transport=math.fsum(a * rows[:, 3]),
        entropy=math.fsum(a * rows[:, 4]),
        entropy_error=rounding * math.fsum(a * rows[:, 4]),
        mass=mass,
        **_above(mass, excess, size, log_reference, rounding, (above, apart)),
        forbidden=math.fsum(a * rows[:, 5]),
        rounding=rounding,
    )


def _above(
    mass: float,
    excess: float,
    size: float,
    log_reference: float,
    rounding: float,
    over: tuple[float, float] | None = None,
) -> dict[str, float]:
    """Mass of a plan less s, from whichever has the most digits, and its error.

    That is from the mass, from the mass less one (`excess`, the sum of magnitudes `size`), or from
    the mass over s less one (`over` with its magnitudes).
    """
    s, less = math.exp(min(log_reference, 700.0)), math.expm1(min(log_reference, 700.0))
    ways = [
        (rounding * mass + U * s, mass - s),
        (rounding * size + U * abs(less), excess - less),
    ]
    if over is not None:
        ways.append((rounding * s * over[1], s * over[0]))
    error, above = min(ways)
    return {"above": above, "above_error": error}


def _quick_sums(
    problem: TransportProblem,
    f: FloatArray,
    g: FloatArray,
    epsilon: float,
    log_reference: float,
    parts: list[slice],
) -> PlanSums:
    """The plan is that of the entries as computed; sum P log(P / (s a⊗b)) is led back to sums."""
    (n, m), a, b = problem.shape, problem.a, problem.b
    bits = LOG2_E / epsilon
    u = np.log2(a) + f * bits + log_reference * LOG2_E
    v = np.log2(b) + g * bits
    r, c, costs, forbidden = np.empty(n), np.zeros(m), np.empty(n), np.zeros(n)
    for part in parts:
        C = problem.block(part.start, part.stop)
        P = C * -bits
        P += u[part, None]
        P += v
        exponentiate(P.reshape(-1))
        r[part] = P.sum(axis=1)
        c += P.sum(axis=0)
        far = np.isinf(C)
        if far.any():
            forbidden[part] = far @ b
            C = np.where(far, 0.0, C)
        costs[part] = np.einsum("ij,ij->i", P, C)
    mass, transport = math.fsum(r), math.fsum(costs)
    moved = math.fsum(r * f) + math.fsum(c * g)
    reference = math.exp(min(log_reference, 700.0))
    rounding = (m + n + 64.0) * U
    size = math.fsum(r * np.abs(f)) + math.fsum(c * np.abs(g)) + transport
    size = size / epsilon + (1.0 + abs(log_reference)) * mass + reference
    rows, columns = r / a, c / b
    return PlanSums(
        rows=Shares(rows, rows - 1.0),
        row_errors=(m + 16.0) * U * (rows + (rows >= 0.5)),
        columns=Shares(columns, columns - 1.0),
        column_errors=(n + 16.0) * U * (columns + (columns >= 0.5)),
        transport=transport,
        entropy=max((moved - transport) / epsilon - (mass - reference), 0.0),
        entropy_error=rounding * size,
        mass=mass,
        **_above(mass, mass - 1.0, mass + 1.0, log_reference, rounding),
        forbidden=math.fsum(a * forbidden),
        rounding=rounding,
    )


def log_mean(weights: FloatArray, change: FloatArray) -> float:
    """Return log sum w exp(change) for weights that add up to one, to full digits also near 0."""
    largest = float(np.abs(change).max())
    if largest < 1.0:
        return math.log1p(float(weights @ np.expm1(change)))
    top = float(change.max())
    with np.errstate(under="ignore"):
        return top + math.log(float(weights @ np.exp(change - top)))


def divergence_of_share(shares: Shares) -> FloatArray:
    """Return p log p - p + 1 for the shares p (n,), to full digits near 0 and near 1."""
    share, excess = shares
    small = np.abs(excess) < _SMALL
    z = np.where(small, excess, 0.0)
    series = np.zeros_like(z)
    for k in range(_SERIES, 1, -1):
        series = 1.0 / (k * (k - 1)) - z * series
    near = z * z * series
    p = np.where(share > 0.0, share, 1.0)
    middle = np.where(excess > -0.5, (1.0 + excess) * np.log1p(np.maximum(excess, -0.5)), 0.0)
    middle -= excess
    far = np.where(share > 0.0, p * np.log(p), 0.0) - share + 1.0
    return np.where(small, near, np.where(excess > -0.5, middle, far))
