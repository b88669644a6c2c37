# Made from the table in __init__.py by `python -m tests.stubs`.
from .testing import k_sample_test as k_sample_test
from .testing import permutation_null as permutation_null
from .testing import two_sample_test as two_sample_test
from .testing_result import TestResult as TestResult
