"""Small networks, and where they run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

_NUMBERS_AT_ONCE, _ROWS_AT_ONCE = 1 << 22, 1 << 13  # of X in a block of predict_logits

WeightInit = Literal["he", "xavier", "orthogonal", "default"]
_INITS = {
    "he": nn.init.kaiming_normal_,
    "xavier": nn.init.xavier_uniform_,
    "orthogonal": nn.init.orthogonal_,
}


def make_mlp(
    n_inputs: int,
    n_outputs: int,
    hidden_sizes: Sequence[int] = (64, 64),
    dropout: float = 0.0,
    weight_init: WeightInit = "he",
) -> Any:
    """Make a multilayer perceptron with rectifiers.

    Inputs of more than one dimension (images) are flattened first.

    Parameters
    ----------
    n_inputs, n_outputs : int
        Numbers of inputs and outputs.
    hidden_sizes : sequence of int, default=(64, 64)
        Widths of the hidden layers; none makes a linear model.
    dropout : float, default=0.0
        Share of hidden units that are left out in each training step, at least 0 and below 1.
    weight_init : {"he", "xavier", "orthogonal", "default"}, default="he"
        How weights are drawn; biases start at 0. ``"default"`` leaves both to torch.

    Returns
    -------
    torch.nn.Sequential

    Raises
    ------
    ValueError
        If a size, the dropout or the name of the start is out of its range.

    Examples
    --------
    >>> make_mlp(3, 2, hidden_sizes=[4])
    Sequential(
      (flatten): Flatten(start_dim=1, end_dim=-1)
      (hidden_1): Linear(in_features=3, out_features=4, bias=True)
      (active_1): ReLU()
      (output): Linear(in_features=4, out_features=2, bias=True)
    )
    """
    sizes = list(hidden_sizes)
    if any(isinstance(size, bool) or int(size) != size or size < 1 for size in sizes):
        raise ValueError(f"hidden_sizes must be integers of at least 1, got {hidden_sizes!r}")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must be at least 0 and below 1, got {dropout!r}")
    if weight_init != "default" and weight_init not in _INITS:
        known = [*_INITS, "default"]
        raise ValueError(f"weight_init must be one of {known}, got {weight_init!r}")
    mlp = nn.Sequential()
    mlp.add_module("flatten", nn.Flatten())
    for i, (n_in, n_out) in enumerate(zip([n_inputs, *sizes], sizes, strict=False), start=1):
        mlp.add_module(f"hidden_{i}", _linear(n_in, n_out, weight_init))
        mlp.add_module(f"active_{i}", nn.ReLU())
        if dropout:
            mlp.add_module(f"dropout_{i}", nn.Dropout(dropout))
    mlp.add_module("output", _linear([n_inputs, *sizes][-1], n_outputs, weight_init))
    return mlp


def _linear(n_in: int, n_out: int, weight_init: str) -> Any:
    layer = nn.Linear(n_in, n_out)
    if weight_init != "default":
        _INITS[weight_init](layer.weight)
        nn.init.zeros_(layer.bias)
    return layer


def device_of(device: str) -> Any:
    """Read the name of a device; ``"auto"`` is the best that there is: cuda, mps or cpu.

    Raises
    ------
    ValueError
        If torch knows no such device, or it isn't there.

    Examples
    --------
    >>> device_of("cpu")
    device(type='cpu')
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return torch.device(next((name for name, ready in there.items() if ready), "cpu"))
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f'device must be "auto" or a device of torch, got {device!r}') from error
    if not there.get(found.type, True):
        raise ValueError(f"device={device!r} is not available on this machine")
    return found


def predict_logits(
    module: Any, X: NDArray[np.floating], device: Any = None
) -> NDArray[np.floating]:
    """Compute the outputs of a module in evaluation mode, by blocks of rows, without gradients.

    Parameters
    ----------
    module : torch.nn.Module
        Its modes are as before afterwards.
    X : ndarray of shape (n, ...)
        Stays as it is, also where the module works in place.
    device : device, default=None
        Where the module is; None: where its first parameter is.

    Returns
    -------
    ndarray of float64 of shape (n, n_outputs)

    Examples
    --------
    >>> predict_logits(nn.Dropout(0.5), np.ones((2, 1), dtype=np.float32))
    array([[1.],
           [1.]])
    """
    if device is None:
        device = next((parameter.device for parameter in module.parameters()), "cpu")
    size = min(_ROWS_AT_ONCE, max(1, _NUMBERS_AT_ONCE // max(1, X[0].size)))
    with _in_evaluation(module), torch.no_grad():
        blocks = [
            module(torch.from_numpy(np.array(X[i : i + size], order="C")).to(device)).cpu()
            for i in range(0, len(X), size)
        ]
    return torch.cat(blocks).double().numpy()


@contextmanager
def evaluating(module: Any) -> Iterator[None]:
    """Put a module and its parts in evaluation mode, and each back in its own mode afterwards.

    Meanwhile it works on copies of what it is given, so that one whose first step is in place
    doesn't change the caller's rows.

    Examples
    --------
    >>> module = nn.Sequential(nn.Dropout(), nn.Dropout().eval())
    >>> with evaluating(module):
    ...     [part.training for part in module]
    [False, False]
    >>> [part.training for part in module]
    [True, False]
    """
    with _in_evaluation(module):
        if isinstance(module, torch.jit.ScriptModule):  # these take no hooks
            yield
            return
        copying = module.register_forward_pre_hook(_copy_inputs)
        try:
            yield
        finally:
            copying.remove()


@contextmanager
def _in_evaluation(module: Any) -> Iterator[None]:
    modes = [(part, part.training) for part in module.modules()]
    try:
        module.eval()
        yield
    finally:
        for part, training in modes:
            part.training = training


def _copy_inputs(_: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(one.clone() if isinstance(one, torch.Tensor) else one for one in given)


@contextmanager
def outputs_of(layer: Any, *, inputs: bool = False) -> Iterator[list[Any]]:
    """Keep what a layer gives, or with ``inputs`` what it is given, while the context is open.

    The network goes on with a copy, so that operations in place don't change what is kept.

    Examples
    --------
    >>> layer = nn.ReLU()
    >>> with outputs_of(layer) as seen, outputs_of(layer, inputs=True) as given:
    ...     _ = layer(torch.tensor([-1.0]))
    >>> seen, given
    ([tensor([0.])], [tensor([-1.])])
    """
    seen: list[Any] = []

    def keep(_: Any, *passed: Any) -> Any:
        first, *others = passed[0] if inputs else passed[1:]
        seen.append(first)
        copy = first.clone() if isinstance(first, torch.Tensor) else first
        return (copy, *others) if inputs else copy

    hook = layer.register_forward_pre_hook if inputs else layer.register_forward_hook
    handle = hook(keep)
    try:
        yield seen
    finally:
        handle.remove()


@contextmanager
def seeded(seed: int, device: Any = "cpu") -> Iterator[None]:
    """Seed torch on the CPU and a device for a while; all its generators are as before afterwards.

    Examples
    --------
    >>> with seeded(0):
    ...     first = torch.rand(1)
    >>> with seeded(0):
    ...     torch.equal(torch.rand(1), first)
    True
    """
    kind = torch.device(device).type
    own = [] if kind == "cpu" else [device]
    with torch.random.fork_rng(own, device_type="cuda" if kind == "cpu" else kind):
        torch.default_generator.manual_seed(seed)
        if kind == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        elif kind == "mps":
            torch.mps.manual_seed(seed)
        yield
