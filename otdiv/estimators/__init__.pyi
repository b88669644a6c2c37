# Made from the table in __init__.py by `python -m tests.stubs`.
from .classifiers import classifier_bound as classifier_bound
from .corrections import js_from_counts as js_from_counts
from .corrections import kl_from_counts as kl_from_counts
from .estimate import Estimate as Estimate
from .neighbours import js_from_samples as js_from_samples
from .neighbours import kl_from_samples as kl_from_samples
