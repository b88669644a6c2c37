"""Claims of the literature as objects that run: cases, a slack, a verdict.

`claims` is the catalogue, one file a topic; `run_claim` tests one of them and `verify` many. The
package `hypothesis` (extra `verify`) draws the cases and shrinks what breaks a statement.
`conformance` holds the laws that a solver must obey, and runs them against anybody's.
"""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Claim": "claim",
        "Kind": "claim",
        "Outcome": "claim",
        "Source": "claim",
        "VerificationProgress": "verification",
        "VerificationReport": "verification",
        "Verdict": "claim",
        "Violation": "claim",
        "claims": "catalogue",
        "run_claim": "running",
        "topics": "catalogue",
        "verify": "verification",
    },
    modules=("conformance",),
)
