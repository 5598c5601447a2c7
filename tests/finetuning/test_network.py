from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logit
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from networks import SmallCNN, images  # noqa: E402
from skorch import NeuralNet, NeuralNetBinaryClassifier, NeuralNetClassifier  # noqa: E402
from torch import nn  # noqa: E402

from skfair.finetuning._layers import (  # noqa: E402
    check_output,
    last_linear,
    log_odds,
)
from skfair.nn import decide_output, find_layer, outputs_of, read_network  # noqa: E402
from skfair.nn.networks import ArrayInput  # noqa: E402

CPU = torch.device("cpu")
X = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)


class Functional(nn.Module):
    """A network without layers that detection could see."""

    def __init__(self, squash=None):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1, 3))
        self.squash = squash

    def forward(self, x):
        out = nn.functional.linear(x, self.weight)
        return out if self.squash is None else self.squash(out)


class Squeezed(nn.Module):
    def __init__(self):
        super().__init__()
        self.unused = nn.Linear(3, 1)
        self.out = nn.Linear(4, 1)
        self.hidden = nn.Linear(3, 4)

    def forward(self, x):
        return self.out(torch.relu(self.hidden(x))).squeeze(1)


def skorch_net(kind=NeuralNetClassifier, module=None, **options):
    module = nn.Linear(3, 2) if module is None else module
    return kind(module, max_epochs=1, verbose=0, train_split=None, **options)


# reading


def test_a_module_is_copied_with_its_weights():
    module = nn.Linear(3, 1)
    read = read_network(module, CPU)
    assert read.module is not module
    assert_array_equal(read.module.weight.detach(), module.weight.detach())
    assert read.classes is None
    assert read.output is None
    read.module.weight.data.fill_(0)
    assert module.weight.abs().sum() > 0


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize(
    ("kind", "module", "options", "output"),
    [
        (NeuralNetClassifier, nn.Linear(3, 2), {"criterion": nn.CrossEntropyLoss}, "logits"),
        (
            NeuralNetClassifier,
            nn.Sequential(nn.Linear(3, 2), nn.Softmax(dim=1)),
            {},
            "probabilities",
        ),
        (NeuralNetBinaryClassifier, nn.Linear(3, 1), {}, "logits"),
    ],
)
def test_a_fitted_skorch_net_tells_classes_and_output(kind, module, options, output, frozen):
    net = skorch_net(kind, module, **options)
    net.fit(X, Y.astype(np.float32) if kind is NeuralNetBinaryClassifier else Y)
    read = read_network(FrozenEstimator(net) if frozen else net, CPU)
    assert read.output == output
    assert read.classes.tolist() == [0, 1]
    assert read.module is not net.module_
    for mine, theirs in zip(read.module.parameters(), net.module_.parameters(), strict=True):
        assert_array_equal(mine.detach(), theirs.detach())


def test_log_probabilities_of_a_plain_net_are_as_good_as_logits():
    module = nn.Sequential(nn.Linear(3, 2), nn.LogSoftmax(dim=1))
    net = skorch_net(NeuralNet, module, criterion=nn.NLLLoss).fit(X, Y)
    read = read_network(net, CPU)
    assert read.output == "logits"
    with torch.no_grad():
        p = net.module_.eval()(torch.from_numpy(X)).exp()
        again = torch.softmax(read.module.eval()(torch.from_numpy(X)), dim=1)
    assert_array_equal(p.argmax(1), again.argmax(1))
    torch.testing.assert_close(again, p)


def test_a_net_of_another_loss_says_nothing():
    net = skorch_net(NeuralNet, nn.Linear(3, 1), criterion=nn.MSELoss)
    read = read_network(net.fit(X, Y[:, None].astype(np.float32)), CPU)
    assert read.output is None
    assert read.classes is None


def test_a_pipeline_prepares_the_input():
    pipeline = make_pipeline(StandardScaler(), skorch_net(criterion=nn.CrossEntropyLoss))
    wide = 100 * X.astype(np.float32)
    read = read_network(FrozenEstimator(pipeline.fit(wide, Y)), CPU)
    assert_allclose(read.encode(wide), StandardScaler().fit_transform(wide), atol=1e-6)
    assert read.encode(wide).dtype == np.float32
    assert read.output == "logits"


@pytest.mark.parametrize("wrap", [lambda net: net, FrozenEstimator])
def test_what_is_not_fitted_says_how_to_give_it(wrap):
    with pytest.raises(NotFittedError, match=r"NeuralNetClassifier, which isn't fitted.*Frozen"):
        read_network(wrap(skorch_net()), CPU)


def test_an_estimator_of_ours_that_is_not_fitted_says_so():
    from skfair.inprocessing import FairNetClassifier

    with pytest.raises(NotFittedError, match="FairNetClassifier, which isn't fitted"):
        read_network(FrozenEstimator(FairNetClassifier()), CPU)


def test_what_is_no_network_is_refused():
    for net in (LogisticRegression().fit(X, Y), nn.Linear, "net", None):
        with pytest.raises(ValueError, match="net must be a torch"):
            read_network(net, CPU)
    with pytest.raises(ValueError, match="no parameters"):
        read_network(nn.Flatten(), CPU)

    class Other:
        net_ = None

    with pytest.raises(ValueError, match="no method network_input"):
        read_network(Other(), CPU)


# input


def test_columns_that_are_sensitive_are_no_input():
    rows = pd.DataFrame({"a": [1.0, 2.0], "sex": ["f", "m"], "b": [3, 4]})
    expected = np.array([[1, 3], [2, 4]], dtype=np.float32)
    for table in (rows, pl.from_pandas(rows)):
        found = ArrayInput([1], "float32")(table)
        assert found.dtype == np.float32
        assert_array_equal(found, expected)
    assert_array_equal(ArrayInput([0], "float64")([[9, 1], [9, 2]]), [[1], [2]])
    with pytest.raises(ValueError, match=r"network takes numbers.*Pipeline"):
        ArrayInput([], "float32")(rows)
    with pytest.raises(ValueError, match="NaN"):
        ArrayInput([], "float32")(np.array([[np.nan]]))


def test_the_input_has_the_type_of_the_weights():
    read = read_network(nn.Linear(3, 1).double(), CPU)
    assert read.encode(X).dtype == np.float64


# output


@pytest.mark.parametrize(
    ("module", "output"),
    [
        (nn.Linear(3, 1), "logits"),
        (nn.Linear(3, 2), "logits"),
        (Squeezed(), "logits"),
        (nn.Sequential(nn.Linear(3, 1), nn.Sigmoid()), "probabilities"),
        (nn.Sequential(nn.Linear(3, 1), nn.Sigmoid(), nn.Flatten(0)), "probabilities"),
        (nn.Sequential(nn.Linear(3, 2), nn.Softmax(1)), "probabilities"),
        (nn.Sequential(nn.Linear(3, 2), nn.LogSoftmax(1)), "logits"),
        (Functional(), "logits"),
    ],
)
def test_what_the_output_is(module, output):
    assert decide_output(module, X, CPU) == output
    tiny = 1e-3 * X + 0.5
    if not isinstance(module, Functional):
        assert decide_output(module, tiny, CPU) == output


def test_a_linear_layer_makes_logits_wherever_they_lie():
    module = nn.Linear(3, 1)
    module.weight.data.fill_(0.01)
    module.bias.data.fill_(0.5)
    assert decide_output(module, X, CPU) == "logits"


def test_numbers_decide_where_no_layer_does():
    assert decide_output(Functional(lambda x: torch.softmax(x.repeat(1, 2), 1)), X, CPU) == (
        "probabilities"
    )
    with pytest.warns(UserWarning, match='output="auto" takes for probabilities'):
        assert decide_output(Functional(torch.sigmoid), X, CPU) == "probabilities"


def test_log_odds_of_every_output():
    p = np.array([0.2, 0.9])
    odds = logit(p)
    for xp in (np.asarray, torch.as_tensor):
        for shape in ((2,), (2, 1)):
            assert_allclose(log_odds(xp(odds.reshape(shape)), "logits"), odds)
            assert_allclose(log_odds(xp(p.reshape(shape)), "probabilities"), odds)
        two = np.column_stack([1 - p, p])
        assert_allclose(log_odds(xp(two), "probabilities"), odds)
        assert_allclose(log_odds(xp(np.log(two)), "logits"), odds)
        for sure in (np.array([[0.0, 1.0]]), np.array([1.0])):
            assert np.isfinite(float(log_odds(xp(sure), "probabilities")[0]))


@pytest.mark.parametrize(
    ("module", "match"),
    [
        (nn.Linear(3, 3), r"it gave \(2, 3\)"),
        (nn.LSTM(3, 1), "it gave tuple"),
        (nn.Linear(4, 1), r"can't take rows of the shape \(3,\)"),
    ],
)
def test_a_network_for_anything_else_is_refused(module, match):
    with pytest.raises(ValueError, match=match):
        check_output(module, X[:2], CPU)


# layers


def test_the_layer_that_runs_last_is_found():
    assert last_linear(Squeezed(), X[:2], CPU) == "out"
    assert last_linear(nn.Linear(3, 2), X[:2], CPU) == ""
    deep = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1), nn.Sigmoid())
    assert last_linear(deep, X[:2], CPU) == "2"
    pictures = images(4)[0]
    assert last_linear(SmallCNN(2), pictures, CPU) == "out"


def test_a_network_without_one_says_how_to_name_it():
    with pytest.raises(ValueError, match=r"no linear layer with as many outputs as the network, 1"):
        last_linear(Functional(), X[:2], CPU)
    hidden = nn.Sequential(nn.Linear(3, 4), nn.Conv1d(4, 1, 1), nn.Flatten())
    hidden[1] = nn.Unflatten(1, (4, 1))
    hidden.insert(2, nn.Conv1d(4, 1, 1))
    with pytest.raises(ValueError, match=r"runs last, '2', is no linear.*it has no such layer"):
        last_linear(hidden, X[:2], CPU)
    with pytest.raises(
        ValueError, match=r"'hidden' is.*set last_layer to one of \['unused', 'out'\]"
    ):
        last_linear(Squeezed(), X[:2], CPU, "hidden")
    with pytest.raises(ValueError, match=r"no layer 'body': it has \['unused', 'out', 'hidden'\]"):
        find_layer(Squeezed(), "body")


def test_looking_leaves_no_hooks_and_modes_as_they_are():
    module = nn.Sequential(nn.Linear(3, 4), nn.Dropout(), nn.BatchNorm1d(4), nn.Linear(4, 1))
    module[2].eval()
    before = {k: v.clone() for k, v in module.state_dict().items()}
    last_linear(module, X[:2], CPU)
    decide_output(module, X, CPU)
    with outputs_of(module[1], inputs=True) as seen:
        module(torch.from_numpy(X))
    module(torch.from_numpy(X))
    assert len(seen) == 1
    assert [part.training for part in module] == [True, True, False, True]
    for part in module.modules():
        assert not part._forward_hooks
    assert all(torch.equal(before[k], v) for k, v in module.state_dict().items())
