"""Data that reports are made of."""

from __future__ import annotations

import numpy as np
import pytest
from reporting.pages import make_hard_table


@pytest.fixture(scope="session")
def hard():
    return make_hard_table()


@pytest.fixture
def small():
    """Labels, predictions and groups of 200 rows."""
    rng = np.random.default_rng(0)
    sex = np.repeat(["f", "m"], 100)
    y = rng.integers(0, 2, 200)
    pred = np.where(rng.random(200) < np.where(sex == "f", 0.7, 0.9), y, 1 - y)
    return y, pred, sex
