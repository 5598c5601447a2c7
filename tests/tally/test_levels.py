"""split_levels: the groups of a tally, level by level of its control features."""

import numpy as np
import pytest

from skfair.tally import Tally, split_levels

SEX, SITE, AGE = list("ffmmf"), list("xyxxy"), list("ooyoo")


def _tally(**groups):
    return Tally.from_arrays([1, 0, 1, 0, 1], [1, 1, 0, 0, 0], groups)


def test_rows_stand_at_their_level_and_group():
    tally = _tally(sex=SEX, site=SITE)
    labels, names, (count,) = split_levels(tally, "site", [tally.count])
    assert labels == ("f", "m")
    assert names == ("sex",)
    assert count.sum(axis=(2, 3)).tolist() == [[1, 2], [2, 0]]


def test_two_features_stay_an_intersection():
    tally = _tally(sex=SEX, site=SITE, age=AGE)
    labels, names, (count,) = split_levels(tally, ["site"], [tally.count])
    assert names == ("sex", "age")
    assert labels == (("f", "o"), ("m", "o"), ("m", "y"))
    assert count.sum(axis=(2, 3)).tolist() == [[1, 1, 1], [2, 0, 0]]


def test_no_control_feature_is_one_level():
    tally = _tally(sex=SEX)
    labels, names, (weight,) = split_levels(tally, (), [tally.weight])
    assert (labels, names) == (tally.labels, tally.names)
    np.testing.assert_array_equal(weight[0], tally.weight)


@pytest.mark.parametrize(
    ("control", "message"),
    [("town", "is named"), (["sex", "site"], "all features"), ([1], "some of the names")],
)
def test_unfit_control_features_are_refused(control, message):
    tally = _tally(sex=SEX, site=SITE)
    with pytest.raises(ValueError, match=message):
        split_levels(tally, control, [tally.count])
