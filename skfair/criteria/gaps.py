"""Gaps: how far a rate differs between groups, along the last axis, for numpy and torch.

Undefined rates (NaN) are left out; where fewer than two groups have a rate, the gap is NaN.
"""

from __future__ import annotations

from typing import Any

from skfair._utils.arrays import as_float, divide, n_defined, namespace, nan_max, nan_min


def difference(rates: Any) -> Any:
    r"""Largest difference between two groups, :math:`\max_g r_g - \min_g r_g`, in [0, 1].

    Parameters
    ----------
    rates : array-like or tensor of shape (..., n_groups)

    Returns
    -------
    gap : ndarray or tensor of shape (...)

    Examples
    --------
    >>> float(difference([0.5, 0.25, float("nan")]))
    0.25
    >>> float(difference([0.5, float("nan")]))
    nan
    """
    rates = as_float(rates)
    return _where_two(rates, nan_max(rates) - nan_min(rates))


def ratio(rates: Any) -> Any:
    r"""Smallest ratio between two groups, :math:`\min_g r_g / \max_g r_g`; NaN if all rates are 0.

    Examples
    --------
    >>> float(ratio([0.5, 0.25]))
    0.5
    """
    rates = as_float(rates)
    return _where_two(rates, divide(nan_min(rates), nan_max(rates)))


def to_overall(rates: Any, overall: Any, *, as_ratio: bool = False) -> Any:
    r"""Largest distance of a group to the whole, :math:`\max_g |r_g - r|`.

    Parameters
    ----------
    rates : array-like or tensor of shape (..., n_groups)
    overall : array-like or tensor of shape (...)
        The rate r of all rows together.
    as_ratio : bool, default=False
        Give :math:`\min_g \min(r_g / r, r / r_g)` instead.

    Returns
    -------
    gap : ndarray or tensor of shape (...)

    Examples
    --------
    >>> float(to_overall([0.5, 0.25], 0.375))
    0.125
    """
    rates = as_float(rates)
    xp = namespace(rates)
    whole = as_float(overall)[..., None] + xp.zeros_like(rates)
    filled = xp.where(xp.isnan(rates), whole, rates)  # no distance, and a finite gradient
    if not as_ratio:
        return _where_two(rates, nan_max(abs(filled - whole)))
    ratios = divide(filled, whole)
    return _where_two(rates, nan_min(xp.where(ratios > 1, divide(whole, filled), ratios)))


def between(rates: Any, reference: int) -> Any:
    """Signed difference of every group to a reference group.

    Parameters
    ----------
    rates : array-like or tensor of shape (..., n_groups)
    reference : int
        Position of the reference group.

    Returns
    -------
    differences : ndarray or tensor of shape (..., n_groups)
        Negative where a group's rate is below the reference's.

    Examples
    --------
    >>> between([0.5, 0.25], 0)
    array([ 0.  , -0.25])
    """
    rates = as_float(rates)
    return rates - rates[..., reference, None]


def worst(rates: Any, *, higher_is_better: bool = True) -> Any:
    """Rate of the worst-off group.

    Examples
    --------
    >>> float(worst([0.5, 0.25])), float(worst([0.5, 0.25], higher_is_better=False))
    (0.25, 0.5)
    """
    rates = as_float(rates)
    return nan_min(rates) if higher_is_better else nan_max(rates)


def _where_two(rates: Any, gap: Any) -> Any:
    xp = namespace(gap)
    return xp.where(n_defined(rates) < 2, xp.full_like(gap, float("nan")), gap)
