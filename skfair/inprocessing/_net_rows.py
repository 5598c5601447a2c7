"""Rows that a network trains on, and their labels."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split
from sklearn.utils import (
    assert_all_finite,
    check_array,
    check_consistent_length,
    column_or_1d,
)
from sklearn.utils.multiclass import check_classification_targets

from skfair._utils.encoding import sort_labels
from skfair._utils.text import listed
from skfair._utils.validation import encode_labels

Floats = NDArray[np.floating]


class NetRows(NamedTuple):
    """Rows to train on: features, the code of the class or a number, code of the group, weight."""

    X: Floats
    y: NDArray[Any]
    codes: NDArray[np.int64]
    weights: Floats

    def take(self, rows: NDArray[np.integer]) -> NetRows:
        """Give some of the rows."""
        return NetRows(*(part[rows] for part in self))

    def cell_sums(self, n_groups: int, n_classes: int, power: int = 1) -> Floats:
        """Sum weights, or a power of them, by group and class."""
        cells = self.codes * n_classes + self.y
        powers = (self.weights**power).astype(np.float64)
        sums: NDArray[Any] = np.bincount(cells, powers, n_groups * n_classes)
        return sums.reshape(n_groups, n_classes)


def one_row_a_cell(n_groups: int, n_classes: int, shape: tuple[int, ...]) -> NetRows:
    """Make a row of zeros for each cell of group and class, to stand for rows that are not at hand.

    Examples
    --------
    >>> one_row_a_cell(2, 2, (3,)).cell_sums(2, 2)
    array([[1., 1.],
           [1., 1.]])
    """
    codes, y = np.divmod(np.arange(n_groups * n_classes), n_classes)
    return NetRows(np.zeros((len(y), *shape)), y, codes, np.ones(len(y)))


def hold_out(rows: NetRows, fraction: float, seed: int) -> tuple[NetRows, NetRows]:
    """Part validation rows from the others, each cell of group and class at its share if it can be.

    Where the target is a number, cells are groups.

    Parameters
    ----------
    rows : NetRows
    fraction : float
        Share of the rows to hold out, which is rounded up to whole rows.
    seed : int

    Returns
    -------
    train, held : NetRows

    Examples
    --------
    >>> n, y = np.arange(8), np.repeat([0, 1], 4)
    >>> train, held = hold_out(NetRows(n[:, None] / 1, y, 0 * y, n / 1), 0.5, seed=0)
    >>> train.y.tolist(), held.y.tolist()
    ([0, 0, 1, 1], [0, 0, 1, 1])
    """
    cells = rows.codes
    if rows.y.dtype.kind == "i":
        cells = rows.codes * (rows.y.max() + 1) + rows.y
    _, cells, counts = np.unique(cells, return_inverse=True, return_counts=True)
    n_held = int(np.ceil(fraction * len(cells)))
    evenly = counts.min() > 1 and len(counts) <= min(n_held, len(cells) - n_held)
    parts = train_test_split(
        np.arange(len(cells)),
        test_size=n_held,
        stratify=cells if evenly else None,
        random_state=seed,
    )
    train, held = (rows.take(np.sort(part)) for part in parts)
    return train, held


def read_labels(y: Any, X: Any) -> NDArray[Any]:
    """Read labels of classes, one for each row of X.

    Raises
    ------
    ValueError
        In scikit-learn's words, if they are missing, infinite, numbers on a scale or too few.
    """
    if y is None:
        encode_labels(("y", y))
    labels = column_or_1d(y, warn=True)
    check_consistent_length(X, labels)
    assert_all_finite(labels, input_name="y")
    check_classification_targets(labels)
    return labels


def read_numbers(y: Any, X: Any) -> NDArray[np.float64]:
    """Read a target of finite numbers, one for each row of X.

    Raises
    ------
    ValueError
        In scikit-learn's words, if they are missing, infinite, no numbers or too few.
    """
    if y is None:
        encode_labels(("y", y))
    numbers = check_array(column_or_1d(y, warn=True), ensure_2d=False, dtype=np.float64)
    check_consistent_length(X, numbers)
    return numbers


def known_classes(labels: Any) -> NDArray[Any]:
    """Sort the classes among labels.

    Raises
    ------
    ValueError
        If there is one class only.

    Examples
    --------
    >>> known_classes(["reject", "hire", "hire"]).tolist()
    ['hire', 'reject']
    """
    known = np.asarray(labels)
    _, found = encode_labels(("y", known))
    if len(found) == 1:
        raise ValueError(
            "This solver needs samples of at least 2 classes in the data, but the data contains "
            f"only one class: {found[0]!r}"
        )
    return np.array(sort_labels(found), dtype=known.dtype)


def code_labels(labels: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.int64]:
    """Positions of labels in the classes.

    Raises
    ------
    ValueError
        If a label isn't among the classes; the message names it.

    Examples
    --------
    >>> code_labels(np.array(["b", "a", "b"]), np.array(["a", "b", "c"]))
    array([1, 0, 1])
    """
    (codes,), found = encode_labels(("y", labels))
    place = {label: i for i, label in enumerate(classes.tolist())}
    unseen = [label for label in found if label not in place]
    if unseen:
        raise ValueError(
            f"y has the classes {listed(unseen)}, unseen at the first fit; classes seen: "
            f"{listed(place)} (partial_fit takes all of them as classes=)"
        )
    return np.array([place[label] for label in found], dtype=np.int64)[codes]
