"""Blocks for fair networks in torch: soft gaps, group losses, adversarial gradients, batches.

Importing this package imports torch; everything else of skfair does so only when a network is fit.
"""

from __future__ import annotations

from skfair._utils.optional import import_optional

import_optional("torch", extra="nn", purpose="skfair.nn")

from skfair.nn.batches import (  # noqa: E402
    BalancedBatches,
    ShuffledBatches,
    TableDataset,
    place_rows,
    training_batches,
    whole_batch,
)
from skfair.nn.gaps import RunningCells, SoftGapLoss, class_cells, soft_gap_loss  # noqa: E402
from skfair.nn.gradients import adversarial_gradient, project, reverse_gradient  # noqa: E402
from skfair.nn.group_dro import GroupDROLoss, group_losses, updated_group_weights  # noqa: E402
from skfair.nn.modules import (  # noqa: E402
    device_of,
    evaluating,
    make_mlp,
    outputs_of,
    predict_logits,
    seeded,
)

__all__ = [
    "BalancedBatches",
    "GroupDROLoss",
    "RunningCells",
    "ShuffledBatches",
    "SoftGapLoss",
    "TableDataset",
    "adversarial_gradient",
    "class_cells",
    "device_of",
    "evaluating",
    "group_losses",
    "make_mlp",
    "outputs_of",
    "place_rows",
    "predict_logits",
    "project",
    "reverse_gradient",
    "seeded",
    "soft_gap_loss",
    "training_batches",
    "updated_group_weights",
    "whole_batch",
]
