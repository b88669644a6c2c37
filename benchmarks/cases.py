"""One call of the library as data: it renders itself as the code that is run and reported."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["PREAMBLE", "Case", "Rows"]

Rows = list[list[float]]

PREAMBLE = "from math import inf, nan; import numpy as np; import otdiv as o; from otdiv import *"

# Costs that have a name of their own.
_NAMES = {
    (2.0, 1.0): '"euclidean"',
    (2.0, 2.0): '"sqeuclidean"',
    (1.0, 1.0): '"cityblock"',
    (float("inf"), 1.0): '"chebyshev"',
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """Data of a problem, the call that is asked of it, and the options of that call.

    Either `C` (n, m) or the points `x` (n, d), `y` (m, d) are given. Weights of None are uniform.
    `plan` and the potentials `f`, `g` belong to calls of `prove`: the plan is the name of its
    class and the arrays that it is made of. Expressions are stored as they are typed.
    """

    family: str
    C: Rows | None = None
    x: Rows | None = None
    y: Rows | None = None
    a: list[float] | None = None
    b: list[float] | None = None
    norm: float = 2.0
    power: float = 1.0
    call: str = "transport"
    solver: str = ""
    rtol: float | None = None
    atol: float | None = None
    callback: str = ""
    warm: Case | None = None
    throw: bool = False
    plan: tuple[str, dict[str, Any]] | None = None
    f: list[float] | None = None
    g: list[float] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of source and target atoms (n, m)."""
        if self.C is not None:
            return len(self.C), len(self.C[0])
        assert self.x is not None
        assert self.y is not None
        return len(self.x), len(self.y)

    @property
    def size(self) -> int:
        """How much there is to read."""
        return len(self.code())

    @property
    def is_value_only(self) -> bool:
        """Whether the call returns a distance and not a transport."""
        return self.call.startswith("wasserstein")

    @property
    def order(self) -> float:
        """Order p of the distance that the call returns, 1 where it returns the cost."""
        return self.power if self.is_value_only else 1.0

    def weights(self) -> tuple[list[float], list[float]]:
        """Weights of both sides, uniform ones written out as counts."""
        n, m = self.shape
        return self.a or [1.0] * n, self.b or [1.0] * m

    def code(self) -> str:
        """Return the call as an expression, to be evaluated after `PREAMBLE`."""
        if self.call == "prove":
            problem = self.problem_code()
            name = ""
            if self.plan is not None and self.plan[0] == "ScaledKernelPlan":
                name = "problem := "
            f, g = self.f, self.g
            return f"certificates.prove({name}{problem}, {self._plan()}, Potentials(f={f}, g={g}))"
        if self.call == "transport_matrix":
            data = [str(self.C), *self._weight_arguments()]
        elif self.call == "measures" and self.C is not None:
            data = [self.problem_code()]
        elif self.call == "measures":
            data = [*self._measures(), f"cost={self._cost()}"]
        elif self.call == "wasserstein1_histogram":
            data = [str(self.a), str(self.b), f"support={_points(self.x)}"]
        else:
            data = [_points(self.x), _points(self.y), *self._weight_arguments()]
            if self.call == "transport":
                data.append(f"cost={self._cost()}")
            elif self.norm != 2.0:
                data.append(f"metric={self._cost(1.0)}")
            if self.call == "wasserstein":
                data.append(f"p={self.power}")
        call = self.call
        if call == "measures":
            call = "transport" if self.C is None else "solve"
        return f"{call}({', '.join([*data, *self._options()])})"

    def problem_code(self) -> str:
        """Return the `TransportProblem` of the case as an expression."""
        if self.C is not None and self.call != "measures":
            return f"TransportProblem.from_matrix({self.C}, {self.a}, {self.b})"
        source, target = self._measures()
        cost = self._cost(named=False) if self.C is None else f"CostMatrix({self.C})"
        return f"TransportProblem(source={source}, target={target}, cost={cost})"

    def _measures(self) -> list[str]:
        measures = []
        for points, weights, size in zip(
            (self.x, self.y), (self.a, self.b), self.shape, strict=True
        ):
            places = str(list(range(size))) if points is None else _points(points)
            measures.append(f"DiscreteMeasure(points={places}, weights={weights})")
        return measures

    def _weight_arguments(self) -> list[str]:
        sides = (("x_weights", self.a), ("y_weights", self.b))
        return [f"{name}={weights}" for name, weights in sides if weights is not None]

    def _cost(self, power: float | None = None, *, named: bool = True) -> str:
        power = self.power if power is None else power
        if named and (self.norm, power) in _NAMES:
            return _NAMES[self.norm, power]
        return f"PNormCost(norm={self.norm}, power={power})"

    def _plan(self) -> str:
        assert self.plan is not None
        name, arrays = self.plan
        given = [f"{key}={value}" for key, value in arrays.items()]
        if name == "ScaledKernelPlan":
            given.insert(0, "problem=problem")
            # The fields are arrays, and the class does not ask for them.
            given = [item if "[" not in item else _as_array(item) for item in given]
        elif name == "SparsePlan":
            given.append(f"shape={self.shape}")
        return f"{name}({', '.join(given)})"

    def _options(self) -> list[str]:
        options = []
        if self.solver:
            options.append(f"solver=solvers.{self.solver}")
        for name in ("rtol", "atol"):
            if getattr(self, name) is not None:
                options.append(f"{name}={getattr(self, name)}")
        if self.callback:
            options.append(f"callback={self.callback}")
        if self.warm is not None:
            options.append(f"warm_start={self.warm.code()}")
        if not (self.throw or self.is_value_only):
            options.append("throw=False")
        return options

    def without(self, side: str, k: int) -> Case:
        """Return the case without atom k of the side "row" or "column"."""
        row = side == "row"
        changed: dict[str, Any] = {}
        if self.C is not None:
            changed["C"] = _less(self.C, k) if row else [_less(line, k) for line in self.C]
        for name in ("x", "a", "f") if row else ("y", "b", "g"):
            if getattr(self, name) is not None:
                changed[name] = _less(getattr(self, name), k)
        if self.call == "wasserstein1_histogram":
            changed = {name: _less(getattr(self, name), k) for name in ("x", "y", "a", "b")}
        if self.plan is not None:
            changed["plan"] = (self.plan[0], _plan_less(*self.plan, row, k))
        if self.warm is not None:
            changed["warm"] = self.warm.without(side, k)
        return replace(self, **changed)._balanced()

    def _balanced(self) -> Case:
        """Return the case with the target's mass made that of the source, where both must agree."""
        is_relative = self.call != "measures" and (self.call != "prove" or self.C is not None)
        if is_relative or self.a is None or self.b is None or max(self.b) == 0.0:
            return self
        share = [value / max(self.b) for value in self.b]
        total = math.fsum(share)
        mass = math.fsum(value / max(self.a) for value in self.a) * max(self.a)
        return replace(self, b=[value / total * mass for value in share])


def _points(points: Rows | None) -> str:
    assert points is not None
    return str([p[0] for p in points] if len(points[0]) == 1 else points)


def _as_array(item: str) -> str:
    name, _, value = item.partition("=")
    return f"{name}=np.array({value})"


def _less(values: list[Any], k: int) -> list[Any]:
    return values[:k] + values[k + 1 :]


def _plan_less(name: str, arrays: dict[str, Any], row: bool, k: int) -> dict[str, Any]:
    """Arrays of a plan without row or column k."""
    if name == "DensePlan":
        mass = arrays["mass"]
        return {"mass": _less(mass, k) if row else [_less(line, k) for line in mass]}
    if name == "SparsePlan":
        if len({len(arrays[key]) for key in ("rows", "columns", "mass")}) > 1:
            return arrays
        own, other = ("rows", "columns") if row else ("columns", "rows")
        kept = [e for e, index in enumerate(arrays[own]) if index != k]
        return {
            own: [arrays[own][e] - (arrays[own][e] > k) for e in kept],
            other: [arrays[other][e] for e in kept],
            "mass": [arrays["mass"][e] for e in kept],
        }
    changed = ("f", "row_scale", "row_rest") if row else ("g", "column_scale", "column_rest")
    return {key: _less(value, k) if key in changed else value for key, value in arrays.items()}
