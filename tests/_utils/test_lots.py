"""Lots that hang on what a row says."""

from __future__ import annotations

from functools import partial

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
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfair._utils.lots import check_lots, draw_lots, lots_move
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
    assert by_row(FRAME)[:2].tolist() == [0.520712777668878, 0.2775856937618386]


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
    assert lots_move(True, None)
    assert not any(
        (lots_move(True, 0), lots_move(False, None), lots_move("by_row", None), lots_move(0, None))
    )


def test_other_options_are_refused():
    with pytest.raises(ValueError, match="randomized must be one of"):
        check_lots("by row", None)
    with pytest.raises(ValueError, match='random_state must be an int or None with randomized="by'):
        check_lots("by_row", np.random.RandomState(0))


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
        with pytest.raises(ValueError, match="randomized"):
            model.fit(DATA.data, DATA.target, sensitive_features=DATA.sensitive_features)


def test_wrapped_pipelines_leave_the_raw_rows_to_the_lots():
    pipe = make_pipeline(StandardScaler(), LogisticRegression())
    model = ThresholdOptimizer(pipe, cv=2, randomized="by_row", **ODDS)
    model.fit(DATA.data, DATA.target, sensitive_features=DATA.sensitive_features)
    chance = model.decision_probability(DATA.data, sensitive_features=DATA.sensitive_features)
    decided = model.predict(DATA.data, sensitive_features=DATA.sensitive_features) == 1
    np.testing.assert_array_equal(decided, by_row(DATA.data) < chance)
