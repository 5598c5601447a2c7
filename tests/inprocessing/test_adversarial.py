from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from networks import SmallCNN, biased_rows, images  # noqa: E402

from skfair.inprocessing import AdversarialDebiasedClassifier, FairNetClassifier  # noqa: E402


def model(**options):
    usual = {"sensitive_features": "sex", "hidden_sizes": (8,), "lr": 0.01, "max_epochs": 25}
    return AdversarialDebiasedClassifier(
        **{**usual, "batch_size": 64, "pos_label": "hire", "random_state": 0, **options}
    )


def fresh_auc(fitted, X, rows=slice(None)):
    """How well a new adversary tells the group of one half by what it learned of the other."""
    logit, male = fitted.decision_function(X)[rows, None], (X["sex"] == "m").to_numpy()[rows]
    half = len(male) // 2
    guess = LogisticRegression().fit(logit[:half], male[:half])
    return roc_auc_score(male[half:], guess.decision_function(logit[half:]))


@pytest.fixture(scope="module")
def rows():
    X, y, _ = biased_rows(1000, push=2.0)
    test, labels, _ = biased_rows(2000, seed=1, push=2.0)
    return X, y, test, labels


@pytest.fixture(scope="module")
def plain(rows):
    X, y, *_ = rows
    return FairNetClassifier(
        sensitive_features="sex", strength=0, hidden_sizes=(8,), lr=0.01, random_state=0
    ).fit(X, y)


@pytest.mark.slow
def test_a_fresh_adversary_is_left_with_little(rows, plain):
    X, y, test, labels = rows
    fair = model(adversary_weight=3.0).fit(X, y)
    assert fresh_auc(plain, test) > 0.66
    assert fresh_auc(fair, test) < 0.54
    assert fair.score(test, labels) > 0.65


@pytest.mark.slow
def test_more_weight_hides_more(rows):
    X, y, test, _ = rows
    found = [fresh_auc(model(adversary_weight=w).fit(X, y), test) for w in (0.03, 0.1, 1.0)]
    assert found[0] > found[1] + 0.02 > found[2] + 0.04


@pytest.mark.slow
@pytest.mark.parametrize("constraints", ["equalized_odds", "equal_opportunity"])
def test_among_rows_of_a_class_little_is_left(constraints):
    X, y, _ = biased_rows(2000)
    test, labels, _ = biased_rows(4000, seed=1)
    hired = labels == "hire"
    options = {"hidden_sizes": (8,), "lr": 0.01, "random_state": 0, "max_epochs": 25}
    plain = FairNetClassifier(sensitive_features="sex", strength=0, **options).fit(X, y)
    fair = model(constraints=constraints, adversary_weight=3.0).fit(X, y)
    assert fresh_auc(fair, test, hired) < 0.55 < 0.58 < fresh_auc(plain, test, hired)
    assert fresh_auc(fair, test, ~hired) < fresh_auc(plain, test, ~hired)
    assert fair.score(test, labels) > 0.8


def test_reversal_empties_a_narrow_layer(rows, plain):
    X, y, test, labels = rows
    options = {"method": "reversal", "representation": "active_2", "hidden_sizes": (16, 3)}
    fair = model(adversary_weight=3.0, **options).fit(X, y)
    assert fair.net_.criterion_.adversary[1].in_features == 3
    assert fresh_auc(fair, test) < 0.57 < 0.66 < fresh_auc(plain, test)
    assert fair.score(test, labels) > 0.65


@pytest.mark.parametrize("constraints", ["demographic_parity", "equal_opportunity"])
def test_early_stopping_looks_at_the_gap_and_not_at_the_adversary(constraints, rows):
    X, y, *_ = rows
    fitted = model(early_stopping=True, constraints=constraints, max_epochs=5).fit(X, y)
    loss = fitted.net_.criterion_.eval()
    p = torch.from_numpy(fitted.predict_proba(X[:200])).float()
    codes = torch.from_numpy((X["sex"][:200] == "m").to_numpy().astype(int))
    labels = torch.from_numpy((y[:200] == "reject").astype(int))
    target = labels, codes, torch.ones(200)
    among = labels == 0 if constraints == "equal_opportunity" else labels >= 0
    rates = [float(p[among & (codes == g), 0].mean()) for g in (0, 1)]
    entropy = -float(p[torch.arange(200), labels].log().mean())
    assert float(loss(p.log(), target)) == pytest.approx(
        entropy + abs(rates[0] - rates[1]), rel=1e-4
    )


def test_early_stopping_still_hides(rows, plain):
    X, y, test, _ = rows
    fair = model(adversary_weight=3.0, early_stopping=True, validation_fraction=0.2).fit(X, y)
    assert fresh_auc(fair, test) < 0.58


def test_mixed_precision_and_reversal_go_together(rows):
    X, y, *_ = rows
    options = {"method": "reversal", "representation": "active_1", "mixed_precision": True}
    fitted = model(max_epochs=2, **options).fit(X, y)
    assert np.isfinite(fitted.predict_proba(X)).all()
    with pytest.raises(ValueError, match='mixed_precision=True is for dtype="float32"'):
        model(mixed_precision=True, dtype="float64").fit(X, y)


def test_a_positive_class_that_is_not_there_is_refused(rows):
    X, y, *_ = rows
    with pytest.raises(ValueError, match="yes"):
        model(pos_label="yes").fit(X, y)


def test_frozen_modules_are_refused(rows):
    X, y, *_ = rows
    frozen = torch.nn.Linear(2, 2).requires_grad_(False)
    with pytest.raises(ValueError, match="no parameters to train"):
        model(module=frozen).fit(X, y)


def test_unused_parameters_stay_as_they_are(rows):
    class Idle(torch.nn.Module):
        def __init__(self, n_inputs, n_outputs):
            super().__init__()
            self.out = torch.nn.Linear(n_inputs, n_outputs)
            self.idle = torch.nn.Parameter(torch.ones(3))

        def forward(self, x):
            return self.out(x)

    X, y, *_ = rows
    fitted = model(module=Idle, weight_decay=10.0, max_epochs=1).fit(X, y)
    assert fitted.net_.module_.idle.tolist() == [1, 1, 1]


def test_several_sensitive_features_cross():
    X, y, _ = biased_rows(300)
    X["age"] = np.where(np.arange(300) % 3, "old", None)
    fitted = model(sensitive_features=["sex", "age"], max_epochs=2).fit(X, y)
    assert fitted.net_.criterion_.adversary[-1].out_features == 4
    assert fitted.net_.module_[1].in_features == 2


@pytest.mark.parametrize(
    ("representation", "message"),
    [
        ("hidden_9", r"representation must name a layer .*'hidden_9'; there are .*'hidden_1'"),
        (None, "needs representation="),
    ],
)
def test_layers_that_are_not_there_are_refused(representation, message):
    X, y, _ = biased_rows(40)
    with pytest.raises(ValueError, match=message):
        model(method="reversal", representation=representation).fit(X, y)


def test_a_layer_without_one_entry_a_row_is_refused():
    class Summary(torch.nn.Module):
        def forward(self, x):
            return x.mean(dim=0)

    class Odd(torch.nn.Module):
        def __init__(self, n_inputs, n_outputs):
            super().__init__()
            self.summary, self.out = Summary(), torch.nn.Linear(n_inputs, n_outputs)

        def forward(self, x):
            return self.out(x) + self.summary(x).sum()

    X, y, _ = biased_rows(40)
    with pytest.raises(
        ValueError, match=r"some numbers for each row; for 2 rows its shape is \(2,\)"
    ):
        model(module=Odd, method="reversal", representation="summary").fit(X, y)


def test_the_adversary_of_equal_opportunity_sees_the_positive_class():
    X, y, _ = biased_rows(100)
    for label, place in (("hire", 0), ("reject", 1)):
        options = {"constraints": "equal_opportunity", "pos_label": label, "max_epochs": 2}
        assert model(**options).fit(X, y).net_.criterion_.only == place


def test_the_adversary_of_equalized_odds_sees_the_class():
    X, y, _ = biased_rows(100)
    fitted = model(constraints="equalized_odds", max_epochs=2).fit(X, y)
    counts = pd.crosstab(X["sex"], y).to_numpy() / 100
    found = fitted.net_.criterion_.cell_weights.numpy() * counts
    assert_allclose(found, 1 / np.mean(1 / counts), rtol=1e-6)
    balanced = model(constraints="equalized_odds", max_epochs=1, batch_sampling="group_label")
    assert balanced.fit(X, y).net_.criterion_.cell_weights is None
    assert fitted.net_.criterion_.adversary[1].in_features == 4
    assert fitted.net_.criterion_.only is None


def test_several_groups_and_classes_on_images():
    X, y, group = images(200)
    y, group = y + 2 * (X[:, 0, 0, 0] > 3), group + (np.arange(200) % 2) * 2
    options = {"module": SmallCNN, "sensitive_features": None, "max_epochs": 25}
    options |= {"adversary_weight": 0.1, "pos_label": None}
    fitted = model(**options).fit(X, y, sensitive_features=group)
    assert fitted.net_.criterion_.adversary[-1].out_features == 4
    assert fitted.score(X, y) > 0.85


def test_one_group_is_plain_training_with_a_warning():
    X, y, _ = biased_rows(100)
    fits = []
    for weight in (0.0, 5.0):
        with pytest.warns(UndefinedMetricWarning, match="one group only, 'f'"):
            fits.append(model(adversary_weight=weight, max_epochs=2).fit(X.assign(sex="f"), y))
    assert_allclose(fits[0].predict_proba(X), fits[1].predict_proba(X))


def test_the_adversary_has_a_learning_rate_of_its_own():
    X, y, _ = biased_rows(100)
    fitted = model(adversary_lr=0.5, max_epochs=1, adversary_hidden_sizes=()).fit(X, y)
    rates = {g["lr"]: len(g["params"]) for g in fitted.net_.optimizer_.param_groups}
    assert rates == {0.5: 2, 0.01: 4}


def test_random_state_pickle_and_going_on():
    X, y, _ = biased_rows(150)
    options = {"early_stopping": True, "max_epochs": 3, "warmup_epochs": 2}
    first, second = (model(**options).fit(X, y) for _ in range(2))
    assert_allclose(first.predict_proba(X), second.predict_proba(X), rtol=0)
    again = pickle.loads(pickle.dumps(first))
    for fitted in (first, again):
        fitted.partial_fit(X, y)
        assert len(fitted.history_) == 4
    assert_allclose(again.predict_proba(X), first.predict_proba(X))
    plain = FairNetClassifier(
        sensitive_features="sex", strength=0, hidden_sizes=(8,), random_state=0, max_epochs=3
    )
    assert plain.fit(X, y).net_.module_[1].in_features == first.net_.module_[1].in_features == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"constraints": "predictive_parity"}, "constraints must be one of"),
        ({"adversary_weight": -1}, "adversary_weight must be"),
        ({"adversary_lr": 0}, "adversary_lr must be"),
        ({"warmup_epochs": -1}, "warmup_epochs must be"),
        ({"method": "magic"}, "method must be one of"),
        ({"representation": "active_1"}, "takes none"),
        ({"constraints": "equal_opportunity", "pos_label": None}, "pos_label"),
    ],
)
def test_bad_parameters_are_refused(options, message):
    X, y, _ = biased_rows(40)
    with pytest.raises(ValueError, match=message):
        model(**options).fit(X, y)
