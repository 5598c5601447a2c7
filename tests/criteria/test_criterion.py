from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from skfair.criteria import CRITERIA, RATES, Criterion, get_criterion, parse_metric

REPRODUCIBLE = settings(max_examples=60)
NAN = float("nan")

# tn, fp, fn, tp of three groups: 20, 20 and 10 rows
CELLS = [[8, 2, 6, 4], [12, 4, 1, 3], [3, 1, 0, 6]]

# Group rates: selection 3/10 7/20 7/10 (whole: two groups 13/40, three 2/5);
# TPR 2/5 3/4 1 (1/2, 13/20); FPR 1/5 1/4 1/4 (3/13, 7/30); PPV 2/3 3/7 6/7 (7/13, 13/20);
# accuracy 3/5 3/4 9/10 (27/40, 18/25); (TPR + FPR) / 2: 3/10 1/2 5/8 (19/52, 53/120)
BY_HAND = {
    # criterion: two groups, three groups, each: difference and ratio between groups, to the whole
    "demographic_parity": (("1/20", "6/7", "1/40", "12/13"), ("2/5", "3/7", "3/10", "4/7")),
    "disparate_impact": (("1/20", "6/7", "1/40", "12/13"), ("2/5", "3/7", "3/10", "4/7")),
    "equal_opportunity": (("7/20", "8/15", "1/4", "2/3"), ("3/5", "2/5", "7/20", "8/13")),
    "predictive_equality": (("1/20", "4/5", "2/65", "13/15"), ("1/20", "4/5", "1/30", "6/7")),
    "equalized_odds": (("7/20", "8/15", "1/4", "2/3"), ("3/5", "2/5", "7/20", "8/13")),
    "average_odds": (("1/5", "3/5", "7/52", "19/26"), ("13/40", "12/25", "11/60", "36/53")),
    "average_abs_odds": (("1/5", "2/3", "73/520", "23/30"), ("13/40", "3/5", "23/120", "67/91")),
    "predictive_parity": (("5/21", "9/14", "5/39", "39/49"), ("3/7", "1/2", "31/140", "60/91")),
    "accuracy_parity": (("3/20", "4/5", "3/40", "8/9"), ("3/10", "2/3", "9/50", "4/5")),
}
OPTIONS = [
    ("difference", "between_groups"),
    ("ratio", "between_groups"),
    ("difference", "to_overall"),
    ("ratio", "to_overall"),
]
WORKED = [
    pytest.param(name, n_groups, *option, values[k], id=f"{name}-{n_groups}-{'-'.join(option)}")
    for name, tables in BY_HAND.items()
    for n_groups, values in zip((2, 3), tables, strict=True)
    for k, option in enumerate(OPTIONS)
]
COUNTS = hnp.arrays(
    np.float64, st.tuples(st.integers(2, 5), st.just(4)), elements=st.integers(0, 6).map(float)
)

criteria = pytest.mark.parametrize("name", CRITERIA)
options = pytest.mark.parametrize(("gap", "method"), OPTIONS)


def random_cells(shape, seed=0):
    """Cells with groups that have no positives, no negatives, no rows or are never selected."""
    rng = np.random.default_rng(seed)
    cells = rng.integers(0, 5, size=(*shape, 4)) * 0.3
    for lost in ([2, 3], [0, 1], [1, 3], [0, 1, 2, 3]):
        cells[np.ix_(*([range(s) for s in shape]), lost)] *= (rng.random(shape) > 0.15)[..., None]
    return cells


def test_the_table_here_knows_every_criterion():
    assert set(BY_HAND) == set(CRITERIA)
    assert all(criterion.name == name for name, criterion in CRITERIA.items())


@pytest.mark.parametrize(("name", "n_groups", "gap", "method", "expected"), WORKED)
def test_criteria_by_hand(name, n_groups, gap, method, expected, make):
    found = CRITERIA[name](make(CELLS[:n_groups]), gap=gap, method=method)
    assert_allclose(float(found), float(Fraction(expected)), rtol=1e-14)


@criteria
def test_disparate_impact_is_a_ratio_and_the_others_are_differences(name):
    default = float(CRITERIA[name](CELLS))
    expected = BY_HAND[name][1][1 if name == "disparate_impact" else 0]
    assert default == pytest.approx(float(Fraction(expected)), rel=1e-14)


@pytest.mark.parametrize(
    ("name", "combination", "gap", "expected"),
    [
        ("equalized_odds", "mean", "difference", "1/5"),
        ("equalized_odds", "mean", "ratio", "2/3"),
        ("average_abs_odds", "worst_case", "difference", "7/20"),
        ("average_abs_odds", "worst_case", "ratio", "8/15"),
        ("average_odds", "worst_case", "difference", "1/5"),
        ("demographic_parity", "mean", "difference", "1/20"),
    ],
)
def test_the_combination_may_be_chosen(name, combination, gap, expected, make):
    found = CRITERIA[name](make(CELLS[:2]), combination=combination, gap=gap)
    assert_allclose(float(found), float(Fraction(expected)), rtol=1e-14)


def test_opposite_gaps_cancel_in_average_odds_only(make):
    cells = make([[8, 2, 2, 8], [6, 4, 4, 6]])  # TPR 0.8 and 0.6, FPR 0.2 and 0.4
    assert_allclose(float(CRITERIA["average_odds"](cells)), 0.0, atol=1e-15)
    assert_allclose(float(CRITERIA["average_abs_odds"](cells)), 0.2, rtol=1e-14)
    assert_allclose(float(CRITERIA["equalized_odds"](cells)), 0.2, rtol=1e-14)


def test_equalized_odds_leaves_a_group_without_positives_out_of_the_true_positive_gap(make):
    cells = make([[8, 2, 5, 5], [5, 5, 0, 0], [9, 1, 4, 6]])
    # TPR 1/2, -, 3/5; FPR 1/5, 1/2, 1/10
    assert_allclose(float(CRITERIA["equal_opportunity"](cells)), 0.1, rtol=1e-14)
    assert_allclose(float(CRITERIA["equalized_odds"](cells)), 0.4, rtol=1e-14)
    assert_allclose(float(CRITERIA["average_abs_odds"](cells)), 0.25, rtol=1e-14)
    assert_allclose(float(CRITERIA["average_odds"](cells)), 0.0, atol=1e-15)  # 0.35, -, 0.35


@options
def test_fewer_than_two_groups_with_a_rate_are_nan(make, gap, method):
    one_with_positives = make([[8, 2, 5, 5], [5, 5, 0, 0]])
    for name in ("equal_opportunity", "equalized_odds", "average_odds", "average_abs_odds"):
        assert np.isnan(float(CRITERIA[name](one_with_positives, gap=gap, method=method)))
    assert np.isnan(float(CRITERIA["demographic_parity"](make([CELLS[0]]), gap=gap, method=method)))


def test_cells_of_the_whole_may_be_given(make):
    cells, whole = make(CELLS[:2]), make(np.sum(CELLS, axis=0))
    found = CRITERIA["demographic_parity"](cells, method="to_overall", overall_cells=whole)
    assert_allclose(float(found), 0.1, rtol=1e-14)  # 3/10 and 7/20 against 2/5


@criteria
@options
def test_leading_axes_are_a_batch(make, name, gap, method):
    cells = random_cells((40, 4))
    cells[:3, 1:] = 0
    expected = [float(CRITERIA[name](one, gap=gap, method=method)) for one in cells]
    assert 0 < np.isnan(expected).sum() < 40
    found = CRITERIA[name](make(cells), gap=gap, method=method)
    assert_allclose(np.asarray(found), expected, rtol=1e-12, atol=1e-15)
    nested = CRITERIA[name](make(cells.reshape(2, 20, 4, 4)), gap=gap, method=method)
    assert_array_equal(np.asarray(nested).ravel(), np.asarray(found))


@criteria
@options
def test_numpy_and_torch_agree(name, gap, method):
    torch = pytest.importorskip("torch")
    cells = random_cells((60, 5), seed=1)
    expected = CRITERIA[name](cells, gap=gap, method=method)
    found = CRITERIA[name](torch.as_tensor(cells), gap=gap, method=method).numpy()
    assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    rates = CRITERIA[name].group_rates(torch.as_tensor(cells)).numpy()
    assert_allclose(rates, CRITERIA[name].group_rates(cells), rtol=1e-12)
    assert np.isnan(rates).any() == (not np.isnan(cells.sum()))


@criteria
@REPRODUCIBLE
@given(COUNTS, st.randoms(use_true_random=False), st.sampled_from(OPTIONS))
def test_criteria_ignore_the_order_of_groups_and_the_scale_of_weights(name, cells, random, option):
    gap, method = option
    criterion = CRITERIA[name]
    value = float(criterion(cells, gap=gap, method=method))
    order = list(range(len(cells)))
    random.shuffle(order)
    assert_allclose(criterion(cells[order], gap=gap, method=method), value, rtol=1e-12, atol=1e-15)
    assert_array_equal(criterion(8 * cells, gap=gap, method=method), value)
    assert np.isnan(value) or 0 <= value <= 1 + 1e-12


@criteria
@REPRODUCIBLE
@given(COUNTS)
def test_equal_groups_are_fair(name, cells):
    twins = np.stack([cells[0], 4 * cells[0]])
    difference = float(CRITERIA[name](twins, gap="difference"))
    assert np.isnan(difference) or difference == pytest.approx(0, abs=1e-15)
    ratio = float(CRITERIA[name](twins, gap="ratio"))
    assert np.isnan(ratio) or ratio == pytest.approx(1, rel=1e-14)


@criteria
def test_linear_criteria_are_those_of_linear_rates(name):
    assert CRITERIA[name].is_linear == (name != "predictive_parity")
    needs_labels = name not in ("demographic_parity", "disparate_impact")
    assert CRITERIA[name].needs_labels == needs_labels


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"gap": "quotient"}, 'gap must be "difference" or "ratio", got \'quotient\''),
        ({"method": "pairs"}, 'method must be "between_groups" or "to_overall"'),
        ({"combination": "sum"}, 'combination must be "worst_case" or "mean", got \'sum\''),
        ({"combination": "mean_rate"}, 'combination must be "worst_case" or "mean"'),
    ],
)
def test_unknown_options_are_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        CRITERIA["equalized_odds"](CELLS, **changed)


# names


def test_a_criterion_passes_through_and_a_rate_stands_for_its_equality():
    own = Criterion("f1_parity", (RATES["f1_score"],))
    assert get_criterion(own) is own
    assert get_criterion("equalized_odds") is CRITERIA["equalized_odds"]
    parity = get_criterion("f1_score")
    assert parity.rates == (RATES["f1_score"],)
    assert float(parity(CELLS[:2])) == pytest.approx(6 / 11 - 1 / 2, rel=1e-14)


@pytest.mark.parametrize("name", ["equalised_odds", "demographic_parity_difference", ""])
def test_an_unknown_criterion_lists_those_there_are(name):
    with pytest.raises(
        ValueError, match=rf"'{name}'.*; there are \['demographic_parity', .*'f1_score'\]"
    ):
        get_criterion(name)


@pytest.mark.parametrize(
    ("metric", "name", "gap"),
    [
        ("demographic_parity_difference", "demographic_parity", "difference"),
        ("equalized_odds_ratio", "equalized_odds", "ratio"),
        ("disparate_impact", "disparate_impact", "ratio"),
        ("disparate_impact_difference", "disparate_impact", "difference"),
        ("false_positive_rate_ratio", "false_positive_rate", "ratio"),
    ],
)
def test_a_metric_is_a_criterion_and_a_gap(metric, name, gap):
    criterion, found = parse_metric(metric)
    assert (criterion.name, found) == (name, gap)


@pytest.mark.parametrize("metric", ["demographic_parity", "accuracy", "difference", "parity"])
def test_a_metric_without_a_gap_is_refused(metric):
    with pytest.raises(ValueError, match=f"no fairness metric is named {metric!r}: it is"):
        parse_metric(metric)


@pytest.mark.parametrize("metric", ["parity_difference", "equalised_odds_ratio", "_difference"])
def test_a_metric_of_an_unknown_criterion_is_refused(metric):
    with pytest.raises(ValueError, match="no criterion is named"):
        parse_metric(metric)


@pytest.mark.parametrize(
    ("call", "name", "hint"),
    [
        (get_criterion, "equalized_odds_difference", "equalized_odds"),
        (parse_metric, "demographic_parity", "demographic_parity_difference"),
        (parse_metric, "demografic_parity_ratio", "demographic_parity"),
    ],
)
def test_a_near_miss_is_answered_with_the_right_name(call, name, hint):
    with pytest.raises(ValueError, match=f"did you mean '{hint}'"):
        call(name)
