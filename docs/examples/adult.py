"""
The main job: measure, mitigate, select
=======================================

Adult (48,842 people, the 1994 census): does the person earn more than 50,000 dollars a year?
A fairer model is found inside a grid search, and reported on people that no choice has seen.
``make demo`` runs this page.
"""

from __future__ import annotations

import argparse

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import binomtest
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, cross_validate, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skfair import Reweighter
from skfair.criteria import CRITERIA, RATES
from skfair.datasets import load_adult
from skfair.metrics import (
    demographic_parity_difference,
    equalized_odds_difference,
    fairness_scoring,
    select_fair,
)
from skfair.model_selection import GroupLabelStratifiedKFold
from skfair.tally import Tally

RICH = ">50K"
BOUND = 0.10
METRICS = ("accuracy", "demographic_parity_difference", "equalized_odds_difference")
# sphinx_gallery_start_ignore
parser = argparse.ArgumentParser(description="Measure, mitigate and select on Adult.")
parser.add_argument("--plot", default="adult.png", help="where the plot is saved")
plot = parser.parse_args().plot
# sphinx_gallery_end_ignore

# %%
# Bias in the labels
# ------------------
# One woman in nine has a high income, and three men in ten. No model is involved yet.


def describe_groups(y: pd.Series, groups: pd.Series | pd.DataFrame) -> pd.DataFrame:
    """Rows and share of rich people by group: the bias that is in the labels."""
    tally = Tally.from_arrays(y, y, groups)
    share = RATES["base_rate"](tally.cells(RICH))
    return pd.DataFrame({"people": tally.group_counts, "share >50K": share}, index=tally.index)


X, y = load_adult(return_X_y=True)
X = X.drop(columns="fnlwgt")  # a census weight, not a property of the person
print("Bias in the labels, by sex and by race x sex")
print(describe_groups(y, X["sex"]).round(3).to_string(), "\n")
print(describe_groups(y, X[["race", "sex"]]).round(3).to_string(), "\n")

# %%
# Two models
# ----------
# Ordinary scikit-learn. Test rows are put aside; the folds and the split keep the shares of each
# cell of sex and label.


def linear_model() -> Pipeline:
    encode = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (
            OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=20),
            make_column_selector(dtype_include="category"),
        ),
    )
    return make_pipeline(encode, LogisticRegression(max_iter=500))


def boosted_trees() -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        categorical_features="from_dtype", max_iter=60, random_state=0
    )


cells = X["sex"].astype(str) + y.astype(str)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.3, stratify=cells, random_state=0
)
FOLDS = GroupLabelStratifiedKFold(5, sensitive_features="sex", shuffle=True, random_state=0)
SCORING = fairness_scoring(*METRICS, sensitive_features="sex", pos_label=RICH)

# %%
# A mitigation wraps the pipeline
# -------------------------------
# ``Reweighter`` halves the parity gap for half a point of accuracy, and widens the gap in errors:
# no mitigation is best by every criterion.


def cross_validation_table(X: pd.DataFrame, y: pd.Series) -> pd.DataFrame:
    """Plain and reweighted pipeline on the same five folds: mean and standard deviation."""
    models = {
        "plain": linear_model(),
        "reweighted by sex": Reweighter(linear_model(), sensitive_features="sex"),
    }
    rows = {}
    for name, model in models.items():
        result = cross_validate(model, X, y, cv=FOLDS, scoring=SCORING, n_jobs=2)
        scores = {metric: np.abs(result[f"test_{metric}"]) for metric in METRICS}
        rows[name] = {m: f"{s.mean():.3f} ± {s.std(ddof=1):.3f}" for m, s in scores.items()}
    return pd.DataFrame(rows).T


print("Cross-validation on the training data (gaps by sex, mean ± sd over folds)")
print(cross_validation_table(X_train, y_train).to_string(), "\n")

# %%
# One search over models, knobs and mitigations
# ---------------------------------------------
# The most accurate candidate wins among those whose parity gap is at most 0.10.


def search_models(X: pd.DataFrame, y: pd.Series) -> GridSearchCV:
    """Search model, knob and mitigation together; the most accurate within the bound wins."""
    linear, trees = linear_model(), boosted_trees()
    penalty, depth = [0.01, 1.0], [4, 8]
    grid = [
        {"model": [linear], "model__logisticregression__C": penalty},
        {"model": [trees], "model__max_leaf_nodes": depth},
        {
            "model": [Reweighter(linear)],
            "model__sensitive_features": ["sex", ["race", "sex"]],
            "model__estimator__logisticregression__C": penalty,
        },
        {
            "model": [Reweighter(trees)],
            "model__sensitive_features": ["sex", ["race", "sex"]],
            "model__estimator__max_leaf_nodes": depth,
        },
    ]
    search = GridSearchCV(
        Pipeline([("model", linear)]),
        grid,
        scoring=SCORING,
        refit=select_fair("accuracy", demographic_parity_difference=BOUND),
        cv=FOLDS,
        n_jobs=2,
    )
    return search.fit(X, y)


def candidates_table(search: GridSearchCV) -> pd.DataFrame:
    """One row a candidate: what it is, and its mean scores over the folds."""
    rows = []
    for params, *scores in zip(
        search.cv_results_["params"],
        *(search.cv_results_[f"mean_test_{metric}"] for metric in METRICS),
        strict=True,
    ):
        model = params["model"]
        inner = model.estimator if isinstance(model, Reweighter) else model
        groups = params.get("model__sensitive_features", "none")
        knob = next(v for k, v in params.items() if k.endswith(("C", "max_leaf_nodes")))
        rows.append(
            {
                "model": "linear" if isinstance(inner, Pipeline) else "trees",
                "knob": knob,
                "reweighted by": groups if isinstance(groups, str) else " x ".join(groups),
                **dict(zip(METRICS, np.abs(scores), strict=True)),
            }
        )
    return pd.DataFrame(rows)


search = search_models(X_train, y_train)
candidates = candidates_table(search)
print(f"Grid search: the most accurate with a parity gap of at most {BOUND:.2f}")
print(candidates.round(3).to_string())
print(f"chosen: candidate {search.best_index_}\n")

# %%
# On test data
# ------------
# The chosen one beside the one that is most accurate without a bound, with intervals.


def report_on_test(models: dict, X: pd.DataFrame, y: pd.Series) -> pd.DataFrame:
    """Figures on data that no choice has seen, with a 95 % bootstrap interval of the gap by sex."""
    rows = {}
    for name, model in models.items():
        y_pred = model.predict(X)
        tally = Tally.from_arrays(y, y_pred, X["sex"])
        cells = tally.resampled_cells(2000, pos_label=RICH, random_state=0)
        low, high = np.quantile(CRITERIA["demographic_parity"](cells), [0.025, 0.975])
        options = {"sensitive_features": X["sex"], "pos_label": RICH}
        rows[name] = {
            "accuracy": round(accuracy_score(y, y_pred), 3),
            "parity gap by sex": round(demographic_parity_difference(y, y_pred, **options), 3),
            "95 % interval": f"{low:.3f} to {high:.3f}",
            "equalized odds gap": round(equalized_odds_difference(y, y_pred, **options), 3),
        }
    return pd.DataFrame(rows).T


def rates_on_test(models: dict, X: pd.DataFrame, y: pd.Series) -> pd.DataFrame:
    """Rates by race x sex for each model, with Wilson's 95 % interval of the selection rate."""
    columns = {}
    for name, model in models.items():
        tally = Tally.from_arrays(y, model.predict(X), X[["race", "sex"]])
        cells = tally.cells(RICH)
        columns["", "people"] = pd.Series(tally.group_counts, tally.index)
        columns[name, "selected"] = pd.Series(RATES["selection_rate"](cells), tally.index)
        selected = cells[:, [1, 3]].sum(axis=1)  # false and true positives
        intervals = [
            binomtest(int(k), int(n)).proportion_ci(method="wilson")
            for k, n in zip(selected, tally.group_counts, strict=True)
        ]
        columns[name, "low"] = pd.Series([interval.low for interval in intervals], tally.index)
        columns[name, "high"] = pd.Series([interval.high for interval in intervals], tally.index)
        columns[name, "TPR"] = pd.Series(RATES["true_positive_rate"](cells), tally.index)
    return pd.DataFrame(columns)


most_accurate = int(candidates["accuracy"].argmax())
unconstrained = clone(search.estimator).set_params(
    **clone(search.cv_results_["params"][most_accurate], safe=False)
)
models = {
    "most accurate": unconstrained.fit(X_train, y_train),
    "chosen within bound": search.best_estimator_,
}
print("On test data")
print(report_on_test(models, X_test, y_test).to_string(), "\n")
rates = rates_on_test(models, X_test, y_test)
print(rates.round(3).to_string(), "\n")

# %%
# The pictures
# ------------


def plot_candidates(table: pd.DataFrame, chosen: int, ax: plt.Axes) -> None:
    """Accuracy against gap, a point a candidate."""
    for (model, mitigated), part in table.groupby(["model", table["reweighted by"] != "none"]):
        ax.scatter(
            part["demographic_parity_difference"],
            part["accuracy"],
            s=60,
            marker="o" if model == "linear" else "s",
            color="#0072B2" if mitigated else "#D55E00",
            label=f"{model}, {'reweighted' if mitigated else 'plain'}",
        )
    row = table.loc[chosen]
    ax.annotate(
        "chosen",
        (row["demographic_parity_difference"], row["accuracy"]),
        xytext=(-12, 14),
        textcoords="offset points",
        ha="right",
        arrowprops={"arrowstyle": "->"},
    )
    ax.axvline(BOUND, color="0.4", linestyle="--", linewidth=1)
    ax.text(BOUND, 0.95, f" bound {BOUND:.2f}", transform=ax.get_xaxis_transform(), color="0.3")
    ax.set(
        xlabel="demographic parity difference by sex (0 is fair)",
        ylabel="accuracy",
        title="Candidates of the grid search\n(means over 5 folds)",
        xlim=(0, None),
    )
    ax.legend(loc="center", bbox_to_anchor=(0.72, 0.56), frameon=False, fontsize=9)


def plot_rates(rates: pd.DataFrame, ax: plt.Axes) -> None:
    """Selection rates by group with their intervals, before and after."""
    names = [name for name in rates.columns.get_level_values(0).unique() if name]
    sizes = rates["", "people"]
    labels = [f"{race}, {sex} (n = {n})" for (race, sex), n in sizes.items()]
    places = np.arange(len(labels))
    for offset, (name, color) in enumerate(zip(names, ("#D55E00", "#0072B2"), strict=True)):
        part = rates[name]
        ax.barh(
            places + 0.4 * offset,
            part["selected"],
            height=0.38,
            xerr=(part["selected"] - part["low"], part["high"] - part["selected"]),
            error_kw={"ecolor": "0.25", "elinewidth": 1},
            color=color,
            label=name,
        )
    ax.set_yticks(places + 0.2, labels)
    ax.invert_yaxis()
    ax.set(
        xlabel="share predicted >50K on test data, with 95 % intervals",
        title="Selection rate by race and sex",
    )
    ax.legend(frameon=False, fontsize=9)


figure, axes = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
plot_candidates(candidates, search.best_index_, axes[0])
plot_rates(rates, axes[1])
# sphinx_gallery_start_ignore
if plot:
    figure.savefig(plot, dpi=110)
    print(f"plot saved as {plot}")
# sphinx_gallery_end_ignore
