"""Each law of SciPy against others: a number that its bins confirm, or an error of ours, in time.

A thin slice of `python -m benchmarks laws`.
"""

import pytest

from benchmarks.laws import DIVERGENCES, families, judge, pairs

EVERY = 20  # of the laws; all of them take a quarter of an hour and more
SLOW = ("ksone", "kstwo", "levy_stable", "studentized_range")  # seconds a call


@pytest.mark.parametrize(
    ("p", "q"),
    [
        pytest.param(p, q, id=f"{first}-{second}")
        for first, p, second, q in pairs(EVERY)
        if not first.startswith(SLOW) and not second.startswith(SLOW)
    ],
)
def test_every_divergence_of_two_laws_of_scipy_is_sound(p, q):
    for name in DIVERGENCES:
        row = judge(name, p, q)
        assert not row["fault"], row


def test_the_sweep_has_every_continuous_law_of_scipy():
    assert len(families()) > 100
