"""Maps of what a network's score hangs on, by captum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from skfair._utils.optional import import_optional
from skfair.vision._explained import ExplainedNetwork

MapMethod = Literal["grad_cam", "hires_cam", "integrated_gradients", "occlusion"]
METHODS = ("grad_cam", "hires_cam", "integrated_gradients", "occlusion")
OF_LAYERS = METHODS[:2]

MapMaker = Callable[[Any, Any], Any]
"""Makes maps (n, h, w) of at least 0 from images and the positions of the classes to explain."""


def map_makers(
    method: str,
    network: ExplainedNetwork,
    layers: list[str],
    *,
    baseline: Any,
    n_steps: int,
    window: int,
    stride: int,
    batch_size: int,
) -> list[MapMaker]:
    """Give what makes the maps: one for each layer with Grad-CAM, else one.

    Parameters
    ----------
    method : {"grad_cam", "hires_cam", "integrated_gradients", "occlusion"}
    network : ExplainedNetwork
    layers : list of str
        Of the methods that look at layers.
    baseline : tensor that broadcasts to images
        What nothing looks like, for the other methods.
    n_steps : int
        Of the integral.
    window, stride : int
        Side of the square that is hidden, and how far it moves.
    batch_size : int
        Most images that pass the network at once.
    """
    attr = import_optional("captum.attr", extra="explain", purpose="Heatmaps")
    size = tuple(network.shape[-2:])
    if method in OF_LAYERS:
        make = _grad_cam if method == "grad_cam" else _hires_cam
        parts = dict(network.module.named_modules())
        return [make(attr, network, parts[name], size) for name in layers]
    if method == "integrated_gradients":
        integral = attr.IntegratedGradients(network.scores)

        def integrate(images: Any, targets: Any) -> Any:
            found = integral.attribute(
                images.requires_grad_(),
                baselines=baseline.expand_as(images),
                target=targets,
                n_steps=n_steps,
                internal_batch_size=max(batch_size, len(images)),
            )
            return _over_channels(found.detach()).abs()

        return [integrate]
    hiding = attr.Occlusion(network.scores)
    channels = network.shape[:-2]

    def hide(images: Any, targets: Any) -> Any:
        found = hiding.attribute(
            images,
            sliding_window_shapes=(*channels, window, window),
            strides=(*channels, stride, stride),
            baselines=baseline.expand_as(images),
            target=targets,
        )
        return _over_channels(found.detach()).clamp(min=0)

    return [hide]


def _grad_cam(attr: Any, network: ExplainedNetwork, layer: Any, size: tuple[int, ...]) -> MapMaker:
    cam = attr.LayerGradCam(network.scores, layer)

    def make(images: Any, targets: Any) -> Any:
        found = cam.attribute(images.requires_grad_(), target=targets, relu_attributions=True)
        whole = attr.LayerAttribution.interpolate(found.detach(), size, "bilinear")
        return whole[:, 0].clamp(min=0)

    return make


def _hires_cam(attr: Any, network: ExplainedNetwork, layer: Any, size: tuple[int, ...]) -> MapMaker:
    product = attr.LayerGradientXActivation(network.scores, layer)

    def make(images: Any, targets: Any) -> Any:
        found = product.attribute(images.requires_grad_(), target=targets).detach()
        found = found.sum(dim=1, keepdim=True).clamp(min=0)
        return attr.LayerAttribution.interpolate(found, size, "bilinear")[:, 0].clamp(min=0)

    return make


def _over_channels(found: Any) -> Any:
    return found.sum(dim=1) if found.ndim == 4 else found
