"""Distances between all pairs of many samples."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._arrays import keeps_arrays
from .._calling import explains_calls
from .._kernels.line.pairs import energy_rows, power_rows, unequal_rows
from .._kernels.network_flow.many_small import COLUMNS
from .._kernels.threads import for_each
from .._memory import room_for
from .._monitor import EndOfRun, Monitor
from .._typing import FloatArray, IndexArray
from .._validation import as_float_array, as_sample, as_weights, check_callback, describe
from ..costs import PNormCost
from ..diagrams.reading import as_diagram
from ..errors import InvalidInputError
from ..results import Callback, TransportResult
from .batch import joined, new_table
from .engine import Problems, even_mass, even_weights, n_threads
from .layout import PairLayout

__all__ = ["check_out", "pairwise_distances"]

_NAMES = (
    *("wasserstein1", "wasserstein2", "energy_distance", "maximum_mean_discrepancy"),
    *("hellinger_distance", "js_distance", "js_divergence", "total_variation"),
    *("persistence_distance", "bottleneck_distance"),
)
# Names that have a compiled loop for samples on the line.
_ON_LINE = frozenset({"wasserstein1", "wasserstein2", "energy_distance"})
# Names whose samples are persistence diagrams.
_OF_DIAGRAMS = frozenset({"persistence_distance", "bottleneck_distance"})
# Names whose samples are vectors of frequencies.
_OF_VECTORS = frozenset({"hellinger_distance", "js_distance", "js_divergence", "total_variation"})
# Numbers that one task reads, some 10 ms, and pairs of clouds that are in work at once.
_TASK_NUMBERS, _CLOUD_PAIRS = 2**25, 2**17
# Rows of a divergence in one call: some milliseconds of 100 frequencies.
_ROWS_AT_ONCE = 2**10
# Between these sizes sums of differences neither overflow nor lose digits.
_SMALLEST, _LARGEST = 1e-280, 1e290


_Fill = Callable[[int, int, FloatArray], None]


class _Job(NamedTuple):
    """Which pairs to measure, on how many threads, whom to tell, and where to write."""

    layout: PairLayout
    wanted: NDArray[np.bool_] | None
    threads: int
    monitor: Monitor
    out: Any

    def tasks(self, row: float, most: float) -> list[tuple[int, int]]:
        """Ranges of rows to do, with about `most` of work each; a pair is `row`."""
        return self.layout.tasks(row, most, self.wanted)

    def write(self, first: int, last: int, values: FloatArray) -> None:
        """Put the values of these rows in their place."""
        if self.out.dtype == np.float32:
            with np.errstate(over="ignore", under="ignore"):
                values = values.astype(np.float32)
        self.layout.write(self.out, first, last, values)


@keeps_arrays()
@explains_calls("SciPy's pdist(X, metric) and cdist(X, Y, metric) measure points, not samples")
def pairwise_distances(
    samples: Any,
    *,
    distance: str | Callable[[Any, Any], Any] = "wasserstein1",
    other: Any = None,
    support: Any = None,
    n_jobs: int | None = None,
    out: Any = None,
    resume: bool = False,
    callback: Callback | None = None,
) -> Any:
    """Distances between all pairs of samples, condensed as SciPy's `pdist` has them.

    Parameters
    ----------
    samples : array_like, shapes (k, n) or (k, n, d), or a sequence of k samples
        Samples (n,) on the line or clouds (n, d), of any sizes; with `support` the rows of
        frequencies of k histograms; vectors of frequencies for "hellinger_distance",
        "js_distance", "js_divergence" and "total_variation"; persistence diagrams, empty ones too,
        for "persistence_distance" and "bottleneck_distance".
    distance : str or callable, default "wasserstein1"
        "wasserstein1", "wasserstein2", "energy_distance", "maximum_mean_discrepancy" or one of the
        above; or a function of two samples that returns a number, and is taken for symmetric.
    other : array_like or sequence of l samples, optional
        Distances go from `samples` to these.
    support : array_like, shape (bins,), optional
        Positions of the bins of histograms, for "wasserstein1".
    n_jobs : int, optional
        Threads of compiled loops; None takes as many as there are processors.
    out : array of float64 or float32, optional
        Where to write the distances, as a `numpy.memmap` or an array of zarr: whatever has
        `shape`, `dtype` and slices. It is filled with NaN first, so that these are what is not
        known yet, whatever ends the call. Distances in float32 are the computed ones rounded: off
        by a share 6e-8 at most, and infinite from 3.4e38 on.
    resume : bool, default False
        Go on with `out` as it is: only rows (pairs of one of `samples`) with a NaN are computed.
    callback : callable, optional
        Called with a `Progress` whose `iteration` counts pairs (`progress_bar` makes one);
        returning True stops, and what is not known yet stays NaN.

    Returns
    -------
    array
        Shape (k (k - 1) / 2,): pairs (0, 1), (0, 2), ..., (k - 2, k - 1), for
        `scipy.cluster.hierarchy.linkage` or `scipy.spatial.distance.squareform`; (k, l) with
        `other`.

    Raises
    ------
    InvalidInputError
        Names the sample, as ``samples[17]``.

    Examples
    --------
    >>> from otdiv import pairwise_distances
    >>> pairwise_distances([[0.0, 1.0], [1.0, 2.0], [4.0, 5.0, 6.0]])
    array([1. , 4.5, 3.5])
    """
    check_callback(callback)
    threads = n_threads(n_jobs)
    if not callable(distance) and distance not in _NAMES:
        listed = ", ".join(repr(name) for name in _NAMES)
        raise InvalidInputError("distance", f"be callable or one of {listed}", describe(distance))
    if support is not None and distance != "wasserstein1":
        raise InvalidInputError("support", 'be None but for `distance="wasserstein1"`', distance)
    left = _samples("samples", samples, distance)
    right = left if other is None else _samples("other", other, distance)
    layout = PairLayout(len(left), len(right), other is None)
    if resume and out is None:
        raise InvalidInputError("resume", "be False without `out`", resume)
    wanted = None
    if out is None:
        needed = 8 * math.prod(layout.shape)
        with room_for(needed, f"{needed // 8} distances", "pass an array in a file as `out`"):
            out = np.full(layout.shape, math.nan)
    else:
        check_out(out, layout.shape)
        if resume:
            wanted = layout.rows_with_nan(out)
        else:
            layout.clear(out)
    if not all(layout.shape):
        return out
    job = _Job(layout, wanted, threads, Monitor(callback=callback), out)
    try:
        if support is not None:
            _run(job, _histograms(left, right, support, layout), left[0].size)
        elif not isinstance(distance, str):
            _each(left, right, distance, job)
        elif distance in _OF_DIAGRAMS:
            _each(left, right, _function(distance), job)
        elif distance in _OF_VECTORS:
            _vectors(left, right, distance, job)
        else:
            _measure(left, right, distance, job)
    except EndOfRun:
        pass
    return out


def _samples(name: str, value: Any, distance: Any) -> list[Any]:
    """What to measure, checked: each sample (n,) or (n, d), all of one number of columns."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise InvalidInputError(name, "be a sequence of samples", describe(value))
    if callable(distance):
        return list(value)
    if distance in _OF_DIAGRAMS:
        found = list(value)
        for k, one in enumerate(found):
            as_diagram(f"{name}[{k}]", one)
        return found
    if isinstance(value, np.ndarray) and value.ndim < 2:
        raise InvalidInputError(name, "hold one sample a row", f"shape {value.shape}")
    samples = [as_sample(f"{name}[{k}]", sample) for k, sample in enumerate(value)]
    if not samples:
        raise InvalidInputError(name, "hold at least one sample", "none")
    return samples


def check_out(out: Any, shape: tuple[int, ...]) -> None:
    """Raise unless distances of this shape can be written to `out`."""
    if getattr(out, "shape", None) != shape:
        raise InvalidInputError("out", f"have shape {shape}", describe(out))
    if getattr(out, "dtype", None) not in (np.float64, np.float32):
        raise InvalidInputError("out", "have dtype float64 or float32", f"dtype {out.dtype}")


def _measure(left: list[FloatArray], right: list[FloatArray], name: str, job: _Job) -> None:
    """Distances of samples, the quickest way that there is."""
    dimensions = {sample.shape[1:] for sample in (*left, *right)}
    if len(dimensions) > 1:
        raise InvalidInputError(
            "samples", "all have the same number of columns", f"shapes {sorted(dimensions)}"
        )
    on_line = dimensions == {()}
    ends = (_SMALLEST, _LARGEST)
    if name == "wasserstein2":  # squares are half as far from the ends
        ends = (math.sqrt(_SMALLEST), math.sqrt(_LARGEST))
    if on_line and name in _ON_LINE and _is_moderate((*left, *right), *ends):
        sizes = {sample.size for sample in (*left, *right)}
        equal = len(sizes) == 1 and name != "energy_distance"
        fill = (_equal_lines if equal else _unequal_lines)(left, right, name)
        _run(job, _placed(fill, job.layout), max(sizes) * (1 if equal else 10))
    elif not on_line and name in ("wasserstein1", "wasserstein2"):
        _clouds(left, right, name, job)
    else:
        _each(left, right, _function(name), job)


def _run(job: _Job, fill: _Fill, numbers: int) -> None:
    """Blocks of rows, each of which is filled and then written, on several threads."""
    tasks = job.tasks(numbers, _TASK_NUMBERS)
    lock = threading.Lock()

    def run(task: int) -> None:
        first, last = tasks[task]
        values = np.empty(job.layout.size(first, last))
        fill(first, last, values)
        with lock:  # files take one writer at a time
            job.write(first, last, values)
            job.monitor.iteration += values.size

    for_each(run, range(len(tasks)), job.threads, job.monitor.tick)
    job.monitor.tick(force=True)


def _placed(fill: Callable[..., None], layout: PairLayout) -> _Fill:
    """Hand a kernel where the values of its rows go."""

    def filled(first: int, last: int, values: FloatArray) -> None:
        fill(first, last, layout.begins(first, last), layout.starts(first, last), values)

    return filled


def _is_moderate(samples: Iterable[FloatArray], smallest: float, largest: float) -> bool:
    """Whether no sum of differences overflows, or is of differences that lost their digits."""
    size = max(float(np.abs(sample).max()) for sample in samples)
    return size == 0.0 or smallest < size < largest


def _equal_lines(left: list[FloatArray], right: list[FloatArray], name: str) -> Callable[..., None]:
    R = _sorted_line(left)[0][:-1].reshape(len(left), -1)
    S = R if right is left else _sorted_line(right)[0][:-1].reshape(len(right), -1)
    squares = True if name == "wasserstein2" else None

    def fill(first: int, last: int, begins: Any, starts: Any, values: FloatArray) -> None:
        power_rows(R, S, squares, first, last, begins, starts, values)
        values /= R.shape[1]
        if squares:
            np.sqrt(values, out=values)

    return fill


def _unequal_lines(
    left: list[FloatArray], right: list[FloatArray], name: str
) -> Callable[..., None]:
    x = _sorted_line(left)
    y = x if right is left else _sorted_line(right)
    squares = True if name == "wasserstein2" else None

    def fill(first: int, last: int, begins: Any, starts: Any, values: FloatArray) -> None:
        if name == "energy_distance":
            energy_rows(*x, *y, first, last, begins, starts, values)
            values *= 2.0
        else:
            unequal_rows(*x, *y, squares, first, last, begins, starts, values)
        if name != "wasserstein1":
            np.sqrt(values, out=values)

    return fill


def _sorted_line(samples: list[FloatArray]) -> tuple[FloatArray, IndexArray, IndexArray]:
    """All sorted samples in a row, with a number behind the last; where each begins, and sizes."""
    sizes = np.array([sample.size for sample in samples])
    starts = np.cumsum(sizes) - sizes
    line = np.zeros(int(sizes.sum()) + 1)
    # Sample by sample, so that Ctrl-C is heard and there is one copy.
    for start, sample in zip(starts.tolist(), samples, strict=True):
        place = line[start : start + sample.size]
        place[:] = sample
        place.sort()
    return line, starts, sizes


def _histograms(
    left: list[FloatArray], right: list[FloatArray], support: Any, layout: PairLayout
) -> _Fill:
    """W1 of histograms on common bins: the L1 distance of cumulated rows times the cells."""
    positions = as_float_array("support", support)
    if positions.ndim != 1:
        raise InvalidInputError("support", "have shape (bins,)", f"shape {positions.shape}")
    order = np.argsort(positions, kind="stable")
    # Halves, so that the widest cell does not overflow.
    widths = np.diff(0.5 * positions[order])
    if not np.abs(positions).max(initial=0.0) < _LARGEST:
        raise InvalidInputError("support", f"stay below {_LARGEST}", float(np.abs(positions).max()))

    def cumulated(name: str, rows: list[FloatArray]) -> FloatArray:
        levels = np.empty((len(rows), positions.size - 1))
        for k, row in enumerate(rows):
            shares = as_weights(f"{name}[{k}]", row, positions.size, normalize=True)
            levels[k] = np.cumsum(shares[order])[:-1] * (2.0 * widths)
        return levels

    R = cumulated("samples", left)
    S = R if right is left else cumulated("other", right)

    def fill(first: int, last: int, begins: Any, starts: Any, values: FloatArray) -> None:
        power_rows(R, S, None, first, last, begins, starts, values)

    return _placed(fill, layout)


def _shares(name: str, rows: list[FloatArray], size: int) -> FloatArray:
    """Rows (N, size) of frequencies, each of sum one."""
    return np.stack(
        [as_weights(f"{name}[{k}]", row, size, normalize=True) for k, row in enumerate(rows)]
    )


def _vectors(left: list[FloatArray], right: list[FloatArray], name: str, job: _Job) -> None:
    """Divergences of vectors: one row against many at a time."""
    size = left[0].size
    P = _shares("samples", left, size)
    Q = P if right is left else _shares("other", right, size)
    # Differences of (roots of) frequencies are summed as they are: none cancels with another.
    squares = True if name == "hellinger_distance" else None
    R, S = (np.sqrt(P), np.sqrt(Q)) if squares else (P, Q)
    measure, layout = _function(name), job.layout

    def fill(first: int, last: int, values: FloatArray) -> None:
        if name in ("total_variation", "hellinger_distance"):
            begins, starts = layout.begins(first, last), layout.starts(first, last)
            power_rows(R, S, squares, first, last, begins, starts, values)
            values *= 0.5
            np.minimum(np.sqrt(values) if squares else values, 1.0, out=values)
            return
        end = 0
        for i in range(first, last):
            for begin in range(int(layout.begins(i, i + 1)[0]), layout.m, _ROWS_AT_ONCE):
                found = measure(P[i], Q[begin : begin + _ROWS_AT_ONCE])
                values[end : end + found.size] = found
                end += found.size

    # A logarithm is some 30 sums.
    _run(job, fill, size if name in ("total_variation", "hellinger_distance") else 30 * size)


def _clouds(
    left: list[FloatArray],
    right: list[FloatArray],
    name: str,
    job: _Job,
) -> None:
    """Exact distances between clouds: a batch of transport problems for every block of rows."""
    power = 1.0 if name == "wasserstein1" else 2.0
    cost = PNormCost(norm=2.0, power=power)
    x, x_starts = joined(left)
    y, y_starts = (x, x_starts) if right is left else joined(right)
    x_sizes, y_sizes = (np.array([len(cloud) for cloud in side]) for side in (left, right))
    both = np.concatenate([x_sizes, y_sizes])
    weights, begins = even_weights(both)
    x_weights, y_weights = begins[: len(left)], begins[len(left) :]
    measure = _function(name)
    layout, monitor, told = job.layout, job.monitor, job.monitor.callback
    for first, last in job.tasks(1.0, _CLOUD_PAIRS):
        i = np.repeat(np.arange(first, last), layout.m - layout.begins(first, last))
        j = np.concatenate([np.arange(b, layout.m) for b in layout.begins(first, last)])
        if not i.size:
            continue
        table = new_table(x_sizes[i], y_sizes[j])
        for column, values in (
            *(("x_start", x_starts[i]), ("y_start", y_starts[j])),
            *(("a_start", x_weights[i]), ("b_start", y_weights[j])),
        ):
            table[:, COLUMNS.index(column)] = values

        apart: dict[int, float] = {}

        def alone(
            t: int, i: IndexArray = i, j: IndexArray = j, apart: dict[int, float] = apart
        ) -> TransportResult | None:
            apart[t] = float(measure(left[i[t]], right[j[t]]))
            return None

        problems = Problems(
            table=table,
            masses=np.array([even_mass(n) for n in x_sizes[i].tolist()]),
            weights=weights,
            alone=alone,
            one_to_one=bool((both == both[0]).all()),
            cost=cost,
            x=x,
            y=y,
        )
        done = monitor.iteration
        callback = None
        if told is not None:

            def callback(progress: Any, done: int = done) -> object:
                return told(replace(progress, iteration=done + progress.iteration))

        finished = problems.solve(job.threads, callback)
        found = problems.values[:, 0] if power == 1.0 else np.sqrt(problems.values[:, 0])
        for t, value in apart.items():
            found[t] = value
        job.write(first, last, found)
        monitor.iteration += found.size
        if not finished:
            raise EndOfRun


def _each(left: list[Any], right: list[Any], measure: Callable[[Any, Any], Any], job: _Job) -> None:
    """Distances one by one, through the function for two samples."""
    layout, monitor = job.layout, job.monitor
    for i, _ in job.tasks(1.0, 1.0):
        begin = int(layout.begins(i, i + 1)[0])
        values = np.empty(layout.m - begin)
        for place, j in enumerate(range(begin, layout.m)):
            values[place] = float(measure(left[i], right[j]))
            monitor.iteration += 1
            monitor.tick()
        job.write(i, i + 1, values)
    monitor.tick(force=True)


def _function(name: str) -> Callable[[Any, Any], Any]:
    from .. import diagrams, distances, divergences

    room: Any = distances
    if name in _OF_VECTORS:
        room = divergences
    elif name in _OF_DIAGRAMS:
        room = diagrams
    function: Callable[[Any, Any], Any] = getattr(room, name)
    return function
