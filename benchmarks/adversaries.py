"""Families of transport problems that are drawn to go wrong, and the calls that are asked of them.

A family draws data; which call, solver and tolerance they meet is drawn apart, so that every family
meets every solver that takes its kind of data. A family is one function and one row of `SOLVES`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from .cases import Case, Rows
from .judging import exact_answer

__all__ = ["DATA", "SOLVES", "Draw", "cost_scale"]

Generator = np.random.Generator
Draw = Callable[[Generator], Case]

_NORMS = (1.0, 2.0, math.inf, 3.0)
_POWERS = (1.0, 2.0, 3.0, 0.5, 2.5)
_TOLERANCES = (0.5, 1e-1, 1e-2, 1e-3, 1e-4, 1e-6, 1e-8, 1e-9)


def _size(rng: Generator) -> int:
    """Up to seven atoms, now and then twelve."""
    return int(rng.integers(8, 13) if rng.random() < 0.05 else rng.integers(1, 8))


def _tens(rng: Generator, least: float, most: float, size: int) -> list[float]:
    """Numbers whose decimal exponents are uniform."""
    return [float(v) for v in 10.0 ** rng.uniform(least, most, size)]


def _normals(rng: Generator, n: int, d: int) -> Rows:
    return rng.normal(size=(n, d)).tolist()


def _whole(rng: Generator, n: int, d: int, most: int = 3) -> Rows:
    return rng.integers(0, most + 1, (n, d)).astype(float).tolist()


def _weights(rng: Generator, n: int) -> list[float] | None:
    """Uniform, random, or whole weights."""
    kind = rng.integers(3)
    if kind == 0:
        return None
    if kind == 1:
        return rng.random(n).tolist()
    return rng.integers(1, 6, n).astype(float).tolist()


def _cost(rng: Generator) -> dict[str, float]:
    """Mostly a plain distance or its square, now and then any norm and power."""
    kind = rng.random()
    if kind < 0.3:
        return {"norm": 2.0, "power": 1.0}
    if kind < 0.6:
        return {"norm": 2.0, "power": 2.0}
    return {"norm": float(rng.choice(_NORMS)), "power": float(rng.choice(_POWERS))}


def _dimension(rng: Generator) -> int:
    return int(rng.choice((1, 1, 2, 2, 3, 10)))


def _cloud_case(rng: Generator, family: str) -> tuple[Case, int]:
    """Two normal clouds, as a start, and their dimension."""
    n, m, d = _size(rng), _size(rng), _dimension(rng)
    x, y = _normals(rng, n, d), _normals(rng, m, d)
    case = Case(family=family, x=x, y=y, a=_weights(rng, n), b=_weights(rng, m), **_cost(rng))
    return case, d


def _matrix_case(rng: Generator, family: str, C: Rows) -> Case:
    a, b = _weights(rng, len(C)), _weights(rng, len(C[0]))
    return Case(family=family, C=C, a=a, b=b, call="transport_matrix")


def ties(rng: Generator) -> Case:
    """Small whole costs or points: most pairs are tight at an optimum."""
    n, m = _size(rng), _size(rng)
    if rng.random() < 0.5:
        return _matrix_case(rng, "ties", _whole(rng, n, m))
    d = _dimension(rng)
    x, y = _whole(rng, n, d), _whole(rng, m, d)
    return Case(family="ties", x=x, y=y, a=_weights(rng, n), b=_weights(rng, m), **_cost(rng))


def near_ties(rng: Generator) -> Case:
    """Costs or points that differ from whole ones by slivers of 1e-17 to 1e-9."""
    n, m = _size(rng), _size(rng)
    sliver = float(10.0 ** rng.uniform(-17, -9))
    if rng.random() < 0.5:
        C = rng.integers(0, 4, (n, m)) + sliver * rng.integers(-2, 3, (n, m))
        return _matrix_case(rng, "near ties", C.tolist())
    d = _dimension(rng)
    x = rng.integers(0, 3, (n, d)) + sliver * rng.normal(size=(n, d))
    y = rng.integers(0, 3, (m, d)) + sliver * rng.normal(size=(m, d))
    weights = (_weights(rng, n), _weights(rng, m))
    return Case(
        family="near ties", x=x.tolist(), y=y.tolist(), a=weights[0], b=weights[1], **_cost(rng)
    )


def duplicates(rng: Generator) -> Case:
    """Points that occur repeatedly, on one side and on both."""
    case, d = _cloud_case(rng, "duplicates")
    n, m = case.shape
    pool = np.array(_normals(rng, 3, d))
    x, y = pool[rng.integers(0, 3, n)], pool[rng.integers(0, 3, m)]
    return replace(case, x=x.tolist(), y=y.tolist())


def integers(rng: Generator) -> Case:
    """Whole numbers up to 2**53, where sums and products are no longer exact."""
    n, m = _size(rng), _size(rng)
    most = int(2 ** rng.uniform(10, 53))
    weights = [rng.integers(1, most, size).astype(float).tolist() for size in (n, m)]
    if rng.random() < 0.5:
        C = rng.integers(0, most, (n, m)).astype(float).tolist()
        return replace(_matrix_case(rng, "integers", C), a=weights[0], b=weights[1])
    d = _dimension(rng)
    x, y = (rng.integers(-most, most, (size, d)).astype(float).tolist() for size in (n, m))
    return Case(family="integers", x=x, y=y, a=weights[0], b=weights[1], **_cost(rng))


def wide_costs(rng: Generator) -> Case:
    """Costs, or distances, of sizes between 1e-300 and 1e300."""
    n, m = _size(rng), _size(rng)
    reach = float(rng.uniform(5, 300))
    if rng.random() < 0.7:
        flat = _tens(rng, -reach, reach, n * m)
        return _matrix_case(rng, "wide costs", [flat[i * m : i * m + m] for i in range(n)])
    cost = _cost(rng)
    reach = reach / cost["power"] if cost["power"] > 1.0 else reach
    x, y = ([[v] for v in _tens(rng, -reach, reach * 0.99, size)] for size in (n, m))
    return Case(family="wide costs", x=x, y=y, a=_weights(rng, n), b=_weights(rng, m), **cost)


def _wide(rng: Generator, sizes: tuple[int, int]) -> list[list[float]]:
    """Weights of both sides, some hundred decades wide and anywhere between 1e-300 and 1e300.

    One time in ten each is drawn on its own: their shares may be less than any float.
    """
    sides = []
    for size in sizes:
        width = float(rng.uniform(3, 300))
        least = float(rng.uniform(-300, 300 - width))
        if rng.random() < 0.1:
            least, width = -300.0, 600.0
        sides.append(_tens(rng, least, least + width, size))
    return sides


def wide_weights(rng: Generator) -> Case:
    """Weights of sizes between 1e-300 and 1e300."""
    case = ties(rng) if rng.random() < 0.3 else spaces(rng)
    a, b = _wide(rng, case.shape)
    if rng.random() < 0.3:
        return replace(case, family="wide weights", a=a, b=_weights(rng, len(b)))
    return replace(case, family="wide weights", a=a, b=b)


def wide_both(rng: Generator) -> Case:
    """Weights and costs of such sizes: the least weight may carry the greatest cost."""
    case = wide_costs(rng)
    a, b = _wide(rng, case.shape)
    return replace(case, family="wide both", a=a, b=b)


def scaled(rng: Generator) -> Case:
    """An ordinary problem in another unit, from 1e-300 to 1e300."""
    case = ties(rng) if rng.random() < 0.3 else spaces(rng)
    unit = float(10.0 ** rng.uniform(-300, 300))
    if case.C is not None:
        return replace(case, family="scaled", C=(np.array(case.C) * unit).tolist())
    if rng.random() < 0.7:
        unit = unit ** (1.0 / case.power) if case.power > 1.0 else unit
    x, y = ((np.array(points) * unit).tolist() for points in (case.x, case.y))
    return replace(case, family="scaled", x=x, y=y)


def masses(rng: Generator) -> Case:
    """Measures of masses from 1e-300 to 1e300, equal to rounding."""
    case = spaces(rng)
    n, m = case.shape
    unit = float(10.0 ** rng.uniform(-300, 300))
    a, b = rng.random(n) + 0.01, rng.random(m) + 0.01
    a, b = a / a.sum() * unit, b / b.sum() * unit
    return replace(case, family="masses", a=a.tolist(), b=b.tolist(), call="measures")


def off_total(rng: Generator) -> Case:
    """Measures whose masses differ by 1e-16 to 1e-8 of themselves: equal up to 1e-9."""
    case = light_far(rng) if rng.random() < 0.3 else spaces(rng)
    n, m = case.shape
    a, b = np.array(case.a or [1.0] * n), np.array(case.b or [1.0] * m)
    off = 1.0 + float(rng.choice((-1.0, 1.0)) * 10.0 ** rng.uniform(-16, -8))
    b = b * (a.sum() / b.sum()) * off
    return replace(case, family="off total", a=a.tolist(), b=b.tolist(), call="measures")


def forbidden(rng: Generator) -> Case:
    """Matrices with forbidden pairs and weights that some plan meets exactly."""
    n, m = _size(rng), _size(rng)
    flow = rng.integers(1, 9, (n, m)) * (rng.random((n, m)) < rng.uniform(0.2, 0.8))
    allowed = (flow > 0) | (rng.random((n, m)) < 0.2)
    if not flow.any():
        flow[0, 0] = 1
        allowed[0, 0] = True
    C = rng.normal(size=(n, m)) if rng.random() < 0.5 else rng.integers(0, 5, (n, m)).astype(float)
    C = np.where(allowed, C, math.inf)
    unit = float(2.0 ** rng.integers(-40, 40)) if rng.random() < 0.3 else 1.0
    a, b = flow.sum(axis=1) * unit, flow.sum(axis=0) * unit
    return Case(
        family="forbidden",
        C=C.tolist(),
        a=a.astype(float).tolist(),
        b=b.astype(float).tolist(),
        call="transport_matrix",
    )


def infeasible(rng: Generator) -> Case:
    """Matrices with forbidden pairs and random weights: mostly no plan, by much or by a sliver."""
    case = forbidden(rng)
    assert case.a is not None
    a = np.array(case.a)
    if rng.random() < 0.5:
        n, m = case.shape
        return replace(
            case, family="infeasible", a=rng.random(n).tolist(), b=rng.random(m).tolist()
        )
    a[int(rng.integers(a.size))] *= 1.0 + 10.0 ** rng.uniform(-17, -3)
    if a.max() == 0.0:
        a[0] = 1.0
    return replace(case, family="infeasible", a=a.tolist())


def light_far(rng: Generator) -> Case:
    """Atoms of weight 1e-12 to 1e-40 at distances of 1e9 to 1e20, on one side or on both."""
    case, d = _cloud_case(rng, "light far")
    n, m = case.shape
    x, y = np.array(case.x), np.array(case.y)
    a, b = np.array(case.a or [1.0] * n), np.array(case.b or [1.0] * m)
    for points, weights in ((x, a), (y, b)):
        for _ in range(int(rng.integers(0, 3))):
            k = int(rng.integers(len(weights)))
            if len(weights) > 1:
                weights[k] = 10.0 ** rng.uniform(-40, -12)
                points[k] += rng.normal(size=d) * 10.0 ** rng.uniform(9, 20)
    if rng.random() < 0.3:
        # Rows and columns that are far for each other only, as in a matrix.
        C = np.abs(x.sum(axis=1)[:, None] - y.sum(axis=1))
        return Case(
            family="light far", C=C.tolist(), a=a.tolist(), b=b.tolist(), call="transport_matrix"
        )
    return replace(case, x=x.tolist(), y=y.tolist(), a=a.tolist(), b=b.tolist())


def light_tail(rng: Generator) -> Case:
    """Weights of a Gaussian histogram: neighbours of far smaller weight, all of them data."""
    n, m = _size(rng) + 1, _size(rng) + 1
    width = float(rng.uniform(1, 9))
    x, y = np.linspace(-width, width, n), np.linspace(-width, width, m) + rng.normal() * 0.1
    a, b = np.exp(-x * x / 2), np.exp(-y * y / 2)
    points = ([[float(v)] for v in x], [[float(v)] for v in y])
    case = Case(family="light tail", x=points[0], y=points[1], a=a.tolist(), b=b.tolist())
    return replace(case, **_cost(rng))


def apart(rng: Generator) -> Case:
    """Clouds that lie 1e6 to 1e15 times their spread apart, or from the origin."""
    case, d = _cloud_case(rng, "apart")
    x, y = np.array(case.x), np.array(case.y)
    offset = rng.normal(size=d) * 10.0 ** rng.uniform(6, 15)
    kind = rng.integers(3)
    if kind != 0:
        y = y + offset
    if kind != 1:
        x = x + offset
    return replace(case, x=x.tolist(), y=y.tolist())


def signed(rng: Generator) -> Case:
    """Costs of both signs, all negative, and values that nearly cancel."""
    n, m = _size(rng), _size(rng)
    kind = rng.integers(4)
    C = rng.normal(size=(n, m)) * 10.0 ** rng.uniform(-5, 5)
    if kind == 1:
        C = -np.abs(C)
    elif kind == 2:
        C = rng.integers(-3, 4, (n, m)).astype(float)
    elif kind == 3:
        C = C + rng.normal(size=n)[:, None] * 1e6 - rng.normal(size=m) * 1e6
    return _matrix_case(rng, "signed", C.tolist())


def zero_weights(rng: Generator) -> Case:
    """Atoms without weight, some far away, some forbidden."""
    case = (ties, spaces, signed, forbidden, wide_costs)[int(rng.integers(5))](rng)
    n, m = case.shape
    a, b = np.array(case.a or [1.0] * n), np.array(case.b or [1.0] * m)
    a[rng.random(n) < 0.4] = 0.0
    b[rng.random(m) < 0.4] = 0.0
    if a.max() == 0.0:
        a[0] = 1.0
    if b.max() == 0.0:
        b[0] = 1.0
    return replace(case, family="zero weights", a=a.tolist(), b=b.tolist())


def near_equal(rng: Generator) -> Case:
    """One law against itself with weights that differ by slivers, in another order."""
    case, _ = _cloud_case(rng, "near equal")
    n, _ = case.shape
    a = rng.random(n) + 0.1
    b = a * (1.0 + rng.choice((0.0, 1e-16, 1e-13, 1e-9), n) * rng.normal(size=n))
    order = rng.permutation(n)
    y = np.array(case.x)[order]
    if rng.random() < 0.3:
        y = y + rng.normal(size=y.shape) * 10.0 ** rng.uniform(-16, -6)
    return replace(case, y=y.tolist(), a=a.tolist(), b=b[order].tolist())


def subnormals(rng: Generator) -> Case:
    """Costs, points or weights among the least floats."""
    n, m = _size(rng), _size(rng)
    tiny = 5e-324
    kind = rng.integers(3)
    if kind == 0:
        C = (rng.integers(0, 50, (n, m)) * tiny).tolist()
        return _matrix_case(rng, "subnormals", C)
    if kind == 1:
        d = _dimension(rng)
        x, y = ((rng.integers(0, 50, (size, d)) * tiny).tolist() for size in (n, m))
        weights = (_weights(rng, n), _weights(rng, m))
        return Case(family="subnormals", x=x, y=y, a=weights[0], b=weights[1], **_cost(rng))
    case = spaces(rng)
    n, m = case.shape
    weights = [(rng.integers(1, 50, size) * tiny).tolist() for size in (n, m)]
    return replace(case, family="subnormals", a=weights[0], b=weights[1])


def huge(rng: Generator) -> Case:
    """Costs, points or weights near the largest float."""
    n, m = _size(rng), _size(rng)
    kind = rng.integers(3)
    if kind == 0:
        sign = -1.0 if rng.random() < 0.3 else 0.0
        C = (rng.uniform(sign, 1.0, (n, m)) * 1.79e308).tolist()
        return _matrix_case(rng, "huge", C)
    if kind == 1:
        cost = _cost(rng)
        top = 1e308 ** (1.0 / cost["power"]) if cost["power"] > 1.0 else 8e307
        d = _dimension(rng)
        x, y = ((rng.uniform(-0.5, 0.5, (size, d)) * top).tolist() for size in (n, m))
        return Case(family="huge", x=x, y=y, a=_weights(rng, n), b=_weights(rng, m), **cost)
    case = spaces(rng)
    n, m = case.shape
    weights = [(rng.uniform(0.1, 1.0, size) * 1.79e308).tolist() for size in (n, m)]
    return replace(case, family="huge", a=weights[0], b=weights[1])


def singles(rng: Generator) -> Case:
    """One atom on one side or on both: there is one plan."""
    case, _ = _cloud_case(rng, "singles")
    x, a = [case.x[0]], None if case.a is None else [case.a[0]]
    if rng.random() < 0.4:
        y, b = [case.y[0]], None if case.b is None else [case.b[0]]
        return replace(case, x=x, y=y, a=a, b=b)
    return replace(case, x=x, a=a)


def spaces(rng: Generator) -> Case:
    """Normal clouds of 1, 2, 3 and 10 dimensions under every norm and power."""
    case, _ = _cloud_case(rng, "spaces")
    return replace(case, norm=float(rng.choice(_NORMS)), power=float(rng.choice(_POWERS)))


DATA: tuple[Draw, ...] = (
    ties,
    near_ties,
    duplicates,
    integers,
    wide_costs,
    wide_weights,
    wide_both,
    scaled,
    masses,
    off_total,
    forbidden,
    infeasible,
    light_far,
    light_tail,
    apart,
    signed,
    zero_weights,
    near_equal,
    subnormals,
    huge,
    singles,
    spaces,
)


def cost_scale(case: Case) -> float:
    """About the size of a cost, within floats."""
    if case.C is not None:
        finite = [abs(v) for row in case.C for v in row if 0.0 < abs(v) < math.inf]
        return min(max(sorted(finite)[len(finite) // 2], 1e-290), 1e290) if finite else 1.0
    size = abs(max((v for p in (*case.x, *case.y) for v in p), key=abs))
    exponent = math.log10(size) * case.power if size > 0.0 else 0.0
    return float(10.0 ** min(max(exponent, -290.0), 290.0))


def _solver(rng: Generator, case: Case) -> str:
    """One of the solvers that take this kind of data, or none."""
    choices = ["", "NetworkSimplex()", "LinearProgram()", "PotNetworkSimplex()"]
    if case.C is None:
        choices.append("ColumnGeneration()")
        if len(case.x[0]) == 1 and case.power >= 1.0:
            choices.append("Line()")
    elif any(math.inf in row for row in case.C):
        choices.remove("PotNetworkSimplex()")
    return str(rng.choice(choices))


def _tolerance(rng: Generator, case: Case) -> dict[str, float]:
    """Draw rtol, atol or both; atol mostly as a share of the value, now and then any number."""
    kind = rng.integers(3)
    asked = {}
    if kind != 0:
        asked["rtol"] = float(rng.choice(_TOLERANCES))
    if kind != 1:
        value = abs(exact_answer(case).as_floats()[0])
        if case.call == "measures":
            value *= math.fsum(case.a or [1.0]) if max(case.a or [1.0]) < 1e300 else 1.0
        if not 1e-290 < value < 1e290 or rng.random() < 0.2:
            value = cost_scale(case)
        asked["atol"] = float(rng.choice(_TOLERANCES)) * value
    return asked


def _called(rng: Generator, case: Case) -> Case:
    """Draw solver, tolerance and the way of asking for the case's data."""
    case = replace(case, solver=_solver(rng, case), throw=bool(rng.random() < 0.3))
    if rng.random() < 0.25:
        case = replace(case, **_tolerance(rng, case))
    if rng.random() < 0.12:
        # Without an epsilon, a solve needs a tolerance.
        if rng.random() < 0.5:
            case = replace(case, solver="Sinkhorn()", **_tolerance(rng, case))
        else:
            epsilon = cost_scale(case) * float(10.0 ** rng.uniform(-3, 1))
            case = replace(case, solver=f"Sinkhorn(epsilon={epsilon})")
    if case.C is not None or case.call == "measures" or case.power < 1.0:
        return case
    if rng.random() < 0.35 and "epsilon" not in case.solver:
        return _valued(rng, case)
    return case


def _valued(rng: Generator, case: Case) -> Case:
    """Ask for the distance only."""
    if case.solver.startswith("Sinkhorn") and case.rtol is None and case.atol is None:
        case = replace(case, solver="")
    if rng.random() < 0.5:
        case = replace(case, solver="")
    if case.power == 1.0:
        call = str(rng.choice(("wasserstein1", "wasserstein1_result", "wasserstein")))
    else:
        call = "wasserstein2" if case.power == 2.0 else "wasserstein"
    return replace(case, call=call)


def values(rng: Generator) -> Case:
    """Value-only functions on the data of any family, orders 1 to 4."""
    while True:
        case = DATA[int(rng.integers(len(DATA)))](rng)
        if case.C is None and case.call != "measures":
            break
    power = float(rng.choice((1.0, 1.0, 2.0, 2.0, 1.5, 2.5, 3.0, 4.0)))
    if rng.random() < 0.3:
        case = replace(case, **_tolerance(rng, case))
    norm = case.norm if rng.random() < 0.5 else 2.0
    case = replace(case, norm=norm, power=power, solver=_solver(rng, replace(case, power=power)))
    return _valued(rng, case)


def histograms(rng: Generator) -> Case:
    """W1 of two histograms on common positions, in one dimension and in more."""
    while True:
        case = DATA[int(rng.integers(len(DATA)))](rng)
        if case.C is None and case.call != "measures":
            break
    n, m = case.shape
    a = case.a or [1.0] * n
    b = (case.b or [1.0] * m) * n
    if max(b[:n]) == 0.0:
        b[0] = 1.0
    return Case(
        family="histograms", x=case.x, y=case.x, a=a, b=b[:n], call="wasserstein1_histogram"
    )


def warm(rng: Generator) -> Case:
    """Starts from results of other data of this shape, of any scale."""
    case = DATA[int(rng.integers(len(DATA)))](rng)
    points = case.C is None
    solver = str(rng.choice(("NetworkSimplex()", "ColumnGeneration()", "Sinkhorn()")))
    if not points and solver == "ColumnGeneration()":
        solver = "NetworkSimplex()"
    case = replace(case, solver=solver)
    if solver == "Sinkhorn()" or rng.random() < 0.2:
        case = replace(case, **_tolerance(rng, case))
    unit = float(10.0 ** rng.uniform(-300, 300)) if rng.random() < 0.5 else 1.0
    other = replace(case, warm=None, rtol=None, atol=None, solver="", throw=False)
    if points:
        d = len(case.x[0])
        x, y = (np.array(_normals(rng, size, d)) * unit ** (1 / 4) for size in case.shape)
        other = replace(other, x=x.tolist(), y=y.tolist(), a=None, b=None, call="transport")
    else:
        other = replace(other, C=(rng.normal(size=case.shape) * unit).tolist(), a=None, b=None)
    return replace(case, warm=other)


def stopped(rng: Generator) -> Case:
    """Callbacks that stop at once or after some calls: what is proven so far must hold."""
    case = DATA[int(rng.integers(len(DATA)))](rng)
    case = replace(case, solver=_solver(rng, case), throw=bool(rng.random() < 0.3))
    if rng.random() < 0.3:
        case = replace(case, solver="Sinkhorn()", **_tolerance(rng, case))
    after = int(rng.integers(0, 3))
    return replace(case, callback=f"lambda progress: progress.iteration >= {after}")


def entropic(rng: Generator) -> Case:
    """Regularised solves: their bounds speak of the unregularised optimum."""
    case = DATA[int(rng.integers(len(DATA)))](rng)
    epsilon = cost_scale(case) * float(10.0 ** rng.uniform(-4, 2))
    return replace(case, solver=f"Sinkhorn(epsilon={epsilon})", throw=bool(rng.random() < 0.3))


def tightened(rng: Generator) -> Case:
    """Sinkhorn without an epsilon, down to tolerances that it may or may not reach."""
    case = DATA[int(rng.integers(len(DATA)))](rng)
    case = replace(case, solver="Sinkhorn()", **_tolerance(rng, case))
    if case.C is None and case.call != "measures" and case.power >= 1.0 and rng.random() < 0.3:
        return replace(_valued(rng, case), solver="Sinkhorn()")
    return case


def _with_call(draw: Draw) -> Draw:
    def drawn(rng: Generator) -> Case:
        return _called(rng, draw(rng))

    return drawn


def _named(draws: tuple[Draw, ...], wrap: Callable[[Draw], Draw]) -> dict[str, Draw]:
    return {draw.__name__.replace("_", " "): wrap(draw) for draw in draws}


SOLVES: dict[str, Draw] = _named(DATA, _with_call) | _named(
    (values, histograms, warm, stopped, entropic, tightened), lambda draw: draw
)
