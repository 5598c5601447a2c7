"""Gradient descent on a trained network: batches on the device, losses of log odds, one epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from skfair.finetuning._layers import log_odds
from skfair.finetuning._objective import choose_threshold
from skfair.finetuning._search import Search


class Batch(NamedTuple):
    """Rows of a batch: input, whether a row is positive (0 or 1), group, and weight."""

    X: Any
    y: Any
    codes: Any
    weights: Any


def batches_of(search: Search, batch_size: int, sampling: Any = None) -> Iterator[Batch]:
    """Give batches of the rows to learn from without end, on the device, shuffled by torch.

    Rows too many for the device stay where they are, and travel by batches.
    """
    import torch

    from skfair.nn import place_rows, training_batches

    rows = search.tuning
    columns = [
        torch.from_numpy(np.ascontiguousarray(rows.X)),
        torch.from_numpy(rows.positive.astype(np.int64)),
        torch.from_numpy(rows.codes.astype(np.int64)),
        torch.from_numpy(rows.weights).to(torch.float32),
    ]
    loader = training_batches(place_rows(search.device, *columns), batch_size, sampling)
    while True:
        for X, (y, codes, weights) in loader:
            yield Batch(X, y, codes, weights)


def odds_of(search: Search, X: Any) -> Any:
    """Log odds of the positive class, with their gradient."""
    return search.sign * log_odds(search.module(X), search.output)


def soft_cells_at(cut: float, odds: Any, batch: Batch, n_groups: int, temperature: float) -> Any:
    """Sum expected cells by group; decisions are a sigmoid of what log odds are above a cut."""
    import torch

    from skfair.tally import soft_cells

    p = torch.sigmoid((odds - cut) / temperature)
    return soft_cells(batch.y, p, batch.codes, n_groups, batch.weights)


def cross_entropy(odds: Any, batch: Batch) -> Any:
    """Weighted mean of the cross-entropy of a batch."""
    from torch.nn import functional

    losses = functional.softplus(odds) - batch.y * odds
    return (batch.weights * losses).sum() / batch.weights.sum()


def descend(parameters: list[Any], optimizer: Any, loss: Any, largest: float = 5.0) -> None:
    """Take one step down a loss, unless its gradient is no number; a long gradient is shortened."""
    import torch

    optimizer.zero_grad()
    loss.backward()
    length = torch.nn.utils.clip_grad_norm_(parameters, largest)
    if torch.isfinite(length):
        optimizer.step()


class FreeChoice(NamedTuple):
    """The threshold that is best where bias doesn't count, and how far the network has come there.

    Soft gaps are measured at this threshold: at one that meets the tolerance because nearly nobody
    is above it, there would be no bias to descend.
    """

    cut: float
    progress: float


def choose_freely(search: Search) -> FreeChoice:
    """Find the threshold with the best performance for the network that was judged last.

    Progress is the penalized value there.
    """
    free = replace(search.objective, tol=1.0, form="constrained")
    rows = search.rows._replace(resamples=search.rows.resamples[:0])
    assert search.last_scores is not None
    found = choose_threshold(search.last_scores, rows, free)
    penalized = replace(search.objective, form="penalized")
    progress = penalized.combine(np.array(found.performance), np.array(found.bias))
    return FreeChoice(float(np.clip(found.threshold, -1e3, 1e3)), float(progress))


def until_no_better(
    search: Search, max_epochs: int, patience: int, epoch: Callable[[float], float]
) -> Iterator[dict[str, Any]]:
    """Run epochs, and stop after so many in which the network became no better.

    Within the tolerance, a network is better if its value is higher. Before it comes there, the
    value may stand still at that of a constant rule, so that less bias at the threshold with the
    best performance is a step forward, too.

    Parameters
    ----------
    search : Search
    max_epochs, patience : int
    epoch : callable
        Trains, given the threshold at which soft decisions are made, and gives the mean loss.

    Yields
    ------
    dict
        What is written down of the epoch.
    """
    value, progress, since = -np.inf, -np.inf, 0
    for number in range(1, max_epochs + 1):
        free = choose_freely(search)
        since = 0 if free.progress > progress or search.last.value > value else since + 1
        value, progress = max(value, search.last.value), max(progress, free.progress)
        if since >= patience:
            break
        yield {"step": "epoch", "epoch": number, "loss": epoch(free.cut)}
        if not np.isfinite(search.last.value):
            break
