"""Clusters of a cloud, the plan between them, and what it does for Newton's steps."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otdiv import solvers, transport
from otdiv._gibbs.clouds import build_cloud
from otdiv._gibbs.point_kernel import PointKernel
from otdiv._kernels.exponential import LOG2_E
from otdiv._kernels.gibbs.cluster_sums import cluster_plan
from otdiv._kernels.kdtree import cuts
from otdiv.entropic.geometry.base import FINE, Level


def cloud_of(n, d, seed):
    rng = np.random.default_rng(seed)
    return build_cloud(rng.standard_t(2.0, (n, d)), rng.dirichlet(np.ones(n)))


def cut_of(cloud, largest):
    radii = cuts.squared_radii(np.ascontiguousarray(cloud.points.T))
    return cuts.cut_at_radius(radii, cloud.n, largest)


@given(st.integers(1, 300), st.integers(1, 3), st.floats(-12.0, 6.0), st.integers(0, 9))
def test_clusters_partition_the_cloud_and_keep_to_their_radius(n, d, log_radius, seed):
    cloud, largest = cloud_of(n, d, seed), 2.0**log_radius
    starts = cut_of(cloud, largest)
    assert starts[0] == 0
    assert starts[-1] == n
    assert np.all(np.diff(starts) > 0)
    for begin, end in itertools.pairwise(starts):
        spread = np.square(cloud.points[begin:end] - cloud.points[begin:end].mean(axis=0))
        assert spread.sum(axis=1).mean() <= largest * (1.0 + 1e-9) + 1e-12


@given(st.integers(1, 300), st.floats(-12.0, 6.0), st.integers(0, 9))
def test_a_smaller_radius_refines_the_clusters(n, log_radius, seed):
    cloud = cloud_of(n, 2, seed)
    coarse, fine = cut_of(cloud, 2.0**log_radius), cut_of(cloud, 2.0 ** (log_radius - 1.0))
    assert np.isin(coarse, fine).all()


@given(st.integers(1, 300), st.floats(-12.0, 6.0), st.integers(0, 9))
def test_centroids_carry_the_mass_and_the_mean(n, log_radius, seed):
    cloud = cloud_of(n, 2, seed)
    starts = cut_of(cloud, 2.0**log_radius)
    coarse = cloud.coarse(starts)
    assert coarse.n == starts.size - 1
    np.testing.assert_allclose(coarse.weights.sum(), cloud.weights.sum(), rtol=1e-14)
    scale = np.abs(cloud.points).max()
    np.testing.assert_allclose(
        coarse.weights @ coarse.points, cloud.weights @ cloud.points, atol=1e-13 * scale
    )
    assert coarse.leaves[0] == 0
    assert coarse.leaves[-1] == coarse.n
    assert np.all(np.diff(coarse.leaves) > 0)
    assert np.diff(coarse.leaves).max() <= 32


def test_a_lone_point_stays_alone():
    points = np.concatenate([np.random.default_rng(0).normal(0.0, 0.01, (99, 2)), [[50.0, 50.0]]])
    cloud = build_cloud(points, np.full(100, 0.01))
    starts = cut_of(cloud, 0.01)
    assert starts.size - 1 < 15
    lone = int(np.argmax(cloud.points[:, 0]))
    assert lone in starts
    assert lone + 1 in starts


@pytest.mark.slow
@pytest.mark.parametrize("root", [False, True])
def test_the_plan_between_clusters_is_the_sum_over_their_points(root):
    x, y = cloud_of(150, 2, 0), cloud_of(130, 2, 1)
    epsilon = 3.0
    kernel = PointKernel(x, y, epsilon, metric=int(root), truncation=1e-12)
    u, v = np.log2(x.weights), np.log2(y.weights)
    distances = np.linalg.norm(x.points[:, None] - y.points, axis=2)
    cost = (distances if root else distances**2) * LOG2_E / epsilon
    plan = np.exp2(u[:, None] + v - cost)
    row_starts, column_starts = cut_of(x, 0.5), cut_of(y, 0.5)
    n, m = row_starts.size - 1, column_starts.size - 1
    wanted = np.add.reduceat(plan, row_starts[:-1], axis=0)
    wanted = np.add.reduceat(wanted, column_starts[:-1], axis=1)
    lengths = (np.zeros(150), np.zeros(130)) if root else (kernel.x.lengths, kernel.y.lengths)
    rows, columns, masses = cluster_plan(
        kernel.x.rows, u - lengths[0], kernel.y.columns, v - lengths[1],
        np.array([0, 70, 150]), np.array([0, 1, 2]), np.array([0, 0]), np.array([130, 130]), root,
        np.repeat(np.arange(n), np.diff(row_starts)),
        np.repeat(np.arange(m), np.diff(column_starts)), m, 0.0,
    )  # fmt: skip
    found = np.zeros((n, m))
    np.add.at(found, (rows, columns), masses)
    np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-300)


@pytest.mark.slow
def test_the_preconditioner_inverts_the_schur_complement_of_tails_and_bulk():
    rng = np.random.default_rng(2)
    n = 400
    x = build_cloud(rng.standard_t(3.0, (n, 2)), np.full(n, 1.0 / n))
    y = build_cloud(rng.standard_t(3.0, (n, 2)) + 0.3, np.full(n, 1.0 / n))
    kernel = PointKernel(x, y, 0.3, metric=0, truncation=1e-9)
    cost = np.square(x.points[:, None] - y.points).sum(axis=2) * LOG2_E / 0.3
    u, v = np.log2(x.weights), np.log2(y.weights)
    for _ in range(2000):
        u = np.log2(x.weights) - np.log2(np.exp2(v - cost).sum(axis=1))
        v = np.log2(y.weights) - np.log2(np.exp2(u[:, None] - cost).sum(axis=0))
    plan = np.exp2(u[:, None] + v - cost)
    r, c = plan.sum(axis=1), plan.sum(axis=0)
    ground = 1e-6 * r
    S = np.diag(r + ground) - (plan / c) @ plan.T
    apply = kernel.preconditioning().at(u, v, r, ground)
    inverse = np.stack([apply(unit) for unit in np.eye(n)])
    np.testing.assert_allclose(inverse, inverse.T, atol=1e-9 * np.abs(inverse).max())
    eigenvalues = np.sort(np.linalg.eigvals(inverse @ S).real)
    plain = np.sort(np.linalg.eigvals(S / r[:, None]).real)
    assert eigenvalues[-1] / eigenvalues[0] < 40.0
    assert plain[-1] / plain[0] > 1e3


def test_the_finer_of_two_levels_is_taken_side_by_side():
    assert Level(0.2, 0.1).no_coarser_than(Level(0.1, 0.3)) == Level(0.1, 0.1)
    assert Level(0.2, None).no_coarser_than(Level(None, 0.3)) == FINE


@pytest.mark.parametrize("place", [0.1, 0.7, -0.5, 1e-3])
def test_points_in_one_place_have_no_radius_and_end_the_search_for_clusters(place):
    assert (cuts.squared_radii(np.full((2, 5), place)) >= 0.0).all()
    x, y = np.full((5, 2), place), np.array([[0.0, 0.0], [1.0, 1.0], [1.0, 0.0]])
    result = transport(x, y, solver=solvers.Sinkhorn(epsilon=1e-9), throw=False)
    # The epsilon is below what float64 resolves here: marginals are near, not exact.
    assert result.value == pytest.approx(transport(x, y).value, rel=1e-7)
