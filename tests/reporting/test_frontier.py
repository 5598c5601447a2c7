from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from skfair.reporting import FairnessReport, report_schema
from skfair.reporting._blocks import Figure, Point, Points
from skfair.reporting._frontier import is_unbeaten
from skfair.reporting._limits import limits_in_words
from skfair.reporting._svg import draw
from skfair.tally import Tally

report_of = FairnessReport.from_predictions


def eight():
    """Labels, groups and three sets of decisions whose figures are told by heart."""
    y = [1, 1, 0, 0, 1, 1, 0, 0]
    sex = list("ffffmmmm")
    wide = [1, 0, 0, 0, 1, 1, 1, 0]  # right 6 of 8; selected 1 of 4 and 3 of 4
    even = [1, 0, 1, 0, 1, 0, 1, 0]  # right 4 of 8; 2 of 4 and 2 of 4
    wrong = [0, 0, 0, 0, 0, 0, 1, 1]  # right 2 of 8; none and 2 of 4
    return y, sex, wide, even, wrong


def weighed(report, criterion="demographic_parity", by=("sex",)):
    for part in report.to_dict()["mitigation"]["frontier"]:
        if (part["by"], part["criterion"]) == ([*by], criterion):
            return {line["name"]: line for line in part["models"]}
    raise LookupError(criterion)


def check_schema(found):
    pytest.importorskip("jsonschema").validate(found, report_schema())


def small_report(**options):
    y, sex, wide, even, wrong = eight()
    given = {"baseline": wide, "alternatives": {"wrong": wrong}, "min_group_size": 1}
    return report_of(y, even, sensitive_features={"sex": sex}, n_resamples=9, **(given | options))


def test_models_that_were_weighed_by_hand():
    found = weighed(small_report())
    assert list(found) == ["before", "after", "wrong"]
    assert [line["accuracy"]["estimate"] for line in found.values()] == [0.75, 0.5, 0.25]
    assert [line["violation"]["estimate"] for line in found.values()] == [0.5, 0.0, 0.5]
    assert [line["is_unbeaten"] for line in found.values()] == [True, True, False]


def test_equally_good_models_are_both_unbeaten():
    _, _, wide, _, wrong = eight()
    found = weighed(small_report(alternatives={"twin": wide, "wrong": wrong}))
    assert [line["is_unbeaten"] for line in found.values()] == [True, True, True, False]


def test_intervals_are_those_of_the_rest_of_the_report(small):
    y, pred, sex = small
    flipped = np.where(np.arange(200) % 5 == 0, 1 - pred, pred)
    report = report_of(y, pred, sensitive_features={"sex": sex}, baseline=flipped, n_resamples=9)
    whole = report.to_dict()["mitigation"]
    found = weighed(report)
    change = next(
        line
        for line in whole["criteria"][0]["criteria"]
        if line["criterion"] == "demographic_parity"
    )
    cost = next(line for line in whole["cost"] if line["rate"] == "accuracy")
    for name in ("before", "after"):
        assert found[name]["violation"] == change[name]
        assert found[name]["accuracy"] == cost[name]


def test_every_feature_alone_and_together():
    y, sex, wide, even, wrong = eight()
    site = list("xyxyxyxy")
    report = report_of(
        y,
        even,
        sensitive_features={"sex": sex, "site": site},
        baseline=wide,
        alternatives={"wrong": wrong},
        min_group_size=1,
        n_resamples=9,
    )
    parts = report.to_dict()["mitigation"]["frontier"]
    assert [tuple(part["by"]) for part in parts[::3]] == [("sex",), ("site",), ("sex", "site")]
    assert FairnessReport.from_json(report.to_json()).to_html() == report.to_html()
    check_schema(report.to_dict())


def test_reports_and_tallies_are_alternatives_too():
    y, sex, wide, even, wrong = eight()
    groups = {"sex": sex}
    counted = {name: Tally.from_arrays(y, p, groups) for name, p in {"w": wrong, "e": even}.items()}
    own = report_of(y, wrong, sensitive_features=groups, min_group_size=1, n_resamples=9)
    by_tally = FairnessReport.from_tally(
        counted["e"],
        baseline=Tally.from_arrays(y, wide, groups),
        alternatives={"wrong": counted["w"]},
        min_group_size=1,
        n_resamples=9,
    )
    assert weighed(by_tally) == weighed(small_report())
    assert weighed(small_report(alternatives={"wrong": own})) == weighed(small_report())


def test_the_page_shows_them_and_two_models_need_no_chart():
    shown = small_report(alternatives={"<b>odd</b> | name": eight()[4]})
    assert "What was weighed" in shown.to_html()
    assert "<b>odd" not in shown.to_html()
    assert "odd" in shown.to_markdown()
    assert "What was weighed" not in small_report(alternatives=None).to_html()


def test_a_report_saved_before_there_was_a_frontier_is_read():
    found = small_report().to_dict()
    del found["mitigation"]["frontier"]
    assert "What was weighed" not in FairnessReport.from_dict(found).to_html()
    check_schema(found)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"baseline": None}, ValueError, "give baseline"),
        ({"alternatives": {"after": [0] * 8}}, ValueError, "can be named 'after'"),
        ({"alternatives": [[0] * 8]}, TypeError, "dict of names"),
        (
            {"alternatives": {1: [0] * 8, "1": [1] * 8}},
            ValueError,
            "two alternatives are named '1'",
        ),
        ({"alternatives": {"a b": [0] * 8, "a\n b": [1] * 8}}, ValueError, "named 'a b'"),
        ({"alternatives": {" ": [0] * 8}}, ValueError, "no alternative can be named ''"),
        ({"alternatives": {"after ": [0] * 8}}, ValueError, "can be named 'after'"),
        ({"alternatives": {"short": [0] * 7}}, ValueError, "y_pred"),
    ],
)
def test_misuse(options, error, message):
    with pytest.raises(error, match=message):
        small_report(**options)


def test_alternatives_of_other_groups_are_refused():
    y, sex, *_, wrong = eight()
    other = Tally.from_arrays(y, wrong, {"gender": sex})
    own = FairnessReport.from_tally(other, min_group_size=1, n_resamples=9)
    with pytest.raises(ValueError, match=r"before and theirs differ .*'gender'"):
        small_report(alternatives={"theirs": own})


def test_weights_count_in_what_was_weighed():
    weight = [3.0, 1, 1, 1, 1, 1, 1, 1]
    found = weighed(small_report(sample_weight=weight))
    # wide: wrong in the second and the seventh row; f selects 3 of 6, m 3 of 4
    assert found["before"]["accuracy"]["estimate"] == pytest.approx(8 / 10)
    assert found["before"]["violation"]["estimate"] == pytest.approx(1 / 4)
    # wrong: right in rows three and four; f selects none, m 2 of 4
    assert found["wrong"]["accuracy"]["estimate"] == pytest.approx(2 / 10)
    assert found["wrong"]["violation"]["estimate"] == pytest.approx(1 / 2)


accuracies = st.sampled_from([None, 0.0, 0.2, 0.5, 1.0])
gaps = st.sampled_from([None, 0.0, 1e-17, 0.1, 0.5, 1.0])


@settings(max_examples=100)
@given(st.lists(st.tuples(accuracies, gaps), min_size=1, max_size=8), st.randoms())
def test_who_is_unbeaten_is_a_matter_of_the_figures_alone(figures, luck):
    def found(pairs):
        return is_unbeaten(
            [{"accuracy": {"estimate": a}, "violation": {"estimate": v}} for a, v in pairs]
        )

    free = dict(zip(figures, found(figures), strict=True))
    known = [pair for pair in figures if None not in pair]
    assert any(free.values()) == bool(known)
    for accuracy, gap in figures:
        beaten = any(
            a >= accuracy and round(g, 9) <= round(gap, 9) and (a > accuracy or gap - g > 1e-9)
            for a, g in known
            if None not in (accuracy, gap)
        )
        assert free[accuracy, gap] == (None not in (accuracy, gap) and not beaten)
    mixed = luck.sample(figures, len(figures))
    assert found(mixed) == [free[pair] for pair in mixed]


def test_models_that_were_counted_on_other_rows_are_named():
    y, sex, wide, _, wrong = eight()
    others = report_of(
        [1, *y[1:3], 1, *y[4:]],
        wrong,
        sensitive_features={"sex": sex},
        min_group_size=1,
        n_resamples=9,
    )
    alternatives = {"elsewhere": others, "here": wide}
    found = small_report(alternatives=alternatives).to_dict()["notes"]
    (note,) = (x["message"] for x in found if "other rows" in x["message"])
    assert "['elsewhere']" in note
    for own in ({"here": wide}, None):
        notes = small_report(alternatives=own).to_dict()["notes"]
        assert not any("other rows" in x["message"] for x in notes)
    two = FairnessReport.compare(others, small_report()).to_dict()  # the page says it of two
    assert not any("other rows" in x["message"] for x in two["notes"])


def test_one_row_more_makes_other_rows():
    y, sex, _, _, wrong = eight()
    longer = Tally.from_arrays([*y, 0], [*wrong, 1], {"sex": [*sex, "f"]})
    own = FairnessReport.from_tally(longer, min_group_size=1, n_resamples=9)
    notes = small_report(alternatives={"longer": own}).to_dict()["notes"]
    assert any("other rows than 'after'" in x["message"] for x in notes)


def test_intervals_are_counted_once():
    def n_intervals(report):
        (line,) = (x for x in report.to_dict()["limits"] if "intervals here" in x)
        return int(re.search(r"There are (\d+) intervals", line)[1])

    report = small_report(alternatives=None)
    alone = n_intervals(report)
    found = report.to_dict()
    del found["mitigation"]["frontier"]
    assert limits_in_words(found) == report.to_dict()["limits"]
    _, _, wide, _, wrong = eight()
    # an accuracy and three violations more for each
    assert n_intervals(small_report()) == alone + 4
    assert n_intervals(small_report(alternatives={"a": wide, "b": wrong})) == alone + 8


def test_probabilities_of_other_models_are_not_asked_for():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    y = (X[:, 0] + rng.normal(size=300) > 0).astype(int)

    class Mute(LogisticRegression):
        def predict_proba(self, X):
            raise AssertionError("asked")

    plain, mute = LogisticRegression().fit(X, y), Mute().fit(X, y)
    report = FairnessReport(
        plain,
        X,
        y,
        sensitive_features=["f", "m"] * 150,
        baseline=mute,
        alternatives={"mute": mute},
        sections=["rates"],
    )
    accuracies = [
        line["accuracy"] for line in weighed(report, by=("sensitive_feature_0",)).values()
    ]
    assert accuracies[0] == accuracies[1] == accuracies[2]


def many(n):
    points = [
        Point(f"m{i}", Figure(0.1 + 0.01 * i, 0.0, 0.5), Figure(0.5, 0.4, 0.6), i == 3, i in (0, 3))
        for i in range(n)
    ]
    return str(draw(Points("t", "alt", "x", "y", points)))


def test_a_chart_of_many_names_the_best_and_draws_the_rest_small():
    svg = many(30)
    assert svg.count('r="4"') == 4  # two points, and in the key
    assert svg.count('r="2"') == 29
    assert svg.count("thin") == 4
    assert ">28 others, in the table<" in svg
    assert ">4 m3<" in svg
    y, sex, wide, _, wrong = eight()
    report = report_of(
        y,
        wrong,
        sensitive_features={"sex": sex},
        baseline=wide,
        alternatives={f"model {i}": wrong for i in range(30)},
        min_group_size=1,
        n_resamples=9,
    )
    assert not weighed(report)["after"]["is_unbeaten"]
    page = report.to_html()
    assert ">30 others, in the table<" in page
    assert ">2 after<" in page
    assert "; and 30 more." in page


def test_intervals_that_are_not_drawn_take_no_room():
    wide, narrow = Figure(0.2, 0.0, 1.0), Figure(0.2, 0.1, 0.3)
    for is_named, highest in ((True, "100"), (False, "30")):
        points = [Point("a", narrow, narrow, True), Point("b", wide, narrow, False, is_named)]
        marks = re.findall(
            r'middle" class="tick">(\d+)<', draw(Points("t", "alt", "x", "y", points))
        )
        assert marks[-1] == highest


def test_points_in_one_place_share_a_number_and_near_ones_stand_apart():
    def point(x, y):
        return Point("p", Figure(x, None, None), Figure(y, None, None), True)

    points = [point(0.1, 0.5), point(0.1, 0.5), point(0.101, 0.5), point(0.3, 0.9)]
    svg = str(draw(Points("t", "alt", "x", "y", points)))
    found = re.findall(r'<text x="([\d.]+)" y="([\d.]+)"[^>]*>(1, 2|3|4)</text>', svg)
    numbers = {text: (float(x), float(y)) for x, y, text in found}
    assert set(numbers) == {"1, 2", "3", "4"}
    (x1, y1), (x3, y3) = numbers["1, 2"], numbers["3"]
    assert abs(y1 - y3) >= 11 or x1 + 28 <= x3 or x3 + 7 <= x1


def test_where_nothing_is_defined_there_is_a_table_and_no_chart():
    y, _, wide, even, wrong = eight()
    report = report_of(
        y,
        even,
        sensitive_features=["f"] * 8,
        baseline=wide,
        alternatives={"w": wrong},
        n_resamples=9,
        min_group_size=1,
        sections=["rates"],
    )
    page = report.to_html()
    assert "Models by sensitive_feature_0" in page
    assert "accuracy at a violation" not in page
    assert all(
        not line["is_unbeaten"] for line in weighed(report, by=("sensitive_feature_0",)).values()
    )
    check_schema(report.to_dict())


def test_a_chart_of_points_is_drawn_to_scale_and_tells_what_is_undefined():
    points = [
        Point("a", Figure(0.1, 0.05, 0.2), Figure(0.8, 0.7, 0.9), True),
        Point("b", Figure(None, None, None), Figure(0.8, 0.7, 0.9), False),
    ]
    svg = str(draw(Points("t", "alt", "x", "y", points)))
    assert "2 b, undefined" in svg
    assert svg.count("thin") == 2
    assert svg.count('class="f0"') == 2  # the point and its line in the legend
    # ticks at .05 and .2 are 300 wide, so .1 is a third of the way from 44
    assert 'cx="144.0"' in svg
