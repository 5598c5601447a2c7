"""The search for the best network: candidates are judged, and the best one's weights are kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.optional import import_optional
from skfair.finetuning._layers import Output, log_odds
from skfair.finetuning._objective import (
    FairObjective,
    Floats,
    JudgedRows,
    ThresholdChoice,
    choose_threshold,
)
from skfair.finetuning._rows import TuningRows


class Search:
    """A network whose weights are changed, and the best weights so far.

    Parameters
    ----------
    module : torch.nn.Module
        Changed in place by whoever searches.
    X : ndarray of float of shape (n, ...)
        Its input.
    rows : JudgedRows
    objective : FairObjective
    margin : float
        By which the tolerance is smaller during the search.
    output : {"logits", "probabilities"}
    sign : {1, -1}
        -1, where the first class is the positive one.
    device : torch.device
    tuning : TuningRows, default=None
        Rows that networks may learn from; None: those that they are judged on.

    Attributes
    ----------
    last, best : ThresholdChoice
        What the last candidate reached, and the best one.
    last_scores : ndarray of float of shape (n,)
        Log odds of the last candidate.
    """

    def __init__(
        self,
        module: Any,
        X: NDArray[np.floating],
        rows: JudgedRows,
        objective: FairObjective,
        *,
        margin: float,
        output: Output,
        sign: int,
        device: Any,
        tuning: TuningRows | None = None,
    ) -> None:
        self.module, self.X, self.rows = module, X, rows
        self.objective, self.margin = objective, margin
        self.output, self.sign, self.device = output, sign, device
        self.tuning = TuningRows(X, *rows[:4]) if tuning is None else tuning
        self.original = weights_of(module)
        self.started = time.monotonic()
        self.records: list[dict[str, Any]] = []
        self.best: ThresholdChoice | None = None
        self.last_scores: Floats | None = None

    def scores(self, X: NDArray[np.floating] | None = None) -> Floats:
        """Log odds of the positive class."""
        return self.sign * score_rows(
            self.module, self.X if X is None else X, self.output, self.device
        )

    def judge(self, **notes: Any) -> ThresholdChoice:
        """Judge the network as it is, write it down, and keep its weights if it is the best.

        A network that gives no numbers has the value -inf.
        """
        self.last_scores = scores = self.scores()
        if np.isfinite(scores).all():
            self.last = choose_threshold(scores, self.rows, self.objective, self.margin)
        else:
            nothing = np.full((self.rows.n_groups, 4), np.nan)
            self.last = ThresholdChoice(-np.inf, np.nan, np.nan, np.nan, nothing)
        if self.best is None or self.last.value > self.best.value:
            self.best, self.kept = self.last, weights_of(self.module)
        value, threshold, performance, bias, _ = self.last
        self.records.append(
            {
                **notes,
                "value": value,
                "performance": performance,
                "bias": bias,
                "threshold": probability_of(threshold),
                "seconds": time.monotonic() - self.started,
            }
        )
        return self.last

    def restore(self, weights: dict[str, Any]) -> None:
        """Put weights into the network."""
        self.module.load_state_dict(weights)

    def history(self) -> pd.DataFrame:
        """Give a row a candidate; ``is_best`` marks the one that is kept."""
        table = pd.DataFrame(self.records)
        table["is_best"] = np.arange(len(table)) == table["value"].argmax()
        return table


def weights_of(module: Any) -> dict[str, Any]:
    """Copy parameters and buffers, which state_dict() only refers to, and what else is in it."""
    state = {name: getattr(v, "detach", lambda v=v: v)() for name, v in module.state_dict().items()}
    return deepcopy(state)


def restore_previous(search: Search, weights: dict[str, Any]) -> None:
    """Put the weights of an earlier fit into the network.

    Raises
    ------
    ValueError
        If they are of another network.
    """
    try:
        search.restore(weights)
    except RuntimeError as error:
        raise ValueError(
            f"warm_start goes on from the network of the last fit, and net is another one: {error}"
        ) from error


def score_rows(module: Any, X: NDArray[np.floating], output: Output, device: Any) -> Floats:
    """Log odds of the second class, in blocks of rows."""
    from skfair.nn import predict_logits

    return log_odds(predict_logits(module, X, device), output)


def probability_of(threshold: float) -> float:
    """Probability at which the log odds are the threshold.

    Examples
    --------
    >>> probability_of(0.0), probability_of(float("inf"))
    (0.5, 1.0)
    """
    return float(0.5 * (1 + np.tanh(threshold / 2)))


@contextmanager
def progress(verbose: int, name: str) -> Iterator[Callable[[Search], None]]:
    """Show candidates in a progress bar, where that is asked for."""
    if not verbose:
        yield lambda _: None
        return
    tqdm = import_optional("tqdm", extra="progress", purpose="verbose=1")
    with tqdm.tqdm(desc=name, unit="network") as bar:

        def report(search: Search) -> None:
            best = search.best or search.last
            bar.set_postfix(best=f"{best.value:.3f}", bias=f"{best.bias:.3f}")
            bar.update()

        yield report
