"""AdversarialFineTuner: a critic tells the bias of batches, and the network learns to lower it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from skfair._utils.validation import check_count, check_number
from skfair.criteria import Criterion, Rate
from skfair.finetuning._base import BaseDebiaser, Note
from skfair.finetuning._critic import POOLINGS, Pooling, make_critic, n_pooled, pool, soft_bias
from skfair.finetuning._docs import VALIDATION_FRACTION, debiaser_docs
from skfair.finetuning._layers import runs_last, trainable
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
    strength : float, default=5.0
        How steeply the loss rises with the bias that the critic tells.""",
    "pooling": """\
    pooling : {"concatenate", "batch", "cells"}, default="concatenate"
        What the critic sees of a batch: all features of its rows one after the other, as in the
        paper, or the mean and variance of each feature, in the whole batch or in each cell of group
        and label, so that the order of rows doesn't count.""",
    "representation": """\
    representation : str, default=None
        Name of the layer whose output the critic sees. None: what comes into the linear or
        convolutional layer that runs last.""",
    "temperature": """\
    temperature : float, default=0.5
        Softness of the decisions whose bias the critic learns.""",
    "lr": """\
    lr : float, default=1e-4
        Learning rate of the network.""",
    "critic_lr": """\
    critic_lr : float, default=1e-3
        Learning rate of the critic.""",
    "batch_size": """\
    batch_size : int, default=64
        Rows of a batch, in which all cells of group and label have as many.""",
    "max_epochs": """\
    max_epochs : int, default=30
        Most epochs.""",
    "critic_steps": """\
    critic_steps : int, default=50
        Batches of an epoch by which the critic is trained.""",
    "actor_steps": """\
    actor_steps : int, default=50
        Batches of an epoch by which the network is trained.""",
    "n_iter_no_change": """\
    n_iter_no_change : int, default=10
        Epochs without a better network after which training stops.""",
    **VALIDATION_FRACTION,
}


@debiaser_docs(_OWN)
class AdversarialFineTuner(BaseDebiaser):
    r"""Fine-tuning against a critic, which tells the bias of batches.

    In each epoch a critic g learns, by the squared error, to tell the bias of a batch's soft
    decisions from the features h of its rows. Then the network is trained on

    .. math:: \max\big(1,\; \lambda (|g(h)| - \epsilon + m) + 1\big) \cdot \mathrm{BCE},

    where :math:`\epsilon` is ``tol``, m the ``margin`` and :math:`\lambda` the ``strength``: above
    the tolerance, bias costs. Soft decisions and their threshold are those of
    :class:`BiasGradientFineTuner`. Each epoch's network gets its best threshold and is judged by
    the objective; the best one is kept.

    Batches hold all cells of group and label alike, and rows are weighted back to their shares, so
    that the bias of a batch is no noise of small groups. Their rows come cell by cell, so that a
    critic of concatenated rows can tell the cells. The network is trained in evaluation mode:
    dropout is off and batch statistics stay as they are. The group is needed at fit only.

    {parameters}

    References
    ----------
    Savani, Y., White, C. and Govindarajulu, N. S. (2020). Intra-processing methods for debiasing
    neural networks. NeurIPS 33. https://arxiv.org/abs/2006.08564

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
    >>> tuner = AdversarialFineTuner(net, lr=0.01, max_epochs=5, random_state=0)
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
        strength: float = 5.0,
        pooling: Pooling = "concatenate",
        representation: str | None = None,
        temperature: float = 0.5,
        lr: float = 1e-4,
        critic_lr: float = 1e-3,
        batch_size: int = 64,
        max_epochs: int = 30,
        critic_steps: int = 50,
        actor_steps: int = 50,
        n_iter_no_change: int = 10,
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
        self.pooling = pooling
        self.representation = representation
        self.temperature = temperature
        self.lr = lr
        self.critic_lr = critic_lr
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.critic_steps = critic_steps
        self.actor_steps = actor_steps
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
        game = Game(search, self)
        for note in until_no_better(search, self.max_epochs, self.n_iter_no_change, game.epoch):
            yield {**note, "critic_loss": game.critic_loss}

    def _check_parameters(self) -> Criterion:
        steps = ("batch_size", "max_epochs", "critic_steps", "actor_steps", "n_iter_no_change")
        for name in steps:
            check_count(name, getattr(self, name))
        check_number("strength", self.strength)
        for name in ("temperature", "lr", "critic_lr"):
            check_number(name, getattr(self, name), above=0)
        if self.pooling not in POOLINGS:
            raise ValueError(f"pooling must be one of {POOLINGS}, got {self.pooling!r}")
        return super()._check_parameters()


class Game:
    """The network and its critic, who are trained in turns.

    Parameters
    ----------
    search : Search
    options : AdversarialFineTuner
        Whose parameters hold.
    """

    def __init__(self, search: Search, options: AdversarialFineTuner) -> None:
        import torch

        from skfair.nn import evaluating, find_layer, layers_of

        self.search, self.options = search, options
        name = options.representation
        self.sees_input = name is None
        if name is None:
            name = runs_last(search.module, search.X[:2], search.device)
        if name is None:
            raise ValueError(
                "the network has no linear or convolutional layer: set representation to the name "
                f"of the layer whose output the critic is to see{layers_of(search.module)}"
            )
        self.layer = find_layer(search.module, name)
        self.stream = batches_of(search, options.batch_size, "group_label")
        self.shares = self._shares()
        self.parameters = list(trainable(search.module).values())
        self.optimizer = torch.optim.Adam(self.parameters, lr=options.lr)
        with evaluating(search.module), torch.no_grad():
            features, _ = self._forward(next(self.stream))
        size = n_pooled(features.shape[1], len(features), search.rows.n_groups, options.pooling)
        self.critic = make_critic(size).to(search.device, features.dtype)
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), lr=options.critic_lr)
        self.critic_loss = float("nan")

    def epoch(self, cut: float) -> float:
        """Train the critic, then the network; give the network's mean loss."""
        import torch

        from skfair.nn import evaluating

        with evaluating(self.search.module):
            steps = range(self.options.critic_steps), range(self.options.actor_steps)
            errors = [self._criticise(next(self.stream), cut) for _ in steps[0]]
            losses = [self._act(next(self.stream)) for _ in steps[1]]
        self.critic_loss = float(torch.stack(errors).mean())
        return float(torch.stack(losses).mean())

    def _criticise(self, batch: Batch, cut: float) -> Any:
        """Train the critic by one batch; give its squared error."""
        import torch

        with torch.no_grad():
            features, odds = self._forward(batch)
            weighted = batch._replace(weights=self._weights(batch))
            n_groups = self.search.rows.n_groups
            cells = soft_cells_at(cut, odds, weighted, n_groups, self.options.temperature)
            bias = soft_bias(self.search.objective.criterion, cells)
        error = (self._told(features, batch) - bias) ** 2
        descend(list(self.critic.parameters()), self.critic_optimizer, error)
        return error.detach()

    def _act(self, batch: Batch) -> Any:
        """Train the network by one batch; give its loss."""
        features, odds = self._forward(batch)
        objective = self.search.objective
        above = abs(self._told(features, batch)) - objective.tol + self.search.margin
        weight = (self.options.strength * above + 1).clamp(min=1)
        loss = weight * cross_entropy(odds, batch._replace(weights=self._weights(batch)))
        descend(self.parameters, self.optimizer, loss)
        return loss.detach()

    def _forward(self, batch: Batch) -> tuple[Any, Any]:
        from skfair.nn import outputs_of

        with outputs_of(self.layer, inputs=self.sees_input) as seen:
            odds = odds_of(self.search, batch.X)
        return seen[-1].flatten(1), odds

    def _told(self, features: Any, batch: Batch) -> Any:
        seen = pool(features, batch, self.search.rows.n_groups, self.options.pooling)
        return self.critic(seen)[0, 0]

    def _weights(self, batch: Batch) -> Any:
        return batch.weights * self.shares[batch.codes, batch.y]

    def _shares(self) -> Any:
        """Weigh rows of each cell of group and label so that cells count by what they are."""
        import torch

        rows = self.search.tuning
        sums = np.bincount(rows.cells(), rows.weights, 2 * rows.n_groups)
        shares = sums.reshape(-1, 2) / sums.sum()
        return torch.as_tensor(shares, dtype=torch.float32, device=self.search.device)
