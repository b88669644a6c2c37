"""What stored plans between clouds leave out, here and after moves, against the whole plan."""

import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otdiv._gibbs.buffers import Buffer
from otdiv._gibbs.clouds import build_cloud
from otdiv._gibbs.point_kernel import PointKernel
from otdiv._gibbs.stored_plans import CompressedPlan
from otdiv._kernels.exponential import LOG2_E

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
        return self.kernel.matrix(
            self.u, self.v, truncation=truncation, max_bytes=1e9, buffer=Buffer()
        )


@functools.cache
def instance(seed, *, root):
    return Instance(seed, root=root, epsilon=0.02)


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
@given(st.integers(0, 9), st.floats(0.0, 5.0))
def test_moved_sums_lack_at_most_what_is_allowed(root, seed, bits):
    case = instance(seed, root=root)
    plan, allowed = case.stored(1e-9), 1e-4
    rng = np.random.default_rng(seed)
    u, v = (potential + rng.uniform(-bits, bits, N) for potential in (case.u, case.v))
    moved = plan.move(u, v, allowed)
    # What is left out grows, as a share, by at most 2**(4 bits).
    assert moved or 1e-9 * 2.0 ** (4.0 * bits) > allowed
    if moved:
        for axis, found in ((1, plan.row_sums()), (0, plan.column_sums())):
            exact = case.sums(u, v, axis)
            assert np.all(np.abs(found - exact) <= allowed * exact)


def test_a_plan_stays_where_it_is_if_a_move_is_refused():
    case = instance(0, root=False)
    plan = case.stored(1e-9)
    before = plan.row_sums()
    assert not plan.move(case.u + 40.0, case.v, 1e-4)
    np.testing.assert_array_equal(plan.row_sums(), before)
