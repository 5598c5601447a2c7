"""A search with a mitigator, routed groups and a fairness scorer on the workers of a cluster."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest
from engines import spark_session
from joblib import parallel_config
from numpy.testing import assert_array_equal
from sklearn import get_config
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.parallel import Parallel, delayed

from skfair import Reweighter, ThresholdOptimizer
from skfair.datasets import load_german
from skfair.groups import Bins
from skfair.metrics import fairness_scoring, select_fair

pytestmark = [pytest.mark.engines, pytest.mark.usefixtures("routing")]

NUMBERS = ["duration", "credit_amount", "installment_rate"]


def start_dask():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
    ):
        yield "dask"


def start_spark():
    register_spark = pytest.importorskip("joblibspark").register_spark
    spark_session()
    register_spark()
    yield "spark"


@pytest.fixture(scope="module", params=[start_dask, start_spark], ids=["Dask", "Spark"])
def backend(request):
    yield from request.param()


def make_search():
    scale = make_column_transformer((StandardScaler(), NUMBERS))
    model = ThresholdOptimizer(LogisticRegression(), fallback="pooled")
    pipeline = make_pipeline(scale, model.set_fit_request(sensitive_features=True))
    grid = [
        {"thresholdoptimizer__tol": [0.02, 0.2]},
        {
            "thresholdoptimizer": [
                Reweighter(LogisticRegression()).set_fit_request(sensitive_features=True)
            ],
            "thresholdoptimizer__estimator__C": [0.01, 1.0],
        },
    ]
    scoring = fairness_scoring("accuracy", "demographic_parity_difference")
    refit = select_fair("accuracy", demographic_parity_difference=0.1)
    return GridSearchCV(pipeline, grid, scoring=scoring, refit=refit, cv=3)


@pytest.mark.filterwarnings(
    "ignore:Spark local mode doesn't support stage-level scheduling:UserWarning",
    "ignore:Spark session is not provided:UserWarning",
    "ignore:.apply_async. is deprecated:DeprecationWarning",  # joblib's, of joblibspark
    "ignore:the rule doesn't meet:UserWarning",
)
class TestSearch:
    def test_settings_reach_the_workers(self, backend):
        def look():
            return get_config()["enable_metadata_routing"], os.getpid()

        with parallel_config(backend=backend, n_jobs=2):
            found = Parallel()(delayed(look)() for _ in range(4))
        assert all(is_routed for is_routed, _ in found)
        assert os.getpid() not in {process for _, process in found}

    def test_it_finds_what_one_process_does(self, backend):
        X, y = load_german(return_X_y=True)
        groups = pd.Series(Bins("age", [25])(X)).astype(str).to_numpy()
        y = (y == "good").astype(int)
        local = make_search().fit(X[NUMBERS], y, sensitive_features=groups)
        with parallel_config(backend=backend, n_jobs=2):
            search = make_search().fit(X[NUMBERS], y, sensitive_features=groups)
        assert search.best_index_ == local.best_index_
        assert search.best_params_.keys() == local.best_params_.keys()
        scores = [name for name in local.cv_results_ if "_test_" in name]
        assert len(scores) == 2 * (3 + 3)  # splits, then mean, deviation and rank
        for name in scores:
            assert_array_equal(search.cv_results_[name], local.cv_results_[name])
        assert len(np.unique(local.cv_results_["mean_test_accuracy"])) > 2
