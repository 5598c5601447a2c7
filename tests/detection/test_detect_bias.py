"""detect_bias: what BiasDetector finds in rows, from counts of any engine."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal, assert_series_equal
from scipy.stats import normaltest, skew

from skfair.datasets import load_german
from skfair.detection import BiasDetector, detect_bias
from skfair.detection._features import quantile_edges
from skfair.detection._proxies import deal, find_proxies
from skfair.detection._shapes import counted_shape
from skfair.groups import MISSING, Bins
from skfair.tally import column_kinds, count_values


def draw(n=400, seed=0):
    """Columns of every kind: numbers of few and many values, text, categories, booleans, gaps."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m"], n)
    age = rng.integers(18, 80, n).astype(float)
    age[rng.random(n) < 0.1] = np.nan
    frame = pd.DataFrame(
        {
            "age": age,
            "income": rng.lognormal(10, 1, n),
            "children": rng.integers(0, 4, n),
            "sex": sex,
            "job": pd.Categorical(rng.choice(["low", "mid", "high"], n), ["low", "mid", "high"]),
            "owns": rng.random(n) < 0.5,
            "town": rng.choice(["a", "b", None], n),
        }
    )
    y = np.where(rng.random(n) < np.where(sex == "f", 0.3, 0.6), "yes", "no")
    return frame, y, rng.integers(0, 4, n).astype(float)


def both(frame, y, weight=None, **options):
    table = frame.assign(label=y)
    if weight is not None:
        table = table.assign(weight=weight)
    found = detect_bias(
        table, target="label", sample_weight=None if weight is None else "weight", **options
    )
    detector = BiasDetector(**options).fit(frame, y, sample_weight=weight)
    return found, detector


def compare(found, detector):
    close = {"rtol": 1e-9, "atol": 1e-12}
    assert_frame_equal(found.values, detector.report_, **close)
    assert_frame_equal(found.features, detector.features_, **close)
    assert found.biased_features == detector.biased_features_
    assert_series_equal(found.weights, detector.weights_)
    assert found.positive_rate == pytest.approx(detector.positive_rate_)
    assert found.classes.tolist() == detector.classes_.tolist()
    if detector.groups_ is None:
        assert found.groups is None
        assert found.proxies is None
        return
    assert_frame_equal(found.groups, detector.groups_, **close)
    keys = ["sensitive_feature", "feature"]
    ours, theirs = (t.set_index(keys).sort_index() for t in (found.proxies, detector.proxies_))
    name = "normalized_mutual_information"
    assert_allclose(ours[name], theirs[name], rtol=1e-9, atol=1e-12)
    assert_allclose(ours["auc"], theirs["auc"], atol=0.1)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {"pos_label": "yes"},
        {"pos_label": "yes", "n_bins": 4, "candidates": ["income", "age", "town"]},
        {"pos_label": "no", "control_features": ["job"], "alpha": 0.2},
        pytest.param(
            {"pos_label": "yes", "control_features": ["children", "owns"]}, marks=pytest.mark.slow
        ),
        {"pos_label": "yes", "sensitive_features": ["sex"]},
        pytest.param(
            {"pos_label": "yes", "sensitive_features": ["town", "sex", Bins("age", [30, 60])]},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_it_finds_what_the_detector_does(options, weighted):
    frame, y, weight = draw()
    compare(*both(frame, y, weight if weighted else None, **options))


def test_on_german_credit():
    bunch = load_german()
    found, detector = both(bunch.data, bunch.target, pos_label="good")
    compare(found, detector)
    assert len(found.biased_features) > 3


def test_several_classes_are_each_tested():
    frame, _, _ = draw()
    y = np.where(frame["sex"] == "f", "a", np.where(frame["owns"], "b", "c"))
    found, detector = both(frame, y)
    compare(found, detector)
    assert found.positive_rate is None


@settings(max_examples=12)
@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.sampled_from(["x", "y", None]),
            st.one_of(st.none(), st.integers(-3, 9)),
            st.integers(0, 2),
        ),
        min_size=4,
        max_size=30,
    )
)
def test_few_rows_with_gaps(rows):
    y, text, number, weight = (list(part) for part in zip(*rows, strict=True))
    kept = {label for label, w in zip(y, weight, strict=True) if w}
    if len(kept) < 2:
        return
    frame = pd.DataFrame({"text": text, "number": np.array(number, dtype=float)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the test of normality of few numbers
        found, detector = both(frame, np.array(y), np.array(weight, dtype=float), n_bins=3)
    compare(found, detector)


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [pl.from_pandas, pa.Table.from_pandas, lambda frame: pl.from_pandas(frame).lazy()],
    ids=["polars", "pyarrow", "lazy"],
)
def test_engines_agree(make):
    frame, y, weight = draw()
    frame = frame.assign(label=y, weight=weight, job=frame["job"].astype(str))
    options = {"target": "label", "sample_weight": "weight", "pos_label": "yes"}
    options["candidates"] = ["age", "job", "town", "owns"]
    expected = detect_bias(frame, sensitive_features="sex", **options)
    found = detect_bias(make(frame), sensitive_features="sex", **options)
    close = {"rtol": 1e-9, "atol": 1e-12}
    assert_frame_equal(found.values, expected.values, **close)
    assert_frame_equal(found.features, expected.features, **close)
    assert_frame_equal(found.groups, expected.groups, **close)
    assert_frame_equal(found.proxies, expected.proxies, **close)


def test_odd_index_and_order_change_nothing():
    frame, y, _ = draw()
    table = frame.assign(label=y)
    shuffled = table.sample(frac=1, random_state=0).set_index(np.repeat(7, len(table)))
    options = {"sensitive_features": "sex", "candidates": ["age", "town"]}
    found, again = (
        detect_bias(t, target="label", pos_label="yes", **options) for t in (table, shuffled)
    )
    assert_frame_equal(found.values, again.values)
    assert_frame_equal(found.proxies, again.proxies)


def test_rows_of_weight_0_leave_no_trace():
    frame, y, _ = draw(60)
    table = frame[["sex", "town", "children"]].assign(label=y, weight=1.0)
    odd = table.head(3).assign(sex="x", town="z", children=99, label="maybe", weight=0.0)
    options = {"target": "label", "sample_weight": "weight", "sensitive_features": "sex"}
    found = detect_bias(pd.concat([table, odd]), pos_label="yes", **options)
    expected = detect_bias(table, pos_label="yes", **options)
    assert found.classes.tolist() == ["no", "yes"]
    for name in ("values", "features", "groups", "proxies"):
        assert_frame_equal(getattr(found, name), getattr(expected, name))


def test_many_classes():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 25, 300)
    frame = pd.DataFrame({"x": rng.choice(["a", "b"], 300)})
    compare(*both(frame, y))


def test_objects_that_are_numbers_are_numbers():
    frame, y, _ = draw()
    objects = frame.assign(children=frame["children"].astype(object))
    compare(*both(objects[["children"]], y, pos_label="yes"))


def test_columns_that_are_no_groups_are_left_out():
    frame, y, _ = draw()
    table = frame.assign(
        label=y,
        name=[f"person {i}" for i in range(len(y))],
        day=pd.date_range("2020-01-01", periods=len(y)),
    )
    with pytest.warns(UserWarning, match=r"left out: 'name': 400 distinct.*'day': dates"):
        found = detect_bias(table, target="label", pos_label="yes")
    assert set(found.features["feature"]) == set(frame.columns)
    text = {"candidates": "name", "target": "label", "pos_label": "yes"}
    with pytest.warns(UserWarning, match="left out"), pytest.raises(ValueError, match="are groups"):
        detect_bias(table, **text)


def test_bins_cut_where_they_say():
    frame, y, _ = draw()
    table = frame.assign(label=y)
    found = detect_bias(
        table, target="label", pos_label="yes", candidates=Bins("age", [30, 40, 50, 60])
    )
    values = found.values.query("kind == 'value'")["value"].tolist()
    assert values == ["age<=30", "30<age<=40", "40<age<=50", "50<age<=60", "age>60", MISSING]
    assert (found.values["kind"] == "cut").sum() == 2
    assert np.isnan(found.features.loc[0, "skewness"])
    assert found.features.loc[0, "missing_share"] == frame["age"].isna().mean()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "none"}, "no column"),
        ({"candidates": ["none"]}, r"no columns \['none'\]"),
        ({"candidates": ["label"]}, r"no columns \['label'\]"),
        ({"candidates": ["sex"], "control_features": "sex"}, "both candidates and control"),
        ({"control_features": ["income"]}, "BiasDetector"),
        ({"control_features": ["children", "job"], "n_strata": 5}, "n_strata=5"),
        ({"pos_label": None}, "pos_label"),
        ({"alpha": 1.0}, "alpha"),
        ({"tolerance": -1}, "tolerance must be at least 0"),
        ({"n_bins": 1}, "n_bins"),
        ({"n_strata": 1}, "n_strata"),
        ({"sensitive_features": "town", "missing": "raise"}, "missing values"),
        ({"target": "income"}, "Unknown label type"),
        ({"target": "one"}, "one class only"),
        ({"sample_weight": "negative"}, "Negative"),
        ({"sample_weight": "zero"}, "at least one non-zero"),
    ],
)
def test_bad_input(options, message):
    frame, y, _ = draw()
    table = frame.assign(label=y, one=1, negative=-1.0, zero=0.0)
    with pytest.raises(ValueError, match=message):
        detect_bias(table, **{"target": "label", "pos_label": "yes", **options})


def test_control_needs_one_class_to_test():
    frame, _, _ = draw()
    with pytest.raises(ValueError, match="two classes, or pos_label"):
        detect_bias(frame, target="job", control_features="sex")


def test_quantiles_of_counts_are_those_of_rows():
    rng = np.random.default_rng(0)
    for n_bins in (2, 3, 7, 10, 30):
        for n in (40, 99, 1000):
            rows = rng.integers(0, 60, n) / 7
            values, counts = np.unique(rows, return_counts=True)
            order = rng.permutation(len(values))
            found = quantile_edges(values[order], "x", n_bins, counts[order])
            assert found == quantile_edges(rows, "x", n_bins)


@pytest.mark.parametrize("n", [20, 300])
def test_shapes_of_counts_are_those_of_rows(n):
    rng = np.random.default_rng(n)
    rows = rng.integers(0, 9, n) ** 2 * 1e-150
    values, counts = np.unique(rows, return_counts=True)
    found = counted_shape(values, counts.astype(float), None)
    scaled = rows / 1e-150
    assert_allclose(found, (skew(scaled), normaltest(scaled).pvalue), rtol=1e-9)
    weighted = counted_shape(values, counts.astype(float), 2.0 * counts)
    assert_allclose(weighted, found)
    assert np.isnan(counted_shape(values[:2], np.array([9.0, 10.0]), None)[1])
    assert counted_shape(np.array([3.0]), np.array([30.0]), None) == pytest.approx(
        (0.0, np.nan), nan_ok=True
    )
    assert np.isnan(counted_shape(np.array([np.nan]), np.array([30.0]), None)).all()


def test_rows_are_dealt_to_folds_of_one_size():
    rng = np.random.default_rng(0)
    rows, weight = rng.integers(0, 40, (6, 3)), rng.random((6, 3))
    rows[:, 2] = [1, 0, 1, 0, 0, 0]
    plain = deal(rows, rows.astype(float), cv=4)
    assert_allclose(plain.sum(axis=0)[:, :2], rows[:, :2])
    assert (plain[..., 2] == 0).all()  # fewer rows than folds
    sizes = plain.sum(axis=1)
    assert (np.ptp(sizes, axis=0) <= 1).all()
    weight[rows == 0] = 0
    assert_allclose(deal(rows, weight, cv=4).sum(axis=0)[:, :2], weight[:, :2])
    assert len(deal(rows[:, 1:], weight[:, 1:], cv=4)) == 0
    assert (deal(rows, weight, random_state=1) != deal(rows, weight, random_state=2)).any()


@pytest.mark.slow
def test_areas_of_proxies_are_on_average_those_of_rows():
    rng = np.random.default_rng(1)
    sex = rng.choice(["f", "m"], 500)
    height = rng.normal(size=500).round(1) + (sex == "m")
    frame = pd.DataFrame({"height": height, "sex": sex, "label": rng.integers(2, size=500)})
    ours, theirs = [], []
    for seed in range(6):
        found = detect_bias(
            frame, target="label", sensitive_features="sex", random_state=seed
        ).proxies
        ours.append(found["auc"].item())
        rows = find_proxies(frame[["height"]], sensitive_features={"sex": sex}, random_state=seed)
        theirs.append(rows["auc"].item())
    assert_allclose(np.mean(ours), np.mean(theirs), atol=0.02)
    assert np.std(ours) > 0


def test_counts_of_values():
    frame = pd.DataFrame({"a": [1.0, None, 2.0, 2.0], "w": [1, 2, 0, 3.0], "t": pd.NaT})
    assert column_kinds(frame) == {"a": "number", "w": "number", "t": "time"}
    plain, weighted = count_values(frame, "a"), count_values(frame, "a", sample_weight="w")
    order = np.argsort(plain.values)
    assert plain.rows[order].tolist() == [1, 2, 1]
    assert plain.weight[order].tolist() == [1, 2, 1]
    order = np.argsort(weighted.values)
    assert weighted.rows[order].tolist() == [1, 1, 1]
    assert weighted.weight[order].tolist() == [1, 3, 2]
    with pytest.raises(ValueError, match="no column"):
        count_values(frame, "b")
