"""Constraints with their tolerances, as users give them, and what is said of mistakes."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest

from skfair.criteria import CRITERIA, RATES, Criterion, get_criterion, read_criteria

ACCURACY = RATES["accuracy"]


def named(constraints, tol=0.1):
    return [(criterion.name, width) for criterion, width in read_criteria(constraints, tol)]


def test_one_tolerance_for_all_or_one_for_each():
    several = ["equalized_odds", "accuracy"]
    assert named("equalized_odds", 0.05) == [("equalized_odds", 0.05)]
    assert named(several, 0.05) == [("equalized_odds", 0.05), ("accuracy", 0.05)]
    assert named(several, [0.05, 1]) == [("equalized_odds", 0.05), ("accuracy", 1.0)]
    assert named(None) == named([]) == []


@pytest.mark.parametrize(
    "make",
    [tuple, np.array, pl.Series, lambda tol: pd.Series(tol, index=[7, 7])],
    ids=["tuple", "numpy", "polars", "pandas"],
)
def test_tolerances_may_come_as_any_array(make):
    assert named(("equalized_odds", "accuracy"), make([0.25, 0.5])) == [
        ("equalized_odds", 0.25),
        ("accuracy", 0.5),
    ]


@pytest.mark.parametrize("tol", [0, 1, np.float32(0.5), np.int64(1), np.array(0.25), [0.5]])
def test_numbers_of_any_type_are_tolerances(tol):
    ((_, width),) = named("accuracy", tol)
    assert type(width) is float
    assert width == float(np.ravel(tol)[0])


def test_criteria_and_rates_pass_as_objects():
    own = Criterion("own", (ACCURACY,), gap="ratio")
    ((first, _), (second, _)) = read_criteria([own, RATES["selection_rate"]], 0.1)
    assert first is own
    assert second == Criterion("selection_rate", (RATES["selection_rate"],))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("demographic_parity", "demographic_parity"),
        ("accuracy_parity", "accuracy_parity"),
        ("true_positive_rate_parity", "true_positive_rate"),
        ("accuracy_score_parity", "accuracy"),
    ],
)
def test_names_of_fairlearn_are_known(name, expected):
    assert named(name) == [(expected, 0.1)]


@pytest.mark.parametrize("tol", ["0.05", True, np.True_, None, np.nan, -0.1, 1.5, np.inf, {0.1}])
@pytest.mark.parametrize("in_a_list", [False, True])
def test_what_is_no_tolerance_is_told(tol, in_a_list):
    message = f"tol must be a number between 0 and 1, got {re.escape(repr(tol))}"
    with pytest.raises(ValueError, match=message):
        read_criteria("accuracy", [tol] if in_a_list else tol)


@pytest.mark.parametrize(("tol", "hint"), [(5, "; 5 % is 0.05$"), (1.5, "got 1.5$")])
def test_percentages_are_told_as_shares(tol, hint):
    with pytest.raises(ValueError, match=hint):
        read_criteria("accuracy", tol)


def test_a_table_of_tolerances_is_refused():
    with pytest.raises(ValueError, match=r"a list of numbers, got shape \(1, 2\)"):
        read_criteria(["accuracy", "selection_rate"], [[0.1, 0.1]])


def test_tolerances_of_another_number_are_listed_beside_the_constraints():
    message = r"2 constraints have 3 tolerances, \['accuracy', 'f1_score'\] and \[0.1, 0.2, 0.3\]"
    with pytest.raises(ValueError, match=message):
        read_criteria(["accuracy", "f1_score"], [0.1, 0.2, 0.3])


@pytest.mark.parametrize(
    "constraints",
    [
        ["accuracy", "accuracy"],
        ["accuracy", "accuracy_score_parity"],
        [Criterion("accuracy", (ACCURACY,)), Criterion("accuracy", (ACCURACY,), gap="ratio")],
    ],
)
def test_a_name_that_comes_twice_is_refused(constraints):
    message = r"the name \['accuracy'\] more than once.*differ \(in their gap, say\) need names"
    with pytest.raises(ValueError, match=message):
        read_criteria(constraints, 0.1)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("equalised_odds", "equalized_odds"),
        ("predictive-parity", "predictive_parity"),
        ("DemographicParity", "demographic_parity"),
        ("TruePositiveRateParity", "true_positive_rate"),
    ],
)
def test_the_nearest_name_is_suggested(name, meant):
    with pytest.raises(ValueError, match=rf"no criterion is named '{name}'.*mean '{meant}'\?"):
        read_criteria(name, 0.1)


class EqualizedOdds:
    """Named like a constraint of fairlearn."""


class FalsePositiveRateParity:
    """Named like another one."""


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (EqualizedOdds(), "equalized_odds"),
        (EqualizedOdds, "equalized_odds"),
        (FalsePositiveRateParity(), "false_positive_rate"),
    ],
)
def test_objects_of_other_libraries_are_refused_with_their_name_here(given, meant):
    assert meant in {*CRITERIA, *RATES}
    with pytest.raises(ValueError, match=rf"constraints are names.*did you mean '{meant}'\?"):
        read_criteria([given], 0.1)


@pytest.mark.parametrize("given", [7, ["accuracy"], {"accuracy": 0.1}])
def test_what_is_no_constraint_is_refused(given):
    with pytest.raises(ValueError, match="constraints are names, Criterion objects, or a list"):
        read_criteria([given], 0.1)


@pytest.mark.parametrize(
    ("name", "gap"),
    [("equalized_odds_difference", "difference"), ("equalized_odds_ratio", "ratio")],
)
def test_names_of_metrics_are_criteria_with_their_gap(name, gap):
    ((criterion, _),) = read_criteria(name, 0.1)
    assert criterion.gap == gap
    assert criterion.rates == get_criterion("equalized_odds").rates
    both = read_criteria(["equalized_odds", "equalized_odds_ratio"], 0.1)
    assert len({criterion.name for criterion, _ in both}) == 2
