"""The module that a network estimator trains: a copy of the user's, or a perceptron."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray


def build_module(
    module: Any, sample: NDArray[np.floating], n_outputs: int, options: Mapping[str, Any]
) -> Any:
    """Make the module, and check that it gives as many numbers a row as it has to.

    Parameters
    ----------
    module : None, torch.nn.Module, or callable that makes one
        An instance is copied. A class or callable gets ``n_inputs`` and ``n_outputs``, if its
        signature names them. None is :func:`skfair.nn.make_mlp`.
    sample : ndarray of shape (n, ...)
        Some rows of X, whose type the module's numbers take.
    n_outputs : int
        A logit for each class, or 1 for a number.
    options : mapping
        Further arguments of ``make_mlp``.

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    ValueError
        If it is none, can't take the rows, or its output has another shape; the message says what
        it has.
    """
    import torch

    from skfair.nn import make_mlp

    n_inputs = int(np.prod(sample.shape[1:]))
    if module is None:
        made = make_mlp(n_inputs, n_outputs, **options)
    elif isinstance(module, torch.nn.Module):
        made = deepcopy(module)
    elif callable(module):
        sizes = {"n_inputs": n_inputs, "n_outputs": n_outputs}
        made = module(**{name: sizes[name] for name in _parameters(module) if name in sizes})
    else:
        made = module
    if not isinstance(made, torch.nn.Module):
        raise ValueError(
            "module must be None, a torch.nn.Module, or a class or callable that makes one; got "
            f"{made!r}"
        )
    rows = torch.from_numpy(np.ascontiguousarray(sample))
    made = made.to(device="cpu", dtype=rows.dtype)
    if not any(parameter.requires_grad for parameter in made.parameters()):
        raise ValueError("module has no parameters to train: all are frozen, or there are none")
    _check_output(made, rows, n_outputs)
    return made


def _parameters(function: Any) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except ValueError:  # some builtins have none
        return []


def _check_output(module: Any, rows: Any, n_outputs: int) -> None:
    import torch

    from skfair.nn import evaluating

    try:
        with evaluating(module), torch.no_grad():
            found = module(rows)
    except RuntimeError as error:
        raise ValueError(
            f"module can't take rows of the shape {tuple(rows.shape[1:])}: {error}"
        ) from error
    shape = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
    if shape != (len(rows), n_outputs):
        what = "one number a row" if n_outputs == 1 else f"a logit for each of {n_outputs} classes"
        raise ValueError(
            f"module must give {what}, so (n, {n_outputs}); for {len(rows)} rows it gave {shape}"
        )
