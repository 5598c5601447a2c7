"""Layers of a network by name, and what its output is."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from skfair._utils.text import listed
from skfair._utils.warning import warn_user
from skfair.nn.modules import outputs_of, predict_logits

Output = Literal["logits", "probabilities"]


def decide_output(module: Any, X: NDArray[np.floating], device: Any) -> Output:
    """Tell from what a network does whether it gives logits or probabilities.

    The layer that makes the output decides: linear ones make logits, sigmoid and softmax
    probabilities. Where it is neither, numbers that sum to 1 are probabilities, and single ones
    that lie within 0 and 1 are taken for such, with a warning.
    """
    maker = _last_part(module, X[:2], device)
    if isinstance(maker, torch.nn.Linear):
        return "logits"
    if isinstance(maker, torch.nn.Sigmoid | torch.nn.Softmax):
        return "probabilities"
    values = predict_logits(module, X, device)
    if not (values.min() >= 0 and values.max() <= 1):
        return "logits"
    if values.ndim == 2 and values.shape[1] == 2:
        return "probabilities" if np.allclose(values.sum(axis=1), 1, atol=1e-3) else "logits"
    warn_user(
        'the network gives numbers between 0 and 1, which output="auto" takes for probabilities: '
        'say output="probabilities" or output="logits"'
    )
    return "probabilities"


def _last_part(module: Any, sample: NDArray[np.floating], device: Any) -> Any:
    """Find the part whose output is the network's, be it reshaped; None where none is."""
    made: list[tuple[Any, Any, Any]] = []

    def keep(part: Any, _: Any, out: Any) -> None:
        if hasattr(out, "data_ptr"):
            made.append((part, out, out.clone()))

    parts = [part for part in module.modules() if next(part.children(), None) is None]
    hooks = [part.register_forward_hook(keep) for part in parts]
    try:
        with outputs_of(module) as whole:
            predict_logits(module, sample, device)
    finally:
        for hook in hooks:
            hook.remove()
    place, values = whole[-1].data_ptr(), whole[-1].flatten()
    for part, out, then in made:  # what is changed in place has the same place, and other values
        if out.data_ptr() == place and then.flatten().equal(values):
            return part
    return None


def find_layer(module: Any, name: str) -> Any:
    """Find a layer by its name.

    Raises
    ------
    ValueError
        If there is none of that name; the message lists those that there are.
    """
    layers = dict(module.named_modules())  # "" is the module itself
    if name not in layers:
        raise ValueError(f"the network has no layer {name!r}{layers_of(module)}")
    return layers[name]


def layers_of(module: Any) -> str:
    """Tell for a message which layers there are.

    Examples
    --------
    >>> layers_of(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.ReLU()))
    ": it has ['0', '1']"
    >>> layers_of(torch.nn.ReLU())
    ''
    """
    named = [known for known, _ in module.named_modules() if known]
    return f": it has {listed(named, most=100)}" if named else ""
