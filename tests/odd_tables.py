"""Tables whose names and categories are what strangers may write, for every output."""

import numpy as np

ODD = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "$1_$2",
    "\x1b[31mred\x1b[0m",
    "two\nlines",
    "出発の遅れ",
    "delay 🛫",
    "\u202eright to left\u200f",
    "مرحبا",
    "{{ 7 * 7 }}",
    "{% include 'page.html' %}",
    "@0@",
    "&lt;b&gt;",
    "</style>",
    "x" * 300,
    "",
    "  ",
]
PLAIN = [f"name{place}" for place in range(len(ODD))]


def tables(names, rows=60):
    """Numbers, categories, missing values, a failure and columns of one table, so named."""
    rng = np.random.default_rng(0)
    sides = []
    for shift in (0.0, 1.0):
        side = {}
        for place, name in enumerate(names[:-1]):
            if place % 2:
                side[name] = rng.normal(shift, size=rows).tolist()
            else:
                side[name] = [names[k] for k in rng.integers(len(names), size=rows)]
            if place % 3 == 0:
                side[name][: int(20 * shift)] = [None] * int(20 * shift)
        side["failing"] = ["u"] * rows if shift else [1.0] * rows
        side[f"{names[-1]}{shift}"] = [1.0] * rows
        sides.append(side)
    return sides
