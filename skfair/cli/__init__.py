"""The command line: ``skfair audit`` and ``skfair mitigate``."""

from __future__ import annotations

from typing import Any

from skfair.cli._main import main

__all__ = ["ModelCard", "load_model", "main", "save_model"]

_OF_FILES = ("ModelCard", "load_model", "save_model")


def __getattr__(name: str) -> Any:
    if name in _OF_FILES:  # so that help comes at once
        from skfair.cli import _model_files

        return getattr(_model_files, name)
    raise AttributeError(f"module 'skfair.cli' has no attribute {name!r}")
