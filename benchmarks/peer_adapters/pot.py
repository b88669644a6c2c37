"""POT's functions of transport, answered by otdiv (NumPy arrays only).

What is dropped: limits of iterations of exact solvers, numbers of threads, starting points, the
name of the Sinkhorn variant (all have the same optimum) and `verbose`.
"""

from __future__ import annotations

import collections
import math
import warnings
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import scipy.special

import otdiv
from otdiv import DiscreteMeasure, Gaussian, PNormCost, UnbalancedProblem, solvers

from . import CONVENTION, LATER, Adapter, Listed, NoCounterpartError

SINKHORN_METHODS = ("sinkhorn", "sinkhorn_log", "sinkhorn_stabilized")
PLAN_METHODS = (*SINKHORN_METHODS, "greenkhorn", "sinkhorn_epsilon_scaling")
UNBALANCED_METHODS = (
    "sinkhorn",
    "sinkhorn_stabilized",
    "sinkhorn_reg_scaling",
    "sinkhorn_translation_invariant",
)
Plan = collections.namedtuple("Plan", ["data", "rows", "cols"])


@pytest.fixture(params=["numpy"])
def nx(request: pytest.FixtureRequest) -> Any:
    """The backend of POT's tests, for sources that leave their conftest out."""
    from ot.backend import NumpyBackend

    return NumpyBackend()


def pytest_configure(config: pytest.Config) -> None:
    """Offer what POT's conftest adds to pytest, where there is none."""
    if not hasattr(pytest, "skip_backend"):
        pytest.skip_backend = lambda name, reason="": pytest.mark.skipif(
            name == "numpy", reason=reason
        )
        # Its other helper leaves out arguments of backends that are not run here.
        pytest.skip_arg = lambda *args, **options: lambda test: test


def weights(a: Any, n: int) -> np.ndarray:
    """POT takes no weights, or empty ones, for uniform ones."""
    a = np.asarray(() if a is None else a)
    return np.full(n, 1.0 / n) if a.size == 0 else a


def like(value: Any, *samples: Any) -> Any:
    """The value in the type of the first of the arrays that holds something."""
    for sample in samples:
        if getattr(sample, "size", 0) and np.issubdtype(sample.dtype, np.floating):
            return np.asarray(value, dtype=sample.dtype)[()]
    return value


def emd_result(a: Any, b: Any, M: Any) -> tuple[otdiv.TransportResult, float]:
    """Transport between shares, and the mass that they are of."""
    if scipy.sparse.issparse(M):
        pairs = M.tocoo()
        costs = np.full(M.shape, np.inf)  # pairs that are not stored are forbidden
        costs[pairs.row, pairs.col] = pairs.data
    else:
        costs = np.asarray(M, dtype=float)
    a, b = weights(a, costs.shape[0]), weights(b, costs.shape[1])
    return otdiv.transport_matrix(costs, x_weights=a, y_weights=b), float(np.sum(a))


def emd(a: Any, b: Any, M: Any, *_: Any, log: bool = False, **options: Any) -> Any:
    warned_of_threads(options)
    result, mass = emd_result(a, b, M)
    plan = like(result.plan.toarray() * mass, a, b, M)
    if scipy.sparse.issparse(M):
        plan = scipy.sparse.coo_array(plan)
    return (plan, emd_log(result, mass, a, b, M)) if log else plan


def warned_of_threads(options: dict[str, Any]) -> None:
    if options.get("numThreads", 1) != 1:
        warnings.warn("numThreads is ignored", DeprecationWarning, stacklevel=3)


def emd_log(result: otdiv.TransportResult, mass: float, *samples: Any) -> dict[str, Any]:
    return {
        "cost": like(result.value * mass, *samples),
        "u": like(result.potentials.f, *samples),
        "v": like(result.potentials.g, *samples),
        "warning": None,
        "result_code": 1,
    }


def emd2(
    a: Any,
    b: Any,
    M: Any,
    *_: Any,
    log: bool = False,
    return_matrix: bool = False,
    **options: Any,
) -> Any:
    warned_of_threads(options)
    if np.ndim(b) == 2:
        several = {"log": log, "return_matrix": return_matrix}
        return [emd2(a, column, M, **several) for column in np.transpose(b)]
    result, mass = emd_result(a, b, M)
    value = like(result.value * mass, a, b, M)
    if not log:
        return value
    notes = emd_log(result, mass, a, b, M)
    if return_matrix:
        notes["G"] = like(result.plan.toarray() * mass, a, b, M)
    return value, notes


def emd2_lazy(
    X_a: Any,
    X_b: Any,
    a: Any = None,
    b: Any = None,
    metric: str = "sqeuclidean",
    log: bool = False,
    return_matrix: bool = True,
    **_: Any,
) -> Any:
    a, b = weights(a, len(X_a)), weights(b, len(X_b))
    result = otdiv.transport(X_a, X_b, x_weights=a, y_weights=b, cost=metric)
    mass = float(np.sum(a))
    if not log:
        return result.value * mass
    plan = scipy.sparse.coo_array(result.plan.toarray() * mass)
    return result.value * mass, emd_log(result, mass, X_a) | {"G": plan}


def line_cost(metric: str, p: float) -> Any:
    return PNormCost(norm=2.0, power=p) if metric == "minkowski" else metric


def emd_1d(
    x_a: Any,
    x_b: Any,
    a: Any = None,
    b: Any = None,
    metric: str = "sqeuclidean",
    p: float = 1.0,
    dense: bool = True,
    log: bool = False,
    **_: Any,
) -> Any:
    a, b = weights(a, len(x_a)), weights(b, len(x_b))
    cost = line_cost(metric, p)
    result = otdiv.transport(x_a, x_b, x_weights=a, y_weights=b, cost=cost)
    mass = float(np.sum(a))
    plan = like(result.plan.toarray() * mass, x_a)
    plan = plan if dense else scipy.sparse.coo_array(plan)
    return (plan, {"cost": like(result.value * mass, x_a)}) if log else plan


def emd2_1d(*args: Any, log: bool = False, **options: Any) -> Any:
    plan, notes = emd_1d(*args, **options, log=True)
    return (notes["cost"], {"G": plan}) if log else notes["cost"]


def wasserstein_1d(
    u_values: Any,
    v_values: Any,
    u_weights: Any = None,
    v_weights: Any = None,
    p: float = 1,
    require_sort: bool = True,
    return_plans: Any = False,
) -> Any:
    u, v = np.asarray(u_values), np.asarray(v_values)
    cost = PNormCost(norm=2.0, power=p)

    def column(values: np.ndarray, shares: Any, k: int) -> Any:
        if shares is None or np.ndim(shares) == 1:
            return shares
        return shares[:, k]

    columns = 1 if u.ndim == 1 else u.shape[1]
    results = [
        otdiv.transport(
            u if u.ndim == 1 else u[:, k],
            v if v.ndim == 1 else v[:, k],
            x_weights=column(u, u_weights, k),
            y_weights=column(v, v_weights, k),
            cost=cost,
        )
        for k in range(columns)
    ]
    values = [result.value for result in results]
    value = like(values[0] if u.ndim == 1 else values, u)
    if return_plans is False:
        return value
    plans = [scipy.sparse.coo_array(like(result.plan.toarray(), u)) for result in results]
    if return_plans == "coo_tuple":
        plans = [Plan(plan.data, plan.row, plan.col) for plan in plans]
    return value, plans


def sinkhorn_solver(reg: float, stop: float, steps: int) -> solvers.Sinkhorn:
    # A threshold of 0 asks for what rounding allows, which is the least that Sinkhorn goes to.
    return solvers.Sinkhorn(
        epsilon=reg, marginal_tolerance=max(stop, 1e-14), max_iterations=max(steps, 1)
    )


def warned(result: otdiv.TransportResult, warn: bool) -> None:
    if warn and result.status is not otdiv.Status.OPTIMAL:
        warnings.warn("Sinkhorn did not converge", UserWarning, stacklevel=3)


def scalings(result: otdiv.TransportResult, a: Any, b: Any) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of POT's u and v: P = diag(u) exp(-M / reg) diag(v)."""
    epsilon, plan = result.entropic.epsilon, result.plan
    with np.errstate(divide="ignore"):
        return np.log(a) + plan.f / epsilon, np.log(b) + plan.g / epsilon


def sinkhorn(
    a: Any,
    b: Any,
    M: Any,
    reg: float,
    method: str = "sinkhorn",
    numItermax: int = 1000,
    stopThr: float = 1e-9,
    log: bool = False,
    warn: bool = True,
    **_: Any,
) -> Any:
    if method.lower() not in PLAN_METHODS:
        raise ValueError(f"Unknown method {method!r}")
    options = {"stopThr": stopThr, "numItermax": numItermax, "warn": warn}
    if np.ndim(b) == 2:
        return sinkhorn2(a, b, M, reg, log=log, **options)
    M = np.asarray(M)
    a, b = weights(a, M.shape[0]), weights(b, M.shape[1])
    solver = sinkhorn_solver(reg, stopThr, numItermax)
    result = otdiv.transport_matrix(M, x_weights=a, y_weights=b, solver=solver, throw=False)
    warned(result, warn)
    plan = like(result.plan.toarray() * float(np.sum(a)), M)
    # For a matrix otdiv hands back the plan alone, not the scalings u and v.
    notes = {"err": [result.entropic.marginal_error], "niter": result.n_iterations}
    return (plan, notes) if log else plan


def sinkhorn2(
    a: Any,
    b: Any,
    M: Any,
    reg: float,
    method: str = "sinkhorn",
    log: bool = False,
    warn: bool = False,
    **options: Any,
) -> Any:
    if method.lower() not in SINKHORN_METHODS:
        raise ValueError(f"Unknown method {method!r}")
    columns = np.transpose(b) if np.ndim(b) == 2 else [b]
    solved = [sinkhorn(a, column, M, reg, log=True, warn=warn, **options) for column in columns]
    losses, notes = [np.sum(plan * M) for plan, _ in solved], [note for _, note in solved]
    if np.ndim(b) != 2:
        return (losses[0], notes[0]) if log else losses[0]
    value = like(losses, np.asarray(M))
    return (value, {"err": [note["err"] for note in notes]}) if log else value


def empirical_result(
    X_s: Any, X_t: Any, reg: float, a: Any, b: Any, metric: str, stop: float, steps: int, warn: bool
) -> tuple[otdiv.TransportResult, np.ndarray, np.ndarray]:
    a, b = weights(a, len(X_s)), weights(b, len(X_t))
    result = otdiv.transport(
        X_s,
        X_t,
        x_weights=a,
        y_weights=b,
        cost=metric,
        solver=sinkhorn_solver(reg, stop, steps),
        throw=False,
    )
    warned(result, warn)
    return result, a, b


def empirical_sinkhorn(
    X_s: Any,
    X_t: Any,
    reg: float,
    a: Any = None,
    b: Any = None,
    metric: str = "sqeuclidean",
    numIterMax: int = 10000,
    stopThr: float = 1e-9,
    isLazy: bool = False,
    log: bool = False,
    warn: bool = True,
    **_: Any,
) -> Any:
    result, a, b = empirical_result(X_s, X_t, reg, a, b, metric, stopThr, numIterMax, warn)
    plan = like(result.plan.toarray(), X_s)
    u, v = scalings(result, a, b)
    notes = {"u": u, "v": v, "niter": result.n_iterations, "lazy_plan": plan}
    if isLazy:
        return (u, v, notes) if log else (u, v)
    return (plan, notes) if log else plan


def empirical_sinkhorn2(
    X_s: Any,
    X_t: Any,
    reg: float,
    a: Any = None,
    b: Any = None,
    metric: str = "sqeuclidean",
    numIterMax: int = 10000,
    stopThr: float = 1e-9,
    log: bool = False,
    warn: bool = True,
    **_: Any,
) -> Any:
    result, a, b = empirical_result(X_s, X_t, reg, a, b, metric, stopThr, numIterMax, warn)
    value = like(result.entropic.terms["transport"], X_s)
    u, v = scalings(result, a, b)
    notes = {"u": u, "v": v, "lazy_plan": like(result.plan.toarray(), X_s)}
    return (value, notes) if log else value


def empirical_sinkhorn_divergence(
    X_s: Any,
    X_t: Any,
    reg: float,
    a: Any = None,
    b: Any = None,
    metric: str = "sqeuclidean",
    log: bool = False,
    **_: Any,
) -> Any:
    result = otdiv.sinkhorn_divergence_result(
        X_s, X_t, epsilon=reg, x_weights=a, y_weights=b, cost=metric, marginal_tolerance=1e-9
    )
    names = {"cross": "ab", "source": "a", "target": "b"}
    notes = {f"sinkhorn_loss_{names[name]}": value for name, value in result.terms.items()}
    return (result.value, notes) if log else result.value


def bures_wasserstein_distance(
    ms: Any, mt: Any, Cs: Any, Ct: Any, paired: bool = False, log: bool = False
) -> Any:
    if np.ndim(ms) == 1:
        value = otdiv.wasserstein2(gaussian(ms, Cs), gaussian(mt, Ct))
    elif paired and len(ms) == len(mt):
        sides = zip(ms, mt, Cs, Ct, strict=True)
        value = [otdiv.wasserstein2(gaussian(m, C), gaussian(o, D)) for m, o, C, D in sides]
    else:
        sources = [gaussian(m, C) for m, C in zip(ms, Cs, strict=True)]
        targets = [gaussian(m, C) for m, C in zip(mt, Ct, strict=True)]
        value = [[otdiv.wasserstein2(p, q) for q in targets] for p in sources]
    value = like(value, np.asarray(ms))
    return (value, {}) if log else value


def gaussian(mean: Any, covariance: Any) -> Gaussian:
    return Gaussian(mean=mean, covariance=covariance)


def bures_distance(
    Cs: Any, Ct: Any, paired: bool = False, log: bool = False, nx: Any = None
) -> Any:
    zeros = [np.zeros(np.shape(C)[:-1], dtype=np.asarray(C).dtype) for C in (Cs, Ct)]
    return bures_wasserstein_distance(*zeros, Cs, Ct, paired, log)


def empirical_bures_wasserstein_distance(
    xs: Any,
    xt: Any,
    reg: float = 1e-6,
    ws: Any = None,
    wt: Any = None,
    bias: bool = True,
    log: bool = False,
) -> Any:
    sides = []
    for x, w in ((xs, ws), (xt, wt)):
        shares = np.full(len(x), 1.0 / len(x)) if w is None else np.ravel(w) / np.sum(w)
        mean = shares @ x if bias else np.zeros(x.shape[1])
        centred = x - mean
        sides.append((mean, (centred.T * shares) @ centred + reg * np.eye(x.shape[1])))
    value = otdiv.wasserstein2(*(gaussian(mean, C) for mean, C in sides))
    return (value, {"Cs": sides[0][1], "Ct": sides[1][1]}) if log else value


def sliced_wasserstein_distance(
    X_s: Any,
    X_t: Any,
    a: Any = None,
    b: Any = None,
    n_projections: int = 50,
    p: float = 2,
    projections: Any = None,
    seed: Any = None,
    log: bool = False,
    scaler: Any = None,
) -> Any:
    if scaler is not None:
        raise NoCounterpartError("otdiv scales nothing")
    options = {"x_weights": a, "y_weights": b, "p": p}
    if projections is None and not log:
        rng = seed.randint(2**31) if isinstance(seed, np.random.RandomState) else seed
        value = otdiv.sliced_wasserstein(X_s, X_t, **options, n_projections=n_projections, rng=rng)
        return like(value, X_s)
    if projections is None:
        generator = np.random.default_rng(0)
        projections = generator.normal(size=(X_s.shape[1], n_projections))
        projections /= np.linalg.norm(projections, axis=0)
    powers = [
        otdiv.wasserstein(X_s @ direction, X_t @ direction, **options) ** p
        for direction in np.transpose(projections)
    ]
    value = like(np.mean(powers) ** (1.0 / p), X_s)
    return (value, {"projections": projections, "projected_emds": powers}) if log else value


# POT's penalties of marginals, ours, and ours over theirs: squares have a factor 1/2 there.
PENALTIES = {"kl": ("kl", 1.0), "l2": ("squared", 0.5), "tv": ("tv", 1.0)}


def reaches_of(reg_m: Any, factor: float) -> tuple[float, float]:
    """The prices of both sides."""
    prices = [factor * float(price) for price in np.ravel(np.asarray(reg_m, dtype=float))]
    p, q = prices if len(prices) == 2 else prices * 2
    if math.isinf(p) and math.isinf(q):
        raise NoCounterpartError(BOTH_KEPT)
    return p, q


def unbalanced(
    a: Any,
    b: Any,
    M: Any,
    reg: float,
    reg_m: Any,
    kind: str,
    c: Any,
    stop: float,
    log: bool,
    div: str = "kl",
) -> Any:
    """Regularised by KL to a⊗b ("kl"), to a matrix c, a change of the costs, or to ones."""
    M = np.asarray(M)
    a, b = weights(a, M.shape[0]), weights(b, M.shape[1])
    penalty, factor = PENALTIES[div]
    reach = reaches_of(reg_m, factor)
    product, costs, constant = np.outer(a, b), M, 0.0
    if kind == "kl" and c is not None and reg:
        c = np.asarray(c)
        costs, constant = M - reg * np.log(c / product), reg * float(np.sum(c - product))
    reference = (np.ones(a.size), np.ones(b.size)) if kind == "entropy" and reg else None
    if reference is not None:
        constant = -reg * M.size
    source, target = (DiscreteMeasure(points=np.arange(float(w.size)), weights=w) for w in (a, b))
    problem = UnbalancedProblem(
        source=source,
        target=target,
        cost=otdiv.CostMatrix(costs),
        reach=reach,
        penalty=penalty,
    )
    result = otdiv.unbalanced_transport(
        problem,
        epsilon=reg or None,
        reference=reference,
        rtol=1e-9 if reg else 1e-8,
        marginal_tolerance=max(stop, 1e-13),
        throw=False,
    )
    plan = like(result.plan.toarray(), M)
    if not log:
        return plan
    epsilon = reg or 1.0
    return plan, {
        "cost": np.sum(plan * M),
        "total_cost": like(result.value + constant, M),
        "logu": result.potentials.f / epsilon,
        "logv": result.potentials.g / epsilon,
        "err": [],
    }


def unbalanced_loss(plan_and_log: Any, returnCost: str, log: bool) -> Any:
    notes = plan_and_log[1]
    if returnCost not in ("linear", "total"):
        raise ValueError(f"Unknown returnCost {returnCost!r}")
    loss = notes["cost" if returnCost == "linear" else "total_cost"]
    return (loss, notes) if log else loss


def sinkhorn_unbalanced(
    a: Any,
    b: Any,
    M: Any,
    reg: float,
    reg_m: Any,
    method: str = "sinkhorn",
    reg_type: str = "kl",
    c: Any = None,
    stopThr: float = 1e-6,
    log: bool = False,
    **_: Any,
) -> Any:
    if method.lower() not in UNBALANCED_METHODS:
        raise ValueError(f"Unknown method {method!r}")
    if np.ndim(b) != 2:
        return unbalanced(a, b, M, reg, reg_m, reg_type.lower(), c, stopThr, log)
    # Many histograms: POT regularises by ones, and returns the costs.
    answers = [
        unbalanced(a, column, M, reg, reg_m, "entropy", None, stopThr, True)
        for column in np.transpose(b)
    ]
    costs = like([notes["cost"] for _, notes in answers], np.asarray(M))
    notes = {name: np.stack([n[name] for _, n in answers], 1) for name in ("logu", "logv")}
    return (costs, notes) if log else costs


def sinkhorn_unbalanced2(
    a: Any,
    b: Any,
    *args: Any,
    returnCost: str = "linear",
    log: bool = False,
    **options: Any,
) -> Any:
    answer = sinkhorn_unbalanced(a, b, *args, **options, log=True)
    if np.ndim(b) == 2:
        return answer if log else answer[0]
    return unbalanced_loss(answer, returnCost, log)


def mm_unbalanced(
    a: Any,
    b: Any,
    M: Any,
    reg_m: Any,
    c: Any = None,
    reg: float = 0,
    div: str = "kl",
    log: bool = False,
    **_: Any,
) -> Any:
    if div.lower() not in ("kl", "l2"):
        raise ValueError(f"Unknown div {div!r}")
    if div.lower() == "l2" and reg:
        raise NoCounterpartError(NO_SQUARES)
    return unbalanced(a, b, M, reg, reg_m, "kl", c, 1e-12, log, div.lower())


def mm_unbalanced2(
    *args: Any,
    returnCost: str = "linear",
    log: bool = False,
    **options: Any,
) -> Any:
    return unbalanced_loss(mm_unbalanced(*args, **options, log=True), returnCost, log)


def lbfgsb_unbalanced(
    a: Any,
    b: Any,
    M: Any,
    reg: float,
    reg_m: Any,
    c: Any = None,
    reg_div: Any = "kl",
    regm_div: str = "kl",
    log: bool = False,
    **_: Any,
) -> Any:
    if not isinstance(reg_div, tuple) and reg_div.lower() not in ("kl", "l2", "entropy"):
        raise ValueError(f"Unknown reg_div {reg_div!r}")
    if regm_div.lower() not in ("kl", "l2", "tv"):
        raise ValueError(f"Unknown regm_div {regm_div!r}")
    if reg and reg_div not in ("kl", "entropy"):
        raise NoCounterpartError(NO_SQUARES)
    return unbalanced(a, b, M, reg, reg_m, reg_div, c, 1e-12, log, regm_div.lower())


def lbfgsb_unbalanced2(
    *args: Any,
    returnCost: str = "linear",
    log: bool = False,
    **options: Any,
) -> Any:
    return unbalanced_loss(lbfgsb_unbalanced(*args, **options, log=True), returnCost, log)


DOORS = {
    "ot.emd": emd,
    "ot.lp.emd": emd,
    "ot.emd2": emd2,
    "ot.lp.emd2": emd2,
    "ot.emd2_lazy": emd2_lazy,
    "ot.lp.emd2_lazy": emd2_lazy,
    "ot.emd_1d": emd_1d,
    "ot.lp.emd_1d": emd_1d,
    "ot.emd2_1d": emd2_1d,
    "ot.lp.emd2_1d": emd2_1d,
    "ot.wasserstein_1d": wasserstein_1d,
    "ot.lp.wasserstein_1d": wasserstein_1d,
    "ot.sinkhorn": sinkhorn,
    "ot.bregman.sinkhorn": sinkhorn,
    "ot.sinkhorn2": sinkhorn2,
    "ot.bregman.sinkhorn2": sinkhorn2,
    "ot.bregman.empirical_sinkhorn": empirical_sinkhorn,
    "ot.bregman.empirical_sinkhorn2": empirical_sinkhorn2,
    "ot.bregman.empirical_sinkhorn_divergence": empirical_sinkhorn_divergence,
    "ot.gaussian.bures_distance": bures_distance,
    "ot.gaussian.bures_wasserstein_distance": bures_wasserstein_distance,
    "ot.gaussian.empirical_bures_wasserstein_distance": empirical_bures_wasserstein_distance,
    "ot.sliced_wasserstein_distance": sliced_wasserstein_distance,
    "ot.sliced.sliced_wasserstein_distance": sliced_wasserstein_distance,
    "ot.sinkhorn_unbalanced": sinkhorn_unbalanced,
    "ot.unbalanced.sinkhorn_unbalanced": sinkhorn_unbalanced,
    "ot.sinkhorn_unbalanced2": sinkhorn_unbalanced2,
    "ot.unbalanced.sinkhorn_unbalanced2": sinkhorn_unbalanced2,
    "ot.unbalanced.mm_unbalanced": mm_unbalanced,
    "ot.unbalanced.mm_unbalanced2": mm_unbalanced2,
    "ot.unbalanced.lbfgsb_unbalanced": lbfgsb_unbalanced,
    "ot.unbalanced.lbfgsb_unbalanced2": lbfgsb_unbalanced2,
}

# Doors whose numbers are held against POT's own: exact ones closely, entropic ones as far as solves
# agree that stop at small marginal errors. Left out are `mm_unbalanced2`, whose 1000 iterations end
# far above the optimum (12 times its cost in POT's own tests), and the random projections.
BESIDE = {
    "ot.emd2": 1e-7,
    "ot.lp.emd2_lazy": 1e-7,
    "ot.emd2_1d": 1e-7,
    "ot.lp.wasserstein_1d": 1e-7,
    "ot.gaussian.bures_distance": 1e-6,
    "ot.gaussian.bures_wasserstein_distance": 1e-6,
    "ot.gaussian.empirical_bures_wasserstein_distance": 1e-6,
    "ot.sinkhorn2": 1e-4,
    "ot.bregman.sinkhorn2": 1e-4,
    "ot.bregman.empirical_sinkhorn2": 1e-4,
    "ot.unbalanced.sinkhorn_unbalanced2": 1e-3,
    "ot.unbalanced.lbfgsb_unbalanced2": 1e-3,
}

BOTH_KEPT = (
    "two infinite reaches are balanced transport, which is `transport` and `solvers.Sinkhorn`"
)
NOT_BALANCED = (
    "POT's test compares its plan at a large penalty with that of balanced transport; the optimum, "
    "with bounds, gives way by more than the tolerance of the test"
)
NO_SQUARES = "`unbalanced_transport` regularises plans by their entropy"
NO_SCALER = "otdiv scales no data; a distance is in the unit of the points"
LISTED = (
    Listed(
        "test/test_ot.py::test_emd_dimension_and_mass_mismatch",
        CONVENTION,
        "bad input raises `InvalidInputError`, a ValueError, where POT asserts; and "
        "`transport_matrix` takes relative frequencies, so that unequal sums are no error",
    ),
    Listed(
        "test/test_ot.py::test_warnings",
        CONVENTION,
        "exact solvers run to the optimum: there is no limit of iterations to warn of",
    ),
    Listed(
        "test/test_ot.py::test_dual_variables",
        CONVENTION,
        "a plan has both marginals to the last bit: some 1e-17 of the mass stays on pairs that are "
        "not tight (and is counted in the bounds), where POT's marginals are a little off",
    ),
    Listed("test/test_ot.py::test_emd2_multi", CONVENTION, "as `test_dual_variables`"),
    Listed(
        "test/test_1d_solver.py::test_emd_1d_emd2_1d",
        CONVENTION,
        "`transport` takes points of any dimension; the test passes but for its last line, which "
        "wants an error for points of the plane",
    ),
    Listed(
        "test/test_bregman.py::test_nan_warning*",
        CONVENTION,
        "an epsilon of 0 is refused; POT divides by it and warns",
    ),
    Listed(
        "test/test_bregman.py::test_empirical_sinkhorn_divergence[*",
        CONVENTION,
        "the divergence is of the regularised values (Feydy et al. 2019), so that it is 0 for "
        "equal laws only; POT's is of the costs <C, P> alone",
    ),
    Listed(
        "test/test_optim.py::test_gcg_no_reg",
        CONVENTION,
        "POT compares its own unfinished iterates to 1e-12; otdiv's marginals are met to 1e-9",
    ),
    Listed(
        "test/test_gaussian.py::test_bures_wasserstein_distance_batch*",
        CONVENTION,
        "bad shapes raise `InvalidInputError`, a ValueError, where POT asserts (the last line)",
    ),
    Listed(
        "test/sliced/test_sliced_distances.py::test_sliced_same_proj",
        CONVENTION,
        "the same seed draws other directions than POT's",
    ),
    Listed(
        "test/sliced/test_sliced_distances.py::*scaler_backend*",
        CONVENTION,
        NO_SCALER,
    ),
    Listed("test/sliced/test_sliced_distances.py::*scaler_with*", CONVENTION, NO_SCALER),
    Listed("test/sliced/test_sliced_distances.py::*scaler_surfaces*", CONVENTION, NO_SCALER),
    Listed("test/sliced/test_sliced_distances.py::*invalid_scaler*", CONVENTION, NO_SCALER),
    Listed("test/unbalanced/test_lbfgs.py::*-l2-kl-*", LATER, NO_SQUARES),
    Listed("test/unbalanced/test_lbfgs.py::*-l2-l2-*", LATER, NO_SQUARES),
    Listed("test/unbalanced/test_lbfgs.py::*-l2-tv-*", LATER, NO_SQUARES),
    Listed("test/unbalanced/test_mm.py::test_mm_relaxation_parameters*-l2]", LATER, NO_SQUARES),
    Listed("test/unbalanced/test_mm.py::test_mm_reference_measure*-l2]", LATER, NO_SQUARES),
    Listed("test/unbalanced/test_mm.py::test_mm_marginals*-l2]", LATER, NO_SQUARES),
    Listed("test/unbalanced/test_mm.py::test_mm_convergence*-l2]", CONVENTION, NOT_BALANCED),
    Listed(
        "test/unbalanced/test_sinkhorn.py::test_unbalanced_relaxation_parameters[*-inf]",
        CONVENTION,
        BOTH_KEPT,
    ),
    Listed(
        "test/unbalanced/test_sinkhorn.py::test_unbalanced_relaxation_parameters_pair[*-inf-inf]",
        CONVENTION,
        BOTH_KEPT,
    ),
)

ADAPTER = Adapter(
    name="POT",
    package="POT",
    folders={"test": "test"},
    files=tuple(
        f"test/{name}.py"
        for name in (
            "test_1d_solver",
            "test_bregman",
            "test_bspot",
            "test_circle_solver",
            "test_dmmot",
            "test_gaussian",
            "test_lowrank",
            "test_optim",
            "test_ot",
            "test_partial",
            "test_smooth",
            "test_stochastic",
            "sliced/test_*",
            "unbalanced/test_*",
        )
    ),
    doors=DOORS,
    beside=BESIDE,
    listed=LISTED,
    options=("-p", __name__),
    environment={
        f"POT_BACKEND_DISABLE_{backend}": "1"
        for backend in ("PYTORCH", "JAX", "CUPY", "TENSORFLOW")
    },
)
