"""Laws of the one-dimensional kernels, for any float64 samples and weights."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from otdiv._kernels.line.distances import energy_line, wasserstein_line
from otdiv._kernels.line.histogram import histogram_rows, wasserstein1_rows
from otdiv._kernels.line.monotone_plan import line_transform, monotone_plan

EPS = np.finfo(float).eps

# Everything from subnormals to 1e300, and small lattices, where ties are many.
anything = st.floats(-1e300, 1e300)
lattice = st.integers(-6, 6).map(lambda k: k / 4.0)
tiny = st.integers(-6, 6).map(lambda k: k * 5e-324)
values = st.one_of(anything, lattice, tiny, st.just(-0.0))
moderate = st.one_of(st.floats(-1e3, 1e3, allow_subnormal=False), lattice)
powers = st.sampled_from([1.0, 1.3, 2.0, 3.0, math.inf])


def arrays(elements, size=None):
    size = st.integers(1, 12) if size is None else size
    return size.flatmap(lambda n: st.lists(elements, min_size=n, max_size=n)).map(
        lambda numbers: np.array(numbers, dtype=float)
    )


def weighted(elements):
    """A sample with weights of positive sum: none, whole, or spread over many magnitudes."""
    wide = st.one_of(st.just(0.0), st.floats(1e-12, 1e12), st.floats(1e-300, 1e-290))

    def pair(sample):
        n = sample.size
        lists = [st.lists(kind, min_size=n, max_size=n) for kind in (st.integers(0, 5), wide)]
        weights = st.one_of(*lists).filter(any).map(lambda w: np.array(w, dtype=float))
        return st.tuples(st.just(sample), st.one_of(st.none(), weights))

    return arrays(elements).flatmap(pair)


def exact_w1(x, y, a, b):
    a = [1] * len(x) if a is None else a
    b = [1] * len(y) if b is None else b
    total_a, total_b = sum(map(Fraction, a)), sum(map(Fraction, b))
    atoms = sorted(
        [(Fraction(v), Fraction(w) / total_a) for v, w in zip(x, a, strict=True)]
        + [(Fraction(v), -Fraction(w) / total_b) for v, w in zip(y, b, strict=True)]
    )
    level, total = Fraction(0), Fraction(0)
    for (here, jump), (there, _) in itertools.pairwise(atoms):
        level += jump
        total += abs(level) * (there - here)
    return total


def exact_w2_squared(x, y, a, b):
    """Cost of the north-west corner plan of the sorted samples, in rationals."""
    sides = []
    for points, weights in ((x, a), (y, b)):
        weights = [1] * len(points) if weights is None else weights
        total = sum(map(Fraction, weights))
        pairs = zip(map(Fraction, points), (Fraction(w) / total for w in weights), strict=True)
        sides.append(sorted(pairs))
    (here, left), (there, free) = sides[0].pop(0), sides[1].pop(0)
    cost = Fraction(0)
    while True:
        moved = min(left, free)
        cost += moved * (here - there) ** 2
        left, free = left - moved, free - moved
        if left == 0:
            if not sides[0]:
                return cost
            here, left = sides[0].pop(0)
        else:
            there, free = sides[1].pop(0)


@given(weighted(values), weighted(values))
def test_w1_is_within_its_slack_of_the_exact_value(p, q):
    (x, a), (y, b) = p, q
    value, slack = wasserstein_line(x, y, a, b)
    assert abs(Fraction(value) - exact_w1(x, y, a, b)) <= Fraction(slack)


@given(weighted(values), weighted(values))
def test_slack_is_rounding_only(p, q):
    (x, a), (y, b) = p, q
    value, slack = wasserstein_line(x, y, a, b)
    extent = max(x.max(), y.max()) - min(x.min(), y.min())
    # A few subnormal roundings, one for each of the values, come on top.
    assert slack <= 10 * EPS * value + 8 * EPS * extent + (x.size + y.size) * 5e-324


@given(weighted(values), powers)
def test_a_sample_is_at_distance_zero_of_itself(p, power):
    x, a = p
    assert wasserstein_line(x, x, a, a, power) == (0.0, 0.0)
    assert energy_line(x, x, a, a)[0] == 0.0


@given(arrays(values), st.randoms(use_true_random=False), powers)
def test_a_shuffled_sample_is_at_distance_zero(x, random, power):
    y = list(x)
    random.shuffle(y)
    assert wasserstein_line(x, np.array(y), p=power) == (0.0, 0.0)
    assert energy_line(x, np.array(y))[0] == 0.0


@given(weighted(values), weighted(values))
def test_w2_is_within_its_slack_of_the_exact_value(p, q):
    (x, a), (y, b) = p, q
    value, slack = wasserstein_line(x, y, a, b, 2.0)
    square = exact_w2_squared(x, y, a, b)
    assert max(Fraction(value) - Fraction(slack), 0) ** 2 <= square
    assert square <= (Fraction(value) + Fraction(slack)) ** 2


@given(weighted(values), weighted(values), powers)
def test_distance_is_symmetric(p, q, power):
    (x, a), (y, b) = p, q
    assert wasserstein_line(x, y, a, b, power)[0] == wasserstein_line(y, x, b, a, power)[0]


@given(weighted(moderate), weighted(moderate), st.integers(-900, 900), powers)
def test_a_power_of_two_scales_the_distance_exactly(p, q, shift, power):
    (x, a), (y, b) = p, q
    scale = math.ldexp(1.0, shift)
    scaled_x, scaled_y = x * scale, y * scale
    assume((scaled_x / scale == x).all() and (scaled_y / scale == y).all())
    value = wasserstein_line(x, y, a, b, power)[0]
    scaled = wasserstein_line(scaled_x, scaled_y, a, b, power)[0]
    # Units change where ranges are extreme, and with them the rounding of quotients.
    assert scaled / scale == pytest.approx(value, rel=16 * EPS, abs=1e-290)


@given(weighted(lattice), weighted(lattice), st.integers(-50, 50), powers)
def test_a_translation_of_both_changes_nothing(p, q, shift, power):
    (x, a), (y, b) = p, q
    moved = wasserstein_line(x + shift, y + shift, a, b, power)[0]
    assert moved == wasserstein_line(x, y, a, b, power)[0]


@given(weighted(lattice), st.integers(-50, 50), powers)
def test_a_translated_sample_is_as_far_as_it_was_moved(p, shift, power):
    x, a = p
    value, slack = wasserstein_line(x, x + shift, a, a, power)
    assert abs(value - abs(shift)) <= slack


@given(weighted(moderate), weighted(moderate), weighted(moderate), st.sampled_from([1.0, 2.0, 3.0]))
def test_triangle_inequality(p, q, r, power):
    (x, a), (y, b), (z, c) = p, q, r
    first, first_slack = wasserstein_line(x, y, a, b, power)
    second, second_slack = wasserstein_line(y, z, b, c, power)
    third, third_slack = wasserstein_line(x, z, a, c, power)
    assert third - third_slack <= (first + first_slack + second + second_slack) * (1 + 4 * EPS)


@given(weighted(moderate), weighted(moderate))
def test_distance_rises_with_the_power(p, q):
    (x, a), (y, b) = p, q
    results = [wasserstein_line(x, y, a, b, power) for power in (1.0, 1.5, 2.0, 4.0)]
    for (low, low_slack), (high, high_slack) in itertools.pairwise(results):
        assert low - low_slack <= (high + high_slack) * (1 + 4 * EPS)


@given(arrays(values), arrays(values), st.lists(st.integers(1, 4), min_size=12, max_size=12))
def test_whole_weights_are_repetitions(x, y, counts):
    counts = np.array(counts[: x.size])
    repeated = np.repeat(x, counts)
    for power in (1.0, 2.0, math.inf):
        first, slack = wasserstein_line(x, y, counts.astype(float), None, power)
        second, other = wasserstein_line(repeated, y, p=power)
        assert abs(first - second) <= (slack + other) * (1 + EPS)


@given(arrays(lattice, st.just(6)), arrays(lattice, st.just(6)))
def test_largest_distance_is_the_limit_of_high_powers(x, y):
    top = wasserstein_line(x, y, p=math.inf)[0]
    # One of six masses moves that far: top (1/6)^(1/p) <= W_p <= top.
    high = wasserstein_line(x, y, p=200.0)[0]
    assert top * (1 / 6) ** (1 / 200) * (1 - 1e-12) <= high <= top * (1 + 1e-12)


@given(weighted(moderate), weighted(moderate))
def test_energy_distance_is_bounded_by_w1(p, q):
    (x, a), (y, b) = p, q
    # (F - G)^2 <= |F - G|.
    w1, slack = wasserstein_line(x, y, a, b)
    energy, energy_slack = energy_line(x, y, a, b)
    assert max(energy - energy_slack, 0.0) <= math.sqrt(2.0 * (w1 + slack)) * (1 + 4 * EPS)


@given(st.integers(1, 8).flatmap(lambda k: st.tuples(
    st.lists(values, min_size=k, max_size=k),
    st.lists(st.integers(0, 9), min_size=k, max_size=k).filter(any),
    st.lists(st.integers(0, 9), min_size=k, max_size=k).filter(any),
)))  # fmt: skip
def test_histogram_is_within_its_slack_of_the_exact_value(case):
    support, p, q = (np.array(part, dtype=float) for part in case)
    found, slacks = histogram_rows(p[None], q[None], support)
    assert abs(Fraction(found[0]) - exact_w1(support, support, p, q)) <= Fraction(slacks[0])
    assert histogram_rows(p[None], p[None], support)[0][0] == 0.0


@given(weighted(values), weighted(values))
def test_rows_are_the_single_calls(p, q):
    (x, a), (y, b) = p, q
    weights = [None if w is None else np.array([w, w]) for w in (a, b)]
    value, slack = wasserstein_line(x, y, a, b)
    rows = wasserstein1_rows(np.array([x, x]), np.array([y, y]), *weights)
    assert (np.abs(rows - value) <= 2.0 * slack).all()


@given(weighted(lattice), weighted(lattice), st.sampled_from([1.0, 1.5, 2.0]))
def test_plan_and_value_agree(p, q, power):
    (x, a), (y, b) = p, q
    a = np.ones(x.size) if a is None else a
    b = np.ones(y.size) if b is None else b
    a, b = a / a.sum(), b / b.sum()
    rows, columns = np.argsort(x), np.argsort(y)
    x, a, y, b = x[rows], a[rows], y[columns], b[columns]
    rows, columns, mass, f, _ = monotone_plan(x, y, a, b, float(a.sum()), power)
    cost = mass @ np.abs(x[rows] - y[columns]) ** power
    dual = a @ f + b @ line_transform(x, y, f, power)
    value = wasserstein_line(x, y, a, b, power)[0] ** power
    # At most 24 cells of costs up to 3^power, each rounded a few times.
    assert cost == pytest.approx(value, rel=1e-12, abs=1e-13)
    assert dual == pytest.approx(value, rel=1e-12, abs=1e-13)
