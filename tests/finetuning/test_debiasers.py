from __future__ import annotations

import pickle
from copy import deepcopy
from functools import cache

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError, UndefinedMetricWarning
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from networks import SmallCNN, biased_rows, images  # noqa: E402
from skorch import NeuralNetClassifier  # noqa: E402
from torch import nn  # noqa: E402

from skfair.criteria import CRITERIA  # noqa: E402
from skfair.finetuning import (  # noqa: E402
    AdversarialFineTuner,
    BiasGradientFineTuner,
    LastLayerRetrainer,
    LayerwiseDebiaser,
    PruningDebiaser,
    RandomPerturbationDebiaser,
)
from skfair.finetuning._rows import held_out  # noqa: E402
from skfair.tally import Tally  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:within tol=.* decide nearly alike")

QUICK = {
    RandomPerturbationDebiaser: {"n_trials": 8, "sigma": 0.5},
    LayerwiseDebiaser: {"n_calls": 4, "n_layers": 1},
    LastLayerRetrainer: {"n_subsets": 3, "Cs": (1.0, 0.1), "validation_fraction": 0.0},
    BiasGradientFineTuner: {
        **{"max_epochs": 5, "lr": 0.02, "batch_size": 128, "n_steps": 4},
        "validation_fraction": 0.0,
    },
    AdversarialFineTuner: {
        **{"max_epochs": 2, "critic_steps": 5, "actor_steps": 5, "batch_size": 64},
        "validation_fraction": 0.0,
    },
    PruningDebiaser: {"step": 0.15, "validation_fraction": 0.0},
}
LEARNERS = (LastLayerRetrainer, BiasGradientFineTuner, AdversarialFineTuner, PruningDebiaser)
ALL = pytest.mark.parametrize("kind", QUICK)


def quick(kind, net, **options):
    return kind(net, **{**QUICK[kind], "device": "cpu", "random_state": 0, **options})


def rows(n=400, seed=0):
    """Numbers, labels 0 and 1, and sex; the second column tells of sex and pushes the network."""
    X, y, weights = biased_rows(n, seed)
    numbers = np.column_stack([X["skill"] / 100, X["proxy"]]).astype(np.float32)
    return numbers, (y == "hire").astype(int), X["sex"].to_numpy(), weights


def biased_net(n_outputs=1, seed=0):
    """A network that follows the proxy, with all that has modes."""
    torch.manual_seed(seed)
    module = nn.Sequential(
        nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, n_outputs)
    )
    X, y, _, _ = rows(400, seed=99)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.02)
    tensor, target = torch.from_numpy(X), torch.from_numpy(y)
    for _ in range(60):
        optimizer.zero_grad()
        out = module(tensor)
        odds = out[:, 1] - out[:, 0] if n_outputs == 2 else out[:, 0]
        nn.functional.binary_cross_entropy_with_logits(odds, target.float()).backward()
        optimizer.step()
    module.eval()
    module[3].train()  # modes of its own
    return module


NET = biased_net()
X, Y, SEX, WEIGHTS = rows()


def snapshot(module):
    modes = [part.training for part in module.modules()]
    return {k: v.clone() for k, v in module.state_dict().items()}, modes


def assert_same(module, before):
    weights, modes = before
    assert [part.training for part in module.modules()] == modes
    for name, value in module.state_dict().items():
        assert torch.equal(value, weights[name]), name


@cache
def usual(kind):
    """Fitted once, and only looked at."""
    return quick(kind, NET).fit(X, Y, sensitive_features=SEX)


# what is promised of all


@ALL
def test_the_users_module_stays_bit_for_bit(kind):
    for n_outputs in (1, 2):
        net = biased_net(n_outputs)
        before = snapshot(net)
        debiaser = quick(kind, net).fit(X, Y, sensitive_features=SEX)
        debiaser.predict(X)
        assert_same(net, before)
        assert all(parameter.grad is not None for parameter in net.parameters())  # of its training
        assert debiaser.module_ is not net
        assert [p.training for p in debiaser.module_.modules()] == before[1]
        for part in [*net.modules(), *debiaser.module_.modules()]:
            assert not part._forward_hooks


@ALL
def test_batch_statistics_stay(kind):
    debiaser = usual(kind)
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        assert torch.equal(getattr(debiaser.module_[1], name), getattr(NET[1], name))


@ALL
def test_runs_are_the_same_with_a_seed_and_leave_torchs_alone(kind):
    usual(kind)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first, second = usual(kind), quick(kind, NET).fit(X, Y, sensitive_features=SEX)
    assert torch.equal(torch.get_rng_state(), state)
    assert first.threshold_ == second.threshold_
    for a, b in zip(first.module_.parameters(), second.module_.parameters(), strict=True):
        assert torch.equal(a, b)
    columns = first.history_.columns.drop("seconds")
    pd.testing.assert_frame_equal(first.history_[columns], second.history_[columns])
    other = quick(kind, NET, random_state=1).fit(X, Y, sensitive_features=SEX)
    assert other.history_["value"].tolist() != first.history_["value"].tolist()


@ALL
def test_what_is_reported_is_what_predictions_show(kind):
    debiaser = quick(kind, NET).fit(X, Y, sensitive_features=SEX, sample_weight=WEIGHTS)
    decided = debiaser.predict(X)
    cells = Tally.from_arrays(Y, decided, SEX, sample_weight=WEIGHTS).cells()
    gap = float(CRITERIA["average_odds"](cells))
    assert abs(debiaser.bias_) == pytest.approx(gap)
    assert debiaser.criteria_.loc["average_odds", "estimate"] == pytest.approx(gap)
    score = balanced_accuracy_score(Y, decided, sample_weight=WEIGHTS)
    assert debiaser.performance_ == pytest.approx(score)
    history = debiaser.history_
    assert history["step"].iloc[0] == "original"
    assert history["is_best"].sum() == 1
    best = history.loc[history["is_best"]].iloc[0]
    assert best["value"] == debiaser.objective_ == history["value"].max()
    assert best["threshold"] == debiaser.threshold_
    assert best["bias"] == pytest.approx(gap)
    p = debiaser.predict_proba(X)
    assert_allclose(p.sum(axis=1), 1)
    assert_array_equal(decided, (p[:, 1] >= debiaser.threshold_).astype(int))
    assert_array_equal(decided, (debiaser.decision_function(X) > 0).astype(int))
    plain = usual(kind).criteria_
    original = torch.sigmoid(NET.eval()(torch.from_numpy(X))).detach().numpy()[:, 0] >= 0.5
    NET[3].train()
    gap = CRITERIA["average_odds"](Tally.from_arrays(Y, original, SEX).cells())
    assert plain.loc["average_odds", "plain"] == pytest.approx(float(gap))


@ALL
def test_it_is_within_the_tolerance_and_no_worse_than_the_original(kind):
    debiaser = usual(kind)
    assert abs(debiaser.bias_) <= 0.05 < debiaser.criteria_.loc["average_odds", "plain"]
    assert debiaser.objective_ >= debiaser.history_["value"].iloc[0]


@ALL
def test_string_labels_and_which_class_is_positive(kind):
    words = np.where(Y == 1, "yes", "no")
    as_words = quick(kind, NET, pos_label="yes").fit(X, words, sensitive_features=SEX)
    as_numbers = usual(kind)
    assert as_words.classes_.tolist() == ["no", "yes"]
    assert_array_equal(as_words.predict(X), np.where(as_numbers.predict(X) == 1, "yes", "no"))
    assert as_words.predict(X).dtype == words.dtype
    with pytest.raises(ValueError, match="pos_label"):
        quick(kind, NET).fit(X, words, sensitive_features=SEX)


@ALL
def test_the_first_class_can_be_the_positive_one(kind):
    words = np.where(Y == 1, "no", "reject")  # the network's output is that of "reject"
    turned = biased_net()
    with torch.no_grad():
        turned[4].weight.neg_(), turned[4].bias.neg_()
    debiaser = quick(kind, turned, pos_label="no").fit(X, words, sensitive_features=SEX)
    assert debiaser.classes_.tolist() == ["no", "reject"]
    decided = debiaser.predict(X)
    assert balanced_accuracy_score(words, decided) == pytest.approx(debiaser.performance_)
    assert debiaser.performance_ > 0.6
    assert_array_equal(decided, np.where(debiaser.decision_function(X) > 0, "reject", "no"))
    p = debiaser.predict_proba(X)[:, 0]
    assert_array_equal(decided == "no", p >= debiaser.threshold_)
    signed = CRITERIA["average_odds"].group_rates(
        Tally.from_arrays(words, decided, SEX).cells(pos_label="no")
    )
    assert debiaser.bias_ == pytest.approx(signed[0, 0] - signed[0, 1])


@ALL
def test_three_groups_missing_ones_and_weights(kind):
    groups = pd.Series(SEX, index=np.arange(len(SEX)) + 7).where(np.arange(len(SEX)) % 5 > 0)
    options = {"tol": 0.3, "constraints": "demographic_parity"}
    debiaser = quick(kind, NET, **options)
    debiaser.fit(X, Y, sensitive_features=groups, sample_weight=WEIGHTS)
    assert debiaser.group_labels_ == ("f", "m", "<missing>")
    cells = Tally.from_arrays(Y, debiaser.predict(X), groups, sample_weight=WEIGHTS).cells()
    assert debiaser.bias_ == pytest.approx(float(CRITERIA["demographic_parity"](cells)))
    with pytest.raises(ValueError, match="missing values"):
        quick(kind, NET, missing="raise").fit(X, Y, sensitive_features=groups)


@ALL
def test_rows_without_weight_are_as_good_as_absent(kind):
    kept = np.arange(len(Y)) % 3 > 0
    few = quick(kind, NET).fit(X[kept], Y[kept], sensitive_features=SEX[kept])
    none = quick(kind, NET).fit(X, Y, sensitive_features=SEX, sample_weight=kept.astype(float))
    assert few.threshold_ == none.threshold_
    assert_array_equal(few.predict(X), none.predict(X))


@ALL
def test_it_can_be_cloned_and_pickled(kind):
    debiaser = quick(kind, NET)
    copy = clone(debiaser)
    assert copy.get_params(deep=False).keys() == debiaser.get_params(deep=False).keys()
    assert torch.equal(copy.net[0].weight, NET[0].weight)
    copy.set_params(tol=0.2)
    assert debiaser.tol == 0.05
    with pytest.raises(NotFittedError):
        debiaser.predict(X)
    fitted = usual(kind)
    loaded = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(loaded.predict(X), fitted.predict(X))
    assert_allclose(loaded.predict_proba(X), fitted.predict_proba(X), atol=0)


@ALL
def test_more_can_be_tried_from_where_it_ended(kind):
    debiaser = quick(kind, NET, warm_start=True).fit(X, Y, sensitive_features=SEX)
    before, value = len(debiaser.history_), debiaser.objective_
    debiaser.fit(X, Y, sensitive_features=SEX)
    assert len(debiaser.history_) > before
    assert debiaser.history_["step"].iloc[before + 1] == "previous"
    assert debiaser.history_["is_best"].sum() == 1
    after = debiaser.history_.iloc[before:]
    assert debiaser.objective_ == after["value"].max() >= after["value"].iloc[1]
    assert value > 0
    limited = debiaser.set_params(time_limit=0.0).fit(X, Y, sensitive_features=SEX)
    assert limited.objective_ >= limited.history_["value"].iloc[-2]  # the previous one's


def test_the_network_of_the_last_fit_is_a_candidate():
    poor = biased_net()
    with torch.no_grad():
        poor[0].weight[:, 0] = 0.0  # it sees the proxy alone
    debiaser = quick(RandomPerturbationDebiaser, poor, warm_start=True, tol=1.0, n_trials=1)
    debiaser.fit(X, Y, sensitive_features=SEX)
    debiaser.module_.load_state_dict(NET.state_dict())
    debiaser._candidates = lambda search, rng: iter(())
    debiaser.fit(X, Y, sensitive_features=SEX)
    last = debiaser.history_.iloc[-1]
    assert last["step"] == "previous"
    assert last["is_best"]
    assert_same(debiaser.module_, snapshot(NET))


def test_a_warm_start_with_another_network_is_refused():
    debiaser = quick(RandomPerturbationDebiaser, NET, warm_start=True, n_trials=1)
    debiaser.fit(X, Y, sensitive_features=SEX)
    debiaser.set_params(net=nn.Linear(2, 1))
    with pytest.raises(ValueError, match="warm_start goes on from the network of the last fit"):
        debiaser.fit(X, Y, sensitive_features=SEX)


@ALL
def test_the_time_limit_ends_the_search(kind):
    debiaser = quick(kind, NET, time_limit=0).fit(X, Y, sensitive_features=SEX)
    assert len(debiaser.history_) == 2  # the original, and what was begun


@ALL
def test_progress_is_shown_where_asked_for(kind, capsys):
    pytest.importorskip("tqdm")
    quick(kind, NET, verbose=1).fit(X, Y, sensitive_features=SEX)
    assert kind.__name__ in capsys.readouterr().err


@ALL
def test_images(kind):
    torch.manual_seed(0)
    pictures, y, group = images(160)
    net = SmallCNN(2)
    before = snapshot(net)
    debiaser = quick(kind, net, tol=0.3).fit(pictures, y, sensitive_features=group)
    assert debiaser.predict(pictures).shape == (160,)
    assert debiaser.predict_proba(pictures).shape == (160, 2)
    assert_same(net, before)


# rows that nothing is learnt from


@pytest.mark.parametrize("kind", LEARNERS)
def test_figures_are_those_of_the_rows_that_are_held_out(kind):
    options = {"validation_fraction": 0.4, "tol": 1.0, "n_resamples": 0}
    first = quick(kind, NET, **options).fit(X, Y, sensitive_features=SEX)
    assert first.criteria_.loc["average_odds", "allowed"] == 1.0
    cells = 2 * (SEX == "m") + Y
    _, held = held_out(cells, 0.4, np.random.default_rng(first._split_seed))
    decided = first.predict(X[held])
    gap = CRITERIA["average_odds"](Tally.from_arrays(Y[held], decided, SEX[held]).cells())
    assert abs(first.bias_) == pytest.approx(float(gap))
    assert first.performance_ == pytest.approx(balanced_accuracy_score(Y[held], decided))


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_rows_are_for_learning_or_for_judging(share):
    searches = []

    class Spy(LastLayerRetrainer):
        def _candidates(self, search, rng):
            searches.append(search)
            return super()._candidates(search, rng)

    options = {"device": "cpu", "random_state": 0, "tol": 1.0, "validation_fraction": share}
    Spy(NET, **options).fit(X, Y, sensitive_features=SEX, sample_weight=WEIGHTS)
    (search,) = searches
    tuning = search.tuning
    assert len(search.X) == len(search.rows.positive)
    assert abs(len(search.X) - (share or 1) * len(X)) <= 2
    place = {row.tobytes(): i for i, row in enumerate(X)}
    learnt = np.array([place[row.tobytes()] for row in tuning.X])
    judged = np.array([place[row.tobytes()] for row in search.X])
    together = np.sort(np.concatenate([learnt, judged])) if share else np.sort(learnt)
    assert_array_equal(together, np.arange(len(X)))
    for part, rows_of in ((learnt, tuning), (judged, search.rows)):
        assert_array_equal(rows_of.positive, Y[part] == 1)
        assert_array_equal(rows_of.codes, (SEX[part] == "m").astype(int))
        assert_allclose(rows_of.weights, WEIGHTS[part] / WEIGHTS.mean())


@pytest.mark.parametrize("kind", LEARNERS)
def test_by_default_half_of_the_rows_are_held_out(kind):
    assert kind(NET).validation_fraction == 0.5
    with pytest.raises(ValueError, match="validation_fraction must be"):
        quick(kind, NET, validation_fraction=1.5).fit(X, Y, sensitive_features=SEX)


def test_a_warm_start_keeps_the_rows_apart():
    state = np.random.RandomState(0)  # which gives another seed at each fit that starts anew
    options = {"validation_fraction": 0.5, "warm_start": True, "random_state": state}
    debiaser = quick(BiasGradientFineTuner, NET, **options).fit(X, Y, sensitive_features=SEX)
    seed = debiaser._split_seed
    assert debiaser.fit(X, Y, sensitive_features=SEX)._split_seed == seed
    debiaser.set_params(warm_start=False).fit(X, Y, sensitive_features=SEX)
    assert debiaser._split_seed != seed


# data of every form


def test_groups_of_a_column_of_any_table_are_no_input():
    table = pd.DataFrame(X, columns=["skill", "proxy"]).assign(sex=SEX)
    table.index = np.random.default_rng(0).permutation(len(table))
    by_values = quick(RandomPerturbationDebiaser, NET).fit(X, Y, sensitive_features=SEX)
    for frame in (table, pl.from_pandas(table)):
        y = pd.Series(Y, index=np.arange(len(Y))[::-1])
        debiaser = quick(RandomPerturbationDebiaser, NET, sensitive_features="sex").fit(frame, y)
        assert_array_equal(debiaser.predict(frame), by_values.predict(X))
        assert debiaser.feature_names_in_.tolist() == ["skill", "proxy", "sex"]
        with pytest.raises(ValueError, match="twice"):
            debiaser.fit(frame, y, sensitive_features=SEX)
    with pytest.raises(ValueError, match="needs sensitive features"):
        quick(RandomPerturbationDebiaser, NET).fit(table, Y)


def test_groups_are_routed(routing):
    net = nn.Linear(2, 1)
    net.load_state_dict({"weight": torch.ones(1, 2), "bias": torch.zeros(1)})
    debiaser = quick(RandomPerturbationDebiaser, net)
    params = {"sensitive_features": SEX}
    found = cross_val_predict(debiaser, X, Y, cv=3, params=params)
    assert balanced_accuracy_score(Y, found) > 0.5


def test_a_pipeline_with_a_skorch_net():
    net = NeuralNetClassifier(
        nn.Linear(2, 2), criterion=nn.CrossEntropyLoss, lr=0.5, max_epochs=20, verbose=0
    )
    wide = (100 * X).astype(np.float32)
    words = np.where(Y == 1, "yes", "no")
    torch.manual_seed(0)
    pipeline = make_pipeline(StandardScaler(), net).fit(wide, Y)
    weights = deepcopy(net.module_.state_dict())
    debiaser = quick(BiasGradientFineTuner, FrozenEstimator(pipeline))
    fitted = clone(debiaser).fit(wide, Y, sensitive_features=SEX)
    assert fitted.output_ == "logits"
    assert balanced_accuracy_score(Y, fitted.predict(wide)) > 0.7
    assert all(torch.equal(weights[k], v) for k, v in net.module_.state_dict().items())
    with pytest.raises(ValueError, match=r"y has the classes \['no', 'yes'\], and the network"):
        clone(debiaser).set_params(pos_label="yes").fit(wide, words, sensitive_features=SEX)
    with pytest.raises(NotFittedError, match="FrozenEstimator"):
        clone(quick(BiasGradientFineTuner, net)).fit(wide, Y, sensitive_features=SEX)


def test_an_estimator_of_ours_makes_its_own_input():
    from skfair.inprocessing import FairNetClassifier

    table, y, _ = biased_rows(400, push=2.0)
    model = FairNetClassifier(
        strength=0.0,
        hidden_sizes=(8,),
        lr=0.1,
        max_epochs=8,
        random_state=0,
        sensitive_features="sex",
    ).fit(table, y)
    expected = model.predict_proba(table)
    for net in (FrozenEstimator(model), model):
        debiaser = quick(
            BiasGradientFineTuner,
            net,
            sensitive_features="sex",
            pos_label="hire",
            constraints="demographic_parity",
        )
        debiaser.fit(table, y)
        assert debiaser.classes_.tolist() == ["hire", "reject"]
        assert abs(debiaser.bias_) < 0.05 < debiaser.criteria_["plain"].iloc[0]
        decided = debiaser.predict(table)
        assert balanced_accuracy_score(y, decided) == pytest.approx(debiaser.performance_)
    assert_array_equal(model.predict_proba(table), expected)


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_probabilities_are_debiased_like_logits(n_outputs):
    net = biased_net(n_outputs)
    squash = nn.Sigmoid() if n_outputs == 1 else nn.Softmax(dim=1)
    squashed = nn.Sequential(*net, squash)
    for kind in (LastLayerRetrainer, RandomPerturbationDebiaser, BiasGradientFineTuner):
        logits = quick(kind, net).fit(X, Y, sensitive_features=SEX)
        probabilities = quick(kind, squashed).fit(X, Y, sensitive_features=SEX)
        assert (logits.output_, probabilities.output_) == ("logits", "probabilities")
        assert_allclose(logits.predict_proba(X), probabilities.predict_proba(X), atol=1e-3)
    wrong = quick(RandomPerturbationDebiaser, squashed, output="logits")
    assert wrong.fit(X, Y, sensitive_features=SEX).output_ == "logits"


# what can't be


def test_a_constant_network_is_told():
    net = nn.Linear(2, 1)
    nn.init.zeros_(net.weight)
    with pytest.warns(UserWarning, match="decide alike for all rows"):
        quick(RandomPerturbationDebiaser, net).fit(X, Y, sensitive_features=SEX)


def test_nothing_within_the_tolerance_is_told():
    y = np.concatenate([Y[:396], [1, 0, 1, 0]])
    sex = np.where(np.arange(400) < 396, "f", "m")
    with pytest.warns(UserWarning, match=r"within tol=0"):
        quick(
            RandomPerturbationDebiaser,
            NET,
            constraints="predictive_parity",
            tol=0.0,
            margin=0.0,
            n_trials=1,
        ).fit(X, y, sensitive_features=sex)


@pytest.mark.filterwarnings("ignore:within tol=1")
def test_a_network_that_ranks_the_wrong_way_is_told():
    net = biased_net()
    with torch.no_grad():
        net[4].weight.neg_(), net[4].bias.neg_()
    with pytest.warns(UserWarning, match="ranks positive rows below negative ones"):
        quick(RandomPerturbationDebiaser, net, tol=1.0).fit(X, Y, sensitive_features=SEX)


def test_a_group_without_positives_is_told():
    third = np.where(np.arange(len(Y)) % 4, SEX, "x")
    y = np.where(third == "x", 0, Y)
    with pytest.warns(UndefinedMetricWarning, match="true_positive_rate of group 'x'"):
        quick(RandomPerturbationDebiaser, NET, constraints="equal_opportunity").fit(
            X, y, sensitive_features=third
        )
    with pytest.raises(ValueError, match="equal_opportunity is undefined on these rows"):
        quick(RandomPerturbationDebiaser, NET, constraints="equal_opportunity").fit(
            X, np.where(SEX == "f", 0, Y), sensitive_features=SEX
        )


def test_one_group_or_one_class_is_refused():
    with pytest.raises(ValueError, match="one group only"):
        quick(RandomPerturbationDebiaser, NET).fit(X, Y, sensitive_features=["f"] * len(Y))
    with pytest.raises(ValueError, match="one class"):
        quick(RandomPerturbationDebiaser, NET).fit(X, 0 * Y, sensitive_features=SEX)
    with pytest.raises(ValueError, match="two classes"):
        quick(RandomPerturbationDebiaser, NET).fit(X, np.arange(400) % 3, sensitive_features=SEX)
    with pytest.raises(ValueError, match="inconsistent"):
        quick(RandomPerturbationDebiaser, NET).fit(X, Y[:-1], sensitive_features=SEX)


def test_outputs_that_are_no_numbers_are_refused_and_candidates_passed_over():
    net = biased_net()
    net[4].bias.data.fill_(torch.nan)
    with pytest.raises(ValueError, match="NaN or infinite"):
        quick(RandomPerturbationDebiaser, net).fit(X, Y, sensitive_features=SEX)
    wild = quick(RandomPerturbationDebiaser, NET, sigma=1e38).fit(X, Y, sensitive_features=SEX)
    assert wild.history_["value"].iloc[1:].eq(-np.inf).any()
    assert np.isfinite(wild.decision_function(X)).all()


@pytest.mark.parametrize(
    ("kind", "options", "match"),
    [
        (RandomPerturbationDebiaser, {"sigma": -1}, "sigma must be a number of at least 0"),
        (RandomPerturbationDebiaser, {"sigma": (0, 1)}, "sigma must be a number above 0"),
        (RandomPerturbationDebiaser, {"n_trials": 0}, "n_trials must be an integer"),
        (RandomPerturbationDebiaser, {"tol": 2}, "tol must be"),
        (RandomPerturbationDebiaser, {"margin": 0.1}, "margin must be at most tol=0.05"),
        (RandomPerturbationDebiaser, {"form": "hard"}, "form must be one of"),
        (RandomPerturbationDebiaser, {"output": "scores"}, "output must be one of"),
        (RandomPerturbationDebiaser, {"n_resamples": -1}, "n_resamples must be"),
        (RandomPerturbationDebiaser, {"time_limit": -1}, "time_limit must be"),
        (RandomPerturbationDebiaser, {"constraints": "fair"}, "no criterion is named"),
        (RandomPerturbationDebiaser, {"constraints": ["average_odds"]}, "takes one criterion"),
        (RandomPerturbationDebiaser, {"constraints": "base_rate"}, "don't depend on decisions"),
        (RandomPerturbationDebiaser, {"objective": "profit"}, "no objective is named"),
        (RandomPerturbationDebiaser, {"device": "abacus"}, "device must be"),
        (RandomPerturbationDebiaser, {"missing": "drop"}, "missing must be one of"),
        (LastLayerRetrainer, {"validation_fraction": 1.0}, "leaves no rows to learn from"),
        (LayerwiseDebiaser, {"n_layers": 0}, "n_layers must be"),
        (LastLayerRetrainer, {"balance": "label"}, "balance must be"),
        (LastLayerRetrainer, {"Cs": ()}, "Cs is empty"),
        (LastLayerRetrainer, {"Cs": (-1,)}, "Cs must be"),
        (PruningDebiaser, {"step": 2}, "step must be"),
        (PruningDebiaser, {"max_share": -1}, "max_share must be"),
        (PruningDebiaser, {"n_rows": 0}, "n_rows must be"),
        (PruningDebiaser, {"temperature": 0}, "temperature must be"),
        (BiasGradientFineTuner, {"lr": 0}, "lr must be"),
        (BiasGradientFineTuner, {"strength": -1}, "strength must be"),
        (AdversarialFineTuner, {"pooling": "max"}, "pooling must be one of"),
        (AdversarialFineTuner, {"representation": "body"}, "no layer 'body'"),
    ],
)
def test_parameters_out_of_range_are_refused(kind, options, match):
    with pytest.raises(ValueError, match=match):
        quick(kind, NET, **options).fit(X, Y, sensitive_features=SEX)


def test_an_auc_that_may_be_chance_is_not_told():
    net = nn.Linear(1, 1)
    with torch.no_grad():
        net.weight.fill_(1.0)
    scores = np.arange(12, dtype=np.float32)
    y = np.array([1, 1, 0, 0, 1, 1, 0, 0, 1, 0, 1, 0])
    assert roc_auc_score(y, scores) < 0.4
    sex = np.array(["f", "f", "m", "m"] * 3)
    quick(RandomPerturbationDebiaser, net, tol=1.0).fit(scores[:, None], y, sensitive_features=sex)
