"""What a command shows on the terminal, from the report's figures."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from skfair._utils.html import printable
from skfair._utils.text import listed
from skfair.cli._conditions import Outcome
from skfair.cli._problems import one_line
from skfair.cli._search import Trial, metric_name

_RATES = {
    "base_rate": "base rate",
    "selection_rate": "selected",
    "true_positive_rate": "true positive rate",
    "false_positive_rate": "false positive rate",
    "accuracy": "accuracy",
}
_WIDTH = 40
_FEW = 8


def say(text: str = "") -> None:
    """Write a line to the terminal."""
    lines = "\n".join(printable(line.replace("\t", " ")) for line in text.split("\n"))
    known = sys.stdout.encoding or "utf-8"  # a sign that the terminal lacks becomes "?"
    sys.stdout.write(lines.encode(known, "replace").decode(known) + "\n")


def note(text: str) -> None:
    """Write a line beside what the command puts out."""
    sys.stderr.write(f"skfair: note: {one_line(text)}\n")


def show_table(table: pd.DataFrame, heading: str) -> None:
    """Show a table under a heading."""
    say(heading)
    say(table.to_string(index=False))
    say()


def figure(part: dict[str, Any]) -> str:
    """Write an estimate with its interval.

    Examples
    --------
    >>> figure({"estimate": 0.1234, "low": 0.1, "high": None})
    '0.123 (0.100 to ?)'
    >>> figure({"estimate": None, "low": None, "high": None})
    'undefined'
    """
    if part["estimate"] is None:
        return "undefined"
    low, high = ("?" if part[end] is None else f"{part[end]:.3f}" for end in ("low", "high"))
    return f"{part['estimate']:.3f} ({low} to {high})"


def group_name(values: Iterable[str]) -> str:
    """Write a group's name, cut where it is long and without control characters."""
    found = one_line(", ".join(values))
    return found if len(found) <= _WIDTH else f"{found[: _WIDTH - 3]}..."


def show_decisions(found: dict[str, Any]) -> None:
    """Show rates of the single features' groups, and every criterion."""
    model = found["model"]
    for part in model["rates"]:
        if len(part["by"]) > 1:
            continue  # intersections are many; the report has them
        rates = {line["rate"]: line["groups"] for line in part["rates"]}
        columns: dict[str, Any] = {
            part["by"][0]: [group_name(line["group"]) for line in rates["base_rate"]],
            "rows": [line["n"] for line in rates["base_rate"]],
        }
        for name, title in _RATES.items():
            columns[title] = [figure(line) for line in rates[name]]
        show_table(pd.DataFrame(columns), f"Rates by {part['by'][0]}")
    lines = [
        {
            "criterion": line["criterion"],
            "by": " x ".join(part["by"]),
            "gap": figure(line),
            "fair": line["fair_value"],
            "between": _ends(line),
        }
        for part in model["criteria"]
        for line in part["criteria"]
    ]
    show_table(pd.DataFrame(lines), "Gaps between groups")
    _show_small(model["rates"], found["about"]["min_group_size"])


def _ends(line: dict[str, Any]) -> str:
    """Name the groups at the ends of a gap, or say why there is none."""
    if line["lowest"] is None:
        return "-" if line["estimate"] is not None else str(line["sentence"])
    return " and ".join(group_name(line[end]["group"]) for end in ("lowest", "highest"))


def _show_small(rates: Sequence[dict[str, Any]], least: int) -> None:
    """Say which groups are too small to be in a gap."""
    for part in rates:
        groups = part["rates"][0]["groups"]
        small = [f"{group_name(g['group'])} ({g['n']})" for g in groups if g["n"] < least]
        if small:
            by = " x ".join(part["by"])
            say(f"In no gap, having fewer than {least} rows (--min-group-size), by {by}:")
            say(f"  {'; '.join(small[:_FEW])}" + _more(len(small) - _FEW))


def _more(n: int) -> str:
    return f"; and {n} more" if n > 0 else ""


def show_labels(found: dict[str, Any]) -> None:
    """Show who is in the data, and how often the label is positive."""
    for part in found["data"]["representation"]:
        rows = [
            {
                " x ".join(part["by"]): group_name(line["group"]),
                "rows": line["n"],
                "share": figure(line["share"]),
                "base rate": figure(line["base_rate"]),
            }
            for line in part["groups"]
        ]
        show_table(pd.DataFrame(rows), f"Labels by {' x '.join(part['by'])}")


def show_features(features: pd.DataFrame, proxies: pd.DataFrame | None) -> None:
    """Show which columns go with the label, and which with a sensitive feature."""
    detected = features.loc[features["is_detected"], ["feature", "weight"]].head(10)
    if len(detected):
        show_table(detected.round(3), "Columns that go with the label")
    if proxies is not None and len(proxies):
        show_table(proxies.groupby(proxies.columns[0], sort=False).head(3).round(3), "Proxies")


def show_trials(
    trials: Sequence[Trial], chosen: Trial, refused: Sequence[tuple[Trial, str]]
) -> None:
    """Show the candidates, with the figures of cross-validation."""
    marks = {id(trial): "refused" for trial, _ in refused} | {id(chosen): "chosen"}
    wanted = chosen.wanted
    rows = [
        {
            "candidate": trial.candidate.name,
            wanted.metric: _number(trial.score),
            metric_name(wanted): _number(trial.violation),
            "selected": _number(trial.share),
            "seconds": f"{trial.seconds:.1f}",
            "": marks.get(id(trial), "failed" if trial.error else ""),
        }
        for trial in trials
    ]
    show_table(pd.DataFrame(rows), "Candidates, by cross-validation (the test part isn't in it)")


def show_change(found: dict[str, Any], before: dict[str, Any]) -> None:
    """Show accuracy and criteria before and after, on the test part."""
    accuracy = [
        next(line for line in part["model"]["performance"] if line["rate"] == "accuracy")
        for part in (before, found)
    ]
    rows = [{"figure": "accuracy", "by": "", "before": accuracy[0], "after": accuracy[1]}]
    for a, b in zip(before["model"]["criteria"], found["model"]["criteria"], strict=True):
        for one, other in zip(a["criteria"], b["criteria"], strict=True):
            line = {"figure": one["criterion"], "by": " x ".join(a["by"])}
            rows.append({**line, "before": one, "after": other})
    for row in rows:
        row |= {"before": figure(row["before"]), "after": figure(row["after"])}
    n = found["about"]["n_rows"]
    show_table(pd.DataFrame(rows), f"On the test part ({n} rows that no choice has seen)")


def show_outcomes(outcomes: Iterable[Outcome], side: str) -> bool:
    """Show what came of each condition, and tell whether any fails."""
    fails = False
    for outcome in outcomes:
        fails |= outcome.fails
        by = f" [{one_line(outcome.by)}]" if outcome.by else ""
        say(f"--fail-if {one_line(outcome.condition.text)!r}{by}: {_verdict(outcome, side)}")
        if outcome.left_out:
            small = listed((group_name([group]) for group in outcome.left_out), 5)
            say(f"  not judged, having too few rows (--min-group-size): {small}")
    return fails


def _verdict(outcome: Outcome, side: str) -> str:
    if outcome.is_undefined:
        return (
            "FAILS, since the figure is undefined: fewer than two groups have enough rows, or a "
            "group is never selected (see --min-group-size)"
        )
    low, high = (None if np.isnan(x) else x for x in (outcome.low, outcome.high))
    shown = figure({"estimate": outcome.estimate, "low": low, "high": high})
    word = "FAILS" if outcome.fails else "passes"
    doubt = "" if outcome.is_clear else ", but the interval holds the bound"
    return f"{word}: {shown}, judged by --fail-side {side}{doubt}"


def _number(value: float) -> str:
    return "undefined" if np.isnan(value) else f"{value:.3f}"
