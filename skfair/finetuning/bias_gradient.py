"""BiasGradientFineTuner: gradient descent on the bias itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from skfair._utils.validation import check_count, check_number
from skfair.criteria import Criterion, Rate
from skfair.finetuning._base import BaseDebiaser, Note
from skfair.finetuning._docs import VALIDATION_FRACTION, debiaser_docs
from skfair.finetuning._layers import trainable
from skfair.finetuning._objective import Form
from skfair.finetuning._search import Search
from skfair.finetuning._training import (
    Batch,
    batches_of,
    cross_entropy,
    descend,
    odds_of,
    soft_cells_at,
    until_no_better,
)
from skfair.groups import ColumnSpec, Missing

_OWN = {
    "strength": """\
    strength : float, default=1.0
        Weight of the bias beside the cross-entropy.""",
    "temperature": """\
    temperature : float, default=0.5
        Softness of the decisions whose bias is descended.""",
    "lr": """\
    lr : float, default=5e-4
        Learning rate of AdamW.""",
    "weight_decay": """\
    weight_decay : float, default=0.0
        Its weight decay.""",
    "batch_size": """\
    batch_size : int, default=256
        Most rows of a batch.""",
    "n_steps": """\
    n_steps : int, default=20
        Batches of an epoch, after which the network is judged.""",
    "max_epochs": """\
    max_epochs : int, default=50
        Most epochs.""",
    "n_iter_no_change": """\
    n_iter_no_change : int, default=15
        Epochs without a better network after which training stops.""",
    **VALIDATION_FRACTION,
}


@debiaser_docs(_OWN)
class BiasGradientFineTuner(BaseDebiaser):
    r"""Gradient descent on the bias of a trained network.

    Rates of soft decisions have gradients, so that a network can be trained on its bias. With the
    log odds :math:`s_i`, the soft decision of a row is

    .. math:: p_i = \sigma\left(\frac{s_i - c}{\tau}\right),

    where :math:`\tau` is the ``temperature`` and c the threshold with the best performance where
    bias doesn't count, found anew in each epoch. The loss is the cross-entropy plus ``strength``
    times the criterion over the soft cells. Each epoch's network gets its best threshold and is
    judged by the objective; the best one is kept.

    The network is trained in evaluation mode: dropout is off and batch statistics stay as they are,
    so that what is trained is what is judged. The group is needed at fit only.

    {parameters}

    References
    ----------
    Marcinkevičs, R., Ozkan, E. and Vogt, J. E. (2022). Debiasing deep chest X-ray classifiers using
    intra- and post-processing methods. Machine Learning for Healthcare, PMLR 182.
    https://arxiv.org/abs/2208.00781

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
    >>> tuner = BiasGradientFineTuner(net, lr=0.05, max_epochs=5, random_state=0)
    >>> tuner = tuner.fit(X, y, sensitive_features=sex)
    >>> bool(tuner.criteria_.loc["average_odds", "plain"] > 0.1), abs(tuner.bias_) <= 0.05
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
        strength: float = 1.0,
        temperature: float = 0.5,
        lr: float = 5e-4,
        weight_decay: float = 0.0,
        batch_size: int = 256,
        n_steps: int = 20,
        max_epochs: int = 50,
        n_iter_no_change: int = 15,
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
        self.strength = strength
        self.temperature = temperature
        self.lr = lr
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.n_steps = n_steps
        self.max_epochs = max_epochs
        self.n_iter_no_change = n_iter_no_change
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
        import torch

        from skfair.nn import RunningCells, evaluating, soft_gap_loss

        parameters = list(trainable(search.module).values())
        optimizer = torch.optim.AdamW(parameters, lr=self.lr, weight_decay=self.weight_decay)
        batches = batches_of(search, self.batch_size)
        criterion, n_groups = search.objective.criterion, search.rows.n_groups
        running = RunningCells((1, n_groups, 4), memory=0.5).to(search.device)

        def loss_of(batch: Batch, cut: float) -> Any:
            odds = odds_of(search, batch.X)
            cells = soft_cells_at(cut, odds, batch, n_groups, self.temperature)
            gap = soft_gap_loss(criterion, running(cells[None]))
            return cross_entropy(odds, batch) + self.strength * gap

        def epoch(cut: float) -> float:
            losses = []
            with evaluating(search.module):
                for _ in range(self.n_steps):
                    loss = loss_of(next(batches), cut)
                    descend(parameters, optimizer, loss)
                    losses.append(loss.detach())
            return float(torch.stack(losses).mean())

        yield from until_no_better(search, self.max_epochs, self.n_iter_no_change, epoch)

    def _check_parameters(self) -> Criterion:
        for name in ("batch_size", "n_steps", "max_epochs", "n_iter_no_change"):
            check_count(name, getattr(self, name))
        for name in ("strength", "weight_decay"):
            check_number(name, getattr(self, name))
        for name in ("temperature", "lr"):
            check_number(name, getattr(self, name), above=0)
        return super()._check_parameters()
