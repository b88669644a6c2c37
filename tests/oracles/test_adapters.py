"""What the adapters say of peers is what the peers do: their plans and values come out again.

Each case is a solve of a peer with random weights. The potentials must reproduce the plan
a_i exp((f_i + g_j - C_ij) / epsilon) b_j / m that the peer itself prints, with the cost that otdiv
has, and the objective of that plan must be their dual value. Every mistake that conventions invite
is then made on purpose, and must be seen.
"""

import importlib
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment, linprog
from scipy.spatial.distance import cdist

from otdiv.adapters import from_geomloss, from_ott, from_pot, from_scipy

# Peers warn of their own affairs.
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

N, M = 7, 5
EPSILON = 0.4
# Of the largest entry, and of the value; the peers iterate to 1e-9 or better.
AGREES = 1e-6


@dataclass(frozen=True)
class Setting:
    """Points and weights of a case; its costs are otdiv's."""

    x: np.ndarray
    y: np.ndarray
    a: np.ndarray
    b: np.ndarray

    def costs(self, name="sqeuclidean"):
        return cdist(self.x, self.y, name)

    @property
    def weights(self):
        return {"x_weights": self.a, "y_weights": self.b}


def setting(seed, mass=1.0, n=N, m=M, d=2):
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(0.2, 1.0, n), rng.uniform(0.2, 1.0, m)
    x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d)) + 0.5
    return Setting(x, y, mass * a / a.sum(), mass * b / b.sum())


@pytest.fixture(params=[(0, 1.0), (1, 1.0), (2, 3.0)], ids=["one", "two", "mass-3"])
def case(request):
    return setting(*request.param)


@pytest.fixture
def ot():
    return pytest.importorskip("ot")


@pytest.fixture
def torch():
    pytest.importorskip("geomloss")
    module = pytest.importorskip("torch")
    module.set_num_threads(1)  # a few numbers a tensor
    return module


@pytest.fixture
def ott():
    """OTT, in double precision while the test runs."""
    pytest.importorskip("ott")
    jax = importlib.import_module("jax")
    module = jax if hasattr(jax, "enable_x64") else importlib.import_module("jax.experimental")
    with module.enable_x64(True):
        yield importlib.import_module


def gibbs(answer, costs, case):
    f, g = answer.potentials
    exponents = (f[:, None] + g - costs) / answer.epsilon
    return case.a[:, None] * np.exp(exponents) * case.b / case.a.sum()


def objective(plan, costs, case, epsilon):
    """<C, P> + epsilon KL(P | a⊗b / m)."""
    reference = np.outer(case.a, case.b) / case.a.sum()
    return float((plan * costs).sum() + epsilon * (plan * np.log(plan / reference)).sum())


def dual(answer, case):
    f, g = answer.potentials
    return float(case.a @ f + case.b @ g)


def is_plan_of(answer, plan, costs, case):
    with np.errstate(over="ignore"):
        found = gibbs(answer, costs, case)
    return np.allclose(found, plan, rtol=0.0, atol=AGREES * plan.max())


def has_value(answer, value, case):
    return abs(dual(answer, case) - value) <= AGREES * abs(value)


def spoilt(answer, case):
    """The answer with each mistake of a convention."""
    f, g = answer.potentials
    epsilon = answer.epsilon
    log_a, log_b = np.log(case.a), np.log(case.b)
    yield "half", replace(answer, potentials=(f / 2, g / 2))
    yield "half with epsilon", replace(answer, potentials=(f / 2, g / 2), epsilon=epsilon / 2)
    yield "double", replace(answer, potentials=(2 * f, 2 * g), epsilon=2 * epsilon)
    yield "sign", replace(answer, potentials=(-f, -g))
    yield "sign of one", replace(answer, potentials=(f, -g))
    yield "log", replace(answer, potentials=(f + epsilon * log_a, g + epsilon * log_b))
    yield "log of one", replace(answer, potentials=(f, g + epsilon * log_b))
    yield "log without epsilon", replace(answer, potentials=(f + log_a, g))
    yield "not divided", replace(answer, potentials=(f / epsilon, g / epsilon))
    yield "epsilon", replace(answer, epsilon=2 * epsilon)
    yield "mass", replace(answer, potentials=(f + epsilon * np.log(2.0), g))


def check_entropic(answer, plan, costs, case, value=None):
    """The answer has that plan and its value, the printed one if there is one; no other has."""
    plan = np.asarray(plan, dtype=np.float64)
    if value is None:
        value = answer.value
    if value is None:
        value = objective(plan, costs, case, answer.epsilon)
    assert is_plan_of(answer, plan, costs, case)
    assert has_value(answer, value, case)
    for mistake, bad in spoilt(answer, case):
        right = is_plan_of(bad, plan, costs, case) and has_value(bad, value, case)
        assert not right, mistake


def check_exact(answer, costs, case):
    """The pair is feasible and its value is the optimum; halves and signs would be seen."""
    f, g = answer.potentials
    slack = AGREES * np.abs(costs).max()
    assert answer.epsilon is None
    assert (f[:, None] + g <= costs + slack).all()
    assert dual(answer, case) == pytest.approx(answer.value, rel=AGREES)
    for factor in (0.5, 2.0, -1.0):
        bad = replace(answer, potentials=(factor * f, factor * g))
        assert dual(bad, case) != pytest.approx(answer.value, rel=AGREES)


POT_METHODS = ("sinkhorn", "sinkhorn_log", "greenkhorn", "sinkhorn_stabilized")


@pytest.mark.parametrize("method", [*POT_METHODS, "sinkhorn_epsilon_scaling"])
def test_pot_sinkhorn_plans_come_out_again(ot, case, method):
    costs = ot.dist(case.x, case.y)
    assert np.allclose(costs, case.costs())
    most = 100 if method.endswith("scaling") else 100_000
    options = {"method": method, "log": True, "stopThr": 1e-13, "numItermax": most}
    result = ot.sinkhorn(case.a, case.b, costs, EPSILON, **options)
    answer = from_pot(result, epsilon=EPSILON, **case.weights)
    assert answer.plan.shape == (N, M)
    check_entropic(answer, result[0], costs, case)


@pytest.mark.parametrize("regularizer", ["KL", "entropy"])
def test_pot_solve_comes_out_again_with_its_value(ot, case, regularizer):
    costs = case.costs("euclidean")
    options = {"reg": EPSILON, "reg_type": regularizer, "tol": 1e-13, "max_iter": 100_000}
    result = ot.solve(costs, case.a, case.b, **options)
    answer = from_pot(result, epsilon=EPSILON, regularizer=regularizer, **case.weights)
    assert answer.value is not None
    check_entropic(answer, result.plan, costs, case)


def test_pot_lazy_plans_come_in_blocks_with_their_epsilon_and_cost(ot):
    case = setting(3)
    options = {"reg": EPSILON, "lazy": True, "tol": 1e-13, "max_iter": 100_000}
    result = ot.solve_sample(case.x, case.y, case.a, case.b, **options)
    answer = from_pot(result, **case.weights)
    assert (answer.epsilon, answer.cost) == (EPSILON, "sqeuclidean")
    blocks = np.vstack([answer.plan(0, 3), answer.plan(3, N)])
    check_entropic(answer, blocks, case.costs(), case)
    empirical = ot.bregman.empirical_sinkhorn(
        *(case.x, case.y, EPSILON, case.a, case.b),
        isLazy=True,
        log=True,
        stopThr=1e-13,
        numIterMax=100_000,
    )
    check_entropic(from_pot(empirical, **case.weights), blocks, case.costs(), case)


def test_pot_exact_results_are_dual_pairs(ot, case):
    costs = case.costs()
    plan = ot.emd(case.a, case.b, costs)
    for result in (
        ot.emd(case.a, case.b, costs, log=True),
        ot.emd2(case.a, case.b, costs, log=True, return_matrix=True),
        ot.solve(costs, case.a, case.b),
        ot.solve_sample(case.x, case.y, case.a, case.b),
    ):
        answer = from_pot(result)
        assert answer.converged is True
        assert np.allclose(answer.plan, plan)
        check_exact(answer, costs, case)


def test_pot_lazy_exact_plans_stay_sparse(ot):
    case = setting(4)
    answer = from_pot(ot.solve_sample(case.x, case.y, case.a, case.b, lazy=True))
    assert hasattr(answer.plan, "tocoo")
    assert np.allclose(answer.plan.toarray(), ot.emd(case.a, case.b, case.costs()))
    check_exact(answer, case.costs(), case)


def test_pot_plans_on_the_line_are_read_dense_and_sparse(ot):
    case = setting(5, d=1)
    for dense in (True, False):
        result = ot.emd_1d(case.x[:, 0], case.y[:, 0], case.a, case.b, log=True, dense=dense)
        answer = from_pot(result, cost="sqeuclidean")
        plan = answer.plan if dense else answer.plan.toarray()
        assert (plan * case.costs()).sum() == pytest.approx(answer.value)


@pytest.mark.parametrize("method", ["lowrank", "factored", "nystroem"])
def test_pot_plans_without_a_dual_come_in_blocks(ot, method):
    case = setting(6)
    options = {"reg": 1.0} if method == "nystroem" else {}
    result = ot.solve_sample(case.x, case.y, method=method, lazy=True, **options)
    answer = from_pot(result)
    assert answer.keys() == ["plan"]
    assert np.allclose(answer.plan(2, 6), np.asarray(result.lazy_plan[:])[2:6])


def test_pot_debiased_results_are_those_between_the_samples(ot):
    case = setting(7)
    result = ot.solve_sample(case.x, case.y, case.a, case.b, reg=EPSILON, debias=True, tol=1e-13)
    answer = from_pot(result, epsilon=EPSILON, **case.weights)
    check_entropic(answer, result.plan, case.costs(), case)


def test_pot_unbalanced_logs_are_refused(ot):
    case = setting(8)
    result = ot.unbalanced.sinkhorn_unbalanced(
        case.a, case.b, case.costs(), EPSILON, reg_m=1.0, log=True
    )
    with pytest.raises(TypeError, match="unbalanced_transport"):
        from_pot(result, epsilon=EPSILON, **case.weights)


def test_pot_weights_that_are_left_out_are_asked_for(ot):
    case = setting(9)
    result = ot.sinkhorn(case.a, case.b, case.costs(), EPSILON, log=True)
    with pytest.raises(ValueError, match="`x_weights` must be given"):
        from_pot(result, epsilon=EPSILON)
    uniform = replace(case, a=np.full(N, 1 / N), b=np.full(M, 1 / M))
    result = ot.sinkhorn([], [], case.costs(), EPSILON, log=True, stopThr=1e-13)
    answer = from_pot(result, epsilon=EPSILON)
    assert is_plan_of(answer, result[0], case.costs(), uniform)


def test_pot_tensors_with_gradients_are_read(ot, torch):
    case = setting(10)
    a, b, costs = (torch.from_numpy(array) for array in (case.a, case.b, case.costs()))
    result = ot.solve(costs.requires_grad_(), a, b, reg=EPSILON, tol=1e-13, max_iter=100_000)
    answer = from_pot(result, epsilon=EPSILON, x_weights=a, y_weights=b)
    check_entropic(answer, result.plan.detach().numpy(), case.costs(), case)


def ott_solve(ott, geometry, case, **options):
    linear = ott("ott.solvers.linear")
    options = {"threshold": 1e-10, "max_iterations": 100_000, **options}
    return linear.solve(geometry, a=case.a, b=case.b, **options)


@pytest.mark.parametrize(
    ("name", "arguments", "scale", "cost"),
    [
        ("SqEuclidean", (), 1.0, "sqeuclidean"),
        ("SqEuclidean", (), "mean", "sqeuclidean"),
        ("Euclidean", (), 1.0, "euclidean"),
        ("PNormP", (2.0,), 3.0, "sqeuclidean"),
        ("PNormP", (1.0,), 1.0, "cityblock"),
        ("SqPNorm", (2.0,), 1.0, "sqeuclidean"),
        ("EuclideanP", (2.0,), 1.0, "sqeuclidean"),
    ],
)
def test_ott_sinkhorn_of_points_comes_out_again(ott, name, arguments, scale, cost):
    case = setting(0)
    function = getattr(ott("ott.geometry.costs"), name)(*arguments)
    cloud = ott("ott.geometry.pointcloud").PointCloud(
        case.x, case.y, cost_fn=function, epsilon=EPSILON, scale_cost=scale
    )
    out = ott_solve(ott, cloud, case)
    answer = from_ott(out)
    assert answer.cost == cost
    assert answer.converged is True
    check_entropic(answer, out.matrix, case.costs(cost), case)


def test_ott_sinkhorn_of_a_matrix_comes_out_again(ott):
    case = setting(2, mass=3.0)
    geometry = ott("ott.geometry.geometry").Geometry(
        cost_matrix=case.costs(), epsilon=EPSILON, scale_cost=2.0
    )
    out = ott_solve(ott, geometry, case)
    answer = from_ott(out)
    assert answer.cost is None
    check_entropic(answer, out.matrix, case.costs(), case)


def test_ott_atoms_without_weight_get_finite_feasible_potentials(ott):
    case = setting(11)
    a = np.where(np.arange(N) == 2, 0.0, case.a)
    case = replace(case, a=a / a.sum())
    cloud = ott("ott.geometry.pointcloud").PointCloud(case.x, case.y, epsilon=EPSILON)
    answer = from_ott(ott_solve(ott, cloud, case))
    f, g = answer.potentials
    assert np.isfinite(f).all()
    assert (f[2] + g <= case.costs()[2]).all()
    assert has_value(answer, answer.value, case)


def test_ott_low_rank_plans_come_in_blocks(ott):
    case = setting(12, n=9, m=8)
    cloud = ott("ott.geometry.pointcloud").PointCloud(case.x, case.y)
    problem = ott("ott.problems.linear.linear_problem").LinearProblem(cloud, a=case.a, b=case.b)
    out = ott("ott.solvers.linear.sinkhorn_lr").LRSinkhorn(rank=3)(problem)
    answer = from_ott(out)
    plan = np.asarray(out.matrix)
    assert answer.keys() == ["plan", "cost"]
    assert np.allclose(np.vstack([answer.plan(0, 4), answer.plan(4, 9)]), plan)
    assert answer.value == pytest.approx((plan * case.costs()).sum(), rel=AGREES)


def test_ott_assignments_are_permutations(ott):
    case = setting(13, n=6, m=6)
    cloud = ott("ott.geometry.pointcloud").PointCloud(case.x, case.y)
    result = ott("ott.tools.unreg").hungarian(cloud)
    answer = from_ott(result)
    assert answer.plan.dtype == np.int64
    best = case.costs()[np.arange(6), answer.plan].mean()
    assert best == pytest.approx(case.costs()[linear_sum_assignment(case.costs())].mean())
    assert answer.value == pytest.approx(best) == pytest.approx(float(result[0]))
    assert np.array_equal(from_ott(result[1]).plan, answer.plan)


def test_ott_solutions_on_the_line_are_exact(ott):
    case = setting(14, d=1)
    x, y, a, b = map(ott("jax.numpy").asarray, (case.x, case.y, case.a, case.b))
    cloud = ott("ott.geometry.pointcloud").PointCloud(x, y)
    problem = ott("ott.problems.linear.linear_problem").LinearProblem(cloud, a=a, b=b)
    solvers = ott("ott.solvers.linear.univariate")
    answer = from_ott(solvers.north_west_solver(problem))
    check_exact(answer, case.costs(), case)
    for out in (answer, from_ott(solvers.quantile_solver(problem, return_transport=True))):
        rows, columns, mass = out.plan
        assert (case.costs()[rows, columns] * mass).sum() == pytest.approx(out.value)
        assert np.allclose(np.bincount(rows, mass), case.a)
        assert np.allclose(np.bincount(columns, mass), case.b)


def test_ott_unbalanced_outputs_are_refused(ott):
    case = setting(15)
    cloud = ott("ott.geometry.pointcloud").PointCloud(case.x, case.y)
    with pytest.raises(TypeError, match="unbalanced_transport"):
        from_ott(ott_solve(ott, cloud, case, tau_a=0.9))


def geomloss_call(torch, case, **options):
    """The loss object, what it returns, and what it returns as a value."""
    geomloss = importlib.import_module("geomloss")
    tensors = [torch.from_numpy(array) for array in (case.a, case.x, case.b, case.y)]
    options = {"scaling": 0.99, "debias": False, "backend": "tensorized", **options}
    loss = geomloss.SamplesLoss("sinkhorn", potentials=True, **options)
    value = geomloss.SamplesLoss("sinkhorn", **options)(*tensors)
    return loss, loss(*tensors), float(value)


@pytest.mark.parametrize(("p", "cost"), [(1, "euclidean"), (2, "sqeuclidean")])
def test_geomloss_potentials_make_the_plan_of_their_cost(torch, case, p, cost):
    blur = 0.7
    loss, pair, value = geomloss_call(torch, case, p=p, blur=blur)
    answer = from_geomloss(pair, loss=loss, **case.weights)
    assert (answer.cost, answer.epsilon) == (cost, pytest.approx(p * blur**p))
    # GeomLoss prints no plan here: that of its formula, in its own units, has the marginals, as far
    # as its fixed number of iterations goes.
    f, g = (side.reshape(-1).numpy() for side in pair)
    exponents = (f[:, None] + g - case.costs(cost) / p) / blur**p
    plan = np.outer(case.a, case.b) * np.exp(exponents)
    assert np.allclose(plan.sum(axis=1), case.a, rtol=0.02)
    assert np.allclose(plan.sum(axis=0), case.b, rtol=0.02)
    mass = case.a.sum()
    ours = p * value + answer.epsilon * mass * np.log(mass)
    check_entropic(answer, plan, case.costs(cost), case, ours)


def test_geomloss_debiased_potentials_are_no_dual_pair_and_are_refused(torch):
    case = setting(16)
    loss, pair, value = geomloss_call(torch, case, debias=True, blur=0.7)
    f, g = (side.reshape(-1).numpy() for side in pair)
    # What the refusal says: they add up to the divergence, not to the transport.
    assert case.a @ f + case.b @ g == pytest.approx(value)
    _, _, transport = geomloss_call(torch, case, blur=0.7)
    assert value < 0.9 * transport
    with pytest.raises(TypeError, match="debias=False"):
        from_geomloss(pair, loss=loss, **case.weights)


def test_geomloss_unbalanced_and_other_losses_are_refused(torch):
    case = setting(17)
    loss, pair, _ = geomloss_call(torch, case, reach=1.0)
    with pytest.raises(TypeError, match="unbalanced_transport"):
        from_geomloss(pair, loss=loss)
    loss.reach, loss.loss = None, "gaussian"
    with pytest.raises(TypeError, match="discrepancy"):
        from_geomloss(pair, loss=loss)


def test_geomloss_results_of_a_matrix_come_out_again(torch, case):
    solve = importlib.import_module("geomloss.ot").solve
    tensors = [torch.from_numpy(array) for array in (case.costs("cityblock"), case.a, case.b)]
    result = solve(tensors[0], reg=EPSILON, a=tensors[1], b=tensors[2], max_iter=200)
    answer = from_geomloss(result)
    assert answer.value is not None
    check_entropic(answer, result.plan.numpy(), case.costs("cityblock"), case)


@pytest.mark.parametrize("debias", [False, True])
def test_geomloss_results_of_samples_come_out_again(torch, case, debias):
    solve = importlib.import_module("geomloss.ot").solve_sample
    tensors = [torch.from_numpy(array) for array in (case.x, case.y, case.a, case.b)]
    options = {"reg": EPSILON, "max_iter": 200, "debias": debias}
    result = solve(tensors[0], tensors[1], a=tensors[2], b=tensors[3], **options)
    answer = from_geomloss(result)
    assert answer.cost == "sqeuclidean"
    assert np.allclose(answer.plan(2, 6), result.plan.numpy()[2:6])
    # The value of a divergence is another; the potentials between the samples are the same.
    plain = solve(tensors[0], tensors[1], a=tensors[2], b=tensors[3], **options | {"debias": False})
    value = from_geomloss(plain).value
    assert (answer.value is None) == debias
    check_entropic(answer, result.plan.numpy(), case.costs(), case, value)


def test_pot_passes_results_of_geomloss_on(ot, torch):
    case = setting(18)
    options = {"reg": EPSILON, "method": "geomloss", "max_iter": 200}
    result = ot.solve_sample(case.x, case.y, case.a, case.b, **options)
    answer = from_pot(result)
    assert answer.library == "GeomLoss"
    check_entropic(answer, result.plan, case.costs(), case)


@pytest.mark.parametrize("dropped", [0, 1])
def test_scipy_linear_programs_are_exact(case, dropped):
    costs = case.costs()
    sums = np.vstack([np.kron(np.eye(N), np.ones(M)), np.kron(np.ones(N), np.eye(M))])
    weights = np.concatenate([case.a, case.b])
    kept = slice(0, N + M - dropped)
    answer = from_scipy(linprog(costs.ravel(), A_eq=sums[kept], b_eq=weights[kept]), shape=(N, M))
    assert answer.converged is True
    assert (answer.plan * costs).sum() == pytest.approx(answer.value)
    check_exact(answer, costs, case)
    swapped = np.roll(np.arange(N + M), M)
    with pytest.raises(ValueError, match="row sums first"):
        from_scipy(linprog(costs.ravel(), A_eq=sums[swapped], b_eq=weights[swapped]), shape=(N, M))


def test_scipy_assignments_are_permutations():
    costs = setting(19, n=6, m=6).costs()
    result = linear_sum_assignment(costs)
    plan = from_scipy(result).plan
    assert costs[np.arange(6), plan].sum() == pytest.approx(costs[result].sum())
