"""Randomized rules are never worse than the peers' where the violation is the same."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from skfair.criteria import get_criterion
from skfair.postprocessing import ScoreCurves, optimal_thresholds

pytestmark = pytest.mark.peers

PROBLEMS = [(seed, n_groups) for seed in range(4) for n_groups in (2, 4)]


def problem(seed, n_groups, n=2000):
    rng = np.random.default_rng(seed)
    group = rng.integers(0, n_groups, n)
    y = (rng.random(n) < 0.25 + 0.4 * group / n_groups).astype(int)
    score = 1 / (1 + np.exp(-(rng.normal(size=n) + y * (1 + group / n_groups) - 1)))
    return y, score, group


class Given(ClassifierMixin, BaseEstimator):
    """A fitted model whose score is its input."""

    def fit(self, X, y):
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, X):
        score = np.asarray(X)[:, 0]
        return np.column_stack([1 - score, score])


def expected_cells(chance, y, group):
    cells = np.zeros((group.max() + 1, 4))
    np.add.at(cells, (group, 2 * y), 1 - chance)
    np.add.at(cells, (group, 2 * y + 1), chance)
    return cells


@pytest.mark.parametrize(("seed", "n_groups"), PROBLEMS)
@pytest.mark.parametrize("criterion", ["demographic_parity", "equalized_odds"])
def test_as_good_as_fairlearn_at_its_violation(seed, n_groups, criterion):
    from fairlearn.postprocessing import ThresholdOptimizer

    y, score, group = problem(seed, n_groups)
    peer = ThresholdOptimizer(
        estimator=Given().fit(None, None),
        constraints=criterion,
        prefit=True,
        predict_method="predict_proba",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer.fit(score[:, None], y, sensitive_features=group)
        chance = peer._pmf_predict(score[:, None], sensitive_features=group)[:, 1]
    theirs = expected_cells(chance, y, group)
    accuracy = (theirs[:, 0] + theirs[:, 3]).sum() / theirs.sum()
    curves = ScoreCurves.from_arrays(y, score, group)
    tol = float(get_criterion(criterion)(theirs))
    ours = optimal_thresholds(curves, criterion, tol=tol, randomized=True)
    assert ours.value >= accuracy - 1e-7


@pytest.mark.parametrize(("seed", "n_groups"), PROBLEMS)
@pytest.mark.parametrize("tol", [0.01, 0.1])
def test_as_good_as_error_parity_at_its_violation(seed, n_groups, tol):
    parity = pytest.importorskip("error_parity")
    y, score, group = problem(seed, n_groups)
    peer = parity.RelaxedThresholdOptimizer(
        predictor=lambda X: X[:, 0], constraint="equalized_odds", tolerance=tol, seed=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer.fit(X=score[:, None], y=y, group=group)
    points = np.asarray(peer.groupwise_roc_points)
    cells = []
    for g, (fpr, tpr) in enumerate(points):
        negative, positive = ((y == k) & (group == g) for k in (0, 1))
        n, p = negative.sum(), positive.sum()
        cells.append((n * (1 - fpr), n * fpr, p * (1 - tpr), p * tpr))
    theirs = np.array(cells)
    accuracy = (theirs[:, 0] + theirs[:, 3]).sum() / theirs.sum()
    curves = ScoreCurves.from_arrays(y, score, group)
    violation = float(get_criterion("equalized_odds")(theirs))
    ours = optimal_thresholds(curves, "equalized_odds", tol=violation, randomized=True)
    assert ours.value >= accuracy - 1e-7
