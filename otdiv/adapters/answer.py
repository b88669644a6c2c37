"""What a peer answered, in the terms of this library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from numpy.typing import NDArray

from .._frozen import restore, seal
from .._typing import FloatArray
from ..costs import Cost

__all__ = ["PeerAnswer", "PeerPlan", "PeerPotentials"]

PeerPlan: TypeAlias = NDArray[Any] | tuple[NDArray[Any], ...] | Callable[[int, int], Any] | Any
"""An array (n, m), a SciPy sparse array, (rows, columns, mass), a permutation, or blocks of rows"""

PeerPotentials: TypeAlias = tuple[FloatArray | None, FloatArray | None]
"""f (n,) and g (m,) in the unit of the cost; None for a side that the peer leaves out"""

# What `certify` takes by these names.
_KEYS = ("plan", "potentials", "epsilon", "cost")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PeerAnswer:
    """A plan, potentials or both, as a peer returned them, in this library's units.

    ``certify(x, y, **answer)`` hands over the plan, the potentials, epsilon and the cost, as far as
    they are known.

    Attributes
    ----------
    plan : array (n, m), SciPy sparse array, tuple, callable or None
        The masses that were moved; `(rows, columns, mass)` lists them, an integer array (n,) is a
        permutation (all of row i goes to column plan[i]), and a callable `plan(start, stop)`
        returns rows start to stop as an array.
    potentials : tuple of arrays (n,) and (m,), or None
        f and g in the unit of the cost. With `epsilon` the plan is
        a_i exp((f_i + g_j - C_ij) / epsilon) b_j / m.
    epsilon : float or None
        Regularisation, in the unit of the cost; None for an answer to the problem without one, or
        where it is not known.
    cost : str, cost or None
        What the peer minimised, by this library's name; None where the result does not say.
    value : float or None
        What the peer printed as the optimum of the problem that is stated here (the regularised
        one where `epsilon` is a number), in the unit of the cost times mass. None where it printed
        no such number.
    converged : bool or None
        Whether the peer says that it converged; None where it says nothing.
    library : str
        Whose answer it is.
    note : str
        What was converted on the way.
    """

    library: str
    plan: PeerPlan | None = field(default=None)
    potentials: PeerPotentials | None = None
    epsilon: float | None = None
    cost: str | Cost | None = None
    value: float | None = None
    converged: bool | None = None
    note: str = ""

    __setstate__ = restore

    def __post_init__(self) -> None:
        seal(self)

    def keys(self) -> list[str]:
        """Names of what is known among plan, potentials, epsilon and cost."""
        return [name for name in _KEYS if getattr(self, name) is not None]

    def __getitem__(self, name: str) -> Any:
        if name not in self.keys():
            raise KeyError(name)
        return getattr(self, name)

    def __repr__(self) -> str:
        known = [f"{name}=…" for name in ("plan", "potentials") if name in self.keys()]
        rest = ("epsilon", "cost", "value", "converged")
        known += [f"{name}={getattr(self, name)!r}" for name in rest]
        return f"PeerAnswer({', '.join([repr(self.library), *known])})"
