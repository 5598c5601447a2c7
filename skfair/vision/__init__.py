"""Look at images: the health of a data set of them."""

from __future__ import annotations

from skfair.vision._images import Images, Picture, UnreadableImageError
from skfair.vision.health import ImageHealthCheck

__all__ = ["ImageHealthCheck", "Images", "Picture", "UnreadableImageError"]
