from __future__ import annotations

import pickle
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import linprog
from sklearn.exceptions import UndefinedMetricWarning

from skfair.base.attributes import MAX_COLUMNS, AttributeCode, read_attributes
from skfair.criteria import RATES, Rate
from skfair.criteria.halfspaces import HalfspaceSearch
from skfair.criteria.subgroups import (
    _rate_limits,
    deviations,
    linear_rate,
    measure_subgroup,
    rate_terms,
    subgroup_limits,
)
from skfair.metrics import subgroup_violation

LINEAR = [name for name, rate in RATES.items() if rate.is_linear]


def gerrymandered(n=800):
    """Table of two attributes of which each is selected alike, and the intersections aren't."""
    table = pd.DataFrame({"sex": ["f", "f", "m", "m"] * (n // 4), "race": ["b", "w"] * (n // 2)})
    return table, ((table["sex"] == "f") == (table["race"] == "b")).to_numpy().astype(int)


def audit_all(matrix, place, deviation, mass, ridge=None):
    return HalfspaceSearch.prepare(matrix, place, mass, ridge=ridge).worst(deviation)


# ---- the violation of a given subgroup


def test_violation_of_a_given_subgroup_by_hand():
    # negatives: rows 0 to 4, of which g holds rows 0 to 2 with two false positives
    y = np.array([0, 0, 0, 0, 0, 1, 1, 1]) == 1
    p = np.array([1, 1, 0, 0, 0, 1, 0, 1.0])
    members = np.array([1, 1, 1, 0, 0, 1, 1, 0], dtype=bool)
    terms = rate_terms(RATES["false_positive_rate"], y, p)
    found = measure_subgroup(terms, members)
    assert_allclose(found, [3 / 5 * (2 / 3 - 2 / 5), 3 / 5, 2 / 3, 2 / 5])


def test_chances_of_a_randomised_classifier_by_hand():
    y, p = np.array([False] * 4), np.array([0.5, 0.25, 1.0, 0.25])
    members = np.array([True, False, True, False])
    found = measure_subgroup(rate_terms(RATES["false_positive_rate"], y, p), members)
    assert_allclose(found, [0.5 * 0.25, 0.5, 0.75, 0.5])


@pytest.mark.parametrize("name", LINEAR)
def test_deviations_add_up_to_mass_times_distance(name):
    rng = np.random.default_rng(0)
    y, p, w = rng.random(60) < 0.4, (rng.random(60) < 0.5).astype(float), rng.random(60)
    members = rng.random(60) < 0.3
    terms = rate_terms(RATES[name], y, p, w)
    found = measure_subgroup(terms, members)

    def cells(rows):
        table = [(~y & (p == 0)), (~y & (p == 1)), (y & (p == 0)), (y & (p == 1))]
        return np.array([w[rows & cell].sum() for cell in table])

    inside, whole = cells(members), cells(np.ones(60, dtype=bool))
    mass = inside @ RATES[name].denominator / (whole @ RATES[name].denominator)
    rate, overall = RATES[name](inside), RATES[name](whole)
    assert_allclose(found, [mass * abs(rate - overall), mass, rate, overall])
    assert abs(deviations(terms).deviation.sum()) < 1e-12
    assert_allclose(measure_subgroup(terms, ~members).violation, found.violation)


def test_slope_is_the_rates_movement_with_one_decision():
    y, p = np.array([True, False, True]), np.array([0.2, 0.3, 0.4])
    for name in LINEAR:
        base, more = (rate_terms(RATES[name], y, q).numerator for q in (p, p + 0.1))
        assert_allclose(more - base, 0.1 * rate_terms(RATES[name], y, p).slope, atol=1e-12)


def test_interval_of_equal_rows_by_hand():
    # 50 of 100 rows with rates .6 and .4: Newcombe of the difference, Wilson of the mass
    p = np.repeat([1.0, 0, 1, 0], [30, 20, 20, 30])
    members = np.repeat([True, False], 50)
    terms = rate_terms(RATES["selection_rate"], np.zeros(100, dtype=bool), p)
    low, high = subgroup_limits(terms, members, 1.96)
    share = 1.96**2 / 50
    half = np.sqrt(1.96**2 * 0.24 / 50 + share**2 / 4)
    ends = [(0.6 + share / 2 + s * half) / (1 + share) for s in (-1, 1)]
    arm_low, arm_high = np.hypot(0.6 - ends[0], 0.6 - ends[0]), np.hypot(*[ends[1] - 0.6] * 2)
    share = 1.96**2 / 100
    half = np.sqrt(1.96**2 * 0.25 / 100 + share**2 / 4)
    mass = (0.5 + share / 2 - half) / (1 + share)
    down = np.hypot(0.25 * arm_low, 0.2 * (0.25 - mass * (1 - mass)))
    assert_allclose([low, high], [max(0.05 - down, 0), 0.05 + 0.25 * arm_high], rtol=1e-6)


def test_the_interval_of_the_violation_is_that_of_its_mirror_image():
    p = np.repeat([1.0, 0, 1, 0], [45, 5, 10, 40])
    members = np.repeat([True, False], 50)
    negatives = np.zeros(100, dtype=bool)
    up, down = (
        subgroup_limits(rate_terms(RATES["selection_rate"], negatives, q), members, 1.96)
        for q in (p, 1 - p)
    )
    assert 0 < up[0] < 0.175 < up[1]
    assert_allclose(up, down)


def test_interval_of_a_subgroup_without_rows_reaches_up_from_0():
    terms = rate_terms(RATES["selection_rate"], np.zeros(20, dtype=bool), np.ones(20) * 0.5)
    low, high = subgroup_limits(terms, np.zeros(20, dtype=bool), 1.96)
    assert low == 0
    assert_allclose(high, 1.96**2 / (20 + 1.96**2))


def test_interval_of_a_subgroup_of_everybody_reaches_up_from_0():
    terms = rate_terms(RATES["selection_rate"], np.zeros(20, dtype=bool), np.ones(20) * 0.5)
    low, high = subgroup_limits(terms, np.ones(20, dtype=bool), 1.96)
    assert low == 0
    assert_allclose(high, 1.96**2 / (20 + 1.96**2))


def test_equal_weights_leave_the_interval_as_it_is_and_unequal_ones_widen_it():
    table, y_pred = gerrymandered()
    y_pred[::7] = 1 - y_pred[::7]
    plain, equal, heavy = (
        subgroup_violation(
            None, y_pred, sensitive_features=table, rate="selection_rate", sample_weight=w
        )
        for w in (None, np.full(800, 7.0), np.where(np.arange(800) % 9 < 1, 20.0, 1.0))
    )
    assert_allclose([equal.low, equal.high], [plain.low, plain.high])
    assert heavy.high - heavy.low > 1.3 * (plain.high - plain.low)


# ---- the search


def test_finds_what_is_fair_in_every_attribute_alone():
    table, y_pred = gerrymandered()
    for name in table:
        assert set(pd.Series(y_pred).groupby(table[name]).mean()) == {0.5}
    found = subgroup_violation(
        None, y_pred, sensitive_features=table, rate="selection_rate", random_state=0
    )
    assert_allclose(found.violation, 0.25, atol=0.01)
    assert found.low < found.violation < found.high
    mask = found.subgroup(table)
    assert_allclose(y_pred[mask].mean(), found.evaluated.rate)
    assert_allclose(float(found), found.violation)
    assert found.rate == "selection_rate"


def test_an_intersection_alone_is_found_among_attributes_and_numbers():
    rng = np.random.default_rng(0)
    n = 4000
    table = pd.DataFrame(
        {
            "sex": rng.choice(["f", "m"], n),
            "race": rng.choice(["a", "b", "c"], n),
            "age": rng.integers(18, 80, n),
        }
    )
    hit = ((table["sex"] == "f") & (table["race"] == "b")).to_numpy()
    y_pred = (rng.random(n) < np.where(hit, 0.7, 0.3)).astype(int)
    found = subgroup_violation(np.zeros(n), y_pred, sensitive_features=table)
    truth = hit.mean() * (1 - hit.mean()) * 0.4
    assert found.low <= truth <= found.high
    assert (found.subgroup(table) == hit).mean() > 0.95
    assert "sex=f & race=b" in repr(found.subgroup)


def test_degree_1_sees_intersections_only_as_far_as_a_line_does():
    table, y_pred = gerrymandered()
    matrix = AttributeCode.learn(read_attributes(None, table)).matrix(read_attributes(None, table))
    assert matrix.shape == (800, 4)
    found = subgroup_violation(
        None, y_pred, sensitive_features=table, rate="selection_rate", degree=1
    )
    assert len(found.subgroup.coefficients) == 4
    assert found.violation < 0.14  # a corner holds half of the violation


def test_a_trend_along_a_number_is_cut_where_it_shows_most():
    age = np.arange(1000) % 100.0
    y_pred = (age > 70).astype(int)
    found = subgroup_violation(None, y_pred, sensitive_features={"age": age}, rate="selection_rate")
    assert_allclose(found.evaluated.rate, 1)
    assert_array_is(found.subgroup({"age": [70, 71]}), [False, True])


def assert_array_is(found, expected):
    assert found.tolist() == expected


def test_the_smaller_side_of_the_cut_is_told():
    y_pred = np.repeat([1, 0], [900, 100])
    found = subgroup_violation(
        None,
        y_pred,
        sensitive_features={"sex": np.repeat(["m", "f"], [900, 100])},
        rate="selection_rate",
    )
    assert found.searched.mass < 0.2
    assert_array_is(found.subgroup({"sex": ["f", "m"]}), [True, False])
    assert_allclose(found.searched.violation, found.searched.mass * found.searched.overall)


def separable(points, inside):
    """Whether a hyperplane parts some points from the others."""
    sign = np.where(inside, 1, -1)[:, None]
    lines = -sign * np.column_stack([points, np.ones(len(points))])
    done = linprog(
        np.zeros(lines.shape[1]), A_ub=lines, b_ub=-np.ones(len(points)), bounds=(None, None)
    )
    return done.status == 0


@pytest.mark.parametrize("seed", range(8))
def test_never_above_the_exhaustive_maximum_over_linear_thresholds(seed):
    rng = np.random.default_rng(seed)
    points = np.array(list(product([0.0, 1.0], [0.0, 1.0, 2.0])))
    place = rng.integers(0, 6, 40)
    terms = rate_terms(RATES["selection_rate"], np.zeros(40, dtype=bool), rng.random(40))
    found = deviations(terms)
    by_point = np.bincount(place, found.deviation, 6)
    most = max(
        abs(by_point[list(chosen)].sum())
        for size in range(1, 4)
        for chosen in combinations(range(6), size)
        if separable(points, np.isin(np.arange(6), chosen))
    )
    half = audit_all(points, place, found.deviation, found.mass)
    assert half.violation <= most + 1e-12
    assert half.violation >= 0.6 * most
    assert_allclose(measure_subgroup(terms, half.members(points)[place]).violation, half.violation)


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 1), st.floats(0, 1)), min_size=3, max_size=40
    )
)
def test_no_category_or_intersection_violates_more_than_what_is_found(rows):
    a, b, p = (np.array(column) for column in zip(*rows, strict=True))
    table = read_attributes(None, {"a": a.astype(str), "b": b.astype(str)})
    code = AttributeCode.learn(table, degree=2)
    distinct, place = table.distinct()
    terms = rate_terms(RATES["selection_rate"], np.zeros(len(p), dtype=bool), p.astype(float))
    deviation, mass, _ = deviations(terms)
    half = audit_all(code.matrix(distinct), place, deviation, mass)
    simple = [a == i for i in range(3)] + [b == j for j in range(2)]
    simple += [(a == i) & (b == j) for i in range(3) for j in range(2)]
    most = max(measure_subgroup(terms, members).violation for members in simple)
    assert half.violation >= most - 1e-9


def test_a_single_column_is_cut_as_well():
    rng = np.random.default_rng(0)
    matrix = np.array(list(product([0.0, 1.0], repeat=3)))
    for _ in range(300):
        mass = rng.dirichlet(np.ones(8) * 0.3)
        off = rng.normal(size=8) * mass
        off -= mass * off.sum()
        found = audit_all(matrix, np.arange(8), off, mass)
        assert found.violation >= np.abs(matrix.T @ off).max() - 1e-12


def test_a_category_of_two_rows_does_not_lead_the_regression():
    place = np.repeat([0, 1, 2], [2, 500, 500])
    mass = np.full(1002, 1 / 1002)
    off = np.array([0.5, 0.1, -0.102])[place] / 1002
    leads = []
    for ridge in (None, 1e-9):
        search = HalfspaceSearch.prepare(np.eye(3), place, mass, ridge=ridge)
        leads.append(int(np.argmax(search._regress(np.bincount(place, off)))))
    assert leads == [1, 0]


def test_weights_are_repeated_rows():
    rng = np.random.default_rng(3)
    n = 60
    w = rng.integers(1, 5, n)
    a, b = rng.integers(0, 3, n).astype(str), rng.normal(size=n).round(1)
    y, p = rng.random(n) < 0.5, rng.random(n)
    several = np.repeat(np.arange(n), w)
    found = []
    for rows, weights in ((np.arange(n), w.astype(float)), (several, None)):
        table = read_attributes(None, {"a": a[rows], "b": b[rows]})
        code = AttributeCode.learn(table, degree=2, weights=weights)
        distinct, place = table.distinct()
        terms = rate_terms(RATES["error_rate"], y[rows], p[rows], weights)
        deviation, mass, _ = deviations(terms)
        half = audit_all(code.matrix(distinct), place, deviation, mass, ridge=0.01)
        measured = measure_subgroup(terms, half.members(code.matrix(distinct))[place])
        found.append([half.violation, half.cut, *half.coefficients, *measured])
    assert_allclose(found[0], found[1], rtol=1e-8, atol=1e-10)


def test_rows_of_weight_0_are_as_good_as_absent():
    table, y_pred = gerrymandered(400)
    weight = np.repeat([1.0, 0.0], 200)
    whole = subgroup_violation(
        None, y_pred, sensitive_features=table, rate="selection_rate", sample_weight=weight
    )
    part = subgroup_violation(
        None,
        y_pred[:200],
        sensitive_features=table[:200],
        rate="selection_rate",
        sample_weight=weight[:200],
    )
    assert_allclose(whole.evaluated, part.evaluated)
    assert_allclose([whole.low, whole.high], [part.low, part.high])


# ---- honesty


def test_without_a_disparity_the_figure_is_small_and_its_interval_holds_0():
    rng = np.random.default_rng(0)
    found = []
    for seed in range(200):
        table = {"a": rng.integers(0, 4, 400).astype(str), "b": rng.normal(size=400)}
        y_pred = (rng.random(400) < 0.3).astype(int)
        found.append(
            subgroup_violation(
                None, y_pred, sensitive_features=table, rate="selection_rate", random_state=seed
            )
        )
    assert 0.91 <= np.mean([f.low == 0 for f in found]) <= 0.99
    assert np.mean([f.violation for f in found]) < 0.008
    assert np.mean([f.searched.violation for f in found]) > 0.035  # what honesty is for


def test_the_direction_is_that_of_the_half_that_was_searched():
    rng = np.random.default_rng(0)
    found = []
    for seed in range(100):
        table = {"a": rng.integers(0, 4, 200).astype(str)}
        y_pred = (rng.random(200) < 0.3).astype(int)
        audit = subgroup_violation(
            None, y_pred, sensitive_features=table, rate="selection_rate", random_state=seed
        )
        assert audit.low <= audit.violation <= audit.high
        before, now = (f.rate - f.overall for f in (audit.searched, audit.evaluated))
        if before * now > 1e-12:
            assert audit.violation == audit.evaluated.violation > 0
        else:
            assert audit.violation < 1e-12
        found.append(audit.violation)
    assert 0.3 < np.mean(np.array(found) < 1e-12) < 0.7  # a coin tells which


def test_limits_in_a_direction():
    p = np.repeat([1.0, 0, 1, 0], [45, 5, 10, 40])
    members = np.repeat([True, False], 50)
    terms = rate_terms(RATES["selection_rate"], np.zeros(100, dtype=bool), p)
    either = subgroup_limits(terms, members, 1.96)
    assert subgroup_limits(terms, members, 1.96, 1.0) == either
    assert subgroup_limits(terms, members, 1.96, -1.0) == (0, 0)
    assert subgroup_limits(terms, ~members, 1.96, -1.0)[1] > 0.2
    even = rate_terms(RATES["selection_rate"], np.zeros(100, dtype=bool), np.tile([1.0, 0], 50))
    up, down = (subgroup_limits(even, members, 1.96, sign) for sign in (1.0, -1.0))
    assert up[0] == down[0] == 0
    assert 0 < up[1] < 0.1
    assert_allclose(up[1], down[1])


def test_the_half_that_is_measured_has_no_part_in_the_search():
    rng = np.random.default_rng(0)
    n = 120
    table = {"a": rng.integers(0, 6, n).astype(str), "b": rng.normal(size=n)}
    y_pred = rng.integers(0, 2, n)

    def audit(decisions):
        return subgroup_violation(np.zeros(n), decisions, sensitive_features=table, random_state=0)

    plain, measured = audit(y_pred), 0
    for i in range(n):
        changed = y_pred.copy()
        changed[i] = 1 - changed[i]
        found = audit(changed)
        if found.evaluated.overall != plain.evaluated.overall:
            measured += 1
            assert found.searched == plain.searched
            assert found.subgroup.cut == plain.subgroup.cut
            assert_allclose(found.subgroup.coefficients, plain.subgroup.coefficients)
    assert measured == n / 2


def test_the_interval_of_unequal_weights_by_hand():
    # weights 1 and 3 among members; the rate's variance is the linearised ratio's
    p = np.tile([1.0, 1, 0, 0], 20)
    weights = np.tile([1.0, 3, 1, 1], 20)
    terms = rate_terms(RATES["selection_rate"], np.zeros(80, dtype=bool), p, weights)
    found = _rate_limits(terms.numerator, terms.denominator, 1.96)
    rate, total = 80 / 120, 120
    variance = 20 * (1 + 9) * (1 - rate) ** 2 + 40 * rate**2
    size = rate * (1 - rate) / (variance / total**2)
    share = 1.96**2 / size
    half = np.sqrt(1.96**2 * rate * (1 - rate) / size + share**2 / 4)
    ends = [(rate + share / 2 + s * half) / (1 + share) for s in (-1, 1)]
    assert_allclose(found, [rate, *ends])
    kish = total**2 / (weights**2).sum()
    assert abs(size - kish) > 1


def test_halves_have_the_same_labels_and_no_row_in_common():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [300, 21])
    for seed in range(5):
        found = subgroup_violation(
            y,
            rng.integers(0, 2, 321),
            sensitive_features={"id": np.arange(321.0)},
            rate="base_rate",
            random_state=seed,
        )
        overall = [found.searched.overall, found.evaluated.overall]
        assert_allclose(overall, 21 / 321, atol=0.004)


def test_the_split_depends_on_random_state_alone():
    rng = np.random.default_rng(0)
    table, y_pred = {"a": rng.normal(size=200)}, rng.integers(0, 2, 200)

    def value(**options):
        return float(
            subgroup_violation(
                None, y_pred, sensitive_features=table, rate="selection_rate", **options
            )
        )

    assert value() == value() == value(random_state=0)
    assert len({value(random_state=k) for k in range(5)}) > 1
    assert value(random_state=np.random.RandomState(1)) == value(
        random_state=np.random.RandomState(1)
    )


# ---- reading


def test_string_labels_need_a_positive_class():
    table, y_pred = gerrymandered()
    y_true = np.where(np.arange(800) % 3 == 0, 1, 0)
    words = {0: "no", 1: "yes"}
    texts = [pd.Series(v).map(words) for v in (y_true, y_pred)]
    numbers = subgroup_violation(y_true, y_pred, sensitive_features=table)
    named = subgroup_violation(*texts, sensitive_features=table, pos_label="yes")
    assert_allclose(named.evaluated, numbers.evaluated)
    other = subgroup_violation(*texts, sensitive_features=table, pos_label="no")
    missed = subgroup_violation(
        y_true, y_pred, sensitive_features=table, rate="false_negative_rate"
    )
    overall = [(f.searched.overall + f.evaluated.overall) / 2 for f in (other, missed)]
    assert_allclose(*overall, atol=0.005)
    with pytest.raises(ValueError, match="pos_label"):
        subgroup_violation(*texts, sensitive_features=table)
    errors = subgroup_violation(*texts, sensitive_features=table, rate="error_rate")
    expected = subgroup_violation(y_true, y_pred, sensitive_features=table, rate="error_rate")
    assert_allclose(errors.evaluated, expected.evaluated)


def test_chances_beside_string_labels():
    table, y_pred = gerrymandered()
    y_true = np.where(np.arange(800) % 3 == 0, "yes", "no")
    hard = subgroup_violation(
        y_true, y_pred.astype(float), sensitive_features=table, pos_label="yes"
    )
    soft = subgroup_violation(
        y_true, 0.25 + 0.5 * y_pred, sensitive_features=table, pos_label="yes"
    )
    assert_allclose(soft.evaluated.violation, hard.evaluated.violation / 2)


def test_chances_that_happen_to_be_whole_are_chances():
    table, y_pred = gerrymandered(200)
    y_true = np.where(np.arange(200) % 3 == 0, 7, 3)
    votes = y_pred.astype(float)

    def audit(y, p, **options):
        return subgroup_violation(y, p, sensitive_features=table, **options)

    expected = audit(y_true == 7, y_pred)
    for p in (votes, votes.astype(object), np.where(y_pred, 7, 3)):
        assert_allclose(audit(y_true, p, pos_label=7).evaluated, expected.evaluated)
    softer = audit(y_true, np.clip(votes, 0.001, 0.999), pos_label=7)
    assert_allclose(softer.violation, expected.violation, atol=0.001)
    signs = np.where(y_true == 7, 1, -1)
    assert_allclose(audit(signs, votes).evaluated, expected.evaluated)
    assert_allclose(audit(signs, 2 * votes - 1).evaluated, expected.evaluated)


def test_floats_that_may_be_labels_or_chances_are_to_be_named():
    table, y_pred = gerrymandered(200)
    y_true, votes = (np.arange(200) % 3 == 0).astype(int), y_pred.astype(float)

    def audit(p, **options):
        return subgroup_violation(y_true, p, sensitive_features=table, pos_label=0, **options)

    with pytest.raises(ValueError, match="y_pred_kind"):
        audit(votes)
    by_labels = audit(votes, y_pred_kind="labels")
    assert_allclose(by_labels.evaluated, audit(y_pred).evaluated)
    by_chances = audit(votes, y_pred_kind="chances")
    assert_allclose(by_chances.evaluated, audit(1 - y_pred).evaluated)
    near = audit(np.clip(votes, 0.001, 0.999))
    assert_allclose(near.evaluated.overall, by_chances.evaluated.overall, atol=0.001)
    with pytest.raises(ValueError, match="y_pred_kind must be"):
        audit(votes, y_pred_kind="soft")


def test_labels_of_another_coding_are_refused():
    table, y_pred = gerrymandered(200)
    with pytest.raises(ValueError, match="no label of y_pred is one of y_true"):
        subgroup_violation(np.tile([3, 7], 100), y_pred, sensitive_features=table, pos_label=7)


def test_missing_values_are_a_group_and_an_indicator_of_their_own():
    rng = np.random.default_rng(0)
    n = 1200
    race = np.where(np.arange(n) % 4 == 0, None, rng.choice(["b", "w"], n))
    age = np.where(np.arange(n) % 3 == 0, np.nan, rng.normal(size=n))
    for hit in (np.arange(n) % 4 == 0, np.arange(n) % 3 == 0):
        y_pred = (rng.random(n) < np.where(hit, 0.8, 0.2)).astype(int)
        table = pd.DataFrame({"race": race, "age": age})
        found = subgroup_violation(None, y_pred, sensitive_features=table, rate="selection_rate")
        assert (found.subgroup(table) == hit).mean() > 0.98
    for column in ("race", "age"):
        with pytest.raises(ValueError, match=f"'{column}' has .* missing"):
            subgroup_violation(
                None,
                y_pred,
                sensitive_features=table[[column]],
                rate="selection_rate",
                missing="raise",
            )


def test_sparse_categories_do_not_break_the_search():
    rng = np.random.default_rng(0)
    n = 900
    table = {"place": rng.integers(0, 300, n).astype(str), "sex": rng.choice(["f", "m"], n)}
    y_pred = (rng.random(n) < np.where(table["sex"] == "f", 0.8, 0.2)).astype(int)
    found = subgroup_violation(
        None, y_pred, sensitive_features=table, rate="selection_rate", degree=2
    )
    assert 0.08 < found.low < found.high < 0.17  # the sexes' own is 0.15
    assert np.isfinite(found.subgroup.coefficients).all()


def test_frames_of_all_kinds_are_read_alike():
    pl = pytest.importorskip("polars")
    table, y_pred = gerrymandered(200)
    table["age"] = np.arange(200) % 13
    odd = table.set_axis(np.arange(200)[::-1] * 3)
    tables = [table, odd, pl.from_pandas(table), table.to_dict("list"), table.to_numpy()]
    values = [
        subgroup_violation(None, y, sensitive_features=t, rate="selection_rate").evaluated
        for t in tables
        for y in (y_pred, y_pred.tolist(), pd.Series(y_pred, index=odd.index))
    ]
    for value in values[1:]:
        assert_allclose(value, values[0])


def test_groups_and_booleans_are_attributes():
    from skfair.groups import Groups

    table, y_pred = gerrymandered(200)
    of_table, of_groups, of_bools = (
        subgroup_violation(None, y_pred, sensitive_features=t, rate="selection_rate")
        for t in (table, Groups.read(table), {"f": table["sex"] == "f", "b": table["race"] == "b"})
    )
    assert_allclose(of_groups.evaluated, of_table.evaluated)
    assert_allclose(of_bools.evaluated.violation, of_table.evaluated.violation, atol=0.01)


def test_a_subgroup_is_told_for_new_rows_and_refuses_others():
    table, y_pred = gerrymandered()
    found = subgroup_violation(None, y_pred, sensitive_features=table, rate="selection_rate")
    subgroup = pickle.loads(pickle.dumps(found.subgroup))
    assert_array_is(subgroup(table[2:9]), found.subgroup(table)[2:9].tolist())
    with pytest.raises(ValueError, match=r"unseen at fit: \['x'\]"):
        subgroup({"sex": ["x"], "race": ["b"]})
    with pytest.raises(ValueError, match="same ones in the same order"):
        subgroup({"race": ["b"], "sex": ["f"]})
    with pytest.raises(ValueError, match="another kind"):
        subgroup({"sex": [1.0], "race": ["b"]})


def test_rows_in_which_a_category_is_missing_throughout():
    n = 400
    sex = np.tile(["f", "m", None, "m"], n // 4)
    y_pred = (np.arange(n) % 4 == 2).astype(int)
    found = subgroup_violation(None, y_pred, sensitive_features={"sex": sex}, rate="selection_rate")
    assert_array_is(found.subgroup({"sex": [None, None]}), [True, True])
    assert_array_is(found.subgroup({"sex": [np.nan]}), [True])
    assert_array_is(found.subgroup({"sex": [None, "f"]}), [True, False])


def test_missing_numbers_that_were_never_missing_are_refused():
    age = np.arange(100.0)
    found = subgroup_violation(
        None, age > 50, sensitive_features={"age": age}, rate="selection_rate"
    )
    with pytest.raises(ValueError, match="unseen"):
        found.subgroup({"age": [np.nan]})


def test_an_attribute_without_variation_has_no_subgroup():
    y_pred = np.arange(40) % 2
    found = subgroup_violation(
        None, y_pred, sensitive_features={"sex": ["f"] * 40}, rate="selection_rate"
    )
    assert found.violation == 0 == found.low
    assert not found.subgroup({"sex": ["f"]}).any()
    assert "0 > 0" in repr(found.subgroup)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_a_rate_without_rows_is_nan_with_a_warning():
    table, y_pred = gerrymandered(40)
    with pytest.warns(UndefinedMetricWarning, match="false_positive_rate is undefined"):
        found = subgroup_violation(np.ones(40, dtype=int), y_pred, sensitive_features=table)
    assert np.isnan([found.violation, found.low, found.high, float(found)]).all()
    one = np.arange(40) > 0  # the only negative is in one half
    with pytest.warns(UndefinedMetricWarning, match="one of the halves"):
        found = subgroup_violation(one, y_pred, sensitive_features=table)
    assert np.isnan([found.violation, found.low, found.high]).all()


def test_the_level_of_the_interval():
    table, y_pred = gerrymandered()
    y_pred[::5] = 1
    wide, narrow = (
        subgroup_violation(
            None, y_pred, sensitive_features=table, rate="selection_rate", confidence_level=level
        )
        for level in (0.99, 0.8)
    )
    assert wide.low < narrow.low < narrow.high < wide.high
    assert (wide.confidence_level, narrow.confidence_level) == (0.99, 0.8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate": "positive_predictive_value"}, "isn't linear"),
        ({"rate": "false_positive"}, "did you mean"),
        ({"rate": Rate("lift", (0, 2, 0, 2), (1, 1, 1, 1))}, "isn't bound"),
        ({"degree": 0}, "degree must be a positive integer"),
        ({"degree": 1.5}, "degree must be a positive integer"),
        ({"degree": True}, "degree must be a positive integer"),
        ({"y_pred": np.full(40, 1.5)}, "outside"),
        ({"y_pred": np.full(40, np.nan)}, "NaN"),
        ({"y_pred": [0, 1]}, "inconsistent"),
        ({"y_true": [0, 1]}, "inconsistent"),
        ({"y_true": None}, "y_true"),
        ({"sensitive_features": None}, "needs sensitive features"),
        ({"sensitive_features": {"a": [1.0]}}, "inconsistent"),
        ({"sensitive_features": {"a": [np.inf] * 40}}, "infinity"),
        ({"sensitive_features": {}}, "empty"),
        ({"sample_weight": [-1.0] * 40}, "Negative"),
        ({"sample_weight": [1.0]}, "inconsistent"),
        ({"confidence_level": 1.0}, "between 0 and 1"),
        ({"missing": "drop"}, "missing must be"),
        ({"missing": "drop", "sensitive_features": {"a": np.arange(40.0)}}, "missing must be"),
    ],
)
def test_bad_input_is_refused(change, message):
    table, y_pred = gerrymandered(40)
    options = {"y_true": np.arange(40) % 3 == 0, "y_pred": y_pred, "sensitive_features": table}
    options |= change
    with pytest.raises(ValueError, match=message):
        subgroup_violation(options.pop("y_true"), options.pop("y_pred"), **options)


def test_too_many_columns_are_refused():
    many = np.arange(MAX_COLUMNS + 1).astype(str)
    with pytest.raises(ValueError, match="merge rare"):
        AttributeCode.learn(read_attributes(None, many))


def test_products_are_those_of_different_attributes():
    table = read_attributes(None, {"a": ["x", "y", "z"] * 4, "b": ["u", "v"] * 6, "c": range(12)})
    for degree in (1, 2, 3, 9):
        names = AttributeCode.learn(table, degree=degree).names
        owners = [[part.split("=")[0] for part in name.split(" & ")] for name in names]
        assert all(len(set(own)) == len(own) <= degree for own in owners)
        sizes = np.bincount([len(own) for own in owners], minlength=4)[1:].tolist()
        assert sizes == [6, 11 * (degree > 1), 6 * (degree > 2)]


def test_many_categories_without_a_product_are_listed_at_once():
    many = read_attributes(None, np.arange(600).astype(str))
    assert len(AttributeCode.learn(many, degree=4).names) == 600
    both = read_attributes(None, {"a": np.arange(600).astype(str), "b": ["x", "y"] * 300})
    with pytest.raises(ValueError, match="merge rare"):
        AttributeCode.learn(both, degree=4)


def test_missing_numbers_are_distinct_from_the_row_before():
    table = read_attributes(None, {"a": ["x", "x", "y", "y"], "b": [1.0, np.nan, np.nan, 1.0]})
    distinct, place = table.distinct()
    assert len(distinct) == 4
    assert sorted(place) == [0, 1, 2, 3]


def test_a_rate_of_the_users_own_passes():
    rate = Rate("misses", (0, 0, 1, 0), (0, 0, 1, 1))
    assert linear_rate(rate) is rate


def test_a_column_that_is_read_twice_keeps_both():
    table = pd.DataFrame({"age": [20, 30, 40, 50]})
    from skfair.groups import Bins

    found = read_attributes(table, columns=["age", Bins("age", [30])])
    assert list(found.columns) == ["age", "age'"]
    code = AttributeCode.learn(found, degree=2)
    assert code.names[:3] == ("age", "age'=age<=30", "age'=age>30")


def test_attributes_of_a_callable_and_of_positions():
    matrix = np.array([[0.0, 1.0], [1.0, 5.0], [0.0, 7.0]])
    by_position = read_attributes(matrix, columns=[1])
    by_call = read_attributes(matrix, columns=lambda X: {"x1": X[:, 1]})
    assert list(by_position.columns) == list(by_call.columns) == ["x1"]
    assert_allclose(by_call.columns["x1"], by_position.columns["x1"])
