"""Units of a network: how much of the bias each one carries, and how to silence one."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skfair.finetuning._layers import is_free, runs_last, weighted_layers
from skfair.finetuning._objective import Floats
from skfair.finetuning._search import Search
from skfair.finetuning._training import Batch, odds_of


class Units(NamedTuple):
    """What each unit of a layer carries of the bias, and what it gives once it is silent.

    That is its mean output, or 0 in a layer without a bias term. ``carried`` is by how much the
    bias falls with it, to first order.
    """

    layer: Any
    carried: Floats
    silent: Any


def prunable(search: Search) -> list[Any]:
    """List the linear and convolutional layers that may change, but for the one that runs last.

    Frozen and parametrized ones may not.

    Raises
    ------
    ValueError
        If there are none.
    """
    last = runs_last(search.module, search.X[:2], search.device)
    layers = weighted_layers(search.module)
    found = [part for name, part in layers.items() if name != last and is_free(part)]
    if not found:
        raise ValueError(
            "the network has no units to prune: no linear or convolutional layer before the last "
            "that is neither frozen (requires_grad=False) nor parametrized"
        )
    return found


def carried_bias(search: Search, layers: list[Any], batch: Batch, bias_of: Any) -> list[Units]:
    r"""Measure what each unit carries of the bias.

    With the output :math:`h_{ij}` of unit j for row i (summed over the places of an image), that is
    :math:`\sum_i (h_{ij} - \bar h_j) \, \partial b / \partial h_{ij}`; without a bias term, 0
    stands for the mean.

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
        silent = output.detach().mean(others, keepdim=True)
        if layers[i].bias is None:
            silent = torch.zeros_like(silent)
        carried = ((output.detach() - silent) * gradient).sum(others)
        found[i] = Units(layers[i], carried.double().cpu().numpy(), silent.flatten())
    return found


def silence(units: Units, places: NDArray[np.intp]) -> None:
    """Let units give their mean whatever comes in; without a bias term, 0."""
    import torch

    chosen = torch.as_tensor(places, device=units.layer.weight.device)
    with torch.no_grad():
        units.layer.weight[chosen] = 0
        if units.layer.bias is not None:
            units.layer.bias[chosen] = units.silent[chosen]
