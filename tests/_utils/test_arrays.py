from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skfair._utils.arrays import as_float, divide, n_defined, namespace, nan_max, nan_min

NAN, INF = float("nan"), float("inf")


@pytest.fixture(params=["numpy", "torch"])
def make(request):
    if request.param == "numpy":
        return np.asarray
    return pytest.importorskip("torch").tensor


def test_namespace_is_the_library_of_the_array(make):
    assert namespace(make([1.0])).__name__ in ("numpy", "torch")
    assert namespace([1.0]) is np
    assert type(make([1.0])).__module__.split(".")[0] == namespace(make([1.0])).__name__


def test_as_float_leaves_floating_tensors_alone():
    torch = pytest.importorskip("torch")
    single = torch.ones(2, dtype=torch.float32)
    assert as_float(single) is single
    assert as_float(torch.ones(2, dtype=torch.int8)).dtype == torch.float64
    assert as_float([1, 2]).dtype == np.float64


def test_divide_by_zero_is_nan_without_a_warning(make):
    result = divide(make([1.0, 0.0, 1.0]), make([2.0, 0.0, 0.0]))
    assert_array_equal(np.asarray(result), [0.5, NAN, NAN])


def test_divide_has_finite_gradients_where_it_is_undefined():
    torch = pytest.importorskip("torch")
    a = torch.tensor([1.0, 0.0], requires_grad=True)
    b = torch.tensor([2.0, 0.0], requires_grad=True)
    divide(a, b)[0].backward()
    assert a.grad.tolist() == [0.5, 0.0]
    assert b.grad.tolist() == [-0.25, 0.0]


@pytest.mark.parametrize(
    ("row", "low", "high", "n"),
    [
        ([1.0, 3.0, 2.0], 1.0, 3.0, 3),
        ([NAN, 3.0, -2.0], -2.0, 3.0, 2),
        ([NAN, NAN, 0.0], 0.0, 0.0, 1),
        ([NAN, NAN, NAN], NAN, NAN, 0),
    ],
)
def test_extremes_leave_nan_out(make, row, low, high, n):
    table = make([row, [0.5, 0.5, 0.5]])
    assert_array_equal(np.asarray(nan_min(table)), [low, 0.5])
    assert_array_equal(np.asarray(nan_max(table)), [high, 0.5])
    assert_array_equal(np.asarray(n_defined(table)), [n, 3])
