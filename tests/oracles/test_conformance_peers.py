"""Solvers that are known to be right obey the laws: ours all of them, peers the ordinary ones."""

import pytest

from otdiv.conformance import LawVerdict, check_solver
from otdiv.solvers import Sinkhorn

ADAPTERS = "otdiv.conformance.adapters:"

# What no version of an exact solver is known to break.
ORDINARY = [
    "marginals",
    "known-answers",
    "optimality",
    "value-of-plan",
    "feasible-potentials",
    "strong-duality",
    "complementary-slackness",
    "duality-gap",
    "dual-translation",
    "dual-exchange",
    "dual-scaling",
    "potentials-gradient",
    "symmetry",
    "identity",
    "triangle",
    "scaling",
    "translation",
    "permutation",
    "zero-weights",
    "input-untouched",
    "ties",
]


def test_our_exact_solver_obeys_every_law():
    report = check_solver("otdiv.solvers:NetworkSimplex", examples=10)
    assert report.conforms, str(report)
    assert sum(row.verdict is LawVerdict.HELD for row in report.rows) == 37


def test_our_entropic_solver_obeys_every_law_that_a_fixed_epsilon_can():
    report = check_solver(ADAPTERS + "otdiv_sinkhorn", regularised=True, examples=10)
    # At 1e300 times epsilon no exponential is left in float64: it must say so instead.
    assert [row.law for row in report.broken] in ([], ["huge-costs"]), str(report)
    for row in report.broken:
        assert row.breach.manner.value == "by an exception"


@pytest.mark.parametrize("name", ["pot_emd", "pot_emd2"])
def test_pot_obeys_the_ordinary_laws(name):
    pytest.importorskip("ot")
    report = check_solver(ADAPTERS + name, laws=ORDINARY, examples=8)
    assert report.conforms, str(report)


@pytest.mark.parametrize("name", ["scipy_wasserstein", "scipy_wasserstein_nd", "scipy_assignment"])
def test_scipy_obeys_the_ordinary_laws_where_they_apply(name):
    report = check_solver(ADAPTERS + name, laws=ORDINARY, examples=8)
    assert report.conforms, str(report)
    assert report["optimality"].verdict is LawVerdict.HELD


@pytest.mark.parametrize("name", ["pot_sinkhorn", "pot_sinkhorn_log"])
def test_pot_sinkhorn_obeys_the_ordinary_laws_of_entropic_solvers(name):
    pytest.importorskip("ot")
    laws = ["marginals", "gibbs-form", "entropic-value", "permutation", "repeatable"]
    laws += ["epsilon-form", "epsilon-marginals", "epsilon-monotone", "epsilon-large"]
    laws += ["epsilon-scaling", "entropic-potentials", "entropic-exchange", "potentials-gradient"]
    report = check_solver(ADAPTERS + name, regularised=True, laws=laws, examples=10)
    assert report.conforms, str(report)


def test_our_gradients_obey_every_law_of_points():
    report = check_solver(ADAPTERS + "otdiv_gradients", examples=10)
    assert report.conforms, str(report)
    laws = [row.law for row in report.rows if "gradient" in row.law]
    assert {report[law].verdict for law in laws} == {LawVerdict.HELD}
    assert len(laws) == 5


def test_our_entropic_solver_takes_its_epsilon_as_a_solver_object():
    solver = Sinkhorn(epsilon=1.0, marginal_tolerance=1e-12)
    laws = ["epsilon-form", "epsilon-small", "epsilon-scaling", "entropic-objective"]
    report = check_solver(solver, regularised=True, laws=laws, examples=8)
    assert [row.verdict for row in report.rows] == [LawVerdict.HELD] * 4, str(report)
