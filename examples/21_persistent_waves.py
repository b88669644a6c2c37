"""What of a noisy series is its shape: persistence diagrams, and how far they are apart.

A wave has as many valleys as periods. Each valley of the series is born at its bottom and dies at
the pass to a deeper one; noise makes hundreds that die at once. The diagrams of a wave and of its
noisy record are near each other, within the size of the noise, as the stability theorem says; a
record of another wave is farther.
"""

import math

import matplotlib.pyplot as plt
import numpy as np
from showing import Example

from otdiv import bottleneck_distance_result, persistence_distance
from otdiv.plotting import plot_diagrams

example = Example(__doc__)
rng = np.random.default_rng(0)
n = 300 if example.quick else 2000
size = 0.15
t = np.linspace(0.0, 1.0, n)


def wave(periods):
    """A wave whose valleys are not equally deep."""
    return np.sin(2.0 * np.pi * periods * t) * (1.0 - 0.4 * t)


def valleys(values):
    """Pairs (bottom, pass to a deeper valley) of a series; the deepest valley never dies."""
    parent, pairs = {}, []

    def deepest(i):
        while parent[i] != i:
            i = parent[i]
        return i

    for i in np.argsort(values, kind="stable").tolist():
        parent[i] = i
        for beside in (i - 1, i + 1):
            if beside in parent:
                old, young = sorted((deepest(i), deepest(beside)), key=lambda k: values[k])
                if old != young:
                    if values[young] < values[i]:
                        pairs.append((values[young], values[i]))
                    parent[young] = old
    return np.array([*pairs, (values.min(), math.inf)])


clean, noise = wave(5), rng.uniform(-size, size, n)
noisy, other = clean + noise, wave(7) + rng.uniform(-size, size, n)
near = bottleneck_distance_result(valleys(clean), valleys(noisy))
far = bottleneck_distance_result(valleys(noisy), valleys(other))
example.shows("valleys of the wave and of its record", f"{len(near.x)} and {len(near.y)}")
example.holds(
    "bottleneck distance, wave to record",
    f"{near.value:.4f}",
    f"<= {np.abs(noise).max():.4f}, the noise",
    near.value <= np.abs(noise).max(),
)
example.holds(
    "record to another wave", f"{far.value:.4f}", "farther", far.bounds.lower > near.bounds.upper
)
example.shows(
    "order 1, all small valleys counted",
    f"{persistence_distance(near.x, near.y):.2f} and {persistence_distance(far.x, far.y):.2f}",
)

figure, axes = plt.subplots(1, 2, figsize=(10.0, 4.6), layout="constrained")
axes[0].plot(t, noisy, color="#999999", linewidth=0.7, label="record")
axes[0].plot(t, clean, color="#0072B2", linewidth=1.8, label="wave")
axes[0].set(xlabel="t", ylabel="f")
axes[0].legend(frameon=False, loc="upper right")
axes[0].spines[["top", "right"]].set_visible(False)
plot_diagrams(near, ax=axes[1])
axes[1].set_title(f"bottleneck distance {near.value:.3f}, noise {size:g}", loc="left")
example.finish(figure, "21_persistent_waves")
