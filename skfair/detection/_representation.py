"""Representativeness: where training data differ from what a model will see."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest, fisher_exact

from skfair._utils.text import listed
from skfair._utils.validation import merge_sorted
from skfair._utils.warning import warn_undefined_metric
from skfair.criteria import (
    ClassSums,
    critical_value,
    holm,
    never_zero,
    ratio_limits,
    share_limits,
    whole_rows,
)
from skfair.detection._representation_sides import Cells, read_shares, read_side
from skfair.groups import Missing, is_missing_label, labels_index

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RepresentationReport:
    """Shares of groups in training data beside those in a reference, as a table a feature.

    :func:`compare_representation` makes it and says what the columns are.

    Parameters
    ----------
    tables : dict of str to DataFrame
        A table for each sensitive feature and, of several features, one for their intersection,
        under ``"sex x race"``; indexed by group.
    n : int
        Number of rows of the training data.
    n_reference : int or None
        Number of rows of the deployment sample; None where shares were given.
    confidence_level : float
        Level of the intervals and of ``is_under_represented``.
    """

    tables: Mapping[str, pd.DataFrame]
    n: int
    n_reference: int | None
    confidence_level: float

    @property
    def table(self) -> pd.DataFrame:
        """The finest table: of the intersection, or of the only feature."""
        return list(self.tables.values())[-1]

    def to_frame(self) -> pd.DataFrame:
        """All tables in one, with the columns ``feature`` and ``group`` in front."""
        parts = []
        for name, table in self.tables.items():
            part = table.reset_index(drop=True)
            part.insert(0, "group", pd.Series(table.index.tolist(), dtype=object))
            part.insert(0, "feature", name)
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    def __repr__(self) -> str:
        against = "known shares" if self.n_reference is None else f"{self.n_reference} rows"
        level = f"{100 * self.confidence_level:g} % intervals"
        lines = [f"RepresentationReport of {self.n} rows against {against}, {level}"]
        for name, table in self.tables.items():
            low = table.index[table["is_under_represented"]].tolist()
            lines += ["", f"{name}: under-represented {listed(low) if low else 'none'}"]
            lines.append(table.round(3).to_string())
        return "\n".join(lines)


def compare_representation(
    sensitive_features: Any,
    *,
    reference: Any = None,
    shares: Any = None,
    sample_weight: Any = None,
    reference_weight: Any = None,
    confidence_level: float = 0.95,
    missing: Missing = "group",
) -> RepresentationReport:
    r"""Compare the groups' shares in training data with a deployment sample or known shares.

    A group's ratio is its share in the training data over its share in the reference: 0.5 means
    that it has half the rows it should have. With :math:`n_g` of n rows and the reference share
    :math:`r_g`, the ratio becomes 1 once

    .. math:: \frac{r_g n - n_g}{1 - r_g}
        \quad\text{or}\quad
        r_g \max_h \frac{n_h}{r_h} - n_g

    rows are collected: the first where only this group grows, the second where all groups grow
    together by as little as meets all reference shares at once.

    Parameters
    ----------
    sensitive_features : array-like of shape (n,) or (n, k), Series, data frame, dict or Groups
        Groups of the training data.
    reference : array-like of shape (m,) or (m, k), default=None
        Groups of a sample of what the model will see: the same features. Columns with the same
        names may come in another order.
    shares : dict or Series of float, default=None
        Known shares instead of a sample, by label, or by tuple of labels for several features.
        They must sum to 1 within 0.001. Where only the shares of each feature by itself are known,
        give a dict of them by feature: ``{"sex": {"f": 0.5, "m": 0.5}}``.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights of the training data.
    reference_weight : array-like of shape (m,), default=None
        Sampling weights of the deployment sample.
    confidence_level : float, default=0.95
        Level of the intervals; ``is_under_represented`` is tested at 1 minus it.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused. As a group
        they take part of the shares: leave them out on both sides if they shouldn't.

    Returns
    -------
    RepresentationReport
        Its tables have a row for each group that occurs on either side, and the columns

        - ``n``: rows in the training data; ``share``: their weighted share;
        - ``reference_share``: share in the reference;
        - ``ratio``, ``low``, ``high``: share over reference share, with an interval that holds by
          itself: Wilson's of the share over a known share, or that of the ratio of two
          independent proportions (Donner and Zou). Infinite where only the training data have the
          group, and NaN where a group with the known share 0 doesn't occur;
        - ``pvalue``: of the hypothesis that both shares are equal (exact binomial test against
          known shares, Fisher's exact test against a sample). With weights, counts are whole
          rows at the effective size; ``adjusted_pvalue``: by Holm over the groups of the table;
        - ``is_under_represented``: whether the ratio is below 1 and the adjusted p-value below
          ``1 - confidence_level``;
        - ``n_to_collect``, ``n_to_collect_jointly``: the two numbers of rows above, rounded up.
          With weights, a collected row has the mean weight. The first is infinite if the reference
          has this group only. Groups that the reference doesn't have
          can't be brought to the share 0; the second number meets the shares among the others.

    Raises
    ------
    ValueError
        Unless either ``reference`` or ``shares`` is given; if features don't fit together, no
        group occurs on both sides, shares don't sum to 1, or weights are negative or all 0.

    Warns
    -----
    UndefinedMetricWarning
        If a ratio is 0/0; the message names the group.

    References
    ----------
    Donner, A. and Zou, G. Y. (2012). Closed-form confidence intervals for functions of the normal
    mean and standard deviation. Statistical Methods in Medical Research 21(4).
    https://doi.org/10.1177/0962280210383082
    Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal
    of Statistics 6(2). https://www.jstor.org/stable/4615733

    Examples
    --------
    >>> train = pd.Series(["f"] * 20 + ["m"] * 80, name="sex")
    >>> report = compare_representation(train, shares={"f": 0.5, "m": 0.5})
    >>> report.table[["share", "ratio", "low", "high", "is_under_represented"]].round(2)
         share  ratio   low  high  is_under_represented
    sex
    f      0.2    0.4  0.27  0.58                  True
    m      0.8    1.6  1.42  1.73                 False
    >>> report.table[["n_to_collect", "n_to_collect_jointly"]].loc["f"].tolist()
    [60.0, 60.0]
    """
    if (reference is None) == (shares is None):
        raise ValueError("give either reference= (a deployment sample) or shares= (known shares)")
    if shares is not None and reference_weight is not None:
        raise ValueError("reference_weight belongs to a reference sample, and shares= was given")
    train = read_side(sensitive_features, sample_weight, missing, "sample_weight")
    if shares is not None:
        known = read_shares(shares, train)
        tables = {
            name: _table(train.table(name), of, train.levels(name), confidence_level)
            for name, of in known.items()
        }
        return _report(tables, train.n_rows, None, confidence_level)
    other = read_side(reference, reference_weight, missing, "reference_weight")
    other = other.in_order_of(train.names)
    tables = {
        name: _table(train.table(name), other.table(name), train.levels(name), confidence_level)
        for name in train.table_names()
    }
    return _report(tables, train.n_rows, other.n_rows, confidence_level)


def _table(
    train: Cells, reference: Cells | Mapping[Hashable, float], names: tuple[str, ...], level: float
) -> pd.DataFrame:
    if not set(train) & set(reference):
        raise ValueError(
            f"no group of {' x '.join(names)} occurs on both sides: the training data have "
            f"{listed(train)}, the reference {listed(reference)}"
        )
    labels = sorted(merge_sorted([tuple(train), tuple(reference)]), key=is_missing_label)
    critical = critical_value(level)
    sums = _sums(train, labels)
    own = share_limits(sums, critical)
    if isinstance(next(iter(reference.values())), np.ndarray):
        others = _sums(reference, labels)  # type: ignore[arg-type]
        found = share_limits(others, critical)
        (_, low, high), expected, raw = ratio_limits(own, found), found.value, _fisher(sums, others)
    else:
        expected = np.array([float(reference.get(label, 0.0)) for label in labels])
        low, high = _over(own.low, expected), _over(own.high, expected)
        raw = _binomial(sums, expected)
    ratio, p = _over(own.value, expected), _adjust(raw)
    alone, jointly = _to_collect(own.value * sums.rows.sum(), expected)
    columns = {
        "n": sums.rows.astype(np.int64),
        "share": own.value,
        "reference_share": expected,
        "ratio": ratio,
        "low": low,
        "high": high,
        "pvalue": raw,
        "adjusted_pvalue": p,
        "is_under_represented": (ratio < 1) & (p < 1 - level),
        "n_to_collect": alone,
        "n_to_collect_jointly": jointly,
    }
    return pd.DataFrame(columns, index=labels_index(labels, names))


def _sums(cells: Cells, labels: list[Hashable]) -> ClassSums:
    return ClassSums(*np.array([cells.get(label, np.zeros(3)) for label in labels]).T)


def _over(a: Floats, b: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return a / b


def _counts(sums: ClassSums, towards: Floats) -> NDArray[np.int64]:
    """Rows in each cell and outside of it, at the effective size, of shape (n_cells, 2)."""
    shares = sums.shares
    sizes = np.full_like(shares, sums.effective_size)
    return np.stack(whole_rows(shares[None], sizes[None], shares > towards), axis=-1)[0]


def _binomial(sums: ClassSums, expected: Floats) -> Floats:
    pairs = zip(_counts(sums, expected).tolist(), expected.tolist(), strict=True)
    return never_zero(
        np.array([binomtest(k, k + rest, min(r, 1.0)).pvalue for (k, rest), r in pairs])
    )


def _fisher(sums: ClassSums, others: ClassSums) -> Floats:
    pairs = zip(_counts(sums, others.shares), _counts(others, sums.shares), strict=True)
    return never_zero(np.array([fisher_exact([a, b])[1] for a, b in pairs]))


def _adjust(p: Floats) -> Floats:
    """Adjust p-values by Holm; the test of one of two cells is that of the other."""
    return p if len(p) <= 2 else holm(p)


def _to_collect(n: Floats, expected: Floats) -> tuple[Floats, Floats]:
    """Rows that bring one cell to its share, alone and jointly with the others."""
    lacking = expected * n.sum() - n
    with np.errstate(divide="ignore", invalid="ignore"):
        alone = np.where(lacking > 0, lacking / (1 - expected), 0.0)
    known = expected > 0
    total = (n[known] / expected[known]).max()
    jointly = np.where(known, total * expected - n, 0.0)
    alone, jointly = (np.ceil(np.round(rows, 6)) + 0.0 for rows in (alone, jointly))
    return alone, jointly


def _report(
    tables: dict[str, pd.DataFrame], n: int, n_reference: int | None, level: float
) -> RepresentationReport:
    for name, table in tables.items():
        lost = table.index[table["ratio"].isna()].tolist()
        if lost:
            warn_undefined_metric(
                f"ratio is undefined (0/0) and NaN for groups {listed(lost)} of {name}"
            )
    return RepresentationReport(tables, n, n_reference, level)
