from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skfair.model_selection._verdicts import is_weaker, judge

FAIR = (0.0, 0.0, 0.0)
WEAK = (0.2, 0.1, 0.3)


def verdict(
    train,
    validation,
    *,
    apart=FAIR,
    needed=None,
    constant=0.5,
    gap_low=0.1,
    gain_low=-0.05,
    high=0.05,
):
    errors = pd.Series(
        {
            "train": train,
            "validation": validation,
            "validation_low": validation - 0.05,
            "validation_high": validation + high,
            "gap": validation - train,
            "gap_low": gap_low,
        }
    )
    gain = (constant - validation, gain_low)
    parts = pd.Series({"bias": 0.1, "variance": 0.1})
    return judge(errors, parts, "'m'", apart, needed, constant, gain, 0.02)


def rows_needed(gain=0.1, gain_low=0.05, extra_low=10.0):
    return pd.Series(
        {"gain": gain, "gain_low": gain_low, "extra_low": extra_low, "answer": "about 20"}
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"train": 0.1, "validation": 0.11}, "fine"),
        ({"train": 0.0, "validation": 0.3}, "overfits"),
        ({"train": 0.0, "validation": 0.3, "gap_low": -0.01}, "fine"),
        ({"train": 0.0, "validation": 0.015}, "fine"),
        ({"train": 0.2, "validation": 0.35}, "fine"),  # less than half of the error
        ({"train": 0.48, "validation": 0.49}, "underfits"),
        ({"train": 0.48, "validation": 0.49, "constant": np.nan}, "fine"),
        ({"train": 0.48, "validation": 0.49, "gain_low": 0.001}, "fine"),  # better beyond chance
        ({"train": 0.0, "validation": 0.0, "constant": 0.0}, "fine"),  # labels all alike
        ({"train": 0.0, "validation": 0.0, "constant": 0.01}, "fine"),  # rare, and all found
        ({"train": 0.0, "validation": 0.005, "constant": 0.01}, "fine"),  # half of the errors
        ({"train": 0.0, "validation": 0.006, "constant": 0.01}, "underfits"),
        ({"train": 0.3, "validation": 0.31, "apart": WEAK}, "underfits"),
        ({"train": 0.0, "validation": 0.31, "apart": WEAK}, "overfits"),
        ({"train": 0.0, "validation": 0.31, "apart": WEAK, "needed": rows_needed()}, "lacks rows"),
        ({"train": 0.3, "validation": 0.31, "needed": rows_needed()}, "fine"),  # not weak
        ({"train": np.nan, "validation": np.nan}, "no rows"),
        # few rows clear nobody: limits of more than 5 times tol, 0.1
        ({"train": 0.07, "validation": 0.07, "apart": (0.05, -0.05, 0.1)}, "fine"),
        ({"train": 0.07, "validation": 0.07, "apart": (0.0, -0.3, 0.11)}, "can't tell"),
        ({"train": 0.07, "validation": 0.07, "apart": (-0.2, -0.4, -0.1), "high": 0.2}, "fine"),
        ({"train": 0.0, "validation": 0.0, "high": 0.79}, "can't tell"),  # the best group itself
        ({"train": 0.0, "validation": 0.0, "high": np.nan}, "can't tell"),
        ({"train": 0.0, "validation": 0.3, "apart": (0.2, -0.1, 0.5)}, "overfits"),
    ],
)
def test_verdicts(given, expected):
    assert verdict(**given)[0] == expected


@pytest.mark.parametrize("lacks", [{"gain": 0.009}, {"gain_low": -0.01}, {"extra_low": np.inf}])
def test_a_group_that_no_longer_learns_lacks_no_rows(lacks):
    needed = rows_needed(**lacks)
    found = verdict(train=0.3, validation=0.31, apart=WEAK, needed=needed)
    assert found[0] == "underfits"


def test_reasons_name_the_figures():
    _, reason = verdict(train=0.0, validation=0.31, apart=WEAK, needed=rows_needed())
    assert "validation error 0.31 (0.26 to 0.36), training error 0" in reason
    assert "0.2 above group 'm'; to close that: about 20" in reason
    _, reason = verdict(train=0.0, validation=0.0, apart=(0.0, -0.3, 0.33))
    assert reason.endswith("by chance alone it may be 0.33 above group 'm': few rows")
    _, reason = verdict(train=0.0, validation=0.0, high=0.79)
    assert reason.endswith("by chance alone it may be 0.79 higher: few rows")


def test_weaker_is_beyond_chance_and_beyond_what_matters():
    assert is_weaker((0.03, 0.01, 0.05), 0.02)
    assert not is_weaker((0.03, -0.01, 0.07), 0.02)
    assert not is_weaker((0.01, 0.005, 0.02), 0.02)
