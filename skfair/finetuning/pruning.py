"""PruningDebiaser: the units that carry most bias are silenced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfair._utils.validation import check_count, check_number, check_share
from skfair.criteria import Criterion, Rate
from skfair.finetuning._base import BaseDebiaser, Note
from skfair.finetuning._docs import VALIDATION_FRACTION, debiaser_docs
from skfair.finetuning._objective import Form
from skfair.finetuning._pruning import Units, carried_bias, prunable, silence
from skfair.finetuning._search import Search
from skfair.finetuning._training import Batch, batches_of, choose_freely, soft_cells_at
from skfair.groups import ColumnSpec, Missing

_OWN = {
    "step": """\
    step : float, default=0.02
        Share of the units that are silenced between two judgements, at least one unit.""",
    "max_share": """\
    max_share : float, default=0.5
        Share of the units that are silenced at most.""",
    "n_rows": """\
    n_rows : int, default=4096
        Most rows on which it is measured what a unit carries, drawn anew in each step.""",
    "temperature": """\
    temperature : float, default=0.5
        Softness of the decisions whose bias is measured.""",
    **VALIDATION_FRACTION,
}


@debiaser_docs(_OWN)
class PruningDebiaser(BaseDebiaser):
    r"""The units that carry most bias are silenced, a few at a time.

    The bias b of soft decisions has a gradient in the output :math:`h_{ij}` of each unit j for each
    row i. A unit that always gave its mean would change the bias, to first order, by

    .. math:: -\sum_i (h_{ij} - \bar h_j) \frac{\partial b}{\partial h_{ij}}.

    In each step this is measured anew, and the units by which the bias falls most get their mean
    output, whatever comes in (0 in a layer without a bias term, and 0 stands for the mean in the
    formula, too). Soft decisions and their threshold are those of
    :class:`BiasGradientFineTuner`. Each step's network gets its best threshold and is judged by the
    objective; the best one is kept. Units are outputs of linear layers and channels of
    convolutions, those of the layer that runs last apart, and of layers that are frozen or
    parametrized (``weight_norm``, ``spectral_norm``).

    No weight is trained, so little is learnt from the rows. The group is needed at fit only.

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
    >>> X = rng.normal(size=(400, 2)) + [2.0, 0.0] * (sex == "m")[:, None]
    >>> y = (X[:, 1] + 0.5 * rng.normal(size=400) > 0).astype(int)
    >>> net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1))
    >>> for layer, weight in zip(net, [[[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0]]]):
    ...     layer.weight.data = torch.tensor(weight)
    >>> debiaser = PruningDebiaser(net, random_state=0).fit(X, y, sensitive_features=sex)
    >>> debiaser.history_["units"].tolist(), abs(debiaser.bias_) <= 0.05
    ([nan, 1.0], True)
    >>> debiaser.module_[0].weight.tolist()
    [[0.0, 0.0], [0.0, 1.0]]
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
        step: float = 0.02,
        max_share: float = 0.5,
        n_rows: int = 4096,
        temperature: float = 0.5,
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
        self.step = step
        self.max_share = max_share
        self.n_rows = n_rows
        self.temperature = temperature
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
        layers = prunable(search)
        batches = batches_of(search, min(self.n_rows, len(search.tuning.X)))
        alive = [np.ones(len(layer.weight), dtype=bool) for layer in layers]
        n_units = sum(map(len, alive))
        n_step, most = max(1, round(self.step * n_units)), int(self.max_share * n_units)
        n_silent = 0
        while n_silent < most:
            units = self._measure(search, layers, next(batches))
            chosen = _most_carried(units, alive, min(n_step, most - n_silent))
            if not len(chosen):
                break
            for own, places, left in zip(units, chosen, alive, strict=True):
                silence(own, places)
                left[places] = False
            n_silent += sum(map(len, chosen))
            yield {"step": "pruned", "units": n_silent}

    def _measure(self, search: Search, layers: list[Any], batch: Batch) -> list[Units]:
        from skfair.nn import soft_gap_loss

        cut, rows = choose_freely(search).cut, search.rows

        def bias_of(odds: Any, batch: Batch) -> Any:
            cells = soft_cells_at(cut, odds, batch, rows.n_groups, self.temperature)
            return soft_gap_loss(search.objective.criterion, cells)

        return carried_bias(search, layers, batch, bias_of)

    def _check_parameters(self) -> Criterion:
        for name in ("step", "max_share"):
            check_share(name, getattr(self, name))
        check_count("n_rows", self.n_rows)
        check_number("temperature", self.temperature, above=0)
        return super()._check_parameters()


def _most_carried(
    units: list[Units], alive: list[NDArray[np.bool_]], n: int
) -> list[NDArray[np.intp]]:
    """Choose up to n units of all layers that carry most; none that carries nothing or less."""
    carried = [np.where(left, own.carried, 0) for own, left in zip(units, alive, strict=True)]
    every = np.concatenate(carried)
    order = np.argsort(-every, kind="stable")[:n]
    chosen = np.zeros(len(every), dtype=bool)
    chosen[order[every[order] > 0]] = True
    if not chosen.any():
        return []
    ends = np.cumsum([len(own) for own in carried])[:-1]
    return [np.flatnonzero(part) for part in np.split(chosen, ends)]
