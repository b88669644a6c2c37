"""`python -m benchmarks audit --cases N --rng S`: solve drawn problems and audit every result.

Each case is drawn from the pair (S, number of the case), so `--only K` draws one of them again.
Beside the solvers there are certificates of hostile plans and potentials: drawn at random, or a
solver's with masses moved, dropped or scaled. The table counts the verdicts; failures are kept in
`benchmarks/results/audit.jsonl`, and anything that is REFUTED makes the exit code 3.
"""

from __future__ import annotations

import math
import signal
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from otdiv import (
    DensePlan,
    DiscreteMeasure,
    PNormCost,
    Potentials,
    SparsePlan,
    TransportProblem,
    certificates,
    solve,
    solvers,
)
from otdiv.certificates import Proof, Verdict
from otdiv.errors import UnsupportedProblemError
from otdiv.results import TransportResult

from .records import save

# Atoms on a side: small problems meet more corners in the same time.
LARGEST_SIZE = 14
# No solve of that size takes a second; the first call of a kernel may compile it.
SECONDS = 30.0

COSTS: dict[str, PNormCost] = {
    "euclidean": PNormCost(),
    "sqeuclidean": PNormCost(power=2.0),
    "cityblock": PNormCost(norm=1.0),
    "chebyshev": PNormCost(norm=math.inf),
    "power 3": PNormCost(power=3.0),
    "power 1/2": PNormCost(power=0.5),
    "power 2.5": PNormCost(power=2.5),
    "norm 3": PNormCost(norm=3.0),
}
MATRICES = ("matrix of both signs", "matrix of ties", "matrix with forbidden pairs")


def _cloud(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    return rng.normal(size=(n, d)) * rng.choice([1.0, 3.0]) + 0.5 * rng.normal(size=d)


def _grid(rng: np.random.Generator, n: int) -> np.ndarray:
    side = math.isqrt(n - 1) + 1
    points = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)
    return np.asarray(points[:n] / side)


Points = Callable[[np.random.Generator, int, int, float], tuple[np.ndarray, np.ndarray]]


def _plain(d: int, scale: float = 1.0) -> Points:
    return lambda rng, n, m, power: (_cloud(rng, n, d) * scale, _cloud(rng, m, d) * scale)


def _duplicates(rng: np.random.Generator, n: int, m: int, power: float) -> Any:
    pool = _cloud(rng, max(2, (n + m) // 3), 2)
    return pool[rng.integers(len(pool), size=n)], pool[rng.integers(len(pool), size=m)]


def _lattice(rng: np.random.Generator, n: int, m: int, power: float) -> Any:
    return tuple(rng.integers(-2, 3, size=(k, 2)).astype(float) for k in (n, m))


def _apart(rng: np.random.Generator, n: int, m: int, power: float) -> Any:
    return _cloud(rng, n, 2), _cloud(rng, m, 2) + 10.0 ** rng.integers(1, 9)


def _far_atoms(rng: np.random.Generator, n: int, m: int, power: float) -> Any:
    """Some atoms stand far away; with weights over many orders the light ones may be those."""
    x, y = _cloud(rng, n, 2), _cloud(rng, m, 2)
    for side in (x, y):
        side[rng.random(len(side)) < 0.2] *= 10.0 ** rng.integers(2, 13)
    return x, y


def _large(rng: np.random.Generator, n: int, m: int, power: float) -> Any:
    return _plain(2, 10.0 ** (290.0 / max(2.0, power)))(rng, n, m, power)


def _small(rng: np.random.Generator, n: int, m: int, power: float) -> Any:
    return _plain(2, 1e-150)(rng, n, m, power)


def _subnormal(rng: np.random.Generator, n: int, m: int, power: float) -> Any:
    return tuple(rng.integers(-9, 10, size=(k, 2)) * 5e-324 for k in (n, m))


GEOMETRIES: dict[str, Points] = {
    "line": _plain(1),
    "plane": _plain(2),
    "ten dimensions": _plain(10),
    "duplicates": _duplicates,
    "lattice": _lattice,
    "clouds apart": _apart,
    "far atoms": _far_atoms,
    "1e150": _large,
    "1e-150": _small,
    "subnormal": _subnormal,
    "grid": lambda rng, n, m, power: (_grid(rng, n), _grid(rng, m)),
}


def _spread(rng: np.random.Generator, n: int) -> np.ndarray:
    weights = 10.0 ** -rng.uniform(0.0, rng.choice([6.0, 16.0, 40.0, 250.0]), n)
    weights[rng.integers(n)] = 1.0
    return weights


def _with_zeros(rng: np.random.Generator, n: int) -> np.ndarray:
    weights = rng.random(n) * (rng.random(n) < 0.6)
    weights[rng.integers(n)] = 1.0
    return weights


def _counts(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.multinomial(3 * n, np.full(n, 1.0 / n)).astype(float)


WEIGHTS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "uniform": lambda rng, n: np.ones(n),
    "counts": _counts,
    "random": lambda rng, n: rng.random(n) + 0.01,
    "many orders": _spread,
    "zeros": _with_zeros,
}

EXACT = {
    "Line": solvers.Line(),
    "NetworkSimplex": solvers.NetworkSimplex(),
    "ColumnGeneration": solvers.ColumnGeneration(),
    "LinearProgram": solvers.LinearProgram(),
    "PotNetworkSimplex": solvers.PotNetworkSimplex(),
}
HOSTILE = "certificate of hostile witnesses"
SOLVERS = (*EXACT, "Sinkhorn(epsilon)", "Sinkhorn()", HOSTILE)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A drawn problem, and who answers it."""

    problem: TransportProblem
    solver: str
    cost: str
    geometry: str
    weights: str
    rng: np.random.Generator

    @property
    def kinds(self) -> tuple[tuple[str, str], ...]:
        """What the table counts the case under."""
        return tuple((name, getattr(self, name)) for name in KINDS)


KINDS = ("solver", "cost", "geometry", "weights")


def draw(seed: int, number: int) -> Case:
    """Case `number` of the run `seed`."""
    rng = np.random.default_rng([seed, number])
    # Every solver comes in turn, and with it everything else at random.
    solver = SOLVERS[number % len(SOLVERS)]
    n, m = (int(size) for size in rng.integers(1, LARGEST_SIZE + 1, 2))
    names = list(COSTS)
    if solver == "Line":
        names = [name for name in names if COSTS[name].power >= 1.0]
    elif solver != "ColumnGeneration":
        names += [name for name in MATRICES if "forbidden" not in name or "Pot" not in solver]
    cost = str(rng.choice(names))
    weights = str(rng.choice(list(WEIGHTS)))
    a, b = WEIGHTS[weights](rng, n), WEIGHTS[weights](rng, m)
    if cost in MATRICES:
        geometry = "none"
        problem = TransportProblem.from_matrix(_matrix(rng, cost, n, m), a, b)
    else:
        geometry = "line" if solver == "Line" else str(rng.choice(list(GEOMETRIES)))
        if solver == "Line":
            scale = 10.0 ** rng.choice([0, 0, 0, 8, -150, 290.0 / max(2.0, COSTS[cost].power)])
            x, y = _plain(1, scale)(rng, n, m, 1.0)
        else:
            x, y = GEOMETRIES[geometry](rng, n, m, COSTS[cost].power)
        a, b = a / a.sum(), b / b.sum()
        mass = rng.choice([1.0, 1.0, 1.0, 3.7, 1e6, 1e-9])
        problem = TransportProblem(
            source=DiscreteMeasure(points=x, weights=a * mass),
            target=DiscreteMeasure(points=y, weights=b * mass),
            cost=COSTS[cost],
        )
    return Case(
        problem=problem, solver=solver, cost=cost, geometry=geometry, weights=weights, rng=rng
    )


def _matrix(rng: np.random.Generator, kind: str, n: int, m: int) -> np.ndarray:
    if kind == "matrix of ties":
        return rng.integers(-2, 3, size=(n, m)).astype(float)
    scale = 10.0 ** rng.choice([0.0, 0.0, 0.0, 12.0, -12.0, 250.0, -250.0, -310.0])
    C = rng.normal(size=(n, m)) * scale
    if kind == "matrix with forbidden pairs":
        C[rng.random((n, m)) < rng.choice([0.1, 0.5])] = np.inf
        if rng.random() < 0.7:  # mostly so that there may be a plan
            C[:, rng.integers(m)] = C[rng.integers(n)] = scale
    return C


def answer(case: Case) -> TransportResult | Proof:
    """Solve the case, or prove by witnesses that are drawn to deceive."""
    problem, rng = case.problem, case.rng
    if case.solver in EXACT:
        return solve(problem, solver=EXACT[case.solver], throw=False)
    if case.solver == "Sinkhorn()":
        return solve(problem, solver=solvers.Sinkhorn(), rtol=1e-3, throw=False)
    if case.solver == "Sinkhorn(epsilon)":
        size = problem.cost_bound()
        epsilon = max(size * 10.0 ** -rng.uniform(0.0, 2.5), 1e-300)
        return solve(problem, solver=solvers.Sinkhorn(epsilon=epsilon), throw=False)
    return _deceive(case)


def _deceive(case: Case) -> Proof:
    problem, rng = case.problem, case.rng
    (n, m), size = problem.shape, problem.cost_bound()
    solved = solve(problem, solver=solvers.NetworkSimplex(), throw=False)
    if solved.plan is None or rng.random() < 0.2:
        f, g = size * rng.normal(size=n), size * rng.normal(size=m)
        mass = problem.mass * rng.random((n, m)) * (rng.random((n, m)) < 0.5)
        return certificates.prove(problem, DensePlan(mass=mass), Potentials(f=f, g=g))
    plan, potentials = solved.plan, solved.potentials
    assert isinstance(plan, SparsePlan)
    assert potentials is not None
    mass, columns = plan.mass.copy(), plan.columns.copy()
    share = 10.0 ** -rng.uniform(0.0, 17.0)
    some = rng.random(mass.size) < 0.4
    trick = rng.choice(["moved", "dropped", "scaled", "sliver", "raised", "none"])
    if trick == "moved":
        columns[some] = rng.integers(m, size=int(some.sum()))
    elif trick == "dropped":
        mass[some & (mass < np.quantile(mass, 0.6))] = 0.0
    elif trick == "scaled":
        mass[some] *= 1.0 + share * rng.choice([-1.0, 1.0])
    elif trick == "sliver":
        moved = np.where(some, mass * share, 0.0)
        mass = np.concatenate([mass - moved, moved])
        columns = np.concatenate([columns, rng.integers(m, size=columns.size)])
    rows = np.resize(plan.rows, mass.size)
    f, g = potentials.f.copy(), potentials.g.copy()
    if trick == "raised":
        f += np.where(rng.random(n) < 0.3, share * (np.abs(f) + size), 0.0)
    hostile = SparsePlan(rows=rows, columns=columns, mass=mass, shape=(n, m))
    return certificates.prove(problem, hostile, Potentials(f=f, g=g))


@contextmanager
def _time_limit() -> Iterator[None]:
    """Raise TimeoutError where a solver finds no end, if the system has an alarm clock."""

    def ring(*_: Any) -> None:
        raise TimeoutError(f"no answer within {SECONDS} s")

    if not hasattr(signal, "setitimer"):
        yield
        return
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a case: the name of a verdict, or RAISED."""

    number: int
    case: Case
    verdict: str
    text: str


def outcomes(seed: int, numbers: Iterable[int]) -> Iterator[Outcome]:
    """Answer and audit the numbered cases of the run `seed`; a case nobody supports is left out."""
    for number in numbers:
        case = draw(seed, number)
        try:
            with warnings.catch_warnings(), _time_limit():
                warnings.simplefilter("error")
                result = answer(case)
        except UnsupportedProblemError:
            continue
        except Exception as error:  # whatever a solver does wrong is a row of the table
            text = f"{type(error).__name__}: {error}"
            yield Outcome(number=number, case=case, verdict="RAISED", text=text)
            continue
        audit = certificates.audit(result)
        text = f"{result.bounds}, value {result.value!r}: {audit}"
        yield Outcome(number=number, case=case, verdict=audit.verdict.name, text=text)


VERDICTS = (*(verdict.name for verdict in Verdict), "RAISED")


def table(found: list[Outcome]) -> list[str]:
    counts = Counter((kind, outcome.verdict) for outcome in found for kind in outcome.case.kinds)
    lines = [f"| | {' | '.join(VERDICTS)} |", "|---|" + "---|" * len(VERDICTS)]
    kinds = {kind for kind, _ in counts}
    for kind in sorted(kinds, key=lambda kind: (KINDS.index(kind[0]), kind[1])):
        cells = " | ".join(str(counts[kind, verdict]) for verdict in VERDICTS)
        lines.append(f"| {kind[0]}: {kind[1]} | {cells} |")
    totals = Counter(outcome.verdict for outcome in found)
    lines.append(f"| all | {' | '.join(str(totals[verdict]) for verdict in VERDICTS)} |")
    return lines


def run_audits(cases: int, seed: int, *, only: int | None = None, write: bool = True) -> int:
    """Print the table and the failures; returns the exit code."""
    found = []
    for outcome in outcomes(seed, range(cases) if only is None else range(only, only + 1)):
        found.append(outcome)
        if outcome.verdict != "CONFIRMED" or only is not None:
            names = ", ".join(name for _, name in outcome.case.kinds)
            print(f"--rng {seed} --only {outcome.number} ({names}): {outcome.text}", flush=True)
    lines = table(found)
    print("\n".join(lines))
    if write and only is None:
        failures = [
            {"rng": seed, "only": outcome.number, "verdict": outcome.verdict, "text": outcome.text}
            | dict(outcome.case.kinds)
            for outcome in found
            if outcome.verdict != "CONFIRMED"
        ]
        save("audit", failures, lines)
    return 3 if any(outcome.verdict == "REFUTED" for outcome in found) else 0
