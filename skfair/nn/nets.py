"""The skorch net of fair estimators, and what keeps its weights usable."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy
from typing import Any, Literal

import torch

from skfair._utils.optional import import_optional

import_optional("skorch", extra="nn", purpose="skfair.nn.nets")

from skorch import NeuralNet  # noqa: E402
from skorch.callbacks import (  # noqa: E402
    BatchScoring,
    Callback,
    EarlyStopping,
    EpochScoring,
    LRScheduler,
)
from skorch.dataset import unpack_data  # noqa: E402
from skorch.utils import to_tensor  # noqa: E402

from skfair.nn.batches import BatchSampling, training_batches, whole_batch  # noqa: E402


class KeepGoodWeights(Callback):
    """Stops at a loss that is no number, and puts the weights of the last good epoch back."""

    def on_train_begin(self, net: Any, **_: Any) -> None:
        """Keep the weights at the start."""
        self._keep(net)

    def on_batch_end(self, net: Any, training: bool = True, loss: Any = None, **_: Any) -> None:
        """Look at the batch's loss, which the history has as a number already."""
        name = "train_loss" if training else "valid_loss"
        batches = net.history[-1]["batches"]
        if not math.isfinite(batches[-1][name]):
            self._restore(net)
            epoch = len(net.history)
            raise ValueError(
                f"the loss is {batches[-1][name]} in epoch {epoch}, batch {len(batches)}"
                f"{'' if training else ' of the validation rows'}: lower lr (it is {net.lr}), or "
                "scale the features. net_ keeps the weights from before that epoch"
            )

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        """Keep the weights of an epoch without trouble; the last step's no loss has seen."""
        if not all(bool(p.isfinite().all()) for p in net.module_.parameters()):
            self._restore(net)
            raise ValueError(
                f"weights are no numbers after epoch {len(net.history)}: lower lr (it is "
                f"{net.lr}), or scale the features. net_ keeps the weights from before that epoch"
            )
        self._keep(net)

    def on_train_end(self, net: Any, **_: Any) -> None:
        """Let the copies go."""
        del self.kept_

    def _keep(self, net: Any) -> None:
        self.kept_ = deepcopy((net.module_.state_dict(), net.criterion_.state_dict()))

    def _restore(self, net: Any) -> None:
        net.module_.load_state_dict(self.kept_[0])
        net.criterion_.load_state_dict(self.kept_[1])
        net.initialize_optimizer()  # its moments are no numbers, either

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "kept_"}


class CosineSchedule(Callback):
    r"""Lowers the learning rates by epochs, down half a cosine, in each call of ``fit``.

    With :math:`\eta` the rate of a group of parameters, that of epoch t of T is
    :math:`\eta (1 + \cos(\pi t / T)) / 2`, t = 0, ..., T - 1. A single epoch has :math:`\eta`.

    References
    ----------
    Loshchilov, I. and Hutter, F. (2017). SGDR: stochastic gradient descent with warm restarts.
    ICLR. https://openreview.net/forum?id=Skq89Scxx
    """

    def on_train_begin(self, net: Any, **_: Any) -> None:
        """Count epochs from here."""
        self.start_ = len(net.history)

    def on_epoch_begin(self, net: Any, **_: Any) -> None:
        """Set the rates of an epoch."""
        done = len(net.history) - 1 - self.start_  # skorch has begun this epoch's row already
        factor = (1 + math.cos(math.pi * done / net.max_epochs)) / 2
        for group in net.optimizer_.param_groups:
            group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor


class EpochBar(Callback):
    """Shows epochs and their losses in a progress bar."""

    def on_train_begin(self, net: Any, **_: Any) -> None:
        """Open the bar."""
        tqdm = import_optional("tqdm", extra="progress", purpose="verbose=1")
        self.bar_ = tqdm.tqdm(total=net.max_epochs, unit="epoch")

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        """Move it on."""
        names = [name for name in ("train_loss", "valid_loss") if name in net.history[-1]]
        self.bar_.set_postfix({name: f"{net.history[-1][name]:.4g}" for name in names})
        self.bar_.update()

    def on_train_end(self, net: Any, **_: Any) -> None:
        """Close it."""
        self.bar_.close()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "bar_"}


class FairNet(NeuralNet):
    """skorch's net, which can compute in mixed precision.

    Parameters
    ----------
    *args, **kwargs
        As for ``skorch.NeuralNet``.
    mixed_precision : bool, default=False
        Whether the module computes in bfloat16 where torch finds that safe. Weights, losses and
        predictions stay as they are.
    augment : callable, default=None
        What changes training batches: of rows, the target, and the numbers of the epoch and of the
        batch in it, it makes the rows that are learned from.
    """

    def __init__(
        self, *args: Any, mixed_precision: bool = False, augment: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.mixed_precision, self.augment = mixed_precision, augment

    def train_step(self, batch: Any, **fit_params: Any) -> Any:
        """Learn from a batch, changed if there is an augmentation."""
        if self.augment is not None:
            X, target = unpack_data(batch)
            epoch = self.history[-1]
            batch = self.augment(X, target, epoch["epoch"], len(epoch["batches"])), target
        return super().train_step(batch, **fit_params)

    def infer(self, x: Any, **fit_params: Any) -> Any:
        """Compute the outputs of the module for a batch."""
        if not self.mixed_precision:
            return super().infer(x, **fit_params)
        with torch.autocast(torch.device(self.device).type, dtype=torch.bfloat16):
            return super().infer(x, **fit_params).float()

    def validation_step(self, batch: Any, **_: Any) -> dict[str, Any]:
        """Compute the loss of all validation rows at once: gaps of parts don't add up."""
        X, target = unpack_data(batch)
        self._set_training(False)
        with torch.no_grad():
            outputs = torch.cat([self.infer(part) for part in X.split(self.batch_size)])
            loss = self.criterion_(outputs, to_tensor(list(target), self.device))
        return {"loss": loss, "y_pred": outputs}


class StopEarly(EarlyStopping):
    """skorch's early stopping, in epochs that have validation rows."""

    def on_epoch_end(self, net: Any, dataset_valid: Any = None, **rest: Any) -> None:
        """Look at the validation loss, if there is one."""
        if dataset_valid is not None:
            super().on_epoch_end(net, **rest)


def check_callbacks(callbacks: Sequence[Any], lr_schedule: Any) -> None:
    """Refuse callbacks that would be without effect, or fail midway.

    Raises
    ------
    ValueError
        If one is no callback, sets learning rates beside a schedule, or scores predictions against
        a target that isn't the labels alone.
    """
    for callback in callbacks:
        name = type(callback).__name__
        if not isinstance(callback, Callback):
            raise ValueError(f"callbacks must be instances of skorch's Callback, got {callback!r}")
        if lr_schedule is not None and isinstance(callback, LRScheduler):
            raise ValueError(
                f"{name} among the callbacks and lr_schedule={lr_schedule!r} both set learning "
                "rates: pass lr_schedule=None"
            )
        if isinstance(callback, EpochScoring | BatchScoring):
            raise ValueError(
                f"{name} can't be among the callbacks: a batch's target holds labels, groups and "
                "weights. Score predictions on held-out rows instead"
            )


def make_net(
    module: Any,
    loss: Any,
    *,
    kind: type[FairNet] = FairNet,
    lr: float = 1e-3,
    lr_schedule: Literal["cosine"] | None = None,
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
    kind : type, default=FairNet
        Class of the net.
    lr, weight_decay : float
        Of the optimizer.
    lr_schedule : {"cosine"} or None, default=None
        Whether rates fall as :class:`CosineSchedule` says, or stay.
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
        1 shows a progress bar (tqdm), 2 prints a line an epoch.
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
    check_callbacks(callbacks or (), lr_schedule)
    watching = (
        []
        if patience is None
        else [StopEarly(patience=patience, load_best=True, threshold_mode="abs")]
    )
    watching += [CosineSchedule()] if lr_schedule == "cosine" else []
    watching += [EpochBar()] if verbose == 1 else []
    return kind(
        module,
        criterion=loss,
        optimizer=torch.optim.AdamW,
        optimizer__fused=_can_fuse(device, module, loss) or None,
        optimizer__weight_decay=weight_decay,
        lr=lr,
        batch_size=batch_size,
        iterator_train=training_batches,
        iterator_train__sampling=sampling,
        iterator_train__n_classes=n_classes,
        iterator_valid=whole_batch,
        train_split=None,
        callbacks=[KeepGoodWeights(), *watching, *deepcopy(list(callbacks or []))],
        device=str(device),
        verbose=max(verbose - 1, 0),
        **options,
    ).initialize()


def _can_fuse(device: Any, *modules: Any) -> bool:
    """Whether AdamW may step in one kernel, which reads all parameters as rows of real numbers."""
    return torch.device(device).type in ("cpu", "cuda") and all(
        p.is_contiguous() and p.is_floating_point() for m in modules for p in m.parameters()
    )
