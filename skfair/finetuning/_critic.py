"""A critic of batches: what it sees of their features, and what it has to tell."""

from __future__ import annotations

from typing import Any, Literal

from skfair.criteria import Criterion
from skfair.finetuning._training import Batch

Pooling = Literal["cells", "batch", "concatenate"]

POOLINGS = ("cells", "batch", "concatenate")


def make_critic(n_inputs: int) -> Any:
    """Make the network that tells the bias of a batch: three hidden layers of 32 units."""
    from skfair.nn import make_mlp

    return make_mlp(n_inputs, 1, (32, 32, 32), weight_init="default")


def pool(features: Any, batch: Batch, n_groups: int, pooling: Pooling) -> Any:
    """Make one row of what a critic sees of a batch's features.

    Parameters
    ----------
    features : tensor of shape (n, n_features)
    batch : Batch
    n_groups : int
    pooling : {"cells", "batch", "concatenate"}
        Mean and variance of each feature, in each cell of group and label or in the whole batch, so
        that the order of rows doesn't count; or all features, row after row.

    Returns
    -------
    tensor of shape (1, n_inputs)
    """
    import torch

    if pooling == "concatenate":
        return features.reshape(1, -1)
    if pooling == "batch":
        return torch.cat([features.mean(0), features.var(0, correction=0)])[None]
    places = 2 * batch.codes + batch.y
    rows = torch.nn.functional.one_hot(places, 2 * n_groups).to(features.dtype)
    shares = rows / rows.sum(0).clamp(min=1)
    means = shares.T @ features
    variances = shares.T @ (features - means[places]) ** 2
    return torch.cat([means, variances], dim=1).reshape(1, -1)


def n_pooled(n_features: int, batch_size: int, n_groups: int, pooling: Pooling) -> int:
    """Count the numbers that a critic sees.

    Examples
    --------
    >>> n_pooled(3, 64, 2, "cells"), n_pooled(3, 64, 2, "batch"), n_pooled(3, 64, 2, "concatenate")
    (24, 6, 192)
    """
    times = {"cells": 4 * n_groups, "batch": 2, "concatenate": batch_size}
    return n_features * times[pooling]


def soft_bias(criterion: Criterion, cells: Any) -> Any:
    """Bias of soft cells of shape (n_groups, 4); it has a sign where two groups' rate has one.

    Undefined, it is 0.
    """
    import torch

    from skfair.nn import soft_gap_loss

    single = len(criterion.compared) == 1 and criterion.gap == "difference"
    if len(cells) != 2 or not single:
        return soft_gap_loss(criterion, cells)
    first, second = criterion.group_rates(cells)[0]
    return torch.nan_to_num(first - second)
