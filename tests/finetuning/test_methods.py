"""What each method does to a network, and the functions that it is made of."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from networks import biased_rows  # noqa: E402
from torch import nn  # noqa: E402

from skfair.criteria import CRITERIA  # noqa: E402
from skfair.finetuning import (  # noqa: E402
    AdversarialFineTuner,
    BiasGradientFineTuner,
    LastLayerRetrainer,
    LayerwiseDebiaser,
    RandomPerturbationDebiaser,
)
from skfair.finetuning._critic import n_pooled, pool, soft_bias  # noqa: E402
from skfair.finetuning._last_layer import (  # noqa: E402
    LinearOdds,
    balanced_subset,
    balanced_subsets,
    features_of,
    fit_balanced,
    put_odds,
    weights_within,
)
from skfair.finetuning._objective import FairObjective, JudgedRows  # noqa: E402
from skfair.finetuning._rows import TuningRows  # noqa: E402
from skfair.finetuning._search import Search  # noqa: E402
from skfair.finetuning._surrogate import draw_in_box, next_point  # noqa: E402
from skfair.finetuning._training import (  # noqa: E402
    Batch,
    batches_of,
    choose_freely,
    cross_entropy,
)
from skfair.finetuning.adversarial import Game  # noqa: E402
from skfair.finetuning.layerwise import put  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:within tol=.* decide nearly alike")

CPU = torch.device("cpu")
TABLE, LABELS, _ = biased_rows(300)
X = np.column_stack([TABLE["skill"] / 100, TABLE["proxy"]]).astype(np.float32)
Y, SEX = (LABELS == "hire").astype(int), TABLE["sex"].to_numpy()


def small_net():
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 1))
    with torch.no_grad():
        net[0].weight[:, :] = 1.0 + 0.2 * torch.randn(6, 2)
        net[2].weight.fill_(0.5)
    return net


def fit(kind, net=None, **options):
    net = small_net() if net is None else net
    debiaser = kind(net, device="cpu", random_state=0, **options)
    return debiaser.fit(X, Y, sensitive_features=SEX)


def weights(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def a_search(net=None, tol=0.05, tuning=None):
    rng = np.random.default_rng(0)
    codes = (SEX == "m").astype(int)
    rows = JudgedRows.draw(Y == 1, codes, 2, np.ones(len(Y)), 3, rng)
    objective = FairObjective(CRITERIA["average_odds"], tol=tol)
    net = small_net() if net is None else net
    options = {"margin": 0.0, "output": "logits", "sign": 1, "device": CPU, "tuning": tuning}
    return Search(net, X, rows, objective, **options)


# the search


def test_the_best_weights_are_kept_as_they_were():
    search = a_search(tol=1.0)
    search.judge(step="original")
    best, original = search.best, weights(search.module)
    with torch.no_grad():
        for parameter in search.module.parameters():
            parameter.zero_()  # what state_dict() alone would not survive
    worse = search.judge(step="worse")
    assert worse.value < best.value
    assert search.best is best
    assert all(torch.equal(search.kept[k], original[k]) for k in original)
    assert search.history()["is_best"].tolist() == [True, False]


def apart(labels=Y == 1):
    """Rows to learn from that are none of those to judge by."""
    return TuningRows(X[:100] + 0.5, labels[:100], (SEX[:100] == "m").astype(int), 2, np.ones(100))


def test_batches_are_of_the_rows_to_learn_from():
    batches = batches_of(a_search(tuning=apart()), 30)
    seen = np.concatenate([next(batches).X.numpy() for _ in range(4)])
    assert len(seen) == 100
    assert_allclose(np.sort(seen[:, 0]), np.sort(X[:100, 0] + 0.5))


def test_features_of_the_rows_to_learn_from_are_retrained_on():
    found = []
    for labels, sign in ((Y == 1, 1), (Y == 0, 1), (Y == 0, -1)):
        search = a_search(tuning=apart(labels))
        search.sign = sign  # -1: the network's output is that of the other class
        run(LastLayerRetrainer(search.module, Cs=(1.0,), balance="group"), search)
        found.append(search.module[2].weight.detach().clone())
    assert found[0].abs().max() > 0.1
    assert torch.allclose(found[0], -found[1], atol=1e-4)
    assert torch.allclose(found[0], found[2], atol=1e-4)


# random perturbation


def test_without_noise_every_trial_is_the_original():
    history = fit(RandomPerturbationDebiaser, sigma=0.0, n_trials=4).history_
    assert history["value"].nunique() == 1
    assert len(history) == 5
    assert history["is_best"].iloc[0]


def test_trials_start_from_the_trained_weights():
    near = fit(RandomPerturbationDebiaser, sigma=0.01, n_trials=60, tol=1.0)
    start = small_net().state_dict()
    for name, value in near.module_.state_dict().items():
        factor = value / start[name]
        assert ((factor - 1).abs() < 0.05).all()  # 60 steps in a row would wander further


def test_each_trial_has_a_deviation_of_its_own():
    history = fit(RandomPerturbationDebiaser, sigma=(0.2, 0.8), n_trials=40).history_
    drawn = history["sigma"].iloc[1:]
    assert drawn.between(0.2, 0.8).all()
    assert drawn.nunique() == 40
    assert 0.3 < (drawn < 0.4).mean() < 0.7  # even on a log scale
    fixed = fit(RandomPerturbationDebiaser, sigma=0.3, n_trials=2).history_
    assert fixed["sigma"].iloc[1:].tolist() == [0.3, 0.3]


# layer by layer


class Scripted(Search):
    """A search whose values are given, and which remembers every candidate."""

    script: tuple[float, ...] = ()

    def judge(self, **notes):
        seen = super().judge(**notes)
        if not hasattr(self, "candidates"):
            self.candidates = []
        place = len(self.candidates)
        self.candidates.append((notes.get("tensor"), weights(self.module)))
        if place < len(self.script):
            self.last = seen._replace(value=self.script[place])
            if self.last.value == max(self.script[: place + 1]):
                self.best, self.kept = self.last, weights(self.module)
        return self.last


def scripted(*script, net=None):
    search = a_search(net, tol=1.0)
    search.__class__ = Scripted
    search.script = script
    return search


@pytest.mark.parametrize("cumulative", [False, True])
def test_each_tensor_starts_at_the_best_network_or_the_trained_one(cumulative):
    search = scripted(0.1, 0.2, 0.9, 0.3, 0.4, 0.5)  # the second bias is the best
    options = {"n_layers": 2, "n_calls": 2, "cumulative": cumulative}
    run(LayerwiseDebiaser(search.module, **options), search)
    original, best = search.candidates[0][1], search.candidates[2][1]
    assert [name for name, _ in search.candidates[1:]] == ["2.bias"] * 2 + ["2.weight"] * 2
    assert not torch.equal(original["2.bias"], best["2.bias"])
    for _, tried in search.candidates[1:3]:
        assert torch.equal(tried["2.weight"], original["2.weight"])
    for _, tried in search.candidates[3:]:
        start = best if cumulative else original
        assert torch.equal(tried["2.bias"], start["2.bias"])
        assert not torch.equal(tried["2.weight"], original["2.weight"])
    for _, tried in search.candidates:
        assert torch.equal(tried["0.weight"], original["0.weight"])


def test_the_best_candidate_is_what_fit_keeps():
    kept = []

    class Spy(LayerwiseDebiaser):
        def _candidates(self, search, rng):
            for note in super()._candidates(search, rng):
                kept.append(weights(search.module))
                yield note

    debiaser = fit(Spy, n_layers=4, n_calls=6, tol=0.3)
    history = debiaser.history_
    place = int(history["is_best"].to_numpy().argmax())
    assert place > 0
    assert history["value"].iloc[place] == history["value"].max() == debiaser.objective_
    end = debiaser.module_.state_dict()
    assert all(torch.equal(value, end[name]) for name, value in kept[place - 1].items())


def test_at_most_so_many_numbers_move_within_the_box():
    search = scripted()
    run(LayerwiseDebiaser(search.module, n_layers=4, n_calls=3, max_parameters=2), search)
    start = search.candidates[0][1]
    assert len(search.candidates) == 1 + 4 * 3
    for tensor, tried in search.candidates[1:]:
        for name, value in start.items():
            moved = int((value != tried[name]).sum())
            assert moved == (min(2, value.numel()) if name == tensor else 0)
            spread = (value.std(correction=0) if value.numel() > 1 else 0) or value.abs().max()
            assert ((value - tried[name]).abs() <= 2.2 * spread + 1e-6).all()


@pytest.mark.slow
def test_the_surrogate_beats_random_draws():
    def peak(points):
        return -((np.asarray(points) - 0.7) ** 2).sum(axis=1)

    gains = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        tried = draw_in_box(np.zeros(2), 1.0, 8, rng)
        drawn = np.vstack([tried, draw_in_box(np.zeros(2), 1.0, 4, rng)])
        for _ in range(4):
            proposals = draw_in_box(np.zeros(2), 1.0, 60, rng)
            tried = np.vstack([tried, next_point(tried, peak(tried), proposals, rng)])
        gains.append(peak(tried).max() - peak(drawn).max())
    assert np.mean(gains) > 0.05


def test_a_parameter_is_written_in_place():
    parameter = nn.Parameter(torch.zeros(2, 3))
    put(parameter, np.array([1, 5]), np.array([7.0, 8.0]))
    assert parameter.tolist() == [[0, 7, 0], [0, 0, 8]]


def test_draws_lie_near_and_far():
    points = draw_in_box(np.zeros(50), 2.0, 400, np.random.default_rng(0))
    reach = np.abs(points).max(axis=1)
    assert reach.max() <= 2
    assert (reach < 0.5).mean() > 0.15


# the last layer


def test_subsets_have_all_cells_alike():
    rng = np.random.default_rng(0)
    cells = np.repeat([0, 1, 3], [50, 7, 20])
    rows = balanced_subset(cells, rng)
    assert np.bincount(cells[rows]).tolist() == [7, 7, 0, 7]
    assert len(set(rows.tolist())) == 21
    drawn = np.concatenate([balanced_subset(cells, rng) for _ in range(60)])
    assert set(drawn.tolist()) == set(range(77))


def test_subsets_of_one_class_are_left_out():
    cells, labels = np.array([0] * 8 + [1] * 2), np.arange(10) % 2 == 0
    labels[:8] = False  # in the second group there is a positive row
    cells[8:] = 1
    rng = np.random.default_rng(0)
    few = np.where(np.arange(10) < 8, 0, np.arange(10) - 7)  # each row a cell of its own
    assert len(balanced_subsets(few, labels, 5, rng)) == 5
    alone = np.append(np.zeros(9, dtype=int), 1)  # the second cell is one negative row
    kept = balanced_subsets(alone, labels, 60, rng)
    assert 0 < len(kept) < 60
    assert all(len(set(labels[rows].tolist())) == 2 for rows in kept)
    with pytest.raises(ValueError, match=r"all of 3 balanced subsets.*group_label"):
        balanced_subsets(alone, np.zeros(10, dtype=bool), 3, rng)


def test_weights_count_within_cells():
    rng = np.random.default_rng(1)
    features, cells = rng.normal(size=(60, 2)), np.repeat([0, 1], [20, 40])
    labels = features[:, 0] + rng.normal(size=60) > 0
    heavy = np.where(cells == 1, 5.0, 1.0) * rng.integers(1, 4, size=60)
    even = weights_within(cells, heavy)
    assert_allclose([even[:20].mean(), even[20:].mean()], 1)
    assert_allclose(even[20:] / even[20], heavy[20:] / heavy[20])
    whole = rng.integers(1, 4, size=60)
    repeated = np.repeat(np.arange(60), whole)
    subset = [np.arange(60)]
    by_weight = fit_balanced(features, labels, whole.astype(float), subset, C=0.5)
    by_rows = fit_balanced(
        features[repeated],
        labels[repeated],
        np.ones(len(repeated)),
        [np.arange(len(repeated))],
        0.5,
    )
    assert_allclose(by_weight.coef, by_rows.coef, atol=1e-3)
    assert by_weight.intercept == pytest.approx(by_rows.intercept, abs=1e-3)


def test_the_mean_of_the_fits_is_of_features_as_they_are():
    rng = np.random.default_rng(0)
    features = 3 + 10 * rng.normal(size=(80, 2))
    labels = features[:, 0] + 5 * rng.normal(size=80) > 3
    subsets = [np.arange(0, 50), np.arange(30, 80)]
    odds = fit_balanced(features, labels, np.ones(80), subsets, C=0.5)
    scaled = (features - features.mean(0)) / features.std(0)
    expected = np.mean(
        [
            LogisticRegression(C=0.5).fit(scaled[s], labels[s]).decision_function(scaled)
            for s in subsets
        ],
        axis=0,
    )
    assert_allclose(odds(features), expected, atol=1e-3)


def test_features_are_what_comes_into_the_layer():
    net = small_net()
    found = features_of(net[2], net, X, CPU)
    expected = torch.tanh(net[0](torch.from_numpy(X))).detach().numpy()
    assert found.shape == (300, 6)
    assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("bias", [True, False])
def test_odds_are_written_into_one_output_or_two(bias):
    odds = LinearOdds(np.array([2.0, -1.0]), 0.5)
    rows = torch.from_numpy(X)
    expected = odds(X.astype(float)) - (0 if bias else 0.5)
    for n_outputs in (1, 2):
        layer = nn.Linear(2, n_outputs, bias=bias)
        put_odds(layer, odds)
        out = layer(rows).detach().numpy()
        found = out[:, 0] if n_outputs == 1 else out[:, 1] - out[:, 0]
        assert_allclose(found, expected, atol=1e-5)


def test_only_the_last_layer_is_trained_anew():
    debiaser = fit(LastLayerRetrainer, tol=1.0, Cs=(0.1,))
    start, end = small_net().state_dict(), debiaser.module_.state_dict()
    assert torch.equal(start["0.weight"], end["0.weight"])
    assert debiaser.history_["step"].tolist() == ["original", "retrained"]
    assert debiaser.history_["C"].iloc[1] == 0.1
    chosen = fit(LastLayerRetrainer, Cs=(1e-6, 1.0), balance="group", n_subsets=2)
    assert chosen.history_["C"].iloc[1:].tolist() == [1e-6, 1.0]


@pytest.mark.filterwarnings("ignore:the network ranks", "ignore:within tol")
def test_a_network_without_a_last_layer_says_how_to_name_it():
    class Pairs(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden, self.out = nn.Linear(2, 3), nn.Linear(3, 2)

        def forward(self, x):
            return self.out(self.hidden(x)).sum(dim=1, keepdim=True)

    torch.manual_seed(3)
    with pytest.raises(ValueError, match=r"the layer that runs last, 'out'.*has no such layer"):
        fit(LastLayerRetrainer, Pairs())
    with pytest.raises(ValueError, match=r"last_layer='hidden' is no linear layer"):
        fit(LastLayerRetrainer, Pairs(), last_layer="hidden")
    assert len(fit(AdversarialFineTuner, Pairs(), max_epochs=1, tol=1.0).history_) == 2
    named = fit(AdversarialFineTuner, Pairs(), representation="hidden", max_epochs=1, tol=1.0)
    assert len(named.history_) == 2


# gradients


def test_the_cross_entropy_is_weighted():
    odds, y = torch.tensor([0.0, 2.0]), torch.tensor([1, 0])
    batch = Batch(None, y, None, torch.tensor([3.0, 1.0]))
    expected = -(3 * np.log(0.5) + np.log(1 - expit(2.0))) / 4
    assert float(cross_entropy(odds, batch)) == pytest.approx(expected)


def test_the_free_threshold_knows_no_tolerance():
    search = a_search(tol=0.0)
    search.judge(step="original")
    free = choose_freely(search)
    other = a_search(tol=1.0)
    other.judge(step="original")
    assert free.cut == choose_freely(other).cut
    assert free.progress < 0


def test_strength_closes_the_gap_at_the_free_threshold():
    table, labels, _ = biased_rows(300, push=2.5)
    numbers = np.column_stack([table["skill"] / 100, table["proxy"]]).astype(np.float32)
    biases = []
    for strength in (0.0, 5.0):
        tuner = BiasGradientFineTuner(
            small_net(),
            constraints="demographic_parity",
            tol=1.0,
            margin=0.0,
            n_resamples=0,
            strength=strength,
            lr=0.02,
            max_epochs=5,
            device="cpu",
            random_state=0,
        )
        tuner.fit(numbers, labels == "hire", sensitive_features=table["sex"])
        assert np.isfinite(tuner.history_["loss"].iloc[1:]).all()
        biases.append(tuner.history_["bias"].iloc[-1])
    assert biases[1] < biases[0] - 0.1


def test_training_stops_where_nothing_gets_better():
    still = fit(BiasGradientFineTuner, lr=1e-12, n_iter_no_change=2, max_epochs=30)
    assert len(still.history_) == 1 + 2
    with_limit = fit(BiasGradientFineTuner, lr=1e-12, n_iter_no_change=9, max_epochs=3)
    assert len(with_limit.history_) == 1 + 3


# the critic


def test_what_a_critic_sees():
    h = torch.tensor([[1.0], [3.0], [5.0], [9.0]])
    batch = Batch(None, torch.tensor([0, 0, 1, 1]), torch.tensor([0, 0, 0, 1]), torch.ones(4))
    assert pool(h, batch, 2, "concatenate").tolist() == [[1, 3, 5, 9]]
    assert pool(h, batch, 2, "batch").tolist() == [[4.5, 8.75]]
    # cells (group, label): mean and variance of (0, 0), (0, 1), (1, 0) without rows, (1, 1)
    assert pool(h, batch, 2, "cells").tolist() == [[2, 1, 5, 0, 0, 0, 9, 0]]
    order = torch.tensor([2, 0, 3, 1])
    turned = Batch(*(None if part is None else part[order] for part in batch))
    for pooling in ("batch", "cells"):
        same = pool(h[order], turned, 2, pooling)
        assert torch.allclose(same, pool(h, batch, 2, pooling))
        assert same.shape[1] == n_pooled(1, 4, 2, pooling)


def test_the_bias_that_a_critic_learns_has_a_sign_where_it_can():
    cells = torch.tensor([[8.0, 2, 5, 5], [6, 4, 2, 8]])
    assert float(soft_bias(CRITERIA["average_odds"], cells)) == pytest.approx(-0.25)
    assert float(soft_bias(CRITERIA["equalized_odds"], cells)) == pytest.approx(0.3)
    three = torch.vstack([cells, cells[:1]])
    assert float(soft_bias(CRITERIA["average_odds"], three)) == pytest.approx(0.25)
    nothing = torch.tensor([[8.0, 2, 0, 0], [6, 4, 2, 8]])
    assert float(soft_bias(CRITERIA["equal_opportunity"], nothing)) == 0


@pytest.mark.parametrize("pooling", ["cells", "batch", "concatenate"])
def test_every_critic_learns(pooling):
    options = {"lr": 1e-9, "max_epochs": 40, "critic_steps": 5, "actor_steps": 1, "tol": 1.0}
    options["n_iter_no_change"] = 40
    history = fit(AdversarialFineTuner, pooling=pooling, **options).history_
    losses = history["critic_loss"].iloc[1:].to_numpy()
    assert losses[-10:].mean() < 0.5 * losses[0]


# what the search itself sees


def run(debiaser, search):
    """Judge all candidates; the network stays as the last one."""
    rng = np.random.default_rng(0)
    search.judge(step="original")
    for note in debiaser._candidates(search, rng):
        search.judge(**note)


def test_the_last_trial_is_as_near_as_the_first():
    search = a_search()
    run(RandomPerturbationDebiaser(search.module, sigma=0.01, n_trials=200), search)
    start = small_net().state_dict()
    for name, value in search.module.state_dict().items():
        assert ((value / start[name] - 1).abs() < 0.05).all()


@pytest.mark.parametrize("kind", [BiasGradientFineTuner, AdversarialFineTuner])
def test_networks_are_trained_in_evaluation_mode(kind):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1))
    search = a_search(net.train())
    torch.manual_seed(0)
    state = torch.get_rng_state()
    run(kind(net, max_epochs=2, lr=0.01), search)
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        assert torch.equal(search.original[f"1.{name}"], net.state_dict()[f"1.{name}"])
    assert not torch.equal(search.original["0.weight"], net[0].weight)
    assert all(part.training for part in net.modules())
    assert not torch.equal(torch.get_rng_state(), state)  # batches were drawn


def test_balanced_rows_are_weighted_back_to_their_shares():
    search = a_search()
    search.judge(step="original")
    game = Game(search, AdversarialFineTuner(search.module, batch_size=64))
    batch = next(game.stream)
    cells = (2 * batch.codes + batch.y).numpy()
    assert np.bincount(cells).tolist() == [16] * 4
    found = np.bincount(cells, game._weights(batch).numpy())
    truth = np.bincount(2 * search.rows.codes + search.rows.positive)
    assert_allclose(found / found.sum(), truth / truth.sum(), rtol=1e-5)


@pytest.mark.parametrize("kind", [AdversarialFineTuner, BiasGradientFineTuner])
def test_networks_of_long_floats_are_tuned(kind):
    tuned = fit(kind, small_net().double(), max_epochs=1)
    assert {p.dtype for p in tuned.module_.parameters()} == {torch.float64}
    assert np.isfinite(tuned.predict_proba(X)).all()
