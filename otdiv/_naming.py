"""Names that a reader may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["did_you_mean"]

_MOST = 4
"""Names that a sentence offers; chosen by taste."""


def did_you_mean(name: object, table: Iterable[str]) -> str:
    """Return " (did you mean …?)" with the names that are near `name`, or an empty text.

    Examples
    --------
    >>> from otdiv._naming import did_you_mean
    >>> did_you_mean("Gan game", ["gan_game", "entropy"])
    ' (did you mean gan_game?)'
    """
    plain = {_plain(known): known for known in table}
    wanted = _plain(name)
    near = difflib.get_close_matches(wanted, plain, n=_MOST)
    if len(wanted) > 2:
        near += [known for known in plain if wanted in known and known not in near]
    found = ", ".join(plain[known] for known in near[:_MOST])
    return f" (did you mean {found}?)" if found else ""


def _plain(name: object) -> str:
    return "-".join(str(name).lower().replace("_", " ").replace("-", " ").split())
