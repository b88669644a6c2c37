"""Families of hostile certificates: plans and potentials drawn to deceive `certificates.prove`.

Both start from the optimum, where a proof is most easily believed, and are then tampered with. A
family fixes one trick and draws the other side; a trick is one function and one row of `PLANS` or
`POTENTIALS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from . import adversaries
from .cases import Case, Rows
from .exact import Optimum
from .judging import exact_answer

__all__ = ["CERTIFICATES", "MISPLACED", "PLANS", "POTENTIALS"]

Generator = np.random.Generator
Triples = list[tuple[int, int, float]]
PlanTrick = Callable[[Generator, Case, Triples], Triples]
PotentialTrick = Callable[[Generator, Case, list[float], list[float]], None]

_DATA = (
    adversaries.ties,
    adversaries.spaces,
    adversaries.integers,
    adversaries.light_far,
    adversaries.wide_costs,
    adversaries.wide_weights,
    adversaries.signed,
    adversaries.forbidden,
    adversaries.infeasible,
    adversaries.zero_weights,
    adversaries.masses,
    adversaries.off_total,
    adversaries.near_equal,
    adversaries.apart,
)


def _sliver(rng: Generator) -> float:
    """A share of 1e-17 to 1e-10 that looks like rounding."""
    return float(10.0 ** rng.uniform(-17, -10))


def _entry(rng: Generator, entries: Triples) -> int:
    return int(rng.integers(len(entries)))


def honest(rng: Generator, case: Case, entries: Triples) -> Triples:
    """Leave the optimal plan as it is, rounded to floats."""
    return entries


def moved_columns(rng: Generator, case: Case, entries: Triples) -> Triples:
    """Move slivers of the mass from one column to another."""
    _, m = case.shape
    moved = list(entries)
    for _ in range(int(rng.integers(1, 4))):
        k = _entry(rng, moved)
        i, j, mass = moved[k]
        part = mass * min(1.0, _sliver(rng) * (1e6 if rng.random() < 0.2 else 1.0))
        moved[k] = (i, j, mass - part)
        moved.append((i, int(rng.integers(m)), part))
    return moved


def moved_rows(rng: Generator, case: Case, entries: Triples) -> Triples:
    """Move slivers of the mass from one row to another."""
    n, _ = case.shape
    moved = list(entries)
    for _ in range(int(rng.integers(1, 4))):
        k = _entry(rng, moved)
        i, j, mass = moved[k]
        part = mass * _sliver(rng)
        moved[k] = (i, j, mass - part)
        moved.append((int(rng.integers(n)), j, part))
    return moved


def dropped(rng: Generator, case: Case, entries: Triples) -> Triples:
    """Leave the lightest entries out, or slivers of any."""
    if rng.random() < 0.5:
        lightest = min(range(len(entries)), key=lambda k: entries[k][2])
        return entries[:lightest] + entries[lightest + 1 :]
    return [(i, j, mass * (1.0 - _sliver(rng) * int(rng.integers(2)))) for i, j, mass in entries]


def doubled(rng: Generator, case: Case, entries: Triples) -> Triples:
    """Give an entry twice, or slivers of any on top."""
    if rng.random() < 0.5:
        return [*entries, entries[_entry(rng, entries)]]
    return [(i, j, mass * (1.0 + _sliver(rng) * int(rng.integers(2)))) for i, j, mass in entries]


def negative(rng: Generator, case: Case, entries: Triples) -> Triples:
    """Add entries below zero, made up for elsewhere in their row."""
    n, m = case.shape
    i, total = int(rng.integers(n)), sum(mass for *_, mass in entries)
    size = total * (_sliver(rng) if rng.random() < 0.6 else float(rng.random()))
    return [*entries, (i, int(rng.integers(m)), -size), (i, int(rng.integers(m)), size)]


def split(rng: Generator, case: Case, entries: Triples) -> Triples:
    """Give entries in parts, in any order, some of which cancel."""
    parts: Triples = []
    for i, j, mass in entries:
        share = float(rng.random())
        parts += [(i, j, mass * share), (i, j, mass * (1.0 - share))]
        if rng.random() < 0.2:
            parts += [(i, j, mass * 1e3), (i, j, -mass * 1e3)]
    return [parts[k] for k in rng.permutation(len(parts))]


def on_forbidden(rng: Generator, case: Case, entries: Triples) -> Triples:
    """Move slivers, or much, onto the dearest pairs and forbidden ones."""
    n, m = case.shape
    pairs = [(i, j) for i in range(n) for j in range(m)]
    if case.C is not None:
        pairs.sort(key=lambda pair: case.C[pair[0]][pair[1]])
    i, j = pairs[-1]
    moved = list(entries)
    k = _entry(rng, moved)
    part = moved[k][2] * (_sliver(rng) if rng.random() < 0.7 else float(rng.random()))
    moved[k] = (*moved[k][:2], moved[k][2] - part)
    return [*moved, (i, j, part)]


def not_finite(rng: Generator, case: Case, entries: Triples) -> Triples:
    """Put NaN or an infinity among the entries."""
    n, m = case.shape
    bad = float(rng.choice((math.nan, math.inf, -math.inf)))
    place = (int(rng.integers(n)), int(rng.integers(m)), bad)
    if rng.random() < 0.5:
        k = _entry(rng, entries)
        return [*entries[:k], place, *entries[k + 1 :]]
    return [*entries, place]


def one_cell(rng: Generator, case: Case, entries: Triples) -> Triples:
    """Put all mass into one cell."""
    n, m = case.shape
    total = sum(mass for *_, mass in entries)
    return [(int(rng.integers(n)), int(rng.integers(m)), total)]


def empty(rng: Generator, case: Case, entries: Triples) -> Triples:
    """Move nothing."""
    return [(0, 0, 0.0)] if rng.random() < 0.5 else []


def stranger(rng: Generator, case: Case, entries: Triples) -> Triples:
    """Give the plan of another problem, of another total."""
    n, m = case.shape
    unit = float(10.0 ** rng.uniform(-300, 300)) if rng.random() < 0.3 else 1.0
    count = int(rng.integers(1, n + m + 1))
    return [
        (int(rng.integers(n)), int(rng.integers(m)), float(rng.random()) * unit)
        for _ in range(count)
    ]


def off_scale(rng: Generator, case: Case, entries: Triples) -> Triples:
    """Scale the whole plan by a factor near one, or far from it."""
    factor = 1.0 + float(rng.choice((-1.0, 1.0))) * _sliver(rng)
    if rng.random() < 0.3:
        factor = float(10.0 ** rng.uniform(-30, 30))
    return [(i, j, mass * factor) for i, j, mass in entries]


PLANS: dict[str, PlanTrick] = {
    trick.__name__.replace("_", " "): trick
    for trick in (
        honest,
        moved_columns,
        moved_rows,
        dropped,
        doubled,
        negative,
        split,
        on_forbidden,
        not_finite,
        one_cell,
        empty,
        stranger,
        off_scale,
    )
}


def optimal(rng: Generator, case: Case, f: list[float], g: list[float]) -> None:
    """Leave the optimal potentials as they are, rounded to floats."""


def raised(rng: Generator, case: Case, f: list[float], g: list[float]) -> None:
    """Raise one by a sliver of its size, so that some pairs are violated."""
    side = f if rng.random() < 0.5 else g
    k = int(rng.integers(len(side)))
    side[k] += (abs(side[k]) + 1e-300) * _sliver(rng)


def lifted(rng: Generator, case: Case, f: list[float], g: list[float]) -> None:
    """Raise all of one side: the dual value looks better than it is."""
    side = f if rng.random() < 0.5 else g
    by = max(map(abs, [*f, *g, 1e-300])) * float(10.0 ** rng.uniform(-16, 2))
    side[:] = [value + by for value in side]


def giant(rng: Generator, case: Case, f: list[float], g: list[float]) -> None:
    """Put numbers of up to 1e300 in some places."""
    for side in (f, g):
        for k in range(len(side)):
            if rng.random() < 0.4:
                side[k] = float(rng.choice((-1.0, 1.0)) * 10.0 ** rng.uniform(10, 308))


def shifted(rng: Generator, case: Case, f: list[float], g: list[float]) -> None:
    """Shift f up and g down by up to 1e15 of their size: digits are lost."""
    by = max(map(abs, [*f, *g, 1e-300])) * float(10.0 ** rng.uniform(3, 15))
    f[:] = [value + by for value in f]
    g[:] = [value - by for value in g]


def random(rng: Generator, case: Case, f: list[float], g: list[float]) -> None:
    """Take the potentials of another problem, of another scale."""
    unit = float(10.0 ** rng.uniform(-300, 300)) if rng.random() < 0.3 else 1.0
    f[:] = (rng.normal(size=len(f)) * unit).tolist()
    g[:] = (rng.normal(size=len(g)) * unit).tolist()


def weightless(rng: Generator, case: Case, f: list[float], g: list[float]) -> None:
    """Put -inf, +inf or NaN where no weight is."""
    bad = float(rng.choice((-math.inf, -math.inf, math.inf, math.nan)))
    for side, weights in zip((f, g), case.weights(), strict=True):
        for k, weight in enumerate(weights):
            if weight == 0.0 and rng.random() < 0.7:
                side[k] = bad


def broken(rng: Generator, case: Case, f: list[float], g: list[float]) -> None:
    """Put NaN or an infinity anywhere."""
    side = f if rng.random() < 0.5 else g
    side[int(rng.integers(len(side)))] = float(rng.choice((math.nan, math.inf, -math.inf)))


POTENTIALS: dict[str, PotentialTrick] = {
    trick.__name__.replace("_", " "): trick
    for trick in (optimal, raised, lifted, giant, shifted, random, weightless, broken)
}


def _float(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return 1.79e308 if value > 0 else -1.79e308


def _honest_entries(case: Case, right: Optimum) -> Triples:
    """Optimal plan in floats, or one of the independent plan's rows where there is none."""
    a, b = case.weights()
    if right.flow is None:
        return [(i, j, p * q / sum(b)) for i, p in enumerate(a) for j, q in enumerate(b) if p * q]
    return [
        (i, j, _float(amount * right.unit))
        for i, row in enumerate(right.flow.amounts)
        for j, amount in enumerate(row)
        if amount
    ]


def _honest_potentials(case: Case, right: Optimum) -> tuple[list[float], list[float]]:
    n, m = case.shape
    if right.flow is None:
        return [0.0] * n, [0.0] * m
    f, g = right.flow.f, right.flow.g
    return [_float(v * right.scale) for v in f], [_float(v * right.scale) for v in g]


def _as_plan(rng: Generator, case: Case, entries: Triples) -> tuple[str, dict[str, Any]]:
    """Store the entries as a sparse plan or, one time in three, as a dense one."""
    if rng.random() < 0.33:
        n, m = case.shape
        mass: Rows = [[0.0] * m for _ in range(n)]
        for i, j, amount in entries:
            mass[i][j] += amount
        return "DensePlan", {"mass": mass}
    rows, columns, masses = ([entry[k] for entry in entries] for k in range(3))
    return "SparsePlan", {"rows": rows, "columns": columns, "mass": masses}


def _certified(rng: Generator, family: str, plan: str, potentials: str) -> Case:
    """Case of a plan and potentials with these tricks."""
    case = _drawn(rng, adversaries.zero_weights if potentials == "weightless" else None)
    n, m = case.shape
    case = replace(case, family=family, call="prove", a=case.a or [1.0] * n)
    case = replace(case, b=case.b or [1.0] * m)
    unit = Fraction(1) if case.C is not None else sum(map(Fraction, case.a))
    right = exact_answer(case, unit)
    entries = PLANS[plan](rng, case, _honest_entries(case, right))
    f, g = _honest_potentials(case, right)
    POTENTIALS[potentials](rng, case, f, g)
    return replace(case, plan=_as_plan(rng, case, entries), f=f, g=g)


def _drawn(rng: Generator, draw: adversaries.Draw | None) -> Case:
    """Data of a family, or of any; the masses of measures agree, at least up to 1e-8."""
    case = (draw or _DATA[int(rng.integers(len(_DATA)))])(rng)
    if case.C is not None or case.call == "measures":
        return case
    a, b = case.weights()
    share = [value / max(b) for value in b]
    total = math.fsum(value / max(a) for value in a)
    a = [value / max(a) for value in a]
    return replace(case, a=a, b=[value / math.fsum(share) * total for value in share])


def _with_plan(name: str) -> adversaries.Draw:
    names = list(POTENTIALS)

    def drawn(rng: Generator) -> Case:
        potentials = "optimal" if rng.random() < 0.5 else str(rng.choice(names))
        return _certified(rng, f"plan: {name}", name, potentials)

    return drawn


def _with_potentials(name: str) -> adversaries.Draw:
    names = list(PLANS)

    def drawn(rng: Generator) -> Case:
        plan = "honest" if rng.random() < 0.5 else str(rng.choice(names))
        return _certified(rng, f"potentials: {name}", plan, name)

    return drawn


def misplaced(rng: Generator) -> Case:
    """Sparse plans with entries outside of the matrix, or arrays of several lengths."""
    case = _certified(rng, "plan: misplaced", "honest", "optimal")
    assert case.plan is not None
    _, arrays = case.plan
    if "rows" not in arrays:
        arrays = {"rows": [0], "columns": [0], "mass": [1.0]}
    arrays = {key: list(values) for key, values in arrays.items()}
    key = str(rng.choice(("rows", "columns")))
    if rng.random() < 0.3:
        arrays[str(rng.choice(("rows", "columns", "mass")))].append(0)
    else:
        size = case.shape[key == "columns"]
        arrays[key][int(rng.integers(len(arrays[key])))] = int(rng.choice((-1, size, size + 2)))
    return replace(case, plan=("SparsePlan", arrays))


def kernels(rng: Generator) -> Case:
    """Plans in factors, with factors that lie."""
    case = _certified(rng, "plan: kernel", "honest", str(rng.choice(("optimal", "random"))))
    n, m = case.shape
    epsilon = adversaries.cost_scale(case) * float(10.0 ** rng.uniform(-3, 2))
    f, g = list(case.f or []), list(case.g or [])
    if rng.random() < 0.3:
        by = epsilon * float(10.0 ** rng.uniform(-12, 2))
        f = [value + by for value in f]
    arrays: dict[str, Any] = {"f": f, "g": g, "epsilon": epsilon}
    arrays |= {"row_scale": [1.0] * n, "column_scale": [1.0] * m}
    arrays |= {"row_rest": [0.0] * n, "column_rest": [0.0] * m}
    kind = rng.integers(5)
    if kind == 1:
        arrays["row_scale"] = (1.0 + rng.normal(size=n) * _sliver(rng)).tolist()
    elif kind == 2:
        key = str(rng.choice(("row_scale", "column_scale", "row_rest", "column_rest")))
        bad = float(rng.choice((math.nan, math.inf, -1.0, 0.0, 1e300)))
        arrays[key][int(rng.integers(len(arrays[key])))] = bad
    elif kind == 3:
        arrays["row_scale"], arrays["column_scale"] = rng.random(n).tolist(), rng.random(m).tolist()
    elif kind == 4:
        arrays["row_rest"] = (rng.random(n) * _sliver(rng)).tolist()
        arrays["column_rest"] = (rng.random(m) * _sliver(rng)).tolist()
    return replace(case, plan=("ScaledKernelPlan", arrays))


CERTIFICATES: dict[str, adversaries.Draw] = (
    {f"plan: {name}": _with_plan(name) for name in PLANS}
    | {f"potentials: {name}": _with_potentials(name) for name in POTENTIALS}
    | {"plan: kernel": kernels}
)

# What reads or writes outside of an array spoils the process for those that come after it.
MISPLACED: dict[str, adversaries.Draw] = {"plan: misplaced": misplaced}
