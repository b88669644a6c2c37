"""KL, JS and W1 of N(0, 1) and N(μ, 1) for μ from 0 to 35: which of them still has a slope.

After the curves in Hui (2018), GAN: Wasserstein GAN and WGAN-GP. Only JS loses its gradient: KL of
equal variances is μ²/2, and an apparent plateau there is an underflow of densities.
"""

import math

import matplotlib.pyplot as plt
import numpy as np
from showing import Example

from otdiv import Gaussian, js_divergence, kl_divergence, wasserstein1

example = Example(__doc__)
means = np.linspace(0.0, 35.0, 15 if example.quick else 141)


def normal(mean):
    return Gaussian(mean=mean, covariance=1.0)


def js_at(mean):
    return js_divergence(normal(0.0), normal(mean))


kl = np.array([kl_divergence(normal(0.0), normal(mean)) for mean in means])
js = np.array([js_at(mean) for mean in means])
w1 = np.array([wasserstein1(normal(0.0), normal(mean)) for mean in means])

relative = np.abs(2.0 * kl[1:] / means[1:] ** 2 - 1.0).max()
example.close("largest relative error of KL = μ²/2", relative, 0.0, 1e-14)
example.close("largest error of W1 = μ", np.abs(w1 - means).max(), 0.0, 1e-13)
for mean, value in (
    (0.5, 0.0303113),
    (1.0, 0.1114215),
    (2.0, 0.3368308),
    (3.0, 0.5267773),
    (5.0, 0.6759426),
    (8.0, 0.6930536),
):
    example.close(f"JS at μ = {mean:g}", js_at(mean), value, 1e-7)
example.close("log 2 - JS at μ = 10", math.log(2.0) - js_at(10.0), 8.6e-7, 0.1e-7)
for mean, slope in ((1.0, 0.199), (2.0, 0.225), (3.0, 0.148), (5.0, 0.0237)):
    measured = (js_at(mean + 1e-4) - js_at(mean - 1e-4)) / 2e-4
    example.close(f"slope of JS at μ = {mean:g}", measured, slope, 5e-4)

figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
for ax, values, title in ((axes[0], kl, "KL = μ²/2"), (axes[1], js, "JS"), (axes[2], w1, "W1 = μ")):
    ax.plot(means, values)
    ax.set(title=title, xlabel="μ")
axes[1].axhline(math.log(2.0), linestyle=":", color="gray")
example.finish(figure, "03_divergence_curves")
