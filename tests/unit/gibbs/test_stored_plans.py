"""What stored plans between clouds leave out, here and after moves, against the whole plan."""

import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otdiv._gibbs.buffers import Buffer
from otdiv._gibbs.clouds import build_cloud
from otdiv._gibbs.point_kernel import PointKernel
from otdiv._gibbs.rescaled_sums import rescaled_sums
from otdiv._gibbs.stored_plans import CompressedPlan
from otdiv._kernels.exponential import LOG2_E
from otdiv._kernels.kdtree import cuts

N = 400


class Instance:
    """Two clouds with tails, potentials near those of the solution, and all pairs."""

    def __init__(self, seed, *, root, epsilon):
        rng = np.random.default_rng(seed)
        weights = rng.dirichlet(np.full(N, 3.0), size=2)
        self.x = build_cloud(rng.standard_t(3.0, (N, 2)), weights[0])
        self.y = build_cloud(rng.standard_t(3.0, (N, 2)) + 0.2, weights[1])
        self.kernel = PointKernel(self.x, self.y, epsilon, metric=int(root), truncation=1e-9)
        squared = np.square(self.x.points[:, None] - self.y.points).sum(axis=2)
        self.bits = (squared**0.5 if root else squared) * LOG2_E / epsilon
        self.u, self.v = np.log2(self.x.weights), np.log2(self.y.weights)
        for _ in range(30):
            self.u += np.log2(self.x.weights) - self.log_sums(self.u, self.v, axis=1)
            self.v += np.log2(self.y.weights) - self.log_sums(self.u, self.v, axis=0)

    def log_sums(self, u, v, axis):
        exponents = u[:, None] + v - self.bits
        top = exponents.max(axis=axis, keepdims=True)
        return np.log2(np.exp2(exponents - top).sum(axis=axis)) + top.squeeze(axis)

    def sums(self, u, v, axis):
        return np.exp2(self.log_sums(u, v, axis))

    def stored(self, truncation):
        return self.kernel._sparse(
            self.u,
            self.v,
            self.kernel.ranges(self.u, self.v, truncation=0.5 * truncation),
            truncation,
            1e9,
            Buffer(),
            single=False,
            factor=1,
        )


@functools.cache
def instance(seed, *, root):
    return Instance(seed, root=root, epsilon=0.3 if root else 0.02)


@pytest.mark.slow
@pytest.mark.parametrize("root", [False, True])
@given(st.integers(0, 9), st.sampled_from([1e-9, 1e-6, 1e-2]))
def test_rows_lack_at_most_their_share(root, seed, truncation):
    case = instance(seed, root=root)
    plan = case.stored(truncation)
    assert isinstance(plan, CompressedPlan)
    exact = case.sums(case.u, case.v, axis=1)
    missing = (exact - plan.row_sums()) / case.x.weights
    # An exponent errs by four roundings of its largest term.
    rounding = 2.0**-49 * case.bits.max()
    assert missing.max() <= truncation + rounding
    assert missing.min() >= -rounding
    assert plan.n_entries < N * N


@pytest.mark.slow
@pytest.mark.parametrize("root", [False, True])
@pytest.mark.parametrize("by_column", [False, True])
@given(st.integers(0, 9), st.integers(0, 8), st.floats(-60.0, 60.0))
def test_sums_beside_a_plan_that_few_atoms_left(root, by_column, seed, n_far, far):
    case = instance(seed, root=root)
    truncation, allowed = 1e-9, 1e-4
    plan = case.stored(truncation)
    rng = np.random.default_rng(seed)
    u = case.u + rng.uniform(-3.0, 3.0, N)
    v = case.v + rng.uniform(-3.0, 3.0, N)
    u[rng.integers(0, N, n_far)] += far
    v[rng.integers(0, N, n_far)] -= far
    found = rescaled_sums(case.kernel, plan, u, v, allowed, by_column=by_column)
    exact = case.sums(u, v, axis=0 if by_column else 1)
    assert found is not None
    np.testing.assert_array_less(np.abs(found - exact) / exact, allowed)


def test_sums_are_refused_where_nothing_more_may_be_missing():
    case = instance(0, root=False)
    plan = case.stored(1e-9)
    assert rescaled_sums(case.kernel, plan, case.u, case.v, 1e-9, by_column=True) is None


@pytest.mark.slow
@given(st.integers(0, 9), st.floats(-2.0, 6.0))
def test_a_merged_plan_adds_up_the_columns_of_each_cluster(seed, log_radius):
    case = instance(seed, root=False)
    radii = cuts.squared_radii(np.ascontiguousarray(case.kernel.y.points))
    starts = cuts.cut_at_radius(radii, N, 2.0**log_radius)
    merged = case.kernel.merged(case.u, case.v, starts, np.zeros(starts.size - 1), 1e9)
    plan = np.exp2(case.u[:, None] + case.v - case.bits)
    wanted = np.add.reduceat(plan, starts[:-1], axis=1)
    found = np.stack([merged.product(unit) for unit in np.eye(starts.size - 1)], axis=1)
    rows = wanted.sum(axis=1, keepdims=True)
    # Single precision, and sums below 1e-5 of a row are left out.
    np.testing.assert_array_less(np.abs(found - wanted), 2e-7 * wanted + 1.1e-5 * rows)
    kept = wanted > 2e-5 * rows
    np.testing.assert_allclose(found[kept], wanted[kept], rtol=1e-6)


def test_a_merged_plan_keeps_to_its_memory_and_the_heaviest_of_each_row():
    case = instance(0, root=False)
    starts = np.arange(N + 1)
    whole, few = (
        case.kernel.merged(case.u, case.v, starts, case.v, most) for most in (1e9, 12.0 * 4 * N)
    )
    assert few.n_entries <= 4 * N < whole.n_entries
    plan = np.exp2(case.u[:, None] + case.v - case.bits)
    assert np.all(few.row_sums() >= 0.99 * plan.max(axis=1))
    assert np.all(few.row_sums() <= (1.0 + 1e-6) * plan.sum(axis=1))
