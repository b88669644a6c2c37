"""The exact critic: Kantorovich potentials of two samples, extended to the whole space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .._kernels.network_flow import shortest_paths as kernels
from .._tree_search import safe_scale
from .._typing import ArrayLike, FloatArray, IndexArray
from .._validation import as_points, as_weights, check_choice
from ..certificates import LipschitzExtension
from ..costs import Euclidean
from ..errors import InvalidInputError, UnsupportedProblemError
from ..measures import DiscreteMeasure
from ..plans import Potentials, SparsePlan
from ..problems import TransportProblem
from ..results import Bounds, TransportResult
from ..solving import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["KantorovichPotential", "strictly_complementary"]

# Mass below this share of the total is rounding of the plan and ties nothing together.
_DUST = 1e-12

# An arc whose slack is below this share of the largest cost counts as tight; a thousand roundings.
_TIGHT = 2e-13

# Random root sets before single roots are tried. Sets loosen many arcs at once; by measurement 2000
# atoms in the plane need 60 to 120 extreme duals in all, where single roots alone need 700.
_ROOT_SETS = 64

# Room for tight arcs at first; continuous data have fewer than atoms, lattices far more.
_ARCS = 2**14


class KantorovichPotential:
    """A 1-Lipschitz f with E f(x) - E f(y) = W1, evaluable anywhere, with its gradient.

    The finite dual is solved exactly, moved into the interior of its optimal face, and extended by
    McShane's formulas: upper(z) = min_j (|z - y_j| - g_j), lower(z) = max_i (f_i - |z - x_i|), or
    their mean. All three agree on the transport rays, where the gradient is the unit vector from
    y_j to x_i. Upper has its kinks at the y_j and lower at the x_i: a gradient at generated points
    y (Theorem 3 of the WGAN paper) is that of "lower", and one at x that of "upper".

    The interior matters: a vertex of the dual, which solvers return, holds n + m - 1 pairs tight,
    more than the plan uses, and each needless one makes a kink at an atom.

    Parameters
    ----------
    x, y : array_like, shape (n, d) and (m, d), or (n,) and (m,)
        Samples; f is large on x and small on y.
    x_weights, y_weights : array_like, optional
        Relative frequencies.
    extension : {"mean", "upper", "lower"}
        Which extension a call evaluates.

    Attributes
    ----------
    bounds : Bounds
        Proven enclosure of W1.
    result : TransportResult
        The exact solve of the atoms of positive weight.
    potentials : Potentials
        The strictly complementary dual of the same atoms.

    References
    ----------
    McShane (1934), doi:10.1090/S0002-9904-1934-05978-0.
    Gulrajani et al. (2017), arXiv:1704.00028, proposition 1 (unit gradients on the rays).
    Arjovsky, Chintala, Bottou (2017), arXiv:1701.07875, theorem 3 (gradient in the generator).

    Examples
    --------
    >>> from otdiv.critics import KantorovichPotential
    >>> f = KantorovichPotential([[2.0, 0.0], [5.0, 1.0]], [[0.0, 0.0], [4.0, 1.0]])
    >>> float(f.raw)
    1.5
    >>> f.gradient([[1.0, 0.0]])
    array([[1., 0.]])
    """

    def __init__(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        x_weights: ArrayLike | None = None,
        y_weights: ArrayLike | None = None,
        extension: Literal["mean", "upper", "lower"] = "mean",
    ) -> None:
        points_x, points_y = as_points("x", x), as_points("y", y)
        if points_x.shape[1] != points_y.shape[1]:
            raise InvalidInputError("y", f"have {points_x.shape[1]} columns", points_y.shape[1])
        self.extension = check_choice("extension", extension, ("mean", "upper", "lower"))
        a = as_weights("x_weights", x_weights, len(points_x), normalize=True)
        b = as_weights("y_weights", y_weights, len(points_y), normalize=True)
        self.result: TransportResult = solve(
            TransportProblem(
                source=DiscreteMeasure(points=points_x[a > 0.0], weights=a[a > 0.0]),
                target=DiscreteMeasure(points=points_y[b > 0.0], weights=b[b > 0.0]),
                cost=Euclidean(),
            )
        )
        self.potentials: Potentials = strictly_complementary(self.result)

    @property
    def problem(self) -> TransportProblem:
        """The finite problem, atoms of zero weight left out."""
        return self.result.problem

    @property
    def bounds(self) -> Bounds:
        """Proven enclosure of W1."""
        return self.result.bounds

    @property
    def raw(self) -> float:
        """E f(x) - E f(y), in the unit of the metric."""
        problem = self.problem
        return float(problem.a @ self(problem.x) - problem.b @ self(problem.y))

    def __call__(self, z: Any, *, extension: str | None = None) -> FloatArray:
        """Return f (k,) at the points z (k, d), in the unit of the metric."""
        kind: Any = self.extension if extension is None else extension
        return LipschitzExtension(self.problem, self.potentials, kind=kind)(z)

    def gradient(self, z: Any, *, extension: str | None = None) -> FloatArray:
        """Return the gradient of f (k, d) at the points z (k, d).

        At a kink one of the limits is returned, and zero at the tip of a cone.
        """
        kind = self.extension if extension is None else extension
        check_choice("extension", kind, ("mean", "upper", "lower"))
        points = as_points("z", z)
        problem, potentials = self.problem, self.potentials
        if points.shape[1] != problem.source.d:
            raise InvalidInputError("z", f"have {problem.source.d} columns", points.shape[1])
        if kind == "upper":
            return np.asarray(kernels.extension_gradient(points, problem.y, potentials.g))
        lower = -kernels.extension_gradient(points, problem.x, potentials.f)
        if kind == "lower":
            return np.asarray(lower)
        upper = kernels.extension_gradient(points, problem.y, potentials.g)
        return np.asarray(0.5 * (upper + lower))

    def plot(self, *, limits: ArrayLike | None = None, ax: Axes | None = None) -> Axes:
        """Draw the potential with its samples: `otdiv.plotting.plot_critic`, which says more.

        Parameters
        ----------
        limits : array_like, shape (d, 2), optional
            Lowest and highest coordinates; by default around the samples. d is 1 or 2.
        ax : matplotlib Axes, optional
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from ..plotting import plot_critic

        return plot_critic(self, limits=limits, ax=ax)

    def __repr__(self) -> str:
        n, m = self.problem.shape
        return f"KantorovichPotential(n={n}, m={m}, W1={self.result.value:.6g})"


def strictly_complementary(result: TransportResult) -> Potentials:
    """Optimal dual of a Euclidean problem in which only pairs of optimal plans are tight.

    Groups are the atoms that the plan ties together. Any f_i - D(group of i), g_j + D(group of j)
    is an optimal dual when D(l) - D(k) is at most the slack of every arc k -> l; the distances from
    one group, the root, are such a D, and an extreme one. An arc into the root has the length of
    the shortest cycle through it as its slack there, which is zero only if another optimal plan
    uses the arc. So the mean over all roots is strictly complementary. Distances from a *set* of
    roots are an extreme dual too, and loosen every arc into the set from outside: random sets among
    the heads of still tight arcs do most of the work.

    Parameters
    ----------
    result : TransportResult
        Optimal, with a sparse plan, Euclidean cost and positive weights.
    """
    problem, plan, dual = result.problem, result.plan, result.potentials
    if not isinstance(plan, SparsePlan) or dual is None or problem.cost != Euclidean():
        raise UnsupportedProblemError(
            "a strictly complementary dual needs an exact solve of the Euclidean cost with a "
            "sparse plan, as solvers.NetworkSimplex() gives"
        )
    x_group, y_group, n_groups = _groups(plan, problem.mass)
    order = np.argsort(x_group, kind="stable")
    start = np.searchsorted(x_group[order], np.arange(n_groups + 1))
    unit = safe_scale(problem.x, problem.y)  # a power of two, mostly 1
    x, y_columns = problem.x * unit, np.ascontiguousarray((problem.y * unit).T)
    f, g = dual.f * unit, dual.g * unit
    tolerance = _TIGHT * problem.cost_bound() * unit

    rng = np.random.default_rng(0)
    total, count = np.zeros(n_groups), 0
    marked = np.ones(n_groups, dtype=np.bool_)
    alone = np.zeros(n_groups, dtype=np.bool_)
    while marked.any():
        if count < _ROOT_SETS:
            roots = marked & (rng.random(n_groups) < 0.5 ** (1 + count % 5))
            roots[rng.choice(np.flatnonzero(marked))] = True
        else:
            roots = np.zeros(n_groups, dtype=np.bool_)
            roots[np.argmax(marked)] = True
            alone |= roots
        total += kernels.distances_from(x, y_columns, f, g, order, start, y_group, roots)
        count += 1
        shift = total / count
        tails, heads = _tight_arcs(
            x, y_columns, f - shift[x_group], g + shift[y_group], x_group, y_group, tolerance
        )
        # What a root alone did not loosen stays: its cycle is as short as rounding.
        marked = _loosenable_heads(tails, heads, n_groups) & ~alone
    return Potentials(f=dual.f - shift[x_group] / unit, g=dual.g + shift[y_group] / unit)


def _tight_arcs(*arguments: Any) -> tuple[IndexArray, IndexArray]:
    """Arcs (tails, heads) between groups with slack up to the tolerance, the last argument."""
    size = _ARCS
    while True:
        tails, heads = np.empty(size, dtype=np.int64), np.empty(size, dtype=np.int64)
        found = kernels.tight_arcs(*arguments, tails, heads)
        if found <= size:
            return tails[:found], heads[:found]
        size = found


def _loosenable_heads(tails: IndexArray, heads: IndexArray, n_groups: int) -> Any:
    """Mark the heads of arcs on no tight cycle; arcs on one belong to another optimal plan."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    marked = np.zeros(n_groups, dtype=np.bool_)
    if len(tails):
        graph = coo_array((np.ones(len(tails)), (tails, heads)), shape=(n_groups, n_groups))
        _, cycle = connected_components(graph, directed=True, connection="strong")
        marked[heads[cycle[tails] != cycle[heads]]] = True
    return marked


def _groups(plan: SparsePlan, mass: float) -> tuple[IndexArray, IndexArray, int]:
    """Label the components of the plan's support: of the rows, of the columns; and count them."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n, m = plan.shape
    # What an atom holds most of is never dust, however light the atom: it has to hang somewhere.
    row_most, column_most = np.zeros(n), np.zeros(m)
    np.maximum.at(row_most, plan.rows, plan.mass)
    np.maximum.at(column_most, plan.columns, plan.mass)
    kept = plan.mass > _DUST * mass
    kept |= (plan.mass == row_most[plan.rows]) | (plan.mass == column_most[plan.columns])
    rows, columns = plan.rows[kept], plan.columns[kept] + n
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(n + m, n + m))
    count, labels = connected_components(graph, directed=False)
    return labels[:n].astype(np.int64), labels[n:].astype(np.int64), int(count)
