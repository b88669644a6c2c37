"""`python -m benchmarks law_distances`: distances of SciPy's laws, judged by other formulas.

Every continuous and discrete law of SciPy at the shapes of its own tests meets four laws and a
sample in W1, W2 and the energy distance. A call may end with bounds, or with an error of otdiv;
within `SECONDS` of CPU time, without a warning. The judges share no code with otdiv: SciPy's
QUADPACK over the line, and for W2 to a normal law

    W2² = v + t² + (m - n)² - 2 t ∫ φ(Φ⁻¹(F(x))) dx

(means m and n, variances v and t², F of the other law), which integrates the
distribution function instead of quantiles.
"""

from __future__ import annotations

import math
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import integrate, special, stats
from scipy.stats._distr_params import distcont, distdiscrete

from otdiv import OtdivError, energy_distance, wasserstein1_result, wasserstein2

from .records import save

SECONDS = 20.0
SAMPLE = (-1.0, 0.0, 0.5, 2.0, 7.0)
OTHERS: dict[str, Any] = {
    "norm": stats.norm(),
    "gamma": stats.gamma(2.0),
    "beta": stats.beta(0.5, 2.0),
    "t": stats.t(3.0),
    "sample": list(SAMPLE),
}
DISTANCES: dict[str, Callable[[Any, Any], Any]] = {
    "W1": wasserstein1_result,
    "W2": wasserstein2,
    "energy": energy_distance,
}
# What the judges' own quadrature and SciPy's moments leave; relative.
JUDGED = 1e-6


@dataclass
class Row:
    """One call: its answer or error, its CPU seconds, and the judge's number where there is one."""

    law: str
    other: str
    distance: str
    value: float | None
    lower: float | None
    upper: float | None
    error: str
    seconds: float
    judged: float | None = None

    @property
    def fault(self) -> str:
        """What is wrong with it, if anything."""
        if self.error and not self.error.startswith("otdiv"):
            return self.error
        if self.seconds > SECONDS:
            return f"{self.seconds:.0f} s"
        if self.value is not None and math.isnan(self.value):
            return "NaN"
        if self.judged is None or self.lower is None or self.upper is None:
            return ""
        room = JUDGED * max(1.0, abs(self.judged))
        if not self.lower - room <= self.judged <= self.upper + room:
            return f"judged {self.judged:.12g}, bounds [{self.lower:.12g}, {self.upper:.12g}]"
        return ""


def laws() -> Iterator[tuple[str, Any]]:
    """Every law of SciPy's at the shapes of its tests."""
    for name, shapes in [*distcont, *distdiscrete]:
        if not isinstance(name, str):
            yield f"discrete{tuple(name.xk)}", name()
            continue
        label = ", ".join(f"{shape:.4g}" if np.ndim(shape) == 0 else "…" for shape in shapes)
        yield f"{name}({label})", getattr(stats, name)(*shapes)


def measured(label: str, law: Any, other: str, distance: str) -> Row:
    """Call otdiv, with warnings as errors."""
    begun = time.process_time()
    value = lower = upper = None
    error = ""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            found = DISTANCES[distance](law, OTHERS[other])
            value = float(getattr(found, "value", found))
            bounds = getattr(found, "bounds", None)
            lower, upper = (value, value) if bounds is None else (bounds.lower, bounds.upper)
        except OtdivError as raised:
            error = f"otdiv.{type(raised).__name__}: {raised}"
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"
    seconds = time.process_time() - begun
    return Row(label, other, distance, value, lower, upper, error, round(seconds, 3))


def judge(law: Any, other: str, distance: str) -> float | None:
    """Distance by another formula, or None where it cannot be trusted."""
    if hasattr(law, "pmf") or law.dist.name == "vonmises":  # the latter's F exceeds 1
        return None
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return _judged(law, other, distance)
        except (ArithmeticError, ValueError, RuntimeError):
            return None


def _judged(law: Any, other: str, distance: str) -> float | None:
    mean, variance = (float(moment) for moment in law.stats("mv"))
    begun = time.process_time()
    law.cdf(np.full(8, law.ppf(0.5)))
    if time.process_time() - begun > 0.01 or not math.isfinite(mean + variance):
        return None
    quantiles = law.ppf([1e-9, 1e-6, 1e-3, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98, 0.999])
    quantiles = [*quantiles, *law.isf([1e-6, 1e-9]), *law.support()]
    target = OTHERS[other]
    if other == "sample":
        atoms = np.array(SAMPLE)

        def cdf(t: float) -> float:
            return float((atoms <= t).mean())

        cuts = [*quantiles, *SAMPLE]
    else:
        cdf = target.cdf
        cuts = [*quantiles, *target.ppf([1e-9, 1e-3, 0.1, 0.5, 0.9, 0.999]), *target.support()]
        cuts += [float(target.isf(1e-9))]
    if distance == "W2":
        if other != "norm":
            return None

        def height(t: float) -> float:
            z = (
                special.ndtri(np.clip(law.cdf(t), 1e-300, 0.5))
                if law.cdf(t) < 0.5
                else (-special.ndtri(np.clip(law.sf(t), 1e-300, 0.5)))
            )
            return float(np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi))

        overlap = _integral(height, quantiles)
        return math.sqrt(max(0.0, variance + 1.0 + mean**2 - 2.0 * overlap))
    power = 1.0 if distance == "W1" else 2.0

    def gap(t: float) -> float:
        return float(abs(law.cdf(t) - cdf(t)) ** power)

    value = _integral(gap, cuts)
    return value if power == 1.0 else math.sqrt(2.0 * value)


def _integral(function: Callable[[float], float], cuts: list[float]) -> float:
    """QUADPACK between the finite cuts, and twice as far as the outermost ones reach, thrice."""
    edges = np.unique([cut for cut in cuts if math.isfinite(cut)])
    reach = edges[-1] - edges[0]
    low = [edges[0] - reach * k for k in (15, 7, 3, 1)] if -math.inf in cuts else []
    high = [edges[-1] + reach * k for k in (1, 3, 7, 15)] if math.inf in cuts else []
    parts = [
        integrate.quad(function, a, b, limit=200, epsabs=1e-11, epsrel=1e-10)[0]
        for a, b in pairwise([*low, *edges, *high])
    ]
    return math.fsum(parts)


def sweep(stride: int = 1, judged: bool = True) -> Iterator[Row]:
    """Rows of every `stride`-th call."""
    calls = (
        (label, law, other, distance)
        for label, law in laws()
        for other in OTHERS
        for distance in DISTANCES
    )
    for number, (label, law, other, distance) in enumerate(calls):
        if number % stride:
            continue
        row = measured(label, law, other, distance)
        if judged and row.value is not None and math.isfinite(row.value):
            row.judged = judge(law, other, distance)
        yield row


def law_distances(stride: int = 1) -> int:
    """Run the sweep, print its faults, record it where it is whole; return how many there are."""
    rows = []
    for row in sweep(stride):
        rows.append(row)
        if row.fault:
            print(f"{row.distance} {row.law} {row.other}: {row.fault}", flush=True)
    errors = Counter(
        row.error.split(":")[0] + " " + row.law.split("(")[0] for row in rows if row.error
    )
    faults = [row for row in rows if row.fault]
    slowest = max(rows, key=lambda row: row.seconds)
    lines = [
        "# Distances of SciPy's laws",
        "",
        f"{len(rows)} calls, {sum(row.judged is not None for row in rows)} of them judged by other "
        f"formulas; {len(faults)} faults; {sum(errors.values())} ends with an error of otdiv; "
        f"{sum(row.value == math.inf for row in rows)} infinite distances.",
        f"CPU time {sum(row.seconds for row in rows):.0f} s; slowest: {slowest.distance} of "
        f"{slowest.law} to {slowest.other}, {slowest.seconds:.1f} s.",
        "",
        "| error | calls |",
        "|---|---|",
        *(f"| {error} | {count} |" for error, count in errors.most_common()),
        "",
        *(f"- {row.distance} {row.law} {row.other}: {row.fault}" for row in faults),
    ]
    print("\n".join(lines))
    if stride == 1:
        save("law_distances", [asdict(row) for row in rows], lines)
    return len(faults)
