# Made from the table in __init__.py by `python -m tests.stubs`.
from .averaging import barycenter as barycenter
from .result import BarycenterResult as BarycenterResult
