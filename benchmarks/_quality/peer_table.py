"""The peers' rows of the table of methods."""

from __future__ import annotations

import contextlib
import io
from functools import partial
from typing import Any

from .measure import HEADLINES
from .methods import TOLS, Method, Problem
from .our_table import ANY, ETAS, LEVELS, LOGISTIC, NETWORK
from .peers import (
    aif360_calibrated,
    aif360_impact,
    aif360_prejudice,
    aif360_reject,
    aif360_representation,
    aif360_reweighing,
    error_parity_thresholds,
    fairlearn_adversary,
    fairlearn_correlation,
    fairlearn_grid,
    fairlearn_reduction,
    fairlearn_thresholds,
    lego,
)


def quiet(fit: Any, problem: Problem, value: Any) -> Any:
    """Libraries that print while they are imported or fitted do so into nowhere."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return fit(problem, value)


def _row(name: str, side: str, family: str, fit: Any, *args: Any, **options: Any) -> Method:
    return Method(f"{side} {name}", side, family, partial(quiet, fit), *args, **options)


BOUNDS = tuple(round(2 * tol / 3, 6) for tol in TOLS)  # of distances from the mean of all rows
COVARIANCES = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
SHARES = (0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)
_E, _G, _T = "ExponentiatedGradient", "GridSearch", "ThresholdOptimizer"

PEERS = (
    _row(
        _E,
        "fairlearn",
        "during",
        fairlearn_reduction,
        "difference_bound",
        BOUNDS,
        pairs=(f"{_E}, drawn", _E),
    ),
    _row(
        _G,
        "fairlearn",
        "during",
        fairlearn_grid,
        "tol",
        TOLS,
        pairs=("ReductionsGridSearch",),
        path=True,
        revision=1,
    ),
    _row(_T, "fairlearn", "after", fairlearn_thresholds, "tol", TOLS, pairs=(f"{_T}, drawn", _T)),
    _row(
        "RelaxedThresholdOptimizer",
        "error-parity",
        "after",
        error_parity_thresholds,
        "tolerance",
        TOLS,
        pairs=(f"{_T}, drawn", _T),
    ),
    _row(
        "CorrelationRemover",
        "fairlearn",
        "before",
        fairlearn_correlation,
        "alpha",
        LEVELS,
        pairs=("CorrelationRemover",),
        criteria=ANY,
        revision=1,
    ),
    _row(
        "AdversarialFairnessClassifier",
        "fairlearn",
        "during",
        fairlearn_adversary,
        "alpha",
        (0.1, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0),
        pairs=("AdversarialDebiasedClassifier",),
        models=NETWORK,
    ),
    _row("Reweighing", "aif360", "before", aif360_reweighing, pairs=("Reweighter",), criteria=ANY),
    _row(
        "LearnedFairRepresentations",
        "aif360",
        "before",
        aif360_representation,
        "fairness_weight",
        SHARES,
        pairs=("LearnedFairRepresentation",),
        criteria=ANY,
        models=LOGISTIC,
    ),
    _row(
        "DisparateImpactRemover",
        "aif360",
        "before",
        aif360_impact,
        "repair_level",
        LEVELS,
        pairs=("DisparateImpactRemover",),
        criteria=ANY,
    ),
    _row(
        "RejectOptionClassifierCV",
        "aif360",
        "after",
        aif360_reject,
        "bound",
        TOLS,
        pairs=("RejectOptionClassifier", "RejectOptionClassifier, accuracy"),
        path=True,
        gain="balanced_accuracy",
    ),
    _row(
        "CalibratedEqualizedOdds",
        "aif360",
        "after",
        aif360_calibrated,
        "cost",
        ("fnr", "fpr", "weighted"),
        pairs=("CalibratedEqualizedOdds",),
        criteria=ANY,
    ),
    _row(
        "PrejudiceRemover",
        "aif360",
        "during",
        aif360_prejudice,
        "eta",
        ETAS,
        pairs=("PrejudiceRemover",),
        criteria=ANY,
        models=LOGISTIC,
        short=False,  # minutes a fit, since it loops over rows
    ),
    _row(
        "DemographicParityClassifier",
        "scikit-lego",
        "during",
        lego,
        "covariance_threshold",
        COVARIANCES,
        pairs=("FairLogisticRegression", "FairLogisticRegression, gap"),
        criteria=HEADLINES[:1],
        models=LOGISTIC,
        revision=1,
    ),
)
