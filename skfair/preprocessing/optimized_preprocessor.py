"""OptimizedPreprocessor: redraw discrete columns and labels by the least randomized mapping."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from skfair._utils.columns import (
    column_positions,
    is_frame,
    n_rows,
    select_column,
    take_columns,
    take_rows,
)
from skfair._utils.encoding import factorize
from skfair._utils.text import listed
from skfair._utils.validation import check_any_weight, check_same_length, generator
from skfair.base import (
    BaseResamplingMitigator,
    Resampled,
    check_same_features,
    column_names,
    sensitive_positions,
)
from skfair.groups import ColumnSpec, Groups, Missing
from skfair.preprocessing._cells import read_labels, take_labels
from skfair.preprocessing._randomized_mapping import (
    MAX_CHANCES,
    InfeasibleMappingError,
    Limits,
    RandomizedMapping,
    check_limits,
    cost_matrix,
    draw_states,
    solve_mapping,
)
from skfair.tally import count_cells

LABEL = "label"
"""Name of the label among the values that a distortion function gets."""

Cost = Callable[[dict[Hashable, Any], dict[Hashable, Any]], float] | ArrayLike


class OptimizedPreprocessor(BaseResamplingMitigator):
    r"""Fit an estimator after redrawing discrete columns and labels by a randomized mapping.

    The mapping :math:`P(x', y' \mid x, y, d)` gives each row of group d the chances of other values
    and another label. Of all mappings that keep to two kinds of limits, it is the one that changes
    the joint distribution of columns and label least, in total variation:

    .. math::

        \Big| \frac{P(y' = y \mid d)}{P(y)} - 1 \Big| \le \varepsilon
        \quad\text{for all groups and labels}

    .. math::

        E[\delta((x, y), (x', y')) \mid x, y, d] \le c
        \quad\text{or}\quad P(\delta \ge l \mid x, y, d) \le p_l
        \quad\text{for all rows alike}

    That is a linear programme, solved exactly. Of mappings that come equally near, one with the
    fewest and cheapest changes is taken: limits that bind nothing change nothing. Then each row is
    redrawn, the estimator is fitted, and rows keep their places, groups and weights. This rewrites
    what the data say: ``mapping_`` tells how.

    Parameters
    ----------
    estimator : estimator, default=None
        Any classifier or Pipeline; None: a sampler for ``imblearn.pipeline.Pipeline``.
    sensitive_features : str, int, Bins, list of them, or callable, default=None
        Columns of X, or a callable of X; None: pass ``sensitive_features=`` to fit. Columns named
        here never change.
    columns : str, int or list of them, default=None
        Discrete columns that the mapping reads and may change; by default all that aren't named as
        sensitive. Others pass unchanged. Cut numeric columns into a few values before.
    epsilon : float, default=0.05
        Allowed relative distance of each group's label shares from the overall ones.
    distortion : callable or array-like of shape (n_states, n_states), default=None
        Cost of a change: a function of the old and the new values, each a dict from column names
        and ``"label"`` to values; or a matrix, old by new, in the order of ``states_``. Infinity
        forbids a change; no change costs 0. By default the number of columns that change, the
        label among them.
    max_distortion : float, mapping from level to probability, or None, default=0.5
        Largest expected cost of a row, or for each level the largest probability that the cost
        reaches it; None sets no limit. It holds for each group, values and label.
    solver : {"highs", "highs-ds", "highs-ipm"}, default="highs"
        Method of ``scipy.optimize.linprog``.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form a group of their own, or are refused.
    random_state : int, RandomState instance or None, default=None
        Draws the new values and labels.

    Attributes
    ----------
    estimator_ : estimator
        The fitted estimator.
    classes_ : ndarray of shape (n_classes,)
        Its classes.
    mapping_ : DataFrame
        Chances of each new state (columns) of each group and old state that has weight (rows).
    states_ : DataFrame of shape (n_states, n_columns + 1)
        Values of the columns, and the label: every combination that there is, with every label.
    label_shares_ : DataFrame of shape (3 n_groups, n_classes)
        Each group's label shares "before", "expected" of the mapping, and "drawn".
    objective_ : float
        Total variation distance between the joint distributions before and after the mapping.
    sample_indices_ : ndarray of int of shape (n,)
        0, 1, ...: rows keep their places.
    n_features_in_, feature_names_in_
        As of the fitted estimator, where it has them.

    Raises
    ------
    ValueError
        If no mapping keeps to the limits (the message tells which to relax, and how far), if there
        are too many combinations of values, or a sensitive column is among ``columns``.

    Notes
    -----
    Predictions see rows as they come: they need no group, no label and no chance. The paper maps
    the features of new rows too, with the old label averaged out, by group and at random;
    ``predict(model.map_features(X))`` is that. The two are the same where the mapping changes
    labels only. Where it changes columns too (with tight limits of distortion), part of the gap
    comes back if new rows are not mapped.

    Solutions of linear programmes lie in corners: changes gather in some cells, up to the limit of
    distortion, and others stay as they are. A lower ``max_distortion`` spreads them.

    Limits are met exactly by the mapping. Drawn rows meet them up to the draw, in which numbers of
    rows differ from the expected ones by less than 1 in each cell. Total variation stands for the
    paper's general distance; shares are held to the overall ones, the paper's first form.

    References
    ----------
    Calmon, F. P., Wei, D., Vinzamuri, B., Natesan Ramamurthy, K. and Varshney, K. R. (2017).
    Optimized pre-processing for discrimination prevention. NeurIPS 30.
    https://arxiv.org/abs/1704.03354

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> X = pd.DataFrame({"male": [0] * 8 + [1] * 8, "skill": [1, 1, 1, 1, 2, 2, 2, 2] * 2})
    >>> y = [0, 0, 0, 0, 0, 0, 1, 1] + [0, 0, 1, 1, 1, 1, 1, 1]
    >>> model = OptimizedPreprocessor(
    ...     DecisionTreeClassifier(), sensitive_features="male", epsilon=0.0, random_state=0
    ... )
    >>> model.fit(X, y).label_shares_[1].round(6).to_dict()
    {('before', 0): 0.25, ('before', 1): 0.75, ('expected', 0): 0.5, ('expected', 1): 0.5,
    ('drawn', 0): 0.5, ('drawn', 1): 0.5}
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        sensitive_features: ColumnSpec | None = None,
        columns: str | int | Sequence[str | int] | None = None,
        epsilon: float = 0.05,
        distortion: Cost | None = None,
        max_distortion: float | Mapping[float, float] | None = 0.5,
        solver: str = "highs",
        missing: Missing = "group",
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.sensitive_features = sensitive_features
        self.columns = columns
        self.epsilon = epsilon
        self.distortion = distortion
        self.max_distortion = max_distortion
        self.solver = solver
        self.missing = missing
        self.random_state = random_state

    def map_features(self, X: Any, *, sensitive_features: Any = None) -> Any:
        """Redraw the columns of new rows as the paper does at prediction, without their labels.

        The chances of new values are those of the mapping, averaged over the labels that rows of
        the same group and values had at fit. Values and groups that fit didn't see stay.

        Parameters
        ----------
        X : data frame or array-like of shape (n, n_features)
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Groups, where the constructor doesn't name columns of X.

        Returns
        -------
        X
            In the type it came in.
        """
        check_is_fitted(self, "mapping_")
        groups = self._read_groups(X, sensitive_features)
        check_same_features(groups.names, self._features)
        place = {label: i for i, label in enumerate(self._group_labels)}
        of_row = np.array([place.get(label, -1) for label in groups.labels])[groups.codes]
        values = self._values.encode(X)
        cells = np.where((of_row < 0) | (values < 0), -1, self._feature_cells[of_row, values])
        rows = np.flatnonzero(cells >= 0)
        drawn = draw_states(cells[rows], self._feature_chances, generator(self.random_state))
        return self._values.write(X, rows, drawn)

    def _resample(
        self, X: Any, y: Any, groups: Groups, sample_weight: NDArray[np.float64] | None
    ) -> Resampled:
        codes, classes = read_labels(y)
        check_same_length(X=range(n_rows(X)), y=codes)
        self._values = DiscreteValues.read(X, self._positions(X))
        n_classes = len(classes)
        states = self._values.codes * n_classes + codes
        n_states = self._values.n_values * n_classes
        joint = _shares(groups.codes, states, (groups.n_groups, n_states), sample_weight)
        if np.count_nonzero(joint) * n_states > MAX_CHANCES:
            raise ValueError(
                f"columns {self._values.names} make {self._values.n_values} combinations of values "
                f"with {n_classes} labels, too many for a mapping: name fewer in columns=, or cut "
                "numeric ones into bins"
            )
        self.states_ = self._values.states(classes)
        mapping = self._solve(joint, np.tile(np.arange(n_classes), self._values.n_values))
        cells = np.full(joint.shape, -1)
        cells[mapping.groups, mapping.states] = np.arange(len(mapping.states))
        of_row = cells[groups.codes, states]
        rows = np.flatnonzero(of_row >= 0)  # rows without weight may be in cells without a mapping
        new = states.copy()
        new[rows] = draw_states(of_row[rows], mapping.chances, generator(self.random_state))
        self._remember(mapping, joint, groups, classes)
        self._remember_shares(mapping, joint, groups, classes, new % n_classes, sample_weight)
        labels = take_labels(y, codes, new % n_classes)
        labels = labels.set_axis(y.index) if isinstance(y, pd.Series | pd.DataFrame) else labels
        changed = self._values.write(X, np.arange(len(new)), new // n_classes)
        return Resampled(changed, labels, groups, sample_weight, np.arange(len(new)))

    def _positions(self, X: Any) -> list[int]:
        sensitive = sensitive_positions(X, self.sensitive_features)
        if self.columns is None:
            chosen = [j for j in column_positions(X) if j not in sensitive]
        else:
            chosen = column_positions(X, self.columns)
        both = [j for j in chosen if j in sensitive]
        if both or not chosen:
            names = column_names(X if hasattr(X, "shape") else np.asarray(X, dtype=object))
            raise ValueError(
                f"columns {listed(names[j] for j in both)} are sensitive, and sensitive columns "
                "never change: leave them out"
                if both
                else "there are no columns to map beside the sensitive ones"
            )
        return chosen

    def _solve(self, joint: NDArray[np.float64], labels: NDArray[np.integer]) -> RandomizedMapping:
        check_limits(self.epsilon, self.max_distortion)
        costs = cost_matrix(self.distortion, self.states_)
        limits = Limits(float(self.epsilon), costs, self.max_distortion)
        try:
            return solve_mapping(joint, labels, limits, self.solver)
        except InfeasibleMappingError as error:
            way = (
                ""
                if error.raised is None
                else f", or raise max_distortion (each limit in it) by {_rounded_up(error.raised)}"
            )
            raise ValueError(
                f"no mapping keeps to epsilon={self.epsilon!r} with max_distortion="
                f"{self.max_distortion!r}: allow an epsilon of at least "
                f"{_rounded_up(error.epsilon)}{way}"
            ) from error

    def _remember(
        self,
        mapping: RandomizedMapping,
        joint: NDArray[np.float64],
        groups: Groups,
        classes: tuple[Hashable, ...],
    ) -> None:
        self.objective_ = mapping.objective
        self._group_labels, self._features = groups.labels, groups.names
        new = pd.MultiIndex.from_frame(self.states_)
        labels = groups.to_index().take(mapping.groups).to_frame(index=False)
        old = pd.concat([labels, self.states_.iloc[mapping.states].reset_index(drop=True)], axis=1)
        self.mapping_ = pd.DataFrame(mapping.chances, pd.MultiIndex.from_frame(old), new)
        # without labels: cells of (group, values), their chances averaged over the old labels
        n_values = self._values.n_values
        weights = joint[mapping.groups, mapping.states][:, None]
        cells = mapping.groups * n_values + mapping.states // len(classes)
        kept, place = np.unique(cells, return_inverse=True)
        sums = np.zeros((len(kept), n_values))
        by_values = mapping.chances.reshape(len(cells), n_values, -1).sum(axis=2)
        np.add.at(sums, place, weights * by_values)
        self._feature_chances = sums / sums.sum(axis=1, keepdims=True)
        self._feature_cells = np.full((groups.n_groups, n_values), -1)
        self._feature_cells.flat[kept] = np.arange(len(kept))

    def _remember_shares(
        self,
        mapping: RandomizedMapping,
        joint: NDArray[np.float64],
        groups: Groups,
        classes: tuple[Hashable, ...],
        drawn: NDArray[np.integer],
        weights: NDArray[np.float64] | None,
    ) -> None:
        shape = (groups.n_groups, len(classes))
        after = np.zeros_like(joint)
        mass = joint[mapping.groups, mapping.states][:, None]
        np.add.at(after, mapping.groups, mass * mapping.chances)
        tables = {
            "before": joint.reshape(groups.n_groups, -1, len(classes)).sum(axis=1),
            "expected": after.reshape(groups.n_groups, -1, len(classes)).sum(axis=1),
            "drawn": _shares(groups.codes, drawn, shape, weights),
        }
        index = groups.to_index()
        frames = {}
        for name, table in tables.items():
            sizes = table.sum(axis=1, keepdims=True)
            shares = np.divide(table, sizes, out=np.full(shape, np.nan), where=sizes > 0)
            frames[name] = pd.DataFrame(shares, index=index, columns=list(classes))
        self.label_shares_ = pd.concat(frames, names=["rows"])


@dataclass(frozen=True, eq=False)
class DiscreteValues:
    """Combinations of values of some columns of a table, and rows that show each of them."""

    positions: list[int]
    names: list[Any]
    levels: list[dict[Any, int]]
    combinations: NDArray[np.integer]
    codes: NDArray[np.integer]
    examples: Any

    @classmethod
    def read(cls, X: Any, positions: list[int]) -> DiscreteValues:
        """Read the combinations that there are; missing values are values."""
        X = _indexable(X)
        pairs = [select_column(X, j) for j in positions]
        found = [factorize(values) for _, values in pairs]
        matrix = np.column_stack([codes for codes, _ in found])
        combinations, first, codes = np.unique(
            matrix, axis=0, return_index=True, return_inverse=True
        )
        levels = [{value: i for i, value in enumerate(uniques)} for _, uniques in found]
        names = [name for name, _ in pairs]
        examples = take_rows(take_columns(X, positions), first)
        return cls(positions, names, levels, combinations, codes.ravel(), examples)

    @property
    def n_values(self) -> int:
        """Number of combinations."""
        return len(self.combinations)

    def states(self, classes: tuple[Hashable, ...]) -> pd.DataFrame:
        """Every combination with every label, as a frame."""
        if LABEL in self.names:
            raise ValueError(f"a column is named {LABEL!r}, as the label is here: rename it")
        columns: dict[Any, Any] = {}
        for name, level, codes in zip(self.names, self.levels, self.combinations.T, strict=True):
            values = pd.Series([*level, None], dtype=object)  # the last one is for missing values
            columns[name] = values.iloc[codes].repeat(len(classes)).to_numpy()
        columns[LABEL] = np.tile(np.array(classes, dtype=object), self.n_values)
        return pd.DataFrame(columns).infer_objects()

    def encode(self, X: Any) -> NDArray[np.intp]:
        """Find the combination of each row of another table, -1 where it is not among them."""
        X = _indexable(X)
        place = {tuple(row): i for i, row in enumerate(self.combinations.tolist())}
        columns = []
        for j, level in zip(self.positions, self.levels, strict=True):
            codes, uniques = factorize(select_column(X, j)[1])
            lookup = np.array([*(level.get(value, -2) for value in uniques), -1])
            columns.append(lookup[codes])
        rows, inverse = np.unique(np.column_stack(columns), axis=0, return_inverse=True)
        known = np.array([place.get(tuple(row), -1) for row in rows.tolist()], dtype=np.intp)
        return known[inverse.ravel()]

    def write(self, X: Any, rows: NDArray[np.intp], values: NDArray[np.integer]) -> Any:
        """Return X with some rows' columns replaced by combinations of values."""
        if isinstance(X, pd.DataFrame):
            out = X.copy()
            for i, j in enumerate(self.positions):
                column = X.iloc[:, j].array.copy()
                column[rows] = self.examples.iloc[:, i].array[values]
                out.isetitem(j, column)
            return out
        if is_frame(X):
            frame = nw.from_native(X, eager_only=True)
            known = nw.from_native(self.examples, eager_only=True)
            series = [
                frame[:, j].scatter(rows.tolist(), known[:, i][values.tolist()])
                for i, j in enumerate(self.positions)
            ]
            return frame.with_columns(*series).to_native()
        if isinstance(X, list | tuple):
            out = [list(row) for row in X]
            for i, value in zip(rows, values, strict=True):
                for j, new in zip(self.positions, self.examples[value], strict=True):
                    out[i][j] = new
            return out
        if sparse.issparse(X):
            changed = X.tolil(copy=True)
            for i, j in enumerate(self.positions):
                changed[rows[:, None], j] = self.examples[values][:, [i]].toarray()
            return changed.asformat(X.format)
        array = np.array(X)
        array[np.ix_(rows, np.array(self.positions))] = self.examples[values]
        return array


def _indexable(X: Any) -> Any:
    """Sparse matrices of any format, and what converts to an array, so that rows can be taken."""
    if sparse.issparse(X):
        return X.tocsr()
    return X if is_frame(X) or isinstance(X, list | tuple) else np.asarray(X)


def _rounded_up(value: float) -> str:
    """Four digits, never less than the value.

    Examples
    --------
    >>> _rounded_up(0.123412)
    '0.1235'
    """
    if not value > 0:
        return f"{value:.4g}"
    step = 10.0 ** (np.floor(np.log10(value)) - 3)
    return f"{np.ceil(value / step - 1e-9) * step + 1e-12:.4g}"


def _shares(
    groups: NDArray[np.integer],
    states: NDArray[np.integer],
    shape: tuple[int, int],
    weights: NDArray[np.float64] | None,
) -> NDArray[np.float64]:
    check_any_weight(weights)
    sums = count_cells([groups, states], shape, weights)[0].astype(float)
    return sums / sums.sum()
