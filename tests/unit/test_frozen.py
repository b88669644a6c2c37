"""Nouns and results hold read-only arrays, also after pickle, copy and deepcopy."""

import copy
import dataclasses
import enum
import importlib
import inspect
import pickle

import numpy as np
import pytest
from scipy.sparse import coo_array

import otdiv
from otdiv import certificates, critics, solvers, testing
from otdiv.divergences import kl_divergence_result
from otdiv.tables import compare_tables
from otdiv.wgan import Quality

X, Y = np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 1.0]]), np.array([[1.0, 1.0], [0.0, 4.0]])
P = otdiv.DiscreteMeasure(points=X, weights=[0.25, 0.25, 0.5])
Q = otdiv.DiscreteMeasure(points=Y, weights=[0.25, 0.75])
PROBLEM = otdiv.TransportProblem(source=P, target=Q, cost="sqeuclidean")
UNBALANCED = otdiv.UnbalancedProblem(source=P, target=Q, cost="sqeuclidean", reach=20.0)
SPARSE = otdiv.transport(X, Y)
BLURRED = otdiv.transport(X, Y, solver=solvers.Sinkhorn(epsilon=1.0))
DENSE = otdiv.transport_matrix([[0.0, 1.0], [2.0, 0.0]], solver=solvers.Sinkhorn(epsilon=1.0))
LINE = otdiv.transport([0.0, 3.0, 1.0], [2.0, 5.0, 4.0])
NO_PLAN = otdiv.transport_matrix([[np.inf, 1.0], [np.inf, 2.0]], throw=False)
LOOSE = otdiv.unbalanced_transport(UNBALANCED, epsilon=0.5, rtol=1e-2)
DIVERGENCE = otdiv.sinkhorn_divergence_result(X, Y, epsilon=1.0)
FIT = critics.fit_critic(X, Y, rng=0, max_iterations=2)


def even_rows(start, stop):
    """Rows of a plan that moves as much from each of two atoms to each of two."""
    return np.full((stop - start, 2), 0.25)


DAYS = np.arange("2024-01-01", "2024-01-05", dtype="datetime64[D]")
NOUNS = [
    P,
    otdiv.Gaussian(mean=[0.0, 1.0], covariance=np.eye(2)),
    otdiv.GaussianMixture([0.0, 1.0], covariances=[1.0, 2.0]),
    otdiv.monge_map(otdiv.Gaussian(0.0, covariance=1.0), otdiv.Gaussian(1.0, covariance=2.0)),
    otdiv.CostMatrix([[0.0, 1.0]]),
    otdiv.Mahalanobis(np.eye(2)),
    otdiv.Periodic([1.0, 2.0]),
    otdiv.partial_transport_profile([0.0, 1.0], [2.0, 4.0]),
    otdiv.PartialProblem(P, target=Q, cost="euclidean", mass=0.5),
    otdiv.SparseCost(coo_array([[0.0, 1.0]])),
    PROBLEM,
    LINE.problem,
    UNBALANCED,
    SPARSE.plan,
    BLURRED.plan,
    DENSE.plan,
    SPARSE.potentials,
    SPARSE,
    BLURRED,
    LINE,
    NO_PLAN,
    otdiv.gradient(SPARSE),
    certificates.prove(PROBLEM, otdiv.solve(PROBLEM).plan, otdiv.solve(PROBLEM).potentials),
    otdiv.certify(X, Y, plan=SPARSE.plan, potentials=SPARSE.potentials, epsilon=1.0),
    otdiv.BlockPlan.from_blocks(even_rows, (2, 2)),
    otdiv.wasserstein1_result(X, Y),
    otdiv.barycenter([X[:, 0], Y[:, 0]]),
    otdiv.wasserstein_kmeans([X[:, 0], Y[:, 0]], 1),
    otdiv.barycenter([otdiv.Gaussian(0.0, covariance=1.0)]),
    otdiv.gromov_wasserstein_matrix([[0.0, 1.0], [1.0, 0.0]], [[0.0, 2.0], [2.0, 0.0]]),
    otdiv.persistence_distance_result([[0.0, 1.0]], [[0.0, 2.0]]),
    otdiv.gromov_barycenter([[[0.0, 1.0], [1.0, 0.0]]], size=2),
    otdiv.transport_batch([X, Y], [X, Y]),
    otdiv.transport_batch([X, X], [X[::-1], Y]),
    otdiv.transport_batch(X[None], X[None] + 1.0),
    otdiv.nearest_neighbors(X, [Y, X], k=1),
    otdiv.pairing_result(np.stack([X, X]), np.stack([X, X + 1.0])),
    LOOSE,
    LOOSE.plan,
    DIVERGENCE,
    DIVERGENCE.gradient(),
    kl_divergence_result([0.5, 0.5], [1.0, 0.0]),
    kl_divergence_result([[0.5, 0.5], [0.5, 0.5]], [[0.5, 0.5], [0.25, 0.75]]),
    compare_tables({"n": [0.0, 1.0], "c": ["u", "v"]}, {"n": [2.0, 1.0], "c": ["u", "u"]}),
    otdiv.compare_over({"t": DAYS, "n": [0.0, 1.0, 2.0, 3.0]}, time="t", every=2, n_permutations=9),
    testing.translated(n=4, d=2, rng=0),
    FIT.history,
    otdiv.two_sample_test([0.0, 1.0], [2.0, 3.0]),
    Quality(share_good=1.0, mode_shares=np.ones(2), n_covered=2),
]
ROUND_TRIPS = {
    "made": lambda noun: noun,
    "pickle": lambda noun: pickle.loads(pickle.dumps(noun)),
    "oldest pickle": lambda noun: pickle.loads(pickle.dumps(noun, protocol=2)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "replace": dataclasses.replace,
}


def leaves(value, path=""):
    """Arrays and plain values that a noun holds, at any depth, with where they are."""
    if isinstance(value, np.ndarray) or not isinstance(value, tuple | dict):
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            for field in dataclasses.fields(value):
                yield from leaves(getattr(value, field.name), f"{path}.{field.name}")
        else:
            yield path, value
    else:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, part in items:
            yield from leaves(part, f"{path}[{key}]")


@pytest.mark.parametrize("trip", ROUND_TRIPS)
@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: type(noun).__name__)
def test_arrays_are_read_only_and_contents_equal(noun, trip):
    init = all(f.init for f in dataclasses.fields(noun))
    if trip == "replace" and not init:
        pytest.skip("some fields are found when it is made")
    found = ROUND_TRIPS[trip](noun)
    before, after = list(leaves(noun)), list(leaves(found))
    assert [path for path, _ in before] == [path for path, _ in after]
    for (path, old), (_, new) in zip(before, after, strict=True):
        assert type(old) is type(new), path
        if isinstance(old, np.ndarray):
            np.testing.assert_array_equal(old, new, err_msg=path)
            assert not new.flags.writeable, path
            if new.size:
                with pytest.raises(ValueError, match="read-only"):
                    new[(0,) * new.ndim] = 0
        elif isinstance(old, float | int | str | enum.Enum | None):
            assert old == new or old != old, path


def test_every_public_noun_with_arrays_is_among_these():
    known = {type(noun).__name__ for noun in NOUNS}
    held = {type(part).__name__ for noun in NOUNS for part in _parts(noun)}
    for module in ("otdiv", "otdiv.distances", "otdiv.divergences", "otdiv.critics"):
        room = importlib.import_module(module)
        for name in room.__all__:
            value = getattr(room, name)
            if inspect.isclass(value) and dataclasses.is_dataclass(value):
                types = [str(field.type) for field in dataclasses.fields(value)]
                arrays = any("Array" in kind and "Callable" not in kind for kind in types)
                assert not arrays or name in known | held, name


def _parts(value):
    yield value
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _parts(getattr(value, field.name))


def test_arrays_that_are_one_stay_one():
    problem = pickle.loads(pickle.dumps(PROBLEM))
    assert problem.a is problem.source.weights


def test_a_result_solves_on_after_a_round_trip():
    result = pickle.loads(pickle.dumps(SPARSE))
    again = otdiv.solve(result.problem, warm_start=result, solver=solvers.NetworkSimplex())
    assert again.value == pytest.approx(SPARSE.value, rel=1e-14)


def test_the_arrays_of_the_caller_stay_writable():
    values, rows = np.ones((2, 2)), np.zeros(1, dtype=np.int64)
    otdiv.CostMatrix(values)
    plan = otdiv.SparsePlan(rows=rows, columns=rows, mass=np.ones(1), shape=(1, 1))
    copy.copy(plan)
    assert values.flags.writeable
    assert rows.flags.writeable
