"""Laws of entropic plans at an epsilon that is known: the solver states it, or takes it.

With weights of mass 1 the regularised problem is min <C, P> + epsilon KL(P | a⊗b). Its plan is
unique, so plans are compared with each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from .._typing import FloatArray
from .answer_laws import marginal_findings, plan_of, smooth_instances
from .answers import Answer
from .dual_laws import potentials_of
from .instances import Ground, Instance, composed, st
from .law import FLOOR, Finding, Law, NotOfferedError, Probe, reference

__all__ = ["ENTROPIC_LAWS", "regularised_part", "solved_at"]

# Epsilons as shares of the largest cost; exp(-C / epsilon) stays above 1e-14, so that no algorithm
# is excused. Chosen by taste within that.
_MODERATE = (0.25, 1.0, 4.0)
_SMALL = (1.0 / 32.0, 1.0 / 16.0)
_ALL = (1.0 / 16.0, *_MODERATE, 64.0)
_LARGE = (1e3, 1e6, 1e9)


def solved_at(probe: Probe, instance: Instance, epsilon: float) -> tuple[Answer, float]:
    """Solve at `epsilon` where the solver takes it, else at the one that it states."""
    if probe.solver.takes_epsilon:
        return probe(instance, epsilon=epsilon), epsilon
    answer = probe(instance)
    stated = regularised_part(answer).epsilon or answer.epsilon
    if stated is None:
        raise NotOfferedError("an epsilon, stated or taken")
    return answer, stated


def regularised_part(answer: Answer) -> Answer:
    """The part of an answer that holds the potentials of the regularised problem."""
    return answer if answer.entropic is None else answer.entropic


def relative_entropy(plan: FloatArray, instance: Instance) -> float:
    """KL(P | a⊗b) of plans of mass 1."""
    positive = plan > 0.0
    terms = plan[positive] * np.log(plan[positive] / np.outer(instance.a, instance.b)[positive])
    return math.fsum(terms) if np.isfinite(terms).all() else math.nan


def _cost(answer: Answer, instance: Instance) -> float:
    plan_of(answer)
    return float(answer.transport_cost(instance.C) or 0.0)


def _cross_differences(instance: Instance) -> float:
    """Largest |C_ij - C_kj - C_il + C_kl|: how far the costs are from r_i + s_j."""
    rows = instance.C[:, None] - instance.C
    return float((rows.max(axis=2) - rows.min(axis=2)).max())


def _form(probe: Probe, case: Any) -> Iterator[Finding]:
    """P_ij P_kl = P_il P_kj exp(-d / epsilon) with d = C_ij + C_kl - C_il - C_kj >= 0.

    Products instead of logarithms: an entry near 0 that a repair of the marginals has moved by a
    rounding error does not count. The unit is the largest product.
    """
    instance, epsilon = case
    answer, epsilon = solved_at(probe, instance, epsilon)
    plan, C = plan_of(answer), instance.C
    sums, products = _crosswise(C, np.add), _crosswise(plan, np.multiply)
    differences = sums - sums.swapaxes(2, 3)
    due = products.swapaxes(2, 3) * np.exp(-np.maximum(differences, 0.0) / epsilon)
    errors = np.where(differences >= 0.0, np.abs(products - due), 0.0)
    i, k, j, m = np.unravel_index(int(np.argmax(errors)), errors.shape)
    yield Finding(
        float(errors[i, k, j, m]) / (float(products.max()) or 1.0),
        f"at epsilon {epsilon!r} P[{i}, {j}] P[{k}, {m}] is {float(products[i, k, j, m])!r}, and "
        f"{float(due[i, k, j, m])!r} by the other two corners",
    )


def _crosswise(matrix: FloatArray, join: np.ufunc) -> FloatArray:
    """(n, n, m, m) of M_ij and M_kl joined, at the indices i, k, j, l."""
    return np.asarray(join(matrix[:, None, :, None], matrix[None, :, None, :]))


def _marginals(probe: Probe, case: Any) -> Iterator[Finding]:
    instance, epsilon = case
    for finding in marginal_findings(probe(instance, epsilon=epsilon), instance):
        yield replace(finding, text=f"at epsilon {epsilon!r} {finding.text}")


def _potentials(probe: Probe, case: Any) -> Iterator[Finding]:
    instance, epsilon = case
    answer, epsilon = solved_at(probe, instance, epsilon)
    plan, (f, g) = plan_of(answer), potentials_of(regularised_part(answer))
    with np.errstate(over="ignore", invalid="ignore"):
        formula = np.exp((f[:, None] + g - instance.C) / epsilon)
        formula *= np.outer(instance.a, instance.b)
    errors = np.abs(plan - formula)
    i, j = np.unravel_index(int(np.argmax(errors)), errors.shape)
    yield Finding(
        float(errors[i, j]),
        f"P[{i}, {j}] = {float(plan[i, j])!r}, but a_i b_j exp((f_i + g_j - C_ij) / epsilon) is "
        f"{float(formula[i, j])!r} at epsilon {epsilon!r}",
    )


def _objective(probe: Probe, case: Any) -> Iterator[Finding]:
    instance, epsilon = case
    answer, epsilon = solved_at(probe, instance, epsilon)
    part = answer.entropic
    if part is None or part.value is None:
        raise NotOfferedError("a value of the regularised problem")
    plan = plan_of(answer)
    primal = _cost(answer, instance) + epsilon * relative_entropy(plan, instance)
    sums = {"<C, P> + epsilon KL(P | a⊗b)": primal}
    scale = float(np.abs(plan * instance.C).sum()) + epsilon
    if part.f is not None and part.g is not None:
        terms = [*(instance.a * part.f), *(instance.b * part.g)]
        sums["<a, f> + <b, g>"] = math.fsum(terms)
        scale += math.fsum(np.abs(terms))
    for name, due in sums.items():
        text = f"value {part.value!r} beside {name} = {due!r} at epsilon {epsilon!r}"
        yield Finding(abs(part.value - due) / scale, text)


def _monotone(probe: Probe, case: Any) -> Iterator[Finding]:
    """Of two minimisers, the one at the larger epsilon pays no less and has no more entropy."""
    instance, epsilon, factor = case
    larger = epsilon * factor
    first, second = (probe(instance, epsilon=each) for each in (epsilon, larger))
    costs = [_cost(answer, instance) for answer in (first, second)]
    entropies = [relative_entropy(plan_of(answer), instance) for answer in (first, second)]
    at = f"from epsilon {epsilon!r} to {larger!r}"
    scale = reference(instance).scale(FLOOR)
    yield Finding(
        float(np.maximum(costs[0] - costs[1], 0.0)) / scale,
        f"{at} <C, P> falls from {costs[0]!r} to {costs[1]!r}",
    )
    yield Finding(
        float(np.maximum(entropies[1] - entropies[0], 0.0)),
        f"{at} KL(P | a⊗b) rises from {entropies[0]!r} to {entropies[1]!r}",
    )


def _large(probe: Probe, case: Any) -> Iterator[Finding]:
    """P_ij / (a_i b_j) lies within exp(±D / epsilon), D the largest cross difference of C.

    Two rows of it have a ratio exp((f_i - f_k - C_ij + C_kj) / epsilon), and f_i - f_k, a
    difference of soft minima, lies between the extremes of C_ij - C_kj over j; and the mean of a
    column is 1, so it has entries on either side of 1.
    """
    instance, epsilon = case
    plan = plan_of(probe(instance, epsilon=epsilon))
    product = np.outer(instance.a, instance.b)
    allowed = product * math.expm1(_cross_differences(instance) / epsilon)
    off = np.abs(plan - product) - allowed
    i, j = np.unravel_index(int(np.argmax(off)), off.shape)
    yield Finding(
        float(np.maximum(off[i, j], 0.0)),
        f"at epsilon {epsilon!r} P[{i}, {j}] is {float(plan[i, j])!r}, but a_i b_j is "
        f"{float(product[i, j])!r}, and they differ by {float(allowed[i, j]):.3g} at most",
    )


def _small(probe: Probe, case: Any) -> Iterator[Finding]:
    """The excess over the optimum is at most epsilon min(H(a), H(b)), so it vanishes with epsilon.

    For the optimal plan Q, <C, P> - <C, Q> <= epsilon KL(Q | a⊗b), a mutual information, which is
    at most the entropy of either side.
    """
    instance, epsilon = case
    cost = _cost(probe(instance, epsilon=epsilon), instance)
    proven = reference(instance)
    entropy = min(-float(w @ np.log(w)) for w in (instance.a, instance.b))
    highest = proven.upper + epsilon * entropy
    off = float(np.maximum(np.maximum(proven.lower - cost, cost - highest), 0.0))
    yield Finding(
        off / (proven.scale(FLOOR) + epsilon),
        f"at epsilon {epsilon!r} <C, P> = {cost!r} is outside [{proven.lower!r}, {highest!r}]",
    )


def _compare(first: Answer, second: FloatArray, text: str) -> Iterator[Finding]:
    error = float(np.abs(plan_of(first) - second).max())
    yield Finding(error, f"{text}: the plans differ by {error:.3g}")


def _exchange(probe: Probe, case: Any) -> Iterator[Finding]:
    instance, epsilon = case
    options = {"epsilon": epsilon} if probe.solver.takes_epsilon else {}
    first, second = (probe(each, **options) for each in (instance, instance.transposed()))
    yield from _compare(first, plan_of(second).T, "source and target exchanged")


def _scaling(probe: Probe, case: Any) -> Iterator[Finding]:
    instance, epsilon, factor = case
    power = probe.solver.ground.power if instance.x is not None else 1.0
    first = probe(instance, epsilon=epsilon)
    second = probe(instance.scaled(factor, power), epsilon=epsilon * factor**power)
    text = f"costs and epsilon {epsilon!r} times {factor**power!r}"
    yield from _compare(first, plan_of(second), text)


def _cases(factors: tuple[float, ...], *more: tuple[float, ...]) -> Callable[[Ground], Any]:
    """Strategy of (smooth instance, epsilon, one of each of `more`)."""

    def cases(ground: Ground) -> Any:
        def draw_case(draw: Callable[[Any], Any]) -> Any:
            instance: Instance = draw(smooth_instances(ground))
            epsilon = draw(st.sampled_from(factors)) * (float(instance.C.max()) or 1.0)
            return (instance, epsilon, *(draw(st.sampled_from(part)) for part in more))

        return composed(draw_case)

    return cases


def _entropic(
    id: str,  # noqa: A002  (the field's name)
    statement: str,
    cases: Callable[[Ground], Any],
    check: Callable[[Probe, Any], Iterator[Finding]],
) -> Law:
    return Law(id=id, statement=statement, cases=cases, check=check, exact=False, regularised=True)


ENTROPIC_LAWS = (
    _entropic(
        "epsilon-form",
        "P_ij = u_i exp(-C_ij / epsilon) v_j for the epsilon that is stated or asked",
        _cases(_ALL),
        _form,
    ),
    _entropic(
        "epsilon-marginals",
        "P >= 0 has row sums a and column sums b at every epsilon that is asked",
        _cases(_ALL),
        _marginals,
    ),
    _entropic(
        "entropic-potentials",
        "P_ij = a_i b_j exp((f_i + g_j - C_ij) / epsilon)",
        _cases(_ALL),
        _potentials,
    ),
    _entropic(
        "entropic-objective",
        "the regularised value is <C, P> + epsilon KL(P | a⊗b), and <a, f> + <b, g>",
        _cases(_ALL),
        _objective,
    ),
    _entropic(
        "epsilon-monotone",
        "a larger epsilon brings no smaller <C, P> and no larger KL(P | a⊗b)",
        _cases(_ALL, (1.5, 4.0, 64.0)),
        _monotone,
    ),
    _entropic(
        "epsilon-large",
        "P is a⊗b as epsilon goes to infinity, within a_i b_j (exp(D / epsilon) - 1)",
        _cases(_LARGE),
        _large,
    ),
    _entropic(
        "epsilon-small",
        "<C, P> is the optimum as epsilon goes to 0, within epsilon min(H(a), H(b))",
        _cases(_SMALL),
        _small,
    ),
    _entropic(
        "entropic-exchange",
        "the plan of (b, a, C') is the transpose",
        _cases(_MODERATE),
        _exchange,
    ),
    _entropic(
        "epsilon-scaling",
        "costs and epsilon times s leave the plan",
        _cases(_MODERATE, (2.0, 3.0, 0.1, 1000.0, 1e-3)),
        _scaling,
    ),
)
