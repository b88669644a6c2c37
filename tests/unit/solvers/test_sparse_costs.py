"""Costs of some pairs only: what they mean, what they take, and what does not take them."""

import copy
import pickle
import tracemalloc

import numpy as np
import pytest
from scipy import sparse

import otdiv
from otdiv import (
    DiscreteMeasure,
    InvalidInputError,
    SparseCost,
    Status,
    TransportProblem,
    UnsupportedProblemError,
    certificates,
    preflight,
    select_solver,
    solve,
    solvers,
    transport_matrix,
)
from otdiv.plans import DensePlan, Potentials, SparsePlan

INF = np.inf


def coo(pairs, shape):
    """Sparse array of {(row, column): cost}."""
    rows, columns = zip(*pairs, strict=True) if pairs else ((), ())
    ends = np.array(rows, dtype=int), np.array(columns, dtype=int)
    return sparse.coo_array((np.array(list(pairs.values()), float), ends), shape=shape)


def random_costs(n, m, k, seed=0):
    """Costs of k random pairs and of those of a plan, with the weights of that plan."""
    rng = np.random.default_rng(seed)
    rows, columns = np.arange(max(n, m)) % n, np.arange(max(n, m)) % m
    mass = rng.random(rows.size)
    a, b = np.bincount(rows, mass, n), np.bincount(columns, mass, m)
    keys = np.unique(np.concatenate([rows * m + columns, rng.integers(0, n * m, k)]))
    C = sparse.coo_array((rng.standard_normal(keys.size), (keys // m, keys % m)), shape=(n, m))
    return C, a, b


def dense(C):
    """The costs as an array with inf for pairs that are not stored."""
    stored = C.tocoo()
    out = np.full(stored.shape, INF)
    out[stored.row, stored.col] = stored.data
    return out


def test_what_is_not_stored_is_forbidden_and_a_stored_zero_is_a_cost():
    result = transport_matrix(coo({(0, 1): 2.0, (1, 0): 0.0, (1, 1): -9.0}, (2, 2)))
    assert result.value == 1.0
    assert sorted(zip(result.plan.rows, result.plan.columns, strict=True)) == [(0, 1), (1, 0)]


@pytest.mark.parametrize("kind", ["coo", "csr", "csc", "lil", "dok"])
@pytest.mark.parametrize("container", [sparse.coo_array, sparse.coo_matrix])
def test_every_format_that_keeps_what_is_stored_is_taken(kind, container):
    C, a, b = random_costs(7, 5, 20)
    given = container(C).asformat(kind)
    expected = transport_matrix(C, x_weights=a, y_weights=b).value
    assert transport_matrix(given, x_weights=a, y_weights=b).value == expected


@pytest.mark.parametrize("kind", ["dia", "bsr"])
def test_formats_that_hold_zeros_of_their_own_are_refused(kind):
    with pytest.raises(InvalidInputError, match="one of the formats"):
        transport_matrix(sparse.eye_array(3).asformat(kind))


def test_a_stored_infinity_forbids():
    assert transport_matrix(coo({(0, 0): INF, (0, 1): 3.0}, (1, 2)), y_weights=[0, 1]).value == 3.0


@pytest.mark.parametrize(
    ("C", "said"),
    [
        (sparse.coo_array(([1.0, 2.0], ([0, 0], [1, 1])), shape=(2, 2)), r"\(0, 1\) twice"),
        (coo({(0, 0): np.nan}, (1, 1)), "hold numbers"),
        (coo({(0, 0): -INF}, (1, 1)), "hold numbers"),
        (sparse.coo_array((2, 0)), "at least one row"),
        (sparse.coo_array(([1.0 + 2.0j], ([0], [0]))), "real"),
    ],
)
def test_what_is_no_cost_is_named(C, said):
    with pytest.raises(InvalidInputError, match=said):
        transport_matrix(C)


def test_an_array_is_no_sparse_cost():
    with pytest.raises(InvalidInputError, match="sparse array"):
        SparseCost([[1.0]])


def test_weights_must_fit_the_shape():
    with pytest.raises(InvalidInputError, match="x_weights"):
        transport_matrix(coo({(0, 0): 1.0}, (2, 2)), x_weights=[1.0])


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_problem_of_the_matrix_with_infinities(seed):
    C, a, b = random_costs(30, 20, 90, seed)
    ours = transport_matrix(C, x_weights=a, y_weights=b)
    theirs = transport_matrix(dense(C), x_weights=a, y_weights=b)
    assert ours.bounds.meets(1e-9, 1e-12)
    assert ours.bounds.lower <= theirs.bounds.upper
    assert theirs.bounds.lower <= ours.bounds.upper
    assert certificates.audit(ours).verdict is certificates.Verdict.CONFIRMED
    assert solve(ours.problem, solver=solvers.LinearProgram()).value == pytest.approx(ours.value)


@pytest.mark.parametrize(
    ("pairs", "rows", "columns"),
    [
        ({(0, 0): 1.0, (1, 1): 1.0}, [2], []),
        ({(0, 0): 1.0, (1, 0): 1.0, (2, 1): 1.0, (2, 2): 1.0}, [0, 1], [0]),
        ({(0, 0): 1.0, (1, 1): 1.0, (2, 0): 1.0}, [0, 1, 2], [0, 1]),
        ({}, [0, 1, 2], []),
    ],
)
def test_without_a_plan_rows_and_columns_show_why(pairs, rows, columns):
    result = transport_matrix(coo(pairs, (3, 3)), throw=False)
    assert result.status is Status.INFEASIBLE
    assert result.infeasible_rows.tolist() == rows
    assert result.infeasible_columns.tolist() == columns
    assert certificates.audit(result).verdict is certificates.Verdict.CONFIRMED


def test_a_wrong_proof_of_infeasibility_is_refused():
    problem = TransportProblem.from_matrix(coo({(0, 0): 1.0, (1, 1): 1.0}, (2, 2)))
    rows, columns = np.array([0]), np.array([], dtype=int)
    assert not certificates.infeasibility_holds(problem, rows, columns)


def test_atoms_without_weight_need_no_entry():
    C = coo({(0, 0): 1.0, (2, 2): 5.0}, (3, 3))
    result = transport_matrix(C, x_weights=[1, 0, 1], y_weights=[1, 0, 1])
    assert (result.value, result.status) == (3.0, Status.OPTIMAL)
    assert np.isfinite(result.potentials.f).all()


def test_any_plan_is_repaired_over_the_allowed_pairs():
    C, a, b = random_costs(25, 18, 60)
    problem = TransportProblem.from_matrix(C, a, b)
    rng = np.random.default_rng(1)
    for share in (0.0, 0.5, 1.0):
        rough = rng.random(problem.shape) * (rng.random(problem.shape) < share)
        plan, value, upper = certificates.primal_bound(problem, DensePlan(mass=rough))
        assert value <= upper < INF
        assert (plan.mass[np.isinf(problem.matrix())] == 0.0).all()
        np.testing.assert_allclose(plan.row_sums(), problem.a, rtol=1e-12)
        np.testing.assert_allclose(plan.column_sums(), problem.b, rtol=1e-12)


def test_any_potentials_give_a_lower_bound():
    C, a, b = random_costs(25, 18, 60)
    problem = TransportProblem.from_matrix(C, a, b)
    rng = np.random.default_rng(1)
    value = solve(problem).bounds
    for size in (0.0, 1.0, 1e3):
        pair = Potentials(f=size * rng.standard_normal(25), g=size * rng.standard_normal(18))
        feasible, lower, _ = certificates.dual_bound(problem, pair)
        assert lower <= value.upper
        excess = feasible.f[:, None] + feasible.g - problem.matrix()
        assert excess.max() <= 1e-14 * (1.0 + size)


def test_a_lower_bound_in_exact_arithmetic_reads_the_entries():
    problem = TransportProblem.from_matrix(coo({(0, 0): 0.1, (0, 1): 0.3, (1, 1): 0.7}, (2, 2)))
    pair = Potentials(f=[0.1, 0.5], g=[0.0, 0.2])
    assert certificates.exact_lower(problem, pair)[1] == pytest.approx(0.4, rel=1e-9)


@pytest.mark.parametrize("factor", [1e-320, 1e-300, 1e300])
def test_costs_near_the_ends_of_floats(factor):
    C = coo({(0, 0): 3.0 * factor, (0, 1): 1.0 * factor, (1, 0): 2.0 * factor}, (2, 2))
    result = transport_matrix(C)
    assert result.bounds.upper == pytest.approx(1.5 * factor, rel=1e-3)


def test_a_tolerance_ends_the_run_with_its_proof():
    C, a, b = random_costs(400, 400, 4000)
    exact = transport_matrix(C, x_weights=a, y_weights=b)
    rough = transport_matrix(C, x_weights=a, y_weights=b, rtol=0.3)
    assert rough.bounds.meets(0.3, 0.0)
    assert rough.bounds.lower <= exact.value <= rough.bounds.upper
    assert rough.n_iterations <= exact.n_iterations


def test_a_callback_stops_and_a_limit_ends_the_run():
    C, a, b = random_costs(300, 300, 3000)
    stopped = transport_matrix(C, x_weights=a, y_weights=b, callback=lambda _: True, throw=False)
    assert stopped.status is Status.STOPPED
    few = solvers.NetworkSimplex(max_iterations=5)
    limited = transport_matrix(C, x_weights=a, y_weights=b, solver=few, throw=False)
    assert limited.status is Status.MAX_ITERATIONS
    for result in (stopped, limited):
        assert -INF < result.bounds.lower <= result.bounds.upper < INF


def test_a_warm_start_needs_few_pivots():
    C, a, b = random_costs(300, 200, 3000)
    cold = transport_matrix(C, x_weights=a, y_weights=b)
    moved = C.copy()
    moved.data = moved.data + 1e-3 * np.random.default_rng(0).standard_normal(moved.data.size)
    again = transport_matrix(moved, x_weights=a, y_weights=b)
    warm = transport_matrix(moved, x_weights=a, y_weights=b, warm_start=cold)
    assert warm.value == pytest.approx(again.value, rel=1e-12)
    assert warm.n_iterations < again.n_iterations / 4


def test_the_choice_says_that_the_cost_is_sparse():
    C, a, b = random_costs(50, 50, 100)
    problem = TransportProblem.from_matrix(C, a, b)
    assert [type(c.solver) for c in preflight(problem)] == [solvers.NetworkSimplex]
    assert "sparse" in select_solver(problem).reason
    assert preflight(problem, rtol=0.1)[0].seconds < preflight(problem)[0].seconds
    with pytest.raises(UnsupportedProblemError, match="max_memory"):
        solve(problem, max_memory=100)


@pytest.mark.parametrize(
    "solver", [solvers.Sinkhorn(epsilon=0.1), solvers.ColumnGeneration(), solvers.Line()]
)
def test_solvers_that_do_not_take_it_name_the_one_that_does(solver):
    problem = TransportProblem.from_matrix(coo({(0, 0): 1.0}, (1, 1)))
    with pytest.raises(UnsupportedProblemError, match="NetworkSimplex"):
        solve(problem, solver=solver)


def test_unbalanced_problems_refuse_it():
    p = DiscreteMeasure(points=[0.0])
    with pytest.raises(InvalidInputError, match="CostMatrix"):
        otdiv.UnbalancedProblem(p, target=p, cost=SparseCost(coo({(0, 0): 1.0}, (1, 1))), reach=1.0)


def test_points_want_no_sparse_cost():
    with pytest.raises(InvalidInputError, match="transport_matrix"):
        otdiv.transport([0.0], [1.0], cost=coo({(0, 0): 1.0}, (1, 1)))


def test_the_cost_is_a_noun():
    cost = SparseCost(coo({(1, 0): 1.0, (0, 2): 2.0}, (2, 3)))
    assert (cost.rows.tolist(), cost.columns.tolist()) == ([0, 1], [2, 0])
    assert repr(cost) == "SparseCost(shape=(2, 3), n_entries=2)"
    for other in (cost, pickle.loads(pickle.dumps(cost)), copy.deepcopy(cost)):
        assert other.at(np.array([0, 0, 1]), np.array([2, 0, 0])).tolist() == [2.0, INF, 1.0]
        for array in (other.rows, other.columns, other.values, other.starts):
            assert not array.flags.writeable


def test_the_problem_answers_for_pairs_blocks_and_bounds():
    C, a, b = random_costs(9, 7, 20)
    problem = TransportProblem.from_matrix(C, a, b)
    np.testing.assert_array_equal(problem.matrix(), dense(C))
    np.testing.assert_array_equal(problem.block(2, 5), dense(C)[2:5])
    rows, columns = np.divmod(np.arange(63), 7)
    np.testing.assert_array_equal(problem.pair_costs(rows, columns), dense(C).ravel())
    assert problem.cost_bound() == np.abs(C.data).max()


def test_a_result_is_saved_and_read(tmp_path):
    C, a, b = random_costs(9, 7, 20)
    result = transport_matrix(C, x_weights=a, y_weights=b)
    result.save(tmp_path / "result.npz")
    again = otdiv.load_result(tmp_path / "result.npz")
    np.testing.assert_array_equal(again.problem.matrix(), result.problem.matrix())
    assert (again.value, again.bounds) == (result.value, result.bounds)


def test_the_gradient_is_the_plan_and_points_there_are_none():
    result = transport_matrix(coo({(0, 0): 1.0, (1, 1): 2.0}, (2, 2)))
    found = otdiv.gradient(result)
    assert found.x is None
    assert found.cost is result.plan
    with pytest.raises(UnsupportedProblemError, match="points"):
        otdiv.barycentric_map(result)


@pytest.mark.slow
def test_memory_is_that_of_the_entries():
    n = 20_000
    C, a, b = random_costs(n, n, 4 * n)
    transport_matrix(C, x_weights=a, y_weights=b)
    tracemalloc.start()
    result = transport_matrix(C, x_weights=a, y_weights=b)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert result.bounds.meets(1e-9, 0.0)
    # A dense matrix would take 3.2 GB.
    assert peak < select_solver(result.problem).bytes + 200 * C.nnz


@pytest.mark.slow
def test_an_interrupted_large_problem_is_repaired_over_its_entries():
    n = 5000
    C, a, b = random_costs(n, n, 3 * n)
    problem = TransportProblem.from_matrix(C, a, b)
    nothing = np.empty(0, np.int64)
    empty = SparsePlan(rows=nothing, columns=nothing, mass=np.empty(0), shape=problem.shape)
    _, _, upper = certificates.primal_bound(problem, empty)
    assert solve(problem).value <= upper < INF
