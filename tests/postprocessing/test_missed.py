"""Words about constraints that a rule misses."""

from __future__ import annotations

import pandas as pd
import pytest

from skfair.postprocessing._constraints import read_constraints
from skfair.postprocessing._missed import tell_coarse, tell_missed

COLUMNS = ["violation", "allowed", "single_cut"]


def words(rows, *, is_shrunk=True, **options):
    table = pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS)
    return list(tell_missed(table, read_constraints(**options), is_shrunk=is_shrunk))


PARITY = {"constraints": "demographic_parity", "tol": 0.1}


def test_a_violation_that_is_hardly_more_than_allowed_is_not_told():
    assert words({"demographic_parity": (0.119, 0.1, 0.2)}, **PARITY) == []
    (told,) = words({"demographic_parity": (0.121, 0.1, 0.2)}, **PARITY)
    assert "doesn't meet demographic_parity (0.121, allowed 0.1)" in told


def test_a_bound_that_is_missed_is_told_however_little():
    bound = {"constraints": None, "tol": 0.1, "rate_bounds": {"selection_rate": (0.3, None)}}
    assert words({"selection_rate >= 0.3": (1e-7, 0.0, 0.3)}, **bound) == []
    (told,) = words({"selection_rate >= 0.3": (1e-5, 0.0, 0.3)}, **bound)
    assert "selection_rate >= 0.3" in told
    assert "one cut for all" not in told


def test_shrinkage_is_named_where_there_is_some():
    rows = {"demographic_parity": (0.3, 0.1, 0.2)}
    assert "shrinkage=None enforces" in words(rows, **PARITY)[0]
    assert "shrinkage" not in words(rows, is_shrunk=False, **PARITY)[0]


@pytest.mark.parametrize(
    ("constraints", "single_cut", "is_met"),
    [
        ("demographic_parity", 0.1, True),
        ("demographic_parity", 0.11, False),
        ("disparate_impact", 0.91, True),  # a ratio
        ("disparate_impact", 0.1, False),
    ],
)
def test_one_cut_that_meets_them_is_named(constraints, single_cut, is_met):
    rows = {constraints: (0.3, 0.1, single_cut)}
    (told,) = words(rows, constraints=constraints, tol=0.1)
    assert ("one cut for all would meet them" in told) == is_met


def test_a_tolerance_that_the_search_exceeds_by_much_is_told():
    asked = read_constraints("equalized_odds", 0.05)
    assert list(tell_coarse(asked, {"equalized_odds": 0.149})) == []
    assert list(tell_coarse(asked, {})) == []
    (told,) = tell_coarse(asked, {"equalized_odds": 0.1512})
    assert "tol=0.05 of equalized_odds is more than the data can tell" in told
    assert "be off by 0.151 " in told
