"""Two surveys of one place, the second with a patch of strays: which part of the mass to match.

The least cost of moving a share of the mass is a convex curve. Its slope is the price of the last
unit, and it jumps where only strays are left: at the share of points that belong together.
"""

import matplotlib.pyplot as plt
import numpy as np
from showing import Example

from otdiv import partial_transport, partial_transport_profile, wasserstein1
from otdiv.plotting import plot_partial, plot_profile

example = Example(__doc__)
rng = np.random.default_rng(0)
n = 150 if example.quick else 400
strays = 0.15

angle = np.linspace(0.0, 2.0 * np.pi, n, endpoint=False)
ring = np.stack([np.cos(angle), 0.7 * np.sin(angle)], axis=1)
first = ring + 0.04 * rng.normal(size=(n, 2))
second = ring + 0.04 * rng.normal(size=(n, 2))
lost = rng.choice(n, round(strays * n), replace=False)
second[lost] = [2.4, 1.2] + 0.15 * rng.normal(size=(lost.size, 2))

profile = partial_transport_profile(first, second, rtol=0.005)
share = 1.0 - strays
result = partial_transport(first, second, mass=share)
clean = np.delete(second, lost, axis=0)
example.holds(
    "kink of the curve",
    f"{profile.kink:.3f}",
    f"{share:g} ± 0.02",
    abs(profile.kink - share) < 0.02,
)
example.holds(
    "strays among the points that stay",
    f"{np.count_nonzero(result.target_left[lost] > 0.5 / n)} of {lost.size}",
    "all",
    bool((result.target_left[lost] > 0.5 / n).all()),
)
example.shows("W1 of all points", f"{wasserstein1(first, second):.4f}")
example.shows(f"cost of moving {share:g} of the mass, a unit", f"{result.value / share:.4f}")
example.shows("price of the last unit there", f"{result.price:.3f}")

figure, (left, right) = plt.subplots(1, 2, figsize=(11.5, 4.6), layout="constrained")
plot_partial(result, ax=left)
plot_profile(profile, ax=right)
example.finish(figure, "23_outliers_and_prices")
