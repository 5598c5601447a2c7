from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from doubles import (
    Misaligned,
    RowChecker,
    WatchingMitigator,
    check_aligned,
    group_of,
    label_of,
    make_rows,
    row_ids,
    weight_of,
)
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import Pipeline as SamplingPipeline
from imblearn.under_sampling import RandomUnderSampler
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.metadata_routing import get_routing_for_object

from skfair._utils.columns import column_positions, take_rows
from skfair.base import (
    BaseResamplingMitigator,
    Resampled,
    sensitive_positions,
    take_metadata,
)
from skfair.groups import Bins, Groups
from skfair.metrics import fairness_scorer
from skfair.preprocessing import CorrelationRemover, GroupBalancer, LabelMassager, Resampler


def second(X):
    """The second column, of any table."""
    return np.asarray(X, dtype=object)[:, [1]].astype(float)


RANKER = make_pipeline(FunctionTransformer(second), LogisticRegression())
MITIGATORS = {
    "Resampler": lambda estimator=None, **params: Resampler(estimator, random_state=0, **params),
    "Resampler under": lambda estimator=None, **params: Resampler(
        estimator, random_state=0, method="under", **params
    ),
    "Resampler with a sampler": lambda estimator=None, **params: Resampler(
        estimator, random_state=0, sampler=RandomOverSampler(), **params
    ),
    "LabelMassager": lambda estimator=None, **params: LabelMassager(
        estimator, ranker=RANKER, **params
    ),
    "GroupBalancer": lambda estimator=None, **params: GroupBalancer(
        estimator,
        group_estimator=LogisticRegression(),
        columns=[1],
        method="resample",
        random_state=0,
        **params,
    ),
}
DRAWING = [name for name in MITIGATORS if name != "LabelMassager"]
FOLDS = KFold(3)


def biased(n=240, seed=0):
    """Rows whose labels depend on the sex and the skill."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m"], n)
    skill = rng.normal(size=n)
    y = (skill + (sex == "m") + rng.normal(size=n) > 0.5).astype(int)
    return pd.DataFrame({"sex": sex, "skill": skill, "row": np.arange(n)}), y


def skilled(X):
    """Only the column that the models learn from."""
    return X[["skill"]]


MODEL = make_pipeline(FunctionTransformer(skilled), LogisticRegression())


class WantsAges(RowChecker):
    """Asks for one value a row, and for one value for all."""

    __metadata_request__fit = {"ages": True, "unit": True}  # noqa: RUF012

    def fit(self, X, y, sample_weight=None, *, ages=None, unit=None):
        check_aligned("ages", ages, row_ids(X) + 1)
        self.ages_, self.unit_ = ages, unit
        return super().fit(X, y, sample_weight)


# Columns and rows


FRAME = pd.DataFrame({"a": [1, 2, 3], "b": list("xyz"), "c": [1.5, 2.5, None]}, index=[7, 7, 9])
TABLES = {
    "pandas": FRAME,
    "polars": pl.from_pandas(FRAME),
    "pyarrow": pa.Table.from_pandas(FRAME, preserve_index=False),
    "numpy": FRAME.to_numpy(),
    "list": FRAME.to_numpy().tolist(),
    "tuple": tuple(FRAME.to_numpy().tolist()),
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_rows_of_tables_keep_the_type(table):
    found = take_rows(table, np.array([2, 0, 0], dtype=np.int8))
    assert isinstance(found, list if isinstance(table, tuple) else type(table))
    values = found.to_pandas() if isinstance(found, pl.DataFrame | pa.Table) else found
    assert np.asarray(values, dtype=object)[:, :2].tolist() == [[3, "z"], [1, "x"], [1, "x"]]
    assert len(take_rows(table, [])) == 0


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"])
def test_rows_of_every_sparse_format(kind):
    dense = np.random.default_rng(0).integers(0, 3, (5, 3)).astype(float)
    matrix = sparse.csr_array(dense).asformat(kind)
    found = take_rows(matrix, [4, 1, 1])
    assert sparse.issparse(found)
    assert_array_equal(found.toarray(), dense[[4, 1, 1]])


def test_rows_of_columns_keep_type_dtype_and_index():
    series = pd.Series([1, 2], index=["u", "v"], dtype="Int8", name="n")
    found = take_rows(series, [1, 1])
    assert (found.tolist(), found.index.tolist(), found.name) == ([2, 2], ["v", "v"], "n")
    assert found.dtype == series.dtype
    found = take_rows(pl.Series("n", [1, 2], dtype=pl.Int8), [1, 1])
    assert (found.to_list(), found.name, found.dtype) == ([2, 2], "n", pl.Int8)
    assert take_rows(pd.Categorical(["a", "b"]), [1]).tolist() == ["b"]
    assert take_rows(pa.chunked_array([["a"], ["b"]]), [1]).to_pylist() == ["b"]
    assert take_rows(range(5), [4, 0]).tolist() == [4, 0]
    assert len(take_rows(series, [])) == len(take_rows(pl.Series([1, 2]), [])) == 0


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_positions_of_columns(table):
    assert column_positions(table) == [0, 1, 2]
    assert column_positions(table, 2) == [2]
    assert column_positions(table, [np.int64(1), 0]) == [1, 0]
    assert column_positions(table, []) == []
    for column in (3, -1, "d"):
        with pytest.raises(ValueError, match=r"no columns \[.*\]; its columns are \['(a|x0)', "):
            column_positions(table, [0, column])
    if not isinstance(table, np.ndarray | list | tuple):
        assert column_positions(table, ["c", 0]) == [2, 0]
        assert column_positions(table, "b") == [1]


def test_positions_need_two_dimensions():
    with pytest.raises(ValueError, match="Expected 2D array"):
        column_positions([1, 2])


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (None, []),
        (lambda X: X["a"], []),
        ("c", [2]),
        (1, [1]),
        (Bins("c", [2]), [2]),
        (Bins(0, [2]), [0]),
        (["b", Bins("a", [2]), 2], [1, 0, 2]),
        (("b",), [1]),
        (np.array(["c", "a"]), [2, 0]),
        (pd.Index(["c", "a"]), [2, 0]),
        (np.array([2, 0]), [2, 0]),
    ],
)
def test_positions_of_sensitive_features(columns, expected):
    assert sensitive_positions(FRAME, columns) == expected


def test_values_of_groups_are_read_as_the_same_groups():
    for given in (["m", "f", None, "m"], [2, 1, 1, 2], {"a": ["u", "v"] * 2, "b": [1, 1, 2, None]}):
        groups = Groups.read(given)
        values = groups.to_values()
        assert_array_equal(values.index, np.arange(4))
        again = Groups.read(values)
        assert (again.labels, again.names) == (groups.labels, groups.names)
        assert_array_equal(again.codes, groups.codes)


def test_values_of_groups_by_hand():
    values = Groups.read(pd.Series(["m", None, "f"], name="sex")).to_values()
    assert (values.tolist(), values.name) == (["m", "<missing>", "f"], "sex")
    frame = Groups.read({"sex": ["m", "f", "m"], "age": [1, 2, None]}).to_values()
    assert frame.to_dict("list") == {"sex": ["m", "f", "m"], "age": [1, 2, "<missing>"]}
    only = Groups(np.array([1, 1, 0]), ("f", "m", "x"), ("sex",)).to_values()
    assert only.tolist() == ["m", "m", "f"]  # no row is of x


# Metadata


def resampled(indices):
    groups = Groups(np.zeros(3, dtype=int), ("f",), ("sex",))
    return Resampled(None, None, groups, None, None if indices is None else np.array(indices))


def test_metadata_follow_their_rows():
    new = resampled([3, 1, 1])
    metadata = {
        "sensitive_features": list("abcd"),
        "list": list("abcd"),
        "series": pd.Series(list("abcd"), index=[9, 8, 7, 6]),
        "frame": pl.DataFrame({"v": list("abcd")}),
        "matrix": np.arange(8).reshape(4, 2),
        "string": "abcd",
        "number": 4,
        "numpy": np.float64(4),
        "scalar": np.array(4),
        "none": None,
        "short": [1, 2],
        "dict": {1: 1, 2: 2, 3: 3, 4: 4},
    }
    groups = Groups.read(list("abcd"))
    found = take_metadata(metadata, groups, new.indices, new.groups)
    assert list(found) == list(metadata)
    assert found["sensitive_features"] == ["d", "b", "b"]  # as they came
    assert found["list"] == ["d", "b", "b"]
    assert found["series"].tolist() == ["d", "b", "b"]
    assert found["frame"]["v"].to_list() == ["d", "b", "b"]
    assert found["matrix"].tolist() == [[6, 7], [2, 3], [2, 3]]
    for name in ("string", "number", "numpy", "scalar", "none", "short", "dict"):
        assert found[name] is metadata[name]


@pytest.mark.parametrize("indices", [[0, 1, -1], None])
def test_metadata_of_synthetic_rows_are_refused(indices):
    new, groups = resampled(indices), Groups.read(list("abcd"))
    with pytest.raises(ValueError, match="ages has no values for synthetic rows"):
        take_metadata({"ages": [1, 2, 3, 4]}, groups, new.indices, new.groups)
    values = {"sensitive_features": list("abcd"), "unit": "years"}
    found = take_metadata(values, groups, new.indices, new.groups)
    assert found["sensitive_features"].tolist() == ["f", "f", "f"]
    assert found["unit"] == "years"


# Rows, labels, groups and metadata stay together


@pytest.mark.parametrize("routing_on", [False, True])
@pytest.mark.parametrize("name", DRAWING)
@pytest.mark.parametrize("column", [None, "group"])
def test_rows_labels_and_groups_are_resampled_together(name, column, routing_on):
    X, y, groups, _ = make_rows()
    model = MITIGATORS[name](WatchingMitigator(RowChecker()), sensitive_features=column)
    if column is not None:
        model.set_params(estimator__sensitive_features=column)
    with config_context(enable_metadata_routing=routing_on):
        model.fit(X, y, **({} if column else {"sensitive_features": groups}))
    rows = model.estimator_.rows_  # checked there: labels and groups are those of the rows
    assert_array_equal(rows, row_ids(X)[model.sample_indices_])
    assert sorted(rows) != sorted(row_ids(X))
    assert_array_equal(model.predict(X), X["x"] > 0)
    assert model.classes_.tolist() == [0, 1]


@pytest.mark.parametrize("name", MITIGATORS)
@pytest.mark.parametrize("make", [list, pd.Series, pl.Series, np.array])
def test_metadata_that_the_estimator_asks_for_are_resampled_with_the_rows(name, make):
    X, y, groups, _ = make_rows()
    ages = make((row_ids(X) + 1).tolist())
    if isinstance(ages, pd.Series):
        ages.index = np.arange(len(ages))[::-1]
    model = MITIGATORS[name](WantsAges())
    if name == "LabelMassager":
        model.set_params(max_flips=0)  # the double checks the labels
    model.fit(X, y, sensitive_features=groups, ages=ages, unit="years")
    assert type(model.estimator_.ages_) is type(ages)
    assert len(model.estimator_.ages_) == len(model.sample_indices_)
    assert model.estimator_.unit_ == "years"
    with pytest.raises(Misaligned, match="ages"):
        model.fit(X, y, sensitive_features=groups, ages=make(np.roll(ages, 1).tolist()))


def test_metadata_reach_the_steps_of_a_pipeline_by_name():
    X, y, groups, _ = make_rows()
    model = Resampler(make_pipeline(WantsAges()), random_state=0)
    model.fit(X, y, sensitive_features=groups, wantsages__ages=row_ids(X) + 1)
    with pytest.raises(Misaligned, match="ages"):
        model.fit(X, y, sensitive_features=groups, wantsages__ages=row_ids(X))


@pytest.mark.parametrize("name", MITIGATORS)
def test_metadata_that_nobody_asks_for_are_refused(name):
    X, y, groups, _ = make_rows()
    model = MITIGATORS[name](RowChecker())
    if name == "LabelMassager":
        model.set_params(max_flips=0)
    with pytest.raises(TypeError, match=r"ages.*no step of RowChecker asks for"):
        model.fit(X, y, sensitive_features=groups, ages=row_ids(X))


def test_weights_are_those_of_the_rows():
    X, y, groups, weights = make_rows()
    inner = WatchingMitigator(RowChecker("known"), weights="known")
    model = LabelMassager(inner, ranker=RANKER, max_flips=0)
    model.fit(X, y, sensitive_features=groups, sample_weight=weights)
    with pytest.raises(Misaligned, match="weights"):
        model.fit(X, y, sensitive_features=groups, sample_weight=np.roll(weights, 1))


@pytest.mark.parametrize("name", MITIGATORS)
def test_bad_weights_and_lengths_are_refused(name):
    X, y = biased()
    model = MITIGATORS[name](MODEL, sensitive_features="sex")
    for weights, message in [
        (np.zeros(240), "all sample weights are zero"),
        (np.full(240, np.nan), "NaN"),
        (-np.ones(240), "Negative"),
        (np.ones(239), "inconsistent numbers of samples"),
    ]:
        with pytest.raises(ValueError, match=message):
            model.fit(X, y, sample_weight=weights)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(X, y[1:])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.set_params(sensitive_features=None).fit(X, y, sensitive_features=X["sex"][1:])
    with pytest.raises(ValueError, match="needs sensitive features"):
        model.fit(X, y)


@pytest.mark.parametrize("name", MITIGATORS)
def test_a_missing_group_is_a_group_or_refused(name):
    X, y = biased()
    X["sex"] = X["sex"].where(X["row"] % 4 > 0, None)
    sampler = MITIGATORS[name](sensitive_features="sex")
    sampler.fit_resample(X, y)
    assert sampler.groups_.labels == ("f", "m", "<missing>")
    assert set(sampler.groups_.codes.tolist()) == {0, 1, 2}
    with pytest.raises(ValueError, match="'sex' has 60 missing values"):
        sampler.set_params(missing="raise").fit_resample(X, y)


# With an estimator and without


@pytest.mark.parametrize("name", MITIGATORS)
def test_only_a_sampler_has_fit_resample_and_only_an_estimator_predicts(name):
    X, y = biased()
    around, sampler = (
        MITIGATORS[name](estimator, sensitive_features="sex") for estimator in (MODEL, None)
    )
    assert not hasattr(around, "fit_resample")
    with pytest.raises(AttributeError):
        around.fit_resample(X, y)
    for method in ("predict", "predict_proba", "decision_function", "score"):
        assert hasattr(around, method)
        assert not hasattr(sampler, method)
    assert not hasattr(MITIGATORS[name](RandomForestRegressor()), "predict_proba")
    with pytest.raises(ValueError, match="without an estimator is a sampler: call fit_resample"):
        sampler.fit(X, y)
    with pytest.raises(NotFittedError):
        around.predict(X)
    assert is_classifier(around)
    assert not is_classifier(sampler)


@pytest.mark.parametrize("name", MITIGATORS)
@pytest.mark.parametrize("estimator", [None, MODEL], ids=["sampler", "around a pipeline"])
def test_clone_pickle_params_and_html(name, estimator):
    X, y = biased()
    model = MITIGATORS[name](estimator, sensitive_features="sex")
    again = clone(model)
    assert again.get_params(deep=False).keys() == model.get_params(deep=False).keys()
    assert repr(again) == repr(model)
    assert type(model).__name__ in model._repr_html_()
    if estimator is None:
        _, first = model.fit_resample(X, y)
        _, second = pickle.loads(pickle.dumps(model)).fit_resample(X, y)
        assert_array_equal(first, second)
        assert_array_equal(first, again.fit_resample(X, y)[1])
        return
    model.fit(X, y)
    assert_array_equal(model.predict(X), again.fit(X, y).predict(X))
    assert_array_equal(model.predict(X), pickle.loads(pickle.dumps(model)).predict(X))
    assert model.get_params()["estimator__logisticregression__C"] == 1.0


@pytest.mark.parametrize("name", MITIGATORS)
def test_predictions_see_rows_as_they_come(name):
    X, y = biased()
    model = MITIGATORS[name](LogisticRegression(), sensitive_features="sex")
    X["sex"] = (X["sex"] == "m").astype(int)
    model.fit(X, y)
    assert model.feature_names_in_.tolist() == ["sex", "skill", "row"]
    assert model.n_features_in_ == 3
    part = X.iloc[[5, 5, 2]]
    assert_array_equal(model.predict_proba(part), model.estimator_.predict_proba(part))
    assert len(model.predict(part)) == 3
    with pytest.raises(ValueError, match="feature names"):
        model.predict(X.rename(columns={"row": "id"}))
    model.set_params(sensitive_features=0).fit(X.to_numpy(), y)
    assert not hasattr(model, "feature_names_in_")


@pytest.mark.parametrize("name", MITIGATORS)
def test_the_sampler_resamples_as_fit_does(name):
    X, y = biased()
    seen = {}

    class Watching(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            seen["X"], seen["y"] = X, y
            return super().fit(X[["skill"]], y)

    MITIGATORS[name](Watching(), sensitive_features="sex").fit(X, y)
    rows, labels = MITIGATORS[name](sensitive_features="sex").fit_resample(X, y)
    pd.testing.assert_frame_equal(seen["X"], rows)
    assert_array_equal(seen["y"], labels)


TYPES = {
    "pandas": (pd.DataFrame, pd.Series),
    "polars": (pl.from_pandas, pl.Series),
    "numpy": (lambda X: X.to_numpy(dtype=object), np.array),
    "list": (lambda X: X.to_numpy(dtype=object).tolist(), list),
}


@pytest.mark.parametrize(("table", "column"), TYPES.values(), ids=TYPES)
@pytest.mark.parametrize("name", ["Resampler", "LabelMassager", "GroupBalancer"])
def test_new_rows_are_of_the_types_they_came_in(name, table, column):
    X, y = biased()
    X["sex"] = X["sex"].map({"f": 0, "m": 1})
    y = np.where(y, "yes", "no").tolist()
    params = {"pos_label": "yes"} if name == "LabelMassager" else {}
    sampler = MITIGATORS[name](sensitive_features=0, **params)
    given_X, given_y = table(X), column(y)
    if isinstance(given_y, pd.Series):
        given_y.index = X.index = np.arange(240)[::-1] + 7
        given_X, given_y = X, given_y.rename("hired").astype("category")
    rows, labels = sampler.fit_resample(given_X, given_y)
    assert type(rows) is type(given_X)
    assert type(labels) is type(given_y)
    assert set(np.asarray(labels).tolist()) == {"yes", "no"}
    assert getattr(labels, "dtype", None) == getattr(given_y, "dtype", None)
    assert getattr(labels, "name", None) == getattr(given_y, "name", None)
    if isinstance(rows, pd.DataFrame):
        assert_array_equal(rows.index, labels.index)
        pd.testing.assert_series_equal(rows.dtypes, X.dtypes)
    ids = np.asarray(rows, dtype=object)[:, 2].astype(int)
    assert_array_equal(ids, sampler.sample_indices_)
    if name != "LabelMassager":
        assert_array_equal(np.asarray(labels), np.array(y)[ids])


# imblearn's Pipeline


def sampling(name="Resampler", **params):
    params = {"sensitive_features": "sex"} | params
    sampler = MITIGATORS[name](**params)
    return SamplingPipeline(
        [("sampler", sampler), ("skill", FunctionTransformer(skilled)), ("m", LogisticRegression())]
    )


@pytest.mark.parametrize("name", MITIGATORS)
def test_a_step_of_imblearns_pipeline_does_what_the_mitigator_around_the_rest_does(name):
    X, y = biased()
    pipe = sampling(name).fit(X, y)
    around = MITIGATORS[name](MODEL, sensitive_features="sex").fit(X, y)
    assert_array_equal(pipe.predict_proba(X), around.predict_proba(X))
    plain = clone(MODEL).fit(X, y)
    assert not np.array_equal(pipe.predict_proba(X), plain.predict_proba(X))


@pytest.mark.parametrize("routing_on", [False, True])
def test_imblearns_pipeline_in_cross_validation_and_in_a_search(routing_on):
    X, y = biased()
    scorer = fairness_scorer("demographic_parity_difference", sensitive_features="sex")
    options = {"cv": FOLDS, "scoring": scorer, "error_score": "raise"}
    alone = options | {"params": {}}  # None fails in scikit-learn 1.6 under metadata routing
    with config_context(enable_metadata_routing=routing_on):
        by_step = cross_val_score(sampling(), X, y, **alone)
        around = Resampler(MODEL, sensitive_features="sex", random_state=0)
        assert_array_equal(by_step, cross_val_score(around, X, y, **alone))
        grid = {"sampler__strategy": ["parity", "balance", "size"]}
        search = GridSearchCV(sampling(), grid, **options).fit(X, y)
    assert len(set(search.cv_results_["mean_test_score"])) == 3
    assert search.cv_results_["mean_test_score"][0] == pytest.approx(by_step.mean())


def test_a_sampler_by_column_leaves_the_metadata_to_the_scorer(routing):
    X, y = biased()
    scorer = fairness_scorer("demographic_parity_difference")
    options = {"cv": FOLDS, "error_score": "raise"}
    found = cross_val_score(
        sampling(), X, y, scoring=scorer, params={"sensitive_features": X["sex"]}, **options
    )
    scorer = fairness_scorer("demographic_parity_difference", sensitive_features="sex")
    alone = cross_val_score(sampling(), X, y, scoring=scorer, params={}, **options)
    assert_array_equal(found, alone)


@pytest.mark.parametrize("name", DRAWING)
def test_metadata_in_imblearns_pipeline_warn(routing, name):
    X, y = biased()
    pipe = sampling(name, sensitive_features=None)
    with pytest.warns(UserWarning, match=f"name columns of X in {type(pipe[0]).__name__}"):
        pipe.fit(X, y, sensitive_features=X["sex"])
    assert_array_equal(pipe.predict_proba(X), sampling(name).fit(X, y).predict_proba(X))


def test_metadata_of_rows_that_stay_do_not_warn(routing):
    X, y = biased()
    pipe = sampling("LabelMassager", sensitive_features=None)
    pipe.fit(X, y, sensitive_features=X["sex"])
    assert_array_equal(pipe.predict_proba(X), sampling("LabelMassager").fit(X, y).predict_proba(X))


def test_weights_in_imblearns_pipeline_warn(routing):
    X, y = biased()
    pipe = sampling()
    pipe[0].set_fit_resample_request(sample_weight=True)
    pipe[-1].set_fit_request(sample_weight=True)
    with pytest.warns(UserWarning, match="sensitive features and weights of the old rows"):
        pipe.fit(X, y, sample_weight=np.ones(240))


def test_metadata_that_imblearns_pipeline_does_not_hand_over_are_missed():
    X, y = biased()
    with pytest.raises(ValueError, match="Resampler needs sensitive features"):
        sampling(sensitive_features=None).fit(X, y, sampler__sensitive_features=X["sex"])
    Resampler(random_state=0).fit_resample(X, y, sensitive_features=X["sex"])  # no warning


def test_imblearns_pipeline_is_refused_where_it_would_lose_weights():
    X, y = biased()
    pipe = sampling("GroupBalancer")
    pipe.set_params(sampler__method="weight")
    with pytest.raises(ValueError, match=r"hands no new weights.*let GroupBalancer draw rows"):
        pipe.fit(X, y)
    rows, labels = pipe[0].fit_resample(X, y)
    assert rows is X
    assert labels is y
    assert_array_equal(pipe[0].sample_weight_, pipe[0].weights_)
    with config_context(enable_metadata_routing=True):
        massaged = sampling("LabelMassager")
        massaged[0].set_fit_resample_request(sample_weight=True)
        massaged[-1].set_fit_request(sample_weight=True)
        massaged.fit(X, y, sample_weight=np.arange(1.0, 241))  # the weights are as they were
        pipe[0].set_fit_resample_request(sample_weight=True)
        pipe[-1].set_fit_request(sample_weight=True)
        with pytest.raises(ValueError, match="hands no new weights"):
            pipe.fit(X, y, sample_weight=np.arange(1.0, 241))


def test_imblearns_pipeline_is_refused_where_it_would_lose_the_preprocessor():
    X, y = biased()
    sampler = Resampler(sensitive_features="sex", preprocessor=FunctionTransformer(skilled))
    with pytest.raises(ValueError, match="make the preprocessor a step before Resampler"):
        SamplingPipeline([("sampler", sampler), ("model", LogisticRegression())]).fit(X, y)
    rows, _ = sampler.fit_resample(X, y)
    assert rows.columns.tolist() == ["skill"]


def test_requests_of_both_forms():
    def asked(mitigator, method):
        return getattr(get_routing_for_object(mitigator), method).requests["sensitive_features"]

    for make in MITIGATORS.values():
        assert asked(make(), "fit_resample") is True
        assert asked(make(sensitive_features="sex"), "fit_resample") is False
        router = get_routing_for_object(make(MODEL))
        assert router.consumes("fit", ["sensitive_features"]) == {"sensitive_features"}
        router = get_routing_for_object(make(MODEL, sensitive_features="sex"))
        assert router.consumes("fit", ["sensitive_features"]) == set()
    with config_context(enable_metadata_routing=True):
        own = Resampler().set_fit_resample_request(sensitive_features="sex_of_rows")
    assert asked(own, "fit_resample") == "sex_of_rows"


def test_a_subclass_says_what_it_resamples():
    class Nothing(BaseResamplingMitigator):
        def __init__(self, estimator=None, *, sensitive_features=None):
            self.estimator = estimator
            self.sensitive_features = sensitive_features

    X, y = biased()
    with pytest.raises(NotImplementedError):
        Nothing(sensitive_features="sex").fit_resample(X, y)


def test_samplers_of_both_kinds_in_one_pipeline():
    X, y = biased()
    pipe = SamplingPipeline(
        [
            ("ours", Resampler(sensitive_features="sex", strategy="balance", random_state=0)),
            ("skill", FunctionTransformer(skilled)),
            ("theirs", RandomUnderSampler(random_state=0)),
            ("scale", StandardScaler()),
            ("model", LogisticRegression()),
        ]
    )
    assert pipe.fit(X, y).score(X, y) > 0.6


def test_the_doubles_know_their_rows():
    X, y, groups, weights = make_rows()
    assert_array_equal(groups, group_of(row_ids(X)))
    assert_array_equal(weights, weight_of(row_ids(X)))
    assert_array_equal(y, label_of(row_ids(X)))


def test_weights_reach_a_sampler_in_imblearns_pipeline_without_a_request(routing):
    X, y = biased()
    request = get_routing_for_object(Resampler(sensitive_features="sex"))
    assert request.fit_resample.requests["sample_weight"] is True
    pipe = sampling()
    pipe[-1].set_fit_request(sample_weight=False)
    weights = np.where(X["sex"] == "f", 3.0, 1.0)
    with pytest.warns(UserWarning, match="weights of the old rows"):
        pipe.fit(X, y, sample_weight=weights)
    own = Resampler(sensitive_features="sex", random_state=0)
    own.fit_resample(X, y, sample_weight=weights)
    pd.testing.assert_frame_equal(pipe[0].cell_sizes_, own.cell_sizes_)


def test_drawn_rows_have_a_fresh_index():
    X, y = biased()
    for sampler in (
        Resampler(sensitive_features="sex", random_state=0),
        Resampler(sensitive_features="sex", sampler=RandomOverSampler(), random_state=0),
        GroupBalancer(sensitive_features="sex", method="resample", random_state=0),
    ):
        rows, labels = sampler.fit_resample(X.set_axis(np.arange(240)[::-1]), pd.Series(y))
        assert_array_equal(rows.index, np.arange(len(rows)))
        assert_array_equal(labels.index, np.arange(len(rows)))


def test_numbers_with_missing_values_stay_numbers_as_metadata(routing):
    rng = np.random.default_rng(0)
    X, y = pd.DataFrame({"x": rng.normal(size=60)}), np.arange(60) % 2
    age = pd.Series(rng.integers(20, 25, 60).astype(float))
    age[::7] = np.nan
    inner = make_pipeline(CorrelationRemover(numeric="values"), LogisticRegression())
    model = Resampler(inner, strategy="size", random_state=0).fit(X, y, sensitive_features=age)
    assert model.predict(X, sensitive_features=age).shape == (60,)


def test_a_users_estimator_inside_imblearns_pipeline_may_call_fit_resample():
    class Own(LogisticRegression):
        def fit(self, X, y):
            GroupBalancer(sensitive_features="sex").fit_resample(X, y)
            return super().fit(X[["skill"]], y)

    X, y = biased()
    SamplingPipeline([("m", Own())]).fit(X, y)


def test_the_message_without_groups_tells_what_a_search_does_at_predict():
    X, y = biased()
    with pytest.raises(ValueError, match=r"search\.best_estimator_\.predict\(X, sens"):
        Resampler(MODEL).fit(X, y)
