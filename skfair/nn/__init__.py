"""Blocks for fair networks in torch: soft gaps, group losses, adversarial gradients, batches.

Importing this package imports torch; everything else of skfair does so only when a network is fit.
"""

from __future__ import annotations

from skfair._utils.optional import import_optional

import_optional("torch", extra="nn", purpose="skfair.nn")

from skfair.nn.augment import ImageAugmentation, augment_images  # noqa: E402
from skfair.nn.batches import (  # noqa: E402
    BalancedBatches,
    ShuffledBatches,
    TableDataset,
    place_rows,
    training_augmentation,
    training_batches,
    whole_batch,
)
from skfair.nn.gaps import RunningCells, SoftGapLoss, class_cells, soft_gap_loss  # noqa: E402
from skfair.nn.gradients import adversarial_gradient, project, reverse_gradient  # noqa: E402
from skfair.nn.group_dro import GroupDROLoss, group_losses, updated_group_weights  # noqa: E402
from skfair.nn.layers import decide_output, find_layer, layers_of  # noqa: E402
from skfair.nn.modules import (  # noqa: E402
    device_of,
    evaluating,
    make_mlp,
    outputs_of,
    predict_logits,
    seeded,
)
from skfair.nn.networks import TrainedNetwork, read_network  # noqa: E402
from skfair.nn.operations import DEFAULT_OPERATIONS, read_operations  # noqa: E402

__all__ = [
    "DEFAULT_OPERATIONS",
    "BalancedBatches",
    "GroupDROLoss",
    "ImageAugmentation",
    "RunningCells",
    "ShuffledBatches",
    "SoftGapLoss",
    "TableDataset",
    "TrainedNetwork",
    "adversarial_gradient",
    "augment_images",
    "class_cells",
    "decide_output",
    "device_of",
    "evaluating",
    "find_layer",
    "group_losses",
    "layers_of",
    "make_mlp",
    "outputs_of",
    "place_rows",
    "predict_logits",
    "project",
    "read_network",
    "read_operations",
    "reverse_gradient",
    "seeded",
    "soft_gap_loss",
    "training_augmentation",
    "training_batches",
    "updated_group_weights",
    "whole_batch",
]
