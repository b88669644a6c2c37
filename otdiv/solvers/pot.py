"""POT's C++ network simplex behind this library's certificates (extra `pot`)."""

from __future__ import annotations

import functools
import importlib
import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._memory import room_for
from .._rescaling import in_moderate_units
from ..errors import MissingDependencyError, UnsupportedProblemError
from ..plans import Potentials, SparsePlan
from ..problems import TransportProblem
from ..results import Solution, SolveOptions, Status

__all__ = ["PotNetworkSimplex"]

# Bytes a pair at the peak with POT 0.9.7, measured at 1000 x 1000 and 2000 x 2000 pairs, with the
# cost matrix.
_BYTES_PER_PAIR = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PotNetworkSimplex:
    """`ot.emd` of the Python Optimal Transport library, repaired and certified like any solver.

    Attributes
    ----------
    max_iterations : int
        POT's `numItermax`.

    References
    ----------
    Flamary et al. (2021), POT: Python Optimal Transport, JMLR 22(78).
    Bonneel et al. (2011), doi:10.1145/2070781.2024192.

    Examples
    --------
    >>> from otdiv import solvers, transport_matrix
    >>> transport_matrix([[0.0, 1.0], [1.0, 0.0]], solver=solvers.PotNetworkSimplex()).value
    0.0
    """

    max_iterations: int = 10_000_000

    def run(self, problem: TransportProblem, *, options: SolveOptions) -> Solution:
        """Call POT on the whole cost matrix."""
        try:
            lp = importlib.import_module("ot.lp")
        except ImportError:
            raise MissingDependencyError("POT", "pot", "PotNetworkSimplex") from None
        n, m = problem.shape
        way_out = "NetworkSimplex needs a quarter of it, ColumnGeneration some kilobytes an atom"
        with room_for(
            _BYTES_PER_PAIR * n * m, f"POT on {n} x {m} atoms", way_out, options.max_memory
        ):
            return in_moderate_units(problem, options, functools.partial(self._solved, lp))

    def _solved(self, lp: Any, problem: TransportProblem, _options: SolveOptions) -> Solution:
        C = problem.matrix()
        if not np.isfinite(C).all():
            raise UnsupportedProblemError(
                "PotNetworkSimplex cannot forbid pairs (inf costs); use solvers.NetworkSimplex"
            )
        shift = float(C.min())
        scale = float(C.max()) - shift
        scale = scale if scale > 0.0 and math.isfinite(scale) else 1.0
        mass = problem.mass
        with warnings.catch_warnings():
            # POT reports its status by warnings; it is read from the log instead.
            warnings.simplefilter("ignore")
            P, log = lp.emd(
                problem.a / mass,
                problem.b / mass,
                (C - shift) / scale,
                numItermax=self.max_iterations,
                log=True,
            )
        rows, columns = np.nonzero(P)
        code = int(log["result_code"])
        return Solution(
            plan=SparsePlan(
                rows=rows, columns=columns, mass=P[rows, columns] * mass, shape=problem.shape
            ),
            potentials=Potentials(f=log["u"] * scale + shift, g=log["v"] * scale),
            n_iterations=0,
            status={1: Status.OPTIMAL, 3: Status.MAX_ITERATIONS}.get(code, Status.NUMERICAL_ERROR),
            message="" if code == 1 else str(log["warning"]),
        )
