"""Table reports without tables: what words, terminals and figures are tested with."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from otdiv.tables import (
    ColumnComparison,
    Driver,
    Evidence,
    Frequencies,
    JointComparison,
    MissingComparison,
    NoiseFloor,
    QuantileMove,
    TableReport,
    Verdict,
)

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def evidence(verdict=Verdict.DIFFERS, low=1.0, high=3.0, p=0.001, **fields):
    """What the rows say of an effect."""
    given = {"n_draws": 999, "at_most": high, "p_adjusted": p} | fields
    return Evidence(p_value=p, low=low, high=high, verdict=verdict, **given)


def quantiles(*moves, start=10.0):
    """Five quantiles that stood at `start`, `start` + 1, … and moved so far."""
    return tuple(
        QuantileMove(level=level, a=start + place, b=start + place + move, difference=move)
        for place, (level, move) in enumerate(zip(LEVELS, moves, strict=True))
    )


def shares(**both):
    """Frequencies of categories from `label=(share of A, share of B)`, as they are given."""
    a, b = (np.array([pair[side] for pair in both.values()]) for side in (0, 1))
    return Frequencies(labels=tuple(both), a=a, b=b)


def missing(rate_a, rate_b, verdict=Verdict.DIFFERS, **fields):
    """Rates of missing values and what is said of them."""
    return {
        "missing_rate_a": rate_a,
        "missing_rate_b": rate_b,
        "missing": MissingComparison(
            rate_a=rate_a, rate_b=rate_b, evidence=evidence(verdict, **fields)
        ),
    }


def row(column="x", verdict=Verdict.DIFFERS, **fields):
    """A column of numbers whose W1 is 2, unless the fields say otherwise."""
    given = {
        "kind": "numbers",
        "n_a": 100,
        "n_b": 100,
        "missing_a": 0,
        "missing_b": 0,
        "missing_rate_a": 0.0,
        "missing_rate_b": 0.0,
        "effect": 2.0,
        "kind_a": "numbers",
        "kind_b": "numbers",
    }
    if verdict is not None:
        given["evidence"] = evidence(verdict)
    return ColumnComparison(column=column, **given | fields)


def category(column="c", verdict=Verdict.DIFFERS, **fields):
    """A column of categories whose total variation is 20 %."""
    given = {"kind": "categories", "kind_a": "categories", "kind_b": "categories", "effect": 0.2}
    return row(column, verdict, **given | fields)


def report(*rows, **fields):
    """A report of rows that stand in their order."""
    given = {
        "joint": None,
        "name_a": "a",
        "name_b": "b",
        "rows_a": 100,
        "rows_b": 100,
        "only_a": (),
        "only_b": (),
        "weights": None,
        "level": 0.95,
        "correction": "bh",
        "n_permutations": 9999,
        "exchanged": "rows",
        "missing_tolerance": None,
        "backend": "pyarrow",
    }
    return TableReport(rows=rows, **given | fields)


WORDS = st.text(
    st.sampled_from("ab_ .%/≠→日本🙂é\u0301\u200d\ufe0f\x1b\n\t|<`*") | st.characters(), max_size=60
)
NUMBERS = st.floats(0.0, 1e300) | st.sampled_from([0.0, 1e-5, 11.749, 1234567.8, float("inf")])
SHARES = st.floats(0.0, 1.0)
VERDICTS = st.sampled_from(list(Verdict))


@st.composite
def evidences(draw):
    """Any p-value, interval and verdict."""
    low, high = sorted((draw(NUMBERS), draw(NUMBERS)))
    return evidence(
        draw(VERDICTS),
        low=low,
        high=high,
        p=draw(SHARES),
        tolerance=draw(st.none() | NUMBERS),
        is_limited=draw(st.booleans()),
        notes=tuple(draw(st.lists(st.just("rows are few: a note"), max_size=1))),
    )


@st.composite
def rows(draw):
    """Any row: of numbers, of categories, failed, left out, or not tested."""
    name = draw(WORDS)
    if draw(st.integers(0, 9)) == 0:
        return row(name, None, effect=None, error=draw(WORDS))
    if draw(st.integers(0, 9)) == 0:
        return row(name, None, effect=None, left_out=draw(st.sampled_from(["identifiers"])))
    found = {"evidence": draw(st.none() | evidences())}
    if draw(st.booleans()):
        rates = draw(SHARES), draw(SHARES)
        found |= missing(*rates, draw(VERDICTS), tolerance=draw(st.none() | SHARES))
    if draw(st.booleans()):
        noise = draw(NUMBERS)
        found["noise"] = NoiseFloor(
            median=noise, percentile_95=noise, values=np.zeros(1), n_draws=9, sizes=(9, 9)
        )
    if draw(st.booleans()):
        labels = draw(st.lists(WORDS, min_size=1, max_size=6, unique=True))
        a, b = (draw(st.lists(SHARES, min_size=6, max_size=6))[: len(labels)] for _ in "ab")
        frequencies = Frequencies(labels=tuple(labels), a=np.array(a), b=np.array(b))
        found |= {"effect": draw(SHARES), "js_divergence": 0.1, "distributions": frequencies}
        return category(name, None, **found)
    moves = [draw(st.floats(-1e9, 1e9) | st.just(0.0)) for _ in LEVELS]
    found |= {
        "effect": draw(NUMBERS),
        "unit": draw(st.none() | WORDS),
        "standardized": draw(st.none() | NUMBERS),
        "mean_difference": draw(st.floats(-1e300, 1e300)),
        "shift_share": draw(SHARES),
        "quantiles": quantiles(*moves),
        "neighbours": draw(st.none() | st.floats(-1.0, 1.0)),
    }
    return row(name, None, **found)


@st.composite
def joints(draw):
    """Any joint comparison."""
    names = draw(st.lists(WORDS, min_size=2, max_size=8))
    return JointComparison(
        columns=tuple(names),
        n_a=10,
        n_b=10**9,
        n_projections=100,
        sample_a=10,
        sample_b=10_000,
        effect=draw(st.none() | NUMBERS),
        standard_error=0.1,
        evidence=draw(st.none() | evidences()),
        drivers=tuple(Driver(column=name, share=1.0 / len(names)) for name in names),
        driver_rows=(10, 2000),
        error="no row of A has all of these columns",
    )


@st.composite
def reports(draw):
    """Any report, with names of all scripts."""
    sides = {
        "name_a": draw(WORDS),
        "name_b": draw(WORDS),
        "rows_a": draw(st.integers(1, 10**12)),
        "only_a": tuple(draw(st.lists(WORDS, max_size=3))),
        "weights": draw(st.none() | WORDS),
        "joint": draw(st.none() | joints()),
        "correction": draw(st.sampled_from(["bh", "by", "holm", "none"])),
        "level": draw(st.sampled_from([0.5, 0.95, 0.999])),
        "n_permutations": draw(st.sampled_from([0, 9999])),
    }
    return report(*draw(st.lists(rows(), min_size=1, max_size=6)), **sides)
