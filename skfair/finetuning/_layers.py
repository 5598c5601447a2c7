"""Parts of a trained network: its output as log odds, its last layer, what may change."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from skfair._utils.arrays import namespace
from skfair._utils.text import listed

Output = Literal["logits", "probabilities"]

OUTPUTS = ("logits", "probabilities")


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
    except torch.cuda.OutOfMemoryError:
        raise
    except (IndexError, RuntimeError, TypeError, ValueError) as error:
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


def check_probabilities(module: Any, X: NDArray[np.floating], device: Any) -> None:
    """Raise ValueError if a network gives numbers that are no probabilities."""
    from skfair.nn import predict_logits

    values = predict_logits(module, X, device)
    low, high = float(values.min()), float(values.max())
    if low < -1e-6 or high > 1 + 1e-6:
        raise ValueError(
            f"the network's output is to be probabilities, and goes from {low:.3g} to {high:.3g}: "
            'say output="logits", which logarithms of probabilities for two classes are, too'
        )


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


def weighted_layers(module: Any) -> dict[str, Any]:
    """Find the linear and convolutional layers by their names."""
    from torch import nn

    kinds = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d
    return {name: part for name, part in module.named_modules() if isinstance(part, kinds)}


def runs_last(module: Any, sample: NDArray[np.floating], device: Any) -> str | None:
    """Find the name of the linear or convolutional layer that runs last; None where none does."""
    ran: list[str] = []
    hooks = [
        part.register_forward_hook(lambda *_, n=name: ran.append(n))
        for name, part in weighted_layers(module).items()
    ]
    try:
        check_output(module, sample, device)
    finally:
        for hook in hooks:
            hook.remove()
    return ran[-1] if ran else None


def last_linear(module: Any, sample: NDArray[np.floating], device: Any, name: Any = None) -> str:
    """Find the linear layer that makes a network's decision, whose weights may be replaced.

    Parameters
    ----------
    module : torch.nn.Module
    sample : ndarray of shape (n, ...)
        Some rows of its input.
    device : torch.device
    name : str, default=None
        Its name, if it is known; None: the layer that runs last.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If it isn't linear, has another number of outputs than the network, or is frozen or
        parametrized; the message names the layers that would do.
    """
    import torch

    n_outputs = check_output(module, sample, device)
    fits = [
        known
        for known, part in weighted_layers(module).items()
        if isinstance(part, torch.nn.Linear) and part.out_features == n_outputs and is_free(part)
    ]
    found = runs_last(module, sample, device) if name is None else name
    if found in fits:
        return str(found)
    advice = f"set last_layer to one of {listed(fits, most=50)}" if fits else "it has no such layer"
    told = f"last_layer={name!r}" if name is not None else f"the layer that runs last, {found!r},"
    raise ValueError(
        f"{told} is no linear layer with as many outputs as the network, {n_outputs}, that is "
        f"neither frozen (requires_grad=False) nor parametrized: {advice}"
    )


def trainable(module: Any) -> dict[str, Any]:
    """Find the parameters that may change by their names: those that aren't frozen.

    Raises
    ------
    ValueError
        If there are none.
    """
    named = module.named_parameters()
    found = {name: p for name, p in named if p.requires_grad and p.is_floating_point()}
    if not found:
        raise ValueError(
            "all parameters of the network are frozen: set requires_grad_(True) on those that may "
            "change"
        )
    return found


def is_free(layer: Any) -> bool:
    """Tell whether a layer's weight and bias may be written: neither frozen nor computed.

    Examples
    --------
    >>> import torch
    >>> layer = torch.nn.Linear(2, 1)
    >>> is_free(layer), is_free(torch.nn.utils.parametrizations.weight_norm(layer))
    (True, False)
    """
    from torch.nn import Parameter
    from torch.nn.utils import parametrize

    own = [part for part in (layer.weight, layer.bias) if part is not None]
    return not parametrize.is_parametrized(layer) and all(
        isinstance(part, Parameter) and part.requires_grad for part in own
    )
