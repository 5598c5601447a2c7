"""AdversarialDebiasedRegressor: a network whose numbers hide the group from an adversary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin

from skfair._utils.validation import check_option
from skfair.groups import ColumnSpec, Missing
from skfair.inprocessing._adversary import METHODS, AdversaryMixin
from skfair.inprocessing._net_docs import network_docs
from skfair.inprocessing._net_rows import Floats, NetRows, read_numbers

_OWN = {
    "constraints": """\
    constraints : {"demographic_parity", "equalized_odds"}, default="demographic_parity"
        What the adversary sees: what the network gives; that and the true number.""",
    **METHODS,
}


@network_docs(
    _OWN, lr_schedule='"cosine"', outputs="a number a row,\n        of shape (n, 1)", labels=""
)
class AdversarialDebiasedRegressor(RegressorMixin, AdversaryMixin):
    r"""Network of numbers, trained together with an adversary that guesses the group from them.

    As :class:`AdversarialDebiasedClassifier`, with the squared error of the standardised target as
    the loss :math:`L_P`. Demographic parity asks that predictions are distributed alike in all
    groups, equalized odds that they are so among rows of the same true number.

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
        :math:`L_P` plus :math:`\alpha` times the gap of the groups' mean predictions (for equalized
        odds, of their mean errors) on validation rows.
    n_features_in_, feature_names_in_
        As seen in fit, the sensitive columns included.

    Warns
    -----
    UndefinedMetricWarning
        If there is one group only.

    References
    ----------
    Zhang, B. H., Lemoine, B. and Mitchell, M. (2018). Mitigating unwanted biases with adversarial
    learning. AIES, 335-340. https://doi.org/10.1145/3278721.3278779

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sex = np.repeat(["f", "m"], 200)
    >>> X = rng.normal(size=(400, 2)) + [1.0, 0.0] * (sex == "m")[:, None]
    >>> pay = 30 + 5 * X.sum(axis=1) + rng.normal(size=400)
    >>> options = {"hidden_sizes": (), "lr": 0.01, "random_state": 0}
    >>> model = AdversarialDebiasedRegressor(adversary_weight=3.0, **options)
    >>> found = model.fit(X, pay, sensitive_features=sex).predict(X)
    >>> bool(abs(found[sex == "m"].mean() - found[sex == "f"].mean()) < 1)  # 5 in the data
    True
    """

    _learned = (*AdversaryMixin._learned, "_mean", "_scale")
    _constraints = ("demographic_parity", "equalized_odds")

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
        module: Any = None,
        hidden_sizes: Sequence[int] = (64, 64),
        dropout: float = 0.0,
        weight_init: str = "he",
        standardize: bool = True,
        lr: float = 1e-3,
        lr_schedule: Literal["cosine"] | None = "cosine",
        weight_decay: float = 0.0,
        batch_size: int = 256,
        batch_sampling: Literal["group"] | None = None,
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

    def fit(
        self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        X : data frame or array of shape (n, n_features), or array of shape (n, c, h, w)
            A table or images. Of a table, columns that are no numbers become one column a value.
        y : array-like of shape (n,)
            Numbers.
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
            If groups are given twice or not at all, the module doesn't give one number a row, or
            the loss is no number; then ``net_`` keeps the last good weights.
        ImportError
            If torch or skorch is missing.
        """
        return self._train(X, y, sensitive_features, sample_weight)

    def partial_fit(
        self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None
    ) -> Self:
        """Train for one more epoch on these rows.

        Scales, values of words and groups are those of the first call. There is no early stopping.

        Parameters
        ----------
        X : data frame or array of shape (n, n_features), or array of shape (n, c, h, w)
        y : array-like of shape (n,)
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
            If a group is unseen, or for a reason for which ``fit`` raises it.
        """
        return self._train(X, y, sensitive_features, sample_weight, partial=True)

    def predict(self, X: Any) -> Floats:
        """Predict numbers.

        Parameters
        ----------
        X : data frame or array of shape (n, n_features), or array of shape (n, c, h, w)
            As at fit, the sensitive columns included; groups are not needed.

        Returns
        -------
        ndarray of float of shape (n,)
        """
        return self._outputs(X)[:, 0] * self._scale + self._mean

    def _make_loss(self, rows: NetRows, module: Any) -> Any:
        from skfair.nn.gaps import MeanGap

        residual = self.constraints == "equalized_odds"
        return self._make_adversary_loss(rows, module, MeanGap(len(self._groups), residual))

    def _n_outputs(self) -> int:
        return 1

    def _read_target(self, y: Any, X: Any) -> NDArray[np.float64]:
        return read_numbers(y, X)

    def _learn_target(self, y: Any, weights: Floats, classes: Any) -> None:
        self._mean = float(np.average(y, weights=weights))
        spread = float(np.sqrt(np.average((y - self._mean) ** 2, weights=weights)))
        self._scale = spread if spread > 0 else 1.0

    def _encode_target(self, y: Any) -> Floats:
        return ((y - self._mean) / self._scale).astype(self.dtype)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_option("batch_sampling", self.batch_sampling, ("group", None))
