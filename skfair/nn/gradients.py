"""Gradients against an adversary: projection (Zhang et al.) and reversal (Ganin et al.)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

Tensors = Sequence[Any]


def inner(first: Tensors, second: Tensors) -> Any:
    """Inner product of two lists of tensors, each read as one flat vector.

    Examples
    --------
    >>> float(inner([torch.tensor([[1.0, 2.0], [3.0, 4.0]])], [torch.tensor([[5.0, 6], [7, 8]])]))
    70.0
    """
    return sum((a * b).sum() for a, b in zip(first, second, strict=True))


def project(gradient: Tensors, onto: Tensors) -> list[Any]:
    r"""Project a gradient on the direction of another one.

    Both are lists of tensors, one a parameter, read as the flat vectors g and u:

    .. math:: \operatorname{proj}_u g = \frac{\langle g, u \rangle}{\lVert u \rVert^2} u

    Parameters
    ----------
    gradient, onto : sequence of tensors
        Shapes agree one by one.

    Returns
    -------
    list of tensors
        Shaped like ``onto``; zeros where ``onto`` is all zero.

    References
    ----------
    Zhang, B. H., Lemoine, B. and Mitchell, M. (2018). Mitigating unwanted biases with adversarial
    learning. AIES, 335-340. https://doi.org/10.1145/3278721.3278779

    Examples
    --------
    >>> project([torch.tensor([1.0, 1.0])], [torch.tensor([0.0, 2.0])])
    [tensor([0., 1.])]
    """
    length = inner(onto, onto)
    share = torch.where(length > 0, inner(gradient, onto) / length, torch.zeros_like(length))
    return [share * tensor for tensor in onto]


def adversarial_gradient(predictor: Tensors, adversary: Tensors, weight: float) -> list[Any]:
    r"""Direction in which Zhang's predictor is updated.

    .. math:: g_P - \operatorname{proj}_{g_A} g_P - \alpha g_A

    Here :math:`g_P` and :math:`g_A` are the gradients of the predictor's and the adversary's loss
    by the predictor's parameters. A step down this direction helps the adversary in nothing, since
    its inner product with :math:`g_A` is :math:`-\alpha \lVert g_A \rVert^2`.

    Parameters
    ----------
    predictor, adversary : sequence of tensors
        :math:`g_P` and :math:`g_A`, one tensor a parameter.
    weight : float
        :math:`\alpha`.

    Returns
    -------
    list of tensors

    References
    ----------
    Zhang, B. H., Lemoine, B. and Mitchell, M. (2018). Mitigating unwanted biases with adversarial
    learning. AIES, 335-340. https://doi.org/10.1145/3278721.3278779

    Examples
    --------
    >>> adversarial_gradient([torch.tensor([1.0, 1.0])], [torch.tensor([0.0, 2.0])], 0.5)
    [tensor([ 1., -1.])]
    """
    shadow = project(predictor, adversary)
    return [g - s - weight * a for g, s, a in zip(predictor, shadow, adversary, strict=True)]


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any, strength: float) -> Any:
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> tuple[Any, None]:
        return -ctx.strength * gradient, None


def reverse_gradient(x: Any, strength: float = 1.0) -> Any:
    r"""Pass x on as it is, and its gradient back times :math:`-\text{strength}`.

    What comes before learns to hurt what comes after, which learns as usual.

    Parameters
    ----------
    x : tensor
    strength : float, default=1.0

    Returns
    -------
    tensor
        Equal to x.

    References
    ----------
    Ganin, Y. et al. (2016). Domain-adversarial training of neural networks. Journal of Machine
    Learning Research 17(59), 1-35. https://jmlr.org/papers/v17/15-239.html

    Examples
    --------
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> reverse_gradient(x, 0.5).sum().backward()
    >>> x.grad
    tensor([-0.5000, -0.5000])
    """
    return _Reversal.apply(x, strength)
