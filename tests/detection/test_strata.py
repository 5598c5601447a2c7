from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import spearmanr

from skfair.detection._features import read_features
from skfair.detection._strata import prognostic_score, stratify

RNG = np.random.default_rng(0)
N = 1000
X = pd.DataFrame(
    {
        "grade": RNG.choice(["a", "b", "c"], N),
        "member": RNG.random(N) < 0.5,
        "years": RNG.integers(0, 4, N),
        "score": RNG.normal(size=N),
        "hours": RNG.gamma(2, 10, N),
    }
)
POSITIVE = RNG.random(N) < 1 / (1 + np.exp(-2 * X["score"].to_numpy()))


def strata(columns, n_strata=20, X=X, positive=POSITIVE):
    return stratify(read_features(X, columns=columns), positive, n_strata)


def test_few_combinations_are_strata_by_themselves():
    codes = strata(["grade", "member", "years"], n_strata=24)
    expected = X.groupby(["grade", "member", "years"]).ngroup()
    assert len(set(codes)) == 24
    assert codes.tolist() == expected.tolist()


def test_combinations_without_rows_are_no_strata():
    few = X[(X["grade"] != "a") | X["member"]]
    codes = strata(["grade", "member"], X=few, positive=POSITIVE[few.index])
    assert sorted(set(codes)) == [0, 1, 2, 3, 4]


def test_many_combinations_are_cut_by_their_chance_of_a_positive():
    codes = strata(["score", "hours"], n_strata=10)
    assert np.bincount(codes).tolist() == [100] * 10
    assert spearmanr(codes, X["score"]).statistic > 0.95
    assert (np.diff(np.bincount(codes, POSITIVE)) > -25).all()


def test_a_numeric_column_of_many_values_is_never_a_stratum_a_bin():
    codes = strata(["score"], n_strata=50)  # in ten bins it would have had ten strata
    assert len(set(codes)) == 50


def test_the_score_is_out_of_fold():
    """Of 300 columns of noise, a score of the same rows would tell the label."""
    noise = pd.DataFrame(RNG.normal(size=(300, 20)))
    positive = RNG.random(300) < 0.5
    score = prognostic_score(read_features(noise), positive)
    assert abs(spearmanr(score, positive).statistic) < 0.15


def test_curves_and_missing_values_are_seen():
    numbers = pd.DataFrame({"u": RNG.normal(size=N)})
    positive = (numbers["u"].abs() > 1).to_numpy()
    score = prognostic_score(read_features(numbers), positive)
    assert score[positive].mean() > score[~positive].mean() + 4
    lacking = numbers.where(RNG.random((N, 1)) < 0.7)
    positive = lacking["u"].isna().to_numpy()
    score = prognostic_score(read_features(lacking), positive)
    assert score[positive].min() > score[~positive].max()


def test_categories_are_seen():
    letters = pd.DataFrame({"letter": RNG.choice(list("abcdefghijklmnopqrstuvwxyz"), N)})
    positive = letters["letter"].isin(list("aeiou")).to_numpy()
    score = prognostic_score(read_features(letters), positive)
    assert score[positive].min() > score[~positive].max()


@pytest.mark.parametrize("n_positive", [0, 1, 3])
def test_few_positives(n_positive):
    positive = np.arange(N) < n_positive
    codes = strata(["score"], positive=positive)
    assert len(set(codes)) == (20 if n_positive > 1 else 1)


def test_nothing_but_rare_categories_is_one_stratum():
    rare = pd.DataFrame({"code": np.arange(60) // 2})
    codes = strata(["code"], X=rare.astype(str), positive=np.arange(60) % 2 == 0)
    assert set(codes) == {0}


def test_columns_of_ties_are_cut_where_they_can_be():
    zeros = pd.DataFrame({"gain": np.where(RNG.random(N) < 0.05, RNG.gamma(2, 10, N), 0.0)})
    codes = strata(["gain"], X=zeros)
    assert 1 <= len(set(codes)) <= 20
    assert len(set(codes[zeros["gain"] == 0])) <= 5  # its folds' models differ a little


def test_strata_have_equal_weights():
    weights = np.where(X["score"] > 1, 9.0, 1.0)
    codes = stratify(read_features(X, columns=["score"]), POSITIVE, 4, weights)
    assert_allclose(np.bincount(codes, weights) / weights.sum(), 0.25, atol=0.01)


def test_equal_weights_change_no_strata():
    features = read_features(X, columns=["score", "hours"])
    plain, equal = (stratify(features, POSITIVE, 10, w) for w in (None, np.full(N, 3.0)))
    assert plain.tolist() == equal.tolist()


def test_the_score_weighs_rows():
    numbers = pd.DataFrame({"u": RNG.normal(size=N)})
    part = np.arange(N) % 2 == 0
    positive = np.where(part, numbers["u"] > 0, numbers["u"] < 0)
    features = read_features(numbers)
    for heavy, sign in ((part, 1), (~part, -1)):
        score = prognostic_score(features, positive, np.where(heavy, 1e-3, 1e-6))
        assert sign * spearmanr(score, numbers["u"]).statistic > 0.7


def test_a_binned_column_with_missing_values_is_no_stratum_a_bin():
    """Eleven values in ten bins, and the missing ones, make eleven groups."""
    numbers = pd.DataFrame({"u": [*np.repeat(np.arange(11.0), 20), *[np.nan] * 20]})
    (feature,) = read_features(numbers)
    assert feature.groups.n_groups == 11
    assert len(set(stratify([feature], RNG.random(240) < 0.4, 50))) > 11
