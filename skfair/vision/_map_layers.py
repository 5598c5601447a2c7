"""Layers of a network that give maps, and the choice among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skfair._utils.text import listed
from skfair.vision._explained import ExplainedNetwork


def layers_with_maps(network: ExplainedNetwork, sample: Any) -> dict[str, tuple[int, ...]]:
    """Find the layers that give maps of more than one pixel, and their shapes, as they run."""
    import torch

    from skfair.nn import evaluating

    found: dict[str, tuple[int, ...]] = {}
    hooks = [
        part.register_forward_hook(_noting(found, name))
        for name, part in network.module.named_modules()
        if name
    ]
    try:
        with evaluating(network.module), torch.no_grad():
            network.module(network.place(sample))
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _noting(found: dict[str, tuple[int, ...]], name: str) -> Any:
    def note(_: Any, __: Any, out: Any) -> None:
        shape = tuple(getattr(out, "shape", ()))
        if len(shape) == 4 and shape[2] * shape[3] > 1:
            found.pop(name, None)
            found[name] = shape[1:]

    return note


def choose_layers(
    network: ExplainedNetwork, sample: Any, layers: str | Sequence[str] | None
) -> list[str]:
    """Find the layers whose maps are asked for; by default the last convolution that gives maps.

    Raises
    ------
    ValueError
        If there is no such layer, or it gives no maps; the message names those that do.
    """
    import torch

    from skfair.nn import find_layer

    found = layers_with_maps(network, sample)
    advice = (
        f"layers that give maps are {listed(found, most=50)}"
        if found
        else 'no layer gives maps: take method="integrated_gradients" or "occlusion"'
    )
    if layers is None:
        parts = dict(network.module.named_modules())
        last = [name for name in found if isinstance(parts[name], torch.nn.Conv2d)]
        if not last:
            raise ValueError(f"there is no convolution to take by default: set layers; {advice}")
        return last[-1:]
    names = [layers] if isinstance(layers, str) else list(layers)
    if not names or len(set(names)) < len(names):
        raise ValueError(f"layers must be one or more different names, got {layers!r}; {advice}")
    for name in names:
        find_layer(network.module, name)
        if name not in found:
            raise ValueError(f"the layer {name!r} gives no maps of these images; {advice}")
    return names
