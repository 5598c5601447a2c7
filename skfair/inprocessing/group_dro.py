"""GroupDROClassifier: a network for the group that is worst off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from skfair._utils.validation import check_number, check_option
from skfair.groups import ColumnSpec, Missing, labels_index
from skfair.inprocessing._net_base import BatchSampling
from skfair.inprocessing._net_docs import AUGMENT, network_docs
from skfair.inprocessing._net_estimator import BaseNetClassifier
from skfair.inprocessing._net_rows import NetRows

_OWN = {
    "worst_over": """\
    worst_over : {"group_label", "group"}, default="group_label"
        Whether the cells whose losses are compared are those of group and label, as in the paper,
        or groups.""",
    "step_size": """\
    step_size : float, default=0.01
        How fast the weights of the cells follow their losses (:math:`\\eta`).""",
    "adjustment": """\
    adjustment : float, default=0.0
        C: the loss of a cell of n rows is raised by :math:`C / \\sqrt{n}`, because small cells
        generalise worse. With weights, n is the effective size.""",
    **AUGMENT,
}


@network_docs(_OWN, batch_sampling='"group_label"')
class GroupDROClassifier(BaseNetClassifier):
    r"""Network trained on the loss of the group that is worst off, by group DRO.

    .. math:: \min_\theta \max_q \sum_g q_g \Big(\ell_g(\theta) + \frac{C}{\sqrt{n_g}}\Big)

    Here :math:`\ell_g` is the mean cross-entropy of a cell of group and label (or of a group), and
    q are weights that sum to 1. In each batch the weights are updated first,
    :math:`q_g \propto q_g \exp(\eta (\ell_g + C / \sqrt{n_g}))`, then the network.

    Groups are needed at fit only. Columns that ``sensitive_features`` names are no features;
    groups that come as metadata or from a callable leave all columns features.

    {parameters}

    Attributes
    ----------
    group_weights_ : Series or DataFrame
        The weights q after the last batch: by group, and with ``worst_over="group_label"`` by
        class, too. 0 for a cell without training rows in ``fit``.
    net_ : skorch.NeuralNet
        The trained net; ``net_.module_`` is the torch module.
    history_ : DataFrame
        By epoch, losses on training rows and, with early stopping, validation rows, and seconds.
        The validation loss is that of the worst cell.
    classes_ : ndarray of shape (n_classes,)
    n_features_in_, feature_names_in_
        As seen in fit, the sensitive columns included.

    Notes
    -----
    A network that fits its training rows perfectly has no worst group there: the paper needs a
    strong ``weight_decay`` or early stopping. A cell without rows in a batch keeps its weight.

    References
    ----------
    Sagawa, S., Koh, P. W., Hashimoto, T. B. and Liang, P. (2020). Distributionally robust neural
    networks for group shifts: on the importance of regularization for worst-case generalization.
    ICLR. https://openreview.net/forum?id=ryxGuJrFvS

    Examples
    --------
    >>> import numpy as np
    >>> from skfair.metrics import MetricFrame
    >>> rng = np.random.default_rng(0)
    >>> group = np.repeat(["many", "few"], [450, 50])
    >>> y = np.tile([0, 1], 250)
    >>> signs = np.where(group == "many", 2 * y - 1, 1 - 2 * y)  # a shortcut that misleads the few
    >>> X = np.column_stack([2 * signs, 2 * y - 1]) + rng.normal(size=(500, 2))
    >>> options = {"hidden_sizes": (), "lr": 0.05, "max_epochs": 40, "random_state": 0}
    >>> model = GroupDROClassifier(step_size=0.1, **options)
    >>> _ = model.fit(X, y, sensitive_features=group)
    >>> bool(model.score(X[group == "few"], y[group == "few"]) > 0.7)
    True
    """

    def __init__(
        self,
        *,
        sensitive_features: ColumnSpec | None = None,
        worst_over: Literal["group_label", "group"] = "group_label",
        step_size: float = 0.01,
        adjustment: float = 0.0,
        augment: Any = None,
        module: Any = None,
        hidden_sizes: Sequence[int] = (64, 64),
        dropout: float = 0.0,
        weight_init: str = "he",
        standardize: bool = True,
        lr: float = 1e-3,
        lr_schedule: Literal["cosine"] | None = None,
        weight_decay: float = 0.0,
        batch_size: int = 256,
        batch_sampling: BatchSampling = "group_label",
        max_epochs: int | Literal["auto"] = "auto",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        warm_start: bool = False,
        device: str = "auto",
        dtype: str = "float32",
        mixed_precision: bool = False,
        callbacks: Sequence[Any] | None = None,
        missing: Missing = "group",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.sensitive_features = sensitive_features
        self.worst_over = worst_over
        self.step_size = step_size
        self.adjustment = adjustment
        self.augment = augment
        self.module = module
        self.hidden_sizes = hidden_sizes
        self.dropout = dropout
        self.weight_init = weight_init
        self.standardize = standardize
        self.lr = lr
        self.lr_schedule = lr_schedule
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.batch_sampling = batch_sampling
        self.max_epochs = max_epochs
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.device = device
        self.dtype = dtype
        self.mixed_precision = mixed_precision
        self.callbacks = callbacks
        self.missing = missing
        self.random_state = random_state
        self.verbose = verbose

    @property
    def group_weights_(self) -> pd.Series | pd.DataFrame:
        """Weights of the cells after the last batch."""
        q = self.net_.criterion_.q.cpu().double().numpy()
        index = labels_index(self._groups, self._group_names)
        if self.worst_over == "group":
            return pd.Series(q, index=index)
        return pd.DataFrame(q.reshape(len(index), -1), index=index, columns=self.classes_)

    def _make_loss(self, rows: NetRows, module: Any) -> Any:
        import torch

        from skfair.nn import GroupDROLoss

        n_groups, n_classes = len(self._groups), len(self.classes_)
        sums, squares = (rows.cell_sums(n_groups, n_classes, power) for power in (1, 2))
        if self.worst_over == "group":
            sums, squares = sums.sum(axis=1), squares.sum(axis=1)
        sizes = np.divide(sums**2, squares, out=np.zeros_like(sums), where=squares > 0)
        if self._more_to_come:  # cells without rows so far may have some in the next call
            sizes[sizes == 0] = sizes[sizes > 0].min()
        return GroupDROLoss(
            torch.from_numpy(sizes.astype(self.dtype)), self.step_size, self.adjustment
        )

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number("step_size", self.step_size)
        check_number("adjustment", self.adjustment)
        check_option("worst_over", self.worst_over, ("group_label", "group"))
