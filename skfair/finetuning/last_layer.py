"""LastLayerRetrainer: the last layer trained anew on balanced rows (deep feature reweighting)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np

from skfair._utils.validation import check_count, check_number
from skfair.criteria import Criterion, Rate
from skfair.finetuning._base import BaseDebiaser, Note
from skfair.finetuning._docs import VALIDATION_FRACTION, debiaser_docs
from skfair.finetuning._last_layer import (
    balanced_subsets,
    features_of,
    fit_balanced,
    put_odds,
    weights_within,
)
from skfair.finetuning._layers import last_linear
from skfair.finetuning._objective import Form
from skfair.finetuning._search import Search
from skfair.groups import ColumnSpec, Missing

_OWN = {
    "balance": """\
    balance : {"group_label", "group"}, default="group_label"
        Whether subsets hold as many rows of every cell of group and label, or of every group.""",
    "n_subsets": """\
    n_subsets : int, default=10
        Number of balanced subsets. Those with rows of one class only are left out.""",
    "Cs": """\
    Cs : sequence of float, default=(1.0, 0.3, 0.1, 0.03, 0.01)
        Inverse strengths of the ridge penalty: each gives a network to judge.""",
    "last_layer": """\
    last_layer : str, default=None
        Name of the linear layer that is trained anew, with as many outputs as the network. None:
        the layer that runs last. It may be neither frozen nor parametrized.""",
    **VALIDATION_FRACTION,
}


@debiaser_docs(_OWN)
class LastLayerRetrainer(BaseDebiaser):
    r"""The last layer of a network trained anew on balanced rows (deep feature reweighting).

    A network that has learnt a shortcut has often learnt what it should as well, and only its last
    layer weighs them wrongly. So a ridge logistic regression on its frozen, standardised features
    is fitted to subsets in which groups and labels are balanced, and the mean of the fits becomes
    the last layer. Each of ``Cs`` makes a candidate, the trained network is another one, and each
    gets its best threshold.

    It takes seconds, since nothing but logistic regressions is trained. The group is needed at fit
    only.

    {parameters}

    References
    ----------
    Kirichenko, P., Izmailov, P. and Wilson, A. G. (2023). Last layer re-training is sufficient for
    robustness to spurious correlations. ICLR. https://openreview.net/forum?id=Zb6c8A-Fghk

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> rng = np.random.default_rng(0)
    >>> sex = rng.choice(["f", "m"], 400)
    >>> X = rng.normal(size=(400, 2)) + [1.0, 0.0] * (sex == "m")[:, None]
    >>> y = (X[:, 1] + 0.5 * rng.normal(size=400) > 0).astype(int)
    >>> net = torch.nn.Linear(2, 1)
    >>> _ = net.weight.data.fill_(1.0), net.bias.data.fill_(-0.5)
    >>> debiaser = LastLayerRetrainer(net, random_state=0).fit(X, y, sensitive_features=sex)
    >>> bool(debiaser.criteria_.loc["average_odds", "plain"] > 0.1), abs(debiaser.bias_) <= 0.05
    (True, True)
    """

    def __init__(
        self,
        net: Any,
        *,
        sensitive_features: ColumnSpec | None = None,
        constraints: str | Criterion | Rate = "average_odds",
        objective: Any = "balanced_accuracy_score",
        tol: float = 0.05,
        margin: float = 0.01,
        form: Form = "constrained",
        balance: Literal["group_label", "group"] = "group_label",
        n_subsets: int = 10,
        Cs: Sequence[float] = (1.0, 0.3, 0.1, 0.03, 0.01),
        last_layer: str | None = None,
        validation_fraction: float = 0.5,
        n_resamples: int = 5,
        output: str = "auto",
        time_limit: float | None = None,
        pos_label: Any = None,
        missing: Missing = "group",
        warm_start: bool = False,
        device: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.net = net
        self.sensitive_features = sensitive_features
        self.constraints = constraints
        self.objective = objective
        self.tol = tol
        self.margin = margin
        self.form = form
        self.balance = balance
        self.n_subsets = n_subsets
        self.Cs = Cs
        self.last_layer = last_layer
        self.validation_fraction = validation_fraction
        self.n_resamples = n_resamples
        self.output = output
        self.time_limit = time_limit
        self.pos_label = pos_label
        self.missing = missing
        self.warm_start = warm_start
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _candidates(self, search: Search, rng: np.random.Generator) -> Iterator[Note]:
        from skfair.nn import find_layer

        name = last_linear(search.module, search.X[:2], search.device, self.last_layer)
        layer, rows = find_layer(search.module, name), search.tuning
        features = features_of(layer, search.module, rows.X, search.device)
        labels = rows.positive if search.sign == 1 else ~rows.positive  # of the last class
        cells = rows.cells() if self.balance == "group_label" else rows.codes
        subsets = balanced_subsets(cells, labels, self.n_subsets, rng)
        weights = weights_within(cells, rows.weights)
        for C in self.Cs:
            put_odds(layer, fit_balanced(features, labels, weights, subsets, C))
            yield {"step": "retrained", "C": float(C)}

    def _check_parameters(self) -> Criterion:
        if self.balance not in ("group_label", "group"):
            raise ValueError(
                f'balance must be "group_label" or "group", got balance={self.balance!r}'
            )
        check_count("n_subsets", self.n_subsets)
        if not len(self.Cs):
            raise ValueError("Cs is empty: give at least one inverse strength of the penalty")
        for C in self.Cs:
            check_number("Cs", C, above=0)
        return super()._check_parameters()
