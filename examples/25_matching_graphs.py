"""Two graphs whose vertices have lost their names: which belongs to which, and how sure that is.

A second graph is the first with its vertices shuffled and some edges gone. Nothing but the lengths
of shortest paths is compared. The plan finds most vertices again; the bounds say that no plan is
much better.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.sparse.csgraph import shortest_path
from showing import Example

from otdiv import gromov_lower_bounds, gromov_wasserstein_matrix

example = Example(__doc__)
rng = np.random.default_rng(3)
n = 24 if example.quick else 40
places = rng.random((n, 2))


def neighbours(points, k=3):
    """Edges between each point and its nearest ones."""
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    nearest = np.argsort(apart, axis=1)[:, 1 : k + 1]
    edges = {tuple(sorted((i, int(j)))) for i, row in enumerate(nearest) for j in row}
    return sorted(edges)


def paths(edges):
    """Lengths of shortest paths; what no path joins is as far as there are vertices."""
    adjacency = np.zeros((n, n))
    for i, j in edges:
        adjacency[i, j] = adjacency[j, i] = 1.0
    lengths = shortest_path(adjacency, unweighted=True)
    return np.where(np.isinf(lengths), float(n), lengths)


edges = neighbours(places)
kept = [edges[k] for k in range(len(edges)) if k % 12]
order = rng.permutation(n)
first, second = paths(edges), paths(kept)[np.ix_(order, order)]
result = gromov_wasserstein_matrix(first, second, n_starts=16, rng=0)
partner = np.empty(n, dtype=int)
partner[result.plan.rows] = result.plan.columns
found = int(np.count_nonzero(order[partner] == np.arange(n)))
random = np.mean(
    [
        np.square(first - second[np.ix_(q, q)]).mean()
        for q in (rng.permutation(n) for _ in range(200))
    ]
)
bounds = gromov_lower_bounds(first, second)
example.holds(
    "value of the plan", f"{result.value:.4f}", "below a third of a random one",
    result.value < random / 3.0,
)  # fmt: skip
example.shows("random matchings, mean", f"{random:.4f}")
example.shows("lower bounds", ", ".join(f"{bound:.4f}" for bound in bounds))
example.shows("vertices found again", f"{found} of {n}")

figure, axes = plt.subplots(1, 2, figsize=(10.0, 4.8), layout="constrained")
shifted = places[order] @ np.array([[0.0, 1.0], [-1.0, 0.0]])
colors = plt.get_cmap("hsv")(np.argsort(np.argsort(places @ [1.0, 0.6])) / n)
titles = ("a graph", "the same, renamed, some edges gone")
for ax, points, pairs, color, title in zip(
    axes,
    (places, shifted),
    (edges, [tuple(np.argsort(order)[list(edge)]) for edge in kept]),
    (colors, colors[np.argsort(partner)]),
    titles,
    strict=True,
):
    for i, j in pairs:
        ax.plot(*points[[i, j]].T, color="#bbbbbb", linewidth=1.0, zorder=1)
    ax.scatter(*points.T, s=70, c=color, edgecolors="white", zorder=2)
    ax.set_title(title, loc="left")
    ax.set_axis_off()
    ax.set_aspect("equal")
figure.suptitle(
    f"GW between {result.bounds.lower:.3f} and {result.bounds.upper:.3f}; {found} of {n} vertices "
    "have their partner's colour"
)
example.finish(figure, "25_matching_graphs")
