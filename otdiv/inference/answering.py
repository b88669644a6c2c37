"""Which statistic is computed how: what a caller asks, checked, and the nulls that answer it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._labels import check_labels, labels_of
from .._monitor import Monitor
from .._naming import did_you_mean
from .._typing import FloatArray
from .._validation import (
    as_generator,
    as_number,
    as_real_array,
    check_callback,
    check_choice,
    check_positive,
    check_positive_integer,
    describe,
    first_index,
)
from ..costs import as_metric
from ..errors import InvalidInputError, UnsupportedProblemError
from .category_statistics import (
    CATEGORICAL,
    CategoryStatistic,
    category_rounding,
    category_values,
    dealt_tables,
)
from .cloud_statistics import SlicedStatistic, energy_form, kernel_form
from .line_statistics import WALKED, OrderedPool, PowerStatistic, WalkStatistics, tail_ratio
from .nulls import BlockStatistic, Null, block_null, relabelled_null
from .pooling import (
    Pool,
    as_codes,
    as_pair_codes,
    as_pool,
    as_pooled_weights,
    as_row_codes,
    check_pairs,
)
from .relabelling import LANES, Relabelling
from .transport_statistics import TransportStatistic, transport_null

__all__ = ["STATISTICS", "Answer", "Question", "answers_of", "as_question"]

STATISTICS = (
    *WALKED,
    "wasserstein2",
    "wasserstein",
    "sliced_wasserstein",
    "maximum_mean_discrepancy",
    *CATEGORICAL,
)
_WASSERSTEIN = ("wasserstein1", "wasserstein2", "wasserstein")

# Spread of the central 99 % over that of the central half beyond which tails are called heavy: 3.8
# for a normal law, 4.8 for an exponential one, 6.6 for Laplace's and 7.6 for Student's with three
# degrees, where W1 has lost to the energy distance; by taste.
_HEAVY = 6.0
# Mean weights of two samples farther apart than this are mostly in two units; by taste.
_UNEQUAL = 4.0
# Strata of counts that are dealt one by one; more of them are relabelled row by row. By taste.
_FEW_STRATA = 64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Question:
    """What a caller asks, checked: statistics, numbers and the options of single statistics."""

    names: tuple[str, ...]
    n_permutations: int
    seed: int
    rng: np.random.Generator
    n_jobs: int
    monitor: Monitor
    metric: Any
    p: float | None
    kernel: str
    bandwidth: float | None
    n_projections: int
    to_the_end: bool = False


def _as_names(statistic: Any) -> tuple[str, ...]:
    """Names of the statistics, each of them known and once."""
    names = (statistic,) if isinstance(statistic, str) else statistic
    if not isinstance(names, list | tuple) or not names:
        requirement = "be the name of a statistic, or a list of names"
        raise InvalidInputError("statistic", requirement, describe(statistic))
    for name in names:
        if not isinstance(name, str) or name not in STATISTICS:
            near = did_you_mean(name, STATISTICS) if isinstance(name, str) else ""
            listed = ", ".join(map(repr, STATISTICS))
            requirement = f"be one of {listed}"
            raise InvalidInputError("statistic", requirement, describe(name), near.strip())
    if len(set(names)) < len(names):
        raise InvalidInputError("statistic", "name each statistic once", describe(statistic))
    return tuple(names)


def as_question(
    statistic: Any,
    n_permutations: Any,
    rng: Any,
    n_jobs: Any,
    callback: Any,
    metric: Any,
    p: Any,
    kernel: Any,
    bandwidth: Any,
    n_projections: Any,
) -> Question:
    """Check the options of a test, and draw its seed."""
    names = _as_names(statistic)
    check_callback(callback)
    used = {
        "p": (p, ("wasserstein",)),
        "kernel": (kernel, ("maximum_mean_discrepancy",)),
        "bandwidth": (bandwidth, ("maximum_mean_discrepancy",)),
        "n_projections": (n_projections, ("sliced_wasserstein",)),
    }
    for option, (value, users) in used.items():
        if value is not None and not set(users) & set(names):
            requirement = f'be left out: only statistic="{users[0]}" looks at it'
            raise InvalidInputError(option, requirement, describe(value))
    if "wasserstein" in names and p is None:
        raise InvalidInputError("p", 'be given with statistic="wasserstein"')
    if p is not None:
        p = as_number("p", p, "be a finite real number of at least 1")
        if not 1.0 <= p < math.inf:
            raise InvalidInputError("p", "be at least 1 and finite", p)
    generator = as_generator(rng)
    return Question(
        names=names,
        n_permutations=check_positive_integer("n_permutations", n_permutations),
        seed=int(generator.integers(2**63)),
        rng=generator,
        n_jobs=check_positive_integer("n_jobs", n_jobs),
        monitor=Monitor(callback=callback),
        metric=as_metric(metric),
        p=p,
        kernel=check_choice("kernel", "gaussian" if kernel is None else kernel, _KERNELS),
        bandwidth=None if bandwidth is None else check_positive("bandwidth", bandwidth),
        n_projections=check_positive_integer(
            "n_projections", 100 if n_projections is None else n_projections
        ),
    )


_KERNELS = ("gaussian", "laplace")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answer:
    """One statistic: its null as compared, which row of it, and in the reported unit."""

    null: Null
    row: int
    value: float
    values: FloatArray
    notes: tuple[str, ...]


def _relabelling(
    samples: Mapping[str, Any], sizes: tuple[int, ...], blocks: Any, strata: Any, paired: Any
) -> Relabelling:
    """Which rows are exchanged for which."""
    if not check_pairs(paired, samples, sizes):
        return Relabelling.of_rows(
            sizes,
            blocks=None if blocks is None else as_row_codes("blocks", blocks, samples, sizes),
            strata=None if strata is None else as_row_codes("strata", strata, samples, sizes),
        )
    if strata is not None:
        requirement = "be None where `paired` is set: a pair is exchanged within itself"
        raise InvalidInputError("strata", requirement, describe(strata))
    if blocks is None:
        return Relabelling.of_pairs(sizes[0])
    return Relabelling.of_pairs(sizes[0], as_pair_codes(blocks, sizes[0]))


def _weight_notes(weights: FloatArray | None, sizes: tuple[int, ...]) -> tuple[str, ...]:
    if weights is None:
        return ()
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    means = np.add.reduceat(weights, first) / sizes
    if float(means.max()) <= _UNEQUAL * float(means.min()):
        return ()
    return (
        "The mean weights of the samples differ by a factor of "
        f"{float(means.max() / means.min()):.3g}: weights travel with their rows, so they must be "
        "in one unit, and their law the same where the samples' is.",
    )


def answers_of(
    question: Question,
    samples: Mapping[str, Any],
    weights: Sequence[Any],
    *,
    blocks: Any,
    strata: Any,
    paired: Any,
    counts: Any,
) -> tuple[dict[str, Answer], tuple[int, ...]]:
    """Every statistic that is asked, and the numbers of rows."""
    if not isinstance(counts, bool | np.bool_):
        raise InvalidInputError("counts", "be True or False", describe(counts))
    categorical = [name for name in question.names if name in CATEGORICAL]
    if categorical and len(categorical) < len(question.names):
        other = next(name for name in question.names if name not in CATEGORICAL)
        requirement = "be of categories or of numbers, not of both at once"
        raise InvalidInputError("statistic", requirement, f"{categorical[0]!r} and {other!r}")
    if counts and not categorical:
        requirement = f"be left out: only {', '.join(CATEGORICAL)} compare counts"
        raise InvalidInputError("counts", requirement, True)
    if categorical and counts:
        options = {"weights": [side for side in weights if side is not None] or None}
        options |= {"blocks": blocks, "strata": strata, "paired": paired or None}
        for option, value in options.items():
            if value is not None:
                requirement = "be left out where `counts` is set: counts have no rows"
                raise InvalidInputError(option, requirement, describe(value))
        return _of_counts(question, samples)
    if categorical:
        return _of_categories(question, samples, weights, blocks, strata, paired)
    return _of_numbers(question, samples, weights, blocks, strata, paired)


def _of_counts(
    question: Question, samples: Mapping[str, Any]
) -> tuple[dict[str, Answer], tuple[int, ...]]:
    """Statistics of vectors of counts over common categories."""
    rows = []
    first, given = next(iter(samples.items()))
    for name, value in samples.items():
        check_labels(name, labels_of(value)[0], first, labels_of(given)[0])
        array = as_real_array(name, value)
        if array.ndim != 1 or array.size == 0:
            raise InvalidInputError(name, "be a vector of counts", f"shape {array.shape}")
        whole = np.array([float(v) for v in array.flat])
        bad = ~((whole >= 0.0) & (whole <= 2.0**40) & (whole == np.floor(whole)))
        if bad.any():
            requirement = "hold whole numbers from 0 to 2**40 where `counts` is set"
            raise InvalidInputError(name, requirement, float(whole[bad][0]), first_index(bad))
        if not whole.any():
            raise InvalidInputError(name, "have a positive sum", 0.0)
        rows.append(whole)
        if whole.size != rows[0].size:
            requirement = f"have {rows[0].size} entries like `{first}`"
            raise InvalidInputError(name, requirement, whole.size)
    table = np.array(rows)
    return _of_tables(question, [table[:, table.any(axis=0)]])


def _of_categories(
    question: Question,
    samples: Mapping[str, Any],
    weights: Sequence[Any],
    blocks: Any,
    strata: Any,
    paired: Any,
) -> tuple[dict[str, Answer], tuple[int, ...]]:
    """Statistics of sequences of labels."""
    codes, n_categories = as_codes(samples)
    sizes = tuple(part.size for part in codes)
    masses = as_pooled_weights(samples, weights, sizes)
    relabelling = _relabelling(samples, sizes, blocks, strata, paired)
    pooled = np.concatenate(codes)
    every = relabelling.is_countable(question.n_permutations)
    plain = masses is None and blocks is None and not paired and not every
    if plain and len(relabelling.starts) - 1 <= _FEW_STRATA:
        units = relabelling.unit_of_row
        stratum = (
            np.zeros(pooled.size, np.int64)
            if units is None
            else np.searchsorted(relabelling.starts, units, side="right") - 1
        )
        shape = (len(relabelling.starts) - 1, len(sizes), n_categories)
        tables = np.zeros(shape)
        np.add.at(tables, (stratum, relabelling.labels, pooled), 1.0)
        return _of_tables(question, list(tables))
    statistic = CategoryStatistic(question.names, pooled, n_categories, sizes, masses)
    notes = _weight_notes(masses, sizes)
    return _evaluated(question, statistic, relabelling, notes), sizes


def _of_tables(
    question: Question, strata: list[FloatArray]
) -> tuple[dict[str, Answer], tuple[int, ...]]:
    """Statistics of tables (k, K) of counts, one a stratum."""
    table = np.sum(strata, axis=0)
    sizes = tuple(int(size) for size in table.sum(axis=1))
    names, n_rows = question.names, sum(sizes)
    if n_rows >= 10**9:
        raise UnsupportedProblemError(
            f"{n_rows} rows are more than the 1e9 that the test of categories deals"
        )
    if len(strata) == 1:
        relabelling = Relabelling.of_rows(sizes) if n_rows < 64 else None
        if relabelling is not None and relabelling.is_countable(question.n_permutations):
            codes = [np.repeat(np.arange(table.shape[1]), row.astype(np.int64)) for row in table]
            statistic = CategoryStatistic(names, np.concatenate(codes), table.shape[1], sizes, None)
            return _evaluated(question, statistic, relabelling, ()), sizes
    null = block_null(
        lambda block: category_values(names, dealt_tables(strata, question.seed, block), n_rows),
        category_values(names, table[None], n_rows)[:, 0],
        category_rounding(names, n_rows),
        width=LANES,
        n_permutations=question.n_permutations,
        n_jobs=question.n_jobs,
        monitor=question.monitor,
        every=False,
    )
    answers = {
        name: Answer(
            null=null, row=i, value=float(null.observed[i]), values=null.values[i], notes=()
        )
        for i, name in enumerate(names)
    }
    return answers, sizes


def _evaluated(
    question: Question,
    statistic: BlockStatistic,
    relabelling: Relabelling,
    notes: tuple[str, ...],
) -> dict[str, Answer]:
    """Run a statistic over the relabellings, and bring its numbers into their units."""
    every = relabelling.is_countable(question.n_permutations)
    null = relabelled_null(
        statistic,
        relabelling,
        n_permutations=relabelling.count() if every else question.n_permutations,
        seed=question.seed,
        n_jobs=question.n_jobs,
        monitor=question.monitor,
        every=every,
    )
    # A distance between the ends of the floats may be beyond them.
    with np.errstate(over="ignore"):
        return {
            name: Answer(
                null=null,
                row=i,
                value=float(statistic.finish(name, null.observed[i : i + 1])[0]),
                values=statistic.finish(name, null.values[i]),
                notes=notes,
            )
            for i, name in enumerate(statistic.names)
        }


def _of_numbers(
    question: Question,
    samples: Mapping[str, Any],
    weights: Sequence[Any],
    blocks: Any,
    strata: Any,
    paired: Any,
) -> tuple[dict[str, Answer], tuple[int, ...]]:
    """Statistics of points: one walk on the line, and each of the others on its own."""
    pool = as_pool(samples, weights)
    relabelling = _relabelling(samples, pool.sizes, blocks, strata, paired)
    on_line = pool.points.ndim == 1
    notes = _weight_notes(pool.weights, pool.sizes)
    found: dict[str, Answer] = {}
    ordered = OrderedPool.of(pool) if on_line else None
    walked = tuple(name for name in question.names if name in WALKED)
    if ordered is not None and walked:
        statistic = WalkStatistics(walked, ordered, sizes_vary=relabelling.sizes_vary)
        found |= _evaluated(question, statistic, relabelling, notes)
    for name in question.names:
        if name in found:
            continue
        if name in _WASSERSTEIN and len(pool.sizes) > 2:
            raise UnsupportedProblemError(
                f"{name!r} compares two samples; of more, statistic='wasserstein1' on the line, "
                "'sliced_wasserstein' or 'energy' is known"
            )
        p = {"wasserstein1": 1.0, "wasserstein2": 2.0}.get(name, question.p)
        if name in _WASSERSTEIN and ordered is not None:
            assert p is not None
            found |= _evaluated(question, PowerStatistic(name, p, ordered), relabelling, notes)
        elif name in _WASSERSTEIN:
            assert p is not None
            found[name] = _transported(question, name, p, pool, relabelling, notes)
        else:
            found |= _evaluated(
                question, _cloud(question, name, pool, relabelling), relabelling, notes
            )
    if ordered is not None:
        found = {name: _with_tails(name, answer, ordered) for name, answer in found.items()}
    return {name: found[name] for name in question.names}, pool.sizes


def _cloud(question: Question, name: str, pool: Pool, relabelling: Relabelling) -> BlockStatistic:
    """A statistic of points in space that is cheap for many relabellings."""
    if name == "energy":
        return energy_form(pool, question.metric)
    if name == "maximum_mean_discrepancy":
        return kernel_form(pool, question.kernel, question.bandwidth)
    if name == "sliced_wasserstein":
        directions = question.n_projections if pool.points.ndim == 2 else 1
        rng, vary = question.rng, relabelling.sizes_vary
        return SlicedStatistic(pool, directions, rng, sizes_vary=vary)
    raise UnsupportedProblemError(
        f"{name!r} needs an order of the values, which points in space do not have; "
        "statistic='energy', 'sliced_wasserstein' or 'maximum_mean_discrepancy' compares them"
    )


def _transported(
    question: Question,
    name: str,
    p: float,
    pool: Pool,
    relabelling: Relabelling,
    notes: tuple[str, ...],
) -> Answer:
    every = relabelling.is_countable(question.n_permutations)
    statistic = TransportStatistic.of(name, pool, p, question.metric)
    null = transport_null(
        statistic,
        relabelling,
        n_permutations=relabelling.count() if every else question.n_permutations,
        seed=question.seed,
        n_jobs=question.n_jobs,
        monitor=question.monitor,
        every=every,
        to_the_end=question.to_the_end,
    )
    with np.errstate(over="ignore"):
        return Answer(
            null=null,
            row=0,
            value=float(statistic.finish(null.observed)[0]),
            values=statistic.finish(null.values[0]),
            notes=notes,
        )


def _with_tails(name: str, answer: Answer, pool: OrderedPool) -> Answer:
    """Say where W_p is the wrong choice, since a few far values drown everything else."""
    if name not in (*_WASSERSTEIN, "sliced_wasserstein") or not tail_ratio(pool) > _HEAVY:
        return answer
    note = (
        "The tails are heavy (the central 99 % of the values spread over "
        f"{tail_ratio(pool):.3g} times the central half): Wasserstein distances lose power to "
        "them; statistic='energy' keeps it."
    )
    return replace(answer, notes=(*answer.notes, note))
