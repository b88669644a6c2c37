"""Powers of two in double and single precision, for any number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otdiv._kernels.exponential import power_of_two, single_power_of_two


@given(st.floats(-1020.0, 1020.0, exclude_min=True))
def test_double_powers_are_those_of_numpy(t):
    assert power_of_two(t) == pytest.approx(np.exp2(t), rel=1e-15, abs=0.0)


@given(st.floats(-126.0, 126.0, exclude_min=True))
def test_single_powers_are_rounded_by_a_unit_in_the_last_place(t):
    assert single_power_of_two(t) == pytest.approx(np.exp2(t), rel=1e-7, abs=0.0)


@pytest.mark.parametrize(("power", "most"), [(power_of_two, 1020.0), (single_power_of_two, 126.0)])
@given(st.floats(0.0, np.inf))
def test_what_leaves_the_range_is_nothing_or_the_largest(power, most, beyond):
    assert power(-most - beyond) == 0.0
    assert power(most + beyond) == 2.0**most


@pytest.mark.parametrize("power", [power_of_two, single_power_of_two])
def test_what_is_no_number_is_nothing(power):
    assert power(np.nan) == 0.0


def test_integers_give_exact_powers():
    for k in range(-125, 127):
        assert power_of_two(float(k)) == single_power_of_two(float(k)) == 2.0**k
