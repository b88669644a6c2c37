"""Distances between mixtures of Gaussians: transport of components, and a bracket of W2.

Components as atoms. A plan between components, each pair moved by the plan of the two Gaussians, is
a plan of the mixtures: with costs W2²(N_k, N_l), which are closed forms, transport between the
weights gives the least over all plans that are mixtures of Gaussians themselves, MW2² >= W2².

From below. Let e_i be an orthonormal basis. A plan of the mixtures has marginals along e_i, so

    W2² >= sum_i W2²(law of e_i.X, law of e_i.Y),

and distances on the line are integrals of quantiles. And W2 is at least that of the Gaussians of
the same means and covariances (Gelbrich 1990).

Delon & Desolneux (2020), A Wasserstein-type distance in the space of Gaussian mixture models,
arXiv:1907.05254.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..._calling import explains_calls
from ..._frozen import restore
from ..._laws import MixtureLaw
from ..._typing import FloatArray
from ..._validation import as_generator, as_points, check_positive_integer, describe
from ...errors import InvalidInputError, UnsupportedProblemError
from ...measures import Gaussian
from ...mixtures import GaussianMixture, log_densities
from ...plans import Plan
from ...results import Bounds, Valued
from .distance import law_distance
from .gaussians import gaussian_wasserstein2
from .maps import monge_map

__all__ = [
    "GaussianMixtureResult",
    "gaussian_mixture_distance",
    "gaussian_mixture_distance_result",
]

_EPS = float(np.finfo(np.float64).eps)
# Levels between which quantiles of marginals are averaged: even in the middle, doubling towards the
# ends, where squares of quantiles are large. What is lost falls like their number squared.
_TAILS = 2.0 ** -np.arange(40.0, 9.0, -0.5)
_LEVELS = np.concatenate([_TAILS, np.arange(1, 512) / 512.0, 1.0 - _TAILS[::-1]])
_WIDTHS = np.diff(_LEVELS, prepend=0.0, append=1.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class GaussianMixtureResult(Valued):
    """The distance of two mixtures by their components, and a bracket of their W2.

    Attributes
    ----------
    value : float
        MW2, the least root mean square distance over plans that are mixtures of Gaussians.
    bounds : Bounds
        Proven enclosure of MW2.
    wasserstein2 : Bounds
        Enclosure of W2 between the mixtures: `value` from above, marginals and moments from below.
    kind : str
        How the lower end of `wasserstein2` was made: "certified", or "quadrature" where marginals
        were integrated numerically.
    plan : SparsePlan
        Masses moved between components.
    x, y : GaussianMixture
    """

    value: float
    bounds: Bounds
    wasserstein2: Bounds
    kind: str
    plan: Plan = field(repr=False)
    x: GaussianMixture
    y: GaussianMixture

    __setstate__ = restore

    def barycentric_map(self, points: Any) -> FloatArray:
        """Where points (n, d) of the mixture x go on average: (n, d).

        Each plan of a pair of components is a map of the one Gaussian onto the other; a point
        takes the mean of these, by how likely it is of each component.

        Raises
        ------
        UnsupportedProblemError
            If a component of x that holds mass is singular, so that there is no such map.
        """
        z = as_points("points", points)
        if z.shape[1] != self.x.d:
            raise InvalidInputError("points", f"have {self.x.d} columns", z.shape[1])
        logs = log_densities(self.x, z)
        with np.errstate(invalid="ignore"):
            shares = np.exp(logs - logs.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        out = np.zeros_like(z)
        entries = self.plan.tocoo()
        for k, other, mass in zip(entries.row, entries.col, entries.data, strict=True):
            if mass > 0.0:
                moved = monge_map(self.x.components[k], self.y.components[other])
                out += (shares[:, k] * (mass / self.x.weights[k]))[:, None] * moved(z)
        return out

    def __repr__(self) -> str:
        return (
            f"GaussianMixtureResult(value={self.value:.9g}, "
            f"wasserstein2=[{self.wasserstein2.lower:.9g}, {self.wasserstein2.upper:.9g}])"
        )


@explains_calls()
def gaussian_mixture_distance(x: Any, y: Any) -> float:
    """Distance of two mixtures of Gaussians by the transport of their components.

        MW2(x, y)² = min over plans P of the weights of sum_kl P_kl W2²(N_k, N_l)

    It is a metric of mixtures, at least W2 and at most W2 with twice the root of the mean variance
    of the components added; for mixtures of few components it takes microseconds.

    Parameters
    ----------
    x, y : GaussianMixture or Gaussian
        Of one dimension d.

    Returns
    -------
    float
        In the unit of the coordinates. `gaussian_mixture_distance_result` has bounds, of W2 too.

    Raises
    ------
    InvalidInputError
        For other things, or other dimensions.

    References
    ----------
    Delon & Desolneux (2020), A Wasserstein-type distance in the space of Gaussian mixture models,
    arXiv:1907.05254.

    Examples
    --------
    >>> from otdiv import GaussianMixture, gaussian_mixture_distance
    >>> x = GaussianMixture([[0.0, 0.0], [4.0, 0.0]], covariances=[[[1, 0], [0, 1]]] * 2)
    >>> y = GaussianMixture([[4.0, 3.0], [0.0, 3.0]], covariances=[[[1, 0], [0, 1]]] * 2)
    >>> gaussian_mixture_distance(x, y)
    3.0
    """
    first, second = _as_mixture("x", x), _as_mixture("y", y)
    return _by_components(first, second)[0]


@explains_calls()
def gaussian_mixture_distance_result(
    x: Any, y: Any, *, n_bases: int = 4, rng: Any = 0
) -> GaussianMixtureResult:
    """`gaussian_mixture_distance` with its bounds, its plan, and a bracket of W2.

    Parameters
    ----------
    x, y : GaussianMixture or Gaussian
        Of one dimension d.
    n_bases : int, default 4
        Orthonormal bases along which marginals are compared, for the lower end: the first two are
        made of the difference of the means and the covariances, the others are drawn by `rng`.
    rng : int or Generator, default 0
        Source of chance.

    Returns
    -------
    GaussianMixtureResult

    Raises
    ------
    InvalidInputError
        As `gaussian_mixture_distance`.

    Examples
    --------
    >>> from otdiv import GaussianMixture, gaussian_mixture_distance_result
    >>> x = GaussianMixture([-1.0, 1.0], covariances=[0.1, 0.1])
    >>> result = gaussian_mixture_distance_result(x, GaussianMixture([0.0], covariances=[1.1]))
    >>> bracket = result.wasserstein2
    >>> round(bracket.lower, 3), round(bracket.upper, 3)
    (0.376, 0.376)
    """
    first, second = _as_mixture("x", x), _as_mixture("y", y)
    n_bases = check_positive_integer("n_bases", n_bases)
    value, bounds, plan = _by_components(first, second)
    lower, kind = (0.0, "certified")
    if bounds.upper > 0.0:
        lower, kind = _from_below(first, second, n_bases, as_generator(rng))
    bracket = Bounds(min(lower, bounds.upper), bounds.upper)
    if first.n_components == second.n_components == 1:
        bracket = bounds
    elif first.d == 1 and bounds.upper > 0.0:
        bracket, kind = _on_the_line(first, second, bracket, kind)
    return GaussianMixtureResult(
        value=value, bounds=bounds, wasserstein2=bracket, kind=kind, plan=plan, x=first, y=second
    )


def _on_the_line(
    x: GaussianMixture, y: GaussianMixture, known: Bounds, kind: str
) -> tuple[Bounds, str]:
    """On the line W2 is an integral of quantiles."""
    try:
        found = law_distance(x, y, 2.0)
    except UnsupportedProblemError:
        return known, kind
    low, high = max(known.lower, found.lower), min(known.upper, found.upper)
    return (Bounds(low, high), found.kind) if low <= high else (known, kind)


def _as_mixture(name: str, value: Any) -> GaussianMixture:
    if isinstance(value, GaussianMixture):
        return value
    if isinstance(value, Gaussian):
        return GaussianMixture(value.mean[None], covariances=value.covariance[None])
    hint = "(a fitted one of scikit-learn: `GaussianMixture.from_sklearn(model)`)"
    raise InvalidInputError(name, "be a GaussianMixture or a Gaussian", describe(value), hint)


def _by_components(x: GaussianMixture, y: GaussianMixture) -> tuple[float, Bounds, Plan]:
    """MW2, its bounds and its plan: two transports, of the lower ends and of the upper ends."""
    from ...solving import transport_matrix

    if x.d != y.d:
        raise InvalidInputError("y", f"have dimension {x.d} like `x`", y.d)
    squares = np.empty((3, x.n_components, y.n_components))
    for k, one in enumerate(x.components):
        for other, law in enumerate(y.components):
            squares[:, k, other] = gaussian_wasserstein2(one, law)
    # The ends of roots are squared, and rounded once.
    squares *= squares
    a, b = x.weights, y.weights
    found = transport_matrix(squares[0], x_weights=a, y_weights=b)
    below = transport_matrix(squares[1] * (1.0 - _EPS), x_weights=a, y_weights=b)
    above = transport_matrix(squares[2] * (1.0 + _EPS), x_weights=a, y_weights=b)
    lower, upper = below.bounds.lower, above.bounds.upper
    low = math.sqrt(max(0.0, lower)) * (1.0 - _EPS)
    high = math.sqrt(max(0.0, upper)) * (1.0 + _EPS)
    assert found.plan is not None
    value = math.sqrt(max(0.0, found.value))
    return min(max(value, low), high), Bounds(low, high), found.plan


def _from_below(
    x: GaussianMixture, y: GaussianMixture, n_bases: int, rng: np.random.Generator
) -> tuple[float, str]:
    """The best of the lower bounds of W2, and how it was made."""
    normal = [Gaussian(law.mean, covariance=law.covariance) for law in (x, y)]
    moments = gaussian_wasserstein2(normal[0], normal[1])[1]
    # Moments are sums of k products each.
    rounding = 8.0 * _EPS * (x.n_components + y.n_components + x.d)
    size = math.sqrt(max(float(np.trace(law.covariance)) for law in normal)) + float(
        max(np.abs(law.mean).max() for law in normal)
    )
    best, kind = max(0.0, moments - rounding * size), "certified"
    for basis in _bases(normal[0], normal[1], n_bases, rng):
        found = _along(x, y, basis)
        if found is not None and found > best:
            best, kind = found, "quadrature"
    return best, kind


def _bases(x: Gaussian, y: Gaussian, n_bases: int, rng: np.random.Generator) -> list[FloatArray]:
    """Orthonormal bases (d, d), columns e_i."""
    d = x.d
    if d == 1:
        return [np.ones((1, 1))]
    apart = np.outer(x.mean - y.mean, x.mean - y.mean)
    pooled = x.covariance + y.covariance
    size = max(float(np.abs(pooled).max()), 1e-300)
    found = [
        np.linalg.eigh(apart / max(float(apart.max(initial=0.0)), 1e-300) + 1e-3 * pooled / size)[
            1
        ],
        np.linalg.eigh(x.covariance - y.covariance)[1],
    ]
    while len(found) < n_bases:
        found.append(np.linalg.qr(rng.normal(size=(d, d)))[0])
    return found[:n_bases]


def _along(x: GaussianMixture, y: GaussianMixture, basis: FloatArray) -> float | None:
    """Root of the sum of squared distances of marginals; None where a marginal has atoms.

    Between two levels the mean square of a difference of quantiles is at least the square of the
    mean difference (Jensen), and means of a mixture over an interval are closed forms.
    """
    squares = []
    for direction in basis.T:
        laws = x.marginal(direction), y.marginal(direction)
        if not all(law.covariances.all() for law in laws):
            return None
        means = []
        for law in map(MixtureLaw, laws):
            ends = np.concatenate([[-np.inf], law.ppf(_LEVELS), [np.inf]])
            means.append(law.partial_means(ends) / _WIDTHS)
        squares.append(float(_WIDTHS @ np.square(means[0] - means[1])))
    # Columns are orthonormal, and marginals projected, to some roundings a coordinate; the levels
    # of quantiles are met to some roundings.
    largest = max(float(np.abs(law.means).max()) for law in (x, y))
    spread = max(math.sqrt(float(np.trace(law.covariance))) for law in (x, y))
    slack = 64.0 * _EPS * _LEVELS.size * len(squares) * (largest + spread)
    return max(0.0, math.sqrt(math.fsum(squares)) - slack)
