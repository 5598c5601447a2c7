"""Names that options take; this module imports nothing, so that help comes at once."""

from __future__ import annotations

PLAIN = "plain"
WITHOUT_GROUP = ("reweighter", "resampler", "massager", "reductions")
WITH_GROUP = ("thresholds", "guessed_thresholds", "reject_option")
METHODS = (*WITHOUT_GROUP, *WITH_GROUP)
METRICS = ("accuracy", "balanced_accuracy", "f1_score")
SIDES = ("estimate", "shown", "possible")
