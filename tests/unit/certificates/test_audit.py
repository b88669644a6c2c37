"""The auditor: what it confirms, what it refutes, what it leaves open, and how it says so."""

import ast
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
import pytest

from otdiv import (
    CostMatrix,
    DensePlan,
    DiscreteMeasure,
    PNormCost,
    Potentials,
    SparsePlan,
    TransportProblem,
    UnbalancedProblem,
    certificates,
    solvers,
    transport,
    transport_matrix,
    unbalanced_transport,
)
from otdiv.certificates import Proof, Verdict
from otdiv.errors import InvalidInputError
from otdiv.results import Bounds, Status


def sparse(entries, shape):
    rows, columns, mass = zip(*entries, strict=True)
    return SparsePlan(rows=rows, columns=columns, mass=mass, shape=shape)


def stated(problem, plan, potentials, lower, upper, value=None):
    value = lower if value is None else value
    bounds = Bounds(lower, upper)
    return Proof(
        problem=problem, plan=plan, potentials=potentials, value=value, bounds=bounds, slack=0.0
    )


def swap():
    """Rows and columns of half the mass each; the optimum is 1, on the diagonal."""
    problem = TransportProblem.from_matrix([[1.0, 3.0], [3.0, 1.0]])
    plan = sparse([(0, 0, 0.5), (1, 1, 0.5)], (2, 2))
    return problem, plan, Potentials(f=[0.5, 0.5], g=[0.5, 0.5])


# --- What is confirmed ----------------------------------------------------------------------------


def test_the_optimum_of_whole_numbers_is_confirmed_to_the_last_bit():
    audit = certificates.audit(stated(*swap(), 1.0, 1.0))
    assert audit.verdict is Verdict.CONFIRMED
    assert (audit.lower, audit.upper, audit.marginal_deviation) == (1.0, 1.0, 0.0)
    assert audit.repairs == ()


def test_what_prove_returns_can_be_audited():
    problem, plan, potentials = swap()
    proof = certificates.prove(problem, plan, potentials)
    assert proof.problem is problem
    assert certificates.audit(proof).verdict is Verdict.CONFIRMED


def test_a_sorted_line_is_audited_in_the_callers_order():
    rng = np.random.default_rng(0)
    result = transport(rng.normal(size=9), rng.normal(size=7), solver=solvers.Line())
    assert certificates.audit(result).verdict is Verdict.CONFIRMED


def test_bounds_that_say_nothing_are_confirmed_without_plan_or_potentials():
    rng = np.random.default_rng(0)
    result = transport(rng.normal(size=(9, 2)), rng.normal(size=(9, 2)))
    nothing = replace(
        result, plan=None, potentials=None, value=math.inf, bounds=Bounds(0.0, math.inf)
    )
    assert certificates.audit(nothing).verdict is Verdict.CONFIRMED
    claim = replace(nothing, bounds=Bounds(result.bounds.lower, math.inf))
    assert certificates.audit(claim).verdict is Verdict.UNDECIDED
    assert certificates.audit(replace(nothing, value=1.0)).verdict is Verdict.UNDECIDED
    signed = transport_matrix([[-1.0]])
    bounds = Bounds(-math.inf, math.inf)
    signed = replace(signed, plan=None, potentials=None, value=math.inf, bounds=bounds)
    assert certificates.audit(signed).verdict is Verdict.CONFIRMED


def test_a_row_that_holds_too_much_gives_the_rest_away():
    problem, _, potentials = swap()
    plan = sparse([(0, 0, 0.5), (0, 1, 0.25), (1, 1, 0.25)], (2, 2))
    audit = certificates.audit(stated(problem, plan, potentials, 1.0, 2.0, 1.5))
    assert audit.verdict is Verdict.CONFIRMED
    # Row 0 is scaled by 2/3; row 1 fills its own column first, and then the other.
    assert audit.upper == pytest.approx(5.0 / 3.0, rel=1e-15)
    assert audit.marginal_deviation == 0.5


def test_a_plan_on_a_forbidden_pair_is_led_to_allowed_ones():
    C = [[0.0, 0.0, np.inf], [np.inf, 0.0, 1.0], [np.inf, np.inf, 0.0]]
    problem = TransportProblem.from_matrix(C)
    third = 1.0 / 3.0
    sliver = 2.0**-40
    # Row 0 must take back what it has at a forbidden pair; the room is two columns further.
    plan = sparse(
        [(0, 0, third - sliver), (0, 2, sliver), (1, 1, third), (2, 2, third - sliver)], (3, 3)
    )
    zero = Potentials(f=np.zeros(3), g=np.zeros(3))
    audit = certificates.audit(stated(problem, plan, zero, 0.0, 2.0 * sliver, 0.0))
    assert audit.verdict is Verdict.CONFIRMED
    assert "masses moved to meet the weights" in audit.repairs


def test_mass_is_rerouted_where_no_allowed_pair_has_room_on_both_sides():
    C = [[1.0, np.inf], [3.0, 2.0]]
    problem = TransportProblem.from_matrix(C, [0.5, 0.5], [0.5, 0.5])
    # Row 0 may only go to column 0, which row 1 has filled.
    plan = sparse([(1, 0, 0.5)], (2, 2))
    audit = certificates.audit(
        stated(problem, plan, Potentials(f=[0.0, 1.0], g=[1.0, 1.0]), 1.5, 2.0, 1.5)
    )
    assert audit.verdict is Verdict.CONFIRMED
    assert audit.upper == pytest.approx(1.5, rel=1e-15)


def test_light_atoms_far_away_keep_the_digits_of_the_heavy_ones():
    """Where potentials are infeasible at a pair, the lighter atom pays."""
    problem = TransportProblem.from_matrix([[1.0, 1e16]], [1.0], [1.0, 1e-30])
    plan = sparse([(0, 0, 1.0), (0, 1, 1e-30)], (1, 2))
    audit = certificates.audit(stated(problem, plan, Potentials(f=[0.0], g=[1.0, 2e16]), 0.0, 2.0))
    assert audit.lower == pytest.approx(1.0, rel=1e-13)


# --- What is not ----------------------------------------------------------------------------------


def test_a_sliver_on_the_wrong_column_is_paid_for():
    problem = TransportProblem.from_matrix([[0.0, 1.0]], [1.0], [1.0 - 5e-14, 5e-14])
    plan = sparse([(0, 0, 1.0)], (1, 2))
    audit = certificates.audit(stated(problem, plan, Potentials(f=[0.0], g=[0.0, 1.0]), 0.0, 0.0))
    assert audit.verdict is Verdict.REFUTED
    assert audit.lower == pytest.approx(5e-14, rel=1e-15)
    assert audit.upper == pytest.approx(5e-14, rel=1e-15)
    assert audit.marginal_deviation == pytest.approx(1.0)


@pytest.mark.parametrize("distance", [1e16, 1e20, 1e150])
@pytest.mark.parametrize("weight", [1e-16, 1e-30, 1e-140])
def test_a_dropped_light_atom_is_paid_for(distance, weight):
    problem = TransportProblem(
        source=DiscreteMeasure(points=[[0.0, 0.0], [distance, 0.0]], weights=[1.0, weight]),
        target=DiscreteMeasure(points=[[0.0, 0.0]]),
        cost=PNormCost(),
    )
    plan = sparse([(0, 0, 1.0)], (2, 1))
    potentials = Potentials(f=[0.0, distance], g=[0.0])
    audit = certificates.audit(stated(problem, plan, potentials, 0.0, 0.0))
    assert audit.verdict is Verdict.REFUTED
    assert audit.lower == pytest.approx(distance * weight, rel=1e-14)


@pytest.mark.parametrize("error", [2.0**-52, 1e-15, 1e-14, 1e-12, 1e-9, 1e-3])
def test_a_bound_on_the_wrong_side_is_never_confirmed(error):
    """Beyond 4u of the optimum; and refuted beyond 2w, which here is at most 1e-14."""
    problem, plan, potentials = swap()
    beyond = 4.0 * 2.0**-53 + error
    low = certificates.audit(stated(problem, plan, potentials, 1.0 + beyond, 2.0))
    high = certificates.audit(stated(problem, plan, potentials, 0.5, 1.0 - beyond))
    expected = Verdict.REFUTED if error >= 1e-12 else low.verdict
    assert low.verdict is expected is not Verdict.CONFIRMED
    expected = Verdict.REFUTED if error >= 1e-12 else high.verdict
    assert high.verdict is expected is not Verdict.CONFIRMED


def test_an_upper_bound_needs_a_plan_that_proves_it():
    problem, _, potentials = swap()
    other = sparse([(0, 1, 0.5), (1, 0, 0.5)], (2, 2))
    audit = certificates.audit(stated(problem, other, potentials, 1.0, 3.0, 3.0))
    assert audit.verdict is Verdict.CONFIRMED
    audit = certificates.audit(stated(problem, other, potentials, 1.0, 2.0, 2.0))
    assert audit.verdict is not Verdict.CONFIRMED


def test_a_lower_bound_needs_potentials_that_prove_it():
    problem, plan, _ = swap()
    raised = Potentials(f=[2.0, 0.5], g=[0.5, 0.5])  # their sum is 1.75, and infeasible
    audit = certificates.audit(stated(problem, plan, raised, 1.0, 1.0))
    assert audit.verdict is Verdict.CONFIRMED
    assert audit.repairs == ("potentials lowered to the costs",)
    low = Potentials(f=[0.0, 0.0], g=[0.0, 0.0])
    assert certificates.audit(stated(problem, plan, low, 1.0, 1.0)).verdict is Verdict.UNDECIDED


def test_crossed_bounds_are_refuted():
    audit = certificates.audit(stated(*swap(), 1.0 + 2.0**-52, 1.0))
    assert audit.verdict is Verdict.REFUTED
    assert "above the upper bound" in audit.reason


@pytest.mark.parametrize("value", [0.99, 1.2, math.inf, -math.inf])
def test_a_value_outside_its_bounds_is_refuted(value):
    audit = certificates.audit(stated(*swap(), 1.0, 1.1, value))
    assert audit.verdict is Verdict.REFUTED
    assert "outside of its bounds" in audit.reason


@pytest.mark.parametrize("value", [1.1, 1.0 + 1e-9, math.inf])
def test_a_value_that_is_not_the_plans_cost_is_refuted(value):
    audit = certificates.audit(stated(*swap(), 1.0, math.inf, value))
    assert audit.verdict is Verdict.REFUTED
    assert "is not the cost of the plan" in audit.reason


@pytest.mark.parametrize("error", [1e-11, 1e-9, 0.5])
def test_wide_bounds_do_not_excuse_a_value_that_is_not_the_plans_cost(error):
    audit = certificates.audit(stated(*swap(), 1.0, 2.0, 1.0 + error))
    assert audit.verdict is Verdict.UNDECIDED
    assert "the plan does not show the value" in audit.reason


def test_an_overflow_is_an_infinite_value():
    problem = TransportProblem(
        source=DiscreteMeasure(points=[0.0], weights=[1e10]),
        target=DiscreteMeasure(points=[1e300], weights=[1e10]),
        cost=PNormCost(),
    )
    plan, zero = sparse([(0, 0, 1e10)], (1, 1)), Potentials(f=[0.0], g=[0.0])
    audit = certificates.audit(stated(problem, plan, zero, 0.0, math.inf, math.inf))
    assert audit.verdict is Verdict.CONFIRMED
    assert audit.upper == math.inf


def nan_in(place):
    problem, plan, potentials = swap()
    lower, upper, value = (math.nan if place == name else 1.0 for name in ("lower", "upper", "v"))
    if place == "plan":
        plan = DensePlan(mass=[[0.5, math.nan], [0.0, 0.5]])
    if place in ("f", "g"):
        potentials = replace(potentials, **{place: [math.nan, 0.5]})
    return stated(problem, plan, potentials, lower, upper, value)


@pytest.mark.parametrize("place", ["lower", "upper", "v", "plan", "f", "g"])
def test_a_nan_anywhere_is_refuted(place):
    assert certificates.audit(nan_in(place)).verdict is Verdict.REFUTED


@pytest.mark.parametrize(
    "plan",
    [
        DensePlan(mass=[[0.75, -0.25], [-0.25, 0.75]]),
        DensePlan(mass=[[0.5, math.inf], [0.0, 0.5]]),
        DensePlan(mass=[[0.5, 0.5]]),
        sparse([(0, 0, 0.5), (1, 2, 0.5)], (2, 2)),
        sparse([(0, 0, 0.5), (-1, 1, 0.5)], (2, 2)),
        SparsePlan(rows=[0, 1], columns=[0, 1], mass=[0.5], shape=(2, 2)),
    ],
    ids=["negative", "infinite", "shape", "column", "row", "lengths"],
)
def test_what_is_no_plan_is_refuted(plan):
    problem, _, potentials = swap()
    assert (
        certificates.audit(stated(problem, plan, potentials, 1.0, 1.0)).verdict is Verdict.REFUTED
    )


@pytest.mark.parametrize("f", [[0.5], [math.inf, 0.5], [-math.inf, 0.5]])
def test_what_are_no_potentials_is_refuted(f):
    problem, plan, potentials = swap()
    potentials = replace(potentials, f=f)
    assert (
        certificates.audit(stated(problem, plan, potentials, 1.0, 1.0)).verdict is Verdict.REFUTED
    )


def test_mass_on_an_atom_without_weight_is_taken_away():
    problem = TransportProblem.from_matrix([[1.0, 0.0]], [1.0], [1.0, 0.0])
    plan = sparse([(0, 0, 0.5), (0, 1, 0.5)], (1, 2))
    audit = certificates.audit(stated(problem, plan, Potentials(f=[0.0], g=[0.0, 0.0]), 0.5, 0.5))
    assert audit.verdict is not Verdict.CONFIRMED
    assert audit.marginal_deviation == math.inf
    assert "mass on atoms without weight taken away" in audit.repairs


def test_too_many_pairs_are_left_undecided():
    audit = certificates.audit(stated(*swap(), 1.0, 1.0), max_pairs=3)
    assert audit.verdict is Verdict.UNDECIDED
    assert "2 x 2 pairs are more than the 3" in audit.reason


# --- Problems without a plan ----------------------------------------------------------------------

NO_PLAN = [[0.0, np.inf, np.inf], [1.0, np.inf, np.inf], [0.0, 0.0, 0.0]]


def test_rows_that_hold_more_than_they_reach_are_confirmed():
    result = transport_matrix(NO_PLAN, throw=False)
    assert result.status is Status.INFEASIBLE
    audit = certificates.audit(result)
    assert audit.verdict is Verdict.CONFIRMED
    assert str(audit).startswith("CONFIRMED: there is no plan: a share 0.666667 of the mass may")


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        *(([0], [0]), ([0, 2], [0]), ([0, 1, 2], [0, 1, 2]), (None, None), ([], [])),
        *(([0, 0], [0]), ([-3, -2], [0]), ([0, 7], [0, 9])),
    ],
)
def test_rows_that_show_nothing_are_left_undecided(rows, columns):
    result = transport_matrix(NO_PLAN, throw=False)
    if rows is not None:
        rows, columns = np.array(rows, np.int64), np.array(columns, np.int64)
    result = replace(result, infeasible_rows=rows, infeasible_columns=columns)
    assert certificates.audit(result).verdict is Verdict.UNDECIDED


def test_points_are_never_without_a_plan():
    result = replace(transport([0.0], [1.0]), value=math.inf, bounds=Bounds(math.inf, math.inf))
    result = replace(result, status=Status.INFEASIBLE)
    assert certificates.audit(result).verdict is Verdict.REFUTED


# --- Exact costs ----------------------------------------------------------------------------------


def exact_cost(x, y, norm, power):
    """The cost to 400 digits."""
    with mpmath.workdps(400):
        sides = [abs(mpmath.mpf(p) - mpmath.mpf(q)) for p, q in zip(x, y, strict=True)]
        largest = max(sides)
        if largest == 0 or norm == math.inf:
            return largest ** mpmath.mpf(power)
        shares = sum((side / largest) ** mpmath.mpf(norm) for side in sides)
        return (largest * shares ** (1 / mpmath.mpf(norm))) ** mpmath.mpf(power)


def as_fraction(number):
    sign, mantissa, exponent, _ = number._mpf_
    return (-1) ** sign * Fraction(int(mantissa)) * Fraction(2) ** exponent


POINTS = {
    "plain": ([0.1, 0.7, -3.0], [2.5, 0.3, 1e-3]),
    "whole": ([0.0, 0.0, 0.0], [3.0, 4.0, 0.0]),
    "equal": ([0.1, 0.2, 0.3], [0.1, 0.2, 0.3]),
    "close": ([1.0, 1.0, 1.0], [1.0 + 2.0**-52, 1.0, 1.0 - 2.0**-53]),
    "far": ([1e100, -3e99, 0.0], [1e-100, 2e100, 5.0]),
    "near": ([1e-100, 3e-100, 0.0], [0.0, 0.0, 2e-100]),
    "subnormal": ([5e-324, 1e-320, 0.0], [0.0, 0.0, 2e-323]),
    "line": ([0.1], [5.3]),
    "a hair above one": ([1.0, 2.0**-120, 0.0], [0.0, 0.0, 0.0]),
}


@pytest.mark.parametrize("points", POINTS)
@pytest.mark.parametrize("norm", [1.0, 2.0, math.inf, 3.0, 1.5, 300.0])
@pytest.mark.parametrize("power", [1.0, 2.0, 3.0, 0.5, 0.25, 1.5, 2.5, 0.3, 1.1])
def test_costs_are_enclosed_to_the_nearest_floats(points, norm, power):
    """One pair of unit mass: the plan proves its cost, and the right potential proves it too."""
    x, y = POINTS[points]
    exact = as_fraction(exact_cost(x, y, norm, power))
    problem = TransportProblem(
        source=DiscreteMeasure(points=[x]),
        target=DiscreteMeasure(points=[y]),
        cost=PNormCost(norm=norm, power=power),
    )
    high = 2.0 * float(exact) + 5e-324
    potentials = Potentials(f=[0.0], g=[high])  # lowered to the lower end of the cost
    plan = sparse([(0, 0, 1.0)], (1, 1))
    audit = certificates.audit(stated(problem, plan, potentials, 0.0, math.inf, float(exact)))
    # The reference errs in its last digits: an exact root may lie on either side of it. What is
    # no whole number is enclosed to 2**-100 of itself, that is 1e-30.
    error = exact / 10**390
    assert exact - error <= audit.upper <= outward(exact * (1 + Fraction(1, 10**29)), math.inf)
    assert exact + error >= audit.lower >= outward(exact * (1 - Fraction(1, 10**29)), -math.inf)
    assert audit.verdict is Verdict.CONFIRMED


def outward(number, toward):
    value = float(number)
    short = value < number if toward > 0 else value > number
    return math.nextafter(value, toward) if short else value


def test_coordinates_may_span_all_floats():
    x = [[1e300, 0.0], [5e-324, -1e-200], [3.0, 4.0]]
    y = [[-1e300, 1e300], [0.0, 0.0], [-1e-300, 1e10]]
    result = transport(x, y, cost="cityblock", solver=solvers.NetworkSimplex(), throw=False)
    assert certificates.audit(result).verdict is Verdict.CONFIRMED


def test_entries_of_either_sign_and_size_are_exact():
    C = CostMatrix([[-1e300, 1e-300], [5e-324, 7.0]])
    result = transport_matrix(C.values, x_weights=[1.0, 3.0], y_weights=[2.0, 2.0])
    audit = certificates.audit(result)
    assert audit.verdict is Verdict.CONFIRMED
    assert audit.upper == pytest.approx(-0.25e300, rel=1e-15)


# --- Manners --------------------------------------------------------------------------------------


def test_other_results_are_refused_with_the_two_that_are_taken():
    problem = UnbalancedProblem(
        source=DiscreteMeasure(points=[[0.0, 0.0], [1.0, 0.0]]),
        target=DiscreteMeasure(points=[[0.0, 1.0], [1.0, 1.0]], weights=[1.0, 0.5]),
        cost=PNormCost(power=2.0),
        reach=1.0,
    )
    for other in (unbalanced_transport(problem), 1.0, None, swap()[0]):
        with pytest.raises(InvalidInputError, match="be a TransportResult or a Proof"):
            certificates.audit(other)


def test_the_verdict_reads_as_a_sentence():
    text = str(certificates.audit(stated(*swap(), 1.0, 1.0)))
    assert text.startswith(
        "CONFIRMED: the bounds hold; in exact arithmetic the potentials prove 1.0"
    )
    assert text.endswith(".")


def test_an_audit_is_frozen():
    audit = certificates.audit(stated(*swap(), 1.0, 1.0))
    with pytest.raises(AttributeError):
        audit.verdict = Verdict.REFUTED


def test_the_auditor_shares_no_code_with_what_it_audits():
    """From the library it takes nouns only: classes, and no function."""
    tree = ast.parse(Path(certificates.__file__).with_name("audit.py").read_text())
    taken, outside = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            taken |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            outside.add(node.module)
        elif isinstance(node, ast.Import):
            outside |= {alias.name for alias in node.names}
    nouns = {"CostMatrix", "PNormCost", "InvalidInputError", "Plan", "DensePlan", "SparsePlan"}
    nouns |= {"SparseCost", "TransportProblem", "Status", "TransportResult", "Proof"}
    assert taken == nouns
    assert outside == {
        *("__future__", "collections.abc", "dataclasses", "decimal", "enum", "fractions"),
        *("itertools", "math", "operator", "typing"),
    }
