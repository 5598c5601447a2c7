"""AdversarialDebiasedClassifier: a network that hides the group from an adversary."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

from sklearn.exceptions import UndefinedMetricWarning

from skfair._utils.validation import positive_class
from skfair._utils.warning import warn_user
from skfair.groups import ColumnSpec, Missing
from skfair.inprocessing._net_docs import network_docs
from skfair.inprocessing._net_estimator import (
    BaseNetClassifier,
    BatchSampling,
    NetRows,
    check_number,
)

_CONSTRAINTS = ("demographic_parity", "equalized_odds", "equal_opportunity")
_OWN = {
    "constraints": """\
    constraints : {"demographic_parity", "equalized_odds", "equal_opportunity"}, \
default="demographic_parity"
        What the adversary sees: the outputs; the outputs and the class; the outputs of rows of the
        positive class.""",
    "adversary_weight": """\
    adversary_weight : float, default=1.0
        How much hurting the adversary counts (:math:`\\alpha`).""",
    "warmup_epochs": """\
    warmup_epochs : int, default=0
        Epochs in which that weight rises in equal steps from 0.""",
    "adversary_hidden_sizes": """\
    adversary_hidden_sizes : sequence of int, default=(32,)
        Widths of the adversary's hidden layers; none: it is linear.""",
    "adversary_lr": """\
    adversary_lr : float, default=None
        Learning rate of the adversary; None: that of the network.""",
    "pos_label": """\
    pos_label : label, default=None
        The positive class, for equal opportunity, where labels aren't {0, 1}, {-1, 1} or
        booleans.""",
}


@network_docs(_OWN)
class AdversarialDebiasedClassifier(BaseNetClassifier):
    r"""Network trained together with an adversary that guesses the group from what it gives.

    The adversary learns to lower its loss :math:`L_A`, the cross-entropy of the groups. The network
    lowers its own, :math:`L_P`. In each step it goes down

    .. math::

        \nabla L_P - \operatorname{proj}_{\nabla L_A} \nabla L_P - \alpha \nabla L_A

    by its own parameters: the projection takes out what would help the adversary, the last term
    hurts it.

    Groups are needed at fit only. Columns that ``sensitive_features`` names are no features;
    groups that come as metadata or from a callable leave all columns features.

    {parameters}

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net; ``net_.module_`` is the torch module, ``net_.criterion_.adversary`` the
        adversary.
    history_ : DataFrame
        By epoch, the network's own loss on training rows and seconds; with early stopping, also
        :math:`L_P - \alpha L_A` on validation rows.
    classes_ : ndarray of shape (n_classes,)
    n_features_in_, feature_names_in_
        As seen in fit, the sensitive columns included.

    Warns
    -----
    UndefinedMetricWarning
        If there is one group only.

    Notes
    -----
    That the adversary has lost proves nothing: it may be a poor one. Train a fresh one on held-out
    predictions, or measure the criterion there. The game need not settle: with a large
    ``adversary_weight`` the network may forget the labels.

    References
    ----------
    Zhang, B. H., Lemoine, B. and Mitchell, M. (2018). Mitigating unwanted biases with adversarial
    learning. AIES, 335-340. https://doi.org/10.1145/3278721.3278779

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> sex = np.repeat(["f", "m"], 200)
    >>> X = rng.normal(size=(400, 2)) + [1.0, 0.0] * (sex == "m")[:, None]
    >>> y = (X.sum(axis=1) + rng.normal(size=400) > 0.5).astype(int)
    >>> options = {"hidden_sizes": (), "lr": 0.01, "max_epochs": 50, "random_state": 0}
    >>> for weight in (0.0, 1.0):
    ...     model = AdversarialDebiasedClassifier(adversary_weight=weight, **options)
    ...     p = model.fit(X, y, sensitive_features=sex).predict_proba(X)[:, 1]
    ...     print(bool(abs(p[sex == "m"].mean() - p[sex == "f"].mean()) < 0.1))
    False
    True
    """

    def __init__(
        self,
        *,
        sensitive_features: ColumnSpec | None = None,
        constraints: str = "demographic_parity",
        adversary_weight: float = 1.0,
        warmup_epochs: int = 0,
        adversary_hidden_sizes: Sequence[int] = (32,),
        adversary_lr: float | None = None,
        pos_label: Any = None,
        module: Any = None,
        hidden_sizes: Sequence[int] = (64, 64),
        dropout: float = 0.0,
        weight_init: str = "he",
        standardize: bool = True,
        lr: float = 1e-3,
        weight_decay: float = 0.0,
        batch_size: int = 256,
        batch_sampling: BatchSampling = None,
        max_epochs: int = 20,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        warm_start: bool = False,
        device: str = "auto",
        dtype: str = "float32",
        callbacks: Sequence[Any] | None = None,
        missing: Missing = "group",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.sensitive_features = sensitive_features
        self.constraints = constraints
        self.adversary_weight = adversary_weight
        self.warmup_epochs = warmup_epochs
        self.adversary_hidden_sizes = adversary_hidden_sizes
        self.adversary_lr = adversary_lr
        self.pos_label = pos_label
        self.module = module
        self.hidden_sizes = hidden_sizes
        self.dropout = dropout
        self.weight_init = weight_init
        self.standardize = standardize
        self.lr = lr
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
        self.callbacks = callbacks
        self.missing = missing
        self.random_state = random_state
        self.verbose = verbose

    def _make_loss(self, rows: NetRows, module: Any) -> Any:
        import torch

        from skfair.nn import make_mlp
        from skfair.nn.adversary import AdversaryLoss

        if len(self._groups) == 1:
            warn_user(
                f"there is one group only, {self._groups[0]!r}: the adversary has nothing to guess",
                UndefinedMetricWarning,
            )
        n_classes, only = len(self.classes_), None
        if self.constraints == "equal_opportunity":
            only = positive_class(self.classes_.tolist(), self.pos_label)
        sees_label = self.constraints == "equalized_odds"
        adversary = make_mlp(
            n_classes * (1 + sees_label), len(self._groups), self.adversary_hidden_sizes
        )
        return AdversaryLoss(
            adversary.to(getattr(torch, self.dtype)),
            n_classes,
            weight=self.adversary_weight,
            warmup_epochs=self.warmup_epochs,
            sees_label=sees_label,
            only=only,
        )

    def _net_options(self) -> dict[str, Any]:
        from skfair.nn.adversary import AdversarialNet

        options: dict[str, Any] = {"kind": AdversarialNet}
        if self.adversary_lr is not None:
            options["optimizer__param_groups"] = [("adversary.*", {"lr": self.adversary_lr})]
        return options

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.constraints not in _CONSTRAINTS:
            raise ValueError(
                f"constraints must be one of {list(_CONSTRAINTS)}, got {self.constraints!r}"
            )
        check_number("adversary_weight", self.adversary_weight)
        if self.adversary_lr is not None:
            check_number("adversary_lr", self.adversary_lr, above=0)
        if not isinstance(self.warmup_epochs, Integral) or self.warmup_epochs < 0:
            raise ValueError(
                f"warmup_epochs must be an integer of at least 0, got {self.warmup_epochs!r}"
            )
