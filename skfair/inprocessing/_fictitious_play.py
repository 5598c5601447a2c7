"""Fictitious play between a learner and an auditor of subgroups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skfair.criteria import Rate
from skfair.criteria.halfspaces import Halfspace, HalfspaceSearch
from skfair.criteria.subgroups import deviations, rate_terms
from skfair.inprocessing._requirements import Requirements
from skfair.inprocessing._rules import MixtureRule, candidate_cuts
from skfair.inprocessing._saddle import solve_master

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Answer = Callable[[Mask, Floats], tuple[Any, Floats]]

_PHASE = 8
_MOST_CUTS = 100
_MOST_AUDITS = 20
_MOST_IDLE = 10
_CLOSE = 0.01
_SLACK = 1e-6
_INSIDE = 0.95
_PENALTY = 100.0
_PRICE, _CRUDE = 10.0, 0.02


@dataclass(frozen=True, eq=False)
class Finding:
    """The worst subgroup of one rate that an audit found.

    Parameters
    ----------
    rate : int
        Place of the rate among those audited.
    half : Halfspace
    members : ndarray of bool of shape (n,)
    sign : float
        1 where the subgroup's rate is above that of all rows, else -1.
    excess : float
        Violation less what is allowed.
    """

    rate: int
    half: Halfspace
    members: Mask
    sign: float
    excess: float


class Line(NamedTuple):
    """A subgroup's signed violation, which is linear in decisions: ``slope @ p + constant``."""

    slope: Floats
    constant: float


@dataclass(frozen=True, eq=False)
class Auditor:
    """Audits decisions on the training rows, for one rate or several.

    Parameters
    ----------
    rates : tuple of Rate
        Linear in the decisions.
    tols : tuple of float
        Violation that each allows.
    searches : tuple of HalfspaceSearch
        One a rate.
    positive : ndarray of bool of shape (n,)
    weights : ndarray of float of shape (n,)
    """

    rates: tuple[Rate, ...]
    tols: tuple[float, ...]
    searches: tuple[HalfspaceSearch, ...]
    positive: Mask
    weights: Floats

    @classmethod
    def prepare(
        cls,
        rates: Sequence[tuple[Rate, float]],
        matrix: Floats,
        place: NDArray[np.intp],
        positive: Mask,
        weights: Floats,
    ) -> Auditor:
        """Do the work that doesn't depend on decisions.

        Parameters
        ----------
        rates : sequence of (Rate, float)
            Rates and the violation that each allows.
        matrix : ndarray of float of shape (m, k)
            Columns of the distinct rows of attributes.
        place : ndarray of int of shape (n,)
            Which of them each row is.
        positive, weights
            As in the class.

        Returns
        -------
        Auditor

        Raises
        ------
        ValueError
            If a rate has no rows to be about.
        """
        searches, none = [], np.zeros(len(positive))
        for rate, _ in rates:
            mass = deviations(rate_terms(rate, positive, none, weights)).mass
            if np.isnan(mass).any():
                raise ValueError(f"{rate.name} is undefined (0/0): it has no rows of its label")
            searches.append(HalfspaceSearch.prepare(matrix, place, mass))
        names, tols = zip(*rates, strict=True)
        return cls(names, tols, tuple(searches), positive, weights)

    def audits(self, decisions: Floats) -> list[Finding]:
        """Find the worst subgroup of each rate.

        Parameters
        ----------
        decisions : ndarray of float of shape (n,)
            1 for the positive class, or the chance of it.

        Returns
        -------
        list of Finding
        """
        found = []
        for k, (rate, search) in enumerate(zip(self.rates, self.searches, strict=True)):
            terms = rate_terms(rate, self.positive, decisions, self.weights)
            off = deviations(terms).deviation
            half = search.worst(off)
            members = half.members(search.matrix)[search.place]
            sign = -1.0 if off[members].sum() < 0 else 1.0
            found.append(Finding(k, half, members, sign, half.violation - self.tols[k]))
        return found

    def audit(self, decisions: Floats) -> Finding:
        """Find the subgroup that exceeds what its rate allows by most."""
        return max(self.audits(decisions), key=lambda finding: finding.excess)

    def line(self, finding: Finding) -> Line:
        r"""Write a subgroup's signed violation as a linear function of the decisions.

        .. math:: \sum_i \frac{w_i s_i (1[i \in g] - P(g))}{\sum_j w_j b_j} p_i + \text{constant}

        where s is the slope of the rate's numerator and b its denominator.
        """
        none = np.zeros(len(self.positive))
        terms = rate_terms(self.rates[finding.rate], self.positive, none, self.weights)
        at_none = deviations(terms)
        inside = finding.members - at_none.mass[finding.members].sum()
        slope = terms.slope * inside / terms.denominator.sum()
        return Line(slope, float(at_none.deviation[finding.members].sum()))

    def error(self, decisions: Floats) -> float:
        """Weighted share of rows decided wrongly."""
        return float(np.average(np.abs(self.positive - decisions), weights=self.weights))


@dataclass(eq=False)
class Play:
    """The learner's answers, the subgroups found, and the best mixture of the answers.

    Parameters
    ----------
    members : list of estimator
    decisions : list of ndarray of float of shape (n,)
        Decisions of each member on the training rows.
    findings : list of (Finding, Line)
        Those that bound one of the last programmes of the mixture.
    idle : list of int
        Programmes since each of them did.
    chances : ndarray of float of shape (n_members,)
    finding : Finding
        The mixture's worst subgroup.
    history : list of (float, float)
        Error and excess of the mixture, round by round.
    """

    members: list[Any] = field(default_factory=list)
    decisions: list[Floats] = field(default_factory=list)
    findings: list[tuple[Finding, Line]] = field(default_factory=list)
    idle: list[int] = field(default_factory=list)
    chances: Floats = field(default_factory=lambda: np.ones(1))
    finding: Finding | None = None
    history: list[tuple[float, float]] = field(default_factory=list)

    def add(self, finding: Finding, line: Line) -> None:
        """Let a subgroup bind the mixture."""
        self.findings.append((finding, line))
        self.idle.append(0)

    def retire(self, multipliers: Floats) -> None:
        """Drop subgroups that have bound nothing for a while; an audit finds them if they do."""
        self.idle = [
            0 if price > 0 else idle + 1 for price, idle in zip(multipliers, self.idle, strict=True)
        ]
        kept = [k for k, idle in enumerate(self.idle) if idle <= _MOST_IDLE]
        self.findings = [self.findings[k] for k in kept]
        self.idle = [self.idle[k] for k in kept]

    def knows(self, finding: Finding) -> bool:
        """Tell whether the subgroup binds already."""
        return any(
            own.rate == finding.rate and np.array_equal(own.members, finding.members)
            for own, _ in self.findings
        )

    @property
    def votes(self) -> Floats:
        """Chance of the positive class of the training rows."""
        return np.asarray(self.chances @ np.array(self.decisions))


def play(
    auditor: Auditor,
    answer: Answer,
    *,
    max_iter: int,
    report: Callable[[float, float], None] = lambda error, excess: None,
) -> Play:
    r"""Let a learner and an auditor answer each other's average play so far.

    The auditor answers with the worst subgroup of the uniform mixture of the learner's answers so
    far, and the learner minimises

    .. math:: \text{error} + C \frac{1}{t} \sum_{s \le t} \pm P(g_s) (r(g_s) - r)

    over the subgroups :math:`g_s` found so far. After each round the answers are mixed at best. A
    small C gives answers of small error that are too unfair, a large one the reverse: so there are
    phases of 8 rounds, and from one to the next C is doubled. The phase in which the mixture
    violates no more than allowed is the last one, or the first round if that is fair enough. If
    none does, the mixture that exceeds what is allowed by least is kept.

    Parameters
    ----------
    auditor : Auditor
    answer : callable
        ``answer(labels, weights)`` gives a fitted member and its decisions on the training rows.
    max_iter : int
        Rounds at most.
    report : callable, default=None
        Called after each round with error and excess.

    Returns
    -------
    Play
    """
    positive, weights = auditor.positive, auditor.weights
    loss = weights * np.where(positive, -1.0, 1.0) / weights.sum()
    found, known, best = Play(), set[bytes](), (np.inf, np.inf)
    for t in range(max_iter):
        strength, past = 2.0 ** (t // _PHASE), t % _PHASE
        if past == 0:
            if best[0] <= _SLACK:
                break
            pulls, average = np.zeros(len(loss)), np.zeros(len(loss))
        costs = loss + strength * pulls / max(past, 1)
        size = np.abs(costs)
        member, decisions = answer(costs < 0, size * (weights.sum() / size.sum()))
        average += (decisions - average) / (past + 1)
        if decisions.tobytes() not in known:
            known.add(decisions.tobytes())
            found.members.append(member)
            found.decisions.append(decisions)
        chances, mixed = mix(auditor, found)
        error = auditor.error(chances @ np.array(found.decisions))
        found.history.append((error, mixed.excess))
        report(error, mixed.excess)
        if (reached := (max(mixed.excess, _SLACK), error)) < best:
            best, found.chances, found.finding = reached, chances, mixed
        if t == 0 and best[0] <= _SLACK:
            break
        worst = auditor.audit(average)
        if worst.excess > 0:
            pulls += worst.sign * auditor.line(worst).slope
    found.chances = np.pad(found.chances, (0, len(found.members) - len(found.chances)))
    return found


def mix(auditor: Auditor, found: Play) -> tuple[Floats, Finding]:
    """Mix the answers at best by a linear programme, audit the mixture, and repeat.

    Parameters
    ----------
    auditor : Auditor
    found : Play
        Subgroups that the audits find are added to it.

    Returns
    -------
    chances : ndarray of float of shape (n_members,)
    finding : Finding
        The mixture's worst subgroup.
    """
    decisions = np.array(found.decisions)
    errors = np.array([auditor.error(own) for own in decisions])
    best: tuple[Floats, Finding] | None = None
    for _ in range(_MOST_AUDITS):
        chances, excess = _programme(auditor, found, decisions, errors)
        finding = auditor.audit(chances @ decisions)
        if best is None or finding.excess < best[1].excess:
            best = chances, finding
        if finding.excess <= max(excess, _SLACK) or found.knows(finding):
            break
        found.add(finding, auditor.line(finding))
    assert best is not None
    return best


def _programme(
    auditor: Auditor, found: Play, decisions: Floats, errors: Floats
) -> tuple[Floats, float]:
    """Chances of the smallest error within what is allowed for the subgroups found so far."""
    if not found.findings:
        return np.eye(len(errors))[np.argmin(errors)], 0.0
    off = np.array([decisions @ line.slope + line.constant for _, line in found.findings]).T
    allowed = np.array([_INSIDE * auditor.tols[finding.rate] for finding, _ in found.findings])
    n = len(allowed)
    signs = np.vstack([np.eye(n), -np.eye(n)])
    requirements = Requirements(
        np.column_stack([np.zeros(2 * n), signs]),
        np.zeros((2 * n, 0)),
        np.ones(2 * n),
        np.tile(allowed, 2),
        np.zeros(0),
    )
    loss = np.eye(n + 1)[0]
    solved = solve_master(np.column_stack([errors, off]), loss, requirements, _PENALTY)
    found.retire(solved.multipliers[:n] + solved.multipliers[n:])
    return solved.chances, solved.excess


def choose_rule(
    auditor: Auditor, found: Play, scores: Mapping[str, Floats]
) -> tuple[MixtureRule, Floats]:
    """Choose a cut of a score or a single member, with the subgroups in view.

    Of those with an error close to the mixture's, it is the best that violates no more than
    allowed. Where that costs more than 0.02 of error, what is violated beyond has a price instead:
    0.01 of it, 0.1 of error. To decide the same for all violates nothing, but is of no use: it
    counts as if it exceeded what is allowed by a row.

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
    errors = [auditor.error(own) for _, own in rules]
    most = max(auditor.error(found.votes) + _CLOSE, min(errors))
    near = [i for i, error in enumerate(errors) if error <= most]
    over = np.array([_excess(auditor, rules[i][1]) for i in near])
    costs = np.array(errors)[near] + _PRICE * over
    within = np.where(over == 0, costs, np.inf)
    chosen = within if within.min() <= costs.min() + _CRUDE else costs
    return rules[near[int(np.argmin(np.round(chosen, 12)))]]


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
