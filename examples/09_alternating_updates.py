"""First reason why WGANs "fail": a few critic steps between generator steps do not reach W1.

Stanczuk, Etmann, Kreusser, Schönlieb (2021), arXiv:2103.01678. A critic follows a cloud that jumps
like a generator; after k steps its value over its Lipschitz constant is a lower bound of W1 that
closes with k. The critic is orthonormal with sorted pairs, whose proven constant is one.
"""

import matplotlib.pyplot as plt
import numpy as np
from showing import Example

from otdiv import wasserstein1
from otdiv.critics import Architecture, MaxMin, Orthonormal, fit_critic

example = Example(__doc__)
counts = (1, 5, 20) if example.quick else (1, 5, 25, 125, 625)
n, seeds = (60, 2) if example.quick else (400, 3)
rng = np.random.default_rng(0)
network = Architecture((16, 16) if example.quick else (64, 64, 64), MaxMin())

share = np.empty((seeds, len(counts)))
for seed in range(seeds):
    x = rng.standard_normal((n, 2))
    # Parts of the cloud move in different directions: no plain slope is a potential.
    angles = rng.integers(3, size=n) * (2.0 * np.pi / 3.0)
    y = rng.standard_normal((n, 2)) + 3.0 * np.column_stack([np.cos(angles), np.sin(angles)])
    exact = wasserstein1(x, y)
    for place, count in enumerate(counts):
        fit = fit_critic(
            x,
            y,
            network=network,
            constraint=Orthonormal(),
            max_iterations=count,
            batch_size=64,
            rng=seed,
        )
        share[seed, place] = fit.raw / fit.lipschitz / exact

mean = share.mean(axis=0)
example.holds(
    "largest (critic / its Lipschitz constant) / W1",
    f"{share.max():.4f}",
    "at most 1, always",
    share.max() <= 1.0 + 1e-12,
)
for count, value in zip(counts, mean, strict=True):
    example.shows(f"{count} steps: share of W1 found", f"{value:.3f}")
example.holds(
    "the share grows with the steps",
    f"{mean[0]:.3f} to {mean[-1]:.3f}",
    "more at the end, still below 1",
    mean[0] < mean[-1] < 1.0,
)

figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for row in share:
    ax.plot(counts, row, color="gray", alpha=0.6)
ax.plot(counts, mean, marker="o", label="mean")
ax.axhline(1.0, linestyle=":", color="black", label="W1")
ax.set(xscale="log", xlabel="critic steps", ylabel="critic / (Lipschitz constant · W1)")
ax.legend(frameon=False)
example.finish(figure, "09_alternating_updates")
