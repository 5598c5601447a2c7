from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skfair.groups import MISSING
from skfair.tally import Tally
from skfair.tally._moments import MomentTally, finite_column

REPRODUCIBLE = settings(max_examples=60)
NUMBERS = st.integers(-40, 40).map(lambda k: k / 4)
ROW = st.tuples(NUMBERS, NUMBERS, st.sampled_from(["a", "b", None]), st.integers(0, 6))


def tally_of(rows):
    true, pred, group, weight = zip(*rows, strict=True)
    return MomentTally.from_arrays(
        true, pred, {"g": list(group)}, sample_weight=np.array(weight) / 2
    )


def assert_same(tally, other, **tolerance):
    assert (tally.labels, tally.names, tally.classes) == (other.labels, other.names, ())
    for name in ("weight", "weight2", "count", "total", "spread", "absolute"):
        assert_allclose(getattr(tally, name), getattr(other, name), err_msg=name, **tolerance)
    assert tally.count.dtype == np.int64


def test_sums_by_hand():
    tally = MomentTally.from_arrays(
        [3.0, 5.0, 1.0], [2.0, 7.0, 1.0], ["f", "f", "m"], sample_weight=[1.0, 3.0, 0.5]
    )
    assert tally.labels == ("f", "m")
    assert tally.weight.tolist() == [4.0, 0.5]
    assert tally.weight2.tolist() == [10.0, 0.25]
    assert tally.count.tolist() == [2, 1]
    assert tally.total.tolist() == [[18.0, 23.0, -5.0], [0.5, 0.5, 0.0]]
    # about the means 4.5, 5.75 and -1.25
    assert tally.spread.tolist() == [[3.0, 18.75, 6.75], [0.0, 0.0, 0.0]]
    assert tally.absolute.tolist() == [7.0, 0.0]
    assert tally.sums.tolist() == [[4.0, -5.0, 7.0, 13.0], [0.5, 0.0, 0.0, 0.0]]
    assert tally.means.loc["f"].tolist() == [4.5, 5.75, -1.25]
    # effective size 16 / 10, so the variance is 1.6 / 0.6 of the mean square
    assert_allclose(tally.variances.loc["f"], np.array([3.0, 18.75, 6.75]) / 4 * 16 / 6)
    assert tally.variances.loc["m"].isna().all()


def test_moments_are_those_of_pandas():
    rng = np.random.default_rng(0)
    true, pred, group = rng.normal(size=300), rng.normal(size=300), rng.integers(0, 3, 300)
    tally = MomentTally.from_arrays(true, pred, group)
    frame = pd.DataFrame({"y_true": true, "y_pred": pred, "residual": true - pred})
    assert_allclose(tally.means, frame.groupby(group).mean(), atol=1e-14)
    assert_allclose(tally.variances, frame.groupby(group).var(), rtol=1e-13)
    squares = (frame["residual"] ** 2).groupby(group).sum()
    assert_allclose(tally.sums[:, 3], squares, rtol=1e-13)


def test_sums_are_those_of_a_loop():
    rng = np.random.default_rng(2)
    n = 2**16 + 50
    true, pred = rng.normal(size=(2, n))
    group, weight = rng.integers(4, size=n), rng.random(n)
    tally = MomentTally.from_arrays(true, pred, group, sample_weight=weight)
    for k in range(4):
        w, t, p = (a[group == k] for a in (weight, true, pred))
        assert_allclose([tally.weight[k], tally.weight2[k]], [w.sum(), (w**2).sum()], rtol=1e-12)
        assert tally.count[k] == len(w)
        assert_allclose(tally.absolute[k], (w * np.abs(t - p)).sum(), rtol=1e-12)
        for j, v in enumerate((t, p, t - p)):
            assert_allclose(tally.total[k, j], (w * v).sum(), rtol=1e-11)
            squares = (w * (v - np.average(v, weights=w)) ** 2).sum()
            assert_allclose(tally.spread[k, j], squares, rtol=1e-12)


def test_moments_are_not_resampled():
    assert not hasattr(MomentTally, "resample")  # the draws would have no moments


def test_a_sum_shares_no_array_with_its_parts():
    a = tally_of([(1.0, 2.0, "a", 2), (3.0, 2.0, "b", 1)])
    total = a + a
    for name in ("weight", "weight2", "count", "total", "spread", "absolute"):
        assert not np.shares_memory(getattr(total, name), getattr(a, name))


@REPRODUCIBLE
@given(st.data())
def test_tallies_of_parts_add_up_to_the_tally_of_the_whole(data):
    rows = data.draw(st.lists(ROW, min_size=1, max_size=25))
    parts = data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows)))
    split = [[row for row, p in zip(rows, parts, strict=True) if p == k] for k in range(4)]
    assert_same(sum(tally_of(part) for part in split if part), tally_of(rows), atol=1e-9)


@REPRODUCIBLE
@given(st.lists(ROW, min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))
    assert_same(tally_of(shuffled), tally_of(rows), atol=1e-9)


@REPRODUCIBLE
@given(st.lists(ROW, min_size=1, max_size=20))
def test_integer_weights_are_repeated_rows_but_for_their_squares_and_counts(rows):
    doubled = [(*row[:3], 2) for row in rows for _ in range(row[3])]  # weight 2 is halved to 1
    whole = tally_of([(*row[:3], 2 * row[3]) for row in rows])
    if not doubled:
        return
    repeated = tally_of(doubled)
    kept = [whole.labels.index(label) for label in repeated.labels]
    for name in ("weight", "total", "spread", "absolute", "sums"):
        assert_allclose(
            getattr(whole, name)[kept], getattr(repeated, name), err_msg=name, atol=1e-9
        )


def test_a_large_mean_costs_no_digits_of_the_spread():
    rng = np.random.default_rng(1)
    small = rng.normal(size=4000)
    whole = MomentTally.from_arrays(small + 1e9, np.zeros(4000), np.zeros(4000))
    parts = [
        MomentTally.from_arrays(rows + 1e9, np.zeros(len(rows)), np.zeros(len(rows)))
        for rows in np.split(small, [10, 1500, 3999])
    ]
    for tally in (whole, sum(parts)):
        # 1e9 has steps of 1.2e-7, so that is what the values themselves have lost
        assert_allclose(tally.variances["residual"], small.var(ddof=1), rtol=1e-6)


def test_groups_of_one_part_only_and_empty_groups():
    a = MomentTally.from_arrays([1.0, 5.0], [0.0, 0.0], ["x", "z"], sample_weight=[2.0, 0.0])
    b = MomentTally.from_arrays([4.0, 3.0], [0.0, 0.0], ["y", "z"])
    total = a + b
    assert total.labels == ("x", "y", "z")
    assert total.means["y_true"].tolist() == [1.0, 4.0, 3.0]
    assert total.spread.tolist() == np.zeros((3, 3)).tolist()
    assert a.labels == ("x", "z")
    assert np.isnan(a.means.loc["z", "residual"])
    assert (a + a).means["y_true"].tolist()[0] == 1.0


def test_addition_to_another_kind_of_tally_is_refused():
    moments = MomentTally.from_arrays([0.0], [0.0], ["x"])
    with pytest.raises(TypeError):
        moments + Tally.from_arrays([0], [0], ["x"])
    with pytest.raises(ValueError, match="can't be added"):
        moments + MomentTally.from_arrays([0.0], [0.0], {"sex": ["x"]})


@pytest.mark.parametrize("kind", [np.asarray, pd.Series, pl.Series, pa.array])
def test_any_column_and_missing_groups(kind):
    tally = MomentTally.from_arrays(
        kind([1.0, 2.0]), kind([0.0, 0.0]), ["x", None], sample_weight=kind([1.0, 2.0])
    )
    assert tally.labels == ("x", MISSING)
    assert_array_equal(tally.total[:, 2], [1.0, 4.0])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y_true": [1.0, np.nan]}, "Input y_true contains NaN"),
        ({"y_true": pd.array([1, None], dtype="Int64")}, "Input y_true contains NaN"),
        ({"y_pred": [1.0, None]}, "Input y_pred contains NaN"),
        ({"y_pred": [1.0, np.inf]}, "Input y_pred contains infinity"),
        ({"y_pred": [1.0]}, "inconsistent numbers of samples"),
        ({"y_true": [[1.0, 2.0], [1.0, 2.0]]}, "should be a 1d array"),
        ({"sample_weight": [1.0, -1.0]}, "Negative values"),
        ({"sensitive_features": ["a", None], "missing": "raise"}, "has 1 missing"),
        ({"sensitive_features": ["a"]}, "inconsistent numbers of samples"),
    ],
)
def test_bad_input_is_refused(changed, message):
    good = {"y_true": [1.0, 2.0], "y_pred": [1.0, 2.0], "sensitive_features": ["a", "b"]}
    with pytest.raises(ValueError, match=message):
        MomentTally.from_arrays(**{**good, **changed})


def test_finite_column_reads_nullable_integers():
    assert finite_column(pd.array([1, 2], dtype="Int64"), "y").tolist() == [1.0, 2.0]


def test_rows_of_weight_0_are_no_rows():
    tally = MomentTally.from_arrays(
        [1.0, 5.0, 3.0], [0.0, 0.0, 0.0], ["x", "x", "z"], sample_weight=[2.0, 0.0, 0.0]
    )
    assert tally.labels == ("x", "z")
    assert tally.group_counts.tolist() == [1, 0]
