"""LayerwiseDebiaser: the last layers' weights, searched without gradients, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from skfair._utils.validation import check_count
from skfair.criteria import Criterion, Rate
from skfair.finetuning._base import BaseDebiaser, Note
from skfair.finetuning._docs import debiaser_docs
from skfair.finetuning._layers import trainable
from skfair.finetuning._objective import Floats, Form
from skfair.finetuning._search import Search
from skfair.finetuning._surrogate import draw_in_box, next_point
from skfair.groups import ColumnSpec, Missing

_DEVIATIONS = 2.2  # half the width of the box
_NUMBERS_AT_ONCE = 1 << 21  # of proposals

_OWN = {
    "n_layers": """\
    n_layers : int, default=5
        Number of parameter tensors (weights and biases count each), from the last one back.""",
    "n_calls": """\
    n_calls : int, default=20
        Networks that are tried for each tensor, the first half of them at random.""",
    "max_parameters": """\
    max_parameters : int, default=5000
        Most numbers of a tensor that are changed; of a larger one they are drawn.""",
    "cumulative": """\
    cumulative : bool, default=False
        Whether each tensor's search starts at the best network so far, instead of the trained
        one.""",
}


@debiaser_docs(_OWN)
class LayerwiseDebiaser(BaseDebiaser):
    r"""The last layers' weights, searched without gradients, one after the other.

    Of each of the last parameter tensors, a random subset of numbers moves in a box of
    :math:`\pm 2.2` standard deviations of the tensor around their values. Half of the networks are
    drawn from the box, each within a share of its width that is drawn as well. For the others,
    boosted trees learn the objective from those that were tried, and the proposal with the highest
    expected improvement is taken. Each network gets its best threshold, and the best network is
    kept; the trained one is a candidate as well.

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
    >>> net = torch.nn.Linear(2, 2)
    >>> net.weight.data = torch.tensor([[-1.0, -1.0], [1.0, 1.0]])
    >>> debiaser = LayerwiseDebiaser(net, n_calls=8, random_state=0)
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
        n_layers: int = 5,
        n_calls: int = 20,
        max_parameters: int = 5000,
        cumulative: bool = False,
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
        self.n_layers = n_layers
        self.n_calls = n_calls
        self.max_parameters = max_parameters
        self.cumulative = cumulative
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
        named = list(trainable(search.module).items())
        for name, parameter in reversed(named[-self.n_layers :]):
            search.restore(search.kept if self.cumulative else search.original)
            yield from self._search_tensor(name, parameter, search, rng)

    def _search_tensor(
        self, name: str, parameter: Any, search: Search, rng: np.random.Generator
    ) -> Iterator[Note]:
        size = min(self.max_parameters, parameter.numel())
        places = np.sort(rng.choice(parameter.numel(), size, replace=False))
        start = parameter.detach().reshape(-1).double().cpu().numpy()
        center, radius = start[places], _DEVIATIONS * spread_of(start)
        n_proposals = max(64, min(2000, _NUMBERS_AT_ONCE // size))
        tried: list[Floats] = []
        values: list[float] = []
        for call in range(self.n_calls):
            known = np.array(values)
            if call < max(2, self.n_calls // 2) or not np.isfinite(known).all():
                point = draw_in_box(center, radius, 1, rng)[0]
            else:
                proposals = draw_in_box(center, radius, n_proposals, rng)
                point = next_point(np.array(tried), known, proposals, rng)
            put(parameter, places, point)
            yield {"step": "call", "tensor": name}
            tried.append(point)
            values.append(search.last.value)

    def _check_parameters(self) -> Criterion:
        for name in ("n_layers", "n_calls", "max_parameters"):
            check_count(name, getattr(self, name))
        return super()._check_parameters()


def spread_of(values: Floats) -> float:
    """Measure the deviation of a tensor; where it has none, the size of its numbers, or 1.

    Examples
    --------
    >>> spread_of(np.array([1.0, 3.0])), spread_of(np.array([-2.0])), spread_of(np.zeros(3))
    (1.0, 2.0, 1.0)
    """
    return float(values.std()) or float(np.abs(values).max()) or 1.0


def put(parameter: Any, places: Any, values: Floats) -> None:
    """Write some of a parameter's numbers, in place."""
    import torch

    with torch.no_grad():
        flat = parameter.reshape(-1).clone()
        flat[torch.as_tensor(places, device=flat.device)] = torch.as_tensor(values).to(flat)
        parameter.copy_(flat.reshape(parameter.shape))
