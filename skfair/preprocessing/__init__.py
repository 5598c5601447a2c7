"""Mitigation before training: change the data or their weights."""

from __future__ import annotations

from skfair.preprocessing.reweighter import Reweighter, reweighing_weights

__all__ = ["Reweighter", "reweighing_weights"]
