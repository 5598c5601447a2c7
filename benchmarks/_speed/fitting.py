"""Work that is fitting: thresholds, weighted models, reductions, an adversary's epoch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from .case import FLOOR, OURS, Side, Size
from .counting import reweighing_factors
from .data import People, accuracy_and_parity, installed

TOL = 0.05


def thresholds_for_parity(size: Size) -> list[Side]:
    return _thresholds(size, "demographic_parity")


def thresholds_for_odds(size: Size) -> list[Side]:
    return _thresholds(size, "equalized_odds")


def _thresholds(size: Size, criterion: str) -> list[Side]:
    """Rules for scores that are given, and what they reach on the same rows."""
    from skfair.criteria import get_criterion
    from skfair.postprocessing import ScoreCurves, optimal_thresholds

    people = People(size)
    y, score, strings, codes = people.y, people.score, people.strings, people.codes

    def reached(chance: np.ndarray) -> list[float]:
        cells = [
            np.bincount(codes, part, minlength=size.groups)
            for part in ((y == 0) * (1 - chance), (y == 0) * chance, y * (1 - chance), y * chance)
        ]
        right = accuracy_and_parity(people, chance)[0]
        return [right, float(get_criterion(criterion)(np.stack(cells, axis=-1)))]

    def own(*, randomized: bool) -> Any:
        curves = ScoreCurves.from_arrays(y, score, strings)
        return optimal_thresholds(curves, criterion, tol=TOL, randomized=randomized)

    def chances(rule: Any) -> list[float]:
        return reached(rule.probability(score, codes))

    sides = [
        Side(OURS, lambda: own(randomized=False), chances),
        Side("skfair, randomized", lambda: own(randomized=True), chances),
    ]
    if installed("fairlearn"):
        sides.append(_fairlearn_thresholds(people, criterion, reached))
    if installed("error_parity"):
        from thresholds import of_error_parity

        def relaxed() -> Any:
            return of_error_parity(score, y, codes, criterion, TOL)

        sides.append(Side("error-parity", relaxed, lambda rule: reached(rule(score, codes))))
    return [*sides, Side(FLOOR, lambda: np.sort(score))]


def _fairlearn_thresholds(people: People, criterion: str, reached: Any) -> Side:
    from fairlearn.postprocessing import ThresholdOptimizer
    from thresholds import Given

    score, strings = people.score[:, None], people.strings
    relaxed = {} if criterion == "equalized_odds" else {"tol": TOL}

    def fit() -> Any:
        model = ThresholdOptimizer(
            estimator=Given().fit(None, None),
            constraints=criterion,
            prefit=True,
            predict_method="predict_proba",
            **relaxed,
        )
        return model.fit(score, people.y, sensitive_features=strings)

    def chances(model: Any) -> list[float]:
        return reached(np.asarray(model._pmf_predict(score, sensitive_features=strings))[:, 1])

    return Side("fairlearn", fit, chances)


def decisions(size: Size) -> list[Side]:
    """Decide by cuts that are known, groups as strings."""
    from skfair.postprocessing import ScoreCurves, optimal_thresholds

    people = People(size)
    y, score, strings = people.y, people.score, people.strings
    rule = optimal_thresholds(ScoreCurves.from_arrays(y, score, strings), tol=TOL)
    cuts = np.array([group_cuts[0] for group_cuts in rule.cuts])

    def floor() -> np.ndarray:
        return score >= cuts[pd.factorize(strings, sort=True)[0]]

    return [
        Side(OURS, lambda: rule.select(score, strings), np.asarray),
        Side(FLOOR, floor, np.asarray),
    ]


def reweighted_model(size: Size) -> list[Side]:
    from skfair.preprocessing import Reweighter

    people = People(size)
    X, y, strings = people.features, people.y, people.strings

    def own() -> Any:
        model = Reweighter(LogisticRegression()).fit(X, y, sensitive_features=strings)
        return model.estimator_

    def floor() -> Any:
        weights = reweighing_factors(pd.factorize(strings)[0], y, size.groups)
        return LogisticRegression().fit(X, y, sample_weight=weights)

    def slopes(model: Any) -> np.ndarray:
        return model.coef_.ravel()

    sides = [Side(OURS, own, slopes)]
    if installed("aif360"):
        from aif360.sklearn.preprocessing import Reweighing

        labels = people.indexed_y
        table = pd.DataFrame(X, index=labels.index)

        def peer() -> Any:
            weights = Reweighing("group").fit_transform(table, labels)[1]
            return LogisticRegression().fit(X, y, sample_weight=weights)

        sides.append(Side("aif360", peer, slopes))
    return [*sides, Side(FLOOR, floor, slopes)]


class _Recorder(LogisticRegression):
    """Keeps what it was asked to fit."""

    kept: ClassVar[list[tuple[Any, Any]]] = []

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> _Recorder:
        self.kept.append((np.array(y), None if sample_weight is None else np.array(sample_weight)))
        return super().fit(X, y, sample_weight=sample_weight)


def reductions(size: Size) -> list[Side]:
    """Exponentiated gradient for demographic parity around a logistic regression."""
    from skfair.inprocessing import ExponentiatedGradient

    people = People(size)
    X, y, strings = people.features, people.y, people.strings

    def own(estimator: Any) -> Any:
        return ExponentiatedGradient(estimator, tol=TOL).fit(X, y, sensitive_features=strings)

    _Recorder.kept.clear()
    own(_Recorder())
    fits = list(_Recorder.kept)

    def floor() -> None:
        for labels, weights in fits:
            if len(np.unique(labels)) > 1:
                LogisticRegression().fit(X, labels, sample_weight=weights)

    def reached(chance: Any, n_fits: int) -> list[float]:
        return [*accuracy_and_parity(people, np.asarray(chance)), n_fits]

    sides = [
        Side(
            OURS,
            lambda: own(LogisticRegression()),
            lambda model: reached(model.decision_probability(X), model.n_oracle_calls_),
        )
    ]
    if installed("fairlearn"):
        from fairlearn.reductions import DemographicParity
        from fairlearn.reductions import ExponentiatedGradient as Peer

        def peer() -> Any:
            moment = DemographicParity(difference_bound=TOL / 2)  # of each group to all
            model = Peer(LogisticRegression(), moment)
            return model.fit(X, y, sensitive_features=strings)

        sides.append(
            Side(
                "fairlearn",
                peer,
                lambda model: reached(model._pmf_predict(X)[:, 1], model.n_oracle_calls_),
            )
        )
    return [*sides, Side(FLOOR, floor)]


def adversarial_epoch(size: Size) -> list[Side]:
    """One more call of fit, of one epoch, with the loops of ``neural.py``."""
    import neural
    import torch

    from skfair.inprocessing import AdversarialDebiasedClassifier

    torch.set_num_threads(1)
    rows = neural.make_rows(size.rows, size.columns)
    options = {"batch_size": neural.BATCH, "batch_sampling": None, "max_epochs": 1}
    model = AdversarialDebiasedClassifier(**options, warm_start=True, random_state=0)
    sides = [_epochs(OURS, neural.fits(model, rows))]
    if installed("fairlearn"):
        peer = neural.fairlearn_model("cpu", warm_start=True)
        sides.append(_epochs("fairlearn", neural.fits(peer, rows)))
    return [*sides, _epochs(FLOOR, neural.bare_projection(rows, "cpu"))]


def _epochs(name: str, epochs: Iterator[float]) -> Side:
    return Side(name, lambda: next(epochs))


def correlation(size: Size) -> list[Side]:
    """Take two groups' linear trace out of the features."""
    from skfair.preprocessing import CorrelationRemover

    people = People(size._replace(groups=2))
    X = np.column_stack([people.codes.astype(float), people.features])

    def floor() -> np.ndarray:
        centred = X[:, :1] - X[:, :1].mean()
        return X[:, 1:] - centred * (np.linalg.lstsq(centred, X[:, 1:], rcond=None)[0])

    def own() -> np.ndarray:
        return CorrelationRemover(sensitive_features=[0]).fit_transform(X)

    sides = [Side(OURS, own, np.ravel)]
    if installed("fairlearn"):
        from fairlearn.preprocessing import CorrelationRemover as Peer

        sides.append(
            Side("fairlearn", lambda: Peer(sensitive_feature_ids=[0]).fit_transform(X), np.ravel)
        )
    return [*sides, Side(FLOOR, floor, np.ravel)]
