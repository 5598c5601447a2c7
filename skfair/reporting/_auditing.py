"""From rows, predicted or still to predict, to what a report is made of."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from skfair._utils.columns import column_positions, is_frame, n_rows, select_column, take_columns
from skfair._utils.text import listed
from skfair._utils.validation import (
    as_column,
    check_any_weight,
    check_same_length,
    check_weights,
    encode_labels,
    finite_column,
    positive_class,
)
from skfair.base import read_either, wants
from skfair.groups import Bins, Groups, Missing
from skfair.reporting._inputs import Audited, Floats, Rows
from skfair.tally import Tally


def take_named(X: Any, values: Sequence[Any]) -> tuple[list[Any], Any]:
    """Look up the values that name columns of X, and leave these columns out of X.

    Parameters
    ----------
    X : data frame or matrix or None
    values : sequence
        A str names a column; all else stays as it is.

    Returns
    -------
    values : list
    X : data frame or matrix or None
        None where no column is left.

    Raises
    ------
    ValueError
        If X has no such column, or there is no data frame.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"age": [20, 30], "hired": [0, 1]})
    >>> (hired, guessed), rest = take_named(table, ["hired", [1, 1]])
    >>> hired.tolist(), guessed, list(rest)
    ([0, 1], [1, 1], ['age'])
    """
    names = list(dict.fromkeys(value for value in values if isinstance(value, str)))
    if not names:
        return list(values), X
    if not is_frame(X):
        raise ValueError(
            f"{listed(names)} would be names of columns: give X, a data frame, or the values"
        )
    columns = {name: select_column(X, name)[1] for name in names}
    taken = set(column_positions(X, names))
    kept = [place for place in column_positions(X) if place not in taken]
    found = [columns[value] if isinstance(value, str) else value for value in values]
    return found, take_columns(X, kept) if kept else None


def read_report_groups(X: Any, sensitive_features: Any, missing: Missing) -> Groups:
    """Read groups that are given by value, or as columns of X where there is X.

    Raises
    ------
    ValueError
        If they are missing, or named without X.
    """
    if sensitive_features is None:
        raise ValueError("sensitive_features is needed: give a value for each row")
    if X is not None:
        return read_either(X, sensitive_features, missing=missing, owner="FairnessReport")[0]
    if isinstance(sensitive_features, str | Bins) or callable(sensitive_features):
        raise ValueError(
            f"sensitive_features={sensitive_features!r} names a column: give X, or the values"
        )
    return Groups.read(sensitive_features, missing=missing)


def audit_predictions(
    y_true: Any,
    y_pred: Any,
    groups: Groups,
    *,
    y_score: Any = None,
    X: Any = None,
    estimator: Any = None,
    sample_weight: Any = None,
    pos_label: Any = None,
) -> Audited:
    """Count predictions; parameters as in :meth:`FairnessReport.from_predictions`."""
    true, pred = as_column(y_true, "y_true"), as_column(y_pred, "y_pred")
    (true_codes, pred_codes), classes = encode_labels(("y_true", true), ("y_pred", pred))
    place = positive_class(classes, pos_label)
    score = None if y_score is None else _positive_scores(y_score, classes, place)
    check_same_length(
        y_true=true, y_pred=pred, sensitive_features=groups.codes, y_score=score, X=_range(X)
    )
    weights = check_weights(sample_weight, len(true))
    check_any_weight(weights)
    positive, selected = (_is_class(codes, place) for codes in (true_codes, pred_codes))
    wrong = true_codes != pred_codes
    rows = Rows(groups, true, pred, positive, selected, wrong, weights, score, X, estimator)
    tally = Tally.from_arrays(true, pred, groups, sample_weight=weights)
    return Audited(tally, pos_label, rows=rows)


def _is_class(codes: NDArray[np.integer], place: int | None) -> NDArray[np.bool_]:
    return np.zeros(len(codes), dtype=bool) if place is None else codes == place


def audit_estimator(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    sensitive_features: Any,
    missing: Missing = "group",
    with_scores: bool = True,
    **options: Any,
) -> Audited:
    """Predict and count; parameters as in :class:`FairnessReport`."""
    if not hasattr(estimator, "predict"):
        raise TypeError(
            f"FairnessReport needs a fitted classifier, got {type(estimator).__name__}: "
            "predictions go to FairnessReport.from_predictions, and a tally to "
            "FairnessReport.from_tally"
        )
    check_is_fitted(estimator)
    if sensitive_features is None:
        raise ValueError(
            "sensitive_features is needed: names of columns of X, or a value for each row"
        )
    groups, values = read_either(X, sensitive_features, missing=missing, owner="FairnessReport")
    score = _scores(estimator, X, values, options.get("pos_label")) if with_scores else None
    y_pred = _call(estimator, "predict", X, values)
    return audit_predictions(y, y_pred, groups, y_score=score, X=X, estimator=estimator, **options)


def _range(X: Any) -> range | None:
    return None if X is None else range(n_rows(X))


def _positive_scores(y_score: Any, classes: Sequence[Hashable], place: int | None) -> Floats:
    """Scores of the positive class; of a matrix of probabilities its column."""
    shape: tuple[int, ...] = getattr(y_score, "shape", ())
    if len(shape) == 2 and shape[1] > 1:
        if place is None or shape[1] != len(classes):
            raise ValueError(
                f"y_score has {shape[1]} columns, and the labels have {len(classes)} classes: give "
                "the scores of the positive class"
            )
        return finite_column(np.asarray(y_score)[:, place], "y_score")
    return finite_column(y_score, "y_score")


def _call(estimator: Any, method: str, X: Any, values: Any) -> Any:
    if values is not None and wants(estimator, method):
        return getattr(estimator, method)(X, sensitive_features=values)
    return getattr(estimator, method)(X)


def _scores(estimator: Any, X: Any, values: Any, pos_label: Any) -> Floats | None:
    """Scores of the positive class, where the model has any."""
    known = np.asarray(getattr(estimator, "classes_", [])).tolist()
    if not known:
        return None
    place = positive_class(known, pos_label)
    if place is None:
        return None
    if hasattr(estimator, "predict_proba"):
        proba = np.asarray(_call(estimator, "predict_proba", X, values), dtype=np.float64)
        return proba[:, place] if proba.shape[1] == len(known) else None
    if hasattr(estimator, "decision_function") and len(known) == 2:
        found = np.asarray(_call(estimator, "decision_function", X, values), dtype=np.float64)
        return found if place == 1 else -found
    return None
