"""One search over every kind of mitigator, with one fairness scorer: what no peer can do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skfair import Resampler, Reweighter, ThresholdOptimizer
from skfair.base import wants
from skfair.datasets import load_german
from skfair.groups import Bins
from skfair.inprocessing import ExponentiatedGradient, ReductionsGridSearch
from skfair.metrics import demographic_parity_difference, fairness_scoring, select_fair
from skfair.model_selection import GroupLabelStratifiedKFold

NUMBERS = ["duration", "credit_amount", "installment_rate", "existing_credits"]
BOUND = 0.1


def data():
    X, y = load_german(return_X_y=True)
    X = X[[*NUMBERS, "age"]]
    return X, (y == "good").astype(int).to_numpy(), pd.Series(Bins("age", [25])(X)).astype(str)


def base():
    return make_pipeline(make_column_transformer((StandardScaler(), NUMBERS)), LogisticRegression())


def candidates(**groups):
    return [
        {"model": [Reweighter(base(), **groups)]},
        {"model": [Resampler(base(), random_state=0, **groups)]},
        {"model": [ExponentiatedGradient(base(), **groups)], "model__tol": [0.02, 0.2]},
        {"model": [ReductionsGridSearch(base(), tol=0.05, grid_size=7, **groups)]},
        {
            "model": [ThresholdOptimizer(base(), fallback="pooled", **groups)],
            "model__tol": [0.02, 0.2],
        },
    ]


def search(groups, scoring_groups, cv, n_jobs=2):
    first = Reweighter(base(), **groups)  # it tells the search that groups are asked for
    steps = Pipeline([("keep", FunctionTransformer()), ("model", first)])
    scoring = fairness_scoring(
        "accuracy", "demographic_parity_difference", sensitive_features=scoring_groups
    )
    refit = select_fair("accuracy", demographic_parity_difference=BOUND)
    return GridSearchCV(
        steps, candidates(**groups), scoring=scoring, refit=refit, cv=cv, n_jobs=n_jobs
    )


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:the rule doesn't meet",
    "ignore:the predictor kept",
    "ignore:without lots",
    "ignore:the predictions violate",
)
def test_columns_and_metadata_lead_to_the_same_best_model():
    X, y, age = data()
    bins = Bins("age", [25])
    splits = list(GroupLabelStratifiedKFold(3).split(X, y, sensitive_features=age))
    by_column = search({"sensitive_features": bins}, bins, splits).fit(X, y)
    assert len(by_column.cv_results_["params"]) == 7
    table = pd.DataFrame(by_column.cv_results_)
    assert table["mean_test_demographic_parity_difference"].notna().all()
    assert table["mean_test_demographic_parity_difference"].nunique() > 4
    best = table.loc[by_column.best_index_]
    assert best["mean_test_demographic_parity_difference"] >= -BOUND
    predicted = by_column.predict(X)
    assert demographic_parity_difference(y, predicted, sensitive_features=age) < BOUND + 0.1
    with config_context(enable_metadata_routing=True):
        routed = search({}, None, splits).fit(X, y, sensitive_features=age)
        best = routed.best_estimator_
        again = best.predict(X, **({"sensitive_features": age} if wants(best, "predict") else {}))
    for name in ("accuracy", "demographic_parity_difference"):
        column = f"mean_test_{name}"
        np.testing.assert_allclose(routed.cv_results_[column], table[column], atol=1e-12)
    assert routed.best_index_ == by_column.best_index_
    np.testing.assert_array_equal(again, predicted)
