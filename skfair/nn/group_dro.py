"""Group distributionally robust optimisation: the loss of the group that is worst off."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional


def updated_group_weights(q: Any, losses: Any, present: Any, step_size: float) -> Any:
    r"""Raise the weights of groups with high losses.

    .. math:: q_g \leftarrow \frac{q_g \exp(\eta \ell_g)}{\sum_h q_h \exp(\eta \ell_h)}

    Groups without rows in the batch have no loss and keep their weights; the others share what they
    had together. If all are present in each of T batches, then q is proportional to
    :math:`q^0_g \exp(\eta \sum_t \ell_{g,t})`.

    Parameters
    ----------
    q : tensor of shape (n_groups,)
        Weights that sum to 1.
    losses : tensor of shape (n_groups,)
    present : tensor of bool of shape (n_groups,)
        Groups with rows in the batch.
    step_size : float
        :math:`\eta`.

    Returns
    -------
    q : tensor of shape (n_groups,)

    References
    ----------
    Sagawa, S., Koh, P. W., Hashimoto, T. B. and Liang, P. (2020). Distributionally robust neural
    networks for group shifts. ICLR. https://openreview.net/forum?id=ryxGuJrFvS

    Examples
    --------
    >>> q, losses = torch.tensor([0.5, 0.25, 0.25]), torch.tensor([0.0, 1.0, 9.0])
    >>> updated_group_weights(q, losses, torch.tensor([True, True, False]), 0.6931472)
    tensor([0.3750, 0.3750, 0.2500])
    """
    exponents = torch.where(present, step_size * losses, torch.zeros_like(losses))
    raised = torch.where(present, q * torch.exp(exponents - exponents.max()), torch.zeros_like(q))
    kept = torch.where(present, q, torch.zeros_like(q)).sum()
    evenly = kept / present.sum()  # where the weights of all of them have sunk to 0
    total = raised.sum()
    share = torch.where(total > 0, kept / torch.where(total > 0, total, 1.0), 0.0)
    return torch.where(present, torch.where(total > 0, raised * share, evenly), q)


def group_losses(losses: Any, codes: Any, n_groups: int, weights: Any) -> tuple[Any, Any]:
    """Weighted mean of row losses by group.

    Parameters
    ----------
    losses, weights : tensor of shape (n,)
    codes : tensor of int of shape (n,)
    n_groups : int

    Returns
    -------
    means : tensor of shape (n_groups,)
        0 for a group without rows.
    present : tensor of bool of shape (n_groups,)

    Examples
    --------
    >>> losses, weights = torch.tensor([1.0, 4.0]), torch.tensor([2.0, 1.0])
    >>> group_losses(losses, torch.tensor([0, 0]), 2, weights)
    (tensor([2., 0.]), tensor([ True, False]))
    """
    zeros = torch.zeros(n_groups, dtype=losses.dtype, device=losses.device)
    sums = zeros.index_add(0, codes, weights * losses)
    totals = zeros.index_add(0, codes, weights)
    present = totals > 0
    return sums / torch.where(present, totals, torch.ones_like(totals)), present


class GroupDROLoss(nn.Module):
    r"""Weighted sum of the groups' losses, whose weights follow the losses.

    .. math:: \sum_g q_g \ell_g, \qquad
        q_g \leftarrow \frac{q_g \exp(\eta (\ell_g + C / \sqrt{n_g}))}{\sum_h \ldots}

    In training, q is updated first. In evaluation the loss is that of the worst group,
    :math:`\max_g (\ell_g + C / \sqrt{n_g})`.

    Parameters
    ----------
    sizes : tensor of float of shape (n_groups,) or (n_groups, n_classes)
        Training rows :math:`n_g` of each group; a second axis makes a group of each cell of group
        and label.
    step_size : float, default=0.01
        :math:`\eta`.
    adjustment : float, default=0.0
        C, which raises the losses of small groups, since these generalise worse.

    References
    ----------
    Sagawa, S., Koh, P. W., Hashimoto, T. B. and Liang, P. (2020). Distributionally robust neural
    networks for group shifts. ICLR. https://openreview.net/forum?id=ryxGuJrFvS

    Examples
    --------
    >>> loss = GroupDROLoss(torch.tensor([100.0, 25.0]), adjustment=1.0)
    >>> loss.q, loss.margins
    (tensor([0.5000, 0.5000]), tensor([0.1000, 0.2000]))
    """

    q: Any
    sizes: Any

    def __init__(self, sizes: Any, step_size: float = 0.01, adjustment: float = 0.0) -> None:
        super().__init__()
        self.n_classes = sizes.shape[1] if sizes.ndim == 2 else None
        flat = sizes.reshape(-1)
        there = flat > 0
        self.step_size, self.adjustment = step_size, adjustment
        self.register_buffer("q", (there / there.sum()).to(flat.dtype))
        self.register_buffer("sizes", flat)

    @property
    def margins(self) -> Any:
        """By how much each loss is raised; 0 for a group without training rows."""
        there = self.sizes > 0
        roots = torch.where(there, self.sizes, torch.ones_like(self.sizes)).sqrt()
        return torch.where(there, self.adjustment / roots, torch.zeros_like(roots))

    def forward(self, logits: Any, target: Any) -> Any:
        """Loss of a batch, of which ``target`` holds classes, groups and weights."""
        y, codes, weights = target
        places = codes if self.n_classes is None else codes * self.n_classes + y
        losses = functional.cross_entropy(logits, y, reduction="none")
        means, present = group_losses(losses, places, len(self.q), weights)
        adjusted = means + self.margins
        if not self.training:
            return adjusted[present].max()
        self.q = updated_group_weights(self.q, adjusted.detach(), present, self.step_size)
        return (self.q * means).sum()
