from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hiring import people
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

import skfair.cli._mitigate as mitigating
import skfair.cli._options
from skfair.cli import load_model, main
from skfair.cli._candidates import Candidate, Wanted, make_candidates, plain_model
from skfair.cli._names import METHODS, WITH_GROUP, WITHOUT_GROUP
from skfair.criteria import CRITERIA
from skfair.metrics import demographic_parity_difference

pytest.importorskip("skops")

OPTIONS = ("--target", "hired", "--positive", "yes", "--sensitive", "sex", "--drop", "decision")
QUICK = (*OPTIONS, "--cv", "3", "--try", "reweighter")


@pytest.fixture
def output(tmp_path):
    return tmp_path / "m.skops"


def test_the_best_within_the_bound_is_written_and_reported(run, table, frame, output, tmp_path):
    files = ("--output", output, "--json", tmp_path / "r.json", "--html", tmp_path / "r.html")
    code, out, _ = run("mitigate", table, *QUICK, "--bound", "0.12", *files)
    assert code == 0
    assert "chosen: reweighter" in out
    model, card = load_model(output)
    assert card.columns == {"region": "other", "skill": "number", "age": "number", "sex": "other"}
    assert (card.method, card.uses_group_at_predict) == ("reweighter", False)
    found = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert found["about"]["n_rows"] == 100
    assert found["mitigation"]["is_paired"]
    test = mitigating.split(frame, *split_options()).test
    line = found["mitigation"]["criteria"][0]["criteria"][0]
    options = {"sensitive_features": test["sex"], "pos_label": "yes"}
    gap = demographic_parity_difference(test["hired"], model.predict(test), **options)
    assert line["after"]["estimate"] == pytest.approx(gap, rel=1e-5)
    assert (tmp_path / "r.html").stat().st_size > 10_000
    # without the group at predict: another sex changes no decision
    X = frame[["region", "skill", "age", "sex"]]
    assert (model.predict(X) == model.predict(X.assign(sex="f"))).all()


def test_the_written_model_can_be_audited_with_a_note_on_rows_it_knows(run, table, output, frame):
    run("mitigate", table, *QUICK, "--output", output)
    code, out, err = run("audit", table, *OPTIONS[:6], "--model", output)
    assert code == 0
    assert "Gaps between groups" in out
    assert "fitted to rows of people.csv" in err
    people(seed=1).to_csv(table.parent / "new.csv", index=False)
    assert run("audit", table.parent / "new.csv", *OPTIONS[:6], "--model", output)[2] == ""


class Spy(ClassifierMixin, BaseEstimator):
    """Remembers which rows it was fitted to and asked about."""

    seen: list = []  # noqa: RUF012

    def fit(self, X, y, sample_weight=None):
        Spy.seen.append(set(X["row"]))
        self.inner_ = LogisticRegression().fit(X[["skill"]], y)
        self.classes_ = self.inner_.classes_
        return self

    def predict(self, X):
        Spy.seen.append(set(X["row"]))
        return self.inner_.predict(X[["skill"]])


def test_the_rows_of_the_test_part_never_reach_the_search(run, table, frame, output, monkeypatch):
    frame.assign(row=np.arange(len(frame))).to_csv(table, index=False)
    monkeypatch.setattr(mitigating, "plain_model", lambda *args: Spy())
    monkeypatch.setattr(Spy, "seen", [])
    tests = []
    report = mitigating.FairnessReport

    class Watched(report):
        def __init__(self, estimator, X, y, **options):
            tests.append((set(X["row"]), len(Spy.seen)))
            super().__init__(estimator, X, y, **options)

    monkeypatch.setattr(mitigating, "FairnessReport", Watched)
    monkeypatch.setattr(mitigating, "save_model", lambda *args: None)
    code, _, err = run("mitigate", table, *QUICK, "--output", output)
    assert (code, err) == (0, "")
    part, n_before = tests[0]
    assert len(part) == 100
    searched = set.union(*Spy.seen[:n_before])
    assert n_before == 2 * 3 * 2 + 2  # two candidates, three folds, fit and predict; two last fits
    assert searched | part == set(range(400))
    assert not searched & part
    for fitted, asked in zip(Spy.seen[:12:2], Spy.seen[1:12:2], strict=True):
        assert not fitted & asked  # nor does a fold's model decide on rows that it knows


def split_options():
    args = skfair.cli._options.make_parser().parse_args(["mitigate", "x", "--sensitive", "sex"])
    return mitigating.Task("x", "hired", "yes", ["sex"]), args


def test_the_parts_have_the_same_shares_of_labels_and_groups():
    frame = people(2000)
    parts = mitigating.split(frame, *split_options())
    rest = parts.X.assign(hired=parts.y)
    for column in (["sex"], ["hired"], ["sex", "hired"]):
        shares = [part.value_counts(column, normalize=True) for part in (rest, parts.test)]
        pd.testing.assert_series_equal(*(s.sort_index() for s in shares), atol=0.003)


def test_a_group_of_one_row_is_no_obstacle_to_the_split(run, table, frame, output):
    frame.loc[0, "sex"] = "x"
    frame.to_csv(table, index=False)
    code, out, err = run("mitigate", table, *QUICK, "--output", output)
    assert code == 0
    assert "chosen" in out
    assert "Traceback" not in err


def test_the_test_part_decides_on_conditions(run, table, frame, output):
    conditions = ("--fail-if", "demographic_parity > 0.99", "--fail-if", "accuracy < 1")
    code, out, _ = run("mitigate", table, *QUICK, "--output", output, *conditions)
    assert code == 1
    assert "'demographic_parity > 0.99' [sex]: passes" in out
    model, _ = load_model(output)
    parts = mitigating.split(frame, *split_options())
    accuracy = (model.predict(parts.test) == parts.test["hired"]).mean()
    assert f"'accuracy < 1': FAILS: {accuracy:.3f} (" in out


def test_that_no_candidate_is_within_the_bound_is_said(run, table, output):
    code, out, _ = run("mitigate", table, *QUICK, "--bound", "0", "--output", output)
    assert code == 0
    words = "is within demographic_parity of 0; reweighter misses it by the least"
    assert words in out


def test_with_the_same_seed_it_does_the_same(run, table, output):
    lines = []
    for _ in range(2):
        out = run("mitigate", table, *QUICK, "--output", output)[1]
        lines.append(out[out.index("On the test part") :])
    assert lines[0] == lines[1]


# candidates


def wanted(criterion="demographic_parity", bound=0.05, metric="accuracy"):
    return Wanted(CRITERIA[criterion], bound, metric, ["sex"], "yes", 0)


def names(methods, **options):
    return [c.name for c in make_candidates(LogisticRegression(), wanted(**options), methods)[0]]


def test_without_the_flag_no_rule_uses_the_group(run, table, output, monkeypatch):
    tried = []

    def spy(model, aim, methods, **options):
        tried.append(list(methods))
        raise ValueError("that is enough")

    monkeypatch.setattr(mitigating, "make_candidates", spy)
    options = (*OPTIONS, "--cv", "2", "--output", output)
    run("mitigate", table, *options)
    run("mitigate", table, *options, "--allow-group-at-predict")
    assert tried == [list(WITHOUT_GROUP), list(METHODS)]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("method", WITHOUT_GROUP)
def test_candidates_without_the_group_don_t_look_at_it(frame, method):
    X = frame.drop(columns=["hired", "decision"])
    model = plain_model(X, ["region", "skill", "age"], "logistic", 0)
    for candidate in make_candidates(model, wanted(), [method])[0]:
        assert not candidate.uses_group
        fitted = candidate.model.fit(X, frame["hired"])
        swapped = X.assign(sex=X["sex"].map({"f": "m", "m": "f"}))
        assert (fitted.predict(X) == fitted.predict(swapped)).all()


def test_rules_that_use_or_infer_the_group_are_marked():
    found = make_candidates(LogisticRegression(), wanted(), METHODS)[0]
    marked = {c.name.split(",")[0] for c in found if c.uses_group}
    assert marked == set(WITH_GROUP)
    kept = make_candidates(LogisticRegression(), wanted(), ["reweighter"], plain_uses_group=True)[0]
    assert all(c.uses_group for c in kept)


def test_tolerances_follow_the_bound():
    found = names(["reductions"], bound=0.1)
    assert found == ["plain", "reductions, tol 0.1", "reductions, tol 0.05"]
    assert names(["reductions"], bound=0) == ["plain", "reductions, tol 0"]
    ratio = names(["reductions"], criterion="disparate_impact", bound=0.75)
    assert ratio[1:] == ["reductions, tol 0.25", "reductions, tol 0.125"]


def test_methods_that_can_t_have_the_criterion_are_left_out():
    model = LogisticRegression()
    found, left_out = make_candidates(model, wanted("predictive_parity"), METHODS)
    assert left_out == ["reductions", "guessed_thresholds"]
    assert not {"reductions", "guessed_thresholds"} & {c.name.split(",")[0] for c in found}


@pytest.mark.parametrize("kind", ["logistic", "hist_gradient_boosting"])
def test_the_plain_model_takes_missing_values_and_new_categories(kind):
    X = pd.DataFrame(
        {
            "n": [1.0, None, 3, 4] * 10,
            "c": pd.Categorical(["a", "b", None, "a"] * 10),
            "t": ["x", "y", None, "x"] * 10,
            "b": [True, False] * 20,
            "void": [None] * 40,
        }
    ).astype({"void": float})
    y = ["no", "yes"] * 20
    model = plain_model(X, list(X.columns), kind, 0).fit(X, y)
    new = X.assign(t="new", c=pd.Categorical(["z"] * 40), n=np.nan)
    assert set(model.predict(new)) <= {"no", "yes"}


class Coin(ClassifierMixin, BaseEstimator):
    """Learns nothing."""

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.repeat(self.classes_[0], len(X))


def test_a_constant_model_is_not_written(run, table, output, monkeypatch):
    monkeypatch.setattr(mitigating, "plain_model", lambda *args: Coin())
    code, out, err = run("mitigate", table, *QUICK, "--output", output)
    assert (code, out) == (3, "")
    assert "nearly constant" in err
    assert err.count("\n") == 1
    assert not output.exists()


def test_a_method_that_fails_doesn_t_end_the_search(run, table, output, monkeypatch):
    class Fails(Coin):
        def fit(self, X, y):
            raise ValueError("no\nway")

    def make(model, aim, methods, **options):
        found, left_out = make_candidates(model, aim, methods, **options)
        return [*found, Candidate("fails", Fails())], left_out

    monkeypatch.setattr(mitigating, "make_candidates", make)
    code, out, err = run("mitigate", table, *QUICK, "--output", output)
    assert code == 0
    assert "failed" in out
    assert "note: fails failed: ValueError: no way" in err


def test_dates_are_left_out_with_a_note(run, tmp_path, frame, output):
    pytest.importorskip("duckdb")
    pytest.importorskip("pyarrow")
    path = tmp_path / "people.parquet"
    frame.assign(day=pd.Timestamp("2026-01-01")).to_parquet(path)
    code, _, err = run("mitigate", path, *QUICK, "--output", output)
    assert code == 0
    assert "no features here: day" in err


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["logistic", "hist_gradient_boosting"])
def test_every_method_on_german(tmp_path, capsys, estimator):
    args = ["german", "--sensitive", "age:25", "--cv", "2", "--allow-group-at-predict"]
    files = ["--output", str(tmp_path / "m.skops"), "--estimator", estimator]
    assert main(["mitigate", *args, *files, "--jobs", "2"]) == 0
    out, err = capsys.readouterr()
    assert "failed" not in err
    assert all(method in out for method in METHODS)
    assert main(["audit", "german", "--sensitive", "age:25", "--model", files[1]]) == 0


@pytest.mark.slow
def test_adult_s_parity_gap_is_halved_on_rows_that_no_choice_has_seen(tmp_path):
    args = ["adult", "--sensitive", "sex", "--drop", "fnlwgt", "--cv", "2", "--try", "reductions"]
    files = ["--output", str(tmp_path / "m.skops"), "--json", str(tmp_path / "r.json")]
    condition = ["--fail-if", "demographic_parity > 0.08", "--fail-if", "accuracy < 0.83"]
    assert main(["mitigate", *args, *files, *condition, "--fail-side", "possible"]) == 0
    found = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    before = found["mitigation"]["criteria"][0]["criteria"][0]["before"]["estimate"]
    assert before > 0.15


def test_features_are_named_and_strange_ones_told(run, table, frame, output):
    numbers = [f"p{i}" for i in range(len(frame))]
    frame.assign(number=numbers, copied=frame["hired"]).to_csv(table, index=False)
    code, out, error = run("mitigate", table, *QUICK, "--output", output)
    assert code == 0
    assert "features: region, skill, age, " in out
    assert "number" not in out
    assert "no features: number" in error
    assert "copied has the labels' values" in error


def test_a_bound_that_is_missed_stands_in_the_report(run, table, output, tmp_path):
    files = ("--output", output, "--json", tmp_path / "r.json")
    assert run("mitigate", table, *QUICK, "--bound", "0.0001", *files)[0] == 0
    title = json.loads((tmp_path / "r.json").read_text())["title"]
    assert "chosen for demographic_parity within 0.0001, which it misses out of fold" in title
