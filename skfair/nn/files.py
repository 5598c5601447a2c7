"""Files of tensors with a description: reading one runs no code, and a changed one is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import torch

from skfair._utils.optional import import_optional

import_optional("safetensors", extra="nn", purpose="saving and loading")

from safetensors import SafetensorError  # noqa: E402
from safetensors.torch import load, save  # noqa: E402

_ABOUT, _DIGEST = "about", "sha256"


def save_tensors(path: str | PathLike[str], tensors: Mapping[str, Any], about: Any) -> str:
    """Write tensors and a description to a file of safetensors.

    Parameters
    ----------
    path : path-like
    tensors : mapping of str to tensor
    about : anything that JSON can hold

    Returns
    -------
    digest : str
        SHA-256 of tensors and description, which the file holds, too.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "ones.safetensors"
    ...     digest = save_tensors(path, {"a": torch.ones(2)}, {"made": "by hand"})
    ...     load_tensors(path, digest)
    ({'a': tensor([1., 1.])}, {'made': 'by hand'})
    """
    kept = {name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()}
    text = json.dumps(about, sort_keys=True, allow_nan=False)
    digest = _digest(kept, text)
    Path(path).write_bytes(save(kept, {_ABOUT: text, _DIGEST: digest}))
    return digest


def load_tensors(
    path: str | PathLike[str], digest: str | None = None
) -> tuple[dict[str, Any], Any]:
    """Read what :func:`save_tensors` wrote. No code of the file is run: it can't hold any.

    Parameters
    ----------
    path : path-like
    digest : str, default=None
        What ``save_tensors`` returned, kept elsewhere. With it, a file that someone rewrote, digest
        included, is refused too; without it, one that was damaged or changed in part.

    Returns
    -------
    tensors : dict of str to tensor
    about : object

    Raises
    ------
    ValueError
        If the file is no such file, or was changed.
    """
    data = Path(path).read_bytes()
    try:
        tensors = load(data)
        length = int.from_bytes(data[:8], "little")
        written = json.loads(data[8 : 8 + length]).get("__metadata__", {})
        text, found = written[_ABOUT], written[_DIGEST]
        about = json.loads(text)
    except (SafetensorError, KeyError, TypeError, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"{path} is no file of skfair, or it is damaged: {error}") from error
    actual = _digest(tensors, text)
    if actual != found or (digest is not None and digest != actual):
        raise ValueError(
            f"{path} is not as it was saved: its content has the digest {actual}, and not "
            f"{found if digest is None else digest}"
        )
    return tensors, about


def _digest(tensors: Mapping[str, Any], text: str) -> str:
    sums = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        sums.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        sums.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return sums.hexdigest()
