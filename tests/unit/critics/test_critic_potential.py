import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

import otdiv
from otdiv import DiscreteMeasure, InvalidInputError, TransportProblem, UnsupportedProblemError
from otdiv.critics import KantorovichPotential, strictly_complementary
from otdiv.testing import problems

EXTENSIONS = ("upper", "lower", "mean")


def plan_of(potential):
    plan = potential.result.plan
    used = plan.mass > 1e-12
    return plan.rows[used], plan.columns[used], plan.mass[used]


def rays(potential, t):
    """Points (1 - t) y + t x of the plan's rays, their lengths and directions."""
    rows, columns, _ = plan_of(potential)
    x, y = potential.problem.x[rows], potential.problem.y[columns]
    lengths = np.linalg.norm(x - y, axis=1)
    moved = lengths > 0.0
    x, y, lengths = x[moved], y[moved], lengths[moved]
    t = t[: len(x), None]
    return y, y + t * (x - y), lengths, (x - y) / lengths[:, None]


@st.composite
def samples(draw, max_points=25):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    d = draw(st.integers(2, 4))
    n, m = draw(st.integers(1, max_points)), draw(st.integers(1, max_points))
    return rng, rng.standard_normal((n, d)), rng.standard_normal((m, d)) + 0.5


@pytest.mark.slow
@given(samples())
@settings(max_examples=40)
def test_the_difference_of_means_is_w1(case):
    _, x, y = case
    potential = KantorovichPotential(x, y)
    assert potential.raw == pytest.approx(potential.result.value, abs=1e-12)
    assert potential.bounds.relative_gap < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("extension", EXTENSIONS)
@given(case=samples())
@settings(max_examples=25)
def test_the_potential_is_linear_and_has_unit_gradient_on_the_rays(extension, case):
    rng, x, y = case
    potential = KantorovichPotential(x, y, extension=extension)
    t = rng.uniform(0.1, 0.9, len(x) + len(y))
    start, between, lengths, directions = rays(potential, t)
    # (4.4) f(x) - f(y) = |x - y|, (4.9) linear in between, theorem 4.1: the gradient.
    rise = potential(between) - potential(start)
    np.testing.assert_allclose(rise, t[: len(rise)] * lengths, atol=1e-9)
    full = potential(start + lengths[:, None] * directions) - potential(start)
    np.testing.assert_allclose(full, lengths, atol=1e-9)
    np.testing.assert_allclose(potential.gradient(between), directions, atol=1e-6)


@given(samples())
@settings(max_examples=25)
def test_measured_lipschitz_constant_is_at_most_one(case):
    rng, x, y = case
    potential = KantorovichPotential(x, y)
    z = 2.0 * rng.standard_normal((40, x.shape[1]))
    z = np.concatenate([z, z + 1e-5 * rng.standard_normal(z.shape), x, y])
    distances = cdist(z, z)
    apart = distances > 0.0
    for extension in EXTENSIONS:
        values = potential(z, extension=extension)
        quotients = np.abs(values[:, None] - values)[apart] / distances[apart]
        # A difference of values of size s carries 4 u s of rounding, divided by the distance.
        rounding = 8.0 * 2.0**-53 * (np.abs(values).max() + 10.0) / distances[apart]
        assert (quotients <= 1.0 + 1e-9 + rounding).all()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_theorem_3_gradient_identity_holds_for_random_affine_generators(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 20))
    x, z = rng.standard_normal((n, 2)), rng.standard_normal((n, 2))
    matrix, shift = rng.standard_normal((2, 2)), rng.standard_normal(2)

    def w1(matrix, shift):
        return otdiv.transport(x, z @ matrix.T + shift).value

    potential = KantorovichPotential(x, z @ matrix.T + shift)
    # grad W = -E[(d g / d theta)' grad f(g(z))], f extended from the real side.
    slopes = -potential.gradient(z @ matrix.T + shift, extension="lower") / n
    by_matrix, by_shift = slopes.T @ z, slopes.sum(axis=0)
    direction, move = rng.standard_normal((2, 2)), rng.standard_normal(2)
    step = 1e-6
    expected = (
        w1(matrix + step * direction, shift + step * move)
        - w1(matrix - step * direction, shift - step * move)
    ) / (2.0 * step)
    # A change of plan within the step would show as second order in it.
    found = (by_matrix * direction).sum() + by_shift @ move
    assert found == pytest.approx(expected, abs=1e-6 * (1.0 + abs(expected)))


def test_a_vertex_dual_breaks_theorem_3_and_the_interior_one_does_not():
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((60, 2)), rng.standard_normal((60, 2))
    potential = KantorovichPotential(x, y)
    rows, columns, mass = plan_of(potential)
    exact = np.zeros_like(y)
    toward = x[rows] - y[columns]
    exact[columns] = -mass[:, None] * toward / np.linalg.norm(toward, axis=1)[:, None]
    found = -potential.gradient(y, extension="lower") / 60
    np.testing.assert_allclose(found, exact, atol=1e-9)
    costs = cdist(x, y)
    support = np.zeros((60, 60), dtype=bool)
    support[rows, columns] = True
    vertex, inner = potential.result.potentials, potential.potentials
    slack = costs - vertex.f[:, None] - vertex.g
    # The solver's dual has tight pairs that the plan does not use; the interior one has none.
    assert (np.abs(slack[~support]) < 1e-12).any()
    slack = costs - inner.f[:, None] - inner.g
    assert slack[~support].min() > 1e-12
    assert np.abs(slack[support]).max() < 1e-12


def test_ties_between_optimal_plans_stay_tight_and_end_the_search():
    # Three by three on a line: every plan is optimal, so every pair must be tight.
    potential = KantorovichPotential([4.0, 5.0, 6.0], [1.0, 2.0, 3.0])
    f, g = potential.potentials.f, potential.potentials.g
    costs = np.abs(np.subtract.outer([4.0, 5.0, 6.0], [1.0, 2.0, 3.0]))
    np.testing.assert_allclose(f[:, None] + g, costs, atol=1e-12)


def test_lattices_full_of_ties_end_with_an_optimal_dual():
    rng = np.random.default_rng(8)
    x, y = rng.integers(0, 6, (120, 2)) / 2.0, rng.integers(0, 6, (120, 2)) / 2.0
    potential = KantorovichPotential(x, y)
    f, g = potential.potentials.f, potential.potentials.g
    assert (f[:, None] + g <= cdist(x, y) + 1e-12).all()
    assert f.mean() + g.mean() == pytest.approx(potential.result.value, abs=1e-12)


def test_funnels_are_solved_to_their_known_value():
    case = problems.funnels(n=60, d=3, rng=0)
    potential = KantorovichPotential(case.problem.x, case.problem.y)
    assert potential.raw == pytest.approx(case.value, rel=1e-12)


def test_weights_and_atoms_of_weight_zero_are_respected():
    x, y = [[0.0, 0.0], [9.0, 9.0], [2.0, 0.0]], [[1.0, 0.0], [5.0, 0.0]]
    potential = KantorovichPotential(x, y, x_weights=[1.0, 0.0, 1.0], y_weights=[3.0, 1.0])
    assert potential.problem.shape == (2, 2)
    # 1/2 at 0 and at 2 to 3/4 at 1 and 1/4 at 5: 1/2 * 1 + 1/4 * 1 + 1/4 * 3.
    assert potential.raw == pytest.approx(1.5, abs=1e-12)


def test_shared_atoms_have_zero_gradient_and_cost_nothing():
    x = np.array([[0.0, 0.0], [1.0, 1.0], [3.0, 0.0]])
    potential = KantorovichPotential(x, x)
    assert potential.raw == pytest.approx(0.0, abs=1e-15)
    assert np.isfinite(potential.gradient(x)).all()


def test_entropic_or_other_problems_are_refused():
    problem = TransportProblem(
        source=DiscreteMeasure(points=[[0.0], [1.0]]),
        target=DiscreteMeasure(points=[[2.0], [3.0]]),
        cost=otdiv.SquaredEuclidean(),
    )
    with pytest.raises(UnsupportedProblemError, match="Euclidean cost"):
        strictly_complementary(otdiv.solve(problem))
    with pytest.raises(InvalidInputError, match="`extension` must be one of"):
        KantorovichPotential([0.0], [1.0], extension="both")


def test_plot_draws_the_potential():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    _, ax = pyplot.subplots()
    assert KantorovichPotential([[2.0, 0.0]], [[0.0, 0.0]]).plot(ax=ax) is ax
    assert ax.has_data()
    pyplot.close("all")
