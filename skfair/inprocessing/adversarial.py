"""AdversarialDebiasedClassifier: a network that hides the group from an adversary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from skfair._utils.validation import positive_class
from skfair.criteria import get_criterion
from skfair.groups import ColumnSpec, Missing
from skfair.inprocessing._adversary import METHODS, AdversaryMixin
from skfair.inprocessing._net_base import BatchSampling
from skfair.inprocessing._net_docs import AUGMENT, network_docs
from skfair.inprocessing._net_estimator import BaseNetClassifier
from skfair.inprocessing._net_rows import NetRows

_LEAST_SHARE = 0.01  # smaller cells are weighted as if they were of this share

_OWN = {
    "constraints": """\
    constraints : {"demographic_parity", "equalized_odds", "equal_opportunity"}, \
default="demographic_parity"
        What the adversary sees: what the network gives; that and the class; what it gives for rows
        of the positive class.""",
    **METHODS,
    "pos_label": """\
    pos_label : label, default=None
        The positive class, for equal opportunity, where labels aren't {0, 1}, {-1, 1} or
        booleans.""",
    **AUGMENT,
}


@network_docs(_OWN, lr_schedule='"cosine"')
class AdversarialDebiasedClassifier(AdversaryMixin, BaseNetClassifier):
    r"""Network trained together with an adversary that guesses the group from what it gives.

    The adversary learns to lower its loss :math:`L_A`, the cross-entropy of the groups. The network
    lowers its own, :math:`L_P`. With ``method="projection"`` it goes, in each step, down

    .. math::

        \nabla L_P - \operatorname{proj}_{\nabla L_A} \nabla L_P - \alpha \nabla L_A

    by its own parameters: the projection takes out what would help the adversary, the last term
    hurts it. With ``method="reversal"`` the adversary sees a layer inside the network; up to there
    parameters go down :math:`\nabla L_P - \alpha \nabla L_A`, behind it down
    :math:`\nabla L_P`.

    The adversary of outputs sees them standardised in each batch. For equalized odds its rows are
    weighted by one over the share of their cell of group and class (at least 0.01), since error
    rates of small cells count as much as others.

    Such a game circles around its solution. It settles because learning rates fall
    (``lr_schedule``), and the adversary's is the higher one (``adversary_lr``).

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
        :math:`L_P` plus :math:`\alpha` times the criterion's expected gap on validation rows,
        since the adversary's loss there tells more of the adversary than of the network.
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
    predictions, or measure the criterion there. The larger ``adversary_weight``, the less a fresh
    one finds; far too large, and the network may forget the labels. Where groups and labels hang
    together closely, hiding the group hides the label, too: take equalized odds there, or
    ``batch_sampling="group_label"`` with a small weight.

    References
    ----------
    Zhang, B. H., Lemoine, B. and Mitchell, M. (2018). Mitigating unwanted biases with adversarial
    learning. AIES, 335-340. https://doi.org/10.1145/3278721.3278779

    Ganin, Y. et al. (2016). Domain-adversarial training of neural networks. Journal of Machine
    Learning Research 17(59), 1-35. https://jmlr.org/papers/v17/15-239.html

    Heusel, M. et al. (2017). GANs trained by a two time-scale update rule converge to a local Nash
    equilibrium. NeurIPS. https://arxiv.org/abs/1706.08500 (the two learning rates)

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> sex = np.repeat(["f", "m"], 200)
    >>> X = rng.normal(size=(400, 2)) + [1.0, 0.0] * (sex == "m")[:, None]
    >>> y = (X.sum(axis=1) + rng.normal(size=400) > 0.5).astype(int)
    >>> options = {"hidden_sizes": (), "lr": 0.03, "max_epochs": 60, "random_state": 0}
    >>> for weight in (0.0, 3.0):
    ...     model = AdversarialDebiasedClassifier(adversary_weight=weight, **options)
    ...     p = model.fit(X, y, sensitive_features=sex).predict_proba(X)[:, 1]
    ...     print(bool(abs(p[sex == "m"].mean() - p[sex == "f"].mean()) < 0.1))
    False
    True
    """

    _constraints = ("demographic_parity", "equalized_odds", "equal_opportunity")

    def __init__(
        self,
        *,
        sensitive_features: ColumnSpec | None = None,
        constraints: str = "demographic_parity",
        method: Literal["projection", "reversal"] = "projection",
        representation: str | None = None,
        adversary_weight: float = 1.0,
        warmup_epochs: int = 0,
        adversary_hidden_sizes: Sequence[int] = (32,),
        adversary_lr: float = 0.01,
        pos_label: Any = None,
        augment: Any = None,
        module: Any = None,
        hidden_sizes: Sequence[int] = (64, 64),
        dropout: float = 0.0,
        weight_init: str = "he",
        standardize: bool = True,
        lr: float = 1e-3,
        lr_schedule: Literal["cosine"] | None = "cosine",
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
        self.method = method
        self.representation = representation
        self.adversary_weight = adversary_weight
        self.warmup_epochs = warmup_epochs
        self.adversary_hidden_sizes = adversary_hidden_sizes
        self.adversary_lr = adversary_lr
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
        from skfair.nn.gaps import ExpectedGap

        n_classes, only = len(self.classes_), None
        if self.constraints == "equal_opportunity" or self.pos_label is not None:
            only = positive_class(self.classes_.tolist(), self.pos_label)
        if self.constraints != "equal_opportunity":
            only = None
        classes = range(n_classes) if n_classes > 2 else (1,)
        gap = ExpectedGap(
            get_criterion(self.constraints),
            len(self._groups),
            classes=classes if only is None else (only,),
        )
        return self._make_adversary_loss(
            rows, module, gap, n_classes, only, self._cell_weights(rows)
        )

    def _cell_weights(self, rows: NetRows) -> Any:
        """Weight cells of group and class alike for equalized odds, in which all count alike."""
        if self.constraints != "equalized_odds" or self.batch_sampling == "group_label":
            return None
        import torch

        sums = rows.cell_sums(len(self._groups), len(self.classes_))
        shares = np.maximum(sums / sums.sum(), _LEAST_SHARE)
        return torch.from_numpy((1 / shares / np.mean(1 / shares)).astype(self.dtype))
