from __future__ import annotations

import json
import re
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import auc
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC

from skfair.criteria import gap_interval, group_intervals, holm
from skfair.datasets import load_adult
from skfair.groups import Bins
from skfair.metrics import calibration_by_group, roc_auc_by_group
from skfair.reporting import FairnessReport
from skfair.tally import ScoreTally, Tally

report_of = FairnessReport.from_predictions


def rate(report, name, group, by=0):
    (found,) = (r for r in report.to_dict()["model"]["rates"][by]["rates"] if r["rate"] == name)
    (line,) = (x for x in found["groups"] if x["group"] == list(group))
    return line


def criterion(report, name, by=0):
    lines = report.to_dict()["model"]["criteria"][by]["criteria"]
    return next(line for line in lines if line["criterion"] == name)


def test_figures_of_a_small_case_by_hand():
    # f: 40 positive, of which 20 found; 10 negative, of which 5 called positive; m: all right
    y = [1] * 40 + [0] * 10 + [1] * 30 + [0] * 20
    pred = [1] * 20 + [0] * 20 + [1] * 5 + [0] * 5 + [1] * 30 + [0] * 20
    sex = ["f"] * 50 + ["m"] * 50
    report = report_of(y, pred, sensitive_features={"sex": sex})
    found = report.to_dict()
    f, m = found["data"]["representation"][0]["groups"]
    assert (f["group"], f["n"], f["share"]["estimate"], f["base_rate"]["estimate"]) == (
        ["f"],
        50,
        0.5,
        0.8,
    )
    assert f["share"]["low"] < 0.5 < f["share"]["high"]
    assert m["base_rate"]["estimate"] == 0.6
    assert rate(report, "true_positive_rate", ["f"])["estimate"] == 0.5
    assert rate(report, "true_positive_rate", ["f"])["n"] == 40
    assert rate(report, "false_positive_rate", ["f"])["estimate"] == 0.5
    assert rate(report, "positive_predictive_value", ["f"])["estimate"] == 0.8
    assert rate(report, "accuracy", ["m"])["estimate"] == 1
    assert criterion(report, "equalized_odds")["estimate"] == 0.5
    assert criterion(report, "demographic_parity")["estimate"] == pytest.approx(0.1)
    assert criterion(report, "disparate_impact")["estimate"] == pytest.approx(0.5 / 0.6, abs=1e-5)
    lowest = criterion(report, "equal_opportunity")["lowest"]
    assert lowest == {"group": ["f"], "estimate": 0.5}
    disparity = found["data"]["pretraining"][0]["groups"][0]["label_disparity"]
    assert disparity["estimate"] == pytest.approx(-0.2)
    whole = {line["rate"]: line["estimate"] for line in found["model"]["performance"]}
    assert whole["accuracy"] == 0.75
    assert whole["base_rate"] == 0.7


def test_intervals_and_p_values_are_those_of_the_metrics(small):
    y, pred, sex = small
    report = report_of(y, pred, sensitive_features=sex, confidence_level=0.9)
    tally = Tally.from_arrays(y, pred, sex)
    interval = gap_interval(tally, "accuracy_parity", confidence_level=0.9)
    line = criterion(report, "accuracy_parity")
    assert [line[k] for k in ("estimate", "low", "high")] == pytest.approx(interval[:3], rel=1e-5)
    rates = group_intervals(tally, "accuracy", confidence_level=0.9)
    assert rate(report, "accuracy", ["f"])["low"] == pytest.approx(rates.low[0], rel=1e-5)
    lines = report.to_dict()["model"]["criteria"][0]["criteria"]
    tested = [line for line in lines if line["pvalue"] is not None]
    assert {line["criterion"] for line in lines} - {line["criterion"] for line in tested} == {
        "disparate_impact"
    }
    adjusted = holm(np.array([line["pvalue"] for line in tested]))
    assert [line["adjusted_pvalue"] for line in tested] == pytest.approx(adjusted, rel=1e-5)


def test_several_features_are_reported_alone_and_together():
    rng = np.random.default_rng(1)
    groups = pd.DataFrame({"sex": rng.choice(["f", "m"], 400), "old": rng.choice([0, 1], 400)})
    y, pred = rng.integers(0, 2, (2, 400))
    report = report_of(y, pred, sensitive_features=groups)
    parts = report.to_dict()["model"]["rates"]
    assert [part["by"] for part in parts] == [["sex"], ["old"], ["sex", "old"]]
    together = parts[2]["rates"][0]["groups"]
    assert [line["group"] for line in together] == [["f", "0"], ["f", "1"], ["m", "0"], ["m", "1"]]
    alone = Tally.from_arrays(y, pred, groups["old"])
    assert rate(report, "accuracy", ["1"], by=1)["n"] == alone.group_counts[1]


def test_a_tally_gives_the_figures_of_its_rows(small, tmp_path):
    y, pred, sex = small
    site = np.tile(["x", "y"], 100)
    groups = {"sex": sex, "site": site}
    score = np.linspace(0, 1, 200)
    Tally.from_arrays(y, pred, groups).save(tmp_path / "part.json")
    scores = ScoreTally.from_arrays(y, score, groups)
    saved = FairnessReport.from_tally(Tally.load(tmp_path / "part.json"), scores=scores)
    rows = report_of(y, pred, sensitive_features=groups)
    for part in ("performance", "rates", "criteria"):
        assert saved.to_dict()["model"][part] == rows.to_dict()["model"][part]
    assert saved.to_dict()["data"] == rows.to_dict()["data"]
    roc = saved.to_dict()["model"]["roc"]
    assert [part["by"] for part in roc] == [["sex"], ["site"], ["sex", "site"]]
    alone = roc_auc_by_group(ScoreTally.from_arrays(y, score, {"sex": sex}))
    areas = [line["estimate"] for line in roc[0]["groups"]]
    assert areas == pytest.approx(alone["roc_auc"].tolist(), rel=1e-5)
    left_out = {x["part"] for x in saved.to_dict()["left_out"]}
    assert left_out == {"proxies", "duplicates", "calibration", "weak_slices", "attribution"}
    assert any("without the rows" in line for line in saved.to_dict()["limits"])


def test_groups_that_are_too_small_are_named_and_left_out_of_gaps():
    y = [0, 1] * 50 + [1] * 3
    pred = [0, 1] * 40 + [1, 0] * 10 + [0] * 3
    sex = ["f"] * 40 + ["m"] * 60 + ["rare <b>"] * 3
    report = report_of(y, pred, sensitive_features={"sex": sex})
    assert criterion(report, "equal_opportunity")["lowest"]["group"] == ["m"]
    assert rate(report, "true_positive_rate", ["rare <b>"])["estimate"] == 0
    assert any("rare <b> (3)" in line for line in report.to_dict()["limits"])
    strict = report_of(y, pred, sensitive_features={"sex": sex}, min_group_size=1)
    assert criterion(strict, "equal_opportunity")["lowest"]["group"] == ["rare <b>"]


def test_what_is_undefined_is_none_and_noted_without_a_warning():
    y, pred, sex = [0, 0] * 30 + [0, 1] * 30, [0, 1] * 60, ["f"] * 60 + ["m"] * 60
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = report_of(y, pred, sensitive_features={"sex": sex})
    assert rate(report, "true_positive_rate", ["f"])["estimate"] is None
    line = criterion(report, "equal_opportunity")
    assert (line["estimate"], line["lowest"], line["pvalue"]) == (None, None, None)
    assert "Not defined" in line["sentence"]
    assert any("'f'" in note["message"] for note in report.to_dict()["notes"])
    assert "undefined" in report.to_html()


def test_groups_that_are_alike_are_said_to_be():
    report = report_of(
        [0, 1] * 100,
        [1, 1, 0, 1] * 50,
        sensitive_features=["f", "f", "f", "f", "m", "m", "m", "m"] * 25,
    )
    sentence = criterion(report, "demographic_parity")["sentence"]
    assert sentence.startswith("Selection rate: 75.0 % in all groups; 0.0 points apart (0.0 to ")


def test_groups_of_one_text_are_two_groups():
    y, pred = [0, 1] * 100, [1, 1] * 50 + [0, 1] * 50
    groups = np.array([1] * 100 + ["1"] * 100, dtype=object)
    sentence = criterion(report_of(y, pred, sensitive_features=groups), "demographic_parity")
    assert sentence["sentence"].startswith("Selection rate: 50.0 % for 1, 100.0 % for 1; 50.0")


def test_one_group_alone_is_no_comparison():
    report = report_of([0, 1] * 50, [1, 1] * 50, sensitive_features=["f"] * 100)
    assert criterion(report, "demographic_parity")["estimate"] is None
    assert report.to_dict()["data"]["representation"][0]["groups"][0]["share"]["estimate"] == 1
    assert "<h1>" in report.to_html()


def test_weights_count_in_rates_and_numbers_of_rows_stay():
    y, pred, sex = [1, 1] * 50, [1, 0] * 50, ["f"] * 50 + ["m"] * 50
    weight = np.tile([3.0, 1.0], 50)
    report = report_of(y, pred, sensitive_features=sex, sample_weight=weight)
    line = rate(report, "true_positive_rate", ["f"])
    assert line["estimate"] == 0.75
    assert line["n"] == 50
    assert report.to_dict()["about"]["is_weighted"]
    assert any("sampling weights" in text for text in report.to_dict()["limits"])
    plain = report_of(y, pred, sensitive_features=sex)
    assert not plain.to_dict()["about"]["is_weighted"]


def test_rows_without_weight_tell_nothing():
    rng = np.random.default_rng(0)
    n, sex = 1200, np.tile(["f", "m"], 600)
    counted = np.arange(n) < 600
    X = pd.DataFrame({"z": rng.random(n), "w": np.where(counted, rng.random(n), sex == "m")})
    y = (X["z"] + 0.3 * rng.normal(size=n) > 0.5).astype(int)
    y = np.where(counted, y, sex == "f")  # another world, in which w tells both
    model = LogisticRegression().fit(X, y)
    options = {"sensitive_features": {"sex": sex}, "sections": ["data", "model"]}
    weighted = FairnessReport(model, X, y, sample_weight=counted * 1.0, **options).to_dict()
    alone = FairnessReport(
        model, X[counted], y[counted], **options | {"sensitive_features": {"sex": sex[counted]}}
    ).to_dict()
    for part in ("performance", "rates", "roc", "weak_slices"):
        assert weighted["model"][part] == alone["model"][part]
    for key in ("in_the_large", "mean_label", "error"):
        pair = (x["model"]["calibration"][0]["groups"][0][key] for x in (weighted, alone))
        assert next(pair) == pytest.approx(next(pair))
    proxies = {x["column"]: x["auc"] for x in weighted["data"]["proxies"][0]["columns"]}
    assert proxies["w"] < 0.6
    moved = {x["feature"]: x["estimate"] for x in weighted["model"]["attribution"][0]["gaps"]}
    assert abs(moved["w"]) < 0.1


def test_curves_are_those_of_their_groups():
    rng = np.random.default_rng(0)
    y, sex = rng.integers(0, 2, 3000), np.repeat(["f", "m", "x"], 1000)
    score = y * np.select([sex == "f", sex == "m"], [2.0, 1.0], 0.3) + rng.normal(size=3000)
    report = report_of(y, score > 1, y_score=score, sensitive_features=sex, sections=["roc"])
    for line in report.to_dict()["model"]["roc"][0]["groups"]:
        assert auc(line["fpr"], line["tpr"]) == pytest.approx(line["estimate"], abs=0.01)


def test_long_curves_are_thinned_and_keep_their_ends():
    rng = np.random.default_rng(0)
    y, sex = rng.integers(0, 2, 2000), np.repeat(["f", "m"], 1000)
    score = y + rng.normal(size=2000)
    report = report_of(y, score > 1, y_score=score, sensitive_features=sex, sections=["roc"])
    for line in report.to_dict()["model"]["roc"][0]["groups"]:
        assert 30 < len(line["fpr"]) <= 62
        assert (line["fpr"][0], line["tpr"][0]) == (0, 0)
        assert (line["fpr"][-1], line["tpr"][-1]) == (1, 1)


def test_labels_that_are_text_need_a_positive_class(small):
    y, pred, sex = small
    words = np.array(["bad", "good"])
    with pytest.raises(ValueError, match="pos_label"):
        report_of(words[y], words[pred], sensitive_features=sex)
    report = report_of(words[y], words[pred], sensitive_features=sex, pos_label="good")
    plain = report_of(y, pred, sensitive_features=sex)
    assert report.to_dict()["model"] == plain.to_dict()["model"]
    assert report.to_dict()["about"]["positive_class"] == "good"
    flipped = report_of(words[y], words[pred], sensitive_features=sex, pos_label="bad")
    was = rate(plain, "false_positive_rate", ["f"])["estimate"]
    assert 1 - rate(flipped, "true_positive_rate", ["f"])["estimate"] == pytest.approx(was)


def test_one_class_of_several_against_the_rest():
    rng = np.random.default_rng(0)
    y, pred = rng.choice(["a", "b", "c"], (2, 300))
    sex = rng.choice(["f", "m"], 300)
    report = report_of(y, pred, sensitive_features=sex, pos_label="b", sections=["rates"])
    members = sex == "f"
    wanted = (pred[members] == "b").mean()
    assert rate(report, "selection_rate", ["f"])["estimate"] == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("make", [pl.from_pandas, lambda X: X.set_index(X.index[::-1] * 3)])
def test_frames_of_any_kind_give_the_same(make):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {"age": rng.integers(20, 60, 300), "sex": rng.choice(["f", "m"], 300), "z": rng.random(300)}
    )
    y = (X["z"] + 0.2 * (X["sex"] == "m") > 0.6).astype(int).to_numpy()
    pred = (X["z"] > 0.5).astype(int).to_numpy()
    options = {"sensitive_features": ["sex", Bins("age", [40])], "y_score": X["z"].to_numpy()}
    first = report_of(y, pred, X=X, **options).to_dict()
    assert report_of(y, pred, X=make(X), **options).to_dict() == first
    assert first["about"]["sensitive_features"] == ["sex", "age"]
    assert [part["by"] for part in first["data"]["proxies"]] == [["sex"], ["age"], ["sex", "age"]]
    assert {x["column"] for x in first["data"]["proxies"][0]["columns"]} == {"z"}


def test_an_index_aligns_nothing(small):
    y, pred, sex = small
    rng = np.random.default_rng(0)
    index = rng.permutation(200)
    shuffled = [pd.Series(values, index=rng.permutation(200)) for values in (y, pred)]
    report = report_of(*shuffled, sensitive_features=pd.Series(sex, index=index, name="sex"))
    plain = report_of(y, pred, sensitive_features={"sex": sex})
    assert report.to_dict() == plain.to_dict()


def test_missing_sensitive_values_are_a_group_or_refused(small):
    y, pred, sex = small
    sex = sex.astype(object)
    sex[:40] = None
    report = report_of(y, pred, sensitive_features={"sex": sex})
    assert rate(report, "accuracy", ["<missing>"])["n"] == 40
    assert "&lt;missing&gt;" in report.to_html()
    with pytest.raises(ValueError, match="missing"):
        report_of(y, pred, sensitive_features={"sex": sex}, missing="raise")


def test_an_estimator_is_asked_for_predictions_and_probabilities():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(400, 2)), columns=["a", "b"]).assign(sex=[0, 1] * 200)
    y = np.where(X["a"] + X["sex"] + rng.normal(size=400) > 0, "yes", "no")
    model = LogisticRegression().fit(X, y)
    report = FairnessReport(model, X, y, sensitive_features="sex", pos_label="yes")
    predictions = report_of(
        y,
        model.predict(X),
        y_score=model.predict_proba(X)[:, 1],
        X=X,
        sensitive_features="sex",
        pos_label="yes",
    )
    model_section = report.to_dict()["model"]
    attribution = model_section.pop("attribution")
    assert predictions.to_dict()["model"] == model_section
    assert {x["feature"] for x in attribution[0]["gaps"]} == {"a", "b", "sex"}
    assert report.to_dict()["about"]["model"] == "LogisticRegression"
    again = FairnessReport.from_estimator(model, X, y, sensitive_features="sex", pos_label="yes")
    assert again.to_dict() == report.to_dict()


def test_scores_point_to_the_positive_class():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(300, 2)), columns=["a", "b"])
    y = np.where(X["a"] + 0.5 * rng.normal(size=300) > 0, "a yes", "b no")  # positive comes first
    sex = np.tile(["f", "m"], 150)
    options = {"sensitive_features": sex, "pos_label": "a yes", "sections": ["roc"]}
    for model in (LogisticRegression(), LinearSVC()):
        report = FairnessReport(model.fit(X, y), X, y, **options)
        for line in report.to_dict()["model"]["roc"][0]["groups"]:
            assert line["estimate"] > 0.8
            assert (line["fpr"][0], line["tpr"][-1]) == (0, 1)
            assert len(line["fpr"]) <= 62
    svc = FairnessReport(model, X, y, sensitive_features=sex, pos_label="a yes")
    assert "calibration" not in svc.to_dict()["model"]  # its scores are no probabilities


def test_calibration_says_who_is_underestimated():
    rng = np.random.default_rng(0)
    score = rng.uniform(0.2, 0.8, 2000)
    sex = np.tile(["f", "m"], 1000)
    y = (rng.random(2000) < score + np.where(sex == "f", 0.15, 0)).astype(int)
    report = report_of(y, score > 0.5, y_score=score, sensitive_features=sex)
    f, m = report.to_dict()["model"]["calibration"][0]["groups"]
    table = calibration_by_group(y, score, sensitive_features=sex)
    for i, line in enumerate((f, m)):
        for kind in ("in_the_large", "error"):
            wanted = [table[f"calibration_{kind}{end}"].iloc[i] for end in ("", "_low", "_high")]
            assert [line[kind][k] for k in ("estimate", "low", "high")] == pytest.approx(
                wanted, rel=1e-5
            )
    gap = y[::2].mean() - score[::2].mean()
    assert f["in_the_large"]["estimate"] == pytest.approx(gap, abs=1e-5)
    assert f["in_the_large"]["low"] > 0.05
    assert m["in_the_large"]["low"] < 0 < m["in_the_large"]["high"]


def test_probabilities_of_two_classes_may_come_as_a_matrix(small):
    y, pred, sex = small
    score = np.linspace(0.1, 0.9, 200)
    one = report_of(y, pred, y_score=score, sensitive_features=sex)
    two = report_of(y, pred, y_score=np.column_stack([1 - score, score]), sensitive_features=sex)
    assert one.to_dict() == two.to_dict()


def test_weak_slices_are_found():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"city": rng.choice(["a", "b", "c"], 900), "z": rng.random(900)})
    y = rng.integers(0, 2, 900)
    wrong = rng.random(900) < np.where(X["city"] == "c", 0.5, 0.05)
    pred = np.where(wrong, 1 - y, y)
    report = report_of(y, pred, X=X, sensitive_features=rng.choice(["f", "m"], 900))
    slices = report.to_dict()["model"]["weak_slices"]["slices"]
    assert "city = 'c'" in slices[0]["slice"]
    (whole,) = (line for line in slices if line["slice"] == "city = 'c'")
    assert whole["low"] > 0.3
    assert whole["n"] == (X["city"] == "c").sum()


def test_copies_are_counted_by_group():
    X = pd.DataFrame({"a": [1] * 10 + list(range(10, 60)), "b": 0})
    sex = ["f"] * 10 + ["m"] * 50
    report = report_of([0, 1] * 30, [1, 1] * 30, X=X, sensitive_features={"sex": sex})
    part = report.to_dict()["data"]["duplicates"]
    assert part["n_duplicates"] == 9
    assert [line["n_duplicates"] for line in part["groups"]] == [9, 0]
    left_out = {x["part"]: x["why"] for x in report.to_dict()["left_out"]}
    assert "fewer than 64 rows" in left_out["weak_slices"]


def test_sparse_features_and_labels_of_one_class_leave_parts_out():
    from scipy.sparse import csr_array

    options = {"X": csr_array(np.eye(100)), "sensitive_features": ["f", "m"] * 50}
    report = report_of([0] * 100, [0, 1, 1, 0] * 25, **options)
    left_out = {x["part"]: x["why"] for x in report.to_dict()["left_out"]}
    for part in ("proxies", "duplicates", "weak_slices"):
        assert left_out[part] == "the features are a sparse matrix"
    assert left_out["pretraining"] == "the labels are of one class"
    assert rate(report, "selection_rate", ["f"])["estimate"] == 0.5


def test_label_noise_is_made_on_request():
    pytest.importorskip("cleanlab")
    rng = np.random.default_rng(0)
    z = rng.normal(size=600)
    sex = np.tile(["f", "m"], 300)
    y = (z > 0).astype(int)
    flipped = (sex == "f") & (rng.random(600) < 0.2)
    y[flipped] = 1 - y[flipped]
    score = 1 / (1 + np.exp(-4 * z))
    options = {"y_score": score, "sensitive_features": sex}
    assert "label_noise" not in report_of(y, z > 0, **options).to_dict()["data"]
    report = report_of(y, z > 0, sections=["label_noise"], **options)
    f, m = report.to_dict()["data"]["label_noise"]["groups"]
    assert f["estimate"] > 0.1 > m["estimate"]
    assert "doubtful labels" in " ".join(report.to_dict()["limits"])
    assert "confident learning" in report.to_html()


def test_sections_are_chosen_by_name(small):
    y, pred, sex = small
    report = report_of(y, pred, sensitive_features=sex, sections=["rates", "pretraining"])
    found = report.to_dict()
    assert (list(found["data"]), list(found["model"])) == (["pretraining"], ["rates"])
    assert "No criteria" in report.to_html()
    data = report_of(y, pred, sensitive_features=sex, sections=["data"]).to_dict()
    assert data["model"] == {}
    with pytest.raises(ValueError, match="did you mean 'rates'"):
        report_of(y, pred, sensitive_features=sex, sections=["rate"])
    with pytest.raises(ValueError, match="'roc' can't be made: there are no scores"):
        report_of(y, pred, sensitive_features=sex, sections=["roc"])
    with pytest.raises(ValueError, match="a list of names"):
        report_of(y, pred, sensitive_features=sex, sections="rates")


def test_the_same_seed_gives_the_same_report(small):
    y, pred, sex = small
    X = pd.DataFrame({"a": np.arange(200.0), "sex": sex})
    one, two = (report_of(y, pred, X=X, sensitive_features="sex").to_json() for _ in range(2))
    assert one == two


def test_json_goes_out_and_comes_back(small, tmp_path):
    y, pred, sex = small
    report = report_of(y, pred, sensitive_features=sex, title="<t>")
    text = report.to_json(tmp_path / "report.json")
    assert (tmp_path / "report.json").read_text(encoding="utf-8") == text
    again = FairnessReport.from_json(text)
    assert again.to_dict() == report.to_dict() == json.loads(text)
    assert again.to_html() == report.to_html()
    assert again.to_markdown() == report.to_markdown()
    with pytest.raises(ValueError, match="holds no counts"):
        FairnessReport.compare(again, report)


def test_what_a_dict_gives_is_the_users_own(small):
    y, pred, sex = small
    report = report_of(y, pred, sensitive_features=sex)
    report.to_dict()["model"].clear()
    assert report.to_dict()["model"]


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_figures_that_json_lacks_are_refused(small, token):
    y, pred, sex = small
    text = report_of(y, pred, sensitive_features=sex, sections=["rates"]).to_json()
    damaged = re.sub(r'"estimate": [\d.]+', f'"estimate": {token}', text, count=1)
    assert damaged != text
    with pytest.raises(ValueError, match="damaged"):
        FairnessReport.from_json(damaged)


def test_limits_say_how_many_intervals_miss(small):
    y, pred, sex = small
    options = {"sensitive_features": {"sex": sex}, "sections": ["rates"]}

    def said(**more):
        return " ".join(report_of(y, pred, **options, **more).to_dict()["limits"])

    # 6 rates of 2 groups
    assert "12 intervals here" in said()
    assert "in 95 % of samples, so fewer than one of them will miss" in said()
    assert "in 60 % of samples, so about 5 of them will miss" in said(confidence_level=0.6)
    assert "in 99.9 % of samples, so fewer than one of them will miss" in said(
        confidence_level=0.999
    )
    page = report_of(y, pred, **options, confidence_level=0.999).to_html()
    assert "99.9 % of samples like" in page
    assert "100 % of samples" not in page


def test_files_that_are_no_report_are_refused(small):
    y, pred, sex = small
    found = report_of(y, pred, sensitive_features=sex).to_dict()
    with pytest.raises(ValueError, match="no report"):
        FairnessReport.from_json("[1]")
    with pytest.raises(ValueError, match="version is 2"):
        FairnessReport.from_dict(found | {"version": 2})
    with pytest.raises(ValueError, match="damaged"):
        FairnessReport.from_dict(found | {"model": {"rates": [{"by": 1}]}})


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_columns_of_x_may_be_named(make):
    rng = np.random.default_rng(0)
    n = 300
    columns = {
        "z": rng.random(n),
        "sex": rng.choice(["f", "m"], n),
        "good": rng.integers(0, 2, n),
        "hired": rng.integers(0, 2, n),
        "was": rng.integers(0, 2, n),
        "score": rng.random(n),
        "w": rng.uniform(1, 2, n),
        "other": rng.integers(0, 2, n),
    }
    named = report_of(
        "good",
        "hired",
        X=make(columns),
        sensitive_features="sex",
        y_score="score",
        sample_weight="w",
        baseline="was",
        alternatives={"other": "other"},
        n_resamples=99,
    )
    given = report_of(
        columns["good"],
        columns["hired"],
        X=make({name: columns[name] for name in ("z", "sex")}),
        sensitive_features="sex",
        y_score=columns["score"],
        sample_weight=columns["w"],
        baseline=columns["was"],
        alternatives={"other": columns["other"]},
        n_resamples=99,
    )
    assert named.to_dict() == given.to_dict()
    assert {x["column"] for x in named.to_dict()["data"]["proxies"][0]["columns"]} == {"z"}


def test_a_table_of_nothing_but_names_has_no_features():
    table = pd.DataFrame({"good": [0, 1] * 50, "hired": [1, 1] * 50})
    report = report_of("good", "hired", X=table, sensitive_features=["f"] * 40 + ["m"] * 60)
    left_out = {x["part"]: x["why"] for x in report.to_dict()["left_out"]}
    assert left_out["proxies"] == "there are no features, X"


def test_names_without_a_table_are_refused(small):
    y, pred, sex = small
    table = pd.DataFrame({"good": y, "hired": pred})
    with pytest.raises(ValueError, match=r"\['good'\] would be names of columns: give X"):
        report_of("good", pred, sensitive_features=sex)
    with pytest.raises(ValueError, match=r"\['good'\] would be names of columns: give X"):
        report_of("good", pred, sensitive_features=sex, X=np.zeros((200, 2)))
    with pytest.raises(ValueError, match=r"no columns? .*'god'.*; its columns are \['good'"):
        report_of("god", "hired", sensitive_features=sex, X=table)


def test_bad_input_is_refused(small):
    y, pred, sex = small
    with pytest.raises(ValueError, match="inconsistent"):
        report_of(y, pred[:-1], sensitive_features=sex)
    with pytest.raises(ValueError, match="inconsistent"):
        report_of(y, pred, sensitive_features=sex[:-1])
    with pytest.raises(ValueError, match="inconsistent"):
        report_of(y, pred, sensitive_features=sex, X=np.zeros((199, 2)))
    with pytest.raises(ValueError, match="names a column"):
        report_of(y, pred, sensitive_features="sex")
    with pytest.raises(ValueError, match="sensitive_features is needed"):
        report_of(y, pred, sensitive_features=None)
    with pytest.raises(ValueError, match="confidence_level"):
        report_of(y, pred, sensitive_features=sex, confidence_level=95)
    with pytest.raises(ValueError, match="NaN"):
        report_of(y, pred, sensitive_features=sex, y_score=np.full(200, np.nan))
    with pytest.raises(ValueError, match="all sample weights are zero"):
        report_of(y, pred, sensitive_features=sex, sample_weight=np.zeros(200))
    with pytest.raises(TypeError, match="from_predictions"):
        FairnessReport(y, np.zeros((200, 1)), y, sensitive_features=sex)
    with pytest.raises(TypeError, match=r"score_tally\.at"):
        FairnessReport.from_tally(ScoreTally.from_arrays(y, y / 1.0, sex))
    tally = Tally.from_arrays(y, pred, sex)
    with pytest.raises(ValueError, match="same groups"):
        FairnessReport.from_tally(tally, scores=ScoreTally.from_arrays(y, y / 1.0, pred))


def test_an_unfitted_estimator_is_refused(small):
    y, _, sex = small
    with pytest.raises(ValueError, match="not fitted"):
        FairnessReport(GaussianNB(), np.zeros((200, 1)), y, sensitive_features=sex)


def test_a_model_that_wants_groups_at_predict_gets_them():
    from skfair.postprocessing import ThresholdOptimizer

    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(400, 2)), columns=["a", "b"])
    sex = np.tile(["f", "m"], 200)
    y = (X["a"] + 0.8 * (sex == "m") + 0.5 * rng.normal(size=400) > 0).astype(int)
    rule = ThresholdOptimizer(LogisticRegression(), constraints="demographic_parity", tol=0.02)
    rule.fit(X, y, sensitive_features=sex)
    report = FairnessReport(rule, X, y, sensitive_features=sex)
    wanted = rule.predict(X, sensitive_features=sex)
    assert rate(report, "selection_rate", ["f"])["estimate"] == pytest.approx(
        wanted[sex == "f"].mean(), rel=1e-5
    )


def test_adult_in_one_go():
    X, y = load_adult(return_X_y=True)
    X, y = X.iloc[:6000], y.iloc[:6000]
    numbers = X.select_dtypes("number")
    model = GaussianNB().fit(numbers, y)
    report = report_of(
        y,
        model.predict(numbers),
        y_score=model.predict_proba(numbers),
        X=X,
        sensitive_features=["sex", "race"],
        pos_label=">50K",
    )
    found = report.to_dict()
    assert found["left_out"] == [{"part": "attribution", "why": "there is no estimator"}]
    best = found["data"]["proxies"][0]["columns"][0]["column"]
    assert best == "relationship"
    assert len(report.to_html()) < 2_000_000
    assert repr(report) == "FairnessReport(6000 rows by sex, race)"


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("tally.json", r"got str \(Tally\.load reads"),
        ({"march": None}, r"got dict \(.*sum\(slices\.values"),
        (ScoreTally.from_arrays([0, 1], [0.1, 0.9], ["a", "b"]), r"score_tally\.at\("),
        (3, r"got int$"),
    ],
)
def test_what_is_no_tally_is_told_from_one(given, hint):
    with pytest.raises(TypeError, match=hint):
        FairnessReport.from_tally(given)


def test_the_tally_behind_a_report():
    y, found, sex = [0, 1, 1, 0], [0, 1, 0, 0], {"sex": list("ffmm")}
    report = FairnessReport.from_predictions(y, found, sensitive_features=sex, sections=["rates"])
    assert report.tally.names == ("sex",)
    assert report.tally.cells().tolist() == [[1, 0, 0, 1], [1, 0, 1, 0]]
    again = FairnessReport.from_json(report.to_json())
    with pytest.raises(ValueError, match="holds no counts"):
        _ = again.tally


def test_scores_of_the_other_class_or_of_other_rows_are_refused():
    y, found, sex = ["a", "b"] * 20, ["a", "a", "b", "b"] * 10, ["f"] * 20 + ["m"] * 20
    tally, score = Tally.from_arrays(y, found, sex), np.linspace(0, 1, 40)

    def report(labels=y, pos_label="a", weight=None):
        rows = len(labels)
        scores = ScoreTally.from_arrays(
            labels, score[-rows:], sex[-rows:], pos_label=pos_label, sample_weight=weight
        )
        return FairnessReport.from_tally(tally, scores=scores, pos_label="a", sections=["roc"])

    assert report().to_dict()["model"]["roc"]
    with pytest.raises(ValueError, match="scores are for 'b' and the decisions for 'a'"):
        report(pos_label="b")
    with pytest.raises(ValueError, match="same rows"):
        report(y[1:])
    with pytest.raises(ValueError, match="same weights"):
        report(weight=[2] * 40)
