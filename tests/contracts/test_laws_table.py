"""No public distance or divergence escapes the table of laws."""

import inspect

import pytest

from otdiv import distances, divergences
from tests.tables import DISTANCES, DIVERGENCES


def public_functions(module):
    return {name for name in module.__all__ if not inspect.isclass(getattr(module, name))}


@pytest.mark.parametrize(
    ("module", "rows"), [(distances, DISTANCES), (divergences, DIVERGENCES)], ids=["dist", "div"]
)
def test_every_public_function_has_its_laws_in_the_table(module, rows):
    assert {row.function for row in rows} == public_functions(module)


@pytest.mark.parametrize("module", [distances, divergences], ids=["dist", "div"])
def test_every_public_name_is_a_function_or_a_class(module):
    for name in module.__all__:
        assert callable(getattr(module, name)), name


def test_a_metric_in_the_table_is_symmetric():
    assert all(row.symmetric for row in DISTANCES + DIVERGENCES if row.triangle)
