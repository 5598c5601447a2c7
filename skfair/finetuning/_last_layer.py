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


def balanced_subset(
    cells: NDArray[np.integer], weights: Floats, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Draw as many rows of each cell as the smallest has, without putting any back.

    Rows are drawn in proportion to their weights, which are used up by that.

    Examples
    --------
    >>> cells = np.array([0, 0, 0, 1])
    >>> cells[balanced_subset(cells, np.ones(4), np.random.default_rng(0))].tolist()
    [0, 1]
    """
    size = np.unique(cells, return_counts=True)[1].min()
    drawn = []
    for cell in np.unique(cells):
        rows = np.flatnonzero(cells == cell)
        shares = weights[rows] / weights[rows].sum()
        drawn.append(rng.choice(rows, size, replace=False, p=shares))
    return np.sort(np.concatenate(drawn))


def fit_balanced(
    features: Floats,
    labels: Bools,
    subsets: list[NDArray[np.intp]],
    C: float,
) -> LinearOdds:
    """Fit a logistic regression to each subset, on standardised features, and average them.

    Parameters
    ----------
    features : ndarray of float of shape (n, n_features)
    labels : ndarray of bool of shape (n,)
    subsets : list of ndarray of int
        Rows of each subset.
    C : float
        Inverse strength of the ridge penalty, as in scikit-learn.

    Returns
    -------
    LinearOdds
        Of features as they are.
    """
    scaler = StandardScaler().fit(features)
    scaled = scaler.transform(features)
    model = LogisticRegression(C=C, max_iter=1000)
    fits = []
    for rows in subsets:
        model.fit(scaled[rows], labels[rows])
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
