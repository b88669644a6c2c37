"""A Matplotlib figure as an SVG element that lives inside an HTML page.

Its colours are CSS variables, so that it follows the page's theme; its identifiers are its own, so
that many stand on one page; its letters are text in the page's font. Words that came with the
tables never reach Matplotlib, which would look for their glyphs and formulas in them: a figure is
drawn with tokens in their places, and they are put in when it is done.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width
from xml.etree import ElementTree

from ..._optional import import_optional
from ..._text import for_terminal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ACCENT", "FAINT", "INK", "MUTED", "RULE", "SOFT", "Drawing", "drawing_style", "shorten"]

INK, MUTED, RULE, FAINT = "#010101", "#020202", "#030303", "#040404"
ACCENT, SOFT = "#050505", "#060606"
_VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    RULE: "var(--rule)",
    FAINT: "var(--faint)",
    ACCENT: "var(--accent)",
    SOFT: "var(--soft)",
}
"""Colours that no page shows: each stands for a variable of the page's style sheet."""

_POINTS = 72.0
"""SVG units of an inch in Matplotlib; here a unit is a pixel of the page."""

_FONT_SIZE = 11.0
"""Pixels of the letters; by taste, the smallest that reads well where the figure is not scaled."""

_LONG_NUMBER = re.compile(r"-?\d+\.\d{2,}")
_FONT = re.compile(r"font-family: [^;]*; |font: (?=\d)(?P<size>[\d.]+px) [^;]*; ")
_UNTURNED = re.compile(r"rotate\(-?0 [^)]*\)")
_REFERENCE = re.compile(r"#([\w-]+)")


def _module(name: str) -> Any:
    return import_optional(name, extra="report", purpose="the HTML report's figures")


@contextlib.contextmanager
def drawing_style() -> Iterator[None]:
    """Draw in Matplotlib's own style, whatever the caller's, with letters as text."""
    matplotlib = _module("matplotlib")
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "svg.fonttype": "none",
                "svg.hashsalt": "otdiv",
                "font.size": _FONT_SIZE,
                "axes.linewidth": 1.0,
                "axes.edgecolor": RULE,
                "axes.labelcolor": MUTED,
                "text.color": INK,
                "xtick.color": RULE,
                "ytick.color": RULE,
                "xtick.labelcolor": MUTED,
                "ytick.labelcolor": MUTED,
                "xtick.major.size": 3.0,
                "ytick.major.size": 0.0,
                "axes.labelsize": _FONT_SIZE,
                "xtick.labelsize": _FONT_SIZE,
                "ytick.labelsize": _FONT_SIZE,
                "axes.spines.left": False,
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.axisbelow": True,
                "grid.color": RULE,
                "grid.linewidth": 0.6,
            }
        )
        yield


class Drawing:
    """One figure with one pair of axes, measured in pixels.

    Parameters
    ----------
    width, height : float
    left, right, top, bottom : float
        Pixels around the axes.
    """

    def __init__(
        self,
        width: float,
        height: float,
        *,
        left: float = 36.0,
        right: float = 12.0,
        top: float = 8.0,
        bottom: float = 38.0,
    ) -> None:
        self._figure = _module("matplotlib.figure").Figure(
            figsize=(width / _POINTS, height / _POINTS), dpi=_POINTS
        )
        self._words: list[str] = []
        self.inner = width - left - right, height - top - bottom
        self.ax: Axes = self._figure.add_axes(
            (left / width, bottom / height, self.inner[0] / width, self.inner[1] / height)
        )

    def word(self, text: str, most: int = 40, after: str = "") -> str:
        """Return a token for a text of others, of at most so many letters' width, and `after`."""
        self._words.append(shorten(for_terminal(text), most) + after)
        return f"@{len(self._words) - 1}@"

    def svg(self, prefix: str, label: str) -> str:
        """Return the SVG element; `prefix` is of no other figure of the page."""
        stream = io.StringIO()
        nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
        self._figure.savefig(stream, format="svg", transparent=True, metadata=nothing)
        root = ElementTree.fromstring(stream.getvalue())
        root.attrib = {
            "viewBox": root.attrib["viewBox"],
            "role": "img",
            "aria-label": for_terminal(label),
        }
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
            self._clean(element)
        _own_identifiers(root, prefix)
        _simplify(root)
        return ElementTree.tostring(root, encoding="unicode")

    def _clean(self, element: ElementTree.Element) -> None:
        """Take one element out of Matplotlib's hands."""
        kept = {}
        for name, value in element.attrib.items():
            if name.endswith("}href"):  # xlink is no longer needed
                name = "href"
            if name == "style":
                value = _FONT.sub(_only_size, value)
                for color, variable in _VARIABLES.items():
                    value = value.replace(color, variable)
            elif name in ("d", "x", "y", "transform", "points", "width", "height"):
                value = _UNTURNED.sub("", _LONG_NUMBER.sub(_rounded, value))
                value = " ".join(value.split())
            if value:
                kept[name] = value
        element.attrib = kept
        text = element.text
        if text is not None and text[:1] == "@" == text[-1:] and text[1:-1].isdigit():
            element.text = self._words[int(text[1:-1])]
        elif text is not None and not text.strip():
            element.text = None
        element.tail = None


def _only_size(found: re.Match[str]) -> str:
    """Of a font, the page knows the family."""
    return f"font-size: {found['size']}; " if found["size"] else ""


def _rounded(found: re.Match[str]) -> str:
    """A tenth of a pixel is as far as a screen can tell."""
    return f"{float(found[0]):.1f}".removesuffix(".0")


def _simplify(element: ElementTree.Element) -> None:
    """Take out what shows nothing: the figure's own style rule, groups that only nest."""
    kept: list[ElementTree.Element] = []
    for child in element:
        _simplify(child)
        if child.tag in ("metadata", "style"):
            continue
        if child.tag in ("g", "defs") and not len(child):
            continue
        if child.tag == "path" and child.attrib.get("style") == "fill: none":
            continue
        if child.tag == "g" and not child.attrib:
            kept.extend(child)
        else:
            kept.append(child)
    element[:] = kept


def _own_identifiers(root: ElementTree.Element, prefix: str) -> None:
    """Keep the identifiers that something refers to, and make them the figure's own."""
    referred = {
        name
        for element in root.iter()
        for key, value in element.attrib.items()
        if key in ("href", "clip-path") or "url(" in value
        for name in _REFERENCE.findall(value)
    }
    for element in root.iter():
        name = element.attrib.pop("id", None)
        if name in referred:
            element.attrib["id"] = f"{prefix}-{name}"
        for key, value in element.attrib.items():
            if key in ("href", "clip-path") or "url(" in value:
                element.attrib[key] = _REFERENCE.sub(rf"#{prefix}-\1", value)


def shorten(text: str, most: int) -> str:
    """Cut a text to the width of so many letters; East Asian ones and emoji count as two.

    Examples
    --------
    >>> shorten("departures", 6), shorten("出発地の空港", 6), shorten("delay", 6)
    ('depar…', '出発…', 'delay')
    """
    widths = [2 if east_asian_width(mark) in "WF" else 1 for mark in text]
    if sum(widths) <= most:
        return text
    kept, used = 0, 0
    while used + widths[kept] <= most - 1:
        used += widths[kept]
        kept += 1
    return f"{text[:kept]}…"
