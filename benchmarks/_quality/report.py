"""The report: Markdown and pictures, made from a folder of results only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .analysis import (
    SLACK,
    Comparison,
    adjusted,
    candidates,
    compare_all,
    noise,
    paired,
    price_of_certainty,
    read_frame,
)
from .before import (
    SHOWN,
    auc_before_after,
    errors_before_after,
    pooled_bins,
    pretraining_table,
)
from .data import LARGE, SENSITIVE
from .measure import HEADLINES
from .methods import MODELS
from .plots import frontier_plot, roc_plot
from .statistics import corrected
from .store import Store
from .tables import (
    LEVELS,
    best_of_sides,
    comparisons_table,
    described_table,
    errors_table,
    levels_table,
    measures_table,
    sides_table,
)

Key = tuple[str, str, str]
FEWEST = 3  # repetitions that a verdict needs


class Findings:
    """Results of a run, cut by data, groups and model."""

    def __init__(self, store: Store, data: Sequence[str] = ()) -> None:
        kept = [row for row in store.latest() if not data or row["data"] in data]
        self.rows = [row for row in kept if not row["rows"]] or kept
        self.machines = store.machines()
        self.frame = read_frame(self.rows)
        self.parts: dict[Key, pd.DataFrame] = {
            tuple(map(str, key)): part  # type: ignore[misc]
            for key, part in self.frame.groupby(["data", "sensitive", "model"], sort=False)
        }
        self.large = {key: _is_large(part) for key, part in self.parts.items()}
        self.compared = [
            (key, criterion, c)
            for key, part in self.parts.items()
            for criterion in HEADLINES
            for c in compare_all(part, criterion)
        ]
        tested = [c for key, _, c in self.compared if self.large[key]]
        self.pvalues = dict(zip(map(id, tested), adjusted(tested), strict=True))

    def pvalue(self, comparison: Comparison) -> float:
        return float(self.pvalues.get(id(comparison), np.nan))


def _is_large(part: pd.DataFrame) -> bool:
    first = part.iloc[0]
    rows = first["test"].sum() if part["fold"].nunique() == 1 else 0
    return bool(rows * 5 >= LARGE or ((part["rows"] > 0).any() and part["fold"].max() == 0))


def place(key: Key, criterion: str = "") -> str:
    return ", ".join(
        [Path(key[0]).stem, *key[1:], *([criterion.replace("_", " ")] if criterion else [])]
    )


def behind(found: Findings) -> list[str]:
    """Sentences that say where skfair is behind, the report's first lines."""
    lines = []
    few = sum(found.large[key] and c.n < FEWEST for key, _, c in found.compared)
    for key, criterion, c in found.compared:
        pvalue = found.pvalue(c)
        if c.n < FEWEST or np.isnan(pvalue) or (pvalue < 0.05 and c.gap.low <= SLACK):
            continue
        how = "worse" if c.gained.high < 0 else "not shown to be within a point"
        if pvalue < 0.05:
            how = "as accurate, at a larger violation"
        lines.append(
            f"- {c.ours} against {c.peer} ({place(key, criterion)}): {how}; accuracy "
            f"{100 * c.gained.mean:+.2f} points (lower limit {100 * c.gained.low:+.2f}), "
            f"violation {c.gap.mean:+.3f}."
        )
    if few:
        lines.append(
            f"- {few} comparisons have fewer than {FEWEST} repetitions and say nothing yet."
        )
    return lines + _frontiers_behind(found)


def _frontiers_behind(found: Findings) -> list[str]:
    lines = []
    for key, part in found.parts.items():
        for criterion in HEADLINES if found.large[key] else ():
            for level in LEVELS:
                ours, theirs = best_of_sides(part, criterion, level)
                if not (ours.reached and theirs.reached):
                    continue
                gained = corrected(paired(ours, theirs))
                if gained.mean < 0:
                    sure = "" if gained.high < 0 else ", within the noise"
                    lines.append(
                        f"- Best of skfair against best of the peers at {level:.2f} "
                        f"({place(key, criterion)}): {100 * gained.mean:+.2f} points{sure}."
                    )
    return lines


def how_it_was_run(found: Findings) -> str:
    dates = sorted(row["date"] for row in found.rows)
    stamps = Counter(
        f"{name} {version}"
        for row in found.rows
        for name, version in row["versions"].items()
        if name != "code"
    )
    keys = ["data", "sensitive", "model"]
    repetitions = found.frame.groupby([*keys, "method"])["repetition"].nunique().groupby(keys)
    counts = [
        f"{place(key)}: {part.max()}" + (f" ({part.min()} of some)" if part.nunique() > 1 else "")
        for key, part in repetitions
    ]
    lines = [
        f"{len(found.rows):,} cells, {dates[0]} to {dates[-1]} (UTC).",
        f"Versions that results hang on: {', '.join(sorted(stamps))}.",
        f"Repetitions: {'; '.join(counts)}.",
        f"Of the full design, not in this run: {'; '.join(not_run(found)) or 'nothing'}.",
    ]
    lines += [
        f"Machine: {m['cpu']}, {m['cores']} cores, Python {m['python']}, "
        + ", ".join(f"{k} {v}" for k, v in m["libraries"].items() if v != "not installed")
        + "."
        for m in found.machines
    ]
    return "\n".join(f"- {line}" for line in lines)


def not_run(found: Findings) -> list[str]:
    """Parts of the full design that have no results here."""
    lines = []
    for data, features in SENSITIVE.items():
        for sensitive in features:
            models = [m for m in MODELS if (data, sensitive, m) not in found.parts]
            if models:
                lines.append(f"{data}, {sensitive}: {', '.join(models)}")
    return lines


METHOD = f"""\
Each repetition cuts the rows into fifths by group and label: three train, one chooses the value
of a knob, one tests. Large tables (from {LARGE:,} rows) take one such split a repetition; of small
ones all five fifths validate and test in turn, and their cells are added up before a knob is
chosen and a violation taken. Decisions that are drawn count with their chances. ± is half of a
95 % interval by Nadeau and Bengio's corrected t, with the variance factor 1/J + n_test/n_train.
Nothing is interpolated: "in 3 of 5" means that in two repetitions no value of the knob kept to the
level on validation rows. The hypervolume is the share of the box between no violation with full
accuracy and the plain model's violation with the commoner label's share that the steps of a
method's frontier dominate."""


COMPARING = f"""\
For each value of the peer's knob, skfair's that is no less fair on validation rows (by more than
{SLACK}), and the most accurate of those; so a coarse grid costs skfair accuracy, and the column
"violation" shows what that buys. The difference in accuracy on test (balanced accuracy for reject
options) in points, its one-sided 95 % lower limit, the difference in violation on test with its
95 % interval, and the p-value of being a point or more worse, by Holm over this table."""
LOTS = """\
Rules of skfair that decide alike each time, which the estimators give by default, less its own that
draw lots, at the latter's violation: what it costs that the same person gets the same answer."""
PRETRAINING = """\
Every group against all other rows, in the layout of table 1 of Mandhala et al. (2022). CI is the
imbalance of numbers, disparity their ratio (their equation 3), DPL the difference in shares of
positive labels, KS and KL compare the distributions of labels, skewness is that of the group's 0/1
column. The table's values in the paper are lost; these come from the bundled data."""


def large_section(found: Findings, key: Key, file: Path) -> str:
    part = found.parts[key]
    labels = _labels(found, key)
    panels = {c.replace("_", " "): (candidates(part, c), c) for c in HEADLINES}
    picture = frontier_plot(panels, file.parent / "images" / picture_name("benchmarks", *key))
    out = [f"## {place(key)}\n", f"![Accuracy against violation.](images/{picture})\n"]
    for criterion in HEADLINES:
        out += [
            f"### {criterion.replace('_', ' ')}: accuracy (violation) on test\n",
            levels_table(part, criterion, large=True),
            "The best of each side, chosen on validation rows:\n",
            sides_table(part, criterion),
        ]
    out += [
        "### all measures, knobs chosen for demographic parity at most 0.05 or as near as can be\n",
        measures_table(part, labels),
    ]
    return "\n".join(out)


def small_section(found: Findings, key: Key, file: Path) -> str:
    part, labels = found.parts[key], _labels(found, key)
    plain = part[part["method"] == "nothing"]
    out = [f"## {place(key)}: described, not ranked\n"]
    for criterion in HEADLINES:
        once = np.sum(plain[plain["repetition"] == plain["repetition"].min()]["test"].tolist(), 0)
        one = plain["test"].iloc[0]
        out += [
            f"### {criterion.replace('_', ' ')}: accuracy (violation), tests pooled over folds\n",
            f"Were groups alike, noise alone would make a gap of {noise(once, criterion):.3f}, "
            f"and of {noise(one, criterion):.3f} in one fold's test, on average.\n",
            levels_table(part, criterion, large=False),
        ]
    return "\n".join([*out, measures_table(part, labels)])


def _labels(found: Findings, key: Key) -> list[str]:
    """Names of the groups, as the results tell them."""
    return list(found.parts[key]["labels"].dropna().iloc[0])


def picture_name(*parts: str) -> str:
    return "-".join(Path(part).stem for part in parts).replace(" ", "") + ".png"


def before_section(found: Findings, file: Path) -> str:
    data = [name for name in SENSITIVE if name in set(found.frame["data"])]
    out = [
        "## Before training\n",
        PRETRAINING + "\n",
        pretraining_table(data),
        "Errors and AUC on test before and after mitigation (their table 2):\n",
        errors_before_after(found.frame),
        "AUC by group:\n",
        auc_before_after(found.frame),
    ]
    for key in found.parts:
        rows = [r for r in found.rows if (r["data"], r["sensitive"], r["model"]) == key]
        knobs: dict[str, Any] = {"Resampler": "balance"}
        counts = {m: pooled_bins(rows, m, knobs.get(m)) for m in SHOWN}
        kept = {m: c for m, c in counts.items() if c is not None}
        if key[2] == "logistic" and kept:
            image = file.parent / "images" / picture_name("roc", *key[:2])
            picture = roc_plot(kept, _labels(found, key), image)
            out.append(f"![ROC by group, {place(key)}.](images/{picture})\n")
    return "\n".join(out)


def write_report(store: Store, file: Path, data: Sequence[str] = ()) -> None:
    """Write the Markdown file, and its pictures into ``images`` beside it; of some data, or all."""
    found = Findings(store, data)
    lines = behind(found) or ["- Nowhere in this run."]
    tested = [
        (place(key, criterion), c, found.pvalue(c))
        for key, criterion, c in found.compared
        if found.large[key]
    ]
    certain = [
        (place(key, criterion), c)
        for key, part in found.parts.items()
        for criterion in HEADLINES
        for c in price_of_certainty(part, criterion)
    ]
    small = [(place(k, criterion), c) for k, criterion, c in found.compared if not found.large[k]]
    out = [
        "# Quality of mitigation: skfair and its peers\n",
        "Where skfair is behind in this run:\n",
        "\n".join(lines) + "\n",
        "## How it was run\n",
        METHOD + "\n",
        how_it_was_run(found) + "\n",
        "## The same algorithm at the peer's violation\n",
        COMPARING + "\n",
        comparisons_table(tested),
    ]
    if small:
        out += ["German and Heart, described:\n", described_table(small)]
    if certain:
        out += ["## What it costs not to draw lots\n", LOTS + "\n", described_table(certain)]
    for key in found.parts:
        section = large_section if found.large[key] else small_section
        out.append(section(found, key, file))
    out += [before_section(found, file), "## What failed\n", errors_table(found.rows)]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(out))
