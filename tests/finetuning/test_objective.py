from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from skfair.criteria import CRITERIA, Criterion
from skfair.finetuning import _objective
from skfair.finetuning._objective import (
    FairObjective,
    JudgedRows,
    choose_threshold,
    signed_bias,
)

ODDS = CRITERIA["average_odds"]


def judged(positive, codes, weights=None, resamples=()):
    positive, codes = np.asarray(positive, bool), np.asarray(codes)
    weights = np.ones(len(codes)) if weights is None else np.asarray(weights, float)
    resamples = np.asarray(resamples, float).reshape(-1, len(codes))
    return JudgedRows(positive, codes, int(codes.max()) + 1, weights, resamples)


def cells_at(scores, threshold, rows, weights):
    """Cells by group, row by row."""
    cells = np.zeros((rows.n_groups, 4))
    for score, positive, group, weight in zip(
        scores, rows.positive, rows.codes, weights, strict=True
    ):
        cells[group, 2 * int(positive) + int(score >= threshold)] += weight
    return cells


def brute_force(scores, rows, objective, margin):
    """Best mean value over all cuts, each looked at by itself."""
    samples = rows.resamples if len(rows.resamples) else [rows.weights]
    values = {}
    for cut in [*np.unique(scores), np.inf]:
        found = [objective(cells_at(scores, cut, rows, w), margin) for w in samples]
        bias = objective.bias_of(cells_at(scores, cut, rows, rows.weights))
        beyond = not bias <= objective.tol + 1e-9
        values[cut] = 0.0 if objective.form == "constrained" and beyond else np.mean(found)
    return max(values.values())


# undefined performance


def test_an_undefined_performance_is_the_worst():
    nobody = np.array([[[6.0, 0, 4, 0]]])
    everybody = np.array([[[0.0, 6, 0, 4]]])
    for name in ("false_discovery_rate", "positive_predictive_value"):
        objective = FairObjective(ODDS, name, tol=1.0)
        assert objective.performance_of(nobody).tolist() == [0.0]
        assert objective.performance_of(everybody).tolist() == [pytest.approx(0.4)]
    rows = judged([0, 1, 0, 1], [0, 0, 1, 1])
    choice = choose_threshold(np.array([1.0, 2.0, 3.0, 4.0]), rows, FairObjective(ODDS, name, 1.0))
    assert choice.threshold < np.inf


# worked out by hand


def test_a_threshold_worked_out_by_hand():
    # group 0 has 4 of 5 right at any cut in (0.4, 0.6); group 1 all of 4 at a cut in (0.5, 0.8)
    rows = judged([0, 0, 1, 1, 0, 0, 0, 1, 1], [0, 0, 0, 0, 0, 1, 1, 1, 1])
    scores = np.array([0.1, 0.2, 0.6, 0.9, 0.7, 0.4, 0.5, 0.8, 0.95])
    free = choose_threshold(scores, rows, FairObjective(ODDS, tol=1.0))
    assert free.threshold == pytest.approx(0.55)
    assert_allclose(free.cells, [[2, 1, 0, 2], [2, 0, 0, 2]])
    assert free.performance == free.value == pytest.approx((4 / 5 + 1) / 2)
    assert free.bias == pytest.approx((1 / 3 + 0) / 2)
    # TPR 1/2 and FPR 0 of group 0, against TPR 1 and FPR 0: 1/4; the former is the least but 0
    bound = choose_threshold(scores, rows, FairObjective(ODDS, tol=0.1))
    assert bound.bias <= 0.1
    assert bound.performance < free.performance


@pytest.mark.parametrize(
    ("form", "within", "beyond"),
    [
        ("constrained", 0.8, 0.0),
        ("penalized", -0.75 * 0.04 - 0.25 * 0.2, -0.75 * 0.06 - 0.25 * 0.2),
        ("smooth", 0.8 / (1 + np.exp(-5)), 0.8 / (1 + np.exp(5))),
    ],
)
def test_forms_of_the_objective(form, within, beyond):
    objective = FairObjective(ODDS, form=form)
    found = objective.combine(np.array([0.8, 0.8]), np.array([0.04, 0.06]))
    assert_allclose(found, [within, beyond])
    undefined = objective.combine(np.array([0.8]), np.array([np.nan]))
    assert undefined[0] == objective.combine(np.array([0.8]), np.array([1.0]))[0]


def test_the_margin_makes_the_tolerance_smaller():
    objective = FairObjective(ODDS)
    for margin, value in ((0.0, 0.8), (0.01, 0.8), (0.011, 0.0)):
        assert objective.combine(np.array(0.8), np.array(0.04), margin) == value


def test_performances_of_every_kind_are_at_least_0():
    cells = np.array([[3.0, 1, 2, 4], [2, 2, 0, 6]])  # together 5, 3, 2, 10
    known = {
        "balanced_accuracy_score": (5 / 8 + 10 / 12) / 2,
        "accuracy_score": 0.75,
        "error_rate": 0.75,
        "f1": 20 / 25,
        "false_positive_rate": 5 / 8,
    }
    for name, value in known.items():
        assert FairObjective(ODDS, name).performance_of(cells) == pytest.approx(value)
    costs = FairObjective(ODDS, {"fp": 1, "fn": 5}).performance_of(cells)
    assert costs == pytest.approx(1 - (3 + 10) / 20 / 5)


def test_bias_of_several_groups_is_that_of_the_worst_pair():
    cells = np.array([[5.0, 5, 0, 0], [8, 2, 0, 0], [6, 4, 0, 0]])
    assert FairObjective(CRITERIA["demographic_parity"]).bias_of(cells) == pytest.approx(0.3)
    impact = FairObjective(CRITERIA["disparate_impact"]).bias_of(cells)
    assert impact == pytest.approx(1 - 2 / 5)


def test_a_precision_that_decisions_take_away_is_no_fairness():
    nobody = np.array([[5.0, 1, 1, 3], [5, 0, 5, 0]])
    objective = FairObjective(CRITERIA["predictive_parity"])
    assert np.isnan(objective.bias_of(nobody))
    without_positives = np.array([[5.0, 1, 1, 3], [4, 1, 1, 3], [5, 5, 0, 0]])
    opportunity = FairObjective(CRITERIA["equal_opportunity"]).bias_of(without_positives)
    assert opportunity == 0  # the labels are to blame: left out


def test_the_sign_of_a_bias():
    low = np.array([[8.0, 2, 5, 5], [6, 4, 2, 8]])  # FPR 0.2 and 0.4, TPR 0.5 and 0.8
    known = {
        "demographic_parity": 7 / 20 - 12 / 20,
        "average_odds": -0.25,
        "equalized_odds": -0.3,
        "average_abs_odds": 0.25,
        "disparate_impact": 1 - 7 / 12,
    }
    for name, value in known.items():
        criterion = CRITERIA[name]
        assert signed_bias(criterion, low) == pytest.approx(value)
        back = signed_bias(criterion, low[::-1])
        has_sign = name not in ("average_abs_odds", "disparate_impact")
        assert back == pytest.approx(-value if has_sign else value)
    third = np.vstack([low, [[9.0, 1, 9, 1]]])
    assert signed_bias(CRITERIA["demographic_parity"], third) == pytest.approx(0.5)


# all cuts


@settings(max_examples=60)
@given(st.integers(0, 10**6))
def test_the_threshold_is_the_best_of_all_cuts(seed):
    rng = np.random.default_rng(seed)
    n, n_groups = int(rng.integers(6, 30)), int(rng.integers(2, 4))
    positive, codes = rng.integers(2, size=n), rng.integers(n_groups, size=n)
    positive[:2], codes[:n_groups] = [0, 1], np.arange(n_groups)
    scores = np.round(rng.normal(size=n), int(rng.integers(0, 3)))  # with ties
    weights = rng.exponential(size=n) if seed % 2 else np.ones(n)
    counts = rng.multinomial(n, np.full(n, 1 / n), size=int(rng.integers(0, 4)))
    rows = judged(positive, codes, weights, counts * weights)
    name = ["average_odds", "equalized_odds", "demographic_parity", "predictive_parity"][seed % 4]
    form = ["constrained", "penalized", "smooth"][seed % 3]
    objective = FairObjective(CRITERIA[name], tol=float(rng.uniform(0.05, 0.4)), form=form)
    if len(np.unique(codes)) < n_groups:
        return
    found = choose_threshold(scores, rows, objective, 0.02)
    assert found.value == pytest.approx(brute_force(scores, rows, objective, 0.02))
    cells = cells_at(scores, found.threshold, rows, weights)
    assert_allclose(found.cells, cells, atol=1e-9)
    assert_allclose(found.bias, objective.bias_of(cells), atol=1e-9)
    assert_allclose(found.performance, objective.performance_of(cells), atol=1e-9)


def test_cuts_are_the_same_in_blocks(monkeypatch):
    rng = np.random.default_rng(0)
    rows = judged(rng.integers(2, size=300), rng.integers(3, size=300))
    scores, objective = rng.normal(size=300), FairObjective(ODDS)
    whole = choose_threshold(scores, rows, objective)
    monkeypatch.setattr(_objective, "_BLOCK", 21)
    parts = choose_threshold(scores, rows, objective)
    assert parts.threshold == whole.threshold
    assert parts.value == whole.value


def test_weights_are_repeated_rows():
    rng = np.random.default_rng(1)
    positive, codes = rng.integers(2, size=40), rng.integers(2, size=40)
    scores, counts = rng.normal(size=40), rng.integers(1, 4, size=40)
    weighted = choose_threshold(scores, judged(positive, codes, counts), FairObjective(ODDS))
    repeated = choose_threshold(
        np.repeat(scores, counts),
        judged(np.repeat(positive, counts), np.repeat(codes, counts)),
        FairObjective(ODDS),
    )
    assert weighted.threshold == repeated.threshold
    assert weighted.value == pytest.approx(repeated.value)


def test_neighbouring_floats_are_told_apart():
    low = 1.0
    high = np.nextafter(low, 2)
    rows = judged([0, 1, 0, 1], [0, 0, 1, 1])
    found = choose_threshold(np.array([low, high, low, high]), rows, FairObjective(ODDS))
    assert found.threshold == high
    assert found.performance == 1


def test_constant_scores_leave_everybody_or_nobody():
    rows = judged([0, 1, 0, 1], [0, 0, 1, 1])
    found = choose_threshold(np.zeros(4), rows, FairObjective(ODDS))
    assert np.isinf(found.threshold)
    assert found.performance == 0.5
    assert found.bias == 0


def test_of_equal_values_the_one_with_less_bias_is_taken():
    # both cuts have one error; above 0.5 it is a group 1 row, above 0.3 one row of each group
    rows = judged([0, 1, 1, 0, 1, 1], [0, 0, 0, 1, 1, 1])
    scores = np.array([0.1, 0.7, 0.9, 0.1, 0.5, 0.9])
    objective = FairObjective(ODDS, tol=1.0)
    assert choose_threshold(scores, rows, objective).performance == 1
    tied = FairObjective(CRITERIA["demographic_parity"], "base_rate", tol=1.0)
    assert choose_threshold(scores, rows, tied).bias == 0


# resamples


def test_resamples_keep_rows_and_weights():
    rng = np.random.default_rng(0)
    weights = np.array([0.5, 2.0, 1.0])
    drawn = JudgedRows.draw(np.array([True, False, True]), np.arange(3), 3, weights, 2000, rng)
    counts = drawn.resamples / weights
    assert (counts.sum(axis=1) == 3).all()
    assert_allclose(counts.mean(axis=0), 1, atol=0.08)
    part = drawn.take(np.array([2, 0]))
    assert part.weights.tolist() == [1.0, 0.5]
    assert (part.resamples == drawn.resamples[:, [2, 0]]).all()


def test_the_mean_over_resamples_counts():
    rows = judged([0, 1, 0, 1], [0, 0, 1, 1], resamples=[[1, 1, 1, 1], [1, 1, 2, 0]])
    # sample 1: TPR 1 and 1. Sample 2: group 1 has no positives, so no TPR and no mean with FPR
    found = choose_threshold(np.array([0.0, 1, 0, 1]), rows, FairObjective(ODDS))
    assert found.value == pytest.approx((1 + 0) / 2)
    assert found.performance == 1


def test_resamples_never_excuse_what_the_rows_themselves_show():
    resamples = [[1, 1, 0, 1, 1, 1, 2]] * 3  # the row that makes the difference is left out
    rows = judged([0, 0, 1, 1, 0, 1, 1], [0, 0, 0, 0, 1, 1, 1], resamples=resamples)
    scores = np.array([0.1, 0.5, 0.4, 0.9, 0.1, 0.9, 0.9])
    objective = FairObjective(CRITERIA["equal_opportunity"])
    assert choose_threshold(scores, rows, objective).threshold == pytest.approx(0.25)
    free = JudgedRows(*rows[:3], rows.resamples[0], rows.resamples)
    assert choose_threshold(scores, free, objective).performance == 1


def test_a_criterion_of_ones_own():
    own = Criterion("mine", (CRITERIA["equal_opportunity"].rates[0],))
    rows = judged([0, 1, 0, 1], [0, 0, 1, 1])
    assert choose_threshold(np.array([0.0, 1, 0, 1]), rows, FairObjective(own)).performance == 1
