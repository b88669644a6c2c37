"""Mixtures of Gaussians as laws, their distance, the bracket of W2, and maps between Gaussians."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from otdiv import (
    DiscreteMeasure,
    Gaussian,
    GaussianMixture,
    InvalidInputError,
    UnsupportedProblemError,
    energy_distance,
    gaussian_mixture_distance,
    gaussian_mixture_distance_result,
    kl_divergence,
    monge_map,
    total_variation,
    wasserstein1,
    wasserstein2,
)

LINE = GaussianMixture([-1.0, 2.0, 5.0], covariances=[0.3, 1.0, 0.1], weights=[1.0, 2.0, 3.0])


def mixture(seed, k=3, d=2, size=1.0):
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(k, d, d))
    covariances = roots @ roots.transpose(0, 2, 1) * size
    return GaussianMixture(
        3.0 * rng.normal(size=(k, d)), covariances=covariances, weights=rng.dirichlet(np.ones(k))
    )


def test_moments_are_those_of_its_samples():
    law = mixture(0, d=3)
    points = law.sample(200_000, rng=1)
    assert points.mean(axis=0) == pytest.approx(law.mean, abs=0.05)
    assert np.cov(points.T) == pytest.approx(law.covariance, abs=0.3)


def test_samples_depend_on_the_seed_alone():
    assert (LINE.sample(5, rng=3) == LINE.sample(5, rng=3)).all()


def test_quantiles_on_the_line_are_exact():
    other = GaussianMixture([-2.0, 1.0], covariances=[0.5, 0.2])
    x, y = LINE.sample(400_000, rng=0), other.sample(400_000, rng=1)
    assert wasserstein1(LINE, other) == pytest.approx(wasserstein1(x, y), abs=0.02)
    assert wasserstein2(LINE, other) == pytest.approx(wasserstein2(x, y), abs=0.02)
    assert energy_distance(LINE, other) == pytest.approx(energy_distance(x, y), abs=0.02)
    assert wasserstein2(LINE, LINE) == 0.0


def test_a_mixture_of_one_is_its_component():
    one = GaussianMixture([1.0], covariances=[4.0])
    assert wasserstein2(one, Gaussian(0.0, covariance=1.0)) == pytest.approx(math.sqrt(2.0))
    assert wasserstein1(one, norm(1.0, 2.0)) == 0.0


def test_a_mixture_without_variance_is_discrete():
    atoms = GaussianMixture([0.0, 4.0], covariances=[0.0, 0.0], weights=[3.0, 1.0])
    law = DiscreteMeasure([[0.0], [4.0]], weights=[0.75, 0.25])
    assert wasserstein1(atoms, [1.0]) == wasserstein1(law, [1.0])
    mixed = GaussianMixture([0.0, 4.0], covariances=[0.0, 1.0])
    with pytest.raises(UnsupportedProblemError, match="component 0 of `x` has no variance"):
        wasserstein1(mixed, [1.0])


def test_divergences_of_densities():
    other = GaussianMixture([-2.0, 1.0], covariances=[0.5, 0.2])
    t = np.linspace(-15.0, 15.0, 300_001)
    p, q = (
        sum(
            w * norm.pdf(t, m, math.sqrt(v))
            for w, m, v in zip(law.weights, law.means[:, 0], law.covariances[:, 0, 0], strict=True)
        )
        for law in (LINE, other)
    )
    assert total_variation(LINE, other) == pytest.approx(0.5 * np.abs(p - q).sum() * 1e-4, abs=1e-6)
    near = GaussianMixture([0.0, 2.0], covariances=[9.0, 9.0])
    q = 0.5 * norm.pdf(t, 0.0, 3.0) + 0.5 * norm.pdf(t, 2.0, 3.0)
    kl = float((p * np.log(np.maximum(p, 1e-300) / q)).sum() * 1e-4)
    assert kl_divergence(LINE, near) == pytest.approx(kl, abs=1e-6)


def test_more_dimensions_name_the_way_out():
    with pytest.raises(UnsupportedProblemError, match="gaussian_mixture_distance_result"):
        wasserstein2(mixture(0), mixture(1))


@pytest.mark.parametrize("seed", range(6))
def test_the_bracket_holds_the_distance_of_large_samples(seed):
    x, y = mixture(seed, size=0.3), mixture(seed + 100, size=0.3)
    bracket = gaussian_mixture_distance_result(x, y).wasserstein2
    n = 1500
    samples = wasserstein2(x.sample(n, rng=seed), y.sample(n, rng=seed + 1))
    noise = 0.25
    assert bracket.lower <= samples + noise
    assert samples - noise <= bracket.upper


def test_the_bracket_on_the_line_holds_the_integral_of_quantiles():
    for seed in range(10):
        x, y = mixture(seed, d=1), mixture(seed + 50, d=1)
        result = gaussian_mixture_distance_result(x, y)
        exact = wasserstein2(x, y)
        assert result.wasserstein2.lower <= exact * (1.0 + 1e-9)
        assert exact <= result.wasserstein2.upper * (1.0 + 1e-9)
        assert result.wasserstein2.relative_gap < 1e-8


def test_a_mixture_is_no_distance_from_itself_in_any_order():
    law = mixture(0, k=5)
    order = [3, 1, 4, 0, 2]
    same = GaussianMixture(
        law.means[order], covariances=law.covariances[order], weights=law.weights[order]
    )
    result = gaussian_mixture_distance_result(law, same)
    assert result.value == 0.0
    assert result.bounds.upper == result.wasserstein2.lower == 0.0


def test_a_shift_is_found_exactly():
    law = mixture(1, d=3)
    moved = GaussianMixture(law.means + np.array([1.0, 2.0, 2.0]), covariances=law.covariances,
                            weights=law.weights)  # fmt: skip
    result = gaussian_mixture_distance_result(law, moved)
    assert result.value == pytest.approx(3.0)
    assert result.wasserstein2.lower == pytest.approx(3.0)


def test_two_gaussians_have_their_closed_form():
    x, y = Gaussian([0.0, 0.0], covariance=np.eye(2)), Gaussian([3.0, 4.0], covariance=np.eye(2))
    result = gaussian_mixture_distance_result(x, y)
    assert result.value == pytest.approx(5.0)
    assert result.wasserstein2 == result.bounds


@settings(max_examples=30, deadline=None)
@given(seeds=st.tuples(*[st.integers(0, 10**6)] * 3), d=st.integers(1, 3))
def test_the_distance_of_components_is_a_metric(seeds, d):
    x, y, z = (mixture(seed, k=1 + seed % 4, d=d) for seed in seeds)
    there, back = gaussian_mixture_distance(x, y), gaussian_mixture_distance(y, x)
    assert there == pytest.approx(back, rel=1e-9)
    way = gaussian_mixture_distance(x, y) + gaussian_mixture_distance(y, z)
    assert gaussian_mixture_distance(x, z) <= way * (1.0 + 1e-9)


@settings(max_examples=30, deadline=None)
@given(seeds=st.tuples(*[st.integers(0, 10**6)] * 2), d=st.integers(1, 3))
def test_the_ends_of_the_bracket_are_in_order(seeds, d):
    result = gaussian_mixture_distance_result(*(mixture(seed, d=d) for seed in seeds))
    assert 0.0 <= result.wasserstein2.lower <= result.wasserstein2.upper
    assert result.bounds.lower <= result.value <= result.bounds.upper
    assert result.bounds.relative_gap < 1e-6


def test_the_map_of_components_moves_the_mean():
    x, y = mixture(2), mixture(3)
    result = gaussian_mixture_distance_result(x, y)
    moved = result.barycentric_map(x.sample(100_000, rng=0))
    assert moved.mean(axis=0) == pytest.approx(y.mean, abs=0.1)


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_fitted_mixtures_of_scikit_learn_are_read(kind):
    mixture_of = pytest.importorskip("sklearn.mixture")
    points = mixture(4).sample(500, rng=0)
    model = mixture_of.GaussianMixture(2, covariance_type=kind, random_state=0).fit(points)
    law = GaussianMixture.from_sklearn(model)
    assert law.means == pytest.approx(model.means_)
    expected = model.score(points)
    from otdiv.mixtures import log_densities

    logs = np.logaddexp.reduce(log_densities(law, points), axis=1)
    assert logs.mean() == pytest.approx(expected)


def test_what_is_not_fitted_is_named():
    with pytest.raises(InvalidInputError, match=r"without weights_.*call its `fit`"):
        GaussianMixture.from_sklearn(SimpleNamespace())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"means": [], "covariances": []}, r"`means` must have shape \(k, d\)"),
        ({"means": [0.0], "covariances": [1.0, 2.0]}, r"`covariances` must have shape \(1, 1, 1\)"),
        ({"means": [0.0, 1.0], "covariances": [1.0, -2.0]}, r"`covariances\[1\]` must be"),
        ({"means": [0.0], "covariances": [1.0], "weights": [-1.0]}, "`weights` must be non-neg"),
        ({"means": [np.nan], "covariances": [1.0]}, "`means` must"),
    ],
)
def test_bad_mixtures_are_named(arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        GaussianMixture(arguments.pop("means"), **arguments)


def test_other_things_and_dimensions_are_named():
    with pytest.raises(InvalidInputError, match="`x` must be a GaussianMixture"):
        gaussian_mixture_distance([0.0, 1.0], LINE)
    with pytest.raises(InvalidInputError, match="`y` must have dimension 1"):
        gaussian_mixture_distance(LINE, mixture(0))
    with pytest.raises(InvalidInputError, match="`x` must be a Gaussian"):
        monge_map(LINE, LINE)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), d=st.integers(1, 5))
def test_a_monge_map_moves_one_gaussian_onto_another_at_its_distance(seed, d):
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(2, d, d))
    x, y = (
        Gaussian(rng.normal(size=d), covariance=root @ root.T + 0.01 * np.eye(d)) for root in roots
    )
    moved = monge_map(x, y)
    pushed = moved.push(x)
    assert pushed.mean == pytest.approx(y.mean)
    assert pushed.covariance == pytest.approx(y.covariance, abs=1e-8)
    assert np.linalg.eigvalsh(moved.matrix).min() >= -1e-9
    # E|X - T(X)|² = |m - m'|² + tr((I - A) S (I - A)).
    apart = np.eye(d) - moved.matrix
    square = np.square(x.mean - y.mean).sum() + np.trace(apart @ x.covariance @ apart)
    assert math.sqrt(square) == pytest.approx(wasserstein2(x, y), rel=1e-7)


def test_a_map_onto_fewer_directions_exists_and_one_onto_more_does_not():
    flat = Gaussian([0.0, 0.0], covariance=np.diag([1.0, 0.0]))
    full = Gaussian([0.0, 0.0], covariance=np.eye(2))
    assert monge_map(full, flat).matrix == pytest.approx(np.diag([1.0, 0.0]))
    with pytest.raises(UnsupportedProblemError, match="no map moves `x` onto `y`"):
        monge_map(flat, full)
    assert (monge_map(flat, flat)([1.0, 2.0]) == [1.0, 2.0]).all()


def test_maps_take_rows_of_their_dimension():
    moved = monge_map(Gaussian([0.0, 0.0], covariance=np.eye(2)),
                      Gaussian([1.0, 0.0], covariance=np.eye(2)))  # fmt: skip
    assert moved([[0.0, 0.0], [1.0, 1.0]]).tolist() == [[1.0, 0.0], [2.0, 1.0]]
    with pytest.raises(InvalidInputError, match="`points` must have 2 columns"):
        moved([[0.0, 0.0, 0.0]])
