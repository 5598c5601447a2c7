"""Soft gaps: the criteria of everything else, over expected cells that have gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from skfair.criteria import Criterion
from skfair.nn.group_dro import group_losses
from skfair.tally import soft_cells


def soft_gap_loss(criterion: Criterion, cells: Any) -> Any:
    """How far soft cells are from a criterion: its difference, or 1 minus its ratio.

    Parameters
    ----------
    criterion : Criterion
        Its rates need not be linear.
    cells : tensor of shape (..., n_groups, 4)
        In the order tn, fp, fn, tp; leading axes are classes, over which the mean is taken.

    Returns
    -------
    loss : tensor of shape ()
        At least 0. Where a gap is undefined, because fewer than two groups have a rate, it is 0
        and has the gradient 0.

    Examples
    --------
    >>> from skfair.criteria import CRITERIA
    >>> cells = torch.tensor([[6.0, 2, 0, 2], [2, 2, 4, 2]])
    >>> round(float(soft_gap_loss(CRITERIA["equal_opportunity"], cells)), 3)
    0.667
    """
    gap = criterion(cells)
    distance = 1 - gap if criterion.gap == "ratio" else gap
    return torch.where(torch.isnan(distance), torch.zeros_like(distance), distance).mean()


def class_cells(
    probabilities: Any,
    y: Any,
    codes: Any,
    n_groups: int,
    weights: Any = None,
    classes: Sequence[int] = (1,),
) -> Any:
    """Sum the expected cells of some classes, each against the rest.

    Parameters
    ----------
    probabilities : tensor of shape (n, n_classes)
    y, codes : tensor of int of shape (n,)
        Class and group of each row.
    n_groups : int
    weights : tensor of shape (n,), default=None
        Sampling weights.
    classes : sequence of int, default=(1,)
        Classes that are positive in turn.

    Returns
    -------
    cells : tensor of shape (len(classes), n_groups, 4)

    Examples
    --------
    >>> p = torch.tensor([[0.25, 0.75], [0.5, 0.5]])
    >>> class_cells(p, torch.tensor([1, 0]), torch.tensor([0, 0]), 1)
    tensor([[[0.5000, 0.5000, 0.2500, 0.7500]]])
    """
    cells = [soft_cells(y == k, probabilities[:, k], codes, n_groups, weights) for k in classes]
    return torch.stack(cells)


class ExpectedGap:
    """How far the probabilities of logits are from a criterion.

    Parameters
    ----------
    criterion : Criterion
    n_groups : int
    classes : sequence of int, default=(1,)
        Classes that are positive in turn; the mean of their gaps counts.
    """

    def __init__(
        self, criterion: Criterion, n_groups: int, *, classes: Sequence[int] = (1,)
    ) -> None:
        self.criterion, self.n_groups, self.classes = criterion, n_groups, tuple(classes)

    def __call__(self, logits: Any, target: Any) -> Any:
        """Measure the gap, given also a target (classes, groups, weights)."""
        y, codes, weights = target
        p = torch.softmax(logits, dim=1)
        cells = class_cells(p, y, codes, self.n_groups, weights, self.classes)
        return soft_gap_loss(self.criterion, cells)


class MeanGap:
    """Greatest difference of the groups' mean outputs, or, where asked for, mean errors.

    Parameters
    ----------
    n_groups : int
    of_errors : bool, default=False

    Examples
    --------
    >>> outputs, y = torch.tensor([[1.0], [3.0], [5.0]]), torch.tensor([0.0, 0.0, 4.0])
    >>> target = y, torch.tensor([0, 0, 1]), torch.ones(3)
    >>> float(MeanGap(2)(outputs, target)), float(MeanGap(2, of_errors=True)(outputs, target))
    (3.0, 1.0)
    """

    def __init__(self, n_groups: int, of_errors: bool = False) -> None:
        self.n_groups, self.of_errors = n_groups, of_errors

    def __call__(self, outputs: Any, target: Any) -> Any:
        """Measure the gap, given also a target (numbers, groups, weights)."""
        y, codes, weights = target
        values = outputs[:, 0] - y if self.of_errors else outputs[:, 0]
        means, present = group_losses(values, codes, self.n_groups, weights)
        return means[present].max() - means[present].min()


class RunningCells(nn.Module):
    r"""Mean cells of the batches so far, where older ones fade, with the last batch's gradient.

    A batch has few rows of a small group, and the gap of its cells is mostly noise. With
    :math:`c_t` the cells of batch t and m the ``memory``, the value is

    .. math:: \bar c_t = \frac{\sum_{s \le t} m^{t-s} c_s}{\sum_{s \le t} m^{t-s}}

    Older batches were made by older weights, and have no gradient any more. If the share
    :math:`(1 - m)` of the last batch carried the gradient, it would be too small by that factor; so
    it goes to :math:`c_t` undiminished. A step then follows the gradient that the criterion would
    have over all rows, estimated from one batch.

    Parameters
    ----------
    shape : tuple of int
        Shape of the cells.
    memory : float, default=0.5
        At least 0 (each batch alone) and below 1.

    References
    ----------
    Buyl, M., Defrance, M. and De Bie, T. (2024). fairret: a framework for differentiable fairness
    regularization terms. ICLR. https://openreview.net/forum?id=NnyD0Rjx2B (soft rates as losses)

    Examples
    --------
    >>> running = RunningCells((1, 4), memory=0.5)
    >>> running(torch.tensor([[4.0, 0, 0, 0]]))
    tensor([[4., 0., 0., 0.]])
    >>> running(torch.tensor([[1.0, 0, 0, 0]]))
    tensor([[2., 0., 0., 0.]])
    """

    total: Any
    mass: Any

    def __init__(self, shape: tuple[int, ...], memory: float = 0.5) -> None:
        super().__init__()
        if not 0 <= memory < 1:
            raise ValueError(f"memory must be at least 0 and below 1, got {memory!r}")
        self.memory = memory
        self.register_buffer("total", torch.zeros(shape))
        self.register_buffer("mass", torch.zeros(()))

    def forward(self, cells: Any) -> Any:
        """Take a batch's cells in, and give the smoothed ones."""
        self.total = self.memory * self.total + cells.detach()
        self.mass = self.memory * self.mass + 1
        return self.total / self.mass + (cells - cells.detach())


class SoftGapLoss(nn.Module):
    r"""Cross-entropy plus soft gaps of criteria.

    .. math:: \frac{\sum_i w_i \,\mathrm{CE}_i}{\sum_i w_i} + \lambda \sum_k \text{gap}_k(\bar c)

    In training the gaps are those of :class:`RunningCells`, in evaluation of the batch alone.

    Parameters
    ----------
    criteria : sequence of Criterion
    n_groups : int
    strength : float, default=1.0
        :math:`\lambda`.
    classes : sequence of int, default=(1,)
        Classes that are positive in turn; the mean of their gaps counts.
    memory : float, default=0.5
        Of :class:`RunningCells`.
    shares : tensor of shape (n_groups, n_classes), default=None
        Where batches hold all cells of group and label alike: the true shares of these cells, by
        which the rows are weighted when rates are measured.
    """

    def __init__(
        self,
        criteria: Sequence[Criterion],
        n_groups: int,
        *,
        strength: float = 1.0,
        classes: Sequence[int] = (1,),
        memory: float = 0.5,
        shares: Any = None,
    ) -> None:
        super().__init__()
        self.criteria, self.n_groups, self.strength = tuple(criteria), n_groups, strength
        self.classes = tuple(classes)
        self.running = RunningCells((len(self.classes), n_groups, 4), memory)
        self.register_buffer("shares", shares)

    def forward(self, logits: Any, target: Any) -> Any:
        """Loss of a batch, of which ``target`` holds classes, groups and weights."""
        y, codes, weights = target
        loss = mean_cross_entropy(logits, y, weights)
        if not self.strength:
            return loss
        if self.training and self.shares is not None:
            weights = weights * self.shares[codes, y]
        p = torch.softmax(logits, dim=1)
        cells = class_cells(p, y, codes, self.n_groups, weights, self.classes)
        if self.training:
            cells = self.running(cells)
        return loss + self.strength * sum(soft_gap_loss(c, cells) for c in self.criteria)


def mean_cross_entropy(logits: Any, y: Any, weights: Any) -> Any:
    """Weighted mean of the cross-entropy over rows.

    Examples
    --------
    >>> logits = torch.tensor([[0.0, 0.0], [0.0, 100.0]])
    >>> round(float(mean_cross_entropy(logits, torch.tensor([0, 1]), torch.tensor([1.0, 3]))), 3)
    0.173
    """
    losses = functional.cross_entropy(logits, y, reduction="none")
    return (weights * losses).sum() / weights.sum()
