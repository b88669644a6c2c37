"""What is optional stays out of the collection where its library is missing."""

from importlib.util import find_spec

# Modules that need a library of their own, with its name: doctests would import them.
OPTIONAL = {"otdiv/torch": "torch", "otdiv/jax": "jax"}

collect_ignore = [folder for folder, library in OPTIONAL.items() if find_spec(library) is None]
