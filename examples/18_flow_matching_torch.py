"""Flow matching in torch: minibatches paired exactly against minibatches paired at random.

A torch perceptron learns the velocity of points between noise and data: Tong et al. (2023),
arXiv:2302.00482. `otdiv.torch.pairing` is an index tensor that uses every point once; pairs that
are drawn from a plan with replacement leave a third of the points out. Straightness is that of
Liu et al. (2022), arXiv:2209.03003, section 2: the mean of |velocity - displacement|². The distance
to the data is exact for the samples; for the laws behind them an interval of the sliced distance is
given.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from showing import Example

import otdiv
from otdiv.torch import pairing
from otdiv.wgan import gaussians_8

example = Example(__doc__)
n_steps, n, n_drawn = (60, 128, 300) if example.quick else (1500, 256, 1000)
data = gaussians_8()


def trained(with_pairing):
    """Velocity of (x, t)."""
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        *(torch.nn.Linear(3, 64), torch.nn.SiLU()),
        *(torch.nn.Linear(64, 64), torch.nn.SiLU()),
        torch.nn.Linear(64, 2),
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    for _ in range(n_steps):
        x = torch.tensor(rng.normal(size=(n, 2))).float()
        y = torch.tensor(data.sample(n, rng)).float()
        t = torch.tensor(rng.random((n, 1))).float()
        if with_pairing:
            y = y[pairing(x, y)]
        velocity = network(torch.cat([(1.0 - t) * x + t * y, t], dim=1))
        loss = (velocity - (y - x)).square().sum(dim=1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


@torch.no_grad()
def flow(network, x, n_parts):
    """Euler's method: places (n_parts + 1, n, 2) and the velocities between them."""
    places, velocities = [x], []
    for k in range(n_parts):
        time = torch.full((len(x), 1), k / n_parts)
        velocities.append(network(torch.cat([places[-1], time], dim=1)))
        places.append(places[-1] + velocities[-1] / n_parts)
    return torch.stack(places), torch.stack(velocities)


def bending(places, velocities):
    """Mean of |velocity - displacement|², which is 0 for straight paths of even speed."""
    return float((velocities - (places[-1] - places[0])).square().sum(dim=2).mean())


def lost(x, y):
    """Share of the rows that pairs drawn from their plan with replacement leave out."""
    drawn = np.random.default_rng(4).integers(0, len(x), len(x))
    return 1.0 - np.unique(drawn).size / len(x), torch.unique(pairing(x, y)).numel() / len(x)


rng = np.random.default_rng(2)
noise = torch.tensor(rng.normal(size=(n_drawn, 2))).float()
target = torch.tensor(data.sample(n_drawn, rng)).float()
figure, axes = plt.subplots(1, 2, figsize=(9, 4.8), layout="compressed", sharex=True, sharey=True)
bends, misses = {}, {}
for ax, name in zip(axes, ("at random", "paired"), strict=True):
    network = trained(name == "paired")
    places, velocities = flow(network, noise, 50)
    bends[name] = bending(places, velocities)
    few = flow(network, noise, 3)[0][-1]
    result = otdiv.transport(few, target, cost="sqeuclidean")
    misses[name] = result.value**0.5
    low, high = result.bounds.lower**0.5, result.bounds.upper**0.5
    interval = otdiv.confidence_interval(
        few, target, distance="sliced_wasserstein", n_replicates=200, rng=0
    )
    example.shows(f"{name}: W2 of the samples, 3 steps", f"[{low:.6f}, {high:.6f}]")
    example.shows(
        f"{name}: sliced distance of the laws, 95 %", f"[{interval.low:.3f}, {interval.high:.3f}]"
    )
    ax.plot(places[:, :100, 0], places[:, :100, 1], color="gray", linewidth=0.4)
    ax.scatter(*target.T, s=3, color="#0072B2")
    ax.scatter(*places[-1].T, s=3, color="#D55E00")
    ax.set_title(f"{name}: bending {bends[name]:.2g}")
    ax.set_aspect("equal")
left_out, used = lost(noise, target)
example.close("rows that drawing with replacement leaves out", left_out, np.exp(-1.0), 0.08)
example.close("share of the data that the pairing uses", used, 1.0, 0.0)
example.holds_trained(
    "bending of paths: paired against at random",
    f"{bends['paired']:.3f}, {bends['at random']:.3f}",
    "half or less",
    bends["paired"] <= 0.5 * bends["at random"],
)
example.holds_trained(
    "W2 after 3 steps: paired against at random",
    f"{misses['paired']:.3f}, {misses['at random']:.3f}",
    "smaller",
    misses["paired"] < misses["at random"],
)
example.finish(figure, "18_flow_matching_torch")
