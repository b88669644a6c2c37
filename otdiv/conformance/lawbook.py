"""The laws, in the order in which a report shows them."""

from __future__ import annotations

from .answer_laws import ANSWER_LAWS
from .dual_laws import DUAL_LAWS
from .entropic_laws import ENTROPIC_LAWS
from .extreme_laws import EXTREME_LAWS
from .gradient_laws import GRADIENT_LAWS
from .invariance_laws import INVARIANCE_LAWS
from .law import Law

__all__ = ["solver_laws"]


def solver_laws() -> dict[str, Law]:
    """Every law by its id.

    Returns
    -------
    dict of str to Law

    Examples
    --------
    >>> from otdiv.conformance import solver_laws
    >>> solver_laws()["marginals"].statement
    'P >= 0 has row sums a and column sums b'
    """
    chapters = (
        ANSWER_LAWS,
        DUAL_LAWS,
        ENTROPIC_LAWS,
        GRADIENT_LAWS,
        INVARIANCE_LAWS,
        EXTREME_LAWS,
    )
    return {law.id: law for laws in chapters for law in laws}
