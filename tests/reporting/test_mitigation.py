from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from skfair.criteria import Limits, group_intervals
from skfair.groups import Groups
from skfair.reporting import FairnessReport
from skfair.reporting._auditing import audit_predictions
from skfair.reporting._change import change_limits, correlations, paired_cells
from skfair.tally import Tally

report_of = FairnessReport.from_predictions


def draw(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m"], n)
    y = rng.integers(0, 2, n)
    luck = rng.random(n)
    before = (luck < np.where(sex == "f", 0.3, 0.6)).astype(int)
    after = (luck < 0.45).astype(int)
    return y, before, after, sex


def change(report, name, by=0):
    lines = report.to_dict()["mitigation"]["criteria"][by]["criteria"]
    return next(line for line in lines if line["criterion"] == name)


def group_change(report, name, group):
    (rate,) = (r for r in report.to_dict()["mitigation"]["groups"][0]["rates"] if r["rate"] == name)
    return next(line for line in rate["groups"] if line["group"] == [group])


def test_change_of_two_figures_by_hand():
    b, a, rho = Limits(0.5, 0.36, 0.64), Limits(0.7, 0.56, 0.81), 0.3
    found = change_limits(b, a, rho)
    down = (0.14**2 + 0.14**2 - 2 * rho * 0.14 * 0.14) ** 0.5
    up = (0.11**2 + 0.14**2 - 2 * rho * 0.11 * 0.14) ** 0.5
    assert found == pytest.approx((0.2, 0.2 - down, 0.2 + up))


def test_the_change_lies_in_its_interval_and_turns_with_its_sides():
    rng = np.random.default_rng(0)
    low, value, high = np.sort(rng.random((3, 2, 500)), axis=0)
    one, two = (Limits(value[i], low[i], high[i]) for i in (0, 1))
    rho = rng.uniform(-1, 1, 500)
    found, back = change_limits(one, two, rho), change_limits(two, one, rho)
    assert (found.low <= found.value).all()
    assert (found.value <= found.high).all()
    assert np.allclose(back, (-found.value, -found.high, -found.low))
    apart = change_limits(one, two, -1.0)
    assert np.allclose(apart.low, two.low - one.high)
    assert np.allclose(apart.high, two.high - one.low)


def test_gaps_that_may_be_biased_get_the_ends_against_each_other():
    rng = np.random.default_rng(0)
    race = rng.choice(list("abc"), 3000)
    y, pred = rng.integers(0, 2, (2, 3000))
    other = np.where(rng.random(3000) < 0.9, pred, 1 - pred)
    report = report_of(y, other, sensitive_features={"race": race}, baseline=pred)
    line = change(report, "demographic_parity")
    ends = (
        line["after"]["low"] - line["before"]["high"],
        line["after"]["high"] - line["before"]["low"],
    )
    assert (line["change"]["low"], line["change"]["high"]) == pytest.approx(ends, abs=1e-5)


def test_a_difference_of_two_groups_that_is_known_gets_the_paired_interval():
    y, before, after, sex = draw()
    after = np.where(np.arange(2000) % 20 == 0, after, before)  # still a gap, and nearly the same
    report = report_of(y, after, sensitive_features={"sex": sex}, baseline=before)
    line = change(report, "demographic_parity")
    assert line["after"]["low"] > 0
    width = line["change"]["high"] - line["change"]["low"]
    assert width < 0.6 * (line["before"]["high"] - line["before"]["low"])


def test_the_correlation_of_resampled_rates_is_that_of_the_rows():
    y, before, after, sex = draw(4000)
    sides = [audit_predictions(y, p, Groups.read(sex)) for p in (before, after)]
    (cells,) = paired_cells(*sides, 0)
    assert cells.before.shape == (500, 2, 4)
    assert np.array_equal(cells.before.sum(axis=-1), cells.after.sum(axis=-1))
    selected = [part[..., [1, 3]].sum(axis=-1) / part.sum(axis=-1) for part in cells]
    found = correlations(*selected)
    for i, group in enumerate(["f", "m"]):
        own = sex == group
        wanted = np.corrcoef(before[own], after[own])[0, 1]
        assert found[i] == pytest.approx(wanted, abs=0.12)
        assert selected[0][:, i].mean() == pytest.approx(before[own].mean(), abs=0.01)


def test_resampled_cells_are_those_of_each_model():
    y, before, after = [0, 0, 0, 1, 1, 1], [0, 1, 1, 1, 1, 1], [1, 0, 0, 0, 1, 1]
    weight = np.full(6, 2.0)
    sides = [
        audit_predictions(y, p, Groups.read(["a"] * 6), sample_weight=weight)
        for p in (before, after)
    ]
    (cells,) = paired_cells(*sides, 0)
    # of each replicate, what is not selected before is selected after where y is 0
    tn, fp = cells.before[:, 0, 0], cells.before[:, 0, 1]
    assert np.array_equal(tn, cells.after[:, 0, 1])
    assert np.array_equal(fp, cells.after[:, 0, 0])
    assert cells.before[:, 0, 2].max() == 0
    assert cells.after[:, 0, 2].max() > 0
    assert (cells.before.sum(axis=(1, 2)) == 12).all()


def test_a_gap_that_closes_is_found_and_so_is_who_pays():
    y, before, after, sex = draw()
    report = report_of(y, after, sensitive_features={"sex": sex}, baseline=before)
    assert report.to_dict()["mitigation"]["is_paired"]
    line = change(report, "demographic_parity")
    assert line["before"]["estimate"] == pytest.approx(0.3, abs=0.05)
    assert line["direction"] == "down"
    assert line["change"]["high"] < -0.15
    assert change(report, "disparate_impact")["direction"] == "up"
    men = group_change(report, "true_positive_rate", "m")
    assert men["direction"] == "down"
    assert group_change(report, "true_positive_rate", "f")["direction"] == "up"
    text = report.to_markdown()
    assert "True positive rate by sex is clearly lower than before for: m." in text
    assert "False positive rate by sex is clearly higher than before for: f." in text
    assert "narrower" in report.to_html()


def test_rows_that_are_the_same_know_more_than_rows_that_differ():
    y, before, after, sex = draw()
    paired = report_of(y, after, sensitive_features=sex, baseline=before)
    sides = [Tally.from_arrays(y, p, sex) for p in (before, after)]
    counted = FairnessReport.from_tally(sides[1], baseline=sides[0])
    assert not counted.to_dict()["mitigation"]["is_paired"]
    for name in ("demographic_parity", "accuracy_parity"):
        one, two = change(paired, name)["change"], change(counted, name)["change"]
        assert one["estimate"] == two["estimate"]
        assert one["high"] - one["low"] <= two["high"] - two["low"] + 1e-9
    one, two = (group_change(r, "selection_rate", "m")["change"] for r in (paired, counted))
    assert one["high"] - one["low"] < 0.95 * (two["high"] - two["low"])
    assert "independent samples" in counted.to_html()


def test_independent_samples_get_newcombes_interval():
    y, before, after, sex = draw()
    half = np.arange(2000) < 900
    one = report_of(y[half], before[half], sensitive_features={"sex": sex[half]})
    two = report_of(y[~half], after[~half], sensitive_features={"sex": sex[~half]})
    report = FairnessReport.compare(one, two)
    found = report.to_dict()["mitigation"]
    assert found["n_rows"] == {"before": 900, "after": 1100}
    b, a = (
        group_intervals(Tally.from_arrays(y[m], p[m], sex[m]), "selection_rate")
        for m, p in ((half, before), (~half, after))
    )
    low = a.rate[0] - b.rate[0] - np.hypot(a.rate[0] - a.low[0], b.high[0] - b.rate[0])
    line = group_change(report, "selection_rate", "f")
    assert line["change"]["low"] == pytest.approx(low, rel=1e-4)
    with pytest.raises(ValueError, match="paired=True"):
        FairnessReport.compare(one, two, paired=True)


def test_the_same_rows_may_be_compared_as_if_they_were_not():
    y, before, after, sex = draw()
    one, two = (report_of(y, p, sensitive_features={"sex": sex}) for p in (before, after))
    assert FairnessReport.compare(one, two).to_dict()["mitigation"]["is_paired"]
    apart = FairnessReport.compare(one, two, paired=False)
    assert not apart.to_dict()["mitigation"]["is_paired"]


def test_no_change_is_no_change():
    y, before, _, sex = draw()
    report = report_of(y, before, sensitive_features={"sex": sex}, baseline=before)
    for line in report.to_dict()["mitigation"]["criteria"][0]["criteria"]:
        assert line["change"]["estimate"] == 0
        assert line["direction"] == "unclear"
    assert "No group by sex has a rate that is clearly worse" in report.to_html()
    assert "No clear change of the gaps of" in report.to_html()


def test_two_models_on_the_same_rows():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(600, 2)), columns=["a", "b"]).assign(sex=[0, 1] * 300)
    y = (X["a"] + X["sex"] + rng.normal(size=600) > 0.5).astype(int)
    plain = LogisticRegression().fit(X, y)
    other = LogisticRegression(C=1e-3).fit(X, y)
    options = {"sensitive_features": "sex", "sections": ["rates"]}
    report = FairnessReport(other, X, y, baseline=plain, **options)
    by_hand = FairnessReport.compare(
        FairnessReport(plain, X, y, **options), FairnessReport(other, X, y, **options)
    )
    assert report.to_dict() == by_hand.to_dict()
    assert report.to_dict()["mitigation"]["is_paired"]
    assert repr(report) == "FairnessReport(600 rows by sex, before and after)"
    cost = {line["rate"]: line for line in report.to_dict()["mitigation"]["cost"]}
    wanted = (other.predict(X) == y).mean() - (plain.predict(X) == y).mean()
    assert cost["accuracy"]["change"]["estimate"] == pytest.approx(wanted, abs=1e-6)


def test_groups_on_one_side_alone_stay_in_sight():
    one = Tally.from_arrays([0, 1] * 60, [0, 1] * 60, ["f"] * 60 + ["m"] * 60)
    two = Tally.from_arrays([0, 1] * 60, [0, 0] * 60, ["f"] * 60 + ["x"] * 60)
    report = FairnessReport.from_tally(two, baseline=one)
    assert group_change(report, "accuracy", "m")["after"]["estimate"] is None
    assert group_change(report, "accuracy", "m")["direction"] == "undefined"
    assert group_change(report, "accuracy", "x")["n_before"] == 0
    assert group_change(report, "accuracy", "f")["direction"] == "down"
    assert "undefined" in report.to_html()


def test_what_cannot_be_compared_is_refused():
    y, before, after, sex = draw(400)
    one = report_of(y, before, sensitive_features={"sex": sex})
    with pytest.raises(ValueError, match="sensitive features"):
        FairnessReport.compare(one, report_of(y, after, sensitive_features={"gender": sex}))
    words = np.array(["a", "b"])
    two, three = (
        report_of(words[y], words[after], sensitive_features={"sex": sex}, pos_label=label)
        for label in "ab"
    )
    with pytest.raises(ValueError, match="positive class"):
        FairnessReport.compare(two, three)
    with pytest.raises(TypeError, match="compare needs"):
        FairnessReport.compare(one, y)


def ends_against_each_other(line):
    low = line["after"]["low"] - line["before"]["high"]
    high = line["after"]["high"] - line["before"]["low"]
    found = (line["change"]["low"], line["change"]["high"])
    return found == pytest.approx((low, high), abs=1e-5)


def test_a_gap_of_several_rates_gets_the_ends_against_each_other():
    y, before, after, sex = draw()
    after = np.where(np.arange(2000) % 20 == 0, after, before)
    report = report_of(y, after, sensitive_features={"sex": sex}, baseline=before)
    assert change(report, "equalized_odds")["before"]["low"] > 0  # two groups and a known sign
    assert ends_against_each_other(change(report, "equalized_odds"))
    assert not ends_against_each_other(change(report, "equal_opportunity"))


def test_a_gap_that_may_be_none_gets_the_ends_against_each_other():
    y, before, after, sex = draw()  # nearly no gap is left
    report = report_of(y, after, sensitive_features={"sex": sex}, baseline=before)
    for name in ("demographic_parity", "equal_opportunity"):
        assert change(report, name)["before"]["low"] > 0.05
        assert change(report, name)["after"]["low"] == 0
        assert ends_against_each_other(change(report, name))


def test_what_it_cost_is_measured_row_by_row():
    y, before, after, sex = draw()
    after = np.where(np.arange(2000) % 10 == 0, after, before)
    paired = report_of(y, after, sensitive_features={"sex": sex}, baseline=before)
    sides = [Tally.from_arrays(y, p, {"sex": sex}) for p in (before, after)]
    counted = FairnessReport.from_tally(sides[1], baseline=sides[0])
    widths = []
    for report in (paired, counted):
        cost = {line["rate"]: line["change"] for line in report.to_dict()["mitigation"]["cost"]}
        widths.append(cost["accuracy"]["high"] - cost["accuracy"]["low"])
    assert widths[0] < 0.5 * widths[1]


def test_rows_of_other_weights_are_not_the_same():
    y, before, after, sex = draw(400)
    weights = [np.ones(400), np.tile([1.0, 2.0], 200)]
    one, two = (
        report_of(y, p, sensitive_features={"sex": sex}, sample_weight=w)
        for p, w in zip((before, after), weights, strict=True)
    )
    assert not FairnessReport.compare(one, two).to_dict()["mitigation"]["is_paired"]
    with pytest.raises(ValueError, match="weights differ"):
        FairnessReport.compare(one, two, paired=True)
