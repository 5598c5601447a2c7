"""
How sure: intervals and p-values
================================

A gap between groups is an estimate. Three questions are asked of it here, on the German credit
data (1,000 people), where 190 are at most 25 years old: how sure is each group's rate, how large
may the gap be, and could it be chance?
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skfair.datasets import load_german
from skfair.groups import Bins
from skfair.metrics import RatesByGroupDisplay, disparity_test, gap_interval, rate_intervals

X, credit_risk = load_german(return_X_y=True)
y = (credit_risk == "good").astype(int)
encode = make_column_transformer(
    (StandardScaler(), make_column_selector(dtype_include="number")),
    (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
)
model = make_pipeline(encode, LogisticRegression(max_iter=1000))
y_pred = cross_val_predict(model, X, y, cv=5)
age = Bins("age", [25])(X)

# %%
# Each group's rate
# -----------------
# Wilson's intervals. ``n`` is what a rate stands on: the true positive rate of the young has only
# the good risks among them.
intervals = rate_intervals(
    y, y_pred, sensitive_features=age, rates=("selection_rate", "true_positive_rate")
)
intervals.round(3)

# %%
display = RatesByGroupDisplay.from_predictions(
    y, y_pred, sensitive_features=age, rates=("selection_rate", "true_positive_rate")
)

# %%
# The gap
# -------
# The largest difference between groups is never below 0, so that noise alone makes a gap, and so
# do its bootstrap replicates. ``gap_interval`` takes simultaneous intervals of all pairs instead.
gaps = {
    name: gap_interval(name, y, y_pred, sensitive_features=age)
    for name in (
        "demographic_parity_difference",
        "equal_opportunity_difference",
        "predictive_equality_difference",
    )
}
pd.DataFrame({name: tuple(g[:3]) for name, g in gaps.items()}, ["gap", "low", "high"]).T

# %%
# Chance
# ------
# Groups are permuted within the people who are good risks, since the criterion is about them.
found = disparity_test("equal_opportunity", y, y_pred, sensitive_features=age, random_state=0)
print(f"p = {found.pvalue:.4f}")

# %%
# How many people it takes
# ------------------------
# Two groups whom a model treats exactly alike: what gap does a sample show, and what does its
# interval hold? The smaller group is a fifth.
rng = np.random.default_rng(0)
sizes = [100, 300, 1000, 3000, 10000, 30000]
rows = []
for n in sizes:
    groups = np.where(np.arange(n) < n // 5, "fifth", "rest")
    labels, decisions = rng.random((2, n)) < 0.5
    gap = gap_interval(
        "demographic_parity_difference",
        labels.astype(int),
        decisions.astype(int),
        sensitive_features=groups,
    )
    rows.append(gap[:3])
found = np.array(rows)

figure, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
ax.fill_between(sizes, found[:, 1], found[:, 2], color="#0072B2", alpha=0.2, label="95 % interval")
ax.plot(sizes, found[:, 0], "o-", color="#0072B2", label="gap in the sample")
ax.axhline(0, color="0.3", linewidth=1, label="the truth")
ax.set(xscale="log", xlabel="people", ylabel="demographic parity difference")
ax.legend(frameon=False)
