"""What a permutation test says: the statistic beside its null, and a p-value with its error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

import numpy as np

from .._frozen import restore, seal
from .._typing import FloatArray
from .._validation import as_number
from ..errors import InvalidInputError
from ..results import Valued

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Method", "TestResult", "p_value"]

Method: TypeAlias = Literal["random permutations", "exact enumeration", "Besag-Clifford"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class TestResult(Valued):
    """A permutation test; made by `two_sample_test` and `k_sample_test`.

    Attributes
    ----------
    value : float
        The statistic of the samples as they are, in its own unit; also called `statistic`.
    measure : str
        Which statistic it is.
    pvalue : float
        Share of relabellings, the observed one among them, whose statistic is at least as large;
        never 0. Where the samples come from one law, it is at most α with probability at most α.
    monte_carlo_error : float
        Standard error of `pvalue` over the draw of relabellings; 0 where all were enumerated.
    n_permutations : int
        Relabellings that were compared with the observed one.
    method : {"random permutations", "exact enumeration", "Besag-Clifford"}
        How: random relabellings, p = (1 + b) / (1 + B) with b of B at or above the value; all that
        there are, p = b / B; or random ones until the tenth at or above the value, p = 10 / B.
    null : float64 array (B,)
        The statistic of the relabellings, in the order of their draw. Of exact transports in
        space, which are solved to the end only for the first 100, those.
    sizes : tuple of int
        Rows of each sample.
    notes : tuple of str
        What to know before trusting or choosing this test; empty where there is nothing.
    """

    __test__: ClassVar[bool] = False  # no test case, whatever its name says to pytest

    value: float
    measure: str
    pvalue: float
    monte_carlo_error: float
    n_permutations: int
    method: Method
    null: FloatArray
    sizes: tuple[int, ...]
    notes: tuple[str, ...] = ()

    __setstate__ = restore

    def __post_init__(self) -> None:
        seal(self)

    @property
    def statistic(self) -> float:
        """The value, by SciPy's name."""
        return self.value

    @property
    def null_mean(self) -> float:
        """Mean of the null: what the statistic comes to where nothing differs."""
        # In units of a power of two, so that no sum of the largest floats overflows.
        exponent = math.frexp(float(self.null.max()))[1]
        return math.ldexp(float(np.mean(np.ldexp(self.null, -exponent))), exponent)

    @property
    def null_quantiles(self) -> dict[float, float]:
        """Quantiles of the null at 5, 50, 95 and 99 %."""
        return {level: self.null_quantile(level) for level in (0.05, 0.5, 0.95, 0.99)}

    def null_quantile(self, level: float) -> float:
        """Return the least statistic of the null that a share `level` of it does not exceed.

        Parameters
        ----------
        level : float
            Between 0 and 1.
        """
        number = as_number("level", level)
        if not 0.0 <= number <= 1.0:
            raise InvalidInputError("level", "lie between 0 and 1", level)
        return float(np.quantile(self.null, number, method="inverted_cdf"))

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the null as a histogram, and where the value lies; see `otdiv.plotting.plot_null`.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure by default.
        """
        from ..plotting.nulls import plot_null

        return plot_null(self, ax=ax)

    def __str__(self) -> str:
        error = f" ± {self.monte_carlo_error:.1g}" if self.monte_carlo_error else ""
        counted = f"{self.n_permutations:,} relabellings, {self.method}"
        lines = [
            f"{self.measure} = {self.value:.6g} between {_and(self.sizes)} rows",
            f"p = {self.pvalue:.4g}{error} ({counted})",
            f"under the null: mean {self.null_mean:.4g}, "
            f"95 % of it up to {self.null_quantile(0.95):.4g}",
            *self.notes,
        ]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return (
            f"TestResult({self.measure}={self.value:.6g}, pvalue={self.pvalue:.4g}, "
            f"null_mean={self.null_mean:.6g}, method={self.method!r}, "
            f"n_permutations={self.n_permutations})"
        )


def _and(sizes: tuple[int, ...]) -> str:
    *first, last = (f"{size:,}" for size in sizes)
    return f"{', '.join(first)} and {last}"


def p_value(n_reached: int, n: int, method: Method) -> tuple[float, float]:
    """The p-value and its standard error from b of n relabellings.

    The sequential p is h / l, whose relative variance is near (1 - p) / h.
    """
    if method == "exact enumeration":
        return n_reached / n, 0.0
    if method == "Besag-Clifford":
        p = n_reached / n
        return p, p * math.sqrt((1.0 - p) / n_reached)
    p = (1 + n_reached) / (1 + n)
    return p, math.sqrt(p * (1.0 - p) / n)
