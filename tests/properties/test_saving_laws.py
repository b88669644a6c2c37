"""Results come back from files as they were, and no file brings a bound that is not proven."""

import io
import itertools
import json
import math
import zipfile

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from otdiv import (
    OtdivError,
    PNormCost,
    ScaledKernelPlan,
    Status,
    UnsupportedProblemError,
    load_result,
    solvers,
    transport,
    transport_matrix,
)
from otdiv.certificates import Verdict, audit

SOLVERS = [
    None,
    solvers.NetworkSimplex(),
    solvers.ColumnGeneration(),
    solvers.LinearProgram(),
    solvers.Sinkhorn(epsilon=0.3),
    solvers.Sinkhorn(epsilon=1e-3, max_iterations=7),
    solvers.Sinkhorn(),
]
COSTS = ["euclidean", "sqeuclidean", "cityblock", "chebyshev", PNormCost(3.0, power=1.5), "matrix"]


@st.composite
def results(draw):
    """Results of every solver, cost and kind of plan, some with light atoms and odd units."""
    solver, cost = draw(st.sampled_from(SOLVERS)), draw(st.sampled_from(COSTS))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, m, d = draw(st.integers(1, 9)), draw(st.integers(1, 9)), draw(st.integers(1, 3))
    unit = draw(st.sampled_from([1.0, 1e-6, 1e6, 1e100, 1e-100]))
    a, b = rng.dirichlet(np.full(n, 0.3)) + 1e-9, rng.dirichlet(np.full(m, 0.3)) + 1e-9
    # A solve at a given epsilon takes no tolerance, and Sinkhorn() needs one.
    options = {"solver": solver, "x_weights": a, "y_weights": b, "throw": False}
    if solver == solvers.Sinkhorn():
        options["rtol"] = 1e-2
    if cost == "matrix":
        assume(not isinstance(solver, solvers.ColumnGeneration))  # which takes points alone
        C = rng.normal(size=(n, m)) * unit
        if draw(st.booleans()):
            C[rng.random((n, m)) < 0.3] = np.inf
        return transport_matrix(C, **options)
    x, y = rng.random((n, d)) * unit, rng.random((m, d)) * unit
    if draw(st.booleans()):
        solver = solvers.Line() if d == 1 and solver is None else solver
        y = x[rng.integers(0, n, m)]
    return transport(x, y, cost=cost, **options)


def saved(result):
    file = io.BytesIO()
    result.save(file)
    return file.getvalue()


def same(one, other):
    """Whether two fields of a plan or a result hold the same."""
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other, equal_nan=True)


@given(results())
@settings(max_examples=150)
def test_results_come_back_as_they_were(result):
    found = load_result(io.BytesIO(saved(result)))
    for side in ("source", "target"):
        one, other = getattr(found.problem, side), getattr(result.problem, side)
        assert same(one.points, other.points)
        assert same(one.weights, other.weights)
        assert one.mass == other.mass
    if isinstance(result.problem.cost, PNormCost):
        assert found.problem.cost == result.problem.cost
    else:
        assert same(found.problem.cost.values, result.problem.cost.values)
    for name in ("status", "n_iterations", "solver", "message"):
        assert getattr(found, name) == getattr(result, name)
    assert same(found.infeasible_rows, result.infeasible_rows)
    assert same(found.infeasible_columns, result.infeasible_columns)
    assert type(found.plan) is type(result.plan)
    if isinstance(result.plan, ScaledKernelPlan):
        assert found.plan.epsilon == result.plan.epsilon
        assert same(found.plan.f, result.plan.f)
        assert same(found.plan.g, result.plan.g)
    if result.plan is not None:
        # The proof repairs what does not meet the marginals by a rounding, which in factors is one
        # of the costs over epsilon.
        steep = result.problem.cost_bound() / getattr(result.plan, "epsilon", math.inf)
        one, other = found.plan.toarray(), result.plan.toarray()
        assert np.allclose(one, other, rtol=1e-12 + 1e-14 * steep, atol=1e-12)
    if result.plan is None:
        assert (found.value, found.bounds) == (result.value, result.bounds)
        return
    # A second proof differs by rounding, and never to the better: of the sums that it is made of.
    scale = max(abs(result.bounds.lower), abs(result.bounds.upper), result.problem.cost_bound())
    rounding = 1e-9 * scale
    if math.isfinite(result.bounds.upper):  # and of those of the value, which the bound covers
        rounding += 8.0 * (result.bounds.upper - result.value)
    assert found.value == pytest.approx(result.value, rel=0.0, abs=rounding)
    assert result.bounds.lower - rounding <= found.bounds.lower <= result.bounds.lower
    assert found.bounds.upper >= result.bounds.upper
    if math.isfinite(result.bounds.upper):
        assert found.bounds.upper <= result.bounds.upper + rounding
    assert found.value in found.bounds
    if result.entropic is not None:
        for name in ("epsilon", "value", "marginal_error", "terms"):
            assert getattr(found.entropic, name) == getattr(result.entropic, name)
        assert same(found.entropic.f, result.entropic.f)
        assert same(found.entropic.g, result.entropic.g)


@given(results())
@settings(max_examples=50)
def test_reading_again_and_again_changes_nothing_but_rounding(result):
    once = load_result(io.BytesIO(saved(result)))
    found = once
    for _ in range(3):
        found = load_result(io.BytesIO(saved(found)))
    if once.plan is None:
        assert found.bounds == once.bounds
        return
    scale = result.problem.cost_bound() * result.problem.mass
    unsure = once.bounds.upper - once.value if math.isfinite(once.bounds.upper) else 0.0
    near = {"rel": 1e-9, "abs": 1e-12 * scale + 32.0 * unsure}
    assert found.bounds.lower == pytest.approx(once.bounds.lower, **near)
    assert found.bounds.upper == pytest.approx(once.bounds.upper, **near)
    assert found.value == pytest.approx(once.value, **near)


def examples():
    """One result of each kind, small enough to be damaged in every place."""
    rng = np.random.default_rng(5)
    x, y, C = rng.random((4, 2)), rng.random((3, 2)), rng.random((3, 3))
    forbidden = np.where(np.eye(3, dtype=bool), 1.0, np.inf)
    forbidden[:, 0] = np.inf
    entropic = solvers.Sinkhorn(epsilon=0.3)
    return {
        "sparse": transport(x, y),
        "factors": transport(x, y, solver=entropic),
        "dense": transport_matrix(C, solver=entropic),
        "infeasible": transport_matrix(forbidden, throw=False),
    }


EXAMPLES = examples()


def assert_proven(found):
    """Whatever came out of a file says no more than an audit in exact arithmetic bears out."""
    assert isinstance(found.status, Status)
    if found.plan is not None:
        assert found.value in found.bounds
    verdict = audit(found)
    assert verdict.verdict is not Verdict.REFUTED, verdict


@pytest.mark.parametrize("kind", EXAMPLES)
def test_damage_at_any_byte_is_noticed_or_harmless(kind):
    data = saved(EXAMPLES[kind])
    original = load_result(io.BytesIO(data))
    rng = np.random.default_rng(7)
    step = max(1, len(data) // 700)
    for place in range(int(rng.integers(step)), len(data), step):
        damaged = bytearray(data)
        damaged[place] ^= int(rng.integers(1, 256))
        try:
            found = load_result(io.BytesIO(bytes(damaged)))
        except OtdivError:
            continue
        # Checksums cover all that is read: only dates, flags and the like may have changed.
        assert found.bounds == original.bounds


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_file_that_ends_early_is_noticed(kind):
    data = saved(EXAMPLES[kind])
    for end in range(0, len(data), max(1, len(data) // 200)):
        with pytest.raises(OtdivError):
            load_result(io.BytesIO(data[:end]))


def repacked(data, change):
    """The archive with its members changed, under right checksums: what a liar would write."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    file.seek(0)
    return file


NUMBERS = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 5e-324, 1e-300, 1e300, -1e300, math.inf, -math.inf]),
    st.just(math.nan),
    st.floats(-2.0, 2.0),
)


@given(st.data(), st.sampled_from(sorted(EXAMPLES)))
@settings(max_examples=400)
def test_numbers_of_a_liar_prove_nothing_that_does_not_hold(data, kind):
    original = saved(EXAMPLES[kind])
    with np.load(io.BytesIO(original)) as archive:
        arrays = dict(archive)
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from(sorted(arrays.keys() - {"header"})))
        array = arrays[name].copy()
        place = data.draw(st.integers(0, max(array.size - 1, 0)))
        if array.size:
            kind_of = array.dtype.kind
            value = data.draw(st.integers(-3, 5) if kind_of == "i" else NUMBERS)
            array.reshape(-1)[place] = value
        arrays[name] = array
    file = io.BytesIO()
    np.savez(file, **arrays)
    file.seek(0)
    try:
        found = load_result(file)
    except OtdivError:
        return
    assert_proven(found)


@given(st.data(), st.sampled_from(sorted(EXAMPLES)))
@settings(max_examples=300)
def test_bytes_of_a_liar_prove_nothing_that_does_not_hold(data, kind):
    def change(name, member):
        changed = bytearray(member)
        if name == target:
            changed[place % len(changed)] ^= flip
        return bytes(changed)

    original = saved(EXAMPLES[kind])
    with zipfile.ZipFile(io.BytesIO(original)) as archive:
        target = data.draw(st.sampled_from(archive.namelist()))
    place, flip = data.draw(st.integers(0, 2000)), data.draw(st.integers(1, 255))
    try:
        found = load_result(repacked(original, change))
    except OtdivError:
        return
    assert_proven(found)


def test_parts_of_other_results_prove_nothing_that_does_not_hold():
    """Members of two files of the same shape, mixed in every way that matters."""
    rng = np.random.default_rng(9)
    files = []
    for _ in range(2):
        file = io.BytesIO()
        np.savez(file)
        with np.load(io.BytesIO(saved(transport(rng.random((4, 2)), rng.random((4, 2)))))) as read:
            files.append(dict(read))
    groups = [
        ("x", "y"),
        ("plan_rows", "plan_columns", "plan_mass"),
        ("f", "g"),
        ("bounds", "value"),
    ]
    read, refused = 0, 0
    for choice in itertools.product((0, 1), repeat=len(groups)):
        mixed = dict(files[0])
        for which, names in zip(choice, groups, strict=True):
            mixed |= {name: files[which][name] for name in names}
        file = io.BytesIO()
        np.savez(file, **mixed)
        file.seek(0)
        try:
            found = load_result(file)
        except OtdivError:
            refused += 1
            continue
        read += 1
        assert_proven(found)
    assert read >= 2  # the two whole ones
    assert refused >= 6


def test_large_claims_of_small_files_are_refused_before_they_are_believed(monkeypatch):
    """A header of an array may say any shape, and an archive any size: nothing is allocated."""
    data = saved(EXAMPLES["sparse"])
    header = json.loads(np.load(io.BytesIO(data))["header"].tobytes())
    assert header["version"] == 1
    zeros = np.zeros(2**22)
    file = io.BytesIO()
    with np.load(io.BytesIO(data)) as archive:
        np.savez_compressed(file, **(dict(archive) | {"f": zeros}))
    monkeypatch.setattr("otdiv._memory.available_bytes", lambda: 10**6)
    monkeypatch.setattr("otdiv._memory._SMALL", 0)
    assert len(file.getvalue()) < 10**5
    with pytest.raises(UnsupportedProblemError, match="needs about"):
        load_result(io.BytesIO(file.getvalue()))
