"""FairnessReport: a plain dict of what was found, and the ways to write it out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Self

from skfair.groups import Missing
from skfair.reporting._auditing import (
    audit_estimator,
    audit_predictions,
    read_report_groups,
    take_named,
)
from skfair.reporting._build import build
from skfair.reporting._forms import WrittenReport
from skfair.reporting._inputs import Audited, audit_tally, name_models
from skfair.reporting._options import Options
from skfair.tally import Tally


class FairnessReport(WrittenReport):
    """What there is to know of a classifier's decisions by group, for people to read.

    The report is a plain dict (:meth:`to_dict`, whose schema is
    :func:`skfair.reporting.report_schema`), from which all else is written: one HTML page that
    loads nothing, Markdown, a model card. It has a section on the data (representation,
    pre-training metrics, proxies, copies, doubtful labels), one on the model (rates by group,
    criteria, ROC curves, calibration, weak slices, what the model leans on), one on what changed
    where there is a baseline, and the limits of all that in words. It gives no verdict.

    Parameters
    ----------
    estimator : fitted classifier
        Asked for ``predict``, and for probabilities or scores where it has some.
    X : data frame or matrix of shape (n, n_features)
        Rows that it wasn't trained on.
    y : array-like of shape (n,)
        Their labels.
    sensitive_features : array-like of shape (n,) or (n, k), or columns of X
        Groups, or the name, position, Bins, list of them, or callable that gives them of X. Of
        several features, each alone and their intersections are reported.
    baseline : fitted classifier or FairnessReport, default=None
        The model before mitigation, or a report on it, to compare with.
    alternatives : dict of name to fitted classifier or FairnessReport, default=None
        Other models that were weighed; their accuracy and violations are shown beside those of
        the estimator and the baseline, which they need.
    sections : sequence of str, default=None
        What to compute: ``"data"``, ``"model"``, or their parts ``"representation"``,
        ``"pretraining"``, ``"proxies"``, ``"duplicates"``, ``"label_noise"``; ``"performance"``,
        ``"rates"``, ``"criteria"``, ``"roc"``, ``"calibration"``, ``"weak_slices"``,
        ``"attribution"``. None: all that can be made but ``"label_noise"``, which needs cleanlab.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights.
    pos_label : label, default=None
        The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans. With more than
        two classes that class is measured against the rest.
    confidence_level : float, default=0.95
        Of all intervals.
    min_group_size : int, default=30
        Groups with fewer rows are shown, and left out of gaps.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.
    title : str, default="Fairness report"
        Heading of the report.
    n_resamples : int, default=9999
        Number of permutations behind each p-value.
    random_state : int, RandomState instance or None, default=0
        For permutations, folds and samples.

    Raises
    ------
    ValueError
        If the positive class can't be told, lengths differ, there is no section of a name, or a
        part that was asked for by name can't be made.
    TypeError
        If the estimator can't predict.

    See Also
    --------
    FairnessReport.from_predictions : From predictions that are there already.
    FairnessReport.from_tally : From counts, without any rows.

    Notes
    -----
    What is undefined, and groups that are left out, are listed in the report and not warned of.

    Examples
    --------
    >>> y, found = [0, 1] * 50, [0, 1] * 30 + [0, 0] * 20
    >>> sex = {"sex": ["f"] * 40 + ["m"] * 60}
    >>> report = FairnessReport.from_predictions(y, found, sensitive_features=sex)
    >>> report.to_dict()["model"]["criteria"][0]["criteria"][2]["sentence"]
    'True positive rate: 33.3 % for m, 100.0 % for f; 66.7 points apart (42.6 to 80.8).'
    """

    _audited: Audited | None = None
    _options: Options = Options()

    def __init__(
        self,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        sensitive_features: Any,
        baseline: Any = None,
        alternatives: Mapping[str, Any] | None = None,
        sections: Sequence[str] | None = None,
        sample_weight: Any = None,
        pos_label: Any = None,
        confidence_level: float = 0.95,
        min_group_size: int = 30,
        missing: Missing = "group",
        title: str = "Fairness report",
        n_resamples: int = 9999,
        random_state: Any = 0,
    ) -> None:
        options = Options(
            sections, confidence_level, min_group_size, title, n_resamples, random_state
        ).check()
        models = name_models(baseline, alternatives)
        audit = partial(
            audit_estimator,
            X=X,
            y=y,
            sensitive_features=sensitive_features,
            sample_weight=sample_weight,
            pos_label=pos_label,
            missing=missing,
        )
        self._fill(audit(estimator), options, models, partial(audit, with_scores=False))

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, y: Any, **options: Any) -> Self:
        """Report on a fitted classifier; parameters as of the class."""
        return cls(estimator, X, y, **options)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        sensitive_features: Any,
        y_score: Any = None,
        X: Any = None,
        baseline: Any = None,
        alternatives: Mapping[str, Any] | None = None,
        sample_weight: Any = None,
        pos_label: Any = None,
        missing: Missing = "group",
        **options: Any,
    ) -> Self:
        """Report on predictions.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n,) or str
            Labels and predicted labels, or names of columns of X.
        sensitive_features : array-like of shape (n,) or (n, k), dict or Groups
            Groups; with X, columns of it, too.
        y_score : array-like of float of shape (n,) or str, default=None
            Probabilities or scores, higher for the positive class; of probabilities of two classes
            the whole matrix will do.
        X : data frame or matrix of shape (n, n_features), default=None
            Features, for proxies, copies and weak slices. Columns that another parameter but
            ``sensitive_features`` names are none.
        baseline : array-like of shape (n,), str or FairnessReport, default=None
            Predictions before mitigation for the same rows, or a report on them.
        alternatives : dict of name to array-like of shape (n,), str or FairnessReport, default=None
            Predictions of other models that were weighed.
        sample_weight : array-like of shape (n,) or str, default=None
            Sampling weights.
        pos_label, missing
            As of the class.
        **options
            ``sections``, ``confidence_level``, ``min_group_size``, ``title``, ``n_resamples`` and
            ``random_state``, as of the class.

        Returns
        -------
        FairnessReport
        """
        checked = Options(**options).check()
        models = name_models(baseline, alternatives)
        groups = read_report_groups(X, sensitive_features, missing)
        values = [y_true, y_pred, y_score, sample_weight, *models.values()]
        (y_true, y_pred, y_score, weights, *others), features = take_named(X, values)

        def audit(decisions: Any, **more: Any) -> Audited:
            given = {"sample_weight": weights, "pos_label": pos_label, **more}
            return audit_predictions(y_true, decisions, groups, **given)

        audited = audit(y_pred, y_score=y_score, X=features)
        models = dict(zip(models, others, strict=True))
        return cls.__new__(cls)._fill(audited, checked, models, audit)

    @classmethod
    def from_tally(
        cls,
        tally: Any,
        *,
        scores: Any = None,
        baseline: Any = None,
        alternatives: Mapping[str, Any] | None = None,
        pos_label: Any = None,
        **options: Any,
    ) -> Self:
        """Report on counts, such as a saved tally holds.

        Parameters
        ----------
        tally : Tally
            Counts of labels and decisions by group.
        scores : ScoreTally, default=None
            Counts of scores by group, for ROC curves; of the same groups.
        baseline : Tally or FairnessReport, default=None
            Counts of the decisions before mitigation. Rows can't be told to be the same, so
            changes are compared as of independent samples.
        alternatives : dict of name to Tally or FairnessReport, default=None
            Counts of the decisions of other models that were weighed.
        pos_label : label, default=None
            As of the class.
        **options
            As in :meth:`from_predictions`.

        Returns
        -------
        FairnessReport
        """
        checked = Options(**options).check()
        models = name_models(baseline, alternatives)
        audit = partial(audit_tally, pos_label=pos_label)
        return cls.__new__(cls)._fill(audit(tally, scores=scores), checked, models, audit)

    @classmethod
    def compare(
        cls, before: FairnessReport, after: FairnessReport, *, paired: bool | None = None
    ) -> Self:
        """Lay two reports side by side: what changed, what it cost, every group re-checked.

        Parameters
        ----------
        before, after : FairnessReport
            Reports on two models. The new report has the sections and options of ``after``.
        paired : bool, default=None
            Whether both decided on the same rows in the same order, so that changes are known
            better than from two samples. None: if labels, groups and weights are the same.

        Returns
        -------
        FairnessReport

        Raises
        ------
        ValueError
            If a report was read from a file, which holds no counts, if features or positive
            classes differ, or if ``paired=True`` isn't so.
        """
        for report in (before, after):
            if not isinstance(report, FairnessReport):
                raise TypeError(f"compare needs FairnessReports, got {type(report).__name__}")
        models = name_models(before, None)
        return cls.__new__(cls)._fill(after._known(), after._options, models, paired=paired)

    @property
    def tally(self) -> Tally:
        """Counts that the report rests on, of all sensitive features together.

        Raises
        ------
        ValueError
            If the report was read from a dict or from JSON, which hold no counts.

        Examples
        --------
        >>> report = FairnessReport.from_predictions(
        ...     [0, 1, 1], [0, 1, 0], sensitive_features=["f", "f", "m"], sections=["rates"]
        ... )
        >>> report.tally.group_counts.tolist()
        [2, 1]
        """
        return self._known().tally

    def _known(self) -> Audited:
        if self._audited is None:
            raise ValueError(
                "a report that was read from a dict or from JSON holds no counts: make "
                "it from the rows or from a tally"
            )
        return self._audited

    def _estimator(self) -> Any:
        rows = None if self._audited is None else self._audited.rows
        return None if rows is None else rows.estimator

    def _fill(
        self,
        audited: Audited,
        options: Options,
        models: Mapping[str, Any],
        audit: Callable[[Any], Audited] | None = None,
        paired: bool | None = None,
    ) -> Self:
        """Build the report; of models that aren't reports ``audit`` counts the decisions."""
        others = {
            name: model._known()
            if audit is None or isinstance(model, FairnessReport)
            else audit(model)
            for name, model in models.items()
        }
        self._audited, self._options = audited, options
        self._found = build(audited, options, others, paired)
        return self
