"""Data and modules for tests of network estimators, by name, since workers unpickle them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")


def biased_rows(n=300, seed=0, push=1.0):
    """Skill decides, sex pushes; a proxy tells of sex."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m"], n)
    skill = rng.normal(size=n)
    proxy = 1.5 * (sex == "m") + rng.normal(size=n)
    y = np.where(skill + push * (sex == "m") + 0.5 * rng.normal(size=n) > 0.5, "hire", "reject")
    X = pd.DataFrame({"skill": 100 * skill, "sex": sex, "proxy": proxy})
    return X, y, rng.exponential(size=n) + 0.1


def images(n=120, seed=0):
    """The bright half of 1 x 4 x 4 images is the label; a corner tells the group."""
    rng = np.random.default_rng(seed)
    y, group = rng.integers(2, size=n), rng.integers(2, size=n)
    X = 0.3 * rng.normal(size=(n, 1, 4, 4)).astype(np.float32)
    X[:, 0, :2] += y[:, None, None]
    X[:, 0, 3, 3] += group
    return X, y, group


class SmallCNN(torch.nn.Module):
    def __init__(self, n_outputs, channels=4):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, channels, 3)
        self.out = torch.nn.Linear(4 * channels, n_outputs)

    def forward(self, x):
        return self.out(torch.relu(self.conv(x)).flatten(1))
