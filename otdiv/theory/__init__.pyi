# Made from the table in __init__.py by `python -m tests.stubs`.
from .catalogue import claims as claims
from .catalogue import topics as topics
from .claim import Claim as Claim
from .claim import Kind as Kind
from .claim import Outcome as Outcome
from .claim import Source as Source
from .claim import Verdict as Verdict
from .claim import Violation as Violation
from .running import run_claim as run_claim
from .verification import VerificationProgress as VerificationProgress
from .verification import VerificationReport as VerificationReport
from .verification import verify as verify
