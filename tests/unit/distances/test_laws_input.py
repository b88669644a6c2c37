"""Which objects are laws, and what is said of those that are not."""

import math

import numpy as np
import pytest
from scipy import stats

from otdiv import (
    DiscreteMeasure,
    Gaussian,
    InvalidInputError,
    UnsupportedProblemError,
    wasserstein,
    wasserstein1,
    wasserstein1_result,
    wasserstein2,
)
from otdiv._laws import is_law
from otdiv.distances.laws.line import Atoms, Frozen, Normal, as_line_law
from otdiv.distances.laws.quantiles import largest_shift


@pytest.mark.parametrize(
    "value", [stats.norm(), stats.norm, stats.poisson(2), Gaussian(mean=0, covariance=1)]
)
def test_laws_are_recognised(value):
    assert is_law(value)


@pytest.mark.parametrize("value", [[1.0], np.zeros(3), DiscreteMeasure(points=[0.0]), "norm", None])
def test_other_objects_are_no_laws(value):
    assert not is_law(value)


def test_normal_laws_of_both_kinds_are_one():
    first = as_line_law("x", stats.norm(1, 2))
    assert isinstance(first, Normal)
    assert first == as_line_law("x", Gaussian(mean=1.0, covariance=4.0))


def test_an_unfrozen_law_without_parameters_stands_for_its_standard_form():
    assert wasserstein1(stats.norm, stats.norm(1, 1)) == 1.0
    with pytest.raises(InvalidInputError, match="`x` must be frozen"):
        wasserstein1(stats.gamma, stats.norm())


def test_parameters_of_a_law_are_scalars_and_valid():
    with pytest.raises(InvalidInputError, match="one law, its parameters scalars"):
        wasserstein1(stats.norm([0.0, 1.0], 1.0), stats.norm())
    with pytest.raises(InvalidInputError, match="valid parameters"):
        wasserstein1(stats.norm(), stats.norm(0, -1))


def test_a_law_has_no_weights():
    with pytest.raises(InvalidInputError, match="`y_weights` must be None for a law"):
        wasserstein1([0.0], stats.norm(), y_weights=[1.0])


def test_laws_in_space_name_the_way_out():
    p = Gaussian(mean=[0.0, 0.0], covariance=np.eye(2))
    q = Gaussian(mean=[0.0, 0.0], covariance=2 * np.eye(2))
    with pytest.raises(UnsupportedProblemError, match="draw samples"):
        wasserstein1(p, q)
    with pytest.raises(UnsupportedProblemError, match="draw samples"):
        wasserstein2(p, [[0.0, 0.0]])
    with pytest.raises(InvalidInputError, match="`y` must have dimension 2"):
        wasserstein2(p, Gaussian(mean=0.0, covariance=1.0))


def test_a_shift_of_a_gaussian_in_space_has_every_order():
    p = Gaussian(mean=[0.0, 0.0], covariance=np.eye(2))
    q = Gaussian(mean=[3.0, 4.0], covariance=np.eye(2))
    assert [wasserstein(p, q, p=order) for order in (1, 2, 7, math.inf)] == [5.0] * 4


def test_w_infinity_of_two_unbounded_laws_says_so():
    with pytest.raises(UnsupportedProblemError, match="finite p"):
        wasserstein(stats.norm(), stats.t(3), p=math.inf)


def test_a_distribution_of_ones_own_is_a_law():
    class Ramp(stats.rv_continuous):
        def _cdf(self, x):
            return x * x

    assert wasserstein1(Ramp(a=0.0, b=1.0)(), stats.uniform()) == pytest.approx(1 / 6, rel=1e-9)


def test_histogram_laws_with_different_bins_are_different():
    first, second = (
        stats.rv_histogram((np.array(counts), np.array([0.0, 1.0, 2.0])), density=False)
        for counts in ([3, 1], [1, 3])
    )
    assert wasserstein1(first, second) == pytest.approx(0.5, rel=1e-9)


def test_a_gap_in_a_histogram_law_is_a_jump_of_its_quantiles():
    """Half of the mass on [0, 1] and half on [3, 4], against all of it on [0, 1]."""
    gap = stats.rv_histogram((np.array([1, 0, 0, 1]), np.arange(5.0)), density=False)
    # Its quantiles are 2u below 1/2 and 2 + 2u above: they differ from u by u and by 2 + u.
    expected = math.sqrt(1 / 24 + (3.0**3 - 2.5**3) / 3)
    assert wasserstein2(gap, stats.uniform()) == pytest.approx(expected, rel=1e-8)


def test_atoms_of_a_finite_discrete_law_are_its_own():
    law = stats.rv_discrete(values=([1, 2, 5], [0.2, 0.3, 0.5]))
    atoms = as_line_law("x", law)
    assert isinstance(atoms, Atoms)
    assert atoms.breaks.tolist() == [1.0, 2.0, 5.0]
    assert not atoms.is_cut
    shifted = as_line_law("x", law(loc=3))
    assert shifted.breaks.tolist() == [4.0, 5.0, 8.0]


def test_quantiles_of_atoms_invert_their_distribution_function():
    atoms = Atoms.from_sample(np.array([3.0, 1.0, 1.0, 2.0]), np.array([1.0, 0.5, 0.5, 2.0]))
    assert atoms.breaks.tolist() == [1.0, 2.0, 3.0]
    assert atoms.cdf(np.array([0.0, 1.0, 2.5, 9.0])).tolist() == [0.0, 0.25, 0.75, 1.0]
    assert atoms.sf(np.array([0.0, 1.0, 2.5, 9.0])).tolist() == [1.0, 0.75, 0.25, 0.0]
    assert atoms.cdf_left(np.array([1.0, 2.0])).tolist() == [0.0, 0.25]
    assert atoms.sf_left(np.array([1.0, 2.0])).tolist() == [1.0, 0.75]
    assert atoms.ppf(np.array([0.1, 0.25, 0.26, 1.0])).tolist() == [1.0, 1.0, 2.0, 3.0]
    assert atoms.isf(np.array([0.9, 0.75, 0.74, 0.0])).tolist() == [1.0, 1.0, 2.0, 3.0]


def test_w_infinity_bounds_are_an_enclosure():
    first, second = as_line_law("x", stats.beta(2, 3)), as_line_law("y", stats.beta(5, 2))
    assert isinstance(first, Frozen)
    levels = np.linspace(0.0, 1.0, 20001)
    seen = np.abs(first.ppf(levels) - second.ppf(levels)).max()
    value, lower, upper, kind = largest_shift(first, second, 1e-6, None)
    assert lower <= value <= upper
    assert upper - lower <= 1e-6 * upper
    assert seen <= upper
    assert kind == "certified"


def test_moments_that_scipy_integrates_prove_nothing():
    """A tail that is bounded by such a mean and variance is estimated, not certified."""
    law = stats.exponpow(1.5)  # its moments are integrals of the density
    assert wasserstein1_result(law, stats.norm(), rtol=1e-4).kind == "quadrature"
    assert wasserstein1_result(stats.gamma(2.0), stats.norm(), rtol=1e-4).kind == "certified"
