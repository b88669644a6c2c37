"""How many rows a two-sample test on the line needs, by simulation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._calling import explains_calls
from .._monitor import Monitor
from .._typing import FloatArray, RngLike
from .._validation import (
    as_generator,
    as_number,
    as_sample,
    check_callback,
    check_choice,
    check_positive,
    check_positive_integer,
)
from ..errors import ConvergenceError, InvalidInputError
from ..results import Callback

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["RequiredSize", "required_size"]

# The smallest size that is tried; by taste.
_LEAST = 5
# Numbers that are held at once: 16 MB an array.
_BLOCK = 2**21
# Size, relatively, to which the search goes: below it the simulation's own error is larger.
_PRECISION = 0.02

Draw = Callable[[np.random.Generator, tuple[int, int]], FloatArray]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RequiredSize:
    """Sizes of two samples that give a test the power that was asked.

    Attributes
    ----------
    n, m : int
        Rows of x and of y.
    power : float
        Share of the simulated pairs of samples of these sizes in which the test rejects.
    standard_error : float
        Of `power`, from the number of simulations.
    statistic : str
    alpha : float
        Level of the test.
    curve : tuple of (int, float)
        Each n that was tried, ascending, with its power.
    """

    n: int
    m: int
    power: float
    standard_error: float
    statistic: str
    alpha: float
    curve: tuple[tuple[int, float], ...]

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the power against the rows that were tried; see `otdiv.plotting.plot_power`.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure by default.
        """
        from ..plotting.power import plot_power

        return plot_power(self, ax=ax)

    def __repr__(self) -> str:
        return (
            f"RequiredSize(n={self.n}, m={self.m}, power={self.power:.3f} ± "
            f"{self.standard_error:.3f}, statistic={self.statistic!r}, alpha={self.alpha:g})"
        )


@explains_calls()
def required_size(
    effect: Any,
    *,
    power: float = 0.8,
    alpha: float = 0.05,
    statistic: str = "wasserstein1",
    reference: Any = None,
    ratio: float = 1.0,
    n_simulations: int = 2000,
    max_rows: int = 100_000,
    rng: RngLike = None,
    callback: Callback | None = None,
) -> RequiredSize:
    """Rows with which a permutation test on the line finds a difference with a given power.

    Pairs of samples are drawn and pooled; the test rejects where the statistic exceeds the
    1 - alpha quantile of itself over random labels of the same pooled rows.

    Parameters
    ----------
    effect : float, law or array_like
        By how much y is moved up against x; or the law of y itself, of `scipy.stats`, or a pilot
        sample of it, whose rows are drawn with replacement.
    power : float, default 0.8
        Probability of finding the difference, in (alpha, 1).
    alpha : float, default 0.05
        Level of the test.
    statistic : str, default "wasserstein1"
        "wasserstein1", "energy", "cramer_von_mises" or "kolmogorov_smirnov".
    reference : law or array_like, optional
        The law of x, or a pilot sample. None is the standard normal law: a shift is then in
        standard deviations.
    ratio : float, default 1
        Rows of y for each row of x.
    n_simulations : int, default 2000
        Pairs of samples for each size that is tried: the standard error of the power is at most
        0.5 / sqrt(n_simulations).
    max_rows : int, default 100000
        Rows of both samples together at which the search gives up.
    rng : numpy.random.Generator or int, optional
        Source of the simulations.
    callback : callable, optional
        Receives a `Progress` whose `iteration` counts pairs of samples; returning True stops.

    Returns
    -------
    RequiredSize

    Raises
    ------
    InvalidInputError
        For numbers out of range and for bad pilot samples.
    ConvergenceError
        If `max_rows` rows do not give the power, or the callback stopped the search.

    Examples
    --------
    >>> from otdiv import required_size
    >>> found = required_size(1.0, n_simulations=500, rng=0)
    >>> 12 < found.n < 28  # Student's t needs 17 rows a side
    True
    """
    power, alpha = as_number("power", power), as_number("alpha", alpha)
    if not 0.0 < alpha < 0.5:
        raise InvalidInputError("alpha", "lie in (0, 0.5)", alpha)
    if not alpha < power < 1.0:
        raise InvalidInputError("power", f"lie in ({alpha:g}, 1)", power)
    name = check_choice("statistic", statistic, tuple(_STATISTICS))
    ratio = check_positive("ratio", ratio)
    n_simulations = check_positive_integer("n_simulations", n_simulations, math.ceil(2.0 / alpha))
    max_rows = check_positive_integer("max_rows", max_rows)
    check_callback(callback)
    draw_x = _as_draw("reference", reference)
    draw_y = _shifted(draw_x, effect) if _is_number(effect) else _as_draw("effect", effect)
    seed = int(as_generator(rng).integers(2**62))
    tried: dict[int, float] = {}
    monitor = Monitor(callback)

    def power_of(n: int) -> float:
        m = _rows_of_y(n, ratio)
        if n + m > max_rows:
            best = max(tried.values(), default=0.0)
            raise ConvergenceError(
                f"power {power:g} was not reached with `max_rows`={max_rows} rows in all; the "
                f"best was {best:.3f}"
            )
        rng = np.random.default_rng([seed, n])
        test = _Simulation(draw_x, draw_y, n, m, _STATISTICS[name], rng)
        tried[n] = test.power(n_simulations, alpha, monitor)
        return tried[n]

    low, high = 0, _LEAST
    while power_of(high) < power:
        low, high = high, 2 * high
    while high - low > max(1.0, _PRECISION * high):
        middle = (low + high) // 2
        if middle < _LEAST:
            break
        low, high = (middle, high) if power_of(middle) < power else (low, middle)
    return RequiredSize(
        n=high,
        m=_rows_of_y(high, ratio),
        power=tried[high],
        standard_error=math.sqrt(tried[high] * (1.0 - tried[high]) / n_simulations),
        statistic=name,
        alpha=alpha,
        curve=tuple(sorted(tried.items())),
    )


def _rows_of_y(n: int, ratio: float) -> int:
    return max(2, round(n * ratio))


def _is_number(effect: Any) -> bool:
    return isinstance(effect, int | float | np.number) and not isinstance(effect, bool)


def _shifted(draw: Draw, effect: Any) -> Draw:
    shift = as_number("effect", effect)
    if not math.isfinite(shift) or shift == 0.0:
        raise InvalidInputError("effect", "be finite and not 0", shift)
    return lambda rng, shape: draw(rng, shape) + shift


def _as_draw(name: str, source: Any) -> Draw:
    if source is None:
        return lambda rng, shape: rng.standard_normal(shape)
    if hasattr(source, "rvs"):
        return lambda rng, shape: np.asarray(
            source.rvs(size=shape, random_state=rng), dtype=np.float64
        )
    sample = as_sample(name, source)
    if sample.ndim != 1 or sample.size < 2:
        requirement = "be a law with `rvs`, or a pilot sample (n,) of at least two rows"
        raise InvalidInputError(name, requirement, f"shape {sample.shape}")
    return lambda rng, shape: sample[rng.integers(sample.size, size=shape)]


class _Simulation:
    """Pairs of samples of one size, each with its statistic and that of a random labelling."""

    def __init__(
        self,
        draw_x: Draw,
        draw_y: Draw,
        n: int,
        m: int,
        statistic: Callable[[FloatArray, FloatArray], FloatArray],
        rng: np.random.Generator,
    ):
        self.draw_x, self.draw_y, self.n, self.m = draw_x, draw_y, n, m
        self.statistic, self.rng = statistic, rng

    def power(self, n_simulations: int, alpha: float, monitor: Monitor) -> float:
        """Share of the pairs that the test rejects."""
        observed, relabelled = [], []
        step = max(1, _BLOCK // (self.n + self.m))
        for first in range(0, n_simulations, step):
            count = min(step, n_simulations - first)
            seen, null = self._pairs(count)
            observed.append(seen)
            relabelled.append(null)
            monitor.iteration += count
            if monitor.asks_to_stop():
                raise ConvergenceError("the callback stopped the search for the size")
        critical = np.quantile(np.concatenate(relabelled), 1.0 - alpha, method="higher")
        # Equal up to rounding is no excess: the sums ran in the same order.
        return float(np.mean(np.concatenate(observed) > critical * (1.0 + 1e-12)))

    def _pairs(self, count: int) -> tuple[FloatArray, FloatArray]:
        both = np.concatenate(
            [self.draw_x(self.rng, (count, self.n)), self.draw_y(self.rng, (count, self.m))], axis=1
        )
        order = np.argsort(both, axis=1, kind="stable")
        values = np.take_along_axis(both, order, axis=1)
        gaps = np.diff(values, axis=1, append=values[:, -1:])
        steps = np.where(np.arange(self.n + self.m) < self.n, 1.0 / self.n, -1.0 / self.m)
        random = self.rng.permuted(np.broadcast_to(steps, both.shape), axis=1)
        return self._statistics(steps[order], gaps), self._statistics(random, gaps)

    def _statistics(self, steps: FloatArray, gaps: FloatArray) -> FloatArray:
        return self.statistic(np.cumsum(steps, axis=1), gaps)


def _ends_of_ties(H: FloatArray, gaps: FloatArray) -> FloatArray:
    """H at the last of the equal values that each stands among; 0 at the largest."""
    size = gaps.shape[1]
    ends: NDArray[np.int64] = np.where(gaps > 0.0, np.arange(size), size - 1)
    ends = np.minimum.accumulate(ends[:, ::-1], axis=1)[:, ::-1]
    return np.take_along_axis(H, ends, axis=1)


# Functions of H = F - G at the pooled values (draws, N) and of the gaps behind them.
_STATISTICS: dict[str, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "wasserstein1": lambda H, gaps: np.einsum("ij,ij->i", np.abs(H), gaps),
    "energy": lambda H, gaps: np.einsum("ij,ij->i", H * H, gaps),
    "cramer_von_mises": lambda H, gaps: (_ends_of_ties(H, gaps) ** 2).sum(axis=1),
    "kolmogorov_smirnov": lambda H, gaps: np.abs(_ends_of_ties(H, gaps)).max(axis=1),
}
