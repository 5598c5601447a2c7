from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from networks import SmallCNN, images  # noqa: E402
from torch import nn  # noqa: E402

from skfair.criteria import CRITERIA  # noqa: E402
from skfair.finetuning import PruningDebiaser  # noqa: E402
from skfair.finetuning._objective import FairObjective, JudgedRows  # noqa: E402
from skfair.finetuning._pruning import Units, carried_bias, prunable, silence  # noqa: E402
from skfair.finetuning._search import Search  # noqa: E402
from skfair.finetuning._training import Batch  # noqa: E402
from skfair.finetuning.pruning import _most_carried  # noqa: E402

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 2)).astype(np.float32)
GROUP = (X[:, 0] + 0.3 * RNG.normal(size=200) > 0).astype(int)
Y = (X[:, 1] > 0).astype(int)


def two_units(bias=True):
    """The first hidden unit is the first column, which tells the group; the other decides."""
    net = nn.Sequential(nn.Linear(2, 2, bias=bias), nn.Linear(2, 1))
    with torch.no_grad():
        net[0].weight.copy_(torch.eye(2))
        net[1].weight.copy_(torch.ones(1, 2))
        net[1].bias.zero_()
        if bias:
            net[0].bias.zero_()
    return net


def a_search(net, inputs=X):
    n = len(inputs)
    y, codes = np.arange(n) % 2 == 0, np.arange(n) % 3 % 2
    rows = JudgedRows.draw(y, codes, 2, np.ones(n), 0, np.random.default_rng(0))
    objective = FairObjective(CRITERIA["average_odds"])
    options = {"margin": 0.0, "output": "logits", "sign": 1, "device": torch.device("cpu")}
    return Search(net, inputs, rows, objective, **options)


def difference(odds, batch):
    return (odds * (2.0 * batch.codes - 1)).mean()


def a_batch(inputs, codes):
    rows = torch.from_numpy(inputs)
    return Batch(rows, torch.zeros(len(rows)), torch.from_numpy(codes), torch.ones(len(rows)))


def test_what_units_carry_is_what_is_lost_with_them():
    net = two_units()
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0, 0.5], [-0.3, 1.0]]))
        net[1].weight.copy_(torch.tensor([[2.0, -1.0]]))
    search, batch = a_search(net), a_batch(X, GROUP)
    (units,) = carried_bias(search, prunable(search), batch, difference)
    hidden = X @ np.array([[1.0, -0.3], [0.5, 1.0]])
    assert_allclose(units.silent, hidden.mean(0), atol=1e-6)
    before = difference(net(batch.X)[:, 0], batch).item()
    for place in (0, 1):  # the bias is linear in each unit, so the first order is all there is
        copy = two_units()
        copy.load_state_dict(net.state_dict())
        silence(units._replace(layer=copy[0]), np.array([place]))
        after = difference(copy(batch.X)[:, 0], batch).item()
        assert before - after == pytest.approx(units.carried[place], abs=1e-5)


def test_without_a_bias_term_the_whole_output_is_lost():
    net = two_units(bias=False)
    shifted = X + np.array([3.0, -1.0], dtype=np.float32)
    search, batch = a_search(net, shifted), a_batch(shifted, GROUP)
    (units,) = carried_bias(search, prunable(search), batch, difference)
    assert units.silent.tolist() == [0.0, 0.0]
    before = difference(net(batch.X)[:, 0], batch).item()
    for place in (0, 1):
        copy = two_units(bias=False)
        silence(units._replace(layer=copy[0]), np.array([place]))
        after = difference(copy(batch.X)[:, 0], batch).item()
        assert before - after == pytest.approx(units.carried[place], abs=1e-4)


def test_a_silent_unit_gives_its_mean():
    net = two_units()
    silence(Units(net[0], np.zeros(2), torch.tensor([3.0, 4.0])), np.array([1]))
    assert net[0](torch.tensor([[7.0, 8.0]])).tolist() == [[7.0, 4.0]]
    bare = two_units(bias=False)
    silence(Units(bare[0], np.zeros(2), torch.tensor([3.0, 4.0])), np.array([1]))
    assert bare[0](torch.tensor([[7.0, 8.0]])).tolist() == [[7.0, 0.0]]


def test_channels_of_images_are_units():
    torch.manual_seed(0)
    pictures, _, group = images(60)
    net = SmallCNN(1)
    search, batch = a_search(net, pictures), a_batch(pictures, group)
    (units,) = carried_bias(search, prunable(search), batch, difference)
    assert units.layer is net.conv
    made = net.conv(batch.X).detach()
    assert units.carried.shape == (4,)
    assert_allclose(units.silent, made.mean((0, 2, 3)), atol=1e-6)
    silence(units, np.array([2]))
    flat = net.conv(batch.X)[:, 2].detach()
    assert_allclose(flat, np.full_like(flat, float(units.silent[2])), atol=1e-6)


def test_only_what_carries_bias_is_chosen_and_only_once():
    units = [Units(None, np.array(c), None) for c in ([3.0, -1.0, 2.0], [5.0, 0.0])]
    alive = [np.array([True, True, True]), np.array([True, True])]
    assert [p.tolist() for p in _most_carried(units, alive, 2)] == [[0], [0]]
    assert [p.tolist() for p in _most_carried(units, alive, 9)] == [[0, 2], [0]]
    alive[1][0] = False
    assert [p.tolist() for p in _most_carried(units, alive, 1)] == [[0], []]
    assert _most_carried(units, [~a & False for a in alive], 1) == []


def fit(net, **options):
    options = {"device": "cpu", "random_state": 0, "validation_fraction": 0.0, **options}
    debiaser = PruningDebiaser(net, **options)
    return debiaser.fit(X, Y, sensitive_features=GROUP)


def test_the_unit_that_carries_the_group_goes():
    debiaser = fit(two_units())
    assert debiaser.module_[0].weight.tolist() == [[0.0, 0.0], [0.0, 1.0]]
    assert debiaser.history_["units"].iloc[1:].tolist() == [1]
    assert debiaser.performance_ == pytest.approx(1.0)


def test_shares_of_units_are_kept():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 20), nn.Tanh(), nn.Linear(20, 1))
    with torch.no_grad():
        net[0].weight[:, 0] = 1.0
        net[2].weight.fill_(0.2)
    history = fit(net, step=0.2, max_share=0.5, tol=1.0).history_
    assert history["units"].iloc[1:].tolist() == [4, 8, 10]
    assert len(fit(net, max_share=0.0, tol=1.0).history_) == 1


def test_frozen_layers_stay_and_a_network_without_units_is_told():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 1))
    net[0].requires_grad_(False)
    assert prunable(a_search(net)) == [net[1]]
    with pytest.raises(ValueError, match="no units to prune"):
        fit(nn.Linear(2, 1), tol=1.0)


def test_a_layer_that_does_not_run_carries_nothing():
    class Idle(nn.Module):
        def __init__(self):
            super().__init__()
            self.idle, self.first, self.out = nn.Linear(2, 3), nn.Linear(2, 2), nn.Linear(2, 1)

        def forward(self, x):
            return self.out(self.first(x))

    search = a_search(Idle())
    idle, first = carried_bias(search, prunable(search), a_batch(X, GROUP), difference)
    assert idle.carried.tolist() == [0, 0, 0]
    assert np.abs(first.carried).max() > 0
