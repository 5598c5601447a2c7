"""A table of people with a known gap, for the tests of the command line."""

from __future__ import annotations

import numpy as np
import pandas as pd


def people(n=400, seed=0):
    """Hiring with a gap between the sexes, a number, a text, and somebody's decisions."""
    rng = np.random.default_rng(seed)
    sex = np.where(rng.random(n) < 0.5, "f", "m")
    region = np.where(rng.random(n) < np.where(sex == "m", 0.85, 0.15), "north", "south")
    skill = rng.normal(size=n).round(3)
    chance = 1 / (1 + np.exp(-(2 * skill + 1.5 * (sex == "m") - 0.7)))
    hired = np.where(rng.random(n) < chance, "yes", "no")
    decision = np.where(skill + 0.8 * (sex == "m") > 0.4, "yes", "no")
    columns = {"sex": sex, "region": region, "skill": skill, "age": rng.integers(18, 70, n)}
    return pd.DataFrame({**columns, "hired": hired, "decision": decision})
