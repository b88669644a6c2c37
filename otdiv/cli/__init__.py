"""The command line: `otdiv COMMAND …`; each command is one file of this package."""

from .app import main

__all__ = ["main"]
