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
import scipy
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


def random_laws(draws: int, seed: int) -> Iterator[tuple[str, Any]]:
    """Every continuous law at shapes drawn around those of its tests, small and large ones too.

    Factors are log-uniform over three decades; one shape in five is near 0.03 and one near 100.
    Locations and scales are 0 and 1, or anything from 1e-100 to 1e100.
    """
    rng = np.random.default_rng(seed)
    for name, shapes in distcont:
        dist = getattr(stats, name)
        for _ in range(draws):
            drawn = _drawn_shapes(dist, shapes, rng)
            loc, scale = 0.0, 1.0
            if rng.integers(2):
                scale = 10.0 ** rng.uniform(-100.0, 100.0)
            if rng.integers(3) == 0:
                loc = rng.choice([-1.0, 1.0]) * 10.0 ** rng.uniform(-100.0, 100.0)
            parameters = ", ".join(map(repr, (*drawn, float(loc), float(scale))))
            yield f"{name}({parameters})", dist(*drawn, loc=loc, scale=scale)


def _drawn_shapes(
    dist: Any, shapes: tuple[float, ...], rng: np.random.Generator
) -> tuple[float, ...]:
    for _ in range(100):
        drawn = []
        for shape in shapes:
            kind = rng.integers(5)
            size = abs(shape) * 10.0 ** rng.uniform(-1.5, 1.5)
            if kind < 2:
                size = 10.0 ** rng.uniform(-2.0, -1.0) if kind else 10.0 ** rng.uniform(1.7, 2.3)
            size = max(1.0, round(size)) if isinstance(shape, int) else size
            drawn.append(math.copysign(size, shape))
        if np.all(dist._argcheck(*drawn)):
            return tuple(drawn)
    return shapes  # domains too narrow for the draws


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
    levels = law.cdf(quantiles) - [1e-9, 1e-6, 1e-3, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98, 0.999]
    if type(law.dist)._cdf.__qualname__.startswith("rv_") or np.abs(levels).max() > 1e-9:
        return None  # an integral of SciPy's over the line, or functions that contradict each other
    quantiles = [*quantiles, *law.isf([1e-6, 1e-9]), *law.support()]
    span = quantiles[12] - quantiles[0]
    low, high = law.support()
    first = low if math.isfinite(low) else quantiles[0] - 16.0 * span
    last = high if math.isfinite(high) else quantiles[12] + 16.0 * span
    target = OTHERS[other]
    if other == "sample":
        atoms = np.array(SAMPLE)

        def cdf(t: float) -> float:
            return float((atoms <= t).mean())

        def sf(t: float) -> float:
            return float((atoms > t).mean())

        cuts = [*quantiles, *SAMPLE]
    else:
        cdf, sf = target.cdf, target.sf
        cuts = [*quantiles, *target.ppf([1e-9, 1e-3, 0.1, 0.5, 0.9, 0.999]), *target.support()]
        cuts += [float(target.isf(1e-9))]
    for near, end in zip((quantiles[0], quantiles[12]), (low, high), strict=True):
        # Ends that are finite and far: a tail is seen in steps that double.
        if 4.0 * span < abs(end - near) < math.inf:
            steps = np.arange(0.0, math.log2(abs(end - near) / span))
            cuts += list(near + math.copysign(span, end - near) * 2.0**steps)
    if distance == "W2":
        # Moments that SciPy integrates miss such tails.
        if other != "norm" or type(law.dist)._stats.__qualname__.startswith("rv_"):
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
        # To a wide law a narrow one is a step, far from which its functions are not to be asked.
        if t < first:
            return float(cdf(t) ** power)
        if t > last:
            return float(sf(t) ** power)
        is_low = t < quantiles[6]
        return float(abs(law.cdf(t) - cdf(t) if is_low else law.sf(t) - sf(t)) ** power)

    value = _integral(gap, [*cuts, first, last])
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


def sweep(stride: int = 1, judged: bool = True, draws: int = 0, seed: int = 0) -> Iterator[Row]:
    """Rows of every `stride`-th call; with `draws`, at so many random shapes, to two others."""
    calls = (
        (label, law, other, distance)
        for label, law in (random_laws(draws, seed) if draws else laws())
        for other in (("norm", "sample") if draws else OTHERS)
        for distance in DISTANCES
    )
    for number, (label, law, other, distance) in enumerate(calls):
        if number % stride:
            continue
        row = measured(label, law, other, distance)
        if judged and row.value is not None and math.isfinite(row.value):
            row.judged = judge(law, other, distance)
        yield row


def law_distances(stride: int = 1, draws: int = 0, seed: int = 0) -> int:
    """Run the sweep, print its faults, record it where it is whole; return how many there are."""
    name = "law_distances_random" if draws else "law_distances"
    options = f" --random {draws} --rng {seed}" if draws else ""
    rows = []
    for row in sweep(stride, draws=draws, seed=seed):
        rows.append(row)
        if row.fault:
            print(f"{row.distance} {row.law} {row.other}: {row.fault}", flush=True)
    errors = Counter(
        row.error.split(":")[0] + " " + row.law.split("(")[0] for row in rows if row.error
    )
    faults = [row for row in rows if row.fault]
    outcomes = {
        "judged by other formulas": sum(row.judged is not None for row in rows),
        "faults": len(faults),
        "errors of otdiv": sum(errors.values()),
        "infinite distances": sum(row.value == math.inf for row in rows),
        "all calls": len(rows),
    }
    slowest = sorted(rows, key=lambda row: -row.seconds)[:8]
    lines = [
        "# Distances of SciPy's laws" + (" at random shapes" if draws else ""),
        "",
        f"`python -m benchmarks law_distances{options}`, SciPy {scipy.__version__}, NumPy "
        f"{np.__version__}; CPU time {sum(row.seconds for row in rows):.0f} s.",
        "",
        "| outcome | calls |",
        "|---|---|",
        *(f"| {outcome} | {count} |" for outcome, count in outcomes.items()),
        "",
        "| error | calls |",
        "|---|---|",
        *(f"| {error} | {count} |" for error, count in errors.most_common()),
        "",
        "| slowest call | CPU seconds |",
        "|---|---|",
        *(f"| {row.distance} {row.law} to {row.other} | {row.seconds:.1f} |" for row in slowest),
        "",
        *(f"- {row.distance} {row.law} {row.other}: {row.fault}" for row in faults),
    ]
    print("\n".join(lines))
    if stride == 1:
        save(name, [asdict(row) for row in rows], lines)
    return len(faults)
