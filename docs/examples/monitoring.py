"""
Watch a model: a planted drop
=============================

A lender decides on 1,000 requests a day. From day 60 on, women who would repay are approved less
often: 7 in 10 rather than 8 in 10. A ``FairnessMonitor`` that is asked every day says so, and the
chance that it ever cries wolf, over all days and tests together, is 5 %.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skfair import FairnessMonitor

rng = np.random.default_rng(0)
DROP = 60


def requests(day: int, n: int = 1000) -> pd.DataFrame:
    """A day's decisions; one request in four comes from a woman."""
    sex = rng.choice(["women", "men"], n, p=[0.25, 0.75])
    repaid = rng.random(n) < 0.5
    of_women = 0.8 if day < DROP else 0.7
    chance = np.where(repaid, np.where(sex == "women", of_women, 0.8), 0.2)
    return pd.DataFrame(
        {
            "at": pd.Timestamp("2026-01-01") + pd.Timedelta(days=day),
            "sex": sex,
            "repaid": repaid.astype(int),
            "approved": (rng.random(n) < chance).astype(int),
        }
    )


# %%
# Fit on a reference, update by day
# ---------------------------------
monitor = FairnessMonitor(
    sensitive_features="sex",
    criteria=["equalized_odds", "demographic_parity"],
    bounds={"equalized_odds": 0.15},
    window="1d",
)
monitor.fit(requests(0, 10_000), y_true="repaid", y_pred="approved")
for day in range(1, 91):
    monitor.update(requests(day), timestamps="at")

# %%
# What it says
# ------------
# ``raised`` is when the alert came, ``since`` the day from which on there is most evidence.
monitor.alerts_[["severity", "raised", "since", "kind", "group", "figure", "value"]]

# %%
# What it saw
# -----------
display = monitor.plot("true_positive_rate", every=3)

# %%
# How soon
# --------
# A small drop takes longer. Nothing was tuned to the drop, and no day's figure had to be beyond
# its own interval: what counts is the evidence of all days since.
found = monitor.alerts_.query("kind == 'change' and group == 'women'")
days = (found["raised"] - (pd.Timestamp("2026-01-01") + pd.Timedelta(days=DROP))).dt.days
print("days from the drop to the first alert:", int(days.min()))
plt.show()
