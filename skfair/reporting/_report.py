"""FairnessReport: a plain dict of what was found, and the ways to write it out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any, Self

from skfair.groups import Missing
from skfair.reporting._build import FORMAT, VERSION, Options, build
from skfair.reporting._forms import WrittenReport
from skfair.reporting._inputs import (
    Audited,
    audit_estimator,
    audit_predictions,
    audit_tally,
    count_others,
)
from skfair.reporting._plain import Plain


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

    _audited: Audited | None
    _options: Options

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
        given = {
            "sensitive_features": sensitive_features,
            "sample_weight": sample_weight,
            "pos_label": pos_label,
            "missing": missing,
        }

        def audit(model: Any) -> Audited:
            return audit_estimator(model, X, y, **given)

        others = count_others(baseline, alternatives, self._counter(audit))
        self._fill(audit(estimator), options, *others)

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
        y_true, y_pred : array-like of shape (n,)
            Labels and predicted labels.
        sensitive_features : array-like of shape (n,) or (n, k), dict or Groups
            Groups; with X, columns of it, too.
        y_score : array-like of float of shape (n,), default=None
            Probabilities or scores, higher for the positive class; of probabilities of two classes
            the whole matrix will do.
        X : data frame or matrix of shape (n, n_features), default=None
            Features, for proxies, copies and weak slices.
        baseline : array-like of shape (n,) or FairnessReport, default=None
            Predictions before mitigation for the same rows, or a report on them.
        alternatives : dict of name to array-like of shape (n,) or FairnessReport, default=None
            Predictions of other models that were weighed.
        sample_weight, pos_label, missing
            As of the class.
        **options
            ``sections``, ``confidence_level``, ``min_group_size``, ``title``, ``n_resamples`` and
            ``random_state``, as of the class.

        Returns
        -------
        FairnessReport
        """
        checked = Options(**options).check()
        given = {
            "sensitive_features": sensitive_features,
            "X": X,
            "sample_weight": sample_weight,
            "pos_label": pos_label,
            "missing": missing,
        }

        def audit(decisions: Any) -> Audited:
            return audit_predictions(y_true, decisions, **given)

        audited = audit_predictions(y_true, y_pred, y_score=y_score, **given)
        others = count_others(baseline, alternatives, cls._counter(audit))
        return cls.__new__(cls)._fill(audited, checked, *others)

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

        def audit(counts: Any) -> Audited:
            return audit_tally(counts, pos_label=pos_label)

        audited = audit_tally(tally, scores=scores, pos_label=pos_label)
        others = count_others(baseline, alternatives, cls._counter(audit))
        return cls.__new__(cls)._fill(audited, checked, *others)

    @classmethod
    def from_dict(cls, found: Plain) -> Self:
        """Take up a report that :meth:`to_dict` gave, to write it out again.

        Raises
        ------
        ValueError
            If it is no report, or one of another version.
        """
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise ValueError(f"this is no report: its format isn't {FORMAT!r}")
        if found.get("version") != VERSION:
            raise ValueError(
                f"the report's version is {found.get('version')!r}, and {VERSION} can be read here"
            )
        report = cls.__new__(cls)
        report._audited, report._options, report._found = None, Options(), deepcopy(found)
        try:
            report._blocks()
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise ValueError(f"the report is damaged: {error!r}") from error
        return report

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Take up a report that :meth:`to_json` wrote."""
        return cls.from_dict(json.loads(text))

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
        known = after._known(), after._options, before._known()
        return cls.__new__(cls)._fill(*known, paired=paired)

    def _known(self) -> Audited:
        if self._audited is None:
            raise ValueError(
                "a report that was read from a dict or from JSON holds no counts to compare: make "
                "it from the rows or from a tally"
            )
        return self._audited

    @staticmethod
    def _counter(audit: Callable[[Any], Audited]) -> Callable[[Any], Audited]:
        """Take the counts of a report, and count what else a model is given as."""
        return lambda model: model._known() if isinstance(model, FairnessReport) else audit(model)

    def _estimator(self) -> Any:
        rows = None if self._audited is None else self._audited.rows
        return None if rows is None else rows.estimator

    def _fill(
        self,
        audited: Audited,
        options: Options,
        baseline: Audited | None = None,
        alternatives: Mapping[str, Audited] | None = None,
        paired: bool | None = None,
    ) -> Self:
        self._audited, self._options = audited, options
        self._found = build(audited, options, baseline, paired, alternatives)
        return self
