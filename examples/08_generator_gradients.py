"""Why the first GANs were unstable: gradients of the generator under a better and better D.

Arjovsky, Bottou (2017), arXiv:1701.04862, figures 2 and 3: the generator is frozen, a discriminator
is trained from scratch. The gradient of log(1 - D) vanishes, that of -log D grows and gets noisy.
"""

import matplotlib.pyplot as plt
import numpy as np
from showing import Example

from otdiv.critics import Adam, Architecture, CriticTrainer, Tanh, Tape
from otdiv.wgan import MinimaxGAN, NonSaturatingGAN, gaussians_8

example = Example(__doc__)
n_steps, width, batch = (60, 16, 64) if example.quick else (2500, 64, 256)
data, rng = gaussians_8(), np.random.default_rng(0)
# One latent dimension: the generated law lives on a curve, apart from the data.
generator = Architecture((32, 32), Tanh()).build(n_inputs=1, n_outputs=2, rng=rng)
tape = Tape(generator, batch)


def generated():
    return tape.forward(rng.standard_normal((batch, 1)).astype(np.float32))


network = Architecture((width, width, width)).build(n_inputs=2, rng=rng)
trainer = CriticTrainer(
    network,
    MinimaxGAN().critic_rule(),
    optimizer=Adam(learning_rate=1e-3, beta1=0.5, beta2=0.99),
    batch_size=batch,
    rng=rng,
)
critic = Tape(network, batch)
gradient = np.empty_like(generator.parameters)
steps, vanishing, growing, noise = [], [], [], []
for step in range(n_steps + 1):
    if step % max(1, n_steps // 40) == 0:
        norms = {}
        for loss in (MinimaxGAN(), NonSaturatingGAN()):
            draws = []
            for _ in range(6):
                points = generated()
                tape.backward(loss.generator_gradient(critic, points, points)[1], gradient)
                draws.append(gradient.copy())
            mean = np.mean(draws, axis=0)
            spread = np.sqrt(np.mean(np.sum((draws - mean) ** 2, axis=1)))
            norms[type(loss)] = (float(np.mean(np.linalg.norm(draws, axis=1))), float(spread))
        steps.append(step)
        vanishing.append(norms[MinimaxGAN][0])
        growing.append(norms[NonSaturatingGAN][0])
        noise.append(norms[NonSaturatingGAN][1])
    trainer.step(data.sample(batch, rng), generated())

fall = max(vanishing) / max(vanishing[-1], 1e-300)
example.holds_trained(
    "log(1 - D): largest / last gradient", f"{fall:.2g}", "more than 100", fall > 100.0
)
rise = np.mean(growing[-5:]) / growing[0]
example.holds_trained("-log D: last / first gradient", f"{rise:.2g}", "more than 1", rise > 1.0)
louder = np.mean(noise[-5:]) / noise[0]
example.holds_trained("-log D: last / first noise", f"{louder:.2g}", "more than 1", louder > 1.0)

figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
axes[0].plot(steps, vanishing)
axes[0].set(yscale="log", title="gradient of log(1 - D)", xlabel="steps of the discriminator")
axes[1].plot(steps, growing, label="mean norm")
axes[1].plot(steps, noise, label="noise between batches")
axes[1].set(title="gradient of -log D", xlabel="steps of the discriminator")
axes[1].legend(frameon=False)
example.finish(figure, "08_generator_gradients")
