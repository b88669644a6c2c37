"""Each shape that peers' results have is read, and what is no result is named; no peer is needed.

The stand-ins have the fields that the libraries document, and arrays made from the documented
formulas. That the libraries themselves do so is tested in `tests/oracles/test_adapters.py`, except
for flash-sinkhorn, which runs on GPUs alone: here its arrays are made from the formulas of its
documentation.
"""

import math
import pickle
import subprocess
import sys
from collections import namedtuple
from dataclasses import FrozenInstanceError
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import OptimizeResult
from scipy.sparse import coo_array, issparse
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from otdiv import InvalidInputError, UnsupportedProblemError
from otdiv.adapters import (
    PeerAnswer,
    from_flash_sinkhorn,
    from_geomloss,
    from_ott,
    from_pot,
    from_scipy,
)

N, M, EPSILON = 4, 3, 0.7
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(N, 2)), RNG.normal(size=(M, 2))
A, B = RNG.dirichlet(np.ones(N)), RNG.dirichlet(np.ones(M))
COSTS = cdist(X, Y, "sqeuclidean")
WEIGHTS = {"x_weights": A, "y_weights": B}


def converged(costs, epsilon, a=A, b=B):
    """Plan, and f and g of a exp((f + g - C) / epsilon) b, for weights of mass one."""
    f, g = np.zeros(len(a)), np.zeros(len(b))
    for _ in range(5000):
        f = -epsilon * logsumexp((g - costs) / epsilon, b=b, axis=1)
        g = -epsilon * logsumexp((f[:, None] - costs) / epsilon, b=a[:, None], axis=0)
    return a[:, None] * np.exp((f[:, None] + g - costs) / epsilon) * b, f, g


PLAN, F, G = converged(COSTS, EPSILON)
VALUE = float(A @ F + B @ G)
LOG_U, LOG_V = F / EPSILON + np.log(A), G / EPSILON + np.log(B)


def agrees(answer):
    f, g = answer.potentials
    return answer.epsilon == pytest.approx(EPSILON) and np.allclose(f, F) and np.allclose(g, G)


# --- the record


def test_an_answer_is_a_mapping_of_what_is_known():
    answer = PeerAnswer(library="somebody", plan=PLAN, epsilon=0.5, value=1.0)
    assert dict(**answer).keys() == {"plan", "epsilon"}
    assert answer["epsilon"] == 0.5
    with pytest.raises(KeyError):
        answer["cost"]
    with pytest.raises(KeyError):
        answer["value"]


def test_an_answer_is_frozen_and_survives_pickle():
    answer = from_pot((PLAN, {"u": F, "v": G, "warning": None, "cost": 1.0}))
    with pytest.raises(FrozenInstanceError):
        answer.value = 2.0
    again = pickle.loads(pickle.dumps(answer))
    for one in (answer, again):
        assert not one.plan.flags.writeable
        assert not any(side.flags.writeable for side in one.potentials)
    assert PLAN.flags.writeable
    assert F.flags.writeable
    assert "\n" not in repr(answer)


def test_no_adapter_imports_a_peer():
    code = (
        "import sys, otdiv.adapters as a; [getattr(a, name) for name in a.__all__]; "
        "print(*{'ot', 'ott', 'jax', 'torch', 'geomloss', 'flash_sinkhorn'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


# --- POT


class Tensor:
    """A tensor in a graph on a device: NumPy reads it once it has left both."""

    def __init__(self, values, left=()):
        self.values, self.left = values, left
        self.ndim = np.ndim(values)

    def detach(self):
        return Tensor(self.values, (*self.left, "graph"))

    def cpu(self):
        return Tensor(self.values, (*self.left, "device"))

    def __array__(self, dtype=None, copy=None):
        assert set(self.left) == {"graph", "device"}
        return np.asarray(self.values)


class Lazy:
    """POT's lazy tensor: entries by slices, and its ingredients by name."""

    def __init__(self, plan, **kwargs):
        self.plan, self.kwargs, self.shape = plan, kwargs, plan.shape

    def __getitem__(self, key):
        return self.plan[key]


def pot_result(**fields):
    names = ("potentials", "value", "value_linear", "plan", "log", "lazy_plan", "status")
    return SimpleNamespace(**dict.fromkeys(names) | fields)


SINKHORN_LOGS = {
    "scalings": {"u": np.exp(LOG_U), "v": np.exp(LOG_V), "err": [], "niter": 3},
    "logarithms": {
        "log_u": LOG_U,
        "log_v": LOG_V,
        "u": np.exp(LOG_U),
        "v": np.exp(LOG_V),
        "err": [],
    },
    "weighted": {
        "alpha": EPSILON * LOG_U,
        "beta": EPSILON * LOG_V,
        "logu": LOG_U,
        "logv": LOG_V,
        "warmstart": (),
    },
    "lazy": {"u": LOG_U, "v": LOG_V, "lazy_plan": Lazy(PLAN, reg=EPSILON, metric="sqeuclidean")},
}


@pytest.mark.parametrize("form", SINKHORN_LOGS)
def test_pot_logs_of_sinkhorn_are_told_apart(form):
    answer = from_pot((PLAN, SINKHORN_LOGS[form]), epsilon=EPSILON, **WEIGHTS)
    assert agrees(answer)
    assert answer.converged is None


@pytest.mark.parametrize("convert", [Tensor, np.float32, np.asarray])
def test_pot_plans_and_logs_are_read_from_any_array(convert):
    log = {name: convert(SINKHORN_LOGS["scalings"][name]) for name in "uv"}
    answer = from_pot((convert(PLAN), log), epsilon=EPSILON, **WEIGHTS)
    assert np.allclose(answer.plan, PLAN)
    assert np.allclose(answer.potentials[0], F, atol=1e-5)


def test_pot_results_of_sinkhorn_have_logarithms_and_a_value():
    fields = {"value": VALUE, "value_linear": 0.1, "plan": PLAN}
    answer = from_pot(pot_result(potentials=(LOG_U, LOG_V), **fields), epsilon=EPSILON, **WEIGHTS)
    assert agrees(answer)
    assert answer.value == pytest.approx(VALUE)


def test_pot_exact_results_pass_their_dual_pair_on():
    fields = {"value": VALUE, "value_linear": VALUE, "plan": PLAN}
    for status, converged_ in (("Converged", True), ("numItermax reached", False)):
        answer = from_pot(pot_result(potentials=(F, G), status=status, **fields))
        assert answer.epsilon is None
        assert answer.converged is converged_
        assert np.array_equal(answer.potentials[0], F)
    with pytest.raises(InvalidInputError, match="`epsilon` must be left out"):
        from_pot(pot_result(potentials=(F, G), status="Converged", **fields), epsilon=1.0)


def test_pot_other_regularisers_pass_their_pair_on():
    fields = {"value": VALUE + 1.0, "value_linear": VALUE, "plan": PLAN}
    answer = from_pot(pot_result(potentials=(F, G), **fields), regularizer="other")
    assert answer.keys() == ["plan", "potentials"]
    assert answer.value == VALUE


def test_pot_lazy_results_say_their_epsilon_and_metric():
    lazy = SINKHORN_LOGS["lazy"]
    result = pot_result(potentials=(LOG_U, LOG_V), lazy_plan=lazy["lazy_plan"], log=lazy)
    answer = from_pot(result, **WEIGHTS)
    assert agrees(answer)
    assert answer.cost == "sqeuclidean"
    assert np.array_equal(answer.plan(1, 3), PLAN[1:3])
    blocks = from_pot(pot_result(lazy_plan=lambda start, stop: PLAN[start:stop])).plan
    assert np.array_equal(blocks(0, 2), PLAN[:2])


def test_pot_plans_alone_are_answers():
    for plan in (PLAN, PLAN.tolist(), Tensor(PLAN)):
        assert np.array_equal(from_pot(plan).plan, PLAN)
    assert issparse(from_pot(coo_array(PLAN)).plan)
    assert from_pot(PLAN, epsilon=0.5, cost="euclidean").keys() == ["plan", "epsilon", "cost"]


def test_pot_sparse_plans_are_not_made_dense():
    class Sparse(SimpleNamespace):
        @property
        def plan(self):
            raise AssertionError("made dense")

    fields = vars(pot_result(_plan=None, _sparse_plan=coo_array(PLAN)))
    fields.pop("plan")
    assert issparse(from_pot(Sparse(**fields)).plan)


def test_pot_values_are_brought_to_the_reference_of_the_mass():
    """With masses m: sum P log(P / ab) is the KL of a⊗b / m less m log m."""
    m = 3.0
    plan = m * PLAN
    entropy = float((plan * np.log(plan / np.outer(m * A, m * B))).sum())
    ours = float((plan * np.log(plan * m / np.outer(m * A, m * B))).sum())
    linear = float((plan * COSTS).sum())
    pair = (LOG_U, LOG_V + math.log(m))
    given_ = {"epsilon": EPSILON, "x_weights": m * A, "y_weights": m * B}
    result = pot_result(
        potentials=pair, value=linear + EPSILON * entropy, value_linear=linear, plan=plan
    )
    answer = from_pot(result, **given_)
    assert answer.value == pytest.approx(linear + EPSILON * ours)
    assert agrees(answer)
    result.value = linear + EPSILON * float((plan * np.log(plan)).sum())
    assert from_pot(result, regularizer="entropy", **given_).value == pytest.approx(answer.value)


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (1.5, "a value alone has nothing to certify"),
        (np.float64(1.5), "a value alone"),
        ("plan", "an `OTResult`"),
        (None, "got None"),
        ((F, G), r"a pair \(plan, log\)"),
        ((1.5, {"err": []}), "a plan"),
        (pot_result(value=1.5, value_linear=1.5), "a plan or potentials"),
        (np.zeros((2, N, M)), "an `OTResult`"),
        (object(), "got an object"),
    ],
)
def test_what_is_no_result_of_pot_is_named(result, words):
    with pytest.raises(InvalidInputError, match=words):
        from_pot(result)


def test_pot_needs_epsilon_weights_and_fitting_lengths():
    with pytest.raises(InvalidInputError, match="`epsilon` must be POT's `reg`"):
        from_pot((PLAN, SINKHORN_LOGS["scalings"]), **WEIGHTS)
    with pytest.raises(InvalidInputError, match="`x_weights` must be given"):
        from_pot((PLAN, SINKHORN_LOGS["scalings"]), epsilon=EPSILON)
    with pytest.raises(InvalidInputError, match="`x_weights` must be given"):
        from_pot((SINKHORN_LOGS["lazy"]["lazy_plan"], SINKHORN_LOGS["lazy"]))
    with pytest.raises(InvalidInputError, match="`epsilon` must be positive"):
        from_pot((PLAN, SINKHORN_LOGS["scalings"]), epsilon=-1.0, **WEIGHTS)
    with pytest.raises(InvalidInputError, match="`potentials` must fit the plan"):
        from_pot((PLAN.T, {"u": F, "v": G, "warning": None}))
    with pytest.raises(InvalidInputError, match="x_weights"):
        from_pot((PLAN, SINKHORN_LOGS["scalings"]), epsilon=EPSILON, x_weights=B, y_weights=B)
    with pytest.raises(InvalidInputError, match="regularizer"):
        from_pot(PLAN, regularizer="L1")


def test_pot_scalings_that_underflowed_are_named():
    log = {"u": np.where(np.arange(N) == 2, 0.0, 1.0), "v": np.ones(M)}
    with pytest.raises(InvalidInputError, match=r"`u` must be finite .* at index 2"):
        from_pot((PLAN, log), epsilon=EPSILON, **WEIGHTS)


@pytest.mark.parametrize("key", ["total_cost", "partial_w_dist"])
def test_pot_unbalanced_and_partial_results_are_refused(key):
    with pytest.raises(UnsupportedProblemError, match="unbalanced_transport"):
        from_pot((PLAN, {key: 1.0, "u": F, "v": G}))


# --- OTT


class SqEuclidean:
    pass


class PNormP:
    def __init__(self, p):
        self.p = p


class SoftDTW:
    pass


def ott_problem(cost_fn=None, scale=1.0, epsilon=EPSILON, a=A, b=B, **taus):
    geometry = SimpleNamespace(
        epsilon=epsilon, cost_fn=cost_fn, inv_scale_cost=scale, shape=(len(a), len(b))
    )
    return SimpleNamespace(geom=geometry, a=a, b=b, **{"tau_a": 1.0, "tau_b": 1.0, **taus})


SinkhornOutput = namedtuple("SinkhornOutput", "f g ot_prob reg_ot_cost converged")


def ott_output(factor=1.0, cost_fn=None, scale=1.0, converged=True):
    problem = ott_problem(cost_fn, scale, factor * EPSILON)
    absorbed = factor * EPSILON * LOG_U, factor * EPSILON * LOG_V
    return SinkhornOutput(*absorbed, problem, factor * VALUE, converged)


@pytest.mark.parametrize(
    ("factor", "function", "scale", "cost"),
    [
        (1.0, SqEuclidean(), 1.0, "sqeuclidean"),
        (0.5, PNormP(2.0), 1.0, "sqeuclidean"),
        (1.0, PNormP(2.0), 2.0, "sqeuclidean"),
        (0.25, None, 0.25, None),
        (1.0, SoftDTW(), 1.0, None),
        (1.0, PNormP(3.0), 1.0, None),
    ],
)
def test_ott_sinkhorn_is_brought_to_the_unit_of_our_cost(factor, function, scale, cost):
    answer = from_ott(ott_output(factor, function, scale))
    assert agrees(answer)
    assert answer.cost == cost
    assert answer.value == pytest.approx(VALUE)
    assert answer.converged is True
    assert from_ott(ott_output(converged=None)).converged is None


def test_ott_atoms_without_weight_have_low_potentials():
    a = np.append(A, 0.0)
    out = SinkhornOutput(
        np.append(EPSILON * LOG_U, -np.inf), EPSILON * LOG_V, ott_problem(a=a), None, True
    )
    f, g = from_ott(out).potentials
    assert np.allclose(f[:-1], F)
    assert (f[-1] + g <= 0.0).all()


LowRank = namedtuple("LowRank", "q r g ot_prob epsilon reg_ot_cost converged")


def test_ott_low_rank_plans_come_in_blocks_without_an_epsilon():
    q, r, g = RNG.random((N, 2)), RNG.random((M, 2)), np.array([0.25, 0.75])
    answer = from_ott(LowRank(q, r, g, ott_problem(SqEuclidean()), 0.0, 1.5, True))
    assert np.allclose(answer.plan(1, 4), ((q / g) @ r.T)[1:4])
    assert answer.keys() == ["plan", "cost"]
    assert answer.value == 1.5
    blurred = from_ott(LowRank(q, r, g, ott_problem(SqEuclidean()), 0.1, 1.5, False))
    assert (blurred.epsilon, blurred.value, blurred.converged) == (None, None, False)


def test_ott_assignments_are_permutations_or_lists_of_pairs():
    square = ott_problem(a=A, b=A)
    pairs = np.array([[2, 0, 1, 3], [1, 3, 0, 2]])
    fields = {"f": None, "g": None, "primal_cost": 1.5}
    out = SimpleNamespace(ot_prob=square, paired_indices=pairs, **fields)
    for given_ in (out, (1.5, out)):
        answer = from_ott(given_)
        assert answer.plan.tolist() == [3, 0, 1, 2]
        assert (answer.potentials, answer.value) == (None, 1.5)
    pairs = np.array([[0, 1, 2, 3], [1, 2, 0, 0]])
    fields = {"f": None, "g": G, "primal_cost": 1.5}
    answer = from_ott(SimpleNamespace(ot_prob=ott_problem(), paired_indices=pairs, **fields))
    rows, columns, mass = answer.plan
    assert columns.tolist() == [1, 2, 0, 0]
    assert rows.size == mass.size
    assert mass.sum() == pytest.approx(1.0)
    assert answer.potentials[0] is None
    assert np.array_equal(answer.potentials[1], G)


@pytest.mark.parametrize("in_sorted_order", [False, True])
def test_ott_pairs_on_the_line_may_count_sorted_points(in_sorted_order):
    x, y = np.array([3.0, 1.0, 2.0]), np.array([5.0, 4.0])
    a, b = np.array([0.5, 0.2, 0.3]), np.array([0.5, 0.5])
    rows, columns, mass = np.array([1, 2, 0]), np.array([1, 1, 0]), np.array([0.2, 0.3, 0.5])
    pairs = np.array([[0, 1, 2], [0, 0, 1]]) if in_sorted_order else np.array([rows, columns])
    problem = ott_problem(SqEuclidean(), a=a, b=b)
    problem.geom.x, problem.geom.y = x[:, None], y[:, None]
    fields = {"dual_a": None, "dual_b": None, "ot_costs": np.array([1.5])}
    out = SimpleNamespace(
        prob=problem, paired_indices=pairs[None], mass_paired_indices=mass[None], **fields
    )
    answer = from_ott(out)
    assert [side.tolist() for side in answer.plan] == [rows.tolist(), columns.tolist(), [*mass]]
    assert (answer.value, answer.cost) == (1.5, "sqeuclidean")


@pytest.mark.parametrize(
    "out",
    [
        1.5,
        None,
        (F, G),
        SimpleNamespace(f=F, g=G),
        SimpleNamespace(ot_prob=None, f=F, g=G),
        SimpleNamespace(ot_prob=ott_problem()),
        SimpleNamespace(prob=ott_problem(), paired_indices=None, mass_paired_indices=None),
    ],
)
def test_what_is_no_output_of_ott_is_named(out):
    with pytest.raises(InvalidInputError, match="an output of OTT's linear solvers"):
        from_ott(out)


def test_ott_unbalanced_outputs_are_refused():
    out = SinkhornOutput(F, G, ott_problem(tau_b=0.9), None, True)
    with pytest.raises(UnsupportedProblemError, match="unbalanced_transport"):
        from_ott(out)


# --- GeomLoss


def samples_loss(**fields):
    usual = {"loss": "sinkhorn", "p": 2, "blur": math.sqrt(EPSILON / 2), "debias": False}
    return SimpleNamespace(**usual | {"reach": None, "cost": None} | fields)


def test_geomloss_pairs_are_doubled_for_squares():
    """At p = 2 its cost is |x - y|^2 / 2 and its epsilon blur^2: half of ours."""
    for pair in ((F / 2, G / 2), [F[None] / 2, G[None] / 2]):
        answer = from_geomloss(pair, loss=samples_loss(), **WEIGHTS)
        assert agrees(answer)
        assert answer.cost == "sqeuclidean"


def test_geomloss_pairs_of_distances_and_of_own_costs_keep_their_unit():
    answer = from_geomloss((F, G), loss=samples_loss(p=1, blur=EPSILON))
    assert agrees(answer)
    assert answer.cost == "euclidean"
    answer = from_geomloss((F, G), loss=samples_loss(blur=math.sqrt(EPSILON), cost=lambda x, y: x))
    assert agrees(answer)
    assert answer.cost is None


def test_geomloss_pairs_of_a_mass_get_its_logarithm():
    """Its plan is a exp(…) b of the given weights, ours divides by the mass."""
    shifted = (F - EPSILON * math.log(3.0)) / 2
    answer = from_geomloss((shifted, G / 2), loss=samples_loss(), x_weights=3 * A, y_weights=3 * B)
    assert agrees(answer)
    assert agrees(from_geomloss((shifted, G / 2), loss=samples_loss(), y_weights=3 * B))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"debias": True}, "no dual pair of the transport from a to b"),
        ({"reach": 1.0}, "unbalanced_transport"),
        ({"loss": "energy"}, "discrepancy"),
    ],
)
def test_geomloss_potentials_that_are_no_dual_pair_are_refused(fields, words):
    with pytest.raises(UnsupportedProblemError, match=words):
        from_geomloss((F, G), loss=samples_loss(**fields))


def geomloss_result(**fields):
    return SimpleNamespace(
        **{"potential_a": F, "potential_b": G, "value": VALUE, "plan": PLAN, "_a": A, "_b": B}
        | {"_reg": EPSILON, "_unbalanced": None, "_debias": False}
        | fields
    )


def test_geomloss_results_hold_all():
    answer = from_geomloss(geomloss_result())
    assert agrees(answer)
    assert answer.keys() == ["plan", "potentials", "epsilon"]
    assert answer.value == pytest.approx(VALUE)
    samples = geomloss_result(_X_a=X, _X_b=Y, _cost="sqeuclidean", _debias=True)
    del samples.plan
    answer = from_geomloss(samples)
    assert np.allclose(answer.plan(1, 3), PLAN[1:3])
    assert (answer.value, answer.cost) == (None, "sqeuclidean")
    assert from_pot(geomloss_result()).library == "GeomLoss"


def test_what_is_no_result_of_geomloss_is_named():
    with pytest.raises(InvalidInputError, match=r"a pair \(f, g\) of `SamplesLoss"):
        from_geomloss(1.5)
    with pytest.raises(InvalidInputError, match=r"`loss` must be the `geomloss\.SamplesLoss`"):
        from_geomloss((F, G))
    with pytest.raises(InvalidInputError, match="one vector, not a batch"):
        from_geomloss((np.stack([F, F]), np.stack([G, G])), loss=samples_loss())
    with pytest.raises(UnsupportedProblemError, match="unbalanced_transport"):
        from_geomloss(geomloss_result(_unbalanced=1.0))


# --- flash-sinkhorn: arrays of its documented formulas, not of the library


def flash_loss(**fields):
    usual = {"half_cost": False, "blur": math.sqrt(EPSILON), "use_epsilon_scaling": True}
    return SimpleNamespace(**usual | {"eps": None, "n_iters": None, "eps_list": None} | fields)


def test_flash_sinkhorn_has_the_full_cost_or_half_of_it():
    assert agrees(from_flash_sinkhorn((F, G), loss=flash_loss()))
    assert agrees(from_flash_sinkhorn((F[None], G[None]), epsilon=EPSILON))
    loss = flash_loss(half_cost=True, blur=math.sqrt(EPSILON / 2))
    answer = from_flash_sinkhorn((F / 2, G / 2), loss=loss)
    assert agrees(answer)
    assert answer.cost == "sqeuclidean"


def test_flash_sinkhorn_by_otts_convention_holds_the_weights():
    pair = EPSILON * LOG_U, EPSILON * LOG_V
    options = {"epsilon": EPSILON, "ott_convention": True}
    assert agrees(from_flash_sinkhorn(pair, **options, **WEIGHTS))
    # Weights of another mass are those that it makes sum to one.
    assert agrees(from_flash_sinkhorn(pair, **options, x_weights=3 * A, y_weights=3 * B))
    assert not agrees(from_flash_sinkhorn(pair, **options))


@pytest.mark.parametrize(
    ("fields", "epsilon"),
    [
        ({}, EPSILON),
        ({"use_epsilon_scaling": False, "eps": 0.3, "n_iters": 10}, 0.3),
        ({"eps_list": [4.0, 1.0, 0.25]}, 0.25),
        ({"eps_list": [4.0, 1.0, 0.25], "n_iters": 2}, 1.0),
        ({"backend": "multiscale", "n_iters": 50}, EPSILON),
    ],
)
def test_flash_sinkhorn_ends_at_the_epsilon_of_its_schedule(fields, epsilon):
    answer = from_flash_sinkhorn((F, G), loss=flash_loss(**fields))
    assert answer.epsilon == pytest.approx(epsilon)


def test_what_is_no_result_of_flash_sinkhorn_is_named():
    with pytest.raises(InvalidInputError, match=r"a pair \(f, g\), as `flash_sinkhorn"):
        from_flash_sinkhorn(1.5)
    with pytest.raises(InvalidInputError, match="`epsilon` must be the solver's last epsilon"):
        from_flash_sinkhorn((F, G))
    with pytest.raises(InvalidInputError, match="`n_iters` cuts the schedule"):
        from_flash_sinkhorn((F, G), loss=flash_loss(n_iters=5))
    with pytest.raises(InvalidInputError, match="`loss` must be the `flash_sinkhorn"):
        from_flash_sinkhorn((F, G), loss=object())
    with pytest.raises(UnsupportedProblemError, match="unbalanced_transport"):
        from_flash_sinkhorn((F, G), loss=flash_loss(reach_y=1.0))
    with pytest.raises(UnsupportedProblemError, match="labels"):
        from_flash_sinkhorn((F, G), loss=flash_loss(label_cost_matrix=np.eye(2)))


# --- SciPy


def test_scipy_assignments_need_a_square_matrix():
    assert from_scipy((np.array([0, 1, 2]), np.array([2, 0, 1]))).plan.tolist() == [2, 0, 1]
    assert from_scipy(([2, 0, 1], [1, 2, 0]), cost="euclidean").plan.tolist() == [2, 0, 1]
    with pytest.raises(InvalidInputError, match="for a square matrix"):
        from_scipy((np.array([0, 1]), np.array([2, 0])))


@given(st.permutations(range(5)))
def test_scipy_assignments_are_read_in_any_order(columns):
    rows = np.argsort(columns)
    plan = from_scipy((np.array(columns), rows)).plan
    assert plan[np.array(columns)].tolist() == rows.tolist()


def test_scipy_programs_without_a_solution_or_a_shape_are_named():
    result = OptimizeResult(x=PLAN.ravel(), fun=1.0, success=True, eqlin=OptimizeResult())
    assert from_scipy(result, shape=(N, M)).potentials is None
    for shape in (None, (N, N), (N,)):
        with pytest.raises(InvalidInputError, match=f"n m = {N * M}"):
            from_scipy(result, shape=shape)
    with pytest.raises(InvalidInputError, match=r"hold a solution.*infeasible"):
        from_scipy(OptimizeResult(x=None, message="infeasible"), shape=(N, M))
    result.eqlin = OptimizeResult(marginals=np.zeros(3))
    with pytest.raises(InvalidInputError, match="equality constraints"):
        from_scipy(result, shape=(N, M))
    for value in (1.5, (1, 2, 3), "result"):
        with pytest.raises(InvalidInputError, match="linear_sum_assignment"):
            from_scipy(value)
