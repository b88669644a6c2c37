"""How wrong is anybody's answer: bounds of an optimum from a plan, potentials, or both."""

from .calls import certify, certify_matrix
from .record import Certificate, EntropicCertificate

__all__ = ["Certificate", "EntropicCertificate", "certify", "certify_matrix"]
