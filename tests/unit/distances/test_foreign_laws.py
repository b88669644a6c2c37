"""Laws of other libraries: those that are read give their twin's number, others say the way out.

SciPy has its laws twice, old and new; a law that is written both ways is one law.
"""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.mixture import GaussianMixture

import otdiv
from otdiv import Gaussian, InvalidInputError, UnsupportedProblemError

new_scipy = pytest.mark.skipif(not hasattr(stats, "Mixture"), reason="SciPy below 1.15")


def made(name, **shapes):
    return stats.make_distribution(getattr(stats, name))(**shapes)


def normal(mu=0.0, sigma=1.0):
    return stats.Normal(mu=mu, sigma=sigma)


TWINS = {
    "Normal": (lambda: normal(1.0, 2.0), stats.norm(1, 2)),
    "Uniform": (lambda: stats.Uniform(a=-1.0, b=3.0), stats.uniform(-1, 4)),
    "gamma": (lambda: made("gamma", a=2.0), stats.gamma(2.0)),
    "beta": (lambda: made("beta", a=2.0, b=3.0), stats.beta(2, 3)),
    "t": (lambda: made("t", df=5.0), stats.t(5)),
    "Weibull": (lambda: made("weibull_min", c=1.5), stats.weibull_min(1.5)),
    "moved and scaled": (lambda: 3.0 * made("gamma", a=2.0) + 1.0, stats.gamma(2, 1, 3)),
    "absolute value": (lambda: stats.abs(normal()), stats.halfnorm()),
    "exponential": (lambda: stats.exp(normal()), stats.lognorm(1.0)),
    "mixture": (lambda: stats.Mixture([normal(), normal()]), stats.norm()),
    "truncated": (lambda: stats.truncate(normal(), lb=0.0, ub=2.0), stats.truncnorm(0, 2)),
    "truncated below": (lambda: stats.truncate(normal(), lb=0.0), stats.halfnorm()),
    "upper tail": (lambda: stats.truncate(normal(), lb=8.0, ub=9.0), stats.truncnorm(8, 9)),
    "lower tail": (
        lambda: stats.truncate(normal(1.0, 2.0), ub=-9.0),
        stats.truncnorm(-np.inf, -5.0, 1, 2),
    ),
    "part of a uniform": (
        lambda: stats.truncate(stats.Uniform(a=0.0, b=1.0), lb=0.25, ub=0.75),
        stats.uniform(0.25, 0.5),
    ),
}
LATTICES = {
    "Binomial": (lambda: stats.Binomial(n=5, p=0.25), stats.binom(5, 0.25)),
    "Poisson": (lambda: made("poisson", mu=2.0), stats.poisson(2)),
    "geometric": (lambda: made("geom", p=0.25), stats.geom(0.25)),
}
DISTANCES = {
    "w1": otdiv.wasserstein1,
    "w2": otdiv.wasserstein2,
    "energy": otdiv.energy_distance,
}
DIVERGENCES = {
    "kl": otdiv.kl_divergence,
    "off_support": lambda p, q: otdiv.kl_divergence_result(p, q).off_support_mass,
    "jeffreys": otdiv.jeffreys_divergence,
    "js": otdiv.js_divergence,
    "tv": otdiv.total_variation,
    "hellinger": otdiv.hellinger_distance,
    "chi2": otdiv.chi2_divergence,
    "renyi": lambda p, q: otdiv.renyi_divergence(p, q, alpha=0.5),
    "f": lambda p, q: otdiv.f_divergence(p, q, lambda t: abs(t - 1.0), slope_at_infinity=1.0),
}
# The quadratures promise 1e-10 of a distance and some 1e-12 of a divergence; inverses that SciPy
# finds by root finding leave 1e-9.
ACCURACY = 1e-8


def agree(found, expected):
    return found == expected or math.isclose(found, expected, rel_tol=ACCURACY, abs_tol=1e-11)


@pytest.mark.slow
@new_scipy
@pytest.mark.parametrize("name", TWINS)
def test_a_law_of_the_new_scipy_is_its_old_twin(name):
    make, old = TWINS[name]
    other = stats.norm(0.5, 1.5)
    for key in ("kl", "js", "renyi"):
        assert agree(DIVERGENCES[key](make(), other), DIVERGENCES[key](old, other)), key
    assert agree(otdiv.js_divergence(other, make()), otdiv.js_divergence(other, old))
    for key, call in DISTANCES.items():
        assert agree(call(other, make()), call(other, old)), key
        assert agree(call(make(), [0.0, 1.0, 2.5]), call(old, [0.0, 1.0, 2.5])), key


@new_scipy
@pytest.mark.parametrize("key", DIVERGENCES)
def test_every_divergence_reads_laws_of_the_new_scipy(key):
    call, (make, old) = DIVERGENCES[key], TWINS["Uniform"]
    assert agree(call(make(), stats.norm()), call(old, stats.norm()))
    assert agree(call(normal(1.0, 2.0), normal()), call(stats.norm(1, 2), stats.norm()))


@pytest.mark.slow
@new_scipy
@pytest.mark.parametrize("name", LATTICES)
def test_a_discrete_law_of_the_new_scipy_is_its_old_twin(name):
    make, old = LATTICES[name]
    for key, call in DIVERGENCES.items():
        assert agree(call(make(), stats.poisson(3)), call(old, stats.poisson(3))), key
    for key, call in DISTANCES.items():
        assert agree(call(make(), stats.norm()), call(old, stats.norm())), key
        assert call(make(), old) == 0.0


@pytest.mark.slow
@new_scipy
def test_wrong_inverses_are_replaced_and_wrong_functions_refused():
    """SciPy inverts the functions of some laws wrongly (bradford), or raises (powerlaw)."""

    class Askew(stats.Uniform):
        def icdf(self, p, /, *, method=None):
            return 0.5 * super().icdf(p)

    class Broken(stats.Uniform):
        def ccdf(self, x, y=None, /, *, method=None):
            return 0.5 * super().ccdf(x)

    for make, old in (
        (lambda: Askew(a=0.0, b=1.0), stats.uniform()),
        (lambda: made("bradford", c=0.25), stats.bradford(0.25)),
        (lambda: made("powerlaw", a=2.0), stats.powerlaw(2.0)),
        (lambda: made("loguniform", a=1.0, b=8.0), stats.loguniform(1, 8)),
    ):
        assert agree(
            otdiv.js_divergence(make(), stats.norm()), otdiv.js_divergence(old, stats.norm())
        )
        assert agree(otdiv.wasserstein1(make(), [0.0, 1.0]), otdiv.wasserstein1(old, [0.0, 1.0]))
    with pytest.raises(UnsupportedProblemError, match="survival function of Broken"):
        otdiv.wasserstein1(Broken(a=0.0, b=1.0), [0.0])


@new_scipy
@pytest.mark.parametrize("call", [otdiv.wasserstein1, otdiv.js_divergence, otdiv.energy_distance])
def test_classes_and_rows_of_laws_are_no_law(call):
    with pytest.raises(InvalidInputError, match="must be a law with its parameters"):
        call(stats.Normal, stats.norm())
    with pytest.raises(InvalidInputError, match="must be one law"):
        call(stats.Uniform(a=[0.0, 1.0], b=2.0), stats.norm())


def test_a_frozen_multivariate_normal_law_is_a_gaussian():
    mean, covariance = [1.0, 2.0], [[2.0, 0.5], [0.5, 1.0]]
    law, other = stats.multivariate_normal(mean, covariance), Gaussian([0, 0], covariance=np.eye(2))
    twin = Gaussian(mean, covariance=covariance)
    for call in (
        otdiv.kl_divergence,
        otdiv.jeffreys_divergence,
        otdiv.hellinger_distance,
        otdiv.chi2_divergence,
        otdiv.wasserstein2,
        lambda p, q: otdiv.renyi_divergence(p, q, alpha=2.0),
        lambda p, q: otdiv.maximum_mean_discrepancy(p, q, bandwidth=1.0),
    ):
        assert call(law, other) == call(twin, other)
        assert call(other, law) == call(other, twin)
    line = stats.multivariate_normal(1.0, 4.0)
    assert otdiv.wasserstein1(line, [0.0]) == otdiv.wasserstein1(stats.norm(1, 2), [0.0])
    assert otdiv.js_divergence(line, stats.norm(1, 2)) == 0.0


OTHERS = {
    "gaussian_kde": lambda: stats.gaussian_kde([1.0, 2.0, 4.0]),
    "multivariate_t_frozen": lambda: stats.multivariate_t([0.0, 0.0]),
    "dirichlet_frozen": lambda: stats.dirichlet([1.0, 2.0]),
    "wishart_frozen": lambda: stats.wishart(3, np.eye(2)),
    "GaussianMixture": GaussianMixture,
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("call", [*DISTANCES.values(), *DIVERGENCES.values()])
def test_other_laws_are_named_with_the_way_out(name, call):
    for pair in ((OTHERS[name](), stats.norm()), (stats.norm(), OTHERS[name]())):
        with pytest.raises(UnsupportedProblemError, match=f"{name}.*draw samples"):
            call(*pair)


@pytest.mark.parametrize("call", DIVERGENCES.values(), ids=DIVERGENCES)
def test_a_family_without_its_parameters_says_how_to_freeze_it(call):
    for family in (stats.norm, stats.gamma, stats.poisson):
        with pytest.raises(UnsupportedProblemError, match=r"frozen as in `scipy\.stats\.norm"):
            call(family, stats.norm())
