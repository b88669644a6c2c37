"""Certificates: forms of plans and potentials, what is measured, what is refused, and the words."""

import copy
import json
import math
import pickle
import re

import numpy as np
import pytest
import scipy.sparse

import otdiv
from otdiv import (
    BlockPlan,
    DensePlan,
    InvalidInputError,
    Potentials,
    ScaledKernelPlan,
    SparsePlan,
    TransportProblem,
    UnsupportedProblemError,
    certify,
    certify_matrix,
    solvers,
    transport,
)
from otdiv.adapters import PeerAnswer
from otdiv.certificates import audit, transforms
from otdiv.certificates.proof import Proof
from otdiv.certifying import witnesses
from otdiv.cli import ExitCode, main

RNG = np.random.default_rng(11)
X, Y = RNG.normal(size=(8, 2)), RNG.normal(size=(8, 2)) + 0.5
A, B = RNG.random(8) + 0.1, RNG.random(8) + 0.1
SIDES = {"x_weights": A, "y_weights": B}
SOLVED = transport(X, Y, **SIDES)
PLAN = SOLVED.plan.toarray()
PAIR = SOLVED.potentials.f, SOLVED.potentials.g


def forms(plan):
    """The same plan in all forms."""
    rows, columns = np.nonzero(plan)
    mass = plan[rows, columns]
    return {
        "array": plan,
        "list": plan.tolist(),
        "entries": (rows, columns, mass),
        "coo": scipy.sparse.coo_matrix(plan),
        "csr": scipy.sparse.csr_array(plan),
        "blocks": lambda start, stop: plan[start:stop],
        "SparsePlan": SparsePlan(rows=rows, columns=columns, mass=mass, shape=plan.shape),
        "DensePlan": DensePlan(mass=plan),
        "BlockPlan": BlockPlan.from_blocks(lambda start, stop: plan[start:stop], plan.shape),
    }


@pytest.mark.parametrize("form", forms(PLAN))
def test_every_form_of_a_plan_says_the_same(form):
    found = certify(X, Y, plan=forms(PLAN)[form], potentials=PAIR, **SIDES)
    assert found.bounds.relative_gap < 1e-12
    assert SOLVED.value == pytest.approx(found.value, rel=1e-14)
    assert found.plan_cost == pytest.approx(found.value, rel=1e-14)
    assert max(found.row_error, found.column_error) < 1e-14
    assert found.negative_mass == 0.0
    np.testing.assert_allclose(found.plan.row_sums(), A / A.sum(), rtol=1e-13)


def test_a_permutation_moves_the_weights_of_the_rows():
    order = [3, 1, 0, 2]
    found = certify_matrix(np.arange(16.0).reshape(4, 4), plan=order)
    assert found.plan_cost == pytest.approx(sum(4 * i + j for i, j in enumerate(order)) / 4)
    assert found.row_error == found.column_error == 0.0
    repeated = certify_matrix(np.ones((4, 4)), plan=[0, 0, 1, 2])
    assert repeated.column_error == 0.5
    assert repeated.value == 1.0


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble])
def test_any_float_type_is_taken_with_its_error(dtype):
    f, g = (side.astype(dtype) for side in PAIR)
    found = certify(X, Y, plan=PLAN.astype(dtype), potentials=(f, g), **SIDES)
    error = float(np.finfo(dtype).eps) + 1e-15
    assert SOLVED.value in otdiv.Bounds(found.bounds.lower - 1e-15, found.bounds.upper + 1e-15)
    assert found.bounds.gap <= 200.0 * error
    assert found.infeasibility <= 20.0 * error


def test_what_is_wrong_with_a_plan_is_measured():
    plan = np.array([[0.5, 0.1], [-0.05, 0.4]])
    found = certify_matrix([[0.0, 2.0], [3.0, 1.0]], plan=plan)
    assert found.row_error == pytest.approx(0.1 + 0.15)
    assert found.column_error == pytest.approx(0.05 + 0.0)
    assert found.negative_mass == pytest.approx(0.05)
    assert found.plan_cost == pytest.approx(0.2 - 0.15 + 0.4)
    assert found.value >= 0.5
    assert "0.05 of negative mass" in str(found)


def test_what_is_wrong_with_potentials_is_measured():
    C = np.array([[0.0, 2.0], [3.0, 1.0]])
    found = certify_matrix(C, potentials=([0.0, 0.5], [0.25, 0.75]))
    assert found.infeasibility == pytest.approx(0.25)
    assert found.dual_value == pytest.approx(0.75)
    assert found.bounds.lower <= 0.5
    room = found.potentials.f[:, None] + found.potentials.g - C
    assert room.max() <= 1e-15


def test_one_half_bounds_one_side():
    plan_only = certify(X, Y, plan=PLAN, **SIDES)
    assert (plan_only.bounds.lower, plan_only.potentials) == (0.0, None)
    assert plan_only.bounds.upper == pytest.approx(SOLVED.value)
    assert "without potentials" in str(plan_only)
    assert certify_matrix([[-1.0]], plan=[[1.0]]).bounds.lower == -math.inf
    for pair in ((PAIR[0], None), (None, PAIR[1]), PAIR, Potentials(f=PAIR[0], g=PAIR[1])):
        found = certify(X, Y, potentials=pair, **SIDES)
        assert (found.value, found.bounds.upper, found.plan) == (math.inf, math.inf, None)
        assert found.bounds.lower == pytest.approx(SOLVED.value)
        assert "without a plan" in str(found)


def test_potentials_of_an_epsilon_make_their_plan():
    solver = solvers.Sinkhorn(epsilon=0.2)
    solved = transport(X, Y, solver=solver, **SIDES)
    f, g = solved.entropic.f, solved.entropic.g
    for pair in ((f, g), (f, None), (None, g)):
        found = certify(X, Y, potentials=pair, epsilon=0.2, **SIDES)
        assert isinstance(found.plan, ScaledKernelPlan)
        assert SOLVED.value in found.bounds
        assert found.value == pytest.approx(solved.value, rel=1e-6)
        # Two proofs of one optimum overlap.
        ours, theirs = found.entropic.bounds, solved.entropic.bounds
        assert max(ours.lower, theirs.lower) <= min(ours.upper, theirs.upper)
        assert ours.gap <= 1e-5
    given_plan = certify(X, Y, plan=solved.plan, potentials=(f, g), epsilon=0.2, **SIDES)
    assert given_plan.entropic.bounds.gap <= 1e-7
    assert given_plan.entropic.dual_value == pytest.approx(solved.entropic.value, rel=1e-9)


def test_the_regularised_optimum_is_bounded_by_a_plan_alone():
    solved = transport(X, Y, solver=solvers.Sinkhorn(epsilon=0.2), **SIDES)
    dense = solved.plan.toarray()
    for plan in (solved.plan, *forms(dense).values()):
        found = certify(X, Y, plan=plan, epsilon=0.2, **SIDES)
        assert found.entropic.bounds.upper == pytest.approx(solved.entropic.value, rel=1e-6)
        assert found.entropic.bounds.upper >= solved.entropic.bounds.lower
        assert found.entropic.dual_value is None


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (np.full((3, 4), np.nan), r"plan.*finite.*nan.*\(0, 0\)"),
        ([[0.1, 0.2, 0.3, np.inf], [0.0] * 4, [0.0] * 4], r"plan.*finite.*inf.*\(0, 3\)"),
        (np.zeros((4, 3)), r"\(3, 4\).*\(4, 3\).*transposed.*plan\.T"),
        (np.zeros((3, 5)), r"\(3, 4\).*\(3, 5\)"),
        ([0, 1, 2], r"permutation needs as many rows as columns"),
        ([0.5, 0.5], r"`plan` must be an array of shape"),
        (([0], [4], [1.0]), r"plan\.columns.*0 to 3.*4.*index 0"),
        (([0, 1], [0], [1.0]), r"one row, one column and one mass"),
        (([0], [0], [np.nan]), r"plan\.mass.*finite"),
        (([0], [0]), r"a tuple of 2"),
        (lambda start, stop: np.zeros((stop - start, 3)), r"plan\(0, 3\).*\(3, 4\).*\(3, 3\)"),
        (lambda start, stop: np.full((stop - start, 4), np.nan), r"plan\(0, 3\).*finite"),
        (scipy.sparse.coo_array(np.zeros((4, 3))), r"transposed"),
        ("emd", r"plan"),
    ],
)
def test_a_plan_that_does_not_fit_is_refused_with_the_reason(plan, words):
    with pytest.raises(InvalidInputError, match=words):
        certify_matrix(np.ones((3, 4)), plan=plan)


@pytest.mark.parametrize(
    ("potentials", "words"),
    [
        (([0.0, np.nan, 0.0], [0.0] * 4), r"potentials\[0\].*finite.*index 1"),
        (([0.0] * 3, [0.0, 0.0, np.inf, 0.0]), r"potentials\[1\].*finite.*index 2"),
        (([0.0] * 4, [0.0] * 3), r"potentials\[0\].*\(3,\).*\(4,\)"),
        ((None, None), r"hold f, g or both"),
        (5.0, r"pair \(f, g\)"),
        ([1.0, 2.0, 3.0], r"pair \(f, g\)"),
    ],
)
def test_potentials_that_do_not_fit_are_refused_with_the_reason(potentials, words):
    with pytest.raises(InvalidInputError, match=words):
        certify_matrix(np.ones((3, 4)), potentials=potentials)


def test_a_square_transposed_plan_is_only_a_bad_plan():
    found = certify(X, Y, plan=PLAN.T, potentials=PAIR, **SIDES)
    assert SOLVED.value in otdiv.Bounds(found.bounds.lower - 1e-15, found.bounds.upper)
    assert found.row_error > 0.1


def test_nothing_to_certify_is_an_error():
    with pytest.raises(InvalidInputError, match="`plan` must be given, or else potentials"):
        certify(X, Y)
    for epsilon in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(InvalidInputError, match="epsilon"):
            certify(X, Y, potentials=PAIR, epsilon=epsilon)


def test_large_plans_are_looked_at_in_blocks_of_rows():
    n = 3000
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(n, 2)), rng.normal(size=(n, 2))
    asked = []

    def blocks(start, stop):
        asked.append(stop - start)
        return np.full((stop - start, n), 1.0 / n**2, dtype=np.float32)

    found = certify(x, y, plan=blocks)
    assert max(asked) < n
    assert isinstance(found.plan, BlockPlan)
    dense = certify(x, y, plan=np.full((n, n), 1.0 / n**2))
    assert isinstance(dense.plan, BlockPlan)
    assert found.value == pytest.approx(dense.value, rel=1e-6)
    assert found.row_error < 1e-6


def test_a_callback_sees_progress_and_stops():
    seen = []
    full = certify(X, Y, plan=PLAN, potentials=PAIR, epsilon=1.0, callback=seen.append, **SIDES)
    assert seen
    assert not full.stopped
    found = certify(X, Y, plan=PLAN, potentials=PAIR, callback=lambda progress: True, **SIDES)
    assert found.stopped
    assert found.bounds == otdiv.Bounds(0.0, math.inf)
    assert "callback stopped" in str(found)


def test_memory_is_forecast():
    with pytest.raises(UnsupportedProblemError, match="certificate needs about"):
        certify(X, Y, plan=PLAN, max_memory=100, **SIDES)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_costs_of_any_size_are_certified(scale):
    C = np.array([[3.0, 1.0, 2.0], [1.0, 4.0, 3.0]])
    solved = otdiv.transport_matrix(C)
    pair = solved.potentials.f * scale, solved.potentials.g * scale
    found = certify_matrix(C * scale, plan=solved.plan, potentials=pair, epsilon=scale)
    assert found.bounds.relative_gap < 1e-12
    assert found.value / scale == pytest.approx(solved.value, rel=1e-14)
    assert found.infeasibility <= 1e-14 * scale
    assert 0.0 < found.entropic.bounds.lower <= found.entropic.bounds.upper < math.inf


def test_forbidden_pairs_are_left_out_of_the_repaired_plan():
    C = [[0.0, math.inf], [1.0, 0.0]]
    found = certify_matrix(C, plan=[[0.2, 0.3], [0.3, 0.2]], potentials=([0.0, 1.0], [0.0, -1.0]))
    assert found.plan_cost == math.inf
    assert found.value == 0.0 == found.bounds.upper
    assert found.bounds.lower <= 0.0


def test_a_plan_of_another_problem_is_priced_in_this_one():
    other = transport(X, Y, cost="sqeuclidean", solver=solvers.Sinkhorn(epsilon=0.5), **SIDES)
    found = certify(X, Y, plan=other.plan, potentials=PAIR, **SIDES)
    assert found.plan_cost == pytest.approx(
        float((other.plan.toarray() * otdiv.Euclidean().pairwise(X, Y)).sum())
    )


def test_bounds_of_a_certificate_survive_the_auditor():
    f, g = (side + 1e-3 * RNG.normal(size=8) for side in PAIR)
    found = certify(X, Y, plan=PLAN.astype(np.float32), potentials=(f, g), **SIDES)
    proof = Proof(
        problem=found.problem,
        plan=found.plan,
        potentials=found.potentials,
        value=found.value,
        bounds=found.bounds,
        slack=0.0,
    )
    assert audit(proof).verdict.name == "CONFIRMED"


def test_a_certificate_is_a_frozen_number_with_words():
    found = certify(X, Y, plan=PLAN, potentials=PAIR, epsilon=0.1, **SIDES)
    assert float(found) == found.value
    assert f"{found:.3f}" == f"{found.value:.3f}"
    assert repr(found).startswith("Certificate(value=")
    assert found.gap == found.bounds.gap
    assert found.plan_cost_error <= 1e-13
    for again in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert again.value == found.value
        assert not again.potentials.f.flags.writeable
        assert not again.entropic.potentials.f.flags.writeable
    with pytest.raises(AttributeError):
        found.value = 0.0
    text = str(
        certify(
            X,
            Y,
            plan=PLAN,
            potentials=tuple(side + 0.3 * np.sin(9.0 * side) for side in PAIR),
            **SIDES,
        )
    )
    assert text.startswith("The optimum lies between")
    assert "its true error is at most" in text


def test_an_adapters_answer_is_unpacked():
    answer = {"plan": PLAN, "potentials": PAIR, "cost": "euclidean", "epsilon": 0.5}
    assert certify(X, Y, **answer, **SIDES).entropic.epsilon == 0.5


@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean"])
def test_many_dimensions_give_the_same_bounds_by_single_precision(cost, monkeypatch):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(300, 12)), rng.normal(size=(300, 12))
    f, g = 0.1 * rng.normal(size=300), 0.1 * rng.normal(size=300)
    plainly = certify(x, y, potentials=(f, g), cost=cost).bounds
    monkeypatch.setattr(transforms, "_TILED_PAIRS", 0)
    assert certify(x, y, potentials=(f, g), cost=cost).bounds == plainly


def test_weights_without_mass_take_no_part():
    a = np.append(A, 0.0)
    x = np.vstack([X, [[1e3, 0.0]]])
    plan = np.vstack([PLAN, np.zeros(8)])
    f = np.append(PAIR[0], -5.0)
    found = certify(x, Y, plan=plan, potentials=(f, PAIR[1]), x_weights=a, y_weights=B, epsilon=0.3)
    assert found.bounds.relative_gap < 1e-11
    assert math.isfinite(found.entropic.bounds.gap)
    assert witnesses.sum_of(found.problem.a, found.potentials.f) < math.inf


@pytest.fixture
def answer(tmp_path):
    path = tmp_path / "answer.npz"
    f, g = PAIR
    np.savez(path, x=X, y=Y, plan=PLAN, f=f, g=g, x_weights=A, y_weights=B)
    return path


def test_the_command_prints_bounds_and_ends_with_the_verdict(answer, capsys):
    assert main(["certify", str(answer), "--rtol", "1e-9"]) == ExitCode.DONE
    shown = capsys.readouterr().out
    assert "optimum, at least" in shown
    assert "The optimum is" in shown
    command = ["certify", str(answer), "--cost", "sqeuclidean", "--rtol", "1e-9", "--json"]
    assert main(command) == ExitCode.NEGATIVE
    record = json.loads(capsys.readouterr().out)
    assert record["lower"] <= record["value"] <= record["upper"]
    assert record["entropic"] is None


def test_the_command_reads_entries_costs_and_one_half(tmp_path, capsys):
    path = tmp_path / "matrix.npz"
    rows, columns = np.nonzero(PLAN)
    C = otdiv.Euclidean().pairwise(X, Y)
    np.savez(path, C=C, rows=rows, columns=columns, mass=PLAN[rows, columns], **SIDES, epsilon=0.1)
    assert main(["certify", str(path), "--json"]) == ExitCode.DONE
    record = json.loads(capsys.readouterr().out)
    assert record["value"] == pytest.approx(SOLVED.value)
    assert record["dual_value"] is None
    assert record["entropic"]["epsilon"] == 0.1
    np.savez(path, C=C, g=PAIR[1], **SIDES)
    assert main(["certify", str(path), "--json", "--rtol", "0.5"]) == ExitCode.NEGATIVE
    assert json.loads(capsys.readouterr().out)["upper"] is None


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": X, "y": Y}, "hold plan"),
        ({"x": X, "plan": PLAN}, "hold x and y, or C"),
        ({"x": X, "y": Y, "rows": [0], "mass": [1.0]}, "rows, columns and mass"),
        ({"x": X, "y": Y, "plam": PLAN}, "plam"),
        ({"x": X, "y": Y, "plan": PLAN, "f": [0.0]}, r"potentials\[0\]"),
        ({"x": X, "y": Y, "plan": np.array([None])}, "allow_pickle|Object arrays"),
    ],
)
def test_a_file_that_does_not_fit_is_a_usage_error(tmp_path, capsys, arrays, words):
    path = tmp_path / "bad.npz"
    np.savez(path, **arrays)
    assert main(["certify", str(path)]) == ExitCode.USAGE
    assert re.search(words, capsys.readouterr().err)


def test_what_is_no_file_of_arrays_is_a_usage_error(tmp_path, capsys):
    for name, content in (("a.npz", b"no zip"), ("b.npz", b"PK\x03\x04 cut"), ("c.npz", b"")):
        (tmp_path / name).write_bytes(content)
        assert main(["certify", str(tmp_path / name)]) == ExitCode.USAGE
        assert ".npz file" in capsys.readouterr().err
    assert main(["certify", str(tmp_path / "missing.npz")]) == ExitCode.USAGE


@pytest.mark.parametrize("halves", ["plan", "potentials", "both"])
def test_a_sparse_cost_is_certified_like_a_matrix_with_forbidden_pairs(halves):
    costs = np.array([[1.0, 0.0, np.inf], [2.0, np.inf, 0.5], [np.inf, 1.0, 3.0]])
    allowed = np.isfinite(costs)
    sparse = scipy.sparse.coo_array((costs[allowed], np.nonzero(allowed)), shape=(3, 3))
    given = {"plan": np.full((3, 3), 1.0 / 9.0), "potentials": ([0.1, 0.2, 0.3], None)}
    given = {name: half for name, half in given.items() if halves in (name, "both")}
    found = certify_matrix(sparse, epsilon=0.5, **given)
    wanted = certify_matrix(costs, epsilon=0.5, **given)
    assert found.bounds.lower == pytest.approx(wanted.bounds.lower, rel=1e-12)
    assert found.bounds.upper == pytest.approx(wanted.bounds.upper, rel=1e-12)
    assert found.entropic.bounds.lower == pytest.approx(wanted.entropic.bounds.lower, rel=1e-12)
    assert found.entropic.bounds.upper == pytest.approx(wanted.entropic.bounds.upper, rel=1e-12)


def test_a_result_of_otdiv_is_its_own_plan_and_potentials():
    found = certify(X, Y, plan=SOLVED, potentials=SOLVED, **SIDES)
    same = certify(X, Y, plan=SOLVED.plan, potentials=SOLVED.potentials, **SIDES)
    assert (found.bounds, found.plan_cost) == (same.bounds, same.plan_cost)
    epsilon = 0.2
    entropic = transport(X, Y, **SIDES, solver=solvers.Sinkhorn(epsilon=epsilon))
    assert entropic.entropic is not None
    at_its_own = certify(X, Y, plan=entropic, potentials=entropic, epsilon=epsilon, **SIDES)
    assert at_its_own.entropic.bounds.relative_gap < 1e-6
    assert entropic.entropic.value in at_its_own.entropic.bounds
    # Elsewhere they are the feasible pair of the unregularised problem.
    plain = certify(X, Y, potentials=entropic, **SIDES)
    assert plain.bounds.lower >= entropic.bounds.lower * (1.0 - 1e-12)
    assert plain.infeasibility <= 1e-12


def test_a_result_without_plan_is_refused():
    problem = TransportProblem.from_matrix([[math.inf]])
    forbidden = otdiv.solve(problem, throw=False)
    for name in ("plan", "potentials"):
        with pytest.raises(InvalidInputError, match=f"`{name}` must be a result that has"):
            certify_matrix([[1.0]], **{name: forbidden})


def test_an_answer_of_an_adapter_goes_to_either_call():
    answer = PeerAnswer(library="any", plan=PLAN, potentials=PAIR, cost="euclidean")
    C = otdiv.Euclidean().pairwise(X, Y)
    of_points, of_matrix = certify(X, Y, **answer, **SIDES), certify_matrix(C, **answer, **SIDES)
    assert of_matrix.value == pytest.approx(of_points.value, rel=1e-14)
    for bad in (-1.0, math.inf):
        C = C.copy()
        C[0, 0] = bad
        with pytest.raises(InvalidInputError, match=f"`cost` must be left out .*{bad:g}"):
            certify_matrix(C, **answer, **SIDES)
    with pytest.raises(InvalidInputError, match="`cost`"):
        certify_matrix([[1.0]], plan=[0], cost="taxi")
