"""What POT answers, through its adapter and `certify`: bounds that contain the exact optimum."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otdiv import InvalidInputError, certify, certify_matrix
from otdiv.adapters import from_pot
from tests.exact import exact_transport

ot = pytest.importorskip("ot")
# POT warns where it stops early, underflows or dislikes the weights; that is the point.
pytestmark = pytest.mark.filterwarnings("ignore")

POWERS = {"sqeuclidean": 2, "cityblock": 1}


@st.composite
def clouds(draw):
    """Points on a lattice, whole weights of one sum, and a cost that is exact on them."""
    n, m, d = draw(st.integers(1, 6)), draw(st.integers(1, 6)), draw(st.integers(1, 3))
    point = st.tuples(*[st.integers(-8, 8).map(lambda k: k / 4)] * d)
    x, y = (draw(st.lists(point, min_size=k, max_size=k)) for k in (n, m))
    a = [draw(st.integers(1, 9)) for _ in x]
    b = [draw(st.integers(1, 9)) for _ in y]
    a, b = [w * sum(b) for w in a], [w * sum(a) for w in b]
    return x, y, a, b, draw(st.sampled_from(sorted(POWERS)))


def exact_costs(x, y, cost):
    return [
        [
            sum(abs(Fraction(s) - Fraction(t)) ** POWERS[cost] for s, t in zip(p, q, strict=True))
            for q in y
        ]
        for p in x
    ]


def shares_of(weights):
    """Exact shares that floats have of their exact sum."""
    exact = [Fraction(float(w)) for w in weights]
    return [w / sum(exact) for w in exact]


def solved(method, a, b, C, epsilon, rounds):
    """POT's result and what `from_pot` is told of it."""
    if method == "emd":
        return ot.emd(a, b, C, log=True), {}
    result = ot.sinkhorn(a, b, C, epsilon, method=method, log=True, numItermax=rounds)
    return result, {"epsilon": epsilon, "x_weights": a, "y_weights": b}


@given(
    clouds(),
    st.sampled_from(["emd", "sinkhorn", "sinkhorn_log"]),
    st.sampled_from([3e-2, 0.3, 3.0]),
    st.sampled_from([1, 10, 1000]),
)
@settings(max_examples=80, deadline=None)
def test_bounds_of_what_pot_answers_contain_the_exact_optimum(case, method, epsilon, rounds):
    x, y, a, b, cost = case
    shares = [np.array(side, float) / sum(side) for side in (a, b)]
    C = ot.dist(np.array(x), np.array(y), metric=cost)
    result, told = solved(method, *shares, C, epsilon, rounds)
    log = result[1]
    if method == "sinkhorn" and not np.isfinite(np.log([*log["u"], *log["v"]])).all():
        # Scalings that underflowed to 0 have no logarithm.
        with pytest.raises(InvalidInputError, match="finite"):
            from_pot(result, cost=cost, **told)
        return
    answer = from_pot(result, cost=cost, **told)
    sides = {"x_weights": a, "y_weights": b}
    for found in (certify(x, y, **answer, **sides), certify_matrix(C, **answer, **sides)):
        # The weights of the problem are floats: each side counts as its exact shares.
        exact = exact_transport(
            shares_of(found.problem.a), shares_of(found.problem.b), exact_costs(x, y, cost)
        )
        assert Fraction(found.bounds.lower) <= exact <= Fraction(found.bounds.upper)
        if method == "emd":
            assert found.gap <= 1e-12 * max(1.0, float(C.max()))
        else:
            # The regularised optimum is no less than the other, as KL is not negative.
            assert Fraction(found.entropic.bounds.upper) >= exact
