"""The record that every estimator returns."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..results import Valued

__all__ = ["Estimate"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Estimate(Valued):
    """A divergence of two laws, estimated from samples.

    Attributes
    ----------
    value : float
        In nats for logarithmic divergences; an estimate can be negative.
    standard_error : float
        Of the sampling; NaN where it is not estimated. It knows nothing of a bias.
    low, high : float
        Interval at `level`; -inf or inf where an end is not honest, NaN where none is made.
    level : float
    divergence : str
        What is estimated.
    method : str
        How.
    notes : tuple of str
        What the estimate needs and these data may not give.
    """

    value: float
    standard_error: float = math.nan
    low: float = math.nan
    high: float = math.nan
    level: float = 0.95
    divergence: str
    method: str
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        error = "" if math.isnan(self.standard_error) else f" ± {self.standard_error:.2g}"
        ends = "" if math.isnan(self.low) else f" in [{self.low:.6g}, {self.high:.6g}]"
        noted = f", {len(self.notes)} notes" if self.notes else ""
        return f"Estimate({self.divergence}={self.value:.6g}{error}{ends}, {self.method}{noted})"
