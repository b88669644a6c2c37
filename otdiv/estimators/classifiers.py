"""Lower bounds of divergences from classifiers that tell the two samples apart on rows not seen.

Any function h with values in (0, 1) bounds the Jensen-Shannon divergence from below,

    JS(P, Q) >= log 2 + (E_P log h + E_Q log(1 - h)) / 2,

with equality for the share of P in the density (Goodfellow et al. 2014, theorem 1), and any set A
bounds the total variation, TV >= P(A) - Q(A). A classifier that was trained on other rows is such a
function, however bad it is; the mean over the held-out rows then has a normal error. It is a bound,
not an estimate: how far below the divergence it lies depends on the classifier.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any, Protocol

import numpy as np

from .._calling import explains_calls
from .._optional import import_optional
from .._typing import FloatArray, RngLike
from .._validation import (
    as_generator,
    as_number,
    as_points_together,
    check_choice,
    check_positive_integer,
    describe,
)
from ..errors import InvalidInputError
from .estimate import Estimate

__all__ = ["classifier_bound"]

_DIVERGENCES = ("jensen_shannon", "total_variation")
# Newton steps of the logistic regression; it takes some ten.
_MOST_STEPS = 50
# Penalty on the squares of its coefficients, in rows: it keeps separable rows finite. By taste.
_PENALTY = 1.0
# Columns up to which products of columns are features too; by taste.
_FEW_COLUMNS = 20


class Classifier(Protocol):
    """What scikit-learn's classifiers have."""

    def fit(self, X: Any, y: Any) -> Any:
        """Learn from rows X (n, d) and labels y (n,)."""

    def predict_proba(self, X: Any) -> Any:
        """Probabilities (n, 2) of the labels 0 and 1."""


@explains_calls()
def classifier_bound(
    x: Any,
    y: Any,
    *,
    divergence: str = "jensen_shannon",
    classifier: Any = "logistic",
    n_folds: int = 5,
    level: float = 0.95,
    rng: RngLike = None,
) -> Estimate:
    """Lower bound of JS or TV between two laws, by a classifier with cross-fitting.

    The rows are dealt into folds; those of each are judged by a classifier that was trained on the
    others. Both samples weigh the same, whatever their sizes.

    Parameters
    ----------
    x, y : array_like, shapes (n,) or (n, d) and (m,) or (m, d)
        Independent samples.
    divergence : {"jensen_shannon", "total_variation"}
        In nats, or without unit.
    classifier : str or object, default "logistic"
        "logistic": logistic regression on the columns, their squares and products;
        "nearest_neighbours": shares among the sqrt(n) nearest rows; "gradient_boosting":
        scikit-learn's, which must be installed; or any object with `fit` and `predict_proba`, which
        is copied for each fold.
    n_folds : int, default 5
        Folds.
    level : float, default 0.95
        Probability with which `low` is below the divergence, one-sided.
    rng : numpy.random.Generator or int, optional
        Deals the rows.

    Returns
    -------
    Estimate
        `value` is the mean over the held-out rows, `low` the bound; `high` is inf.

    Raises
    ------
    InvalidInputError
        For bad samples, and for fewer than two rows of a sample a fold.
    MissingDependencyError
        For "gradient_boosting" without scikit-learn.

    References
    ----------
    Goodfellow et al. (2014), arXiv:1406.2661. Lopez-Paz, Oquab (2017), Revisiting classifier
    two-sample tests, arXiv:1610.06545. Michel, Naef, Meinshausen (2020), High-probability bounds
    for total variation, arXiv:2005.06006.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv.estimators import classifier_bound
    >>> rng = np.random.default_rng(0)
    >>> found = classifier_bound(rng.normal(size=1000), rng.normal(2.0, size=1000), rng=0)
    >>> 0.28 < found.low < found.value < 0.37  # the divergence is 0.3368
    True
    """
    name = check_choice("divergence", divergence, _DIVERGENCES)
    level = as_number("level", level)
    if not 0.5 <= level < 1.0:
        raise InvalidInputError("level", "lie in [0.5, 1)", level)
    n_folds = check_positive_integer("n_folds", n_folds, 2)
    (left, right), _ = as_points_together(x=x, y=y)
    if left.shape[1] != right.shape[1]:
        raise InvalidInputError("y", f"have {left.shape[1]} columns like `x`", right.shape[1])
    for side, rows in (("x", left), ("y", right)):
        if len(rows) < 2 * n_folds:
            requirement = f"hold at least {2 * n_folds} rows for n_folds={n_folds}"
            raise InvalidInputError(side, requirement, len(rows))
    of_x, of_y = _held_out(left, right, classifier, n_folds, as_generator(rng))
    gains: tuple[FloatArray, FloatArray]
    if name == "jensen_shannon":
        gains = math.log(2.0) + np.log(of_x), math.log(2.0) + np.log1p(-of_y)
    else:
        # P(A) - Q(A) for A = {h > 1/2}, whose edge counts half.
        gains = np.sign(of_x - 0.5), np.sign(0.5 - of_y)
    value = 0.5 * float(gains[0].mean() + gains[1].mean())
    error = 0.5 * math.sqrt(sum(_variance(gain) / gain.size for gain in gains))
    low = value - NormalDist().inv_cdf(level) * error
    return Estimate(
        value=value,
        standard_error=error,
        low=max(0.0, low),
        high=math.inf,
        level=level,
        divergence=name,
        method=f"{classifier if isinstance(classifier, str) else type(classifier).__name__}, "
        f"{n_folds} folds",
        notes=("a lower bound: a better classifier may raise it",),
    )


def _variance(gain: FloatArray) -> float:
    """Sample variance, with two rows more of opposite kind: a perfect score is not certain."""
    spread = float(np.var(gain, ddof=1))
    return max(spread, 2.0 / gain.size)


def _held_out(
    x: FloatArray, y: FloatArray, classifier: Any, n_folds: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Probability of x for every row, by a classifier that did not see it."""
    folds_x = rng.permutation(len(x)) % n_folds
    folds_y = rng.permutation(len(y)) % n_folds
    of_x, of_y = np.empty(len(x)), np.empty(len(y))
    for fold in range(n_folds):
        kept_x, kept_y = x[folds_x != fold], y[folds_y != fold]
        model = _as_classifier(classifier)
        labels = np.concatenate([np.ones(len(kept_x), np.int64), np.zeros(len(kept_y), np.int64)])
        model.fit(np.concatenate([kept_x, kept_y]), labels)
        # As if both samples had the same size: the odds are divided by those of the labels.
        prior = len(kept_x) / len(kept_y)
        room = 1.0 / (2.0 + len(labels))
        for rows, folds, out in ((x, folds_x, of_x), (y, folds_y, of_y)):
            judged = rows[folds == fold]
            share = np.asarray(model.predict_proba(judged), dtype=np.float64)
            if share.shape != (len(judged), 2) or not np.isfinite(share).all():
                requirement = "predict finite probabilities (n, 2)"
                raise InvalidInputError("classifier", requirement, f"shape {share.shape}")
            # No classifier is surer than its rows allow: else one row would bring -inf.
            sure = np.clip(share[:, 1], room, 1.0 - room)
            out[folds == fold] = sure / (sure + prior * (1.0 - sure))
    return of_x, of_y


def _as_classifier(classifier: Any) -> Classifier:
    if isinstance(classifier, str):
        check_choice("classifier", classifier, (*_OWN, "gradient_boosting"))
        if classifier in _OWN:
            return _OWN[classifier]()
        ensemble = import_optional(
            "sklearn.ensemble", extra="estimators", purpose="classifier='gradient_boosting'"
        )
        # Not the one of histograms: its threads spin where processors are shared.
        model: Classifier = ensemble.GradientBoostingClassifier(
            max_depth=3, n_iter_no_change=5, random_state=0
        )
        return model
    if not (hasattr(classifier, "fit") and hasattr(classifier, "predict_proba")):
        requirement = "be a name or have `fit` and `predict_proba`"
        raise InvalidInputError("classifier", requirement, describe(classifier))
    if hasattr(classifier, "get_params"):
        base = import_optional("sklearn.base", extra="estimators", purpose="copying a classifier")
        fresh: Classifier = base.clone(classifier)
        return fresh
    import copy  # an object of the caller's own

    copied: Classifier = copy.deepcopy(classifier)
    return copied


class _Standardised:
    """Columns of mean 0 and variance 1 on the rows learned from."""

    def _learn_scale(self, X: FloatArray) -> FloatArray:
        # Halves, so that no difference overflows.
        self._centre = 0.5 * X.mean(axis=0)
        half = 0.5 * X - self._centre
        scale = np.abs(half).max(axis=0)
        scale[scale == 0.0] = 1.0
        spread = np.std(half / scale, axis=0)
        self._scale = scale * np.where(spread > 0.0, spread, 1.0)
        return self._scaled(X)

    def _scaled(self, X: FloatArray) -> FloatArray:
        return np.asarray((0.5 * X - self._centre) / self._scale)


class _Logistic(_Standardised):
    """Logistic regression on columns, squares and products by Newton's method with a penalty."""

    def fit(self, X: FloatArray, y: FloatArray) -> None:
        features = self._features(self._learn_scale(X))
        beta = np.zeros(features.shape[1])
        penalty = np.full(beta.size, _PENALTY)
        penalty[0] = 1e-9
        loss = math.inf
        for _ in range(_MOST_STEPS):
            score = features @ beta
            new = float(np.logaddexp(0.0, score).sum() - y @ score + 0.5 * penalty @ beta**2)
            if not new < loss - 1e-9 * abs(new):
                break
            loss = new
            share = _expit(score)
            gradient = features.T @ (share - y) + penalty * beta
            curvature = features.T @ (features * (share * (1.0 - share))[:, None])
            step = np.linalg.solve(curvature + np.diag(penalty), gradient)
            # Halved until the loss falls: it is convex.
            size = 1.0
            while size > 1e-6:
                trial = features @ (beta - size * step)
                penalised = 0.5 * penalty @ (beta - size * step) ** 2
                if float(np.logaddexp(0.0, trial).sum() - y @ trial + penalised) <= loss:
                    break
                size *= 0.5
            beta = beta - size * step
        self._beta = beta

    def predict_proba(self, X: FloatArray) -> FloatArray:
        share = _expit(self._features(self._scaled(X)) @ self._beta)
        return np.column_stack([1.0 - share, share])

    def _features(self, z: FloatArray) -> FloatArray:
        z = np.clip(z, -1e3, 1e3)
        parts = [np.ones((len(z), 1)), z]
        if z.shape[1] <= _FEW_COLUMNS:
            rows, columns = np.triu_indices(z.shape[1])
            parts.append(z[:, rows] * z[:, columns])
        return np.concatenate(parts, axis=1)


class _Neighbours(_Standardised):
    """Shares among the nearest rows, with one row more of either label."""

    def fit(self, X: FloatArray, y: FloatArray) -> None:
        from scipy.spatial import cKDTree  # loaded where it is needed

        self._tree = cKDTree(self._learn_scale(X))
        self._labels = y
        self._count = max(1, math.isqrt(len(X)))

    def predict_proba(self, X: FloatArray) -> FloatArray:
        _, near = self._tree.query(self._scaled(X), k=np.arange(1, self._count + 1))
        share = (self._labels[near].sum(axis=1) + 1.0) / (self._count + 2.0)
        return np.column_stack([1.0 - share, share])


_OWN: dict[str, Callable[[], Classifier]] = {
    "logistic": _Logistic,
    "nearest_neighbours": _Neighbours,
}


def _expit(score: FloatArray) -> FloatArray:
    return np.asarray(np.exp(-np.logaddexp(0.0, -score)))
