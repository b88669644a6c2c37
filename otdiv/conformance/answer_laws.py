"""Laws of one answer: marginals, value, optimality, duality, and the form of an entropic plan."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from .._typing import FloatArray
from .answers import Answer
from .instances import Ground, Instance, KnownInstance, instances, known_instances, st
from .law import FLOOR, Finding, Law, NotApplicableError, NotOfferedError, Probe, reference

__all__ = ["ANSWER_LAWS", "sound"]


def plan_of(answer: Answer) -> FloatArray:
    """Return the plan, where there is one."""
    if answer.plan is None:
        raise NotOfferedError("a plan")
    return answer.plan


def _finite(answer: Answer) -> Iterator[Finding]:
    if not answer.is_finite:
        yield Finding(math.nan, f"the answer is not finite ({_numbers(answer)})")


def _numbers(answer: Answer) -> str:
    if answer.value is not None and not math.isfinite(answer.value):
        return f"value {answer.value}"
    for name in ("plan", "f", "g"):
        part = getattr(answer, name)
        if part is not None and not np.isfinite(part).all():
            return f"{int((~np.isfinite(part)).sum())} of {part.size} entries of the {name}"
    return "finite"


def marginal_findings(answer: Answer, instance: Instance) -> Iterator[Finding]:
    """Negative entries and wrong sums of the plan, relative to the mass."""
    plan = plan_of(answer)
    mass = float(instance.a.sum())
    lowest = float(plan.min())
    yield Finding(max(0.0, -lowest) / mass, f"the smallest entry of the plan is {lowest!r}")
    sides = (("row", plan.sum(axis=1), instance.a), ("column", plan.sum(axis=0), instance.b))
    for side, sums, weights in sides:
        errors = np.abs(sums - weights)
        worst = int(np.argmax(errors))
        found, due = float(sums[worst]), float(weights[worst])
        text = f"the sum of {side} {worst} is {found!r} instead of {due!r}"
        yield Finding(float(errors[worst]) / mass, text)


def value_findings(answer: Answer, instance: Instance, floor: float = FLOOR) -> Iterator[Finding]:
    """Distance of the value(s) from the proven bounds of the optimum."""
    proven = reference(instance)
    scale = proven.scale(floor)
    for name, value in values_of(answer, instance):
        off = max(proven.lower - value, value - proven.upper, 0.0)
        optimum = 0.5 * proven.lower + 0.5 * proven.upper
        miss = off / scale if not math.isnan(value) else math.nan
        yield Finding(miss, f"{name} {value!r} instead of the optimum {optimum!r}")


def values_of(answer: Answer, instance: Instance) -> list[tuple[str, float]]:
    """Return the value as stated and as the plan has it, each with its name."""
    found = []
    if answer.value is not None:
        found.append(("value", answer.value))
    if answer.plan is not None:
        found.append(("<C, P> =", float(answer.transport_cost(instance.C) or 0.0)))
    return found


def feasibility_findings(answer: Answer, instance: Instance) -> Iterator[Finding]:
    """Largest excess of f_i + g_j over C_ij, relative to the potentials and costs at that pair."""
    if answer.f is None or answer.g is None:
        raise NotOfferedError("potentials")
    f, g = answer.f, answer.g
    with np.errstate(invalid="ignore"):
        excess = f[:, None] + g - instance.C
    i, j = np.unravel_index(int(np.argmax(excess)), excess.shape)  # a NaN where there is one
    cost = float(instance.C[i, j])
    allowed = instance.C[np.isfinite(instance.C)]
    scale = max(float(np.abs(f).max()), float(np.abs(g).max()), float(np.abs(allowed).max()))
    yield Finding(
        float(np.maximum(excess[i, j], 0.0)) / (scale or 1.0),
        f"f[{i}] + g[{j}] = {float(f[i] + g[j])!r} exceeds C[{i}, {j}] = {cost!r}",
    )


def sound(probe: Probe, instance: Instance, answer: Answer | None = None) -> Iterator[Finding]:
    """Everything that one answer must satisfy; what it lacks is left out.

    An entropic answer must be finite and have the marginals; nothing else is known of it here.
    """
    answer = probe(instance) if answer is None else answer
    yield from _finite(answer)
    if answer.is_finite:
        if answer.plan is not None:
            yield from marginal_findings(answer, instance)
        if not probe.regularised:
            yield from value_findings(answer, instance)
            if answer.has_potentials:
                yield from feasibility_findings(answer, instance)


def _marginals(probe: Probe, instance: Instance) -> Iterator[Finding]:
    answer = probe(instance)
    plan_of(answer)
    yield from _finite(answer)
    yield from marginal_findings(answer, instance)


def _optimal(probe: Probe, instance: Instance) -> Iterator[Finding]:
    answer = probe(instance)
    yield from _finite(answer)
    yield from value_findings(answer, instance)


def _known(probe: Probe, case: KnownInstance) -> Iterator[Finding]:
    answer = probe(case.instance)
    yield from _finite(answer)
    scale = reference(case.instance).scale(FLOOR)
    for name, value in values_of(answer, case.instance):
        miss = abs(value - case.value) / scale
        yield Finding(miss, f"{name} {value!r} instead of {case.value!r}: {case.reason}")


def _value_of_plan(probe: Probe, instance: Instance) -> Iterator[Finding]:
    answer = probe(instance)
    plan, value = plan_of(answer), answer.value
    if value is None:
        raise NotOfferedError("a value beside the plan")
    cost = float(answer.transport_cost(instance.C) or 0.0)
    targets = {"<C, P>": cost}
    if probe.regularised and (epsilon := fitted_epsilon(plan, instance)) is not None:
        positive = plan[plan > 0.0]
        product = np.outer(instance.a, instance.b)[plan > 0.0]
        entropy = -float(positive @ np.log(positive))
        relative = float(positive @ np.log(positive / product))
        targets["<C, P> + epsilon KL(P | ab')"] = cost + epsilon * relative
        targets["<C, P> - epsilon H(P)"] = cost - epsilon * entropy
        targets["<C, P> - epsilon (H(P) + 1)"] = cost - epsilon * (entropy + 1.0)
    scale = float(np.abs(plan * instance.C).sum()) or 1.0
    name = min(targets, key=lambda key: abs(targets[key] - value))
    yield Finding(
        abs(targets[name] - value) / scale,
        f"value {value!r} beside {name} = {targets[name]!r}",
    )


def _feasible(probe: Probe, instance: Instance) -> Iterator[Finding]:
    yield from feasibility_findings(probe(instance), instance)


def dual_value(answer: Answer, instance: Instance) -> tuple[float, float]:
    """<a, f> + <b, g>, and the unit of its misses.

    f and g are known up to a constant that cancels; its rounding does not.
    """
    if answer.f is None or answer.g is None:
        raise NotOfferedError("potentials")
    value = math.fsum([*(instance.a * answer.f), *(instance.b * answer.g)])
    terms = float(np.abs(answer.f) @ instance.a + np.abs(answer.g) @ instance.b)
    return value, reference(instance).scale(FLOOR) + terms


def dual_value_findings(answer: Answer, instance: Instance) -> Iterator[Finding]:
    """Distance of the dual value from the proven bounds of the optimum."""
    value, scale = dual_value(answer, instance)
    proven = reference(instance)
    off = max(proven.lower - value, value - proven.upper, 0.0)
    miss = off / scale if not math.isnan(value) else math.nan
    yield Finding(miss, f"<a, f> + <b, g> = {value!r} instead of the optimum {proven.upper!r}")


def _strong(probe: Probe, instance: Instance) -> Iterator[Finding]:
    yield from dual_value_findings(probe(instance), instance)


def _centred(matrix: FloatArray) -> FloatArray:
    """Take row and column means off: what is a sum of a row and a column term becomes 0."""
    rows, columns = matrix.mean(axis=1, keepdims=True), matrix.mean(axis=0, keepdims=True)
    return np.asarray(matrix - rows - columns + matrix.mean())


def fitted_epsilon(plan: FloatArray, instance: Instance) -> float | None:
    """Find the epsilon for which log P_ij = u_i + v_j - C_ij / epsilon, by least squares.

    Double centring removes u and v. None where a constant slope fits anything (separable costs) or
    an entry underflowed.
    """
    if plan.min() < 1e-250:
        return None
    left, right = _centred(np.log(plan)), -_centred(instance.C)
    norm = float((right * right).sum())
    if norm <= 1e-12 * float((instance.C**2).sum()):
        return None
    slope = float((left * right).sum()) / norm
    return 1.0 / slope if slope > 0.0 else None


def _gibbs(probe: Probe, instance: Instance) -> Iterator[Finding]:
    plan = plan_of(probe(instance))
    epsilon = fitted_epsilon(plan, instance)
    if epsilon is None:
        raise NotApplicableError("no epsilon can be read off this plan")
    rest = _centred(np.log(plan)) + _centred(instance.C) / epsilon
    errors = plan * np.abs(np.expm1(rest))
    yield Finding(
        float(errors.max()),
        f"with the best epsilon {epsilon:.6g} an entry differs by {float(errors.max()):.3g} from "
        "u_i exp(-C_ij / epsilon) v_j",
    )


def _entropic_value(probe: Probe, instance: Instance) -> Iterator[Finding]:
    """OT <= <C, P> <= OT + epsilon min(H(a), H(b)): mutual information is at most the entropy."""
    answer = probe(instance)
    plan = plan_of(answer)
    epsilon = fitted_epsilon(plan, instance)
    if epsilon is None:
        raise NotApplicableError("no epsilon can be read off this plan")
    proven = reference(instance)
    entropies = [-float(w[w > 0.0] @ np.log(w[w > 0.0])) for w in (instance.a, instance.b)]
    highest = proven.upper + epsilon * min(entropies)
    value = float(answer.transport_cost(instance.C) or 0.0)
    off = max(proven.lower - value, value - highest, 0.0)
    yield Finding(
        off / (proven.scale(FLOOR) + epsilon),
        f"<C, P> = {value!r} outside [{proven.lower!r}, {highest!r}], epsilon {epsilon:.6g}",
    )


def _ordinary(ground: Ground) -> object:
    return instances(ground)


def smooth_instances(ground: Ground) -> object:
    """At least 2 × 2, positive weights, costs up to 8: nothing underflows at epsilon >= 0.02."""
    sizes = st.integers(2, 4)
    entries = st.integers(0, 8).map(float)
    return instances(ground, entries=entries, shapes=st.tuples(sizes, sizes))


ANSWER_LAWS = (
    Law(
        id="marginals",
        statement="P >= 0 has row sums a and column sums b",
        cases=_ordinary,
        check=_marginals,
        regularised=True,
    ),
    Law(
        id="known-answers",
        statement="funnels, permutations, translations, Diracs and lines have their known optimum",
        cases=known_instances,
        check=_known,
    ),
    Law(
        id="optimality",
        statement="the value lies within proven bounds of min <C, P>",
        cases=_ordinary,
        check=_optimal,
    ),
    Law(
        id="value-of-plan",
        statement="the stated value is <C, P> (entropic: or one of the usual objectives)",
        cases=smooth_instances,
        check=_value_of_plan,
        regularised=True,
    ),
    Law(
        id="feasible-potentials",
        statement="f_i + g_j <= C_ij for every pair (weak duality)",
        cases=_ordinary,
        check=_feasible,
    ),
    Law(
        id="strong-duality",
        statement="<a, f> + <b, g> is the optimum",
        cases=_ordinary,
        check=_strong,
    ),
    Law(
        id="gibbs-form",
        statement="P_ij = u_i exp(-C_ij / epsilon) v_j for one epsilon",
        cases=smooth_instances,
        check=_gibbs,
        exact=False,
        regularised=True,
    ),
    Law(
        id="entropic-value",
        statement="optimum <= <C, P> <= optimum + epsilon min(H(a), H(b))",
        cases=smooth_instances,
        check=_entropic_value,
        exact=False,
        regularised=True,
    ),
)
