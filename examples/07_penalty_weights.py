"""How much the penalty's weight matters: two-sided (WGAN-GP) against one-sided (WGAN-LP).

Petzka, Fischer, Lukovnikov (2018), arXiv:1709.08894, section 6, on the Swiss roll: for a small
weight both are alike; a large one hurts the two-sided penalty more.
"""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from showing import Example

from otdiv.critics import Adam, GradientPenalty, LipschitzPenalty
from otdiv.wgan import CriticSteps, small, swiss_roll, train

example = Example(__doc__)
weights = (1.0, 100.0) if example.quick else (1.0, 10.0, 100.0)
n_steps, width = (10, 16) if example.quick else (600, 48)
data = swiss_roll()

final = {}
figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained", sharey=True)
for ax, kind, name in ((axes[0], GradientPenalty, "GP"), (axes[1], LipschitzPenalty, "LP")):
    for weight in weights:
        recipe = small(kind(weight))
        recipe = replace(
            recipe,
            generator=replace(recipe.generator, hidden=(width,) * 3),
            critic=replace(recipe.critic, hidden=(width,) * 3),
            generator_optimizer=Adam(learning_rate=1e-3),
            critic_optimizer=Adam(learning_rate=1e-3),
            batch_size=128,
            critic_steps=CriticSteps(usual=5),
            averaging=0.98,
            n_steps=n_steps,
        )
        history = train(data, recipe=recipe, log_every=n_steps // 10, n_held_out=400, rng=0).history
        ax.plot(history.step, history.w1, label=f"weight {weight:g}")
        final[name, weight] = float(np.mean(history.w1[-3:]))
    ax.set(title=name, xlabel="generator steps", yscale="log")
    ax.legend(frameon=False)
axes[0].set_ylabel("exact W1")

low, high = weights[0], weights[-1]
for name in ("GP", "LP"):
    listed = ", ".join(f"{final[name, weight]:.3f}" for weight in weights)
    example.shows(f"{name}: exact W1 for weights {weights}", listed)
ratio = final["GP", low] / final["LP", low]
example.holds_trained(
    "weight 1: W1 of GP / LP", f"{ratio:.2f}", "0.6 to 1.7: alike", 0.6 < ratio < 1.7
)
ratio = final["GP", high] / final["LP", high]
example.holds_trained(
    "weight 100: W1 of GP / LP", f"{ratio:.2f}", "above 1: LP is better", ratio > 1.0
)
example.finish(figure, "07_penalty_weights")
