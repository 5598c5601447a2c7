"""The benchmark's parts are modules beside its script, not a package of skfair."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
