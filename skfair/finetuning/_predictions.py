"""Predictions of a debiased network at its threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags, check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from skfair._utils.columns import is_frame
from skfair.base import SensitiveFeaturesMixin
from skfair.finetuning._objective import Floats
from skfair.finetuning._search import score_rows


class DebiasedNetwork(SensitiveFeaturesMixin, ClassifierMixin, BaseEstimator):
    """Base of classifiers that decide by a network's log odds and a threshold.

    Whoever fits it sets ``module_``, ``classes_``, ``output_``, ``_input`` (makes the network's
    input of X), ``_cut`` (log odds of the positive class at the threshold) and ``_sign`` (-1, where
    the first class is the positive one).
    """

    uses_group_at_predict = False
    infers_group = False

    device: str

    def decision_function(self, X: Any) -> Floats:
        """Log odds of ``classes_[1]`` beyond the threshold: above 0, that class is predicted.

        Parameters
        ----------
        X : data frame or array of shape (n, n_features), or array of shape (n, c, h, w)

        Returns
        -------
        ndarray of shape (n,)
        """
        odds = self._log_odds(X)
        return odds - self._sign * self._cut

    def predict_proba(self, X: Any) -> Floats:
        """Probabilities of the classes, which know nothing of the threshold.

        Parameters
        ----------
        X : data frame or array of shape (n, n_features), or array of shape (n, c, h, w)

        Returns
        -------
        ndarray of shape (n, 2)
        """
        p = expit(self._log_odds(X))
        return np.column_stack([1 - p, p])

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict the class by the threshold.

        Parameters
        ----------
        X : data frame or array of shape (n, n_features), or array of shape (n, c, h, w)
            As at fit; groups are not needed.

        Returns
        -------
        ndarray of shape (n,)
        """
        odds = self._log_odds(X)
        selected = self._sign * odds >= self._cut
        positive = 1 if self._sign == 1 else 0
        return self.classes_[np.where(selected, positive, 1 - positive)]

    def network_input(self, X: Any) -> NDArray[np.floating]:
        """Prepare rows as the network takes them: features without sensitive columns, as numbers.

        Parameters
        ----------
        X : data frame or array of shape (n, n_features), or array of shape (n, c, h, w)
            As at fit, the sensitive columns included.

        Returns
        -------
        ndarray of shape (n, n_inputs) or (n, c, h, w)
        """
        check_is_fitted(self)
        return self._input(self._check_rows(X, reset=False))

    def _log_odds(self, X: Any) -> Floats:
        matrix = self.network_input(X)
        return score_rows(self.module_, matrix, self.output_, self._device())

    def _check_rows(self, X: Any, reset: bool) -> Any:
        """Check what needs no look into columns; a frame stays one, all else becomes an array."""
        if not is_frame(X):
            name = type(self).__name__
            X = check_array(X, dtype=None, allow_nd=True, ensure_all_finite=False, estimator=name)
        validate_data(self, X, reset=reset, skip_check_array=True)
        return X

    def _device(self) -> Any:
        from skfair.nn import device_of

        return device_of(self.device)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.input_tags.three_d_array = True
        return tags
