"""Who takes part: ours and the installed peers, each a function from an instance to an answer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import entropic
from .answers import Answer, Contender


def _ours_line(data: dict[str, Any]) -> Answer:
    from otdiv import wasserstein1

    return Answer(wasserstein1(**data))


def _ours_line_plan(data: dict[str, Any]) -> Answer:
    from otdiv import solvers, transport

    result = transport(**data, solver=solvers.Line())
    return Answer(result.value, result.bounds.lower, result.bounds.upper, result.status.name)


def _scipy_line(data: dict[str, Any]) -> Answer:
    from scipy.stats import wasserstein_distance

    weights = data.get("x_weights"), data.get("y_weights")
    return Answer(wasserstein_distance(data["x"], data["y"], *weights))


def _pot_line(data: dict[str, Any]) -> Answer:
    import ot

    a, b = data.get("x_weights"), data.get("y_weights")
    a, b = (None if w is None else w / w.sum() for w in (a, b))
    return Answer(float(ot.wasserstein_1d(data["x"], data["y"], a, b)))


def _mean(name: str) -> Callable[[dict[str, Any]], Answer]:
    def call(data: dict[str, Any]) -> Answer:
        import otdiv

        return Answer(float(np.mean(getattr(otdiv, name)(data["p"], data["q"], axis=1))))

    return call


def _scipy_js(data: dict[str, Any]) -> Answer:
    from scipy.spatial.distance import jensenshannon

    with np.errstate(all="ignore"):
        return Answer(float(np.mean(jensenshannon(data["p"], data["q"], axis=1) ** 2)))


def _scipy_kl(data: dict[str, Any]) -> Answer:
    from scipy.stats import entropy

    return Answer(float(np.mean(entropy(data["p"], data["q"], axis=1))))


def _ours_points(data: dict[str, Any], rtol: float | None = None) -> Answer:
    from otdiv import transport

    a, b = data["a"], data["b"]
    result = transport(data["x"], data["y"], x_weights=a, y_weights=b, cost=data["cost"], rtol=rtol)
    return Answer(result.value, result.bounds.lower, result.bounds.upper, result.status.name)


def _within(rtol: float) -> Callable[[dict[str, Any]], Answer]:
    return lambda data: _ours_points(data, rtol)


def _ours_matrix(prepared: Any) -> Answer:
    from otdiv import transport_matrix

    C, a, b = prepared
    result = transport_matrix(C, x_weights=a, y_weights=b)
    return Answer(result.value, result.bounds.lower, result.bounds.upper, result.status.name)


def _matrix(data: dict[str, Any]) -> Any:
    from scipy.spatial.distance import cdist

    return cdist(data["x"], data["y"], data["cost"]), data["a"], data["b"]


def _pot(prepared: Any) -> Answer:
    import warnings

    import ot

    C, a, b = prepared
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value, log = ot.emd2(a, b, C, numItermax=10**8, log=True)
    return Answer(float(value), status=str(log["warning"] or "done"))


def _assignment(prepared: Any) -> Answer:
    from scipy.optimize import linear_sum_assignment

    C, a, b = prepared
    if not (len(a) == len(b) and np.ptp(a) == 0.0 == np.ptp(b)):
        return Answer(math.nan, status="not applicable")
    rows, columns = linear_sum_assignment(C)
    return Answer(float(C[rows, columns].mean()))


def _scipy_nd(data: dict[str, Any]) -> Answer:
    from scipy.stats import wasserstein_distance_nd

    if data["cost"] != "euclidean":
        return Answer(math.nan, status="not applicable")
    return Answer(float(wasserstein_distance_nd(data["x"], data["y"], data["a"], data["b"])))


_WNET_TOTAL = 2**30


def _wnet_inputs(data: dict[str, Any]) -> Any:
    if data["cost"] not in ("euclidean", "sqeuclidean"):
        return None
    from wnet import Distribution

    sides = []
    for points, weights in ((data["x"], data["a"]), (data["y"], data["b"])):
        # Its networks are integer, and refuse sides whose rounded weights differ in sum.
        whole = np.round(weights * _WNET_TOTAL)
        whole[whole.argmax()] += _WNET_TOTAL - whole.sum()
        sides.append(Distribution(points.T.copy(), whole))
    return sides, 1.0 if data["cost"] == "euclidean" else 2.0


def _wnet(prepared: Any) -> Answer:
    if prepared is None:
        return Answer(math.nan, status="not applicable")
    from wnet import WassersteinDistance
    from wnet.distances import DistanceMetric

    (p, q), power = prepared
    value = WassersteinDistance(p, q, DistanceMetric.L2, power) ** power / _WNET_TOTAL
    return Answer(float(value), status="quantised")


CONTENDERS = [
    Contender("otdiv wasserstein1", "line", _ours_line),
    Contender("otdiv transport(Line)", "line", _ours_line_plan),
    Contender("scipy wasserstein_distance", "line", _scipy_line, needs="scipy"),
    Contender("POT wasserstein_1d", "line", _pot_line, needs="ot"),
    Contender("otdiv js_divergence", "divergences", _mean("js_divergence")),
    Contender("scipy jensenshannon", "divergences", _scipy_js, needs="scipy"),
    Contender("otdiv kl_divergence", "divergences", _mean("kl_divergence")),
    Contender("scipy entropy", "divergences", _scipy_kl, needs="scipy"),
    Contender("otdiv points", "exact", _ours_points),
    Contender("otdiv matrix", "exact", _ours_matrix, _matrix),
    Contender("POT emd2", "exact", _pot, _matrix, needs="ot"),
    Contender("wnet", "exact", _wnet, _wnet_inputs, needs="wnet"),
    Contender("scipy LSA", "exact", _assignment, _matrix, needs="scipy"),
    Contender("scipy wasserstein_distance_nd", "exact", _scipy_nd, needs="scipy"),
]

CONTENDERS.append(Contender("otdiv", "large", _ours_points))
CONTENDERS.append(Contender("otdiv, rtol=1e-3", "large", _within(1e-3)))
for rtol in (1e-1, 1e-2, 1e-3, 1e-4, 1e-6):
    CONTENDERS.append(Contender(f"otdiv, rtol={rtol:g}", "gaps", _within(rtol)))
CONTENDERS.append(Contender("otdiv, exact", "gaps", _ours_points))
CONTENDERS += entropic.CONTENDERS
