"""Fictitious play between a learner and an auditor of subgroups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfair.inprocessing._programmes import solve_master
from skfair.inprocessing._requirements import Requirements
from skfair.inprocessing._subgroup_audit import Auditor, Finding, Line

Floats = NDArray[np.float64]
Answer = Callable[[NDArray[np.bool_], Floats], tuple[Any, Floats]]

_PHASE = 8
_MOST_AUDITS = 20
_MOST_IDLE = 10
_SLACK = 1e-6
_INSIDE = 0.95
_PENALTY = 100.0


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
