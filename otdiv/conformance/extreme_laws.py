"""Laws at the edges: degenerate shapes and ties, extreme magnitudes, precision and layout."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .answer_laws import feasibility_findings, marginal_findings, sound, value_findings
from .instances import Ground, Instance, composed, instances, random_instances, st
from .law import Finding, Law, Probe

__all__ = ["EXTREME_LAWS"]

# Largest relative rounding of single precision (2**-24), times the 64 terms and the few operations
# on each that a small case has.
SINGLE = 256 * 2.0**-24


def _sound(probe: Probe, instance: Instance) -> Iterator[Finding]:
    yield from sound(probe, instance)


def _strict(probe: Probe, instance: Instance) -> Iterator[Finding]:
    """As `sound`, but the value is held to its own size: costs that nothing pays do not excuse."""
    answer = probe(instance)
    if not answer.is_finite:
        yield Finding(float("nan"), "the answer is not finite")
        return
    if answer.plan is not None:
        yield from marginal_findings(answer, instance)
    if not probe.regularised:
        yield from value_findings(answer, instance, floor=0.0)
        if answer.has_potentials:
            yield from feasibility_findings(answer, instance)


def _converted(convert: Callable[[Any], Any]) -> Callable[[Probe, Instance], Iterator[Finding]]:
    def check(probe: Probe, instance: Instance) -> Iterator[Finding]:
        yield from sound(probe, instance, probe(instance, convert))

    return check


def _single(array: Any) -> Any:
    return array.astype(np.float32)


def _whole(array: Any) -> Any:
    """Costs and points as int64; weights stay."""
    return array.astype(np.int64) if array.ndim == 2 else array


def _frozen(array: Any) -> Any:
    array = np.asfortranarray(array)
    array.flags.writeable = False
    return array


def _shaped(*shapes: tuple[int, int], **options: Any) -> Callable[[Ground], Any]:
    return lambda ground: instances(ground, shapes=st.sampled_from(shapes), **options)


def _of(entries: Any, **options: Any) -> Callable[[Ground], Any]:
    """Cases with these entries; none for a solver of points."""
    return lambda ground: (
        None if ground.on_points else instances(ground, entries=entries, **options)
    )


def _equal(ground: Ground) -> Any:
    """All costs equal; for a solver of points, all atoms at one point."""

    def draw_equal(draw: Callable[[Any], Any]) -> Instance:
        instance = draw(instances(ground))
        if instance.x is not None and instance.y is not None:
            place = draw(st.integers(-10, 10))
            x, y = np.full_like(instance.x, place), np.full_like(instance.y, place)
            return Instance.of_points(instance.a, instance.b, x, y, ground.power)
        constant = draw(st.sampled_from([1.0, 0.0, 0.1, 7.0, -1.0]))
        return Instance(a=instance.a, b=instance.b, C=np.full(instance.shape, constant))

    return composed(draw_equal)


def _ties(ground: Ground) -> Any:
    """Uniform weights, costs 0 or 1 (points: coordinates 0 or 1): every vertex is degenerate."""

    def draw_ties(draw: Callable[[Any], Any]) -> Instance:
        k = draw(st.integers(1, 5))
        uniform = np.full(k, 1.0 / k)
        bits = st.integers(0, 1).map(float)
        if not ground.on_points:
            C = np.array(draw(st.lists(bits, min_size=k * k, max_size=k * k))).reshape(k, k)
            return Instance(a=uniform, b=uniform.copy(), C=C)
        x, y = (
            np.array(draw(st.lists(bits, min_size=2 * k, max_size=2 * k))).reshape(k, 2)
            for _ in range(2)
        )
        return Instance.of_points(uniform, uniform.copy(), x, y, ground.power)

    drawn = composed(draw_ties)
    return drawn.filter(lambda case: case.C.max() > 0.0) if ground.on_points else drawn


def _magnitude(exponent: int) -> Callable[[Ground], Any]:
    """Ordinary costs times 10**exponent; coordinates of points, where those are asked for."""

    def cases(ground: Ground) -> Any:
        power = ground.power
        ordinary = instances(ground)
        factor = 10.0 ** (exponent / power) if ground.on_points else 10.0**exponent
        return ordinary.map(lambda instance: instance.scaled(factor, power))

    return cases


def _light_atoms(ground: Ground) -> Any:
    """An atom of weight 1e-12 on either side, so far away that it pays as much as the rest."""

    def draw_light(draw: Callable[[Any], Any]) -> Instance:
        light = 10.0 ** -draw(st.integers(6, 12))
        near = draw(st.integers(0, 8)) / 8.0
        x, y = np.array([[0.0], [1.0 / light]]), np.array([[near]])
        a, b = np.array([1.0 - light, light]), np.array([1.0])
        if draw(st.booleans()):
            y, b = np.concatenate([y, [[-1.0]]]), np.array([0.5, 0.5])
        instance = Instance.of_points(a, b, x, y, 1.0)
        if ground.on_points:
            return instance if ground.power == 1.0 else Instance.of_points(a, b, x, y, ground.power)
        return Instance(a=a, b=b, C=instance.C)

    return composed(draw_light)


_SPREAD = st.integers(0, 15).map(lambda k: 10.0**k)
_LARGE = st.integers(2**53 - 64, 2**53).map(float)
_SIGNED = st.integers(-20, 20).map(float)
_BARRED = st.one_of(st.integers(0, 20).map(float), st.just(float("inf")))
_THIN = [(1, 1), (1, 2), (2, 1), (1, 4), (4, 1), (2, 4), (4, 2)]


def _barred(ground: Ground) -> Any:
    """A third of the pairs or so forbidden; the pairs (i, i mod m), (j mod n, j) stay, uniform."""
    if ground.on_points:
        return None

    def draw_barred(draw: Callable[[Any], Any]) -> Instance:
        k = draw(st.integers(1, 4))
        C = np.array(draw(st.lists(_BARRED, min_size=k * k, max_size=k * k))).reshape(k, k)
        np.fill_diagonal(C, draw(st.integers(0, 20)))
        uniform = np.full(k, 1.0 / k)
        return Instance(a=uniform, b=uniform.copy(), C=C)

    return composed(draw_barred)


def _sizes(ground: Ground) -> Any:
    return random_instances(ground, shapes=st.sampled_from([(40, 40), (60, 45)]))


def _extreme(
    id: str,  # noqa: A002  (the field's name)
    statement: str,
    cases: Callable[[Ground], Any],
    check: Callable[[Probe, Any], Iterator[Finding]] = _sound,
    **options: Any,
) -> Law:
    return Law(id=id, statement=statement, cases=cases, check=check, **options)


EXTREME_LAWS = (
    _extreme("shapes", "n = 1, m = 1 and n != m are solved", _shaped(*_THIN), regularised=True),
    _extreme("ties", "costs 0 and 1 with uniform weights are solved", _ties, regularised=True),
    _extreme("equal-costs", "where all costs are c, the value is c", _equal, regularised=True),
    _extreme("negative-costs", "costs of either sign are solved", _of(_SIGNED), regularised=True),
    _extreme(
        "size", "40 to 60 random atoms a side are solved", _sizes, examples=3, regularised=True
    ),
    _extreme("huge-costs", "costs of 1e300 are solved", _magnitude(300), regularised=True),
    _extreme("tiny-costs", "costs of 1e-300 are solved", _magnitude(-300), regularised=True),
    _extreme(
        "spread", "costs from 1 to 1e15 are solved to the optimum's own size", _of(_SPREAD), _strict
    ),
    _extreme(
        "light-atoms",
        "an atom of weight 1e-12 that pays as much as the rest is not lost",
        _light_atoms,
        _strict,
    ),
    _extreme("whole-numbers", "costs up to 2^53 are solved", _of(_LARGE), regularised=True),
    _extreme("forbidden-pairs", "infinite costs forbid a pair", _barred),
    _extreme(
        "integer-input",
        "costs or points of dtype int64 give the same answer",
        instances,
        _converted(_whole),
        regularised=True,
    ),
    _extreme(
        "float32-input",
        "float32 arrays are solved to single precision",
        lambda ground: instances(ground, dyadic=True),
        _converted(_single),
        regularised=True,
        tolerance=SINGLE,
    ),
    _extreme(
        "layout",
        "read-only arrays in Fortran order give the same answer",
        instances,
        _converted(_frozen),
        regularised=True,
    ),
)
