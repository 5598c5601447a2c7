"""The documents tell the truth: their code runs, their excerpts are real, their names exist."""

from __future__ import annotations

import importlib
import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from engines import spark_session
from sklearn import clone

import skfair.datasets as datasets

ROOT = Path(__file__).resolve().parents[1]
EXCERPT = re.compile(r"```python\n# (skfair/\S+\.py)\n(.*?)```", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize(
    ("path", "text"), EXCERPT.findall((ROOT / "docs/contributing.md").read_text(encoding="utf-8"))
)
def test_excerpt_in_contributing_is_real_source(path, text):
    assert text in (ROOT / path).read_text(encoding="utf-8")


def run_guide(name, *libraries):
    """Run the blocks of a guide in order, where its libraries are there; give what they define."""
    for library in libraries:
        pytest.importorskip(library)
    if "matplotlib" in libraries:
        plt = pytest.importorskip("matplotlib.pyplot")
        plt.switch_backend("Agg")
    scope: dict = {}
    for code in PYTHON.findall((ROOT / f"docs/{name}.md").read_text(encoding="utf-8")):
        exec(compile(code, f"{name}.md", "exec"), scope)
    if "matplotlib" in libraries:
        plt.close("all")
    return scope


def test_contributing_has_excerpts():
    text = (ROOT / "docs/contributing.md").read_text(encoding="utf-8")
    assert len(EXCERPT.findall(text)) == 4


def test_readme_example_runs_and_selects_within_the_bound(capsys, monkeypatch):
    # the same code on fewer rows
    whole = datasets.load_adult

    def load_part(**options):
        X, y = whole(**options)
        return X.iloc[:6000], y.iloc[:6000]

    monkeypatch.setattr(datasets, "load_adult", load_part)
    code = PYTHON.findall((ROOT / "README.md").read_text(encoding="utf-8"))[0]
    scope: dict = {}
    exec(compile(code, "README.md", "exec"), scope)
    search = scope["search"]
    gaps = search.cv_results_["mean_test_demographic_parity_difference"]
    assert "estimator__max_leaf_nodes" in capsys.readouterr().out
    assert abs(gaps[search.best_index_]) <= 0.10


@pytest.mark.slow
def test_the_measuring_guide_runs_in_order():
    scope = run_guide("measuring", "matplotlib")
    assert scope["frame"].by_group["n"].sum() == 1000


@pytest.mark.slow
def test_the_detecting_guide_runs_in_order():
    scope = run_guide("detecting", "matplotlib")
    assert scope["found"].biased_features_ == ["age"]
    proxies = scope["detector"].proxies_.query("sensitive_feature == 'sex'")["feature"]
    assert proxies.head(2).tolist() == ["relationship", "marital-status"]


@pytest.mark.slow
def test_the_thresholds_guide_runs_in_order():
    scope = run_guide("thresholds", "matplotlib")
    assert scope["rule"].criteria_.loc["demographic_parity", "violation"] < 0.06
    assert scope["search"].best_params_ == {"tol": 0.1}


@pytest.mark.slow
def test_the_guide_to_mitigation_in_the_data_runs_in_order():
    scope = run_guide("mitigating-data")
    assert abs(scope["massager"].base_rates_["after"].diff().iloc[-1]) < 0.01
    assert "foreign_worker" in scope["to_numbers"].get_feature_names_out()


@pytest.mark.slow
def test_the_guide_to_mitigation_inside_training_runs_in_order():
    scope = run_guide("mitigating-training")
    assert scope["fair"].criteria_.loc["equalized_odds", "mixture"] < 0.0501
    best = scope["search"].cv_results_["mean_test_demographic_parity_difference"]
    assert best[scope["search"].best_index_] >= -0.08
    assert scope["close"].violation_.loc["demographic_parity", "surrogate"] < 0.0501


@pytest.mark.slow
def test_the_guide_to_networks_runs_in_order():
    scope = run_guide("networks", "torch", "skorch", "safetensors")
    gap = scope["demographic_parity_difference"]
    options = {"sensitive_features": scope["X_test"]["sex"], "pos_label": ">50K"}
    assert gap(scope["y_test"], scope["found"], **options) < 0.12
    found = scope["again"].predict(scope["X_test"])
    assert (found == scope["found"]).all()


@pytest.mark.slow
def test_the_guide_to_fine_tuning_runs_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scope = run_guide("finetuning", "torch", "skorch", "safetensors", "matplotlib")
    table = scope["found"].table
    assert table.loc["tuned", "bias"] < 0.1 < table.loc["as it was", "bias"]
    assert table.loc["tuned", "performance"] > 0.75
    assert (
        scope["again"].predict(scope["X_test"]) == scope["tuned"].predict(scope["X_test"])
    ).all()


@pytest.mark.slow
def test_the_guide_to_collecting_runs_in_order():
    scope = run_guide("collecting", "matplotlib")
    assert scope["linear"].verdict.loc["rare", "verdict"] == "underfits"
    assert scope["tree"].verdict.loc["rare", "verdict"] == "lacks rows"


@pytest.mark.slow
def test_the_guide_to_images_runs_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scope = run_guide("images", "PIL", "matplotlib")
    assert len(scope["kept"]) == 394


@pytest.mark.slow
def test_the_guide_to_heatmaps_runs_in_order():
    scope = run_guide("heatmaps", "torch", "skorch", "captum", "matplotlib")
    assert scope["change"].loc[0, "high"] < 0  # the share of attention inside the patch


@pytest.mark.slow
def test_the_guide_to_reports_runs_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scope = run_guide("reporting")
    assert scope["change"][0]["change"]["high"] < -0.05


def test_the_guide_to_criteria_shows_what_its_tables_say():
    scope = run_guide("choosing-a-criterion")
    rates = scope["one_cut"]["rate"].unstack().round(2)
    assert rates.loc["a"].tolist() == [0.34, 0.66, 0.66]  # FPR, PPV, TPR
    assert rates.loc["b"].tolist() == [0.11, 0.62, 0.35]
    rates = scope["two_cuts"]["rate"].unstack().round(2)
    assert rates.loc["a"].tolist() == [0.22, 0.70, 0.51]
    assert rates.loc["b"].tolist() == [0.21, 0.55, 0.52]
    assert round(scope["in_truth"], 2) == 0.40
    assert scope["by_record"] == 0
    assert round(scope["parity"], 2) == 0.20
    assert round(scope["everybody"], 2) == 0.01
    assert round(scope["as_recorded"], 2) == 0.12


def test_the_guide_to_mitigators_runs_in_order():
    scope = run_guide("which-mitigator")
    assert abs(scope["chosen"]["mean_test_demographic_parity_difference"]) <= 0.05


@pytest.mark.parametrize("name", ["moving-from-fairlearn", "moving-from-aif360"])
def test_the_guides_for_people_who_come_from_elsewhere_run(name):
    assert len(run_guide(name)["y"]) == 600


@pytest.mark.slow
@pytest.mark.usefixtures("routing")
def test_the_guide_to_large_data_runs_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scope = run_guide("large-data", "duckdb", "polars", "pyarrow")
    assert (scope["whole"].count == scope["tally"].count).all()
    assert sum(tally.n_samples for tally in scope["months"].values()) == 1000
    assert (scope["areas"]["roc_auc_least"] <= scope["areas"]["roc_auc_most"]).all()
    assert scope["found"].biased_features == ["age", "housing"]


@pytest.mark.engines
@pytest.mark.usefixtures("routing")
@pytest.mark.filterwarnings(
    "ignore:Spark local mode doesn't support stage-level scheduling:UserWarning",
    "ignore:Spark session is not provided:UserWarning",
    "ignore:.apply_async. is deprecated:DeprecationWarning",  # joblib's, of joblibspark
)
def test_the_recipes_for_clusters_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scope = run_guide("large-data", "duckdb", "polars", "pyarrow", "distributed", "joblibspark")
    spark_session()
    scores = "mean_test_demographic_parity_difference"
    expected = scope["search"].cv_results_[scores].tolist()
    text = (ROOT / "docs/large-data.md").read_text(encoding="utf-8")
    recipes = re.findall(r"```py\n(.*?)```", text, re.DOTALL)
    assert len(recipes) == 2
    for code in recipes:
        scope["search"] = clone(scope["search"])
        exec(compile(code, "large-data.md", "exec"), scope)
        assert scope["search"].cv_results_[scores].tolist() == expected


@pytest.mark.slow
def test_the_guide_to_augmentation_runs_in_order():
    scope = run_guide("augmentation", "torch", "skorch")
    assert scope["model"].predict(scope["X"]).shape == scope["y"].shape


@pytest.mark.parametrize("target", ["demo", "docs", "test", "lint", "test-peers", "test-oldest"])
def test_make_targets_that_the_documents_name_exist(target):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)


@pytest.mark.parametrize(
    "document",
    [
        "README.md",
        "docs/architecture.md",
        "docs/augmentation.md",
        "docs/benchmarks.md",
        "docs/choosing-a-criterion.md",
        "docs/collecting.md",
        "docs/command-line.md",
        "docs/contributing.md",
        "docs/detecting.md",
        "docs/finetuning.md",
        "docs/heatmaps.md",
        "docs/images.md",
        "docs/large-data.md",
        "docs/limits.md",
        "docs/measuring.md",
        "docs/mitigating-training.md",
        "docs/monitoring.md",
        "docs/moving-from-aif360.md",
        "docs/moving-from-fairlearn.md",
        "docs/networks.md",
        "docs/reporting.md",
        "docs/speed.md",
        "docs/thresholds.md",
        "docs/which-mitigator.md",
    ],
)
def test_paths_that_a_document_names_exist(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    named = re.findall(r"`((?:skfair|tests|docs)/[\w/.]+)`", text)
    links = re.findall(r"\]\(((?!http)[^)]+)\)", text)
    missing = [p for p in named if not (ROOT / p).exists()]
    missing += [p for p in links if not ((ROOT / document).parent / p.split("#")[0]).exists()]
    assert not missing


def test_names_that_the_readme_lists_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text[text.index("## What there is") : text.index("What differs from fairlearn")]
    for row in re.findall(r"^\| `(skfair\.[\w.]+)` \| (.*) \|$", table, re.MULTILINE):
        if row[0] == "skfair.nn" and find_spec("torch") is None:
            continue  # the one package that is torch
        module = importlib.import_module(row[0])
        names = re.findall(r"`(\w+)`", row[1])
        assert names
        assert [n for n in names if not hasattr(module, n)] == []
