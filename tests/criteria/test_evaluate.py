from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.exceptions import UndefinedMetricWarning

from skfair.criteria import CRITERIA, evaluate, get_criterion, parse_metric

# tn, fp, fn, tp
FINE = [[8, 2, 6, 4], [12, 4, 1, 3], [3, 1, 0, 6]]
NO_POSITIVES = [[8, 2, 5, 5], [5, 5, 0, 0], [9, 1, 4, 6]]
NEVER_SELECTED = [[8, 2, 5, 5], [5, 0, 5, 0], [9, 1, 4, 6]]
NO_ROWS = [[8, 2, 5, 5], [0, 0, 0, 0], [9, 1, 4, 6]]


def run(name, cells, **options):
    cells = np.array(cells, dtype=float)
    return evaluate(get_criterion(name), cells, ("a", "b", "c")[: len(cells)], **options)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("name", CRITERIA)
def test_defined_rates_are_evaluated_in_silence(name, strict):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = run(name, FINE, strict=strict)
    assert found.value == pytest.approx(float(CRITERIA[name](FINE)), rel=1e-15)
    assert (found.undefined, found.small) == ((), ())


def test_options_are_passed_on():
    found = run("equalized_odds", FINE, gap="ratio", method="to_overall", combination="mean")
    expected = CRITERIA["equalized_odds"](
        FINE, gap="ratio", method="to_overall", combination="mean"
    )
    assert found.value == pytest.approx(float(expected), rel=1e-15)


@pytest.mark.parametrize(
    ("name", "cells", "value", "rates"),
    [
        ("equal_opportunity", NO_POSITIVES, 0.1, ["true_positive_rate"]),
        ("equalized_odds", NO_POSITIVES, 0.4, ["true_positive_rate"]),
        ("predictive_parity", NEVER_SELECTED, 6 / 7 - 5 / 7, ["positive_predictive_value"]),
        ("equalized_odds", NO_ROWS, 0.1, ["true_positive_rate", "false_positive_rate"]),
    ],
)
def test_an_undefined_group_is_left_out_by_name(name, cells, value, rates):
    listed = ", ".join(f"{rate} of group 'b'" for rate in rates)
    message = rf"^{name}: undefined \(0/0\) and left out: {listed}$"
    with pytest.warns(UndefinedMetricWarning, match=message):
        found = run(name, cells)
    assert found.value == pytest.approx(value, rel=1e-14)
    assert found.undefined == tuple(("b", rate) for rate in rates)


@pytest.mark.parametrize("name", ["predictive_parity", "false_discovery_rate", "f1_score"])
def test_strict_is_nan_where_the_decisions_made_a_rate_undefined(name):
    cells = [FINE[0], FINE[1], [5, 0, 0 if name == "f1_score" else 5, 0]]
    with pytest.warns(UndefinedMetricWarning, match="of group 'c'; the result is NaN$"):
        found = run(name, cells, strict=True)
    assert np.isnan(found.value)
    assert [label for label, _ in found.undefined] == ["c"]


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("equal_opportunity", NO_POSITIVES),
        ("equalized_odds", NO_POSITIVES),
        ("predictive_parity", NO_ROWS),
        ("demographic_parity", NO_ROWS),
    ],
)
def test_strict_forgives_what_the_data_left_undefined(name, cells):
    with pytest.warns(UndefinedMetricWarning, match="left out"):
        found = run(name, cells, strict=True)
    with pytest.warns(UndefinedMetricWarning, match="left out"):
        assert found == run(name, cells)
    assert np.isfinite(found.value)


@pytest.mark.parametrize(
    ("name", "cells"),
    [("demographic_parity", FINE[:1]), ("equalized_odds", FINE[:1])],
)
def test_one_group_has_no_gap(name, cells):
    with pytest.warns(UndefinedMetricWarning, match="NaN: fewer than two groups remain"):
        assert np.isnan(run(name, cells).value)


def test_one_defined_group_has_no_gap():
    with pytest.warns(UndefinedMetricWarning, match="of group 'b'; the result is NaN"):
        found = run("equal_opportunity", NO_POSITIVES[:2])
    assert np.isnan(found.value)
    assert found.undefined == (("b", "true_positive_rate"),)


def test_the_ratio_of_rates_that_are_all_zero_is_nan_with_a_warning():
    nobody = [[5, 0, 5, 0], [3, 0, 1, 0]]
    with pytest.warns(
        UndefinedMetricWarning,
        match="^disparate_impact: the result is NaN: a rate is 0 in every group",
    ):
        found = run("disparate_impact", nobody, strict=True)
    assert np.isnan(found.value)
    assert found.undefined == ()
    assert run("demographic_parity", nobody).value == 0


def test_small_groups_are_left_out_by_name():
    with pytest.warns(UndefinedMetricWarning, match=r"fewer than 15 rows are left out: \['c'\]$"):
        found = run(
            "demographic_parity", FINE, group_counts=np.array([20, 20, 10]), min_group_size=15
        )
    assert found.value == pytest.approx(0.05, rel=1e-14)
    assert found.small == ("c",)


def test_a_group_of_exactly_the_least_size_stays():
    found = run("demographic_parity", FINE, group_counts=np.array([20, 20, 10]), min_group_size=10)
    assert found.value == pytest.approx(0.4, rel=1e-14)
    assert found.small == ()


def test_small_groups_still_count_in_the_whole():
    with pytest.warns(UndefinedMetricWarning, match="left out"):
        found = run(
            "demographic_parity",
            FINE,
            method="to_overall",
            group_counts=np.array([20, 20, 10]),
            min_group_size=15,
        )
    assert found.value == pytest.approx(0.1, rel=1e-14)  # 3/10 and 7/20 against 2/5


def test_all_groups_too_small_is_nan():
    with pytest.warns(UndefinedMetricWarning, match="NaN: fewer than two groups remain"):
        found = run("equalized_odds", FINE, group_counts=np.array([20, 20, 10]), min_group_size=99)
    assert np.isnan(found.value)
    assert found.small == ("a", "b", "c")


def test_a_least_size_needs_the_numbers_of_rows():
    with pytest.raises(ValueError, match="min_group_size needs group_counts"):
        run("equalized_odds", FINE, min_group_size=5)


def test_labels_of_intersections_are_named_whole():
    labels = [("f", 1), ("m", 2)]
    with pytest.warns(UndefinedMetricWarning, match=r"true_positive_rate of group \('m', 2\)"):
        evaluate(CRITERIA["equal_opportunity"], np.array(NO_POSITIVES[:2], dtype=float), labels)


def test_the_warning_points_at_the_callers_line():
    with pytest.warns(UndefinedMetricWarning) as caught:
        evaluate(CRITERIA["equal_opportunity"], np.array(NO_POSITIVES, dtype=float), "abc")
    assert [warning.filename for warning in caught] == [__file__]


def test_a_criterion_is_parsed_as_its_own_metric():
    assert parse_metric(CRITERIA["disparate_impact"]) == (CRITERIA["disparate_impact"], "ratio")
