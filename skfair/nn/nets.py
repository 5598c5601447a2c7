"""The skorch net of fair estimators, and what keeps its weights usable."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch

from skfair._utils.optional import import_optional

import_optional("skorch", extra="nn", purpose="skfair.nn.nets")

from skorch import NeuralNet  # noqa: E402
from skorch.callbacks import Callback, EarlyStopping  # noqa: E402

from skfair.nn.batches import BatchSampling, training_batches, validation_batches  # noqa: E402


class KeepGoodWeights(Callback):
    """Stops at a loss that is no number, and puts the weights of the last good epoch back."""

    def on_train_begin(self, net: Any, **_: Any) -> None:
        """Keep the weights at the start."""
        self._keep(net)

    def on_batch_end(self, net: Any, training: bool = True, loss: Any = None, **_: Any) -> None:
        """Look at the batch's loss, which the history has as a number already."""
        name = "train_loss" if training else "valid_loss"
        batches = net.history[-1]["batches"]
        if not np.isfinite(batches[-1][name]):
            self._restore(net)
            epoch = len(net.history)
            raise ValueError(
                f"the loss is {batches[-1][name]} in epoch {epoch}, batch {len(batches)}"
                f"{'' if training else ' of the validation rows'}: lower lr (it is {net.lr}), or "
                "scale the features. net_ keeps the weights from before that epoch"
            )

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        """Keep the weights of an epoch without trouble."""
        self._keep(net)

    def _keep(self, net: Any) -> None:
        self.kept_ = deepcopy((net.module_.state_dict(), net.criterion_.state_dict()))

    def _restore(self, net: Any) -> None:
        net.module_.load_state_dict(self.kept_[0])
        net.criterion_.load_state_dict(self.kept_[1])
        net.initialize_optimizer()  # its moments are no numbers, either

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "kept_"}


class StopEarly(EarlyStopping):
    """skorch's early stopping, in epochs that have validation rows."""

    def on_epoch_end(self, net: Any, dataset_valid: Any = None, **rest: Any) -> None:
        """Look at the validation loss, if there is one."""
        if dataset_valid is not None:
            super().on_epoch_end(net, **rest)


def make_net(
    module: Any,
    loss: Any,
    *,
    kind: type[NeuralNet] = NeuralNet,
    lr: float = 1e-3,
    weight_decay: float = 0.0,
    batch_size: int = 256,
    sampling: BatchSampling = None,
    n_classes: int = 2,
    patience: int | None = None,
    callbacks: Sequence[Any] | None = None,
    device: Any = "cpu",
    verbose: int = 0,
    **options: Any,
) -> Any:
    """Make an initialised skorch net that trains by AdamW.

    Parameters
    ----------
    module, loss : torch.nn.Module
        Instances, which the net trains as they are. The loss takes logits of shape (n, n_classes)
        and a target (classes, groups, weights); what it has to learn is trained along.
    kind : type, default=NeuralNet
        Class of the net.
    lr, weight_decay : float
        Of the optimizer.
    batch_size : int, default=256
    sampling : {"group", "group_label"} or None, default=None
        What training batches hold alike.
    n_classes : int, default=2
    patience : int, default=None
        Epochs without a lower validation loss after which training stops and the best weights are
        put back; None: never.
    callbacks : sequence of skorch callbacks, default=None
    device : device, default="cpu"
    verbose : int, default=0
    **options
        Further parameters of the net.

    Returns
    -------
    NeuralNet

    Examples
    --------
    >>> from skfair.nn import GroupDROLoss, make_mlp
    >>> net = make_net(make_mlp(2, 2, [4]), GroupDROLoss(torch.tensor([8.0, 8.0])), lr=0.01)
    >>> net.optimizer_.param_groups[0]["lr"]
    0.01
    """
    watching = [] if patience is None else [StopEarly(patience=patience, load_best=True)]
    return kind(
        module,
        criterion=loss,
        optimizer=torch.optim.AdamW,
        optimizer__weight_decay=weight_decay,
        lr=lr,
        batch_size=batch_size,
        iterator_train=training_batches,
        iterator_train__sampling=sampling,
        iterator_train__n_classes=n_classes,
        iterator_valid=validation_batches,
        train_split=None,
        callbacks=[KeepGoodWeights(), *watching, *deepcopy(list(callbacks or []))],
        device=str(device),
        verbose=verbose,
        **options,
    ).initialize()
