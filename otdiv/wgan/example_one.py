"""Example 1 of the WGAN paper: two parallel lines, and what plain gradient descent makes of them.

The real law is (0, Z), the generated one (θ, Z), Z uniform on [0, 1]. W1 is |θ|; JS is log 2 for
every θ but 0, so that a perfect discriminator has nothing to say about the way.
"""

from __future__ import annotations

import numpy as np

from .._typing import FloatArray
from .._validation import check_positive, check_positive_integer
from ..critics.activations import Array
from ..errors import InvalidInputError
from ..maps import gradient
from ..solving import transport
from .losses import Loss, MinimaxGAN, WassersteinGAN

__all__ = ["SmoothDiscriminator", "descend_parallel_lines"]


class SmoothDiscriminator:
    """The smooth optimal discriminator of the lines {0} × [0, 1] and {θ} × [0, 1].

    D is a smooth cutoff of the distance r to the real line, 1 for r <= |θ| / 3 and 0 for
    r >= 2 |θ| / 3: it tells both laws apart with certainty, and its gradient is zero on both.

    Parameters
    ----------
    theta : float
        Not zero: equal laws have D = 1/2.

    References
    ----------
    Arjovsky, Bottou (2017), Towards principled methods for training generative adversarial
    networks, arXiv:1701.04862, theorem 2.1.
    """

    def __init__(self, theta: float) -> None:
        if theta == 0.0:
            raise InvalidInputError("theta", "differ from zero", theta)
        self.third = abs(theta) / 3.0

    def __call__(self, points: Array) -> FloatArray:
        """Return D (n,) at the points (n, 2)."""
        return _cutoff(self._distance(points) / self.third - 1.0)[0]

    def gradient(self, points: Array) -> FloatArray:
        """Return the gradient of D (n, 2) at the points (n, 2)."""
        distance = self._distance(points)
        offset = points - self._foot(points)
        slope = _cutoff(distance / self.third - 1.0)[1] / self.third
        safe = np.where(distance > 0.0, distance, 1.0)
        return np.asarray(slope[:, None] * offset / safe[:, None])

    @staticmethod
    def _foot(points: Array) -> FloatArray:
        return np.column_stack([np.zeros(len(points)), np.clip(points[:, 1], 0.0, 1.0)])

    def _distance(self, points: Array) -> FloatArray:
        return np.asarray(np.hypot(*(points - self._foot(points)).T))


def _cutoff(t: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the smooth step that is 1 for t <= 0 and 0 for t >= 1, and its derivative.

    With e(t) = exp(-1 / t) it is e(1 - t) / (e(t) + e(1 - t)), that is the sigmoid of
    1 / t - 1 / (1 - t), all whose derivatives vanish at both ends.
    """
    value = np.where(t < 0.5, 1.0, 0.0)
    slope = np.zeros_like(t)
    # Nearer to an end than this, exp(-1 / t) is zero in float64.
    inside = (t > 1e-3) & (t < 1.0 - 1e-3)
    u = t[inside]
    value[inside] = np.exp(-np.logaddexp(0.0, 1.0 / (1.0 - u) - 1.0 / u))
    slope[inside] = -value[inside] * (1.0 - value[inside]) * (1.0 / u**2 + 1.0 / (1.0 - u) ** 2)
    return value, slope


def descend_parallel_lines(
    loss: Loss,
    *,
    theta: float = 1.0,
    n_steps: int = 1000,
    step_size: float = 0.01,
    n: int = 32,
) -> FloatArray:
    """Descend on θ by plain gradient steps, against a perfect critic or discriminator.

    For a `WassersteinGAN` the critic is the exact Kantorovich potential, so the gradient is that of
    the exact W1 of the two lines, from this library's solver. For a `MinimaxGAN` it is that of
    E log(1 - D) for a smooth optimal D (`SmoothDiscriminator`), recomputed in every step.

    Parameters
    ----------
    loss : WassersteinGAN or MinimaxGAN
    theta : float, default 1.0
        Start.
    n_steps : int, default 1000
    step_size : float, default 0.01
        The same for both losses; W1 is reached up to it.
    n : int, default 32
        Points of each line, at the same heights.

    Returns
    -------
    ndarray, shape (n_steps + 1,)
        θ before and after each step.

    References
    ----------
    Arjovsky, Chintala, Bottou (2017), arXiv:1701.07875, example 1 and figure 1.

    Examples
    --------
    >>> from otdiv.wgan import MinimaxGAN, WassersteinGAN, descend_parallel_lines
    >>> bool(abs(descend_parallel_lines(WassersteinGAN(), n_steps=120)[-1]) < 0.05)
    True
    >>> float(descend_parallel_lines(MinimaxGAN(), n_steps=120)[-1])
    1.0
    """
    if isinstance(loss, WassersteinGAN):
        slope = _wasserstein_slope
    elif type(loss) is MinimaxGAN:
        slope = _minimax_slope
    else:
        raise InvalidInputError("loss", "be a WassersteinGAN or a MinimaxGAN", loss)
    n_steps = check_positive_integer("n_steps", n_steps)
    step_size = check_positive("step_size", step_size)
    heights = (np.arange(check_positive_integer("n", n)) + 0.5) / n
    path = np.empty(n_steps + 1)
    path[0] = theta
    for step in range(n_steps):
        path[step + 1] = path[step] - step_size * slope(float(path[step]), heights)
    return path


def _line(theta: float, heights: FloatArray) -> FloatArray:
    return np.column_stack([np.full_like(heights, theta), heights])


def _wasserstein_slope(theta: float, heights: FloatArray) -> float:
    result = transport(_line(theta, heights), _line(0.0, heights), cost="euclidean")
    by_points = gradient(result).x
    assert by_points is not None  # the cost is of points
    return float(by_points[:, 0].sum())


def _minimax_slope(theta: float, heights: FloatArray) -> float:
    if theta == 0.0:
        return 0.0  # the laws are equal, D is 1/2
    discriminator, points = SmoothDiscriminator(theta), _line(theta, heights)
    value, derivative = discriminator(points), discriminator.gradient(points)[:, 0]
    return float(np.mean(-derivative / (1.0 - value)))
