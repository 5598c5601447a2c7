from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from skfair.nn import adversarial_gradient, make_mlp  # noqa: E402
from skfair.nn.adversary import AdversarialNet, AdversaryLoss, outputs_of, warmed  # noqa: E402
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


def gradients(module):
    return [p.grad.clone() for p in module.parameters()]


@pytest.mark.parametrize("weight", [0.0, 0.7])
@pytest.mark.parametrize("sees_label", [False, True])
def test_a_step_of_projection_is_zhangs_update(weight, sees_label):
    net, X, target = setting(weight=weight, sees_label=sees_label)
    y, codes, weights = target
    net.train_step_single((X, target))
    logits = net.module_(X)
    seen = logits - logits.mean(dim=1, keepdim=True)
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
