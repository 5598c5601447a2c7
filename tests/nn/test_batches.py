from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from skfair.nn import (  # noqa: E402
    BalancedBatches,
    ShuffledBatches,
    TableDataset,
    training_batches,
    whole_batch,
)


def rows(n=103):
    X = torch.arange(n, dtype=torch.float32)[:, None]
    codes = torch.tensor([0] * (n - 3) + [1] * 3)
    return TableDataset(X, torch.arange(n) % 2, codes, torch.arange(1.0, n + 1))


def test_a_loader_asks_for_each_batch_once():
    class Counting(TableDataset):
        asked = 0

        def __getitems__(self, places):
            Counting.asked += 1
            return super().__getitem__(places)

    plain = rows()
    loader = training_batches(Counting(plain.X, *plain.targets), 10)
    batches = list(loader)
    assert Counting.asked == len(batches) == len(loader) == 11
    X, (y, codes, weights) = batches[0]
    places = X[:, 0].long()
    for found, whole in zip((y, codes, weights), plain.targets, strict=True):
        assert torch.equal(found, whole[places])


def test_an_epoch_has_each_row_once_in_batches_of_like_size():
    torch.manual_seed(0)
    batches = list(ShuffledBatches(103, 25))
    assert sorted(map(len, batches)) == [20, 20, 21, 21, 21]
    assert sorted(torch.cat(batches).tolist()) == list(range(103))
    assert torch.cat(batches).tolist() != list(range(103))


def test_batches_follow_torchs_seed():
    def draw(seed, sampling):
        torch.manual_seed(seed)
        return torch.cat([X[:, 0] for X, _ in training_batches(rows(), 10, sampling)]).tolist()

    for sampling in (None, "group", "group_label"):
        assert draw(0, sampling) == draw(0, sampling) != draw(1, sampling)


@pytest.mark.parametrize("sampling", ["group", "group_label"])
def test_balanced_batches_hold_cells_alike(sampling):
    loader = training_batches(rows(), 24, sampling)
    assert len(list(loader)) == 5
    for _, (y, codes, weights) in loader:
        cells = codes if sampling == "group" else 2 * codes + y
        counts = torch.bincount(cells)
        assert len(counts) == (2 if sampling == "group" else 4)
        assert (counts == 24 / len(counts)).all()
        assert weights.unique().tolist() == [1.0]


def test_within_a_cell_rows_come_by_their_weights():
    torch.manual_seed(0)
    cells, weights = torch.tensor([7, 3, 7, 3, 3]), torch.tensor([1.0, 1, 3, 2, 1])
    drawn = torch.cat([b for _ in range(400) for b in BalancedBatches(cells, weights, 4)])
    shares = np.bincount(drawn.numpy(), minlength=5) / len(drawn)
    np.testing.assert_allclose(shares, [1 / 8, 1 / 8, 3 / 8, 1 / 4, 1 / 8], atol=0.02)


def test_cells_more_than_a_batch_has_rows_and_large_batches():
    cells = torch.arange(10)
    assert [len(b) for b in BalancedBatches(cells, torch.ones(10), 4)] == [4, 4, 4]
    assert [len(b) for b in BalancedBatches(cells, torch.ones(10), 100)] == [10]


def test_a_whole_batch_holds_all_rows_in_order():
    (only,) = whole_batch(rows(), 50)
    assert only[0][:, 0].tolist() == list(range(103))


def test_rows_are_handed_out_by_places_or_a_slice():
    images = torch.arange(24.0).reshape(4, 1, 2, 3)
    data = TableDataset(images, torch.arange(4))
    X, (y,) = data[torch.tensor([3, 0, 3])]
    assert torch.equal(X, images[[3, 0, 3]])
    assert y.tolist() == [3, 0, 3]
    X, (y,) = data[1:3]
    assert torch.equal(X, images[1:3])
    assert y.tolist() == [1, 2]


def test_targets_of_another_length_are_refused():
    with pytest.raises(ValueError, match="different numbers of rows"):
        TableDataset(torch.zeros(3, 1), torch.zeros(2))
