"""What classifiers made of a network share: reading of data, a skorch net, and predictions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import (
    Tags,
    check_array,
    check_random_state,
)
from sklearn.utils.validation import check_is_fitted, validate_data

from skfair._utils.columns import is_frame, take_rows
from skfair._utils.optional import import_optional
from skfair._utils.validation import check_weights
from skfair.base import SensitiveFeaturesMixin, sensitive_positions
from skfair.groups import ColumnSpec, Missing
from skfair.inprocessing._net_features import TableEncoder
from skfair.inprocessing._net_module import build_module
from skfair.inprocessing._net_rows import (
    Floats,
    NetRows,
    code_labels,
    hold_out,
    known_classes,
    read_labels,
)

BatchSampling = Literal["group", "group_label"] | None


class BaseNetClassifier(SensitiveFeaturesMixin, ClassifierMixin, BaseEstimator):
    """Base of classifiers that train a network by skorch.

    A subclass overrides ``_make_loss(rows, module)``, which returns the loss as a torch module: of
    logits and a target (classes, groups, weights) it makes a number. It may override
    ``_check_parameters`` and ``_net_options``, too.
    """

    uses_group_at_predict = False
    infers_group = False

    sensitive_features: ColumnSpec | None
    missing: Missing
    module: Any
    hidden_sizes: Sequence[int]
    dropout: float
    weight_init: str
    standardize: bool
    lr: float
    weight_decay: float
    batch_size: int
    batch_sampling: BatchSampling
    max_epochs: int
    early_stopping: bool
    validation_fraction: float
    n_iter_no_change: int
    warm_start: bool
    device: str
    dtype: str
    callbacks: Sequence[Any] | None
    random_state: Any
    verbose: int

    def fit(
        self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        X : data frame or array of shape (n, n_features), or array of shape (n, c, h, w)
            A table or images. Of a table, columns that are no numbers become one column a value.
        y : array-like of shape (n,)
            Labels of two or more classes.
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Groups, where the constructor doesn't name columns of X.
        sample_weight : array-like of shape (n,), default=None
            Sampling weights. A row of weight 0 is as good as absent.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If groups are given twice or not at all, there is one class only, the module doesn't
            give a logit a class, or the loss is no number; then ``net_`` keeps the last good
            weights.
        ImportError
            If torch or skorch is missing.
        """
        return self._train(X, y, sensitive_features, sample_weight)

    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: Any = None,
        *,
        sensitive_features: Any = None,
        sample_weight: Any = None,
    ) -> Self:
        """Train for one more epoch on these rows.

        Scales, values of words, groups and their sizes are those of the first call. There is no
        early stopping.

        Parameters
        ----------
        X : data frame or array of shape (n, n_features), or array of shape (n, c, h, w)
        y : array-like of shape (n,)
        classes : array-like of shape (n_classes,), default=None
            All classes, where the first call's y lacks some.
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Groups, where the constructor doesn't name columns of X. The first call shows all.
        sample_weight : array-like of shape (n,), default=None
            Sampling weights.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a label or a group is unseen, or for a reason for which ``fit`` raises it.
        """
        return self._train(X, y, sensitive_features, sample_weight, classes=classes, partial=True)

    def _train(
        self,
        X: Any,
        y: Any,
        sensitive_features: Any,
        sample_weight: Any,
        classes: Any = None,
        partial: bool = False,
    ) -> Self:
        for library in ("torch", "skorch"):
            import_optional(library, extra="nn", purpose=type(self).__name__)
        self._check_parameters()
        first = not (partial or self.warm_start) or not hasattr(self, "net_")
        X = self._check_rows(X, reset=first)
        rows = self._read_rows(X, y, sensitive_features, sample_weight, classes, first)
        if first:
            self._random = check_random_state(self.random_state)
        with self._seeded():
            held = self.early_stopping and not partial
            validation = None
            if held:
                seed = self._random.randint(np.iinfo(np.int32).max)
                rows, validation = hold_out(rows, self.validation_fraction, seed)
            if first:
                self._start(rows)
            self._run(rows, validation, epochs=1 if partial else self.max_epochs)
        return self

    def _start(self, rows: NetRows) -> None:
        """Make the network, its loss, and the net that trains them."""
        from skfair.nn.nets import make_net

        n_classes = len(self.classes_)
        module = build_module(self.module, rows.X[:2], n_classes, self._mlp_options())
        module = module.to(self._device())
        self.net_ = make_net(
            module,
            self._make_loss(rows, module),
            **self._net_options(),
            lr=self.lr,
            weight_decay=self.weight_decay,
            batch_size=self.batch_size,
            sampling=self.batch_sampling,
            n_classes=n_classes,
            patience=self.n_iter_no_change if self.early_stopping else None,
            callbacks=self.callbacks,
            device=self._device(),
            verbose=self.verbose,
        )

    def _run(self, rows: NetRows, validation: NetRows | None, epochs: int) -> None:
        from skorch.helper import predefined_split

        net = self.net_
        net.max_epochs = epochs
        net.train_split = validation and predefined_split(self._on_device(*validation))
        try:
            net.partial_fit(self._on_device(*rows))
        finally:
            net.train_split = None
            self.history_ = history_frame(net.history)

    def _make_loss(self, rows: NetRows, module: Any) -> Any:
        raise NotImplementedError

    def _net_options(self) -> dict[str, Any]:
        """Give further options of ``make_net``."""
        return {}

    def _mlp_options(self) -> dict[str, Any]:
        return {
            "hidden_sizes": self.hidden_sizes,
            "dropout": self.dropout,
            "weight_init": self.weight_init,
        }

    @contextmanager
    def _seeded(self) -> Iterator[None]:
        """Seed torch for what is inside, and leave its generators as they were."""
        import torch

        device = self._device()
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(self._random.randint(np.iinfo(np.int32).max))
            yield

    def _device(self) -> Any:
        from skfair.nn import device_of

        return device_of(self.device)

    def _on_device(self, X: Any, *targets: Any) -> Any:
        import torch

        from skfair.nn import TableDataset

        tensors = [torch.from_numpy(np.ascontiguousarray(part)) for part in (X, *targets)]
        return TableDataset(*(tensor.to(self._device()) for tensor in tensors))

    def decision_function(self, X: Any) -> Floats:
        """Logits: of two classes the logarithm of the odds of ``classes_[1]``.

        Parameters
        ----------
        X : data frame or array of shape (n, n_features), or array of shape (n, c, h, w)
            As at fit, the sensitive columns included; groups are not needed.

        Returns
        -------
        ndarray of shape (n,) or (n, n_classes)
        """
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def predict_proba(self, X: Any) -> Floats:
        """Probabilities of the classes.

        Parameters
        ----------
        X : data frame or array of shape (n, n_features), or array of shape (n, c, h, w)

        Returns
        -------
        ndarray of shape (n, n_classes)
        """
        return softmax(self._logits(X), axis=1)

    def predict_log_proba(self, X: Any) -> Floats:
        """Logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : data frame or array of shape (n, n_features), or array of shape (n, c, h, w)

        Returns
        -------
        ndarray of shape (n, n_classes)
        """
        return log_softmax(self._logits(X), axis=1)

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict the most probable class.

        Parameters
        ----------
        X : data frame or array of shape (n, n_features), or array of shape (n, c, h, w)

        Returns
        -------
        ndarray of shape (n,)
        """
        logits = self._logits(X)
        return self.classes_[logits.argmax(axis=1)]

    def _logits(self, X: Any) -> Floats:
        check_is_fitted(self)
        from skfair.nn import predict_logits

        matrix = self._encode(self._check_rows(X, reset=False))
        return predict_logits(self.net_.module_, matrix, self._device())

    def _check_rows(self, X: Any, reset: bool) -> Any:
        """Check what needs no look into columns; a frame stays one, all else becomes an array."""
        name = type(self).__name__
        if not is_frame(X):
            X = check_array(X, dtype=None, allow_nd=True, ensure_all_finite=False, estimator=name)
            if X.ndim not in (2, 4):
                raise ValueError(
                    f"X must be a table (n, n_features) or images (n, c, h, w), and has the shape "
                    f"{X.shape}: Found array with dim {X.ndim}, while dim 2 or 4 is required"
                )
        validate_data(self, X, reset=reset, skip_check_array=True)
        shape = tuple(X.shape[1:])
        if reset:
            self._shape = shape
        elif len(shape) != len(self._shape):
            raise ValueError(f"rows of X have the shape {shape}, and had {self._shape} at fit")
        return X

    def _encode(self, X: Any) -> Floats:
        if len(self._shape) == 3:
            return check_array(X, dtype=self.dtype, allow_nd=True, input_name="X")
        return self._encoder.transform(X).astype(self.dtype)

    def _read_rows(
        self, X: Any, y: Any, sensitive_features: Any, sample_weight: Any, classes: Any, first: bool
    ) -> NetRows:
        groups = self._read_groups(X, sensitive_features)
        labels = read_labels(y, X)
        weights = check_weights(sample_weight, len(labels))
        if weights is None:
            weights = np.ones(len(labels))
        kept = np.flatnonzero(weights)
        if len(kept) == 0:
            raise ValueError("sample_weight is zero in every row: there is nothing to fit")
        if len(kept) < len(weights):
            X, labels, weights = take_rows(X, kept), labels[kept], weights[kept]
            groups = groups.take(kept)
        weights = weights / weights.mean()
        if first:
            self.classes_ = known_classes(labels if classes is None else classes)
            self._groups, self._group_names = groups.labels, groups.names
            self._learn_features(X, weights)
        return NetRows(
            self._encode(X),
            code_labels(labels, self.classes_),
            groups.encode(self._groups).astype(np.int64),
            weights.astype(self.dtype),
        )

    def _learn_features(self, X: Any, weights: Floats) -> None:
        if len(self._shape) == 3:
            return
        named = set(sensitive_positions(X, self.sensitive_features))
        kept = [j for j in range(X.shape[1]) if j not in named]
        if not kept:
            raise ValueError(f"all n_features={X.shape[1]} columns are sensitive features")
        self._encoder = TableEncoder(kept, self.standardize).fit(X, weights)

    def _check_parameters(self) -> None:
        for name in ("batch_size", "max_epochs", "n_iter_no_change"):
            value = getattr(self, name)
            if not isinstance(value, Integral) or value < 1:
                raise ValueError(f"{name} must be an integer of at least 1, got {value!r}")
        check_number("lr", self.lr, above=0)
        check_number("weight_decay", self.weight_decay)
        if not isinstance(self.validation_fraction, Real) or not 0 < self.validation_fraction < 1:
            got = repr(self.validation_fraction)
            raise ValueError(f"validation_fraction must be between 0 and 1, got {got}")
        if self.batch_sampling not in (None, "group", "group_label"):
            raise ValueError(
                f'batch_sampling must be "group", "group_label" or None, got '
                f"{self.batch_sampling!r}"
            )
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f'dtype must be "float32" or "float64", got {self.dtype!r}')

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags


def check_number(name: str, value: Any, above: float | None = None) -> None:
    """Raise ValueError if a parameter isn't a finite number of at least 0, or above a number."""
    number = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    if not number or not (value >= 0 if above is None else value > above):
        limit = "of at least 0" if above is None else f"above {above}"
        raise ValueError(f"{name} must be a number {limit}, got {value!r}")


def history_frame(history: Any) -> pd.DataFrame:
    """Losses and seconds of each epoch.

    Examples
    --------
    >>> history_frame([{"epoch": 1, "train_loss": 0.5, "dur": 0.1, "batches": []}])
           train_loss  dur
    epoch
    1             0.5  0.1
    """
    left_out = ("batches", "event", "_batch_count", "_best")
    rows = [{k: v for k, v in row.items() if not k.endswith(left_out)} for row in history]
    table = pd.DataFrame(rows, columns=None if rows else ["epoch", "dur"]).set_index("epoch")
    return table[
        [*table.columns.drop("dur", errors="ignore"), *table.columns.intersection(["dur"])]
    ]
