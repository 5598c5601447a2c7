from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from networks import SmallCNN, biased_rows, images  # noqa: E402

from skfair.inprocessing import AdversarialDebiasedRegressor  # noqa: E402

COLUMNS = ["skill", "proxy"]
CONSTRAINTS = ("demographic_parity", "equalized_odds")


def pay_rows(n=1000, seed=0):
    X, _, weights = biased_rows(n, seed)
    rng = np.random.default_rng(seed)
    y = 3000 + 10 * X["skill"] + 1000 * (X["sex"] == "m") + 100 * rng.normal(size=n)
    return X, y.to_numpy(), weights


def model(**options):
    usual = {"sensitive_features": "sex", "hidden_sizes": (8,), "lr": 0.01, "max_epochs": 25}
    return AdversarialDebiasedRegressor(**{**usual, "batch_size": 64, "random_state": 0, **options})


def gap(fitted, X, columns=slice(None)):
    found = fitted.predict(X.loc[:, columns])
    return found[X["sex"] == "m"].mean() - found[X["sex"] == "f"].mean()


@pytest.mark.slow
def test_pay_no_longer_tells_of_sex():
    X, y, _ = pay_rows()
    test, pay, _ = pay_rows(2000, seed=1)
    gaps = []
    for weight in (0.0, 0.3, 3.0):
        fitted = model(adversary_weight=weight, max_epochs=40).fit(X, y)
        gaps.append(gap(fitted, test))
        assert fitted.score(test, pay) > 0.7
    assert gap(LinearRegression().fit(X[COLUMNS], y), test, COLUMNS) > 350
    assert gaps[0] > 200 > gaps[1] > 50 > abs(gaps[2])


@pytest.mark.slow
def test_equalized_odds_compares_rows_of_the_same_pay():
    X, y, _ = pay_rows()
    fits = [
        model(constraints=c, adversary_weight=3.0, max_epochs=40).fit(X, y) for c in CONSTRAINTS
    ]
    assert [f.net_.criterion_.adversary[1].in_features for f in fits] == [1, 2]
    high = X[(y > 3500) & (y < 4500)]
    assert abs(gap(fits[1], high)) < 100
    assert gap(fits[1], X) > 3 * abs(gap(fits[0], X))


def test_units_of_the_target_change_nothing():
    X, y, weights = pay_rows(300)
    first = model(max_epochs=3, dtype="float64").fit(X, y, sample_weight=weights)
    second = model(max_epochs=3, dtype="float64").fit(X, y / 1000 - 7, sample_weight=weights)
    assert_allclose(second.predict(X), first.predict(X) / 1000 - 7, rtol=1e-9)


def test_a_constant_target_and_one_group():
    X, y, _ = pay_rows(60)
    constant = model(max_epochs=30).fit(X, 0 * y + 5)
    assert_allclose(constant.predict(X).mean(), 5, atol=0.6)
    with pytest.warns(UndefinedMetricWarning, match="one group only"):
        model(max_epochs=1).fit(X.assign(sex="f"), y)


def test_partial_fit_images_and_early_stopping():
    X, y, _ = pay_rows(200)
    options = {"early_stopping": True, "max_epochs": 3, "batch_sampling": "group"}
    fitted = model(**options).fit(X, y).partial_fit(X, y)
    assert len(fitted.history_) == 4
    pictures, bright, group = images()
    seen = model(module=SmallCNN, sensitive_features=None, max_epochs=20)
    assert (
        seen.fit(pictures, 10.0 * bright, sensitive_features=group).score(pictures, 10.0 * bright)
        > 0.5
    )


def test_it_is_cross_validated():
    X, y, _ = pay_rows(400)
    assert (cross_val_score(model(adversary_weight=0.1), X, y, cv=2) > 0.3).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"constraints": "equal_opportunity"}, "constraints must be one of"),
        ({"batch_sampling": "group_label"}, "batch_sampling must be one of"),
        ({"module": torch.nn.Linear(2, 2)}, r"module must give one number a row, so \(n, 1\)"),
    ],
)
def test_bad_parameters_are_refused(options, message):
    X, y, _ = pay_rows(40)
    with pytest.raises(ValueError, match=message):
        model(**options).fit(X, y)


def test_bad_targets_are_refused():
    X, y, _ = pay_rows(40)
    for bad, message in ((np.where(y > 3000, np.nan, y), "NaN"), (y[:-1], "inconsistent numbers")):
        with pytest.raises(ValueError, match=message):
            model().fit(X, bad)
    with pytest.raises(ValueError, match="could not convert string"):
        model().fit(X, np.where(y > 3000, "rich", "poor"))
