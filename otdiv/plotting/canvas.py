"""What every picture shares: its Axes, matplotlib imported late, and the colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._optional import import_optional

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["BLUE", "GREY", "PINK", "VERMILION", "axes", "submodule", "tidy"]

# Chosen by taste, from a palette whose members stay apart for colour-blind readers (Okabe and Ito
# 2008, Color Universal Design).
BLUE = "#0072B2"
VERMILION = "#D55E00"
PINK = "#CC79A7"
GREY = "#999999"


def submodule(name: str) -> Any:
    """Return matplotlib.`name`, or say how to install it."""
    return import_optional(f"matplotlib.{name}", extra="plot", purpose="drawing")


def axes(ax: Axes | None, *, size: tuple[float, float]) -> Axes:
    """Return `ax`, or that of a new figure of the size in inches."""
    pyplot = submodule("pyplot")
    if ax is not None:
        return ax
    created: Axes = pyplot.subplots(figsize=size, layout="constrained")[1]
    return created


def tidy(ax: Axes) -> None:
    """Take away the frame's upper and right side."""
    ax.spines[["top", "right"]].set_visible(False)
