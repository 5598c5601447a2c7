"""Warnings that point at the user's own line."""

from __future__ import annotations

import inspect
import os
import warnings
from pathlib import Path

from sklearn.exceptions import UndefinedMetricWarning

_PACKAGE = str(Path(__file__).parents[1]) + os.sep


def warn_user(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line that called the package."""
    frame, level = inspect.currentframe(), 1
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def warn_undefined_metric(message: str) -> None:
    """Warn that something is undefined, at the line that called the package."""
    warn_user(message, UndefinedMetricWarning)
