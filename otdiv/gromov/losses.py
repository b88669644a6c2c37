"""What two entries of two spaces cost beside each other, in the form that makes sums short.

L(u, v) = f1(u) + f2(v) - h1(u) h2(v), with h1 and h2 rising: sums of L over two plans are then
products of matrices, and on the line the coupling in order is optimal.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._typing import FloatArray
from .._validation import as_cost_matrix, check_choice, first_index
from ..errors import InvalidInputError

__all__ = ["LOSSES", "Separated", "as_space", "as_spaces", "losses_between", "separated"]

LOSSES = ("square", "kl")
"""(u - v)^2, and u log(u / v) - u + v."""


class Separated(NamedTuple):
    """f1 and h1 of all entries of the one space (n, n), f2 and h2 of the other's (m, m)."""

    f1: FloatArray
    h1: FloatArray
    f2: FloatArray
    h2: FloatArray

    def scale(self) -> float:
        """What no term of the loss exceeds, nor the loss itself."""
        sizes = [float(np.max(np.abs(part), initial=0.0)) for part in self]
        return sizes[0] + sizes[2] + sizes[1] * sizes[3]


def as_space(name: str, value: object) -> FloatArray:
    """Coerce a square matrix of finite numbers."""
    space = as_cost_matrix(name, value)
    if space.shape[0] != space.shape[1]:
        requirement = "be square, a number for each pair of points of one space"
        raise InvalidInputError(name, requirement, f"shape {space.shape}")
    infinite = np.isinf(space)
    if infinite.any():
        hint = "(points that no path joins need a finite distance, or spaces of their own)"
        raise InvalidInputError(name, "be finite", "inf", f"{first_index(infinite)} {hint}")
    return space


def as_spaces(Cx: object, Cy: object, loss: str) -> tuple[FloatArray, FloatArray]:
    """Coerce two square matrices of finite numbers, as far as the loss is defined.

    Raises
    ------
    InvalidInputError
        If one is not square, holds infinity, or for "kl" a negative number or a zero on the right.
    """
    check_choice("loss", loss, LOSSES)
    spaces = as_space("Cx", Cx), as_space("Cy", Cy)
    if loss == "kl":
        for name, space, least in (("Cx", spaces[0], 0.0), ("Cy", spaces[1], 5e-324)):
            bad = space < least
            if bad.any():
                requirement = 'be positive with loss="kl"' if least else 'be at least 0 with "kl"'
                found = float(space[tuple(np.argwhere(bad)[0])])
                raise InvalidInputError(name, requirement, found, first_index(bad))
    return spaces


def separated(Cx: FloatArray, Cy: FloatArray, loss: str) -> Separated:
    """The parts of the loss; of the square one about a common middle, which changes no loss."""
    if loss == "square":
        ends = (min(Cx.min(), Cy.min()), max(Cx.max(), Cy.max()))
        middle = 0.5 * ends[0] + 0.5 * ends[1]
        x, y = Cx - middle, Cy - middle
        return Separated(x * x, 2.0 * x, y * y, y)
    logs = np.log(np.where(Cx > 0.0, Cx, 1.0))
    return Separated(Cx * logs - Cx, Cx, Cy, np.log(Cy))


def losses_between(u: FloatArray, v: FloatArray, loss: str) -> tuple[FloatArray, FloatArray]:
    """L(u, v) elementwise, and how far rounding may have moved each."""
    if loss == "square":
        difference = u - v
        value = difference * difference
        return value, value * 2.0**-51
    logs = np.log(np.where(u > 0.0, u, 1.0)) - np.log(v)
    paid = u * logs
    # Two logarithms of an ulp or two each, which the difference may cancel.
    slack = u * (np.abs(np.log(np.where(u > 0.0, u, 1.0))) + np.abs(np.log(v)) + np.abs(logs))
    return np.maximum(paid - u + v, 0.0), 2.0**-50 * (slack + u + v)
