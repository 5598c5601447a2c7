from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from skfair.nn import GroupDROLoss, group_losses, updated_group_weights  # noqa: E402

ALL = torch.tensor([True, True, True])


def test_weights_have_the_closed_form():
    q, rng = torch.full((3,), 1 / 3, dtype=torch.double), np.random.default_rng(0)
    losses = torch.tensor(rng.exponential(size=(20, 3)))
    for row in losses:
        q = updated_group_weights(q, row, ALL, 0.1)
    expected = torch.exp(0.1 * losses.sum(0))
    torch.testing.assert_close(q, expected / expected.sum())


def test_the_loss_keeps_weights_of_the_closed_form_with_the_adjustment():
    rng = np.random.default_rng(1)
    sizes = torch.tensor([100.0, 25.0, 4.0], dtype=torch.double)
    loss = GroupDROLoss(sizes, step_size=0.2, adjustment=3.0)
    total = 0
    for _ in range(5):
        logits = torch.tensor(rng.normal(size=(30, 2)))
        y, codes = torch.tensor(rng.integers(2, size=30)), torch.arange(30) % 3
        weights = torch.tensor(rng.random(30))
        rows = torch.nn.functional.cross_entropy(logits, y, reduction="none")
        means, present = group_losses(rows, codes, 3, weights)
        by_hand = [np.average(rows[codes == g], weights=weights[codes == g]) for g in range(3)]
        np.testing.assert_allclose(means, by_hand)
        assert present.all()
        total = total + means + torch.tensor([0.3, 0.6, 1.5])
        found = loss(logits, (y, codes, weights))
        q = torch.softmax(0.2 * total, dim=0)
        torch.testing.assert_close(loss.q.double(), q)
        torch.testing.assert_close(found, (q * means).sum())
    before = loss.q.clone()
    worst = loss.eval()(logits, (y, codes, weights))
    torch.testing.assert_close(worst, (means + torch.tensor([0.3, 0.6, 1.5])).max())
    assert torch.equal(loss.q, before)


def test_absent_groups_keep_their_weights():
    q = torch.tensor([0.2, 0.3, 0.5])
    found = updated_group_weights(q, torch.tensor([1.0, 2, 0]), ALL & (torch.arange(3) < 2), 1.0)
    assert float(found[2]) == 0.5
    expected = torch.tensor([0.2, 0.3 * np.e])
    torch.testing.assert_close(found[:2], 0.5 * expected / expected.sum())


def test_large_losses_overflow_nowhere():
    found = updated_group_weights(torch.full((3,), 1 / 3), torch.tensor([1e4, 0, 0]), ALL, 1.0)
    assert found.tolist() == [1.0, 0.0, 0.0]


def test_cells_of_group_and_label_and_empty_ones():
    loss = GroupDROLoss(torch.tensor([[9.0, 1.0], [4.0, 0.0]]), adjustment=3.0)
    torch.testing.assert_close(loss.q, torch.tensor([1, 1, 1, 0]) / 3)
    assert loss.margins.tolist() == [1.0, 3.0, 1.5, 0.0]
    y, codes = torch.tensor([0, 1, 0]), torch.tensor([0, 0, 1])
    logits = torch.tensor([[0.0, 5.0], [0, 0], [0, 0]])
    loss(logits, (y, codes, torch.ones(3)))
    assert int(loss.q.argmax()) == 0
    assert float(loss.q[3]) == 0
    torch.testing.assert_close(loss.q.sum(), torch.tensor(1.0))


def test_the_gradient_is_that_of_the_weighted_sum():
    loss = GroupDROLoss(torch.tensor([2.0, 2.0]), step_size=0.5)
    logits = torch.zeros(2, 2, requires_grad=True)
    loss(logits, (torch.tensor([1, 1]), torch.tensor([0, 1]), torch.ones(2))).backward()
    torch.testing.assert_close(logits.grad, torch.tensor([[0.25, -0.25], [0.25, -0.25]]))


def test_weights_that_have_sunk_to_zero_rise_together_or_not_at_all():
    present = torch.tensor([False, True, True])
    found = updated_group_weights(torch.tensor([1.0, 0.0, 0.0]), torch.ones(3), present, 1.0)
    assert found.tolist() == [1.0, 0.0, 0.0]
    tiny = torch.tensor([0.5, 0.5, 0.0])
    sunk = updated_group_weights(
        tiny, torch.tensor([0.0, 0.0, 1e4]), torch.tensor([False, True, True]), 1.0
    )
    assert sunk.tolist() == [0.5, 0.25, 0.25]
