"""Inequalities between the divergences, on vectors with ties, zeros and extreme masses."""

import itertools
import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from otdiv import (
    DiscreteMeasure,
    chi2_divergence,
    f_divergence,
    hellinger_distance,
    jeffreys_divergence,
    js_distance,
    js_divergence,
    js_divergence_unhalved,
    kl_divergence,
    renyi_divergence,
    total_variation,
)

LOG_2 = math.log(2.0)
# Sides of an inequality are computed to a few ulps; the sums of the rows add as much.
SLACK = 1e-13


@st.composite
def vectors(draw, count=2, size=None):
    """`count` probability vectors of one length: small counts over their sum, or wild exponents."""
    n = draw(st.integers(1, 12)) if size is None else size
    out = []
    for _ in range(count):
        if draw(st.booleans()):
            masses = draw(st.lists(st.integers(0, 50), min_size=n, max_size=n).filter(any))
            out.append(np.array(masses) / sum(masses))
        else:
            exponents = st.one_of(st.floats(-300.0, 0.0), st.floats(-3.0, 0.0), st.just(-math.inf))
            logs = draw(st.lists(exponents, min_size=n, max_size=n).filter(lambda x: max(x) > -9))
            masses = 10.0 ** np.array(logs)
            out.append(masses / masses.sum())
    return tuple(out)


def at_most(left, right):
    return left <= right + SLACK * (1.0 + abs(right)) or right == math.inf


@given(vectors())
def test_divergences_are_never_negative_and_never_nan(pair):
    for divergence in (
        kl_divergence,
        jeffreys_divergence,
        js_divergence,
        total_variation,
        hellinger_distance,
        chi2_divergence,
    ):
        assert divergence(*pair) >= 0.0


@given(vectors())
def test_pinsker(pair):
    assert at_most(total_variation(*pair), math.sqrt(kl_divergence(*pair) / 2))


@given(vectors())
def test_bretagnolle_huber(pair):
    assert at_most(total_variation(*pair), math.sqrt(-math.expm1(-kl_divergence(*pair))))


@given(vectors())
def test_hellinger_and_total_variation_enclose_each_other(pair):
    h, tv = hellinger_distance(*pair), total_variation(*pair)
    assert at_most(h * h, tv)
    assert at_most(tv, h * math.sqrt(2 - h * h))


@given(vectors())
def test_js_lies_between_its_sharp_bounds_in_total_variation(pair):
    """log 2 - H_b((1 - tv) / 2) <= JS <= tv log 2, H_b the binary entropy in nats."""
    js, tv = js_divergence(*pair), total_variation(*pair)
    assert at_most(js, tv * LOG_2)
    assert at_most(js_divergence([(1 + tv) / 2, (1 - tv) / 2], [(1 - tv) / 2, (1 + tv) / 2]), js)
    assert at_most(tv, math.sqrt(2 * js))


@given(vectors())
def test_js_stays_in_its_range(pair):
    js = js_divergence(*pair)
    assert 0.0 <= js <= LOG_2
    assert js_divergence_unhalved(*pair) == 2 * js
    assert js_distance(*pair) == math.sqrt(js)


@given(vectors(count=3))
def test_the_metrics_obey_the_triangle_inequality(triple):
    p, q, r = triple
    for distance in (js_distance, total_variation, hellinger_distance):
        # The root of a sum has the root of its rounding.
        slack = 1e-14 if distance is total_variation else 1e-9
        assert distance(p, r) <= distance(p, q) + distance(q, r) + slack


@given(vectors())
def test_symmetric_divergences_are_symmetric_to_the_last_digit(pair):
    p, q = pair
    for divergence in (jeffreys_divergence, js_divergence, total_variation, hellinger_distance):
        assert divergence(p, q) == divergence(q, p)


@given(vectors(), st.randoms())
def test_the_order_of_the_atoms_does_not_matter(pair, random):
    order = list(range(len(pair[0])))
    random.shuffle(order)
    for divergence in (kl_divergence, js_divergence, chi2_divergence, hellinger_distance):
        found, expected = divergence(*(side[order] for side in pair)), divergence(*pair)
        assert found == expected or math.isclose(found, expected, rel_tol=1e-14, abs_tol=1e-300)


@given(vectors(), st.lists(st.integers(0, 3), min_size=12, max_size=12))
def test_merging_atoms_loses_divergence(pair, labels):
    """Data processing: a map of the atoms cannot tell the laws better apart."""
    label = np.array(labels[: len(pair[0])])
    merged = [np.bincount(label, weights=side, minlength=4) for side in pair]
    for divergence in (
        kl_divergence,
        jeffreys_divergence,
        js_divergence,
        total_variation,
        chi2_divergence,
        lambda p, q: hellinger_distance(p, q) ** 2,
        lambda p, q: renyi_divergence(p, q, alpha=0.3),
        lambda p, q: renyi_divergence(p, q, alpha=2.5),
    ):
        assert at_most(divergence(*merged), divergence(*pair))


@given(vectors())
def test_jeffreys_is_the_sum_of_both_directions(pair):
    p, q = pair
    both = kl_divergence(p, q) + kl_divergence(q, p)
    found = jeffreys_divergence(p, q)
    assert found == both or math.isclose(found, both, rel_tol=1e-14, abs_tol=1e-300)


@given(vectors())
def test_renyi_grows_with_its_order(pair):
    orders = [0.1, 0.5, 0.9, 1.0, 1.1, 2.0, 10.0, 100.0]
    values = [renyi_divergence(*pair, alpha=alpha) for alpha in orders]
    for lower, upper in itertools.pairwise(values):
        # 1e-15 / |alpha - 1| relative, and the rows sum to 1 to 1e-16.
        assert lower <= upper * (1 + 1e-12) + 1e-13


@given(vectors())
def test_renyi_of_order_two_is_log_of_one_plus_chi2(pair):
    chi2, found = chi2_divergence(*pair), renyi_divergence(*pair, alpha=2)
    assert math.isclose(found, math.log1p(chi2), rel_tol=1e-12, abs_tol=1e-15) or chi2 > 1e300


@given(vectors())
def test_renyi_of_order_one_half_is_a_function_of_hellinger(pair):
    h, found = hellinger_distance(*pair), renyi_divergence(*pair, alpha=0.5)
    if h * h < 0.9:
        assert math.isclose(found, -2 * math.log1p(-h * h), rel_tol=1e-12, abs_tol=1e-15)
    else:
        assert found >= -2 * math.log(0.1) * (1 - 1e-12)


@given(vectors())
def test_f_divergence_gives_back_the_named_ones(pair):
    def squared_root(t):
        return (np.sqrt(t) - 1.0) ** 2

    tv = f_divergence(*pair, lambda t: np.abs(t - 1.0) / 2, slope_at_infinity=0.5)
    assert math.isclose(tv, total_variation(*pair), abs_tol=1e-14)
    h = f_divergence(*pair, squared_root, slope_at_infinity=1.0)
    assert math.isclose(h / 2, hellinger_distance(*pair) ** 2, abs_tol=1e-14)


@given(vectors())
def test_the_support_bounds_kl_from_below(pair):
    """D(p || q) >= -log q(support of p)."""
    p, q = pair
    covered = float(q[p > 0].sum())
    bound = math.inf if covered == 0.0 else -math.log(covered)
    assert at_most(bound, kl_divergence(p, q))


@settings(max_examples=50)
@given(vectors(), st.integers(1, 6), st.randoms())
def test_measures_with_split_and_shuffled_atoms_are_the_same_law(pair, d, random):
    p, q = pair
    n = len(p)
    points = np.array([[(i * 7 + k) % 5 - 2.0, *([float(i)] * d)] for i, k in enumerate(range(n))])
    measures = []
    for side in (p, q):
        order = [*range(n), *range(n)]
        random.shuffle(order)
        copies = points[order]
        copies[copies == 0.0] *= random.choice([-1.0, 1.0])  # -0.0 is 0.0
        measures.append(DiscreteMeasure(points=copies, weights=side[order] / 2))
    for divergence in (kl_divergence, js_divergence, total_variation):
        assert math.isclose(divergence(*measures), divergence(p, q), rel_tol=1e-13, abs_tol=1e-300)
