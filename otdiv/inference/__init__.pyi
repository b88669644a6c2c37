# Made from the table in __init__.py by `python -m tests.stubs`.
from .equivalence import EquivalenceResult as EquivalenceResult
from .equivalence import equivalence_test as equivalence_test
from .intervals import Interval as Interval
from .intervals import confidence_interval as confidence_interval
from .required_sizes import RequiredSize as RequiredSize
from .required_sizes import required_size as required_size
from .testing import k_sample_test as k_sample_test
from .testing import permutation_null as permutation_null
from .testing import two_sample_test as two_sample_test
from .testing_result import TestResult as TestResult
