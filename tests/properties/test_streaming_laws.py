"""Bounds of samples read in passes hold for any data, chunks and order of merging."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from otdiv import wasserstein1_result
from otdiv.streaming import (
    Detail,
    SampleState,
    compared,
    cramer_von_mises_bounds,
    energy_distance_bounds,
    kolmogorov_smirnov_bounds,
    quantile_bounds,
    wasserstein1_bounds,
    wasserstein_bounds,
)

LARGEST = 1.7e308


def drawn_sample(rng):
    """A sample of one of many kinds: heavy tails, ties, offsets, all sizes of floats."""
    n = int(rng.integers(1, 60))
    kinds = [
        lambda: rng.standard_normal(n),
        lambda: rng.standard_cauchy(n),
        lambda: rng.pareto(0.7, n),
        lambda: np.round(3.0 * rng.standard_normal(n)),
        lambda: rng.integers(0, 3, n).astype(float),
        lambda: np.exp(30.0 * rng.standard_normal(n)),
    ]
    exact = [
        lambda: rng.choice([1e-310, 5e-324, -5e-324, 1e308, -1e308, 0.0, -0.0, 1.0], n),
        lambda: 1.0 + rng.integers(0, 5, n) * 2.0**-52,
        lambda: rng.random(n) * 2.0**-1070,
    ]
    choice = int(rng.integers(len(kinds) + len(exact)))
    if choice >= len(kinds):
        return exact[choice - len(kinds)]()
    scale = rng.choice([1.0, 1e-3, 1e-12, 1e-320, 1e300])
    offset = rng.choice([0.0, 1.0, 1e6, -1e9, 1e-300, 1e15])
    with np.errstate(over="ignore"):
        return np.clip(kinds[choice]() * scale + offset, -LARGEST, LARGEST)


def drawn_pair(rng):
    """Two samples, often much alike, and weights or None."""
    x, y = drawn_sample(rng), drawn_sample(rng)
    alike = rng.random()
    if alike < 0.15:
        y = x.copy()
    elif alike < 0.3:
        y = np.repeat(x, 2)
    elif alike < 0.45:
        y = np.nextafter(x, np.inf)
    if rng.random() < 0.6:
        return x, y, None, None
    a = rng.random(x.size) * 10.0 ** rng.integers(-9, 9)
    if rng.random() < 0.5:
        a = rng.integers(0, 4, x.size).astype(float)
        a[0] = 1.0
    if rng.random() < 0.3:
        a = 2.0 ** rng.integers(-900, 900, x.size) * rng.choice([1.0, 1.3], x.size)
    return x, y, a, None if rng.random() < 0.3 else 0.1 + rng.random(y.size)


def in_pieces(rng, values, weights, make):
    """States of shuffled rows, cut and merged at random, sent as bytes."""
    order = rng.permutation(values.size)
    values, weights = values[order], None if weights is None else weights[order]
    parts = [make() for _ in range(3)]
    step = int(rng.integers(1, 20))
    for begin in range(0, values.size, step):
        piece = slice(begin, begin + step)
        parts[rng.integers(3)].update(values[piece], None if weights is None else weights[piece])
    order = rng.permutation(3)
    return parts[order[0]].merge(parts[order[1]]).merge(parts[order[2]])


def levels(x, y, a, b):
    """All values, F - G from each on, and how many rows have it; in exact numbers."""
    steps = {}
    for values, weights, place in ((x, a, 0), (y, b, 1)):
        masses = [Fraction(1)] * len(values) if weights is None else [*map(Fraction, weights)]
        for value, mass in zip(map(Fraction, values), masses, strict=True):
            step = steps.setdefault(value, [Fraction(0), Fraction(0), 0])
            step[place] += mass / sum(masses)
            step[2] += 1
    level, found = Fraction(0), []
    for value in sorted(steps):
        level += steps[value][0] - steps[value][1]
        found.append((value, level, steps[value][2]))
    return found


def exact_w1(x, y, a, b):
    found = levels(x, y, a, b)
    return sum((abs(d) * (z - v) for (v, d, _), (z, _, _) in pairwise(found)), Fraction(0))


def exact_power(x, y, p):
    """W_p^p of samples without weights."""
    n, m = len(x), len(y)
    x, y = sorted(map(Fraction, x)), sorted(map(Fraction, y))
    cuts = sorted({Fraction(i, n) for i in range(n + 1)} | {Fraction(j, m) for j in range(m + 1)})
    return sum((t - s) * abs(x[int(s * n)] - y[int(s * m)]) ** p for s, t in pairwise(cuts))


@pytest.mark.parametrize("seed", range(5))
def test_one_pass_encloses_what_the_samples_in_memory_give(seed):
    rng = np.random.default_rng(seed)
    for _ in range(800):
        x, y, a, b = drawn_pair(rng)
        bits = int(rng.integers(0, 11))
        states = [
            in_pieces(rng, values, weights, lambda: SampleState(bits=bits))  # noqa: B023
            for values, weights in ((x, a), (y, b))
        ]
        known = wasserstein1_result(x, y, x_weights=a, y_weights=b).bounds
        bounds = wasserstein1_bounds(*states)
        assert bounds.lower <= known.upper
        assert known.lower <= bounds.upper


@pytest.mark.parametrize("seed", range(4))
def test_further_passes_enclose_the_exact_distance_and_end(seed):
    rng = np.random.default_rng(100 + seed)
    for _ in range(250):
        x, y, a, b = drawn_pair(rng)
        bits = int(rng.integers(0, 11))
        sides = (x, a), (y, b)
        states = [in_pieces(rng, *side, lambda: SampleState(bits=bits)) for side in sides]  # noqa: B023
        comparison = compared(*(SampleState.from_bytes(state.to_bytes()) for state in states))
        options = {
            "rtol": rng.choice([None, 1e-3, 1e-10]),
            "max_values": int(rng.choice([0, 3, 10, 1000])),
            "max_cells": int(rng.choice([64, 1000])),
        }
        truth = exact_w1(x, y, a, b)
        for _ in range(100):
            bounds = comparison.wasserstein1
            if bounds.upper < np.inf:
                assert Fraction(bounds.lower) <= truth <= Fraction(bounds.upper)
            windows = comparison.undecided(**options)
            if windows is None:
                break
            details = [in_pieces(rng, *side, lambda: Detail(windows)) for side in sides]  # noqa: B023
            sent = [Detail.from_bytes(detail.to_bytes(), windows) for detail in details]
            comparison = comparison.refined(*sent)
        assert windows is None
        if a is None and bounds.lower > 1e-250 and bounds.upper < np.inf:
            assert bounds.relative_gap <= max(options["rtol"] or 0.0, 4e-13)


def test_whatever_the_order_and_the_merging_states_of_the_same_rows_are_equal():
    rng = np.random.default_rng(7)
    for _ in range(300):
        values = drawn_sample(rng)
        bits = int(rng.integers(0, 11))
        states = [
            in_pieces(rng, values, None, lambda: SampleState(bits=bits))  # noqa: B023
            for _ in range(2)
        ]
        assert states[0].to_bytes() == states[1].to_bytes()
        coarse = int(rng.integers(0, bits + 1))
        assert states[0].coarsened(coarse) == SampleState(bits=coarse).update(values)


def test_states_of_more_octaves_than_fit_are_equal_too():
    rng = np.random.default_rng(3)
    values = 10.0 ** rng.uniform(-320, 308, 20_000) * rng.choice([-1.0, 1.0], 20_000)
    whole = SampleState().update(values)
    assert whole.bits == 8
    parts = [SampleState().update(part) for part in np.split(values[::-1], 5)]
    merged = parts[0]
    for part in parts[1:]:
        merged.merge(part)
    assert merged == whole


@pytest.mark.parametrize("seed", range(3))
def test_other_distances_are_enclosed(seed):
    rng = np.random.default_rng(200 + seed)
    for _ in range(150):
        x, y, a, b = drawn_pair(rng)
        bits = int(rng.integers(0, 11))
        states = SampleState(bits=bits).update(x, a), SampleState(bits=bits).update(y, b)
        found = levels(x, y, a, b)
        smirnov = kolmogorov_smirnov_bounds(*states)
        assert smirnov.lower <= max(abs(level) for _, level, _ in found) <= smirnov.upper
        energy = energy_distance_bounds(*states)
        truth = sum((2 * d * d * (z - v) for (v, d, _), (z, _, _) in pairwise(found)), Fraction(0))
        if energy.upper < np.inf:
            assert Fraction(energy.lower) ** 2 <= truth <= Fraction(energy.upper) ** 2
        if a is not None:
            continue
        n, m = x.size, y.size
        squares = sum(count * level * level for _, level, count in found)
        mises = cramer_von_mises_bounds(*states)
        assert mises.lower <= Fraction(n * m, (n + m) ** 2) * squares <= mises.upper
        for p in (1, 2, 3):
            bounds = wasserstein_bounds(*states, p=p)
            if bounds.upper < np.inf:
                power = exact_power(x, y, p)
                assert Fraction(bounds.lower) ** p <= power <= Fraction(bounds.upper) ** p
        asked = rng.random(5)
        low, high = quantile_bounds(states[0], asked)
        known = np.quantile(x, asked, method="inverted_cdf")
        assert ((low <= known) & (known <= high)).all()
