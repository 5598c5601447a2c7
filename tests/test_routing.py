"""Groups, labels and weights stay with their rows through whatever scikit-learn routes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from doubles import (
    GroupRule,
    Misaligned,
    RowChecker,
    UnweightedMitigator,
    UnweightedRowChecker,
    WatchingMitigator,
    group_of,
    label_of,
    make_rows,
    row_ids,
    watchers,
)
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    RandomizedSearchCV,
    cross_val_predict,
    cross_validate,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skfair import Reweighter
from skfair.groups import Bins, Groups
from skfair.metrics import fairness_scorer, fairness_scoring, performance_scorer, select_fair
from skfair.model_selection import GroupLabelStratifiedKFold
from skfair.postprocessing import RejectOptionClassifier, ThresholdOptimizer
from skfair.preprocessing import GroupBalancer, LabelMassager, Resampler

LEVELS = {"estimator__level": [-0.5, 0.5]}
FOLDS = KFold(3)


def search(model, grid=LEVELS, n_jobs=1, **options):
    options = {
        "cv": FOLDS,
        "scoring": performance_scorer("accuracy"),
        "error_score": "raise",
    } | options
    return GridSearchCV(model, grid, n_jobs=n_jobs, **options)


def randomized(model, n_jobs):
    return RandomizedSearchCV(
        model,
        LEVELS,
        n_iter=2,
        cv=FOLDS,
        scoring=performance_scorer("accuracy"),
        n_jobs=n_jobs,
        random_state=0,
        error_score="raise",
    )


def halving(model, n_jobs):
    return HalvingGridSearchCV(
        model,
        LEVELS,
        factor=2,
        min_resources=60,
        cv=FOLDS,
        scoring=performance_scorer("accuracy"),
        n_jobs=n_jobs,
        random_state=0,
        error_score="raise",
    )


WRAPPERS = {
    "nothing": lambda model, n_jobs: model,
    "pipeline": lambda model, n_jobs: Pipeline([("keep", FunctionTransformer()), ("model", model)]),
    "grid search": lambda model, n_jobs: search(model, n_jobs=n_jobs),
    "randomized search": randomized,
    "halving search": halving,
    "calibration": lambda model, n_jobs: CalibratedClassifierCV(model, cv=FOLDS, n_jobs=n_jobs),
    "voting": lambda model, n_jobs: VotingClassifier([("a", model), ("b", model)], n_jobs=n_jobs),
    "bagging": lambda model, n_jobs: BaggingClassifier(model, 3, n_jobs=n_jobs, random_state=0),
    "search of a pipeline": lambda model, n_jobs: search(
        Pipeline([("keep", FunctionTransformer()), ("model", model)]),
        {"model__estimator__level": [-0.5, 0.5]},
        n_jobs,
    ),
    "search of a calibration in a search": lambda model, n_jobs: search(
        search(CalibratedClassifierCV(model, cv=2), {"method": ["sigmoid"]}, cv=2),
        {"estimator__estimator__estimator__level": [0.5]},
        n_jobs,
    ),
    "bagging of a pipeline of a search": lambda model, n_jobs: BaggingClassifier(
        make_pipeline(FunctionTransformer(), search(model)), 2, n_jobs=n_jobs, random_state=0
    ),
}
IN_PARALLEL = ("grid search", "halving search", "calibration", "voting", "bagging")
EVERYWHERE = [(name, 1) for name in WRAPPERS] + [(name, 2) for name in IN_PARALLEL]


def watching(column, inner=None, **params):
    """The mitigator that checks its rows, with groups from a column or as metadata."""
    inner = RowChecker() if inner is None else inner
    return WatchingMitigator(inner, sensitive_features=column, **params)


def fitted(model, X, y, **metadata):
    """Fit the model, and see that its doubles have been at work."""
    model.fit(X, y, **metadata)
    assert any(len(double.rows_) for double in watchers(model))
    return model


def turned(values):
    return np.roll(np.asarray(values), 1)


# Rows by their ids


@pytest.mark.parametrize(("wrapper", "n_jobs"), EVERYWHERE)
def test_metadata_stay_with_their_rows(routing, wrapper, n_jobs):
    X, y, groups, _ = make_rows()
    fitted(WRAPPERS[wrapper](watching(None), n_jobs), X, y, sensitive_features=groups)


@pytest.mark.parametrize(("wrapper", "n_jobs"), [*EVERYWHERE[: len(WRAPPERS)], ("grid search", 2)])
def test_metadata_of_other_rows_are_noticed(routing, wrapper, n_jobs):
    X, y, groups, _ = make_rows()
    with pytest.raises(Misaligned, match="groups belong to other rows"):
        WRAPPERS[wrapper](watching(None), n_jobs).fit(X, y, sensitive_features=turned(groups))


@pytest.mark.parametrize("routing_on", [False, True])
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_columns_stay_with_their_rows(wrapper, routing_on):
    X, y, _, _ = make_rows()
    column = 2 if "bagging" in wrapper else "group"  # bagging drops the names
    with config_context(enable_metadata_routing=routing_on):
        fitted(WRAPPERS[wrapper](watching(column), 1), X, y)


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_columns_of_other_rows_are_noticed(wrapper):
    X, y, groups, _ = make_rows()
    column = 2 if "bagging" in wrapper else "group"
    with pytest.raises(Misaligned, match="groups belong to other rows"):
        WRAPPERS[wrapper](watching(column), 1).fit(X.assign(group=turned(groups)), y)


@pytest.mark.parametrize(
    "given",
    [
        lambda s: pd.Series(s, index=np.arange(len(s))[::-1]),
        pl.Series,
        list,
        lambda s: pd.DataFrame({"a": s, "b": s}),
        lambda s: pl.DataFrame({"a": s, "b": s}),
        lambda s: np.column_stack([s, s, s]),
    ],
    ids=["pandas", "polars", "list", "pandas frame", "polars frame", "matrix"],
)
def test_metadata_of_any_type_stay_with_their_rows(routing, given):
    X, y, groups, _ = make_rows()
    model = search(search(watching(None)), {"estimator__estimator__level": [0, 1]})
    fitted(model, X, y, sensitive_features=given(groups))
    with pytest.raises(Misaligned):
        model.fit(X, y, sensitive_features=given(turned(groups)))


@pytest.mark.parametrize("make", [pl.from_pandas, pd.DataFrame.to_numpy], ids=["polars", "numpy"])
@pytest.mark.parametrize("column", ["group", None])
@pytest.mark.parametrize("wrapper", ["grid search", "halving search", "calibration", "pipeline"])
def test_rows_of_other_tables_stay_together(routing, wrapper, make, column):
    X, y, groups, _ = make_rows()
    table = make(X)
    if column is not None:
        column = column if isinstance(table, pl.DataFrame) else 2
        fitted(WRAPPERS[wrapper](watching(column), 1), table, y)
    else:
        model = WRAPPERS[wrapper](watching(None), 1)
        fitted(model, table, y, sensitive_features=groups)


@pytest.mark.parametrize(
    ("wrapper", "n_jobs"),
    [(name, 1) for name in ("nothing", "pipeline", "grid search", "halving search")]
    + [("grid search", 2), ("halving search", 2)],
)
@pytest.mark.parametrize("column", [None, "group"])
def test_sample_weights_stay_with_their_rows(routing, wrapper, column, n_jobs):
    X, y, groups, weights = make_rows()
    model = watching(column, RowChecker(weights="known"), weights="known")
    model = WRAPPERS[wrapper](model, n_jobs)
    metadata = {} if column else {"sensitive_features": groups}
    fitted(model, X, y, sample_weight=weights, **metadata)
    if n_jobs == 1:
        with pytest.raises(Misaligned, match="weights belong to other rows"):
            model.fit(X, y, sample_weight=turned(weights), **metadata)


def test_sample_weights_stay_with_their_rows_through_calibration(routing):
    X, y, groups, weights = make_rows()
    checker = RowChecker(weights="known").set_fit_request(sample_weight=True)
    model = CalibratedClassifierCV(watching(None, checker, weights="known"), cv=FOLDS)
    fitted(model, X, y, sample_weight=weights, sensitive_features=groups)
    with pytest.raises(Misaligned, match="weights belong to other rows"):
        model.fit(X, y, sample_weight=turned(weights), sensitive_features=groups)


def test_bagging_weights_rows_where_the_mitigator_takes_weights(routing):
    X, y, groups, _ = make_rows()
    model = BaggingClassifier(watching(None), 3, random_state=0)
    fitted(model, X, y, sensitive_features=groups)
    assert all(len(double.rows_) == len(X) for double in model.estimators_)


@pytest.mark.parametrize("column", [None, 2])
def test_bagging_draws_rows_where_the_mitigator_takes_no_weights(routing, column):
    X, y, groups, _ = make_rows()
    mitigator = UnweightedMitigator(UnweightedRowChecker(), sensitive_features=column)
    metadata = {} if column else {"sensitive_features": groups}
    model = fitted(BaggingClassifier(mitigator, 3, random_state=0), X, y, **metadata)
    assert all(len(np.unique(double.rows_)) < len(X) for double in model.estimators_)


# Mitigators within mitigators


def two_deep():
    return watching(None, watching(None, RowChecker(weights="known"), weights="known"))


def around_a_search():
    return watching(None, search(watching(None, RowChecker(weights="known"), weights="known")))


def in_a_pipeline():
    inner = watching(None, RowChecker(weights="known"), weights="known")
    return watching(None, Pipeline([("keep", FunctionTransformer()), ("inner", inner)]))


def in_a_search_of_a_pipeline():
    inner = watching(None, RowChecker(weights="known"), weights="known")
    pipe = Pipeline([("keep", FunctionTransformer()), ("inner", inner)])
    return watching(None, search(pipe, {"inner__estimator__level": [-0.5, 0.5]}))


def in_a_calibrated_pipeline():
    inner = watching(None, RowChecker(weights="known"), weights="known")
    pipe = Pipeline([("keep", FunctionTransformer()), ("inner", inner)])
    return watching(None, CalibratedClassifierCV(pipe, cv=FOLDS))


def around_a_resampler():
    return watching(None, Resampler(watching(None), random_state=0), weights="known")


NESTED = [
    two_deep,
    around_a_resampler,
    around_a_search,
    in_a_pipeline,
    in_a_search_of_a_pipeline,
    in_a_calibrated_pipeline,
]


@pytest.mark.parametrize("routing_on", [False, True])
@pytest.mark.parametrize("nested", NESTED)
def test_nested_mitigators_get_groups_and_weights_of_their_rows(nested, routing_on):
    X, y, groups, weights = make_rows()
    with config_context(enable_metadata_routing=routing_on):
        model = fitted(nested(), X, y, sensitive_features=groups, sample_weight=weights)
        assert sum(isinstance(double, WatchingMitigator) for double in watchers(model)) >= 2
        with pytest.raises(Misaligned, match="groups"):
            nested().fit(X, y, sensitive_features=turned(groups), sample_weight=weights)
        with pytest.raises(Misaligned, match="weights"):
            nested().fit(X, y, sensitive_features=groups, sample_weight=turned(weights))


@pytest.mark.parametrize(
    ("nested", "n_jobs"), [(nested, 1) for nested in NESTED] + [(around_a_search, 2)]
)
def test_nested_mitigators_in_a_search_get_what_belongs_to_their_rows(routing, nested, n_jobs):
    X, y, groups, weights = make_rows()
    model = search(nested(), {"missing": ["group", "raise"]}, n_jobs)
    model = fitted(model, X, y, sensitive_features=groups, sample_weight=weights)
    assert sum(isinstance(double, WatchingMitigator) for double in watchers(model)) >= 2


@pytest.mark.parametrize("nested", NESTED)
def test_the_inner_mitigator_may_read_a_column_and_the_outer_one_metadata(routing, nested):
    X, y, groups, weights = make_rows()
    model = nested()
    inner = [name for name, value in model.get_params().items() if isinstance(value, type(model))]
    model.set_params(**{f"{inner[0]}__sensitive_features": "group"})
    fitted(model, X, y, sensitive_features=groups, sample_weight=weights)


# Mitigators that change rows: the inner one checks that groups and labels went with them


RANKER = make_pipeline(StandardScaler(), LogisticRegression())
RESAMPLING = {
    "Resampler": lambda inner: Resampler(inner, random_state=0),
    "Resampler under": lambda inner: Resampler(inner, method="under", random_state=0),
    "LabelMassager": lambda inner: LabelMassager(inner, ranker=RANKER, max_flips=0),
    "GroupBalancer": lambda inner: GroupBalancer(inner, columns=[1], group_estimator=RANKER),
    "GroupBalancer resample": lambda inner: GroupBalancer(
        inner, columns=[1], group_estimator=RANKER, method="resample", random_state=0
    ),
}
AROUND = {name: WRAPPERS[name] for name in ("nothing", "pipeline", "calibration", "voting")} | {
    "bagging": WRAPPERS["bagging"],
    "grid search": lambda model, n_jobs: search(
        model, {"estimator__missing": ["group", "raise"]}, n_jobs
    ),
}


@pytest.mark.parametrize(
    ("wrapper", "n_jobs"), [*((name, 1) for name in AROUND), ("grid search", 2)]
)
@pytest.mark.parametrize("column", [None, 2])
@pytest.mark.parametrize("resampling", RESAMPLING)
def test_rows_are_resampled_with_their_groups_and_labels(
    routing, resampling, wrapper, n_jobs, column
):
    X, y, groups, _ = make_rows()
    mitigator = RESAMPLING[resampling](watching(column)).set_params(sensitive_features=column)
    model = AROUND[wrapper](mitigator, n_jobs)
    if column is not None:
        fitted(model, X, y)
        return
    fitted(model, X, y, sensitive_features=groups)
    if n_jobs == 1:
        with pytest.raises(Misaligned):
            model.fit(X, y, sensitive_features=turned(groups))


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("resampling", RESAMPLING)
def test_cross_validate_resamples_each_folds_rows(resampling, n_jobs):
    X, y, groups, _ = make_rows()
    model = RESAMPLING[resampling](watching(None))
    options = {"cv": 3, "error_score": "raise", "n_jobs": n_jobs, "return_estimator": True}
    metrics = ("accuracy", "demographic_parity_difference")
    by_column = clone(model).set_params(
        sensitive_features="group", estimator__sensitive_features="group"
    )
    scoring = fairness_scoring(*metrics, sensitive_features="group")
    expected = cross_validate(by_column, X, y, scoring=scoring, **options)
    with config_context(enable_metadata_routing=True):
        scoring = fairness_scoring(*metrics)
        metadata = {"sensitive_features": groups}
        found = cross_validate(model, X, y, scoring=scoring, params=metadata, **options)
    for name in metrics:
        assert_array_equal(found[f"test_{name}"], expected[f"test_{name}"])
    for one, other in zip(found["estimator"], expected["estimator"], strict=True):
        assert_array_equal(one.estimator_.rows_, other.estimator_.rows_)
        assert len(one.sample_indices_) == len(one.estimator_.rows_)


# Cross-validation


@pytest.mark.parametrize(
    ("wrapper", "n_jobs"),
    [("nothing", 1), ("nothing", 2), ("pipeline", 1), ("grid search", 2), ("voting", 1)],
)
def test_cross_validate_gives_each_fold_its_groups(routing, wrapper, n_jobs):
    X, y, groups, _ = make_rows()
    model = WRAPPERS[wrapper](watching(None), 1)
    options = {"cv": 3, "error_score": "raise", "n_jobs": n_jobs, "return_estimator": True}
    options["scoring"] = fairness_scoring("accuracy", "demographic_parity_difference")
    results = cross_validate(model, X, y, params={"sensitive_features": groups}, **options)
    for fold in results["estimator"]:
        assert max(len(double.rows_) for double in watchers(fold)) == 80
    options["n_jobs"] = 1
    with pytest.raises(Misaligned):
        cross_validate(model, X, y, params={"sensitive_features": turned(groups)}, **options)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_cross_val_predict_fits_with_the_groups_of_each_fold(routing, n_jobs):
    X, y, groups, _ = make_rows()
    options = {"cv": FOLDS, "n_jobs": n_jobs}
    predicted = cross_val_predict(
        watching(None), X, y, params={"sensitive_features": groups}, **options
    )
    assert_array_equal(predicted, X["x"].to_numpy() > 0)
    with pytest.raises(Misaligned):
        cross_val_predict(
            watching(None), X, y, params={"sensitive_features": turned(groups)}, cv=FOLDS
        )


class OwnGroupsOnly(GroupLabelStratifiedKFold):
    """Raises where the splitter's groups are not the rows'."""

    def split(self, X, y, groups=None, *, sensitive_features=None):
        if self.sensitive_features is None and any(sensitive_features != group_of(row_ids(X))):
            raise Misaligned("the splitter's groups belong to other rows")
        for train, test in super().split(X, y, sensitive_features=sensitive_features):
            cells = label_of(row_ids(X)[test]) * 3 + group_of(row_ids(X)[test])
            whole = label_of(row_ids(X)) * 3 + group_of(row_ids(X))
            share = np.bincount(cells, minlength=6) - np.bincount(whole) / self.n_splits
            if (abs(share) >= 1).any():
                raise Misaligned("a fold has not its share of a cell")
            yield train, test


@pytest.mark.parametrize("column", [None, "group"])
def test_the_splitter_gets_the_groups_of_its_rows(routing, column):
    X, y, groups, _ = make_rows()
    metadata = {} if column else {"sensitive_features": groups}
    splitter = OwnGroupsOnly(4, sensitive_features=column)
    model = watching(column)
    cross_validate(model, X, y, cv=splitter, params=metadata, error_score="raise")
    cross_val_predict(model, X, y, cv=splitter, params=metadata)
    fitted(search(model, cv=splitter), X, y, **metadata)
    fitted(halving(model, 1).set_params(cv=splitter), X, y, **metadata)
    nested = search(search(model, cv=splitter), {"estimator__estimator__level": [0, 1]})
    fitted(nested.set_params(cv=splitter), X, y, **metadata)


def test_scorers_weight_each_row_by_its_own_weight(routing):
    X, y, groups, _ = make_rows()
    weights = np.random.default_rng(0).exponential(size=len(y))
    scoring = fairness_scoring("accuracy", "demographic_parity_difference")
    metadata = {"sensitive_features": groups, "sample_weight": weights}
    results = cross_validate(
        watching(None), X, y, cv=3, scoring=scoring, params=metadata, return_indices=True
    )
    selected = X["x"].to_numpy() > 0
    for fold, test in enumerate(results["indices"]["test"]):
        hits = np.average((selected == y)[test], weights=weights[test])
        rates = [
            np.average(selected[test][of_g], weights=weights[test][of_g])
            for of_g in (groups[test] == g for g in range(3))
        ]
        assert results["test_accuracy"][fold] == pytest.approx(hits)
        gap = results["test_demographic_parity_difference"][fold]
        assert gap == pytest.approx(min(rates) - max(rates))


# Both forms of the protocol give the same numbers


def biased_rows(n=300, seed=1):
    rng = np.random.default_rng(seed)
    sex = np.where(rng.random(n) < 0.4, "f", "m")
    skill = rng.normal(size=n)
    proxy = rng.normal(size=n) + 1.5 * (sex == "m")
    y = (skill + (sex == "m") + 0.5 * rng.normal(size=n) > 0.5).astype(int)
    return pd.DataFrame({"sex": sex, "skill": skill, "proxy": proxy}), y


def reweighted(column):
    columns = make_column_transformer((StandardScaler(), ["skill", "proxy"]))
    return Reweighter(make_pipeline(columns, LogisticRegression()), sensitive_features=column)


METRICS = ("accuracy", "roc_auc", "demographic_parity_difference", "equalized_odds_ratio")


@pytest.mark.parametrize("make", [pd.DataFrame, pl.from_pandas], ids=["pandas", "polars"])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_both_forms_give_equal_scores_in_cross_validate(make, n_jobs):
    X, y = biased_rows()
    options = {"cv": 4, "error_score": "raise", "n_jobs": n_jobs}
    scoring = fairness_scoring(*METRICS, sensitive_features="sex")
    by_column = cross_validate(reweighted("sex"), make(X), y, scoring=scoring, **options)
    with config_context(enable_metadata_routing=True):
        by_metadata = cross_validate(
            reweighted(None),
            make(X),
            y,
            scoring=fairness_scoring(*METRICS),
            params={"sensitive_features": make(X)["sex"]},
            **options,
        )
    for name in METRICS:
        assert_array_equal(by_column[f"test_{name}"], by_metadata[f"test_{name}"])
        assert len(set(by_column[f"test_{name}"])) > 1


@pytest.mark.parametrize("make", [pd.DataFrame, pl.from_pandas], ids=["pandas", "polars"])
@pytest.mark.parametrize("searcher", [GridSearchCV, RandomizedSearchCV])
def test_both_forms_choose_the_same_model_in_a_search(make, searcher):
    X, y = biased_rows()
    grid = {"estimator__logisticregression__C": [0.001, 0.01, 1.0]}
    options = {"cv": 4, "error_score": "raise"}
    if searcher is RandomizedSearchCV:
        options |= {"n_iter": 3, "random_state": 0}
    options["refit"] = select_fair("accuracy", demographic_parity_difference=0.2)
    scoring = fairness_scoring(*METRICS, sensitive_features="sex")
    by_column = searcher(reweighted("sex"), grid, scoring=scoring, **options).fit(make(X), y)
    with config_context(enable_metadata_routing=True):
        by_metadata = searcher(
            reweighted(None), grid, scoring=fairness_scoring(*METRICS), **options
        )
        by_metadata.fit(make(X), y, sensitive_features=make(X)["sex"])
    for name in METRICS:
        key = f"mean_test_{name}"
        assert_array_equal(by_column.cv_results_[key], by_metadata.cv_results_[key])
    assert by_column.best_index_ == by_metadata.best_index_
    assert_array_equal(by_column.predict_proba(make(X)), by_metadata.predict_proba(make(X)))


def test_pandas_and_polars_give_equal_scores():
    X, y = biased_rows()
    scoring = fairness_scoring(*METRICS, sensitive_features="sex")
    pandas_scores = cross_validate(reweighted("sex"), X, y, cv=4, scoring=scoring)
    polars_scores = cross_validate(reweighted("sex"), pl.from_pandas(X), y, cv=4, scoring=scoring)
    for name in METRICS:
        assert_array_equal(pandas_scores[f"test_{name}"], polars_scores[f"test_{name}"])


def test_the_columns_themselves_can_be_searched_over():
    X, y = biased_rows()
    candidates = ["sex", Bins("proxy", [0.5]), ["sex", Bins("proxy", [0.5])]]
    scoring = fairness_scorer("demographic_parity_difference", sensitive_features="sex")
    model = search(reweighted(None), {"sensitive_features": candidates}, scoring=scoring)
    model.fit(X, y)
    assert len(set(model.cv_results_["mean_test_score"])) == 3
    assert model.best_params_ == {"sensitive_features": candidates[model.best_index_]}


# Estimators that need the groups at predict


RESPONSES = ("accuracy", "roc_auc", "neg_log_loss", "demographic_parity_difference")


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_scorers_pass_each_folds_groups_on_to_predict(routing, n_jobs):
    X, y, groups, _ = make_rows()
    scoring = fairness_scoring(*RESPONSES)
    results = cross_validate(
        GroupRule(),
        X,
        y,
        cv=3,
        scoring=scoring,
        params={"sensitive_features": groups},
        error_score="raise",
        return_indices=True,
        n_jobs=n_jobs,
    )
    for fold, test in enumerate(results["indices"]["test"]):
        hit = (X["x"].to_numpy() > 0.5 * groups)[test] == y[test]
        assert results["test_accuracy"][fold] == pytest.approx(hit.mean())


def test_scorers_in_both_forms_agree_for_a_rule_by_group():
    X, y, groups, _ = make_rows()
    scoring = fairness_scoring(*RESPONSES, sensitive_features="group")
    by_column = cross_validate(GroupRule("group"), X, y, cv=3, scoring=scoring)
    with config_context(enable_metadata_routing=True):
        by_metadata = cross_validate(
            GroupRule(),
            X,
            y,
            cv=3,
            scoring=fairness_scoring(*RESPONSES),
            params={"sensitive_features": groups},
        )
    for name in RESPONSES:
        assert_array_equal(by_column[f"test_{name}"], by_metadata[f"test_{name}"])


@pytest.mark.parametrize(
    "wrap",
    [
        lambda rule: rule,
        lambda rule: Pipeline([("keep", FunctionTransformer()), ("rule", rule)]),
        lambda rule: WatchingMitigator(rule),
        lambda rule: WatchingMitigator(Pipeline([("keep", FunctionTransformer()), ("rule", rule)])),
    ],
    ids=["alone", "in a pipeline", "in a mitigator", "in a pipeline in a mitigator"],
)
def test_the_best_estimator_of_a_search_predicts_by_group(routing, wrap):
    X, y, groups, _ = make_rows()
    model = wrap(GroupRule())
    level = next(name for name in model.get_params() if name.endswith("level"))
    model = search(
        model,
        {level: [0, 1]},
        scoring=fairness_scoring("accuracy", "demographic_parity_difference"),
        refit=select_fair("accuracy", demographic_parity_difference=1.0),
    )
    fitted(model, X, y, sensitive_features=groups)
    best = model.best_estimator_
    expected = X["x"].to_numpy() > 0.5 * groups + model.best_params_[level]
    assert_array_equal(best.predict(X, sensitive_features=groups), expected)
    probabilities = best.predict_proba(X, sensitive_features=groups)
    assert_array_equal(probabilities[:, 1] > 0.5, expected)
    with pytest.raises(Misaligned):
        best.predict(X, sensitive_features=turned(groups))
    with pytest.raises(ValueError, match="needs sensitive features"):
        best.predict(X)


# Rules by group around an estimator: the inner one checks that each fold's rows are its own


RULES = {
    "ThresholdOptimizer": lambda inner, column: ThresholdOptimizer(
        inner, sensitive_features=column, tol=1.0, shrinkage=None, cv=3
    ),
    "randomized ThresholdOptimizer": lambda inner, column: ThresholdOptimizer(
        inner, sensitive_features=column, tol=1.0, shrinkage=None, randomized=True, random_state=0
    ),
    "RejectOptionClassifier": lambda inner, column: RejectOptionClassifier(
        inner, sensitive_features=column, tol=1.0, cv=3
    ),
}
FAIR = ("accuracy", "demographic_parity_difference")
INSIDE = {
    "nothing": lambda rule: rule,
    "pipeline": lambda rule: Pipeline([("keep", FunctionTransformer()), ("rule", rule)]),
    "mitigator": lambda rule: watching(rule.sensitive_features, rule),
    "grid search": lambda rule: search(
        rule,
        {"estimator__estimator__level": [-0.5, 0.5]},
        scoring=fairness_scoring(*FAIR, sensitive_features=rule.sensitive_features),
        refit="accuracy",
    ),
}


@pytest.mark.parametrize("column", [None, "group"])
@pytest.mark.parametrize("wrapper", INSIDE)
@pytest.mark.parametrize("rule", RULES)
def test_rules_by_group_fit_and_predict_with_the_groups_of_their_rows(
    routing, rule, wrapper, column
):
    X, y, groups, weights = make_rows()
    inner = watching(column, RowChecker(weights="known"), weights="known")
    model = INSIDE[wrapper](RULES[rule](inner, column))
    metadata = {} if column else {"sensitive_features": groups}
    fitted(model, X, y, sample_weight=weights, **metadata)
    model = getattr(model, "best_estimator_", model)
    given = {} if column else {"sensitive_features": groups}
    assert model.predict(X, **given).shape == y.shape
    others = X.assign(group=turned(groups)) if column else X
    metadata = {} if column else {"sensitive_features": turned(groups)}
    with pytest.raises(Misaligned, match="groups belong to other rows"):
        model.fit(others, y, sample_weight=weights, **metadata)


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_rules_by_group_score_alike_in_both_forms(rule):
    X, y = biased_rows()
    columns = make_column_transformer((StandardScaler(), ["skill", "proxy"]))
    inner = make_pipeline(columns, LogisticRegression())
    by_column, by_metadata = RULES[rule](inner, "sex"), RULES[rule](inner, None)
    options = {"cv": 4, "error_score": "raise"}
    expected = cross_validate(
        by_column, X, y, scoring=fairness_scoring(*FAIR, sensitive_features="sex"), **options
    )
    metadata = {"sensitive_features": X["sex"]}
    with config_context(enable_metadata_routing=True):
        found = cross_validate(
            by_metadata, X, y, scoring=fairness_scoring(*FAIR), params=metadata, **options
        )
        with pytest.raises(ValueError, match="needs sensitive features"):
            cross_val_predict(by_metadata, X, y, cv=4, params=metadata)
    for name in FAIR:
        assert_array_equal(found[f"test_{name}"], expected[f"test_{name}"])
    assert cross_val_predict(by_column, X, y, cv=4).shape == y.shape
    assert VotingClassifier([("rule", by_column)]).fit(X, y).predict(X).shape == y.shape


@pytest.mark.slow
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("rule", RULES)
def test_their_own_score_serves_searches_without_scoring_in_both_forms(rule, weighted):
    X, y = biased_rows()
    columns = make_column_transformer((StandardScaler(), ["skill", "proxy"]))
    with config_context(enable_metadata_routing=True):
        last = LogisticRegression().set_fit_request(sample_weight=weighted)
        inner = make_pipeline(columns, last)
        metadata = {"sample_weight": np.where(y == 1, 1.0, 3.0)} if weighted else {}
        by_column = search(RULES[rule](inner, "sex"), {"tol": [0.5, 1.0]}, scoring=None)
        by_metadata = search(RULES[rule](inner, None), {"tol": [0.5, 1.0]}, scoring=None)
        by_column.fit(X, y, **metadata)
        by_metadata.fit(X, y, sensitive_features=X["sex"], **metadata)
        score = by_metadata.best_estimator_.score(X, y, sensitive_features=X["sex"], **metadata)
    key = "mean_test_score"
    assert_array_equal(by_column.cv_results_[key], by_metadata.cv_results_[key])
    predicted = by_column.best_estimator_.predict(X)
    expected = np.average(predicted == y, weights=metadata.get("sample_weight"))
    assert score == pytest.approx(expected)


@pytest.mark.parametrize("scoring", ["accuracy", "roc_auc", ["accuracy", "recall"], None])
def test_stock_scorers_raise_for_a_rule_by_group(routing, scoring):
    X, y, groups, _ = make_rows()
    metadata = {"sensitive_features": groups}
    with pytest.raises(ValueError, match="GroupRule needs sensitive features"):
        cross_validate(
            GroupRule(), X, y, cv=3, scoring=scoring, params=metadata, error_score="raise"
        )


def test_stock_scorers_give_nan_and_no_number_where_errors_are_scores(routing):
    X, y, groups, _ = make_rows()
    metadata = {"sensitive_features": groups}
    with pytest.warns(UserWarning, match="GroupRule needs sensitive features"):
        results = cross_validate(GroupRule(), X, y, cv=3, scoring="accuracy", params=metadata)
    assert np.isnan(results["test_score"]).all()


# What can't be routed is refused


def pipe_after_names_are_lost():
    to_numpy = make_column_transformer(("passthrough", ["row", "x", "group"]))
    return make_pipeline(to_numpy, watching("group"))


def pipe_after_the_column_is_dropped():
    drop = make_column_transformer(("passthrough", ["row", "x"])).set_output(transform="pandas")
    return make_pipeline(drop, watching("group"))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (BaggingClassifier(watching("group"), 2), "without column names"),
        (AdaBoostClassifier(watching("group"), n_estimators=2), "without column names"),
        (pipe_after_names_are_lost(), "without column names.*position"),
        (pipe_after_the_column_is_dropped(), r"no column 'group'; its columns are \['passthr"),
        (watching("group").set_params(sensitive_features="sex"), r"'sex'.*\['row', 'x', 'group'\]"),
        (watching(2).set_params(sensitive_features=7), r"no column 7"),
        (watching(None), r"sensitive_features=\"sex\".*enable_metadata_routing=True"),
        (search(watching(None)), "needs sensitive features"),
        (VotingClassifier([("a", watching(None))]), "needs sensitive features"),
    ],
)
@pytest.mark.parametrize("routing_on", [False, True])
def test_a_column_that_is_not_there_and_no_groups_at_all_are_refused(model, message, routing_on):
    X, y, _, _ = make_rows()
    with (
        config_context(enable_metadata_routing=routing_on),
        pytest.raises(ValueError, match=f"(?s){message}"),
    ):
        model.fit(X, y)


@pytest.mark.parametrize("routing_on", [False, True])
def test_groups_given_twice_are_refused(routing_on):
    X, y, groups, _ = make_rows()
    with config_context(enable_metadata_routing=routing_on):
        with pytest.raises(ValueError, match=r"got sensitive features twice.*give one of them"):
            watching("group").fit(X, y, sensitive_features=groups)
        with pytest.raises(ValueError, match=r"fairness_scorer.*got sensitive features twice"):
            fairness_scorer("demographic_parity_difference", sensitive_features="group")(
                RowChecker().fit(X, y), X, y, sensitive_features=groups
            )
        splitter = GroupLabelStratifiedKFold(sensitive_features="group")
        with pytest.raises(ValueError, match=r"GroupLabelStratifiedKFold got .* twice"):
            next(splitter.split(X, y, sensitive_features=groups))


@pytest.mark.parametrize("wrapper", ["pipeline", "grid search", "calibration", "voting", "bagging"])
def test_metadata_are_refused_where_everything_reads_a_column(routing, wrapper):
    X, y, groups, _ = make_rows()
    model = WRAPPERS[wrapper](watching(2), 1)
    if isinstance(model, GridSearchCV):
        by_column = fairness_scorer("demographic_parity_difference", sensitive_features="group")
        model.set_params(scoring=by_column)
    with pytest.raises(TypeError, match="sensitive_features"):
        model.fit(X, y, sensitive_features=groups)


@pytest.mark.parametrize("wrapper", ["pipeline", "voting", "bagging"])
def test_metadata_with_routing_off_are_refused_where_they_would_not_arrive(wrapper):
    X, y, groups, _ = make_rows()
    with pytest.raises(ValueError, match="sensitive_features"):
        WRAPPERS[wrapper](watching(None), 1).fit(X, y, sensitive_features=groups)


@pytest.mark.parametrize("wrapper", ["grid search", "halving search", "calibration"])
def test_metadata_with_routing_off_arrive_at_the_right_rows_or_not_at_all(wrapper):
    X, y, groups, _ = make_rows()
    model = WRAPPERS[wrapper](watching(None), 1)
    fitted(model, X, y, sensitive_features=groups)
    with pytest.raises(Misaligned):
        model.fit(X, y, sensitive_features=turned(groups))


def test_scorers_and_splitters_that_need_metadata_raise_with_routing_off():
    X, y, groups, _ = make_rows()
    scorer = fairness_scorer("demographic_parity_difference")
    with pytest.raises(ValueError, match=r"fairness_scorer.* needs sensitive features"):
        search(watching(None), scoring=scorer).fit(X, y, sensitive_features=groups)
    model = search(watching(None), cv=GroupLabelStratifiedKFold(3))
    with pytest.raises(ValueError, match="GroupLabelStratifiedKFold needs sensitive features"):
        model.fit(X, y, sensitive_features=groups)


@pytest.mark.parametrize(
    "model",
    [
        StackingClassifier([("a", watching(None))], cv=3),
        AdaBoostClassifier(watching(None), n_estimators=2),
    ],
)
def test_stacking_and_boosting_refuse_metadata(routing, model):
    X, y, groups, _ = make_rows()
    with pytest.raises(TypeError, match=r"fit\(\) got an unexpected keyword.*sensitive_features"):
        model.fit(X, y, sensitive_features=groups)


@pytest.mark.parametrize(
    "model",
    [
        search(GroupRule(), {"level": [0]}),
        halving(WatchingMitigator(GroupRule()), 1),
        VotingClassifier([("a", GroupRule())]),
    ],
    ids=["grid search", "halving search", "voting"],
)
def test_predicting_by_group_through_a_wrapper_is_refused(routing, model):
    X, y, groups, _ = make_rows()
    fitted(model, X, y, sensitive_features=groups)
    with pytest.raises(TypeError, match=r"predict\(\) got an unexpected keyword argument 'sens"):
        model.predict(X, sensitive_features=groups)
    with pytest.raises(ValueError, match="GroupRule needs sensitive features"):
        model.predict(X)


def test_predicting_by_group_through_bagging_has_the_right_groups_or_is_refused(routing):
    X, y, groups, _ = make_rows()
    unweighted = UnweightedMitigator(GroupRule())  # bagging draws rows
    model = fitted(BaggingClassifier(unweighted, 2), X, y, sensitive_features=groups)
    with pytest.raises(ValueError, match="GroupRule needs sensitive features"):
        model.predict(X)
    with pytest.raises((TypeError, Misaligned)):  # scikit-learn 1.7 and later pass them on
        model.predict(X, sensitive_features=turned(groups))


def test_calibrating_a_rule_by_group_is_refused(routing):
    X, y, groups, _ = make_rows()
    model = fitted(
        CalibratedClassifierCV(watching(None), cv=FOLDS), X, y, sensitive_features=groups
    )
    with pytest.raises(TypeError, match=r"predict\(\) got an unexpected keyword argument 'sens"):
        model.predict(X, sensitive_features=groups)
    with pytest.raises(ValueError, match="GroupRule needs sensitive features"):
        CalibratedClassifierCV(GroupRule(), cv=FOLDS).fit(X, y, sensitive_features=groups)


def test_cross_val_predict_of_a_rule_by_group_is_refused(routing):
    X, y, groups, _ = make_rows()
    with pytest.raises(ValueError, match="GroupRule needs sensitive features"):
        cross_val_predict(GroupRule(), X, y, cv=FOLDS, params={"sensitive_features": groups})


def test_a_nested_search_of_a_rule_by_group_is_scored_by_column_and_refused_by_metadata(routing):
    X, y, groups, _ = make_rows()
    scoring = fairness_scoring("accuracy", "demographic_parity_difference")
    with pytest.raises(ValueError, match="GroupRule needs sensitive features"):
        cross_validate(
            search(GroupRule(), {"level": [0]}),
            X,
            y,
            cv=3,
            scoring=scoring,
            params={"sensitive_features": groups},
            error_score="raise",
        )
    scoring = fairness_scoring(*scoring, sensitive_features="group")
    nested = search(GroupRule("group"), {"level": [0]})
    options = {"cv": 3, "scoring": scoring, "params": {}}
    alone = cross_validate(GroupRule("group"), X, y, **options)
    inside = cross_validate(nested, X, y, **options)
    assert_array_equal(alone["test_accuracy"], inside["test_accuracy"])


@pytest.mark.parametrize("off", [-1, 1, -60])
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_metadata_of_the_wrong_length_are_refused(routing, wrapper, off):
    X, y, groups, _ = make_rows()
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples"):
        WRAPPERS[wrapper](watching(None), 1).fit(
            X, y, sensitive_features=np.resize(groups, len(X) + off)
        )


@pytest.mark.parametrize("wrapper", ["nothing", "pipeline"])
def test_predict_refuses_groups_of_the_wrong_length(routing, wrapper):
    X, y, groups, _ = make_rows()
    model = {"nothing": GroupRule(), "pipeline": make_pipeline(FunctionTransformer(), GroupRule())}
    model = fitted(model[wrapper], X, y, sensitive_features=groups)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.predict(X, sensitive_features=groups[1:])


def test_unknown_metadata_are_refused(routing):
    X, y, groups, _ = make_rows()
    with pytest.raises(TypeError, match="no step of RowChecker asks for"):
        watching(None).fit(X, y, sensitive_features=groups, ages=groups)
    with pytest.raises(TypeError, match="ages"):
        search(watching(None)).fit(X, y, sensitive_features=groups, ages=groups)


@pytest.mark.parametrize(
    "given",
    [lambda s: {"a": s, "b": s}, Groups.read, iter],
    ids=["dict of columns", "Groups", "iterator"],
)
def test_values_that_scikit_learn_cannot_slice_are_refused(routing, given):
    X, y, groups, _ = make_rows()
    with pytest.raises((ValueError, TypeError, IndexError)):
        search(watching(None)).fit(X, y, sensitive_features=given(groups))


# Where a wrong answer is possible, because scikit-learn gives no means to notice


def test_the_splitter_refuses_groups_that_are_as_long_as_a_fold(routing):
    X, y, groups, _ = make_rows()
    with pytest.raises(ValueError, match="sensitive_features has 60, the data have 120"):
        cross_validate(
            Reweighter(LogisticRegression()),
            X,
            y,
            cv=GroupLabelStratifiedKFold(2),
            params={"sensitive_features": groups[:60]},
        )


@pytest.mark.xfail(
    raises=pytest.fail.Exception,
    reason="scikit-learn hands metadata of another length to every fold, unsliced",
)
def test_groups_that_are_as_long_as_a_fold_are_refused(routing):
    X, y, groups, _ = make_rows()
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        cross_validate(
            Reweighter(LogisticRegression()),
            X,
            y,
            cv=2,
            params={"sensitive_features": groups[:60]},
            error_score="raise",
        )


@pytest.mark.filterwarnings("ignore:no rows in cells")  # of the wrong groups
@pytest.mark.xfail(
    raises=pytest.fail.Exception,
    reason="a position means another column where bagging draws the columns",
)
def test_positions_are_refused_where_columns_are_drawn():
    X, y, _, _ = make_rows()
    mitigator = Reweighter(LogisticRegression(), sensitive_features=Bins(0, [0.5]))
    bagging = BaggingClassifier(mitigator, 3, max_features=2, random_state=0)
    with pytest.raises(ValueError, match="column"):
        bagging.fit(X[["group", "x", "row"]], y)
