"""What `python -m benchmarks against` calls the same answer."""

import dataclasses

import numpy as np

from benchmarks.against import bits
from benchmarks.solves import LARGE, SMALL
from otdiv import transport

X, Y = np.random.default_rng(0).random((2, 20, 2))


def test_equal_answers_have_equal_bits():
    assert bits(transport(X, Y)) == bits(transport(X.copy(), Y.copy()))


def test_the_last_digit_of_a_value_changes_the_bits():
    result = transport(X, Y)
    moved = dataclasses.replace(result, value=np.nextafter(result.value, np.inf))
    assert bits(moved) != bits(result)


def test_another_entry_of_the_plan_changes_the_bits():
    result = transport(X, Y)
    mass = result.plan.mass.copy()
    mass[0] = np.nextafter(mass[0], 0.0)
    moved = dataclasses.replace(result, plan=dataclasses.replace(result.plan, mass=mass))
    assert bits(moved) != bits(result)


def test_solves_have_names_of_their_own():
    for solves in (SMALL, LARGE):
        assert len({solve.name for solve in solves}) == len(solves)
    assert (len(SMALL), len(LARGE)) == (50, 24)
