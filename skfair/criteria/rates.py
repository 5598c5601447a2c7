"""The one table of rates: each is a ratio of two linear sums over the cells (tn, fp, fn, tp)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from skfair._utils.arrays import as_float, divide
from skfair._utils.text import did_you_mean

Coefficients = tuple[float, float, float, float]


@dataclass(frozen=True)
class Rate:
    r"""A ratio of two linear functions of the cells.

    .. math:: r(c) = \frac{\sum_k a_k c_k}{\sum_k b_k c_k}, \quad c = (tn, fp, fn, tp)

    Parameters
    ----------
    name : str
        The field's name for it.
    numerator, denominator : tuple of 4 floats
        Coefficients a and b of (tn, fp, fn, tp).
    higher_is_better : bool, default=True
        Whether the worst group is the one with the lowest rate.

    Examples
    --------
    >>> recall = RATES["true_positive_rate"]
    >>> recall([[50, 10, 10, 30], [0, 0, 0, 0]])
    array([0.75,  nan])
    >>> recall.is_linear, RATES["positive_predictive_value"].is_linear
    (True, False)
    >>> recall.ignores_prediction, RATES["base_rate"].ignores_prediction
    (False, True)
    """

    name: str
    numerator: Coefficients
    denominator: Coefficients
    higher_is_better: bool = True

    def __call__(self, cells: Any) -> Any:
        """Compute the rate.

        Parameters
        ----------
        cells : array-like or tensor of shape (..., 4)
            Sums by tn, fp, fn, tp: hard or soft, weighted or not.

        Returns
        -------
        rate : ndarray or tensor of shape (...)
            NaN where the denominator is 0.
        """
        cells = as_float(cells)
        return divide(_dot(cells, self.numerator), _dot(cells, self.denominator))

    @property
    def is_linear(self) -> bool:
        """Whether the denominator is fixed by the labels, so that the rate is linear in decisions.

        Only these can be constraints of reductions and of randomized thresholds.
        """
        return _ignores_prediction(self.denominator)

    @property
    def ignores_prediction(self) -> bool:
        """Whether no decision changes the rate, as none changes the base rate."""
        return self.is_linear and _ignores_prediction(self.numerator)

    @property
    def needs_positive(self) -> bool:
        """Whether it matters which class is the positive one; for accuracy it doesn't."""
        return not (_is_symmetric(self.numerator) and _is_symmetric(self.denominator))

    @property
    def needs_labels(self) -> bool:
        """Whether the rate depends on y_true at all."""
        return not (_ignores_label(self.numerator) and _ignores_label(self.denominator))


def _is_symmetric(c: Coefficients) -> bool:
    tn, fp, fn, tp = c
    return tn == tp and fp == fn


def _dot(cells: Any, coefficients: Coefficients) -> Any:
    terms = [
        cells[..., k] if a == 1 else a * cells[..., k] for k, a in enumerate(coefficients) if a
    ]
    return sum(terms[1:], start=terms[0])


def _ignores_prediction(c: Coefficients) -> bool:
    tn, fp, fn, tp = c
    return tn == fp and fn == tp


def _ignores_label(c: Coefficients) -> bool:
    tn, fp, fn, tp = c
    return tn == fn and fp == tp


# fmt: off
_TABLE = (
    #    name                         tn fp fn tp     tn fp fn tp
    Rate("selection_rate",           (0, 1, 0, 1),   (1, 1, 1, 1)),
    Rate("true_positive_rate",       (0, 0, 0, 1),   (0, 0, 1, 1)),
    Rate("true_negative_rate",       (1, 0, 0, 0),   (1, 1, 0, 0)),
    Rate("false_positive_rate",      (0, 1, 0, 0),   (1, 1, 0, 0), higher_is_better=False),
    Rate("false_negative_rate",      (0, 0, 1, 0),   (0, 0, 1, 1), higher_is_better=False),
    Rate("positive_predictive_value", (0, 0, 0, 1),  (0, 1, 0, 1)),
    Rate("negative_predictive_value", (1, 0, 0, 0),  (1, 0, 1, 0)),
    Rate("false_discovery_rate",     (0, 1, 0, 0),   (0, 1, 0, 1), higher_is_better=False),
    Rate("false_omission_rate",      (0, 0, 1, 0),   (1, 0, 1, 0), higher_is_better=False),
    Rate("accuracy",                 (1, 0, 0, 1),   (1, 1, 1, 1)),
    Rate("error_rate",               (0, 1, 1, 0),   (1, 1, 1, 1), higher_is_better=False),
    Rate("base_rate",                (0, 0, 1, 1),   (1, 1, 1, 1)),
    Rate("f1_score",                 (0, 0, 0, 2),   (0, 1, 1, 2)),
)
# fmt: on

RATES: dict[str, Rate] = {rate.name: rate for rate in _TABLE}
"""Every rate by name."""


def get_rate(rate: str | Rate) -> Rate:
    """Look a rate up by name; a Rate of the user's own passes.

    Raises
    ------
    ValueError
        If there is no rate of that name; the message lists those that there are.

    Examples
    --------
    >>> get_rate("accuracy").numerator
    (1, 0, 0, 1)
    """
    if isinstance(rate, Rate):
        return rate
    if rate not in RATES:
        raise ValueError(
            f"no rate is named {rate!r}; there are {list(RATES)}{did_you_mean(rate, list(RATES))}"
        )
    return RATES[rate]
