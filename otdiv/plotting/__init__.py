"""Pictures of plans, critics, networks, tables, tests and intervals; each returns its Axes.

Matplotlib is imported when something is drawn, never before.
"""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "plot_barycenter": "barycenters",
        "plot_column": "tables",
        "plot_critic": "critics",
        "plot_diagrams": "diagrams",
        "plot_distance_matrix": "matrices",
        "plot_effects": "tables",
        "plot_heat_map": "batches",
        "plot_intervals": "intervals",
        "plot_layer_gradients": "networks",
        "plot_null": "nulls",
        "plot_plan": "plans",
        "plot_partial": "partial",
        "plot_power": "power",
        "plot_profile": "partial",
        "plot_rays": "rays",
        "plot_series": "batches",
        "plot_weights": "networks",
    },
)
