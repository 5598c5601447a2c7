"""The base of mitigators that change rows or labels before the estimator is fitted."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.metaestimators import available_if

from skfair._utils.columns import n_rows
from skfair._utils.optional import import_optional
from skfair._utils.validation import check_any_weight, check_weights
from skfair._utils.warning import warn_user
from skfair.base._meta import BaseMetaMitigator
from skfair.base._metadata import take_metadata
from skfair.groups import Groups


class Resampled(NamedTuple):
    """Rows that a mitigator has made.

    ``indices`` tells for each row which row it was, -1 for a synthetic one, or is None where that
    isn't known. ``sample_weight`` is None where the rows weigh alike.
    """

    X: Any
    y: Any
    groups: Groups
    sample_weight: NDArray[np.float64] | None
    indices: NDArray[np.intp] | None


def _is_sampler(self: Any) -> bool:
    if self.estimator is not None:
        raise AttributeError(
            f"{type(self).__name__} around an estimator resamples in fit: fit_resample is for one "
            "without an estimator, in imblearn.pipeline.Pipeline"
        )
    return True


class BaseResamplingMitigator(BaseMetaMitigator):
    """Base of mitigators that change y or rows, which no transformer of scikit-learn may do.

    A subclass overrides ``_resample(X, y, groups, sample_weight)``. With an estimator (or a whole
    Pipeline) the object is a meta-estimator: features, labels, weights, groups and other metadata
    are resampled together in ``fit``, and predictions see rows as they come. Without one it is a
    sampler in imbalanced-learn's sense, for ``imblearn.pipeline.Pipeline``.
    """

    def _resample(
        self, X: Any, y: Any, groups: Groups, sample_weight: NDArray[np.float64] | None
    ) -> Resampled:
        raise NotImplementedError

    def _fit(
        self, X: Any, y: Any, groups: Groups, sample_weight: Any, metadata: dict[str, Any]
    ) -> None:
        if self.estimator is None:
            raise ValueError(
                f"{type(self).__name__} without an estimator is a sampler: call fit_resample, or "
                "put it before the last step of an imblearn.pipeline.Pipeline"
            )
        new = self._run(X, y, groups, sample_weight)
        taken = take_metadata(metadata, groups, new.indices, new.groups)
        self._fit_clone(new.X, new.y, new.sample_weight, taken)
        steps = getattr(self, "preprocessor_", None)
        if steps is not None:
            self.estimator_ = Pipeline([("preprocessor", steps), ("estimator", self.estimator_)])

    @available_if(_is_sampler)
    def fit_resample(
        self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None
    ) -> tuple[Any, Any]:
        """Resample, as a step of ``imblearn.pipeline.Pipeline`` or by itself.

        imblearn's Pipeline goes on with the old metadata: later steps that get sensitive features
        or weights as metadata get those of other rows. Name columns of X there, or wrap the
        estimator instead. Weights reach this step with metadata routing on; with routing off,
        imblearn drops ``step__sample_weight`` without a word.

        Parameters
        ----------
        X : data frame or array-like of shape (n, n_features)
        y : array-like of shape (n,)
            Labels.
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Groups, where the constructor doesn't name columns of X.
        sample_weight : array-like of shape (n,), default=None
            Sampling weights.

        Returns
        -------
        X, y
            The new rows, of the types they came in, but for a ``sampler``, which gives pandas for
            any frame. Drawn rows of pandas have a fresh index. ``sample_indices_`` tells where they
            are from, ``groups_`` their groups, and ``sample_weight_`` their weights, if they
            differ.

        Raises
        ------
        ValueError
            If an imblearn Pipeline would lose the weights, or the preprocessor at predict.

        Warns
        -----
        UserWarning
            If it would go on with metadata of other rows.
        """
        groups = self._read_groups(X, sensitive_features)
        new = self._run(X, y, groups, sample_weight)
        self.groups_, self.sample_weight_ = new.groups, new.sample_weight
        if _is_called_by_pipeline():
            self._check_pipeline(new, n_rows(X), sensitive_features, sample_weight)
        return new.X, new.y

    def _check_pipeline(
        self, new: Resampled, n: int, sensitive_features: Any, sample_weight: Any
    ) -> None:
        """Refuse what an imblearn Pipeline would lose, and warn of what it would misalign."""
        name = type(self).__name__
        weights = new.sample_weight
        if weights is not None and (
            sample_weight is None or not np.array_equal(weights, np.asarray(sample_weight))
        ):
            raise ValueError(
                f"an imblearn Pipeline hands no new weights to its later steps: let {name} draw "
                "rows, or wrap the estimator in it"
            )
        if getattr(self, "preprocessor_", None) is not None:
            raise ValueError(
                "an imblearn Pipeline leaves samplers out at predict: make the preprocessor a step "
                f"before {name}, or wrap the estimator in it"
            )
        kept = new.indices is not None and np.array_equal(new.indices, np.arange(n))
        if not kept and not (sensitive_features is None and sample_weight is None):
            warn_user(
                "an imblearn Pipeline hands later steps the sensitive features and weights of the "
                f"old rows: name columns of X in {name}, or wrap the estimator in it"
            )

    def get_metadata_routing(self) -> Any:
        """Tell scikit-learn what this object asks for and what goes to the wrapped estimator."""
        if self.estimator is not None:
            return super().get_metadata_routing()
        request = self._own_request()
        of_method: Any = getattr(request, "fit_resample", None)  # a method that imblearn adds
        if of_method is None:
            return request
        by_column = self.sensitive_features is not None
        if by_column or of_method.requests.get("sensitive_features") is None:
            of_method.add_request(param="sensitive_features", alias=not by_column)
        if of_method.requests.get("sample_weight") is None:
            of_method.add_request(param="sample_weight", alias=True)
        return request

    def set_fit_resample_request(self, **requests: bool | str | None) -> Self:
        """Say which metadata ``fit_resample`` asks for, as ``set_fit_request`` does for ``fit``.

        Both sensitive features, where the constructor names no columns, and weights are asked for
        by default.

        Parameters
        ----------
        **requests : bool, str or None
            ``sensitive_features`` and ``sample_weight``; a string is the name to ask for.

        Returns
        -------
        self
        """
        # scikit-learn makes this method for classes that are younger than imblearn's import
        import_optional("imblearn", extra="sampling", purpose="fit_resample")
        request: Any = self._get_metadata_request()
        for param, alias in requests.items():
            request.fit_resample.add_request(param=param, alias=alias)
        self._metadata_request = request
        return self

    def __sklearn_tags__(self) -> Any:
        if self.estimator is None:
            return super(BaseMetaMitigator, self).__sklearn_tags__()
        return super().__sklearn_tags__()

    def _run(self, X: Any, y: Any, groups: Groups, sample_weight: Any) -> Resampled:
        weights = check_weights(sample_weight, len(groups))
        check_any_weight(weights)
        new = self._resample(X, y, groups, weights)
        self.sample_indices_ = new.indices
        return new


def _is_called_by_pipeline() -> bool:
    """Tell whether imblearn's Pipeline is the caller."""
    frame = inspect.currentframe()
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.split(".")[0] not in ("skfair", "sklearn"):
            return bool(module == "imblearn.pipeline")
        frame = frame.f_back
    return False
