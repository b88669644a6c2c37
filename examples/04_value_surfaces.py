"""Value surfaces of clipped and penalised critics between a set and the same set with noise.

Gulrajani et al. (2017), arXiv:1704.00028, figure 1a: the generated law is the real one plus
N(0, 1), and only the critic is trained. Clipping finds simple functions. The penalty has the weight
0.1 of the published code; at the 10 of the paper the surfaces of so short a fit are far smoother.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D
from showing import Example

from otdiv.critics import (
    Architecture,
    GradientPenalty,
    KantorovichPotential,
    ReLU,
    RMSProp,
    WeightClipping,
    fit_critic,
)
from otdiv.wgan import gaussians_8, gaussians_25, swiss_roll

example = Example(__doc__)
n, n_steps, width = (100, 40, 16) if example.quick else (1000, 2000, 64)
rng = np.random.default_rng(0)
side = np.linspace(-2.0, 2.0, 61)
grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
network = Architecture((width, width, width), ReLU())

figure, axes = plt.subplots(3, 3, figsize=(9, 9.4), layout="constrained")
for column, data in enumerate((gaussians_8(), gaussians_25(), swiss_roll())):
    real = data.sample(n, rng)
    generated = data.sample(n, rng) + rng.standard_normal((n, 2))
    clipped = fit_critic(
        real,
        generated,
        network=network,
        constraint=WeightClipping(0.01),
        optimizer=RMSProp(learning_rate=5e-4),
        max_iterations=n_steps,
        rng=0,
    )
    penalised = fit_critic(
        real,
        generated,
        network=network,
        constraint=GradientPenalty(0.1),
        max_iterations=n_steps,
        rng=0,
    )
    exact = KantorovichPotential(real, generated)
    both = np.concatenate([real, generated])
    likeness = [np.corrcoef(f(both), exact(both))[0, 1] for f in (clipped, penalised)]
    example.holds_trained(
        f"{data.name}: correlation with the exact potential",
        f"GP {likeness[1]:.3f}, clip {likeness[0]:.3f}",
        "GP above 0.9 and above clip",
        likeness[1] > max(0.9, likeness[0]),
    )
    for row, (f, name) in enumerate(((clipped, "clip"), (penalised, "GP"), (exact, "exact"))):
        ax = axes[row, column]
        ax.contour(side, side, np.reshape(f(grid), (61, 61)), levels=15, cmap="viridis")
        dots = ax.scatter(*real[:400].T, s=2, color="#D55E00", linewidths=0)
        ax.set(xticks=[], yticks=[], xlim=(-2, 2), ylim=(-2, 2), aspect="equal")
        ax.set_title(f"{data.name}, {name}", fontsize="small")
low, high = (
    Line2D([], [], color=plt.colormaps["viridis"](level), label=label)
    for level, label in ((0.0, "critic low: generated"), (1.0, "critic high: real"))
)
figure.legend(
    [dots, low, high],
    ["real points", low.get_label(), high.get_label()],
    loc="outside lower center",
    ncols=3,
    frameon=False,
    markerscale=4.0,
)
example.finish(figure, "04_value_surfaces")
