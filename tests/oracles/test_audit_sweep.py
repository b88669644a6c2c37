"""Every solver, cost, geometry and kind of weights, audited (at length: `benchmarks audit`).

The share that may stay undecided is the library's promise; what an audit refutes, or a solver
raises, is a fault whatever its share.
"""

from collections import Counter

import pytest

from benchmarks.audit import COSTS, GEOMETRIES, MATRICES, SOLVERS, WEIGHTS, outcomes

CASES = 4000


@pytest.fixture(scope="module")
def found():
    return list(outcomes(20, range(CASES)))


def with_verdict(found, verdict):
    names = (", ".join(name for _, name in outcome.case.kinds) for outcome in found)
    rows = zip(found, names, strict=True)
    return [
        f"--rng 20 --only {outcome.number} ({name}): {outcome.text}"
        for outcome, name in rows
        if outcome.verdict == verdict
    ]


def test_every_kind_was_drawn(found):
    """Each name of each kind, tens of times."""
    counts = Counter(kind for outcome in found for kind in outcome.case.kinds)
    kinds = {
        "solver": SOLVERS,
        "cost": (*COSTS, *MATRICES),
        "geometry": GEOMETRIES,
        "weights": WEIGHTS,
    }
    for kind, names in kinds.items():
        for name in names:
            assert counts[kind, name] >= 40, (kind, name)


def test_no_bound_is_refuted(found):
    refuted = with_verdict(found, "REFUTED")
    assert not refuted, "\n".join(refuted)


def test_at_most_one_in_a_hundred_bounds_stays_undecided(found):
    undecided = with_verdict(found, "UNDECIDED")
    assert len(undecided) <= CASES // 100, "\n".join(undecided)


def test_nothing_warns_or_raises(found):
    raised = with_verdict(found, "RAISED")
    assert not raised, "\n".join(raised)
