# Made from the table in __init__.py by `python -m tests.stubs`.
from .barycenters import plot_barycenter as plot_barycenter
from .batches import plot_heat_map as plot_heat_map
from .batches import plot_series as plot_series
from .critics import plot_critic as plot_critic
from .diagrams import plot_diagrams as plot_diagrams
from .intervals import plot_intervals as plot_intervals
from .matrices import plot_distance_matrix as plot_distance_matrix
from .networks import plot_layer_gradients as plot_layer_gradients
from .networks import plot_weights as plot_weights
from .nulls import plot_null as plot_null
from .partial import plot_partial as plot_partial
from .partial import plot_profile as plot_profile
from .plans import plot_plan as plot_plan
from .power import plot_power as plot_power
from .rays import plot_rays as plot_rays
from .tables import plot_column as plot_column
from .tables import plot_effects as plot_effects
