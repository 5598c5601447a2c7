"""Audits of a model's file, and of Parquet files that are not loaded."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import skfair.cli._tables
from skfair.cli import ModelCard, save_model
from skfair.metrics import demographic_parity_difference
from skfair.tally import Tally

OPTIONS = ("--target", "hired", "--positive", "yes", "--sensitive", "sex")
DECIDED = (*OPTIONS, "--prediction", "decision")


def gap(found, criterion, by=("sex",)):
    part = next(p for p in found["model"]["criteria"] if tuple(p["by"]) == by)
    return next(line for line in part["criteria"] if line["criterion"] == criterion)


# a model


def plain_model(frame):
    return LogisticRegression().fit(frame[["skill", "age"]], frame["hired"])


CARD = ModelCard("hired", "yes", ["sex"], {"skill": "number", "age": "number"}, "plain", False)


@pytest.fixture
def model(tmp_path, frame):
    pytest.importorskip("skops")
    save_model(plain_model(frame), CARD, tmp_path / "m.skops")
    return tmp_path / "m.skops"


def test_a_model_decides(run, table, frame, model, tmp_path):
    options = (*OPTIONS, "--model", model, "--json", tmp_path / "r.json")
    code, _, err = run("audit", table, *options, "--fail-if", "accuracy < 0.5")
    assert (code, err) == (0, "")
    found = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    decided = plain_model(frame).predict(frame[["skill", "age"]])
    expected = demographic_parity_difference(
        frame["hired"], decided, sensitive_features=frame["sex"], pos_label="yes"
    )
    assert gap(found, "demographic_parity")["estimate"] == pytest.approx(expected, rel=1e-5)
    assert found["about"]["model"] == "LogisticRegression"


def test_a_model_that_skops_wrote_will_do(run, table, frame, tmp_path):
    io = pytest.importorskip("skops.io")
    io.dump(plain_model(frame), tmp_path / "bare.skops")
    code, out, _ = run("audit", table, *OPTIONS, "--model", tmp_path / "bare.skops")
    assert code == 0
    assert "Rates by sex" in out


def test_columns_that_a_model_lacks_or_that_changed(run, table, frame, model):
    frame.rename(columns={"skill": "skills"}).to_csv(table, index=False)
    code, _, err = run("audit", table, *OPTIONS, "--model", model)
    assert code == 2
    assert "did you mean 'skills'?" in err
    frame.assign(skill="high").to_csv(table, index=False)
    code, _, err = run("audit", table, *OPTIONS, "--model", model)
    assert code == 2
    assert "fitted to numbers in the column 'skill'" in err
    assert err.count("\n") == 1


def test_a_model_of_other_labels(run, table, frame, tmp_path):
    io = pytest.importorskip("skops.io")
    other = LogisticRegression().fit(frame[["skill", "age"]], frame["hired"] == "yes")
    io.dump(other, tmp_path / "bare.skops")
    code, _, err = run("audit", table, *OPTIONS, "--model", tmp_path / "bare.skops")
    assert code == 2
    assert "the target 'hired' never has" in err
    assert err.count("\n") == 1


# Parquet


@pytest.fixture
def parquet(tmp_path, frame):
    pytest.importorskip("duckdb")
    pytest.importorskip("pyarrow")
    folder = tmp_path / "parts"
    folder.mkdir()
    frame.iloc[:250].to_parquet(folder / "a.parquet", index=False)
    frame.iloc[250:].to_parquet(folder / "b.parquet", index=False)
    return folder


@pytest.fixture
def loads(monkeypatch):
    """Record what is loaded by pandas."""
    seen = []
    read = pd.read_parquet

    def spy(path, *args, **options):
        seen.append(str(path))
        return read(path, *args, **options)

    monkeypatch.setattr(skfair.cli._tables.pd, "read_parquet", spy)
    return seen


def test_small_parquet_is_read_as_csv_is(run, table, parquet, loads, tmp_path):
    texts = []
    for data in (table, parquet):
        run("audit", data, *DECIDED, "--json", tmp_path / "r.json")
        texts.append(json.loads((tmp_path / "r.json").read_text(encoding="utf-8")))
    assert loads == [str(parquet)]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("pattern", [False, True])
def test_large_parquet_is_counted_and_not_loaded(run, parquet, loads, frame, tmp_path, pattern):
    data = parquet / "*.parquet" if pattern else parquet
    options = (*DECIDED, "--sensitive", "age:30,50", "--rows-in-memory", "100")
    judged = ("--fail-if", "demographic_parity by age > 0.9", "--json", tmp_path / "r.json")
    code, out, err = run("audit", data, *options, *judged)
    assert code == 0
    assert loads == []
    assert "not loaded" in err
    found = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert found["about"]["source"] == "tally"
    expected = demographic_parity_difference(
        frame["hired"], frame["decision"], sensitive_features=frame["sex"], pos_label="yes"
    )
    assert gap(found, "demographic_parity")["estimate"] == pytest.approx(expected, rel=1e-5)
    assert "30<age<=50" in out


def test_labels_of_large_parquet_are_counted(run, parquet, loads):
    code, out, _ = run("audit", parquet, *OPTIONS, "--rows-in-memory", "100")
    assert (code, loads) == (0, [])
    assert "Labels by sex" in out


def test_a_model_decides_on_large_parquet_in_parts(run, parquet, loads, frame, model, monkeypatch):
    sizes = []
    count = Tally.from_arrays

    def spy(y, *args, **options):
        sizes.append(len(y))
        return count(y, *args, **options)

    monkeypatch.setattr(Tally, "from_arrays", spy)
    options = (*OPTIONS, "--model", model, "--rows-in-memory", "100")
    code, out, _ = run("audit", parquet, *options)
    assert (code, loads) == (0, [])
    assert sizes == [250, 150]
    decided = plain_model(frame).predict(frame[["skill", "age"]])
    expected = demographic_parity_difference(
        frame["hired"], decided, sensitive_features=frame["sex"], pos_label="yes"
    )
    assert f"{expected:.3f} (" in out


def test_a_part_with_one_label_is_no_obstacle_to_a_model(run, parquet, frame, model):
    parts = [frame[frame["hired"] == label] for label in ("no", "yes")]
    for name, part in zip("ab", parts, strict=True):
        part.to_parquet(parquet / f"{name}.parquet", index=False)
    code, out, _ = run("audit", parquet, *OPTIONS, "--model", model, "--rows-in-memory", "100")
    assert code == 0
    whole = run("audit", parquet, *OPTIONS, "--model", model)[1]
    assert out.splitlines()[:4] == whole.splitlines()[:4]


def test_a_small_pattern_is_loaded(run, table, parquet):
    texts = [run("audit", data, *DECIDED)[:2] for data in (table, parquet / "*.parquet")]
    assert texts[0] == texts[1]


def test_faults_of_large_parquet_are_one_line(run, parquet):
    wrong = ("--target", "hird", "--positive", "yes", "--sensitive", "sex")
    code, _, err = run("audit", parquet, *wrong, "--rows-in-memory", "100")
    assert (code, err.count("\n")) == (2, 1)
    assert "did you mean 'hired'?" in err
    code, _, err = run("audit", parquet, "--sensitive", "sex")
    assert (code, err.count("\n")) == (2, 1)
    assert "--target is needed" in err
    code, _, err = run("audit", parquet, *OPTIONS[:2], "--positive", "y", *OPTIONS[4:])
    assert (code, err.count("\n")) == (2, 1)
    assert "never 'y'" in err
