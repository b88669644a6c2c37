"""Adding one thing is one file and one row: what is added here is offered, checked and found.

CONTRIBUTING says how each is added for good.
"""

import importlib
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, stats

from otdiv import (
    DiscreteMeasure,
    Gaussian,
    Status,
    TransportProblem,
    divergences,
    preflight,
    select_solver,
    solvers,
    transport_matrix,
)
from otdiv._lazy import attach
from otdiv.cli import ExitCode, main
from otdiv.divergences.dispatch import evaluate
from otdiv.divergences.recipes import Recipe, through_densities
from otdiv.theory import Kind, Source, Verdict, topics, verify
from otdiv.theory.cases import numbers, tuples
from otdiv.theory.slacks import at_most
from tests.contracts import test_laws_table as laws_table
from tests.properties import test_distance_laws as laws
from tests.stubs import lazy_names
from tests.tables import DIVERGENCES, Row

# A file of otdiv/solvers: all mass comes from one atom, so that there is one plan.
SOURCE_OF_ONE = '''
"""Transport from a single atom, whose plan is forced."""

from dataclasses import dataclass

import numpy as np

from ..plans import Potentials, SparsePlan
from ..results import Forecast, Solution, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOfOne:
    """Solver for a source of one atom."""

    def forecast(self, problem, *, early):
        """No time at all; None where the source has more atoms."""
        if problem.shape[0] != 1:
            return None
        return Forecast(reason="all mass comes from one atom", seconds=0.0, bytes=0)

    def run(self, problem, *, options):
        """The only plan, and potentials that are tight all over it."""
        m = problem.shape[1]
        columns = np.arange(m)
        return Solution(
            plan=SparsePlan(
                rows=np.zeros(m, np.int64),
                columns=columns,
                mass=problem.target.weights,
                shape=problem.shape,
            ),
            potentials=Potentials(f=np.zeros(1), g=problem.matrix()[0]),
            n_iterations=1,
            status=Status.OPTIMAL,
        )
'''


@pytest.fixture
def added(tmp_path, monkeypatch):
    """One file in the folder of the solvers, and one row in its table."""
    (tmp_path / "source_of_one.py").write_text(SOURCE_OF_ONE)
    monkeypatch.setattr(solvers, "__path__", [*solvers.__path__, str(tmp_path)])
    table = lazy_names(Path(solvers.__file__)) | {"SourceOfOne": "source_of_one"}
    for name, value in zip(
        ("__getattr__", "__dir__", "__all__"), attach(solvers.__name__, table), strict=True
    ):
        monkeypatch.setattr(solvers, name, value)
    importlib.invalidate_caches()
    yield
    for name in ("SourceOfOne", "source_of_one"):
        vars(solvers).pop(name, None)
    sys.modules.pop("otdiv.solvers.source_of_one", None)


@pytest.mark.usefixtures("added")
def test_a_solver_in_the_table_is_offered_chosen_and_proven():
    C = np.array([[3.0, 1.0, 2.0]])
    problem = TransportProblem.from_matrix(C, b=[1, 2, 1])
    first = preflight(problem)[0]
    assert type(first.solver).__name__ == "SourceOfOne"
    assert first.reason == "all mass comes from one atom"
    assert select_solver(problem).solver == solvers.SourceOfOne()
    result = transport_matrix(C, y_weights=[1, 2, 1])
    assert result.status is Status.OPTIMAL
    assert result.bounds.lower <= 1.75 <= result.bounds.upper
    assert type(result.solver).__name__ == "SourceOfOne"


@pytest.mark.usefixtures("added")
def test_a_solver_is_not_offered_for_what_it_does_not_forecast():
    problem = TransportProblem.from_matrix(np.eye(2))
    assert "SourceOfOne" not in {type(choice.solver).__name__ for choice in preflight(problem)}


def _le_cam_terms(p, q, out):
    total = p + q
    out[:] = (p - q) ** 2 / np.where(total > 0.0, total, 1.0)


# An entry of otdiv/divergences/recipes.py: the triangular discrimination of Vincze and Le Cam,
# sum (p - q)^2 / (p + q) / 2, whose root is a metric.
LE_CAM = Recipe("le_cam", _le_cam_terms, through_densities(_le_cam_terms), lambda u: u)


def le_cam(p, q):
    return evaluate(LE_CAM, p, q)


def test_one_recipe_serves_vectors_measures_and_laws():
    p, q = np.array([0.5, 0.25, 0.25, 0.0]), np.array([0.25, 0.5, 0.0, 0.25])
    expected = 0.5 * (2 * 0.25**2 / 0.75 + 2 * 0.25)
    assert le_cam(p, q) == pytest.approx(expected, rel=1e-14)
    assert le_cam([p, p], [q, p]) == pytest.approx([expected, 0.0], rel=1e-14)
    atoms = [DiscreteMeasure(points=np.arange(4.0), weights=w) for w in (p, q)]
    assert le_cam(*atoms) == pytest.approx(expected, rel=1e-14)

    normal, wide = stats.norm(0.0, 1.0), stats.norm(1.0, 2.0)

    def integrand(x):
        return 0.5 * (normal.pdf(x) - wide.pdf(x)) ** 2 / (normal.pdf(x) + wide.pdf(x))

    oracle = integrate.quad(integrand, -30.0, 30.0, points=[0.0, 1.0], epsabs=1e-13, limit=200)[0]
    assert le_cam(normal, wide) == pytest.approx(oracle, rel=1e-8)
    assert le_cam(normal, Gaussian([1.0], covariance=[[4.0]])) == pytest.approx(oracle, rel=1e-8)

    few, many = stats.poisson(2.0), stats.poisson(3.0)
    k = np.arange(200)
    assert le_cam(few, many) == pytest.approx(le_cam(few.pmf(k), many.pmf(k)), rel=1e-10)
    # No set carries mass of both: the largest value there is.
    assert le_cam(normal, few) == 1.0


RULES = {
    "range": laws.test_value_is_in_its_range,
    "zero": laws.test_distance_of_a_law_to_itself_is_exactly_zero,
    "positive": laws.test_different_laws_have_a_positive_distance,
    "symmetric": laws.test_distance_is_symmetric,
    "triangle": laws.test_triangle_inequality_holds,
}


@pytest.mark.parametrize("rule", RULES)
def test_one_row_puts_a_divergence_under_the_laws(rule):
    root = Row(
        function="le_cam",
        call=lambda p, q: math.sqrt(le_cam(p, q)),
        data="vectors",
        triangle=True,
        upper=1.0,
        power=2.0,
    )
    RULES[rule](row=root)


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["range", "zero"])
def test_the_laws_refute_a_row_that_promises_too_much(rule):
    row = Row(function="two", call=lambda p, q: 2.0, data="vectors", upper=1.0)
    with pytest.raises(AssertionError):
        RULES[rule](row=row)


def test_a_public_divergence_without_its_row_is_told(monkeypatch):
    monkeypatch.setattr(divergences, "le_cam", le_cam, raising=False)
    monkeypatch.setattr(divergences, "__all__", [*divergences.__all__, "le_cam"])
    check = laws_table.test_every_public_function_has_its_laws_in_the_table
    with pytest.raises(AssertionError):
        check(divergences, DIVERGENCES)
    check(divergences, [*DIVERGENCES, Row(function="le_cam", call=le_cam, data="vectors")])


@pytest.fixture
def claimed(monkeypatch):
    """Two functions under the decorator of a chapter: a true statement and a false one."""
    topic = topics()["entropy"]
    monkeypatch.setattr(topic, "claims", list(topic.claims))
    said = {
        "item": 10_000,
        "source": Source("Hardy, Littlewood, Polya (1934), Inequalities", "section 2.5"),
        "kind": Kind.INEQUALITY,
        "cases": lambda: tuples(numbers(0, 9), numbers(0, 9)),
    }

    @topic.claim("means", title="Two means", statement="sqrt(x y) <= (x + y) / 2", **said)
    def _means(case):
        x, y = case
        return at_most(math.sqrt(x * y), 0.5 * (x + y))

    @topic.claim(
        "means-reversed",
        title="Two means, the wrong way round",
        statement="(x + y) / 2 <= sqrt(x y)",
        holds=False,
        **said,
    )
    def _means_reversed(case):
        x, y = case
        return at_most(0.5 * (x + y), math.sqrt(x * y))


@pytest.mark.usefixtures("claimed")
def test_a_claim_under_the_decorator_is_found_by_name_by_topic_and_by_the_command(capsys):
    report = verify(["means", "means-reversed"], examples=50)
    assert [outcome.verdict for outcome in report.outcomes] == [Verdict.HELD, Verdict.REFUTED]
    assert "Two means" in report.to_markdown()
    chapter = verify(topics=["entropy"], examples=1).outcomes
    assert [outcome.claim.id for outcome in chapter][-2:] == ["means", "means-reversed"]
    assert main(["verify", "--claim", "means", "--examples", "20"]) == ExitCode.DONE
    assert "means" in capsys.readouterr().out
