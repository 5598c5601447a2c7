"""Saving and loading of debiased networks."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any, Self

from sklearn.utils.validation import check_is_fitted

from skfair._utils.optional import import_optional
from skfair._utils.text import listed
from skfair._utils.validation import generator
from skfair._version import __version__
from skfair.base import (
    check_description,
    from_plain,
    known_params,
    plain_params,
    telling_damage,
    to_plain,
)
from skfair.finetuning._frames import frame_of, frame_parts
from skfair.finetuning._predictions import DebiasedNetwork
from skfair.finetuning._restored import check_restored, read_numbers

if TYPE_CHECKING:
    from skfair.nn import TrainedNetwork

_FORMAT = 2
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
            If labels or the network's state are of a kind that the file can't hold.
        ImportError
            If safetensors is missing: ``pip install "skfair[nn]"``.
        """
        check_is_fitted(self)
        import torch

        from skfair.nn.files import save_tensors

        tensors = {_MODULE + name: value for name, value in self.module_.state_dict().items()}
        odd = [name for name, value in tensors.items() if not isinstance(value, torch.Tensor)]
        if odd:
            raise ValueError(
                f"this {type(self).__name__} can't be saved: {listed(odd)} of the network's state "
                "are no tensors"
            )
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
            about["draws"] = to_plain(self._rng.bit_generator.state)
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
            Parameters that are to differ, or that the file doesn't hold: callables, criteria and
            rates of your own. With a ``random_state``, draws start anew.

        Returns
        -------
        debiaser
            Predicts as the saved one did. ``fit`` starts anew, with ``warm_start`` at the saved
            network, and draws go on.

        Raises
        ------
        ValueError
            If the file is damaged or was changed, is of another debiaser, or of another network,
            or its values don't fit each other.
        ImportError
            If torch or safetensors is missing: ``pip install "skfair[nn]"``.
        """
        import_optional("torch", extra="nn", purpose=cls.__name__)
        from skfair.nn.files import load_tensors

        with telling_damage(path):
            tensors, about = load_tensors(path, digest)
            check_description(about, _FORMAT, "debiaser", cls.__name__)
            lacking = set(about["left_out"]) - set(params) - {"net", "random_state"}
            if lacking:
                raise ValueError(
                    f"the file doesn't hold {listed(sorted(lacking))}: give them to load"
                )
            debiaser = cls(**known_params(cls, about, {**params, "net": net}))
            debiaser._check_parameters()
            debiaser._restore(tensors, about, anew="random_state" in params)
        return debiaser

    def _check_parameters(self) -> Any:
        raise NotImplementedError

    def _restore(self, tensors: dict[str, Any], about: dict[str, Any], anew: bool) -> None:
        """Become the fitted debiaser of which a file tells."""
        read: dict[str, Any] = {}
        for part, needed, optional in (
            ("words", _WORDS, ()),
            ("labels", _LABELS[:1], _LABELS[1:]),
            ("frames", _FRAMES, ()),
        ):
            odd = set(needed) ^ set(about[part]) - set(optional)
            if odd:
                raise ValueError(f"the file lacks, or shouldn't have, {listed(sorted(odd))}")
        for part in ("words", "labels"):
            read |= {name: from_plain(value) for name, value in about[part].items()}
        read |= read_numbers(tensors, _NUMBERS)
        for name in _FRAMES:
            own = {n.removeprefix(f"{name}."): v.numpy() for n, v in tensors.items()}
            read[name] = frame_of(own, about["frames"][name])
        check_restored(read, self.pos_label)
        from skfair.nn import read_network

        network = read_network(self.net, self._device(), read["_dropped"])
        weights = {n.removeprefix(_MODULE): v for n, v in tensors.items() if n.startswith(_MODULE)}
        _put_weights(network, weights, read["classes_"])
        self.__dict__.update(read)
        self.module_, self._input = network.module, network.encode
        self._rng = generator(self.random_state)
        if anew:
            return
        try:
            self._rng.bit_generator.state = from_plain(about["draws"])
        except ValueError as error:
            raise ValueError(f"the draws in the file are damaged: {error}") from error


def _put_weights(network: TrainedNetwork, weights: dict[str, Any], classes: Any) -> None:
    """Put a file's weights into a network that must be as the saved one was."""
    if network.classes is not None and network.classes.tolist() != classes.tolist():
        raise ValueError(
            f"the file doesn't fit the network: it has the classes {listed(classes.tolist())}, and "
            f"net was fitted to {listed(network.classes.tolist())}"
        )
    state = network.module.state_dict()
    for name in state.keys() & weights.keys():
        if state[name].dtype != weights[name].dtype:
            raise ValueError(
                f"the file doesn't fit the network: its {name} are of {weights[name].dtype}, and "
                f"net's of {state[name].dtype}"
            )
    try:
        network.module.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"the file doesn't fit the network: {error}") from error
