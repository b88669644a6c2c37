"""Laws of potentials: slackness, no gap, and what costs and sides do to them.

Optimal potentials are not unique, so none is compared with another pair. What the solver returns
for the changed problem is changed back, and has to be feasible and optimal for the first problem.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from .._typing import FloatArray
from .answer_laws import (
    dual_value,
    dual_value_findings,
    feasibility_findings,
    plan_of,
    values_of,
)
from .answers import Answer
from .instances import Ground, Instance, instances
from .invariance_laws import bare, drawn_factor, drawn_shifts, with_parts
from .law import Finding, Law, NotOfferedError, Probe

__all__ = ["DUAL_LAWS"]


def potentials_of(answer: Answer) -> tuple[FloatArray, FloatArray]:
    """Return f and g, where there are both."""
    if answer.f is None or answer.g is None:
        raise NotOfferedError("potentials")
    return answer.f, answer.g


def _optimal_pair(f: FloatArray, g: FloatArray, instance: Instance, text: str) -> Iterator[Finding]:
    """Misses of a pair of potentials that was found for another problem."""
    pair = Answer(f=f, g=g)
    for findings in (feasibility_findings, dual_value_findings):
        for finding in findings(pair, instance):
            yield replace(finding, text=f"{text}: {finding.text}")


def _slackness(probe: Probe, instance: Instance) -> Iterator[Finding]:
    """Sum of P_ij |C_ij - f_i - g_j|; the text names its largest term."""
    answer = probe(instance)
    plan, (f, g) = plan_of(answer), potentials_of(answer)
    rows, columns = np.nonzero(plan)
    slack = instance.C[rows, columns] - f[rows] - g[columns]
    terms = np.abs(plan[rows, columns] * slack)
    worst = int(np.argmax(terms)) if terms.size else 0
    text = "no mass moves"
    if terms.size:
        i, j = int(rows[worst]), int(columns[worst])
        text = (
            f"P[{i}, {j}] = {float(plan[i, j])!r} where C - f - g is {float(slack[worst])!r}, not 0"
        )
    yield Finding(float(terms.sum()) / dual_value(answer, instance)[1], text)


def _gap(probe: Probe, instance: Instance) -> Iterator[Finding]:
    answer = probe(instance)
    dual, scale = dual_value(answer, instance)
    primal = values_of(answer, instance)
    if not primal:
        raise NotOfferedError("a value or a plan")
    for name, value in primal:
        yield Finding(
            abs(value - dual) / scale, f"{name} {value!r} beside <a, f> + <b, g> = {dual!r}"
        )


def _translation(probe: Probe, case: Any) -> Iterator[Finding]:
    instance, rows, columns = case
    moved = Instance(a=instance.a, b=instance.b, C=instance.C + rows[:, None] + columns)
    f, g = potentials_of(probe(moved))
    text = "potentials of the costs plus r_i + s_j, less r and s"
    yield from _optimal_pair(f - rows, g - columns, instance, text)


def _exchange(probe: Probe, instance: Instance) -> Iterator[Finding]:
    g, f = potentials_of(probe(instance.transposed()))
    yield from _optimal_pair(f, g, instance, "potentials of the exchanged sides, exchanged")


def _scaling(probe: Probe, case: Any) -> Iterator[Finding]:
    instance, factor = case
    power = probe.solver.ground.power if instance.x is not None else 1.0
    f, g = potentials_of(probe(instance.scaled(factor, power)))
    factor = factor**power
    text = f"potentials of the costs times {factor!r}, divided by it"
    yield from _optimal_pair(f / factor, g / factor, instance, text)


def _ordinary(ground: Ground) -> Any:
    return instances(ground)


DUAL_LAWS = (
    Law(
        id="complementary-slackness",
        statement="f_i + g_j = C_ij wherever P_ij > 0",
        cases=_ordinary,
        check=_slackness,
    ),
    Law(
        id="duality-gap",
        statement="<a, f> + <b, g> is the solver's own value and the <C, P> of its own plan",
        cases=_ordinary,
        check=_gap,
    ),
    Law(
        id="dual-translation",
        statement="(f, g) of C + r_i + s_j, less r and s, are optimal potentials of C",
        # Costs stay >= 0: negative ones have laws of their own.
        cases=bare(with_parts(drawn_shifts(0, low=0), drawn_shifts(1, low=0))),
        check=_translation,
    ),
    Law(
        id="dual-exchange",
        statement="(f, g) of the exchanged sides are optimal as (g, f)",
        cases=_ordinary,
        check=_exchange,
    ),
    Law(
        id="dual-scaling",
        statement="(f, g) of s C are optimal for C when divided by s",
        cases=with_parts(drawn_factor),
        check=_scaling,
    ),
)
