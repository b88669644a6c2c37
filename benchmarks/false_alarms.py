"""`python -m benchmarks false_alarms`: how often comparisons of one law say that it differs.

Both tables of a pair are drawn from the same laws, so each "differs" is a false alarm. Counted are
columns that are flagged by themselves, of which 5 % may be, and reports that say "differs" of any
column after control, of which 5 % may, both beyond chance. Series whose rows follow each other are
compared with and without blocks; without, rows are no draws of anything and alarms are no fault.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy import stats
from scipy.signal import lfilter

from otdiv import compare_tables

from .records import load, save
from .verdicts import BY_VERDICT, LEVEL, MISSING, VALUES, judgements

NAME = "false_alarms"
# Most that may be flagged of columns by themselves; chance is added where there are few.
HIGHEST = 0.058
# Probability that a share of 5 % stays within the limit of chance; by taste.
SURE = 0.99
COPIES = 40
# What is missing of the columns of each round of laws.
MISSING_RATES = (0.0, 0.1, 0.005, 0.0)
# Coefficient of the series, their number, the rows of a side and of a block. Neighbouring rows
# forget each other over about (1 + c) / (1 - c) = 99 of them, a twentieth of a block.
COEFFICIENT, N_SERIES, SERIES_ROWS, BLOCK_ROWS = 0.98, 20, 40_000, 2000

Rng = np.random.Generator
Draw = Callable[[Rng, int], Any]


def _categories(k: int) -> Draw:
    """`k` words, the i-th of them 1 / i as frequent as the first: many have rare ones."""
    shares = 1.0 / np.arange(1, k + 1)
    shares /= shares.sum()
    return lambda rng, n: rng.choice(k, size=n, p=shares)


LAWS: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "exponential": lambda rng, n: rng.exponential(size=n),
    "t with 3 degrees": lambda rng, n: rng.standard_t(3, size=n),
    "lognormal": lambda rng, n: rng.lognormal(size=n),
    "normal, rounded": lambda rng, n: np.round(rng.normal(size=n), 1),
    "integers up to 5": lambda rng, n: rng.binomial(5, 0.3, size=n).astype(float),
    "uniform": lambda rng, n: rng.uniform(size=n),
    "2 categories": _categories(2),
    "5 categories": _categories(5),
    "20 categories": _categories(20),
    "100 categories": _categories(100),
    "booleans": lambda rng, n: rng.random(n) < 0.3,
}


def laws() -> Iterator[tuple[str, str, float]]:
    """Name, law and rate of missing values of every column."""
    for place in range(COPIES):
        turn, law = place // len(LAWS), list(LAWS)[place % len(LAWS)]
        yield f"{law}, {turn}", law, MISSING_RATES[turn]


def table(rng: Rng, n: int) -> Any:
    """`n` rows of all laws as a data frame."""
    import pandas as pd

    columns = {}
    for name, law, rate in laws():
        values = LAWS[law](rng, n)
        gone = rng.random(n) < rate
        if values.dtype.kind == "f":
            columns[name] = np.where(gone, np.nan, values)
        elif values.dtype.kind == "b":
            columns[name] = pd.arrays.BooleanArray(values, gone)
        else:
            words = [f"word {code}" for code in range(int(law.split()[0]))]
            columns[name] = pd.Categorical.from_codes(np.where(gone, -1, values), words)
    return pd.DataFrame(columns)


def series(rng: Rng, n: int) -> dict[str, Any]:
    """Stationary series of unit innovations, independent of each other."""
    found = {}
    for place in range(N_SERIES):
        noise = rng.normal(size=n)
        noise[0] /= (1.0 - COEFFICIENT**2) ** 0.5
        found[f"series {place}"] = lfilter([1.0], [1.0, -COEFFICIENT], noise)
    return found


@dataclass(frozen=True, kw_only=True)
class Case:
    """Two tables of one law, and how many rows they have."""

    name: str
    sizes: tuple[int, int]
    draw: Callable[[Rng, int], Any] = table
    block: int | None = None
    honest: bool = True


CASES = (
    Case(name="100,000 and 200 rows", sizes=(100_000, 200)),
    Case(name="200 and 100,000 rows", sizes=(200, 100_000)),
    Case(name="1000 and 1000 rows", sizes=(1000, 1000)),
    Case(
        name="series, in blocks",
        sizes=(SERIES_ROWS, SERIES_ROWS),
        draw=series,
        block=BLOCK_ROWS,
    ),
    Case(name="series, row by row", sizes=(SERIES_ROWS, SERIES_ROWS), draw=series, honest=False),
)


def options_of(case: Case) -> dict[str, Any]:
    """Keywords of the comparison."""
    return {} if case.block is None else {"blocks": case.block}


def one(repetition: int, *, number: int, seed: int) -> Counter[tuple[str, ...]]:
    """Counts of one pair of tables of a case, whatever process draws it."""
    case = CASES[number]
    rng = np.random.default_rng([seed, number, repetition])
    a, b = (case.draw(rng, n) for n in case.sizes)
    report = compare_tables(a, b, rng=int(rng.integers(2**31)), **options_of(case))
    counts: Counter[tuple[str, ...]] = Counter()
    differs = False
    for found in judgements(report):
        law = found.column.rpartition(", ")[0] or "series"
        what = law if found.part == VALUES else MISSING
        counts["asked", found.part, what] += 1
        counts["flagged", found.part, what] += found.flagged
        counts["rule", found.rule] += 1
        differs |= found.differs
    counts["reports",] += 1
    counts["alarms",] += differs
    counts["failed",] += sum(row.error is not None for row in report.rows)
    return counts


@dataclass(frozen=True, kw_only=True)
class Row:
    """What a case counted: by law, [flagged, asked]."""

    case: str
    seed: int
    repetitions: int
    alarms: int
    failed: int
    by_law: dict[str, list[int]]
    cpu_seconds: float
    fault: str = ""
    note: str = ""

    def total(self, part: str) -> tuple[int, int]:
        """Flagged and asked of the values, or of the missing values, of all columns."""
        chosen = [c for law, c in self.by_law.items() if (law == MISSING) == (part == MISSING)]
        return sum(c[0] for c in chosen), sum(c[1] for c in chosen)


def limit(n: int, share: float = LEVEL) -> int:
    """The most that `n` have, where each has it with this probability, with probability `SURE`."""
    return int(stats.binom.ppf(SURE, n, share))


def highest(n: int) -> float:
    """Largest share of `n` columns that is no fault."""
    return max(HIGHEST, limit(n) / n) if n else 0.0


def fault_of(row: Row, honest: bool) -> str:
    """Which bar a case breaks."""
    faults = []
    if row.failed:
        faults.append(f"{row.failed} columns failed")
    if honest:
        for part in (VALUES, MISSING):
            flagged, asked = row.total(part)
            if flagged > highest(asked) * asked:
                faults.append(f"too many columns ({part})")
        if row.alarms > limit(row.repetitions):
            faults.append("too many reports")
    return "; ".join(faults)


def measure(
    number: int, repetitions: int, seed: int, seconds: float, answers: Callable[..., Any], jobs: int
) -> Row:
    """Pairs of one case, until there are enough or time is over (then at least one a process)."""
    case = CASES[number]
    row = Row(
        case=case.name, seed=seed, repetitions=0, alarms=0, failed=0, by_law={}, cpu_seconds=0.0
    )
    counts: Counter[tuple[str, ...]] = Counter()
    begun, done = time.perf_counter(), 0
    ask = partial(timed, number=number, seed=seed)
    cpu = 0.0
    while done < repetitions and (not done or time.perf_counter() - begun < seconds):
        chunk = range(done, min(done + jobs, repetitions))
        for found, spent in answers(ask, chunk):
            counts.update(found)
            cpu += spent
        done = chunk.stop
    by_law = {
        law: [counts["flagged", part, law], asked]
        for (what, part, law), asked in sorted(k for k in counts.items() if len(k[0]) == 3)
        if what == "asked"
    }
    notes = [] if done == repetitions else [f"time was over after {done} of {repetitions}"]
    notes += sorted(key[1] for key in counts if key[0] == "rule" and key[1] != BY_VERDICT)
    row = _with(
        row,
        repetitions=done,
        alarms=counts["alarms",],
        failed=counts["failed",],
        by_law=by_law,
        cpu_seconds=round(cpu / done, 3),
        note="; ".join(notes),
    )
    return _with(row, fault=fault_of(row, case.honest))


def timed(repetition: int, *, number: int, seed: int) -> tuple[Counter[tuple[str, ...]], float]:
    """Counts, and the CPU seconds that they took with the drawing."""
    begun = time.process_time()
    found = one(repetition, number=number, seed=seed)
    return found, time.process_time() - begun


def _with(row: Row, **changes: Any) -> Row:
    return Row(**(asdict(row) | changes))


def false_alarms(
    *, repetitions: int, minutes: float, seed: int, only: str, jobs: int, write: bool
) -> int:
    """Measure, print and record all cases; return how many break a bar."""
    chosen = [number for number, case in enumerate(CASES) if only in case.name]
    if not chosen:
        raise SystemExit(f"no case has {only!r} in its name")
    end = time.perf_counter() + 60.0 * minutes
    rows = []
    with ProcessPoolExecutor(jobs) as pool:
        answers = map if jobs == 1 else pool.map
        for place, number in enumerate(chosen):
            seconds = (end - time.perf_counter()) / (len(chosen) - place)
            row = measure(number, repetitions, seed, seconds, answers, jobs)
            rows.append(row)
            print(_line(row), flush=True)
    if write:
        kept = {row["case"]: Row(**row) for row in load(NAME)} | {row.case: row for row in rows}
        ordered = [kept[case.name] for case in CASES if case.name in kept]
        save(NAME, [asdict(row) for row in ordered], page(ordered))
    faults = sum(bool(row.fault) for row in rows)
    print(f"{len(rows)} cases, {faults} break a bar")
    return faults


def page(rows: list[Row]) -> list[str]:
    """The cases, then the laws of their columns."""
    asked = [row for row in rows if row.repetitions]
    lines = [
        "# False alarms of comparisons of tables",
        "",
        "`python -m benchmarks false_alarms` (each row says its pairs of tables): "
        f"`compare_tables` of two tables of one law, of {COPIES} columns, or of {N_SERIES} series "
        f"x' = {COEFFICIENT:g} x + noise, {SERIES_ROWS:,} rows a side, in blocks of "
        f"{BLOCK_ROWS:,}.",
        "",
        f"A column is flagged where p <= {LEVEL:g} by itself; a report alarms where it says of any "
        f"column, or of its missing values, that it differs. Bars: {100 * HIGHEST:g} % of the "
        f"columns or, of few, what chance leaves below with {100 * SURE:g} % if each is flagged "
        f"with {100 * LEVEL:g} %; of the reports the same limit of chance. Series taken row by row "
        "have no bar: their rows are no independent draws.",
        "",
        "| case | pairs | columns flagged | missing rates flagged | reports that alarm | limit "
        "| CPU s a pair | |",
        "|---|---|---|---|---|---|---|---|",
        *map(_line, rows),
    ]
    names = list(dict.fromkeys(law for row in asked for law in row.by_law))
    if names:
        lines += ["", "Columns flagged, by law:", ""]
        lines += [
            f"| law | {' | '.join(row.case for row in asked)} |",
            "|---" * (len(asked) + 1) + "|",
        ]
        for law in names:
            cells = [_share(*row.by_law[law]) if law in row.by_law else "–" for row in asked]
            lines.append(f"| {law} | {' | '.join(cells)} |")
    return lines


def _share(flagged: int, asked: int) -> str:
    return f"{100.0 * flagged / asked:.2f} % of {asked:,}" if asked else "–"


def _line(row: Row) -> str:
    note = "; ".join(filter(None, (f"**{row.fault}**" if row.fault else "", row.note)))
    cells = [
        row.case,
        f"{row.repetitions}",
        _share(*row.total(VALUES)),
        _share(*row.total(MISSING)),
        f"{row.alarms}" if row.repetitions else "–",
        f"{limit(row.repetitions)}" if row.repetitions else "–",
        f"{row.cpu_seconds:.3g}",
        note,
    ]
    return f"| {' | '.join(cells)} |"
