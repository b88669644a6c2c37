"""Divergences from nearest neighbours, against closed forms of Gaussian, exponential laws."""

import math

import numpy as np
import pytest
from scipy import special

from otdiv import Gaussian, InvalidInputError, js_divergence, kl_divergence
from otdiv.estimators import js_from_samples, kl_from_samples


def neighbours_by_hand(x, y, k):
    """The formula of Wang, Kulkarni and Verdú over all pairs; columns of no unit."""
    own = np.sort(np.linalg.norm(x[:, None] - x, axis=2), axis=1)[:, k]
    other = np.sort(np.linalg.norm(x[:, None] - y, axis=2), axis=1)[:, k - 1]
    d = x.shape[1]
    return d * np.mean(np.log(other / own)) + math.log(len(y) / (len(x) - 1))


@pytest.mark.parametrize("d", [1, 3])
def test_it_is_the_formula_of_its_source_in_whitened_columns(d):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(60, d)), rng.normal(0.5, 2.0, size=(70, d))
    covariance = 0.5 * (np.atleast_2d(np.cov(x.T)) + np.atleast_2d(np.cov(y.T)))
    root = np.linalg.inv(np.linalg.cholesky(covariance)).T
    expected = neighbours_by_hand(x @ root, y @ root, 3)
    assert kl_from_samples(x, y, k=3, rng=0).value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("d", "figure"), [(1, 1.83), (2, 1.70), (5, 1.40), (20, 1.24)])
def test_laws_apart_are_estimated_as_other_programs_do(d, figure):
    """KL is 2; 1000 rows a side, five neighbours; the figures are means of five runs."""
    rng = np.random.default_rng(2)
    values = []
    for _ in range(5):
        x, y = rng.normal(size=(2, 1000, d))
        y[:, 0] += 2.0
        values.append(kl_from_samples(x, y, rng=0).value)
    # Runs have a standard deviation of 0.1: three standard errors of a difference of two means.
    assert np.mean(values) == pytest.approx(figure, abs=3.0 * 0.1 * math.sqrt(2.0 / 5.0))


@pytest.mark.parametrize("d", [1, 5, 20])
def test_equal_laws_have_a_divergence_near_zero(d):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(2, 1000, d))
    for estimate in (kl_from_samples, js_from_samples):
        found = estimate(x, y, rng=0)
        assert abs(found.value) < 5.0 * found.standard_error


@pytest.mark.parametrize(
    ("draw_x", "draw_y", "truth"),
    [
        (lambda r: r.normal(0, 1, 4000), lambda r: r.normal(1, 2, 4000), math.log(2) + 2 / 8 - 0.5),
        (
            lambda r: r.exponential(1.0, 4000),
            lambda r: r.exponential(2.0, 4000),
            math.log(2.0) + 0.5 - 1.0,
        ),
        (
            lambda r: r.laplace(0, 1, 4000),
            lambda r: r.laplace(1, 2, 4000),
            math.log(2) + 0.5 * (math.exp(-1) + 1) - 1,
        ),
        (
            lambda r: r.gamma(2.0, 1.0, 4000),
            lambda r: r.gamma(3.0, 1.0, 4000),
            math.log(2.0) - special.digamma(2.0),
        ),
    ],
    ids=["normal", "exponential", "laplace", "gamma"],
)
def test_kl_of_closed_forms_lies_within_its_errors(draw_x, draw_y, truth):
    rng = np.random.default_rng(4)
    found = kl_from_samples(draw_x(rng), draw_y(rng), rng=0)
    # Four standard errors, and a bias of half of one.
    assert abs(found.value - truth) < 4.5 * found.standard_error


@pytest.mark.parametrize("shift", [0.5, 1.0, 2.0, 3.0])
def test_js_of_normal_laws_lies_within_its_errors(shift):
    truth = js_divergence(Gaussian(0.0, covariance=1.0), Gaussian(shift, covariance=1.0))
    rng = np.random.default_rng(5)
    found = js_from_samples(rng.normal(size=3000), rng.normal(shift, 1.0, size=5000), rng=0)
    assert abs(found.value - truth) < 4.5 * found.standard_error


def test_units_and_mixtures_of_columns_change_nothing():
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(500, 2)), rng.normal(0.5, 1.0, size=(400, 2))
    turn = np.array([[1e6, 2.0], [3e5, 1e-3]])
    for estimate in (kl_from_samples, js_from_samples):
        plain, turned = estimate(x, y, rng=0), estimate(x @ turn - 7.0, y @ turn - 7.0, rng=0)
        assert turned.value == pytest.approx(plain.value, rel=1e-6)


def test_the_standard_error_is_that_of_repeated_samples():
    rng = np.random.default_rng(7)
    found = [
        kl_from_samples(rng.normal(size=400), rng.normal(1.0, 1.0, 400), rng=0) for _ in range(60)
    ]
    spread = np.std([f.value for f in found], ddof=1)
    assert np.mean([f.standard_error for f in found]) == pytest.approx(spread, rel=0.45)


def test_rounded_data_are_refused_or_spread_by_their_resolution():
    rng = np.random.default_rng(8)
    x, y = rng.normal(size=2000), rng.normal(1.0, 1.0, size=2000)
    with pytest.raises(InvalidInputError, match=r"no row twice.*pass `resolution=`"):
        kl_from_samples(x.round(1), y.round(1))
    for estimate, truth in ((kl_from_samples, 0.5), (js_from_samples, 0.111421)):
        found = estimate(x.round(1), y.round(1), resolution=0.1, rng=0)
        assert abs(found.value - truth) < 4.5 * found.standard_error
        assert "resolution" in found.notes[-1]
        assert found == estimate(x.round(1), y.round(1), resolution=0.1, rng=0, n_jobs=2)
    with pytest.raises(InvalidInputError, match="too small for these numbers"):
        kl_from_samples(x.round(1), y.round(1), resolution=1e-18)


def test_one_row_that_both_samples_share_is_refused():
    rng = np.random.default_rng(9)
    x, y = rng.normal(size=(2, 50))
    y[3] = x[7]
    with pytest.raises(InvalidInputError, match="1 of 100 rows"):
        kl_from_samples(x, y)


@pytest.mark.parametrize(
    ("x", "y", "options", "words"),
    [
        (np.arange(40.0), np.arange(40.0) + 0.5, {"k": 0}, "`k` must be at least 1"),
        (np.arange(9.0), np.arange(40.0) + 0.5, {}, "`x` must hold at least 12 rows"),
        (np.zeros((40, 2)) + np.arange(40.0)[:, None] * [1, 0], np.zeros((40, 2)), {}, "row twice"),
        (
            np.arange(40.0)[:, None] * [1, 2],
            np.arange(40.0)[:, None] * [1, 2] + 0.5,
            {},
            "linear function of the others; got rank 1 of 2",
        ),
        (np.arange(40.0), np.arange(40.0) + 0.5, {"resolution": -1}, "`resolution` must be positi"),
        (np.arange(40.0), np.ones((40, 2)), {}, "`y` must have 1 columns"),
    ],
)
def test_what_does_not_fit_is_told(x, y, options, words):
    with pytest.raises(InvalidInputError, match=words):
        kl_from_samples(x, y, **options)


def test_a_column_that_only_parts_the_samples_is_told():
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(size=50), np.zeros(50)])
    y = np.column_stack([rng.normal(size=50), np.ones(50)])
    with pytest.raises(InvalidInputError, match="in column 1 of both"):
        kl_from_samples(x, y)


def test_many_columns_are_told_to_give_a_lower_end():
    rng = np.random.default_rng(10)
    x, y = rng.normal(size=(2, 100, 6))
    assert "lower end" in kl_from_samples(x, y, rng=0).notes[0]
    truth = kl_divergence(
        Gaussian(np.zeros(6), covariance=np.eye(6)), Gaussian(np.full(6, 2.0), covariance=np.eye(6))
    )
    assert kl_from_samples(x, y + 2.0, rng=0).value < truth
