from __future__ import annotations

import pickle
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from networks import SmallCNN, biased_rows, images  # noqa: E402
from skorch.callbacks import Callback, LRScheduler  # noqa: E402

from skfair.inprocessing import (  # noqa: E402
    FairNetClassifier,
    GroupDROClassifier,
    _net_base,
)
from skfair.inprocessing._net_features import TableEncoder  # noqa: E402
from skfair.metrics import fairness_scorer  # noqa: E402

FAST = {"hidden_sizes": (8,), "lr": 0.02, "max_epochs": 4, "batch_size": 64, "random_state": 0}


def model(kind=FairNetClassifier, **options):
    return kind(**{"sensitive_features": "sex", **FAST, **options})


def same(first, second, X, **tolerance):
    assert_allclose(first.predict_proba(X), second.predict_proba(X), **tolerance)


# Data of every kind


@pytest.mark.parametrize("kind", [FairNetClassifier, GroupDROClassifier])
@pytest.mark.parametrize("values", [["no", "yes"], [0, 1], [-1, 1], [False, True], [3, 7]])
def test_labels_of_any_kind_come_back(kind, values):
    X, y, _ = biased_rows(200)
    labels = np.array(values)[(y == "hire").astype(int)]
    fitted = model(kind, max_epochs=15).fit(X, labels)
    assert_array_equal(fitted.classes_, values)
    assert fitted.classes_.dtype == labels.dtype
    assert fitted.score(X, labels) > 0.8
    p = fitted.predict_proba(X)
    assert_allclose(p.sum(axis=1), 1)
    assert_array_equal(fitted.predict(X), np.array(values)[p.argmax(axis=1)])
    assert_allclose(fitted.decision_function(X), np.log(p[:, 1] / p[:, 0]), atol=1e-5)
    assert_allclose(fitted.predict_log_proba(X), np.log(p), atol=1e-5)


def test_several_classes_have_a_logit_each():
    X, _, _ = biased_rows(200)
    y = np.digitize(X["skill"], [-50, 50])
    fitted = model(max_epochs=20).fit(X, y)
    assert fitted.decision_function(X).shape == (200, 3)
    assert fitted.score(X, y) > 0.8


def test_groups_from_a_column_a_callable_and_values():
    X, y, _ = biased_rows()
    named = model().fit(X, y)
    values = model(sensitive_features=None)
    values.fit(X.drop(columns="sex"), y, sensitive_features=X["sex"])
    assert_allclose(named.predict_proba(X), values.predict_proba(X.drop(columns="sex")))
    derived = model(sensitive_features=lambda table: table["sex"]).fit(X, y)
    assert derived.net_.module_[1].in_features == 4  # two columns of words are features then
    with pytest.raises(ValueError, match="twice"):
        model().fit(X, y, sensitive_features=X["sex"])
    with pytest.raises(ValueError, match="needs sensitive features"):
        model(sensitive_features=None).fit(X, y)


def test_predictions_read_no_group():
    X, y, _ = biased_rows()
    fitted = model().fit(X, y)
    assert_array_equal(fitted.predict_proba(X), fitted.predict_proba(X.assign(sex="f")))


def test_polars_numpy_lists_and_odd_indices_give_the_same_model():
    X, y, weights = biased_rows()
    expected = model().fit(X, y, sample_weight=weights)
    odd = X.set_axis(np.roll(np.arange(len(X)), 7))
    same(model().fit(odd, pd.Series(y), sample_weight=pd.Series(weights)), expected, X)
    frame = pl.DataFrame(X.to_dict(orient="list"))
    fitted = model().fit(frame, pl.Series(y), sample_weight=weights.tolist())
    assert_allclose(fitted.predict_proba(frame), expected.predict_proba(X))
    matrix = X.to_numpy(dtype=object)
    fitted = model(sensitive_features=[1]).fit(matrix, y, sample_weight=weights)
    assert_allclose(fitted.predict_proba(matrix), expected.predict_proba(X))


def test_words_become_columns_and_numbers_are_standardised():
    table = pd.DataFrame(
        {"age": [20.0, 40, 40], "job": ["a", None, "b"], "old": [True, False, False]}
    )
    encoder = TableEncoder([0, 1, 2]).fit(table, np.array([2.0, 1, 1]))
    assert_allclose(
        encoder.transform(table),
        [[-1, 1, 1, 0, 0], [1, -1, 0, 0, 1], [1, -1, 0, 1, 0]],
    )
    unseen = pd.DataFrame({"age": [30], "job": ["c"], "old": [True]})
    assert_allclose(encoder.transform(unseen), [[0, 1, 0, 0, 0]])
    plain = TableEncoder([0, 1], standardize=False).fit(table)
    assert_allclose(plain.transform(table)[:, 0], [20, 40, 40])
    with pytest.raises(ValueError, match=r"columns \['age'\] are not numeric"):
        encoder.transform(unseen.assign(age="old"))


def test_scale_and_offset_of_a_column_change_nothing():
    X, y, _ = biased_rows()
    fitted = model(dtype="float64").fit(X, y)
    moved = X.assign(skill=1e6 * X["skill"] - 1e7)
    assert_allclose(
        model(dtype="float64").fit(moved, y).predict_proba(moved),
        fitted.predict_proba(X),
        atol=1e-6,
    )
    raw = model(standardize=False).fit(X, y)
    assert not np.allclose(raw.predict_proba(X), fitted.predict_proba(X), atol=0.01)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_types_of_numbers(dtype):
    X, y, _ = biased_rows()
    values = X[["skill", "proxy"]].to_numpy().astype(np.float32)
    fitted = [
        model(sensitive_features=None, dtype=dtype).fit(given, y, sensitive_features=X["sex"])
        for given in (values, values.astype(np.float64))
    ]
    assert {p.dtype for p in fitted[0].net_.module_.parameters()} == {getattr(torch, dtype)}
    assert_allclose(*(f.predict_proba(values) for f in fitted), rtol=1e-4)


def test_lists_of_words_and_numbers_keep_their_numbers():
    X, y, _ = biased_rows(60)
    rows = X.to_numpy().tolist()
    options = {"sensitive_features": [1]}
    from_lists = model(**options).fit(rows, y)
    assert from_lists.net_.module_[1].in_features == 2
    assert_allclose(from_lists.predict_proba(rows), model(**options).fit(X, y).predict_proba(X))


def test_whole_numbers_among_words_are_written_alike():
    X, y, _ = biased_rows(60)
    X["level"] = pd.Series([1, 2, 3, "x"] * 15, dtype=object)
    fitted = model().fit(X, y)
    part = X[X["level"] != "x"]
    expected = fitted.predict_proba(part)
    for kind in (int, float):
        assert_array_equal(
            fitted.predict_proba(part.assign(level=part["level"].astype(kind))), expected
        )


def test_columns_of_names_are_refused():
    X, y, _ = biased_rows(300)
    X["name"] = [f"n{i}" for i in range(300)]
    with pytest.raises(ValueError, match=r"column 'name' isn't of numbers, and has 300 values"):
        model().fit(X, y)
    X["name"] = [f"n{i % 100}" for i in range(300)]
    model(max_epochs=1).fit(X, y)


def test_images_and_modules():
    X, y, group = images()
    options = {"sensitive_features": None, "max_epochs": 15, "standardize": False}
    fitted = model(module=SmallCNN, **options).fit(X, y, sensitive_features=group)
    assert fitted.score(X, y) > 0.9
    assert isinstance(fitted.net_.module_, SmallCNN)
    assert model(**options).fit(X, y, sensitive_features=group).score(X, y) > 0.9  # a perceptron
    start = SmallCNN(2, channels=2)
    before = {k: v.clone() for k, v in start.state_dict().items()}
    given = model(module=start, **options).fit(X, y, sensitive_features=group)
    assert given.score(X, y) > 0.9
    for name, value in start.state_dict().items():
        assert torch.equal(value, before[name])  # the user's instance stays as it is
    assert_array_equal(pickle.loads(pickle.dumps(given)).predict(X), given.predict(X))
    with pytest.raises(ValueError, match="have the shape"):
        given.predict(X[:, :, 0, 0])


def test_bytes_are_divided_by_255_and_sizes_stay():
    X, y, group = images(60)
    options = {"module": SmallCNN, "sensitive_features": None}
    as_bytes = np.clip(100 * X + 60, 0, 255).astype(np.uint8)
    first = model(**options).fit(as_bytes, y, sensitive_features=group)
    second = model(**options).fit(as_bytes / 255, y, sensitive_features=group)
    assert_allclose(first.predict_proba(as_bytes), second.predict_proba(as_bytes / 255), rtol=1e-5)
    with pytest.raises(ValueError, match=r"were bytes .* and are not so here \(dtype int64\)"):
        first.predict(as_bytes.astype(int))
    with pytest.raises(ValueError, match="were not bytes"):
        second.predict(as_bytes)
    with pytest.raises(ValueError, match=r"shape \(1, 4, 3\), and had \(1, 4, 4\) at fit"):
        first.predict(as_bytes[:, :, :, :3])


def test_an_instance_starts_from_its_weights():
    X, y, group = images()
    start = SmallCNN(2)
    options = {"sensitive_features": None, "module": start, "lr": 1e-9, "max_epochs": 1}
    fitted = model(**options).fit(X, y, sensitive_features=group)
    for found, given in zip(fitted.net_.module_.parameters(), start.parameters(), strict=True):
        torch.testing.assert_close(found, given, atol=1e-6, rtol=0)


# Weights


@pytest.mark.parametrize("kind", [FairNetClassifier, GroupDROClassifier])
def test_whole_weights_are_repeated_rows_and_rows_without_weight_are_absent(kind):
    X, y, _ = biased_rows(120)
    times = np.arange(120) % 3
    options = {"dtype": "float64", "batch_size": 1000, "batch_sampling": None}
    weighted = model(kind, **options).fit(X, y, sample_weight=2.5 * times)
    rows = np.repeat(np.arange(120), times)
    repeated = model(kind, **options).fit(X.iloc[rows], y[rows])
    if kind is GroupDROClassifier:  # whose sizes are effective ones; without adjustment no matter
        assert_allclose(weighted.group_weights_, repeated.group_weights_, rtol=1e-5)
    same(weighted, repeated, X, atol=1e-7)


def test_weights_matter_in_balanced_batches():
    X, y, _ = biased_rows()
    weights = np.where(X["skill"] > 0, 1.0, 1e-6)  # so that hires are nearly all that is drawn
    fitted = model(batch_sampling="group", max_epochs=20).fit(X, y, sample_weight=weights)
    plain = model(batch_sampling="group", max_epochs=20).fit(X, y)
    assert (fitted.predict(X) == "hire").mean() > (plain.predict(X) == "hire").mean() + 0.05


# Randomness


@pytest.mark.parametrize("sampling", [None, "group", "group_label"])
def test_random_state_repeats_and_leaves_torchs_own_seed_alone(sampling):
    X, y, _ = biased_rows()
    options = {"dropout": 0.2, "batch_sampling": sampling, "early_stopping": True}
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = model(**options).fit(X, y)
    assert torch.equal(torch.rand(3), expected)
    same(model(**options).fit(X, y), first, X, rtol=0)
    same(model(random_state=np.random.RandomState(0), **options).fit(X, y), first, X, rtol=0)
    other = model(random_state=1, **options).fit(X, y)
    assert not np.allclose(other.predict_proba(X), first.predict_proba(X), atol=1e-3)


# Going on


def test_partial_fit_goes_on_by_epochs():
    X, y, _ = biased_rows()
    fitted = model(batch_size=1000, dtype="float64", max_epochs=3).fit(X, y)
    steps = model(batch_size=1000, dtype="float64")
    for _ in range(3):
        steps.partial_fit(X, y)
    assert len(steps.history_) == len(fitted.history_) == 3
    same(steps, fitted, X, atol=1e-9)


def test_partial_fit_takes_classes_and_refuses_what_is_unseen():
    X, y, _ = biased_rows()
    hired = y == "hire"
    fitted = model().partial_fit(X[hired], y[hired], classes=["reject", "hire"])
    assert fitted.classes_.tolist() == ["hire", "reject"]
    fitted.partial_fit(X[~hired], y[~hired])
    with pytest.raises(ValueError, match=r"classes \['maybe'\], unseen"):
        fitted.partial_fit(X, np.where(hired, "hire", "maybe"))
    with pytest.raises(ValueError, match=r"unseen at fit: \['x'\]"):
        fitted.partial_fit(X.assign(sex="x"), y)
    one_group = X[X["sex"] == "f"]
    assert len(fitted.partial_fit(one_group, y[X["sex"] == "f"]).history_) == 3


def test_warm_start_goes_on_and_a_cold_start_does_not():
    X, y, _ = biased_rows()
    warm = model(warm_start=True, max_epochs=2).fit(X, y)
    net = warm.net_
    first = warm.history_["train_loss"].iloc[0]
    warm.fit(X, y)
    assert warm.net_.module_ is net.module_
    assert warm.history_.index.tolist() == [1, 2, 3, 4]
    cold = model(max_epochs=2).fit(X, y)
    cold.fit(X, y)
    assert cold.history_.index.tolist() == [1, 2]
    assert cold.history_["train_loss"].iloc[0] == pytest.approx(first)


def test_going_on_takes_parameters_as_they_are_now():
    X, y, _ = biased_rows()
    fits = []
    for changes in ({}, {"lr": 0.2}, {"strength": 9.0}, {"weight_decay": 5.0}, {"batch_size": 50}):
        warm = model(warm_start=True, max_epochs=2).fit(X, y)
        steps = [float(state["step"]) for state in warm.net_.optimizer_.state.values()]
        warm.set_params(**changes).fit(X, y)
        assert len(warm.history_) == 4
        fits.append(warm.predict_proba(X))
        more = [float(state["step"]) for state in warm.net_.optimizer_.state.values()]
        assert min(more) > max(steps)  # moments go on
    one = model(max_epochs=4).fit(X, y).predict_proba(X)
    for fitted in fits[1:]:
        assert np.abs(fitted - fits[0]).max() > 1e-3
    assert np.abs(one - fits[0]).max() < 0.2
    again = model(dtype="float64", warm_start=True).fit(X, y).set_params(dtype="float32").fit(X, y)
    assert again.net_.module_[1].weight.dtype == torch.float32


def test_validation_rows_are_never_training_rows_of_a_net_that_goes_on(monkeypatch):
    X, y, _ = biased_rows(100)
    seen = []
    original = _net_base.hold_out

    def watch(*arguments):
        parts = original(*arguments)
        seen.append(parts)
        return parts

    monkeypatch.setattr(_net_base, "hold_out", watch)
    warm = model(warm_start=True, early_stopping=True, max_epochs=1).fit(X, y).fit(X, y)
    assert_array_equal(seen[0][1].X, seen[1][1].X)
    assert len(warm.history_) == 2


def test_a_fit_that_fails_leaves_no_net_of_other_rows():
    X, y, _ = biased_rows(100)
    fitted = model().fit(X, y)
    with pytest.raises(ValueError, match="contains NaN"):
        fitted.fit(X.assign(skill=np.nan), np.where(y == "hire", "a", "b"))
    with pytest.raises(NotFittedError):
        fitted.predict(X)


def test_early_stopping_returns_to_the_best_weights():
    X, y, _ = biased_rows()
    fitted = model(early_stopping=True, n_iter_no_change=3, lr=0.3, max_epochs=60).fit(X, y)
    losses = fitted.history_["valid_loss"]
    assert 3 < len(losses) < 60
    assert len(losses) - losses.to_numpy().argmin() == 4
    best = evaluated(fitted, X, y)
    assert best == pytest.approx(losses.min(), rel=1e-4)
    assert fitted.net_.train_split is None  # no rows travel with the model
    with pytest.raises(ValueError, match="test_size"):
        model(early_stopping=True, validation_fraction=0.999).fit(X, y)


def evaluated(fitted, X, y):
    """The loss of the module on the rows that were held out."""
    rows = fitted._read_rows(X, y, None, None, None, first=False)
    _, held = _net_base.hold_out(rows, fitted.validation_fraction, fitted._split_seed)
    X, *target = (torch.from_numpy(part) for part in held)
    with torch.no_grad():
        loss = fitted.net_.criterion_.eval()(fitted.net_.module_.eval()(X), target)
    return float(loss)


def test_early_stopping_and_single_epochs_in_turn():
    X, y, _ = biased_rows(100)
    fitted = model(early_stopping=True, n_iter_no_change=1, warm_start=True, lr=0.3, max_epochs=40)
    fitted.partial_fit(X, y).fit(X, y).partial_fit(X, y)
    losses = fitted.history_["valid_loss"]
    assert losses.isna().to_numpy().nonzero()[0].tolist() == [0, len(losses) - 1]
    assert len(losses) < 42


def test_validation_rows_keep_the_shares_of_groups_and_labels(monkeypatch):
    X, y, _ = biased_rows()
    seen = {}

    def watch(self, rows, validation, epochs):
        seen.update(rows=rows, validation=validation)

    monkeypatch.setattr(FairNetClassifier, "_run", watch)
    model(early_stopping=True, validation_fraction=0.2).fit(X, y)
    assert (len(seen["rows"].y), len(seen["validation"].y)) == (240, 60)
    shares = [part.cell_sums(2, 2) / len(part.y) for part in seen.values()]
    assert_allclose(*shares, atol=0.01)


# What stops


class Poison(Callback):
    """Puts NaN into the weights at the start of an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_begin(self, net, **_):
        if len(net.history) == self.epoch:
            with torch.no_grad():
                next(net.module_.parameters()).fill_(float("nan"))


def test_a_loss_that_is_no_number_names_the_epoch_and_keeps_the_last_good_weights():
    X, y, _ = biased_rows()
    fitted = model(callbacks=[Poison(3)])
    with pytest.raises(ValueError, match=r"loss is nan in epoch 3, batch 1: lower lr .*0.02"):
        fitted.fit(X, y)
    assert len(fitted.history_) == 3
    same(fitted, model(max_epochs=2).fit(X, y), X)
    fitted.callbacks = None
    fitted.partial_fit(X, y)
    assert np.isfinite(fitted.history_["train_loss"].iloc[-1])


def test_a_learning_rate_too_large_is_told():
    X, y, _ = biased_rows()
    with pytest.raises(ValueError, match="in epoch"):
        model(lr=1e30, max_epochs=30).fit(X, y)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (torch.nn.Linear(2, 3), r"each of 2 classes, so \(n, 2\); for 2 rows it gave \(2, 3\)"),
        (torch.nn.Linear(7, 2), r"can't take rows of the shape \(2,\)"),
        (torch.nn.LSTM(2, 2), "it gave tuple"),
        ("mlp", "module must be None"),
        (dict, "module must be None"),
    ],
)
def test_modules_that_do_not_fit_are_refused(module, message):
    X, y, _ = biased_rows()
    with pytest.raises(ValueError, match=message):
        model(module=module).fit(X, y)


def test_a_class_gets_the_sizes_that_it_names():
    X, y, _ = biased_rows()

    def linear(n_inputs, n_outputs, bias=False):
        return torch.nn.Linear(n_inputs, n_outputs, bias=bias)

    fitted = model(module=linear).fit(X, y)
    assert fitted.net_.module_.weight.shape == (2, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size must be an integer"),
        ({"max_epochs": 1.5}, "max_epochs must be an integer"),
        ({"n_iter_no_change": 0}, "n_iter_no_change must be"),
        ({"lr": 0}, "lr must be a number above 0"),
        ({"lr": "fast"}, "lr must be a number above 0"),
        ({"lr": True}, "lr must be a number above 0"),
        ({"weight_decay": -1}, "weight_decay must be a number of at least 0"),
        ({"weight_decay": np.inf}, "weight_decay must be"),
        ({"validation_fraction": 1.0}, "validation_fraction must be"),
        ({"batch_sampling": "label"}, "batch_sampling must be"),
        ({"dtype": "float16"}, "dtype must be"),
        ({"device": "abacus"}, "device must be"),
        ({"weight_init": "zeros"}, "weight_init must be"),
    ],
)
def test_bad_parameters_are_refused(options, message):
    X, y, _ = biased_rows(40)
    with pytest.raises(ValueError, match=message):
        model(**options).fit(X, y)


def test_bad_rows_are_refused():
    X, y, _ = biased_rows(40)
    values = X[["skill", "proxy"]].to_numpy()
    free = model(sensitive_features=None)
    groups = {"sensitive_features": X["sex"]}
    with pytest.raises(TypeError, match="dense data is required"):
        free.fit(sparse.csr_array(values), y, **groups)
    with pytest.raises(ValueError, match=r"a table .* or images .* shape \(40, 2, 1\)"):
        free.fit(values[..., None], y, **groups)
    with pytest.raises(ValueError, match=r"contains NaN in columns \['skill'\]"):
        model().fit(X.assign(skill=X["skill"].where(X["skill"] > 0)), y)
    with pytest.raises(ValueError, match="contains NaN"):
        free.fit(np.full((40, 1, 2, 2), np.nan), y, **groups)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model().fit(X, y[:-1])
    with pytest.raises(ValueError, match="only one class: 'hire'"):
        model().fit(X, np.full(40, "hire"))
    with pytest.raises(ValueError, match="all n_features=1 columns are sensitive"):
        model().fit(X[["sex"]], y)
    with pytest.raises(ValueError, match="all sample weights are zero"):
        model().fit(X, y, sample_weight=np.zeros(40))
    with pytest.raises(NotFittedError):
        model().predict(X)


@pytest.mark.parametrize("library", ["torch", "skorch"])
def test_a_missing_library_is_asked_for_in_one_line(library, monkeypatch):
    X, y, _ = biased_rows(40)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=rf'^FairNetClassifier needs {library}: pip .*\[nn\]"$'):
        model().fit(X, y)


# In scikit-learn's tools


def test_pickle_and_clone():
    X, y, _ = biased_rows()
    raw = pickle.loads(pickle.dumps(model(callbacks=[LRScheduler()])))
    fitted = raw.fit(X, y)
    again = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    assert len(pickle.dumps(fitted)) < 60_000  # weights once, no rows
    assert_allclose(clone(fitted).fit(X, y).predict_proba(X), fitted.predict_proba(X))
    again.partial_fit(X, y)
    assert len(again.history_) == 5


def test_callbacks_are_copied_and_used():
    X, y, _ = biased_rows()
    rates = []

    class Watch(Callback):
        def on_epoch_end(self, net, **_):
            rates.append(net.optimizer_.param_groups[0]["lr"])

    schedule = LRScheduler(policy="StepLR", step_size=1, gamma=0.5)
    model(callbacks=[Watch(), schedule]).fit(X, y)
    assert_allclose(rates, [0.02, 0.01, 0.005, 0.0025])
    assert not hasattr(schedule, "policy_")


def test_history_and_verbose(capsys):
    X, y, _ = biased_rows()
    fitted = model().fit(X, y)
    assert fitted.history_.columns.tolist() == ["train_loss", "dur"]
    assert fitted.history_.index.tolist() == [1, 2, 3, 4]
    assert capsys.readouterr().out == ""
    model(verbose=1, early_stopping=True).fit(X, y)
    assert "4/4" in (shown := capsys.readouterr().err)
    assert "valid_loss" in shown
    model(verbose=2, early_stopping=True).fit(X, y)
    assert "valid_loss" in capsys.readouterr().out


@pytest.mark.slow
def test_a_search_in_two_processes_in_both_forms(routing):
    X, y, _ = biased_rows(200)
    grid = {"strength": [0.0, 1.0], "hidden_sizes": [(4,)]}
    options = {"cv": 2, "n_jobs": 2, "error_score": "raise"}
    scoring = fairness_scorer(
        "demographic_parity_difference", sensitive_features="sex", pos_label="hire"
    )
    scoring = {"gap": scoring, "accuracy": "accuracy"}
    options |= {"scoring": scoring, "refit": "accuracy"}
    search = GridSearchCV(model(), grid, **options).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_gap"]).all()
    options |= {"scoring": None, "refit": True, "n_jobs": None}
    pipe = make_pipeline(StandardScaler(), model(sensitive_features=None))
    grid = {"fairnetclassifier__strength": [0.0, 1.0]}
    outside = GridSearchCV(pipe, grid, **options)
    outside.fit(X[["skill", "proxy"]], y, sensitive_features=X["sex"])
    assert outside.best_score_ == pytest.approx(search.best_score_, abs=0.15)
