"""``python -m skfair`` is the command ``skfair``."""

from __future__ import annotations

import sys

from skfair.cli import main

if __name__ == "__main__":
    sys.exit(main())
