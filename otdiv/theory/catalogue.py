"""All claims, by id; the files of the topics are imported when they are asked for."""

from __future__ import annotations

import importlib

from ..errors import InvalidInputError
from .claim import Claim, Topic

__all__ = ["claims", "topics"]

_FILES = (
    "entropy",
    "jensen_shannon",
    "divergence_bounds",
    "gaussian_curves",
    "gan_game",
    "generator_objectives",
    "vanishing_gradients",
    "transport_examples",
    "wasserstein_metric",
    "ground_costs",
    "partial",
    "diagrams",
    "averages",
    "mixtures",
    "spaces",
    "topology",
    "generators",
    "linear_programming",
    "duality",
    "transport_rays",
    "lipschitz_critics",
    "penalties",
    "minibatches",
    "training_runs",
    "tests_and_intervals",
    "unbalanced_transport",
)


def topics() -> dict[str, Topic]:
    """Chapters of the catalogue by name, in reading order.

    Returns
    -------
    dict of str to Topic
        Each with its `title` and its list of `claims`.

    Examples
    --------
    >>> from otdiv.theory import topics
    >>> topics()["duality"].title
    'Kantorovich-Rubinstein duality'
    """
    return {
        name: importlib.import_module(f"{__package__}.chapters.{name}").TOPIC for name in _FILES
    }


def claims() -> dict[str, Claim]:
    """All claims by id, in reading order.

    Returns
    -------
    dict of str to Claim

    Examples
    --------
    >>> from otdiv.theory import claims
    >>> print(claims()["pinsker"].statement)
    TV(P, Q) <= sqrt(KL(P|Q) / 2)
    """
    table: dict[str, Claim] = {}
    for topic in topics().values():
        for claim in topic.claims:
            if claim.id in table:
                raise InvalidInputError("id", "be used once", claim.id)
            table[claim.id] = claim
    return table
