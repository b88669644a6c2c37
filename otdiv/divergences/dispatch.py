"""Which room of the package answers for a pair of laws."""

from __future__ import annotations

import math
import sys
from fractions import Fraction
from typing import Any

import numpy as np

from .._laws import as_law, is_law
from .._typing import FloatOrArray
from .._validation import as_axis, as_number
from ..errors import InvalidInputError, UnsupportedProblemError
from ..measures import DiscreteMeasure, Gaussian
from . import atoms, continuous, gaussians, integers
from .recipes import Recipe
from .vectors import VectorPair, as_vector_pair, row_ratios

__all__ = [
    "as_float_or_array",
    "as_frozen",
    "check_axis",
    "check_base",
    "closed_form",
    "counted",
    "evaluate",
    "in_base",
    "kind_of",
    "vector_pair",
]

_NAMES = {
    "vector": "vector of masses",
    "measure": "DiscreteMeasure",
    "gaussian": "Gaussian",
    "continuous": "continuous law",
    "discrete": "discrete law",
}


def _frozen_kind(law: Any) -> str | None:
    """Return "continuous" or "discrete" for a frozen 1-D law of scipy.stats, None for others."""
    if not all(hasattr(law, name) for name in ("ppf", "isf", "support", "cdf", "sf")):
        return None
    if hasattr(law, "logpmf") and hasattr(law, "dist"):
        return "discrete"
    # A histogram law is complete without freezing; other unfrozen families lack parameters.
    if hasattr(law, "logpdf") and (hasattr(law, "dist") or hasattr(law, "_histogram")):
        return "continuous"
    return None


def kind_of(name: str, law: Any) -> str:
    """Name the kind of a law: measure, gaussian, continuous, discrete or vector."""
    if isinstance(law, (np.ndarray, list, tuple)):
        return "vector"
    if isinstance(law, DiscreteMeasure):
        return "measure"
    law = as_law(name, law)
    if isinstance(law, Gaussian):
        return "gaussian"
    kind = _frozen_kind(law)
    if kind is not None:
        return kind
    if is_law(law):
        raise UnsupportedProblemError(
            f"`{name}` is a family of laws without its parameters ({type(law).__name__}); pass one "
            "law, frozen as in `scipy.stats.norm(loc=0, scale=1)`"
        )
    return "vector"


def as_frozen(law: Any) -> Any:
    """Return a frozen law: itself, or the normal law of a 1-D Gaussian of positive variance."""
    if not isinstance(law, Gaussian):
        return law
    from scipy.stats import norm

    return norm(loc=float(law.mean[0]), scale=law.standard_deviation)


def _as_normal(law: Any) -> gaussians.Normal | None:
    """Return the normal law that a law is, exact on the line; None for other laws."""
    if isinstance(law, Gaussian):
        if law.d > 1:
            return law
        return gaussians.NormalOnLine(
            Fraction(float(law.mean[0])), Fraction(float(law.covariance[0, 0]))
        )
    if getattr(getattr(law, "dist", None), "name", None) != "norm":
        return None
    # Its methods `mean` and `std` round, and overflow where the variance does.
    _, loc, scale = law.dist._parse_args(*law.args, **law.kwds)
    if np.ndim(loc) != 0 or np.ndim(scale) != 0:
        return None
    if not (math.isfinite(loc) and 0.0 < scale < math.inf):
        return None
    return gaussians.NormalOnLine(Fraction(float(loc)), Fraction(float(scale)) ** 2)


def closed_form(recipe: Recipe, p: Any, q: Any) -> float | None:
    """Divergence of two normal laws in nats where the recipe has its formula, None elsewhere."""
    if recipe.gaussian is None:
        return None
    if not {kind_of("p", p), kind_of("q", q)} <= {"gaussian", "continuous"}:
        return None
    first, second = _as_normal(p), _as_normal(q)
    if first is None or second is None:
        return None
    return recipe.gaussian(first, second)


def counted(p: Any, q: Any) -> tuple[Any, Any]:
    """Counts of two columns of categories, read in one pass; whatever else comes back as it is."""
    columns = sys.modules.get("otdiv.sources.columns")
    if columns is None:  # then nobody can have made one
        return p, q
    streamed = [isinstance(law, columns.Column) for law in (p, q)]
    if not any(streamed):
        return p, q
    if not all(streamed):
        name = "q" if streamed[0] else "p"
        raise InvalidInputError(
            name, "be a Column as the other one is", type(q if streamed[0] else p).__name__
        )
    from ..streaming.categories import category_counts

    return category_counts(p, q)[:2]


def vector_pair(p: Any, q: Any, axis: int) -> VectorPair:
    """Masses of two vectors or of two discrete measures on their joint support."""
    if isinstance(p, DiscreteMeasure):
        _, first, second = atoms.joint_support(p, q)
        return atoms.joint_masses(first, second)
    return as_vector_pair(p, q, axis)


def as_float_or_array(value: Any) -> FloatOrArray:
    """Return a Python float for a single pair, the array otherwise."""
    return float(value) if np.ndim(value) == 0 else value


def check_base(base: Any) -> float:
    """Return log(base), or 1 for None (nats)."""
    if base is None:
        return 1.0
    number = as_number("base", base, "be a number above 1 or None")
    if not (1.0 < number < math.inf):
        raise InvalidInputError("base", "be a number above 1 or None", number)
    return math.log(number)


def check_axis(p: Any, q: Any, axis: Any) -> int:
    """Return the axis as an int; only arrays have another one than the default."""
    number = as_axis(axis)
    if number != -1 and (kind_of("p", p), kind_of("q", q)) != ("vector", "vector"):
        raise InvalidInputError("axis", "stay at -1 where p and q are laws", number)
    return number


def in_base(recipe: Recipe, p: Any, q: Any, base: Any, axis: int) -> FloatOrArray:
    """Return the divergence in the unit of `base`, which is checked before any work."""
    unit = check_base(base)
    value = evaluate(recipe, p, q, axis=axis)
    return value if base is None else value / unit


def evaluate(recipe: Recipe, p: Any, q: Any, *, axis: int = -1) -> FloatOrArray:
    """Return the divergence in nats: a float for one pair of laws, an array for rows."""
    p, q = counted(p, q)
    p, q = as_law("p", p), as_law("q", q)
    axis = check_axis(p, q, axis)
    kinds = kind_of("p", p), kind_of("q", q)
    known = closed_form(recipe, p, q)
    if known is not None:
        return known
    if kinds in (("vector", "vector"), ("measure", "measure")):
        ratios = row_ratios(recipe.terms, vector_pair(p, q, axis))
    else:
        ratios = np.asarray(_ratio_of_laws(recipe, p, q, kinds))
    with np.errstate(divide="ignore", over="ignore"):  # infinity is an answer
        return as_float_or_array(recipe.finish(ratios))


def _ratio_of_laws(recipe: Recipe, p: Any, q: Any, kinds: tuple[str, str]) -> float:
    if kinds == ("discrete", "discrete"):
        return integers.ratio_of_masses(recipe, p, q)
    if set(kinds) <= {"gaussian", "continuous"}:
        return _ratio_with_densities(recipe, p, q, kinds)
    atomic = sum(kind in ("measure", "discrete") for kind in kinds)
    spread = sum(_has_density(law, kind) for law, kind in zip((p, q), kinds, strict=True))
    if atomic == 1 and spread == 1:
        return ratio_of_singular(recipe)
    raise UnsupportedProblemError(
        f"{recipe.name} cannot compare a {_NAMES[kinds[0]]} (`p`) with a {_NAMES[kinds[1]]} "
        "(`q`); pass two vectors, two DiscreteMeasures or two laws with densities"
    )


def _has_density(law: Any, kind: str) -> bool:
    if kind == "gaussian":
        return not gaussians.degenerate(law)
    return kind == "continuous"


def _ratio_with_densities(recipe: Recipe, p: Any, q: Any, kinds: tuple[str, str]) -> float:
    if kinds == ("gaussian", "gaussian"):
        if gaussians.mutually_singular(p, q):
            return ratio_of_singular(recipe)
        if p.d != 1:
            raise UnsupportedProblemError(
                f"{recipe.name} of Gaussians has no closed form in {p.d} dimensions; "
                "kl_divergence, jeffreys_divergence, renyi_divergence, hellinger_distance and "
                "chi2_divergence have; or pass samples of both to a distance"
            )
        if p.standard_deviation == 0.0:
            return 0.0  # not singular, so the same single atom
    for name, law, kind in zip(("p", "q"), (p, q), kinds, strict=True):
        if kind == "gaussian" and law.d != 1:
            raise InvalidInputError(name, "be one-dimensional, as the other law is", f"d={law.d}")
        if kind == "gaussian" and law.standard_deviation == 0.0:
            return ratio_of_singular(recipe)
    return continuous.ratio_of_densities(recipe, as_frozen(p), as_frozen(q))


def ratio_of_singular(recipe: Recipe) -> float:
    """Ratio for two laws that no set carries both of: that of (1, 0) and (0, 1)."""
    pair = VectorPair(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    return float(row_ratios(recipe.terms, pair))
