"""Labels of two classes, for mitigators that decide between them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.multiclass import check_classification_targets

from skfair._utils.validation import (
    as_column,
    check_any_weight,
    check_weights,
    encode_labels,
    positive_class,
)


class TwoClasses(NamedTuple):
    """Labels of two classes.

    Parameters
    ----------
    is_positive : ndarray of bool of shape (n,)
    classes : ndarray of shape (2,)
        The negative and the positive class, of the labels' own type.
    weights : ndarray of float of shape (n,)
        Ones, where no weights were given.
    """

    is_positive: NDArray[np.bool_]
    classes: NDArray[Any]
    weights: NDArray[np.float64]


def read_two_classes(
    y: Any, pos_label: Any, sample_weight: Any, *, owner: str, needs_positive: bool = True
) -> TwoClasses:
    """Read labels of two classes and weights.

    Parameters
    ----------
    y : array-like of shape (n,)
    pos_label : label or None
        The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans.
    sample_weight : array-like of shape (n,) or None
    owner : str
        Name of the object that asks, for messages.
    needs_positive : bool, default=True
        False: where no positive class is named, it is the last one.

    Returns
    -------
    TwoClasses

    Raises
    ------
    ValueError
        If there aren't two classes with weight, or the positive one isn't known.

    Examples
    --------
    >>> found = read_two_classes(["no", "yes"], "no", None, owner="this example")
    >>> found.is_positive.tolist(), found.classes.tolist()
    ([True, False], ['yes', 'no'])
    """
    (codes,), classes = encode_labels(("y", y))
    check_classification_targets(y)
    weights = check_weights(sample_weight, len(codes))
    if len(classes) > 2:
        raise ValueError(
            f"{owner} is for two classes, and y has {len(classes)}: {list(classes[:10])}. Only "
            "binary classification is supported; wrap it in sklearn.multiclass.OneVsRestClassifier"
        )
    check_any_weight(weights)
    if not (np.bincount(codes, weights, minlength=2) > 0).all():
        raise ValueError(f"{owner} needs rows of both classes, and y has one class only")
    named = needs_positive or pos_label is not None
    place = positive_class(classes, pos_label) or 0 if named else 1
    known = np.array(classes, dtype=np.asarray(as_column(y, "y")).dtype)
    return TwoClasses(
        codes == place,
        known[[1 - place, place]],
        np.ones(len(codes)) if weights is None else weights,
    )
