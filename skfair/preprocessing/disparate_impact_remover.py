"""DisparateImpactRemover: repair each column, so that groups have one distribution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array

from skfair._utils.arrays import divide
from skfair._utils.columns import column_positions
from skfair._utils.text import listed
from skfair._utils.validation import check_share
from skfair._utils.warning import warn_user
from skfair.base import BaseGroupTransformer, check_same_features, column_names
from skfair.groups import ColumnSpec, Groups, Missing

Matrix = NDArray[np.float64]

_ROUNDING = 1e-12  # of sums of weights
_FEW_ROWS = 30


@dataclass(frozen=True, eq=False)
class SampleDistribution:
    r"""Distribution of a sample: the levels of values, and the quantiles at levels.

    The level of a value v of the sample is its mid-rank, :math:`P(x < v) + P(x = v) / 2`; between
    values of the sample levels are interpolated, beyond them constant. The quantile at level u is
    the smallest value v of the sample with :math:`P(x \le v) \ge u`.

    Parameters
    ----------
    values : ndarray of float of shape (k,)
        Distinct values, increasing.
    levels : ndarray of float of shape (k,)
        Level of each.
    shares : ndarray of float of shape (k,)
        Share of the sample up to each.

    Examples
    --------
    >>> sample = SampleDistribution.of(np.array([1.0, 1.0, 2.0, 4.0]))
    >>> sample.levels
    array([0.25 , 0.625, 0.875])
    >>> sample.level(np.array([1.0, 3.0])), sample.quantile(np.array([0.25, 0.75]))
    (array([0.25, 0.75]), array([1., 2.]))
    """

    values: Matrix
    levels: Matrix
    shares: Matrix

    @classmethod
    def of(cls, values: Matrix, weights: Matrix | None = None) -> SampleDistribution:
        """Read a sample, or a weighted one."""
        distinct, places = np.unique(values, return_inverse=True)
        mass = np.bincount(places, weights=weights)
        total = np.cumsum(mass)
        return cls(distinct, (total - mass / 2) / total[-1], total / total[-1])

    def level(self, values: Matrix) -> Matrix:
        """Level of each value."""
        return np.interp(values, self.values, self.levels)

    def quantile(self, levels: Matrix) -> Matrix:
        """Value at each level."""
        return self.values[np.searchsorted(self.shares[:-1], levels - _ROUNDING)]


def _learn(
    matrix: Matrix, groups: Groups, weights: Matrix | None
) -> list[list[SampleDistribution]]:
    """Distribution of each column (outer list) in each group (inner list)."""
    rows = [np.flatnonzero(groups.codes == code) for code in range(groups.n_groups)]
    of_rows = [None if weights is None else weights[i] for i in rows]
    return [
        [SampleDistribution.of(column[i], w) for i, w in zip(rows, of_rows, strict=True)]
        for column in matrix.T
    ]


def _warn_of_small(groups: Groups, weights: Matrix | None) -> None:
    own = np.ones(len(groups)) if weights is None else weights
    sums, squares = (np.bincount(groups.codes, w, groups.n_groups) for w in (own, own**2))
    rows = divide(sums**2, squares)
    small = [groups.labels[g] for g in np.flatnonzero(rows < _FEW_ROWS)]
    if small:
        warn_user(
            f"groups {listed(small)} have fewer than {_FEW_ROWS} effective rows and count in the "
            'median as much as the others: target="overall" gives them their weight, or merge them'
        )


def _repair(
    matrix: Matrix,
    codes: NDArray[np.integer],
    learnt: list[list[SampleDistribution]],
    overall: list[SampleDistribution] | None,
    level: float,
) -> Matrix:
    """Move each value towards the overall quantile at its level, or the (lower) median one."""
    repaired, middle = matrix.copy(), (len(learnt[0]) - 1) // 2
    for code in np.unique(codes):
        rows = np.flatnonzero(codes == code)
        for j, samples in enumerate(learnt):
            levels = samples[code].level(matrix[rows, j])
            if overall is not None:
                target = overall[j].quantile(levels)
            else:
                quantiles = np.array([sample.quantile(levels) for sample in samples])
                target = np.partition(quantiles, middle, axis=0)[middle]
            repaired[rows, j] = (1 - level) * matrix[rows, j] + level * target
    return repaired


def repair_disparate_impact(
    X: Any,
    sensitive_features: Any,
    sample_weight: Any = None,
    *,
    repair_level: float = 1.0,
    target: Literal["median", "overall"] = "median",
    missing: Missing = "group",
) -> Matrix:
    r"""Move each column of X towards the median of its distributions over groups.

    Of two groups the median is the lower one; small groups count as much as large ones.

    A value x of group g becomes

    .. math:: (1 - \lambda)\, x + \lambda\, \mathrm{median}_h\, F_h^{-1}(F_g(x))

    so that its rank in its group stays. The distribution functions are those of
    :class:`DisparateImpactRemover`.

    Parameters
    ----------
    X : array-like of shape (n, n_features)
        Numbers, without the sensitive columns.
    sensitive_features : array-like of shape (n,) or (n, k), or Groups
        Several features make intersectional groups.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights, for the distribution functions.
    repair_level : float, default=1.0
        :math:`\lambda`, 0 to 1.
    target : {"median", "overall"}, default="median"
        The median over groups, or the distribution of all rows.
    missing : {"group", "raise"}, default="group"
        What happens to rows without a sensitive value.

    Returns
    -------
    X : ndarray of float of shape (n, n_features)

    Raises
    ------
    ValueError
        If lengths differ, X has missing values, or a group has no weight.

    Warns
    -----
    UserWarning
        If ``target="median"`` and a group has fewer than 30 effective rows.

    References
    ----------
    Feldman, M., Friedler, S. A., Moeller, J., Scheidegger, C. and Venkatasubramanian, S. (2015).
    Certifying and removing disparate impact. KDD 2015. https://doi.org/10.1145/2783258.2783311

    Examples
    --------
    >>> X, groups = [[1.0], [9.0], [5.0], [6.0]] * 15, ["f", "f", "m", "m"] * 15
    >>> repair_disparate_impact(X, groups)[:4].ravel()
    array([1., 6., 1., 6.])
    >>> repair_disparate_impact(X, groups, target="overall")[:4].ravel()
    array([1., 6., 1., 6.])
    """
    matrix = check_array(X, dtype=np.float64)
    remover = DisparateImpactRemover(repair_level=repair_level, target=target, missing=missing)
    given = {"sensitive_features": sensitive_features}
    return np.asarray(
        remover.fit(matrix, sample_weight=sample_weight, **given).transform(matrix, **given)
    )


class DisparateImpactRemover(BaseGroupTransformer):
    r"""Move each column towards the median of its distributions over groups.

    Of two groups the median is the lower one. Groups count alike in it, whatever their size, so
    that one person of a third group can decide what hundreds get: where a group is small,
    ``target="overall"`` moves all to the distribution of all rows instead. A value x of group g
    becomes

    .. math:: (1 - \lambda)\, x + \lambda\, F_A^{-1}(F_g(x)), \quad
        F_A^{-1}(u) = \mathrm{median}_h\, F_h^{-1}(u)

    (the geometric repair of the paper). The order of the rows of a group stays. With
    ``repair_level=1``, groups of equal size have one distribution, as far as ties allow. Groups of
    other sizes have nearly one: each has its own levels, and so takes its own values of the target,
    from which a flexible model can read the group of training rows. How columns go together may
    still tell, too.

    The distribution functions :math:`F_g` are learnt at fit, by mid-ranks (see Notes), so that new
    rows can be transformed. Predictions of a model behind it depend on the group:
    ``uses_group_at_predict`` is True.

    Parameters
    ----------
    sensitive_features : str, int, Bins, list of them, or callable, default=None
        Columns of X, or a callable of X; None: pass ``sensitive_features=`` to fit and transform.
        Several features make intersectional groups.
    repair_level : float, default=1.0
        :math:`\lambda`: 0 leaves X as it is, 1 is full repair.
    target : {"median", "overall"}, default="median"
        What groups move to: the paper's median over groups, or the distribution of all rows, in
        which a small group has little weight.
    columns : str, int or sequence of them, default=None
        Columns to repair, which are numeric; others pass unchanged. None: all that
        ``sensitive_features`` doesn't name.
    drop_sensitive : bool, default=True
        Whether the columns that ``sensitive_features`` names leave the output: a model that sees
        the group needs no traces of it. They pass unchanged otherwise, as in AIF360.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form a group of their own, or are refused.

    Attributes
    ----------
    groups_ : tuple
        Labels of the groups.
    distributions_ : dict
        For each repaired column, the distribution in each group (dict of ``SampleDistribution``).
    n_features_in_, feature_names_in_
        As of other transformers.
    uses_group_at_predict : bool
        True: ``transform`` reads the group, so that predictions behind it depend on it beyond the
        other columns. Different rules by group can be unlawful.

    Raises
    ------
    ValueError
        If a column to repair is not numeric or has missing values, or if a group at transform was
        unseen at fit; the message names them.

    Warns
    -----
    UserWarning
        If ``target="median"`` and a group has fewer than 30 effective rows; it names the groups.

    Notes
    -----
    *Values.* The level of a value v of a group is its mid-rank, :math:`P(x < v) + P(x = v) / 2`,
    interpolated between values of the group and constant beyond them. The quantile at a level is
    the smallest value that has at least this share of the group up to it. Of an even number of
    groups the median is the lower of the middle two. So full repair gives values that some row
    has: whole numbers stay whole, and a value that most rows of each group have stays.

    *Ties.* Equal values of a group stay equal, so that full repair of a column of few values is
    incomplete: no rule that keeps order can split a tie. **A flexible model may then read the group
    from which values occur in it.** The same holds of partial repair, where the groups' values are
    fractions of their own. Measure the model behind, not the columns.

    *Categories* aren't repaired (the paper's combinatorial repair moves rows between them): name
    the numeric columns by ``columns``, or encode an ordinal one by its order.

    *Groups* count alike in the median, whatever their size, as in the paper. A group of one row has
    that value at every level. Effective rows are Kish's :math:`(\sum s)^2 / \sum s^2`.

    *AIF360* repairs by the package BlackBoxAuditing, which differs: it bins the codes of the groups
    by the width of Freedman and Diaconis, so that with few rows groups fall into one bin and stay
    as they are (two groups of equal size up to 8 rows, three up to 64); it ranks distinct values,
    each of which counts once, however many rows have it; it cuts all groups into as many bins as
    the group with fewest distinct values has, and the values of a bin become one; partial repair
    moves by positions among the values of the column, not by values; and it can't transform new
    rows. The two agree for full repair of groups of equal size without ties, where there are rows
    enough.

    References
    ----------
    Feldman, M., Friedler, S. A., Moeller, J., Scheidegger, C. and Venkatasubramanian, S. (2015).
    Certifying and removing disparate impact. KDD 2015. https://doi.org/10.1145/2783258.2783311

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"sex": list("fffmmm") * 10, "pay": [1, 2, 9, 3, 4, 8] * 10})
    >>> remover = DisparateImpactRemover(sensitive_features="sex").fit(X)
    >>> remover.transform(X)["pay"].tolist()[:6]
    [1.0, 2.0, 8.0, 1.0, 2.0, 8.0]
    >>> remover.transform(pd.DataFrame({"sex": ["f", "m"], "pay": [10, 4.1]}))["pay"].tolist()
    [8.0, 2.0]
    """

    def __init__(
        self,
        *,
        sensitive_features: ColumnSpec | None = None,
        repair_level: float = 1.0,
        target: Literal["median", "overall"] = "median",
        columns: str | int | Sequence[str | int] | None = None,
        drop_sensitive: bool = True,
        missing: Missing = "group",
    ) -> None:
        self.sensitive_features = sensitive_features
        self.repair_level = repair_level
        self.target = target
        self.columns = columns
        self.drop_sensitive = drop_sensitive
        self.missing = missing

    def _check_parameters(self) -> None:
        check_share("repair_level", self.repair_level)
        if self.target not in ("median", "overall"):
            raise ValueError(f'target must be "median" or "overall", got {self.target!r}')

    def _choose_columns(self, X: Any, sensitive: list[int]) -> list[int]:
        if self.columns is None:
            return super()._choose_columns(X, sensitive)
        chosen = sorted(set(column_positions(X, self.columns)))
        both = [name for j, name in enumerate(column_names(X)) if j in {*chosen} & {*sensitive}]
        if both:
            raise ValueError(f"columns {listed(both)} are sensitive: they can't be repaired")
        if not chosen:
            raise ValueError("columns is empty: name at least one column to repair")
        return chosen

    def _fit_matrix(self, matrix: Matrix, sensitive: Groups, weights: Matrix | None) -> None:
        self.groups_, self._features = sensitive.labels, sensitive.names
        self._learnt = _learn(matrix, sensitive, weights)
        self._overall = None
        if self.target == "overall":
            self._overall = [SampleDistribution.of(column, weights) for column in matrix.T]
        else:
            _warn_of_small(sensitive, weights)
        self.distributions_ = {
            name: dict(zip(self.groups_, samples, strict=True))
            for name, samples in zip(self._changed_names(), self._learnt, strict=True)
        }

    def _transform_matrix(self, matrix: Matrix, sensitive: Groups) -> Matrix:
        check_same_features(sensitive.names, self._features)
        codes = sensitive.encode(self.groups_)
        return _repair(matrix, codes, self._learnt, self._overall, self.repair_level)
