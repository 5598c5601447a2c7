"""Splitters that keep every group and label in every fold."""

from __future__ import annotations

from skfair.model_selection._split import GroupLabelStratifiedKFold

__all__ = ["GroupLabelStratifiedKFold"]
