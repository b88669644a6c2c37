"""`python -m benchmarks coverage`: how often the intervals hold the distance of the laws.

Pairs of samples are drawn from laws whose distance is known, and an interval is made of each; the
seed is fixed beforehand, and every cell has its own stream. Bars: 92 % in every cell with nominal
95 % (91 % for weighted rows, 50 a side), apart from categories with fewer than ten rows each, of
which the interval itself says that it is widened; and a mean length of at most 1.2 times that of
percentiles where the effect is one standard deviation or more and there are 200 rows or more.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from otdiv import confidence_interval, js_divergence

from .records import load, save
from .run import RESULTS

SEED = 20261130
LEVEL = 0.95
LEAST = 0.92
LEAST_WEIGHTED = 0.91  # weights, 50 rows a side
LONGEST = 1.2  # times the length of percentiles
SIZES = (50, 200, 2000)
REPLICATES = 320  # draws of an interval: the level of the 305th of them is 95 %
PERCENTILE_SHARE = 0.05  # of the repetitions in which percentiles are made beside
# Of the repetitions, for what takes long: each is a dearer interval of less doubt.
SHARES = {
    "wasserstein2": 0.2,
    "energy": 0.5,
    "mean_shift_share": 0.5,
    "sliced_wasserstein": 0.25,
    "wasserstein1, d=3": 0.25,
    "energy, d=3": 0.5,
}

Array = NDArray[Any]
Sampler = Callable[[np.random.Generator, int], Array]


@dataclass(frozen=True)
class Cell:
    """Laws, sizes and the distance between the laws."""

    distance: str
    case: str
    n: int
    m: int
    truth: float
    x: Sampler
    y: Sampler
    weighted: bool = False
    effect: float = 0.0  # in standard deviations, where lengths are compared
    categories: int = 0
    block: int = 0  # rows of a block
    partners: float = 0.0  # correlation of paired rows

    @property
    def name(self) -> str:
        """What `--only` looks at."""
        return f"{self.distance} {self.case} n={self.n}"

    @property
    def thin(self) -> bool:
        """Whether the interval says that it is widened."""
        return min(self.n, self.m) < 10 * self.categories


@dataclass(frozen=True)
class Row:
    """One cell as it is recorded."""

    distance: str
    case: str
    n: int
    m: int
    truth: float
    thin: bool
    least: float
    repetitions: int
    coverage: float
    length: float
    percentile_repetitions: int
    percentile_coverage: float | None
    percentile_length: float | None
    compared: bool
    seconds: float

    @property
    def fault(self) -> str:
        """What bar is broken, if any."""
        if not self.thin and self.coverage < self.least:
            return f"covers {100.0 * self.coverage:.1f} %"
        if self.compared and self.percentile_length is not None:
            ratio = self.length / self.percentile_length
            if ratio > LONGEST:
                return f"{ratio:.2f} times the length of percentiles"
        return ""


def _plain(draw: Callable[[np.random.Generator, int], Array], factor: float, shift: float,
           rng: np.random.Generator, n: int) -> Array:  # fmt: skip
    return factor * draw(rng, n) + shift


def _normal(rng: np.random.Generator, n: int) -> Array:
    return rng.standard_normal(n)


def _exponential(rng: np.random.Generator, n: int) -> Array:
    return rng.standard_exponential(n)


def _student(freedom: float, rng: np.random.Generator, n: int) -> Array:
    return rng.standard_t(freedom, n)


def _pareto(index: float, rng: np.random.Generator, n: int) -> Array:
    return rng.pareto(index, n)


def _rounded(shift: float, rng: np.random.Generator, n: int) -> Array:
    return 0.5 * np.rint(2.0 * (rng.standard_normal(n) + shift))


def _of(draw: Sampler, factor: float = 1.0, shift: float = 0.0) -> Sampler:
    return partial(_plain, draw, factor, shift)


def _line_cases() -> Iterator[tuple[str, float, Sampler, Sampler, float]]:
    """Name, W1, both laws, effect in standard deviations."""
    same = _of(_normal)
    yield "null", 0.0, same, same, 0.0
    for shift in (0.05, 0.1, 0.2, 0.5, 1.0):
        yield f"shift {shift:g}", shift, same, _of(_normal, 1.0, shift), shift
    for factor in (1.1, 1.5):
        truth = (factor - 1.0) * math.sqrt(2.0 / math.pi)
        yield f"scale {factor:g}", truth, same, _of(_normal, factor), truth
    yield "exp 1.5", 0.5, _of(_exponential), _of(_exponential, 1.5), 0.5
    for freedom in (3.0, 2.0):
        law = partial(_student, freedom)
        yield f"t{freedom:g} + .3", 0.3, law, _of(law, 1.0, 0.3), 0.0
    for index in (2.5, 1.5):
        law = partial(_pareto, index)
        yield f"Pareto {index:g}", 0.5 / (index - 1.0), law, _of(law, 1.5), 0.0
    yield "rounded to .5, shift 1", 1.0, partial(_rounded, 0.0), partial(_rounded, 1.0), 1.0


def _line_cells() -> Iterator[Cell]:
    for n in SIZES:
        for case, truth, x, y, effect in _line_cases():
            yield Cell("wasserstein1", case, n, n, truth, x, y, effect=effect)
        for shift in (0.0, 0.1, 1.0):
            case = f"weights, shift {shift:g}"
            y = _of(_normal, 1.0, shift)
            yield Cell("wasserstein1", case, n, n, shift, _of(_normal), y, True, shift)
        y = _of(_normal, 1.0, 0.2)
        yield Cell("wasserstein1", "n v 10 n, shift .2", n, 10 * n, 0.2, _of(_normal), y)
        y = _of(_normal, 1.0, 1.0)
        yield Cell("wasserstein1", "n v 10 n, shift 1", n, 10 * n, 1.0, _of(_normal), y, False, 1.0)


def _energy(shift: float) -> float:
    """Energy distance of N(0, 1) and N(shift, 1)."""
    folded = shift * math.erf(0.5 * shift) + 2.0 / math.sqrt(math.pi) * math.exp(-0.25 * shift**2)
    return math.sqrt(max(0.0, 2.0 * folded - 4.0 / math.sqrt(math.pi)))


def _other_cells() -> Iterator[Cell]:
    for n in SIZES:
        for shift in (0.0, 0.2, 1.0):
            case, y = f"shift {shift:g}", _of(_normal, 1.0, shift)
            for weighted in (False, True):
                full = f"weights, {case}" if weighted else case
                yield Cell("wasserstein2", full, n, n, shift, _of(_normal), y, weighted)
            yield Cell("energy", case, n, n, _energy(shift), _of(_normal), y)
            if shift:
                yield Cell("mean_shift_share", case, n, n, 1.0, _of(_normal), y)
        yield Cell("mean_shift_share", "scale 1.5", n, n, 0.0, _of(_normal), _of(_normal, 1.5))
        both = _of(_normal, 1.5, 0.5)
        gap = 0.5 * math.erf(1.0 / math.sqrt(2.0)) + math.sqrt(2.0 / math.pi) * 0.5 * math.exp(-0.5)
        yield Cell("mean_shift_share", "scale 1.5, shift .5", n, n, 0.5 / gap, _of(_normal), both)
        yield Cell("wasserstein2", "scale 1.5", n, n, 0.5, _of(_normal), _of(_normal, 1.5))
        yield Cell("wasserstein2", "exp 1.5", n, n, 0.5 * math.sqrt(2.0), _of(_exponential),
                   _of(_exponential, 1.5))  # fmt: skip
    for n in SIZES[:2]:
        for shift in (0.0, 0.5):
            y = partial(_cloud, 5, shift)
            truth = shift * _mean_cosine(5)
            case = f"d=5, shift {shift:g}"
            yield Cell("sliced_wasserstein", case, n, n, truth, partial(_cloud, 5, 0.0), y)
            y = partial(_cloud, 3, shift)
            yield Cell("wasserstein1, d=3", case.replace("5", "3", 1), n, n, shift,
                       partial(_cloud, 3, 0.0), y)  # fmt: skip
    for n in SIZES[:2]:
        yield Cell(
            "energy, d=3", "null", n, n, 0.0, partial(_cloud, 3, 0.0), partial(_cloud, 3, 0.0)
        )


def _mean_cosine(d: int) -> float:
    """Mean of |θ_1| over the unit sphere."""
    return math.gamma(0.5 * d) / (math.sqrt(math.pi) * math.gamma(0.5 * (d + 1)))


def _cloud(d: int, shift: float, rng: np.random.Generator, n: int) -> Array:
    points = rng.standard_normal((n, d))
    points[:, 0] += shift
    return points


def _labels(law: Array, rng: np.random.Generator, n: int) -> Array:
    return rng.multinomial(n, law)


def _total_variation(p: Array, q: Array) -> float:
    return 0.5 * float(np.abs(p - q).sum())


@cache
def _tilted(shape: str, k: int, distance: str, target: float) -> tuple[Array, Array]:
    """Laws b exp(-s z) and b exp(s z), normalised, at a given distance; z are shuffled scores."""
    base = np.ones(k) if shape == "even" else 1.0 / np.arange(1.0, k + 1.0)
    scores = np.random.default_rng(k).permutation(np.linspace(-1.0, 1.0, k))
    measure = _total_variation if distance == "total_variation" else js_divergence

    def laws(s: float) -> tuple[Array, Array]:
        p, q = base * np.exp(-s * scores), base * np.exp(s * scores)
        return p / p.sum(), q / q.sum()

    low, high = 0.0, 50.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if measure(*laws(middle)) < target else (low, middle)
    return laws(low)


def _series(shift: float, rng: np.random.Generator, n: int) -> Array:
    """Normal AR(1) of coefficient .9."""
    noise = rng.standard_normal(n + 200)
    return lfilter([math.sqrt(1.0 - 0.81)], [1.0, -0.9], noise)[200:] + shift


def _dependent_cells() -> Iterator[Cell]:
    """Stretches of series, which leave out 9 % of the variance of a mean, and pairs."""
    for shift in (0.0, 0.5):
        case = f"AR .9, blocks of 100, shift {shift:g}"
        x, y = partial(_series, 0.0), partial(_series, shift)
        yield Cell("wasserstein1", case, 5000, 5000, shift, x, y, block=100)
    for n in SIZES[:2]:
        for shift in (0.0, 0.2, 1.0):
            y = _of(_normal, 1.0, shift)
            case = f"pairs of correlation .8, shift {shift:g}"
            yield Cell("wasserstein1", case, n, n, shift, _of(_normal), y, partners=0.8)


def _category_cells() -> Iterator[Cell]:
    targets = {
        "total_variation": (0.0, 0.05, 0.2, 0.5, 0.8),
        "jensen_shannon": (0.0, 0.01, 0.1, 0.3, 0.6),
    }
    for distance, values in targets.items():
        for shape in ("even", "Zipf"):
            for k in (4, 20, 100):
                for n in sorted({*SIZES, 10 * k} - ({2000} if k < 100 else set())):
                    for target in values:
                        p, q = _tilted(shape, k, distance, target)
                        m = n if target != values[2] else 2 * n
                        case = f"K={k}, {shape}, {target:g}"
                        yield Cell(distance, case, n, m, target, partial(_labels, p),
                                   partial(_labels, q), categories=k)  # fmt: skip


def cells() -> list[Cell]:
    """Every cell, in the order that seeds them."""
    return [*_line_cells(), *_other_cells(), *_category_cells(), *_dependent_cells()]


def _interval(cell: Cell, rng: np.random.Generator, method: str | None = None) -> Any:
    x, y = cell.x(rng, cell.n), cell.y(rng, cell.m)
    options: dict[str, Any] = {}
    if cell.weighted:
        options = {"x_weights": rng.uniform(0, 2, cell.n), "y_weights": rng.uniform(0, 2, cell.m)}
    if cell.categories:
        x, y = dict(enumerate(x.tolist())), dict(enumerate(y.tolist()))
    if cell.block:
        numbers = (np.arange(size) // cell.block for size in (cell.n, cell.m))
        options["blocks"] = tuple(side + i * cell.n for i, side in enumerate(numbers))
    if cell.partners:
        options["paired"] = True
        y = y + cell.partners * x - (1.0 - math.sqrt(1.0 - cell.partners**2)) * (y - cell.truth)
    options |= {"distance": cell.distance.partition(",")[0], "method": method, "level": LEVEL}
    return confidence_interval(x, y, n_replicates=REPLICATES, rng=rng, **options)


def measure(index: int, repetitions: int) -> Row:
    """One cell."""
    cell = cells()[index]
    count = max(1, round(repetitions * SHARES.get(cell.distance, 1.0)))
    begin = time.process_time()
    rng = np.random.default_rng([SEED, index])
    found = [_interval(cell, rng) for _ in range(count)]
    seconds = time.process_time() - begin
    room = 1e-12 * max(1.0, cell.truth)
    below = np.mean([i.high < cell.truth - room for i in found])
    above = np.mean([i.low > cell.truth + room for i in found])
    usual = []
    if cell.distance == "wasserstein1" and not (cell.block or cell.partners):
        rng = np.random.default_rng([SEED, index])
        beside = max(1, round(PERCENTILE_SHARE * repetitions))
        usual = [_interval(cell, rng, "percentile") for _ in range(beside)]
    compared = cell.effect >= 1.0 and cell.n >= 200
    return Row(
        distance=cell.distance,
        case=cell.case,
        n=cell.n,
        m=cell.m,
        truth=cell.truth,
        thin=cell.thin,
        least=LEAST_WEIGHTED if cell.weighted and cell.n <= 50 else LEAST,
        repetitions=count,
        coverage=1.0 - float(below + above),
        length=float(np.mean([i.length for i in found])),
        percentile_repetitions=len(usual),
        percentile_coverage=float(np.mean([cell.truth in i for i in usual])) if usual else None,
        percentile_length=float(np.mean([i.length for i in usual])) if usual else None,
        compared=compared,
        seconds=seconds / count,
    )


def coverage(repetitions: int, only: str, jobs: int, write: bool) -> int:
    """Measure all cells, or those whose name holds a text; return how many break a bar."""
    chosen = [i for i, cell in enumerate(cells()) if only in cell.name]
    if not chosen:
        raise SystemExit(f"no cell has {only!r} in its name")
    with ProcessPoolExecutor(jobs) as pool:
        rows = []
        for row in pool.map(partial(measure, repetitions=repetitions), chosen):
            rows.append(row)
            print(_line(row), flush=True)
    faults = [row for row in rows if row.fault]
    if write:
        record(rows)
    print(f"{len(rows)} cells, {len(faults)} break a bar")
    return len(faults)


def record(rows: list[Row]) -> None:
    """Put rows into the record, in place of those of the same cells."""
    kept = {(row["distance"], row["case"], row["n"]): Row(**row) for row in load("coverage")}
    kept |= {(row.distance, row.case, row.n): row for row in rows}
    order = [(cell.distance, cell.case, cell.n) for cell in cells()]
    ordered = [kept[name] for name in order if name in kept]
    save("coverage", [asdict(row) for row in ordered], _table(ordered))
    draw()


_HEAD = [
    "| distance | case | n, m | truth | repetitions | coverage | mean length | "
    "percentile: coverage (length) | µs an interval | |",
    "|---|---|---|---|---|---|---|---|---|---|",
]


def _line(row: Row) -> str:
    usual = ""
    if row.percentile_coverage is not None:
        usual = f"{row.percentile_coverage:.3f} ({row.percentile_length:.3g})"
    size = f"{row.n}" if row.n == row.m else f"{row.n}, {row.m}"
    note = f"**{row.fault}**" if row.fault else "widened" if row.thin else ""
    return (
        f"| {row.distance} | {row.case} | {size} | {row.truth:.4g} | {row.repetitions} | "
        f"{row.coverage:.4f} | {row.length:.3g} | {usual} | {1e6 * row.seconds:.0f} | {note} |"
    )


def _table(rows: list[Row]) -> list[str]:
    faults = sum(bool(row.fault) for row in rows)
    return [
        "# Coverage of the intervals",
        "",
        "`python -m benchmarks coverage` (each row says its repetitions): nominal "
        f"{100 * LEVEL:.0f} %, {REPLICATES} draws an interval, seed {SEED}; {faults} of "
        f"{len(rows)} cells break a bar.",
        f"Bars: {100 * LEAST:.0f} % everywhere ({100 * LEAST_WEIGHTED:.0f} % for weighted rows, "
        f"50 a side), and {LONGEST:g} times the length of percentiles from an effect of one "
        "standard deviation and 200 rows on.",
        "“widened”: fewer than ten rows for each category, where the interval says so itself. The "
        "lower end of W1 in three dimensions is one-sided.",
        "",
        "![coverage](coverage.png)",
        "",
        *_HEAD,
        *map(_line, rows),
    ]


def draw() -> None:
    """The figure: coverage by size, and lengths against percentiles."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = load("coverage")
    names = list(dict.fromkeys(row["distance"] for row in rows))
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), constrained_layout=True)
    jitter = np.random.default_rng(0)
    for name in names:
        some = [row for row in rows if row["distance"] == name and not row["thin"]]
        sizes = [row["n"] * math.exp(0.12 * jitter.standard_normal()) for row in some]
        axes[0].scatter(sizes, [row["coverage"] for row in some], s=14, alpha=0.7, label=name)
    usual = [row for row in rows if row["percentile_coverage"] is not None]
    axes[0].scatter([row["n"] for row in usual], [row["percentile_coverage"] for row in usual],
                    s=14, marker="x", color="0.6", label="percentiles of W1")  # fmt: skip
    axes[0].axhline(LEVEL, color="0.3", linewidth=0.8)
    axes[0].axhline(LEAST, color="0.3", linewidth=0.8, linestyle=":")
    axes[0].set(xscale="log", xlabel="rows of the smaller sample", ylabel="coverage")
    axes[0].legend(fontsize=7, loc="lower right")
    for n, marker in zip(SIZES, "os^", strict=True):
        some = [row for row in usual if row["n"] == n and row["truth"] > 0.0]
        ratios = [row["length"] / row["percentile_length"] for row in some]
        axes[1].scatter([row["truth"] * math.sqrt(n) for row in some], ratios, s=16, marker=marker,
                        label=f"n = {n}")  # fmt: skip
    axes[1].axhline(LONGEST, color="0.3", linewidth=0.8, linestyle=":")
    axes[1].set(xscale="log", xlabel="W1 times the root of n",
                ylabel="mean length over that of percentiles")  # fmt: skip
    axes[1].legend(fontsize=7)
    figure.savefig(RESULTS / "coverage.png", dpi=110)
    plt.close(figure)
