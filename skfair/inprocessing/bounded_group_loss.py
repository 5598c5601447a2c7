"""BoundedGroupLoss: what reductions bind for regressors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from skfair._utils.text import did_you_mean
from skfair._utils.validation import check_number
from skfair.inprocessing._problems import LOSSES

_DEFAULT = "accuracy_score"


@dataclass(frozen=True)
class BoundedGroupLoss:
    r"""No group's mean loss may exceed a bound: the constraint of reductions for regressors.

    .. math:: \frac{\sum_{i: g_i = g} w_i \, \ell(y_i, \hat y_i)}{\sum_{i: g_i = g} w_i}
        \le \zeta \quad \text{for each group } g

    Parameters
    ----------
    loss : {"squared_error", "absolute_error"}, default="squared_error"
        What the estimator minimises, too; else its fits answer another question.
    upper_bound : float, default=None
        :math:`\zeta`, in units of the loss. None: the worst group's mean loss is made as small as
        it can be (minimax group fairness).

    Raises
    ------
    ValueError
        If the loss isn't known or the bound isn't positive.

    References
    ----------
    Agarwal, A., Dudik, M. and Wu, Z. S. (2019). Fair regression: quantitative definitions and
    reduction-based algorithms. ICML. https://arxiv.org/abs/1905.12843
    Diana, E., Gill, W., Kearns, M., Kenthapadi, K. and Roth, A. (2021). Minimax group fairness:
    algorithms and experiments. AIES. https://doi.org/10.1145/3461702.3462523

    Examples
    --------
    >>> BoundedGroupLoss("absolute_error", upper_bound=2.5)
    BoundedGroupLoss(loss='absolute_error', upper_bound=2.5)
    """

    loss: Literal["squared_error", "absolute_error"] = "squared_error"
    upper_bound: float | None = None

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise ValueError(
                f"loss must be one of {list(LOSSES)}, got {self.loss!r}"
                + did_you_mean(str(self.loss), list(LOSSES))
            )
        if self.upper_bound is not None:
            check_number("upper_bound", self.upper_bound, above=0)

    def read(self, objective: Any) -> tuple[str, float | None]:
        """Name of the loss and bound; the objective is the mean loss and can't be another.

        Raises
        ------
        ValueError
            If another objective is given.
        """
        if objective != _DEFAULT:
            raise ValueError(
                f"with BoundedGroupLoss the objective is the mean {self.loss}, and objective="
                f"{objective!r} has no meaning: leave it out"
            )
        return self.loss, self.upper_bound
