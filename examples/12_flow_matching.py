"""Flow matching with exact pairings of each minibatch: straighter paths, and what pairing costs.

A network learns the velocity of points that move from noise to data in straight lines. Pairing
each minibatch at the least cost makes lines that cross less: Tong et al. (2023), arXiv:2302.00482;
Pooladian et al. (2023), arXiv:2304.14772. Eight Gaussians on a circle are the data.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from showing import Example

from otdiv import pairing, wasserstein2
from otdiv.critics import Adam, Architecture, Softplus, Tape
from otdiv.wgan import gaussians_8

example = Example(__doc__)
n_steps, n, n_drawn = (100 if example.quick else 1500), 256, 500
data = gaussians_8()


def trained(with_pairing):
    """Network of (x, t), with the seconds of pairings and of all steps."""
    rng = np.random.default_rng(0)
    network = Architecture(hidden=(64, 64), activation=Softplus()).build(
        n_inputs=3, n_outputs=2, rng=1
    )
    tape, gradient = Tape(network, n), np.empty_like(network.parameters)
    optimizer = Adam(learning_rate=2e-3, beta1=0.9, beta2=0.999).start(network.parameters)
    pairing(rng.normal(size=(n, 2)), rng.normal(size=(n, 2)))  # compiles
    paired, begin = 0.0, time.process_time()
    for _ in range(n_steps):
        x, y, t = rng.normal(size=(n, 2)), data.sample(n, rng), rng.random((n, 1))
        if with_pairing:
            start = time.process_time()
            y = y[pairing(x, y, cost="sqeuclidean")]
            paired += time.process_time() - start
        inputs = np.concatenate([(1.0 - t) * x + t * y, t], axis=1).astype(network.dtype)
        miss = tape.forward(inputs) - (y - x)
        tape.backward(2.0 * miss / n, gradient)
        optimizer.step(network.parameters, gradient)
    return network, paired, time.process_time() - begin


def flow(network, x, n_parts):
    """Euler's method in so many steps; all places on the way."""
    places = [x]
    for k in range(n_parts):
        t = np.full((len(x), 1), k / n_parts)
        places.append(places[-1] + network(np.concatenate([places[-1], t], axis=1)) / n_parts)
    return np.array(places)


def bending(path):
    """Mean length of paths over the distance of their ends, less 1."""
    length = np.linalg.norm(np.diff(path, axis=0), axis=2).sum(axis=0)
    return float(length.mean() / np.linalg.norm(path[-1] - path[0], axis=1).mean() - 1.0)


rng = np.random.default_rng(2)
noise, target = rng.normal(size=(n_drawn, 2)), data.sample(n_drawn, rng)
figure, axes = plt.subplots(1, 2, figsize=(9, 4.8), layout="compressed", sharex=True, sharey=True)
bends, misses = {}, {}
for ax, name in zip(axes, ("at random", "paired"), strict=True):
    network, paired, seconds = trained(name == "paired")
    path = flow(network, noise, 100)
    bends[name] = bending(path)
    misses[name] = wasserstein2(flow(network, noise, 4)[-1], target)
    example.shows(f"{name}: W2 to the data after 4 steps", f"{misses[name]:.3f}")
    example.shows(
        f"{name}: W2 to the data after 100 steps", f"{wasserstein2(path[-1], target):.3f}"
    )
    example.shows(f"{name}: a step of training", f"{1e3 * seconds / n_steps:.2f} ms")
    ax.plot(path[:, :100, 0], path[:, :100, 1], color="gray", linewidth=0.4)
    ax.scatter(*target.T, s=3, color="#0072B2")
    ax.scatter(*path[-1].T, s=3, color="#D55E00")
    ax.set_title(f"{name}: paths {100 * bends[name]:.1f} % longer than straight")
    ax.set_aspect("equal")
milliseconds, share = 1e3 * paired / n_steps, paired / seconds
example.shows("a pairing of 256 points", f"{milliseconds:.2f} ms")
example.shows("share of the pairing in a step", f"{100 * share:.0f} %")
example.holds_trained(
    "bending of paths: paired against at random",
    f"{bends['paired']:.4f}, {bends['at random']:.4f}",
    "half or less",
    bends["paired"] <= 0.5 * bends["at random"],
)
example.holds_trained(
    "W2 after 4 steps: paired against at random",
    f"{misses['paired']:.3f}, {misses['at random']:.3f}",
    "smaller",
    misses["paired"] < misses["at random"],
)
example.finish(figure, "12_flow_matching")
