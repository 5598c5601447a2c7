"""The tables of the benchmark of adversarial networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from _quality.measure import accuracy, violation
from _quality.statistics import Estimate, choose_no_less_fair, corrected

from .fits import METHODS, RIVALS
from .gain import works

LEVELS = (0.02, 0.05, 0.10)


def text_of(found: Estimate, sign: str = "") -> str:
    form = f"{sign}.3f"
    return f"{found.mean:{form}} [{found.low:{form}}, {found.high:{form}}]"


def figures(rows: list[dict[str, Any]], part: str, constraint: str) -> tuple[np.ndarray, ...]:
    """Accuracies and violations of a part, a row each."""
    cells = [np.array(row[part]) for row in rows]
    return (
        np.array([accuracy(c) for c in cells]),
        np.array([violation(c, constraint) for c in cells]),
    )


def trained(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of networks whose training did not break off."""
    return [row for row in rows if "error" not in row]


def sweep_table(rows: list[dict[str, Any]], constraint: str) -> None:
    print("| method | weight | accuracy | violation | adversary's gain | works | s a fit |")
    print("|---|---|---|---|---|---|---|")
    for name, method in METHODS.items():
        for weight in method.weights:
            tried = [r for r in rows if r["method"] == name and r["weight"] == weight]
            own = trained(tried)
            title = method.title + (f" ({len(tried) - len(own)} failed)" if tried != own else "")
            if not own:
                if tried:
                    print(f"| {title} | {weight:g} | | | | | |")
                continue
            right, gap = (corrected(values) for values in figures(own, "test", constraint))
            gain = corrected([row["gain"] for row in own])
            seconds = np.median([row["seconds"] for row in own])
            cells = [title, f"{weight:g}", text_of(right), text_of(gap)]
            cells += [text_of(gain, "+"), "yes" if works(gain) else "no", f"{seconds:.1f}"]
            print("| " + " | ".join(cells) + " |")


def choose(rows: list[dict[str, Any]], constraint: str, level: float) -> dict[str, Any]:
    """The row that is most accurate within the level, on validation rows."""
    right, gap = figures(rows, "validation", constraint)
    return rows[choose_no_less_fair(gap, right, level)]


def chosen_rows(
    rows: list[dict[str, Any]], names: Sequence[str], constraint: str, level: float
) -> dict[int, dict[str, Any]]:
    """By split, the row that would be chosen among these methods."""
    found = {}
    for split in sorted({row["split"] for row in rows}):
        own = [row for row in rows if row["split"] == split and row["method"] in names]
        if own:
            found[split] = choose(own, constraint, level)
    return found


def level_table(rows: list[dict[str, Any]], constraint: str) -> None:
    print("| at most | method | accuracy | violation | accuracy less fairlearn's | gain | chosen |")
    print("|---|---|---|---|---|---|---|")
    for level in LEVELS:
        theirs = chosen_rows(rows, RIVALS["fairlearn"][1], constraint, level)
        for key, (title, names) in RIVALS.items():
            if not any(row["method"] == key for row in rows):
                continue
            ours = chosen_rows(rows, names, constraint, level)
            shared = sorted(set(ours) & set(theirs))
            mine, other = ([part[s] for s in shared] for part in (ours, theirs))
            right, gap = figures(mine, "test", constraint)
            edge = corrected(right - figures(other, "test", constraint)[0])
            gain = corrected([row["gain"] for row in mine])
            weights = " ".join(f"{row['method'][:3]}{row['weight']:g}" for row in mine)
            cells = [f"{level:.2f}", title, text_of(corrected(right)), text_of(corrected(gap))]
            cells += ["" if key == "fairlearn" else text_of(edge, "+"), text_of(gain, "+"), weights]
            print("| " + " | ".join(cells) + " |")


def rates_table(rows: list[dict[str, Any]], groups: Sequence[str], level: float = 0.05) -> None:
    """Error rates by group of what would be chosen for equalized odds, beside the paper's."""
    print("| method | accuracy | " + " | ".join(f"FPR {g} | FNR {g}" for g in groups) + " |")
    print("|---" * (2 + 2 * len(groups)) + "|")
    for title, names in {"plain": ("plain training", ("plain",)), **RIVALS}.values():
        own = chosen_rows(rows, names, "equalized_odds", level)
        cells = np.array([row["test"] for row in own.values()])
        if not len(cells):
            continue
        wrong = cells[:, :, 1:3] / np.stack(
            [cells[:, :, 0] + cells[:, :, 1], cells[:, :, 2] + cells[:, :, 3]], axis=-1
        )
        right = np.mean([accuracy(c) for c in cells])
        rates = " | ".join(f"{rate:.4f}" for rate in wrong.mean(axis=0).ravel())
        print(f"| {title} | {right:.3f} | {rates} |")
