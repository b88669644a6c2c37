"""The one table of every public distance and divergence, with the laws that each must obey.

A row calls the function on one kind of data: "points" are samples (n, d), "line" samples (n,),
"vectors" probability vectors (k,). `tests/contracts/test_laws_table.py` makes sure that no public
function is missing; `tests/properties/test_distance_laws.py` draws the data and tests the laws.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from otdiv import distances, divergences
from otdiv.distances.wasserstein_distance import wasserstein


@dataclass(frozen=True, kw_only=True)
class Row:
    """One public function with fixed options.

    `function` names it in its package, `call` evaluates it; `upper` bounds its values, `scaling` is
    the exponent e of D(cx, cy) = |c|^e D(x, y); the other laws either hold or do not. `power` is
    the exponent of the number in which rounding is proportional to machine precision: 2 for the
    root of a sum whose terms cancel.
    """

    function: str
    call: Callable[..., float]
    data: str
    symmetric: bool = True
    triangle: bool = False
    translation: bool = False
    scaling: float | None = None
    upper: float = math.inf
    power: float = 1.0

    def __str__(self) -> str:
        return f"{self.function}[{self.data}]"


SUPPORT = np.array([-1.0, 0.5, 2.0, 3.0, 10.0])


def _metric(function, call, data, **laws):
    laws = {"triangle": True, "translation": True, "scaling": 1.0} | laws
    return Row(function=function, call=call, data=data, **laws)


def _of_points(function, call, **laws):
    return [_metric(function, call, data, **laws) for data in ("points", "line")]


DISTANCES = [
    *_of_points("wasserstein1", distances.wasserstein1),
    *_of_points("wasserstein1_result", lambda x, y: distances.wasserstein1_result(x, y).value),
    *_of_points("wasserstein2", distances.wasserstein2, power=2.0),
    *_of_points("wasserstein", lambda x, y: wasserstein(x, y, p=3.0), power=3.0),
    _metric("wasserstein", lambda x, y: wasserstein(x, y, p=math.inf), "line"),
    _metric("wasserstein1_batch", lambda x, y: float(distances.wasserstein1_batch(x, y)), "line"),
    _metric(
        "wasserstein_batch",
        lambda x, y: float(distances.wasserstein_batch(x, y, p=2.0)),
        "line",
        power=2.0,
    ),
    Row(
        function="wasserstein1_histogram",
        call=lambda p, q: distances.wasserstein1_histogram(p, q, support=SUPPORT),
        data="vectors",
        triangle=True,
        upper=11.0,
    ),
    *_of_points("energy_distance", distances.energy_distance, scaling=0.5, power=2.0),
    *_of_points(
        "maximum_mean_discrepancy",
        lambda x, y: distances.maximum_mean_discrepancy(x, y, bandwidth=1.5),
        scaling=None,
        upper=math.sqrt(2.0),
        power=2.0,
    ),
    *_of_points(
        "maximum_mean_discrepancy_result",
        lambda x, y: (
            distances.maximum_mean_discrepancy_result(x, y, bandwidth=1.5, kernel="laplace").value
        ),
        scaling=None,
        upper=math.sqrt(2.0),
        power=2.0,
    ),
    *_of_points(
        "sliced_wasserstein",
        lambda x, y: distances.sliced_wasserstein(x, y, n_projections=7, rng=0),
    ),
    *_of_points(
        "sliced_wasserstein_result",
        lambda x, y: distances.sliced_wasserstein_result(x, y, p=2, n_projections=7, rng=0).value,
        power=2.0,
    ),
]


def _of_vectors(function, call=None, **laws):
    return Row(
        function=function, call=call or getattr(divergences, function), data="vectors", **laws
    )


DIVERGENCES = [
    _of_vectors("kl_divergence", symmetric=False),
    _of_vectors(
        "kl_divergence_result",
        lambda p, q: divergences.kl_divergence_result(p, q).value,
        symmetric=False,
    ),
    _of_vectors("jeffreys_divergence"),
    _of_vectors("population_stability_index"),
    _of_vectors(
        "renyi_divergence",
        lambda p, q: divergences.renyi_divergence(p, q, alpha=2.0),
        symmetric=False,
    ),
    _of_vectors(
        "renyi_divergence", lambda p, q: divergences.renyi_divergence(p, q, alpha=0.5), power=1.0
    ),
    _of_vectors("js_divergence", upper=math.log(2.0)),
    _of_vectors("js_divergence_unhalved", upper=2.0 * math.log(2.0)),
    _of_vectors("js_distance", triangle=True, upper=math.sqrt(math.log(2.0)), power=2.0),
    _of_vectors("chi2_divergence", symmetric=False),
    _of_vectors("hellinger_distance", triangle=True, upper=1.0, power=2.0),
    _of_vectors("total_variation", triangle=True, upper=1.0),
    _of_vectors(
        "f_divergence",
        lambda p, q: divergences.f_divergence(
            p, q, lambda t: 0.5 * np.abs(t - 1.0), slope_at_infinity=0.5
        ),
        upper=1.0,
    ),
]

ROWS = DISTANCES + DIVERGENCES
