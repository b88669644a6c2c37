# Made from the table in __init__.py by `python -m tests.stubs`.
from .averaging import barycenter as barycenter
from .clustering import KMeansResult as KMeansResult
from .clustering import wasserstein_kmeans as wasserstein_kmeans
from .result import BarycenterResult as BarycenterResult
