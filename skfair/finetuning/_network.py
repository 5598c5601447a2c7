"""Networks as users have them: their modules, copied, and what takes X to their input."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array

from skfair._utils.columns import column_positions, is_frame, take_columns
from skfair._utils.text import listed
from skfair.finetuning._layers import Output

_KINDS = (
    "a torch.nn.Module, or a fitted skorch net, a fitted estimator of skfair.inprocessing or a "
    "fitted Pipeline that ends with one, in sklearn.frozen.FrozenEstimator"
)
_HOW = "fit it, and wrap it in sklearn.frozen.FrozenEstimator, since clone() resets what is bare"


class ArrayInput:
    """Makes the input of a bare network: all columns of X but the sensitive ones, or images.

    Parameters
    ----------
    dropped : sequence of int
        Positions of columns that are no input.
    dtype : str
        Type of the network's numbers.
    """

    def __init__(self, dropped: Sequence[int], dtype: str) -> None:
        self.dropped, self.dtype = tuple(dropped), dtype

    def __call__(self, X: Any) -> NDArray[np.floating]:
        """Give the input of rows of X."""
        if self.dropped:
            kept = [j for j in column_positions(X) if j not in self.dropped]
            X = take_columns(X if is_frame(X) else np.asarray(X), kept)
        try:
            return check_array(X, dtype=self.dtype, allow_nd=True, input_name="X")
        except ValueError as error:
            if "could not convert" not in str(error):
                raise
            raise ValueError(
                f"the network takes numbers, and X has others ({error}): give an array of its "
                "input, or put what encodes X and the fitted net into a Pipeline in FrozenEstimator"
            ) from error


class EstimatorInput:
    """Makes the input of an estimator's network, as the estimator does."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def __call__(self, X: Any) -> NDArray[np.floating]:
        """Give the input of rows of X."""
        return self.estimator.network_input(X)


class PipelineInput:
    """Makes the input of the network at the end of a Pipeline."""

    def __init__(self, steps: Pipeline, last: Any) -> None:
        self.steps, self.last = steps, last

    def __call__(self, X: Any) -> NDArray[np.floating]:
        """Give the input of rows of X."""
        return self.last(self.steps.transform(X))


class TrainedNetwork(NamedTuple):
    """A copy of the user's module, and how rows come to it.

    ``classes`` are those of the estimator around it, None for a bare module; ``output`` is what its
    loss tells of its output, None where nothing does.
    """

    module: Any
    encode: Any
    classes: NDArray[Any] | None
    output: Output | None


def read_network(net: Any, device: Any, dropped: Sequence[int] = ()) -> TrainedNetwork:
    """Copy what a user has trained.

    Parameters
    ----------
    net : torch.nn.Module, or fitted skorch net, estimator or Pipeline, bare or in FrozenEstimator
    device : torch.device
        Where the copy goes.
    dropped : sequence of int, default=()
        Columns of X that are no input of a bare module or net.

    Returns
    -------
    TrainedNetwork

    Raises
    ------
    NotFittedError
        If it isn't fitted.
    ValueError
        If it is none of these, or its numbers are of another type than float32 and float64.
    """
    import torch

    net = _unwrapped(net)
    if isinstance(net, torch.nn.Module):
        return _copied(net, dropped, device, None, None)
    if isinstance(net, Pipeline):
        last = read_network(net.steps[-1][1], device)
        if len(net.steps) == 1:
            return last
        return last._replace(encode=PipelineInput(net[:-1], last.encode))
    if isinstance(net, type) or not (hasattr(net, "net_") or hasattr(net, "initialize")):
        if hasattr(net, "fit") and hasattr(net, "module"):
            raise NotFittedError(f"net is {type(net).__name__}, which isn't fitted: {_HOW}")
        raise ValueError(f"net must be {_KINDS}; got {net!r:.200}")
    if not hasattr(net, "net_"):
        return _read_skorch(net, dropped, device)
    if not hasattr(net, "network_input"):
        raise ValueError(
            f"{type(net).__name__} has no method network_input(X), which gives what its network "
            "takes: give its module, and arrays of its input"
        )
    copy, _ = _copy(net.net_.module_, device)
    return TrainedNetwork(copy, EstimatorInput(net), net.classes_, "logits")


def _unwrapped(net: Any) -> Any:
    while isinstance(net, FrozenEstimator):
        net = net.estimator
    return net


def _read_skorch(net: Any, dropped: Sequence[int], device: Any) -> TrainedNetwork:
    import torch
    from skorch import NeuralNetClassifier

    if not getattr(net, "initialized_", False):
        raise NotFittedError(f"net is {type(net).__name__}, which isn't fitted: {_HOW}")
    logits = (torch.nn.CrossEntropyLoss, torch.nn.BCEWithLogitsLoss)
    output: Output | None = None
    if isinstance(net.criterion_, logits):
        output = "logits"
    elif isinstance(net.criterion_, torch.nn.BCELoss):
        output = "probabilities"
    elif isinstance(net.criterion_, torch.nn.NLLLoss):
        # skorch's classifier takes the logarithm itself; logarithms are as good as logits
        output = "probabilities" if isinstance(net, NeuralNetClassifier) else "logits"
    try:
        classes = np.asarray(net.classes_)
    except (AttributeError, ValueError):  # no classifier, or never fitted
        classes = None
    return _copied(net.module_, dropped, device, classes, output)


def _copied(
    module: Any,
    dropped: Sequence[int],
    device: Any,
    classes: NDArray[Any] | None,
    output: Output | None,
) -> TrainedNetwork:
    copy, dtype = _copy(module, device)
    return TrainedNetwork(copy, ArrayInput(dropped, dtype), classes, output)


def _copy(module: Any, device: Any) -> tuple[Any, str]:
    """Copy a module to a device; tell the type of its numbers."""
    types = [str(p.dtype) for p in module.parameters() if p.is_floating_point()]
    if not types:
        raise ValueError("the network has no parameters, so there is nothing to change")
    odd = sorted(set(types) - {"torch.float32", "torch.float64"})
    if odd:
        raise ValueError(
            f"the network has numbers of {listed(odd)}, too coarse for small changes: give it as "
            "float32, net.float()"
        )
    try:
        return deepcopy(module).to(device), types[0].removeprefix("torch.")
    except RuntimeError as error:
        if "deepcopy" not in str(error):
            raise
        raise ValueError(
            "the network can't be copied, since it keeps what it computed (the older weight_norm, "
            "say): use torch.nn.utils.parametrizations instead, or run it once under "
            "torch.no_grad()"
        ) from error
