"""One level of column generation for partial transport: each side has an atom for what stays.

Mass that stays at a source goes to an extra target, and an extra source sends what stays at the
targets. Their arcs are on the list for good, so that only pairs of points are searched for. With
prices both extra atoms hold the mass of the other side, what neither needs goes from one to the
other for nothing, and staying costs its price. With a mass to be moved they hold what must stay,
staying costs nothing, and there is no arc between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..._kernels.network_flow import candidates
from ..._typing import FloatArray, IndexArray
from .levels import Context, Level, coarse_levels
from .restricted import RestrictedProblem

__all__ = ["PartialLevel", "PartialRestricted", "partial_levels"]


@dataclass(frozen=True, slots=True)
class PartialLevel(Level):
    """Two clouds whose masses `a`, `b` have one more entry where there is an extra atom."""

    p: FloatArray
    """Price of mass that stays at each source (n,), `inf` where none may."""
    q: FloatArray
    """The same of the targets (m,)."""
    joint: bool
    """Whether mass may go from the extra source to the extra target."""

    @property
    def has_source(self) -> bool:
        """Whether there is an extra source."""
        return self.a.size > self.p.size

    @property
    def has_target(self) -> bool:
        """Whether there is an extra target."""
        return self.b.size > self.q.size


def partial_levels(finest: PartialLevel, smallest: int) -> list[PartialLevel]:
    """The problem at several resolutions, coarsest first; nodes have mean prices."""
    n, m = finest.p.size, finest.q.size
    plain = Level(finest.x, finest.y, finest.a[:n], finest.b[:m])
    levels = []
    for level in coarse_levels(plain, smallest)[:-1]:
        p = _means(finest.p, plain.a, level.a)
        q = _means(finest.q, plain.b, level.b)
        a, b = np.append(level.a, finest.a[n:]), np.append(level.b, finest.b[m:])
        levels.append(PartialLevel(level.x, level.y, a, b, p, q, finest.joint))
    return [*levels, finest]


def _means(prices: FloatArray, masses: IndexArray, totals: IndexArray) -> FloatArray:
    """Mean prices of the nodes of a level."""
    n, size = prices.size, totals.size
    if size == n or prices.min() == prices.max():
        return np.full(size, prices[0]) if size < n else prices
    starts = np.arange(size) * n // size
    return np.asarray(np.add.reduceat(prices * masses, starts) / totals)


class PartialRestricted(RestrictedProblem):
    """The restricted problem of a `PartialLevel`; f, g and arcs count the extra atoms last."""

    level: PartialLevel

    def __init__(
        self,
        level: PartialLevel,
        context: Context,
        previous: PartialRestricted | None,
        *,
        least_candidates: int = 0,
    ):
        self.rows, self.columns = level.p.size, level.q.size
        self.before = previous
        # Where the list has the arc between the extra atoms.
        self.joint_arc = -1
        start = None if previous is None else previous.f
        super().__init__(
            level,
            context,
            start,
            None if previous is None else previous.level,
            least_candidates=least_candidates,
        )
        self.before = None

    def costs(self, rows: IndexArray, columns: IndexArray) -> FloatArray:
        """Costs of arcs, between points or of what stays."""
        level = self.level
        stays, comes = columns == self.columns, rows == self.rows
        pairs = ~(stays | comes)
        out = np.zeros(rows.size)
        out[pairs] = self.context.costs(level.x, level.y, rows[pairs], columns[pairs])
        stays, comes = stays & ~comes, comes & ~stays
        out[stays], out[comes] = level.p[rows[stays]], level.q[columns[comes]]
        return out

    def _estimate(self, start: FloatArray | None, previous: Level | None) -> FloatArray:
        if start is None or self.before is None:
            return np.zeros(self.m)
        before = self.before
        f, g = start, before.g
        shift = f[before.rows] if before.level.has_source else 0.0
        real = self.context.search(self.level.y, before.level.x, f[: before.rows] - shift, 1)
        found = real[1][:, 0].copy()
        if not self.level.has_target:
            return found
        # The extra arc costs 0, and carries mass in all but odd cases.
        last = 0.0 if self.level.joint else float(g[before.columns] + shift)
        return np.append(found, last)

    def _candidates(
        self, g: FloatArray
    ) -> tuple[FloatArray, FloatArray, IndexArray, IndexArray, int]:
        level, context, k = self.level, self.context, self.k
        n, m = self.rows, self.columns
        row_columns, values, row_counts = context.search(level.x, level.y, g[:m].copy(), k)
        f = values[:, 0].copy()
        if level.has_target:
            f = np.minimum(f, level.p - g[m])
        column_rows, values, column_counts = context.search(level.y, level.x, f, k)
        # The potential of the extra source is 0.
        found = np.minimum(values[:, 0], level.q) if level.has_source else values[:, 0].copy()
        rows, columns = candidates.merge_lists(row_columns, row_counts, column_rows, column_counts)
        if level.joint:
            cheap = (
                context.costs(level.x, level.y, rows, columns) < level.p[rows] + level.q[columns]
            )
            if cheap.any():
                rows, columns = rows[cheap], columns[cheap]
        n_found = rows.size
        if level.has_target and np.isfinite(level.p[0]):
            rows = np.append(rows, np.arange(n))
            columns = np.append(columns, np.full(n, m))
        if level.has_source and np.isfinite(level.q[0]):
            rows = np.append(rows, np.full(m, n))
            columns = np.append(columns, np.arange(m))
        if level.joint:
            self.joint_arc = rows.size
            rows, columns = np.append(rows, n), np.append(columns, m)
        if level.has_source:
            f = np.append(f, 0.0)
        if level.has_target:
            found = np.append(found, g[m])
        return f, found, rows, columns, n_found

    def _ranked(self, order: IndexArray) -> IndexArray:
        """What neither side needs is left to the end."""
        if self.joint_arc < 0:
            return order
        return np.append(order[order != self.joint_arc], self.joint_arc)

    def bridge(self) -> None:
        """List pairs for the unplaced mass: what can stay stays, the rest goes in order."""
        a, b = self.unplaced()
        # The extra atoms come where they meet points, not each other.
        into = np.append(self.columns, np.arange(self.columns)) if b.size > self.columns else None
        rows, columns, _ = candidates.corner_fill(a, b if into is None else b[into])
        if into is not None:
            columns = into[columns]
        apart = (rows < self.rows) | (columns < self.columns)
        rows, columns = rows[apart], columns[apart]
        if rows.size:
            self._dearer_than(rows, columns)

    def price(self) -> int:
        """Compare all pairs with the duals, as `RestrictedProblem.price` does, which knows more."""
        level, context = self.level, self.context
        f, g = self.f, self.g
        n, m = self.rows, self.columns
        rtol = 2.0 * self.rtol
        bounds = f[:n] - rtol * np.abs(f[:n])
        found = context.search(level.x, level.y, g[:m].copy(), self.k, bounds)
        columns, differences, counts = found
        new_rows, new_columns = candidates.violating_arcs(
            columns, differences, counts, f[:n], g[:m], rtol
        )
        f = f.copy()
        f[:n] = np.where(counts > 0, differences[:, 0], bounds)
        self.f = f
        self.note_lower(f, g)
        if new_rows.size:
            self._list(new_rows, new_columns)
        return int(new_rows.size)
