"""RandomPerturbationDebiaser: the best of many networks that lie near the trained one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from skfair._utils.validation import check_count, check_number
from skfair.criteria import Criterion, Rate
from skfair.finetuning._base import BaseDebiaser, Note
from skfair.finetuning._docs import debiaser_docs
from skfair.finetuning._layers import trainable
from skfair.finetuning._objective import Form
from skfair.finetuning._search import Search
from skfair.groups import ColumnSpec, Missing

_OWN = {
    "sigma": """\
    sigma : float or (float, float), default=(0.1, 1.0)
        Deviation of the factors; of a pair, each trial has its own, drawn evenly on a log scale.
        The paper has 0.1, at which networks of many layers hardly change what they decide by.""",
    "n_trials": """\
    n_trials : int, default=101
        Number of networks that are drawn.""",
}


@debiaser_docs(_OWN)
class RandomPerturbationDebiaser(BaseDebiaser):
    r"""The best of many networks that lie near a trained one.

    Every parameter of the trained network is multiplied by a random factor,

    .. math:: \theta'_j = \theta_j (1 + \sigma z_j), \qquad z_j \sim N(0, 1),

    always from the trained weights. Each network gets its best threshold, and the best network by
    the objective is kept; the trained one is a candidate as well. So it is a baseline that needs
    no gradients, in which nothing can go wrong but that nothing is found.

    The group is needed at fit only.

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
    >>> debiaser = RandomPerturbationDebiaser(net, random_state=0)
    >>> debiaser = debiaser.fit(X, y, sensitive_features=sex)
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
        sigma: float | tuple[float, float] = (0.1, 1.0),
        n_trials: int = 101,
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
        self.sigma = sigma
        self.n_trials = n_trials
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
        for _ in range(self.n_trials):
            search.restore(search.original)
            sigma = draw_sigma(self.sigma, rng)
            perturb(search.module, sigma, rng)
            yield {"step": "trial", "sigma": sigma}

    def _check_parameters(self) -> Criterion:
        if isinstance(self.sigma, tuple | list) and len(self.sigma) == 2:
            for end in self.sigma:
                check_number("sigma", end, above=0)
        else:
            check_number("sigma", self.sigma)
        check_count("n_trials", self.n_trials)
        return super()._check_parameters()


def draw_sigma(sigma: float | Sequence[float], rng: np.random.Generator) -> float:
    """Draw the deviation of a trial's factors.

    Examples
    --------
    >>> draw_sigma(0.1, np.random.default_rng(0))
    0.1
    >>> 0.1 < draw_sigma((0.1, 1.0), np.random.default_rng(0)) < 1.0
    True
    """
    if not isinstance(sigma, Sequence):
        return float(sigma)
    low, high = np.log(sigma)
    return float(np.exp(rng.uniform(low, high)))


def perturb(module: Any, sigma: float, rng: np.random.Generator) -> None:
    """Multiply each of a module's parameters by its own random factor, in place.

    Frozen ones stay.
    """
    import torch

    with torch.no_grad():
        for parameter in trainable(module).values():
            noise = rng.standard_normal(tuple(parameter.shape), dtype=np.float32)
            parameter.mul_(1 + sigma * torch.as_tensor(noise).to(parameter))
