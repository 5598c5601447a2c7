"""Batches by index from tensors that lie where the network runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from skfair.nn.modules import seeded

BatchSampling = Literal["group", "group_label"] | None


class TableDataset(Dataset):
    """Rows of X with their classes, groups and weights, handed out many at once.

    A ``DataLoader`` asks for a batch by ``__getitems__`` once, instead of for each row, so the
    batch is one gather of resident tensors, and nothing is left to collate.

    Parameters
    ----------
    X : tensor of shape (n, ...)
    *targets : tensors of shape (n,)
        Class, group and weight of each row; none where rows are only predicted.
    device : device, default=None
        Where batches go. None: they stay where the tensors are. Towards a GPU they travel from
        pinned memory.

    Examples
    --------
    >>> rows = TableDataset(torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([0, 1, 1]))
    >>> rows.__getitems__(torch.tensor([2, 0]))
    (tensor([[3.],
            [1.]]), [tensor([1, 0])])
    """

    def __init__(self, X: Any, *targets: Any, device: Any = None) -> None:
        if any(len(target) != len(X) for target in targets):
            lengths = [len(X), *(len(target) for target in targets)]
            raise ValueError(f"X and its targets have different numbers of rows: {lengths}")
        self.X, self.targets, self.device = X, targets, device

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, places: Any) -> tuple[Any, list[Any]]:
        X, *targets = (self._send(_rows(tensor, places)) for tensor in (self.X, *self.targets))
        return X, targets

    __getitems__ = __getitem__

    def _send(self, batch: Any) -> Any:
        if self.device is None:
            return batch
        if torch.device(self.device).type == "cuda":
            batch = batch.pin_memory()
        return batch.to(self.device, non_blocking=True)


def _rows(tensor: Any, places: Any) -> Any:
    if isinstance(places, slice):
        return tensor[places].clone()  # modules may work in place
    if not isinstance(places, torch.Tensor):
        return tensor[places]
    return tensor.index_select(0, places.to(tensor.device))  # faster than by brackets


def place_rows(device: Any, X: Any, *targets: Any) -> TableDataset:
    """Make a data set whose rows lie on a device, or, too large for it, travel there by batches.

    Parameters
    ----------
    device : device
    X, *targets : tensors
        On the CPU.

    Returns
    -------
    TableDataset

    Examples
    --------
    >>> place_rows("cpu", torch.ones(2, 1)).X.device
    device(type='cpu')
    """
    tensors = (X, *targets)
    if sum(t.numel() * t.element_size() for t in tensors) > _room(torch.device(device)):
        return TableDataset(*tensors, device=device)
    return TableDataset(*(tensor.to(device) for tensor in tensors))


def _room(device: Any) -> float:
    """Bytes that rows may take: half of what a GPU has left; main memory has them already."""
    return torch.cuda.mem_get_info(device)[0] / 2 if device.type == "cuda" else float("inf")


class ShuffledBatches(Sampler):
    """Each row once an epoch, in random order, in batches that differ by one row at most.

    No batch is a small remainder, in which groups would be missing. The order is drawn by torch's
    generator.

    Parameters
    ----------
    n : int
        Number of rows.
    batch_size : int
        Most rows of a batch.
    device : device, default="cpu"
        Where the order is drawn: best where the rows are.

    Examples
    --------
    >>> [len(batch) for batch in ShuffledBatches(10, 4)]
    [4, 3, 3]
    """

    def __init__(self, n: int, batch_size: int, device: Any = "cpu") -> None:
        self.n, self.batch_size, self.device = n, batch_size, device

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        yield from torch.tensor_split(torch.randperm(self.n, device=self.device), len(self))


class BalancedBatches(Sampler):
    """Batches in which every cell has as many rows, within one, drawn with replacement.

    Within a cell rows are drawn in proportion to their weights, which are used up by that. The
    draws are torch's. An epoch has as many batches as one in which each row comes once.

    Parameters
    ----------
    cells : tensor of int of shape (n,)
        Cell of each row: its group, or its group and label.
    weights : tensor of shape (n,)
        Above 0.
    batch_size : int

    References
    ----------
    Idrissi, B. Y., Arjovsky, M., Pezeshki, M. and Lopez-Paz, D. (2022). Simple data balancing
    achieves competitive worst-group-accuracy. CLeaR, PMLR 177, 336-351.
    https://proceedings.mlr.press/v177/idrissi22a.html

    Examples
    --------
    >>> cells = torch.tensor([0] * 98 + [1] * 2)
    >>> batches = BalancedBatches(cells, torch.ones(100), 10)
    >>> len(batches), {int((cells[batch] == 1).sum()) for batch in batches}
    (10, {5})
    """

    def __init__(self, cells: Any, weights: Any, batch_size: int) -> None:
        _, places = torch.unique(cells.cpu(), return_inverse=True)
        self.order = torch.argsort(places, stable=True)
        mass = weights.cpu().double()
        totals = torch.zeros(int(places.max()) + 1, dtype=mass.dtype).index_add(0, places, mass)
        self.edges = (mass / totals[places])[self.order].cumsum(0)
        self.batch_size = batch_size

    def __len__(self) -> int:
        return -(-len(self.order) // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        size = min(self.batch_size, len(self.order))
        steps = torch.arange(size, dtype=self.edges.dtype)
        for _ in range(len(self)):  # one point in each of equal stretches of all cells' mass
            points = (steps + torch.rand(size, dtype=steps.dtype)) / size * self.edges[-1]
            places = torch.searchsorted(self.edges, points, right=True)
            yield self.order[places.clamp(max=len(self.order) - 1)]


def training_batches(
    dataset: TableDataset, batch_size: int, sampling: BatchSampling = None, n_classes: int = 2
) -> Any:
    """Make skorch's iterator of training batches: shuffled, or balanced by group (and label).

    Balanced batches draw rows by their weights, and give them the weight 1.

    Parameters
    ----------
    dataset : TableDataset
        With classes, groups and weights.
    batch_size : int
    sampling : {"group", "group_label"} or None, default=None
        What each batch holds alike.
    n_classes : int, default=2

    Returns
    -------
    DataLoader
    """
    if sampling is None:
        return _loader(dataset, ShuffledBatches(len(dataset), batch_size, dataset.X.device))
    y, codes, weights = dataset.targets
    cells = codes if sampling == "group" else codes * n_classes + y
    batches = BalancedBatches(cells, weights, batch_size)
    used_up = torch.ones_like(weights)  # heavy rows are drawn more often instead
    balanced = TableDataset(dataset.X, y, codes, used_up, device=dataset.device)
    return _loader(balanced, batches)


def whole_batch(dataset: TableDataset, batch_size: int) -> Any:
    """Make skorch's iterator of one batch, which holds all rows in their order."""
    return _loader(dataset, [slice(0, len(dataset))])


def _loader(dataset: TableDataset, batches: Any) -> Any:
    return DataLoader(dataset, batch_sampler=batches, collate_fn=_as_it_is)


def _as_it_is(batch: Any) -> Any:
    return batch


def training_augmentation(
    augment: Any,
    rows: Sequence[Any],
    *,
    groups: Sequence[Any],
    classes: Sequence[Any],
    seed: int,
) -> Callable[[Any, Any, int, int], Any]:
    """Make what a net changes its training batches by.

    Parameters
    ----------
    augment : callable or object with a method ``for_batches``
        A callable of a batch of images (n, c, h, w), which gives such a batch; or what tells cells
        apart: ``for_batches(X, y, codes, weights, groups=..., classes=...)`` gets the training
        rows, and gives a callable of images, codes of classes, codes of groups and a seed.
    rows : tuple of ndarrays
        Images, codes of classes, codes of groups and weights.
    groups, classes : sequence
        Their labels.
    seed : int

    Returns
    -------
    callable
        Of images, the target, and the numbers of the epoch and of the batch in it. What is drawn
        by torch's generators hangs on the seed and these numbers alone, and they stay as they are;
        what a callable draws from others, as numpy's, is its own.
    """
    if hasattr(augment, "for_batches"):
        change = augment.for_batches(*rows, groups=groups, classes=classes)
    else:
        change = _plain(augment)

    def of_batch(images: Any, target: Any, epoch: int, batch: int) -> Any:
        y, codes = target[:2]
        own = int(np.random.SeedSequence([seed, epoch, batch]).generate_state(1)[0])
        with torch.no_grad():
            changed = change(images, y, codes, own)
        if not isinstance(changed, torch.Tensor) or changed.shape != images.shape:
            what = getattr(changed, "shape", type(changed).__name__)
            raise ValueError(
                f"augment must give a tensor of the batch's shape {tuple(images.shape)}, and gave "
                f"{tuple(what) if isinstance(what, torch.Size) else what}"
            )
        return changed.to(images.device, images.dtype)

    return of_batch


def _plain(augment: Callable[[Any], Any]) -> Callable[[Any, Any, Any, int], Any]:
    def change(images: Any, y: Any, codes: Any, seed: int) -> Any:
        with seeded(seed, images.device):
            return augment(images)

    return change
