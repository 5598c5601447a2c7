from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from networks import SmallCNN, biased_rows  # noqa: E402

from skfair.inprocessing import FairNetClassifier, GroupDROClassifier  # noqa: E402


def shortcut_rows(n=1000, seed=0):
    """A strong column tells the label of the many, and the opposite of the few."""
    rng = np.random.default_rng(seed)
    group = np.where(np.arange(n) % 20 == 0, "few", "many")
    y = rng.integers(2, size=n)
    signs = np.where(group == "many", 1, -1) * (2 * y - 1)
    X = np.column_stack([2 * signs, 2 * y - 1]) + rng.normal(size=(n, 2))
    return X, y, group


def model(**options):
    usual = {"hidden_sizes": (), "lr": 0.03, "step_size": 0.1, "batch_size": 100}
    return GroupDROClassifier(**{**usual, "max_epochs": 10, "random_state": 0, **options})


def worst(fitted, X, y, group):
    right = fitted.predict(X) == y
    return min(right[(group == g) & (y == k)].mean() for g in ("few", "many") for k in (0, 1))


@pytest.mark.slow
@pytest.mark.parametrize("worst_over", ["group_label", "group"])
@pytest.mark.parametrize("sampling", ["group_label", "group", None])
def test_the_worst_group_gains(worst_over, sampling):
    X, y, group = shortcut_rows()
    plain = FairNetClassifier(hidden_sizes=(), lr=0.03, strength=0, random_state=0, batch_size=100)
    plain.fit(X, y, sensitive_features=group)
    fitted = model(worst_over=worst_over, batch_sampling=sampling)
    fitted.fit(X, y, sensitive_features=group)
    assert worst(plain, X, y, group) < 0.3
    assert worst(fitted, X, y, group) > 0.6


def test_group_weights_have_the_closed_form():
    """With no step of the network and all rows in each batch, losses stay what they are."""
    X, y, _ = biased_rows(200)
    options = {"lr": 1e-9, "batch_sampling": None, "batch_size": 1000, "dtype": "float64"}
    options |= {"sensitive_features": "sex", "adjustment": 2.0, "weight_decay": 0.0}
    weights = np.arange(200) % 4 + 1.0
    fitted = model(**options).fit(X, y, sample_weight=weights)
    p = fitted.predict_proba(X)
    losses = -np.log(p[np.arange(200), (y == "reject").astype(int)])
    rows = pd.DataFrame({"loss": weights * losses, "w": weights, "w2": weights**2})
    sums = rows.groupby([X["sex"].to_numpy(), y]).sum()
    adjusted = sums["loss"] / sums["w"] + 2 / np.sqrt(sums["w"] ** 2 / sums["w2"])
    expected = np.exp(0.1 * 10 * adjusted).unstack()
    found = fitted.group_weights_
    assert_allclose(found, expected / expected.to_numpy().sum(), rtol=1e-6)
    assert found.index.tolist() == ["f", "m"]
    assert found.columns.tolist() == ["hire", "reject"]
    coarse = model(worst_over="group", **options).fit(X, y, sample_weight=weights)
    sums = rows.groupby(X["sex"].to_numpy()).sum()
    assert_allclose(coarse.net_.criterion_.sizes, sums["w"] ** 2 / sums["w2"])
    by_group = coarse.group_weights_
    assert by_group.index.name == "sex"
    assert by_group.sum() == pytest.approx(1)


def test_a_cell_without_rows_has_no_weight():
    X, y, _ = biased_rows(200)
    kept = ~((X["sex"] == "f") & (y == "hire")).to_numpy()
    fitted = model(sensitive_features="sex").fit(X[kept], y[kept])
    assert fitted.group_weights_.loc["f", "hire"] == 0
    assert fitted.group_weights_.to_numpy().sum() == pytest.approx(1)


def test_one_group_is_plain_training_over_labels():
    X, y, _ = biased_rows(200)
    fitted = model(worst_over="group", sensitive_features="sex", batch_sampling=None)
    fitted.fit(X.assign(sex="f"), y)
    assert fitted.group_weights_.tolist() == [1.0]
    plain = FairNetClassifier(
        sensitive_features="sex",
        hidden_sizes=(),
        lr=0.03,
        strength=0,
        batch_size=100,
        max_epochs=10,
        random_state=0,
    ).fit(X.assign(sex="f"), y)
    assert_allclose(fitted.predict_proba(X), plain.predict_proba(X), atol=1e-5)


def test_early_stopping_looks_at_the_worst_cell():
    X, y, group = shortcut_rows(400)
    fitted = model(early_stopping=True, max_epochs=3, validation_fraction=0.5, lr=1e-9)
    fitted.fit(X, y, sensitive_features=group)
    p = fitted.predict_proba(X)
    losses = pd.Series(-np.log(p[np.arange(400), y])).groupby([group, y]).mean()
    found = fitted.history_["valid_loss"].iloc[-1]
    assert found > losses.max() - 0.3
    assert found > 1.4 * fitted.history_["train_loss"].iloc[-1]


def test_images():
    rng = np.random.default_rng(0)
    y, group = rng.integers(2, size=200), rng.integers(2, size=200)
    X = 0.3 * rng.normal(size=(200, 1, 4, 4))
    X[:, 0, :2] += y[:, None, None]
    fitted = model(module=SmallCNN, max_epochs=15).fit(X, y, sensitive_features=group)
    assert fitted.score(X, y) > 0.9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"step_size": -0.1}, "step_size must be"),
        ({"adjustment": np.nan}, "adjustment must be"),
        ({"worst_over": "label"}, "worst_over must be"),
    ],
)
def test_bad_parameters_are_refused(options, message):
    X, y, group = shortcut_rows(40)
    with pytest.raises(ValueError, match=message):
        model(**options).fit(X, y, sensitive_features=group)


def test_classes_that_come_later_are_heard():
    X, y, _ = biased_rows(400)
    hired = y == "hire"
    options = {"sensitive_features": "sex", "lr": 0.05, "batch_size": 50}
    fitted = model(**options).partial_fit(X[hired], y[hired], classes=["hire", "reject"])
    fitted.partial_fit(X[~hired], y[~hired])
    for _ in range(20):
        fitted.partial_fit(X, y)
    assert fitted.score(X, y) > 0.75
    assert (fitted.group_weights_ > 0).all(axis=None)


def test_another_adjustment_takes_effect_when_going_on():
    X, y, _ = biased_rows(100)
    fitted = model(sensitive_features="sex", adjustment=0.0, warm_start=True, max_epochs=1).fit(
        X, y
    )
    assert float(fitted.net_.criterion_.margins.max()) == 0
    fitted.set_params(adjustment=2.0).fit(X, y)
    assert float(fitted.net_.criterion_.margins.max()) > 0.2
