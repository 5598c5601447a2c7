"""BiasDetector as a transformer: tables of all kinds, pipelines, searches, routing."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skfair.detection import BiasDetector

RNG = np.random.default_rng(0)
N = 600
Y = RNG.integers(0, 2, N)
NUMBERS = np.column_stack(
    [RNG.integers(0, 5, N), (Y + (RNG.random(N) < 0.2)) % 2, RNG.integers(0, 3, N)]
)  # the second goes with Y
FRAME = pd.DataFrame(
    {
        "years": NUMBERS[:, 0].astype("int16"),
        "harm": np.where(NUMBERS[:, 1] == 1, "u", "v"),
        "grade": pd.Categorical.from_codes(NUMBERS[:, 2], list("abc")),
        "share": RNG.random(N).astype("float32"),
    },
    index=np.arange(N)[::-1],
)
SEX = np.where(RNG.random(N) < 0.5, "f", "m")


def test_flag_passes_x_through():
    detector = BiasDetector().fit(FRAME, Y)
    assert detector.biased_features_ == ["harm"]
    assert detector.transform(FRAME) is FRAME
    assert detector.get_support().all()


def test_drop_keeps_the_type_the_dtypes_and_the_index():
    found = BiasDetector(action="drop").fit_transform(FRAME, Y)
    assert_frame_equal(found, FRAME[["years", "grade", "share"]])


def test_drop_of_polars():
    frame = pl.from_pandas(FRAME.reset_index(drop=True))
    detector = BiasDetector(action="drop").fit(frame, pl.Series(Y))
    assert detector.biased_features_ == ["harm"]
    found = detector.transform(frame)
    assert isinstance(found, pl.DataFrame)
    assert found.equals(frame.select("years", "grade", "share"))
    assert found.schema == frame.select("years", "grade", "share").schema


@pytest.mark.parametrize("dtype", [np.int8, np.float32, object])
def test_drop_of_arrays(dtype):
    matrix = NUMBERS.astype(dtype)
    found = BiasDetector(action="drop").fit_transform(matrix, Y)
    assert found.dtype == dtype
    assert_array_equal(found, matrix[:, [0, 2]])


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csc_array, sparse.lil_matrix])
def test_drop_of_sparse_matrices(make):
    matrix = make(NUMBERS)
    detector = BiasDetector(action="drop").fit(matrix, Y)
    assert detector.biased_features_ == ["x1"]
    found = detector.transform(matrix)
    assert type(found) is type(matrix)
    assert found.dtype == matrix.dtype
    assert_array_equal(found.toarray(), NUMBERS[:, [0, 2]])


@pytest.mark.parametrize("make", [sparse.coo_matrix, sparse.bsr_array])
def test_drop_of_sparse_matrices_that_have_no_columns_to_take(make):
    found = BiasDetector(action="drop").fit_transform(make(NUMBERS), Y)
    assert sparse.issparse(found)
    assert_array_equal(found.toarray(), NUMBERS[:, [0, 2]])


def test_drop_of_lists():
    found = BiasDetector(action="drop").fit_transform(NUMBERS.tolist(), Y.tolist())
    assert found == NUMBERS[:, [0, 2]].tolist()


def test_all_kinds_of_tables_have_the_same_report():
    plain = BiasDetector().fit(NUMBERS, Y).report_
    for table in (sparse.csr_matrix(NUMBERS), NUMBERS.tolist(), NUMBERS.astype(object)):
        assert_frame_equal(BiasDetector().fit(table, Y).report_, plain)
    names = ["x0", "x1", "x2"]
    for frame in (pd.DataFrame(NUMBERS, columns=names), pl.DataFrame(NUMBERS, schema=names)):
        assert_frame_equal(BiasDetector().fit(frame, Y).report_, plain)


def test_columns_are_dropped_by_position_from_rows_of_any_number():
    detector = BiasDetector(action="drop").fit(FRAME, Y)
    assert detector.transform(FRAME.iloc[:1]).columns.tolist() == ["years", "grade", "share"]
    with pytest.raises(ValueError, match="feature names should match"):
        detector.transform(FRAME[FRAME.columns[::-1]])
    with pytest.raises(ValueError, match=r"3 features|feature names"):
        detector.transform(FRAME.iloc[:, :3])


def test_the_action_may_change_after_fit():
    detector = BiasDetector().fit(FRAME, Y).set_params(action="drop")
    assert detector.transform(FRAME).shape[1] == 3


def test_support():
    detector = BiasDetector(action="drop").fit(FRAME, Y)
    assert detector.get_support().tolist() == [True, False, True, True]
    assert detector.get_support(indices=True).tolist() == [0, 2, 3]
    with pytest.raises(NotFittedError):
        BiasDetector().get_support()


def test_feature_names_out():
    detector = BiasDetector(action="drop").fit(FRAME, Y)
    assert detector.get_feature_names_out().tolist() == ["years", "grade", "share"]
    assert detector.get_feature_names_out(FRAME.columns).tolist() == ["years", "grade", "share"]
    with pytest.raises(ValueError, match="not equal to feature_names_in_"):
        detector.get_feature_names_out(list("abcd"))
    with pytest.raises(ValueError, match="should have length equal"):
        detector.get_feature_names_out(["years"])
    unnamed = BiasDetector(action="drop").fit(NUMBERS, Y)
    assert unnamed.get_feature_names_out().tolist() == ["x0", "x2"]
    assert unnamed.get_feature_names_out(list("abc")).tolist() == ["a", "c"]
    with pytest.raises(NotFittedError):
        BiasDetector().get_feature_names_out()


def test_set_output():
    detector = BiasDetector(action="drop").set_output(transform="pandas")
    found = detector.fit_transform(NUMBERS, Y)
    assert found.columns.tolist() == ["x0", "x2"]
    assert_array_equal(found, NUMBERS[:, [0, 2]])
    found = detector.fit(FRAME, Y).transform(FRAME)
    assert_frame_equal(found, FRAME[["years", "grade", "share"]])
    polars = BiasDetector(action="drop").set_output(transform="polars").fit(FRAME, Y)
    assert isinstance(polars.transform(FRAME), pl.DataFrame)


def model(detector):
    encoder = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
        remainder="passthrough",
    )
    return make_pipeline(detector, encoder, LogisticRegression())


def test_in_a_pipeline():
    """Without the column that tells the label, the model knows next to nothing."""
    kept, dropped = (
        model(BiasDetector(action=action)).fit(FRAME, Y) for action in ("flag", "drop")
    )
    assert kept.score(FRAME, Y) > 0.75
    assert dropped.score(FRAME, Y) < 0.62
    names = dropped[:-1].get_feature_names_out()
    assert not [name for name in names if "harm" in name]


def test_in_a_grid_search():
    grid = {"biasdetector__tolerance": [0.05, 0.99], "biasdetector__action": ["flag", "drop"]}
    search = GridSearchCV(model(BiasDetector()), grid, cv=3, error_score="raise").fit(FRAME, Y)
    results = pd.DataFrame(search.cv_results_).set_index(
        ["param_biasdetector__action", "param_biasdetector__tolerance"]
    )["mean_test_score"]
    assert_allclose(results["flag", 0.05], results["flag", 0.99])
    assert_allclose(results["drop", 0.99], results["flag", 0.99])
    assert results["drop", 0.05] < results["drop", 0.99] - 0.1


def test_clone_and_pickle():
    detector = BiasDetector(candidates=["harm", "share"], tolerance=0.1, action="drop")
    assert clone(detector).get_params() == detector.get_params()
    detector.fit(FRAME, Y)
    assert not hasattr(clone(detector), "report_")
    again = pickle.loads(pickle.dumps(detector))
    assert_frame_equal(again.report_, detector.report_)
    assert_frame_equal(again.transform(FRAME), detector.transform(FRAME))


def test_metadata_are_as_good_as_columns(routing):
    with_sex = FRAME.assign(sex=SEX)
    by_column = make_pipeline(BiasDetector(sensitive_features="sex"), "passthrough").fit(
        with_sex, Y
    )
    routed = make_pipeline(BiasDetector(), "passthrough")
    routed.fit(with_sex, Y, sensitive_features=pd.Series(SEX, name="sex"))
    assert_frame_equal(routed[0].groups_, by_column[0].groups_)
    assert_frame_equal(routed[0].report_, by_column[0].report_)
    others = routed[0].proxies_["feature"] != "sex"  # metadata aren't known to be a column
    assert_frame_equal(routed[0].proxies_[others].reset_index(drop=True), by_column[0].proxies_)


def test_weights_are_routed(routing):
    weights = RNG.random(N)
    pipeline = make_pipeline(BiasDetector(), "passthrough").fit(FRAME, Y, sample_weight=weights)
    direct = BiasDetector().fit(FRAME, Y, sample_weight=weights)
    assert_frame_equal(pipeline[0].report_, direct.report_)


def test_columns_need_no_metadata(routing):
    request = BiasDetector(sensitive_features="harm").get_metadata_routing()
    assert request.fit.requests["sensitive_features"] is False
    assert BiasDetector().get_metadata_routing().fit.requests["sensitive_features"] is True


def test_columns_named_by_numbers():
    frame = pd.DataFrame(NUMBERS, columns=[2, 0, 1])
    detector = BiasDetector(action="drop").fit(frame, Y)
    assert detector.biased_features_ == [0]
    assert detector.transform(frame).columns.tolist() == [2, 1]
