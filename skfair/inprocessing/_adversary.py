"""What a classifier and a regressor trained against an adversary share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sklearn.exceptions import UndefinedMetricWarning

from skfair._utils.text import listed
from skfair._utils.validation import check_count, check_number, check_option
from skfair._utils.warning import warn_user
from skfair.inprocessing._net_rows import NetRows
from skfair.inprocessing._net_saving import SavableNet

METHODS = {
    "method": """\
    method : {"projection", "reversal"}, default="projection"
        How the network hurts the adversary: by Zhang's update, with an adversary that sees
        outputs, or by gradient reversal, with one that sees the layer ``representation``.""",
    "representation": """\
    representation : str, default=None
        Name of a layer of the module, as in ``module.named_modules()``; of the perceptron,
        ``"active_2"`` follows the second hidden layer. Of a wide layer hardly anything can be
        hidden: take one of few units.""",
    "adversary_weight": """\
    adversary_weight : float, default=1.0
        How much hurting the adversary counts (:math:`\\alpha`). With ``method="projection"``, 0
        leaves the projection.""",
    "warmup_epochs": """\
    warmup_epochs : int, default=0
        Epochs in which that weight rises in equal steps from 0.""",
    "adversary_hidden_sizes": """\
    adversary_hidden_sizes : sequence of int, default=(32,)
        Widths of the adversary's hidden layers; none: it is linear.""",
    "adversary_lr": """\
    adversary_lr : float, default=0.01
        Learning rate of the adversary: well above that of the network, so that it keeps up.""",
}


class AdversaryMixin(SavableNet):
    """Makes the adversary, and reads its parameters."""

    constraints: str
    method: str
    representation: str | None
    adversary_weight: float
    warmup_epochs: int
    adversary_hidden_sizes: Sequence[int]
    adversary_lr: float

    _constraints: tuple[str, ...]

    def _make_adversary_loss(
        self,
        rows: NetRows,
        module: Any,
        gap: Any,
        n_classes: int | None = None,
        only: int | None = None,
        cell_weights: Any = None,
    ) -> Any:
        from skfair.nn import make_mlp
        from skfair.nn.adversary import AdversaryLoss

        if len(self._groups) == 1:
            warn_user(
                f"there is one group only, {self._groups[0]!r}: the adversary has nothing to guess",
                UndefinedMetricWarning,
            )
        sees_label = self.constraints == "equalized_odds"
        width = self._seen_width(rows, module) + sees_label * self._n_outputs()
        adversary = make_mlp(width, len(self._groups), self.adversary_hidden_sizes)
        return AdversaryLoss(
            adversary,
            n_classes,
            weight=self.adversary_weight,
            warmup_epochs=self.warmup_epochs,
            sees_label=sees_label,
            only=only,
            standardize=self.method == "projection" and n_classes is not None,
            cell_weights=cell_weights,
            gap=gap,
        )

    def _seen_width(self, rows: NetRows, module: Any) -> int:
        """Count the numbers that the adversary sees of a row, labels apart."""
        if self.method == "projection":
            return self._n_outputs()
        import torch

        from skfair.nn import evaluating
        from skfair.nn.adversary import outputs_of

        layers = {name: layer for name, layer in module.named_modules() if name}
        if self.representation not in layers:
            raise ValueError(
                f"representation must name a layer of the module, got {self.representation!r}; "
                f"there are {listed(layers)}"
            )
        sample = torch.from_numpy(rows.X[:2]).to(self._device())
        with evaluating(module), torch.no_grad(), outputs_of(layers[self.representation]) as seen:
            module(sample)
        shape = tuple(getattr(seen[-1], "shape", ())) if seen else ()
        if len(shape) < 2 or shape[0] != len(sample):
            raise ValueError(
                f"representation={self.representation!r} must be a layer that gives a tensor with "
                f"some numbers for each row; for {len(sample)} rows its shape is {shape}"
            )
        return math.prod(shape[1:])

    def _net_options(self) -> dict[str, Any]:
        from skfair.nn.adversary import AdversarialNet

        return {
            "kind": AdversarialNet,
            "representation": self.representation,
            "optimizer__param_groups": [("adversary.*", {"lr": self.adversary_lr})],
        }

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_option("constraints", self.constraints, self._constraints)
        check_option("method", self.method, ("projection", "reversal"))
        check_number("adversary_weight", self.adversary_weight)
        check_count("warmup_epochs", self.warmup_epochs, least=0)
        check_number("adversary_lr", self.adversary_lr, above=0)
        if (self.method == "reversal") != (self.representation is not None):
            raise ValueError(
                'method="reversal" needs representation=, the name of a layer, and '
                f'method="projection" takes none; got {self.representation!r}'
            )
