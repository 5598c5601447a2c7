"""Networks that are frozen in part, parametrized, of other numbers, or that change in place."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from networks import biased_rows
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from skorch import NeuralNetClassifier  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn.utils import parametrizations  # noqa: E402

from skfair.finetuning import (  # noqa: E402
    AdversarialFineTuner,
    BiasGradientFineTuner,
    LastLayerRetrainer,
    LayerwiseDebiaser,
    PruningDebiaser,
    RandomPerturbationDebiaser,
)
from skfair.finetuning._layers import runs_last  # noqa: E402
from skfair.finetuning._search import weights_of  # noqa: E402
from skfair.nn import batches, decide_output, outputs_of, read_network  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:within tol", "ignore:the network ranks")

CPU = torch.device("cpu")
QUICK = {
    RandomPerturbationDebiaser: {"n_trials": 2},
    LayerwiseDebiaser: {"n_calls": 2, "n_layers": 9},
    LastLayerRetrainer: {"n_subsets": 2, "Cs": (0.1,)},
    BiasGradientFineTuner: {"max_epochs": 1, "n_steps": 2, "lr": 0.01},
    AdversarialFineTuner: {"max_epochs": 1, "critic_steps": 1, "actor_steps": 2, "lr": 0.01},
    PruningDebiaser: {"step": 0.2},
}
ALL = pytest.mark.parametrize("kind", QUICK)
TABLE, LABELS, _ = biased_rows(300)
X = np.column_stack([TABLE["skill"] / 100, TABLE["proxy"]]).astype(np.float32)
Y, SEX = (LABELS == "hire").astype(int), TABLE["sex"].to_numpy()


def a_net():
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 1))
    with torch.no_grad():
        net[0].weight.add_(1.0)
        net[2].weight.fill_(0.3)
        net[4].weight.fill_(0.5)
    return net


class Spied:
    """Remembers what every candidate changed."""

    def __init__(self, kind, net, **options):
        changed = self.changed = set()

        class Spy(kind):
            def _candidates(self, search, rng):
                for note in super()._candidates(search, rng):
                    state = search.module.state_dict()
                    original = search.original
                    changed.update(n for n in state if not torch.equal(state[n], original[n]))
                    yield note

        options = {**QUICK[kind], "device": "cpu", "random_state": 0, "tol": 1.0, **options}
        self.debiaser = Spy(net, **options).fit(X, Y, sensitive_features=SEX)


def fit(kind, net, **options):
    return Spied(kind, net, **options).debiaser


# frozen parameters


@ALL
def test_frozen_parameters_stay(kind):
    net = a_net()
    net[0].requires_grad_(False)
    spied = Spied(kind, net)
    assert spied.changed
    assert not {"0.weight", "0.bias"} & spied.changed
    assert not spied.debiaser.module_[0].weight.requires_grad


@ALL
def test_a_network_that_is_frozen_whole_is_refused(kind):
    net = a_net().requires_grad_(False)
    with pytest.raises(ValueError, match=r"frozen"):
        fit(kind, net)


# parametrizations


@pytest.mark.parametrize("wrap", [parametrizations.weight_norm, parametrizations.spectral_norm])
def test_a_last_layer_whose_weight_is_computed_is_refused(wrap):
    net = a_net()
    wrap(net[4])
    with pytest.raises(ValueError, match=r"neither frozen .* nor parametrized"):
        fit(LastLayerRetrainer, net)
    for kind in (RandomPerturbationDebiaser, BiasGradientFineTuner, LayerwiseDebiaser):
        assert any("4.parametrizations" in name for name in Spied(kind, net).changed)


def test_layers_whose_weights_are_computed_are_not_pruned():
    net = a_net()
    parametrizations.weight_norm(net[0])
    assert {name.split(".")[0] for name in Spied(PruningDebiaser, net).changed} == {"2"}
    parametrizations.weight_norm(net[2])
    with pytest.raises(ValueError, match="nor parametrized"):
        fit(PruningDebiaser, net)


@pytest.mark.filterwarnings("ignore:.*weight_norm.*is deprecated")
def test_a_network_that_cannot_be_copied_says_why():
    net = a_net()
    nn.utils.weight_norm(net[0])
    net(torch.from_numpy(X))
    with pytest.raises(ValueError, match="can't be copied"):
        read_network(net, CPU)
    with torch.no_grad():
        net(torch.from_numpy(X))
    assert read_network(net, CPU).module is not net


# numbers


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_coarse_numbers_are_refused(dtype):
    with pytest.raises(ValueError, match=r"torch\.b?float16.*net\.float\(\)"):
        fit(RandomPerturbationDebiaser, a_net().to(dtype))


@ALL
def test_long_numbers_stay_long(kind):
    debiaser = fit(kind, a_net().double())
    assert {p.dtype for p in debiaser.module_.parameters()} == {torch.float64}
    assert np.isfinite(debiaser.predict_proba(X)).all()


def test_probabilities_must_be_some():
    for output in ("probabilities", "auto"):
        net = a_net()
        if output == "auto":  # its loss says so
            net = NeuralNetClassifier(
                nn.Linear(2, 2), criterion=nn.NLLLoss, max_epochs=0, verbose=0
            ).fit(X, Y)
        with pytest.raises(ValueError, match="is to be probabilities, and goes from -"):
            fit(RandomPerturbationDebiaser, net, output=output)


# operations in place


class InPlace(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.out = nn.Linear(2, 3), nn.Linear(3, 1)

    def forward(self, x):
        h = self.a(x)
        h += 5.0
        return self.out(h.mul_(2.0))


@pytest.mark.parametrize("inputs", [False, True])
def test_what_a_layer_gives_is_kept_as_it_was(inputs):
    net, rows = InPlace(), torch.from_numpy(X[:4])
    expected, plain = net.a(rows), net(rows)
    with outputs_of(net.out if inputs else net.a, inputs=inputs) as seen:
        found = net(rows)
    assert torch.equal(found, plain)
    assert torch.equal(seen[0], 2 * (expected + 5) if inputs else expected)
    (gradient,) = torch.autograd.grad(found.sum(), seen[0])
    assert gradient.abs().sum() > 0
    assert not net.a._forward_hooks
    assert not net.out._forward_pre_hooks


def test_inputs_that_a_layer_changes_are_kept_as_they_were():
    layer, rows = nn.ReLU(inplace=True), torch.tensor([-1.0, 2.0])
    with outputs_of(layer, inputs=True) as seen:
        assert layer(rows).tolist() == [0.0, 2.0]
    assert seen[0].tolist() == [-1.0, 2.0]


def test_units_before_an_operation_in_place_are_silenced_by_their_own_mean():
    debiaser = fit(PruningDebiaser, InPlace(), validation_fraction=0.0, step=0.1)
    before = debiaser.net.a(torch.from_numpy(X)).mean(0)
    silent = (debiaser.module_.a.weight == 0).all(1)
    assert silent.any()
    assert_allclose(debiaser.module_.a.bias[silent].detach(), before[silent].detach(), atol=1e-5)


def test_a_layer_whose_output_is_squashed_in_place_makes_no_logits():
    class Squashed(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(2, 1)

        def forward(self, x):
            return self.fc(x).sigmoid_()

    with pytest.warns(UserWarning, match="takes for probabilities"):
        assert decide_output(Squashed(), X, CPU) == "probabilities"


# what runs last


def test_a_head_of_convolutions_is_the_last_layer():
    torch.manual_seed(1)
    net = nn.Sequential(
        *(nn.Unflatten(1, (2, 1)), nn.Conv1d(2, 5, 1), nn.Tanh(), nn.Conv1d(5, 1, 1)), nn.Flatten()
    )
    assert runs_last(net, X[:2], CPU) == "3"
    assert Spied(PruningDebiaser, net).changed == {"1.weight", "1.bias"}
    assert "3.weight" in Spied(AdversarialFineTuner, net).changed
    with pytest.raises(ValueError, match=r"runs last, '3', .*it has no such layer"):
        fit(LastLayerRetrainer, net)


class Bare(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight, self.body = nn.Parameter(torch.ones(2, 1)), nn.Tanh()

    def forward(self, x):
        return self.body(x) @ self.weight


def test_without_linear_layers_a_critic_needs_a_name():
    with pytest.raises(ValueError, match=r"set representation to .*it has \['body'\]"):
        fit(AdversarialFineTuner, Bare())
    assert fit(AdversarialFineTuner, Bare(), representation="body").module_.weight.shape == (2, 1)
    with pytest.raises(ValueError, match="no units to prune"):
        fit(PruningDebiaser, Bare())


def test_a_wrong_type_of_rows_is_told():
    class Picky(Bare):
        def forward(self, x):
            raise TypeError("words, please")

    with pytest.raises(ValueError, match=r"can't take rows of the shape \(2,\): words, please"):
        fit(RandomPerturbationDebiaser, Picky())


def test_memory_that_runs_out_is_no_wrong_shape():
    class Large(Bare):
        def forward(self, x):
            raise torch.cuda.OutOfMemoryError("none left")

    with pytest.raises(torch.cuda.OutOfMemoryError):
        fit(RandomPerturbationDebiaser, Large())


def test_a_pipeline_of_one_step_is_its_network():
    net = NeuralNetClassifier(
        nn.Linear(2, 2), criterion=nn.CrossEntropyLoss, max_epochs=5, lr=0.3, verbose=0
    )
    pipeline = Pipeline([("net", net)]).fit(X, Y)
    found = fit(RandomPerturbationDebiaser, FrozenEstimator(pipeline))
    bare = fit(RandomPerturbationDebiaser, FrozenEstimator(net))
    assert_array_equal(found.predict_proba(X), bare.predict_proba(X))


def test_a_pipeline_that_was_fitted_without_the_group_says_where_to_put_it():
    net = NeuralNetClassifier(nn.Linear(2, 2), criterion=nn.CrossEntropyLoss, verbose=0)
    table = pd.DataFrame(X, columns=["a", "b"])
    pipeline = Pipeline([("scaler", StandardScaler()), ("net", net)]).fit(table, Y)
    table["sex"] = SEX
    debiaser = RandomPerturbationDebiaser(FrozenEstimator(pipeline), sensitive_features="sex")
    with pytest.raises(ValueError, match="seen at fit time") as caught:
        debiaser.fit(table, Y)
    assert "groups as sensitive_features= of fit" in caught.value.__notes__[0]


# state and rows


class Counting(nn.Linear):
    """A layer with a state that is no tensor."""

    calls = 0

    def get_extra_state(self):
        return {"calls": self.calls}

    def set_extra_state(self, state):
        self.calls = state["calls"]


def test_a_state_that_is_no_tensor_is_copied():
    layer = Counting(2, 1)
    kept = weights_of(layer)
    layer.calls = 7
    assert kept["_extra_state"] == {"calls": 0}
    options = {**QUICK[RandomPerturbationDebiaser], "device": "cpu", "tol": 1.0}
    debiaser = RandomPerturbationDebiaser(Counting(2, 1), **options)
    debiaser.fit(X, Y, sensitive_features=SEX)
    with pytest.raises(ValueError, match=r"can't be saved: .*_extra_state.* are no tensors"):
        debiaser.save("nowhere")


def test_rows_too_many_for_the_device_travel_by_batches(monkeypatch):
    places = []
    real = batches.TableDataset.__init__

    def spy(self, *tensors, device=None):
        places.append(device)
        real(self, *tensors, device=device)

    monkeypatch.setattr(batches.TableDataset, "__init__", spy)
    first = fit(BiasGradientFineTuner, a_net())
    assert set(places) == {None}
    monkeypatch.setattr(batches, "_room", lambda device: 0)
    second = fit(BiasGradientFineTuner, a_net())
    assert places[-1] == CPU
    assert_array_equal(first.predict_proba(X), second.predict_proba(X))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@ALL
def test_it_runs_on_a_gpu(kind):
    debiaser = fit(kind, a_net(), device="cuda")
    assert next(debiaser.module_.parameters()).is_cuda
    assert set(debiaser.predict(X)) <= {0, 1}


# warnings


def test_a_rule_that_decides_nearly_alike_is_told():
    rng = np.random.default_rng(0)
    group = rng.integers(2, size=2000)
    rows = (group + 0.05 * rng.normal(size=2000)).astype(np.float32)[:, None]
    y = np.where(rng.random(2000) < 0.1, 1 - group, group)  # only the group tells of the label
    net = nn.Linear(1, 1)
    with torch.no_grad():
        net.weight.fill_(1.0), net.bias.fill_(-0.5)
    options = {"device": "cpu", "random_state": 0, "n_trials": 1, "n_resamples": 0}
    loose = RandomPerturbationDebiaser(net, constraints="demographic_parity", tol=1.0, **options)
    loose.fit(rows, y, sensitive_features=group)
    tight = RandomPerturbationDebiaser(net, constraints="demographic_parity", tol=0.1, **options)
    with pytest.warns(UserWarning, match=r"nearly alike .*accuracy is 0\.5\d+, .*up to 0\.8"):
        tight.fit(rows, y, sensitive_features=group)
    assert 0 < tight.predict(rows).mean() < 1
    soft = RandomPerturbationDebiaser(net, form="penalized", **options)
    soft.fit(rows, y, sensitive_features=group)
