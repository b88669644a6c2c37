"""`python -m otdiv.cli`, the same as `otdiv`."""

from . import console

console()
