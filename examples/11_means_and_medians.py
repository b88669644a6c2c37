"""Third reason: the nearest law on k points is a clustering; k-means for W2², k-medians for W1.

Stanczuk et al. (2021), arXiv:2103.01678. With the mass of its cell on each centre, W1 is the mean
distance to the nearest centre and W2² the mean square; any other weights are farther.
"""

import matplotlib.pyplot as plt
import numpy as np
from showing import Example

from otdiv import wasserstein1, wasserstein2
from otdiv.wgan import gaussians_8

example = Example(__doc__)
n, k = (100 if example.quick else 400), 6
rng = np.random.default_rng(0)
# Some points far out: they move means, and leave medians where they are.
points = np.concatenate([gaussians_8().sample(n, rng), rng.normal(4.0, 0.3, (n // 10, 2))])


def distances(centres):
    return np.linalg.norm(points[:, None] - centres, axis=2)


def cluster(centre_of):
    centres = points[rng.choice(len(points), k, replace=False)]
    for _ in range(60):
        nearest = distances(centres).argmin(axis=1)
        for j in range(k):
            if (nearest == j).any():
                centres[j] = centre_of(points[nearest == j])
    return centres


def geometric_median(cell):
    """Weiszfeld's iteration."""
    middle = cell.mean(axis=0)
    for _ in range(60):
        weight = 1.0 / np.maximum(np.linalg.norm(cell - middle, axis=1), 1e-12)
        middle = weight @ cell / weight.sum()
    return middle


figure, axes = plt.subplots(1, 2, figsize=(9, 5.2), layout="compressed")
found = {}
for ax, name, centre_of in (
    (axes[0], "k-means", lambda cell: cell.mean(axis=0)),
    (axes[1], "k-medians", geometric_median),
):
    # The best of several starts in its own measure: clusterings have local optima.
    power = 2 if name == "k-means" else 1
    trials = [cluster(centre_of) for _ in range(10)]
    centres = min(trials, key=lambda c: (distances(c).min(axis=1) ** power).mean())
    nearest = distances(centres)
    share = np.bincount(nearest.argmin(axis=1), minlength=k) / len(points)
    w1 = wasserstein1(points, centres, y_weights=share)
    w2 = wasserstein2(points, centres, y_weights=share)
    mean = nearest.min(axis=1).mean()
    square = (nearest.min(axis=1) ** 2).mean()
    example.close(f"{name}: W1 = mean distance to the centres", w1, mean, 1e-12 * mean)
    example.close(f"{name}: W2² = inertia / n", w2**2, square, 1e-12 * square)
    other = wasserstein1(points, centres, y_weights=rng.dirichlet(np.ones(k)))
    example.holds(f"{name}: W1 with other weights", f"{other:.4f}", "larger", other > w1)
    found[name] = (w1, w2)
    ax.scatter(*points.T, s=3, color="gray")
    ax.scatter(*centres.T, s=600 * share, marker="X", color="#D55E00")
    ax.set_title(f"{name}: W1 = {w1:.4f}, W2² = {w2**2:.4f}")
    ax.set_aspect("equal")
example.holds(
    "W1: k-medians against k-means",
    f"{found['k-medians'][0]:.4f}, {found['k-means'][0]:.4f}",
    "medians nearer",
    found["k-medians"][0] <= found["k-means"][0],
)
example.holds(
    "W2: k-means against k-medians",
    f"{found['k-means'][1]:.4f}, {found['k-medians'][1]:.4f}",
    "means nearer",
    found["k-means"][1] <= found["k-medians"][1],
)
example.finish(figure, "11_means_and_medians")
