"""What estimators made of a network share: reading of features, a skorch net, its history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skfair._utils.columns import is_frame, take_rows
from skfair._utils.optional import import_optional
from skfair._utils.validation import (
    check_any_weight,
    check_count,
    check_number,
    check_option,
    check_share,
    check_weights,
)
from skfair.base import GroupsAtPartialFitMixin, as_matrix, feature_positions
from skfair.groups import ColumnSpec, Missing
from skfair.inprocessing._net_features import TableEncoder
from skfair.inprocessing._net_history import history_frame, plot_losses
from skfair.inprocessing._net_module import build_module
from skfair.inprocessing._net_rows import Floats, NetRows, hold_out

BatchSampling = Literal["group", "group_label"] | None

_LEAST_EPOCHS, _LEAST_BATCHES = 20, 1000  # of max_epochs="auto"


class BaseNet(GroupsAtPartialFitMixin, BaseEstimator):
    """Base of estimators that train a network by skorch.

    A subclass overrides ``_make_loss(rows, module)``, which returns the loss as a torch module: of
    outputs and a target (labels, groups, weights) it makes a number. It learns what the labels are
    in ``_learn_target`` and encodes them in ``_encode_target``; ``_n_outputs`` counts what the
    network has to give. It may override ``_check_parameters`` and ``_net_options``, too.
    """

    uses_group_at_predict = False
    infers_group = False

    _learned: tuple[str, ...] = (
        "_shape",
        "_of_bytes",
        "_more_to_come",
        "_input_shape",
        "_groups",
        "_group_names",
    )

    sensitive_features: ColumnSpec | None
    missing: Missing
    module: Any
    hidden_sizes: Sequence[int]
    dropout: float
    weight_init: str
    standardize: bool
    lr: float
    lr_schedule: Literal["cosine"] | None
    weight_decay: float
    batch_size: int
    batch_sampling: BatchSampling
    max_epochs: int | Literal["auto"]
    early_stopping: bool
    validation_fraction: float
    n_iter_no_change: int
    warm_start: bool
    device: str
    dtype: str
    mixed_precision: bool
    callbacks: Sequence[Any] | None
    random_state: Any
    verbose: int

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
        if first:
            self.__dict__.pop("net_", None)  # should reading fail, no net of other rows is left
        X = self._check_rows(X, reset=first)
        rows = self._read_rows(X, y, sensitive_features, sample_weight, classes, first)
        if first:
            self._random = check_random_state(self.random_state)
            self._split_seed = None
            self._more_to_come = partial
        with self._seeded():
            validation = None
            if self.early_stopping and not partial:
                if self._split_seed is None:
                    self._split_seed = self._random.randint(np.iinfo(np.int32).max)
                rows, validation = hold_out(rows, self.validation_fraction, self._split_seed)
            change = self._augmentation(rows)
            if first:
                self._start(rows)
            else:
                self._go_on(rows)
            self.net_.augment = change
            self._run(rows, validation, epochs=1 if partial else self._n_epochs(len(rows.y)))
        return self

    def _n_epochs(self, n_rows: int) -> int:
        if self.max_epochs != "auto":
            return self.max_epochs
        n_batches = -(-n_rows // self.batch_size)
        return max(_LEAST_EPOCHS, -(-_LEAST_BATCHES // n_batches))

    def _start(self, rows: NetRows) -> None:
        """Make the network, its loss, and the net that trains them."""
        self._input_shape = rows.X.shape[1:]
        options = {
            "hidden_sizes": self.hidden_sizes,
            "dropout": self.dropout,
            "weight_init": self.weight_init,
        }
        module = build_module(self.module, rows.X[:2], self._n_outputs(), options)
        module = module.to(self._device())
        self._wrap(module, self._make_loss(rows, module).to(self._torch_dtype()))

    def _go_on(self, rows: NetRows) -> None:
        """Take the parameters as they are now; weights, the loss's state and moments stay."""
        old = self.net_
        module = old.module_.to(device=self._device(), dtype=self._torch_dtype())
        loss = self._make_loss(rows, module).to(self._torch_dtype())
        try:
            loss.load_state_dict(old.criterion_.state_dict())
        except RuntimeError as error:
            raise ValueError(
                "layers of a network that goes on can't change: fit a new one (warm_start=False)"
            ) from error
        self._wrap(module, loss)
        moments, rates = old.optimizer_.state_dict(), self.net_.optimizer_.state_dict()
        groups = [{**group, "initial_lr": group["lr"]} for group in rates["param_groups"]]
        self.net_.optimizer_.load_state_dict({"param_groups": groups, "state": moments["state"]})
        self.net_.history = old.history

    def _wrap(self, module: Any, loss: Any) -> None:
        from skfair.nn.nets import make_net

        self.net_ = make_net(
            module,
            loss,
            **self._net_options(),
            lr=self.lr,
            lr_schedule=self.lr_schedule,
            weight_decay=self.weight_decay,
            batch_size=self.batch_size,
            sampling=self.batch_sampling,
            n_classes=self._n_outputs(),
            patience=self.n_iter_no_change if self.early_stopping else None,
            callbacks=self.callbacks,
            device=self._device(),
            mixed_precision=self.mixed_precision,
            verbose=self.verbose,
        )

    def _augmentation(self, rows: NetRows) -> Any:
        """Make what changes training batches; None where nothing does."""
        return None

    def _run(self, rows: NetRows, validation: NetRows | None, epochs: int) -> None:
        from skorch.helper import predefined_split

        net = self.net_
        net.max_epochs = epochs
        net.train_split = validation and predefined_split(self._place(*validation))
        try:
            net.partial_fit(self._place(*rows))
        finally:
            net.train_split = net.augment = None
            self.history_ = history_frame(net.history)

    def _make_loss(self, rows: NetRows, module: Any) -> Any:
        raise NotImplementedError

    def _n_outputs(self) -> int:
        raise NotImplementedError

    def _learn_target(self, y: Any, weights: Floats, classes: Any) -> None:
        raise NotImplementedError

    def _read_target(self, y: Any, X: Any) -> Any:
        raise NotImplementedError

    def _encode_target(self, y: Any) -> Any:
        raise NotImplementedError

    def _net_options(self) -> dict[str, Any]:
        """Give further options of ``make_net``."""
        return {}

    @contextmanager
    def _seeded(self) -> Iterator[None]:
        """Seed torch on the CPU and this device, and leave its generators as they were."""
        from skfair.nn import seeded

        with seeded(self._random.randint(np.iinfo(np.int32).max), self._device()):
            yield

    def _device(self) -> Any:
        from skfair.nn import device_of

        return device_of(self.device)

    def _torch_dtype(self) -> Any:
        import torch

        return getattr(torch, self.dtype)

    def _place(self, X: Any, *targets: Any) -> Any:
        import torch

        from skfair.nn import place_rows

        tensors = [torch.from_numpy(np.ascontiguousarray(part)) for part in (X, *targets)]
        return place_rows(self._device(), *tensors)

    def network_input(self, X: Any) -> Floats:
        """Prepare rows as the network takes them: features without sensitive columns, as numbers.

        Parameters
        ----------
        X : data frame or array of shape (n, n_features), or array of shape (n, c, h, w)
            As at fit, the sensitive columns included.

        Returns
        -------
        ndarray of shape (n, n_inputs) or (n, c, h, w)
        """
        check_is_fitted(self, "net_")
        return self._encode(self._check_rows(X, reset=False))

    def _outputs(self, X: Any) -> Floats:
        matrix = self.network_input(X)
        from skfair.nn import predict_logits

        return predict_logits(self.net_.module_, matrix)

    def plot_history(self, *, ax: Any = None) -> Any:
        """Draw the losses by epoch.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None: a new figure.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        ImportError
            If matplotlib is missing: ``pip install "skfair[plot]"``.
        """
        check_is_fitted(self, "net_")
        return plot_losses(self.history_, title=type(self).__name__, ax=ax)

    def _check_rows(self, X: Any, reset: bool) -> Any:
        """Check what needs no look into columns; a frame stays one, all else becomes an array."""
        name = type(self).__name__
        if not is_frame(X):
            X = as_matrix(X)  # lists of words and numbers keep their numbers
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
            self._of_bytes = _of_bytes(X)
        elif len(shape) != len(self._shape) or (len(shape) == 3 and shape != self._shape):
            raise ValueError(f"rows of X have the shape {shape}, and had {self._shape} at fit")
        elif self._of_bytes != _of_bytes(X):
            was, now = ("", "not ") if self._of_bytes else ("not ", "")
            raise ValueError(
                f"images were {was}bytes (uint8, divided by 255) at fit, and are {now}so here "
                f"(dtype {X.dtype}): their scales may differ"
            )
        return X

    def _encode(self, X: Any) -> Floats:
        if len(self._shape) == 3:
            images = check_array(X, dtype=self.dtype, allow_nd=True, input_name="X")
            return images / 255 if self._of_bytes else images
        return self._encoder.transform(X).astype(self.dtype)

    def _read_rows(
        self, X: Any, y: Any, sensitive_features: Any, sample_weight: Any, classes: Any, first: bool
    ) -> NetRows:
        groups = self._read_groups(X, sensitive_features)
        labels = self._read_target(y, X)
        weights = check_weights(sample_weight, len(labels))
        check_any_weight(weights)
        if weights is None:
            weights = np.ones(len(labels))
        kept = np.flatnonzero(weights)
        if len(kept) < len(weights):
            X, labels, weights = take_rows(X, kept), labels[kept], weights[kept]
            groups = groups.take(kept)
        weights = weights / weights.mean()
        if first:
            self._learn_target(labels, weights, classes)
            self._groups, self._group_names = groups.labels, groups.names
        return NetRows(
            self._learn_features(X, weights) if first else self._encode(X),
            self._encode_target(labels),
            groups.encode(self._groups).astype(np.int64),
            weights.astype(self.dtype),
        )

    def _learn_features(self, X: Any, weights: Floats) -> Floats:
        """Learn how to encode X, and encode it."""
        if len(self._shape) == 3:
            return self._encode(X)
        kept = feature_positions(X, self.sensitive_features)
        self._encoder = TableEncoder(kept, self.standardize)
        return self._encoder.fit_transform(X, weights).astype(self.dtype)

    def _check_parameters(self) -> None:
        check_count("batch_size", self.batch_size)
        check_count("n_iter_no_change", self.n_iter_no_change)
        if self.max_epochs != "auto":
            check_count("max_epochs", self.max_epochs)
        check_number("lr", self.lr, above=0)
        check_number("weight_decay", self.weight_decay)
        check_share("validation_fraction", self.validation_fraction, ends=False)
        check_option("batch_sampling", self.batch_sampling, ("group", "group_label", None))
        check_option("lr_schedule", self.lr_schedule, ("cosine", None))
        check_option("dtype", self.dtype, ("float32", "float64"))
        if self.mixed_precision and self.dtype == "float64":
            raise ValueError('mixed_precision=True is for dtype="float32"')

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags


def _of_bytes(X: Any) -> bool:
    return not is_frame(X) and X.ndim == 4 and X.dtype == np.uint8
