"""Example 1 of the WGAN paper: W1 is a V, JS a plateau, and what gradient descent makes of both.

Arjovsky, Chintala, Bottou (2017), arXiv:1701.07875, example 1 and figure 1.
"""

import math

import matplotlib.pyplot as plt
import numpy as np
from showing import Example

from otdiv import DiscreteMeasure, js_divergence, wasserstein1
from otdiv.wgan import MinimaxGAN, WassersteinGAN, descend_parallel_lines

example = Example(__doc__)
n = 10 if example.quick else 50
heights = (np.arange(n) + 0.5) / n
thetas = np.linspace(-1.0, 1.0, 9 if example.quick else 81)


def line(theta):
    return np.column_stack([np.full(n, theta), heights])


w1 = np.array([wasserstein1(line(theta), line(0.0)) for theta in thetas])
js = np.array(
    [
        js_divergence(
            DiscreteMeasure.from_samples(line(theta)), DiscreteMeasure.from_samples(line(0.0))
        )
        for theta in thetas
    ]
)
n_steps = 1000
wasserstein_path = descend_parallel_lines(WassersteinGAN(), n_steps=n_steps, n=n)
minimax_path = descend_parallel_lines(MinimaxGAN(), n_steps=n_steps, n=n)

away = thetas != 0.0
example.close("largest |W1 - |theta||", np.abs(w1 - np.abs(thetas)).max(), 0.0, 1e-15)
example.close("JS, theta not 0, farthest from log 2", js[away].min(), math.log(2.0), 1e-15)
example.close("JS at theta = 0", js[~away][0], 0.0, 0.0)
example.close("theta after 1000 steps down W1", wasserstein_path[-1], 0.0, 0.05)
example.close("theta after 1000 steps of minimax", minimax_path[-1], 1.0, 1e-3)

figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
axes[0].plot(thetas, w1)
axes[0].set(title="W1, a V", xlabel="θ")
axes[1].plot(thetas[away], js[away], ".", markersize=3)
axes[1].plot(0.0, 0.0, "o")
axes[1].set(title="JS, a plateau at log 2 with a hole", xlabel="θ")
axes[2].plot(wasserstein_path, label="Wasserstein")
axes[2].plot(minimax_path, label="minimax, optimal D")
axes[2].set(title="gradient descent from θ = 1", xlabel="step", ylabel="θ", xscale="symlog")
axes[2].legend(frameon=False)
example.finish(figure, "01_parallel_lines")
