# Made from the table in __init__.py by `python -m tests.stubs`.
from .answer import PeerAnswer as PeerAnswer
from .flash_sinkhorn import from_flash_sinkhorn as from_flash_sinkhorn
from .geomloss import from_geomloss as from_geomloss
from .ott import from_ott as from_ott
from .pot import from_pot as from_pot
from .scipy import from_scipy as from_scipy
