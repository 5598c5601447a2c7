"""Rules are optimal: as good as any combination of cuts, or as a bound from a linear programme."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from sklearn.exceptions import UndefinedMetricWarning

from skfair.criteria import RATES, Criterion, get_criterion, read_objective
from skfair.groups import Groups
from skfair.postprocessing import ScoreCurves, ThresholdRule, optimal_thresholds
from skfair.postprocessing._constraints import read_constraints
from skfair.postprocessing._hull import hull_places
from skfair.postprocessing.optimal import single_threshold
from skfair.tally import ScoreTally

MONOTONE = ["demographic_parity", "equal_opportunity", "predictive_equality", "equalized_odds"]
CRITERIA = [
    *MONOTONE,
    *("average_odds", "disparate_impact", "accuracy_parity", "predictive_parity"),
    *("false_negative_rate", "true_negative_rate"),
]


def accuracy(cells):
    return (cells[0] + cells[3]) / cells.sum()


def f1(cells):
    return 2 * cells[3] / (2 * cells[3] + cells[1] + cells[2])


OBJECTIVES = {"accuracy_score": accuracy, "f1_score": f1}


def random_curves(seed, n_groups=None, weighted=False):
    """Few rows with ties, in which every group has both classes and a cut that parts it."""
    rng = np.random.default_rng(seed)
    n_groups = n_groups or int(rng.integers(2, 4))
    n = 12 * n_groups
    groups = np.arange(n) % n_groups
    y = rng.random(n) < 0.5
    y[:n_groups], y[n_groups : 2 * n_groups] = True, False
    score = rng.integers(0, 9, n) / 9
    score[:n_groups], score[n_groups : 2 * n_groups] = 1.0, 0.0
    weight = rng.integers(1, 4, n).astype(float) if weighted else None
    return ScoreCurves.from_arrays(y.astype(int), score, groups, sample_weight=weight)


def exhaustive(curves, criterion, tol, objective, *, slack=True):
    """Best value of all combinations of cuts that part every group."""
    axes, best = read_constraints(criterion, tol).coordinates, -np.inf
    tables = [curve.cells for curve in curves.curves]
    steps = [axis.steps(curves.totals, curves.squares) * slack for axis in axes]
    for places in itertools.product(*[range(1, len(table) - 1) for table in tables]):
        cells = np.stack([table[i] for table, i in zip(tables, places, strict=True)])
        if all(within(axis, step, cells) for axis, step in zip(axes, steps, strict=True)):
            best = max(best, objective(cells.sum(axis=0)))
    return best


def within(axis, step, cells):
    """Whether every two groups are as near as the axis asks, give or take their steps."""
    rate = axis.values(cells)
    for a, b in itertools.permutations(range(len(rate)), 2):
        if axis.as_ratio:
            ok = (rate[b] + step[b]) / rate[b] * (rate[a] + step[a]) / rate[a] >= (
                (1 - axis.width) * rate[b] / rate[a] * (1 - 1e-9)
            )
            ok = ok and rate.min() > 0
        else:
            ok = rate[a] - rate[b] <= axis.width + step[a] + step[b] + 1e-9
        if not ok:
            return False
    return not np.isnan(rate).any()


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.filterwarnings("ignore:all or none:UserWarning")
def test_deterministic_rules_equal_exhaustive_search(criterion, objective):
    compared = 0
    for seed in range(12):
        curves, tol = random_curves(seed, weighted=seed % 3 == 0), [0.0, 0.1, 0.3][seed % 3]
        best = exhaustive(curves, criterion, tol, OBJECTIVES[objective])
        if best == -np.inf:
            continue
        rule = optimal_thresholds(curves, criterion, objective, tol)
        assert rule.value == pytest.approx(best, abs=1e-9)
        assert rule.gap == 0
        compared += 1
    assert compared >= 6


@pytest.mark.parametrize("criterion", [*MONOTONE, "average_odds", "average_abs_odds"])
def test_randomized_rules_are_at_least_as_good_and_meet_the_constraint(criterion):
    for seed in range(10):
        curves = random_curves(seed, n_groups=3)
        tol = 0.1
        mixed = optimal_thresholds(curves, criterion, tol=tol, randomized=True)
        assert get_criterion(criterion)(mixed.cells) <= tol + 1e-6
        if criterion != "average_abs_odds":
            best = exhaustive(curves, criterion, tol, accuracy, slack=False)
            assert mixed.value >= best - 1e-7


def test_a_randomized_rule_equals_a_fine_grid_of_mixtures():
    """Two groups, demographic parity at 0: the best common selection rate, by concave envelopes."""
    curves = random_curves(3, n_groups=2)
    rule = optimal_thresholds(curves, "demographic_parity", tol=0.0, randomized=True)
    grid, total = np.linspace(0, 1, 20_001), np.zeros(20_001)
    for curve in curves.curves:
        cells = curve.cells[hull_places(curve)]
        rate = (cells[:, 1] + cells[:, 3]) / cells.sum(axis=1)
        right = cells[:, 0] + cells[:, 3]
        upper = [
            max(
                right[i] + (right[j] - right[i]) * (x - rate[i]) / (rate[j] - rate[i])
                for i in range(len(rate))
                for j in range(len(rate))
                if rate[i] <= x <= rate[j] and rate[j] > rate[i]
            )
            for x in grid[::100]
        ]
        total += np.interp(grid, grid[::100], upper)
    n = sum(curve.cells[0].sum() for curve in curves.curves)
    assert rule.value == pytest.approx(total.max() / n, abs=2e-3)
    assert rule.value >= total.max() / n - 1e-9


def test_a_rule_by_hand():
    y = [0, 0, 1, 1, 0, 0, 1, 1]
    score = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    curves = ScoreCurves.from_arrays(y, score, {"sex": list("ffffmmmm")})
    rule = optimal_thresholds(curves, "equalized_odds", tol=0.0)
    assert rule.value == 1.0
    np.testing.assert_allclose(np.concatenate(rule.cuts), [0.25, 0.65])
    np.testing.assert_array_equal(rule.cells, [[2, 0, 0, 2], [2, 0, 0, 2]])
    assert rule.select(score, list("ffffmmmm")).tolist() == [False, False, True, True] * 2


def test_costs_move_the_cut():
    curves = random_curves(1, n_groups=2)
    careful = optimal_thresholds(curves, None, {"fp": 5, "fn": 1})
    bold = optimal_thresholds(curves, None, {"fp": 1, "fn": 5})
    assert careful.cells[:, 1].sum() < bold.cells[:, 1].sum()


def test_rates_are_bound_in_every_group_and_a_budget_over_all():
    curves = random_curves(2, n_groups=3)
    kept = optimal_thresholds(curves, None, rate_bounds={"true_positive_rate": (0.7, None)})
    assert (kept.cells[:, 3] / kept.cells[:, 2:].sum(axis=1) >= 0.7 - 1e-9).all()
    for randomized in (False, True):
        rule = optimal_thresholds(
            curves,
            "demographic_parity",
            "true_positive_rate",
            0.2,
            budget=0.3,
            randomized=randomized,
        )
        selected = rule.cells[:, [1, 3]].sum() / rule.cells.sum()
        assert selected <= 0.3 + 1e-6
        assert get_criterion("demographic_parity")(rule.cells) <= 0.2 + 1 / 12 + 1e-6


def test_a_budget_is_met_as_well_as_exhaustive_search_meets_it():
    curves = random_curves(5, n_groups=2)
    best = -np.inf
    tables = [curve.cells for curve in curves.curves]
    for i, j in itertools.product(*[range(1, len(table) - 1) for table in tables]):
        cells = np.stack([tables[0][i], tables[1][j]])
        gap = get_criterion("demographic_parity")(cells)
        if gap <= 0.2 + 1 / 12 + 1e-9 and cells[:, [1, 3]].sum() / cells.sum() <= 0.4 + 1e-9:
            best = max(best, accuracy(cells.sum(axis=0)))
    rule = optimal_thresholds(curves, "demographic_parity", tol=0.2, budget=0.4)
    assert rule.value == pytest.approx(best)


def test_constant_rules_come_last_and_with_a_warning():
    y, score = [0, 1, 0, 1], [0.5, 0.5, 0.1, 0.9]
    curves = ScoreCurves.from_arrays(y, score, list("aabb"))
    with pytest.warns(UserWarning, match="all or none of the rows of groups"):
        rule = optimal_thresholds(curves, "demographic_parity", tol=0.0)
    assert get_criterion("demographic_parity")(rule.cells) <= 0.5 + 1e-9


def test_groups_without_a_class_are_refused_or_get_the_cut_of_all():
    y, score = [0, 1, 0, 1, 0, 0], [0.2, 0.8, 0.3, 0.7, 0.1, 0.6]
    curves = ScoreCurves.from_arrays(y, score, list("aabbcc"))
    with pytest.raises(ValueError, match=r"groups \['c'\] have no rows of a class"):
        optimal_thresholds(curves, "equal_opportunity")
    rule = optimal_thresholds(curves, "equal_opportunity", fallback="pooled")
    assert rule.labels == ("a", "b")
    codes = rule.codes(["a", "c", "new"])
    assert codes.tolist() == [0, 2, 2]
    assert rule.apply([0.9, 0.9, 0.0], codes).tolist() == [True, True, False]
    assert optimal_thresholds(curves, "demographic_parity", tol=0.5).labels == ("a", "b", "c")


def test_unseen_groups_are_named():
    rule = optimal_thresholds(random_curves(0, n_groups=2), tol=0.3)
    with pytest.raises(ValueError, match=r'unseen at fit: \[5\].*with fallback="pooled"'):
        rule.codes([0, 5])


@pytest.mark.parametrize("criterion", ["demographic_parity", "equalized_odds"])
def test_a_tally_with_an_edge_a_score_gives_the_same_value(criterion):
    rng = np.random.default_rng(0)
    y, score, group = (
        rng.integers(0, 2, 200),
        rng.integers(1, 20, 200) / 20,
        rng.integers(0, 3, 200),
    )
    rows = optimal_thresholds(ScoreCurves.from_arrays(y, score, group), criterion, tol=0.05)
    tally = ScoreTally.from_arrays(y, score, group, edges=np.arange(1, 20) / 20)
    binned = optimal_thresholds(tally, criterion, tol=0.05)
    assert binned.value == pytest.approx(rows.value)
    np.testing.assert_array_equal(binned.select(score, group), rows.select(score, group))


def test_infinite_and_constant_scores():
    y, group = [0, 1, 0, 1], list("aabb")
    curves = ScoreCurves.from_arrays(y, [-np.inf, np.inf, 0.0, np.inf], group)
    rule = optimal_thresholds(curves, "equalized_odds", tol=0.0)
    assert rule.select([-np.inf, np.inf, 0.0, np.inf], group).tolist() == [False, True, False, True]
    constant = ScoreCurves.from_arrays(y, [0.5] * 4, group)
    with pytest.warns(UserWarning, match="all or none"):
        optimal_thresholds(constant, "demographic_parity")


def test_float32_scores_and_rows_of_weight_0():
    rng = np.random.default_rng(1)
    y, score, group = rng.integers(0, 2, 60), rng.random(60).astype(np.float32), [0, 1] * 30
    weight = rng.integers(0, 2, 60).astype(float)
    kept = weight > 0
    weighted = ScoreCurves.from_arrays(y, score, group, sample_weight=weight)
    fewer = ScoreCurves.from_arrays(y[kept], score[kept], np.array(group)[kept])
    rules = [optimal_thresholds(curves, tol=0.1) for curves in (weighted, fewer)]
    assert rules[0].value == rules[1].value
    np.testing.assert_array_equal(rules[0].cuts, rules[1].cuts)


def test_weights_are_repeated_rows():
    rng = np.random.default_rng(2)
    y, score, group = rng.integers(0, 2, 40), rng.random(40), np.array([0, 1] * 20)
    weight = rng.integers(1, 4, 40)
    a = ScoreCurves.from_arrays(y, score, group, sample_weight=weight)
    b = ScoreCurves.from_arrays(*(np.repeat(x, weight) for x in (y, score, group)))
    rules = [optimal_thresholds(c, tol=1.0) for c in (a, b)]
    assert rules[0].value == pytest.approx(rules[1].value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"constraints": "equal_odds"}, "no criterion is named"),
        ({"objective": "accurracy_score"}, "did you mean"),
        ({"objective": {"fp": -1}}, "at least 0"),
        ({"tol": 1.5}, "between 0 and 1"),
        ({"tol": [0.1, 0.2]}, "1 constraints have 2 tolerances"),
        *(
            ({"budget": budget}, "budget must be a number above 0 and at most 1")
            for budget in (0.0, 1.5, True, "0.1", np.nan)
        ),
        ({"rate_bounds": {"selection_rate": (0.9, 0.1)}}, "numbers that rise"),
        ({"rate_bounds": {"selection_rate": ("0.1", None)}}, "numbers that rise"),
        ({"rate_bounds": {"selection_rate": (True, None)}}, "numbers that rise"),
        ({"rate_bounds": {"selection_rate": (np.nan, None)}}, "numbers that rise"),
        ({"rate_bounds": {"selection_rate": 0.1}}, "must be a pair"),
        ({"rate_bounds": {"selection_rate": "01"}}, "must be a pair"),
        ({"rate_bounds": [("selection_rate", (0.1, None))]}, "must be a mapping of rates to pairs"),
        ({"objective": {"fp": np.nan}}, "at least 0"),
        ({"objective": ["accuracy"]}, "no objective is named"),
        ({"constraints": ["accuracy", "accuracy"]}, "more than once"),
        ({"fallback": "guess"}, "fallback"),
        ({"constraints": ["accuracy_parity", "equal_opportunity"]}, "rise and fall"),
        ({"constraints": "predictive_parity", "randomized": True}, "aren't linear"),
        (
            {"constraints": None, "rate_bounds": {"selection_rate": (0.999, 1)}, "budget": 0.1},
            "no rule meets the constraints together; one would with",
        ),
    ],
)
def test_mistakes_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        optimal_thresholds(random_curves(0, n_groups=2), **options)


@pytest.mark.parametrize("name", ["true_positive_rate_parity", "accuracy_score_parity"])
def test_names_of_fairlearn_are_known(name):
    rule = optimal_thresholds(random_curves(4, n_groups=2), name, tol=0.2)
    assert isinstance(rule, ThresholdRule)


def test_several_constraints_hold_together():
    curves = random_curves(6, n_groups=2)
    rule = optimal_thresholds(curves, ["demographic_parity", "equal_opportunity"], tol=[0.2, 0.3])
    assert set(rule.effective_tol) == {"demographic_parity", "equal_opportunity"}
    for name, allowed in rule.effective_tol.items():
        assert get_criterion(name)(rule.cells) <= allowed + 1e-9


def test_order_of_groups_does_not_matter():
    curves = random_curves(7, n_groups=3)
    turned = ScoreCurves(
        curves.labels[::-1], curves.names, curves.curves[::-1], curves.squares[::-1]
    )
    a, b = (optimal_thresholds(c, "equalized_odds", tol=0.1) for c in (curves, turned))
    assert a.value == pytest.approx(b.value)


def test_probabilities_and_draws_of_a_randomized_rule():
    cuts = (np.array([0.2, 0.6]), np.array([0.5]))
    rule = ThresholdRule(
        ("f", "m"), ("sex",), cuts, (np.array([0.25, 0.75]), np.ones(1)),
        np.zeros((2, 4)), "accuracy", 0.5, 0.0, {},
    )  # fmt: skip
    codes = rule.codes(["f", "f", "f", "m", "m"])
    chance = rule.probability([0.1, 0.3, 0.7, 0.4, 0.5], codes)
    np.testing.assert_allclose(chance, [0.0, 0.25, 1.0, 0.0, 1.0])
    with pytest.raises(ValueError, match="randomized"):
        rule.apply([0.1] * 5, codes)
    rng = np.random.default_rng(0)
    many = np.mean([rule.draw([0.3], codes[:1], rng)[0] for _ in range(4000)])
    assert many == pytest.approx(0.25, abs=0.03)
    assert rule.to_frame()["probability"].tolist() == [0.25, 0.75, 1.0]
    assert "randomized" in repr(rule)


def test_curves_of_groups_are_pooled_exactly():
    rng = np.random.default_rng(3)
    y, score, group = (
        rng.integers(0, 2, 50) == 1,
        rng.integers(0, 12, 50) / 12,
        rng.integers(0, 3, 50),
    )
    curves = ScoreCurves.of_rows(score, y, Groups.read(group), None)
    pooled = curves.pooled()
    for cut in np.unique(score):
        fp, tp = pooled.at(np.array([cut]))
        assert (fp[0], tp[0]) == ((score >= cut)[~y].sum(), (score >= cut)[y].sum())


def test_a_tiny_group_does_not_loosen_the_bound_for_the_others():
    rng = np.random.default_rng(0)
    group = np.array([0, 1] * 500 + [2])
    y = (rng.random(1001) < 0.3 + 0.3 * (group == 1)).astype(int)
    score = y * 0.3 + rng.random(1001)
    with pytest.warns(UserWarning, match=r"all or none of the rows of groups \[2\]"):
        rule = optimal_thresholds(ScoreCurves.from_arrays(y, score, group), tol=0.02)
    rates = (rule.cells[:, 1] + rule.cells[:, 3]) / rule.cells.sum(axis=1)
    assert abs(rates[0] - rates[1]) <= 0.02 + 1 / 500 + 1e-9
    assert rule.effective_tol["demographic_parity"] == pytest.approx(0.02 + 0.5 + 0.001)


def best_by_exhaustion(curves, objective, feasible):
    """Best value of all combinations of cuts that part both groups and are feasible."""
    tables = [curve.cells[1:-1] for curve in curves.curves]
    goal, best = read_objective(objective, curves.totals.sum(axis=0)), -np.inf
    for pair in itertools.product(*tables):
        cells = np.stack(pair)
        if feasible(cells):
            best = np.nanmax([best, goal(cells.sum(axis=0))])
    return best


@pytest.mark.parametrize(
    "objective",
    ["error_rate", "false_discovery_rate", "precision_score", "negative_predictive_value"],
)
@pytest.mark.filterwarnings("ignore:all or none:UserWarning")
def test_ratios_that_are_negative_or_undefined_somewhere_are_maximised(objective):
    for seed in range(6):
        curves = random_curves(seed, n_groups=2)
        best = best_by_exhaustion(curves, objective, lambda cells: True)
        rule = optimal_thresholds(curves, "demographic_parity", objective, 1.0)
        assert rule.value == pytest.approx(best)
        assert rule.gap == 0


@pytest.mark.filterwarnings("ignore:all or none:UserWarning")
def test_a_rule_whose_objective_is_defined_comes_before_one_that_selects_none():
    y, score = [0, 1, 0, 1], [0.5, 0.5, 0.5, 0.5]
    curves = ScoreCurves.from_arrays(y, score, list("aabb"))
    rule = optimal_thresholds(curves, "demographic_parity", "false_discovery_rate")
    assert rule.value == -0.5
    with pytest.warns(UndefinedMetricWarning, match="under every rule"):
        nobody = optimal_thresholds(
            curves, None, "precision_score", rate_bounds={"selection_rate": (None, 0.0)}
        )
    assert np.isnan(nobody.value)


def test_the_gap_of_a_mean_of_gaps_covers_the_best_rule():
    smaller = 0
    for seed in range(8):
        curves = random_curves(seed, n_groups=2)
        rule = optimal_thresholds(curves, "average_abs_odds", "balanced_accuracy_score", 0.05)
        criterion, allowed = get_criterion("average_abs_odds"), rule.effective_tol
        best = best_by_exhaustion(
            curves,
            "balanced_accuracy_score",
            lambda c, fits=criterion, tol=allowed["average_abs_odds"]: fits(c) <= tol + 1e-9,
        )
        assert rule.value + rule.gap >= best - 1e-7
        smaller += rule.value < best - 1e-7
    assert smaller > 0  # there are rules that the search leaves out


def many_rows(n=6000, n_groups=3):
    rng = np.random.default_rng(0)
    score, group = rng.random(n), rng.integers(0, n_groups, n)
    y = (rng.random(n) < score * (0.5 + 0.2 * group)).astype(int)
    return ScoreCurves.from_arrays(y, score, group)


@pytest.mark.filterwarnings("error:the search was cut short")
@pytest.mark.parametrize("objective", ["accuracy_score", "f1_score"])
def test_the_gap_within_a_budget_covers_cuts_that_were_left_out(objective):
    curves = many_rows(4000, 2)
    exact = optimal_thresholds(curves, "demographic_parity", objective, 0.01)
    options = {"budget": 1.0, "time_limit": 100.0}
    thinned = optimal_thresholds(curves, "demographic_parity", objective, 0.01, **options)
    assert thinned.value < exact.value
    assert thinned.value + thinned.gap >= exact.value
    assert thinned.gap < 0.05


def test_a_ratio_that_is_cut_short_tells_how_much_better_a_rule_may_be():
    curves = many_rows()
    exact = optimal_thresholds(curves, "demographic_parity", "f1_score", 0.01)
    with pytest.warns(UserWarning, match="cut short"):
        rule = optimal_thresholds(curves, "demographic_parity", "f1_score", 0.01, time_limit=0)
    assert rule.value < exact.value <= rule.value + rule.gap
    assert rule.value + rule.gap <= 1


def test_a_search_without_a_choice_in_time_says_so():
    with pytest.raises(ValueError, match="time_limit=0 seconds"):
        optimal_thresholds(many_rows(), "equalized_odds", "f1_score", 0.001, time_limit=0)


def test_a_ratio_that_may_fall_to_zero_binds_nothing():
    y, group = [0, 0, 1, 1, 1, 1, 0, 0], list("aaaabbbb")
    curves = ScoreCurves.from_arrays(y, [0.9, 0.8, 0.1, 0.2, 0.9, 0.8, 0.3, 0.1], group)
    ratio = Criterion("tpr_ratio", (RATES["true_positive_rate"],), gap="ratio")
    free, bound = (optimal_thresholds(curves, c, "true_negative_rate", 1.0) for c in (None, ratio))
    assert bound.value == free.value


def test_a_group_that_falls_back_is_not_in_a_budget():
    y, score = [0, 1, 0, 1, 0, 0], [0.2, 0.8, 0.3, 0.7, 0.1, 0.6]
    curves = ScoreCurves.from_arrays(y, score, list("aabbcc"))
    with pytest.raises(ValueError, match=r"groups \['c'\].*not in the budget"):
        optimal_thresholds(curves, "equal_opportunity", budget=0.5, fallback="pooled")


def test_a_bound_of_a_rate_that_a_group_lacks_is_refused():
    y, score = [0, 1, 0, 1, 0, 0], [0.2, 0.8, 0.3, 0.7, 0.1, 0.6]
    curves = ScoreCurves.from_arrays(y, score, list("aabbcc"))
    bounds = {"true_positive_rate": (0.5, None)}
    with pytest.raises(ValueError, match=r"groups \['c'\] have no rows of a class"):
        optimal_thresholds(curves, None, rate_bounds=bounds)
    pooled = optimal_thresholds(curves, None, rate_bounds=bounds, fallback="pooled")
    assert pooled.labels == ("a", "b")


def test_the_best_single_cut_keeps_to_the_budget():
    y, score = [0, 0, 1, 1, 1, 1], [0.1, 0.2, 0.6, 0.7, 0.8, 0.9]
    curves = ScoreCurves.from_arrays(y, score, list("ababab"))
    assert single_threshold(curves).cells[:, [1, 3]].sum() == 4
    assert single_threshold(curves, budget=0.4).cells[:, [1, 3]].sum() == 2


def test_what_is_no_curve_is_named():
    with pytest.raises(TypeError, match=r"ScoreCurves\.from_arrays"):
        optimal_thresholds(np.zeros(3))


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("accuracy", "accuracy_score"),
        ("balanced_accuracy", "balanced_accuracy_score"),
        ("f1", "f1_score"),
        ("precision", "precision_score"),
        ("recall", "recall_score"),
        ("recall", "true_positive_rate"),
        ("precision", "positive_predictive_value"),
    ],
)
def test_objectives_have_the_names_of_scores_and_scorers(alias, name):
    a, b = (read_objective(objective, np.array([30.0, 10.0])) for objective in (alias, name))
    cells = np.array([20.0, 10, 4, 6])
    assert a(cells) == b(cells)
    assert a.name == b.name


def ranked(*groups):
    """Curves of groups given as labels in falling order of their scores."""
    y = [label for group in groups for label in group]
    score = [1 - i / 20 for group in groups for i in range(len(group))]
    names = [g for g, group in enumerate(groups) for _ in group]
    return ScoreCurves.from_arrays(y, score, names)


RECALL_AND_ALARMS = {"true_positive_rate": (0.8, None), "false_positive_rate": (None, 0.2)}


@pytest.mark.parametrize("randomized", [False, True])
def test_constraints_that_exclude_each_other_are_told_with_what_they_would_have_to_allow(
    randomized,
):
    """Of 5 positives and 5 negatives: a TPR of .8 comes with an FPR of .4, one of .6 with .2."""
    group = [1, 1, 0, 1, 0, 1, 0, 1, 0, 0]
    with pytest.raises(ValueError, match="no rule meets the constraints together") as caught:
        optimal_thresholds(
            ranked(group, group), None, rate_bounds=RECALL_AND_ALARMS, randomized=randomized
        )
    found = dict(re.findall(r"(\S+ [<>]=) (0\.\d+) instead of", str(caught.value)))
    assert float(found["true_positive_rate >="]) == pytest.approx(0.6, abs=0.002)
    assert float(found["false_positive_rate <="]) == pytest.approx(0.4, abs=0.002)
    for name, floor in (("true_positive_rate", True), ("false_positive_rate", False)):
        enough = float(found[f"{name} {'>=' if floor else '<='}"])
        relaxed = RECALL_AND_ALARMS | {name: (enough, None) if floor else (None, enough)}
        curves = ranked(group, group)
        assert optimal_thresholds(curves, None, rate_bounds=relaxed, randomized=randomized).value


def test_what_constraints_are_told_to_allow_is_enough_after_rounding():
    """Of 7 positives and 7 negatives: a TPR of 3 / 7 or, with more, an FPR of 4 / 7."""
    curves = ranked([1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0])
    bounds = {"true_positive_rate": (0.5, None), "false_positive_rate": (None, 0.2)}
    with pytest.raises(ValueError, match="one would with") as caught:
        optimal_thresholds(curves, None, rate_bounds=bounds)
    floor, ceiling = (float(x) for x in re.findall(r"= (\S+) instead of", str(caught.value)))
    assert 3 / 7 - 0.002 < floor <= 3 / 7
    assert 4 / 7 <= ceiling < 4 / 7 + 0.002


def test_of_infeasible_constraints_tolerance_and_budget_are_told_and_only_those_that_bind():
    """Groups of base rates .2 and .8, sorted perfectly: a TPR of 1 needs rates .6 apart."""
    low, high = [1] * 4 + [0] * 16, [1] * 16 + [0] * 4
    bounds = {
        "true_positive_rate": (1.0, None),
        "false_positive_rate": (None, 0.0),
        "accuracy": (0.1, None),
    }
    options = {"tol": 0.1, "rate_bounds": bounds}
    with pytest.raises(ValueError, match="together") as caught:
        optimal_thresholds(ranked(low, high), "demographic_parity", **options)
    message = str(caught.value)
    assert float(re.search(r"tol=(\S+) instead of 0.1", message)[1]) == pytest.approx(
        0.55, abs=0.01
    )
    assert "accuracy" not in message
    with pytest.raises(ValueError, match=r"budget=0\.5\S* instead of 0\.3") as caught:
        optimal_thresholds(ranked(low, high), None, budget=0.3, rate_bounds=bounds)
    assert "accuracy" not in str(caught.value)


def test_where_no_constraint_alone_is_in_the_way_all_are_named():
    bounds = {
        "true_positive_rate": (0.9, None),
        "false_positive_rate": (None, 0.1),
        "selection_rate": (0.9, None),
        "positive_predictive_value": (0.95, None),
    }
    with pytest.raises(ValueError, match=r"allow more \(tol, rate_bounds, budget\)"):
        optimal_thresholds(ranked([0, 1, 0, 1], [0, 1, 0, 1]), None, rate_bounds=bounds)


def test_of_several_criteria_the_one_that_binds_is_named():
    low, high = [1] * 4 + [0] * 16, [1] * 16 + [0] * 4
    bounds = {"true_positive_rate": (1.0, None), "false_positive_rate": (None, 0.0)}
    with pytest.raises(ValueError, match=r"tol=0\.55\d? of demographic_parity instead of 0\.1"):
        optimal_thresholds(
            ranked(low, high),
            ["demographic_parity", "equal_opportunity"],
            tol=[0.1, 0.0],
            rate_bounds=bounds,
        )


def test_an_explanation_keeps_to_the_time_limit():
    bounds = {"true_positive_rate": (1.0, None), "false_positive_rate": (None, 0.0)}
    with pytest.raises(ValueError, match="allow more"):
        optimal_thresholds(many_rows(), None, rate_bounds=bounds, time_limit=-1.0)


@pytest.mark.parametrize("randomized", [False, True])
def test_one_group_has_nothing_to_be_compared_with(randomized):
    curves = ranked([1, 1, 0, 1, 0, 0])
    with pytest.warns(UserWarning, match=r"one group only, \[0\].*'equalized_odds'.*bind nothing"):
        rule = optimal_thresholds(curves, "equalized_odds", tol=0.0, randomized=randomized)
    free = optimal_thresholds(curves, None, randomized=randomized)
    assert rule.value == free.value == pytest.approx(5 / 6)
