"""Look at images, look into the network, and widen the data."""

from __future__ import annotations

from skfair.vision._images import Images, Picture, UnreadableImageError
from skfair.vision.activations import ActivationMaximizer
from skfair.vision.attributions import GroupAttributions, group_attributions
from skfair.vision.augmenter import TargetedAugmenter
from skfair.vision.health import ImageHealthCheck
from skfair.vision.heatmaps import Heatmaps

__all__ = [
    "ActivationMaximizer",
    "GroupAttributions",
    "Heatmaps",
    "ImageHealthCheck",
    "Images",
    "Picture",
    "TargetedAugmenter",
    "UnreadableImageError",
    "group_attributions",
]
