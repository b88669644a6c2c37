"""No audit confirms a wrong bound, and none refutes a right one, whatever is stated."""

import math
from fractions import Fraction

import numpy as np
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from otdiv import Potentials, SparsePlan, TransportProblem, certificates
from otdiv.certificates import Proof, Verdict
from otdiv.results import Bounds
from tests.exact import exact_interval, exact_potentials, exact_solution

weights = st.one_of(
    st.sampled_from([1.0, 1.0, 2.0, 0.0]),
    st.floats(1e-3, 1.0),
    st.sampled_from([1e-9, 1e-16, 5e-17, 1e-40, 1e-250]),
)
entries = st.one_of(
    st.integers(-3, 3).map(float),
    st.floats(-10.0, 10.0, allow_subnormal=False),
    st.sampled_from([1e-16, 1e8, 1e16]),
)
# Relative errors from far below rounding to gross ones, of either sign.
errors = st.tuples(
    st.sampled_from([-1.0, 1.0]),
    st.sampled_from([0.0, 0.0, 2.0**-53, 2.0**-51, 1e-15, 1e-14, 1e-12, 1e-9, 1e-3, 0.5]),
).map(math.prod)


@st.composite
def problems(draw):
    n, m = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    a = draw(st.lists(weights, min_size=n, max_size=n).filter(any))
    b = draw(st.lists(weights, min_size=m, max_size=m).filter(any))
    some = st.one_of(entries, st.just(math.inf)) if draw(st.booleans()) else entries
    C = draw(st.lists(some, min_size=n * m, max_size=n * m))
    return TransportProblem.from_matrix(np.reshape(C, (n, m)), a, b)


def costs_of(problem):
    return [[None if c == math.inf else c for c in row] for row in problem.cost.values.tolist()]


def witnesses(draw, problem):
    """An optimal plan and optimal potentials in floats, after some harm."""
    n, m = problem.shape
    costs = costs_of(problem)
    a, b = ([Fraction(t) for t in side.tolist()] for side in (problem.a, problem.b))
    total = sum(a) / sum(b)
    _, flow = exact_solution(a, [t * total for t in b], costs)
    f, g = exact_potentials(costs, flow)
    mass = np.array([[float(t) for t in row] for row in flow])
    f, g = np.array([float(t) for t in f]), np.array([float(t) for t in g])
    for _ in range(draw(st.integers(0, 3))):
        i, j, k = draw(st.integers(0, n - 1)), *draw(st.tuples(*2 * [st.integers(0, m - 1)]))
        share = abs(draw(errors))
        kind = draw(st.sampled_from(["move", "scale", "drop", "raise f", "raise g", "shift"]))
        if kind == "move":
            moved = share * mass[i, j]
            mass[i, j] -= moved
            mass[i, k] += moved
        elif kind == "scale":
            mass[i, j] *= 1.0 + draw(errors)
        elif kind == "drop":
            mass[i, j] = 0.0
        elif kind == "raise f":
            f[i] += draw(errors) * (1.0 + abs(f[i]))
        elif kind == "raise g":
            g[j] += draw(errors) * (1.0 + abs(g[j]))
        else:
            f, g = f + 3.7, g - 3.7
    rows, columns = np.nonzero(mass)
    plan = SparsePlan(rows=rows, columns=columns, mass=mass[rows, columns], shape=(n, m))
    return plan, Potentials(f=f, g=g)


def cost_of(plan, problem):
    pairs = zip(plan.rows.tolist(), plan.columns.tolist(), plan.mass.tolist(), strict=True)
    C = problem.cost.values.tolist()
    terms = [Fraction(p) * Fraction(C[i][j]) for i, j, p in pairs if C[i][j] < math.inf]
    return sum(terms, Fraction(0)), sum(map(abs, terms), Fraction(0))


@given(problems(), st.data())
@settings(max_examples=500)
def test_what_is_confirmed_is_right_and_what_is_refuted_is_wrong(problem, data):
    interval = exact_interval(problem.a.tolist(), problem.b.tolist(), costs_of(problem))
    assume(interval is not None)
    optimum, width = interval
    plan, potentials = witnesses(data.draw, problem)
    cost, magnitude = cost_of(plan, problem)
    # Bounds stand near the ends of the right interval, on either side of them.
    near = st.tuples(st.sampled_from([-1, 0, 1]), errors, st.booleans())

    def bound():
        times, error, of_cost = data.draw(near)
        centre = (cost if of_cost else optimum) + times * width
        return float(centre + Fraction(error) * abs(centre))

    lower, upper = bound(), bound()
    if data.draw(st.integers(0, 7)):
        lower, upper = sorted([lower, upper])
    value = data.draw(st.sampled_from([min(max(float(cost), lower), upper), float(cost), lower]))
    stated = Proof(
        problem=problem,
        plan=plan,
        potentials=potentials,
        value=value,
        bounds=Bounds(lower, upper),
        slack=0.0,
    )
    audit = certificates.audit(stated)
    event(audit.verdict.name)
    wrong = lower > optimum + width or upper < optimum - width
    if audit.verdict is Verdict.CONFIRMED:
        assert not wrong
        assert lower <= value <= upper
        assert Fraction(audit.lower) <= optimum <= Fraction(audit.upper) + Fraction(audit.width)
    if audit.verdict is Verdict.REFUTED and not wrong and lower <= value <= upper:
        # Then the value is at fault: it is not that of the plan, by more than rounding.
        assert abs(Fraction(value) - cost) > magnitude * Fraction(1, 2**41)
