"""The same tally from every engine that is installed; Dask and Spark are marked ``engines``."""

from __future__ import annotations

import datetime
from decimal import Decimal
from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from engines import ENGINES, MARKED, QUIET
from numpy.testing import assert_allclose, assert_array_equal

from skfair.groups import MISSING, Bins
from skfair.tally import ScoreTally, Tally, _frame

N = 300
RNG = np.random.default_rng(11)


def drawn(values, n=N):
    return [values[k] for k in RNG.integers(len(values), size=n)]


ODD = [
    "", "NULL", "nan", 'a"b', "it's", "a;b", "select", "x'); DROP TABLE y; --", "%s",
    "\u00fc\u4e2d\U0001f600", "a\\b", None,
]  # fmt: skip


def integers(dtype):
    limits = np.iinfo(dtype)
    return pa.array(np.array(drawn([limits.min, 3, limits.max]), dtype=dtype))


DATA = pa.table(
    {
        "y": pa.array(drawn([0, 1]), pa.int8()),
        "p": pa.array(drawn([False, True]), pa.bool_()),
        "label": pa.array(drawn(["no", "yes", "yes'; DROP TABLE x; --"])),
        "decision": pa.array(drawn(["no", "yes"])),
        "sex": pa.array(drawn(["f", "m", "x"])),
        "race": pa.array(drawn(["b", "w", None])),
        "odd": pa.array(drawn(ODD)),
        "kind": pa.array(drawn(["u", "v", None])).dictionary_encode(),
        "member": pa.array(drawn([True, False, None]), pa.bool_()),
        "whole": pa.array(drawn([1, 2, None]), pa.int64()),
        "size": pa.array(drawn([0.5, 2.0, float("nan"), None]), pa.float64()),
        "short": pa.array(drawn([0.1, -3.25]), pa.float32()),
        "born": pa.array(drawn([datetime.date(2000, 2, 29), datetime.date(1960, 1, 1)])),
        "age": pa.array([None if k % 7 == 0 else k for k in range(N)], pa.int16()),
        "pay": pa.array(drawn([*(k / 8 for k in range(40)), float("nan"), None]), pa.float32()),
        **{
            name: integers(name)
            for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")
        },
        "uint64": pa.array(np.array(drawn([0, 3, 2**40]), dtype=np.uint64)),
        "w": pa.array((RNG.integers(0, 8, N) / 3).tolist()),
        "count": pa.array(RNG.integers(0, 120, N).astype(np.int8)),
        "nothing": pa.array(np.zeros(N)),
        "s": pa.array(RNG.beta(1, 4, N)),
        "s32": pa.array(RNG.beta(1, 4, N).astype(np.float32)),
    }
)


pytestmark = QUIET


@pytest.fixture(scope="module", params=MARKED)
def engine(request):
    return ENGINES[request.param]()


@pytest.fixture(scope="module")
def frame(engine):
    return engine(DATA)


def assert_same(tally, expected):
    assert (tally.labels, tally.names, tally.classes) == (
        expected.labels,
        expected.names,
        expected.classes,
    )
    assert [type(label) for label in tally.labels] == [type(label) for label in expected.labels]
    assert tally.count.dtype == np.int64
    assert_array_equal(tally.count, expected.count)
    assert_allclose(tally.weight, expected.weight, rtol=1e-12, atol=0)
    assert_allclose(tally.weight2, expected.weight2, rtol=1e-12, atol=0)


def column(name, table=DATA):
    return table[name].to_pylist()


@cache
def of_lists(true, pred, names, weight):
    """The tally of columns that are lists."""
    groups = {name: column(name) for name in names}
    weights = None if weight is None else column(weight)
    return Tally.from_arrays(column(true), column(pred), groups, sample_weight=weights)


GROUPS = [
    "sex", "race", "odd", "kind", "member", "whole", "size", "short", "int8", "int16", "int32",
    "int64", "uint8", "uint16", "uint32", "uint64", ["sex", "race"], ("odd", "member", "size"),
]  # fmt: skip


@pytest.mark.parametrize("groups", GROUPS, ids=str)
def test_groups_of_every_type(frame, groups):
    tally = Tally.from_frame(
        frame, y_true="y", y_pred="p", sensitive_features=groups, sample_weight="w"
    )
    names = (groups,) if isinstance(groups, str) else tuple(groups)
    assert_same(tally, of_lists("y", "p", names, "w"))
    assert set(tally.classes) == {0, 1}


@pytest.mark.parametrize("weight", [None, "w", "count", "nothing"])
@pytest.mark.parametrize(("true", "pred"), [("y", "p"), ("label", "decision"), ("int64", "int8")])
def test_labels_and_weights(frame, true, pred, weight):
    tally = Tally.from_frame(
        frame, y_true=true, y_pred=pred, sensitive_features="race", sample_weight=weight
    )
    assert_same(tally, of_lists(true, pred, ("race",), weight))


def test_dates_are_groups(frame):
    tally = Tally.from_frame(frame, y_true="y", y_pred="y", sensitive_features="born")
    assert [pd.Timestamp(label) for label in tally.labels] == [
        pd.Timestamp(1960, 1, 1),
        pd.Timestamp(2000, 2, 29),
    ]
    old = np.array([born.year == 1960 for born in column("born")])
    assert tally.group_counts.tolist() == [old.sum(), N - old.sum()]


@pytest.mark.parametrize(
    ("specs", "cuts"),
    [
        (Bins("age", [20, 60, 250.5]), [("age", [20, 60, 250.5])]),
        (Bins("pay", [0.125, 4]), [("pay", [0.125, 4])]),
        (Bins("whole", [1]), [("whole", [1])]),
        (Bins("member", [0.5]), [("member", [0.5])]),
        ([Bins("age", [20, 60]), Bins("age", [60, 100])], [("age", [20, 60]), ("age", [60, 100])]),
        (["sex", Bins("pay", list(range(5)))], ["sex", ("pay", list(range(5)))]),
    ],
    ids=["age", "pay", "whole", "member", "twice", "crossed"],
)
def test_bins_are_cut_before_grouping(frame, specs, cuts, monkeypatch):
    monkeypatch.setattr(_frame, "MAX_COMBINATIONS", 80)  # ages and pays make more
    tally = Tally.from_frame(
        frame, y_true="y", y_pred="p", sensitive_features=specs, sample_weight="w"
    )
    memory = DATA.select(["y", "p", "sex", "age", "pay", "whole", "member"]).to_pandas()
    memory["member"] = memory["member"].astype(float)
    expected = Tally.from_arrays(
        column("y"), column("p"), _groups(memory, specs), sample_weight=column("w")
    )
    assert_same(tally, expected)
    assert len(cuts) == len(tally.names)


def _groups(memory, specs):
    from skfair.groups import Groups

    return Groups.from_columns(memory, specs)


def test_a_column_as_it_is_and_cut(frame):
    specs = ["whole", Bins("whole", [1])]
    tally = Tally.from_frame(frame, y_true="y", y_pred="y", sensitive_features=specs)
    assert tally.labels == ((1, "whole<=1"), (2, "whole>1"), (MISSING, MISSING))
    counts = [column("whole").count(value) for value in (1, 2, None)]
    assert tally.group_counts.tolist() == counts


@pytest.mark.parametrize("rows", [slice(0, 1), slice(4, 6)])
def test_one_row_and_two(engine, rows):
    table = DATA.slice(rows.start, rows.stop - rows.start)
    tally = Tally.from_frame(
        engine(table), y_true="label", y_pred="label", sensitive_features=["sex", "whole"]
    )
    groups = {name: column(name, table) for name in ("sex", "whole")}
    assert_same(tally, Tally.from_arrays(column("label", table), column("label", table), groups))


def test_no_rows(engine):
    names = {"y_true": "y", "sensitive_features": "sex"}
    empty = engine(DATA.slice(0, 0))
    for count in (
        lambda: Tally.from_frame(empty, y_pred="p", **names),
        lambda: Tally.from_frame(empty, y_pred="p", sample_weight="w", **names),
        lambda: ScoreTally.from_frame(empty, y_score="s", **names),
        lambda: ScoreTally.from_frame(empty, y_score="s", edges=[0.5], **names),
    ):
        with pytest.raises(ValueError, match=r"0 sample\(s\)"):
            count()


def test_missing_values_are_refused(frame):
    for name in ("race", "size", "member", "whole", "kind"):
        with pytest.raises(ValueError, match="missing values"):
            Tally.from_frame(
                frame, y_true="y", y_pred="p", sensitive_features=name, missing="raise"
            )
        with pytest.raises(ValueError, match=f"Input {name} contains NaN"):
            Tally.from_frame(frame, y_true=name, y_pred=name, sensitive_features="sex")


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, -0.5, 2.0], "Negative"),
        ([1.0, None, 2.0], "NaN or infinity"),
        ([1.0, float("nan"), 2.0], "NaN or infinity"),
        ([1.0, float("inf"), 2.0], "NaN or infinity"),
        ([1.0, 1e-200, 0.0], "weights must lie between"),
        (["1", "2", "3"], "must be numeric"),
    ],
)
def test_bad_weights(engine, weights, message):
    data = engine(pa.table({"y": [0, 1, 1], "g": ["a", "a", "b"], "w": weights}))
    with pytest.raises(ValueError, match=message):
        Tally.from_frame(data, y_true="y", y_pred="y", sensitive_features="g", sample_weight="w")


NAMES = [
    "count(*)",
    'quo"te', "tick's", "`back`", ".lead", "a.b", "semi;colon", "select", "group by", "null",
    "__skfair_w", "k0", "w", "rows", "\u00fc\u4e2d\U0001f600", "x); DROP TABLE y; --", " ", "%s",
    "{0}", "a\\b", "^.*$", "$1", "count", "*",
]  # fmt: skip


def test_names_of_columns_are_data(engine):
    columns = {name: drawn([0, 1], 40) for name in NAMES}
    data = engine(pa.table(columns))
    for k in range(0, len(NAMES), 2):
        one, other = NAMES[k : k + 2]
        weight = NAMES[k + k // 2 % 2]
        tally = Tally.from_frame(
            data,
            y_true=one,
            y_pred=other,
            sensitive_features=[one, other],
            sample_weight=weight,
        )
        groups = {name: columns[name] for name in (one, other)}
        expected = Tally.from_arrays(
            columns[one], columns[other], groups, sample_weight=columns[weight]
        )
        assert_same(tally, expected)


def test_too_many_values_are_named(frame, monkeypatch):
    monkeypatch.setattr(_frame, "MAX_COMBINATIONS", 60)
    with pytest.raises(ValueError, match=r"more than 60 distinct combinations.* 'age' alone has"):
        Tally.from_frame(frame, y_true="y", y_pred="p", sensitive_features=["sex", "age"])
    with pytest.raises(ValueError, match="column 's' alone has 61 distinct values or more"):
        Tally.from_frame(frame, y_true="y", y_pred="s", sensitive_features="sex")


def test_numbers_that_are_no_groups(frame):
    with pytest.raises(ValueError, match=r"'age' is numeric with .* too many to be groups"):
        Tally.from_frame(frame, y_true="y", y_pred="p", sensitive_features="age")


def test_bins_of_text_are_refused(frame):
    with pytest.raises(ValueError, match="Bins needs a numeric column, and 'sex' is none"):
        Tally.from_frame(frame, y_true="y", y_pred="p", sensitive_features=Bins("sex", [1]))


EDGES = [0.0, 0.125, 0.1875, 0.5, 0.7]
WITH_EIGHTHS = DATA.append_column("eighths", pa.array([k % 11 / 8 - 0.125 for k in range(N)]))


@pytest.mark.parametrize("score", ["s", "s32", "eighths"])
@pytest.mark.parametrize("weight", [None, "w"])
def test_scores_fall_on_the_same_side_of_an_edge(engine, score, weight):
    tally = ScoreTally.from_frame(
        engine(WITH_EIGHTHS),
        y_true="label",
        y_score=score,
        sensitive_features=["race", Bins("age", [50])],
        edges=EDGES,
        pos_label="yes",
        sample_weight=weight,
    )
    assert_same(tally, scores_of_lists(score, weight))
    assert_array_equal(tally.edges, EDGES)


@cache
def scores_of_lists(score, weight):
    memory = DATA.select(["race", "age"]).to_pandas()
    return ScoreTally.from_arrays(
        column("label"),
        WITH_EIGHTHS[score].to_numpy(),
        _groups(memory, ["race", Bins("age", [50])]),
        edges=EDGES,
        pos_label="yes",
        sample_weight=None if weight is None else column(weight),
    )


@pytest.mark.parametrize("score", ["s", "s32"])
def test_quantile_edges_part_the_rows_alike(frame, score):
    tally = ScoreTally.from_frame(
        frame, y_true="y", y_score=score, sensitive_features="sex", bins=10
    )
    expected = ScoreTally.from_arrays(
        column("y"), DATA[score].to_numpy(), {"sex": column("sex")}, edges=tally.edges
    )
    assert_same(tally, expected)
    assert tally.count.shape == (3, 2, 10)
    assert_allclose(tally.count.sum(axis=(0, 1)), 30, atol=1)


@pytest.mark.parametrize("bad", [float("nan"), None, float("inf")])
def test_scores_that_are_none(engine, bad):
    data = engine(pa.table({"y": [0, 1, 1], "g": ["a", "a", "b"], "s": [0.1, bad, 0.3]}))
    names = {"y_true": "y", "y_score": "s", "sensitive_features": "g"}
    with pytest.raises(ValueError, match=r"Input y_score contains (NaN|infinity)"):
        ScoreTally.from_frame(data, **names)
    if bad == float("inf"):
        assert ScoreTally.from_frame(data, edges=[0.2], **names).count[:, 1].tolist() == [
            [0, 1],
            [0, 1],
        ]
    else:
        with pytest.raises(ValueError, match="Input y_score contains NaN"):
            ScoreTally.from_frame(data, edges=[0.2], **names)


@pytest.mark.parametrize(
    ("scores", "edges"),
    [
        ([0.25] * 4, [0.25]),
        ([0.0, 0.0, 0.0, 1.0], [1.0]),
        ([-5e300, 1e-300, 2e-300, 5e300], None),
        ([1e-310, 2e-310, 3e-310, 4e-310], None),
        ([1e17, 1e17 + 16, 1e17 + 32, 1e17 + 48], None),
    ],
)
def test_scores_of_every_size(engine, scores, edges):
    data = engine(pa.table({"y": [0, 1, 1, 0], "g": list("aabb"), "s": scores}))
    tally = ScoreTally.from_frame(data, y_true="y", y_score="s", sensitive_features="g", bins=2)
    expected = ScoreTally.from_arrays([0, 1, 1, 0], scores, {"g": list("aabb")}, edges=tally.edges)
    assert_same(tally, expected)
    if edges is not None:
        assert_allclose(tally.edges, edges, atol=2**-15)


def test_rows_without_weight_move_no_quantile(engine):
    scores = [0.1, 0.2, 0.3, 0.4, 0.9, 0.91, 0.92, 0.93]
    table = pa.table(
        {"y": [0, 1] * 4, "g": ["a"] * 8, "s": scores, "w": [1.0] * 4 + [0.0] * 4, "0": [0.0] * 8}
    )
    names = {"y_true": "y", "y_score": "s", "sensitive_features": "g", "bins": 2}
    tally = ScoreTally.from_frame(engine(table), sample_weight="w", **names)
    assert 0.2 < tally.edges[0] <= 0.3
    assert tally.count.sum(axis=(0, 1)).tolist() == [2, 2]
    nothing = ScoreTally.from_frame(engine(table), sample_weight="0", **names)
    assert 0.4 < nothing.edges[0] <= 0.9
    assert nothing.n_samples == 0


def test_whole_numbers_beside_missing_ones_keep_all_digits():
    large = 2**53 + 1
    data = pa.table({"y": [0, 1, 1], "g": [large, large - 1, None]})
    for frame in (data, ENGINES["polars lazy"]()(data)):
        tally = Tally.from_frame(frame, y_true="y", y_pred="y", sensitive_features="g")
        assert tally.labels == (large - 1, large, MISSING)


def test_decimals_count_as_floats():
    whole = pa.array([Decimal(0), Decimal(1), Decimal(1)], pa.decimal128(20, 2))
    data = pa.table({"y": whole, "g": whole, "w": whole})
    for frame in (data, ENGINES["polars lazy"]()(data)):
        tally = Tally.from_frame(
            frame, y_true="y", y_pred="y", sensitive_features="g", sample_weight="w"
        )
        assert (tally.labels, tally.classes) == ((0.0, 1.0), (0.0, 1.0))
        assert {type(value) for value in (*tally.labels, *tally.classes)} == {float}
        assert tally.weight.sum() == 2
