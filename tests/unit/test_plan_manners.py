"""Plans have the manners of SciPy's sparse arrays and of NumPy."""

import numpy as np
import pytest

from otdiv import (
    DensePlan,
    DiscreteMeasure,
    ScaledKernelPlan,
    SparsePlan,
    TransportProblem,
    UnbalancedProblem,
    UnsupportedProblemError,
    _memory,
    solvers,
    transport,
    transport_matrix,
    unbalanced_transport,
)

RNG = np.random.default_rng(0)
X, Y = RNG.random((7, 2)), RNG.random((5, 2))
ENTROPIC = solvers.Sinkhorn(epsilon=0.1)
LOOSE = UnbalancedProblem(DiscreteMeasure(X), target=DiscreteMeasure(Y), cost="euclidean", reach=1)
PLANS = {
    "SparsePlan": transport(X, Y).plan,
    "DensePlan": transport_matrix(RNG.random((7, 5)), solver=ENTROPIC).plan,
    "ScaledKernelPlan": transport(X, Y, solver=ENTROPIC).plan,
    "UnbalancedPlan": unbalanced_transport(LOOSE).plan,
}
# Numbers of atoms whose pairs take 1.28 GB.
N = 12_650
LARGE_MEASURE = DiscreteMeasure(np.zeros((N, 1)))
LARGE = {
    "SparsePlan": SparsePlan([0], columns=[0], mass=[1.0], shape=(N, N)),
    "ScaledKernelPlan": ScaledKernelPlan.from_potentials(
        TransportProblem(LARGE_MEASURE, target=LARGE_MEASURE, cost="euclidean"),
        np.zeros(N),
        np.zeros(N),
        1.0,
    ),
}


@pytest.fixture(params=PLANS)
def plan(request):
    found = PLANS[request.param]
    assert type(found).__name__ == request.param
    return found


def test_every_form_is_the_same_plan(plan):
    whole = plan.toarray()
    assert whole.shape == plan.shape == (7, 5)
    np.testing.assert_array_equal(np.asarray(plan), whole)
    np.testing.assert_array_equal(plan.tocoo().toarray(), whole)


def test_coo_holds_what_is_not_zero_and_is_the_callers_to_change(plan):
    entries = plan.tocoo()
    assert entries.shape == plan.shape
    assert entries.nnz == np.count_nonzero(plan.toarray())
    before = plan.toarray().copy()
    entries.data[:] = 0.0
    entries.sum_duplicates()
    np.testing.assert_array_equal(plan.toarray(), before)


def test_repeated_pairs_of_a_sparse_plan_add_up_in_every_form():
    twice = SparsePlan([0, 0, 1], columns=[1, 1, 0], mass=[0.25, 0.25, 0.5], shape=(2, 2))
    assert twice.tocoo().nnz == 3
    np.testing.assert_array_equal(twice.tocoo().toarray(), [[0.0, 0.5], [0.5, 0.0]])
    np.testing.assert_array_equal(np.asarray(twice), [[0.0, 0.5], [0.5, 0.0]])


def test_dtype_and_copy_are_those_that_were_asked(plan):
    assert np.asarray(plan, dtype=np.float32).dtype == np.float32
    copy = np.array(plan, copy=True)
    copy[:] = 0.0  # its owner's
    assert plan.toarray().any()


def test_only_a_plan_that_is_an_array_comes_without_a_copy(plan):
    if isinstance(plan, DensePlan):
        assert np.shares_memory(plan.__array__(copy=False), plan.mass)
        assert not np.asarray(plan).flags.writeable
        with pytest.raises(ValueError, match="float32"):
            plan.__array__(np.float32, copy=False)
        return
    with pytest.raises(ValueError, match="without a copy"):
        plan.__array__(copy=False)


@pytest.mark.parametrize(
    ("name", "way_out"), [("SparsePlan", r"`tocoo\(\)`"), ("ScaledKernelPlan", "`block`")]
)
def test_more_than_a_gigabyte_is_not_made_unasked(name, way_out):
    with pytest.raises(UnsupportedProblemError, match=rf"1280180000 bytes.*{way_out}"):
        np.asarray(LARGE[name])
    assert LARGE["SparsePlan"].tocoo().nnz == 1


def test_entries_that_do_not_fit_are_refused_with_the_way_out(monkeypatch):
    monkeypatch.setattr(_memory, "available_bytes", lambda: 10**8)
    with pytest.raises(UnsupportedProblemError, match=r"`to_sparse\(threshold\)\.tocoo\(\)`"):
        LARGE["ScaledKernelPlan"].tocoo()
