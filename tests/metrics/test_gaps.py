"""Gaps of ``_parity.py`` and ``_odds.py`` against fractions worked out by hand."""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np
import pytest
from sklearn.exceptions import UndefinedMetricWarning

from skfair import metrics
from skfair.metrics import (
    average_abs_odds_difference,
    average_odds_difference,
    demographic_parity_difference,
    demographic_parity_ratio,
    disparate_impact,
    equal_opportunity_difference,
    equal_opportunity_ratio,
    equalized_odds_difference,
    equalized_odds_ratio,
    predictive_equality_difference,
    predictive_parity_difference,
)

CORNERS = [(0, 0), (0, 1), (1, 0), (1, 1)]  # y_true, y_pred of tn, fp, fn, tp


def rows_of(cells):
    """y_true, y_pred and groups with these counts of (tn, fp, fn, tp) by group."""
    rows = [
        (true, pred, group)
        for group, counts in cells.items()
        for (true, pred), count in zip(CORNERS, counts, strict=True)
        for _ in range(count)
    ]
    return tuple(list(column) for column in zip(*rows, strict=True))


# selection 1/2 3/8 5/6 (all 13/24), TPR 4/5 1/4 1 (7/11), FPR 1/5 1/2 3/4 (6/13),
# PPV 4/5 1/3 2/5 (7/13), accuracy 4/5 3/8 1/2 (7/12), (TPR + FPR) / 2: 1/2 3/8 7/8 (157/286)
THREE = rows_of({"a": (4, 1, 1, 4), "b": (2, 2, 3, 1), "c": (1, 3, 0, 2)})

# metric: between groups, to overall
BY_HAND = {
    "demographic_parity_difference": (F(11, 24), F(5, 6) - F(13, 24)),
    "demographic_parity_ratio": (F(9, 20), F(13, 24) / F(5, 6)),
    "disparate_impact": (F(9, 20), F(13, 24) / F(5, 6)),
    "equal_opportunity_difference": (F(3, 4), F(7, 11) - F(1, 4)),
    "equal_opportunity_ratio": (F(1, 4), F(1, 4) / F(7, 11)),
    "predictive_equality_difference": (F(11, 20), F(3, 4) - F(6, 13)),
    "predictive_equality_ratio": (F(4, 15), F(1, 5) / F(6, 13)),
    "equalized_odds_difference": (F(3, 4), F(7, 11) - F(1, 4)),
    "equalized_odds_ratio": (F(1, 4), F(1, 4) / F(7, 11)),
    "average_odds_difference": (F(1, 2), F(7, 8) - F(157, 286)),
    "average_abs_odds_difference": (F(13, 20), (F(17, 44) + F(15, 52)) / 2),
    "predictive_parity_difference": (F(7, 15), F(4, 5) - F(7, 13)),
    "predictive_parity_ratio": (F(5, 12), F(1, 3) / F(7, 13)),
    "accuracy_parity_difference": (F(17, 40), F(4, 5) - F(7, 12)),
}
GAPS = list(BY_HAND)

# One row a weight. Weighted: selection 1/2 11/14 5/12, TPR 3/4 3/4 1/2, FPR 1/4 4/5 1/4,
# PPV 3/4 3/11 4/5, accuracy 3/4 5/14 7/12, (TPR + FPR) / 2: 1/2 31/40 3/8
WEIGHTED = [
    *[(0, 0, "a", 1.0), (0, 0, "a", 2.0), (0, 1, "a", 1.0), (1, 0, "a", 1.0)],
    *[(1, 1, "a", 1.5), (1, 1, "a", 1.5)],
    *[(0, 0, "b", 1.0), (0, 1, "b", 3.0), (0, 1, "b", 1.0), (1, 0, "b", 0.5), (1, 1, "b", 1.5)],
    *[(0, 0, "c", 1.5), (0, 1, "c", 0.5), (1, 0, "c", 2.0), (1, 1, "c", 0.5), (1, 1, "c", 1.5)],
]
WEIGHTED_BY_HAND = {
    "demographic_parity_difference": F(31, 84),
    "demographic_parity_ratio": F(35, 66),
    "disparate_impact": F(35, 66),
    "equal_opportunity_difference": F(1, 4),
    "equal_opportunity_ratio": F(2, 3),
    "predictive_equality_difference": F(11, 20),
    "predictive_equality_ratio": F(5, 16),
    "equalized_odds_difference": F(11, 20),
    "equalized_odds_ratio": F(5, 16),
    "average_odds_difference": F(2, 5),
    "average_abs_odds_difference": F(2, 5),
    "predictive_parity_difference": F(29, 55),
    "predictive_parity_ratio": F(15, 44),
    "accuracy_parity_difference": F(11, 28),
}


def test_every_public_gap_is_tested_by_hand():
    homes = {"skfair.metrics._odds", "skfair.metrics._parity"}
    public = {name for name in metrics.__all__ if getattr(metrics, name).__module__ in homes}
    assert public == set(BY_HAND) == set(WEIGHTED_BY_HAND)


@pytest.mark.parametrize("name", GAPS)
def test_gaps_between_three_groups_by_hand(name):
    y_true, y_pred, group = THREE
    gap = getattr(metrics, name)(y_true, y_pred, sensitive_features=group)
    assert type(gap) is float
    assert gap == pytest.approx(float(BY_HAND[name][0]), abs=1e-15)


@pytest.mark.parametrize("name", GAPS)
def test_gaps_to_overall_by_hand(name):
    y_true, y_pred, group = THREE
    gap = getattr(metrics, name)(y_true, y_pred, sensitive_features=group, method="to_overall")
    assert gap == pytest.approx(float(BY_HAND[name][1]), abs=1e-15)


@pytest.mark.parametrize("name", GAPS)
def test_weighted_gaps_by_hand(name):
    y_true, y_pred, group, weight = (list(column) for column in zip(*WEIGHTED, strict=True))
    metric = getattr(metrics, name)
    gap = metric(y_true, y_pred, sensitive_features=group, sample_weight=weight)
    assert gap == pytest.approx(float(WEIGHTED_BY_HAND[name]), abs=1e-15)
    assert gap != metric(y_true, y_pred, sensitive_features=group)


def test_the_whole_is_weighted_too():
    gap = demographic_parity_difference(
        None,
        [1, 1, 0, 0],
        sensitive_features=["a", "a", "b", "b"],
        sample_weight=[9, 3, 3, 1],
        method="to_overall",
    )
    assert gap == 0.75  # 1 and 0 against 12/16


@pytest.mark.parametrize(
    ("metric", "agg", "expected"),
    [
        (equalized_odds_difference, "worst_case", F(3, 4)),
        (equalized_odds_difference, "mean", (F(3, 4) + F(11, 20)) / 2),
        (equalized_odds_ratio, "worst_case", F(1, 4)),
        (equalized_odds_ratio, "mean", (F(1, 4) + F(4, 15)) / 2),
    ],
)
def test_equalized_odds_takes_the_worse_gap_or_the_mean(metric, agg, expected):
    y_true, y_pred, group = THREE
    gap = metric(y_true, y_pred, sensitive_features=group, agg=agg)
    assert gap == pytest.approx(float(expected), abs=1e-15)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (equalized_odds_difference, (F(17, 44) + F(15, 52)) / 2),
        (equalized_odds_ratio, (F(11, 28) + F(13, 30)) / 2),
    ],
)
def test_the_mean_to_overall(metric, expected):
    y_true, y_pred, group = THREE
    gap = metric(y_true, y_pred, sensitive_features=group, agg="mean", method="to_overall")
    assert gap == pytest.approx(float(expected), abs=1e-15)


def test_the_false_positive_rate_can_be_the_worse():
    y_true, y_pred, group = rows_of({"a": (1, 3, 1, 3), "b": (4, 0, 2, 2)})
    assert equal_opportunity_difference(y_true, y_pred, sensitive_features=group) == 0.25
    assert predictive_equality_difference(y_true, y_pred, sensitive_features=group) == 0.75
    assert equalized_odds_difference(y_true, y_pred, sensitive_features=group) == 0.75
    assert equalized_odds_ratio(y_true, y_pred, sensitive_features=group) == 0.0


def test_opposite_gaps_cancel_in_average_odds_and_not_in_its_absolute_sibling():
    y_true, y_pred, group = rows_of({"a": (3, 1, 1, 3), "b": (1, 3, 3, 1)})
    assert average_odds_difference(y_true, y_pred, sensitive_features=group) == 0.0
    assert average_abs_odds_difference(y_true, y_pred, sensitive_features=group) == 0.5


def test_a_perfect_prediction_has_no_gap_but_that_of_the_base_rates():
    y_true, _, group = THREE
    options = {"sensitive_features": group}
    assert equalized_odds_difference(y_true, y_true, **options) == 0.0
    assert predictive_parity_difference(y_true, y_true, **options) == 0.0
    base_rates = [5 / 10, 4 / 8, 2 / 6]
    gap = demographic_parity_difference(y_true, y_true, **options)
    assert gap == pytest.approx(max(base_rates) - min(base_rates))


def test_disparate_impact_is_the_ratio_of_demographic_parity_and_never_above_one():
    for cells in ({"a": (0, 1, 0, 3), "b": (3, 0, 0, 1)}, {"a": (3, 0, 0, 1), "b": (0, 1, 0, 3)}):
        y_true, y_pred, group = rows_of(cells)
        assert disparate_impact(y_true, y_pred, sensitive_features=group) == 0.25
        assert demographic_parity_ratio(y_true, y_pred, sensitive_features=group) == 0.25


def test_an_unselected_group_has_ratio_zero():
    y_true, y_pred, group = rows_of({"a": (2, 2, 2, 2), "b": (4, 0, 4, 0)})
    assert disparate_impact(y_true, y_pred, sensitive_features=group) == 0.0
    assert equal_opportunity_ratio(y_true, y_pred, sensitive_features=group) == 0.0


def test_one_group_has_no_gap():
    with pytest.warns(UndefinedMetricWarning, match="fewer than two groups remain"):
        gap = demographic_parity_difference([0, 1], [0, 1], sensitive_features=["a", "a"])
    assert np.isnan(gap)


def test_equalized_odds_is_nan_where_one_of_its_rates_has_no_gap():
    y_true, y_pred, group = rows_of({"a": (2, 2, 0, 0), "b": (1, 3, 2, 2)})
    with pytest.warns(UndefinedMetricWarning, match="true_positive_rate of group 'a'") as caught:
        gap = equalized_odds_difference(y_true, y_pred, sensitive_features=group)
    assert np.isnan(gap)
    assert "the result is NaN" in str(caught[0].message)


def test_a_group_is_left_out_of_one_rate_alone():
    y_true, y_pred, group = rows_of({"a": (0, 4, 0, 0), "b": (1, 3, 2, 2), "c": (2, 2, 1, 3)})
    with pytest.warns(UndefinedMetricWarning, match="true_positive_rate of group 'a'"):
        gap = equal_opportunity_difference(y_true, y_pred, sensitive_features=group)
    assert gap == 0.25
    with pytest.warns(UndefinedMetricWarning, match="true_positive_rate of group 'a'"):
        gap = equalized_odds_difference(y_true, y_pred, sensitive_features=group)
    assert gap == 0.5  # of the false positive rate, to which "a" belongs
