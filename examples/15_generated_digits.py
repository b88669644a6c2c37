"""Generated digits against real ones, beside the distance that two real samples have.

The generator draws normal coefficients of the principal components of training images, clipped to
what ink allows. Both it and a second real sample are held against images that it never saw. A test
at 5 % also finds a difference between one real sample in twenty and another, so many are drawn.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import binom
from showing import Example

from otdiv import confidence_interval, two_sample_test
from otdiv.plotting import plot_intervals
from otdiv.wgan import digits

example = Example(__doc__)
rng = np.random.default_rng(0)
n = 200 if example.quick else 440
n_components = 20
data = digits()
real, other_real = np.split(data.held_out(2 * n, rng), 2)


def generate(size):
    training = data.sample(2000, rng)
    mean = training.mean(axis=0)
    _, spreads, directions = np.linalg.svd(training - mean, full_matrices=False)
    spreads = spreads[:n_components] / np.sqrt(len(training))
    coefficients = rng.normal(size=(size, n_components)) * spreads
    return np.clip(mean + coefficients @ directions[:n_components], 0.0, 1.0)


generated = generate(n)
found, results = {}, {}
for name, images in (("real", other_real), ("generated", generated)):
    test = two_sample_test(real, images, statistic="energy", n_permutations=999, rng=0)
    energy = confidence_interval(real, images, distance="energy", rng=0)
    w1 = confidence_interval(real, images, rng=0)
    found[f"{name} against real"], results[name] = energy, test
    # A distance of 1 is one pixel from white to full ink.
    example.shows(f"{name}: W1 of the samples", f"{w1.value:.3f} pixels")
    example.shows(f"{name}: W1 of the laws, 95 %", f"at least {w1.low:.3f} pixels")
    example.shows(f"{name}: energy distance", f"{test.value:.4f} √pixel")
    example.shows(f"{name}: mean of its null", f"{test.null_mean:.4f} √pixel")
    example.shows(f"{name}: 95 % interval of it", f"{energy.low:.4f} to {energy.high:.4f} √pixel")
    example.shows(f"{name}: p", f"{test.pvalue:.3f} ± {test.monte_carlo_error:.3f}")
verdict = "told apart" if results["generated"].pvalue <= 0.05 else "not told apart"
example.holds("generated: verdict at 5 %", verdict, "told apart", verdict == "told apart")

n_pairs, told_apart = (20 if example.quick else 100), 0
for _ in range(n_pairs):
    x, y = np.split(data.held_out(2 * n, rng), 2)
    pair = two_sample_test(x, y, statistic="energy", n_permutations=199, rng=rng)
    told_apart += pair.pvalue <= 0.05
# More would come of a true 5 % in one of a thousand runs.
most = int(binom.ppf(0.999, n_pairs, 0.05))
example.holds(
    "real pairs told apart at 5 %",
    f"{told_apart} of {n_pairs}",
    f"at most {most}",
    told_apart <= most,
)

figure = plt.figure(figsize=(8, 5.6), layout="constrained")
grid = figure.add_gridspec(3, 1, height_ratios=(1, 1, 2.2))
for place, (name, images) in enumerate((("real", real), ("generated", generated))):
    ax = figure.add_subplot(grid[place])
    strip = np.pad(images[:12].reshape(-1, 8, 8), ((0, 0), (0, 0), (1, 1)))
    ax.imshow(np.hstack(strip), cmap="gray_r", vmin=0.0, vmax=1.0)
    ax.set_ylabel(name)
    ax.set_xticks([])
    ax.set_yticks([])
ax = plot_intervals(found, ax=figure.add_subplot(grid[2]))
ax.axvline(results["real"].null_mean, color="gray", linestyle=":")
ax.set_xlabel("energy distance; dotted: mean of the null between two real samples")
example.finish(figure, "15_generated_digits")
