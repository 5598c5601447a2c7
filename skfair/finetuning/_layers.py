"""Parts of a trained network: its output as log odds, its last layer, a layer by name."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from skfair._utils.arrays import namespace
from skfair._utils.text import listed
from skfair._utils.warning import warn_user

Output = Literal["logits", "probabilities"]


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
    from skfair.nn import outputs_of, predict_logits

    made: list[tuple[Any, Any]] = []
    parts = [part for part in module.modules() if next(part.children(), None) is None]
    hooks = [p.register_forward_hook(lambda part, _, out: made.append((part, out))) for p in parts]
    try:
        with outputs_of(module) as whole:
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
