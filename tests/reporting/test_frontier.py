from __future__ import annotations

import jsonschema
import numpy as np
import pytest

from skfair.reporting import FairnessReport, report_schema
from skfair.reporting._blocks import Figure, Point, Points
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
    jsonschema.validate(report.to_dict(), report_schema())
    assert FairnessReport.from_json(report.to_json()).to_html() == report.to_html()


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
    jsonschema.validate(found, report_schema())
    assert "What was weighed" not in FairnessReport.from_dict(found).to_html()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"baseline": None}, ValueError, "give baseline"),
        ({"alternatives": {"after": [0] * 8}}, ValueError, "can be named 'after'"),
        ({"alternatives": [[0] * 8]}, TypeError, "dict of names"),
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
