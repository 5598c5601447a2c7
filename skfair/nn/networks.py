"""Networks as users have them: their modules, and what takes X to their input."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array

from skfair._utils.columns import column_positions, is_frame, take_columns
from skfair._utils.text import listed
from skfair.nn.layers import Output

_KINDS = (
    "a torch.nn.Module, or a fitted skorch net, a fitted network of skfair.inprocessing or "
    "skfair.finetuning or a fitted Pipeline that ends with one, bare or in "
    "sklearn.frozen.FrozenEstimator"
)
_HOW = "fit it first (sklearn.frozen.FrozenEstimator around it keeps it fitted in clone())"


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
        try:
            prepared = self.steps.transform(X)
        except (ValueError, TypeError) as error:
            error.add_note(
                "The Pipeline of the network gets X with all of its columns, those that "
                "sensitive_features names included. If it was fitted without them, give X without "
                "them, and groups as sensitive_features= of fit."
            )
            raise
        return self.last(prepared)


class TrainedNetwork(NamedTuple):
    """The user's module or a copy of it, and how rows come to it.

    ``classes`` are those of the estimator around it, None for a bare module; ``output`` is what its
    loss tells of its output, None where nothing does.
    """

    module: Any
    encode: Any
    classes: NDArray[Any] | None
    output: Output | None


def read_network(
    net: Any, device: Any = None, dropped: Sequence[int] = (), *, copy: bool = True
) -> TrainedNetwork:
    """Read what a user has trained.

    Parameters
    ----------
    net : torch.nn.Module, or fitted skorch net, estimator or Pipeline, bare or in FrozenEstimator
    device : torch.device, default=None
        Where the network is to be; None: where it is.
    dropped : sequence of int, default=()
        Columns of X that are no input of a bare module or net.
    copy : bool, default=True
        Whether the module is copied, so that it may be changed. Without, it is the user's own
        wherever it is on the device already.

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
    net = _unwrapped(net)
    if isinstance(net, torch.nn.Module):
        module, dtype = _placed(net, device, copy)
        return TrainedNetwork(module, ArrayInput(dropped, dtype), None, None)
    if isinstance(net, Pipeline):
        last = read_network(net.steps[-1][1], device, copy=copy)
        if len(net.steps) == 1:
            return last
        return last._replace(encode=PipelineInput(net[:-1], last.encode))
    if hasattr(net, "module_") and hasattr(net, "network_input"):  # a debiaser
        module, _ = _placed(net.module_, device, copy)
        return TrainedNetwork(module, EstimatorInput(net), net.classes_, net.output_)
    if isinstance(net, type) or not (hasattr(net, "net_") or hasattr(net, "initialize")):
        if hasattr(net, "fit") and (hasattr(net, "module") or hasattr(net, "network_input")):
            raise NotFittedError(f"net is {type(net).__name__}, which isn't fitted: {_HOW}")
        raise ValueError(f"net must be {_KINDS}; got {net!r:.200}")
    if not hasattr(net, "net_"):
        return _read_skorch(net, dropped, device, copy)
    if not hasattr(net, "network_input"):
        raise ValueError(
            f"{type(net).__name__} has no method network_input(X), which gives what its network "
            "takes: give its module, and arrays of its input"
        )
    module, _ = _placed(net.net_.module_, device, copy)
    return TrainedNetwork(module, EstimatorInput(net), getattr(net, "classes_", None), "logits")


def _unwrapped(net: Any) -> Any:
    while isinstance(net, FrozenEstimator):
        net = net.estimator
    return net


def _read_skorch(net: Any, dropped: Sequence[int], device: Any, copy: bool) -> TrainedNetwork:
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
    module, dtype = _placed(net.module_, device, copy)
    return TrainedNetwork(module, ArrayInput(dropped, dtype), classes, output)


def _placed(module: Any, device: Any, copy: bool) -> tuple[Any, str]:
    """Give a module, or a copy of it, on a device; tell the type of its numbers."""
    types = [str(p.dtype) for p in module.parameters() if p.is_floating_point()]
    if not types and copy:
        raise ValueError("the network has no parameters, so there is nothing to change")
    odd = sorted(set(types) - {"torch.float32", "torch.float64"})
    if odd:
        raise ValueError(
            f"the network has numbers of {listed(odd)}, too coarse for small changes: give it as "
            "float32, net.float()"
        )
    dtype = types[0].removeprefix("torch.") if types else "float32"
    if not copy and _is_on(module, device):
        return module, dtype
    try:
        copied = deepcopy(module)
    except RuntimeError as error:
        if "deepcopy" not in str(error):
            raise
        raise ValueError(
            "the network can't be copied, since it keeps what it computed (the older weight_norm, "
            "say): use torch.nn.utils.parametrizations instead, or run it once under "
            "torch.no_grad()"
        ) from error
    return (copied if device is None else copied.to(device)), dtype


def _is_on(module: Any, device: Any) -> bool:
    return device is None or all(
        part.device.type == device.type and device.index in (None, part.device.index)
        for part in module.parameters()
    )
