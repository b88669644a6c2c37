"""Between two images, and in the middle of six: barycenters in W2 with their proven gaps.

The mean of pixels of two images shows both at once. The barycenter moves mass: a disc becomes a
ring, and the middle of six rings is a ring.
"""

import matplotlib.pyplot as plt
import numpy as np
from showing import Example

from otdiv import barycenter
from otdiv.plotting import plot_barycenter

example = Example(__doc__)
rng = np.random.default_rng(0)
n = 20 if example.quick else 36
u, v = np.meshgrid(*[np.linspace(-1.0, 1.0, n)] * 2, indexing="ij")


def ring(a, b, c, d, width=0.22):
    """A ring with half axes a and b around (c, d)."""
    radius = np.hypot((u - c) / a, (v - d) / b)
    return (np.abs(radius - 1.0) < width).astype(float)


disc = (np.hypot(u + 0.5, v + 0.5) < 0.3).astype(float)
other = ring(0.45, 0.45, 0.4, 0.4)
shares = [0.0, 0.25, 0.5, 0.75, 1.0]
steps = [
    barycenter([disc, other], weights=[1.0 - t, t], support="grid", rtol=0.02, throw=False)
    for t in shares
]
gaps = [step.bounds.relative_gap for step in steps[1:-1]]
example.holds(
    "gaps between the images", ", ".join(f"{100 * gap:.2g} %" for gap in gaps), "<= 2 %",
    max(gaps) <= 0.02,
)  # fmt: skip
halves = [step.value for step in steps]
example.holds(
    "objective at t = 1/4, 1/2, 3/4 over t (1 - t)",
    ", ".join(f"{value / (t * (1 - t)):.1f}" for t, value in zip(shares, halves, strict=True)
              if 0.0 < t < 1.0),
    "about the same: W2² of both",
    np.ptp([value / (t * (1 - t)) for t, value in zip(shares, halves, strict=True)
            if 0.0 < t < 1.0]) < 0.2 * halves[2] * 4.0,
)  # fmt: skip
rings = [ring(*rng.uniform(0.4, 0.8, 2), *rng.uniform(-0.2, 0.2, 2)) for _ in range(6)]
middle = barycenter(rings, support="grid", rtol=0.01, throw=False)
example.shows("middle of six rings, gap", f"{100 * middle.bounds.relative_gap:.2g} %")

figure = plt.figure(figsize=(9.5, 7.2), layout="constrained")
upper, lower = figure.subfigures(2, 1, height_ratios=[1.0, 1.5])
for ax, t, step in zip(upper.subplots(1, 5), shares, steps, strict=True):
    ax.imshow(step.image(), cmap="Blues", interpolation="nearest")
    ax.set(xticks=[], yticks=[])
    ax.set_title(f"t = {t:g}", fontsize="medium")
plot_barycenter(middle, ax=lower.subplots())
example.finish(figure, "24_between_images")
