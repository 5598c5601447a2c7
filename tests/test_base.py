from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from doubles import GroupRule, RowChecker, UnweightedRowChecker, WatchingMitigator, make_rows
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context, get_config
from sklearn.base import BaseEstimator, ClassifierMixin, clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, cross_validate
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import get_routing_for_object

from skfair import Reweighter
from skfair.base import (
    BaseMetaMitigator,
    GroupsAtPredictMixin,
    SensitiveFeaturesMixin,
    fit_weighted,
    read_groups,
    wants,
    withdraw_request,
)
from skfair.groups import Bins
from skfair.metrics import fairness_scorer, performance_scorer
from skfair.model_selection import GroupLabelStratifiedKFold


@pytest.fixture
def data():
    """X, y, groups and weights, of which each changes a logistic regression."""
    rng = np.random.default_rng(0)
    X = rng.normal(loc=[1, -2, 0], scale=[1, 3, 1], size=(90, 3))
    groups = np.where(X[:, 2] > 0, "m", "f")
    y = (X[:, 0] + 0.5 * X[:, 2] + rng.normal(size=90) > 1).astype(int)
    return X, y, groups, rng.exponential(size=90)


def scaled(last, depth=1):
    for _ in range(depth):
        last = Pipeline([("scale", StandardScaler()), ("last", last)])
    return last


def last_step(model):
    while isinstance(model, Pipeline):
        model = model.steps[-1][1]
    return model


# fit_weighted


@pytest.mark.parametrize("routing_on", [False, True])
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_weights_reach_the_last_step_however_deep(data, depth, routing_on):
    X, y, _, weights = data
    with config_context(enable_metadata_routing=routing_on):
        model = fit_weighted(scaled(LogisticRegression(), depth), X, y, weights)
        assert get_config()["enable_metadata_routing"] == routing_on
    seen = StandardScaler().fit_transform(X) if depth else X
    by_hand = LogisticRegression().fit(seen, y, weights)
    assert_allclose(last_step(model).coef_, by_hand.coef_, rtol=1e-5)
    assert not np.allclose(by_hand.coef_, LogisticRegression().fit(seen, y).coef_, rtol=1e-2)


@pytest.mark.parametrize("routing_on", [False, True])
def test_scalers_stay_unweighted(data, routing_on):
    X, y, _, weights = data
    with config_context(enable_metadata_routing=routing_on):
        model = fit_weighted(scaled(LogisticRegression(), 2), X, y, weights)
    assert_allclose(model[0].mean_, X.mean(axis=0))
    assert_allclose(model[1][0].mean_, np.zeros(3), atol=1e-12)


def test_whole_weights_are_repeated_rows(data):
    X, y, _, _ = data
    times = np.arange(len(y)) % 3
    weighted = fit_weighted(LogisticRegression(tol=1e-10), X, y, times)
    repeated = LogisticRegression(tol=1e-10).fit(np.repeat(X, times, 0), np.repeat(y, times))
    assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-5)


def test_without_weights_any_estimator_is_fitted(data):
    X, y, _, _ = data
    model = fit_weighted(scaled(KNeighborsClassifier(), 2), X, y)
    assert_array_equal(model.predict(X), scaled(KNeighborsClassifier(), 2).fit(X, y).predict(X))


def test_estimators_are_fitted_in_place_and_returned(data):
    X, y, _, weights = data
    model = scaled(LogisticRegression())
    assert fit_weighted(model, X, y, weights) is model


@pytest.mark.parametrize("inside", [0, 1, 2])
@pytest.mark.parametrize("outside", [0, 1])
def test_weights_reach_a_search_and_what_it_searches(data, inside, outside):
    X, y, _, weights = data
    strength = "last__" * inside + "C"
    search = GridSearchCV(scaled(LogisticRegression(), inside), {strength: [0.01, 1.0]})
    search = last_step(fit_weighted(scaled(search, outside), X, y, weights))
    seen = StandardScaler().fit_transform(X) if inside or outside else X
    by_hand = LogisticRegression(C=search.best_params_[strength]).fit(seen, y, weights)
    assert_allclose(last_step(search.best_estimator_).coef_, by_hand.coef_, rtol=1e-5)


@pytest.mark.parametrize("ensemble", [True, False])
def test_weights_reach_a_calibrated_estimator_and_a_calibrated_pipeline_alike(data, ensemble):
    X, y, _, weights = data
    options = {"cv": 3, "ensemble": ensemble}
    by_hand = CalibratedClassifierCV(LogisticRegression(), **options).fit(X, y, weights)
    unweighted = CalibratedClassifierCV(LogisticRegression(), **options).fit(X, y)
    same = Pipeline([("same", FunctionTransformer()), ("last", LogisticRegression())])
    for estimator in (
        LogisticRegression(),
        same,
        Pipeline([("same", "passthrough"), *same.steps[1:]]),
    ):
        model = fit_weighted(CalibratedClassifierCV(estimator, **options), X, y, weights)
        assert_allclose(model.predict_proba(X), by_hand.predict_proba(X))
    assert abs(by_hand.predict_proba(X) - unweighted.predict_proba(X)).max() > 0.01


@pytest.mark.parametrize(
    "wrap",
    [
        lambda model: Pipeline([("same", FunctionTransformer()), ("last", model)]),
        lambda model: GridSearchCV(model, {"method": ["sigmoid"]}, cv=3),
    ],
    ids=["in a pipeline", "in a search"],
)
def test_weights_reach_a_calibrated_pipeline_inside(data, wrap):
    X, y, _, weights = data
    same = Pipeline([("same", FunctionTransformer()), ("last", LogisticRegression())])
    by_hand = CalibratedClassifierCV(LogisticRegression(), cv=3).fit(X, y, weights)
    model = fit_weighted(wrap(CalibratedClassifierCV(same, cv=3)), X, y, weights)
    assert_allclose(model.predict_proba(X), by_hand.predict_proba(X))


@pytest.mark.parametrize("nothing", ["passthrough", None])
def test_steps_that_pass_through_are_skipped(data, nothing):
    X, y, _, weights = data
    steps = [("none", nothing), ("scale", StandardScaler()), ("last", LogisticRegression())]
    model = fit_weighted(Pipeline(steps), X, y, weights)
    by_hand = LogisticRegression().fit(StandardScaler().fit_transform(X), y, weights)
    assert_allclose(model[-1].coef_, by_hand.coef_)


def test_weights_for_a_pipeline_without_an_estimator_are_refused(data):
    X, y, _, weights = data
    model = Pipeline([("scale", StandardScaler()), ("last", "passthrough")])
    with pytest.raises(TypeError, match=r"last step 'last'.*'passthrough'"):
        fit_weighted(model, X, y, weights)
    fit_weighted(model, X, y)


@pytest.mark.parametrize(
    "model",
    [
        KNeighborsClassifier(),
        scaled(KNeighborsClassifier(), 3),
        GridSearchCV(scaled(KNeighborsClassifier()), {"last__n_neighbors": [1]}),
        CalibratedClassifierCV(KNeighborsClassifier()),
        CalibratedClassifierCV(scaled(KNeighborsClassifier())),
        Reweighter(scaled(KNeighborsClassifier()), sensitive_features=Bins(2, [0.0])),
    ],
    ids=["alone", "nested pipeline", "search", "calibrated", "calibrated pipeline", "mitigator"],
)
def test_estimators_without_sample_weight_are_refused_by_name(data, model):
    X, y, _, weights = data
    with pytest.raises(TypeError, match=r"KNeighborsClassifier takes no sample_weight.*Resampler"):
        fit_weighted(model, X, y, weights)


def test_metadata_that_nobody_asks_for_are_refused_by_name(data):
    X, y, groups, weights = data
    with pytest.raises(TypeError, match=r"\['ages', 'incomes'\].*no step of Pipeline asks for"):
        fit_weighted(scaled(LogisticRegression()), X, y, weights, incomes=groups, ages=groups)


def test_sensitive_features_that_nobody_asks_for_are_no_error(data):
    X, y, groups, weights = data
    model = fit_weighted(scaled(LogisticRegression()), X, y, weights, sensitive_features=groups)
    assert_allclose(
        model[-1].coef_, fit_weighted(scaled(LogisticRegression()), X, y, weights)[-1].coef_
    )


def test_parameters_of_steps_are_passed_as_they_are_written(data):
    X, y, _, weights = data
    model = fit_weighted(
        scaled(LogisticRegression()),
        X,
        y,
        None,
        last__sample_weight=weights,
        scale__sample_weight=weights,
    )
    assert_allclose(model[0].mean_, np.average(X, axis=0, weights=weights))
    by_hand = LogisticRegression().fit(model[0].transform(X), y, weights)
    assert_allclose(model[-1].coef_, by_hand.coef_)


@pytest.mark.parametrize("routing_on", [False, True])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda model: model,
        lambda model: Pipeline([("same", FunctionTransformer()), ("last", model)]),
        lambda model: GridSearchCV(model, {"missing": ["group"]}, cv=3),
        lambda model: CalibratedClassifierCV(model, cv=3),
        lambda model: CalibratedClassifierCV(Pipeline([("last", model)]), cv=3),
    ],
    ids=["alone", "in a pipeline", "in a search", "calibrated", "calibrated pipeline"],
)
def test_sensitive_features_reach_whoever_asks_for_them(wrap, routing_on):
    X, y, groups, weights = make_rows()
    model = wrap(WatchingMitigator(RowChecker(weights="known"), weights="known"))
    if isinstance(model, GridSearchCV):
        model.set_params(scoring=performance_scorer("accuracy"))
    with config_context(enable_metadata_routing=routing_on):
        fit_weighted(model, X, y, weights, sensitive_features=groups)
        with pytest.raises(ValueError, match="needs sensitive features"):
            fit_weighted(clone(model), X, y, weights)


def test_sensitive_features_reach_transformers_that_ask_for_them(data):
    X, y, groups, weights = data

    class Centerer(SensitiveFeaturesMixin, BaseEstimator):
        sensitive_features = None

        def fit(self, X, y=None, *, sensitive_features=None, sample_weight=None):
            self.labels_ = self._read_groups(X, sensitive_features).labels
            self.weighted_ = sample_weight is not None
            return self

        def transform(self, X):
            return X

    model = Pipeline([("center", Centerer()), ("last", LogisticRegression())])
    fit_weighted(model, X, y, weights, sensitive_features=groups)
    assert model[0].labels_ == ("f", "m")
    assert not model[0].weighted_
    assert_allclose(model[-1].coef_, LogisticRegression().fit(X, y, weights).coef_)


# read_groups


def test_groups_come_from_columns_or_from_values():
    X = pd.DataFrame({"sex": ["f", "m", "f"], "age": [20, 30, 40]})
    for groups in (
        read_groups(X, columns="sex"),
        read_groups(X, columns=0),
        read_groups(X, columns=lambda frame: frame["sex"]),
        read_groups(X, ["f", "m", "f"]),
        read_groups(pl.from_pandas(X), columns="sex"),
    ):
        assert groups.labels == ("f", "m")
        assert groups.codes.tolist() == [0, 1, 0]
    both = read_groups(X, columns=["sex", Bins("age", [35])])
    assert both.labels == (("f", "age<=35"), ("f", "age>35"), ("m", "age<=35"))


@pytest.mark.parametrize(
    ("values", "columns", "message"),
    [
        (["f", "m"], "sex", r"Model got sensitive features twice.*'sex'.*give one of them"),
        (None, None, r"Model needs sensitive features.*name columns of X.*enable_metadata_rou"),
        (["f"], None, r"sensitive_features has 1, the data have 2"),
        (["f", "m", "m"], None, r"sensitive_features has 3, the data have 2"),
        (None, lambda X: ["f"], r"sensitive_features has 1, the data have 2"),
        (None, "gender", r"no column 'gender'; its columns are \['sex'\]"),
        (None, [], "name at least one column"),
    ],
)
def test_groups_given_wrongly_are_refused(values, columns, message):
    X = pd.DataFrame({"sex": ["f", "m"]})
    with pytest.raises(ValueError, match=message):
        read_groups(X, values, columns=columns, owner="Model")


@pytest.mark.parametrize("given", [{"columns": "sex"}, {"sensitive_features": ["f", None]}])
def test_missing_values_are_a_group_or_refused(given):
    X = pd.DataFrame({"sex": ["f", None]})
    assert read_groups(X, **given).labels == ("f", "<missing>")
    with pytest.raises(ValueError, match="1 missing"):
        read_groups(X, **given, missing="raise")


# Requests


def reweighter(**params):
    return Reweighter(LogisticRegression(), **params)


@pytest.mark.parametrize(
    ("estimator", "method", "param", "answer"),
    [
        (LogisticRegression(), "fit", "sensitive_features", False),
        (reweighter(), "fit", "sensitive_features", True),
        (reweighter(), "fit", "sample_weight", True),
        (reweighter(), "fit", "ages", False),
        (reweighter(), "predict", "sensitive_features", False),
        (reweighter(sensitive_features="sex"), "fit", "sensitive_features", False),
        (reweighter(sensitive_features="sex"), "fit", "sample_weight", True),
        (GroupRule(), "fit", "sensitive_features", True),
        (GroupRule(), "predict", "sensitive_features", True),
        (GroupRule(), "predict_proba", "sensitive_features", True),
        (GroupRule(), "decision_function", "sensitive_features", True),
        (GroupRule("sex"), "predict", "sensitive_features", False),
        (GroupRule("sex"), "predict_proba", "sensitive_features", False),
        (GroupRule("sex"), "decision_function", "sensitive_features", False),
        (Reweighter(GroupRule()), "predict", "sensitive_features", True),
        (Reweighter(GroupRule(), sensitive_features="sex"), "fit", "sensitive_features", True),
        (Reweighter(reweighter(), sensitive_features="sex"), "fit", "sensitive_features", True),
        (scaled(reweighter(), 2), "fit", "sensitive_features", True),
        (scaled(GroupRule()), "predict", "sensitive_features", True),
        (GridSearchCV(reweighter(), {}), "fit", "sensitive_features", True),
        (GroupLabelStratifiedKFold(), "split", "sensitive_features", True),
        (GroupLabelStratifiedKFold(sensitive_features=0), "split", "sensitive_features", False),
    ],
)
@pytest.mark.parametrize("routing_on", [False, True])
def test_wants_tells_who_asks_for_what(estimator, method, param, answer, routing_on):
    with config_context(enable_metadata_routing=routing_on):
        assert wants(estimator, method, param) is answer


def test_wants_is_false_for_estimators_that_route_nothing():
    class RoutesNothing(BaseEstimator):
        def get_metadata_routing(self):
            raise NotImplementedError

    assert wants(RoutesNothing(), "fit") is False


def test_withdrawing_leaves_requests_for_other_metadata():
    request = GroupRule()._get_metadata_request()
    assert withdraw_request(request, from_columns=False) is request
    assert request.fit.requests == {"sensitive_features": True, "sample_weight": True}
    withdrawn = withdraw_request(request, from_columns=True)
    assert withdrawn.fit.requests == {"sensitive_features": False, "sample_weight": True}
    for method in ("predict", "predict_proba", "decision_function"):
        assert getattr(withdrawn, method).requests == {"sensitive_features": False}


def test_asking_for_the_routing_changes_nothing(routing):
    model = reweighter().set_fit_request(sensitive_features="sex")
    with_column = clone(model).set_params(sensitive_features="sex")
    assert not wants(with_column, "fit", "sex")
    with_column.set_params(sensitive_features=None)
    assert wants(with_column, "fit", "sex")


def test_an_alias_is_honoured(routing):
    X, y, groups, _ = make_rows()
    model = WatchingMitigator(RowChecker()).set_fit_request(sensitive_features="sex")
    pipe = make_pipeline(FunctionTransformer(), model)
    pipe.fit(X, y, sex=groups)
    results = cross_validate(pipe, X, y, params={"sex": groups}, error_score="raise")
    assert len(results["test_score"]) == 5
    with pytest.raises(TypeError, match="sensitive_features"):
        pipe.fit(X, y, sensitive_features=groups)


def test_an_alias_of_the_inner_estimator_is_honoured_at_predict(routing):
    X, y, groups, _ = make_rows()
    rule = GroupRule().set_predict_request(sensitive_features="sex")
    model = WatchingMitigator(rule).fit(X, y, sensitive_features=groups)
    expected = rule.fit(X, y, sensitive_features=groups).predict(X, sensitive_features=groups)
    assert_array_equal(model.predict(X, sex=groups), expected)
    with pytest.raises(TypeError, match="sensitive_features"):
        model.predict(X, sensitive_features=groups)


def test_requests_can_be_refused(routing):
    X, y, groups, _ = make_rows()
    model = WatchingMitigator(RowChecker()).set_fit_request(sensitive_features=False)
    with pytest.raises(TypeError, match="sensitive_features"):
        make_pipeline(model).fit(X, y, sensitive_features=groups)


def test_two_mitigators_with_two_meanings_of_the_groups_are_refused(routing):
    X, y, groups, _ = make_rows()
    inner = WatchingMitigator(RowChecker())
    outer = WatchingMitigator(inner).set_fit_request(sensitive_features="race")
    with pytest.raises(ValueError, match="conflict"):
        make_pipeline(outer).fit(X, y, race=groups, sensitive_features=groups[::-1])
    outer = WatchingMitigator(inner.set_fit_request(sensitive_features="race"))
    with pytest.raises(ValueError, match="needs sensitive features"):
        make_pipeline(outer).fit(X, y, race=groups, sensitive_features=groups)


# Estimators made of the base


def fitted(data, inner=None, **params):
    X, y, _, _ = data
    inner = LogisticRegression() if inner is None else inner
    return Reweighter(inner, **({"sensitive_features": Bins(2, [0.0])} | params)).fit(X, y)


def test_the_fitted_estimator_answers(data):
    X, y, _, _ = data
    model = fitted(data, scaled(LogisticRegression()))
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        assert_array_equal(getattr(model, method)(X), getattr(model.estimator_, method)(X))
    assert model.score(X, y) == model.estimator_.score(X, y)
    assert_array_equal(model.classes_, [0, 1])


def test_the_given_estimator_stays_unfitted(data):
    inner = LogisticRegression()
    model = fitted(data, inner)
    assert not hasattr(inner, "coef_")
    assert model.estimator is inner


@pytest.mark.parametrize("routing_on", [False, True])
def test_predicting_before_fit_says_so(data, routing_on):
    X = data[0]
    with (
        config_context(enable_metadata_routing=routing_on),
        pytest.raises(NotFittedError, match="Reweighter"),
    ):
        reweighter().predict(X)
    assert not hasattr(reweighter(), "classes_")


@pytest.mark.parametrize("make", [lambda inner: Reweighter(inner), WatchingMitigator])
def test_methods_are_there_where_the_inner_estimator_has_them(data, make):
    assert not hasattr(make(LinearSVC()), "predict_proba")
    assert not hasattr(make(LinearSVC()), "predict_log_proba")
    assert hasattr(make(LinearSVC()), "decision_function")
    assert hasattr(make(LogisticRegression()), "predict_proba")
    assert not hasattr(make(RandomForestClassifier()), "decision_function")
    model = fitted(data, scaled(LinearSVC()))
    assert not hasattr(model, "predict_proba")
    assert_array_equal(model.decision_function(data[0]) > 0, model.predict(data[0]) == 1)


@pytest.mark.parametrize("sensitive_features", [None, "sex", ["sex", 0], Bins("age", [25, 60]), 1])
def test_clones_and_pickles_keep_the_parameters(sensitive_features):
    model = Reweighter(
        scaled(LogisticRegression(C=3)), sensitive_features=sensitive_features, missing="raise"
    )
    for copy in (clone(model), pickle.loads(pickle.dumps(model))):
        assert copy.get_params(deep=False).keys() == {"estimator", "missing", "sensitive_features"}
        assert copy.sensitive_features == sensitive_features
        assert copy.missing == "raise"
        assert copy.get_params()["estimator__last__C"] == 3
        assert copy.estimator is not model.estimator


def test_parameters_of_the_inner_estimator_can_be_set():
    model = Reweighter(scaled(LogisticRegression()))
    model.set_params(estimator__last__C=7, sensitive_features="sex")
    assert model.estimator[-1].C == 7
    assert model.sensitive_features == "sex"
    with pytest.raises(ValueError, match="Invalid parameter 'sex'"):
        model.set_params(sex="sex")


def test_a_fitted_model_survives_pickling(data):
    model = fitted(data, scaled(LogisticRegression()))
    copy = pickle.loads(pickle.dumps(model))
    assert_array_equal(copy.predict_proba(data[0]), model.predict_proba(data[0]))
    pd.testing.assert_frame_equal(copy.cell_weights_, model.cell_weights_)


def test_the_parameters_are_keyword_only():
    with pytest.raises(TypeError, match="positional"):
        Reweighter(LogisticRegression(), "sex")


def test_text_and_html_show_the_inner_estimator(data):
    unfitted = Reweighter(scaled(LogisticRegression()), sensitive_features="sex")
    assert "sensitive_features='sex'" in repr(unfitted)
    for model in (unfitted, fitted(data, scaled(LogisticRegression()))):
        html = model._repr_html_()
        for name in ("Reweighter", "StandardScaler", "LogisticRegression"):
            assert name in html


@pytest.mark.parametrize("wrap", [lambda inner: inner, scaled], ids=["alone", "in a pipeline"])
def test_a_mitigator_is_what_its_estimator_is(wrap):
    assert is_classifier(Reweighter(wrap(LogisticRegression())))
    assert not is_regressor(Reweighter(wrap(LogisticRegression())))
    assert is_regressor(WatchingMitigator(wrap(LinearRegression())))
    assert not is_classifier(WatchingMitigator(wrap(LinearRegression())))


@pytest.mark.parametrize("tag", ["sparse", "allow_nan"])
def test_tags_come_from_the_inner_estimator(tag):
    class Tagged(RowChecker):
        def __sklearn_tags__(self):
            tags = super().__sklearn_tags__()
            setattr(tags.input_tags, tag, True)
            tags.classifier_tags.multi_class = False
            return tags

    plain, tagged = get_tags(Reweighter(RowChecker())), get_tags(Reweighter(Tagged()))
    assert not getattr(plain.input_tags, tag)
    assert getattr(tagged.input_tags, tag)
    assert plain.classifier_tags.multi_class
    assert not tagged.classifier_tags.multi_class
    assert tagged.target_tags.required


def test_several_labels_a_row_are_not_promised_whatever_the_inner_estimator_takes():
    forest = RandomForestClassifier()
    tags = get_tags(Reweighter(forest))
    assert not tags.target_tags.multi_output
    assert not tags.classifier_tags.multi_label
    assert get_tags(forest).target_tags.multi_output
    assert get_tags(forest).classifier_tags.multi_label


def test_cross_validation_stratifies_as_for_any_classifier():
    X, y = np.zeros((50, 1)), np.repeat([0, 1], [45, 5])
    X[::2] = 1
    scores = cross_validate(reweighter(sensitive_features=0), X, y, scoring="recall", cv=5)
    assert_array_equal(scores["test_score"], np.zeros(5))  # each fold has a positive: no warning


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csc_array, sparse.coo_array])
def test_sparse_X_gives_what_dense_X_gives(data, make):
    X, y, groups, _ = data
    by_column = fitted(data)
    for params, metadata in (
        ({"sensitive_features": Bins(2, [0.0])}, {}),
        ({}, {"sensitive_features": groups}),
    ):
        model = reweighter(**params).fit(make(X), y, **metadata)
        assert_allclose(model.estimator_.coef_, by_column.estimator_.coef_, rtol=1e-3)
        assert_array_equal(model.predict(make(X)), by_column.predict(X))


def test_features_are_counted_and_named_as_the_inner_estimator_has_them(data):
    X, y, _, _ = data
    model = fitted(data)
    assert model.n_features_in_ == 3
    assert not hasattr(model, "feature_names_in_")
    frame = pd.DataFrame(X, columns=["a", "b", "sex"])
    for inner in (LogisticRegression(), scaled(LogisticRegression(), 2)):
        named = Reweighter(inner, sensitive_features=Bins("sex", [0.0])).fit(frame, y)
        assert named.n_features_in_ == 3
        assert_array_equal(named.feature_names_in_, ["a", "b", "sex"])
        with pytest.raises(ValueError, match="feature names"):
            named.predict(frame.rename(columns={"a": "z"}))


def test_names_of_an_earlier_fit_are_forgotten(data):
    X, y, _, _ = data
    model = reweighter(sensitive_features=Bins(2, [0.0]))
    model.fit(pd.DataFrame(X, columns=["a", "b", "sex"]), y)
    assert hasattr(model, "feature_names_in_")
    model.fit(X, y)
    assert not hasattr(model, "feature_names_in_")
    assert model.n_features_in_ == 3


def test_a_mitigator_of_an_estimator_without_feature_counts_has_none(data):
    class Uncounted(ClassifierMixin, BaseEstimator):
        def fit(self, X, y, sample_weight=None):
            self.classes_ = np.unique(y)
            return self

        def predict(self, X):
            return np.zeros(len(X))

    assert not hasattr(fitted(data, Uncounted()), "n_features_in_")


def test_the_sensitive_column_may_leave_inside_the_pipeline(data):
    X, y, groups, _ = data
    frame = pd.DataFrame(X[:, :2], columns=["a", "b"]).assign(sex=groups)
    pipe = make_pipeline(
        make_column_transformer((StandardScaler(), ["a", "b"])), LogisticRegression()
    )
    model = Reweighter(pipe, sensitive_features="sex").fit(frame, y)
    without = Reweighter(pipe).fit(frame, y, sensitive_features=groups)
    assert_array_equal(model.predict_proba(frame), without.predict_proba(frame.drop(columns="sex")))


def test_mitigators_tell_whether_they_use_the_group_at_predict():
    assert not Reweighter.uses_group_at_predict
    assert not Reweighter.infers_group
    assert GroupsAtPredictMixin.uses_group_at_predict


def test_a_mitigator_has_to_say_how_it_fits(data):
    class Idle(BaseMetaMitigator):
        def __init__(self, estimator, *, sensitive_features=None):
            self.estimator = estimator
            self.sensitive_features = sensitive_features

    X, y, groups, _ = data
    with pytest.raises(NotImplementedError):
        Idle(LogisticRegression()).fit(X, y, sensitive_features=groups)


def test_inner_metadata_pass_through_predict_and_are_refused_where_nobody_asks(routing):
    X, y, groups, _ = make_rows()
    model = WatchingMitigator(GroupRule()).fit(X, y, sensitive_features=groups)
    assert len(model.predict(X, sensitive_features=groups)) == len(X)
    plain = WatchingMitigator(RowChecker()).fit(X, y, sensitive_features=groups)
    with pytest.raises(TypeError, match="sensitive_features"):
        plain.predict(X, sensitive_features=groups)
    with pytest.raises(TypeError, match="UnweightedRowChecker takes no sample_weight"):
        WatchingMitigator(UnweightedRowChecker()).fit(
            X, y, sensitive_features=groups, sample_weight=groups
        )


def test_the_routing_of_a_mitigator_is_its_own_and_its_estimators():
    routing = get_routing_for_object(Reweighter(scaled(GroupRule())))
    for method in ("fit", "predict", "predict_proba", "decision_function"):
        assert routing.consumes(method, ["sensitive_features"]) == {"sensitive_features"}
    assert routing.consumes("fit", ["sample_weight"]) == {"sample_weight"}


@pytest.mark.parametrize("make", [VotingClassifier, StackingClassifier])
def test_ensembles_of_named_estimators_are_weighted(make):
    members = [("a", LogisticRegression()), ("b", LogisticRegression(C=0.1))]
    X, y = np.arange(20.0)[:, None] % 7, np.arange(20) % 2
    weight = np.where(y == 1, 9.0, 1.0)
    weighted = fit_weighted(make(members), X, y, weight)
    plain = make(members).fit(X, y)
    assert weighted.predict(X).mean() > plain.predict(X).mean()


def test_estimators_that_pass_weights_on_by_routing_alone_say_how_to_wrap():
    with pytest.raises(TypeError, match=r"FixedThresholdClassifier\(mitigator\(estimator\)\)"):
        fit_weighted(FixedThresholdClassifier(LogisticRegression()), [[0.0], [1.0]], [0, 1], [1, 1])


def test_aliases_of_inner_steps_are_translated(routing):
    scaler = StandardScaler().set_fit_request(sample_weight="w")
    pipe = make_pipeline(scaler, LogisticRegression())
    X, y = np.arange(12.0)[:, None], np.arange(12) % 2
    weight = np.arange(1.0, 13.0)
    fitted = fit_weighted(pipe, X, y, np.ones(12), w=weight)
    assert fitted[0].mean_[0] == pytest.approx(np.average(X[:, 0], weights=weight))


def test_a_search_whose_scorer_needs_metadata_is_refused_inside_a_mitigator():
    scorer = fairness_scorer("demographic_parity_difference")
    search = GridSearchCV(LogisticRegression(), {"C": [1.0, 2.0]}, scoring=scorer)
    with pytest.raises(TypeError, match="put the mitigator inside the search"):
        fit_weighted(search, [[0.0], [1.0]] * 10, [0, 1] * 10, sensitive_features=["f", "m"] * 10)


def test_a_precomputed_kernel_is_told_to_scikit_learn():
    assert get_tags(Reweighter(SVC(kernel="precomputed"))).input_tags.pairwise
