"""The oracle: weighted fits of the wrapped estimator."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skfair.inprocessing._mixture import is_constant
from skfair.inprocessing._oracle import Oracle

X = np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]])
Y = np.array([0, 0, 1, 0, 1, 1])
W = np.array([1.0, 2, 1, 2, 1, 3])


def test_a_member_is_the_estimator_fitted_to_the_weights():
    oracle = Oracle(LogisticRegression(), X, Y, classes=[0, 1])
    member = oracle.fit(Y, W)
    np.testing.assert_array_equal(
        member.coef_, LogisticRegression().fit(X, Y, sample_weight=W).coef_
    )
    assert oracle.predict(member).tolist() == member.predict(X).tolist()
    assert oracle.n_calls == 1


def test_labels_without_weight_leave_a_constant():
    oracle = Oracle(LogisticRegression(), X, Y, classes=[0, 1])
    member = oracle.fit(Y, np.where(Y == 1, 1.0, 0.0))
    assert is_constant(member)
    assert oracle.predict(member).tolist() == [1] * 6
    assert oracle.n_calls == 0


def test_transformers_of_a_pipeline_are_fitted_once():
    seen = []

    def note(X):
        seen.append(len(X))
        return X

    pipe = make_pipeline(FunctionTransformer(note), StandardScaler(), LogisticRegression())
    oracle = Oracle(pipe, X, Y, classes=[0, 1])
    for _ in range(3):
        member = oracle.fit(Y, W)
    assert len(seen) == 2  # once to fit, once to predict the training rows
    whole = oracle.mixture([member], np.ones(1)).estimators[0]
    alone = make_pipeline(StandardScaler(), LogisticRegression())
    alone.fit(X, Y, logisticregression__sample_weight=W)
    np.testing.assert_allclose(whole.predict_proba(X), alone.predict_proba(X), atol=2e-4)
    assert not hasattr(pipe, "n_features_in_")


def test_a_transformer_that_asks_for_groups_is_fitted_with_the_rest():
    from skfair.preprocessing import CorrelationRemover

    pipe = make_pipeline(CorrelationRemover(), LogisticRegression())
    oracle = Oracle(pipe, X, Y, classes=[0, 1], metadata={"sensitive_features": list("fmfmfm")})
    assert oracle.prefix is None


def test_warm_starts_come_to_the_same_solution_and_restore_the_parameter():
    tight = LogisticRegression(tol=1e-10, max_iter=1000)
    warm, cold = (Oracle(tight, X, Y, classes=[0, 1], warm_start=own) for own in (True, False))
    first = warm.fit(Y, np.ones(6))
    second = warm.fit(Y, W)
    assert first is not second
    assert second.warm_start is False
    np.testing.assert_allclose(second.coef_, cold.fit(Y, W).coef_, rtol=1e-5)
    np.testing.assert_allclose(first.coef_, cold.fit(Y, np.ones(6)).coef_, rtol=1e-5)


def test_estimators_without_weights_are_refused():
    from sklearn.neighbors import KNeighborsClassifier

    with pytest.raises(TypeError, match="takes no sample_weight"):
        Oracle(KNeighborsClassifier(2), X, Y, classes=[0, 1]).fit(Y, W)
