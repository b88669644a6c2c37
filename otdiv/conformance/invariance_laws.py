"""Laws that compare answers: metric axioms, scaling, translation, order, split atoms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from .answer_laws import marginal_findings, sound
from .instances import Ground, Instance, composed, instances, spaces, st
from .law import FLOOR, Finding, Law, NotApplicableError, NotOfferedError, Probe, reference

__all__ = ["INVARIANCE_LAWS", "bare", "drawn_factor", "drawn_shifts", "with_parts"]


def _agree(
    probe: Probe, left: Instance, right: Instance, factor: float, shift: float, text: str
) -> Iterator[Finding]:
    """Value of `right` against factor * (value of `left`) + shift."""
    first, second = probe.value(left), probe.value(right)
    expected = factor * first + shift
    scale = reference(right).scale(FLOOR) + abs(shift)
    yield Finding(abs(second - expected) / scale, f"{text}: {second!r} instead of {expected!r}")


def _symmetry(probe: Probe, instance: Instance) -> Iterator[Finding]:
    yield from _agree(probe, instance, instance.transposed(), 1.0, 0.0, "source and target swapped")


def _identity(probe: Probe, case: Any) -> Iterator[Finding]:
    if probe.solver.ground.power != 1.0 and not probe.solver.ground.on_points:
        raise NotApplicableError("needs a metric cost")
    z, (a,) = case
    instance = _on(probe, z, a, a)
    value = probe.value(instance)
    yield Finding(
        abs(value) / reference(instance).scale(FLOOR),
        f"the distance of a law from itself: {value!r}",
    )


def _on(probe: Probe, z: Any, a: Any, b: Any) -> Instance:
    return Instance.of_points(a, b, z, z, probe.solver.ground.power)


def _triangle(probe: Probe, case: Any) -> Iterator[Finding]:
    """W(a, c) <= W(a, b) + W(b, c), with the root of the power where there is one."""
    z, (a, b, c) = case
    power = probe.solver.ground.power
    legs = [_on(probe, z, *pair) for pair in ((a, c), (a, b), (b, c))]
    values = [probe.value(leg) for leg in legs]
    scale = max(reference(leg).scale(FLOOR) for leg in legs) ** (1.0 / power)
    roots = [float(np.maximum(value, 0.0)) ** (1.0 / power) for value in values]
    excess = roots[0] - roots[1] - roots[2]
    yield Finding(
        max(excess, 0.0) / scale if excess == excess else excess,
        f"{roots[0]!r} exceeds {roots[1]!r} + {roots[2]!r}",
    )


def _scaling(probe: Probe, case: Any) -> Iterator[Finding]:
    instance, factor = case
    power = probe.solver.ground.power if instance.x is not None else 1.0
    text = f"costs times {factor!r}"
    yield from _agree(probe, instance, instance.scaled(factor, power), factor**power, 0.0, text)


# A value that moves by less than this share of itself has not followed the mass.
_UNMOVED = 1e-6


def _mass(probe: Probe, case: Any) -> Iterator[Finding]:
    """Both sides of mass s; a solver that takes weights as frequencies is exempt."""
    instance, mass = case
    heavy = replace(instance, a=mass * instance.a, b=mass * instance.b)
    first, answer = probe.value(instance), probe(heavy)
    second = answer.transport_cost(heavy.C)
    scale = reference(instance).scale(FLOOR)
    if second is None or abs(first) <= _UNMOVED * scale:
        raise NotApplicableError("a value of 0 says nothing of the mass")
    if abs(second - first) <= _UNMOVED * abs(first):
        raise NotApplicableError("takes weights as frequencies: their sum is ignored")
    expected = mass * first
    yield Finding(
        abs(second - expected) / (mass * scale),
        f"weights of mass {mass!r}: {second!r} instead of {expected!r}",
    )
    if answer.plan is not None:
        yield from marginal_findings(answer, heavy)


def _translation(probe: Probe, case: Any) -> Iterator[Finding]:
    instance, rows, columns = case
    moved = Instance(a=instance.a, b=instance.b, C=instance.C + rows[:, None] + columns)
    shift = float(instance.a @ rows + instance.b @ columns)
    yield from _agree(probe, instance, moved, 1.0, shift, "costs plus r_i + s_j")


def _constant(probe: Probe, case: Any) -> Iterator[Finding]:
    instance, constant = case
    moved = Instance(a=instance.a, b=instance.b, C=instance.C + constant)
    plans = [probe(one).plan for one in (instance, moved)]
    if plans[0] is None or plans[1] is None:
        raise NotOfferedError("a plan")
    yield Finding(
        float(np.abs(plans[0] - plans[1]).max()), f"costs plus {constant!r}: another plan"
    )


def _permutation(probe: Probe, case: Any) -> Iterator[Finding]:
    instance, rows, columns = case
    text = "rows and columns in another order"
    yield from _agree(probe, instance, instance.permuted(rows, columns), 1.0, 0.0, text)


def _zero_weights(probe: Probe, case: Any) -> Iterator[Finding]:
    """Atoms without mass: the answer is sound in its full shape, and the value is as without."""
    instance, rows, columns = case
    padded = _padded(instance, rows, columns, probe.solver.ground.power)
    answer = probe(padded)
    yield from sound(probe, padded, answer)
    value = answer.transport_cost(padded.C)
    if value is None:
        raise NotOfferedError("a value or a plan")
    without = probe.value(instance)
    scale = reference(instance).scale(FLOOR)
    yield Finding(abs(value - without) / scale, f"{value!r}, and {without!r} without those atoms")


def _padded(instance: Instance, rows: Any, columns: Any, power: float) -> Instance:
    """Append one atom of weight 0 at a given place for every entry of rows and columns."""
    a = np.concatenate([instance.a, np.zeros(len(rows))])
    b = np.concatenate([instance.b, np.zeros(len(columns))])
    if instance.x is not None and instance.y is not None:
        d = instance.x.shape[1]
        x = np.concatenate([instance.x, np.outer(rows, np.ones(d))])
        y = np.concatenate([instance.y, np.outer(columns, np.ones(d))])
        return Instance.of_points(a, b, x, y, power)
    n, m = instance.shape
    C = np.empty((len(a), len(b)))
    C[:n, :m] = instance.C
    C[:, m:] = np.asarray(columns, dtype=float)
    C[n:, :] = np.asarray(rows, dtype=float)[:, None]
    return Instance(a=a, b=b, C=C)


def _split(probe: Probe, instance: Instance) -> Iterator[Finding]:
    """The first atom on either side becomes two of half its weight."""
    rows = np.concatenate([[0], np.arange(len(instance.a))])
    columns = np.concatenate([[0], np.arange(len(instance.b))])
    doubled = instance.permuted(rows, columns)
    for weights_of in (doubled.a, doubled.b):
        weights_of[:2] *= 0.5
    yield from _agree(probe, instance, doubled, 1.0, 0.0, "first atoms split in two")


def _repeatable(probe: Probe, instance: Instance) -> Iterator[Finding]:
    first, second = probe(instance), probe(instance)
    for name in ("value", "plan", "f", "g"):
        parts = [getattr(answer, name) for answer in (first, second)]
        if parts[0] is not None and parts[1] is not None:
            same = np.array_equal(np.asarray(parts[0]), np.asarray(parts[1]), equal_nan=True)
            yield Finding(0.0 if same else 1.0, f"a second call gives another {name}")


def _untouched(probe: Probe, instance: Instance) -> Iterator[Finding]:
    probe(instance)
    yield Finding(1.0 if probe.changed else 0.0, "the solver wrote to its input")


def with_parts(*extra: Callable[[Any, Instance], Any], **options: Any) -> Callable[[Ground], Any]:
    """Strategy of (instance, extra parts drawn for its shape)."""

    def cases(ground: Ground) -> Any:
        def draw_case(draw: Callable[[Any], Any]) -> Any:
            instance = draw(instances(ground, **options))
            return (instance, *(part(draw, instance) for part in extra))

        return composed(draw_case)

    return cases


def drawn_shifts(side: int, low: int = -20) -> Callable[[Any, Instance], Any]:
    """A vector of whole numbers up to 20, one for each row (side 0) or column (side 1)."""

    def draw_shifts(draw: Any, instance: Instance) -> Any:
        k = instance.shape[side]
        return np.array(draw(st.lists(st.integers(low, 20), min_size=k, max_size=k)), dtype=float)

    return draw_shifts


def _order(side: int) -> Callable[[Any, Instance], Any]:
    return lambda draw, instance: draw(st.permutations(range(instance.shape[side])))


def _extra_atoms(draw: Any, instance: Instance) -> Any:
    return draw(st.lists(st.integers(0, 20), min_size=0, max_size=2))


def drawn_factor(draw: Any, instance: Instance) -> Any:
    """Draw a factor of the costs."""
    return draw(st.sampled_from([2.0, 3.0, 0.1, 1000.0, 1e-3, 1e-6, 1e6]))


def _heaviness(draw: Any, instance: Instance) -> Any:
    return draw(st.sampled_from([2.0, 3.0, 0.1, 1000.0, 1e-3]))


def _number(draw: Any, instance: Instance) -> Any:
    return float(draw(st.integers(-20, 20)))


def bare(cases: Callable[[Ground], Any]) -> Callable[[Ground], Any]:
    """No case for a solver of points."""
    return lambda ground: None if ground.on_points else cases(ground)


def _self(ground: Ground) -> Any:
    return spaces(ground, n_measures=1)


def _three(ground: Ground) -> Any:
    return spaces(ground, n_measures=3)


INVARIANCE_LAWS = (
    Law(
        id="symmetry",
        statement="value(b, a, C') = value(a, b, C)",
        cases=instances,
        check=_symmetry,
        regularised=True,
    ),
    Law(
        id="identity",
        statement="on a metric, value(a, a) = 0",
        cases=_self,
        check=_identity,
    ),
    Law(
        id="triangle",
        statement="on a metric, value(a, c) <= value(a, b) + value(b, c)",
        cases=_three,
        check=_triangle,
    ),
    Law(
        id="scaling",
        statement="value(a, b, s C) = s value(a, b, C)",
        cases=with_parts(drawn_factor),
        check=_scaling,
    ),
    Law(
        id="mass",
        statement="value(s a, s b, C) = s value(a, b, C), and the plan has the marginals s a, s b",
        cases=with_parts(_heaviness),
        check=_mass,
    ),
    Law(
        id="translation",
        statement="value(a, b, C + r_i + s_j) = value(a, b, C) + <a, r> + <b, s>",
        cases=bare(with_parts(drawn_shifts(0), drawn_shifts(1))),
        check=_translation,
    ),
    Law(
        id="constant",
        statement="a constant added to all costs leaves the entropic plan",
        cases=bare(with_parts(_number)),
        check=_constant,
        exact=False,
        regularised=True,
    ),
    Law(
        id="permutation",
        statement="the order of rows and columns does not matter to the value",
        cases=with_parts(_order(0), _order(1)),
        check=_permutation,
        regularised=True,
    ),
    Law(
        id="split-atoms",
        statement="an atom split in two leaves the value",
        cases=instances,
        check=_split,
        regularised=True,
    ),
    Law(
        id="zero-weights",
        statement="atoms of weight 0 keep their row or column and change nothing",
        cases=with_parts(_extra_atoms, _extra_atoms),
        check=_zero_weights,
        regularised=True,
    ),
    Law(
        id="repeatable",
        statement="the same call gives the same bits",
        cases=instances,
        check=_repeatable,
        regularised=True,
    ),
    Law(
        id="input-untouched",
        statement="the arrays of the caller are not written to",
        cases=instances,
        check=_untouched,
        regularised=True,
    ),
)
