from .plans import plot_plan as plot_plan
from .tables import plot_column as plot_column
from .tables import plot_effects as plot_effects
