"""Lower bounds by classifiers: below the divergence, and near it where the classifier is right."""

import math

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from otdiv import InvalidInputError, MissingDependencyError
from otdiv._optional import import_optional
from otdiv.estimators import classifier_bound, classifiers

# Normal laws of variance one at these distances: JS by quadrature, TV in closed form.
JS = {0.0: 0.0, 1.0: 0.111421482185, 2.0: 0.336830820347, 3.0: 0.526777306521}


def samples(shift, n=1500, m=1000, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=n), rng.normal(shift, 1.0, size=m)


@pytest.mark.parametrize("shift", JS)
@pytest.mark.parametrize("classifier", ["logistic", "nearest_neighbours", "gradient_boosting"])
def test_the_bound_is_below_the_divergence(shift, classifier):
    x, y = samples(shift)
    found = classifier_bound(x, y, classifier=classifier, rng=0)
    assert 0.0 <= found.low <= max(0.0, found.value)
    # One-sided 95 %: two more standard errors make an excess rarer than one in 5000.
    assert found.low < JS[shift] + 2.0 * found.standard_error
    assert found.high == math.inf


@pytest.mark.parametrize("shift", [1.0, 2.0])
def test_the_right_classifier_comes_near(shift):
    x, y = samples(shift)
    found = classifier_bound(x, y, rng=0)
    assert abs(found.value - JS[shift]) < 4.0 * found.standard_error
    variation = classifier_bound(x, y, divergence="total_variation", rng=0)
    truth = math.erf(shift / (2.0 * math.sqrt(2.0)))
    assert abs(variation.value - truth) < 4.0 * variation.standard_error
    assert variation.low < truth


def test_squares_are_features_so_that_scales_are_told_apart():
    rng = np.random.default_rng(1)
    found = classifier_bound(rng.normal(size=(1500, 2)), rng.normal(0, 2.0, (1500, 2)), rng=0)
    assert found.low > 0.05


def test_equal_laws_have_the_bound_zero_in_most_cases():
    above = 0
    for seed in range(60):
        x, y = samples(0.0, 100, 100, seed)
        for divergence in ("jensen_shannon", "total_variation"):
            above += classifier_bound(x, y, divergence=divergence, rng=seed).low > 0.0
    # 5 % of 120 and four standard errors.
    assert above <= 120 * (0.05 + 4.0 * math.sqrt(0.05 * 0.95 / 120))


def test_separable_samples_have_nearly_log_2_and_1():
    x, y = samples(50.0)
    assert 0.6 < classifier_bound(x, y, rng=0).low < math.log(2.0)
    assert 0.99 < classifier_bound(x, y, divergence="total_variation", rng=0).low < 1.0


def test_a_classifier_of_the_caller_is_copied_for_every_fold():
    x, y = samples(1.0)
    model = LogisticRegression()
    found = classifier_bound(x, y, classifier=model, rng=0)
    assert not hasattr(model, "coef_")
    assert "LogisticRegression" in found.method
    assert abs(found.value - JS[1.0]) < 4.0 * found.standard_error


class Constant:
    """Knows nothing."""

    def fit(self, X, y):
        return self

    def predict_proba(self, X):
        return np.full((len(X), 2), 0.5)


class Wrong(Constant):
    def predict_proba(self, X):
        return np.ones(len(X))


def test_a_classifier_that_knows_nothing_bounds_nothing():
    x, y = samples(3.0, 500, 500)
    found = classifier_bound(x, y, classifier=Constant(), rng=0)
    assert found.value == pytest.approx(0.0, abs=1e-12)
    assert found.low == 0.0


def test_the_same_seed_gives_the_same_bound():
    x, y = samples(1.0)
    assert classifier_bound(x, y, rng=3) == classifier_bound(x, y, rng=3)


def test_a_missing_library_is_named_with_its_line(monkeypatch):
    def without(module, **words):
        return import_optional(module.replace("sklearn", "no_sklearn_here"), **words)

    monkeypatch.setattr(classifiers, "import_optional", without)
    with pytest.raises(MissingDependencyError, match=r"otdiv\[estimators\]"):
        classifier_bound(*samples(1.0), classifier="gradient_boosting")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"divergence": "kl"}, "`divergence` must be one of"),
        ({"classifier": "svm"}, "`classifier` must be one of"),
        ({"classifier": 3}, "`classifier` must be a name or have `fit`"),
        ({"classifier": Wrong()}, "`classifier` must predict finite probabilities"),
        ({"n_folds": 1}, "`n_folds` must be at least 2"),
        ({"n_folds": 900}, "`x` must hold at least 1800 rows"),
        ({"level": 0.1}, "`level` must lie in"),
    ],
)
def test_what_does_not_fit_is_told(options, words):
    with pytest.raises(InvalidInputError, match=words):
        classifier_bound(*samples(1.0), **options)
