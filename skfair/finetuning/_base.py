"""What debiasers of trained networks share: reading, the search's frame, and predictions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.columns import is_frame, take_rows
from skfair._utils.optional import import_optional
from skfair._utils.text import listed
from skfair._utils.validation import (
    check_count,
    check_number,
    check_option,
    check_same_length,
    check_share,
    generator,
)
from skfair.base import read_two_classes, sensitive_positions, unchanged_on_error
from skfair.criteria import Criterion, Rate, read_criteria, read_decisive, read_objective
from skfair.finetuning._advice import best_advantage, fewest_rows, warn_of_ranks, warn_of_result
from skfair.finetuning._layers import OUTPUTS, check_output, check_probabilities
from skfair.finetuning._objective import (
    FORMS,
    FairObjective,
    Floats,
    Form,
    JudgedRows,
    signed_bias,
)
from skfair.finetuning._reached import reached
from skfair.finetuning._rows import TuningRows, held_out
from skfair.finetuning._saving import SavableDebiaser
from skfair.finetuning._search import (
    Search,
    probability_of,
    progress,
    restore_previous,
    weights_of,
)
from skfair.groups import ColumnSpec, Groups, Missing

if TYPE_CHECKING:
    from skfair.nn import TrainedNetwork

Note = dict[str, Any]


class BaseDebiaser(SavableDebiaser):
    """Base of estimators that change a trained network until it is fair on new rows.

    A subclass overrides ``_candidates(search, rng)``, a generator: it changes ``search.module`` in
    place and yields what is to be written down of the candidate, which is then judged
    (``search.last``). It may override ``_check_parameters``, too.
    """

    net: Any
    sensitive_features: ColumnSpec | None
    constraints: str | Criterion | Rate
    objective: Any
    tol: float
    margin: float
    form: Form
    n_resamples: int
    output: str
    time_limit: float | None
    pos_label: Any
    missing: Missing
    warm_start: bool
    random_state: Any
    verbose: int

    validation_fraction = 0.0  # a parameter of those that learn from rows

    history_: pd.DataFrame

    def _candidates(self, search: Search, rng: np.random.Generator) -> Iterator[Note]:
        raise NotImplementedError

    def fit(
        self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None
    ) -> Self:
        """Debias a copy of the network on rows that it wasn't trained on.

        Parameters
        ----------
        X : data frame or array of shape (n, n_features), or array of shape (n, c, h, w)
            Validation rows: a table, or images.
        y : array-like of shape (n,)
            Labels of two classes.
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Groups, where the constructor doesn't name columns of X.
        sample_weight : array-like of shape (n,), default=None
            Sampling weights. A row of weight 0 is as good as absent.

        Returns
        -------
        self

        Raises
        ------
        NotFittedError
            If ``net`` isn't fitted.
        ValueError
            If groups are given twice or not at all, there is one class or group only, or the
            network can't take X or isn't one for two classes.
        """
        import_optional("torch", extra="nn", purpose=type(self).__name__)
        with unchanged_on_error(self):
            return self._fit(X, y, sensitive_features, sample_weight)

    def _fit(self, X: Any, y: Any, sensitive_features: Any, sample_weight: Any) -> Self:
        from skfair.nn import read_network

        criterion = self._check_parameters()
        warm = self.warm_start and hasattr(self, "module_")
        previous = weights_of(self.module_) if warm else None
        if not warm:
            self._rng = generator(self.random_state)
            self._split_seed = int(self._rng.integers(np.iinfo(np.int32).max))
        X = self._check_rows(X, reset=True)
        X, groups, positive, weights = self._read_rows(X, y, sensitive_features, sample_weight)
        self._dropped = self._sensitive_columns(X)
        network = read_network(self.net, self._device(), self._dropped)
        self._read_classes(network)
        matrix = network.encode(X)
        check_output(network.module, matrix[:2], self._device())
        self.output_ = self._decide_output(network, matrix)
        rows = TuningRows(matrix, positive, groups.codes, groups.n_groups, weights)
        search, judged = self._search_over(rows, network.module, criterion)
        plain = self._judge_original(search)
        with self._seeded():
            self._run(search, previous)
        self._input = network.encode
        self._keep(search, groups.take(judged), plain, warm)
        return self

    def _search_over(
        self, rows: TuningRows, module: Any, criterion: Criterion
    ) -> tuple[Search, NDArray[np.intp]]:
        """Set up the search; the rows that are held out are those that networks are judged on."""
        share = self.validation_fraction
        tuned, judged = held_out(rows.cells(), share, np.random.default_rng(self._split_seed))
        _, positive, codes, n_groups, weights = rows.take(judged)
        search = Search(
            module,
            rows.X[judged],
            JudgedRows.draw(positive, codes, n_groups, weights, self.n_resamples, self._rng),
            FairObjective(criterion, self.objective, self.tol, self.form),
            margin=self.margin,
            output=self.output_,
            sign=self._sign,
            device=self._device(),
            tuning=rows.take(tuned) if share else None,
        )
        return search, judged

    def _run(self, search: Search, previous: dict[str, Any] | None) -> None:
        """Judge candidates until there are no more, or the time is up."""
        end = np.inf if self.time_limit is None else search.started + self.time_limit
        with progress(self.verbose, type(self).__name__) as report:
            if previous is not None:
                restore_previous(search, previous)
                search.judge(step="previous")
            for note in self._candidates(search, self._rng):
                search.judge(**note)
                report(search)
                if time.monotonic() > end:
                    break

    def _judge_original(self, search: Search) -> Floats:
        """Judge the network as it came; give its scores."""
        scores = search.scores()
        if not np.isfinite(scores).all():
            raise ValueError("the network gives outputs that are NaN or infinite: check X and net")
        warn_of_ranks(scores, search.rows, self.classes_.tolist())
        found = search.judge(step="original")
        criterion = search.objective.criterion
        undefined = np.isnan(criterion.group_rates(found.cells))
        if criterion.is_linear and ((~undefined).sum(axis=-1) < 2).any():
            raise ValueError(
                f"{criterion.name} is undefined on these rows, whatever is decided: fewer than two "
                "groups have rows of the labels that it needs"
            )
        return scores

    def _keep(self, search: Search, groups: Groups, plain: Floats, warm: bool) -> None:
        """Set what fit has found."""
        best = search.best
        assert best is not None
        search.restore(search.kept)
        self.module_ = search.module
        history = search.history()
        if warm:
            earlier = self.history_.assign(is_best=False)
            history = pd.concat([earlier, history], ignore_index=True)
        self.history_ = history
        self._cut, self.threshold_ = best.threshold, probability_of(best.threshold)
        self.objective_, self.performance_ = best.value, best.performance
        criterion = search.objective.criterion
        self.bias_ = signed_bias(criterion, best.cells)
        self.group_labels_ = groups.labels
        selected = search.scores() >= self._cut
        decided = [selected, plain >= 0]
        self.criteria_ = reached(criterion, self.tol, decided, search.rows, groups)
        if self.form != "penalized":
            scarce = fewest_rows(search.rows, groups.labels)
            warn_of_result(best, best_advantage(plain, search.rows), self.tol, scarce)

    def _read_rows(
        self, X: Any, y: Any, sensitive_features: Any, sample_weight: Any
    ) -> tuple[Any, Groups, NDArray[np.bool_], Floats]:
        groups = self._read_groups(X, sensitive_features)
        two = read_two_classes(y, self.pos_label, sample_weight, owner=type(self).__name__)
        check_same_length(X=X, y=two.is_positive)
        positive, weights = two.is_positive, two.weights
        self.classes_ = two.classes
        kept = np.flatnonzero(weights)
        if len(kept) < len(weights):
            X, groups = take_rows(X, kept), groups.take(kept)
            positive, weights = positive[kept], weights[kept]
        if groups.n_groups < 2:
            raise ValueError(f"there are rows of one group only: {listed(groups.labels)}")
        return X, groups, positive, weights / weights.mean()

    def _read_classes(self, network: TrainedNetwork) -> None:
        """Put the classes in the order of the network's outputs: sorted, or its estimator's."""
        negative, positive = self.classes_.tolist()
        if network.classes is None:
            self.classes_ = np.sort(self.classes_)
        else:
            known = network.classes.tolist()
            if len(known) != 2 or set(known) != {negative, positive}:
                raise ValueError(
                    f"y has the classes {listed([negative, positive])}, and the network was fitted "
                    f"to {listed(known)}: give y as the network had it"
                )
            self.classes_ = network.classes
        self._sign = 1 if self.classes_.tolist()[1] == positive else -1

    def _decide_output(self, network: TrainedNetwork, matrix: NDArray[np.floating]) -> Any:
        found = network.output if self.output == "auto" else self.output
        if found is None:
            from skfair.nn import decide_output

            found = decide_output(network.module, matrix, self._device())
        if found == "probabilities":
            check_probabilities(network.module, matrix, self._device())
        return found

    def _sensitive_columns(self, X: Any) -> list[int]:
        if not is_frame(X) and X.ndim != 2:
            return []
        return sensitive_positions(X, self.sensitive_features)

    def _seeded(self) -> AbstractContextManager[None]:
        """Seed torch on the CPU and this device, and leave its generators as they were."""
        from skfair.nn import seeded

        return seeded(int(self._rng.integers(np.iinfo(np.int32).max)), self._device())

    def _check_parameters(self) -> Criterion:
        if not isinstance(self.constraints, str | Criterion | Rate):
            raise ValueError(
                f"{type(self).__name__} takes one criterion, got constraints={self.constraints!r}: "
                "give a name or a Criterion"
            )
        ((criterion, _),) = read_criteria(self.constraints, self.tol)
        read_decisive(criterion)
        read_objective(self.objective, np.ones(2))
        check_number("margin", self.margin)
        if self.margin > self.tol:
            raise ValueError(f"margin must be at most tol={self.tol!r}, got {self.margin!r}")
        check_count("n_resamples", self.n_resamples, least=0)
        check_share("validation_fraction", self.validation_fraction)
        if self.validation_fraction == 1:
            raise ValueError("validation_fraction=1 leaves no rows to learn from: take less")
        check_option("form", self.form, FORMS)
        check_option("output", self.output, ("auto", *OUTPUTS))
        check_option("missing", self.missing, ("group", "raise"))
        if self.time_limit is not None:
            check_number("time_limit", self.time_limit)
        return criterion
