"""A flow down W2² as one compiled loop of JAX, with a proof of where it ends.

The gradient of W2² at a cloud of n points is 2 / n times the way to the partners, so each step
below goes a tenth of that way. Clouds on the way have the same partners (McCann 1997,
doi:10.1006/aima.1997.1634), and every step leaves 0.9 of W2. `vmap` moves four clouds at once.
"""

import time

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from showing import Example

import otdiv
from otdiv.jax import transport_cost

example = Example(__doc__)
n, n_steps, share = (60 if example.quick else 300), 100, 0.1

key_start, key_turn = jax.random.split(jax.random.key(0))
corners = 4.0 * jnp.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
starts = corners[:, None] + 0.5 * jax.random.normal(key_start, (4, n, 2))
turns = 3.0 * jnp.pi * jnp.sort(jax.random.uniform(key_turn, (n,), minval=0.1))
target = 0.3 * turns[:, None] * jnp.stack([jnp.cos(turns), jnp.sin(turns)], axis=1)


def step(x, _):
    """A step down the gradient; the loss before it and the cloud after it."""
    loss, slope = jax.value_and_grad(transport_cost)(x, target, cost="sqeuclidean")
    moved = x - share * (n / 2) * slope
    return moved, (loss, moved)


flows = jax.jit(jax.vmap(lambda x: jax.lax.scan(step, x, length=n_steps)))
jax.block_until_ready(flows(starts))  # compiles
begin = time.perf_counter()
ends, (losses, places) = jax.block_until_ready(flows(starts))
seconds = time.perf_counter() - begin

# Losses fall until they meet the rounding of places in single precision.
predicted = losses[:, :1] * (1.0 - share) ** (2 * np.arange(n_steps))
seen = np.asarray(predicted > 1e-6)
worst = float(np.abs(losses / predicted - 1.0)[seen].max())
example.close("W2² against 0.81 a step, relative error", worst, 0.0, 1e-3)
for k, end in enumerate(ends):
    bounds = otdiv.transport(
        np.asarray(end, float), np.asarray(target, float), cost="sqeuclidean"
    ).bounds
    left = float(predicted[k, -1]) * (1.0 - share) ** 2
    example.holds(
        f"cloud {k}: proven bounds of W2² at the end",
        f"[{bounds.lower:.3g}, {bounds.upper:.3g}]",
        f"at most {left:.3g} and rounding",
        0.0 <= bounds.lower <= bounds.upper <= 1.01 * left + 1e-11,
    )
example.shows("a step of four clouds with gradients", f"{1e3 * seconds / n_steps:.2f} ms")

figure, (ax, curve) = plt.subplots(1, 2, figsize=(9, 4.5), layout="compressed")
for k, color in enumerate(("#0072B2", "#D55E00", "#009E73", "#CC79A7")):
    path = np.concatenate([starts[k][None], places[k]])
    ax.plot(path[:, ::5, 0], path[:, ::5, 1], color=color, linewidth=0.3)
    ax.scatter(*starts[k].T, s=4, color=color)
    curve.semilogy(losses[k], color=color)
ax.scatter(*target.T, s=3, color="black")
ax.set_title("ways to the target (black)")
ax.set_aspect("equal")
curve.set_title("W2² to the target")
curve.set_xlabel("step")
example.finish(figure, "19_gradient_flow_jax")
