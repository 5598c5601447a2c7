"""A last layer trained anew: averaged logistic regressions on balanced subsets."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from skfair.finetuning._objective import Bools, Floats


class LinearOdds(NamedTuple):
    """Log odds that are linear in features."""

    coef: Floats
    intercept: float

    def __call__(self, features: Floats) -> Floats:
        """Log odds of rows."""
        return features @ self.coef + self.intercept


def balanced_subset(cells: NDArray[np.integer], rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw as many rows of each cell as the smallest has, without putting any back.

    Examples
    --------
    >>> cells = np.array([0, 0, 0, 1])
    >>> cells[balanced_subset(cells, np.random.default_rng(0))].tolist()
    [0, 1]
    """
    size = np.unique(cells, return_counts=True)[1].min()
    drawn = [
        rng.choice(np.flatnonzero(cells == cell), size, replace=False) for cell in np.unique(cells)
    ]
    return np.sort(np.concatenate(drawn))


def balanced_subsets(
    cells: NDArray[np.integer], labels: Bools, n: int, rng: np.random.Generator
) -> list[NDArray[np.intp]]:
    """Draw balanced subsets, and leave out those whose rows are all of one class.

    Raises
    ------
    ValueError
        If all are.
    """
    drawn = [balanced_subset(cells, rng) for _ in range(n)]
    kept = [rows for rows in drawn if len(np.unique(labels[rows])) == 2]
    if not kept:
        raise ValueError(
            f"all of {n} balanced subsets have rows of one class only: the smallest group has too "
            'few rows. Take balance="group_label", more n_subsets, or more rows'
        )
    return kept


def weights_within(cells: NDArray[np.integer], weights: Floats) -> Floats:
    """Scale weights to a mean of 1 in each cell, so that cells stay balanced.

    Examples
    --------
    >>> weights_within(np.array([0, 0, 1]), np.array([1.0, 3.0, 9.0]))
    array([0.5, 1.5, 1. ])
    """
    _, places = np.unique(cells, return_inverse=True)
    return weights / (np.bincount(places, weights) / np.bincount(places))[places]


def fit_balanced(
    features: Floats,
    labels: Bools,
    weights: Floats,
    subsets: list[NDArray[np.intp]],
    C: float,
) -> LinearOdds:
    """Fit a logistic regression to each subset, on standardised features, and average them.

    Parameters
    ----------
    features : ndarray of float of shape (n, n_features)
    labels : ndarray of bool of shape (n,)
    weights : ndarray of float of shape (n,)
    subsets : list of ndarray of int
        Rows of each subset.
    C : float
        Inverse strength of the ridge penalty, as in scikit-learn.

    Returns
    -------
    LinearOdds
        Of features as they are.
    """
    scaler = StandardScaler().fit(features, sample_weight=weights)
    scaled = scaler.transform(features)
    model = LogisticRegression(C=C, max_iter=1000)
    fits = []
    for rows in subsets:
        model.fit(scaled[rows], labels[rows], sample_weight=weights[rows])
        fits.append(np.append(model.coef_[0], model.intercept_))
    mean = np.mean(fits, axis=0)
    coef = mean[:-1] / scaler.scale_
    return LinearOdds(coef, float(mean[-1] - coef @ scaler.mean_))


def features_of(layer: Any, module: Any, X: NDArray[np.floating], device: Any) -> Floats:
    """Compute what comes into a linear layer, in blocks of rows."""
    import torch

    from skfair.nn import outputs_of, predict_logits

    with outputs_of(layer, inputs=True) as seen:
        predict_logits(module, X, device)
    return torch.cat([part.cpu() for part in seen]).double().numpy()


def put_odds(layer: Any, odds: LinearOdds) -> None:
    """Write log odds into a linear layer of one output, or half of them into each of two.

    Without a bias the intercept is left out; the threshold makes up for that.
    """
    import torch

    halves = [[1.0]] if layer.out_features == 1 else [[-0.5], [0.5]]
    with torch.no_grad():
        signs = torch.tensor(halves, dtype=torch.float64)
        layer.weight.copy_(signs * torch.as_tensor(odds.coef))
        if layer.bias is not None:
            layer.bias.copy_(signs[:, 0] * odds.intercept)
