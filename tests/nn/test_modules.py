from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from networks import SmallCNN, images  # noqa: E402

from skfair.finetuning import BiasGradientFineTuner  # noqa: E402
from skfair.inprocessing import AdversarialDebiasedClassifier, FairNetClassifier  # noqa: E402
from skfair.nn import (  # noqa: E402
    TableDataset,
    device_of,
    evaluating,
    make_mlp,
    predict_logits,
    whole_batch,
)


def shapes(module):
    return [tuple(layer.weight.shape) for layer in module if isinstance(layer, torch.nn.Linear)]


def test_layers():
    assert shapes(make_mlp(5, 3, (8, 4))) == [(8, 5), (4, 8), (3, 4)]
    assert shapes(make_mlp(5, 3, ())) == [(3, 5)]
    assert make_mlp(12, 2)(torch.zeros(7, 3, 2, 2)).shape == (7, 2)


def test_dropout_acts_in_training_only():
    mlp = make_mlp(4, 2, [64], dropout=0.5)
    x = torch.ones(1, 4)
    torch.manual_seed(0)
    assert not torch.equal(mlp(x), mlp(x))
    mlp.eval()
    assert torch.equal(mlp(x), mlp(x))
    assert not any(isinstance(layer, torch.nn.Dropout) for layer in make_mlp(4, 2, [4]))


def test_starts():
    torch.manual_seed(0)
    he = make_mlp(400, 2, [500], weight_init="he")
    assert float(he[1].weight.detach().std()) == pytest.approx((2 / 400) ** 0.5, rel=0.02)
    xavier = make_mlp(400, 2, [500], weight_init="xavier")
    assert float(xavier[1].weight.detach().abs().max()) == pytest.approx((6 / 900) ** 0.5, rel=0.01)
    rows = make_mlp(10, 2, [5], weight_init="orthogonal")[1].weight
    torch.testing.assert_close(rows @ rows.T, torch.eye(5))
    for mlp in (he, xavier):
        assert not mlp[1].bias.any()
    assert make_mlp(400, 2, [500], weight_init="default")[1].bias.any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden_sizes": (0,)}, "hidden_sizes must be integers"),
        ({"hidden_sizes": (2.5,)}, "hidden_sizes must be integers"),
        ({"dropout": 1.0}, "dropout must be"),
        ({"dropout": -0.1}, "dropout must be"),
        ({"weight_init": "he_normal"}, r"weight_init must be one of \['he'"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make_mlp(3, 2, **options)


def test_devices():
    assert device_of("cpu").type == "cpu"
    assert device_of("auto").type in ("cpu", "cuda", "mps")
    with pytest.raises(ValueError, match="device must be"):
        device_of("gpu")
    missing = [name for name in ("cuda", "mps") if device_of("auto").type != name]
    with pytest.raises(ValueError, match="not available"):
        device_of(missing[-1])


def in_place(n_outputs=2):
    return torch.nn.Sequential(torch.nn.ReLU(inplace=True), SmallCNN(n_outputs))


@pytest.mark.filterwarnings("ignore:.*torch.jit.trace:DeprecationWarning")
def test_rows_stay_where_a_module_works_in_place():
    X = images(30)[0]
    before, module = X.copy(), in_place()
    expected = predict_logits(module[1], X.clip(0))
    for kind in (module, torch.jit.trace(module, torch.from_numpy(X[:2].copy()))):
        np.testing.assert_allclose(predict_logits(kind, X), expected, atol=1e-6)
        np.testing.assert_array_equal(X, before)
    rows = torch.from_numpy(X)
    with evaluating(module):
        module(rows)
    assert len(module._forward_pre_hooks) == 0
    for batch, _ in whole_batch(TableDataset(rows), 4):
        module(batch)
    np.testing.assert_array_equal(X, before)


@pytest.mark.filterwarnings("ignore:.*:UserWarning")  # one epoch reaches no bound
@pytest.mark.parametrize("kind", ["plain", "adversary", "tuner"])
def test_estimators_leave_rows_as_they_are(kind):
    X, y, group = images(60)
    before = X.copy()
    net = {
        "plain": FairNetClassifier(module=in_place, early_stopping=True, standardize=False),
        "adversary": AdversarialDebiasedClassifier(
            module=in_place, method="reversal", representation="1.conv", standardize=False
        ),
        "tuner": BiasGradientFineTuner(in_place(), n_steps=2, n_resamples=2),
    }[kind]
    net.set_params(max_epochs=1, random_state=0, device="cpu")
    net.fit(X, y, sensitive_features=group).predict(X)
    np.testing.assert_array_equal(X, before)
