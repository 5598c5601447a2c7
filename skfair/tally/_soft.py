"""Expected cells of probabilistic decisions, for numpy and for torch."""

from __future__ import annotations

from typing import Any

import numpy as np

from skfair._utils.arrays import as_float, namespace


def soft_cells(
    y_true: Any, probability: Any, codes: Any, n_groups: int, sample_weight: Any = None
) -> Any:
    r"""Sum expected true negatives, false positives, false negatives and true positives by group.

    A row of group g with label y and probability p of a positive decision adds
    :math:`w ((1-y)(1-p), (1-y)p, y(1-p), yp)` to the cells of g. With p in {0, 1} these are the
    cells of a :class:`Tally`; with p from a network they are differentiable.

    Parameters
    ----------
    y_true : ndarray or tensor of shape (n,)
        Labels 0 and 1 (or the probability of 1).
    probability : ndarray or tensor of float of shape (n,)
        Probability that the decision is positive.
    codes : ndarray or tensor of int of shape (n,)
        Group of each row, in ``range(n_groups)``.
    n_groups : int
        Number of groups.
    sample_weight : ndarray or tensor of shape (n,), default=None
        Sampling weights.

    Returns
    -------
    cells : ndarray or tensor of float of shape (n_groups, 4)
        In the order tn, fp, fn, tp; of the type of ``probability``.

    Examples
    --------
    >>> soft_cells([1, 0], np.array([0.75, 0.5]), [0, 0], 1)
    array([[0.5 , 0.5 , 0.25, 0.75]])
    """
    xp = namespace(probability)
    p = as_float(probability)
    y = _like(y_true, p)
    weighted = xp.ones_like(p) if sample_weight is None else _like(sample_weight, p)
    rows = xp.stack([(1 - y) * (1 - p), (1 - y) * p, y * (1 - p), y * p], axis=1)
    if xp is np:
        member = np.arange(n_groups)[:, None] == np.asarray(codes)[None, :]
    else:
        group = xp.arange(n_groups, device=p.device)
        member = group[:, None] == xp.as_tensor(codes, device=p.device)[None, :]
    return _like(member, p) @ (rows * weighted[:, None])


def _like(values: Any, reference: Any) -> Any:
    xp = namespace(reference)
    if xp is np:
        return np.asarray(values, dtype=reference.dtype)
    return xp.as_tensor(values, dtype=reference.dtype, device=reference.device)
