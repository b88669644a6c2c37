"""Transport problems as plain arrays, and the strategies that draw them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._optional import import_optional
from .._typing import FloatArray
from ..costs import PNormCost
from ..testing import solved_problems

__all__ = ["Ground", "Instance", "KnownInstance", "kind_of"]

st: Any = import_optional("hypothesis.strategies", extra="verify", purpose="otdiv.conformance")


def kind_of(shape: tuple[int, int]) -> str:
    """What solvers tell apart in a shape (n, m)."""
    n, m = shape
    if n == m:
        return "1 × 1" if n == 1 else "n = m"
    if 1 in shape:
        return "n = 1" if n == 1 else "m = 1"
    return "n < m" if n < m else "n > m"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What costs a solver takes: any matrix, or only |x - y|**power of points it is given."""

    on_points: bool = False
    power: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Instance:
    """One transport problem: weights (n,), (m,), costs (n, m), and points where it has them."""

    a: FloatArray
    b: FloatArray
    C: FloatArray
    x: FloatArray | None = None
    y: FloatArray | None = None
    recipe: str = ""
    """Code that makes the arrays, where they are too large to print."""

    @classmethod
    def of_points(
        cls, a: FloatArray, b: FloatArray, x: FloatArray, y: FloatArray, power: float
    ) -> Instance:
        """Costs |x_i - y_j|**power of points (n, d), (m, d)."""
        return cls(a=a, b=b, C=np.array(PNormCost(power=power).pairwise(x, y)), x=x, y=y)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return len(self.a), len(self.b)

    def transposed(self) -> Instance:
        """Source and target exchanged."""
        return Instance(a=self.b, b=self.a, C=np.ascontiguousarray(self.C.T), x=self.y, y=self.x)

    def scaled(self, factor: float, power: float) -> Instance:
        """Costs times `factor` (points: times factor, costs times factor**power)."""
        if self.x is None or self.y is None:
            return Instance(a=self.a, b=self.b, C=self.C * factor)
        return Instance.of_points(self.a, self.b, self.x * factor, self.y * factor, power)

    def permuted(self, rows: Any, columns: Any) -> Instance:
        """Rows and columns in another order."""
        rows, columns = np.asarray(rows), np.asarray(columns)
        return Instance(
            a=self.a[rows],
            b=self.b[columns],
            C=np.ascontiguousarray(self.C[np.ix_(rows, columns)]),
            x=None if self.x is None else self.x[rows],
            y=None if self.y is None else self.y[columns],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KnownInstance:
    """An instance with its optimum and the reason why it is the optimum."""

    instance: Instance
    value: float
    reason: str


def composed(function: Callable[[Any], Any]) -> Any:
    """Strategy of a function of `draw`."""
    return st.composite(function)()


def weights(k: int, *, zeros: bool = False, dyadic: bool = False) -> Any:
    """Strategy of k weights: whole numbers up to 8 over their sum (dyadic: exact in float32)."""
    counts = st.lists(st.integers(0 if zeros else 1, 8), min_size=k, max_size=k).filter(any)
    if not dyadic:
        return counts.map(lambda w: np.array(w, dtype=np.float64) / sum(w))
    return counts.map(_dyadic)


def _dyadic(counts: list[int]) -> FloatArray:
    """Counts topped up to 64 in the first entry, over 64."""
    w = np.array(counts, dtype=np.float64)
    w[0] += 64 - w.sum()
    return np.asarray(w / 64.0)


def matrices(n: int, m: int, entries: Any) -> Any:
    """Strategy of (n, m) matrices with the given entries."""
    flat = st.lists(entries, min_size=n * m, max_size=n * m)
    return flat.map(lambda C: np.array(C, dtype=np.float64).reshape(n, m))


def points(k: int, d: int) -> Any:
    """Strategy of k points of the lattice Z^d within [-10, 10]."""
    flat = st.lists(st.integers(-10, 10), min_size=k * d, max_size=k * d)
    return flat.map(lambda x: np.array(x, dtype=np.float64).reshape(k, d))


WHOLE = st.integers(0, 20).map(float)


def instances(
    ground: Ground,
    *,
    entries: Any = WHOLE,
    max_size: int = 4,
    zeros: bool = False,
    dyadic: bool = False,
    shapes: Any = None,
) -> Any:
    """Strategy of instances with costs of `entries`, or of lattice points for a point solver."""
    sizes = st.integers(1, max_size)
    shapes = st.tuples(sizes, sizes) if shapes is None else shapes

    def draw_instance(draw: Callable[[Any], Any]) -> Instance:
        n, m = draw(shapes)
        a = draw(weights(n, zeros=zeros, dyadic=dyadic))
        b = draw(weights(m, zeros=zeros, dyadic=dyadic))
        if not ground.on_points:
            return Instance(a=a, b=b, C=draw(matrices(n, m, entries)))
        d = draw(st.integers(1, 3))
        return Instance.of_points(a, b, draw(points(n, d)), draw(points(m, d)), ground.power)

    drawn = composed(draw_instance)
    return drawn.filter(_apart) if ground.on_points else drawn


def _apart(instance: Instance) -> bool:
    """Not all atoms at one point: the law `equal-costs` has that case for itself."""
    return bool(instance.C.max() > 0.0)


def spaces(ground: Ground, *, n_measures: int, max_size: int = 4) -> Any:
    """Strategy of (points (k, d), tuple of weight vectors (k,)): measures on one metric space."""

    def draw_space(draw: Callable[[Any], Any]) -> Any:
        k, d = draw(st.integers(1, max_size)), draw(st.integers(1, 3))
        measures = tuple(draw(weights(k, zeros=n_measures > 1)) for _ in range(n_measures))
        return draw(points(k, d)), measures

    drawn = composed(draw_space)
    return drawn.filter(lambda case: np.ptp(case[0]) > 0.0) if ground.on_points else drawn


def known_instances(ground: Ground, *, max_size: int = 6) -> Any:
    """Strategy of instances whose optimum is known by construction."""

    def fits(case: Any) -> bool:
        if not ground.on_points:
            return True
        problem = case.problem
        return bool(problem.cost.power == ground.power and problem.matrix().max() > 0.0)

    def convert(case: Any) -> KnownInstance:
        problem = case.problem
        arrays = (problem.a, problem.b, problem.x, problem.y)
        a, b, x, y = (np.array(array) for array in arrays)
        instance = Instance.of_points(a, b, x, y, problem.cost.power)
        return KnownInstance(instance=instance, value=case.value, reason=case.reason)

    return solved_problems(max_size=max_size).filter(fits).map(convert)


_RECIPE = """\
rng = np.random.default_rng({seed})
a, b = rng.random({n}) + 0.01, rng.random({m}) + 0.01
a, b = a / a.sum(), b / b.sum()
x, y = rng.normal(size=({n}, 2)), rng.normal(size=({m}, 2)) + 0.5
C = np.linalg.norm(x[:, None] - y, axis=2) ** {power}"""


def random_instances(ground: Ground, *, shapes: Any) -> Any:
    """Strategy of larger random instances, drawn by a seed."""

    def build(shape: tuple[int, int], seed: int) -> Instance:
        rng = np.random.default_rng(seed)
        n, m = shape
        a, b = rng.random(n) + 0.01, rng.random(m) + 0.01
        x, y = rng.normal(size=(n, 2)), rng.normal(size=(m, 2)) + 0.5
        instance = Instance.of_points(a / a.sum(), b / b.sum(), x, y, ground.power)
        return replace(instance, recipe=_RECIPE.format(seed=seed, n=n, m=m, power=ground.power))

    return st.builds(build, shapes, st.integers(0, 2**16))
