from __future__ import annotations

import numpy as np
import pytest

from skfair.criteria import CRITERIA
from skfair.tally import soft_cells

torch = pytest.importorskip("torch")

N = 24
OPTIONS = [
    (gap, method) for gap in ("difference", "ratio") for method in ("between_groups", "to_overall")
]

pytestmark = [
    pytest.mark.parametrize("name", CRITERIA),
    pytest.mark.parametrize(("gap", "method"), OPTIONS),
]


def sample():
    rng = np.random.default_rng(0)
    probability = torch.tensor(rng.uniform(0.1, 0.9, N), requires_grad=True)
    return rng.integers(2, size=N), np.arange(N) % 3, rng.uniform(0.5, 2.0, N), probability


def test_gradients_of_soft_cells_are_right(name, gap, method):
    y, codes, weight, probability = sample()

    def gap_of(p):
        return CRITERIA[name](soft_cells(y, p, codes, 3, weight), gap=gap, method=method)

    assert torch.autograd.gradcheck(gap_of, probability)
    (gradient,) = torch.autograd.grad(gap_of(probability), probability)
    assert gradient.abs().max() > 1e-3


def test_gradients_are_finite_where_a_group_is_undefined(name, gap, method):
    y, codes, weight, probability = sample()
    y, codes = np.where(codes == 2, 0, y), codes.copy()
    n_groups = 5  # 2 has no positives, 3 no negatives, 4 no rows
    codes[:2], y[:2] = 3, 1
    cells = soft_cells(y, probability, codes, n_groups, weight)
    value = CRITERIA[name](cells, gap=gap, method=method)
    (gradient,) = torch.autograd.grad(value, probability)
    assert torch.isfinite(value)
    assert torch.isfinite(gradient).all()
    assert name == "predictive_parity" or gradient.abs().max() > 1e-4  # 0 and 1 are its extremes


def test_a_step_down_the_gradient_is_fairer(name, gap, method):
    y, codes, weight, probability = sample()

    def gap_of(p):
        return CRITERIA[name](soft_cells(y, p, codes, 3, weight), gap=gap, method=method)

    before = gap_of(probability)
    (gradient,) = torch.autograd.grad(before, probability)
    sign = -1 if gap == "difference" else 1
    after = gap_of(probability + sign * 1e-3 * gradient)
    assert sign * (after - before) > 0
