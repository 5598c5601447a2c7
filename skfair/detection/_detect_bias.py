"""detect_bias: what a BiasDetector finds, from group-bys where the rows are."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.multiclass import check_classification_targets

from skfair._utils.validation import check_count, check_share, encode_labels
from skfair.detection._counted import check_thresholds, classes_to_test, judge
from skfair.detection._counting import Column, Counted, LabelCounter, levels_of
from skfair.detection._features import tell_left_out
from skfair.detection._proxies import (
    deal,
    held_out_auc,
    normalized_mutual_information,
    ranked_proxies,
)
from skfair.detection._report import tally_report
from skfair.detection._strata import MAX_STRATA
from skfair.groups import MAX_NUMERIC_GROUPS, Bins, Missing
from skfair.tally import column_kinds, count_values


@dataclass(frozen=True, eq=False)
class BiasReport:
    """What :func:`detect_bias` finds; the tables of a fitted :class:`BiasDetector`.

    Parameters
    ----------
    values : DataFrame
        A row a feature and value: its ``report_``.
    features : DataFrame
        A row a feature, detected ones first: its ``features_``.
    groups : DataFrame or None
        Pre-training metrics of each sensitive feature and their intersection: its ``groups_``.
    proxies : DataFrame or None
        Features by how well they tell the groups apart: its ``proxies_``.
    positive_rate : float or None
        Of all rows; None where several classes are tested.
    classes : ndarray
        Labels.
    """

    values: pd.DataFrame
    features: pd.DataFrame
    groups: pd.DataFrame | None
    proxies: pd.DataFrame | None
    positive_rate: float | None
    classes: NDArray[Any]

    @property
    def biased_features(self) -> list[str]:
        """The detected features, strongest first."""
        return list(self.features.loc[self.features["is_detected"], "feature"])

    @property
    def weights(self) -> pd.Series:
        """Weight of each feature."""
        return pd.Series(self.features["weight"].to_numpy(), index=list(self.features["feature"]))


def detect_bias(
    source: Any,
    *,
    target: str,
    candidates: Column | Sequence[Column] | None = None,
    sensitive_features: Column | Sequence[Column] | None = None,
    control_features: str | Sequence[str] | None = None,
    sample_weight: str | None = None,
    alpha: float = 0.05,
    tolerance: float = 0.05,
    kl_threshold: float = 0.005,
    n_bins: int = 10,
    n_strata: int = 20,
    pos_label: Any = None,
    missing: Missing = "group",
    random_state: Any = 0,
) -> BiasReport:
    """Find the features, and values of them, whose rows have other labels than the rest.

    What :meth:`BiasDetector.fit` does with rows in memory, done with counts: a few group-bys a
    column, by whatever engine holds the rows, and all statistics from these. The results are the
    same but for the AUC of proxies, whose rows are dealt to folds by other draws, and the bins of
    numbers with more than about a million distinct values.

    Parameters
    ----------
    source : frame, relation, path or list of paths
        As in :meth:`skfair.tally.Tally.from_frame`.
    target : str
        Column of labels.
    candidates : str, Bins or sequence of them, default=None
        Columns to search; all by default. Numbers are cut at their quantiles; of those with more
        than about a million distinct values, near their quantiles. ``Bins`` cut where they say.
    sensitive_features : str, Bins or sequence of them, default=None
        Columns whose groups are reported, with the proxies of them. Not needed.
    control_features : str or sequence of str, default=None
        Columns that may legitimately matter; they are not searched, and rows are compared within
        each combination of their values. Of many combinations :class:`BiasDetector` makes strata,
        which needs rows.
    sample_weight : str, default=None
        Column of sampling weights. Rows of weight 0 are left out.
    alpha, tolerance, kl_threshold : float, default=0.05, 0.05, 0.005
        As of :class:`BiasDetector`.
    n_bins : int, default=10
        Most bins of a numeric column, 2 to 30.
    n_strata : int, default=20
        Most combinations of values of control features, 2 to 50.
    pos_label : label, default=None
        The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans. Without it, of
        more than two classes each is tested against the rest.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.
    random_state : int, RandomState, Generator or None, default=0
        Deals the rows to the folds of the proxies.

    Returns
    -------
    BiasReport

    Raises
    ------
    ValueError
        If a column isn't there, the label has one class, is continuous, or needs ``pos_label``, or
        control features have too many combinations.

    Warns
    -----
    UserWarning
        If a column is left out because its values are no groups (a text or a date a row, or more
        than about a million values that aren't numbers).

    Examples
    --------
    >>> from skfair.datasets import load_german
    >>> bunch = load_german()
    >>> frame = bunch.data.assign(credit=bunch.target)
    >>> found = detect_bias(frame, target="credit", candidates=["age", "job"], pos_label="good")
    >>> found.biased_features
    ['age']
    """
    check_share("alpha", alpha, ends=False)
    check_thresholds(tolerance=tolerance, kl_threshold=kl_threshold)
    check_count("n_bins", n_bins, least=2, most=MAX_NUMERIC_GROUPS)
    check_count("n_strata", n_strata, least=2, most=MAX_STRATA)
    kinds = column_kinds(source)
    counter, tested, rate = _read_labels(source, target, sample_weight, pos_label)
    held = _as_list(control_features)
    beside = {target, *([] if sample_weight is None else [sample_weight])}
    places = {name: i for i, name in enumerate(name for name in kinds if name not in beside)}
    searched = _searched(candidates, held, places)
    _check_known([*searched, *held, *_as_list(sensitive_features)], places)
    control = _read_control(counter, held, kinds, n_bins, n_strata, len(tested))
    columns = _read_columns(counter, searched, kinds, n_bins)
    counted = [counter.count(column, places[column.name], control) for column in columns]
    classes = np.array(counter.classes)
    values, features = judge(
        counted, classes, tested, alpha=alpha, tolerance=tolerance, kl_threshold=kl_threshold
    )
    groups = proxies = None
    if sensitive_features is not None:
        by = _as_list(sensitive_features)
        alone = [counter.tally(column, missing) for column in by]
        tallies = alone if len(by) == 1 else [*alone, counter.tally(by, missing)]
        groups = tally_report(tallies, pos_label, len(classes) == 2 or pos_label is not None)
        own = {_name(column) for column in by}
        others = [column for column in columns if column.name not in own]
        axes = [tally.labels for tally in alone]
        proxies = _rank_proxies(counter, others, by, axes, random_state)
    return BiasReport(values, features, groups, proxies, rate, classes)


def _read_labels(
    source: Any, target: str, sample_weight: str | None, pos_label: Any
) -> tuple[LabelCounter, list[int], float | None]:
    """Counter of the labels, positions of the classes to test, and the positive rate of one."""
    labels, _, weight = count_values(source, target, sample_weight=sample_weight)
    if not len(weight):
        raise ValueError("Sample weights must contain at least one non-zero number.")
    (codes,), classes = encode_labels((target, labels))
    with warnings.catch_warnings():  # each label is here once
        warnings.filterwarnings("ignore", "The number of unique classes is greater")
        check_classification_targets(labels)
    tested = classes_to_test(classes, pos_label)
    rate = None
    if len(tested) == 1:
        rate = float(np.average(codes == tested[0], weights=weight))
    return LabelCounter(source, target, sample_weight, classes), tested, rate


def _searched(candidates: Any, control: list[Column], places: dict[str, int]) -> list[Column]:
    if candidates is None:
        return [name for name in places if name not in control]
    searched = _as_list(candidates)
    both = sorted({_name(column) for column in searched} & {_name(c) for c in control})
    if both:
        raise ValueError(f"columns {both} are both candidates and control_features")
    return searched


def _as_list(columns: Any) -> list[Column]:
    if columns is None:
        return []
    return [columns] if isinstance(columns, str | Bins) else list(columns)


def _name(column: Column) -> str:
    return str(column.column) if isinstance(column, Bins) else column


def _check_known(columns: Sequence[Column], places: dict[str, int]) -> None:
    unknown = [column for column in columns if _name(column) not in places]
    if unknown:
        raise ValueError(f"no columns {unknown} beside labels and weights; there are {[*places]}")
    if not columns:
        raise ValueError("no candidates are left to search")


def _read_columns(
    counter: LabelCounter, columns: Sequence[Column], kinds: Any, n_bins: int
) -> list[Counted]:
    found = {_name(c): counter.read(c, kinds[_name(c)], n_bins) for c in columns}
    tell_left_out({name: reason for name, reason in found.items() if isinstance(reason, str)})
    kept = [column for column in found.values() if isinstance(column, Counted)]
    if columns and not kept:
        raise ValueError(f"none of the columns {[*found]} has values that are groups")
    return kept


def _read_control(
    counter: LabelCounter,
    columns: Sequence[Column],
    kinds: Any,
    n_bins: int,
    n_strata: int,
    n_tested: int,
) -> list[Counted]:
    if columns and n_tested > 1:
        raise ValueError("control_features need two classes, or pos_label")
    control = _read_columns(counter, columns, kinds, n_bins)
    n_levels = math.prod(len(column.labels) for column in control)
    if n_levels > n_strata or any(isinstance(column.by, Bins) for column in control):
        raise ValueError(
            f"the control features {[_name(c) for c in columns]} have more combinations of values "
            f"than n_strata={n_strata}, or numbers of more than n_bins={n_bins} values: derive "
            "columns with fewer, or take BiasDetector, which makes strata of rows"
        )
    return control


def _rank_proxies(
    counter: LabelCounter,
    columns: Sequence[Counted],
    sensitive: Sequence[Column],
    axes: Sequence[Sequence[Any]],
    random_state: Any,
) -> pd.DataFrame:
    """Rank columns by how well they tell each sensitive feature, and the intersection."""
    names = [_name(column) for column in sensitive]
    wanted = names if len(names) == 1 else [*names, " x ".join(names)]
    rows = []
    for column in columns:
        crossed = levels_of(counter.tally([column.by, *sensitive]), [column.labels, *axes])
        weight, _, count = (array.sum(axis=-1) for array in crossed)
        for i, name in enumerate(wanted):
            table, of_rows = (_along(array, i, len(names)) for array in (weight, count))
            known = of_rows.sum(axis=0) > 0
            folds = deal(of_rows[:, known].astype(np.int64), table[:, known], 5, random_state)
            auc = held_out_auc(folds, is_ordered=column.is_ordered)
            rows.append((name, column.name, normalized_mutual_information(table), auc))
    order = {name: i for i, name in enumerate(wanted)}
    rows.sort(key=lambda row: order[row[0]])
    return ranked_proxies(rows, wanted)


def _along(table: NDArray[np.float64], i: int, n_features: int) -> NDArray[np.float64]:
    """Sum by value and the i-th sensitive feature; past the last, their intersection."""
    if i == n_features:
        return table.reshape(len(table), -1)
    others = tuple(k + 1 for k in range(n_features) if k != i)
    return np.asarray(table.sum(axis=others))
