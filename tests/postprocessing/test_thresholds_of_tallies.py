"""Thresholds from a tally of binned scores, beside those that the rows lead to."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from skfair.metrics import demographic_parity_difference, equal_opportunity_difference
from skfair.postprocessing import ScoreCurves, ThresholdOptimizer, optimal_thresholds
from skfair.tally import ScoreTally


def draw(seed, n=600):
    rng = np.random.default_rng(seed)
    group = rng.choice(["f", "m", "x"], n, p=[0.5, 0.3, 0.2])
    y = (rng.random(n) < np.where(group == "f", 0.3, 0.6)).astype(int)
    X = rng.normal(size=(n, 1)) + y[:, None] + 0.7 * (group == "m")[:, None]
    return X, y, group


def edges_of(score, n_bins):
    return np.unique(np.quantile(score, np.arange(1, n_bins) / n_bins, method="inverted_cdf"))


@pytest.mark.parametrize("constraint", ["demographic_parity", "equal_opportunity"])
@pytest.mark.parametrize("weighted", [False, True])
def test_an_edge_a_score_gives_what_the_optimizer_reaches(constraint, weighted):
    X, y, group = draw(0)
    weight = np.random.default_rng(1).integers(1, 4, len(y)) if weighted else None
    model = LogisticRegression().fit(X, y)
    options = {"constraints": constraint, "tol": 0.03}
    optimizer = ThresholdOptimizer(FrozenEstimator(model), shrinkage=None, **options)
    optimizer.fit(X, y, sensitive_features=group, sample_weight=weight)
    score = model.predict_proba(X)[:, 1]
    parts = [
        ScoreTally.from_arrays(
            y[i::2],
            score[i::2],
            group[i::2],
            edges=np.unique(score),
            sample_weight=None if weight is None else weight[i::2],
        )
        for i in range(2)
    ]
    rule = optimal_thresholds(sum(parts), **options)
    assert_allclose(rule.value, optimizer.rule_.value, rtol=1e-12)
    assert rule.effective_tol == pytest.approx(optimizer.rule_.effective_tol)
    gap = {
        "demographic_parity": demographic_parity_difference,
        "equal_opportunity": equal_opportunity_difference,
    }[constraint]
    found = gap(
        y, rule.select(score, group).astype(int), sensitive_features=group, sample_weight=weight
    )
    assert_allclose(found, optimizer.criteria_.loc[constraint, "estimate"], atol=1e-12)
    predictor = ThresholdOptimizer.from_rule(FrozenEstimator(model), rule)
    decided = predictor.predict(X, sensitive_features=group)
    assert (decided == optimizer.predict(X, sensitive_features=group)).all()


@pytest.mark.parametrize("seed", range(4))
def test_more_edges_never_lose_and_reach_what_the_rows_do(seed):
    X, y, group = draw(seed)
    score = X.ravel()
    of_rows = optimal_thresholds(ScoreCurves.from_arrays(y, score, group), tol=0.05).value
    values = []
    for n_bins in (8, 32, 128, 512):  # each has the edges of those before
        edges = edges_of(score, n_bins)
        tally = ScoreTally.from_arrays(y, score, group, edges=edges)
        values.append(optimal_thresholds(tally, tol=0.05).value)
    assert np.diff(values).min() >= -1e-12
    assert values[-1] <= of_rows + 1e-12
    losses = of_rows - np.array(values)
    assert losses[0] > losses[-1]
    assert losses[-1] < 0.005


@pytest.mark.parametrize("n_bins", [16, 64])
@pytest.mark.parametrize("seed", range(4))
def test_binning_costs_no_more_than_is_said(seed, n_bins):
    X, y, group = draw(seed, 400)
    score, tol = X.ravel(), 0.02
    of_rows = optimal_thresholds(ScoreCurves.from_arrays(y, score, group), tol=tol).value
    tally = ScoreTally.from_arrays(y, score, group, edges=edges_of(score, n_bins))
    bins = tally.weight.sum(axis=1)
    s = (bins / bins.sum(axis=1, keepdims=True)).max()
    lost = bins.max(axis=1).sum() / bins.sum()
    binned = optimal_thresholds(tally, tol=tol + s).value
    assert binned >= of_rows - lost - 1e-12


def test_cuts_are_edges_of_the_tally():
    X, y, group = draw(5)
    tally = ScoreTally.from_arrays(y, X.ravel(), group, edges=[-1.0, -0.25, 0.5, 1.25])
    rule = optimal_thresholds(tally, constraints="equalized_odds", tol=0.2)
    assert {float(cut) for cuts in rule.cuts for cut in cuts} <= set(tally.edges)
