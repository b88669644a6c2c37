"""The Sinkhorn divergence with gradients at plans whose marginals were met."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._typing import FloatArray
from ..costs import PNormCost
from ..entropic.divergence import SinkhornDivergenceResult, sinkhorn_divergence_result
from .record import Gradients, centred, each, each_value

__all__ = ["SinkhornOptions", "sinkhorn_gradients", "sinkhorn_values"]


class SinkhornOptions(NamedTuple):
    """What `sinkhorn_divergence` is asked beside its data; the cost is |x - y|_norm ** power."""

    epsilon: float
    norm: float
    power: float
    marginal_tolerance: float
    max_iterations: int

    def solve(
        self, x: FloatArray, y: FloatArray, a: FloatArray | None, b: FloatArray | None
    ) -> SinkhornDivergenceResult:
        """Divergence of one pair of clouds."""
        return sinkhorn_divergence_result(
            x,
            y,
            x_weights=a,
            y_weights=b,
            epsilon=self.epsilon,
            cost=PNormCost(norm=self.norm, power=self.power),
            marginal_tolerance=self.marginal_tolerance,
            max_iterations=self.max_iterations,
        )


def sinkhorn_values(
    x: FloatArray,
    y: FloatArray,
    a: FloatArray | None,
    b: FloatArray | None,
    options: SinkhornOptions,
) -> FloatArray:
    """Sinkhorn divergence of x and y: (), or (B,)."""
    return each_value(lambda *pair: options.solve(*pair).value, x, y, a, b)


def sinkhorn_gradients(
    x: FloatArray,
    y: FloatArray,
    a: FloatArray | None,
    b: FloatArray | None,
    options: SinkhornOptions,
) -> Gradients:
    """`sinkhorn_values` with gradients by the envelope theorem.

    They err by what the marginals of the three plans do, which is below `marginal_tolerance`: a
    solve that did not come so far raises.
    """

    def of_one(
        x: FloatArray, y: FloatArray, a: FloatArray | None, b: FloatArray | None
    ) -> Gradients:
        result = options.solve(x, y, a, b)
        found = result.gradient()
        return Gradients(
            value=np.asarray(result.value),
            x=found.x.reshape(x.shape),
            y=found.y.reshape(y.shape),
            a=centred(found.a, a),
            b=centred(found.b, b),
        )

    return each(of_one, x, y, a, b)
