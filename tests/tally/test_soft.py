from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skfair.tally import Tally, soft_cells


@pytest.fixture(params=["numpy", "torch"])
def make(request):
    if request.param == "numpy":
        return np.asarray
    return pytest.importorskip("torch").as_tensor


def sample(n=60, n_groups=3):
    rng = np.random.default_rng(4)
    y, decision = rng.integers(2, size=n), rng.integers(2, size=n)
    codes, weight = rng.integers(n_groups, size=n), rng.integers(0, 8, n) / 4
    return y, decision, codes, weight


@pytest.mark.parametrize("weighted", [False, True])
def test_certain_decisions_have_the_cells_of_a_tally(make, weighted):
    y, decision, codes, weight = sample()
    weight = weight if weighted else None
    cells = soft_cells(
        make(y),
        make(decision.astype(float)),
        make(codes),
        3,
        None if weight is None else make(weight),
    )
    expected = Tally.from_arrays(y, decision, codes, sample_weight=weight).cells()
    assert type(cells) is type(make([1.0]))
    assert_array_equal(np.asarray(cells), expected)


def test_soft_cells_by_hand(make):
    cells = soft_cells(
        make([1, 0, 1]), make([0.75, 0.5, 0.25]), make([0, 0, 2]), 3, make([2.0, 1.0, 4.0])
    )
    assert_array_equal(np.asarray(cells), [[0.5, 0.5, 0.5, 1.5], [0, 0, 0, 0], [0, 0, 3, 1]])


def test_probable_labels_share_their_weight(make):
    cells = soft_cells(make([0.25]), make([0.5]), make([0]), 1)
    assert_array_equal(np.asarray(cells), [[0.375, 0.375, 0.125, 0.125]])


def test_the_type_of_the_probabilities_is_kept():
    torch = pytest.importorskip("torch")
    y, decision, codes, weight = sample()
    cells = soft_cells(y, torch.tensor(decision, dtype=torch.float32), codes, 3, weight)
    assert cells.dtype == torch.float32
    assert_array_equal(
        cells.numpy(), Tally.from_arrays(y, decision, codes, sample_weight=weight).cells()
    )


def test_the_cells_of_all_groups_hold_all_the_weight(make):
    y, _, codes, weight = sample()
    probability = np.random.default_rng(5).random(len(y))
    cells = np.asarray(soft_cells(make(y), make(probability), make(codes), 3, make(weight)))
    assert_allclose(cells.sum(), weight.sum(), rtol=1e-12)
    for g in range(3):
        assert_allclose(cells[g, 2:].sum(), weight[(codes == g) & (y == 1)].sum(), rtol=1e-12)


def test_numpy_and_torch_agree():
    torch = pytest.importorskip("torch")
    y, _, codes, weight = sample()
    probability = np.random.default_rng(6).random(len(y))
    tensors = [torch.as_tensor(a) for a in (y, probability, codes)]
    tensor = soft_cells(*tensors, 3, torch.as_tensor(weight))
    assert_allclose(tensor.numpy(), soft_cells(y, probability, codes, 3, weight), rtol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_gradients_are_right(weighted):
    torch = pytest.importorskip("torch")
    y, _, codes, weight = (torch.as_tensor(a) for a in sample(n=12))
    probability = torch.linspace(0.1, 0.9, 12, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda p: soft_cells(y, p, codes, 4, weight if weighted else None), probability
    )
