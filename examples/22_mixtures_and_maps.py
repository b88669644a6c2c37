"""Mixtures of Gaussians: which component becomes which, where points go, and a bracket of W2.

Four groups of customers in spring, three in autumn: one group split in two, two groups joined.
Transport of the components says which mass went where, each pair by a linear map.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Ellipse
from showing import Example

from otdiv import GaussianMixture, gaussian_mixture_distance_result, wasserstein2

example = Example(__doc__)
rng = np.random.default_rng(0)
n = 1500 if example.quick else 3000
noise = 15.0 / n**0.5  # of distances and means of so many points


def turned(angle, long, short):
    """Covariance of deviations `long` and `short`, turned by an angle in degrees."""
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    axes = np.array([[c, -s], [s, c]])
    return axes @ np.diag([long**2, short**2]) @ axes.T


spring = GaussianMixture(
    [[0.0, 0.0], [6.0, 0.5], [1.0, 6.0], [3.0, 7.0]],
    covariances=[
        turned(20, 1.2, 0.4),
        turned(90, 1.0, 0.5),
        turned(0, 0.5, 0.5),
        turned(0, 0.6, 0.4),
    ],
    weights=[4.0, 3.0, 1.5, 1.5],
)
autumn = GaussianMixture(
    [[-0.5, -2.0], [7.5, 2.5], [2.5, 9.0]],
    covariances=[turned(-30, 1.0, 0.5), turned(45, 1.3, 0.4), turned(10, 1.2, 0.5)],
    weights=[4.0, 3.0, 3.0],
)
result = gaussian_mixture_distance_result(spring, autumn)
bracket = result.wasserstein2
points = spring.sample(n, rng=rng)
moved = result.barycentric_map(points)
samples = wasserstein2(points, autumn.sample(n, rng=rng))
example.shows("distance by components", f"{result.value:.4f}")
example.shows("W2 of the mixtures", f"{bracket.lower:.4f} to {bracket.upper:.4f}")
example.holds(
    f"W2 of {n} points a side",
    f"{samples:.4f}",
    f"within {noise:.1g} of the bracket",
    bracket.lower - noise <= samples <= bracket.upper + noise,
)
example.holds(
    "mean of the moved points",
    f"({moved.mean(axis=0)[0]:.2f}, {moved.mean(axis=0)[1]:.2f})",
    f"({autumn.mean[0]:.2f}, {autumn.mean[1]:.2f})",
    bool(np.abs(moved.mean(axis=0) - autumn.mean).max() < noise),
)

figure, ax = plt.subplots(figsize=(7.0, 6.2), layout="constrained")
for law, color, name in ((spring, "#0072B2", "spring"), (autumn, "#D55E00", "autumn")):
    for k in range(law.n_components):
        values, vectors = np.linalg.eigh(law.covariances[k])
        angle = np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1]))
        width, height = 4.0 * np.sqrt(values[::-1])
        ax.add_patch(Ellipse(law.means[k], width, height, angle=angle, color=color, alpha=0.15))
    ax.scatter(*law.means.T, s=500 * law.weights, color=color, label=name, zorder=3)
entries = result.plan.tocoo()
for k, other, mass in zip(entries.row, entries.col, entries.data, strict=True):
    ends = np.stack([spring.means[k], autumn.means[other]])
    ax.plot(*ends.T, color="#444444", linewidth=16.0 * mass, alpha=0.6, solid_capstyle="butt")
few = rng.choice(n, 60, replace=False)
steps = moved[few] - points[few]
ax.quiver(*points[few].T, *steps.T, angles="xy", scale_units="xy", scale=1, width=0.0022,
          color="#999999")  # fmt: skip
ax.set_aspect("equal")
ax.set_title(f"W2 between {bracket.lower:.2f} and {bracket.upper:.2f}", loc="left")
ax.legend(frameon=False, loc="lower right", markerscale=0.5)
ax.spines[["top", "right"]].set_visible(False)
example.finish(figure, "22_mixtures_and_maps")
