from __future__ import annotations

import io
import json
import re
import sys

import numpy as np
import pytest

from skfair.cli._conditions import judge, read_condition
from skfair.cli._terminal import say
from skfair.metrics import demographic_parity_difference, equalized_odds_difference
from skfair.reporting import report_schema
from skfair.tally import Tally

OPTIONS = ("--target", "hired", "--positive", "yes", "--sensitive", "sex")
DECIDED = (*OPTIONS, "--prediction", "decision")


def gap(found, criterion, by=("sex",)):
    part = next(p for p in found["model"]["criteria"] if tuple(p["by"]) == by)
    return next(line for line in part["criteria"] if line["criterion"] == criterion)


def test_a_prediction_column_is_reported(run, table, frame, tmp_path):
    page, figures = tmp_path / "r.html", tmp_path / "r.json"
    code, out, err = run(
        "audit", table, *DECIDED, "--score", "skill", "--html", page, "--json", figures
    )
    assert code == 0
    assert err.startswith("skfair: note: --score skill: values from -3.197 to 2.875 are no prob")
    found = json.loads(figures.read_text(encoding="utf-8"))
    options = {"sensitive_features": frame["sex"], "pos_label": "yes"}
    expected = equalized_odds_difference(frame["hired"], frame["decision"], **options)
    assert gap(found, "equalized_odds")["estimate"] == pytest.approx(expected, rel=1e-5)
    assert f"{expected:.3f} (" in out
    assert str(page) in out
    assert str(figures) in out
    assert page.read_text(encoding="utf-8").lower().startswith("<!doctype html>")
    assert found["about"]["has_scores"]
    columns = {line["column"] for part in found["data"]["proxies"] for line in part["columns"]}
    assert columns == {"region", "age"}  # neither labels nor decisions nor scores are features


def test_the_figures_follow_the_schema(run, table, tmp_path):
    jsonschema = pytest.importorskip("jsonschema")
    for extra in (DECIDED, OPTIONS):
        run("audit", table, *extra, "--json", tmp_path / "r.json")
        found = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator(report_schema()).validate(found)


def test_without_decisions_the_labels_are_looked_at(run, table, tmp_path, frame):
    code, out, err = run("audit", table, *OPTIONS, "--json", tmp_path / "r.json")
    assert (code, err) == (0, "")
    found = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert found["model"] == {}
    assert "Labels by sex" in out
    share = (frame.loc[frame["sex"] == "f", "hired"] == "yes").mean()
    assert f"{share:.3f} (" in out


def test_a_bundled_set_needs_no_target(run):
    code, out, _ = run("audit", "heart", "--sensitive", "sex", "--sensitive", "age:50,60")
    assert code == 0
    assert "Labels by sex x age" in out
    assert "50<age<=60" in out


def test_a_semicolon_and_an_encoding_can_be_named(run, table, frame, tmp_path):
    path = tmp_path / "other.csv"
    frame.assign(sex=frame["sex"].replace("f", "fémin")).to_csv(
        path, index=False, sep=";", encoding="cp1252"
    )
    code, out, _ = run("audit", path, *DECIDED, "--separator", ";", "--encoding", "cp1252")
    assert code == 0
    assert "fémin" in out


def test_weights_count(run, table, frame, tmp_path):
    frame = frame.assign(w=np.where(frame["region"] == "north", 3.0, 1.0))
    frame.to_csv(table, index=False)
    run("audit", table, *DECIDED, "--weight", "w", "--json", tmp_path / "r.json")
    found = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    expected = demographic_parity_difference(
        frame["hired"],
        frame["decision"],
        sensitive_features=frame["sex"],
        sample_weight=frame["w"],
        pos_label="yes",
    )
    assert found["about"]["is_weighted"]
    assert gap(found, "demographic_parity")["estimate"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("sign", ["\x1b[31m", "\x9b", "\x07"])
def test_names_reach_the_terminal_without_control_signs(run, table, frame, sign):
    frame = frame.rename(columns={"sex": f"se{sign}x"}).replace({f"se{sign}x": {"f": f"f{sign}"}})
    frame.to_csv(table, index=False)
    code, out, _ = run("audit", table, *OPTIONS[:4], "--sensitive", f"se{sign}x")
    assert code == 0
    assert sign[0] not in out


def test_a_terminal_that_lacks_a_sign_gets_another(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written, encoding="cp1252"))
    say("f\u00e9min \u65e5")
    sys.stdout.flush()
    assert written.getvalue().splitlines() == [b"f\xe9min ?"]


# --fail-if


def test_each_condition_is_judged(run, table):
    conditions = {
        "demographic_parity > 0.05": "FAILS",
        "demographic_parity > 0.9": "passes",
        "Demographic-parity difference by sex >= 5 %": "FAILS",
        "disparate_impact < 0.9": "FAILS",
        "disparate_impact < 0.1": "passes",
        "accuracy < 0.99": "FAILS",
        "accuracy < 0.2": "passes",
        "true_positive_rate_difference > 0.01": "FAILS",
    }
    options = [part for text in conditions for part in ("--fail-if", text)]
    code, out, _ = run("audit", table, *DECIDED, *options)
    assert code == 1
    lines = [line for line in out.splitlines() if line.startswith("--fail-if")]
    for line, (text, verdict) in zip(lines, conditions.items(), strict=True):
        assert repr(text) in line
        assert verdict in line
    passing = [text for text, verdict in conditions.items() if verdict == "passes"]
    options = [part for text in passing for part in ("--fail-if", text)]
    assert run("audit", table, *DECIDED, *options)[0] == 0


def test_groups_that_are_too_small_to_be_judged_are_named(run, table, frame):
    frame.loc[:19, ["sex", "decision"]] = ["other", "no"]
    frame.to_csv(table, index=False)
    condition = ("--fail-if", "demographic_parity > 0.5")
    code, out, _ = run("audit", table, *DECIDED, *condition)
    assert code == 0
    assert "too few rows (--min-group-size): ['other']" in out
    code, out, _ = run("audit", table, *DECIDED, *condition, "--min-group-size", "20")
    assert code == 1
    assert "too few rows" not in out


def test_one_condition_of_several_is_enough(run, table):
    conditions = ("--fail-if", "accuracy < 0.1", "--fail-if", "demographic_parity > 0.01")
    assert run("audit", table, *DECIDED, *conditions)[0] == 1


def judged(frame, text, side):
    """The outcome of a condition on the decisions by sex."""
    tally = Tally.from_arrays(frame["hired"], frame["decision"], frame["sex"].rename("sex"))
    options = {"pos_label": "yes", "confidence_level": 0.95, "min_group_size": 30}
    return next(iter(judge([read_condition(text)], [tally], side, **options)))


# where the bound lies, and whether the condition holds by estimate, shown and possible
@pytest.mark.parametrize(
    ("figure", "sign", "end", "fails"),
    [
        ("demographic_parity", ">", "low", (True, False, True)),
        ("demographic_parity", ">", "high", (False, False, True)),
        ("disparate_impact", "<", "low", (False, False, True)),
        ("disparate_impact", "<", "high", (True, False, True)),
        ("accuracy", "<", "low", (False, False, True)),
        ("accuracy", "<", "high", (True, False, True)),
    ],
)
def test_the_side_of_the_interval_decides(frame, figure, sign, end, fails):
    found = judged(frame, f"{figure} {sign} 0.5", "estimate")
    assert found.low < found.estimate < found.high
    for share, expected in [(0.5, fails), (1.1, (fails[0],) * 3)]:
        bound = found.estimate + share * (getattr(found, end) - found.estimate)
        for side, holds in zip(("estimate", "shown", "possible"), expected, strict=True):
            outcome = judged(frame, f"{figure} {sign} {bound:.5f}", side)
            assert outcome.fails is holds
            assert outcome.is_clear is (share > 1)


def test_the_side_that_is_asked_for_is_taken_and_said(run, table, frame):
    found = judged(frame, "demographic_parity > 0.5", "estimate")
    bound = (found.estimate + found.high) / 2
    options = ("--fail-if", f"demographic_parity > {bound:.4f}", "--fail-side", "possible")
    code, out, _ = run("audit", table, *DECIDED, *options)
    assert code == 1
    assert "--fail-side possible, but the interval holds the bound" in out


@pytest.mark.parametrize("side", ["estimate", "shown", "possible"])
def test_an_undefined_figure_fails_on_every_side(frame, side):
    outcome = judged(frame.assign(decision="no"), "predictive_parity > 0.9", side)
    assert (outcome.is_undefined, outcome.fails) == (True, True)


def test_an_undefined_figure_fails(run, table):
    options = ("--fail-if", "equal_opportunity > 0.9", "--min-group-size", "10000")
    code, out, _ = run("audit", table, *DECIDED, *options)
    assert code == 1
    assert "undefined" in out


def test_a_group_that_is_never_selected_has_no_precision_and_fails(run, table, frame):
    never = np.where(frame["sex"] == "f", "no", frame["decision"])
    frame.assign(sex=frame["sex"].where(frame.index % 3 > 0, "x"), decision=never).to_csv(
        table, index=False
    )
    code, out, _ = run("audit", table, *DECIDED, "--fail-if", "predictive_parity > 0.9")
    assert code == 1
    assert "never selected" in out


def test_labels_alone_can_be_judged_by_selection(run, table):
    conditions = ("--fail-if", "demographic_parity > 0.01", "--fail-if", "base_rate < 0.01")
    code, out, _ = run("audit", table, *OPTIONS, *conditions)
    assert code == 1
    assert "'demographic_parity > 0.01' [sex]: FAILS" in out
    assert "'base_rate < 0.01': passes" in out


def test_every_feature_and_the_intersections_are_judged_unless_one_is_named(run, table):
    both = (*DECIDED, "--sensitive", "region", "--fail-if")
    out = run("audit", table, *both, "demographic_parity > 0.9")[1]
    assert [f"[{by}]" in out for by in ("sex", "region", "sex x region")] == [True] * 3
    out = run("audit", table, *both, "demographic_parity by region > 0.9")[1]
    assert out.count("passes") == 1


def test_gaps_say_between_whom_and_who_is_too_small(run, table, frame):
    frame.assign(sex=frame["sex"].where(frame.index >= 7, "x")).to_csv(table, index=False)
    _, out, _ = run("audit", table, *DECIDED)
    gaps = out.split("Gaps between groups")[1]
    (parity,) = [line for line in gaps.splitlines() if " demographic_parity" in line]
    assert re.search(r"[fm] and [fm]$", parity)
    assert "fewer than 30 rows (--min-group-size), by sex:\n  x (7)\n" in gaps
    _, out, _ = run("audit", table, *DECIDED, "--min-group-size", "10000")
    assert "fewer than two groups can be compared" in out
    assert "f (" in out.split("In no gap")[1]
    assert "In no gap" not in run("audit", table, *DECIDED, "--min-group-size", "7")[1]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda s: s, []),
        (lambda s: 100 * s, ["values from .* to .* are no probabilities"]),
        (lambda s: 1 - s, ["is lower where --prediction decision is 'yes'"]),
        (lambda s: -s, ["no probabilities", "higher scores should mean that label"]),
    ],
)
def test_scores_that_are_none_or_run_the_other_way_are_told(run, table, frame, change, told):
    score = np.linspace(0, 1, len(frame))
    frame = frame.assign(score=change(score), decision=np.where(score > 0.5, "yes", "no"))
    frame.to_csv(table, index=False)
    code, _, err = run("audit", table, *DECIDED, "--score", "score")
    assert code == 0
    assert err.count("--score score") == len(told)
    assert all(re.search(text, err) for text in told)
