"""Pre-training metrics of sizes and positive labels, before any model is trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from skfair._utils.warning import warn_undefined_metric
from skfair.criteria import (
    ClassSums,
    Limits,
    average_limits,
    contrasts_to_rest,
    critical_value,
    difference_limits,
    ratio_limits,
    share_limits,
)
from skfair.detection._label_table import LabelTable
from skfair.detection._metric_parts import documented_metric, limits_table, read_labels
from skfair.groups import Groups, Missing
from skfair.tally import Tally


def class_imbalance(
    values: Any,
    *,
    reference: Any = None,
    confidence_level: float = 0.95,
    sample_weight: Any = None,
    missing: Missing = "group",
) -> pd.DataFrame:
    r"""Imbalance of sizes between each group and the rest.

    .. math:: CI_g = \frac{n_a - n_g}{n_a + n_g}

    with :math:`n_a` rows in the rest, or in the reference group. It is in [-1, 1], positive where
    the group is the smaller side. Classes of labels are as good as groups here.

    Parameters
    ----------
    values : array-like of shape (n,) or (n, k), dict, Groups, or Tally
        A group, or a label, for each row; of a tally the groups.
    reference : label, default=None
        Compare each group with this one; None: with all other rows.
    confidence_level : float, default=0.95
        How often each interval should hold, between 0 and 1.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights.
    missing : {"group", "raise"}, default="group"
        Rows without a value form the group ``"<missing>"``, or are refused.

    Returns
    -------
    DataFrame of shape (n_groups, 3)
        Columns estimate, low and high, indexed by group. The interval is Wilson's of the group's
        share s of the two sides, as 1 - 2 s.

    Raises
    ------
    ValueError
        If there is no row, or the reference isn't a group.

    References
    ----------
    Das, S. et al. (2021). Fairness measures for machine learning in finance. Journal of Financial
    Data Science 3(4). https://doi.org/10.3905/jfds.2021.1.075

    Examples
    --------
    >>> class_imbalance({"sex": ["f"] * 20 + ["m"] * 80}).round(3)
         estimate    low   high
    sex
    f         0.6  0.422  0.733
    m        -0.6 -0.733 -0.422
    """
    sides, table = _sizes(values, reference, sample_weight, missing)
    share = share_limits(sides, critical_value(confidence_level))
    limits = (1 - 2 * part[:, 1] for part in (share.value, share.high, share.low))
    place = table.place_of(reference)
    return limits_table(limits, table.index, "class_imbalance", reference=place)


def sample_disparity(
    values: Any,
    *,
    reference: Any = None,
    confidence_level: float = 0.95,
    sample_weight: Any = None,
    missing: Missing = "group",
) -> pd.DataFrame:
    r"""Size of each group relative to the rest.

    .. math:: SD_g = n_g / n_a

    with :math:`n_a` rows in the rest, or in the reference group; 1 where both are of the same
    size. It compares sample sizes and says nothing of labels: for the ratio of positive rates see
    :func:`label_disparate_impact`.

    Parameters
    ----------
    values : array-like of shape (n,) or (n, k), dict, Groups, or Tally
        A group, or a label, for each row; of a tally the groups.
    reference : label, default=None
        Compare each group with this one; None: with all other rows.
    confidence_level : float, default=0.95
        How often each interval should hold, between 0 and 1.
    sample_weight : array-like of shape (n,), default=None
        Sampling weights.
    missing : {"group", "raise"}, default="group"
        Rows without a value form the group ``"<missing>"``, or are refused.

    Returns
    -------
    DataFrame of shape (n_groups, 3)
        Columns estimate, low and high, indexed by group. The interval is Wilson's of the group's
        share s of the two sides, as s / (1 - s).

    Raises
    ------
    ValueError
        If there is no row, or the reference isn't a group.

    References
    ----------
    Mandhala, V. N., Bhattacharyya, D., Midhunchakkaravarthy, D. and Kim, H. (2022). Detecting and
    mitigating bias in data using machine learning with pre-training metrics. Ingenierie des
    Systemes d'Information 27(1). https://doi.org/10.18280/isi.270114

    Examples
    --------
    >>> sample_disparity({"sex": ["f"] * 20 + ["m"] * 80}).round(3)
         estimate    low   high
    sex
    f        0.25  0.154  0.406
    m        4.00  2.462  6.498
    """
    sides, table = _sizes(values, reference, sample_weight, missing)
    share = share_limits(sides, critical_value(confidence_level))
    with np.errstate(divide="ignore"):
        limits = [part[:, 1] / (1 - part[:, 1]) for part in share]
    place = table.place_of(reference)
    return limits_table(limits, table.index, "sample_disparity", reference=place, parity=1.0)


@documented_metric("control_features", "reference", "pos_label")
def label_disparity(
    y: Any,
    *,
    sensitive_features: Any = None,
    control_features: Any = None,
    reference: Any = None,
    pos_label: Any = None,
    confidence_level: float = 0.95,
    sample_weight: Any = None,
    missing: Missing = "group",
) -> pd.DataFrame:
    r"""Difference in positive proportions of labels (DPL) between the rest and each group.

    .. math:: DPL_g = q_a - q_g

    with the shares q of positive labels, in [-1, 1]; positive where the group has fewer.
    ``control_features`` compares within their levels and averages as Mantel and Haenszel do: what
    is left when like is compared with like.

    {parameters}

    Returns
    -------
    DataFrame of shape (n_groups, 4)
        Columns estimate, low, high (Newcombe's interval) and pvalue (permutation, two-sided),
        indexed by group.

    References
    ----------
    Das, S. et al. (2021). Fairness measures for machine learning in finance. Journal of Financial
    Data Science 3(4). https://doi.org/10.3905/jfds.2021.1.075

    Examples
    --------
    >>> y, sex = [1] * 20 + [0] * 30 + [1] * 35 + [0] * 15, {"sex": ["f"] * 50 + ["m"] * 50}
    >>> label_disparity(y, sensitive_features=sex).round(4)
         estimate     low    high  pvalue
    sex
    f         0.3  0.1051  0.4650  0.0046
    m        -0.3 -0.4650 -0.1051  0.0046
    """
    table = LabelTable.read(
        y,
        sensitive_features,
        control_features=control_features,
        sample_weight=sample_weight,
        missing=missing,
    )
    k, place = table.positive(pos_label), table.place_of(reference)
    found = contrasts_to_rest(table.levels, k, confidence_level=confidence_level, reference=place)
    limits = (-found.difference, -found.high, -found.low)
    frame = limits_table(limits, table.index, "label_disparity", reference=place)
    return frame.assign(pvalue=found.pvalue)


@documented_metric("reference", "pos_label")
def label_disparate_impact(
    y: Any,
    *,
    sensitive_features: Any = None,
    reference: Any = None,
    pos_label: Any = None,
    confidence_level: float = 0.95,
    sample_weight: Any = None,
    missing: Missing = "group",
) -> pd.DataFrame:
    r"""Ratio of positive proportions of labels of each group to the rest: disparate impact.

    .. math:: q_g / q_a

    1 is parity; below 0.8 is what the four-fifths rule of US employment guidelines calls adverse
    impact, there of selections.

    {parameters}

    Returns
    -------
    DataFrame of shape (n_groups, 3)
        Columns estimate, low and high (Donner and Zou's interval), indexed by group.

    References
    ----------
    Feldman, M., Friedler, S. A., Moeller, J., Scheidegger, C. and Venkatasubramanian, S. (2015).
    Certifying and removing disparate impact. KDD. https://doi.org/10.1145/2783258.2783311

    Examples
    --------
    >>> y, sex = [1] * 20 + [0] * 30 + [1] * 35 + [0] * 15, {"sex": ["f"] * 50 + ["m"] * 50}
    >>> label_disparate_impact(y, sensitive_features=sex).round(3)
         estimate    low   high
    sex
    f       0.571  0.385  0.827
    m       1.750  1.209  2.600
    """
    table = read_labels(y, sensitive_features, sample_weight, missing)
    k, critical = table.positive(pos_label), critical_value(confidence_level)
    place = table.place_of(reference)
    rest = table.sums.others(place)
    own, other = (share_limits(sums, critical) for sums in (table.sums, rest))
    limits = ratio_limits(*(Limits(*(x[:, k] for x in side)) for side in (own, other)))
    return limits_table(limits, table.index, "label_disparate_impact", reference=place, parity=1.0)


@documented_metric("control_features", "pos_label")
def conditional_demographic_disparity(
    y: Any,
    *,
    sensitive_features: Any = None,
    control_features: Any = None,
    pos_label: Any = None,
    confidence_level: float = 0.95,
    sample_weight: Any = None,
    missing: Missing = "group",
) -> pd.DataFrame:
    r"""Share of a group among the rejected less its share among the accepted (CDD).

    .. math:: CDD_g = \frac{1}{n} \sum_l n_l \big(P(g \mid y = 0, l) - P(g \mid y = 1, l)\big)

    over the levels l of ``control_features``; without them it is demographic disparity. Positive
    where the group has more than its share of the rejections. Simpson's paradox is why to look at
    both. Levels without a rejected or without an accepted row have no disparity: they are left out,
    with a warning, and the others weigh the more.

    {parameters}

    Returns
    -------
    DataFrame of shape (n_groups, 3)
        Columns estimate, low and high, indexed by group. The interval joins Newcombe's intervals
        of the levels' differences.

    References
    ----------
    Wachter, S., Mittelstadt, B. and Russell, C. (2021). Why fairness cannot be automated. Computer
    Law & Security Review 41. https://doi.org/10.1016/j.clsr.2021.105567

    Examples
    --------
    >>> y, sex = [1] * 20 + [0] * 30 + [1] * 35 + [0] * 15, {"sex": ["f"] * 50 + ["m"] * 50}
    >>> conditional_demographic_disparity(y, sensitive_features=sex).round(3)
         estimate    low   high
    sex
    f       0.303  0.106  0.469
    m      -0.303 -0.469 -0.106
    """
    table = LabelTable.read(
        y,
        sensitive_features,
        control_features=control_features,
        sample_weight=sample_weight,
        missing=missing,
    )
    limits = _demographic_disparity(table, table.positive(pos_label), confidence_level)
    return limits_table(limits, table.index, "conditional_demographic_disparity")


def _sizes(
    values: Any, reference: Any, sample_weight: Any, missing: Missing
) -> tuple[ClassSums, LabelTable]:
    """Sum the other side and the group, of shape (n_groups, 2)."""
    if isinstance(values, Tally):
        table = read_labels(values, None, sample_weight, missing)
    else:
        groups = Groups.read(values, missing=missing)
        table = read_labels(np.zeros(len(groups), dtype=int), groups, sample_weight, missing)
    own = table.sums
    rest = own.others(table.place_of(reference))
    pairs = (
        np.stack([b.sum(axis=-1), a.sum(axis=-1)], axis=-1) for a, b in zip(own, rest, strict=True)
    )
    return ClassSums(*pairs), table


def _demographic_disparity(table: LabelTable, k: int, confidence_level: float) -> Limits:
    """Share of each group among the negatives less that among the positives, over levels."""
    critical = critical_value(confidence_level)
    accepted = ClassSums(*(array[..., k] for array in table.levels))  # levels x groups
    rejected = ClassSums(
        *(array.sum(axis=-1) - a for array, a in zip(table.levels, accepted, strict=True))
    )
    level = table.levels.weight.sum(axis=(1, 2))
    level = np.where(
        (accepted.weight.sum(axis=1) > 0) & (rejected.weight.sum(axis=1) > 0), level, 0
    )
    if (level == 0).any():
        warn_undefined_metric(
            f"{int((level == 0).sum())} of {len(level)} levels of the control features hold one "
            "class only and are left out"
        )
    return average_limits(
        difference_limits(share_limits(rejected, critical), share_limits(accepted, critical)),
        level[:, None],
    )
