"""FairNetClassifier: a network that pays for the gaps of its expected rates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from sklearn.exceptions import UndefinedMetricWarning

from skfair._utils.validation import check_number, positive_class
from skfair._utils.warning import warn_user
from skfair.criteria import Criterion, read_decisive
from skfair.groups import ColumnSpec, Missing
from skfair.inprocessing._covariance import depends_on_positive
from skfair.inprocessing._net_base import BatchSampling
from skfair.inprocessing._net_docs import AUGMENT, network_docs
from skfair.inprocessing._net_estimator import BaseNetClassifier
from skfair.inprocessing._net_rows import NetRows

_OWN = {
    "constraints": """\
    constraints : str, Criterion or list of them, default="demographic_parity"
        Criteria, whose rates need not be linear in the decision: ``"equalized_odds"``,
        ``"predictive_parity"``, the name of a rate, ... Several are added up.""",
    "strength": """\
    strength : float, default=1.0
        Weight of the gaps beside the cross-entropy.""",
    "memory": """\
    memory : float, default=0.5
        How much of older batches' cells stays with each new batch, at least 0 (none) and below 1.
        The smaller the groups' parts of a batch, the more is needed; too much lets the gap swing,
        since old cells tell of an old network.""",
    "pos_label": """\
    pos_label : label, default=None
        The positive class. Of more than two classes, None: each against the rest in turn, and the
        mean of their gaps. Of two, it is needed where it matters (equal opportunity) and labels
        aren't {0, 1}, {-1, 1} or booleans.""",
    **AUGMENT,
}


@network_docs(_OWN)
class FairNetClassifier(BaseNetClassifier):
    r"""Network trained on the cross-entropy plus the gaps between groups.

    The gap of a criterion is taken over soft cells: each row counts as true and as false, positive
    and negative, by the network's probabilities. So the rates are those which would be expected if
    decisions were drawn by their probabilities, they have gradients, and the loss is

    .. math:: \frac{\sum_i w_i \,\mathrm{CE}_i}{\sum_i w_i} + \lambda \sum_k \text{gap}_k(\bar c)

    with ``strength`` :math:`\lambda`. The cells :math:`\bar c` are smoothed over batches
    (``memory``), so that small groups in small batches aren't drowned in noise.

    Groups are needed at fit only. Columns that ``sensitive_features`` names are no features;
    groups that come as metadata or from a callable leave all columns features.

    {parameters}

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net; ``net_.module_`` is the torch module.
    history_ : DataFrame
        By epoch, losses on training rows and, with early stopping, validation rows, and seconds.
    classes_ : ndarray of shape (n_classes,)
    n_features_in_, feature_names_in_
        As seen in fit, the sensitive columns included.

    Warns
    -----
    UndefinedMetricWarning
        If there is one group only, so that no gap is defined.

    Notes
    -----
    A gap of expected rates that is small doesn't make the gap of hard decisions small: measure that
    on held-out rows. With ``batch_sampling="group_label"`` rates are weighted back to the shares
    that labels have in each group, so that criteria mean what they always mean.

    References
    ----------
    Buyl, M., Defrance, M. and De Bie, T. (2024). fairret: a framework for differentiable fairness
    regularization terms. ICLR. https://openreview.net/forum?id=NnyD0Rjx2B

    Padala, M. and Gujar, S. (2020). FNNC: achieving fairness through neural networks. IJCAI,
    2277-2283. https://doi.org/10.24963/ijcai.2020/315

    Examples
    --------
    >>> import numpy as np
    >>> from skfair.metrics import demographic_parity_difference
    >>> rng = np.random.default_rng(0)
    >>> sex = np.repeat(["f", "m"], 200)
    >>> X = rng.normal(size=(400, 2)) + [1.0, 0.0] * (sex == "m")[:, None]
    >>> y = (X.sum(axis=1) + rng.normal(size=400) > 0.5).astype(int)
    >>> options = {"hidden_sizes": (), "lr": 0.03, "max_epochs": 40, "random_state": 0}
    >>> for strength in (0.0, 3.0):
    ...     model = FairNetClassifier(strength=strength, **options)
    ...     decisions = model.fit(X, y, sensitive_features=sex).predict(X)
    ...     gap = demographic_parity_difference(y, decisions, sensitive_features=sex)
    ...     print(bool(gap < 0.15))
    False
    True
    """

    def __init__(
        self,
        *,
        sensitive_features: ColumnSpec | None = None,
        constraints: str | Criterion | Sequence[str | Criterion] = "demographic_parity",
        strength: float = 1.0,
        memory: float = 0.5,
        pos_label: Any = None,
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
        batch_sampling: BatchSampling = None,
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
        self.constraints = constraints
        self.strength = strength
        self.memory = memory
        self.pos_label = pos_label
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

    def _make_loss(self, rows: NetRows, module: Any) -> Any:
        import torch

        from skfair.nn import SoftGapLoss

        n_groups, n_classes = len(self._groups), len(self.classes_)
        criteria = read_decisive(self.constraints)
        if n_groups == 1 and self.strength:
            warn_user(
                f"there is one group only, {self._groups[0]!r}: the gaps are undefined, and count "
                "as 0",
                UndefinedMetricWarning,
            )
        shares = None
        if self.batch_sampling == "group_label":
            shares = torch.from_numpy(rows.cell_sums(n_groups, n_classes)).to(
                getattr(torch, self.dtype)
            )
        return SoftGapLoss(
            criteria,
            n_groups,
            strength=self.strength,
            classes=self._positive_classes(criteria),
            memory=self.memory,
            shares=shares,
        )

    def _positive_classes(self, criteria: list[Criterion]) -> list[int]:
        known = self.classes_.tolist()
        if self.pos_label is None and len(known) > 2:
            return list(range(len(known)))
        matters = any(c.gap == "ratio" or depends_on_positive(c) for c in criteria)
        if self.pos_label is None and not matters:
            return [1]
        place = positive_class(known, self.pos_label)
        return [1 if place is None else place]

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number("strength", self.strength)
        check_number("memory", self.memory)
        if self.memory >= 1:
            raise ValueError(f"memory must be below 1, got {self.memory!r}")
        read_decisive(self.constraints)
