"""Confidence intervals of distances between the laws that two samples come from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._calling import explains_calls
from .._typing import RngLike
from .._validation import (
    as_generator,
    as_number,
    check_callback,
    check_choice,
    check_positive_integer,
)
from ..distances.dispatch import as_order
from ..distances.samples import SamplePair
from ..errors import InvalidInputError, UnsupportedProblemError
from ..results import Callback, Valued
from ..streaming.categories import CategoryState
from .bands import Band, Draws, Kind, as_rows_in_units
from .category_bands import (
    jensen_shannon_band,
    percentile_of_categories,
    total_variation_band,
    two_counts,
)
from .category_units import as_category_units
from .dependence import Units
from .dual_split import dual_split_band
from .energy_bands import energy_cloud_band
from .line_bands import energy_band, shift_share_band, wasserstein1_band
from .percentile_bands import PERCENTILE_WARNING, percentile_band
from .quantile_bands import wasserstein_band
from .replicates import check_level, check_replicates
from .sliced_bands import sliced_band
from .states import are_states, state_band

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Interval", "confidence_interval"]

# Methods of each distance: on the line or of categories, and in more dimensions; the first is the
# default.
_ON_LINE: dict[str, tuple[str, ...]] = {
    "wasserstein1": ("selective", "triangle", "percentile"),
    "wasserstein2": ("triangle",),
    "wasserstein": ("triangle",),
    "sliced_wasserstein": ("triangle",),
    "energy": ("triangle", "percentile"),
    "mean_shift_share": ("selective",),
    "total_variation": ("selective", "triangle", "concentration", "percentile"),
    "jensen_shannon": ("noncentral chi-square", "percentile"),
}
_OF_POINTS: dict[str, tuple[str, ...]] = {
    "wasserstein1": ("dual split",),
    "sliced_wasserstein": ("triangle",),
    "energy": ("triangle",),
}
_CATEGORIES = ("total_variation", "jensen_shannon")
# Methods that draw a sign a unit, which are those with bands of F - G or p - q.
_OF_UNITS = ("wasserstein1", "total_variation")
_METHODS_OF_UNITS = ("selective", "triangle")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Interval(Valued):
    """An interval for the distance between the laws that two samples come from.

    Attributes
    ----------
    value : float
        The distance of the samples.
    low, high : float
        Ends of the interval, in the unit of the distance; `high` is inf where only a lower end is
        honest.
    level : float
        Probability with which such intervals hold the distance of the laws.
    distance : str
        Which distance.
    method : str
        How the interval was made.
    kind : {"proven", "asymptotic", "measured"}
        What stands behind the level: a theorem for samples of this size, one for large samples, or
        the table of `python -m benchmarks coverage`.
    notes : tuple of str
        What the interval needs and these data may not give; empty where nothing is to be said.
    tail_share : float or None
        Share of the width that the outermost 1 % of the rows make, on the line.
    central_value : float or None
        W1 between the 1 % and the 99 % quantiles, on the line.

    Examples
    --------
    >>> from otdiv import confidence_interval
    >>> interval = confidence_interval(range(100), range(50, 150), rng=0)
    >>> 50.0 in interval, interval.kind
    (True, 'measured')
    """

    value: float
    low: float
    high: float
    level: float
    distance: str
    method: str
    kind: Kind
    notes: tuple[str, ...] = ()
    tail_share: float | None = None
    central_value: float | None = None

    def __contains__(self, value: float) -> bool:
        return bool(self.low <= value <= self.high)

    @property
    def length(self) -> float:
        """`high` - `low`."""
        return self.high - self.low

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the interval and the value beside zero; see `otdiv.plotting.plot_intervals`.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure by default.
        """
        from ..plotting.intervals import plot_intervals

        return plot_intervals(self, ax=ax)

    def __repr__(self) -> str:
        noted = f", {len(self.notes)} notes" if self.notes else ""
        return (
            f"Interval({self.distance}={self.value:.6g} in [{self.low:.6g}, {self.high:.6g}], "
            f"level={self.level:g}, method={self.method!r}, kind={self.kind!r}{noted})"
        )


@explains_calls()
def confidence_interval(
    x: Any,
    y: Any,
    *,
    distance: str = "wasserstein1",
    p: float | None = None,
    level: float = 0.95,
    method: str | None = None,
    n_replicates: int = 1000,
    x_weights: Any = None,
    y_weights: Any = None,
    blocks: Any = None,
    paired: bool = False,
    rng: RngLike = None,
    n_jobs: int = 1,
    callback: Callback | None = None,
) -> Interval:
    """Interval that holds the distance of the laws behind two samples in `level` of all cases.

    The distance of two samples is not that of their laws: it is larger near equal laws, where the
    usual bootstrap of the distance covers nothing. The intervals here bound the *error* of the
    distance by a norm of the sampling noise, which can be resampled everywhere.

    Parameters
    ----------
    x, y : array_like, shapes (n,) or (n, d) and (m,) or (m, d)
        Samples, one row an observation; independent unless `blocks` or `paired` say otherwise. For
        W1 also two `otdiv.streaming.SampleState`. For "total_variation" and "jensen_shannon"
        labels, one a row, mappings of labels to counts, or `otdiv.streaming.CategoryState`.
    distance : str, default "wasserstein1"
        "wasserstein1" (on the line an interval, in more dimensions a lower end alone),
        "wasserstein2" or "wasserstein" with `p` (on the line), "sliced_wasserstein", "energy",
        "mean_shift_share" (on the line: |difference of the means| / W1, which is 1 where one law
        is only moved up, or down), "total_variation", "jensen_shannon" (in nats).
    p : float, optional
        Finite order of "wasserstein" alone.
    level : float, default 0.95
        Coverage that is asked, in [0.5, 1).
    method : str, optional
        By default the shortest that covers: "selective" for W1, "mean_shift_share" and total
        variation; "triangle" for the others, "noncentral chi-square" for Jensen-Shannon and "dual
        split" for W1 of points. "triangle" is the wider band with a limit theorem; "concentration"
        the proven one of total variation. "percentile" is the usual bootstrap, which is **wrong
        near equal laws**; its result says so.
    n_replicates : int, default 1000
        Draws of the noise.
    x_weights, y_weights : array_like, shapes (n,) and (m,), optional
        Relative frequencies; the noise is that of rows with these weights.
    blocks : pair of array_like, shapes (n,) and (m,), optional
        Labels of blocks, whose rows may depend on each other in any way (clusters; stretches of a
        series, long against its memory), for W1 on the line and total variation. A label that both
        samples have is one block. With `paired` one sequence (n,), a label a pair.
    paired : bool, default False
        Row i of both samples belong together, and pairs are independent; for the same distances.
    rng : numpy.random.Generator or int, optional
        Source of the draws. The same seed gives the same interval for any `n_jobs`.
    n_jobs : int, default 1
        Threads over the draws; those of categories take none.
    callback : callable, optional
        Receives a `Progress` whose `iteration` counts draws (directions, for the sliced distance);
        returning True ends the drawing, and the interval is that of the draws so far.

    Returns
    -------
    Interval

    Raises
    ------
    InvalidInputError
        For bad samples, weights, levels, methods or numbers of draws, and for measurements where
        categories are asked.
    UnsupportedProblemError
        For a distance that has no honest interval for such samples.
    ConvergenceError
        If the callback stopped before there were enough draws for the level.

    Notes
    -----
    Rows, blocks or pairs must be independent, and on the line the band of W_p needs moments of
    order 2 p. What can be seen of that in the data is said in `notes`. From 131,072 independent
    rows on the noise of W1 is drawn from cells of all rows, and `notes` say so.

    References
    ----------
    Sommerfeld, Munk (2018), Inference for empirical Wasserstein distances on finite spaces,
    arXiv:1610.03287. Manole, Balakrishnan, Wasserman (2022), Minimax confidence intervals for the
    sliced Wasserstein distance, arXiv:1909.07862.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv import confidence_interval
    >>> rng = np.random.default_rng(1)
    >>> x, y = rng.normal(size=500), rng.normal(1.0, size=500)
    >>> interval = confidence_interval(x, y, rng=0)
    >>> 1.0 in interval, interval.low > 0.8, interval.high < 1.3
    (True, True, True)
    >>> confidence_interval(["a", "b"] * 50, ["a"] * 100, distance="total_variation", rng=0).value
    0.5
    """
    level = as_number("level", level)
    check_level(level)
    name = check_choice("distance", distance, tuple(_ON_LINE))
    order = _as_finite_order(name, p)
    n_replicates = check_positive_integer("n_replicates", n_replicates)
    n_jobs = check_positive_integer("n_jobs", n_jobs)
    check_callback(callback)
    draws = Draws(level, n_replicates, as_generator(rng), n_jobs, callback)
    if are_states(x, y):
        _of_states_alone(
            {"x_weights": x_weights, "y_weights": y_weights, "blocks": blocks},
            paired,
        )
        check_replicates(n_replicates, level)
        band = state_band(x, y, name, method, draws)
    elif name in _CATEGORIES:
        x, y = (side.counts if isinstance(side, CategoryState) else side for side in (x, y))
        counts = two_counts(x, y, x_weights, y_weights)
        chosen = _as_method(method, name, 1, draws)
        _check_dependence(blocks, paired, name, chosen)
        if chosen == "percentile":
            band = percentile_of_categories(counts, name, draws)
        elif name == "total_variation":
            shared = as_category_units(x, y, x_weights, y_weights, blocks, paired)
            band = total_variation_band(counts, chosen, draws, units=shared)
        else:
            band = jensen_shannon_band(counts, draws)
    else:
        pair, units = as_rows_in_units(x, y, x_weights, y_weights, blocks, paired)
        chosen = _as_method(method, name, pair.d, draws)
        _check_dependence(blocks, paired, name, chosen)
        band = _of_rows(pair, name, chosen, order, draws, units)
    if band.method == "percentile":
        band = band._replace(notes=(PERCENTILE_WARNING, *band.notes))
    if not math.isfinite(band.value):
        raise InvalidInputError("x, y", "have a distance within float64", band.value)
    return Interval(level=level, distance=name, **band._asdict())


def _of_states_alone(given: Mapping[str, Any], paired: bool) -> None:
    """Raise for what states, which know no single row, have no use for."""
    for name, value in {**given, "paired": paired or None}.items():
        if value is not None:
            raise InvalidInputError(name, "be None for states", type(value).__name__)


def _as_finite_order(name: str, p: Any) -> float:
    if name != "wasserstein":
        if p is not None:
            raise InvalidInputError("p", "be None unless distance='wasserstein'", p)
        return 2.0 if name == "wasserstein2" else 1.0
    if p is None:
        raise InvalidInputError("p", "be given for distance='wasserstein'")
    order = as_order(p)
    if order == math.inf:
        raise InvalidInputError("p", "be finite: W_inf of samples estimates that of no law", p)
    return order


def _as_method(method: Any, name: str, d: int, draws: Draws) -> str:
    """The method asked, or the default; with enough draws for it."""
    methods = _ON_LINE if d == 1 else _OF_POINTS
    if name not in methods:
        raise UnsupportedProblemError(
            f"distance={name!r} has an interval on the line alone; the samples have {d} columns: "
            f"take one of {', '.join(map(repr, _OF_POINTS))}, or a column at a time"
        )
    chosen = methods[name][0] if method is None else check_choice("method", method, methods[name])
    tail = draws.level if chosen != "percentile" else 0.5 + 0.5 * draws.level
    check_replicates(draws.n_replicates, tail)
    return chosen


def _check_dependence(blocks: Any, paired: Any, name: str, method: str) -> None:
    """Raise where rows in blocks or pairs are asked of an interval that knows none."""
    if name in _OF_UNITS and method in _METHODS_OF_UNITS:
        return
    for option, value in (("blocks", blocks), ("paired", None if paired is False else paired)):
        if value is not None:
            requirement = (
                f"be left out unless distance is {' or '.join(map(repr, _OF_UNITS))}, on the line, "
                f"and method {' or '.join(map(repr, _METHODS_OF_UNITS))}"
            )
            raise InvalidInputError(option, requirement, f"distance={name!r}, method={method!r}")


def _of_rows(
    pair: SamplePair, name: str, method: str, p: float, draws: Draws, units: Units | None
) -> Band:
    if method == "percentile":
        return percentile_band(pair, name, draws)
    ways: dict[str, Callable[[], Band]] = {
        "wasserstein1": lambda: wasserstein1_band(pair, method, draws, units=units),
        "wasserstein2": lambda: wasserstein_band(pair, p, draws),
        "wasserstein": lambda: wasserstein_band(pair, p, draws),
        "sliced_wasserstein": lambda: sliced_band(pair, draws),
        "energy": lambda: energy_band(pair, draws),
        "mean_shift_share": lambda: shift_share_band(pair, draws),
    }
    if pair.d > 1:
        ways["wasserstein1"] = lambda: dual_split_band(pair, draws)
        ways["energy"] = lambda: energy_cloud_band(pair, draws)
    return ways[name]()
