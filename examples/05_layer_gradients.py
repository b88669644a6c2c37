"""Gradient norms by layer: clipped critics lose or blow up their gradients, penalised ones do not.

Gulrajani et al. (2017), arXiv:1704.00028, figure 1b (left): ReLU critics of 12 layers on the Swiss
roll, clipped at 0.1, 0.01 and 0.001 or with the gradient penalty.
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
    layer_gradient_norms,
)
from otdiv.wgan import swiss_roll

example = Example(__doc__)
width, n_steps = (16, 20) if example.quick else (128, 300)
data, rng = swiss_roll(), np.random.default_rng(0)


def norms(constraint, optimizer):
    """Root mean square norm of the critic's gradient in each layer's sums, from input to output."""
    network = Architecture((width,) * 11, ReLU()).build(n_inputs=2, rng=1)
    trainer = CriticTrainer(network, constraint, optimizer=optimizer, batch_size=128, rng=rng)
    for _ in range(n_steps):
        real = data.sample(128, rng)
        trainer.step(real, data.sample(128, rng) + rng.standard_normal((128, 2)))
    return layer_gradient_norms(network, data.sample(500, rng))


runs = {
    f"clip {bound:g}": norms(WeightClipping(bound), RMSProp(learning_rate=5e-4))
    for bound in (0.1, 0.01, 0.001)
}
runs["GP"] = norms(GradientPenalty(10.0), Adam(learning_rate=1e-4))

figure, ax = plt.subplots(figsize=(6.5, 4.4), layout="constrained")
change = {}
for name, values in runs.items():
    logarithms = np.log10(np.maximum(values, 1e-300))
    change[name] = logarithms[0] - logarithms[-1]
    ax.plot(np.arange(1, len(values) + 1), logarithms, marker="o", label=name)
ax.set(xlabel="layer, from the input", ylabel="log10 of the gradient's norm")
ax.legend(frameon=False)
ax.set_title("Eleven layers back from the output")

example.holds_trained(
    "clip 0.1: decades gained on the way back",
    f"{change['clip 0.1']:.2f}",
    "more than 2",
    change["clip 0.1"] > 2,
)
for bound in ("0.01", "0.001"):
    value = change[f"clip {bound}"]
    example.holds_trained(
        f"clip {bound}: decades gained", f"{value:.2f}", "less than -2", value < -2
    )
example.holds_trained(
    "GP: decades gained", f"{change['GP']:.2f}", "between -1 and 1", abs(change["GP"]) < 1
)
example.finish(figure, "05_layer_gradients")
