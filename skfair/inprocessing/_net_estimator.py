"""Classifiers made of a network: their labels, and predictions."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin

from skfair.inprocessing._net_rows import Floats, NetRows, code_labels, known_classes, read_labels
from skfair.inprocessing._net_saving import SavableNet


class BaseNetClassifier(ClassifierMixin, SavableNet):
    """Base of classifiers that train a network by skorch: see ``BaseNet``."""

    _learned = (*SavableNet._learned, "classes_")

    augment: Any

    def fit(
        self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        X : data frame or array of shape (n, n_features), or array of shape (n, c, h, w)
            A table or images. Of a table, columns that are no numbers become one column a value.
        y : array-like of shape (n,)
            Labels of two or more classes.
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Groups, where the constructor doesn't name columns of X.
        sample_weight : array-like of shape (n,), default=None
            Sampling weights. A row of weight 0 is as good as absent.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If groups are given twice or not at all, there is one class only, the module doesn't
            give a logit a class, or the loss is no number; then ``net_`` keeps the last good
            weights.
        ImportError
            If torch or skorch is missing.
        """
        return self._train(X, y, sensitive_features, sample_weight)

    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: Any = None,
        *,
        sensitive_features: Any = None,
        sample_weight: Any = None,
    ) -> Self:
        """Train for one more epoch on these rows.

        Scales, values of words, groups and their sizes are those of the first call. There is no
        early stopping.

        Parameters
        ----------
        X : data frame or array of shape (n, n_features), or array of shape (n, c, h, w)
        y : array-like of shape (n,)
        classes : array-like of shape (n_classes,), default=None
            All classes, where the first call's y lacks some.
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Groups, where the constructor doesn't name columns of X. The first call shows all.
        sample_weight : array-like of shape (n,), default=None
            Sampling weights.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a label or a group is unseen, or for a reason for which ``fit`` raises it.
        """
        return self._train(X, y, sensitive_features, sample_weight, classes=classes, partial=True)

    def decision_function(self, X: Any) -> Floats:
        """Logits: of two classes the logarithm of the odds of ``classes_[1]``.

        Parameters
        ----------
        X : data frame or array of shape (n, n_features), or array of shape (n, c, h, w)
            As at fit, the sensitive columns included; groups are not needed.

        Returns
        -------
        ndarray of shape (n,) or (n, n_classes)
        """
        logits = self._outputs(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def predict_proba(self, X: Any) -> Floats:
        """Probabilities of the classes.

        Parameters
        ----------
        X : data frame or array of shape (n, n_features), or array of shape (n, c, h, w)

        Returns
        -------
        ndarray of shape (n, n_classes)
        """
        return softmax(self._outputs(X), axis=1)

    def predict_log_proba(self, X: Any) -> Floats:
        """Logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : data frame or array of shape (n, n_features), or array of shape (n, c, h, w)

        Returns
        -------
        ndarray of shape (n, n_classes)
        """
        return log_softmax(self._outputs(X), axis=1)

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict the most probable class.

        Parameters
        ----------
        X : data frame or array of shape (n, n_features), or array of shape (n, c, h, w)

        Returns
        -------
        ndarray of shape (n,)
        """
        logits = self._outputs(X)
        return self.classes_[logits.argmax(axis=1)]

    def _n_outputs(self) -> int:
        return len(self.classes_)

    def _read_target(self, y: Any, X: Any) -> NDArray[Any]:
        return read_labels(y, X)

    def _learn_target(self, y: Any, weights: Floats, classes: Any) -> None:
        self.classes_ = known_classes(y if classes is None else classes)

    def _encode_target(self, y: Any) -> NDArray[Any]:
        return code_labels(y, self.classes_)

    def _check_rows(self, X: Any, reset: bool) -> Any:
        X = super()._check_rows(X, reset)
        if self.augment is not None and len(self._shape) != 3:
            raise ValueError("augment= is for images (n, c, h, w), and X is a table")
        return X

    def _augmentation(self, rows: NetRows) -> Any:
        if self.augment is None:
            return None
        from skfair.nn import training_augmentation

        return training_augmentation(
            self.augment,
            rows,
            groups=self._groups,
            classes=self.classes_.tolist(),
            seed=self._random.randint(np.iinfo(np.int32).max),
        )

    def _check_parameters(self) -> None:
        super()._check_parameters()
        known = callable(self.augment) or hasattr(self.augment, "for_batches")
        if self.augment is not None and (isinstance(self.augment, type) or not known):
            raise ValueError(
                "augment must be a TargetedAugmenter (an instance) or a callable of a batch of "
                f"images, got {self.augment!r}"
            )
