"""The right answer of a small transport problem in whole numbers, as an interval.

Write u = 2**-53 and M for the mass. Weights are the caller's floats, taken as rationals, divided by
their exact sum and times M; costs are evaluated exactly, irrational ones as rationals that are low
by at most 2**-150 of themselves. OPT is the optimum for these. A weight is a float for what was
meant, so a marginal within 4u of it, relatively, counts as met: the right answer is the interval
OPT ± w with

    w = 4u Σ (a |f| + b |g|)

at exact optimal potentials, shifted to (f - t, g + t) by the t that makes w least. Where several
potentials are optimal, w is the largest that is found: of those that the two sides of the problem
lead to and, before anything is called wrong, of those that price a unit of mass at any two atoms.

Everything is an integer: floats are multiples of a power of two, so weights have a common unit and
costs have one, and the optimum is found by successive shortest paths without a rounding. Each
answer is proven by its own potentials before it is returned.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

__all__ = [
    "Flow",
    "Optimum",
    "least_flow",
    "matrix_costs",
    "nearly_feasible",
    "optimum",
    "point_costs",
]

# Bits of a root, at least: irrational costs are low by at most 2**-_ROOT_BITS of themselves.
_ROOT_BITS = 160

# Share by which an optimum of irrational costs may lie above the one of their lower ends: one
# ulp of a root of _ROOT_BITS bits, with room.
_COST_BITS = 150

Costs: TypeAlias = Sequence[Sequence[int | None]]


@dataclass(frozen=True, slots=True)
class Flow:
    """Optimal whole flow (n, m) with whole potentials f (n,), g (m,) that prove it."""

    amounts: list[list[int]]
    f: list[int]
    g: list[int]


@dataclass(frozen=True, slots=True)
class Optimum:
    """OPT and w in units of 1 / `denominator`: whole numbers, since fractions would be reduced.

    OPT lies in [low, high] / denominator, which is a point unless costs are irrational. `size` is
    Σ P|C| of an optimal plan. A problem without a plan has `feasible` False and OPT = inf; where
    it has one within 4u of the weights, `doubtful` is True and both answers are right.
    """

    low: int
    high: int
    slack: int
    size: int
    denominator: int
    feasible: bool = True
    doubtful: bool = False
    flow: Flow | None = None
    scale: Fraction = Fraction(1)
    """Unit of the whole potentials of `flow`."""
    unit: Fraction = Fraction(1)
    """Unit of the whole amounts of `flow`."""
    live: tuple[list[int], list[int], Costs] | None = None
    """Whole supplies, demands and costs of the atoms with weight."""
    per_spread: int = 0
    """w of a spread Σ (a|f| + b|g|) of one, in whole units."""

    def is_below(self, value: Fraction) -> bool:
        """Whether `value` > OPT + w: it cannot be a lower bound."""
        if not self.feasible:
            return False
        over = value.numerator * self.denominator - self.high * value.denominator
        return over > self.slack * value.denominator and over > self.widest() * value.denominator

    def is_above(self, value: Fraction) -> bool:
        """Whether `value` < OPT - w: it cannot be an upper bound."""
        if not self.feasible:
            return not self.doubtful
        under = self.low * value.denominator - value.numerator * self.denominator
        return under > self.slack * value.denominator and under > self.widest() * value.denominator

    def widest(self) -> int:
        """Largest w of the optimal potentials that are found, in units of 1 / `denominator`.

        An optimum stays one while weights move by less than any flow; whichever way they move, its
        potentials are those, of all that are optimal, under which that way costs most.
        """
        assert self.live is not None
        supplies, demands, costs = self.live
        fine = 2 * (len(supplies) + len(demands))
        spread = 0
        for rows, columns in _moves(len(supplies), len(demands)):
            moved = (
                [fine * weight + step for weight, step in zip(side, steps, strict=True)]
                for side, steps in ((supplies, rows), (demands, columns))
            )
            flow = least_flow(*moved, costs)
            if flow is not None:  # forbidden pairs may leave no way
                spread = max(spread, _least_spread(supplies, demands, flow))
        return max(self.slack, spread * self.per_spread)

    def as_floats(self) -> tuple[float, float]:
        """OPT and w rounded, for people to read."""
        if not self.feasible:
            return math.inf, 0.0
        return _ratio(self.low, self.denominator), _ratio(self.slack, self.denominator)

    def __str__(self) -> str:
        if not self.feasible:
            return "inf (no plan)"
        return (
            f"{_readable(self.low, self.denominator)} ± {_readable(self.slack, self.denominator)}"
        )


def _moves(n: int, m: int) -> Iterator[tuple[list[int], list[int]]]:
    """Steps of supplies (n,) and demands (m,) that keep both sums equal: one atom against another.

    Atoms are numbered through; a supply and a demand go up together, two of a side in turn.
    """
    for first in range(n + m):
        for second in range(n + m):
            if first == second:
                continue
            steps = [0] * (n + m)
            steps[first] = 1
            steps[second] = -1 if (first < n) == (second < n) else 1
            if first > second and steps[second] == 1:
                steps[first] = steps[second] = -1
            yield steps[:n], steps[n:]


def _ratio(numerator: int, denominator: int) -> float:
    try:
        return numerator / denominator
    except OverflowError:
        return math.inf if numerator > 0 else -math.inf


def _readable(numerator: int, denominator: int) -> str:
    """Quotient as a float shows it, or its power of ten where no float holds it."""
    value = _ratio(numerator, denominator)
    if numerator == 0 or 1e-300 < abs(value) < math.inf:
        return repr(value)
    exponent = math.log10(abs(numerator)) - math.log10(denominator)
    return f"{'-' if numerator < 0 else ''}10**{exponent:.6g}"


def least_flow(supplies: Sequence[int], demands: Sequence[int], costs: Costs) -> Flow | None:
    """Cheapest flow of whole supplies (n,) to whole demands (m,) of one sum; None if there is none.

    Successive shortest paths on reduced costs (Ahuja, Magnanti, Orlin 1993, Network Flows, section
    9.7), exact in every step. `costs[i][j]` is a whole number, or None where a pair is forbidden.
    """
    n, m = len(supplies), len(demands)
    left, free = list(supplies), list(demands)
    amounts = [[0] * m for _ in range(n)]
    arcs = [[(j, cost) for j, cost in enumerate(row) if cost is not None] for row in costs]
    if any(not row for row in arcs):
        return None
    f = [min(cost for _, cost in row) for row in arcs]
    g = [0] * m
    for j in range(m):
        column = [costs[i][j] - f[i] for i in range(n) if costs[i][j] is not None]
        if not column:
            return None
        g[j] = min(column)
    # What tight pairs can take at once.
    for i in range(n):
        for j, cost in arcs[i]:
            if left[i] and free[j] and cost == f[i] + g[j]:
                moved = min(left[i], free[j])
                amounts[i][j] += moved
                left[i] -= moved
                free[j] -= moved
    while any(left):
        if not _augment(left, free, amounts, arcs, f, g):
            return None
    flow = Flow(amounts, f, g)
    _prove(flow, supplies, demands, costs)
    return flow


def _augment(
    left: list[int],
    free: list[int],
    amounts: list[list[int]],
    arcs: list[list[tuple[int, int]]],
    f: list[int],
    g: list[int],
) -> bool:
    """Send flow along one shortest path from rows with something left; False if there is none."""
    n, m = len(left), len(free)
    row_distance: list[int | None] = [None] * n
    column_distance: list[int | None] = [None] * m
    row_parent, column_parent = [-1] * n, [-1] * m
    settled = [False] * m
    fresh = [i for i in range(n) if left[i]]
    for i in fresh:
        row_distance[i] = 0
    while True:
        for i in fresh:
            base = row_distance[i] - f[i]
            for j, cost in arcs[i]:
                if not settled[j]:
                    reach = base + cost - g[j]
                    if column_distance[j] is None or reach < column_distance[j]:
                        column_distance[j], column_parent[j] = reach, i
        # The nearest column, among equals one with room: the path ends there.
        near = [
            (column_distance[j], not free[j], j)
            for j in range(m)
            if not settled[j] and column_distance[j] is not None
        ]
        end = min(near)[2] if near else -1
        if end < 0:
            return False
        settled[end] = True
        if free[end]:
            break
        fresh = [i for i in range(n) if row_distance[i] is None and amounts[i][end]]
        for i in fresh:
            row_distance[i], row_parent[i] = column_distance[end], end
    length = column_distance[end]
    for i in range(n):
        if row_distance[i] is not None:
            f[i] += length - row_distance[i]
    for j in range(m):
        if settled[j]:
            g[j] -= length - column_distance[j]
    path, j = [], end
    while True:
        i = column_parent[j]
        path.append((i, j, row_parent[i]))
        if row_parent[i] < 0:
            break
        j = row_parent[i]
    moved = min(free[end], left[i], *(amounts[i][back] for i, _, back in path if back >= 0))
    for i, j, back in path:
        amounts[i][j] += moved
        if back >= 0:
            amounts[i][back] -= moved
    free[end] -= moved
    left[path[-1][0]] -= moved
    return True


def _prove(flow: Flow, supplies: Sequence[int], demands: Sequence[int], costs: Costs) -> None:
    """Check marginals, feasible potentials and equal values: the flow is optimal."""
    value = 0
    for i, row in enumerate(flow.amounts):
        if sum(row) != supplies[i] or min(row) < 0:
            raise AssertionError("the exact flow misses a supply")
        for j, amount in enumerate(row):
            cost = costs[i][j]
            if cost is None:
                if amount:
                    raise AssertionError("the exact flow uses a forbidden pair")
            else:
                value += amount * cost
                if flow.f[i] + flow.g[j] > cost:
                    raise AssertionError("the exact potentials are not feasible")
    for j, demand in enumerate(demands):
        if sum(row[j] for row in flow.amounts) != demand:
            raise AssertionError("the exact flow misses a demand")
    dual = sum(map(int.__mul__, supplies, flow.f)) + sum(map(int.__mul__, demands, flow.g))
    if dual != value:
        raise AssertionError("the exact flow and potentials differ in value")


def whole_numbers(values: Sequence[float]) -> tuple[list[int], int]:
    """Whole numbers k and the least e >= 0 with values = k / 2**e, exactly."""
    pairs = [float(value).as_integer_ratio() for value in values]
    bits = max((denominator.bit_length() - 1 for _, denominator in pairs), default=0)
    return [top << (bits + 1 - bottom.bit_length()) for top, bottom in pairs], bits


def matrix_costs(C: Sequence[Sequence[float]]) -> tuple[list[list[int | None]], Fraction]:
    """Whole costs (n, m), None where an entry is inf, and their unit."""
    m = len(C[0])
    flat = [value for row in C for value in row]
    whole, bits = whole_numbers([0.0 if value == math.inf else value for value in flat])
    marked = [None if v == math.inf else k for v, k in zip(flat, whole, strict=True)]
    rows = [marked[i * m : (i + 1) * m] for i in range(len(C))]
    return rows, Fraction(1, 1 << bits)


def point_costs(
    x: Sequence[Sequence[float]], y: Sequence[Sequence[float]], norm: float, power: float
) -> tuple[list[list[int]], Fraction, bool]:
    """Whole costs |x_i - y_j|_norm**power (n, m), their unit, and whether they are exact.

    `norm` is a whole number or inf, `power` a float of few binary digits. Costs that are not exact
    are rounded down, by at most 2**-150 of themselves.
    """
    d = len(x[0])
    flat, bits = whole_numbers([value for point in (*x, *y) for value in point])
    points = [flat[k : k + d] for k in range(0, len(flat), d)]
    left, right = points[: len(x)], points[len(x) :]
    exponent = Fraction(power)
    if d == 1 or norm == math.inf:
        order = 1
        sums = [[max(abs(s - t) for s, t in zip(p, q, strict=True)) for q in right] for p in left]
    else:
        order = int(norm)
        sums = [
            [sum(abs(s - t) ** order for s, t in zip(p, q, strict=True)) for q in right]
            for p in left
        ]
    # The cost is sums ** exponent in units of 2**-(bits * power).
    exponent /= order
    top, degree = exponent.numerator, exponent.denominator
    unit_bits = bits * Fraction(power)
    if degree == 1:
        return [[s**top for s in row] for row in sums], Fraction(1, 1 << int(unit_bits)), True
    # Shifted by degree * extra bits, the root has `extra` more: enough, since sums are at least 1.
    # What the unit lacks of a whole power of two goes under the root.
    lacking = -(-unit_bits.numerator // unit_bits.denominator) - unit_bits
    shift = int(lacking * degree) + degree * _ROOT_BITS
    costs = [[_root(s**top << shift, degree) for s in row] for row in sums]
    return costs, Fraction(1, 1 << (int(unit_bits + lacking) + _ROOT_BITS)), False


def _root(value: int, degree: int) -> int:
    """Floor of the degree-th root: floors of square roots nest, other roots are Newton's."""
    while degree % 2 == 0:
        value, degree = math.isqrt(value), degree // 2
    if degree == 1 or value < 2:
        return value
    guess = 1 << (-(-value.bit_length() // degree))
    while True:
        better = ((degree - 1) * guess + value // guess ** (degree - 1)) // degree
        if better >= guess:
            return guess
        guess = better


def optimum(
    a: Sequence[float],
    b: Sequence[float],
    mass: Fraction,
    costs: Costs,
    cost_unit: Fraction,
    *,
    exact_costs: bool = True,
) -> Optimum:
    """Right answer for weights a (n,), b (m,) and whole costs in units of `cost_unit`."""
    whole_a, whole_b = whole_numbers(a)[0], whole_numbers(b)[0]
    total_a, total_b = sum(whole_a), sum(whole_b)
    rows = [i for i, weight in enumerate(whole_a) if weight]
    columns = [j for j, weight in enumerate(whole_b) if weight]
    supplies = [whole_a[i] * total_b for i in rows]
    demands = [whole_b[j] * total_a for j in columns]
    live = [[costs[i][j] for j in columns] for i in rows]
    flow = least_flow(supplies, demands, live)
    if flow is None:
        doubtful = nearly_feasible(supplies, demands, live)
        return Optimum(0, 0, 0, 0, 1, feasible=False, doubtful=doubtful)
    value = size = 0
    for row, row_costs in zip(flow.amounts, live, strict=True):
        for amount, cost in zip(row, row_costs, strict=True):
            if amount:
                value += amount * cost
                size += amount * abs(cost)
    spread = max(
        _least_spread(supplies, demands, flow),
        _least_spread(supplies, demands, _from_other_side(supplies, demands, live)),
    )
    # One unit is mass * cost_unit / (total_a * total_b * 2**51): 4u = 2**-51.
    factor = mass.numerator * cost_unit.numerator
    denominator = (total_a * total_b * mass.denominator * cost_unit.denominator) << 51
    low = (value * factor) << 51
    high = low if exact_costs else low + (abs(low) >> _COST_BITS) + 1
    return Optimum(
        low=low,
        high=high,
        slack=spread * factor,
        size=(size * factor) << 51,
        denominator=denominator,
        flow=_spread_out(flow, rows, columns, len(whole_a), len(whole_b)),
        scale=cost_unit,
        unit=mass / (total_a * total_b),
        live=(supplies, demands, live),
        per_spread=factor,
    )


def _from_other_side(supplies: Sequence[int], demands: Sequence[int], costs: Costs) -> Flow:
    """Optimum of the transposed problem, whose potentials are others where several are optimal."""
    flow = least_flow(demands, supplies, [list(column) for column in zip(*costs, strict=True)])
    assert flow is not None
    amounts = [list(row) for row in zip(*flow.amounts, strict=True)]
    return Flow(amounts, flow.g, flow.f)


def _least_spread(supplies: Sequence[int], demands: Sequence[int], flow: Flow) -> int:
    """Σ (a |f - t| + b |g + t|) at its least, where t is a weighted median of the f and -g."""
    places = [*zip(flow.f, supplies, strict=True)]
    places += [(-g, demand) for g, demand in zip(flow.g, demands, strict=True)]
    places.sort()
    half, reached, middle = sum(supplies), 0, 0
    for place, weight in places:
        reached += weight
        if reached >= half:
            middle = place
            break
    return sum(weight * abs(place - middle) for place, weight in places)


def _spread_out(flow: Flow, rows: list[int], columns: list[int], n: int, m: int) -> Flow:
    """Flow over all atoms: those without weight take nothing, and have potential 0."""
    if len(rows) == n and len(columns) == m:
        return flow
    amounts = [[0] * m for _ in range(n)]
    f, g = [0] * n, [0] * m
    for k, i in enumerate(rows):
        f[i] = flow.f[k]
        for j, amount in zip(columns, flow.amounts[k], strict=True):
            amounts[i][j] = amount
    for j, potential in zip(columns, flow.g, strict=True):
        g[j] = potential
    return Flow(amounts, f, g)


def nearly_feasible(supplies: Sequence[int], demands: Sequence[int], costs: Costs) -> bool:
    """Whether weights within 4u of these, relatively, have a plan on the allowed pairs.

    Hoffman's theorem on circulations: no set of rows may hold more than the columns that it
    reaches take, and what these columns do not take must find room in the other rows' supplies,
    each weight read 4u lower or higher as it helps.
    """
    twice = 2 * sum(supplies)
    reach = [sum(1 << j for j, cost in enumerate(row) if cost is not None) for row in costs]
    for chosen in range(1, 1 << len(supplies)):
        held = reached = 0
        for i, supply in enumerate(supplies):
            if chosen >> i & 1:
                held += supply
                reached |= reach[i]
        room = sum(demand for j, demand in enumerate(demands) if reached >> j & 1)
        # held (1 - 4u) <= room (1 + 4u), and the same of what is outside of both sets.
        if (held - room) << 51 > min(held + room, twice - held - room):
            return False
    return True
