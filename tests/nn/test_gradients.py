from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from skfair.nn import adversarial_gradient, project, reverse_gradient  # noqa: E402
from skfair.nn.gradients import inner  # noqa: E402

G = [torch.tensor([[1.0, 2.0], [3.0, 4.0]])]
U = [torch.tensor([[5.0, 6.0], [7.0, 8.0]])]


def parts(seed):
    """A gradient of several parameters of unlike shapes."""
    torch.manual_seed(seed)
    return [torch.randn(3, 2, dtype=torch.double), torch.randn(4, dtype=torch.double)]


def flat(tensors):
    return torch.cat([t.reshape(-1) for t in tensors])


def test_projection_by_hand():
    assert float(inner(G, U)) == 70  # and not 132, as sum(torch.inner(G, U)) has it
    torch.testing.assert_close(project(G, U)[0], 70 / 174 * U[0])


def test_projection_is_that_of_the_flat_vectors():
    g, u = parts(0), parts(1)
    expected = flat(g) @ flat(u) / (flat(u) @ flat(u)) * flat(u)
    torch.testing.assert_close(flat(project(g, u)), expected)


def test_what_is_left_of_a_projection_is_orthogonal_and_projecting_twice_changes_nothing():
    g, u = parts(0), parts(1)
    once = project(g, u)
    rest = [a - b for a, b in zip(g, once, strict=True)]
    assert abs(float(inner(rest, u))) < 1e-12
    torch.testing.assert_close(flat(project(once, u)), flat(once))


def test_projection_on_nothing_is_nothing():
    assert flat(project(parts(0), [0 * t for t in parts(1)])).tolist() == [0.0] * 10


def test_projection_against_autograd():
    """The nearest point to g on the line along u is the projection."""
    g, u = parts(0), parts(1)
    share = torch.zeros((), dtype=torch.double, requires_grad=True)
    distance = sum(((a - share * b) ** 2).sum() for a, b in zip(g, u, strict=True))
    (slope,) = torch.autograd.grad(distance, share, create_graph=True)
    (curvature,) = torch.autograd.grad(slope, share)
    best = float((share - slope / curvature).detach())
    torch.testing.assert_close(flat(project(g, u)), best * flat(u))


@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_zhangs_direction_hurts_the_adversary_by_its_weight_only(weight):
    g, u = parts(0), parts(1)
    direction = adversarial_gradient(g, u, weight)
    torch.testing.assert_close(inner(direction, u), -weight * inner(u, u))
    expected = flat(g) - flat(project(g, u)) - weight * flat(u)
    torch.testing.assert_close(flat(direction), expected)


def test_lists_of_unlike_lengths_are_refused():
    with pytest.raises(ValueError, match="zip"):
        project(parts(0), parts(1)[:1])


@pytest.mark.parametrize("strength", [1.0, 0.25])
def test_reversal_passes_values_and_turns_gradients(strength):
    x = torch.tensor([1.0, -2.0], requires_grad=True)
    out = reverse_gradient(x, strength)
    assert out.tolist() == x.tolist()
    (out * torch.tensor([3.0, 5.0])).sum().backward()
    assert x.grad.tolist() == [-3.0 * strength, -5.0 * strength]
