"""Watch a model in production: rates and gaps by group over time, and alerts that hold."""

from __future__ import annotations

from skfair.monitoring._display import MonitorDisplay
from skfair.monitoring._monitor import FairnessMonitor

__all__ = ["FairnessMonitor", "MonitorDisplay"]
