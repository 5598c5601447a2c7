"""Cells, rates and reweightings that reductions are made of."""

import numpy as np
import pytest
from sklearn.exceptions import UndefinedMetricWarning

from skfair.criteria import get_criterion, get_rate, read_criteria, read_objective
from skfair.inprocessing._problems import DecisionProblem, LossProblem

LABELS = np.array([1, 0, 1, 0, 1, 0, 0, 1], dtype=np.int8)
CODES = np.array([0, 0, 0, 0, 1, 1, 1, 1])
WEIGHTS = np.array([1.0, 2, 1, 1, 1, 1, 2, 1])
DECISIONS = np.array([1, 1, 0, 0, 1, 0, 0, 1])


def problem(constraints="demographic_parity", tol=0.0, objective="accuracy_score", levels=None):
    levels = np.zeros(8, dtype=int) if levels is None else np.asarray(levels)
    totals = np.bincount(LABELS, WEIGHTS)
    return DecisionProblem(
        np.array([0, 1]),
        LABELS,
        CODES,
        levels,
        (levels.max() + 1, 2),
        WEIGHTS,
        read_criteria(constraints, tol),
        read_objective(objective, totals),
        ("f", "m"),
    )


def test_cells_are_shares_of_all_weight():
    sums = problem().describe(DECISIONS)
    np.testing.assert_allclose(problem().cells(sums)[0] * 10, [[1, 2, 1, 1], [3, 0, 0, 2]])


def test_chances_count_in_part():
    whole = problem().count(DECISIONS.astype(np.int8))
    np.testing.assert_allclose(problem().count(DECISIONS.astype(float)), whole)
    half = problem().count(np.full(8, 0.5))
    np.testing.assert_allclose(problem().cells(half)[0] * 10, [[1.5, 1.5, 1, 1], [1.5, 1.5, 1, 1]])


def test_cells_at_cuts_are_those_of_the_decisions():
    own, scores = problem(), np.array([0.1, 0.9, 0.4, 0.4, 0.7, 0.2, 0.9, 0.1])
    cuts = np.array([0.1, 0.4, 0.9])
    expected = [own.count((scores >= cut).astype(np.int8)) for cut in cuts]
    np.testing.assert_allclose(own.count_at(scores, cuts), expected)


def test_the_loss_is_minus_the_objective():
    sums = problem().describe(DECISIONS)
    assert problem().value(sums) == pytest.approx(0.7)
    balanced = problem(objective="balanced_accuracy_score")
    assert balanced.value(sums) == pytest.approx((3 / 4 + 4 / 6) / 2)
    cost = problem(objective={"fp": 1, "fn": 5})
    assert cost.value(sums) == pytest.approx(-(2 + 5) / 10)


def test_without_multipliers_rows_keep_labels_and_weights():
    own = problem()
    labels, weights = own.reweigh(own.loss)
    assert labels.tolist() == LABELS.tolist()
    np.testing.assert_allclose(weights, WEIGHTS)


def test_reweighted_cost_of_decisions_is_the_price_of_their_cells():
    rng = np.random.default_rng(3)
    own = problem("equalized_odds")
    price = rng.normal(size=8)
    wanted, weights = own.reweigh(price)
    costs = [
        (weights * (wanted != decided)).sum()
        for decided in (DECISIONS, 1 - DECISIONS, np.ones(8), np.zeros(8))
    ]
    prices = [
        price @ own.describe(decided)
        for decided in (DECISIONS, 1 - DECISIONS, np.ones(8), np.zeros(8))
    ]
    slope = (costs[0] - costs[2]) / (prices[0] - prices[2])
    assert slope > 0
    np.testing.assert_allclose(np.diff(costs), slope * np.diff(prices))


@pytest.mark.parametrize(
    ("constraints", "expected"),
    [
        ("demographic_parity", 3 / 5 - 2 / 5),
        ("equal_opportunity", 1 / 2),
        ("false_positive_rate", 2 / 3),
        ("equalized_odds", 2 / 3),
        ("average_odds", abs((1 / 2 + 2 / 3) / 2 - (1 + 0) / 2)),
        ("average_abs_odds", (1 / 2 + 2 / 3) / 2),
        ("accuracy", 1 - 2 / 5),
        ("disparate_impact", 1 - 2 / 3),
    ],
)
def test_violations_by_hand(constraints, expected):
    own = problem(constraints, 0.1)
    sums = own.describe(DECISIONS)
    assert own.violations(sums)[get_criterion(constraints).name] == pytest.approx(expected)
    assert own.excess(sums) == pytest.approx(expected - 0.1)
    stacked = np.stack([sums, sums])
    np.testing.assert_allclose(own.excess(stacked), expected - 0.1)


def test_levels_are_compared_apart():
    own = problem(levels=[0, 0, 1, 1, 0, 0, 1, 1])
    sums = own.describe(DECISIONS)
    assert own.violations(sums)["demographic_parity"] == pytest.approx(0.5)  # 1 - 1/2, 0 - 1/3
    assert len(own.bands()) == 2
    assert own.move_names == ["selection_rate at level 0: m", "selection_rate at level 1: m"]


def test_rates_of_bands_are_the_groups_rates():
    own = problem("equalized_odds")
    sums = own.describe(DECISIONS)
    tpr, fpr = own.bands()
    np.testing.assert_allclose(tpr.rows @ sums, [1 / 2, 1])
    np.testing.assert_allclose(fpr.rows @ sums, [2 / 3, 0])


@pytest.mark.parametrize(
    "constraints", ["demographic_parity", "disparate_impact", "equalized_odds", "average_abs_odds"]
)
@pytest.mark.parametrize("levels", [None, [0, 0, 1, 1, 0, 0, 1, 1]])
def test_the_overall_row_gives_the_rate_of_all_rows_compared(constraints, levels):
    own = problem(constraints, levels=levels)
    sums = own.describe(DECISIONS)
    bands = own.bands()
    assert bands
    for band in bands:
        name, _, level = band.name.partition(" at level ")
        cells = sums.reshape(-1, 2, 4)[int(level or 0)]
        rate = get_rate(name)
        groups = [("f", "m").index(label) for label in band.labels]
        assert band.overall @ sums == pytest.approx(float(rate(cells[groups].sum(axis=0))))


def test_groups_without_a_rate_are_named_and_not_bound():
    own = problem("equal_opportunity")
    lacking = DecisionProblem(
        own.classes,
        np.array([1, 0, 1, 0, 0, 0, 0, 0], dtype=np.int8),
        *(own.codes, own.levels, own.shape, own.weights, own.criteria, own.objective),
        ("f", "m"),
    )
    assert lacking.bands() == []
    with pytest.warns(UndefinedMetricWarning, match="true_positive_rate of group 'm'"):
        lacking.warn_if_undefined()


def test_mean_losses_by_group_and_their_price():
    y, predicted = np.array([1.0, 2, 3, 4]), np.array([1.0, 1, 5, 4])
    own = LossProblem(y, np.array([0, 0, 1, 1]), 2, np.array([1.0, 1, 1, 3]), "squared_error", 0.4)
    sums = own.describe(predicted)
    np.testing.assert_allclose(own.group_losses(sums), [0.5, 1.0])
    assert own.excess(sums) * own.unit == pytest.approx(0.6)
    assert own.value(sums) == pytest.approx(-5 / 6)
    targets, weights = own.reweigh(np.array([3.0, 1.0]))
    assert targets is y
    np.testing.assert_allclose(weights, np.array([3.0, 3, 1, 3]) * 6 / 10)


def test_the_resolution_is_that_of_the_two_smallest_denominators():
    own = problem("equal_opportunity")  # positives weigh 1, 1 and 1, 1
    assert own.resolution == pytest.approx(1 / 4 + 1 / 4)
    by_size = problem("demographic_parity")
    sizes = 5**2 / 7, 5**2 / 7
    assert by_size.resolution == pytest.approx(sum(0.5 / n for n in sizes))


def test_constant_decisions_are_known():
    own = problem()
    sums = np.array([own.count(np.full(8, v, dtype=np.int8)) for v in (0, 1)])
    assert own.is_constant(sums).tolist() == [True, True]
    assert not own.is_constant(own.describe(DECISIONS))
