"""Weights of a clipped critic sit at the clip; those of a penalised one form a bell.

Gulrajani et al. (2017), arXiv:1704.00028, figure 1b (right), Swiss roll.
"""

import matplotlib.pyplot as plt
import numpy as np
from showing import Example

from otdiv.critics import (
    Adam,
    Architecture,
    CriticTrainer,
    GradientPenalty,
    ReLU,
    RMSProp,
    WeightClipping,
)
from otdiv.wgan import swiss_roll

example = Example(__doc__)
width, n_steps = (16, 60) if example.quick else (128, 1500)
data, rng = swiss_roll(), np.random.default_rng(0)
BOUND = 0.01


def weights(constraint, optimizer):
    network = Architecture((width, width, width), ReLU()).build(n_inputs=2, rng=1)
    trainer = CriticTrainer(network, constraint, optimizer=optimizer, batch_size=128, rng=rng)
    for _ in range(n_steps):
        real = data.sample(128, rng)
        trainer.step(real, data.sample(128, rng) + rng.standard_normal((128, 2)))
    return np.concatenate([weight.ravel() for weight in network.weights])


clipped = weights(WeightClipping(BOUND), RMSProp(learning_rate=5e-4))
penalised = weights(GradientPenalty(10.0), Adam(learning_rate=1e-3))
at_bound = float((np.abs(clipped) >= 0.99 * BOUND).mean())
inside = float((np.abs(penalised) <= 0.5).mean())
centre = float((np.abs(penalised) <= penalised.std()).mean())
example.holds_trained(
    "clip: share of weights at ± 0.01", f"{at_bound:.1%}", "above 50 %", at_bound > 0.5
)
example.holds_trained("GP: share of weights in ± 0.5", f"{inside:.1%}", "above 99 %", inside > 0.99)
# A bell holds 68 % within one standard deviation, two spikes at the ends of a box hold none.
example.holds_trained("GP: share within one sd", f"{centre:.1%}", "60 to 90 %", 0.6 < centre < 0.9)

figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
axes[0].hist(clipped, bins=60, range=(-0.02, 0.02), density=True)
axes[0].set_title("clipped at 0.01")
axes[1].hist(penalised, bins=80, range=(-0.5, 0.5), density=True)
axes[1].set_title("gradient penalty")
axes[0].set_xticks(np.linspace(-0.02, 0.02, 5))
for ax in axes:
    ax.set(xlabel="weight", ylabel="density", yscale="log")
example.finish(figure, "06_weight_histograms")
