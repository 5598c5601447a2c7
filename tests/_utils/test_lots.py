"""Lots that hang on what a row says."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sparse
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np
from scipy.stats import kstest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfair._utils.lots import draw_lots, lots_move
from skfair.datasets import make_biased_classification
from skfair.inprocessing import ExponentiatedGradient, SubgroupFairClassifier
from skfair.postprocessing import CalibratedEqualizedOdds, ThresholdOptimizer

by_row = partial(draw_lots, randomized="by_row")
NUMBERS = np.random.default_rng(0).normal(size=(500, 3)).round(2).clip(0)
NUMBERS[:5, 0] = np.nan
FRAME = pd.DataFrame(
    {
        "word": ["x", "y", None, "x"],
        "kind": pd.Categorical(["u", "v", "u", "u"]),
        "count": [1, 2, 3, 1],
        "day": pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-01", "2020-01-01"]),
        "yes": [True, False, True, True],
    }
)


@pytest.mark.parametrize(
    "same",
    [
        pd.DataFrame,
        pl.DataFrame,
        sparse.csr_array,
        sparse.csc_matrix,
        np.ndarray.tolist,
        partial(np.asarray, dtype=np.float32),
        partial(np.asarray, dtype=object),
        lambda X: X.reshape(len(X), 3, 1),
        lambda X: np.where(X == 0, -0.0, X),
    ],
)
def test_the_same_values_have_the_same_lots(same):
    np.testing.assert_array_equal(by_row(same(NUMBERS)), by_row(NUMBERS))


@pytest.mark.parametrize(
    "same",
    [
        pl.from_pandas,
        pd.DataFrame.convert_dtypes,
        lambda X: X.astype({"count": float, "kind": object, "yes": int}),
        lambda X: X.astype({"word": "category", "count": object}),
        lambda X: X.set_axis(list("abcde"), axis=1),
    ],
)
def test_frames_of_the_same_values_have_the_same_lots(same):
    lots = by_row(FRAME)
    np.testing.assert_array_equal(by_row(same(FRAME)), lots)
    assert lots[0] == lots[3]
    assert len(set(lots)) == 3


def test_a_row_keeps_its_lot_alone_and_in_any_order():
    lots = by_row(NUMBERS)
    order = np.random.default_rng(1).permutation(len(NUMBERS))
    np.testing.assert_array_equal(by_row(NUMBERS[order]), lots[order])
    assert [by_row(NUMBERS[i : i + 1])[0] for i in range(9)] == lots[:9].tolist()


def test_later_releases_draw_the_same_lots_for_people_decided_before():
    lots = [0.47776571407832125, 0.687716650221677]
    assert by_row([[1.0, 0.0, 2.5], [0.0, 0.0, 0.0]]).tolist() == lots
    assert by_row(FRAME)[:2].tolist() == [0.7238587591205798, 0.7720601604020435]


@pytest.mark.parametrize("seed", [None, 0, 1, 12345])
def test_lots_are_uniform_and_seeds_give_others(seed):
    counts = np.arange(20_000)[:, None]
    lots = by_row(counts, random_state=seed)
    assert ((lots >= 0) & (lots < 1)).all()
    assert kstest(lots, "uniform").pvalue > 0.001
    assert len(np.unique(lots)) == len(lots)
    other = by_row(counts, random_state=7)
    assert abs(np.corrcoef(lots, other)[0, 1]) < 0.03
    assert abs(np.corrcoef(lots[1:], lots[:-1])[0, 1]) < 0.03


@given(st_np.arrays(float, (6, 2), elements=st.integers(0, 3)))
def test_rows_share_a_lot_just_where_all_values_are_equal(X):
    lots = by_row(X)
    same = (X[:, None] == X[None]).all(axis=-1)
    np.testing.assert_array_equal(lots[:, None] == lots[None], same)


def test_places_of_values_count_and_the_last_digits_do_not():
    assert by_row([[1.0, 2.0]]) != by_row([[2.0, 1.0]])
    assert by_row([[1.0, 0.0]]) != by_row([[0.0, 1.0]])
    assert by_row([[1.0, 1.0]]) != by_row([[0.0, 0.0]])
    assert by_row([["1", "2"]]) != by_row([[1, 2]])
    assert by_row([[0.1 + 0.2]]) == by_row([[0.3]]) != by_row([[0.30001]])


def test_lots_that_move_are_numpys():
    lots = draw_lots(NUMBERS, True, 3)
    np.testing.assert_array_equal(lots, np.random.default_rng(3).random(len(NUMBERS)))
    moving = [
        (drawn, state)
        for drawn in (False, True, "by_row", ["x"])
        for state in (None, 0)
        if lots_move(SimpleNamespace(randomized=drawn, random_state=state))
    ]
    assert moving == [(True, None)]


def test_columns_of_fit_are_found_by_name():
    names = tuple(FRAME.columns)
    lots = by_row(FRAME, names=names)
    other = FRAME[["day", "yes", "word", "kind", "count"]].assign(more=range(4))
    np.testing.assert_array_equal(by_row(other, names=names), lots)
    np.testing.assert_array_equal(by_row(FRAME.to_numpy(object), names=names), lots)
    assert (lots != by_row(FRAME))[0]  # keyed by names, not by places
    with pytest.raises(ValueError, match="X has no column 'kind'"):
        by_row(FRAME.drop(columns="kind"), names=names)
    with pytest.raises(ValueError, match="X has 4 columns, and lots hang on those of fit, 5"):
        by_row(FRAME.to_numpy(object)[:, :4], names=names)


def test_lots_hang_on_the_columns_named():
    names = tuple(FRAME.columns)
    lots = draw_lots(FRAME, ["kind", "yes"], names=names)
    assert lots[0] == lots[2] == lots[3] != lots[1]
    np.testing.assert_array_equal(draw_lots(FRAME, [1, 4], names=names), lots)
    np.testing.assert_array_equal(draw_lots(FRAME.to_numpy(object), [1, 4], names=names), lots)
    np.testing.assert_array_equal(
        draw_lots(FRAME[["yes", "kind"]], ["kind", "yes"], names=names), lots
    )
    assert draw_lots(NUMBERS, [0])[9] == draw_lots(sparse.csr_array(NUMBERS), [0])[9]
    for wrong in (["sex"], [5], [-1]):
        with pytest.raises(ValueError, match="lots are to hang on column"):
            draw_lots(FRAME, wrong, names=names)
    with pytest.raises(ValueError, match="columns 0 to 2"):
        draw_lots(NUMBERS, ["kind"])


@pytest.mark.parametrize(
    "same",
    [
        lambda day: day.astype("datetime64[s]"),
        lambda day: day.dt.date,
        lambda day: day.dt.date.astype("date32[pyarrow]"),
        lambda day: pl.Series(day.dt.date).to_frame(),
        lambda day: pl.Series(day.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")).to_frame(),
        lambda day: pl.Series(day).to_frame(),
    ],
)
def test_a_day_is_a_day_in_every_type(same):
    found = same(FRAME["day"])
    found = found if hasattr(found, "columns") else found.to_frame()
    np.testing.assert_array_equal(by_row(found), by_row(FRAME[["day"]]))
    here = FRAME["day"].dt.tz_localize("UTC")
    there = here.dt.tz_convert("Asia/Tokyo").astype(object)
    np.testing.assert_array_equal(by_row(there.to_frame()), by_row(here.to_frame()))


@pytest.mark.parametrize(
    "values",
    [
        [Decimal("1.50"), Decimal(1), Decimal("1.5"), None],
        [1.5, np.int64(1), True, pd.NA],
        [1.5, 1, True, None],
        [1.5, Decimal("1.0"), "text", np.nan],
    ],
)
def test_numbers_of_every_type_are_the_same(values):
    lots = by_row(pd.DataFrame({"a": values}, dtype=object))
    np.testing.assert_array_equal(lots[[0, 1, 3]], by_row([[1.5], [1.0], [np.nan]]))
    assert [by_row(pd.DataFrame({"a": [v]}, dtype=object))[0] for v in values] == lots.tolist()


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_durations_are_the_same_in_every_unit(unit):
    times = pd.Series(pd.to_timedelta([90, 0, None, 3600], unit="s")).to_frame("a")
    expected = by_row([[90.0], [0.0], [np.nan], [3600.0]])
    for same in (times.astype(f"timedelta64[{unit}]"), times.astype(object), pl.from_pandas(times)):
        np.testing.assert_array_equal(by_row(same), expected)


@pytest.mark.parametrize("first", [10**8, 20_240_101, 1_700_000_000, 2**53, 2**62])
def test_numbers_of_applicants_have_lots_of_their_own(first):
    ids = first + np.arange(5000)
    lots = by_row(ids[:, None])
    assert len(set(lots)) == len(ids)
    assert abs((lots < 0.3).mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / len(ids))
    np.testing.assert_array_equal(by_row(ids[:, None].astype(object)), lots)
    np.testing.assert_array_equal(by_row(pl.DataFrame({"a": ids})), lots)
    if first < 2**53:
        np.testing.assert_array_equal(by_row(ids[:, None].astype(float)), lots)
    small = by_row(np.arange(100, dtype=np.uint8)[:, None])
    np.testing.assert_array_equal(small, by_row(np.arange(100.0)[:, None]))


def test_odd_values_have_lots():
    huge = by_row(pd.DataFrame({"a": [1e300, -1e300, np.inf, 2.0**63, 0.0]}))
    assert len(set(huge)) >= 3
    texts = pd.DataFrame({"a": ["\udc80", b"a", "b'a'", "x"]}, dtype=object)
    assert len(set(by_row(texts))) == 4
    long = pd.DataFrame({"a": [10**400, 2**62, 2**62 + 1, "x"]}, dtype=object)
    assert len(set(by_row(long))) == 4
    assert by_row(long)[2] == by_row(np.array([[2**62 + 1]]))[0]
    assert by_row(np.empty((0, 3, 2))).shape == (0,)
    assert len(set(by_row(np.empty((3, 0))))) == 1


def test_sparse_matrices_stay_as_they_are():
    found = sparse.coo_array(([1.0, 2.0, 3.0], ([0, 0, 1], [1, 1, 0])), shape=(2, 2))
    np.testing.assert_array_equal(by_row(found), by_row([[0.0, 3.0], [3.0, 0.0]]))
    assert found.nnz == 3


def test_values_that_no_lot_can_hang_on_are_refused_at_fit():
    X = DATA.data.assign(names=[["a"]] * len(DATA.data))
    pipe = make_pipeline(
        make_column_transformer((StandardScaler(), list(DATA.data))), LogisticRegression()
    )
    model = ThresholdOptimizer(pipe, cv=2, randomized="by_row")
    with pytest.raises(ValueError, match=r"lots can't hang on column 'names' .*list"):
        model.fit(X, DATA.target, sensitive_features=DATA.sensitive_features)
    model.set_params(randomized=["proxy"])
    model.fit(X, DATA.target, sensitive_features=DATA.sensitive_features)


def test_seeds_of_numpy_are_ints():
    assert (by_row(NUMBERS, random_state=np.int64(3)) == by_row(NUMBERS, random_state=3)).all()


def test_other_options_are_refused():
    for wrong in ("by row", None, 2):
        with pytest.raises(ValueError, match="randomized must be one of"):
            draw_lots(NUMBERS, wrong)
    with pytest.raises(ValueError, match="randomized is an empty list"):
        draw_lots(NUMBERS, [])
    for state in (np.random.RandomState(0), "0", 1.5):
        with pytest.raises(ValueError, match="random_state must be an int or None where lots"):
            draw_lots(NUMBERS, "by_row", state)


DATA = make_biased_classification(3000, base_rates={"a": 0.6, "b": 0.3}, random_state=0)
ODDS = {"constraints": "equalized_odds", "tol": 0.005}
ESTIMATORS = [
    ThresholdOptimizer(LogisticRegression(), cv=2, **ODDS),
    ExponentiatedGradient(LogisticRegression(), max_iter=10, tol=0.005),
    CalibratedEqualizedOdds(LogisticRegression(), cost="weighted", cv=2),
    SubgroupFairClassifier(LogisticRegression(), constraints="selection_rate", tol=0.02),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_rows_get_one_answer_at_the_rates_of_the_mixture(estimator):
    model = clone(estimator).set_params(randomized="by_row")
    model.fit(DATA.data, DATA.target, sensitive_features=DATA.sensitive_features)
    groups = np.asarray(DATA.sensitive_features)
    by_group = getattr(model, "group_at_predict", isinstance(model, CalibratedEqualizedOdds))

    def ask(method, rows):
        options = {"sensitive_features": groups[rows]} if by_group else {}
        return getattr(model, method)(DATA.data.iloc[rows], **options)

    every = np.arange(len(groups))
    chance, decided = ask("decision_probability", every), ask("predict", every) == 1
    assert ((chance > 0.01) & (chance < 0.99)).sum() > 50  # else nothing is drawn
    np.testing.assert_array_equal(decided[chance == 0], False)
    np.testing.assert_array_equal(decided[chance == 1], True)
    for label in set(groups):
        of_group = groups == label
        spread = np.sqrt((chance * (1 - chance))[of_group].sum())
        assert abs((decided - chance)[of_group].sum()) <= 4 * spread
    some = np.flatnonzero((chance > 0.01) & (chance < 0.99))[::-7]
    np.testing.assert_array_equal(ask("predict", some) == 1, decided[some])
    assert not model.__sklearn_tags__().non_deterministic
    other = (
        clone(model)
        .set_params(random_state=5)
        .fit(DATA.data, DATA.target, sensitive_features=groups)
    )
    options = {"sensitive_features": groups} if by_group else {}
    assert ((other.predict(DATA.data, **options) == 1) != decided).any()


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_lots_are_checked_at_fit(estimator):
    for wrong in (
        {"randomized": "rows"},
        {"randomized": "by_row", "random_state": np.random.RandomState(0)},
    ):
        model = clone(estimator).set_params(**wrong)
        with pytest.raises(ValueError, match=r"randomized|lots are to hang on"):
            model.fit(DATA.data, DATA.target, sensitive_features=DATA.sensitive_features)


def test_wrapped_pipelines_leave_the_raw_rows_to_the_lots():
    pipe = make_pipeline(StandardScaler(), LogisticRegression())
    model = ThresholdOptimizer(pipe, cv=2, randomized="by_row", **ODDS)
    model.fit(DATA.data, DATA.target, sensitive_features=DATA.sensitive_features)
    chance = model.decision_probability(DATA.data, sensitive_features=DATA.sensitive_features)
    decided = model.predict(DATA.data, sensitive_features=DATA.sensitive_features) == 1
    np.testing.assert_array_equal(decided, by_row(DATA.data, names=tuple(DATA.data)) < chance)
    model.set_params(randomized=["proxy"])
    again = model.predict(DATA.data, sensitive_features=DATA.sensitive_features) == 1
    lots = draw_lots(DATA.data, ["proxy"], names=tuple(DATA.data))
    np.testing.assert_array_equal(again, lots < chance)
    model.set_params(randomized="by row")
    with pytest.raises(ValueError, match="randomized must be one of"):
        model.predict(DATA.data, sensitive_features=DATA.sensitive_features)


def test_other_columns_and_orders_leave_the_lots_as_they_are():
    pipe = make_pipeline(
        make_column_transformer((StandardScaler(), list(DATA.data))), LogisticRegression()
    )
    model = ThresholdOptimizer(pipe, cv=2, randomized="by_row", **ODDS)
    model.fit(DATA.data, DATA.target, sensitive_features=DATA.sensitive_features)
    other = DATA.data[DATA.data.columns[::-1]].assign(request=range(len(DATA.data)))
    decided = [
        model.predict(X, sensitive_features=DATA.sensitive_features) for X in (DATA.data, other)
    ]
    np.testing.assert_array_equal(*decided)
