"""Is the distance of the laws below a margin? No test of equality can say that it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._calling import explains_calls
from .._typing import RngLike
from .._validation import (
    as_generator,
    as_number,
    check_callback,
    check_positive,
    check_positive_integer,
)
from ..errors import UnsupportedProblemError
from ..results import Callback, Valued
from .bands import Draws, as_rows_in_units
from .line_bands import upper_end
from .replicates import check_level, check_replicates, upper_quantile

__all__ = ["EquivalenceResult", "equivalence_test"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class EquivalenceResult(Valued):
    """What a test of equivalence says.

    Attributes
    ----------
    value : float
        W1 of the samples.
    margin : float
        The largest difference that does not matter.
    ruled_out : float
        The smallest difference that the data rule out: at this level the W1 of the laws is below.
    equivalent : bool
        Whether `ruled_out` is at most `margin`.
    pvalue : float
        Of the hypothesis that W1 of the laws is the margin or more.
    level : float
        Confidence of `ruled_out`; one-sided.
    method : str
        How the noise was bounded: "triangle".
    notes : tuple of str
        What the test needs and these data may not give.
    """

    value: float
    margin: float
    ruled_out: float
    equivalent: bool
    pvalue: float
    level: float
    method: str
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        verdict = "equivalent" if self.equivalent else "not shown to be equivalent"
        return (
            f"EquivalenceResult({verdict} within {self.margin:.6g}: wasserstein1={self.value:.6g}, "
            f"ruled_out={self.ruled_out:.6g}, level={self.level:g}, pvalue={self.pvalue:.3g})"
        )


@explains_calls()
def equivalence_test(
    x: Any,
    y: Any,
    *,
    margin: float,
    level: float = 0.95,
    n_replicates: int = 1000,
    x_weights: Any = None,
    y_weights: Any = None,
    blocks: Any = None,
    paired: bool = False,
    rng: RngLike = None,
    n_jobs: int = 1,
    callback: Callback | None = None,
) -> EquivalenceResult:
    """Test that W1 of the laws behind two samples on the line is below a margin.

    A test of equality that does not reject shows nothing: the samples may be too small. Here the
    hypothesis is that the laws differ by the margin or more, and rejecting it shows that they do
    not. W1 of the laws is at most that of the samples plus ∫ |Z| of the noise Z of F - G, whose
    quantile random signs give; it holds for any two laws with a variance (a limit theorem).

    Parameters
    ----------
    x, y : array_like, shapes (n,) and (m,)
        Samples, one row an observation; independent unless `blocks` or `paired` say otherwise.
    margin : float
        The largest difference that does not matter, in the unit of the samples.
    level : float, default 0.95
        Confidence, one-sided: two laws at the margin or farther pass in at most 1 - level of the
        cases.
    n_replicates, x_weights, y_weights, blocks, paired, rng, n_jobs, callback
        As in `confidence_interval`.

    Returns
    -------
    EquivalenceResult

    Raises
    ------
    InvalidInputError, ConvergenceError
        As in `confidence_interval`.
    UnsupportedProblemError
        For samples of more than one column, whose W1 has no honest upper end.

    References
    ----------
    Wellek (2010), Testing statistical hypotheses of equivalence and noninferiority,
    doi:10.1201/EBK1439808184.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv import equivalence_test
    >>> rng = np.random.default_rng(1)
    >>> x, y = rng.normal(size=2000), rng.normal(size=2000)
    >>> result = equivalence_test(x, y, margin=0.25, rng=0)
    >>> result.equivalent, result.value < result.ruled_out < 0.25, result.pvalue < 0.05
    (True, True, True)
    """
    margin = check_positive("margin", margin)
    level = as_number("level", level)
    check_level(level)
    n_replicates = check_positive_integer("n_replicates", n_replicates)
    n_jobs = check_positive_integer("n_jobs", n_jobs)
    check_callback(callback)
    check_replicates(n_replicates, level)
    pair, units = as_rows_in_units(x, y, x_weights, y_weights, blocks, paired)
    if pair.d > 1:
        raise UnsupportedProblemError(
            f"W1 of samples with {pair.d} columns has no honest upper end; test a column at a time"
        )
    draws = Draws(level, n_replicates, as_generator(rng), n_jobs, callback)
    value, noise, notes = upper_end(pair, draws, units=units)
    ruled_out = value + upper_quantile(noise, level)
    exceeding = int(np.count_nonzero(noise >= margin - value))
    return EquivalenceResult(
        value=value,
        margin=margin,
        ruled_out=ruled_out,
        equivalent=ruled_out <= margin,
        pvalue=(1 + exceeding) / (1 + noise.size),
        level=level,
        method="triangle",
        notes=notes,
    )
