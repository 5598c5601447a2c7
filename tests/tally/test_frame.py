from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal

from skfair.groups import MISSING, Bins
from skfair.tally import Tally

N = 400
RNG = np.random.default_rng(5)
LABELS = ("no", "yes")
DATA = {
    "y": RNG.choice(LABELS, N).tolist(),
    "p": RNG.choice(LABELS, N).tolist(),
    "sex": RNG.choice(["f", "m", "x"], N).tolist(),
    "race": [None if k == 3 else "bwo"[k] for k in RNG.integers(4, size=N)],
    "age": RNG.integers(18, 90, size=N).tolist(),
    "pay": [None if k == 3 else float(k) for k in RNG.integers(4, size=N)],
    "w": (RNG.integers(0, 8, size=N) / 4).tolist(),
}
TEXT = ("y", "p", "sex", "race")


def pandas_frame(dtype):
    frame = pd.DataFrame(DATA, index=np.arange(N) % 7)
    return frame.astype(dict.fromkeys(TEXT, dtype))


def polars_frame(dtype):
    return pl.DataFrame(DATA).with_columns([pl.col(name).cast(dtype) for name in TEXT])


def pyarrow_frame(encode):
    table = pa.table(DATA)
    return pa.table({k: encode(table[k]) if k in TEXT else table[k] for k in table.column_names})


FRAMES = {
    "pandas object": lambda: pandas_frame(object),
    "pandas str": lambda: pandas_frame("string"),
    "pandas category": lambda: pandas_frame("category"),
    "polars String": lambda: polars_frame(pl.String),
    "polars Categorical": lambda: polars_frame(pl.Categorical),
    "polars Enum": lambda: polars_frame(pl.Enum(["unused", *LABELS, "f", "m", "x", *"bwo"])),
    "pyarrow": lambda: pyarrow_frame(lambda column: column),
    "pyarrow dictionary": lambda: pyarrow_frame(lambda column: column.dictionary_encode()),
}


@pytest.fixture(scope="module", params=FRAMES)
def frame(request):
    return FRAMES[request.param]()


def assert_equal_tallies(tally, other):
    assert (tally.labels, tally.names, tally.classes) == (other.labels, other.names, other.classes)
    for sums in ("weight", "weight2", "count"):
        assert_array_equal(getattr(tally, sums), getattr(other, sums))


def age_groups():
    return pd.cut(DATA["age"], [0, 25, 60, 200], labels=["age<=25", "25<age<=60", "age>60"])


@pytest.mark.parametrize("sample_weight", [None, "w"])
@pytest.mark.parametrize(
    ("columns", "groups"),
    [
        ("sex", {"sex": DATA["sex"]}),
        ("race", {"race": DATA["race"]}),
        ("pay", {"pay": DATA["pay"]}),
        (["sex", "race"], {"sex": DATA["sex"], "race": DATA["race"]}),
        (("race", "pay"), {"race": DATA["race"], "pay": DATA["pay"]}),
        (Bins("age", [25, 60]), {"age": age_groups()}),
        (["sex", Bins("age", [25, 60])], {"sex": DATA["sex"], "age": age_groups()}),
    ],
    ids=["sex", "race", "pay", "sex, race", "race, pay", "age bins", "sex, age bins"],
)
def test_a_frame_is_tallied_like_its_arrays(frame, columns, groups, sample_weight):
    tally = Tally.from_frame(
        frame, y_true="y", y_pred="p", sensitive_features=columns, sample_weight=sample_weight
    )
    weights = None if sample_weight is None else DATA["w"]
    expected = Tally.from_arrays(DATA["y"], DATA["p"], groups, sample_weight=weights)
    assert tally.n_samples == (N if weights is None else sum(w > 0 for w in weights))
    assert_equal_tallies(tally, expected)


def test_a_column_used_twice(frame):
    tally = Tally.from_frame(frame, y_true="y", y_pred="y", sensitive_features=["y", "sex"])
    groups = {"y": DATA["y"], "sex": DATA["sex"]}
    assert_equal_tallies(tally, Tally.from_arrays(DATA["y"], DATA["y"], groups))


def test_a_column_cut_in_two_ways(frame):
    bins = [Bins("age", [25]), Bins("age", [60])]
    tally = Tally.from_frame(frame, y_true="y", y_pred="p", sensitive_features=bins)
    assert tally.labels == (
        ("age<=25", "age<=60"),
        ("age>25", "age<=60"),
        ("age>25", "age>60"),
    )
    assert tally.group_counts.tolist() == np.bincount(age_groups().codes).tolist()


def test_weights_that_are_groups_too(frame):
    tally = Tally.from_frame(
        frame, y_true="y", y_pred="p", sensitive_features="w", sample_weight="w"
    )
    expected = Tally.from_arrays(DATA["y"], DATA["p"], {"w": DATA["w"]}, sample_weight=DATA["w"])
    assert_equal_tallies(tally, expected)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pd", "pl", "pa"])
def test_integer_and_boolean_columns(make):
    data = {"y": [0, 1, 1], "p": [True, False, True], "g": [3, 1, 3], "w": [1, 2, 3]}
    tally = Tally.from_frame(
        make(data), y_true="y", y_pred="p", sensitive_features="g", sample_weight="w"
    )
    assert tally.labels == (1, 3)
    assert tally.cells().tolist() == [[0, 0, 2, 0], [0, 1, 0, 3]]
    assert tally.weight2.sum() == 14


def test_nan_and_null_groups_of_polars_fall_together():
    data = pl.DataFrame({"y": [0, 1, 1], "g": [None, float("nan"), 2.5]})
    tally = Tally.from_frame(data, y_true="y", y_pred="y", sensitive_features="g")
    assert tally.labels == (2.5, MISSING)
    assert tally.cells().tolist() == [[0, 0, 0, 1], [1, 0, 0, 1]]


def test_the_frame_is_not_changed():
    data = pandas_frame(object)
    before = data.copy()
    Tally.from_frame(data, y_true="y", y_pred="p", sensitive_features="sex", sample_weight="w")
    pd.testing.assert_frame_equal(data, before)


def test_missing_groups_are_refused_on_request(frame):
    with pytest.raises(ValueError, match="'race' has"):
        Tally.from_frame(frame, y_true="y", y_pred="p", sensitive_features="race", missing="raise")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y_true": "z"}, r"no column \['z'\]; its columns are \['y', 'p', 'sex'"),
        ({"y_pred": "z"}, r"no column \['z'\]"),
        ({"sample_weight": "z"}, r"no column \['z'\]"),
        ({"sensitive_features": ["sex", "z"]}, r"no column \['z'\]"),
        ({"sensitive_features": Bins("z", [1])}, r"no column \['z'\]"),
        ({"y_true": "race"}, "Input race contains NaN"),
        ({"y_pred": "race"}, "Input race contains NaN"),
        ({"sample_weight": "pay"}, "sample_weight contains NaN"),
        ({"sensitive_features": []}, "empty list"),
    ],
)
def test_columns_that_will_not_do_are_refused(frame, changed, message):
    good = {"y_true": "y", "y_pred": "p", "sensitive_features": "sex"}
    with pytest.raises(ValueError, match=message):
        Tally.from_frame(frame, **{**good, **changed})


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pd", "pl", "pa"])
@pytest.mark.parametrize(
    ("weight", "message"),
    [(-0.5, "Negative"), (float("nan"), "NaN or infinity"), (float("inf"), "NaN or infinity")],
)
def test_one_bad_weight_among_good_ones_is_refused(make, weight, message):
    data = make({"y": [0, 0, 0], "g": ["a", "a", "a"], "w": [1.0, 2.0, weight]})
    with pytest.raises(ValueError, match=message):
        Tally.from_frame(data, y_true="y", y_pred="y", sensitive_features="g", sample_weight="w")


def test_a_frame_without_rows_is_refused():
    data = pl.DataFrame({"y": [], "g": []})
    with pytest.raises(ValueError, match="0 sample"):
        Tally.from_frame(data, y_true="y", y_pred="y", sensitive_features="g")


@pytest.mark.parametrize("data", [DATA, [[0, 1]], [], None])
def test_only_frames_and_paths_are_counted(data):
    with pytest.raises(TypeError):
        Tally.from_frame(data, y_true="y", y_pred="p", sensitive_features="sex")


@pytest.mark.parametrize("columns", [0, [0], Bins(4, [25]), None, len, {"sex"}])
def test_sensitive_features_of_a_frame_are_named(columns):
    with pytest.raises(TypeError, match="sensitive features"):
        Tally.from_frame(pl.DataFrame(DATA), y_true="y", y_pred="p", sensitive_features=columns)


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame, pa.table])
def test_weights_out_of_scale_are_refused(library):
    columns = {"y": [0, 1, 1], "p": [0, 1, 1], "sex": ["f", "m", "m"]}
    names = {"y_true": "y", "y_pred": "p", "sensitive_features": "sex", "sample_weight": "w"}
    for weights in ([1.0, 0.0, 1e-158], [1.0, 1.0, 1e153], [1e-320] * 3):
        with pytest.raises(ValueError, match="weights must lie between 1e-140 and 1e\\+140"):
            Tally.from_frame(library({**columns, "w": weights}), **names)
    found = Tally.from_frame(library({**columns, "w": [0.0, 1e-139, 1e139]}), **names)
    assert found.group_counts.tolist() == [0, 2]


def test_missing_values_that_are_refused_are_counted_in_rows():
    frame = pd.DataFrame({"y": [0, 1] * 10, "p": [1] * 20, "sex": ["f", None] * 10, "age": 30.0})
    names = {"y_true": "y", "y_pred": "p", "missing": "raise"}
    for spec in ("sex", ["age", "sex"]):
        with pytest.raises(ValueError, match="'sex' has 10 missing values"):
            Tally.from_frame(frame, sensitive_features=spec, **names)
    assert Tally.from_frame(frame, sensitive_features="age", **names).labels == (30.0,)
