"""What two entries of two spaces cost beside each other, in the form that makes sums short.

L(u, v) = f1(u) + f2(v) - h1(u) h2(v), with h1 and h2 rising: sums of L over two plans are then
products of matrices, and on the line the coupling in order is optimal.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from .._typing import FloatArray
from .._validation import as_cost_matrix, check_choice, first_index
from ..errors import InvalidInputError

__all__ = ["LOSSES", "Separated", "Unit", "as_space", "as_spaces", "losses_between", "separated"]

LOSSES = ("square", "kl")
"""(u - v)^2, and u log(u / v) - u + v."""


class Unit(NamedTuple):
    """A power of two in which numbers of pairs are of about 1: no square leaves float64 there.

    Losses are in the unit's `power`-th power; nothing is rounded on the way there.
    """

    exponent: int
    power: int

    @classmethod
    def of(cls, spaces: Iterable[FloatArray], loss: str) -> Unit:
        """The unit of the largest number of all spaces."""
        largest = max(float(np.abs(space).max()) for space in spaces)
        exponent = math.frexp(largest)[1] if largest > 0.0 else 0
        return cls(exponent, 2 if loss == "square" else 1)

    def numbers(self, space: FloatArray) -> FloatArray:
        """Numbers of a space in this unit."""
        return np.ldexp(space, -self.exponent)

    def losses(self, costs: FloatArray) -> FloatArray:
        """Losses, or costs beside them, in this unit's power."""
        with np.errstate(over="ignore"):
            return np.ldexp(costs, -self.power * self.exponent)

    def back(self, loss: float) -> float:
        """A loss in the caller's unit."""
        with np.errstate(over="ignore"):
            return float(np.ldexp(loss, self.power * self.exponent))


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
