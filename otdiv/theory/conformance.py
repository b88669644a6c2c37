"""The former address of `otdiv.conformance`, for those who imported it from here."""

import importlib
import pkgutil
import sys

from .. import conformance

for _module in pkgutil.iter_modules(conformance.__path__):
    sys.modules[f"{__name__}.{_module.name}"] = importlib.import_module(
        f"{conformance.__name__}.{_module.name}"
    )
sys.modules[__name__] = conformance
