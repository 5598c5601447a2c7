"""Real data that come with the package, and makers of data whose bias is known."""

from __future__ import annotations

from skfair.datasets.adult import load_adult
from skfair.datasets.biased import make_biased_classification
from skfair.datasets.colored_digits import make_colored_digits
from skfair.datasets.german import load_german
from skfair.datasets.heart import load_heart

__all__ = [
    "load_adult",
    "load_german",
    "load_heart",
    "make_biased_classification",
    "make_colored_digits",
]
