"""`python -m otdiv.cli`, the same as `otdiv`."""

import sys

from .app import main

sys.exit(main())
