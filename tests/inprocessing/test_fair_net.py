from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import UndefinedMetricWarning

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from networks import biased_rows  # noqa: E402

from skfair.criteria import CRITERIA, Criterion, get_criterion  # noqa: E402
from skfair.inprocessing import FairNetClassifier  # noqa: E402
from skfair.tally import soft_cells  # noqa: E402

CONSTRAINTS = ["demographic_parity", "equalized_odds", "predictive_parity", "disparate_impact"]


def model(**options):
    usual = {"sensitive_features": "sex", "hidden_sizes": (), "lr": 0.03, "random_state": 0}
    return FairNetClassifier(**{**usual, "pos_label": "hire", **options})


def expected_gap(fitted, X, y, criterion, positive="hire"):
    """The criterion over expected cells, by numpy."""
    p = fitted.predict_proba(X)[:, fitted.classes_.tolist().index(positive)]
    codes = (X["sex"] == "m").to_numpy().astype(int)
    gap = float(criterion(soft_cells((y == positive).astype(float), p, codes, 2)))
    return 1 - gap if criterion.gap == "ratio" else gap


@pytest.mark.parametrize("name", CONSTRAINTS)
@pytest.mark.parametrize("batch_size", [50, 1000])
def test_gaps_close_with_strength(name, batch_size):
    X, y, _ = biased_rows(500, push=2.5)
    epochs = 10 if batch_size == 50 else 60
    gaps = []
    for strength in (0.0, 3.0):
        fitted = model(
            constraints=name, strength=strength, batch_size=batch_size, max_epochs=epochs
        )
        gaps.append(expected_gap(fitted.fit(X, y), X, y, get_criterion(name)))
    assert gaps[0] > 0.08
    assert gaps[1] < (0.95 if name == "predictive_parity" else 0.5) * gaps[0]


def test_the_loss_in_the_history_is_the_one_that_is_documented():
    X, y, _ = biased_rows()
    options = {"strength": 2.0, "batch_size": 1000, "lr": 1e-7, "max_epochs": 1, "memory": 0.0}
    fitted = model(constraints=["equalized_odds", "accuracy_parity"], **options).fit(X, y)
    p = fitted.predict_proba(X)
    entropy = -np.log(p[np.arange(len(y)), (y == "reject").astype(int)]).mean()
    criteria = [CRITERIA[name] for name in ("equalized_odds", "accuracy_parity")]
    gaps = sum(expected_gap(fitted, X, y, criterion) for criterion in criteria)
    assert fitted.history_["train_loss"].iloc[0] == pytest.approx(entropy + 2 * gaps, abs=1e-4)


def test_the_positive_class_matters_only_where_it_matters():
    X, y, _ = biased_rows(150)
    for name in ("demographic_parity", "equalized_odds"):
        first, second = (
            model(constraints=name, pos_label=label, max_epochs=3, dtype="float64").fit(X, y)
            for label in (None, "hire")
        )
        assert_allclose(first.predict_proba(X), second.predict_proba(X), atol=1e-6)
    hire, reject = (
        model(constraints="equal_opportunity", pos_label=label, max_epochs=3).fit(X, y)
        for label in ("hire", "reject")
    )
    assert not np.allclose(hire.predict_proba(X), reject.predict_proba(X), atol=1e-3)
    for name in ("equal_opportunity", "disparate_impact", "predictive_parity"):
        with pytest.raises(ValueError, match="pos_label"):
            model(constraints=name, pos_label=None).fit(X, y)
    with pytest.raises(ValueError, match="not a valid label"):
        model(pos_label="promote").fit(X, y)


def test_several_classes_are_fair_each():
    X, _, _ = biased_rows(600)
    y = np.digitize(X["skill"] + 150 * (X["sex"] == "m"), [0, 150])
    gaps = []
    for strength, pos_label in ((0.0, None), (5.0, None), (5.0, 2)):
        options = {"max_epochs": 40, "strength": strength, "pos_label": pos_label}
        fitted = model(**options).fit(X, y)
        p = fitted.predict_proba(X)
        rates = [p[(X["sex"] == sex).to_numpy()].mean(axis=0) for sex in "fm"]
        gaps.append(abs(rates[0] - rates[1]))
    free, each, last = gaps
    assert free[[0, 2]].min() > 0.14
    assert each.max() < 0.05
    assert last[2] < 0.02 < 0.1 < last[0]


def test_three_groups_and_missing_ones():
    X, y, _ = biased_rows(400)
    X = X.assign(sex=X["sex"].where(np.arange(400) % 10 > 0))
    fitted = model(strength=3.0, max_epochs=30).fit(X, y)
    free = model(strength=0.0, max_epochs=30).fit(X, y)
    groups = X["sex"].fillna("none")

    def spread(of):
        rates = pd.Series(of.predict_proba(X)[:, 0]).groupby(groups).mean()
        return rates.max() - rates.min()

    assert spread(fitted) < 0.5 * spread(free)
    with pytest.raises(ValueError, match="missing values"):
        model(missing="raise").fit(X, y)


def test_one_group_has_no_gap_and_a_warning():
    X, y, _ = biased_rows(150)
    alone = X.assign(sex="f")
    with pytest.warns(UndefinedMetricWarning, match="one group only, 'f'"):
        fitted = model(strength=3.0, max_epochs=3).fit(alone, y)
    free = model(strength=0.0, max_epochs=3).fit(alone, y)
    assert_allclose(fitted.predict_proba(X), free.predict_proba(X), atol=1e-6)


@pytest.mark.slow
def test_a_small_group_in_small_batches_is_heard():
    rng = np.random.default_rng(0)
    n = 2000
    small = rng.random(n) < 0.03
    X = rng.normal(size=(n, 2)) + [1.5, 0] * small[:, None]
    y = (X.sum(axis=1) + rng.normal(size=n) > 0.3).astype(int)
    options = {"sensitive_features": None, "pos_label": None, "batch_size": 20, "max_epochs": 6}
    gaps, scores = [], []
    for strength, memory in ((0.0, 0.0), (1.0, 0.0), (1.0, 0.9)):
        fitted = model(strength=strength, memory=memory, **options)
        p = fitted.fit(X, y, sensitive_features=small).predict_proba(X)[:, 1]
        gaps.append(p[small].mean() - p[~small].mean())
        scores.append(fitted.score(X, y))
    assert abs(gaps[2]) < 0.5 * gaps[0]
    assert scores[2] > 0.6
    assert abs(gaps[2]) < abs(gaps[1])  # most batches alone have no rows of the small group


def test_balanced_batches_leave_the_criterion_what_it_is():
    """Base rates differ by group: with labels balanced, parity of rates would mean another one."""
    rng = np.random.default_rng(0)
    sex = np.repeat(["f", "m"], 1000)
    y = (rng.random(2000) < np.where(sex == "m", 0.8, 0.2)).astype(int)
    X = y[:, None] * 4.0 + rng.normal(size=(2000, 1))
    options = {"sensitive_features": None, "pos_label": None, "batch_sampling": "group_label"}
    options |= {"strength": 5.0, "max_epochs": 30, "batch_size": 500, "lr": 0.01}
    fitted = model(**options).fit(X, y, sensitive_features=sex)
    p = fitted.predict_proba(X)[:, 1]
    assert abs(p[sex == "m"].mean() - p[sex == "f"].mean()) < 0.15  # 0.6 without a word of shares


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strength": -1}, "strength must be"),
        ({"memory": 1.0}, "memory must be below 1"),
        ({"memory": -0.5}, "memory must be"),
        ({"constraints": []}, "constraints is empty"),
        ({"constraints": "demographic_party"}, "did you mean 'demographic_parity'"),
        ({"constraints": "base_rate"}, "don't depend on decisions"),
    ],
)
def test_bad_parameters_are_refused(options, message):
    X, y, _ = biased_rows(40)
    with pytest.raises(ValueError, match=message):
        model(**options).fit(X, y)


def test_a_criterion_of_the_users_own():
    X, y, _ = biased_rows(150)
    own = Criterion("own", CRITERIA["equalized_odds"].rates, combination="mean")
    fitted = model(constraints=own, max_epochs=3).fit(X, y)
    named = model(constraints="average_abs_odds", max_epochs=3).fit(X, y)
    assert_allclose(fitted.predict_proba(X), named.predict_proba(X))
