"""Numbers, shares and lists of names as a person reads them."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = [
    "DASH",
    "counted",
    "format_effect",
    "format_interval",
    "format_number",
    "format_p",
    "format_share",
    "format_value",
    "listed",
    "with_unit",
]

DASH = "–"

_ROUNDING = 1e-12
"""Shares that differ from 0 or 1 by less do so by rounding: 4000 ulp of a mean over W1."""

_LEAST_P = 1e-4
"""p-values below it are not told apart: relabellings do not count that far."""


def format_number(value: float | None, digits: int = 4) -> str:
    """Round to significant digits, without an exponent between 1e-4 and 1e7.

    Examples
    --------
    >>> [format_number(v) for v in (11.749269, 0.0243173, 52.48448, 0.0, 1234567.8, 3e-7, None)]
    ['11.75', '0.02432', '52.48', '0', '1,234,568', '3e-07', '–']
    >>> format_number(0.99999), format_number(9_999_600.0)
    ('1.000', '9,999,600')
    """
    if value is None:
        return DASH
    if value == 0.0:
        return "0"
    if not math.isfinite(value):
        return "∞" if value > 0.0 else "-∞" if value < 0.0 else DASH
    exponent = math.floor(math.log10(abs(value)))
    if exponent < -4 or exponent >= 7:
        return f"{value:.{digits}g}"
    # Digits are counted from the first of the rounded number: 0.99999 is 1.000 in four.
    exponent = int(f"{value:.{digits - 1}e}".partition("e")[2])
    return f"{value:,.{max(0, digits - 1 - exponent)}f}"


def format_value(value: float | None) -> str:
    """Round a value of the data, or one that was given: without digits that are 0.

    Examples
    --------
    >>> [format_value(v) for v in (76.0, 1400.0, 0.25, 11.749, 5.0)]
    ['76', '1,400', '0.25', '11.75', '5']
    """
    text = format_number(value)
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def format_share(share: float | None) -> str:
    """Percent with two or three digits; neither 0 % nor 100 % unless it is so.

    Examples
    --------
    >>> [format_share(v) for v in (0.0, 1e-6, 0.01929, 0.9951, 0.99999, 1.0 - 1e-14, None)]
    ['0 %', '<0.1 %', '1.9 %', '99.5 %', '>99.9 %', '100 %', '–']
    """
    if share is None or math.isnan(share):
        return DASH
    if share < _ROUNDING:
        return "0 %"
    if share > 1.0 - _ROUNDING:
        return "100 %"
    if share < 0.0005:
        return "<0.1 %"
    if share > 0.9995:
        return ">99.9 %"
    return f"{100.0 * share:.1f} %"


def format_p(p: float | None) -> str:
    """Two significant digits of a p-value.

    Examples
    --------
    >>> [format_p(p) for p in (2e-21, 0.00011, 0.0246, 0.38123, 1.0, None)]
    ['<0.0001', '0.00011', '0.025', '0.38', '1', '–']
    """
    if p is None or math.isnan(p):
        return DASH
    return "<0.0001" if p < _LEAST_P else f"{p:.2g}"


def with_unit(value: float | None, unit: str | None, digits: int = 4) -> str:
    """Return a rounded number and its unit.

    Examples
    --------
    >>> with_unit(11.749, "min"), with_unit(2.0, None)
    ('11.75 min', '2.000')
    """
    text = format_number(value, digits)
    return text if unit is None or value is None else f"{text} {unit}"


def format_effect(
    value: float | None, measure: str | None, unit: str | None, digits: int = 4
) -> str:
    """An effect, or what has its unit: a total variation is shown as a share of the rows.

    Examples
    --------
    >>> format_effect(11.749, "W1", "min"), format_effect(0.08142, "TV", None)
    ('11.75 min', '8.142 %')
    """
    if measure == "TV":
        return with_unit(None if value is None else 100.0 * value, "%", digits)
    return with_unit(value, unit, digits)


def format_interval(low: float, high: float, measure: str | None) -> str:
    """Both ends in the unit of the effect, which stands beside them, with as many decimals.

    Examples
    --------
    >>> format_interval(10.99, 12.508, "W1"), format_interval(0.000852, 0.0199, "TV")
    ('11.0–12.5', '0.09–1.99')
    """
    scale = 100.0 if measure == "TV" else 1.0
    end = format_number(scale * high, 3)
    decimals = len(end.partition(".")[2])
    begin = format_number(scale * low, 3)
    if low and "e" not in end + begin and math.isfinite(high):
        begin = f"{scale * low:,.{decimals}f}"
    return f"{begin}–{end}"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number and what it counts.

    Examples
    --------
    >>> counted(1, "row"), counted(27004, "row"), counted(2, "category", "categories")
    ('1 row', '27,004 rows', '2 categories')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(names: Sequence[str], most: int = 6) -> str:
    """Names with commas, and how many there are beyond the first.

    Examples
    --------
    >>> listed(["a", "b", "c"]), listed([str(k) for k in range(20)], 3)
    ('a, b, c', '0, 1, 2 and 17 more')
    """
    if len(names) <= most + 1:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most:,} more"
