"""Descriptions of the parameters that all debiasers have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from skfair._utils.docstrings import documented

PARAMETERS = {
    "net": """\
    net : torch.nn.Module, or a fitted estimator in FrozenEstimator
        The trained network, of which a copy is changed. An estimator is one of
        :mod:`skfair.inprocessing`, a skorch net, or a Pipeline that ends with one; it goes into
        :class:`sklearn.frozen.FrozenEstimator`, since ``clone`` would reset it. A module gets the
        columns of X as numbers, without those that ``sensitive_features`` names, or images. It has
        one output, for the last class in sorted order, or one for each of two classes. Frozen
        parameters (``requires_grad=False``) stay as they are.""",
    "sensitive_features": """\
    sensitive_features : str, int, Bins, list of them, or callable, default=None
        Columns of X, or a callable of X; None: pass ``sensitive_features=`` to fit.""",
    "constraints": """\
    constraints : str, Criterion or Rate, default="average_odds"
        What is bounded: any criterion of :mod:`skfair.criteria`, or the name of a rate.""",
    "objective": """\
    objective : str, Rate or dict, default="balanced_accuracy_score"
        The performance: ``"balanced_accuracy_score"``, ``"accuracy_score"``, a rate, or costs
        ``{"fp": 1, "fn": 5}``.""",
    "tol": """\
    tol : float, default=0.05
        Allowed difference between groups; of a ratio, its shortfall from 1.""",
    "margin": """\
    margin : float, default=0.01
        By which the difference must be smaller during the search, so that it holds on new rows.""",
    "form": """\
    form : {"constrained", "penalized", "smooth"}, default="constrained"
        How performance and bias make one value: performance where the bias is within ``tol``, else
        0; a weighted sum of both, the bias weighing 3/4; or performance times a smooth step at
        ``tol``.""",
    "n_resamples": """\
    n_resamples : int, default=5
        Bootstrap samples of the rows, over which the mean value counts; 0: the rows alone.""",
    "output": """\
    output : {"auto", "logits", "probabilities"}, default="auto"
        What a module gives. ``"auto"`` looks at the loss of a skorch net, the last layer, or the
        numbers; ``output_`` tells what was found.""",
    "time_limit": """\
    time_limit : float, default=None
        Seconds after which no other network is tried. Results then depend on the machine.""",
    "pos_label": """\
    pos_label : label, default=None
        The positive class; not needed where labels are {0, 1}, {-1, 1} or booleans.""",
    "warm_start": """\
    warm_start : bool, default=False
        Whether ``fit`` goes on from the last fit: its network is the one to beat, and draws go
        on.""",
    "missing": """\
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form a group of their own, or are refused.""",
    "device": """\
    device : str, default="auto"
        A device of torch; ``"auto"``: cuda, mps or cpu, the first that there is.""",
    "random_state": """\
    random_state : int, RandomState instance or None, default=None
        Draws bootstrap samples and all that the method draws. torch's own generators stay as they
        are.""",
    "verbose": """\
    verbose : int, default=0
        1 shows a progress bar (needs tqdm: ``skfair[progress]``).""",
}
VALIDATION_FRACTION = {
    "validation_fraction": """\
    validation_fraction : float, default=0.5
        Share of the rows, in each cell of group and label, that nothing is learnt from: networks
        and thresholds are judged and chosen on them; below 1. 0: all rows serve for both, and what
        is reported of the bias is then too good.""",
}
BEFORE = ("net", "sensitive_features", "constraints", "objective", "tol", "margin", "form")
AFTER = (
    "n_resamples",
    "output",
    "time_limit",
    "pos_label",
    "missing",
    "warm_start",
    "device",
    "random_state",
    "verbose",
)

SECTIONS = """
    Attributes
    ----------
    module_ : torch.nn.Module
        The network that is kept: a copy, in the modes of the original.
    threshold_ : float
        Probability of the positive class from which a row gets it. Log odds are compared, so that
        probabilities that round to 1 are still told apart.
    objective_ : float
        Mean value over the bootstrap samples of the network and the threshold that are kept.
    bias_ : float
        Bias on the rows that networks are judged on: those of fit, or what is held out of them,
        where there is ``validation_fraction``. With two groups and a difference, it has a sign:
        below 0, the first group of ``group_labels_`` has the lower rate.
    performance_ : float
        The objective's performance on these rows; errors and costs are counted from the worst
        possible value up.
    criteria_ : DataFrame
        The criterion on these rows: ``estimate`` with its 95% interval (``low``, ``high``),
        ``violation``, ``allowed``, and ``plain``, that of the original network at probability 1/2.
        Network and threshold were chosen on the same rows, so expect a little more on new data.
    history_ : DataFrame
        A row for each network that was tried, the original first: ``value`` (the mean objective,
        which is maximised), ``performance``, ``bias``, ``threshold``, ``seconds`` and ``is_best``.
    classes_ : ndarray of shape (2,)
    group_labels_ : tuple
    output_ : {"logits", "probabilities"}
    n_features_in_, feature_names_in_
        As seen in fit, the sensitive columns included.

    Raises
    ------
    NotFittedError
        If ``net`` isn't fitted.
    ValueError
        If ``net`` is no network for two classes, gives numbers that aren't finite, has float16 or
        bfloat16 numbers, or has nothing that the method may change.
    ImportError
        If torch or skorch is missing: ``pip install "skfair[nn]"``.

    Warns
    -----
    UserWarning
        If no network and threshold is within ``tol``; if the best one decides (nearly) alike for
        all rows, which is when its balanced accuracy is less than half as far above 1/2 as the
        original network's at its best threshold (not with ``form="penalized"``); or if the network
        ranks positive rows below negative ones."""


def debiaser_docs(own: dict[str, str]) -> Callable[[Any], Any]:
    """Write the parameters of a debiaser into its docstring: the common ones around its own."""
    names = (*BEFORE, *own, *AFTER)
    return documented(names, {**PARAMETERS, **own}, SECTIONS)
