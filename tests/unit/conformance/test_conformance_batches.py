"""Solvers of batches are held to the laws of solvers, in company."""

import numpy as np
import pytest

from otdiv import transport_matrix, transport_matrix_batch
from otdiv.conformance import BatchSolver, LawVerdict, check_solver


def ours(a, b, C):
    batch = transport_matrix_batch(C, x_weights=a, y_weights=b, n_jobs=1)
    answers = []
    for k, plan in enumerate(batch.plans):
        if plan is None:
            answers.append(batch.values[k])
            continue
        potentials = batch.potentials(k)
        answers.append((batch.values[k], batch.plan(k).toarray(), potentials.f, potentials.g))
    return answers


def one(a, b, C):
    return float(transport_matrix(C, x_weights=a, y_weights=b).value)


def shares_weights(a, b, C):
    """Takes the uniform weights of the first problem of a shape for all of its shape."""
    return [one(np.full(len(p), p.sum() / len(p)), q, c) for p, q, c in zip(a, b, C, strict=True)]


def depends_on_its_place(a, b, C):
    values = [one(p, q, c) for p, q, c in zip(a, b, C, strict=True)]
    return [value * (1.0 + 1e-13 * k) for k, value in enumerate(values)]


def in_reversed_order(a, b, C):
    return ours(a, b, C)[::-1]


def one_too_few(a, b, C):
    return ours(a, b, C)[:-1]


def test_our_batches_obey_the_laws():
    report = check_solver(BatchSolver(ours), examples=15)
    broken = [(r.law, r.breach) for r in report.rows if r.verdict is LawVerdict.BROKEN]
    assert broken == []
    assert sum(r.verdict is LawVerdict.HELD for r in report.rows) > 10


@pytest.mark.parametrize(
    "fault", [shares_weights, depends_on_its_place, in_reversed_order, one_too_few]
)
def test_a_fault_of_batches_is_found(fault):
    report = check_solver(BatchSolver(fault), laws=["known-answers", "marginals"], examples=20)
    assert not report.conforms
