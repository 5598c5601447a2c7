"""Saving and loading of fitted network estimators."""

from __future__ import annotations

import math
from os import PathLike
from typing import Any, Self

from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skfair._utils.optional import import_optional
from skfair._utils.text import listed
from skfair.base import telling_damage
from skfair.inprocessing._net_base import BaseNet
from skfair.inprocessing._net_features import TableEncoder
from skfair.inprocessing._net_files import describe, read_description
from skfair.inprocessing._net_history import history_frame
from skfair.inprocessing._net_rows import one_row_a_cell

_OF_SCIKIT_LEARN = ("n_features_in_", "feature_names_in_")
_NUMBERS = 10_000_000  # of a row: more need a network of as many weights
_ENCODER = "_encoder."  # what files call its parts


class SavableNet(BaseNet):
    """Base of estimators that save what they have learned to a file of numbers and text."""

    def save(self, path: str | PathLike[str]) -> str:
        """Save the fitted estimator to a file of safetensors, which holds numbers and text only.

        A module of your own isn't saved, but its weights are. Neither are callables (as
        ``sensitive_features``), ``augment``, callbacks, RandomState instances and the optimizer's
        moments.

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
        check_is_fitted(self, "net_")
        from skfair.nn.files import save_tensors

        parts = {"module": self.net_.module_, "criterion": self.net_.criterion_}
        tensors = {
            f"{part}.{name}": tensor
            for part, module in parts.items()
            for name, tensor in module.state_dict().items()
        }
        return save_tensors(path, tensors, describe(self, self._fitted_state(), self.history_))

    @classmethod
    def load(cls, path: str | PathLike[str], *, digest: str | None = None, **params: Any) -> Self:
        """Load what ``save`` wrote; no code of the file is run.

        Parameters
        ----------
        path : path-like
        digest : str, default=None
            What ``save`` returned; any other file is refused.
        **params
            ``device``, ``verbose``, ``callbacks``, ``random_state``, and parameters that the file
            doesn't hold: a ``module`` and criteria of your own are needed. Others are set after
            loading by ``set_params``.

        Returns
        -------
        estimator
            Predicts as the saved one did; ``partial_fit`` goes on with a fresh optimizer.

        Raises
        ------
        ValueError
            If the file is damaged or was changed, is of another estimator, or the module is
            another one.
        ImportError
            If torch, skorch or safetensors is missing: ``pip install "skfair[nn]"``.
        """
        for library in ("torch", "skorch", "safetensors"):
            import_optional(library, extra="nn", purpose=cls.__name__)
        from skfair.nn.files import load_tensors

        tensors, about = load_tensors(path, digest)
        with telling_damage(path):
            model, fitted, history = read_description(about, cls, params)
            model._check_parameters()
            model._restore(fitted, tensors, history)
        return model

    def _fitted_state(self) -> dict[str, Any]:
        """Collect what was learned, weights apart."""
        names = [*self._learned, *_OF_SCIKIT_LEARN]
        state = {name: getattr(self, name) for name in names if hasattr(self, name)}
        if hasattr(self, "_encoder"):
            state |= {_ENCODER + name: value for name, value in self._encoder.state().items()}
        return state

    def _restore(
        self, fitted: dict[str, Any], tensors: dict[str, Any], history: list[dict[str, Any]]
    ) -> None:
        """Become the fitted estimator of which a file tells."""
        from skorch.history import History

        encoder = {k.removeprefix(_ENCODER): v for k, v in fitted.items() if k.startswith(_ENCODER)}
        others = {name: value for name, value in fitted.items() if not name.startswith(_ENCODER)}
        odd = set(self._learned) - set(others) | set(others) - {*self._learned, *_OF_SCIKIT_LEARN}
        if odd:
            raise ValueError(f"the file lacks, or shouldn't have, {listed(sorted(odd))}")
        self.__dict__.update(others)
        if encoder:
            self._encoder = TableEncoder.from_state(encoder)
        self._random = check_random_state(self.random_state)
        self._split_seed = None
        room = max(_NUMBERS, sum(tensor.numel() for tensor in tensors.values()))
        if math.prod(self._input_shape) > room:
            raise ValueError(f"the file speaks of rows of {self._input_shape} numbers")
        with self._seeded():
            rows = one_row_a_cell(len(self._groups), self._n_outputs(), self._input_shape)
            self._start(rows._replace(X=rows.X.astype(self.dtype)))
        for part, module in (("module", self.net_.module_), ("criterion", self.net_.criterion_)):
            prefix = f"{part}."
            state = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            try:
                module.load_state_dict(state)
            except RuntimeError as error:
                raise ValueError(f"the file doesn't fit the {part}: {error}") from error
        self.net_.history = History(history)
        self.history_ = history_frame(self.net_.history)
