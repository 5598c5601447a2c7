"""Sensitive features by one protocol: columns of X, or values that come as metadata."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from sklearn.utils.metadata_routing import (
    MetadataRequest,
    MetadataRouter,
    get_routing_for_object,
)

from skfair._utils.columns import column_positions, n_rows
from skfair.groups import Bins, ColumnSpec, Groups, Missing

_METHODS = (
    "fit",
    "partial_fit",
    "predict",
    "predict_proba",
    "decision_function",
    "score",
    "split",
)


class SensitiveFeaturesMixin:
    """Reads sensitive features from columns of X or from routed metadata.

    The constructor's ``sensitive_features`` names columns of X (name, position, Bins, a list of
    them, or a callable of X). Where it is None, the groups come as metadata: ``fit(X, y,
    sensitive_features=...)``, which is requested by default, so that with
    ``sklearn.set_config(enable_metadata_routing=True)`` pipelines and searches pass them on.
    """

    # scikit-learn reads such class attributes through the MRO, mangled names included.
    __metadata_request__fit = {"sensitive_features": True, "sample_weight": True}  # noqa: RUF012

    sensitive_features: ColumnSpec | None
    missing: Missing

    def _read_groups(self, X: Any, sensitive_features: Any = None) -> Groups:
        """Read the groups of the rows of X.

        Raises
        ------
        ValueError
            If both the constructor and the call name groups, or neither does.
        """
        return read_groups(
            X,
            sensitive_features,
            columns=self.sensitive_features,
            missing=getattr(self, "missing", "group"),
            owner=type(self).__name__,
        )

    def _own_request(self) -> MetadataRequest:
        """Tell what this object asks for; groups are not asked for where they are columns of X."""
        request = deepcopy(self._get_metadata_request())  # type: ignore[attr-defined]
        return withdraw_request(request, from_columns=self.sensitive_features is not None)

    def get_metadata_routing(self) -> MetadataRequest | MetadataRouter:
        """Tell scikit-learn which metadata this object asks for."""
        return self._own_request()


class GroupsAtPredictMixin(SensitiveFeaturesMixin):
    """Reads sensitive features at fit and again at predict."""

    __metadata_request__predict = {"sensitive_features": True}  # noqa: RUF012
    __metadata_request__predict_proba = {"sensitive_features": True}  # noqa: RUF012
    __metadata_request__decision_function = {"sensitive_features": True}  # noqa: RUF012

    uses_group_at_predict = True


class GroupsAtScoreMixin(GroupsAtPredictMixin):
    """Reads sensitive features at fit, at predict and in its own ``score``."""

    # Searches of scikit-learn 1.6 without scoring read the requests of the class alone.
    __metadata_request__score = {"sensitive_features": True, "sample_weight": True}  # noqa: RUF012


class GroupsAtPartialFitMixin(SensitiveFeaturesMixin):
    """Reads sensitive features at fit and at partial_fit."""

    __metadata_request__partial_fit = {"sensitive_features": True, "sample_weight": True}  # noqa: RUF012


class ControlFeaturesMixin(SensitiveFeaturesMixin):
    """Reads control features by the same protocol; without any, all rows are on one level."""

    __metadata_request__fit = {"control_features": True}  # noqa: RUF012

    control_features: ColumnSpec | None

    def _read_levels(self, X: Any, control_features: Any = None) -> Groups:
        """Read the levels of the rows of X.

        Raises
        ------
        ValueError
            If both the constructor and the call name control features.
        """
        if self.control_features is None and control_features is None:
            return Groups.single(n_rows(X))
        if self.control_features is not None and control_features is not None:
            raise ValueError(
                f"{type(self).__name__} got control features twice: columns of X "
                f"({self.control_features!r}) in its constructor and values in the call"
            )
        return read_groups(
            X,
            control_features,
            columns=self.control_features,
            missing=getattr(self, "missing", "group"),
            owner=f"control_features of {type(self).__name__}",
        )

    def _own_request(self) -> MetadataRequest:
        request = super()._own_request()
        if self.control_features is not None:
            request.fit.add_request(param="control_features", alias=False)
        return request


def read_groups(
    X: Any,
    sensitive_features: Any = None,
    *,
    columns: ColumnSpec | None = None,
    missing: Missing = "group",
    owner: str = "sensitive_features",
) -> Groups:
    """Read groups by the protocol: from columns of X, or from values given beside it.

    Parameters
    ----------
    X : data frame or matrix of shape (n, n_features)
    sensitive_features : array-like of shape (n,) or (n, k), default=None
        Values given with the call.
    columns : str, int, Bins, list or callable, default=None
        Columns named in a constructor.
    missing : {"group", "raise"}, default="group"
        What happens to rows without a value.
    owner : str
        Name of the object that asks, for messages.

    Returns
    -------
    Groups

    Raises
    ------
    ValueError
        If both or neither are given, or the number of rows differs.

    Examples
    --------
    >>> read_groups([[1, 2], [3, 4]], ["f", "m"]).labels
    ('f', 'm')
    >>> read_groups([[1, 2], [3, 4]], columns=0).labels
    (1, 3)
    """
    if columns is not None and sensitive_features is not None:
        raise ValueError(
            f"{owner} got sensitive features twice: columns of X ({columns!r}) in its constructor "
            "and values in the call; give one of them"
        )
    if columns is not None:
        return Groups.from_columns(X, columns, missing=missing)
    if sensitive_features is None:
        raise ValueError(
            f'{owner} needs sensitive features: name columns of X (sensitive_features="sex") in '
            "its constructor, or pass sensitive_features= with the call (through a pipeline or a "
            "search: sklearn.set_config(enable_metadata_routing=True); a search hands none on at "
            "predict: what needs them there is called by search.best_estimator_.predict(X, "
            "sensitive_features=...))"
        )
    return Groups.read(sensitive_features, missing=missing).check_length(X)


def sensitive_positions(X: Any, columns: ColumnSpec | None) -> list[int]:
    """Positions in X of the columns that hold the sensitive features, as far as they are named.

    Examples
    --------
    >>> import pandas as pd
    >>> sensitive_positions(pd.DataFrame({"age": [20], "sex": ["f"]}), ["sex", Bins("age", [30])])
    [1, 0]
    """
    if columns is None or (callable(columns) and not isinstance(columns, Bins)):
        return []
    several = not isinstance(columns, str | Bins) and hasattr(columns, "__len__")
    specs: Any = columns if several else [columns]
    return column_positions(X, [c.column if isinstance(c, Bins) else c for c in specs])


def withdraw_request(request: MetadataRequest, *, from_columns: bool) -> MetadataRequest:
    """Withdraw the request for sensitive features where an object reads columns of X.

    Where it doesn't, a request that the user has set (an alias, say) stays.
    """
    if not from_columns:
        return request
    for method in _METHODS:
        of_method = getattr(request, method)
        if "sensitive_features" in of_method.requests:
            of_method.add_request(param="sensitive_features", alias=False)
    return request


def wants(estimator: Any, method: str, param: str = "sensitive_features") -> bool:
    """Tell whether an estimator, or one inside it, asks for metadata in a method.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> wants(LogisticRegression(), "predict")
    False
    """
    try:
        routing = get_routing_for_object(estimator)
    except NotImplementedError:  # some of scikit-learn's meta-estimators route nothing
        return False
    return param in routing.consumes(method, [param])
