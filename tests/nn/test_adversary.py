from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from skfair.nn import adversarial_gradient, make_mlp  # noqa: E402
from skfair.nn.adversary import (  # noqa: E402
    AdversarialNet,
    AdversaryLoss,
    outputs_of,
    standardized,
    warmed,
)
from skfair.nn.nets import make_net  # noqa: E402


def setting(representation=None, **options):
    torch.manual_seed(0)
    module = make_mlp(3, 2, [4]).double()
    width = 2 if representation is None else 4
    seen = width + 2 * options.get("sees_label", False)
    loss = AdversaryLoss(make_mlp(seen, 3, [5]).double(), 2, **options)
    net = make_net(module, loss, kind=AdversarialNet, representation=representation)
    X = torch.randn(12, 3, dtype=torch.double)
    target = [torch.arange(12) % 2, torch.arange(12) % 3, torch.rand(12).double()]
    net.history.new_epoch()
    return net, X, target


def cross_entropy(logits, y, weights):
    log_p = torch.log_softmax(logits, dim=1)[torch.arange(len(y)), y]
    return -(weights * log_p).sum() / weights.sum()


def standardized_step_by_step(x, weights):
    shares = (weights / weights.sum())[:, None]
    centred = x - (shares * x).sum(0)
    return centred / (shares * centred**2).sum(0).sqrt()


def gradients(module):
    return [p.grad.clone() for p in module.parameters()]


@pytest.mark.parametrize("weight", [0.0, 0.7])
@pytest.mark.parametrize("sees_label", [False, True])
@pytest.mark.parametrize("standardize", [False, True])
def test_a_step_of_projection_is_zhangs_update(weight, sees_label, standardize):
    net, X, target = setting(weight=weight, sees_label=sees_label, standardize=standardize)
    y, codes, weights = target
    net.train_step_single((X, target))
    logits = net.module_(X)
    seen = logits - logits.mean(dim=1, keepdim=True)
    if standardize:
        seen = standardized_step_by_step(seen, weights)
    if sees_label:
        seen = torch.cat([seen, torch.eye(2).double()[y]], dim=1)
    adversary = net.criterion_.adversary
    losses = cross_entropy(logits, y, weights), cross_entropy(adversary(seen), codes, weights)
    params = list(net.module_.parameters())
    g, u = (torch.autograd.grad(loss, params, retain_graph=True) for loss in losses)
    for found, expected in zip(
        gradients(net.module_), adversarial_gradient(g, u, weight), strict=True
    ):
        torch.testing.assert_close(found, expected)
    own = torch.autograd.grad(losses[1], list(adversary.parameters()))
    for found, expected in zip(gradients(adversary), own, strict=True):
        torch.testing.assert_close(found, expected)


class Odd(torch.nn.Module):
    """A linear model, one parameter of which lies by columns, beside one that goes unused."""

    def __init__(self):
        super().__init__()
        self.unused = torch.nn.Parameter(torch.ones(2).double())
        self.weight = torch.nn.Parameter(torch.randn(2, 3).double().t())

    def forward(self, x):
        return x @ self.weight


def test_gradients_lie_as_their_parameters_do_and_unused_parameters_have_none():
    torch.manual_seed(0)
    module, loss = Odd(), AdversaryLoss(make_mlp(2, 3, [5]).double(), 2)
    net = make_net(module, loss, kind=AdversarialNet)
    _, X, target = setting()
    net.history.new_epoch()
    net.train_step_single((X, target))
    assert module.weight.grad.stride() == module.weight.stride() == (1, 3)
    assert module.weight.grad.any()
    assert module.unused.grad is None
    for parameter in loss.adversary.parameters():
        assert parameter.grad.stride() == parameter.stride()


def test_a_step_of_reversal_turns_the_gradient_at_the_layer():
    net, X, target = setting("active_1", weight=0.7)
    y, codes, weights = target
    net.train_step_single((X, target))
    module, adversary = net.module_, net.criterion_.adversary
    with outputs_of(module.active_1) as seen:
        logits = module(X)
    predictor = cross_entropy(logits, y, weights)
    guess = cross_entropy(adversary(seen[0]), codes, weights)
    for name, p in module.named_parameters():
        (g,) = torch.autograd.grad(predictor, p, retain_graph=True)
        if name.startswith("hidden"):
            g = g - 0.7 * torch.autograd.grad(guess, p, retain_graph=True)[0]
        torch.testing.assert_close(p.grad, g)
    own = torch.autograd.grad(guess, list(adversary.parameters()))
    for found, expected in zip(gradients(adversary), own, strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("representation", [None, "hidden_1"])
def test_validation_puts_the_weight_on_the_gap(representation):
    def gap(logits, target):
        return logits[:, 1].mean() ** 2

    net, X, target = setting(representation, weight=0.5, warmup_epochs=9, gap=gap)
    y, _, weights = target
    loss = float(net.validation_step((X, target))["loss"])
    logits = net.module_(X).detach()
    expected = cross_entropy(logits, y, weights) + 0.5 * gap(logits, target)
    assert loss == pytest.approx(float(expected))


def test_only_one_class_is_seen():
    net, X, target = setting(only=1)
    y, codes, weights = target
    seen = torch.randn(12, 2).double()
    ones = y == 1
    expected = cross_entropy(net.criterion_.adversary(seen[ones]), codes[ones], weights[ones])
    torch.testing.assert_close(net.criterion_.guess(seen, target), expected)
    net.train_step_single((X, [0 * y, codes, weights]))  # a batch without any
    assert all(g.isfinite().all() for g in gradients(net.module_))
    assert not any(g.any() for g in gradients(net.criterion_.adversary))


@pytest.mark.parametrize("representation", [None, "active_1"])
def test_the_weight_warms_up(representation):
    assert [warmed(0.8, epoch, 4) for epoch in (1, 3, 5, 9)] == [0, 0.4, 0.8, 0.8]
    net, X, target = setting(representation, weight=0.8, warmup_epochs=1)
    net.train_step_single((X, target))
    cold = gradients(net.module_)
    net.history.new_epoch()
    net.train_step_single((X, target))
    warm = gradients(net.module_)
    before = 2 if representation else len(warm)  # parameters before the layer
    for a, b in zip(cold[:before], warm[:before], strict=True):
        assert not torch.allclose(a, b)


def test_hooks_are_taken_off_even_after_errors():
    layer = torch.nn.Linear(2, 2)
    with pytest.raises(RuntimeError), outputs_of(layer):
        layer(torch.zeros(3))
    assert not layer._forward_hooks


def test_columns_are_standardised_by_weights():
    x = torch.tensor([[1.0, 5.0], [2.0, 5.0], [4.0, 5.0]], requires_grad=True)
    twice = torch.cat([x[:1], x]).detach()
    found = standardized(x, torch.tensor([2.0, 1.0, 1.0]))
    alike = (twice[:, 0] - twice[:, 0].mean()) / twice[:, 0].std(correction=0)
    torch.testing.assert_close(found[:, 0], alike[1:])
    assert not found[:, 1].any()
    found.sum().backward()
    assert x.grad.isfinite().all()
    assert not standardized(x, torch.zeros(3)).any()


def test_standardised_columns_have_the_gradient_of_the_formula():
    x, weights = torch.randn(6, 3, dtype=torch.double, requires_grad=True), torch.rand(6).double()
    assert torch.autograd.gradcheck(lambda x: standardized(x, weights), x)
    expected = standardized_step_by_step(x, weights)
    torch.testing.assert_close(standardized(x, weights), expected)
    with_constant = torch.cat([x[:, :1], torch.full((6, 1), 3.0, dtype=torch.double)], dim=1)
    (gradient,) = torch.autograd.grad(standardized(with_constant, weights)[0].sum(), x)
    (alone,) = torch.autograd.grad(expected[0, 0], x)
    torch.testing.assert_close(gradient, alone)


def test_the_scale_of_outputs_helps_nobody():
    net, _, target = setting(standardize=True)
    seen = torch.randn(12, 2).double()
    guess = net.criterion_.guess
    torch.testing.assert_close(guess(seen, target), guess(1000 * seen + 5, target))


def test_cells_are_weighted():
    weights = torch.tensor([[1.0, 4.0], [2.0, 0.0], [3.0, 1.0]]).double()
    net, _, (y, codes, w) = setting(cell_weights=weights)
    seen = torch.randn(12, 2).double()
    found = net.criterion_.guess(seen, (y, codes, w))
    net.criterion_.cell_weights = None
    expected = net.criterion_.guess(seen, (y, codes, w * weights[codes, y]))
    torch.testing.assert_close(found, expected)
