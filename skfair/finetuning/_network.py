"""Networks as users have them: what takes X to their input, and their output to log odds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array

from skfair._utils.arrays import namespace
from skfair._utils.columns import column_positions, is_frame, take_columns
from skfair._utils.text import listed
from skfair._utils.warning import warn_user

Output = Literal["logits", "probabilities"]

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
        If it is none of these.
    """
    import torch

    net = _unwrapped(net)
    if isinstance(net, torch.nn.Module):
        return _copied(net, dropped, device, None, None)
    if isinstance(net, Pipeline):
        last = read_network(net.steps[-1][1], device)
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
    copy = deepcopy(net.net_.module_).to(device)
    return TrainedNetwork(copy, EstimatorInput(net), net.classes_, "logits")


def _unwrapped(net: Any) -> Any:
    while isinstance(net, FrozenEstimator):
        net = net.estimator
    return net


def _read_skorch(net: Any, dropped: Sequence[int], device: Any) -> TrainedNetwork:
    import torch

    if not getattr(net, "initialized_", False):
        raise NotFittedError(f"net is {type(net).__name__}, which isn't fitted: {_HOW}")
    logits = (torch.nn.CrossEntropyLoss, torch.nn.BCEWithLogitsLoss)
    output: Output | None = None
    if isinstance(net.criterion_, logits):
        output = "logits"
    elif isinstance(net.criterion_, torch.nn.NLLLoss | torch.nn.BCELoss):
        output = "probabilities"  # of which skorch takes the logarithm
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
    types = [p.dtype for p in module.parameters() if p.is_floating_point()]
    if not types:
        raise ValueError("the network has no parameters, so there is nothing to change")
    dtype = str(types[0]).removeprefix("torch.")
    return TrainedNetwork(deepcopy(module).to(device), ArrayInput(dropped, dtype), classes, output)


def check_output(module: Any, sample: NDArray[np.floating], device: Any) -> int:
    """Count the outputs of a network for two classes: 1 or 2.

    Raises
    ------
    ValueError
        If it can't take the rows, or gives anything but a number or two a row.
    """
    import torch

    from skfair.nn import evaluating

    rows = torch.from_numpy(np.ascontiguousarray(sample)).to(device)
    try:
        with evaluating(module), torch.no_grad():
            found = module(rows)
    except RuntimeError as error:
        given = tuple(rows.shape[1:])
        raise ValueError(f"the network can't take rows of the shape {given}: {error}") from error
    is_tensor = isinstance(found, torch.Tensor)
    shape: Any = tuple(found.shape) if is_tensor else type(found).__name__
    if shape not in [(len(rows),), (len(rows), 1), (len(rows), 2)]:
        raise ValueError(
            "the network must decide between two classes by one output or two, so (n, 1), (n,) or "
            f"(n, 2); for {len(rows)} rows it gave {shape}"
        )
    return 2 if found.ndim == 2 and found.shape[1] == 2 else 1


def decide_output(module: Any, X: NDArray[np.floating], device: Any) -> Output:
    """Tell from what a network does whether it gives logits or probabilities.

    The layer that makes the output decides: linear ones make logits, sigmoid and softmax
    probabilities. Where it is neither, numbers that sum to 1 are probabilities, and single ones
    that lie within 0 and 1 are taken for such, with a warning.
    """
    import torch

    from skfair.nn import predict_logits

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
    from skfair.nn import predict_logits

    made: list[tuple[Any, Any]] = []
    parts = [part for part in module.modules() if next(part.children(), None) is None]
    hooks = [p.register_forward_hook(lambda part, _, out: made.append((part, out))) for p in parts]
    try:
        with watched(module, "output") as whole:
            predict_logits(module, sample, device)
    finally:
        for hook in hooks:
            hook.remove()
    place = whole[-1].data_ptr()
    same = (part for part, out in made if getattr(out, "data_ptr", int)() == place)
    return next(same, None)


def log_odds(outputs: Any, output: Output) -> Any:
    """Logarithm of the odds of the second class, for numpy and torch.

    Parameters
    ----------
    outputs : ndarray or tensor of float of shape (n,), (n, 1) or (n, 2)
    output : {"logits", "probabilities"}
        What they are.

    Returns
    -------
    ndarray or tensor of shape (n,)
        Finite where outputs are.

    Examples
    --------
    >>> log_odds(np.array([[1.0, 3.0]]), "logits"), log_odds(np.array([0.5]), "probabilities")
    (array([2.]), array([0.]))
    """
    xp = namespace(outputs)
    tiny = float(xp.finfo(outputs.dtype).eps)
    if outputs.ndim == 2 and outputs.shape[1] == 2:
        if output == "probabilities":
            outputs = xp.log(xp.clip(outputs, tiny, 1.0))
        return outputs[:, 1] - outputs[:, 0]
    flat = outputs.reshape(-1)
    if output == "logits":
        return flat
    p = xp.clip(flat, tiny, 1 - tiny)
    return xp.log(p) - xp.log1p(-p)


def last_linear(module: Any, sample: NDArray[np.floating], device: Any, name: Any = None) -> str:
    """Find the linear layer that makes a network's decision, whose input is its representation.

    Parameters
    ----------
    module : torch.nn.Module
    sample : ndarray of shape (n, ...)
        Some rows of its input.
    device : torch.device
    name : str, default=None
        Its name, if it is known; None: the linear layer that runs last, which must have as many
        outputs as the network.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If there is none; the message names the layers that there are.
    """
    import torch

    n_outputs = check_output(module, sample, device)
    linear = {n: part for n, part in module.named_modules() if isinstance(part, torch.nn.Linear)}
    if name is None:
        ran: list[str] = []
        hooks = [
            part.register_forward_hook(lambda *_, n=n: ran.append(n)) for n, part in linear.items()
        ]
        try:
            check_output(module, sample, device)
        finally:
            for hook in hooks:
                hook.remove()
        name = ran[-1] if ran else None
    if name not in linear or linear[name].out_features != n_outputs:
        raise ValueError(
            f"last_layer={name!r} is no linear layer with as many outputs as the network, "
            f"{n_outputs}: name one of {listed(linear, most=50)}"
        )
    return name


def find_layer(module: Any, name: str) -> Any:
    """Find a layer by its name.

    Raises
    ------
    ValueError
        If there is none of that name; the message lists those that there are.
    """
    layers = dict(module.named_modules())  # "" is the module itself
    if name not in layers:
        named = [known for known in layers if known]
        raise ValueError(f"the network has no layer {name!r}: it has {listed(named, most=100)}")
    return layers[name]


@contextmanager
def watched(layer: Any, side: Literal["input", "output"]) -> Iterator[list[Any]]:
    """Keep what comes into a layer, or out of it, while the context is open."""
    seen: list[Any] = []

    def keep(_: Any, inputs: Any, made: Any) -> None:
        seen.append(inputs[0] if side == "input" else made)

    hook = layer.register_forward_hook(keep)
    try:
        yield seen
    finally:
        hook.remove()
