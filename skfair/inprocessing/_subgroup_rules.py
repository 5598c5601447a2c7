"""How a mixture of classifiers decides without drawing lots, with subgroups in view."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from skfair.inprocessing._cuts import candidate_cuts
from skfair.inprocessing._fictitious_play import Play
from skfair.inprocessing._merits import merits_at_price
from skfair.inprocessing._rules import MixtureRule
from skfair.inprocessing._subgroup_audit import Auditor

Floats = NDArray[np.float64]

_MOST_CUTS = 100
_CLOSE = 0.01
_PRICE, _CRUDE = 10.0, 0.02
_SLACK = 1e-6


def choose_rule(
    auditor: Auditor, found: Play, scores: Mapping[str, Floats]
) -> tuple[MixtureRule, Floats]:
    """Choose a cut of a score or a single member, with the subgroups in view.

    Of those with an error close to the mixture's, it is the best that violates no more than
    allowed, unless it errs in 0.02 more than one beyond, of which a hundredth counts as a tenth of
    the error. To decide the same for all violates nothing, but is of no use: it counts as if it
    exceeded what is allowed by a row.

    Parameters
    ----------
    auditor : Auditor
    found : Play
    scores : mapping of str to ndarray of float of shape (n,)
        ``"vote"`` and, where there are some, ``"probability"`` of the training rows.

    Returns
    -------
    rule : MixtureRule
    decisions : ndarray of float of shape (n,)
        On the training rows.
    """
    rules = [(MixtureRule(member=i), own) for i, own in enumerate(found.decisions)]
    if len(rules) == 1:  # the plain estimator
        return rules[0]
    for name, values in scores.items():
        for cut in _cuts_between(values):
            rule = MixtureRule(score=name, cut=cut)  # type: ignore[arg-type]
            rules.append((rule, rule.decides(values).astype(np.float64)))
    errors = np.array([auditor.error(own) for _, own in rules])
    most = max(auditor.error(found.votes) + _CLOSE, errors.min())
    near = np.flatnonzero(errors <= most)
    over = np.array([_excess(auditor, rules[i][1]) for i in near])
    merits = merits_at_price(-errors[near], over, _PRICE, surcharge=_CRUDE)
    return rules[near[int(np.argmax(merits))]]


def _excess(auditor: Auditor, decisions: Floats) -> float:
    """By how much a rule exceeds what is allowed; a constant one, by a row at least."""
    known = decisions[auditor.weights > 0]
    excess = max(auditor.audit(decisions).excess, 0.0)
    return excess if np.ptp(known) > 0 else max(excess, 1 / len(known))


def _cuts_between(scores: Floats) -> list[float]:
    """Cuts halfway to the next lower score, of very many some, so that rounding moves no row."""
    cuts, found = candidate_cuts(scores), np.append(0.0, np.unique(scores))
    if len(cuts) > _MOST_CUTS:
        cuts = cuts[np.linspace(0, len(cuts) - 1, _MOST_CUTS).round().astype(int)]
    above = np.searchsorted(found, cuts - _SLACK)
    return [float(found[k] + found[max(k - 1, 0)]) / 2 for k in np.minimum(above, len(found) - 1)]
