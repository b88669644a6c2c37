"""A cloud flows down three losses in torch; every loss on the way is exact, with its proof.

A step of x -> x - (n/2) s grad of W2²(x, y) moves each of n points by the share s of the way to its
partner. The pairing stays optimal on the way (McCann 1997, doi:10.1006/aima.1997.1634), so that W2
falls by the factor 1 - s a step, exactly. The Sinkhorn divergence and the energy distance have
gradients as well, but no such straight paths: Feydy et al. (2019), arXiv:1810.08278.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from showing import Example

import otdiv
from otdiv.torch import energy_distance, sinkhorn_divergence, transport_cost

example = Example(__doc__)
n, n_steps, share = (60, 8, 0.25) if example.quick else (400, 24, 0.25)
rng = np.random.default_rng(0)
start = torch.tensor(0.6 * rng.normal(size=(n, 2)))
angle = rng.uniform(0.0, 1.5 * np.pi, n)
spiral = np.stack([np.cos(angle), np.sin(angle)], axis=1) * (0.5 + 0.4 * angle)[:, None]
y = torch.tensor(spiral + 0.05 * rng.normal(size=(n, 2)) + [2.0, 0.0])

# The loss, and the step in units of the gradient: each of its n parts has the weight 1/n.
LOSSES = {
    "W2²": (lambda x: transport_cost(x, y, cost="sqeuclidean"), 0.5 * share * n),
    "Sinkhorn divergence": (lambda x: sinkhorn_divergence(x, y, epsilon=0.1), 0.5 * share * n),
    "energy distance": (lambda x: energy_distance(x, y), 0.25 * share * n),
}


def flow(loss, step):
    """Clouds (n_steps + 1, n, 2) of plain gradient descent."""
    x, clouds = start.clone().requires_grad_(), [start]
    for _ in range(n_steps):
        (gradient,) = torch.autograd.grad(loss(x), x)
        x = (x - step * gradient).detach().requires_grad_()
        clouds.append(x.detach())
    return torch.stack(clouds)


def distances(clouds):
    """W2 of each cloud to the target, and what its proof leaves open."""
    results = [otdiv.transport(cloud, y, cost="sqeuclidean") for cloud in clouds]
    return (
        np.sqrt([result.value for result in results]),
        max(result.bounds.relative_gap for result in results),
    )


figure, axes = plt.subplots(1, 4, figsize=(15, 3.9), layout="compressed")
for ax, (name, (loss, step)) in zip(axes, LOSSES.items(), strict=False):
    clouds = flow(loss, step)
    w2, gap = distances(clouds)
    if name == "W2²":
        predicted = w2[0] * (1.0 - share) ** np.arange(n_steps + 1)
        example.close(
            f"{name}: W2 after {n_steps} steps", w2[-1], predicted[-1], 1e-6 * predicted[-1]
        )
        example.close("largest error on the way", np.abs(w2 / predicted - 1.0).max(), 0.0, 1e-6)
        example.holds("largest gap of a proof", f"{gap:.1e}", "1e-9 or less", gap <= 1e-9)
    else:
        example.holds(f"{name}: W2 after {n_steps} steps", f"{w2[-1]:.4f}", "falls", w2[-1] < w2[0])
    ax.plot(clouds[:, :, 0], clouds[:, :, 1], color="gray", linewidth=0.3)
    ax.scatter(*y.T, s=4, color="#0072B2")
    ax.scatter(*clouds[-1].T, s=4, color="#D55E00")
    ax.set_title(f"{name}: W2 {w2[-1]:.2g}")
    ax.set_aspect("equal")
    axes[-1].semilogy(w2, label=name)
axes[-1].set_xlabel("step")
axes[-1].set_title("W2 to the target")
axes[-1].legend()
example.finish(figure, "17_gradient_flow")
