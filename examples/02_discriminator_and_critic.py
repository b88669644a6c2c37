"""An optimal discriminator against an optimal critic, between two Gaussians.

Arjovsky, Chintala, Bottou (2017), arXiv:1701.07875, figure 2. The paper does not state its
Gaussians; here the real law is N(-2, 0.5²) and the generated one N(2, 0.5²).
"""

import matplotlib.pyplot as plt
import numpy as np
from showing import Example

from otdiv.critics import Adam, Architecture, CriticTrainer, GradientPenalty, Tanh
from otdiv.wgan import MinimaxGAN, WassersteinGAN

example = Example(__doc__)
n_steps = 60 if example.quick else 3000
rng = np.random.default_rng(0)
MEAN, SIGMA, BATCH = 2.0, 0.5, 256


def fit(loss):
    """Train one network on fresh batches; the learning rate falls to zero."""
    network = Architecture((64, 64), Tanh()).build(n_inputs=1, rng=rng)
    rule = loss.critic_rule()
    trainer = CriticTrainer(
        network, rule, optimizer=Adam(learning_rate=2e-3), batch_size=BATCH, rng=rng
    )
    for step in range(n_steps):
        real = rng.normal(-MEAN, SIGMA, (BATCH, 1))
        generated = rng.normal(MEAN, SIGMA, (BATCH, 1))
        trainer.step(real, generated, learning_rate_scale=1.0 - step / n_steps)
    trainer.binding.finish()
    return network


def sigmoid(z):
    return 0.5 * (1.0 + np.tanh(0.5 * z))


grid = np.linspace(-6.0, 6.0, 601)
# log p(x) / q(x) of the two densities is -16 x.
best = sigmoid(-2.0 * MEAN / SIGMA**2 * grid)
best_slope = np.abs(-2.0 * MEAN / SIGMA**2 * best * (1.0 - best))
discriminator, critic = fit(MinimaxGAN()), fit(WassersteinGAN(GradientPenalty(10.0)))
learned = sigmoid(discriminator(grid)[:, 0].astype(float))
values = critic(grid)[:, 0].astype(float)
inner = np.abs(grid) <= 2.0
slopes = critic.input_gradient(grid[inner])[:, 0]

example.holds(
    "largest slope of the optimal D, |x| > 1",
    f"{best_slope[np.abs(grid) > 1.0].max():.2g}",
    "below 1e-4",
    best_slope[np.abs(grid) > 1.0].max() < 1e-4,
)
deviation = float(slopes.std() / abs(slopes.mean()))
example.holds(
    "critic on [-2, 2]: sd of the slope / mean", f"{deviation:.3f}", "below 0.15", deviation < 0.15
)
# The penalty lets the slope exceed one: by a / (2 weight) for two atoms at distance a.
example.close("critic's mean slope on [-2, 2]", slopes.mean(), -(1.0 + 4.0 / 20.0), 0.12)
on_laws = np.abs(np.abs(grid) - MEAN) < 2.0 * SIGMA
example.close(
    "learned D, mean error near the laws", np.abs(learned - best)[on_laws].mean(), 0.0, 0.02
)

figure, ax = plt.subplots(figsize=(7.5, 4.4), layout="constrained")
for mean, label in ((-MEAN, "density of the real"), (MEAN, "density of the generated")):
    density = np.exp(-0.5 * ((grid - mean) / SIGMA) ** 2) / (SIGMA * np.sqrt(2.0 * np.pi))
    ax.fill_between(grid, density, alpha=0.3, label=label)
ax.plot(grid, learned, label="GAN discriminator, trained")
ax.plot(grid, best, ":", color="black", label="optimal discriminator")
ax.plot(grid, 0.2 * (values - np.interp(0.0, grid, values)), label="WGAN-GP critic / 5")
ax.set(xlabel="x", ylim=(-1.1, 1.3), title="The discriminator is flat where the critic is a slope")
ax.legend(frameon=False, fontsize="small")
example.finish(figure, "02_discriminator_and_critic")
