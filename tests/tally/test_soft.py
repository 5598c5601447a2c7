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


@pytest.mark.parametrize("weighted", [False, True])
def test_second_gradients_are_right(weighted):
    torch = pytest.importorskip("torch")
    y, _, codes, weight = (torch.as_tensor(a) for a in sample(n=12))
    probability = torch.linspace(0.1, 0.9, 12, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(
        lambda p: soft_cells(y, p, codes, 4, weight if weighted else None) ** 2, probability
    )


def test_labels_and_weights_have_gradients_too():
    torch = pytest.importorskip("torch")
    codes = torch.as_tensor(sample(n=12)[2])
    y, p, w = torch.linspace(0.1, 0.9, 36, dtype=torch.float64).reshape(3, 12)
    inputs = tuple(values.clone().requires_grad_() for values in (y, p, w))
    assert torch.autograd.gradcheck(lambda y, p, w: soft_cells(y, p, codes, 4, w), inputs)


@pytest.mark.parametrize(
    ("dtype", "first", "n"),
    [("bfloat16", 1, 5120), ("float16", 1, 5120), ("float32", 2**24, 4097)],
)
def test_short_floats_lose_no_rows(dtype, first, n):
    torch = pytest.importorskip("torch")
    ones = torch.ones(n, dtype=getattr(torch, dtype))
    weight = ones.clone()
    weight[0] = first  # rows of 1 take the sum to where, or start where, adding 1 is too little
    cells = soft_cells(ones, ones, torch.zeros(n, dtype=torch.int8), 1, weight)
    assert cells.dtype == ones.dtype
    assert cells.tolist() == [[0, 0, 0, first + n - 1]]


def test_many_groups_are_summed_like_one_loop(make):
    rng = np.random.default_rng(7)
    n, n_groups = 2000, 300
    y, codes = rng.integers(2, size=n), rng.integers(n_groups, size=n)
    probability, weight = rng.random(n), rng.random(n)
    expected = np.zeros((n_groups, 4))
    for label, p, code, w in zip(y, probability, codes, weight, strict=True):
        expected[code, 2 * label] += w * (1 - p)
        expected[code, 2 * label + 1] += w * p
    cells = soft_cells(make(y), make(probability), make(codes), n_groups, make(weight))
    assert_allclose(np.asarray(cells), expected, rtol=1e-12, atol=1e-15)


def test_a_row_that_is_not_a_number_spoils_its_own_group_only(make):
    cells = soft_cells(make([1, 1]), make([np.nan, 0.5]), make([0, 1]), 2)
    assert np.isnan(np.asarray(cells)[0]).all()
    assert_array_equal(np.asarray(cells)[1], [0, 0, 0.5, 0.5])


def test_no_rows_make_empty_cells(make):
    cells = soft_cells(make([]), make([]), make([]), 2)
    assert_array_equal(np.asarray(cells), np.zeros((2, 4)))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"codes": [0, 5, -1, 0]}, r"codes must lie in range\(2\)"),
        ({"codes": [0, 0, 0, 2]}, r"codes must lie in range\(2\)"),
        ({"codes": [0, 0, 0, -1]}, r"codes must lie in range\(2\)"),
        ({"codes": [0.0, 0.5, 1.0, 1.0]}, "codes must be integers, got .*float64"),
        ({"codes": [0.0, np.nan, 1.0, 1.0]}, "codes must be integers"),
        ({"codes": 0}, r"codes must be one-dimensional, got shape \(\)"),
        ({"codes": [[0], [0], [1], [1]]}, r"codes must be one-dimensional, got shape \(4, 1\)"),
        ({"probability": [[0.5]] * 4}, r"probability must be one-dimensional, got shape \(4, 1\)"),
        ({"probability": 0.5}, r"probability must be one-dimensional, got shape \(\)"),
        ({"y_true": [[0, 1, 0, 1]]}, r"y_true must be one-dimensional, got shape \(1, 4\)"),
        ({"y_true": 1}, r"y_true must be one-dimensional, got shape \(\)"),
        ({"sample_weight": 2.0}, r"sample_weight must be one-dimensional, got shape \(\)"),
        ({"y_true": [1]}, "inconsistent numbers of samples.*'y_true': 1, 'probability': 4"),
        ({"probability": [0.5]}, "inconsistent numbers of samples"),
        ({"codes": [0]}, "inconsistent numbers of samples"),
        ({"sample_weight": [1.0]}, "inconsistent numbers of samples"),
    ],
)
def test_inputs_that_will_not_do_are_refused(make, changed, message):
    good = {"y_true": [0, 1, 0, 1], "probability": [0.1, 0.2, 0.3, 0.4], "codes": [0, 0, 1, 1]}
    made = {name: make(np.asarray(values)) for name, values in {**good, **changed}.items()}
    with pytest.raises(ValueError, match=message):
        soft_cells(**made, n_groups=2)
