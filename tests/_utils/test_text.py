from __future__ import annotations

import numpy as np
import pytest
from sklearn.exceptions import UndefinedMetricWarning

from skfair._utils.text import listed
from skfair.metrics import equal_opportunity_difference


def test_short_lists_are_written_whole_and_long_ones_counted():
    assert listed("ab", most=2) == "['a', 'b']"
    assert listed("abc", most=2) == "['a', 'b', ... and 1 more]"
    assert listed([]) == "[]"


def test_a_warning_about_hundreds_of_groups_stays_short():
    groups = [f"g{i}" for i in range(400)]
    with pytest.warns(UndefinedMetricWarning) as caught:
        equal_opportunity_difference(np.zeros(400), np.zeros(400), sensitive_features=groups)
    assert "... and 390 more" in str(caught[0].message)
    assert len(str(caught[0].message)) < 600
