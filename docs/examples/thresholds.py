"""
Thresholds by group
===================

A model's scores stay as they are; what changes is where they are cut. ``ThresholdOptimizer`` finds
the best cuts within a bound, on out-of-fold scores, and shows the whole trade-off from one fit.
**Different cuts by group can be unlawful**: look that up before you use them.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skfair import ThresholdOptimizer
from skfair.datasets import load_adult
from skfair.metrics import (
    CriterionThresholdDisplay,
    demographic_parity_difference,
    equalized_odds_difference,
)

X, y = load_adult(return_X_y=True)
X, y = X.drop(columns="fnlwgt"), (y == ">50K").astype(int)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=8000, random_state=0)
encode = make_column_transformer(
    (StandardScaler(), make_column_selector(dtype_include="number")),
    (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
)
model = make_pipeline(encode, LogisticRegression(max_iter=1000))

# %%
# One cut for all
# ---------------
# Wherever it lies, women and men are selected at different rates.
plain = model.fit(X_train, y_train)
display = CriterionThresholdDisplay.from_estimator(
    plain, X_test, y_test, sensitive_features="sex", criterion="demographic_parity", threshold=0.5
)

# %%
# A cut for each
# --------------
# ``criteria_`` tells what the rule reaches on out-of-fold scores, with an interval.
rule = ThresholdOptimizer(
    model, sensitive_features="sex", constraints="demographic_parity", tol=0.05
)
rule.fit(X_train, y_train)
rule.thresholds_

# %%
rule.criteria_.round(3)

# %%
cuts = rule.plot()

# %%
# On new people
# -------------
# Parity is bought with unequal errors: where base rates differ, both can't be had.
sex = X_test["sex"]
rows = {}
for name, decisions in {
    "one cut": plain.predict(X_test),
    "a cut for each": rule.predict(X_test),
}.items():
    rows[name] = {
        "accuracy": accuracy_score(y_test, decisions),
        "parity gap": demographic_parity_difference(y_test, decisions, sensitive_features=sex),
        "equalized odds gap": equalized_odds_difference(y_test, decisions, sensitive_features=sex),
    }
pd.DataFrame(rows).T.round(3)

# %%
# The trade-off
# -------------
# One fit holds the best rule for every tolerance.
frontier = rule.frontier([0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2])
figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
frontier.plot(
    x="demographic_parity", y="objective", marker="o", ax=ax, legend=False, color="#0072B2"
)
ax.set(xlabel="demographic parity difference, out of fold", ylabel="accuracy, out of fold")
