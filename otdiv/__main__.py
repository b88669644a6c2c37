"""`python -m otdiv`, the same as `otdiv`."""

from .cli import console

console()
