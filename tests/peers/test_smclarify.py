"""The pre-training metrics agree with those of SageMaker Clarify, but for what the tests say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.exceptions import UndefinedMetricWarning

from skfair import detection
from skfair.datasets import load_adult

peer = pytest.importorskip("smclarify.bias.metrics.pretraining")

pytestmark = pytest.mark.peers

REPRODUCIBLE = settings(max_examples=50)
OF_LABELS = {
    "KL": detection.kl_divergence,
    "JS": detection.js_divergence,
    "LP": detection.lp_distance,
    "TVD": detection.total_variation,
    "KS": detection.kolmogorov_smirnov,
}


def assert_agree(y, group, level, positive):
    """Compare all metrics of every group."""
    y, group, level = (pd.Series(np.asarray(x)) for x in (y, group, level))
    options = {"sensitive_features": group}
    imbalance = detection.class_imbalance(group)["estimate"]
    disparity = detection.label_disparity(y, pos_label=positive, **options)["estimate"]
    conditional = detection.conditional_demographic_disparity(
        y, pos_label=positive, control_features=level, **options
    )["estimate"]
    distances = {name: ours(y, **options)["estimate"] for name, ours in OF_LABELS.items()}
    for name in group.unique():
        facet, positives = group == name, y == positive
        close = {"rtol": 0, "atol": 1e-12}
        assert_allclose(imbalance[name], peer.CI(group, facet), **close)
        assert_allclose(disparity[name], peer.DPL(group, facet, positives), **close)
        theirs = peer.CDDL(group, facet, positives, level)
        assert_allclose(conditional[name], theirs, **close)
        for metric, found in distances.items():
            assert_allclose(found[name], getattr(peer, metric)(y, facet), **close)


@pytest.mark.parametrize("feature", ["sex", "race"])
def test_adult(feature):
    bunch = load_adult()
    y = bunch.target.astype(str)
    assert_agree(y, bunch.data[feature].astype(str), bunch.data["relationship"].astype(str), ">50K")


@st.composite
def rows(draw, n_classes):
    """Labels, groups and levels of control, with every label in each group and level."""
    n_groups, n_levels = draw(st.integers(2, 4)), draw(st.integers(1, 3))
    certain = [
        (y, g, level)
        for y in range(n_classes)
        for g in range(n_groups)
        for level in range(n_levels)
    ]
    row = st.tuples(
        st.integers(0, n_classes - 1), st.integers(0, n_groups - 1), st.integers(0, n_levels - 1)
    )
    return np.array(certain + draw(st.lists(row, max_size=60))).T


@REPRODUCIBLE
@given(table=rows(2))
def test_random_tables_of_two_classes(table):
    assert_agree(*table, positive=1)


@REPRODUCIBLE
@given(table=rows(4))
def test_random_tables_of_several_classes(table):
    assert_agree(*table, positive=2)


Y = pd.Series(["x", "x", "y", "x", "y", "z", "z", "z"])
FACET = pd.Series([True] * 3 + [False] * 5)


def test_clarify_drops_classes_that_a_side_lacks():
    """So its divergence may be negative, and its distances too small; ours are the formulas'."""
    theirs = peer.KL(Y, FACET)
    assert theirs < 0
    ours = detection.kl_divergence(Y, sensitive_features=FACET)["estimate"]
    assert ours[True] == np.inf
    # without z: 0.2 ln(0.2 / (2/3)) + 0.2 ln(0.2 / (1/3))
    assert_allclose(theirs, 0.2 * np.log(0.3) + 0.2 * np.log(0.6))
    total = detection.total_variation(Y, sensitive_features=FACET)["estimate"][True]
    assert_allclose(total, 0.6)
    assert_allclose(peer.TVD(Y, FACET), (abs(0.2 - 2 / 3) + abs(0.2 - 1 / 3)) / 2)
    assert_allclose(detection.kolmogorov_smirnov(Y, sensitive_features=FACET)["estimate"], 0.6)
    assert_allclose(peer.KS(Y, FACET), 2 / 3 - 0.2)


def test_clarify_counts_a_level_without_rejections_as_if_its_share_of_them_were_0():
    y = pd.Series([1, 0, 0, 0, 1, 1, 1, 1])
    facet = pd.Series([True] * 3 + [False] * 3 + [True] * 2)
    level = pd.Series([0] * 6 + [1] * 2)
    # level 0: 2/3 - 1/3; level 1, of 2 rows: 0 - 2/2
    assert_allclose(peer.CDDL(facet, facet, y == 1, level), (6 / 3 - 2) / 8, atol=1e-12)
    with pytest.warns(UndefinedMetricWarning, match="1 of 2 levels"):
        ours = detection.conditional_demographic_disparity(
            y, sensitive_features=facet, control_features=level
        )
    assert_allclose(ours.loc[True, "estimate"], 1 / 3)
