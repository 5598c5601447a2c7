from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from skfair.criteria import CRITERIA, get_criterion  # noqa: E402
from skfair.nn import RunningCells, SoftGapLoss, class_cells, soft_gap_loss  # noqa: E402
from skfair.tally import Tally  # noqa: E402

NAMES = [*CRITERIA, "false_negative_rate", "f1_score"]


def batch(n=60, n_groups=3, n_classes=2, seed=0):
    rng = np.random.default_rng(seed)
    y, codes = rng.integers(n_classes, size=n), rng.integers(n_groups, size=n)
    weights = rng.integers(1, 5, n) / 2
    logits = torch.tensor(rng.normal(size=(n, n_classes)), requires_grad=True)
    return logits, (torch.tensor(y), torch.tensor(codes), torch.tensor(weights))


@pytest.mark.parametrize("name", NAMES)
def test_gaps_of_certain_networks_are_those_of_their_decisions(name):
    logits, (y, codes, weights) = batch()
    criterion = get_criterion(name)
    decisions = logits.argmax(dim=1).numpy()
    tally = Tally.from_arrays(y.numpy(), decisions, codes.numpy(), sample_weight=weights.numpy())
    hard = float(criterion(tally.cells()))
    distances = []
    for sharpness in (1, 10, 1e6):
        p = torch.softmax(logits.detach() * sharpness, dim=1)
        loss = float(soft_gap_loss(criterion, class_cells(p, y, codes, 3, weights)))
        distances.append(abs(loss - (1 - hard if criterion.gap == "ratio" else hard)))
    assert distances[2] < 1e-9
    if name != "base_rate_parity":
        assert distances[2] < distances[0]


def test_gap_by_hand():
    cells = torch.tensor([[4.0, 0, 1, 3], [2, 2, 2, 2]])  # TPR .75, .5; FPR 0, .5
    assert float(soft_gap_loss(CRITERIA["equal_opportunity"], cells)) == 0.25
    assert float(soft_gap_loss(CRITERIA["equalized_odds"], cells)) == 0.5
    assert float(soft_gap_loss(CRITERIA["disparate_impact"], cells)) == 0.25  # 1 - .375 / .5


@pytest.mark.parametrize("name", NAMES)
def test_an_undefined_gap_is_0_with_the_gradient_0(name):
    logits, (y, _, weights) = batch()
    cells = class_cells(torch.softmax(logits, dim=1), y, 0 * y, 2, weights)
    loss = soft_gap_loss(get_criterion(name), cells)
    loss.backward()
    assert float(loss.detach()) == 0
    assert not logits.grad.any()


def test_classes_are_measured_each_against_the_rest():
    logits, (y, codes, weights) = batch(n_classes=3)
    p = torch.softmax(logits, dim=1).detach()
    cells = class_cells(p, y, codes, 3, weights, classes=[0, 2])
    for i, k in enumerate((0, 2)):
        both = torch.stack([1 - p[:, k], p[:, k]], dim=1)
        torch.testing.assert_close(cells[i], class_cells(both, y == k, codes, 3, weights)[0])
    parity = CRITERIA["demographic_parity"]
    mean = (soft_gap_loss(parity, cells[:1]) + soft_gap_loss(parity, cells[1:])) / 2
    torch.testing.assert_close(soft_gap_loss(parity, cells), mean)


# Running cells


def test_running_cells_are_a_fading_mean():
    running, rng = RunningCells((2, 4), memory=0.75), np.random.default_rng(0)
    batches = torch.tensor(rng.random((5, 2, 4)))
    for cells in batches:
        found = running(cells)
    shares = torch.tensor([0.75 ** (4 - s) for s in range(5)], dtype=torch.double)
    torch.testing.assert_close(found, (shares[:, None, None] * batches).sum(0) / shares.sum())


def test_without_memory_each_batch_stands_alone():
    running = RunningCells((2, 4), memory=0)
    for seed in range(3):
        cells = torch.tensor(np.random.default_rng(seed).random((2, 4)))
        torch.testing.assert_close(running(cells), cells)


def test_the_gradient_goes_to_the_last_batch_undiminished():
    running = RunningCells((1, 4), memory=0.9)
    running(torch.ones(1, 4))
    cells = torch.full((1, 4), 3.0, requires_grad=True)
    (running(cells) * torch.tensor([1.0, 2, 3, 4])).sum().backward()
    assert cells.grad.tolist() == [[1.0, 2, 3, 4]]


def test_steps_follow_the_gradient_over_all_rows():
    """With all rows' cells in memory, the batches' gradients have the full one as their mean."""
    logits, (y, codes, weights) = batch(n=90)
    criterion = CRITERIA["predictive_parity"]
    p = torch.softmax(logits, dim=1)
    full = soft_gap_loss(criterion, class_cells(p, y, codes, 3, weights))
    (expected,) = torch.autograd.grad(full, logits, retain_graph=True)
    whole = class_cells(p, y, codes, 3, weights).detach() / 3
    found = torch.zeros_like(logits)
    for rows in torch.arange(90).split(30):
        running = RunningCells((1, 3, 4), memory=1 - 1e-9)
        running.total, running.mass = 1e9 * whole, torch.tensor(1e9)
        smooth = running(class_cells(p[rows], y[rows], codes[rows], 3, weights[rows]))
        (slope,) = torch.autograd.grad(soft_gap_loss(criterion, smooth), logits, retain_graph=True)
        found += slope / 3
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-9)


def test_a_group_absent_from_a_batch_is_remembered():
    running = RunningCells((2, 4), memory=0.5)
    running(torch.tensor([[1.0, 1, 1, 1], [4.0, 0, 0, 4]]))
    cells = running(torch.tensor([[1.0, 1, 1, 1], [0.0, 0, 0, 0]]))
    assert float(soft_gap_loss(CRITERIA["equal_opportunity"], cells)) == 0.5


@pytest.mark.parametrize("memory", [-0.1, 1.0])
def test_memory_out_of_range_is_refused(memory):
    with pytest.raises(ValueError, match="memory must be"):
        RunningCells((1, 4), memory)


# The loss


def test_the_loss_is_cross_entropy_plus_gaps():
    logits, target = batch()
    y, codes, weights = target
    criteria = [CRITERIA["equalized_odds"], CRITERIA["predictive_parity"]]
    loss = SoftGapLoss(criteria, 3, strength=2.0).eval()
    log_p = torch.log_softmax(logits, dim=1)
    entropy = -(weights * log_p[torch.arange(60), y]).sum() / weights.sum()
    cells = class_cells(log_p.exp(), y, codes, 3, weights)
    expected = entropy + 2 * sum(soft_gap_loss(c, cells) for c in criteria)
    torch.testing.assert_close(loss(logits, target), expected)
    torch.testing.assert_close(SoftGapLoss(criteria, 3, strength=0)(logits, target), entropy)
    assert float(loss.running.mass) == 0  # evaluation leaves no trace


def of_seed(seed):
    return batch(seed=seed)


def test_training_smooths():
    first, second = ((logits.detach(), target) for logits, target in map(of_seed, (0, 1)))
    loss = SoftGapLoss([CRITERIA["demographic_parity"]], 3, memory=0.5)
    loss(*first)
    assert float(loss(*second)) != pytest.approx(float(loss.eval()(*second)))
    alone = SoftGapLoss([CRITERIA["demographic_parity"]], 3, memory=0)
    alone(*first)
    assert float(alone(*second)) == pytest.approx(float(alone.eval()(*second)))


def test_balanced_cells_are_weighted_back_in_training():
    """Each cell of a group and a label comes once, and stands for its share."""
    y, codes = torch.tensor([0, 1, 0, 1]), torch.tensor([0, 0, 1, 1])
    shares = torch.tensor([[3.0, 1.0], [1.0, 1.0]])
    logits = torch.tensor([[0.0, 1e3], [1e3, 0], [0, 1e3], [1e3, 0]])  # the opposite of y
    loss = SoftGapLoss([CRITERIA["demographic_parity"]], 2, shares=shares)
    target = (y, codes, torch.ones(4))
    entropy = float(SoftGapLoss([], 2, strength=0)(logits, target))
    assert float(loss(logits, target)) - entropy == pytest.approx(0.25, abs=1e-3)  # 3/4 - 1/2
    assert float(loss.eval()(logits, target)) - entropy == pytest.approx(0, abs=1e-3)


def test_a_rate_without_two_groups_gives_no_gradient_beside_one_that_has_them():
    logits = torch.zeros(3, 2, requires_grad=True)
    y, codes = torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1])  # one group has no negatives
    cells = class_cells(torch.softmax(logits, dim=1), y, codes, 2)
    loss = soft_gap_loss(CRITERIA["equalized_odds"], cells)
    loss.backward()
    assert float(loss.detach()) == 0
    assert torch.equal(logits.grad, torch.zeros(3, 2))
