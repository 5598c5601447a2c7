from __future__ import annotations

import numpy as np
from numpy.testing import assert_array_equal

from skfair.criteria.curves import group_curves


def test_a_group_without_rows_has_the_cut_that_selects_none():
    some, none = group_curves([0.9, 0.1], np.array([True, False]), np.array([0, 0]), 2)
    assert_array_equal(some.tp, [0, 1, 1])
    assert_array_equal(none.cuts, [np.inf])
    assert_array_equal(none.cells, [[0, 0, 0, 0]])
    assert_array_equal(none.at(np.array([0.5, np.inf])), [[0, 0], [0, 0]])
