from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.exceptions import UndefinedMetricWarning

from skfair.groups import MISSING
from skfair.metrics._verification import verification_rates

REPRODUCIBLE = settings(max_examples=80)
RATES = ["false_match_rate", "false_non_match_rate"]
PAIR = st.tuples(
    st.booleans(), st.integers(0, 6).map(lambda k: k / 4), st.sampled_from("ab"), st.integers(1, 3)
)
GENUINE = [0, 0, 1, 1, 0, 0, 0, 1]
SCORE = [0.1, 0.5, 0.5, 0.9, 0.3, 0.7, 0.2, 0.6]
GROUP = list("aaaabbbb")


def test_rates_at_a_threshold_by_hand():
    table = verification_rates(GENUINE, SCORE, sensitive_features={"g": GROUP}, threshold=0.5)
    assert table.index.name == "g"
    assert table["n_impostor"].tolist() == [2, 3]
    assert table["n_genuine"].tolist() == [2, 1]
    assert table["threshold"].tolist() == [0.5, 0.5]
    assert_allclose(table["false_match_rate"], [1 / 2, 1 / 3])
    assert_allclose(table["false_non_match_rate"], [0, 0])
    stricter = verification_rates(GENUINE, SCORE, sensitive_features=GROUP, threshold=0.65)
    assert_allclose(stricter[RATES], [[0, 1 / 2], [1 / 3, 1]])


@pytest.mark.parametrize(
    ("target", "threshold"),  # impostors: 0.1, 0.2, 0.3, 0.5, 0.7
    [(1.0, 0.1), (0.8, 0.2), (0.79, 0.3), (0.6, 0.3), (0.4, 0.5), (0.39, 0.6), (0.2, 0.6)],
)
def test_the_threshold_of_a_false_match_rate_by_hand(target, threshold):
    table = verification_rates(GENUINE, SCORE, sensitive_features=GROUP, target_fmr=target)
    assert table["threshold"].tolist() == [threshold] * 2


def test_no_false_match_may_need_a_threshold_above_all_scores():
    table = verification_rates(GENUINE, SCORE, sensitive_features=GROUP, target_fmr=0.0)
    assert table["threshold"].tolist() == [0.9, 0.9]
    highest = [*SCORE[:3], 0.7, *SCORE[4:]]  # an impostor and a genuine pair tie at the top
    table = verification_rates(GENUINE, highest, sensitive_features=GROUP, target_fmr=0.0)
    assert table["threshold"].tolist() == [np.nextafter(0.7, 1)] * 2
    assert table[RATES].to_numpy().tolist() == [[0, 1], [0, 1]]


@REPRODUCIBLE
@given(
    rows=st.lists(PAIR, min_size=1, max_size=25),
    target=st.integers(0, 8).map(lambda k: k / 8),
    random=st.randoms(use_true_random=False),
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_the_threshold_is_the_lowest_score_that_keeps_the_target(rows, target, random):
    def table_of(rows, scale=1.0):
        true, score, group, weight = zip(*rows, strict=True)
        return verification_rates(
            true,
            score,
            sensitive_features=group,
            target_fmr=target,
            sample_weight=None if scale is None else scale * np.array(weight),
        )

    def rate_at(threshold):
        impostors = [(score, weight) for y, score, _, weight in rows if not y]
        return sum(w for s, w in impostors if s >= threshold) / sum(w for _, w in impostors)

    rows = [*rows, (False, 0.5, "a", 1)]  # at least one impostor
    table = table_of(rows)
    threshold = table["threshold"].iloc[0]
    assert rate_at(threshold) <= target
    assert all(rate_at(s) > target for _, s, *_ in rows if s < threshold)
    assert_allclose(table_of(random.sample(rows, len(rows))), table)
    assert_allclose(table_of(rows, 1 / 3), table)
    repeated = table_of([row for row in rows for _ in range(row[3])], None)
    assert_allclose(repeated[["threshold", *RATES]], table[["threshold", *RATES]])


def test_weights_reach_the_rates():
    weight = [1, 3, 1, 1, 2, 1, 1, 1]
    table = verification_rates(
        GENUINE, SCORE, sensitive_features=GROUP, threshold=0.55, sample_weight=weight
    )
    assert_allclose(table[RATES], [[0, 1 / 2], [1 / 4, 0]])
    lower = verification_rates(
        GENUINE, SCORE, sensitive_features=GROUP, target_fmr=0.5, sample_weight=weight
    )
    assert lower["threshold"].iloc[0] == 0.5  # 4 of 8; without weights 0.5 lets 2 of 5 in
    assert_allclose(lower["false_match_rate"], [3 / 4, 1 / 4])


def test_a_group_without_genuine_pairs_is_named():
    with pytest.warns(UndefinedMetricWarning, match="false_non_match_rate of group 'c'") as caught:
        table = verification_rates(
            [*GENUINE, 0], [*SCORE, 0.8], sensitive_features=[*GROUP, "c"], threshold=0.5
        )
    assert np.isnan(table.loc["c", "false_non_match_rate"])
    assert table.loc["c", "false_match_rate"] == 1.0
    assert [warning.filename for warning in caught] == [__file__]


def test_missing_groups():
    table = verification_rates([0, 1], [0.1, 0.9], sensitive_features=[None] * 2, threshold=0.5)
    assert table.index.tolist() == [MISSING]
    with pytest.raises(ValueError, match="has 2 missing"):
        verification_rates(
            [0, 1], [0.1, 0.9], sensitive_features=[None] * 2, threshold=0.5, missing="raise"
        )


@pytest.mark.parametrize("kind", [list, pd.Series, pl.Series, pa.array])
@pytest.mark.parametrize("scores", [SCORE, [*SCORE[:4], *[-1.0, -2.0, -3.0, -4.0]]])
def test_other_frames_and_string_labels(kind, scores):
    labels = ["same" if y else "other" for y in GENUINE]
    table = verification_rates(
        kind(labels),
        kind(scores),
        sensitive_features=kind(GROUP),
        target_fmr=0.4,
        pos_label="same",
    )
    plain = verification_rates(GENUINE, scores, sensitive_features=GROUP, target_fmr=0.4)
    assert_allclose(table, plain)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"threshold": None}, "give a threshold or target_fmr"),
        ({"threshold": np.nan}, "give a threshold or target_fmr, got threshold=nan"),
        ({"target_fmr": 0.1}, "not both"),
        ({"threshold": None, "target_fmr": 1.5}, r"target_fmr must be in \[0, 1\]"),
        ({"threshold": None, "target_fmr": np.nan}, r"target_fmr must be in \[0, 1\]"),
        ({"threshold": None, "target_fmr": 0.1, "y_true": [1, 1]}, "no impostor pairs"),
        ({"y_score": [0.1, np.nan]}, "Input y_score contains NaN"),
        ({"y_true": ["same", "other"]}, "pos_label is not specified"),
        ({"y_score": [0.1, 0.2, 0.3]}, "inconsistent numbers of samples"),
    ],
)
def test_bad_input_is_refused(changed, message):
    good = {"y_true": [0, 1], "y_score": [0.1, 0.9], "sensitive_features": [*"ab"], "threshold": 1}
    with pytest.raises(ValueError, match=message):
        verification_rates(**{**good, **changed})


def test_rounding_of_weights_does_not_miss_the_target():
    score = np.arange(10) / 10
    table = verification_rates(
        [0] * 10 + [1],
        [*score, 1.0],
        sensitive_features=["a"] * 11,
        target_fmr=0.3,
        sample_weight=[0.1] * 11,
    )
    assert table["threshold"].item() == 0.7  # 0.1 + 0.1 + 0.1 is more than 0.3
