"""`python -m benchmarks laws`: every continuous law of SciPy against four others, every divergence.

A call must give a number or an error of this library, within 20 seconds of processor time, without
a warning. A number is held against the divergence of the masses of bins: no f-divergence is below
that of a binning (data processing), and with many bins it is hardly above.

References
----------
Csiszár, Shields (2004), Information theory and statistics: a tutorial, lemma 4.1,
doi:10.1561/0100000004.
"""

from __future__ import annotations

import math
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache, lru_cache
from typing import Any

import numpy as np
from scipy import stats
from scipy.stats._distr_params import distcont

import otdiv
from otdiv.errors import OtdivError

from .records import save

NEARLY = ("js", "total variation", "hellinger")  # bins of mass 1e-9 lose little of these
SECONDS = 20.0  # processor time granted to one call
PARTNERS = (1, 7, 31, 53)  # how far down the list the four other laws are
BINS = 400  # quantiles of each law that cut the bins, evenly and towards both tails
# A binning loses of the order of 1 / BINS^2 of the value where densities are smooth, much more
# where they are infinite or cross the support of the other law.
LOST = 0.2
LEAST = 1e-9  # mass of a bin, for its rounding error of 1e-16 not to count
ROUNDING = 1e-8  # relative error of the masses that SciPy's cdf gives, for most laws

DIVERGENCES: dict[str, Callable[[Any, Any], float]] = {
    "kl": otdiv.kl_divergence,
    "js": otdiv.js_divergence,
    "total variation": otdiv.total_variation,
    "hellinger": otdiv.hellinger_distance,
    "chi2": otdiv.chi2_divergence,
    "renyi 1/2": lambda p, q: otdiv.renyi_divergence(p, q, alpha=0.5),
}


def families() -> list[tuple[str, Any]]:
    """Return the continuous laws of SciPy at the shapes at which SciPy tests them."""
    return [(f"{name}{shapes}", getattr(stats, name)(*shapes)) for name, shapes in distcont]


def pairs(step: int = 1) -> Iterator[tuple[str, Any, str, Any]]:
    """Each `step`-th law against the four others, with their names."""
    laws = families()
    for i in range(0, len(laws), step):
        for partner in PARTNERS:
            yield (*laws[i], *laws[(i + partner) % len(laws)])


@cache
def _quantiles(law: Any) -> Any:
    levels = np.concatenate([np.arange(1, BINS) / BINS, np.geomspace(1e-30, 1.0 / BINS, 40)])
    slow = time.process_time()
    law.ppf(0.4)
    if time.process_time() - slow > 2e-3:
        levels = levels[::20]
    return np.concatenate([law.ppf(levels), law.isf(levels[-40:])])


def _masses(law: Any, edges: Any) -> Any:
    below, above = law.cdf(edges), law.sf(edges)
    return np.maximum(np.where(below[:-1] < 0.5, np.diff(below), -np.diff(above)), 0.0)


def _merged(p: Any, q: Any, apart: Any, enough: Callable[[Any], float]) -> Any:
    """Merge neighbouring bins until `enough` of both masses is more than a cdf's rounding.

    `apart` says for each bin to which part of the line it belongs: no merging across supports.
    """
    merged = []
    for part in np.unique(apart):
        groups = [[0.0, 0.0]]
        for masses in zip(p[apart == part], q[apart == part], strict=True):
            if enough(groups[-1]) >= LEAST:
                groups.append([0.0, 0.0])
            groups[-1] = [sum(pair) for pair in zip(groups[-1], masses, strict=True)]
        if len(groups) > 1 and enough(groups[-1]) < LEAST:
            lonely = groups.pop()  # too light to stand alone: it goes to its neighbour
            groups[-1] = [sum(pair) for pair in zip(groups[-1], lonely, strict=True)]
        merged += groups
    return np.array(merged).T


@lru_cache(maxsize=2)  # the six divergences of one pair follow each other
def _bins(p: Any, q: Any, enough: Callable[[Any], float]) -> Any:
    """Masses of both laws in the same bins, or None where SciPy's masses do not add up."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ends = np.array([*p.support(), *q.support()], dtype=np.float64)
            edges = np.unique(np.concatenate([_quantiles(p), _quantiles(q), ends]))
            apart = np.searchsorted(np.sort(ends), edges[:-1], side="right")
            masses = _merged(*(_masses(law, edges) for law in (p, q)), apart, enough)
    except Exception:  # SciPy's own faults are not the subject
        return None
    totals = masses.sum(axis=1, keepdims=True)
    return masses / totals if (np.abs(totals - 1.0) <= ROUNDING).all() else None


def binned(name: str, p: Any, q: Any) -> float:
    """Divergence of the masses of bins, or NaN where there are none."""
    # The bounded ones do not mind the rounding of a mass beside a large one.
    masses = _bins(p, q, max if name in NEARLY else min)
    return math.nan if masses is None else float(DIVERGENCES[name](*masses))


def judge(name: str, p: Any, q: Any) -> dict[str, Any]:
    """Call one divergence and say what came of it."""
    begin = time.process_time()
    row: dict[str, Any] = {"divergence": name, "value": None, "error": "", "fault": ""}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            row["value"] = float(DIVERGENCES[name](p, q))
        except OtdivError as error:
            row["error"] = f"{type(error).__name__}: {error}"
        except Exception as error:
            row["fault"] = f"raises {type(error).__name__}: {error}"
    row["seconds"] = time.process_time() - begin
    if caught:
        row["fault"] = f"warns: {caught[0].message}"
    if row["seconds"] > SECONDS:
        row["fault"] = f"takes {row['seconds']:.0f} s"
    if row["value"] is None:
        return row
    bound = row["bins"] = binned(name, p, q)
    value = row["value"]
    if math.isnan(value):
        row["fault"] = "is NaN"
    elif value < bound * (1.0 - ROUNDING) - ROUNDING:
        row["fault"] = "is below the divergence of its bins"
    elif name in NEARLY and value > bound and value > bound * (1.0 + LOST) + 1e-3:
        row["fault"] = "is far above the divergence of its bins"
    return row


def _judge_law(number: int) -> list[dict[str, Any]]:
    """Judge every divergence of one law, by its number in the list, from the four others."""
    laws = families()
    first, p = laws[number]
    rows = []
    for partner in PARTNERS:
        second, q = laws[(number + partner) % len(laws)]
        rows += [{"p": first, "q": second} | judge(name, p, q) for name in DIVERGENCES]
    return rows


def sweep_divergences(step: int = 1, jobs: int = 1) -> list[dict[str, Any]]:
    """Judge every divergence of each `step`-th law, in `jobs` processes."""
    numbers = range(0, len(families()), step)
    if jobs == 1:
        return [row for number in numbers for row in _judge_law(number)]
    with ProcessPoolExecutor(jobs) as pool:
        return [row for rows in pool.map(_judge_law, numbers) for row in rows]


def _kind(error: str) -> str:
    """Return an error without what differs from case to case."""
    words = [word for word in error.split() if not any(c.isdigit() or c == "`" for c in word)]
    return " ".join(words[:14])


def _table(rows: list[dict[str, Any]], step: int) -> list[str]:
    which = "Each law" if step == 1 else f"Every law whose number is a multiple of {step}"
    lines = ["# Divergences of the continuous laws of SciPy", ""]
    lines += [f"{which} against four others: `python -m benchmarks laws --every {step}`.", ""]
    lines += ["| divergence | calls | values | infinite | errors | faults | slowest, s |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for name in DIVERGENCES:
        mine = [row for row in rows if row["divergence"] == name]
        values = [row["value"] for row in mine if row["value"] is not None]
        lines.append(
            f"| {name} | {len(mine)} | {len(values)} | {sum(map(math.isinf, values))} "
            f"| {sum(bool(row['error']) for row in mine)} "
            f"| {sum(bool(row['fault']) for row in mine)} "
            f"| {max(row['seconds'] for row in mine):.1f} |"
        )
    seconds = sum(row["seconds"] for row in rows)
    lines += ["", f"{len(rows)} calls took {seconds:.0f} s of processor time.", "", "## Errors", ""]
    kinds = Counter(_kind(row["error"]) for row in rows if row["error"])
    lines += [f"- {count} × {kind}" for kind, count in kinds.most_common()] or ["None."]
    lines += ["", "## Faults", ""]
    lines += [
        f"- {row['divergence']} of {row['p']} and {row['q']}: {row['value']} {row['fault']} "
        f"({row.get('bins')})"
        for row in rows
        if row["fault"]
    ] or ["None."]
    return lines


def run_divergences(step: int, jobs: int, write: bool) -> int:
    """Sweep, print and record; return the exit code: 3 where there is a fault."""
    rows = sweep_divergences(step, jobs)
    lines = _table(rows, step)
    print("\n".join(lines))
    if write:
        # A row that is as it should be needs no record.
        save("laws", [row for row in rows if row["error"] or row["fault"]], lines)
    return 3 if any(row["fault"] for row in rows) else 0
