"""Each planted fault of a solver is found by the law that speaks of it, and nothing else is."""

import contextlib
import io
import time
import warnings

import numpy as np
import pytest

from otdiv import PNormCost, UnsupportedProblemError, gradient, transport, transport_matrix
from otdiv.conformance import LawVerdict, PointSolver, check_solver, solver_laws


def exact(a, b, C):
    result = transport_matrix(C, x_weights=a, y_weights=b)
    return result.value, result.plan.toarray(), result.potentials.f, result.potentials.g


def value_off(a, b, C):
    return exact(a, b, C)[0] * (1.0 + 1e-6)


def value_off_plan_right(a, b, C):
    value, plan, *_ = exact(a, b, C)
    return value * (1.0 + 1e-6), plan


def marginals_off(a, b, C):
    plan = exact(a, b, C)[1].copy()
    plan[0, 0] += 1e-6
    return plan


def negative_entry(a, b, C):
    plan = exact(a, b, C)[1].copy()
    if min(plan.shape) > 1:
        cycle = 1e-6 + plan[0, 0]
        plan[:2, :2] += [[-cycle, cycle], [cycle, -cycle]]
    return plan


def infeasible_potentials(a, b, C):
    value, plan, f, g = exact(a, b, C)
    return value, plan, f + 1e-6 * np.abs(C).max(), g


def weak_potentials(a, b, C):
    """Feasible, but not optimal."""
    return (*exact(a, b, C)[:2], np.full(len(a), C.min() - 1.0), np.zeros(len(b)))


def writes_to_costs(a, b, C):
    answer = exact(a, b, C)
    C -= C.min()
    return answer


def writes_to_weights(a, b, C):
    answer = exact(a, b, C)
    a *= 1.0 + 1e-15
    return answer


def drops_zero_rows(a, b, C):
    rows, columns = a > 0.0, b > 0.0
    return exact(a[rows], b[columns], C[np.ix_(rows, columns)])[1]


def divides_by_weights(a, b, C):
    with np.errstate(all="ignore"):
        return exact(a, b, C)[0] + float((a / a - 1.0).sum())


def product_plan(a, b, C):
    return np.outer(a, b)


def greedy(a, b, C):
    """North-west corner: a plan, mostly not the best one."""
    plan, a, b = np.zeros(C.shape), a.copy(), b.copy()
    i = j = 0
    while i < len(a) and j < len(b):
        plan[i, j] = moved = min(a[i], b[j])
        a[i] -= moved
        b[j] -= moved
        i, j = (i + 1, j) if a[i] <= b[j] else (i, j + 1)
    return plan


def half_precision_inside(a, b, C):
    return float(np.float32(exact(a, b, C)[0]))


def forgets_the_shift(a, b, C):
    """Works with C - min C, and does not add the minimum again."""
    return exact(a, b, C - C.min())[0]


def absolute_zero(a, b, C):
    return exact(a, b, np.where(np.abs(C) < 1e-12, 0.0, C))[0]


def squares(a, b, C):
    with np.errstate(over="ignore"):
        return float(np.sqrt((exact(a, b, C)[1] * C**2).sum()))


def swaps_sides(a, b, C):
    return exact(a, b, C)[0] * (1.0 + 1e-6 * (a[0] - b[0]))


def first_row_matters(a, b, C):
    return exact(a, b, C)[0] + 1e-6 * abs(C[0, 0])


_COUNT = iter(range(10**9))


def other_bits(a, b, C):
    return exact(a, b, C)[0] * (1.0 + 1e-15 * (next(_COUNT) % 2))


def counts_atoms(a, b, C):
    return exact(a, b, C)[0] * (1.0 + 1e-6 * len(a))


def whole_costs_only(a, b, C):
    return exact(a, b, C.astype(np.int32).astype(float))[0] if (C < 2**31).all() else 0.0


def ignores_bars(a, b, C):
    return exact(a, b, np.where(np.isinf(C), 0.0, C))[0]


def loses_light_atoms(a, b, C):
    a, b = (np.where(w < 1e-8, 0.0, w) for w in (a, b))
    return exact(a, b, C)[0]


def needs_writable(a, b, C):
    C[0, 0] = C[0, 0]
    return exact(a, b, C)


def needs_c_order(a, b, C):
    flat = np.frombuffer(C.tobytes(order="A"), dtype=C.dtype)
    return exact(a, b, flat.reshape(C.shape))[0]


def wraps_integers(a, b, C):
    return exact(a, b, C.astype(np.int8) if C.dtype.kind == "i" else C)[0] / 2.0 ** (
        C.dtype.kind == "i"
    )


def crude_in_single(a, b, C):
    return exact(a, b, C)[0] * (1.0 + 1e-3 * (C.dtype == np.float32))


def cycles_on_ties(a, b, C):
    if C.size > 1 and np.ptp(C) == 0.0:
        raise RuntimeError("cycling")
    return exact(a, b, C)


def square_only(a, b, C):
    if C.shape[0] != C.shape[1]:
        raise ValueError("operands could not be broadcast together")
    return exact(a, b, C)


def caps_the_size(a, b, C):
    return exact(a, b, C)[0] * (1.0 + 1e-6 * (len(a) > 30))


def spread_lost(a, b, C):
    """Rounds costs to 12 digits of the largest."""
    unit = 1e-12 * np.abs(C).max() or 1.0
    return exact(a, b, np.round(C / unit) * unit)[0]


def triangle_broken(a, b, C):
    value = exact(a, b, C)[0]
    return value**1.5


def squares_the_mass(a, b, C):
    return exact(a, b, C)[0] * a.sum() ** 2


def squares_the_plan(a, b, C):
    value, plan, *_ = exact(a, b, C)
    return value * a.sum(), plan * a.sum() ** 2


def potentials_of_another_plan(a, b, C):
    """Feasible and short of the optimum by little: slack remains where mass moves."""
    value, plan, f, g = exact(a, b, C)
    return value, plan, f - 1e-6 * np.abs(C).max(), g


def value_beside_the_duals(a, b, C):
    value, _, f, g = exact(a, b, C)
    return value * (1.0 + 1e-6), f, g


def duals_lose_a_column(a, b, C):
    """Potentials of costs from which each column's own minimum was taken off, not given back."""
    value, plan, f, g = exact(a, b, C - C.min(axis=0))
    return value, plan, f, g


def duals_of_one_order(a, b, C):
    """Feasible whatever the order; (f, g) is optimal only where the source is the longer side."""
    value, plan, f, g = exact(a, b, C)
    return value, plan, f - 1e-6 * np.abs(C).max() * (len(a) < len(b)), g


def duals_of_whole_costs(a, b, C):
    _, _, f, g = exact(a, b, C)
    return np.floor(f + 1e-9), np.floor(g + 1e-9)


def differentiated(a, b, x, y, power=1.0):
    cost = PNormCost(power=power)
    result = transport(x, y, x_weights=a, y_weights=b, cost=cost)
    found = gradient(result)
    gradients = {name: np.array(getattr(found, name)) for name in "xyab"}
    potentials = (result.potentials.f, result.potentials.g)
    return {"value": result.value, "potentials": potentials, "gradients": gradients}


def of_gradients(change, power=1.0):
    """A solver of points whose gradients are changed."""

    def solver(a, b, x, y):
        answer = differentiated(a, b, x, y, power)
        change(answer["gradients"])
        return answer

    solver.__qualname__ = change.__qualname__
    return PointSolver(solver, power=power)


def slope_off(gradients):
    gradients["x"] *= 1.0 + 1e-4
    gradients["y"] *= 1.0 + 1e-4


def no_slope(gradients):
    gradients["x"] *= 0.0
    gradients["y"] *= 0.0


def uphill(gradients):
    gradients["y"] *= -1.0


def pinned_target(gradients):
    gradients["y"] *= 0.0


def drifting(gradients):
    gradients["x"] += 1e-6


def weights_off(gradients):
    gradients["a"] *= 1.0 + 1e-4


def weights_downhill(gradients):
    gradients["b"] *= -1.0


def nan_weights(gradients):
    gradients["b"][-1] = np.nan


def name_of(fault):
    return getattr(fault, "function", fault).__qualname__


FAULTS = [
    (potentials_of_another_plan, "complementary-slackness"),
    (weak_potentials, "complementary-slackness"),
    (weak_potentials, "duality-gap"),
    (value_beside_the_duals, "duality-gap"),
    (duals_lose_a_column, "dual-translation"),
    (duals_of_one_order, "dual-exchange"),
    (duals_of_whole_costs, "dual-scaling"),
    (weak_potentials, "potentials-gradient"),
    (duals_lose_a_column, "potentials-gradient"),
    (of_gradients(slope_off), "gradient-points"),
    (of_gradients(slope_off, power=2.0), "gradient-points"),
    (of_gradients(no_slope), "gradient-points"),
    (of_gradients(uphill), "gradient-points"),
    (of_gradients(pinned_target), "gradient-translation"),
    (of_gradients(drifting, power=2.0), "gradient-translation"),
    (of_gradients(slope_off, power=2.0), "gradient-dilation"),
    (of_gradients(no_slope), "gradient-dilation"),
    (of_gradients(weights_off), "gradient-weights"),
    (of_gradients(weights_downhill), "gradient-weights"),
    (of_gradients(nan_weights), "gradient-weights"),
    (value_off, "known-answers"),
    (value_off, "optimality"),
    (value_off_plan_right, "value-of-plan"),
    (marginals_off, "marginals"),
    (negative_entry, "marginals"),
    (infeasible_potentials, "feasible-potentials"),
    (weak_potentials, "strong-duality"),
    (writes_to_costs, "input-untouched"),
    (writes_to_weights, "input-untouched"),
    (drops_zero_rows, "zero-weights"),
    (divides_by_weights, "zero-weights"),
    (product_plan, "optimality"),
    (product_plan, "identity"),
    (greedy, "ties"),
    (half_precision_inside, "optimality"),
    (forgets_the_shift, "translation"),
    (forgets_the_shift, "equal-costs"),
    (forgets_the_shift, "negative-costs"),
    (absolute_zero, "tiny-costs"),
    (squares, "huge-costs"),
    (swaps_sides, "symmetry"),
    (first_row_matters, "permutation"),
    (other_bits, "repeatable"),
    (counts_atoms, "split-atoms"),
    (whole_costs_only, "scaling"),
    (squares_the_mass, "mass"),
    (squares_the_plan, "mass"),
    (whole_costs_only, "whole-numbers"),
    (ignores_bars, "forbidden-pairs"),
    (loses_light_atoms, "light-atoms"),
    (needs_writable, "layout"),
    (needs_c_order, "layout"),
    (wraps_integers, "integer-input"),
    (crude_in_single, "float32-input"),
    (cycles_on_ties, "equal-costs"),
    (square_only, "shapes"),
    (caps_the_size, "size"),
    (spread_lost, "spread"),
    (triangle_broken, "triangle"),
]


@pytest.mark.parametrize(
    ("fault", "law"), FAULTS, ids=[f"{name_of(fault)}-{law}" for fault, law in FAULTS]
)
def test_planted_fault_is_found(fault, law):
    row = check_solver(fault, laws=[law], examples=50)[law]
    assert row.verdict is LawVerdict.BROKEN, row.summary
    assert not row.miss <= row.tolerance


def test_every_law_of_exact_solvers_has_a_fault_that_breaks_it():
    exact_laws = {law.id for law in solver_laws().values() if law.exact}
    assert exact_laws == {law for _, law in FAULTS}


def test_a_solver_that_normalises_its_weights_is_exempt_from_the_law_of_mass():
    assert check_solver(exact, laws=["mass"])["mass"].verdict is LawVerdict.NOT_APPLICABLE


def test_a_solver_that_keeps_the_mass_holds_the_law_of_mass():
    def kept(a, b, C):
        value, plan, f, g = exact(a, b, C)
        return value * a.sum(), plan * a.sum(), f, g

    assert check_solver(kept, laws=["mass"])["mass"].verdict is LawVerdict.HELD
    report = check_solver("otdiv.solvers:NetworkSimplex", laws=["mass"])
    assert report["mass"].verdict is LawVerdict.HELD


def test_no_law_accuses_a_solver_without_fault():
    report = check_solver(exact, examples=8)
    assert report.conforms, str(report)


def test_the_size_of_a_fault_is_measured():
    row = check_solver(value_off, laws=["optimality"], examples=60)["optimality"]
    # The miss is relative to a scale that exceeds the optimum by at most the floor's share.
    assert row.miss == pytest.approx(1e-6, rel=1e-2)


def test_a_fault_shrinks_to_a_small_case():
    code = check_solver(marginals_off, laws=["marginals"])["marginals"].breach.code
    assert "a = np.array([1.0])\nb = np.array([1.0])\nC = np.array([[0.0]])" in code


@pytest.mark.parametrize(
    ("fault", "law"), [(marginals_off, "marginals"), (drops_zero_rows, "zero-weights")]
)
def test_the_snippet_of_a_fault_runs(fault, law):
    code = check_solver(fault, laws=[law])[law].breach.code
    assert "solver = ..." in code or f"import {fault.__name__} as solver" in code
    code = "\n".join(
        line for line in code.splitlines() if "solver = " not in line and "as solver" not in line
    )
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream):
        exec(code, {"solver": fault})
    assert stream.getvalue().startswith("[[1.0000" if law == "marginals" else "[[")


def test_squared_distance_in_place_of_the_distance_is_found():
    def squared(a, b, x, y):
        return exact(a, b, ((x[:, None] - y) ** 2).sum(axis=2))[0]

    wrong = check_solver(PointSolver(squared, power=1.0), laws=["known-answers"], examples=40)
    right = check_solver(PointSolver(squared, power=2.0), laws=["known-answers"], examples=40)
    assert not wrong.conforms
    assert right.conforms, str(right)


def test_a_forgotten_root_is_found():
    def distance(a, b, x, y):
        return exact(a, b, ((x[:, None] - y) ** 2).sum(axis=2))[0] ** 0.5

    report = check_solver(PointSolver(distance, power=2.0), laws=["known-answers"], examples=40)
    assert not report.conforms


def test_a_warning_is_told_from_silence():
    def warned(a, b, C):
        warnings.warn("did not converge", UserWarning, stacklevel=1)
        return np.outer(a, b) * 1.1

    breach = check_solver(warned, laws=["marginals"])["marginals"].breach
    assert breach.manner.value == "with a warning"
    assert breach.warning == "UserWarning: did not converge"


def test_a_warning_beside_a_right_answer_breaks_nothing():
    def warned(a, b, C):
        warnings.warn("by the way", RuntimeWarning, stacklevel=1)
        return exact(a, b, C)

    assert check_solver(warned, laws=["marginals", "optimality"], examples=20).conforms


def test_nan_is_never_held():
    laws = ("marginals", "known-answers", "optimality", "symmetry", "triangle", "ties", "spread")
    report = check_solver(lambda a, b, C: np.full(C.shape, np.nan), laws=laws, examples=2)
    assert len(report.broken) == len(laws)


def test_an_exception_is_a_verdict_with_its_text():
    def raises(a, b, C):
        raise ZeroDivisionError("of all things")

    breach = check_solver(raises, laws=["optimality"])["optimality"].breach
    assert breach.manner.value == "by an exception"
    assert breach.text == "ZeroDivisionError: of all things"


def test_a_declined_case_is_not_applicable():
    def declines(a, b, C):
        raise UnsupportedProblemError("squares only")

    row = check_solver(declines, laws=["optimality"])["optimality"]
    assert row.verdict is LawVerdict.NOT_APPLICABLE
    assert row.reason == "squares only"


def test_slow_laws_end_at_their_limit():
    def slow(a, b, C):
        time.sleep(0.02)
        return exact(a, b, C)

    row = check_solver(slow, laws=["repeatable"], examples=60, law_seconds=0.1)["repeatable"]
    assert row.verdict is LawVerdict.HELD
    assert row.n_cases < 60


def entropic(a, b, C, epsilon=1.0, rounds=2000):
    """Scaling of exp(-C / epsilon) after a shift that keeps it from underflow."""
    kernel = np.exp(-(C - C.min()) / epsilon)
    u, v = np.ones(len(a)), np.ones(len(b))
    for _ in range(rounds):
        u = np.divide(a, kernel @ v)
        v = np.divide(b, u @ kernel)
        if np.abs(u * (kernel @ v) - a).max() < 1e-14:
            break
    plan = u[:, None] * kernel * v
    with np.errstate(divide="ignore", invalid="ignore"):
        f = epsilon * np.log(u / a) + C.min()
        g = epsilon * np.log(v / b)
        relative = np.where(plan > 0.0, plan * np.log(plan / np.outer(a, b)), 0.0).sum()
    value = float((plan * C).sum() + epsilon * relative)
    return {"plan": plan, "entropic": {"value": value, "f": f, "g": g, "epsilon": epsilon}}


def too_few_rounds(a, b, C, epsilon=1.0):
    return entropic(a, b, C, epsilon, rounds=2)


def mixed_epsilon(a, b, C, epsilon=1.0):
    scale = 1.0 + np.arange(C.shape[0])[:, None]
    return entropic(a, b, C * scale, epsilon)


def entropic_value_off(a, b, C):
    plan = entropic(a, b, C)["plan"]
    return float((plan * C).sum()) * (1.0 + 1e-3) + 1e-3, plan


def heavier_plan(a, b, C):
    return entropic(a, b, C)["plan"] * 1.5


def epsilon_of_the_costs(a, b, C):
    return entropic(a, b, C, epsilon=max(C.max(), 1.0))["plan"]


def ignores_epsilon(a, b, C, epsilon=1.0):
    return entropic(a, b, C)["plan"]


def states_another_epsilon(a, b, C):
    return {"plan": entropic(a, b, C)["plan"], "epsilon": 2.0}


def inverted_epsilon(a, b, C, epsilon=1.0):
    return entropic(a, b, C, epsilon=(C.max() or 1.0) ** 2 / (16.0 * epsilon))["plan"]


def exact_when_asked(a, b, C, epsilon=1.0):
    """Switches to the exact plan where epsilon exceeds the costs, not where it is small."""
    return exact(a, b, C)[1] if epsilon > C.max() else entropic(a, b, C, epsilon)["plan"]


def uniform_in_the_limit(a, b, C, epsilon=1.0):
    answer = entropic(a, b, C, epsilon)["plan"]
    return np.full(C.shape, 1.0 / C.size) if epsilon > 100.0 * C.max() else answer


def at_least_the_mean_cost(a, b, C, epsilon=1.0):
    """A floor of epsilon that is too high: nothing sharper is ever solved."""
    return entropic(a, b, C, max(epsilon, C.max()))["plan"]


def potentials_of_the_counting_measure(a, b, C, epsilon=1.0):
    """P = exp((f + g - C) / epsilon): the other convention."""
    answer = entropic(a, b, C, epsilon)
    part = answer["entropic"]
    part["f"], part["g"] = part["f"] + epsilon * np.log(a), part["g"] + epsilon * np.log(b)
    return answer


def potentials_without_epsilon(a, b, C, epsilon=1.0):
    answer = entropic(a, b, C, epsilon)
    part = answer["entropic"]
    part["f"], part["g"] = part["f"] / epsilon, part["g"] / epsilon
    return answer


def value_against_the_counting_measure(a, b, C, epsilon=1.0):
    answer = entropic(a, b, C, epsilon)
    plan = answer["plan"]
    answer["entropic"]["value"] = float((plan * C).sum() + epsilon * (plan * np.log(plan)).sum())
    return answer


def value_that_forgets_epsilon(a, b, C, epsilon=1.0):
    answer = entropic(a, b, C, epsilon)
    answer["entropic"]["value"] = float((answer["plan"] * C).sum())
    return answer


def sides_differ(a, b, C):
    return entropic(a, b, C + 1e-3 * np.outer(a, np.arange(len(b)) ** 2))["plan"]


def least_cost_in_the_kernel(a, b, C, epsilon=1.0):
    """An epsilon in an absolute unit is added."""
    return entropic(a, b, C, epsilon + 1e-3)["plan"]


ENTROPIC_FAULTS = [
    (too_few_rounds, "marginals"),
    (mixed_epsilon, "gibbs-form"),
    (entropic_value_off, "value-of-plan"),
    (heavier_plan, "entropic-value"),
    (epsilon_of_the_costs, "constant"),
    (too_few_rounds, "symmetry"),
    (too_few_rounds, "split-atoms"),
    (ignores_epsilon, "epsilon-form"),
    (mixed_epsilon, "epsilon-form"),
    (states_another_epsilon, "epsilon-form"),
    (too_few_rounds, "epsilon-marginals"),
    (potentials_of_the_counting_measure, "entropic-potentials"),
    (potentials_without_epsilon, "entropic-potentials"),
    (value_against_the_counting_measure, "entropic-objective"),
    (value_that_forgets_epsilon, "entropic-objective"),
    (inverted_epsilon, "epsilon-monotone"),
    (exact_when_asked, "epsilon-monotone"),
    (ignores_epsilon, "epsilon-large"),
    (uniform_in_the_limit, "epsilon-large"),
    (at_least_the_mean_cost, "epsilon-small"),
    (sides_differ, "entropic-exchange"),
    (least_cost_in_the_kernel, "epsilon-scaling"),
    (potentials_of_the_counting_measure, "potentials-gradient"),
    (potentials_without_epsilon, "potentials-gradient"),
]

ORDINARY = ("marginals", "gibbs-form", "entropic-value", "symmetry", "constant", "permutation")
OF_KNOWN_EPSILON = [law for law in solver_laws() if law.startswith(("epsilon-", "entropic-"))]


def test_no_law_accuses_an_entropic_solver_without_fault():
    laws = [*ORDINARY, *OF_KNOWN_EPSILON, "potentials-gradient"]
    report = check_solver(entropic, regularised=True, laws=laws, examples=10)
    assert report.conforms, str(report)
    assert all(row.verdict is LawVerdict.HELD for row in report.rows), str(report)


@pytest.mark.parametrize(
    ("fault", "law"),
    ENTROPIC_FAULTS,
    ids=[f"{fault.__name__}-{law}" for fault, law in ENTROPIC_FAULTS],
)
def test_planted_fault_of_an_entropic_solver_is_found(fault, law):
    row = check_solver(fault, regularised=True, laws=[law], examples=40)[law]
    assert row.verdict is LawVerdict.BROKEN, row.summary


def test_every_law_of_entropic_solvers_alone_has_a_fault_that_breaks_it():
    entropic_laws = {law.id for law in solver_laws().values() if not law.exact}
    assert entropic_laws <= {law for _, law in ENTROPIC_FAULTS}


@pytest.mark.parametrize("power", [1.0, 2.0, 1.5])
def test_no_law_of_gradients_accuses_a_solver_without_fault(power):
    laws = [law for law in solver_laws() if "gradient" in law]
    report = check_solver(of_gradients(lambda gradients: None, power), laws=laws, examples=15)
    assert all(row.verdict is LawVerdict.HELD for row in report.rows), str(report)


def test_the_laws_of_a_known_epsilon_hold_at_one_that_is_only_stated():
    def fixed(a, b, C):
        return entropic(a, b, C, epsilon=2.0)

    report = check_solver(fixed, regularised=True, laws=OF_KNOWN_EPSILON, examples=10)
    held = {row.law for row in report.rows if row.verdict is LawVerdict.HELD}
    assert held == {
        "epsilon-form",
        "entropic-potentials",
        "entropic-objective",
        "entropic-exchange",
        "entropic-value",
    } & set(OF_KNOWN_EPSILON)
    assert {row.reason for row in report.rows if row.law not in held} == {"a keyword epsilon"}


def test_what_a_solver_does_not_offer_is_not_asked():
    calls = []

    def value_only(a, b, C):
        calls.append(1)
        return exact(a, b, C)[0]

    laws = ["complementary-slackness", "duality-gap", "gradient-weights", "potentials-gradient"]
    report = check_solver(value_only, laws=laws, examples=50)
    assert {row.verdict for row in report.rows} == {LawVerdict.NOT_OFFERED}
    assert report["duality-gap"].summary == "not offered: potentials"
    assert len(calls) < 50 * len(laws) / 2
    assert report.conforms


def test_a_solver_without_epsilon_is_never_called_with_one():
    def fixed(a, b, C):
        return entropic(a, b, C)["plan"]

    report = check_solver(fixed, regularised=True, laws=OF_KNOWN_EPSILON, examples=5)
    assert report.conforms, str(report)
    assert report["epsilon-form"].summary == "not offered: an epsilon, stated or taken"
    assert report["epsilon-scaling"].mark == "not offered"


def test_the_snippet_of_a_law_of_epsilon_hands_it_over():
    row = check_solver(ignores_epsilon, regularised=True, laws=["epsilon-large"])["epsilon-large"]
    assert "print(solver(a, b, C, epsilon=" in row.breach.code


def test_nan_in_one_potential_is_never_held():
    def poisoned(a, b, C):
        value, plan, f, g = exact(a, b, C)
        return value, plan, f, np.full(len(g), np.nan)

    laws = [law for law in solver_laws() if "dual" in law or "potentials" in law]
    laws = [law for law in laws if solver_laws()[law].exact] + ["complementary-slackness"]
    report = check_solver(poisoned, laws=laws, examples=5)
    assert len(report.broken) == len(laws), str(report)


def test_an_exact_solver_has_no_gibbs_form():
    row = check_solver(exact, regularised=True, laws=["gibbs-form"], examples=20)["gibbs-form"]
    assert row.verdict is LawVerdict.NOT_APPLICABLE
