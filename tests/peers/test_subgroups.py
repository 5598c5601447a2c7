"""The auditor's violation against that of AIF360's GerryFair auditor."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from skfair.base.attributes import AttributeCode, read_attributes
from skfair.criteria import RATES
from skfair.criteria.halfspaces import HalfspaceSearch
from skfair.criteria.subgroups import deviations, measure_subgroup, rate_terms

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of what its imports import
    datasets = pytest.importorskip("aif360.datasets")
    auditors = pytest.importorskip("aif360.algorithms.inprocessing.gerryfair.auditor")

pytestmark = [
    pytest.mark.peers,
    pytest.mark.filterwarnings("ignore"),
]


def rows(seed, n=600):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {"sex": rng.integers(0, 2, n), "race": rng.integers(0, 2, n), "age": rng.normal(size=n)}
    ).astype(float)
    y = rng.integers(0, 2, n)
    chance = 0.2 + 0.3 * (table["sex"] * table["race"]) + 0.1 * (table["age"] > 0)
    return table, y, (rng.random(n) < chance).astype(float).to_numpy()


def theirs(table, y, decisions):
    """Members of the group that AIF360 finds, and the violation that it tells."""
    frame = table.assign(y=y)
    names = list(table)
    data = datasets.BinaryLabelDataset(df=frame, label_names=["y"], protected_attribute_names=names)
    auditor = auditors.Auditor(data, "FP")
    baseline = auditor.get_baseline(y, decisions)
    group = auditor.get_group(decisions, baseline)
    return np.asarray(group.func.predict(table[auditor.X_prime.columns])) == 1, group


@pytest.mark.parametrize("seed", range(8))
def test_the_violation_is_theirs_and_the_search_finds_no_less(seed):
    table, y, decisions = rows(seed)
    members, group = theirs(table, y, decisions)
    terms = rate_terms(RATES["false_positive_rate"], y == 1, decisions)
    measured = measure_subgroup(terms, members)
    # theirs is a share of all rows, ours of the rate's denominator
    told = group.weighted_disparity / (y == 0).mean()
    assert measured.violation == pytest.approx(told)
    attributes = read_attributes(None, table)
    distinct, place = attributes.distinct()
    matrix = AttributeCode.learn(attributes).matrix(distinct)
    deviation, mass, _ = deviations(terms)
    ours = HalfspaceSearch.prepare(matrix, place, mass).worst(deviation)
    assert ours.violation >= measured.violation - 1e-3
