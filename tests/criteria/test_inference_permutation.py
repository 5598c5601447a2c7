from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.stats import fisher_exact, hypergeom, multivariate_hypergeom, norm
from scipy.stats import t as student
from sklearn.exceptions import UndefinedMetricWarning

from skfair.criteria import CRITERIA, RATES, Criterion
from skfair.criteria._limits import CellSums, effective_size
from skfair.criteria._permutation import disparity_test
from skfair.tally import Tally

R = 20_000


def tally_of(cells, weight=1.0):
    """Tally of counted (tn, fp, fn, tp) by group, each row with this weight."""
    count = np.array(cells, dtype=np.int64).reshape(-1, 2, 2)
    w = np.asarray(weight, dtype=float)
    return Tally(
        tuple("abcdefghijkl")[: len(count)], ("g",), (0, 1), count * w, count * w**2, count
    )


def assert_near(found, exact, n_resamples=R):
    error = np.sqrt(exact * (1 - exact) / n_resamples)
    assert found.pvalue == pytest.approx(exact, abs=4 * error + 1 / n_resamples)
    assert not found.approximate


def test_two_groups_of_one_size_agree_with_fisher():
    # groups of one size: the likelier of two tables is the one with the smaller gap
    for a, b in ((3, 9), (6, 8), (0, 4)):
        table = [[20 - a, a], [20 - b, b]]
        found = disparity_test(
            tally_of([[0, 0, *table[0]], [0, 0, *table[1]]]), "equal_opportunity", n_resamples=R
        )
        assert_near(found, fisher_exact(table).pvalue)


def exact_gap_pvalue(k, n):
    """All tables with these margins, ordered by the gap."""
    x = np.arange(max(0, sum(k) - n[1]), min(n[0], sum(k)) + 1)
    gaps = np.abs(x / n[0] - (sum(k) - x) / n[1])
    extreme = gaps >= abs(k[0] / n[0] - k[1] / n[1]) - 1e-12
    return hypergeom.pmf(x, sum(n), sum(k), n[0])[extreme].sum()


@pytest.mark.parametrize(("k", "n"), [((1, 20), (8, 40)), ((5, 3), (9, 30)), ((2, 30), (7, 60))])
@pytest.mark.parametrize("rate", ["true_positive_rate", "positive_predictive_value"])
def test_two_groups_of_any_size_are_ordered_by_their_gap(rate, k, n):
    # the rows outside the denominator, which differ wildly, don't matter
    if rate == "true_positive_rate":
        cells = [[50, 1, n[0] - k[0], k[0]], [3, 40, n[1] - k[1], k[1]]]
    else:
        cells = [[50, n[0] - k[0], 1, k[0]], [3, n[1] - k[1], 40, k[1]]]
    assert_near(disparity_test(tally_of(cells), rate, n_resamples=R), exact_gap_pvalue(k, n))


def test_three_groups_exactly():
    k, n = np.array([1, 6, 5]), np.array([4, 10, 7])

    def largest(x):
        p, rest = x.sum() / n.sum(), n.sum() - n
        difference = x / n - (x.sum() - x) / rest
        return (np.abs(difference) / np.sqrt(p * (1 - p) * (1 / n + 1 / rest))).max()

    tables = [
        np.array([a, b, k.sum() - a - b])
        for a, b in product(range(n[0] + 1), range(n[1] + 1))
        if 0 <= k.sum() - a - b <= n[2]
    ]
    weights = multivariate_hypergeom.pmf(tables, n, k.sum())
    extreme = [largest(x) >= largest(k) - 1e-12 for x in tables]
    found = disparity_test(
        tally_of([[0, m - x, 0, x] for x, m in zip(k, n, strict=True)]),
        "positive_predictive_value",
        n_resamples=R,
    )
    assert found.statistic == pytest.approx(largest(k))
    assert_near(found, weights[extreme].sum())


def studentised(k, n, total, size):
    p = total / size
    return abs(k - n * p) / np.sqrt(n * (size - n) / size * p * (1 - p))


def test_equalized_odds_permute_within_each_label():
    tp, pos, fp, neg = (3, 9), (10, 12), (7, 4), (15, 20)
    observed = max(
        studentised(tp[0], pos[0], sum(tp), sum(pos)), studentised(fp[0], neg[0], sum(fp), sum(neg))
    )
    exact = 0.0
    for x, y in product(range(11), range(16)):
        largest = max(
            studentised(x, pos[0], sum(tp), sum(pos)), studentised(y, neg[0], sum(fp), sum(neg))
        )
        if largest >= observed - 1e-12:
            exact += hypergeom.pmf(x, sum(pos), sum(tp), pos[0]) * hypergeom.pmf(
                y, sum(neg), sum(fp), neg[0]
            )
    cells = [[neg[g] - fp[g], fp[g], pos[g] - tp[g], tp[g]] for g in (0, 1)]
    for name in ("equalized_odds", "average_odds", "average_abs_odds"):
        found = disparity_test(tally_of(cells), name, n_resamples=R)
        assert found.statistic == pytest.approx(observed)
        assert_near(found, exact)


def rows_of(tables):
    """Group, level and decision of each row, of {(group, level): (refused, selected)}."""
    rows = [
        (group, level, decision)
        for (group, level), counts in tables.items()
        for decision, count in enumerate(counts)
        for _ in range(count)
    ]
    return [np.array(column) for column in zip(*rows, strict=True)]


SIMPSON = {  # women apply to the harder department; within each there is no difference
    ("f", "hard"): (72, 8),
    ("m", "hard"): (18, 2),
    ("f", "easy"): (10, 10),
    ("m", "easy"): (40, 40),
}


def test_control_features_remove_what_they_explain():
    group, level, decision = rows_of(SIMPSON)
    tally = Tally.from_arrays(decision, decision, {"sex": group, "dept": level})
    both = Tally.from_arrays(decision, decision, {"sex": group})
    assert disparity_test(both, "demographic_parity").pvalue < 0.001
    found = disparity_test(tally, "demographic_parity", control_features="dept")
    assert (found.statistic, found.pvalue) == (pytest.approx(0, abs=1e-9), 1.0)


def test_control_features_exactly():
    tables = {("f", 0): (7, 3), ("m", 0): (4, 8), ("f", 1): (9, 1), ("m", 1): (3, 3)}
    group, level, decision = rows_of(tables)
    strata = [(10, 12, 11), (10, 6, 4)]  # women, men, selected

    def statistic(x):
        score, variance = 0.0, 0.0
        for chosen, (n, m, k) in zip(x, strata, strict=True):
            score += chosen - n * k / (n + m)
            variance += n * m / (n + m) * (k / (n + m)) * (1 - k / (n + m))
        return abs(score) / np.sqrt(variance)

    exact = sum(
        np.prod([hypergeom.pmf(c, n + m, k, n) for c, (n, m, k) in zip(x, strata, strict=True)])
        for x in product(range(11), range(5))
        if statistic(x) >= statistic((3, 1)) - 1e-12
    )
    tally = Tally.from_arrays(decision, decision, {"sex": group, "dept": level})
    found = disparity_test(tally, "selection_rate", control_features=["dept"], n_resamples=R)
    assert found.statistic == pytest.approx(statistic((3, 1)))
    assert_near(found, exact)
    turned = Tally.from_arrays(decision, decision, {"dept": level, "sex": group})
    again = disparity_test(turned, "selection_rate", control_features="dept", n_resamples=R)
    assert again.pvalue == pytest.approx(found.pvalue, abs=0.02)


def test_levels_may_lack_groups():
    tables = {("f", 0): (7, 3), ("m", 0): (4, 8), ("f", 1): (9, 1), ("x", 2): (2, 3)}
    group, level, decision = rows_of(tables)
    tally = Tally.from_arrays(decision, decision, {"sex": group, "dept": level})
    with pytest.warns(UndefinedMetricWarning, match=r"compare with: selection_rate.*\['x'\]$"):
        found = disparity_test(tally, "selection_rate", control_features="dept", n_resamples=R)
    assert_near(found, exact_gap_pvalue((3, 8), (10, 12)))  # only level 0 compares anything


def test_groups_that_no_level_brings_together_have_no_p_value():
    group, level, decision = rows_of({("f", 0): (7, 3), ("m", 1): (0, 12)})
    tally = Tally.from_arrays(decision, decision, {"sex": group, "dept": level})
    with pytest.warns(UndefinedMetricWarning, match="the result is NaN"):
        found = disparity_test(tally, "selection_rate", control_features="dept", n_resamples=R)
    assert np.isnan(found.pvalue)
    assert np.isnan(found.statistic)


def test_several_features_may_be_left_beside_the_control():
    rng = np.random.default_rng(0)
    columns = {name: rng.integers(2, size=400) for name in ("sex", "dept", "race")}
    y = rng.integers(2, size=400)
    crossed = [f"{s}{r}" for s, r in zip(columns["sex"], columns["race"], strict=True)]
    a = Tally.from_arrays(y, y, columns)
    b = Tally.from_arrays(y, y, {"group": crossed, "dept": columns["dept"]})
    found = [disparity_test(tally, "selection_rate", control_features="dept") for tally in (a, b)]
    assert found[0].statistic == pytest.approx(found[1].statistic)
    assert found[0].pvalue == pytest.approx(found[1].pvalue, abs=0.02)


def test_unknown_and_only_control_features_are_refused():
    tally = tally_of([[5, 5, 2, 8], [5, 5, 8, 2]])
    with pytest.raises(ValueError, match=r"no sensitive feature of the tally is named \['x'\]"):
        disparity_test(tally, "selection_rate", control_features="x")
    with pytest.raises(ValueError, match="all features of the tally are control features"):
        disparity_test(tally, "selection_rate", control_features=["g"])


def test_permuted_rows_give_the_same_p_value():
    rng = np.random.default_rng(1)
    group = rng.choice(3, size=90, p=[0.2, 0.3, 0.5])
    y_true, y_pred = rng.integers(2, size=(2, 90))
    y_pred[(group == 0) & (y_true == 1)] = 1

    def largest(groups):
        cells = Tally.from_arrays(y_true, y_pred, groups).cells()
        k, n = cells[:, 3], cells[:, 2] + cells[:, 3]
        return studentised(k, n, k.sum(), n.sum()).max()

    positives = np.flatnonzero(y_true)
    drawn = []
    for _ in range(1500):
        shuffled = group.copy()
        shuffled[positives] = rng.permutation(group[positives])
        drawn.append(largest(shuffled))
    by_rows = (1 + np.sum(np.array(drawn) >= largest(group) - 1e-9)) / 1501
    found = disparity_test(Tally.from_arrays(y_true, y_pred, group), "equal_opportunity")
    assert found.statistic == pytest.approx(largest(group))
    error = np.sqrt(by_rows * (1 - by_rows) / 1500)
    assert found.pvalue == pytest.approx(by_rows, abs=4 * error + 0.003)


def test_a_seed_fixes_the_p_value():
    tally = tally_of([[15, 5, 12, 18], [15, 5, 18, 12]])
    first = disparity_test(tally, "equalized_odds", n_resamples=500)
    assert disparity_test(tally, "equalized_odds", n_resamples=500) == first
    assert disparity_test(tally, "equalized_odds", n_resamples=500, random_state=0) == first
    others = {
        disparity_test(tally, "equalized_odds", n_resamples=500, random_state=seed).pvalue
        for seed in range(5)
    }
    assert len(others) > 1
    states = [np.random.RandomState(3) for _ in range(2)]
    found = [disparity_test(tally, "equalized_odds", random_state=s).pvalue for s in states]
    assert found[0] == found[1]


def test_the_smallest_p_value_is_that_of_the_data_alone():
    tally = tally_of([[0, 0, 0, 500], [0, 0, 500, 0]])
    assert disparity_test(tally, "equal_opportunity", n_resamples=99).pvalue == 0.01
    with pytest.raises(ValueError, match="n_resamples must be at least 1"):
        disparity_test(tally, "equal_opportunity", n_resamples=0)


@pytest.mark.parametrize("cells", [[[5, 0, 5, 0], [9, 0, 2, 0]], [[0, 5, 0, 5], [0, 9, 0, 2]]])
@pytest.mark.parametrize("weight", [1.0, [[[1.0, 2.0], [3.0, 4.0]], [[2.0, 2.0], [1.0, 1.0]]]])
def test_no_variation_is_no_evidence(cells, weight):
    found = disparity_test(tally_of(cells, weight=weight), "equalized_odds")
    assert (found.statistic, found.pvalue) == (0, 1)


def test_equal_weights_are_counts():
    cells = [[15, 5, 12, 18], [15, 5, 18, 12], [9, 9, 9, 9]]
    plain = disparity_test(tally_of(cells), "equalized_odds")
    assert disparity_test(tally_of(cells, weight=0.1), "equalized_odds") == plain
    assert not plain.approximate


def test_weights_make_it_approximate():
    cells = np.array([[15, 5, 12, 18], [15, 5, 18, 12]])
    found = disparity_test(tally_of(cells, weight=[[[1.0]], [[2.0]]]), "selection_rate")
    assert found.approximate
    # the groups' rates are 23 / 50 and 17 / 50, pooled with weights 1 and 2
    p = (23 + 2 * 17) / 150
    z = (23 - 17) / 50 / np.sqrt(p * (1 - p) * 2 / 50)
    assert found.statistic == pytest.approx(z)
    assert found.pvalue == pytest.approx(2 * norm.sf(z))


def test_the_approximation_is_the_limit_of_the_permutation():
    cells = np.array([[300, 100, 220, 260], [310, 120, 240, 230], [200, 90, 160, 150]])
    exact = disparity_test(tally_of(cells), "selection_rate", n_resamples=R)
    barely = np.ones((3, 1, 1)) + np.array([0, 1e-6, 2e-6])[:, None, None]
    near = disparity_test(tally_of(cells, weight=barely), "selection_rate")
    assert near.approximate
    assert near.statistic == pytest.approx(exact.statistic, rel=1e-4)
    assert exact.pvalue - 0.02 < near.pvalue < exact.pvalue + 0.1  # Sidak errs upwards


def test_sidaks_level_counts_groups_and_rates():
    cells = np.array([[30, 10, 22, 26], [31, 12, 24, 23], [20, 9, 16, 15]])
    barely = 1 + 1e-6 * np.arange(12).reshape(3, 2, 2)
    one, two = (
        disparity_test(tally_of(cells, weight=barely), name)
        for name in ("true_positive_rate", "equalized_odds")
    )
    assert one.pvalue == pytest.approx(1 - (1 - 2 * norm.sf(one.statistic)) ** 3, rel=1e-3)
    assert two.pvalue == pytest.approx(1 - (1 - 2 * norm.sf(two.statistic)) ** 6, rel=1e-3)


def test_uneven_weights_take_students_distribution():
    rng = np.random.default_rng(4)
    n = 60
    group, y = rng.integers(2, size=(2, n))
    w = rng.lognormal(0, 1, size=n)
    tally = Tally.from_arrays(y, y, group, sample_weight=w)
    found = disparity_test(tally, "selection_rate")
    rate = RATES["selection_rate"]
    size, freedom = effective_size(rate, CellSums.of(tally, [rate]))
    a, b = rate(tally.cells())
    p = np.average(y, weights=w)
    parts = p * (1 - p) / size
    statistic = abs(a - b) / np.sqrt(parts.sum())
    welch = parts.sum() ** 2 / (parts**2 / freedom).sum()  # Welch and Satterthwaite
    assert found.statistic == pytest.approx(statistic)
    assert found.pvalue == pytest.approx(2 * student.sf(statistic, welch))
    assert abs(found.pvalue - 2 * norm.sf(statistic)) > 1e-4


def test_weighted_levels_have_their_own_pooled_rates():
    rng = np.random.default_rng(5)
    n = 400
    group, level = rng.integers(2, size=(2, n))
    y = (rng.random(n) < np.where(level == 0, 0.1, 0.7)).astype(int)
    w = 1 + level.astype(float)
    columns = {"sex": group, "dept": level}
    tally = Tally.from_arrays(y, y, columns, sample_weight=w)
    found = disparity_test(tally, "selection_rate", control_features="dept")
    plain = disparity_test(
        Tally.from_arrays(y, y, columns), "selection_rate", control_features="dept", n_resamples=R
    )
    # weights are constant within levels: the same rates and sizes
    assert found.approximate
    assert found.statistic == pytest.approx(plain.statistic)
    assert found.pvalue == pytest.approx(plain.pvalue, abs=0.05)


def test_weighted_control_features_remove_what_they_explain():
    group, level, decision = rows_of(SIMPSON)
    w = np.where(level == "hard", 1.0, 2.0)
    columns = {"sex": group, "dept": level}
    tally = Tally.from_arrays(decision, decision, columns, sample_weight=w)
    found = disparity_test(tally, "demographic_parity", control_features="dept")
    assert found.approximate
    assert (found.statistic, found.pvalue) == (pytest.approx(0, abs=1e-9), pytest.approx(1))
    plain = Tally.from_arrays(decision, decision, {"sex": group}, sample_weight=w)
    assert disparity_test(plain, "demographic_parity").pvalue < 0.01


@pytest.mark.parametrize(
    "criterion",
    [
        "f1_score",
        Criterion("shared", (RATES["true_positive_rate"], RATES["accuracy"])),
    ],
)
def test_what_cannot_be_permuted_is_approximate(criterion):
    found = disparity_test(tally_of([[40, 10, 20, 30], [45, 15, 28, 22]]), criterion)
    assert found.approximate
    assert 0 < found.pvalue < 1


def test_more_rows_than_can_be_drawn_are_approximate():
    cells = np.array([[4, 1, 2, 3], [4, 1, 2, 3]]) * 10**8
    found = disparity_test(tally_of(cells), "demographic_parity")
    assert found.approximate
    assert found.pvalue == 1


@pytest.mark.parametrize("name", CRITERIA)
def test_gaps_and_combinations_do_not_matter(name):
    found = disparity_test(tally_of([[40, 10, 20, 30], [45, 15, 28, 22]]), name, n_resamples=99)
    assert 0 < found.pvalue <= 1
    assert not found.approximate


def test_undefined_groups_are_left_out():
    cells = [[5, 5, 2, 18], [5, 5, 0, 0], [5, 5, 14, 6]]
    for weight in (1.0, [[[1.0]], [[1.0]], [[2.0]]]):
        three = tally_of(cells, weight=weight)
        with pytest.warns(UndefinedMetricWarning, match="true_positive_rate.*'b'"):
            found = disparity_test(three, "equal_opportunity")
        alone = disparity_test(three.drop_groups(["b"]), "equal_opportunity")
        assert found.statistic == pytest.approx(alone.statistic)
        assert found.pvalue == pytest.approx(alone.pvalue, abs=0.01)


def test_one_group_or_none_that_is_large_is_nan():
    with pytest.warns(UndefinedMetricWarning, match="fewer than two groups"):
        found = disparity_test(tally_of([[5, 5, 2, 18]]), "equal_opportunity")
    assert np.isnan([found.statistic, found.pvalue]).all()
    with pytest.warns(UndefinedMetricWarning, match="fewer than two groups"):
        found = disparity_test(
            tally_of([[5, 5, 2, 18]] * 2), "equal_opportunity", min_group_size=99
        )
    assert np.isnan(found.pvalue)


def test_small_groups_are_left_out_over_all_levels():
    group, level, decision = rows_of({**SIMPSON, ("x", "hard"): (0, 3), ("x", "easy"): (4, 0)})
    tally = Tally.from_arrays(decision, decision, {"sex": group, "dept": level})
    options = {"control_features": "dept", "n_resamples": 99}
    with pytest.warns(UndefinedMetricWarning, match=r"fewer than 8 rows are left out: \['x'\]"):
        found = disparity_test(tally, "demographic_parity", min_group_size=8, **options)
    assert found.statistic == pytest.approx(0, abs=1e-9)
    assert disparity_test(tally, "demographic_parity", min_group_size=7, **options).statistic > 0.5


def test_an_empty_group_costs_nothing():
    tally = tally_of([[5, 5, 2, 18], [5, 5, 14, 6]])
    wider = tally + replace(tally_of([[0, 0, 0, 0]]), labels=("c",))
    with pytest.warns(UndefinedMetricWarning, match="'c'"):
        found = disparity_test(wider, "equal_opportunity")
    assert found.statistic == disparity_test(tally, "equal_opportunity").statistic


def test_neither_gap_nor_combination_matters():
    # no group has both rates, so that the mean of both is defined nowhere
    tally = tally_of([[0, 0, 5, 20], [10, 10, 10, 10], [3, 20, 0, 0]])
    with pytest.warns(UndefinedMetricWarning, match="left out"):
        expected = disparity_test(tally, "equalized_odds")
    assert expected.pvalue == pytest.approx(0.027, abs=0.01)
    for name in ("average_odds", "average_abs_odds"):
        with pytest.warns(UndefinedMetricWarning, match="left out") as caught:
            assert disparity_test(tally, name) == expected
        assert "NaN" not in str(caught[0].message)


def test_a_mask_of_weights_keeps_the_test_exact():
    rng = np.random.default_rng(0)
    y_pred, group, kept = rng.integers(2, size=(3, 200))
    masked = Tally.from_arrays([1] * 200, y_pred, group, sample_weight=kept)
    rows = kept == 1
    alone = Tally.from_arrays([1] * rows.sum(), y_pred[rows], group[rows])
    found = disparity_test(masked, "true_positive_rate")
    assert found == disparity_test(alone, "true_positive_rate")
    assert not found.approximate


def test_approximate_pvalues_are_never_0():
    cells = np.array([[0, 0, 9800, 200], [0, 0, 200, 9800]])
    weight = np.array([[[1.0, 1], [1, 2]], [[1, 1], [2, 1]]])
    found = disparity_test(tally_of(cells, weight), "true_positive_rate")
    assert found.approximate
    assert 0 < found.pvalue < 1e-100


@pytest.mark.parametrize("control", [np.array(["x", "y"] * 10), [0, 1], 3])
def test_control_features_of_a_tally_are_names(control):
    with pytest.raises(ValueError, match=r"names of its features, \('g',\)"):
        disparity_test(tally_of([[5, 5, 2, 8]] * 2), "accuracy", control_features=control)
