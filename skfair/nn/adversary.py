"""Nets that are trained against an adversary, which guesses the group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from skfair._utils.optional import import_optional

import_optional("skorch", extra="nn", purpose="skfair.nn.adversary")

from skorch.dataset import unpack_data  # noqa: E402

from skfair.nn.gaps import mean_cross_entropy  # noqa: E402
from skfair.nn.gradients import adversarial_gradient, reverse_gradient  # noqa: E402
from skfair.nn.modules import outputs_of  # noqa: E402
from skfair.nn.nets import FairNet  # noqa: E402


def warmed(weight: float, epoch: int, warmup_epochs: int) -> float:
    """Weight in an epoch, from 0 in the first one up in equal steps until the warm-up ends.

    Examples
    --------
    >>> [warmed(1.0, epoch, 2) for epoch in (1, 2, 3, 4)], warmed(1.0, 1, 0)
    ([0.0, 0.5, 1.0, 1.0], 1.0)
    """
    return weight * min(1.0, (epoch - 1) / warmup_epochs) if warmup_epochs else weight


class _Standardized(torch.autograd.Function):
    """Standardising in few steps, with its gradient written out: of small batches steps are slow.

    With shares p, columns x, their standardised values z and deviation s, and the gradient h by z,
    that by x is (h - p (sum h + z sum(h z))) / s, where sums run over rows.
    """

    @staticmethod
    def forward(ctx: Any, x: Any, shares: Any) -> Any:
        centred = x - shares @ x
        variance = shares @ centred.square()
        scale = torch.where(variance > 1e-12, variance.rsqrt(), 0.0)
        z = centred.mul_(scale)
        ctx.save_for_backward(z, shares, scale)
        return z

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, h: Any) -> tuple[Any, None]:
        z, shares, scale = ctx.saved_tensors
        sums = h.sum(0) + z * (h * z).sum(0)
        return (h - shares[:, None] * sums) * scale, None


def standardized(x: Any, weights: Any) -> Any:
    """Bring columns to the weighted mean 0 and deviation 1; constant ones become 0.

    The weights, of the type of x, get no gradient.

    Examples
    --------
    >>> standardized(torch.tensor([[1.0], [3.0]]), torch.ones(2))
    tensor([[-1.],
            [ 1.]])
    """
    return _Standardized.apply(x, _shares(weights))


def _shares(weights: Any) -> Any:
    """Weights over their sum; zeros where all are 0."""
    total = weights.sum()
    return weights / torch.where(total > 0, total, 1.0)


class AdversaryLoss(nn.Module):
    """The loss of a predictor, and that of an adversary which guesses the group.

    Parameters
    ----------
    adversary : torch.nn.Module
        Of what it sees, it makes a logit a group.
    n_classes : int or None
        Number of classes, of which the predictor gives logits; None: it gives one number, and its
        loss is the squared error.
    weight : float, default=1.0
        Of the adversary.
    warmup_epochs : int, default=0
        Epochs until the weight is reached.
    sees_label : bool, default=False
        Whether the adversary sees the target, too (equalized odds).
    only : int, default=None
        The one class whose rows the adversary sees (equal opportunity); None: all.
    standardize : bool, default=False
        Whether what the adversary sees is brought to mean 0 and deviation 1 in each batch, so that
        no predictor escapes by ever larger outputs.
    cell_weights : tensor of shape (n_groups, n_classes), default=None
        By group and class, what the adversary's rows are weighted by, beside their weights.
    gap : callable, default=None
        Of outputs and target, what ``weight`` is put on in evaluation, since the adversary's loss
        tells more of the adversary than of the predictor; None: nothing.
    """

    def __init__(
        self,
        adversary: Any,
        n_classes: int | None,
        *,
        weight: float = 1.0,
        warmup_epochs: int = 0,
        sees_label: bool = False,
        only: int | None = None,
        standardize: bool = False,
        cell_weights: Any = None,
        gap: Callable[[Any, Any], Any] | None = None,
    ) -> None:
        super().__init__()
        self.adversary, self.n_classes = adversary, n_classes
        self.weight, self.warmup_epochs = weight, warmup_epochs
        self.sees_label, self.only, self.gap = sees_label, only, gap
        self.standardize = standardize
        self.register_buffer("cell_weights", cell_weights)

    def forward(self, outputs: Any, target: Any) -> Any:
        """Loss of the predictor; in evaluation with the gap."""
        loss = self._predictor(outputs, target)
        if self.training or self.gap is None or not self.weight:
            return loss
        return loss + self.weight * self.gap(outputs, target)

    def _predictor(self, outputs: Any, target: Any) -> Any:
        y, _, weights = target
        if self.n_classes is None:
            return (weights * (outputs[:, 0] - y) ** 2).sum() / weights.sum()
        return mean_cross_entropy(outputs, y, weights)

    def guess(self, seen: Any, target: Any) -> Any:
        """Loss of the adversary; 0 where no row of the batch is for it."""
        y, codes, weights = target
        if self.only is not None:
            weights = weights * (y == self.only)
        if self.cell_weights is not None:
            weights = weights * self.cell_weights[codes, y]
        inputs, shares = seen.flatten(1), _shares(weights)
        if self.standardize:
            inputs = _Standardized.apply(inputs, shares)
        if self.sees_label:
            known = y[:, None] if self.n_classes is None else functional.one_hot(y, self.n_classes)
            inputs = torch.cat([inputs, known.to(inputs.dtype)], dim=1)
        losses = functional.cross_entropy(self.adversary(inputs), codes, reduction="none")
        return shares @ losses


class AdversarialNet(FairNet):
    r"""Net whose step is one of predictor and adversary together.

    Its criterion is an :class:`AdversaryLoss`. Without ``representation`` the adversary sees the
    outputs (logits less their mean over classes), and the step is Zhang's,
    :func:`adversarial_gradient`. With one, it sees the output of that layer through
    :func:`reverse_gradient`.

    Parameters
    ----------
    *args, **kwargs
        As for :class:`FairNet`.
    representation : str, default=None
        Name of a layer of the module.
    """

    def __init__(self, *args: Any, representation: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.representation = representation

    def train_step_single(self, batch: Any, **_: Any) -> dict[str, Any]:
        """Compute losses and put the gradients of both players in place."""
        self._set_training(True)
        weight = self._weight()
        logits, predictor, adversary = self._losses(batch, weight)
        if self.representation is None:
            self._project(predictor, adversary, weight)
        else:
            (predictor + adversary).backward()
        return {"loss": predictor.detach(), "y_pred": logits}

    def _weight(self) -> float:
        loss = self.criterion_
        return warmed(loss.weight, len(self.history), loss.warmup_epochs)

    def _losses(self, batch: Any, reversal: float) -> tuple[Any, Any, Any]:
        X, target = unpack_data(batch)
        if self.representation is None:
            logits = self.infer(X)
            centred = self.criterion_.n_classes is not None
            seen = logits - logits.mean(dim=1, keepdim=True) if centred else logits
        else:
            with outputs_of(self.module_.get_submodule(self.representation)) as outputs:
                logits = self.infer(X)
            seen = reverse_gradient(outputs[-1].to(logits.dtype), reversal)
        return logits, self.criterion_(logits, target), self.criterion_.guess(seen, target)

    def _project(self, predictor: Any, adversary: Any, weight: float) -> None:
        params = [p for p in self.module_.parameters() if p.requires_grad]
        own = list(self.criterion_.adversary.parameters())
        g = torch.autograd.grad(predictor, params, retain_graph=True, allow_unused=True)
        both = torch.autograd.grad(adversary, [*params, *own], allow_unused=True)
        used = [i for i in range(len(params)) if g[i] is not None or both[i] is not None]
        moved = [params[i] for i in used]
        ours, theirs = (_flat([side[i] for i in used], moved) for side in (g, both))
        (direction,) = adversarial_gradient([ours], [theirs], weight)
        for parameter in params:
            parameter.grad = None
        pieces = direction.split([parameter.numel() for parameter in moved])
        for parameter, piece in zip(moved, pieces, strict=True):
            parameter.grad = _shaped(piece, parameter)
        for parameter, gradient in zip(own, both[len(params) :], strict=True):
            parameter.grad = gradient if gradient is None else _shaped(gradient, parameter)


def _flat(gradients: Sequence[Any], parameters: Sequence[Any]) -> Any:
    """Put gradients in one vector, with zeros for those that are None."""
    return torch.cat(
        [
            p.new_zeros(p.numel()) if gradient is None else gradient.reshape(-1)
            for gradient, p in zip(gradients, parameters, strict=True)
        ]
    )


def _shaped(numbers: Any, parameter: Any) -> Any:
    """Lay numbers out as the parameter is laid out, on which fused optimizers rely."""
    gradient = numbers.view_as(parameter)
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)
