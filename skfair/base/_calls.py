"""What functions are called with: groups as values or as columns, and estimators."""

from __future__ import annotations

from typing import Any

from skfair._utils.columns import n_rows
from skfair.base._protocol import read_groups
from skfair.groups import Bins, ColumnSpec, Groups, Missing


def read_either(
    X: Any, sensitive_features: Any, *, missing: Missing = "group", owner: str
) -> tuple[Groups, Any]:
    """Read groups of a function's call: values, or the columns of X that hold them.

    Parameters
    ----------
    X : data frame or array-like of shape (n, ...)
    sensitive_features : array-like of shape (n,) or (n, k), or columns of X
        A str, int, Bins, a list of them that isn't as long as X, or a callable names columns.
    missing : {"group", "raise"}, default="group"
    owner : str
        Name of the function, for messages.

    Returns
    -------
    groups : Groups
    values : array-like or None
        What they were read from; None where they are columns of X.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"age": [20, 30, 40], "sex": ["f", "m", "f"]})
    >>> read_either(table, "sex", owner="f")[0].labels, read_either(table, [1, 1, 2], owner="f")[1]
    (('f', 'm'), [1, 1, 2])
    """
    names: ColumnSpec | None = None
    if isinstance(sensitive_features, str | int | Bins) or callable(sensitive_features):
        names = sensitive_features
    elif isinstance(sensitive_features, list) and len(sensitive_features) != n_rows(X):
        several = all(isinstance(name, str | int | Bins) for name in sensitive_features)
        names = sensitive_features if several else None
    values = sensitive_features if names is None else None
    return read_groups(X, values, columns=names, missing=missing, owner=owner), values


def check_is_estimator(estimator: Any, owner: str) -> None:
    """Check that something can be cloned and fitted as scikit-learn's estimators are.

    Raises
    ------
    TypeError
        If it can't: a class, or a bare torch module.

    Examples
    --------
    >>> check_is_estimator(object(), "diagnose_fit")
    Traceback (most recent call last):
        ...
    TypeError: diagnose_fit needs an estimator with fit and get_params, got object
    """
    if isinstance(estimator, type):
        raise TypeError(
            f"{owner} needs an estimator, got the class {estimator.__name__}: give an instance, "
            f"{estimator.__name__}()"
        )
    if hasattr(estimator, "fit") and hasattr(estimator, "get_params"):
        return
    said = f"{owner} needs an estimator with fit and get_params, got {type(estimator).__name__}"
    if hasattr(estimator, "state_dict"):  # of torch, which needn't be there
        said += (
            ": a torch module can be wrapped in skorch's NeuralNetClassifier, or in "
            "skfair.inprocessing.FairNetClassifier(module=..., strength=0)"
        )
    raise TypeError(said)
