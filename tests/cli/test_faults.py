"""Each fault that a person would make: one line that says what to do, exit code 2."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import skfair.cli._audit
from skfair.cli import main


def told(run, *args, code=2):
    """Run a command that has to fail; give its one line."""
    found, out, err = run(*args)
    assert (found, out) == (code, "")
    assert err.startswith("skfair: error: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return err


OPTIONS = ("--target", "hired", "--positive", "yes", "--sensitive", "sex")


def change(options, **new):
    given = list(options)
    for name, value in new.items():
        given[given.index(f"--{name}") + 1] = value
    return given


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (change(OPTIONS, target="hird"), ["--target", "'hird'", "did you mean 'hired'?"]),
        (change(OPTIONS, sensitive="sexx"), ["--sensitive", "did you mean 'sex'?"]),
        (change(OPTIONS, sensitive="agee:30"), ["--sensitive", "did you mean 'age'?"]),
        (change(OPTIONS, sensitive="age:thirty"), ["age:thirty", "age:25,60"]),
        (change(OPTIONS, sensitive="age:40,30"), ["must rise"]),
        (change(OPTIONS, sensitive="age"), ["no groups", "--sensitive age:3"]),
        (change(OPTIONS, sensitive="hired"), ["'hired'", "--target and to --sensitive"]),
        (change(OPTIONS, target="region", positive="yes"), ["never 'yes'", "['north', 'south']"]),
        (change(OPTIONS, positive="yess"), ["--positive", "did you mean 'yes'?"]),
        (OPTIONS[:2] + OPTIONS[4:], ["--positive is needed", "'no' or 'yes'"]),
        (OPTIONS[2:], ["--target is needed"]),
        (OPTIONS[:4], ["required: --sensitive", "--help"]),
        ((*OPTIONS, "--sensitive", "sex"), ["'sex' twice"]),
        ((*OPTIONS, "--prediction", "decison"), ["--prediction", "did you mean 'decision'?"]),
        ((*OPTIONS, "--prediction", "region"), ["never has", "written as the labels"]),
        ((*OPTIONS, "--prediction", "skill"), ["look like scores", "--score"]),
        ((*OPTIONS, "--score", "skill"), ["--score needs --prediction"]),
        ((*OPTIONS, "--model", "none.skops"), ["no file 'none.skops'"]),
        ((*OPTIONS, "--prediction", "decision", "--model", "m"), ["not allowed with"]),
        ((*OPTIONS, "--weight", "region", "--prediction", "decision"), ["people.csv"]),
        ((*OPTIONS, "--html", "nowhere/at/all.html"), ["no folder", "make it"]),
        ((*OPTIONS, "--html", "same.out", "--json", "./same.out"), ["written twice"]),
        ((*OPTIONS, "--encoding", "utf-9"), ["no encoding 'utf-9'", "cp1252"]),
        ((*OPTIONS, "--confidence-level", "95"), ["'95'", "between 0 and 1"]),
        ((*OPTIONS, "--min-group-size", "0"), ["above 0"]),
        ((*OPTIONS, "--no-such-option"), ["unrecognized", "--no-such-option"]),
        ((*OPTIONS, "--fail-if", "equalized_odds > .1"), ["--prediction or --model"]),
    ],
)
def test_a_wrong_option_is_told_in_one_line(run, table, options, words):
    line = told(run, "audit", table, *options)
    assert [word for word in words if word not in line] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", ["is empty", "column names"]),
        (b"sex,hired\n", ["no rows"]),
        ("sex,hired\nf,yes\nm\u00e9,no\n".encode("latin-1"), ["isn't utf-8", "--encoding cp1252"]),
        ("sex,hired\nf,yes\n".encode("utf-16"), ["isn't utf-8", "utf-16"]),
        (b"sex,hired\nf,yes\nm,no,maybe,so\n", ["line 3", "--separator"]),
        (b"sex;hired\nf;yes\nm;no\n", ["--separator ';'"]),
        (b"sex,hired\nf,yes\nm,no\nm,maybe\n", ["3 distinct values", "two are needed"]),
        (b"sex,hired\nf,yes\nm,yes\n", ["1 distinct value ", "nothing to compare"]),
        (b"sex,hired\nf,yes\nm,no\nm,\n", ["'hired' has rows without a value", "fill"]),
    ],
)
def test_a_faulty_file_is_told_in_one_line(run, tmp_path, text, words):
    path = tmp_path / "faulty.csv"
    path.write_bytes(text)
    line = told(run, "audit", path, *OPTIONS)
    assert [word for word in words if word not in line] == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("peoplee.csv", ["no file", "did you mean", "people.csv"]),
        ("people.xlsx", ["no file"]),
        ("adlt", ["no file 'adlt'", "adult"]),
    ],
)
def test_a_file_that_is_not_there(run, table, monkeypatch, name, words):
    monkeypatch.chdir(table.parent)
    line = told(run, "audit", name, *OPTIONS)
    assert [word for word in words if word not in line] == []


def test_a_file_of_unknown_ending(run, tmp_path):
    (tmp_path / "people.xlsx").write_bytes(b"PK")
    assert "no ending" in told(run, "audit", tmp_path / "people.xlsx", *OPTIONS)


def test_a_file_that_is_no_parquet(run, tmp_path):
    pytest.importorskip("duckdb")
    (tmp_path / "people.parquet").write_bytes(b"sex,hired")
    assert "can't be read as Parquet" in told(run, "audit", tmp_path / "people.parquet", *OPTIONS)


def test_names_from_a_file_reach_the_terminal_on_one_line_without_control_signs(run, tmp_path):
    path = tmp_path / "hostile.csv"
    path.write_text('"a\n\x1b[31mb",hired\n1,yes\n2,no\n', encoding="utf-8")
    line = told(run, "audit", path, *OPTIONS)
    assert "\x1b" not in line


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("equalised_odds > 0.1", ["did you mean 'equalized_odds'?"]),
        ("equalized_odds is big", ["can't be read", "quotes"]),
        ("equalized_odds > 10", ["between 0 and 1"]),
        ("equalized_odds < 0.1", ["would fail what is fair"]),
        ("disparate_impact > 0.8", ["would fail what is fair"]),
        ("accuracy by sex < 0.8", ["accuracy_difference by sex"]),
        ("equalized_odds by race > 0.1", ["'race' is none of the sensitive features"]),
    ],
)
def test_a_wrong_condition_is_told_in_one_line(run, table, condition, words):
    options = (*OPTIONS, "--prediction", "decision", "--fail-if", condition)
    line = told(run, "audit", table, *options)
    assert [word for word in words if word not in line] == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--criterion", "equal_opportunty"), ["did you mean 'equal_opportunity'?"]),
        (("--criterion", "accuracy"), ["accuracy_difference"]),
        (("--criterion", "base_rate_difference"), ["no model can change it"]),
        (("--try", "thresholds"), ["--allow-group-at-predict", "unlawful"]),
        (("--keep-sensitive-features",), ["--allow-group-at-predict", "unlawful"]),
        (("--try", "magic"), ["invalid choice", "reweighter"]),
        (("--drop", "skil"), ["--drop", "did you mean 'skill'?"]),
        (
            ("--drop", "skill", "--drop", "age", "--drop", "region", "--drop", "decision"),
            ["no col"],
        ),
        (("--test-size", "1"), ["--test-size 1", "between 0 and 1"]),
        (("--cv", "1"), ["--cv 1"]),
        (("--bound", "5"), ["between 0 and 1"]),
        (("--output", "nowhere/m.skops"), ["no folder"]),
    ],
)
def test_a_wrong_option_of_the_search_is_told_in_one_line(run, table, options, words):
    pytest.importorskip("skops")
    line = told(run, "mitigate", table, *OPTIONS, *options)
    assert [word for word in words if word not in line] == []


@pytest.mark.parametrize("command", ["audit", "mitigate"])
def test_what_is_read_is_never_written_over(run, table, command):
    before = table.read_bytes()
    other = table.parent / "." / table.name
    assert "is what is read" in told(run, command, table, *OPTIONS, "--json", other)
    assert table.read_bytes() == before


@pytest.mark.parametrize("option", ["--html", "--json"])
def test_a_report_that_can_t_be_written_leaves_the_old_one(run, table, monkeypatch, option):
    old = table.parent / "old"
    old.write_text("old")

    def half(self, path):
        path.write_text("ha")
        raise OSError("disk\nfull")

    monkeypatch.setattr(skfair.cli._audit.FairnessReport, f"to_{option[2:]}", half)
    code, _, err = run("audit", table, *OPTIONS, option, old)
    assert (code, err) == (2, f"skfair: error: {old} can't be written: disk full\n")
    assert old.read_text() == "old"
    assert sorted(path.name for path in table.parent.iterdir()) == ["old", "people.csv"]


def test_a_pipe_that_nobody_reads_is_no_success(table, monkeypatch, capsys):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        code = main(["audit", str(table), *OPTIONS])
        monkeypatch.undo()
    assert (code, capsys.readouterr().err) == (141, "")


def test_an_unforeseen_error_is_one_line_and_shows_where_on_request(run, table, monkeypatch):
    def fails(*args):
        raise RuntimeError("out of\ncheese")

    monkeypatch.setattr(skfair.cli._audit, "audit", fails)
    line = told(run, "audit", table, *OPTIONS, code=70)
    assert "unexpected RuntimeError: out of cheese" in line
    code, _, err = run("audit", table, *OPTIONS, "--traceback")
    assert code == 70
    assert "in fails" in err


def test_an_interruption_has_its_own_code(run, table, monkeypatch):
    def stops(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(skfair.cli._audit, "audit", stops)
    assert run("audit", table, *OPTIONS) == (130, "", "skfair: interrupted\n")


def test_a_process_ends_with_the_code_and_one_line():
    command = [sys.executable, "-m", "skfair", "audit", "people.csv"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.count("\n") == 1
    assert "required: --sensitive" in found.stderr


def test_help_comes_without_the_heavy_libraries():
    code = "import sys\nfrom skfair.cli import main\ntry: main(['audit', '--help'])\n"
    code += "except SystemExit as end: assert end.code == 0\n"
    code += "assert 'pandas' not in sys.modules and 'sklearn' not in sys.modules"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for word in ("--fail-side", "estimate", "shown", "possible", "exit codes:", "examples:"):
        assert word in found.stdout


@pytest.mark.parametrize("command", ["audit", "mitigate"])
def test_help_names_every_option_and_fits_the_terminal(capsys, command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    text = capsys.readouterr().out
    assert end.value.code == 0
    assert max(map(len, text.splitlines())) <= 100
    own = {"audit": ["--prediction", "--model"], "mitigate": ["--allow-group-at-predict", "--cv"]}
    for word in ("--target", "--positive", "--sensitive", "--fail-if", "--html", *own[command]):
        assert word in text


def test_no_data_is_needed_for_the_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("skfair ")


def test_labels_of_other_types_are_found_by_what_is_written():
    from skfair.cli._columns import read_positive

    assert read_positive([0, 1, 1], "y", "1") == 1
    assert read_positive([0.0, 1.0], "y", "1") == 1.0
    assert read_positive([0, 1], "y", None) == 1
    assert read_positive([-1, 1], "y", None) == 1
    assert read_positive(np.array([True, False]), "y", "true") is True
    assert read_positive(["a", "b"], "y", "a") == "a"


@pytest.mark.parametrize("command", ["audit", "mitigate"])
def test_values_of_single_rows_are_no_groups(run, table, frame, command):
    frame.assign(number=[f"p{i}" for i in range(len(frame))]).to_csv(table, index=False)
    code, _, error = run(command, table, *OPTIONS[:4], "--sensitive", "number")
    assert code == 2
    assert "number: it has 400 different values in 400 rows" in error


def test_decimal_commas_are_numbers_once_they_are_named(run, table, frame):
    commas = frame.assign(skill=frame["skill"].map(lambda x: f"{x:.3f}".replace(".", ",")))
    commas.to_csv(table, index=False, sep=";")
    given = ("audit", table, *OPTIONS[:4], "--sensitive", "skill:0", "--separator", ";")
    code, _, error = run(*given)
    assert code == 2
    assert "numbers with commas in the column 'skill'" in error
    assert "--decimal ','" in error
    assert run(*given, "--decimal", ",")[0] == 0
