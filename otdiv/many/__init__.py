"""Many problems at once: batches, pairings and matrices of distances."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "BatchResult": "results",
        "NeighborsResult": "neighbors",
        "PairingResult": "pairs",
        "nearest_neighbors": "neighbors",
        "pairing": "pairs",
        "pairing_result": "pairs",
        "pairwise_distances": "matrix",
        "progress_bar": "progress",
        "transport_batch": "batch",
        "transport_matrix_batch": "batch",
    },
)
