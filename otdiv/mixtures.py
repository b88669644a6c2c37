"""Mixtures of Gaussians: laws with weights, means and covariances of their components."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ._calling import explains_construction
from ._frozen import freeze, restore
from ._typing import ArrayLike, FloatArray
from ._validation import as_float_array, as_generator, as_weights, check_positive_integer
from .errors import InvalidInputError
from .measures import Gaussian

__all__ = ["GaussianMixture", "log_densities"]


@explains_construction
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class GaussianMixture:
    """Mixture sum_k w_k N(means[k], covariances[k]) in d dimensions.

    Parameters
    ----------
    means : array_like, shape (k, d), or (k,) on the line
        Centres of the components.
    covariances : array_like, shape (k, d, d), or (k,) on the line
        Symmetric positive semi-definite matrices; on the line variances.
    weights : array_like, shape (k,), optional
        Relative frequencies of the components, normalised to 1; uniform by default.

    Raises
    ------
    InvalidInputError
        If shapes disagree, or a covariance is not symmetric positive semi-definite: the error names
        the component.

    Examples
    --------
    >>> from otdiv import GaussianMixture
    >>> law = GaussianMixture([-1.0, 1.0], covariances=[0.25, 0.25])
    >>> law.mean, law.covariance
    (array([0.]), array([[1.25]]))
    """

    means: FloatArray
    _: KW_ONLY
    covariances: FloatArray
    weights: FloatArray = None  # type: ignore[assignment]
    components: tuple[Gaussian, ...] = field(init=False)
    """The components as laws."""

    if TYPE_CHECKING:

        def __init__(
            self, means: ArrayLike, *, covariances: ArrayLike, weights: ArrayLike | None = None
        ) -> None: ...

    __setstate__ = restore

    def __post_init__(self) -> None:
        means = as_float_array("means", self.means)
        if means.ndim == 1:
            means = means[:, None]
        if means.ndim != 2 or 0 in means.shape:
            found = f"shape {means.shape}"
            raise InvalidInputError("means", "have shape (k, d), one row a component", found)
        k, d = means.shape
        covariances = as_float_array("covariances", self.covariances)
        if d == 1 and covariances.shape == (k,):
            covariances = covariances[:, None, None]
        if covariances.shape != (k, d, d):
            found = f"shape {covariances.shape}"
            raise InvalidInputError("covariances", f"have shape ({k}, {d}, {d})", found)
        weights = as_weights("weights", self.weights, k, normalize=True)
        components = []
        for index in range(k):
            try:
                one = Gaussian(means[index], covariance=covariances[index])
            except InvalidInputError as error:
                name = f"covariances[{index}]"
                raise InvalidInputError(name, error.requirement, error.value, error.where) from None
            components.append(one)
        covariances = np.stack([one.covariance for one in components])
        freeze(self, means=means + 0.0, covariances=covariances, weights=weights)
        object.__setattr__(self, "components", tuple(components))

    @classmethod
    def from_sklearn(cls, model: Any) -> GaussianMixture:
        """Read a fitted `sklearn.mixture.GaussianMixture`, or what has its attributes.

        Parameters
        ----------
        model : object
            With `weights_`, `means_`, `covariances_` and `covariance_type` "full", "tied", "diag"
            or "spherical".

        Raises
        ------
        InvalidInputError
            If it is not fitted, or of another covariance type.
        """
        missing = [
            name for name in ("weights_", "means_", "covariances_") if not hasattr(model, name)
        ]
        if missing:
            hint = "(call its `fit` first)"
            requirement = "be a fitted mixture of scikit-learn"
            found = f"{type(model).__name__} without {missing[0]}"
            raise InvalidInputError("model", requirement, found, hint)
        means = np.asarray(model.means_, dtype=np.float64)
        given = np.asarray(model.covariances_, dtype=np.float64)
        k, d = means.shape
        kind = getattr(model, "covariance_type", "full")
        if kind == "full":
            covariances = given
        elif kind == "tied":
            covariances = np.broadcast_to(given, (k, d, d))
        elif kind == "diag":
            covariances = given[:, :, None] * np.eye(d)
        elif kind == "spherical":
            covariances = given[:, None, None] * np.eye(d)
        else:
            requirement = "have covariance_type full, tied, diag or spherical"
            raise InvalidInputError("model", requirement, repr(kind))
        return cls(means, covariances=np.array(covariances), weights=model.weights_)

    @property
    def n_components(self) -> int:
        """Number of components k."""
        return len(self.components)

    @property
    def d(self) -> int:
        """Dimension of the space."""
        return int(self.means.shape[1])

    @property
    def mean(self) -> FloatArray:
        """Mean (d,) of the mixture."""
        return np.asarray(self.weights @ self.means)

    @property
    def covariance(self) -> FloatArray:
        """Covariance (d, d) of the mixture: that within components and that between their means."""
        apart = self.means - self.mean
        between = (self.weights[:, None] * apart).T @ apart
        within = np.tensordot(self.weights, self.covariances, axes=1)
        return np.asarray(within + 0.5 * (between + between.T))

    def marginal(self, direction: Any) -> GaussianMixture:
        """The law (1-D) of the inner product of a point with a direction (d,)."""
        u = as_float_array("direction", direction)
        if u.shape != (self.d,):
            raise InvalidInputError("direction", f"have shape ({self.d},)", f"shape {u.shape}")
        variances = np.einsum("i,kij,j->k", u, self.covariances, u)
        return GaussianMixture(
            self.means @ u, covariances=np.maximum(variances, 0.0), weights=self.weights
        )

    def sample(self, n: int, *, rng: Any = None) -> FloatArray:
        """Draw n points (n, d).

        Parameters
        ----------
        n : int
            Number of points.
        rng : int or Generator, optional
            Source of chance.
        """
        n, generator = check_positive_integer("n", n), as_generator(rng)
        of = generator.choice(self.n_components, n, p=self.weights / self.weights.sum())
        points = np.empty((n, self.d))
        for k, one in enumerate(self.components):
            mine = np.flatnonzero(of == k)
            values, vectors = np.linalg.eigh(one.covariance)
            root = vectors * np.sqrt(np.maximum(values, 0.0))
            points[mine] = one.mean + generator.normal(size=(mine.size, self.d)) @ root.T
        return points

    def __repr__(self) -> str:
        return f"GaussianMixture(n_components={self.n_components}, d={self.d})"


def log_densities(law: GaussianMixture, points: FloatArray) -> FloatArray:
    """Logarithms (n, k) of the weighted densities of the components at points (n, d).

    -inf everywhere for a component whose covariance is singular.
    """
    out = np.full((len(points), law.n_components), -math.inf)
    for k, one in enumerate(law.components):
        if law.weights[k] == 0.0 or len(one.independent) < one.d:
            continue
        factor = np.linalg.cholesky(one.covariance)
        z = np.linalg.solve(factor, (points - one.mean).T)
        size = float(np.log(np.diag(factor)).sum()) + 0.5 * law.d * math.log(2.0 * math.pi)
        out[:, k] = math.log(law.weights[k]) - size - 0.5 * (z * z).sum(axis=0)
    return out
