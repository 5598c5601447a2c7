"""The randomized mapping of optimized pre-processing: a linear programme over a table of cells.

Rows of the table are groups, columns are states: a combination of the mapped columns' values with a
label. A mapping gives each cell (a group in a state) the chances of every state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from skfair._utils.validation import check_number, is_number

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]

MAX_CHANCES = 500_000
"""A programme with more unknown chances than this is refused."""

_TOLERANCE = 1e-9  # of the solver: its own default, 1e-7, is coarse beside the share of a rare cell
_INFEASIBLE = 2


@dataclass(frozen=True, eq=False)
class Limits:
    """What a mapping has to keep to.

    Parameters
    ----------
    epsilon : float
        Largest relative distance of a group's label shares from the overall ones.
    distortion : ndarray of float of shape (n_states, n_states)
        Cost of each change, old state by new state; infinity forbids it.
    largest : float, or mapping from level to probability, or None
        Largest expected cost of a row, or for each level the largest probability that a row's cost
        reaches it; None: no limit.
    """

    epsilon: float
    distortion: Floats
    largest: float | Mapping[float, float] | None

    def expectations(self) -> list[tuple[Floats, float]]:
        """Cost matrices, and the largest that each may be in expectation."""
        if self.largest is None:
            return []
        if isinstance(self.largest, Mapping):
            reached = self.largest.items()
            return [((self.distortion >= level).astype(float), p) for level, p in reached]
        return [(np.where(np.isfinite(self.distortion), self.distortion, 0.0), self.largest)]


@dataclass(frozen=True, eq=False)
class RandomizedMapping:
    """Chances of the new states of each cell that has rows.

    Parameters
    ----------
    groups, states : ndarray of int of shape (n_cells,)
        The cells.
    chances : ndarray of float of shape (n_cells, n_states)
        Each row adds up to 1.
    objective : float
        Total variation distance between the joint distributions of states, before and after.
    """

    groups: Codes
    states: Codes
    chances: Floats
    objective: float


class InfeasibleMappingError(ValueError):
    """No mapping keeps to the limits.

    Parameters
    ----------
    epsilon : float
        The least epsilon that can be kept with the limits of distortion as they are.
    raised : float or None
        How much all limits of distortion have to be raised for epsilon as it is; None if no limit
        helps, because costs are infinite.
    """

    def __init__(self, epsilon: float, raised: float | None) -> None:
        super().__init__("no mapping keeps to the limits")
        self.epsilon = epsilon
        self.raised = raised


class _Programme:
    """The linear programme; the unknowns are chances cell by cell, then these four kinds.

    Shortfall and surplus of each state's share, and how far epsilon and the limits of distortion
    are overstepped (0 but in the search for what is feasible).
    """

    def __init__(self, joint: Floats, labels: Codes, limits: Limits, solver: str) -> None:
        self.joint, self.labels, self.limits, self.solver = joint, labels, limits, solver
        self.groups, self.states = np.nonzero(joint)
        self.n_cells, self.n_states = len(self.groups), joint.shape[1]
        self.shares = joint[self.groups, self.states]
        self.n_chances = self.n_cells * self.n_states
        cell = np.repeat(np.arange(self.n_cells), self.n_states)
        state = np.tile(np.arange(self.n_states), self.n_cells)
        self._equal(cell, state)
        self._at_most(cell, state)

    def _matrix(self, values: Any, rows: Codes, n: int, *others: Any) -> sparse.csr_matrix:
        """Make a block of constraints: one value a chance, then columns of the other unknowns."""
        values = np.broadcast_to(values, self.n_chances)
        shape = (n, self.n_chances)
        chances = sparse.csr_matrix((values, (rows, np.arange(self.n_chances))), shape=shape)
        widths = (self.n_states, self.n_states, 1, 1)
        padded = [
            sparse.csr_matrix((n, width)) if block is None else block
            for block, width in zip(others or (None,) * 4, widths, strict=True)
        ]
        return sparse.hstack([chances, *padded], format="csr")

    def _equal(self, cell: Codes, state: Codes) -> None:
        """Chances of a cell add up to 1; shares after, shortfall and surplus to the old shares."""
        one = sparse.identity(self.n_states)
        arriving = self._matrix(self.shares[cell], state, self.n_states, one, -one, None, None)
        self.A_eq = sparse.vstack([self._matrix(1.0, cell, self.n_cells), arriving])
        self.b_eq = np.concatenate([np.ones(self.n_cells), self.joint.sum(axis=0)])

    def _at_most(self, cell: Codes, state: Codes) -> None:
        """Label shares of groups near the overall ones; distortion; last the objective."""
        sizes = self.joint.sum(axis=1)
        n_labels = int(self.labels.max()) + 1
        overall = np.bincount(self.labels, self.joint.sum(axis=0), n_labels)
        present = np.flatnonzero(sizes)
        target = np.tile(overall, len(present))[:, None]
        place = np.searchsorted(present, self.groups[cell])
        row, share = (
            place * n_labels + self.labels[state],
            self.shares[cell] / sizes[present][place],
        )
        slack = (None, None, sparse.csr_matrix(-target), None)
        over = self._matrix(share, row, len(target), *slack)
        under = self._matrix(-share, row, len(target), *slack)
        epsilon = self.limits.epsilon
        blocks, bounds = [over, under], [(1 + epsilon) * target[:, 0], (epsilon - 1) * target[:, 0]]
        overstep = sparse.csr_matrix(-np.ones((self.n_cells, 1)))
        for costs, most in self.limits.expectations():
            values = costs[self.states[cell], state]
            blocks.append(self._matrix(values, cell, self.n_cells, None, None, None, overstep))
            bounds.append(np.full(self.n_cells, most))
        distance = sparse.csr_matrix(np.ones((1, self.n_states)))
        blocks.append(self._matrix(0.0, np.zeros_like(cell), 1, distance, None, None, None))
        self.A_ub, self.b_ub = sparse.vstack(blocks), np.concatenate([*bounds, [1.0]])

    def solve(self, cost: Floats, *, within: float = 1.0, free: str | None = None) -> Any:
        """Solve for some costs, the objective at most ``within``; ``free`` may be overstepped."""
        upper = np.full(len(cost), np.inf)
        upper[: self.n_chances] = np.isfinite(self.limits.distortion[self.states]).ravel()
        upper[-2:] = [np.inf if free == name else 0.0 for name in ("epsilon", "distortion")]
        b_ub = self.b_ub.copy()
        b_ub[-1] = within
        result = linprog(
            cost,
            A_ub=self.A_ub,
            b_ub=b_ub,
            A_eq=self.A_eq,
            b_eq=self.b_eq,
            bounds=np.column_stack([np.zeros_like(upper), upper]),
            method=self.solver,
            options={
                "primal_feasibility_tolerance": _TOLERANCE,
                "dual_feasibility_tolerance": _TOLERANCE,
            },
        )
        if result.status not in (0, _INFEASIBLE):
            raise RuntimeError(f"the linear programme was not solved: {result.message}")
        return result

    def costs(self, *, distance: float = 0.0, changes: float = 0.0, overstep: int = 0) -> Floats:
        """Costs of the unknowns: of the distance, of changed rows, or of overstepping a limit."""
        cost = np.zeros(self.n_chances + 2 * self.n_states + 2)
        finite = np.where(np.isfinite(self.limits.distortion), self.limits.distortion, 0.0)
        each = finite / max(finite.max(), 1.0) + (1.0 - np.eye(self.n_states))
        cost[: self.n_chances] = changes * (self.shares[:, None] * each[self.states]).ravel()
        cost[self.n_chances : self.n_chances + self.n_states] = distance
        if overstep:
            cost[overstep] = 1.0
        return cost


def check_limits(epsilon: Any, largest: Any) -> None:
    """Raise ValueError if an epsilon, or limits of distortion, make no sense."""
    check_number("epsilon", epsilon)
    if isinstance(largest, Mapping):
        if not all(level > 0 and 0 <= most <= 1 for level, most in largest.items()):
            raise ValueError(
                f"max_distortion must map levels above 0 to probabilities, got {largest!r}"
            )
    elif largest is not None and not (is_number(largest) and 0 <= largest < np.inf):
        raise ValueError(
            "max_distortion must be a number of at least 0, a mapping from level to probability, "
            f"or None, got {largest!r}"
        )


def cost_matrix(distortion: Any, states: pd.DataFrame) -> NDArray[np.float64]:
    """Cost of each change, old state by new state.

    Parameters
    ----------
    distortion : callable, array-like or None
        A function of two dicts of values, the matrix itself, or the number of values that change.
    states : DataFrame of shape (n_states, n_values)

    Returns
    -------
    ndarray of float of shape (n_states, n_states)

    Raises
    ------
    ValueError
        If the shape is another, or a cost is negative or NaN, or staying isn't free.

    Examples
    --------
    >>> cost_matrix(None, pd.DataFrame({"x": [1, 1], "label": [0, 1]})).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    n = len(states)
    if distortion is None:
        codes = np.column_stack([pd.factorize(states[name])[0] for name in states])
        return (codes[:, None, :] != codes[None, :, :]).sum(axis=2).astype(float)
    if callable(distortion):
        rows = states.to_dict("records")
        costs = np.array([[float(distortion(old, new)) for new in rows] for old in rows])
    else:
        costs = np.asarray(distortion, dtype=float)
    if costs.shape != (n, n):
        raise ValueError(f"distortion must be of shape ({n}, {n}), got {costs.shape}")
    if np.isnan(costs).any() or (costs < 0).any() or np.diag(costs).any():
        raise ValueError("distortion must be at least 0, and 0 where nothing changes")
    return costs


def solve_mapping(
    joint: Floats, labels: Codes, limits: Limits, solver: str = "highs"
) -> RandomizedMapping:
    r"""Find the randomized mapping that changes the joint distribution least.

    .. math::

        \min_P \tfrac12 \sum_t \Big| \sum_{d,s} p_{ds} P_{dst} - p_t \Big|
        \quad\text{with}\quad
        \Big| \frac{\hat p(y \mid d)}{p(y)} - 1 \Big| \le \varepsilon, \quad
        \sum_t \delta_{st} P_{dst} \le c

    for all groups d, labels y and states s. Of the mappings that come equally near, one with the
    fewest and cheapest changes is taken, so that nothing changes where nothing has to.

    Parameters
    ----------
    joint : ndarray of float of shape (n_groups, n_states)
        Shares of all rows, which add up to 1.
    labels : ndarray of int of shape (n_states,)
        Label of each state.
    limits : Limits
    solver : {"highs", "highs-ds", "highs-ipm"}, default="highs"
        As in ``scipy.optimize.linprog``.

    Returns
    -------
    RandomizedMapping

    Raises
    ------
    InfeasibleMappingError
        If no mapping keeps to the limits.

    Examples
    --------
    Half of the rows are in each group; a quarter of those in group 0 have label 1, in group 1 three
    quarters.

    >>> joint = np.array([[0.375, 0.125], [0.125, 0.375]])
    >>> free = Limits(epsilon=0.0, distortion=1.0 - np.eye(2), largest=None)
    >>> mapping = solve_mapping(joint, np.array([0, 1]), free)
    >>> mapping.chances.round(3).tolist(), round(mapping.objective, 3)
    ([[0.667, 0.333], [0.0, 1.0], [1.0, 0.0], [0.333, 0.667]], 0.0)
    """
    if _shares_are_near(joint, labels, limits.epsilon):
        groups, states = np.nonzero(joint)
        return RandomizedMapping(groups, states, np.eye(joint.shape[1])[states], 0.0)
    programme = _Programme(joint, labels, limits, solver)
    nearest = programme.solve(programme.costs(distance=1.0))
    if nearest.status == _INFEASIBLE:
        raise _infeasible(programme)
    distance = float(nearest.fun)
    gentlest = programme.solve(programme.costs(changes=1.0), within=distance + 10 * _TOLERANCE)
    found = nearest if gentlest.status == _INFEASIBLE else gentlest
    chances = np.clip(found.x[: programme.n_chances], 0.0, None).reshape(-1, programme.n_states)
    chances[chances < 10 * _TOLERANCE] = 0.0
    chances /= chances.sum(axis=1, keepdims=True)
    after = programme.shares @ chances
    objective = 0.5 * float(np.abs(after - joint.sum(axis=0)).sum())
    return RandomizedMapping(programme.groups, programme.states, chances, objective)


def _shares_are_near(joint: Floats, labels: Codes, epsilon: float) -> bool:
    """Tell whether label shares of groups are within the limit already."""
    by_label = joint @ np.eye(int(labels.max()) + 1)[labels]
    overall, sizes = by_label.sum(axis=0), by_label.sum(axis=1, keepdims=True)
    target = sizes * overall
    return bool((abs(by_label - target) <= epsilon * target + 1e-12 * sizes).all())


def _infeasible(programme: _Programme) -> InfeasibleMappingError:
    """Find how far each kind of limit has to give way."""
    epsilon = programme.solve(programme.costs(overstep=-2), free="epsilon")
    raised = programme.solve(programme.costs(overstep=-1), free="distortion")
    return InfeasibleMappingError(
        programme.limits.epsilon + float(epsilon.fun),
        None if raised.status == _INFEASIBLE else float(raised.fun),
    )


def draw_states(cells: Codes, chances: Floats, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw each row's new state by the chances of its cell.

    Rows of a cell share a systematic sample in random order: each row has the cell's chances, and
    the numbers of rows that get a state differ from the expected ones by less than 1.

    Parameters
    ----------
    cells : ndarray of int of shape (n,)
        Row of ``chances`` for each row.
    chances : ndarray of float of shape (n_cells, n_states)
    rng : Generator

    Returns
    -------
    states : ndarray of int of shape (n,)

    Examples
    --------
    >>> cells, chances = np.zeros(4, dtype=int), np.array([[0.25, 0.75]])
    >>> sorted(draw_states(cells, chances, np.random.default_rng(0)).tolist())
    [0, 1, 1, 1]
    """
    drawn = np.empty(len(cells), dtype=np.intp)
    order = np.argsort(cells, kind="stable")
    ends = np.cumsum(np.bincount(cells, minlength=len(chances)))[:-1]
    for cell, rows in enumerate(np.split(order, ends)):
        if len(rows):
            possible = np.flatnonzero(chances[cell])
            ladder = np.cumsum(chances[cell, possible])[:-1]
            ticks = (rng.permutation(len(rows)) + rng.random()) / len(rows)
            drawn[rows] = possible[np.searchsorted(ladder, ticks, side="right")]
    return drawn
