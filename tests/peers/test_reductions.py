"""Reductions reach what fairlearn's reach at the same violation, with no larger gap."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import StandardScaler

from skfair.criteria import get_criterion
from skfair.datasets import load_german, load_heart
from skfair.groups import Bins, Groups
from skfair.inprocessing import BoundedGroupLoss, ExponentiatedGradient
from skfair.tally import sum_cells

pytestmark = pytest.mark.peers


def numbers_of(X):
    import pandas as pd

    return StandardScaler().fit_transform(pd.get_dummies(X).fillna(0).astype(float))


def german():
    X, y = load_german(return_X_y=True)
    age = np.asarray(Bins("age", [25])(X).astype(str))
    return numbers_of(X), (y == "good").to_numpy().astype(int), age


def heart():
    X, y = load_heart(return_X_y=True)
    return numbers_of(X), (y == "presence").to_numpy().astype(int), X["sex"].astype(str).to_numpy()


def mixed_cells(chance, y, s):
    groups, shape = Groups.read(s), (2, 2)
    parts = [sum_cells([groups.codes, y], shape, c) for c in (1 - chance, chance)]
    return np.stack(parts, axis=-1).reshape(2, 4)


@pytest.mark.parametrize("data", [german, heart])
@pytest.mark.parametrize("constraints", ["demographic_parity", "equalized_odds"])
@pytest.mark.parametrize("bound", [0.01, 0.05])
def test_as_accurate_at_its_violation_with_fewer_fits(data, constraints, bound):
    from fairlearn import reductions

    X, y, s = data()
    moments = {"demographic_parity": "DemographicParity", "equalized_odds": "EqualizedOdds"}
    moment = getattr(reductions, moments[constraints])(difference_bound=bound)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = reductions.ExponentiatedGradient(LogisticRegression(max_iter=1000), moment)
        peer.fit(X, y, sensitive_features=s)
        cells = mixed_cells(peer._pmf_predict(X)[:, 1], y, s)
        tol = float(get_criterion(constraints)(cells))
        own = ExponentiatedGradient(
            LogisticRegression(max_iter=1000), constraints=constraints, tol=tol, randomized=True
        ).fit(X, y, sensitive_features=s)
    reached = mixed_cells(own.decision_probability(X), y, s)
    assert own.violation_[constraints] <= tol + 1e-6
    assert own.gap_ <= max(peer.best_gap_, 1e-4)
    assert own.n_oracle_calls_ < peer.n_oracle_calls_
    lost = (cells - reached)[:, [0, 3]].sum() / len(y)
    assert lost <= 0.005  # the oracle is no exact one, so neither search is


def test_bounded_group_loss_is_no_worse_within_the_same_bound():
    from fairlearn import reductions

    rng = np.random.default_rng(0)
    X, s = rng.normal(size=(400, 1)), np.repeat(["a", "b"], [320, 80])
    y = np.where(s == "a", X[:, 0], -X[:, 0]) + rng.normal(size=400) / 5
    low, high = y.min() - 1, y.max() + 1
    moment = reductions.BoundedGroupLoss(reductions.SquareLoss(low, high), upper_bound=1.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = reductions.ExponentiatedGradient(LinearRegression(), moment)
        peer.fit(X, y, sensitive_features=s)
    losses = sum(
        w * (y - np.clip(p.predict(X), low, high)) ** 2
        for w, p in zip(peer.weights_.sort_index(), peer.predictors_, strict=True)
    )
    worst = max(losses[s == g].mean() for g in "ab")
    own = ExponentiatedGradient(
        LinearRegression(), constraints=BoundedGroupLoss(upper_bound=float(worst))
    ).fit(X, y, sensitive_features=s)
    squared = (y - own.predict(X)) ** 2
    assert max(squared[s == g].mean() for g in "ab") <= worst + 1e-6
    assert squared.mean() <= losses.mean() + 1e-4
