"""Solvers of transport problems, one algorithm a file; each is a frozen object with options."""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "ColumnGeneration": "column_generation",
    "Line": "line",
    "LinearProgram": "linear_program",
    "NetworkSimplex": "network_simplex",
    "PotNetworkSimplex": "pot",
    "Sinkhorn": "sinkhorn",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
