"""Pictures are drawn on the Axes that are given, and hold what they promise."""

import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest

from otdiv import CostMatrix, DiscreteMeasure, Euclidean, SparsePlan, TransportProblem
from otdiv.errors import InvalidInputError, UnsupportedProblemError
from otdiv.plans import DensePlan, ScaledKernelPlan
from otdiv.plotting import plot_column, plot_effects, plot_plan
from otdiv.results import Bounds, Status, TransportResult
from otdiv.tables import compare_tables

mpl.use("Agg")
from matplotlib import pyplot as plt


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def report():
    rng = np.random.default_rng(0)
    a = {
        "x": rng.normal(size=300),
        "long": rng.standard_cauchy(3000)[:300],
        "c": rng.choice(list("uvw"), 300),
        "many": rng.choice([f"k{i}" for i in range(40)], 300),
        "constant": np.zeros(300),
        "bad": np.full(300, np.inf),
    }
    b = {**a, "x": a["x"] + 1.0, "c": rng.choice(list("uvw"), 300, p=[0.6, 0.3, 0.1])}
    b["constant"] = np.ones(300)
    return compare_tables(a, b, units={"x": "kg"}, n_permutations=19)


def result_of(problem, plan):
    """A result as `solve` makes it, from a plan."""
    return TransportResult(
        problem=problem,
        plan=plan,
        potentials=None,
        value=1.5,
        bounds=Bounds(1.5, 1.5),
        status=Status.OPTIMAL,
        n_iterations=1,
        solver=None,
    )


def points_problem(d, n=6):
    rng = np.random.default_rng(d)
    source, target = (DiscreteMeasure.from_samples(rng.normal(size=(n, d))) for _ in range(2))
    return TransportProblem(source=source, target=target, cost=Euclidean())


def diagonal_plan(n=6):
    index = np.arange(n)
    return SparsePlan(rows=index, columns=index, mass=np.ones(n) / n, shape=(n, n))


def test_effects_are_bars_in_the_reports_order_with_the_units(report):
    ax = report.plot()
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == [row.column for row in report.rows if row.error is None]
    assert names[0] == "constant"
    assert ax.yaxis_inverted()
    texts = [text.get_text() for text in ax.texts]
    assert any(text.startswith("W1 ") and text.endswith(" kg") for text in texts)
    widths = [patch.get_width() for patch in ax.patches]
    assert widths == sorted(widths, reverse=True)
    assert all(np.isfinite(widths))


def test_the_shaded_area_between_the_ecdfs_is_w1(report):
    ax = report.plot("x")
    area = 0.0
    for collection in ax.collections:
        for path in collection.get_paths():
            for polygon in path.to_polygons():
                px, py = polygon.T
                area += 0.5 * abs(np.dot(px, np.roll(py, 1)) - np.dot(py, np.roll(px, 1)))
    assert area == pytest.approx(report["x"].effect, rel=1e-9)
    assert "x (kg)" in ax.get_xlabel()


def test_the_view_of_a_heavy_tail_keeps_the_bulk_and_says_so(report):
    ax = report.plot("long")
    low, high = ax.get_xlim()
    curve = report["long"].distributions
    assert low > curve.values[0] or high < curve.values[-1]
    assert "leaves out" in ax.get_xlabel()


def test_categories_are_bars_of_those_that_moved_most(report):
    ax = report.plot("many")
    assert len(ax.get_yticklabels()) == 12
    assert "of 40" in ax.get_xlabel()
    assert len(report.plot("c").get_yticklabels()) == 3


def test_the_tables_are_called_by_their_names(report):
    labels = {text.get_text() for text in report.plot("c").get_legend().get_texts()}
    assert labels == {"a", "b"}
    ax = plot_column(report["c"], labels=("old", "new"))
    assert {text.get_text() for text in ax.get_legend().get_texts()} == {"old", "new"}


def test_given_axes_are_drawn_on_and_returned(report):
    _, axes = plt.subplots(4)
    assert report.plot(ax=axes[0]) is axes[0]
    assert report.plot("x", ax=axes[1]) is axes[1]
    assert plot_effects(report, ax=axes[2]) is axes[2]
    assert plot_plan(result_of(points_problem(1), diagonal_plan()), ax=axes[3]) is axes[3]


def test_a_failed_column_has_no_picture(report):
    with pytest.raises(InvalidInputError, match="infinite"):
        report.plot("bad")
    with pytest.raises(KeyError):
        report.plot("nothing")
    inf = {"x": [np.inf]}
    with pytest.raises(InvalidInputError, match="could be compared"):
        compare_tables(inf, inf).plot()


def test_a_plan_in_the_plane_is_a_line_per_entry():
    ax = plot_plan(result_of(points_problem(2), diagonal_plan()))
    lines, source, target = ax.collections
    assert len(lines.get_segments()) == len(source.get_offsets()) == len(target.get_offsets()) == 6


def test_a_plan_on_the_line_is_a_dot_per_entry():
    problem = points_problem(1)
    ax = plot_plan(result_of(problem, diagonal_plan()))
    dots = np.sort(np.asarray(ax.collections[0].get_offsets()), axis=0)
    np.testing.assert_array_equal(dots[:, 0], np.sort(problem.x[:, 0]))
    assert ax.get_xlabel() == "source x"


def test_a_bare_matrix_is_drawn_by_its_indices():
    problem = TransportProblem.from_matrix(np.ones((6, 6)))
    assert isinstance(problem.cost, CostMatrix)
    for each in (problem, points_problem(3)):
        ax = plot_plan(result_of(each, diagonal_plan()))
        dots = np.asarray(ax.collections[0].get_offsets())
        np.testing.assert_array_equal(dots, np.column_stack([np.arange(6.0)] * 2))
        assert ax.get_xlabel() == "source index"


@pytest.mark.parametrize("n", [5, 90])
def test_dense_and_entropic_plans_draw_at_most_twenty_entries_a_point(n):
    problem = points_problem(2, n=n)
    even = DensePlan(mass=np.full((n, n), 1.0 / n**2))
    entropic = ScaledKernelPlan.from_potentials(problem, np.zeros(n), np.zeros(n), 1e9)
    for plan in (even, entropic):
        ax = plot_plan(result_of(problem, plan))
        assert len(ax.collections[0].get_segments()) == min(n * n, 40 * n)
        assert ("of the mass drawn" in ax.get_title()) == (n == 90)


def test_the_heaviest_entries_of_a_dense_plan_are_drawn():
    n = 60
    mass = np.full((n, n), 0.1 / (n * (n - 1)))
    np.fill_diagonal(mass, 0.9 / n)
    problem = points_problem(2, n=n)
    segments = plot_plan(result_of(problem, DensePlan(mass=mass))).collections[0].get_segments()
    ends = {tuple(np.ravel(segment)) for segment in segments}
    assert {(*x, *y) for x, y in zip(problem.x, problem.y, strict=True)} <= ends


def test_an_infeasible_result_has_no_plan_to_draw():
    with pytest.raises(UnsupportedProblemError):
        plot_plan(result_of(points_problem(2), None))


def test_a_missing_matplotlib_is_named_with_its_pip_line():
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from otdiv import MissingDependencyError\n"
        "from otdiv.plotting.canvas import axes\n"
        "try:\n    axes(None, size=(1, 1))\n"
        "except MissingDependencyError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "pip install 'otdiv[plot]'" in done.stdout


def test_importing_plotting_loads_no_matplotlib():
    code = "import sys, otdiv.plotting; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "False\n"
