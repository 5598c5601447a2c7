"""Groups reach transform with their rows, and tables come back as they were."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from doubles import Misaligned, check_groups, make_rows
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfair.base import BaseGroupTransformer, GroupsAtTransformMixin, as_numbers, wants
from skfair.groups import Bins
from skfair.metrics import fairness_scorer, performance_scorer
from skfair.preprocessing import CorrelationRemover, DisparateImpactRemover, Reweighter

REMOVERS = {
    "correlation": (CorrelationRemover, "alpha"),
    "impact": (DisparateImpactRemover, "repair_level"),
}


class CheckingAdder(GroupsAtTransformMixin, BaseEstimator):
    """Checks that each row has its own group, at fit and at transform."""

    def __init__(self, sensitive_features=None, missing="group"):
        self.sensitive_features = sensitive_features
        self.missing = missing

    def fit(self, X, y=None, *, sensitive_features=None, sample_weight=None, extra=None):
        check_groups(X, self._read_groups(X, sensitive_features))
        self.n_features_in_, self.extra_ = X.shape[1], extra
        return self

    def transform(self, X, *, sensitive_features=None):
        check_groups(X, self._read_groups(X, sensitive_features))
        return X


class Subtract(BaseGroupTransformer):
    """Subtracts the code of its group from each number, and remembers what it got."""

    def __init__(self, sensitive_features=None, drop_sensitive=True, missing="group"):
        self.sensitive_features = sensitive_features
        self.drop_sensitive = drop_sensitive
        self.missing = missing

    def _fit_matrix(self, matrix, sensitive, weights):
        self.labels_, self.fitted_, self.weights_ = sensitive.labels, matrix, weights

    def _transform_matrix(self, matrix, sensitive):
        return matrix - sensitive.encode(self.labels_)[:, None]


class SubtractFromFirst(Subtract):
    def _choose_columns(self, X, sensitive):
        return super()._choose_columns(X, sensitive)[:1]


FRAME = pd.DataFrame(
    {
        "a": [1, 2, 3],
        "sex": ["f", "m", "m"],
        "b": np.array([1.5, 2.5, 3.5], dtype=np.float32),
    },
    index=[7, 7, 2],
)


def piped(model):
    return make_pipeline(model, StandardScaler(), LogisticRegression())


# Requests


@pytest.mark.parametrize("method", ["fit", "transform", "fit_transform"])
def test_groups_are_asked_for_as_metadata_unless_they_are_columns(method):
    assert wants(CheckingAdder(), method)
    assert not wants(CheckingAdder("group"), method)


@pytest.mark.parametrize("method", ["fit", "predict", "predict_proba", "decision_function"])
def test_a_pipeline_asks_for_what_its_transformer_needs(method):
    assert wants(piped(CheckingAdder()), method)
    assert not wants(piped(CheckingAdder("group")), method)


def test_what_the_user_requests_holds(routing):
    aliased = CheckingAdder().set_fit_request(sensitive_features="sex")
    for method in ("fit", "transform", "fit_transform"):
        requests = getattr(aliased.get_metadata_routing(), method).requests
        assert requests["sensitive_features"] == "sex"
    refusing = CheckingAdder().set_transform_request(sensitive_features=False)
    assert not wants(refusing, "transform")
    assert wants(refusing, "fit")


def test_weights_are_asked_for_at_fit_only():
    assert wants(CheckingAdder(), "fit", "sample_weight")
    assert not wants(CheckingAdder(), "transform", "sample_weight")


def test_a_transformer_by_group_says_so():
    assert CheckingAdder().uses_group_at_predict
    assert not CheckingAdder().infers_group


# Rows by their ids


@pytest.mark.parametrize("column", [None, "group"])
def test_fit_transform_passes_the_groups_to_both_and_metadata_to_fit(column):
    X, y, groups, _ = make_rows()
    given = {} if column else {"sensitive_features": groups}
    adder = CheckingAdder(column)
    assert adder.fit_transform(X, y, extra="kept", **given) is X
    assert adder.extra_ == "kept"


def test_fit_transform_notices_groups_of_other_rows():
    X, y, groups, _ = make_rows()
    with pytest.raises(Misaligned):
        CheckingAdder().fit_transform(X, y, sensitive_features=np.roll(groups, 1))
    with pytest.raises(Misaligned):
        CheckingAdder().fit(X, sensitive_features=groups).transform(
            X, sensitive_features=np.roll(groups, 1)
        )


@pytest.mark.parametrize("make", [pd.DataFrame, pl.from_pandas, pd.DataFrame.to_numpy])
@pytest.mark.parametrize("column", [None, 2])
def test_pipelines_pass_each_row_its_group(routing, make, column):
    X, y, groups, _ = make_rows()
    given = {} if column else {"sensitive_features": groups}
    model = piped(CheckingAdder(column)).fit(make(X), y, **given)
    some = np.arange(0, len(X), 3)
    given = {} if column else {"sensitive_features": groups[some]}
    for method in ("predict", "predict_proba", "decision_function"):
        getattr(model, method)(make(X.iloc[some]), **given)
    assert model.score(make(X.iloc[some]), y[some], **given) <= 1
    if column is None:
        with pytest.raises(Misaligned):
            model.predict(make(X), sensitive_features=np.roll(groups, 1))


@pytest.mark.parametrize("column", [None, "group"])
def test_searches_and_scorers_pass_each_fold_its_groups(routing, column):
    X, y, groups, _ = make_rows()
    scoring = {
        "gap": fairness_scorer("demographic_parity_difference", sensitive_features=column),
        "accuracy": performance_scorer("accuracy"),
    }
    search = GridSearchCV(
        piped(CheckingAdder(column)),
        {"logisticregression__C": [0.1, 1.0]},
        scoring=scoring,
        refit="accuracy",
        cv=KFold(3, shuffle=True, random_state=0),
        error_score="raise",
    )
    search.fit(X, y, **({} if column else {"sensitive_features": groups}))
    assert np.isfinite(search.cv_results_["mean_test_gap"]).all()


def test_groups_reach_a_transformer_inside_a_mitigator(routing):
    X, y, groups, weights = make_rows()
    inner = make_pipeline(CheckingAdder(), LogisticRegression())
    model = Reweighter(inner).fit(X, y, sensitive_features=groups, sample_weight=weights)
    assert len(model.predict(X, sensitive_features=groups)) == len(X)
    with pytest.raises(Misaligned):
        model.predict(X, sensitive_features=np.roll(groups, 1))


def test_stock_scorers_are_refused_in_metadata_form_and_work_with_columns(routing):
    X, y, groups, _ = make_rows()
    with pytest.raises(ValueError, match="CheckingAdder needs sensitive features"):
        cross_validate(
            piped(CheckingAdder()),
            X,
            y,
            params={"sensitive_features": groups},
            scoring="accuracy",
            error_score="raise",
        )
    by_column = piped(CheckingAdder("group"))
    cross_validate(by_column, X, y, params={}, scoring="accuracy", error_score="raise")


# Refusals


@pytest.mark.parametrize("method", ["fit", "fit_transform"])
def test_groups_twice_or_not_at_all_are_refused(method):
    with pytest.raises(ValueError, match="Subtract needs sensitive features"):
        getattr(Subtract(), method)(FRAME[["a"]])
    with pytest.raises(ValueError, match="Subtract got sensitive features twice"):
        getattr(Subtract("sex"), method)(FRAME, sensitive_features=FRAME["sex"])


def test_transform_needs_groups_as_fit_does():
    model = Subtract().fit(FRAME[["a"]], sensitive_features=list("fmm"))
    with pytest.raises(ValueError, match="Subtract needs sensitive features"):
        model.transform(FRAME[["a"]])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.transform(FRAME[["a"]], sensitive_features=list("fm"))


def test_groups_unseen_at_fit_are_named():
    model = Subtract().fit(FRAME[["a"]], sensitive_features=list("fmm"))
    with pytest.raises(ValueError, match=r"unseen at fit: \['x', '<missing>'\]"):
        model.transform(FRAME[["a"]], sensitive_features=["x", "f", None])


def test_a_pipeline_without_routing_refuses_to_predict_without_groups():
    X = FRAME[["a", "b"]]
    model = make_pipeline(Subtract(), LogisticRegression())
    model.fit(X, [0, 1, 1], subtract__sensitive_features=list("fmm"))
    with pytest.raises(ValueError, match="Subtract needs sensitive features"):
        model.predict(X)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("height", r"X has no columns \['height'\]; its columns are \['a', 'sex', 'b'\]"),
        (7, "X has no column"),
    ],
)
def test_a_column_that_is_not_there_is_refused(column, message):
    with pytest.raises(ValueError, match=message):
        Subtract(column).fit(FRAME)


def test_other_columns_than_at_fit_are_refused():
    model = Subtract("sex").fit(FRAME)
    with pytest.raises(ValueError, match="feature names"):
        model.transform(FRAME.rename(columns={"a": "c"}))
    with pytest.raises(ValueError, match="feature names"):
        model.transform(FRAME[["b", "sex", "a"]])
    with pytest.raises(ValueError, match="2 features"):
        Subtract(1).fit(FRAME.to_numpy()).transform(FRAME.to_numpy()[:, :2])


def test_transform_before_fit_is_refused():
    with pytest.raises(NotFittedError):
        Subtract("sex").transform(FRAME)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.from_pandas, pd.DataFrame.to_numpy])
def test_columns_that_are_not_numeric_are_named(make):
    X = make(FRAME.assign(job=["x", "y", "x"], town=pd.Categorical(list("uvu"))).astype({"a": str}))
    named = "'x0', 'x3', 'x4'" if isinstance(X, np.ndarray) else "'a', 'job', 'town'"
    with pytest.raises(ValueError, match=rf"columns \[{named}\] are not numeric: encode"):
        Subtract(1).fit(X)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.from_pandas, pd.DataFrame.to_numpy])
@pytest.mark.parametrize(("value", "word"), [(None, "NaN"), (np.inf, "infinity")])
def test_missing_and_infinite_values_are_refused_with_their_columns(make, value, word):
    X = make(FRAME.assign(b=[1.0, value, 2.0]))
    column = "x2" if isinstance(X, np.ndarray) else "b"
    with pytest.raises(ValueError, match=rf"contains {word} in columns \['{column}'\]"):
        Subtract(1).fit(X)
    fitted = Subtract(1).fit(make(FRAME))
    with pytest.raises(ValueError, match=rf"contains {word} in columns \['{column}'\]"):
        fitted.transform(X)


def test_nothing_but_sensitive_columns_is_refused():
    with pytest.raises(ValueError, match="n_features=1, all of them sensitive"):
        Subtract("sex").fit(FRAME[["sex"]])


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([1.0, 2.0], "Expected 2D array"),
        (np.empty((0, 2)), "0 sample"),
        (np.array([[1 + 2j, 1]]), "Complex data not supported"),
    ],
)
def test_what_is_no_table_is_refused_in_scikit_learns_words(X, message):
    with pytest.raises(ValueError, match=message):
        Subtract(0).fit(X)


def test_sparse_tables_are_refused():
    with pytest.raises(TypeError, match="dense"):
        Subtract(0).fit(sparse.csr_matrix(np.eye(3)))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([0, 0, 0], "weights are zero"),
        ([1, -1, 1], "Negative"),
        ([1, 1], "inconsistent numbers of samples"),
        ([1, np.nan, 1], "NaN"),
    ],
)
def test_bad_weights_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        Subtract("sex").fit(FRAME, sample_weight=weights)


# Tables


def test_rows_of_weight_zero_are_as_good_as_absent():
    model = Subtract("sex").fit(FRAME, sample_weight=[0, 2, 3])
    assert model.labels_ == ("m",)
    assert_array_equal(model.fitted_, [[2, 2.5], [3, 3.5]])
    assert_array_equal(model.weights_, [2, 3])
    with pytest.raises(ValueError, match=r"unseen at fit: \['f'\]"):
        model.transform(FRAME)


def test_a_pandas_frame_keeps_index_and_single_precision_and_is_not_changed():
    X = FRAME.copy()
    out = Subtract("sex").fit_transform(X)
    expected = pd.DataFrame({"a": [1.0, 1.0, 2.0], "b": [1.5, 1.5, 2.5]}, index=[7, 7, 2])
    pd.testing.assert_frame_equal(out, expected.astype({"b": np.float32}))
    pd.testing.assert_frame_equal(X, FRAME)


def test_a_polars_frame_comes_back_as_one():
    X = pl.from_pandas(FRAME)
    out = Subtract("sex").fit_transform(X)
    assert out.schema == {"a": pl.Float64, "b": pl.Float32}
    assert out["a"].to_list() == [1, 1, 2]
    assert X.equals(pl.from_pandas(FRAME))


@pytest.mark.parametrize("make", [np.asarray, np.ndarray.tolist])
def test_arrays_and_lists_come_back_as_numbers(make):
    X = make(FRAME.to_numpy())
    out = Subtract(1).fit_transform(X)
    assert out.dtype == np.float64
    assert_array_equal(out, [[1, 1.5], [1, 1.5], [2, 2.5]])
    assert np.array_equal(np.asarray(X, dtype=object), FRAME.to_numpy())


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8, bool])
def test_arrays_keep_single_precision_and_other_numbers_become_double(dtype):
    X = np.array([[0, 1], [1, 1], [1, 0]], dtype=dtype)
    before = X.copy()
    out = Subtract(0, drop_sensitive=False).fit_transform(X)
    assert out.dtype == (np.float32 if dtype == np.float32 else np.float64)
    assert_array_equal(out, [[0, 1], [1, 0], [1, -1]])
    assert_array_equal(X, before)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.from_pandas, pd.DataFrame.to_numpy])
def test_columns_that_are_not_changed_pass(make):
    X = make(FRAME)
    out = SubtractFromFirst(1, drop_sensitive=False).fit_transform(X)
    assert type(out) is type(X)
    rows = np.asarray(out, dtype=object)
    assert rows[:, 1].tolist() == ["f", "m", "m"]
    assert rows[:, 2].tolist() == [1.5, 2.5, 3.5]
    assert rows[:, 0].tolist() == [1, 1, 2]
    assert isinstance(X, np.ndarray) or out["b"].dtype == X["b"].dtype


def test_numbers_of_all_types_are_read():
    X = pd.DataFrame(
        {
            "int": pd.array([1, 2], dtype="Int64"),
            "bool": pd.array([True, False], dtype="boolean"),
            "object": np.array([1, 2.5], dtype=object),
            "plain": [True, False],
        }
    )
    out = Subtract().fit_transform(X, sensitive_features=["f", "m"])
    assert (out.dtypes == np.float64).all()
    assert_array_equal(out, [[1, 1, 1, 1], [1, -1, 1.5, -1]])


def test_as_numbers_tells_numbers_from_the_rest():
    assert as_numbers(np.array(["a", 1.0], dtype=object)) is None
    assert as_numbers(pd.Categorical([1, 2])) is None
    assert as_numbers(np.array([1 + 1j])) is None
    assert as_numbers(np.array(["2020-01-01"], dtype="datetime64[D]")) is None
    assert_array_equal(as_numbers(pd.array([1, None], dtype="Int64")), [1, np.nan])
    assert_array_equal(as_numbers(np.array([None, None])), [np.nan, np.nan])


@pytest.mark.parametrize(("drop", "names"), [(True, ["a", "b"]), (False, ["a", "sex", "b"])])
def test_names_of_the_output(drop, names):
    model = Subtract("sex", drop_sensitive=drop).fit(FRAME)
    assert model.get_feature_names_out().tolist() == names
    assert model.get_feature_names_out(FRAME.columns).tolist() == names
    assert list(model.transform(FRAME).columns) == names
    with pytest.raises(ValueError, match="input_features"):
        model.get_feature_names_out(["a", "b", "sex"])
    unnamed = Subtract(1, drop_sensitive=drop).fit(FRAME.to_numpy())
    assert unnamed.get_feature_names_out().tolist() == [
        f"x{['a', 'sex', 'b'].index(n)}" for n in names
    ]


def test_a_binned_column_leaves_and_a_callable_or_metadata_leave_all():
    X = FRAME[["a", "b"]]
    assert list(Subtract(Bins("a", [1.0])).fit_transform(X)) == ["b"]
    assert list(Subtract(lambda X: X["a"] > 1).fit_transform(X)) == ["a", "b"]
    assert list(Subtract().fit_transform(X, sensitive_features=list("fmm"))) == ["a", "b"]


@pytest.mark.parametrize("make", [pd.DataFrame, pl.from_pandas, pd.DataFrame.to_numpy])
@pytest.mark.parametrize("container", ["pandas", "polars"])
@pytest.mark.parametrize("drop", [True, False])
def test_set_output_names_the_columns(make, container, drop):
    X = make(FRAME)
    model = Subtract(1, drop_sensitive=drop).set_output(transform=container)
    for out in (model.fit_transform(X), model.transform(X)):
        assert type(out) is {"pandas": pd.DataFrame, "polars": pl.DataFrame}[container]
        names = [name for name in FRAME if name != "sex" or not drop]
        named = (
            names if not isinstance(X, np.ndarray) else [f"x{list(FRAME).index(n)}" for n in names]
        )
        assert list(out.columns) == named
        assert out[named[0]].to_numpy().tolist() == [1, 1, 2]


# The two transformers, in both forms


def biased(n=240, seed=0):
    """Numbers that go with one of three groups, some of them missing."""
    rng = np.random.default_rng(seed)
    code = rng.integers(0, 4, n)
    group = np.array(["a", "b", "c", None], dtype=object)[code]
    x = rng.normal(size=(n, 2)) + np.outer(code, [1.0, -0.5])
    y = np.where(x[:, 0] + rng.normal(size=n) > 1, "hired", "rejected")
    X = pd.DataFrame({"x": x[:, 0], "group": group, "z": x[:, 1]}, index=rng.permutation(n))
    return X, y, group


def fair_search(step, parameter, column, n_jobs=1):
    return GridSearchCV(
        make_pipeline(step(sensitive_features=column), LogisticRegression()),
        {f"{step.__name__.lower()}__{parameter}": [0.0, 0.5, 1.0]},
        scoring={
            "gap": fairness_scorer(
                "demographic_parity_difference", sensitive_features=column, pos_label="hired"
            ),
            "accuracy": performance_scorer("accuracy"),
        },
        refit="gap",
        cv=KFold(3),
        n_jobs=n_jobs,
        error_score="raise",
    )


@pytest.mark.parametrize("make", [pd.DataFrame, pl.from_pandas], ids=["pandas", "polars"])
@pytest.mark.parametrize(("step", "parameter"), REMOVERS.values(), ids=list(REMOVERS))
def test_both_forms_have_equal_scores_and_mitigate(step, parameter, make):
    X, y, group = biased()
    by_column = fair_search(step, parameter, "group").fit(make(X), y)
    bare = make(X.drop(columns="group"))
    with config_context(enable_metadata_routing=True):
        by_metadata = fair_search(step, parameter, None).fit(bare, y, sensitive_features=group)
        predicted = by_metadata.best_estimator_.predict(bare, sensitive_features=group)
    for name in ("gap", "accuracy"):
        column = f"mean_test_{name}"
        assert_allclose(by_column.cv_results_[column], by_metadata.cv_results_[column], rtol=1e-12)
    assert_array_equal(by_column.predict(make(X)), predicted)
    assert by_column.best_params_ == by_metadata.best_params_
    gaps = by_column.cv_results_["mean_test_gap"]
    assert gaps[2] > gaps[0] + 0.2  # greater is better


@pytest.mark.slow
@pytest.mark.parametrize(("step", "parameter"), REMOVERS.values(), ids=list(REMOVERS))
def test_searches_in_processes_have_the_same_scores(step, parameter):
    X, y, group = biased()
    alone, beside = (fair_search(step, parameter, "group", n).fit(X, y) for n in (1, 2))
    bare = X.drop(columns="group")
    with config_context(enable_metadata_routing=True):
        routed = fair_search(step, parameter, None, 2).fit(bare, y, sensitive_features=group)
    for search in (beside, routed):
        for name in ("mean_test_gap", "mean_test_accuracy"):
            assert_allclose(search.cv_results_[name], alone.cv_results_[name], rtol=1e-12)


@pytest.mark.parametrize(("step", "parameter"), REMOVERS.values(), ids=list(REMOVERS))
def test_rows_are_transformed_alone_as_together(step, parameter):
    X, _, group = biased()
    model = step(sensitive_features="group", **{parameter: 0.7}).fit(X)
    whole = model.transform(X)
    order = np.random.default_rng(1).permutation(len(X))
    assert_allclose(model.transform(X.iloc[order]), whole.iloc[order], rtol=1e-12)
    for i in range(5):
        assert_allclose(model.transform(X.iloc[[i]]), whole.iloc[[i]], rtol=1e-12)
    refitted = clone(model).fit(X.iloc[order])
    assert_allclose(refitted.transform(X), whole, rtol=1e-9, atol=1e-12)
    bare = X[["x", "z"]]
    metadata = step(**{parameter: 0.7}).fit(bare, sensitive_features=group)
    assert_allclose(metadata.transform(bare, sensitive_features=group), whole, rtol=1e-12)


@pytest.mark.parametrize(("step", "parameter"), REMOVERS.values(), ids=list(REMOVERS))
def test_copies_do_the_same(step, parameter):
    X, _, _ = biased()
    model = step(sensitive_features="group", **{parameter: 0.5}).fit(X)
    loaded = pickle.loads(pickle.dumps(model))
    assert_array_equal(loaded.transform(X), model.transform(X))
    assert_array_equal(clone(model).fit_transform(X), model.transform(X))
    assert clone(model).get_params() == model.get_params()


@pytest.mark.parametrize(("step", "parameter"), REMOVERS.values(), ids=list(REMOVERS))
def test_labels_are_not_looked_at(step, parameter):
    X, y, _ = biased()
    model = step(sensitive_features="group")
    expected = model.fit_transform(X)
    for labels in (y, np.arange(len(X)), None):
        assert_array_equal(model.fit_transform(X, labels), expected)


@pytest.mark.parametrize(("step", "parameter"), REMOVERS.values(), ids=list(REMOVERS))
@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan])
def test_shares_out_of_range_are_refused(step, parameter, value):
    X, _, _ = biased()
    with pytest.raises(ValueError, match=f"{parameter} must be between 0 and 1"):
        step(sensitive_features="group", **{parameter: value}).fit(X)


@pytest.mark.parametrize(("step", "parameter"), REMOVERS.values(), ids=list(REMOVERS))
def test_missing_groups_are_a_group_or_refused(step, parameter):
    X, _, group = biased()
    with pytest.raises(ValueError, match="missing values"):
        step(sensitive_features="group", missing="raise").fit(X)
    complete = X[[value is not None for value in group]]
    model = step(sensitive_features="group").fit(complete)
    with pytest.raises(ValueError, match=r"unseen at fit: \['<missing>'\]"):
        model.transform(X)


@pytest.mark.parametrize(("step", "parameter"), REMOVERS.values(), ids=list(REMOVERS))
def test_steps_around_it_keep_their_names(step, parameter):
    X, y, _ = biased()
    pipe = make_pipeline(
        step(sensitive_features="group"), StandardScaler(), SelectKBest(f_classif, k=1)
    ).set_output(transform="pandas")
    out = pipe.fit_transform(X, y)
    assert list(out) == list(pipe.get_feature_names_out())
    assert set(out) < {"x", "z"}
    assert_array_equal(out.index, X.index)
