"""Units of a network: how much of the bias each one carries, and how to silence one."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skfair.finetuning._layers import last_linear
from skfair.finetuning._objective import Floats
from skfair.finetuning._search import Search
from skfair.finetuning._training import Batch, odds_of


class Units(NamedTuple):
    """What each unit of a layer carries of the bias, and its mean output.

    ``carried`` is by how much the bias falls if the unit always gives its mean, to first order.
    """

    layer: Any
    carried: Floats
    means: Any


def prunable(search: Search) -> list[Any]:
    """List the linear and convolutional layers that may change, but for the last one.

    Raises
    ------
    ValueError
        If there are none.
    """
    from torch import nn

    last = last_linear(search.module, search.X[:2], search.device)
    kinds = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d
    found = [
        part
        for name, part in search.module.named_modules()
        if isinstance(part, kinds) and name != last and part.weight.requires_grad
    ]
    if not found:
        raise ValueError(
            "the network has no units to prune: no linear or convolutional layer before the last"
        )
    return found


def carried_bias(search: Search, layers: list[Any], batch: Batch, bias_of: Any) -> list[Units]:
    r"""Measure what each unit carries of the bias.

    With the output :math:`h_{ij}` of unit j for row i (summed over the places of an image), that is
    :math:`\sum_i (h_{ij} - \bar h_j) \, \partial b / \partial h_{ij}`.

    Parameters
    ----------
    search : Search
    layers : list of torch.nn.Module
        Those that don't run for these rows carry nothing.
    batch : Batch
    bias_of : callable
        Bias of the log odds of a batch: ``bias_of(odds, batch)``.

    Returns
    -------
    list of Units
        One for each layer.
    """
    import torch

    from skfair.nn import evaluating, outputs_of

    with ExitStack() as stack:
        stack.enter_context(evaluating(search.module))
        seen = [stack.enter_context(outputs_of(layer)) for layer in layers]
        bias = bias_of(odds_of(search, batch.X), batch)
    ran = [i for i, outputs in enumerate(seen) if outputs]
    outputs = [seen[i][-1] for i in ran]
    gradients = torch.autograd.grad(bias, outputs, allow_unused=True)
    found = [Units(layer, np.zeros(len(layer.weight)), None) for layer in layers]
    for i, output, gradient in zip(ran, outputs, gradients, strict=True):
        if gradient is None:
            continue
        axis = output.ndim - 1 if isinstance(layers[i], torch.nn.Linear) else 1
        others = [d for d in range(output.ndim) if d != axis]
        means = output.detach().mean(others, keepdim=True)
        carried = ((output.detach() - means) * gradient).sum(others)
        found[i] = Units(layers[i], carried.double().cpu().numpy(), means.flatten())
    return found


def silence(units: Units, places: NDArray[np.intp]) -> None:
    """Let units give their mean whatever comes in; without a bias term, 0."""
    import torch

    chosen = torch.as_tensor(places, device=units.layer.weight.device)
    with torch.no_grad():
        units.layer.weight[chosen] = 0
        if units.layer.bias is not None:
            units.layer.bias[chosen] = units.means[chosen]
