"""Resampler: repeat, drop or make rows until group x label cells have the wanted sizes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone

from skfair._utils.columns import is_frame, n_rows, named_columns
from skfair._utils.optional import import_optional
from skfair._utils.validation import check_same_length, generator
from skfair._utils.warning import warn_user
from skfair.base import BaseResamplingMitigator, Resampled, wants
from skfair.groups import ColumnSpec, Groups, Missing
from skfair.preprocessing._cells import (
    cell_targets,
    draw_rows,
    positive_of,
    read_labels,
    take_fresh,
    take_labels,
)
from skfair.preprocessing._ranker import nearness_to_boundary, rank_scores
from skfair.tally import count_cells


class Resampler(BaseResamplingMitigator):
    """Fit an estimator on rows resampled so that group x label cells have the wanted sizes.

    Wrap the whole pipeline: features, labels, weights and groups are resampled together at fit, and
    predictions are left alone. It is the twin of :class:`Reweighter` for estimators that take no
    weights. Without an estimator it is a sampler for ``imblearn.pipeline.Pipeline``
    (``fit_resample``); one class does both, because the two differ in nothing but who calls.

    Parameters
    ----------
    estimator : estimator, default=None
        Any estimator or Pipeline; None: a sampler.
    sensitive_features : str, int, Bins, list of them, or callable, default=None
        Columns of X, or a callable of X; None: pass ``sensitive_features=`` to fit.
    strategy : {"balance", "parity", "size"} or dict, default="parity"
        All cells equal; each group's label shares become the overall ones (Kamiran and Calders'
        sampling); all groups equal, with their own shares; or a dict from (group, label) to whole
        numbers (2 and 2.0 alike), which are sizes, or fractions, factors of the present size. A
        group of several features is a tuple: ``{(("f", "B"), "yes"): 80}``. Cells that a dict
        doesn't name stay as they are; one that changes more than 20-fold warns.
    method : {"over", "under", "both"}, default="both"
        No cell shrinks, none grows, or the number of rows stays.
    ranker : estimator, default=None
        A classifier with probabilities: rows nearest its boundary are repeated and dropped first
        (preferential sampling, two classes). None: rows at random (uniform sampling). With
        sampling weights it has to take them.
    sampler : sampler of imbalanced-learn, default=None
        Makes the rows of the cells that grow, or chooses those of cells that shrink: SMOTENC,
        SMOTE, ADASYN, RandomUnderSampler, ... Synthetic rows bear their cell's label and group. Its
        ``sampling_strategy`` is replaced. Other frames reach it, and the estimator, as pandas.
    preprocessor : transformer, default=None
        Fitted and applied before the sampler and the estimator, since SMOTE and SMOTENC refuse
        missing values and strings. Groups are read before it, and it gets none as metadata.
    pos_label : label, default=None
        The positive class of the ranker; not needed where labels are {0, 1}, {-1, 1} or booleans.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form a group of their own, or are refused.
    random_state : int, RandomState instance or None, default=None
        Draws the rows; handed to a sampler that has none of its own.

    Attributes
    ----------
    estimator_ : estimator
        The fitted estimator, behind the fitted preprocessor if there is one.
    classes_ : ndarray of shape (n_classes,)
        Its classes.
    cell_sizes_ : DataFrame of shape (2 n_groups, n_classes)
        Sizes "before" (sums of weights, scaled to the number of rows) and "after".
    sample_indices_ : ndarray of int or None
        Which row each new row was; -1 for synthetic ones; None if the sampler doesn't tell.
    n_features_in_, feature_names_in_
        As of the fitted estimator, where it has them.

    Notes
    -----
    Sampling weights are used up: cells are measured by them, rows are drawn in proportion to them,
    and the new rows weigh alike.

    References
    ----------
    Kamiran, F. and Calders, T. (2012). Data preprocessing techniques for classification without
    discrimination. Knowledge and Information Systems 33. https://doi.org/10.1007/s10115-011-0463-8
    Chawla, N. V., Bowyer, K. W., Hall, L. O. and Kegelmeyer, W. P. (2002). SMOTE: synthetic
    minority over-sampling technique. JAIR 16. https://doi.org/10.1613/jair.953

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> X = pd.DataFrame({"sex": list("ffffmmmm"), "skill": [1, 2, 3, 4, 1, 2, 3, 4]})
    >>> y = [0, 0, 0, 1, 0, 1, 1, 1]
    >>> sampler = Resampler(sensitive_features="sex", random_state=0)
    >>> rows, labels = sampler.fit_resample(X, y)
    >>> pd.crosstab(rows["sex"], np.array(labels)).to_numpy().tolist()
    [[2, 2], [2, 2]]
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        sensitive_features: ColumnSpec | None = None,
        strategy: str | Mapping[Any, float] = "parity",
        method: str = "both",
        ranker: Any = None,
        sampler: Any = None,
        preprocessor: Any = None,
        pos_label: Any = None,
        missing: Missing = "group",
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.sensitive_features = sensitive_features
        self.strategy = strategy
        self.method = method
        self.ranker = ranker
        self.sampler = sampler
        self.preprocessor = preprocessor
        self.pos_label = pos_label
        self.missing = missing
        self.random_state = random_state

    def _resample(
        self, X: Any, y: Any, groups: Groups, sample_weight: NDArray[np.float64] | None
    ) -> Resampled:
        codes, classes = read_labels(y)
        check_same_length(X=range(n_rows(X)), y=codes)
        self._check_helpers(sample_weight)
        shape = (groups.n_groups, len(classes))
        sums = count_cells([groups.codes, codes], shape, sample_weight)[0]
        sizes = sums * (len(codes) / sums.sum())
        targets = cell_targets(sizes, self.strategy, self.method, groups.labels, classes)
        cells = groups.codes.astype(np.intp) * len(classes) + codes
        rng = generator(self.random_state)
        X = self._preprocess(X, y)
        if self.sampler is None:
            near = self._nearness(X, y, codes, classes, groups, sample_weight)
            rows = draw_rows(cells, targets.ravel(), weights=sample_weight, nearness=near, rng=rng)
            new, found = _take(X, y, groups, rows), cells[rows]
        else:
            new, found = self._make_rows(X, y, groups, cells, targets, classes, rng)
        after = np.bincount(found, minlength=targets.size).reshape(shape)
        self.cell_sizes_ = _sizes_table(sizes, after, groups, classes)
        return new

    def _check_helpers(self, sample_weight: NDArray[np.float64] | None) -> None:
        asks = [m for m in ("fit", "transform") if wants(self.preprocessor, m)]
        if self.preprocessor is not None and asks:
            raise ValueError(
                f"the preprocessor gets no metadata, and {type(self.preprocessor).__name__} asks "
                "for sensitive features: name columns of X in it"
            )
        if self.sampler is None:
            return
        if isinstance(self.sampler, type) or not hasattr(self.sampler, "fit_resample"):
            raise ValueError(
                f"sampler must be an instance with fit_resample, as in sampler=SMOTENC(...), got "
                f"{self.sampler!r}"
            )
        if self.ranker is not None:
            raise ValueError("give a ranker or a sampler, not both: each chooses the rows")
        if sample_weight is not None:
            raise ValueError("a sampler can't draw by sample_weight: leave one of them out")

    def _preprocess(self, X: Any, y: Any) -> Any:
        if self.preprocessor is None:
            self.__dict__.pop("preprocessor_", None)  # of an earlier fit
            return X
        self.preprocessor_ = clone(self.preprocessor)
        return self.preprocessor_.fit_transform(X, y)

    def _nearness(
        self,
        X: Any,
        y: Any,
        codes: NDArray[np.integer],
        classes: tuple[Hashable, ...],
        groups: Groups,
        weights: NDArray[np.float64] | None,
    ) -> NDArray[np.float64] | None:
        if self.ranker is None:
            return None
        if len(classes) > 2:
            raise ValueError("preferential sampling (ranker=) needs two classes")
        place = positive_of(classes, self.pos_label, type(self).__name__)
        if place is None or len(classes) < 2:
            raise ValueError("preferential sampling (ranker=) needs two classes")
        positive = codes == place
        given = groups if self.sensitive_features is None else None
        scores = rank_scores(
            self.ranker, X, y, positive, classes[place], weights=weights, groups=given
        )
        return nearness_to_boundary(scores, positive)

    def _make_rows(
        self,
        X: Any,
        y: Any,
        groups: Groups,
        cells: NDArray[np.integer],
        targets: NDArray[np.int64],
        classes: tuple[Hashable, ...],
        rng: np.random.Generator,
    ) -> tuple[Resampled, NDArray[np.integer]]:
        """Let the sampler meet the targets of the cells that it can change; draw for the others."""
        import_optional("imblearn", extra="sampling", purpose="sampler=")
        present = np.bincount(cells, minlength=targets.size)
        wanted, reached = targets.ravel(), targets.ravel().copy()
        left = wanted < present if _drops_rows(self.sampler) else wanted > present
        left &= wanted > 0
        reached[left] = present[left]  # first the rows that are drawn, then the sampler's
        rows = draw_rows(cells, reached, rng=rng)
        start = _take(_as_pandas(X), y, groups, rows)
        if not left.any():
            return start, cells[rows]
        sampler = clone(self.sampler)
        targeted = {int(c): int(wanted[c]) for c in np.flatnonzero(left)}
        params: dict[str, Any] = {"sampling_strategy": targeted}
        if "random_state" in sampler.get_params() and sampler.random_state is None:
            params["random_state"] = int(rng.integers(np.iinfo(np.int32).max))
        try:
            made, found = sampler.set_params(**params).fit_resample(start.X, cells[rows])
        except (ValueError, TypeError) as error:
            names = [
                (groups.labels[c // len(classes)], classes[c % len(classes)]) for c in targeted
            ]
            sizes = dict(zip(names, present[left].tolist(), strict=True))
            raise ValueError(
                f"{type(sampler).__name__} failed on cells of (group, label), of these sizes: "
                f"{sizes}. Strings and missing values need preprocessor=, which encodes and "
                f"imputes; small cells need fewer neighbours than rows, or merging: {error}"
            ) from error
        self._check_sizes(found, wanted, groups, classes)
        labels = take_labels(y, cells % len(classes), found % len(classes))
        if isinstance(labels, pd.Series | pd.DataFrame):
            labels.index = pd.RangeIndex(len(found))
        kept = Groups(found // len(classes), groups.labels, groups.names)
        return Resampled(made, labels, kept, None, _origin(sampler, rows, len(found))), found

    def _check_sizes(
        self,
        cells: NDArray[Any],
        wanted: NDArray[np.int64],
        groups: Groups,
        classes: tuple[Hashable, ...],
    ) -> None:
        short = np.bincount(cells, minlength=len(wanted)) - wanted
        notes = [
            f"{(groups.labels[c // len(classes)], classes[c % len(classes)])}: "
            f"{wanted[c] + short[c]} instead of {wanted[c]}"
            for c in np.flatnonzero(short)
        ]
        if notes:
            warn_user(
                f"{type(self.sampler).__name__} didn't meet the sizes of cells of (group, label) "
                f"{'; '.join(notes)}"
            )


def _sizes_table(
    before: NDArray[Any], after: NDArray[Any], groups: Groups, classes: tuple[Hashable, ...]
) -> pd.DataFrame:
    index = groups.to_index()
    tables = [pd.DataFrame(t, index=index, columns=list(classes)) for t in (before, after)]
    return pd.concat(tables, keys=["before", "after"], names=["rows"])


def _take(X: Any, y: Any, groups: Groups, rows: NDArray[np.intp]) -> Resampled:
    kept = Groups(groups.codes[rows], groups.labels, groups.names)
    return Resampled(take_fresh(X, rows), take_fresh(y, rows), kept, None, rows)


def _as_pandas(X: Any) -> Any:
    """X, or the pandas frame of a frame that imbalanced-learn doesn't know."""
    if isinstance(X, pd.DataFrame) or not is_frame(X):
        return X
    return pd.DataFrame(dict(named_columns(X)))


def _drops_rows(sampler: Any) -> bool:
    base = import_optional("imblearn.under_sampling.base", extra="sampling", purpose="sampler=")
    return isinstance(sampler, base.BaseUnderSampler)


def _origin(sampler: Any, rows: NDArray[np.intp], n: int) -> NDArray[np.intp] | None:
    """Which row each row that a sampler gives was."""
    if hasattr(sampler, "sample_indices_"):
        origin = rows[sampler.sample_indices_]
        if getattr(sampler, "shrinkage_", None) is not None:  # smoothed rows are new ones
            origin[len(rows) :] = -1
        return origin
    base = import_optional("imblearn.over_sampling.base", extra="sampling", purpose="sampler=")
    if isinstance(sampler, base.BaseOverSampler):  # they append what they make
        return np.concatenate([rows, np.full(n - len(rows), -1)])
    return None
