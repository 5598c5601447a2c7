from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from skfair.nn import device_of, make_mlp  # noqa: E402


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
