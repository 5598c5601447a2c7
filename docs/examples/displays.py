"""
The pictures
============

Every display on Adult: who is predicted to earn more than 50,000 dollars a year, by a linear model,
and by the same one reweighted by sex. ``python docs/examples/displays.py --folder docs/images``
saves them as files.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skfair import Reweighter
from skfair.datasets import load_adult
from skfair.detection import BiasDetector, FeatureDistributionDisplay
from skfair.metrics import (
    CalibrationByGroupDisplay,
    CriterionThresholdDisplay,
    RatesByGroupDisplay,
    RocCurveByGroupDisplay,
    demographic_parity_difference,
    plot_model_comparison,
)

RICH = ">50K"
# sphinx_gallery_start_ignore
parser = argparse.ArgumentParser(description="Draw every display on Adult.")
parser.add_argument("--folder", default=".", help="where the pictures go")
folder = parser.parse_args().folder
figures = {}
# sphinx_gallery_end_ignore

X, y = load_adult(return_X_y=True)
X = X.drop(columns="fnlwgt")  # a census weight, not a property of the person
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=0)
encode = make_column_transformer(
    (StandardScaler(), make_column_selector(dtype_include="number")),
    (
        OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=20),
        make_column_selector(dtype_include="category"),
    ),
)
model = make_pipeline(encode, LogisticRegression(max_iter=500))
fairer = Reweighter(model, sensitive_features="sex").fit(X_train, y_train)
plain = model.fit(X_train, y_train)

# %%
# Rates by group
# --------------
# A panel a rate, a line a group, with Wilson's intervals; the smallest groups have the widest.
rates = RatesByGroupDisplay.from_estimator(
    plain, X_test, y_test, sensitive_features=["race", "sex"], pos_label=RICH
)
figures["rates_by_group"] = rates.figure_

# %%
# ROC curves by group
# -------------------
# Curves that cross, or lie apart, can't be made equal by one cut for all.
roc = RocCurveByGroupDisplay.from_estimator(
    plain, X_test, y_test, sensitive_features="race", pos_label=RICH
)
figures["roc_by_group"] = roc.figure_

# %%
# Calibration by group
# --------------------
# Does a probability of 0.4 mean four in ten in each group?
calibration = CalibrationByGroupDisplay.from_estimator(
    plain, X_test, y_test, sensitive_features="sex", pos_label=RICH, n_bins=10
)
figures["calibration_by_group"] = calibration.figure_

# %%
# A criterion at every threshold
# ------------------------------
# The gap that a single cut for all would show, and what accuracy is left there.
thresholds = CriterionThresholdDisplay.from_estimator(
    plain,
    X_test,
    y_test,
    sensitive_features="sex",
    criterion="equalized_odds",
    pos_label=RICH,
    threshold=0.5,
)
figures["criterion_threshold"] = thresholds.figure_

# %%
# Models beside each other
# ------------------------
# Accuracy against the gap, before and after reweighing.
ax = plot_model_comparison(
    y_preds={
        "plain": plain.predict(X_test) == RICH,
        "reweighted by sex": fairer.predict(X_test) == RICH,
    },
    y_true=y_test == RICH,
    sensitive_features=X_test["sex"],
    x_axis_metric=demographic_parity_difference,
    y_axis_metric=accuracy_score,
    point_labels=True,
    point_labels_position=(0.003, 0.0003),
    s=60,
)
ax.margins(0.5)
figures["model_comparison"] = ax.figure

# %%
# What the labels go with
# -----------------------
# The share of high incomes for each value of a column, before any model.
detector = BiasDetector(pos_label=RICH).fit(X, y)
values = detector.plot(["relationship", "age", "sex", "race"])
figures["positive_rates"] = values.figure_

# %%
# A column's distribution
# -----------------------
ages = FeatureDistributionDisplay.from_values(X["age"], by=y)
figures["feature_distribution"] = ages.figure_

# sphinx_gallery_start_ignore
if folder:  # small files: few colours need no millions
    for name, figure in figures.items():
        path = Path(folder) / f"{name}.png"
        figure.savefig(path, dpi=80, pil_kwargs={"optimize": True})
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")
    plt.close("all")
# sphinx_gallery_end_ignore
