from __future__ import annotations

import json

import numpy as np
import pytest

from skfair.metrics import demographic_parity_difference, equalized_odds_difference
from skfair.reporting import report_schema

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
    assert (code, err) == (0, "")
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


# --fail-if


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("demographic_parity > 0.05", 1),
        ("demographic_parity > 0.9", 0),
        ("Demographic-parity difference by sex >= 5 %", 1),
        ("disparate_impact < 0.9", 1),
        ("disparate_impact < 0.1", 0),
        ("accuracy < 0.99", 1),
        ("accuracy < 0.2", 0),
        ("true_positive_rate_difference > 0.01", 1),
    ],
)
def test_a_condition_decides_the_code(run, table, condition, code):
    found, out, _ = run("audit", table, *DECIDED, "--fail-if", condition)
    assert found == code
    assert ("FAILS" in out, "passes" in out) == (code == 1, code == 0)


def test_one_condition_of_several_is_enough(run, table):
    conditions = ("--fail-if", "accuracy < 0.1", "--fail-if", "demographic_parity > 0.01")
    assert run("audit", table, *DECIDED, *conditions)[0] == 1


@pytest.mark.parametrize(("side", "code"), [("estimate", 0), ("shown", 0), ("possible", 1)])
def test_the_side_of_the_interval_above_the_estimate(run, table, tmp_path, side, code):
    run("audit", table, *DECIDED, "--json", tmp_path / "r.json")
    line = gap(json.loads((tmp_path / "r.json").read_text("utf-8")), "demographic_parity")
    bound = (line["estimate"] + line["high"]) / 2
    options = ("--fail-if", f"demographic_parity > {bound:.4f}", "--fail-side", side)
    found, out, _ = run("audit", table, *DECIDED, *options)
    assert found == code
    assert f"--fail-side {side}, but the interval holds the bound" in out


@pytest.mark.parametrize(("side", "code"), [("estimate", 1), ("shown", 0), ("possible", 1)])
def test_the_side_of_the_interval_of_a_ratio_below_its_bound(run, table, tmp_path, side, code):
    run("audit", table, *DECIDED, "--json", tmp_path / "r.json")
    line = gap(json.loads((tmp_path / "r.json").read_text("utf-8")), "disparate_impact")
    bound = (line["estimate"] + line["high"]) / 2
    options = ("--fail-if", f"disparate_impact < {bound:.4f}", "--fail-side", side)
    assert run("audit", table, *DECIDED, *options)[0] == code


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
    assert run("audit", table, *OPTIONS, "--fail-if", "demographic_parity > 0.01")[0] == 1
    assert run("audit", table, *OPTIONS, "--fail-if", "base_rate < 0.01")[0] == 0


def test_every_feature_and_the_intersections_are_judged_unless_one_is_named(run, table):
    both = (*DECIDED, "--sensitive", "region", "--fail-if")
    out = run("audit", table, *both, "demographic_parity > 0.9")[1]
    assert [f"[{by}]" in out for by in ("sex", "region", "sex x region")] == [True] * 3
    out = run("audit", table, *both, "demographic_parity by region > 0.9")[1]
    assert out.count("passes") == 1
