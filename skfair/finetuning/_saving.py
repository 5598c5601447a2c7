"""Saving and loading of debiased networks."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from skfair._utils.optional import import_optional
from skfair._utils.text import listed
from skfair._utils.validation import generator
from skfair._version import __version__
from skfair.base import from_plain, plain_params, to_plain
from skfair.finetuning._network import read_network
from skfair.finetuning._predictions import DebiasedNetwork

_FORMAT = 1
_NUMBERS = ("_cut", "threshold_", "objective_", "bias_", "performance_")
_WORDS = ("group_labels_", "output_", "_sign", "_dropped", "_split_seed", "n_features_in_")
_LABELS = ("classes_", "feature_names_in_")
_FRAMES = ("history_", "criteria_")
_MODULE = "module."


class SavableDebiaser(DebiasedNetwork):
    """Base of debiasers that save what they have found to a file of numbers and text."""

    def save(self, path: str | PathLike[str]) -> str:
        """Save the debiased network to a file of safetensors, which holds numbers and text only.

        It holds weights, threshold, figures and history; not the network's code, and not what
        encodes X in a Pipeline or an estimator.

        Parameters
        ----------
        path : path-like

        Returns
        -------
        digest : str
            Of the content. Keep it elsewhere, and ``load`` can tell that nobody rewrote the file.

        Raises
        ------
        ValueError
            If labels are of a kind that the file can't hold.
        ImportError
            If safetensors is missing: ``pip install "skfair[nn]"``.
        """
        check_is_fitted(self)
        import torch

        from skfair.nn.files import save_tensors

        tensors = {_MODULE + name: value for name, value in self.module_.state_dict().items()}
        for name in _NUMBERS:
            tensors[name] = torch.tensor(getattr(self, name), dtype=torch.float64)
        about: dict[str, Any] = {
            "format": _FORMAT,
            "version": __version__,
            "debiaser": type(self).__name__,
            "frames": {},
        }
        for name in _FRAMES:
            columns, about["frames"][name] = frame_parts(getattr(self, name))
            for column, values in columns.items():
                tensors[f"{name}.{column}"] = torch.from_numpy(values)
        about["params"], about["left_out"] = plain_params(self)
        labels = [name for name in _LABELS if hasattr(self, name)]
        try:
            about["words"] = {name: to_plain(getattr(self, name)) for name in _WORDS}
            about["labels"] = {name: to_plain(getattr(self, name)) for name in labels}
            return save_tensors(path, tensors, about)
        except TypeError as error:
            raise ValueError(f"this {type(self).__name__} can't be saved: {error}") from error

    @classmethod
    def load(
        cls, path: str | PathLike[str], net: Any, *, digest: str | None = None, **params: Any
    ) -> Self:
        """Load what ``save`` wrote; no code of the file is run.

        Parameters
        ----------
        path : path-like
        net : torch.nn.Module, or a fitted estimator in FrozenEstimator
            As at fit. Its weights are not used, but the code is, and what encodes X.
        digest : str, default=None
            What ``save`` returned; any other file is refused.
        **params
            Parameters that are to differ, or that the file doesn't hold: callables, and criteria
            of your own.

        Returns
        -------
        debiaser
            Predicts as the saved one did. ``fit`` starts anew, with ``warm_start`` at the saved
            network.

        Raises
        ------
        ValueError
            If the file is damaged or was changed, is of another debiaser, or of another network.
        ImportError
            If torch or safetensors is missing: ``pip install "skfair[nn]"``.
        """
        import_optional("torch", extra="nn", purpose=cls.__name__)
        from skfair.nn.files import load_tensors

        tensors, about = load_tensors(path, digest)
        if not isinstance(about, dict) or about.get("format") != _FORMAT:
            raise ValueError("the file has a format that this version of skfair can't read")
        if about["debiaser"] != cls.__name__:
            raise ValueError(f"the file holds {about['debiaser']}: load it by its own load")
        lacking = set(about["left_out"]) - set(params) - {"net", "random_state"}
        if lacking:
            raise ValueError(f"the file doesn't hold {listed(sorted(lacking))}: give them to load")
        known = {name: from_plain(value) for name, value in about["params"].items()}
        debiaser = cls(net, **{**known, **params})
        debiaser._restore(tensors, about)
        return debiaser

    def _restore(self, tensors: dict[str, Any], about: dict[str, Any]) -> None:
        """Become the fitted debiaser of which a file tells."""
        for name in _WORDS:
            setattr(self, name, from_plain(about["words"][name]))
        for name, labels in about["labels"].items():
            if name in _LABELS:
                setattr(self, name, from_plain(labels))
        for name in _NUMBERS:
            setattr(self, name, float(tensors[name]))
        for name in _FRAMES:
            own = {n.removeprefix(f"{name}."): v.numpy() for n, v in tensors.items()}
            setattr(self, name, frame_of(own, about["frames"][name]))
        network = read_network(self.net, self._device(), self._dropped)
        weights = {n.removeprefix(_MODULE): v for n, v in tensors.items() if n.startswith(_MODULE)}
        try:
            network.module.load_state_dict(weights)
        except RuntimeError as error:
            raise ValueError(f"the file doesn't fit the network: {error}") from error
        self.module_, self._input = network.module, network.encode
        self._rng = generator(self.random_state)


def frame_parts(frame: pd.DataFrame) -> tuple[dict[str, NDArray[np.float64]], dict[str, Any]]:
    """Take a frame apart: its columns of numbers, and in plain words the rest.

    Examples
    --------
    >>> frame = pd.DataFrame({"step": ["original", None], "value": [0.5, np.inf]})
    >>> numbers, words = frame_parts(frame)
    >>> numbers
    {'value': array([0.5, inf])}
    >>> frame_of(numbers, words).equals(frame)
    True
    """
    numeric = frame.select_dtypes(["number", "bool"])
    words = frame.drop(columns=numeric.columns).astype(object)
    about = {
        "columns": frame.columns.tolist(),
        "index": frame.index.tolist(),
        "dtypes": {name: numeric[name].dtype.str for name in numeric},
        "words": {name: words[name].where(words[name].notna(), None).tolist() for name in words},
    }
    return {name: numeric[name].to_numpy(np.float64, copy=True) for name in numeric}, about


def frame_of(numbers: Mapping[str, NDArray[np.float64]], about: Mapping[str, Any]) -> pd.DataFrame:
    """Put a frame together again."""
    columns = {
        name: numbers[name].astype(about["dtypes"][name])
        if name in about["dtypes"]
        else about["words"][name]
        for name in about["columns"]
    }
    return pd.DataFrame(columns, index=about["index"])
