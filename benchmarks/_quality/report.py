"""The report: Markdown and pictures, made from a folder of results only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .analysis import GAP_MARGIN, SLACK, price_of_certainty
from .before import SHOWN, auc_before_after, errors_before_after, pooled_bins, pretraining_table
from .behind import first_lines
from .data import LARGE, SENSITIVE
from .digests import whole_digests
from .findings import Findings
from .measure import HEADLINES
from .methods import MODELS
from .place import Place
from .plots import frontier_plot, roc_plot
from .store import Store
from .tables import (
    codes_table,
    comparisons_table,
    errors_table,
    floor_text,
    levels_table,
    measures_table,
    sides_table,
)

MEASURED_AT = 0.05  # violation on validation rows that tables of measures ask for
PLAIN = ("german", "heart")  # tables that get no pictures, being small


def how_it_was_run(found: Findings) -> str:
    dates = sorted(row["date"] for row in found.rows)
    stamps = Counter(
        f"{name} {version}"
        for row in found.rows
        for name, version in row["versions"].items()
        if name != "code" and version != "not installed"
    )
    keys = ["data", "sensitive", "model"]
    repetitions = found.frame.groupby([*keys, "method"])["repetition"].nunique().groupby(keys)
    counts = [
        f"{', '.join([Path(key[0]).stem, *key[1:]])}: {part.max()}"
        + (f" ({part.min()} of some)" if part.nunique() > 1 else "")
        for key, part in repetitions
    ]
    digests = ", ".join(f"{name} {digest}" for name, digest in whole_digests().items())
    lines = [
        f"{len(found.rows):,} cells, {dates[0]} to {dates[-1]} (UTC).",
        f"Versions that results hang on: {', '.join(sorted(stamps))}.",
        f"Repetitions: {'; '.join(counts)}.",
        f"Of the full design, not in this run: {'; '.join(not_run(found)) or 'nothing'}.",
        f"Digests of the present code: {digests}.",
        _codes(found),
    ]
    lines += [
        f"Machine: {m['cpu']}, {m['cores']} cores, Python {m['python']}, "
        + ", ".join(f"{k} {v}" for k, v in m["libraries"].items() if v != "not installed")
        + "."
        for m in found.machines
    ]
    return "\n".join(f"- {line}" for line in lines)


def _codes(found: Findings) -> str:
    same, other, untold = found.codes().sum()
    return (
        f"Results of exactly this code: {same:,}; of other code of skfair or of the benchmark: "
        f"{other:,}; stored without a digest of all code: {untold:,} (by method at the end); "
        f"failed: {sum('error' in row for row in found.rows):,}."
    )


def not_run(found: Findings) -> list[str]:
    """Parts of the full design that have no results here."""
    there, lines = {place.key for place in found.places}, []
    for data, features in SENSITIVE.items():
        for sensitive in features:
            models = [m for m in MODELS if (data, sensitive, m) not in there]
            if models:
                lines.append(f"{data}, {sensitive}: {', '.join(models)}")
    return lines


AGAIN = """\
`python benchmarks/quality.py --results benchmarks/published --report-only --report again.md` makes
this page from the results in the repository. `make bench` runs skfair's methods on Adult by sex
again, beside the peers' published results where versions are the same, and `python
benchmarks/quality.py --full` runs everything."""

METHOD = f"""\
Each repetition cuts the rows into fifths by group and label: three train, one chooses the value
of a knob, one tests. Large tables (from {LARGE:,} rows) take one such split a repetition; of small
ones all five fifths validate and test in turn, and their cells are added up before a knob is
chosen and a violation taken. Decisions that are drawn count with their chances. ± is half of a
95 % interval by Nadeau and Bengio's corrected t, with the variance factor 1/J + n_test/n_train; on
small tables J counts the folds of all repetitions, and a fold's share in a violation of pooled
cells is the jackknife's (in a simulation such intervals held the truth in 90 to 100 %, intervals
over repetitions of pooled cells in 46 to 83 %). Nothing is interpolated: "in 3 of 5" means that in
two repetitions no value of the knob kept to the level on validation rows, or none has a result;
levels that a test shows by noise alone aren't asked for (the violation that decisions alike would
show, drawn 2,000 times with the test's numbers of rows by group and label). The
hypervolume is the share of the box between no violation with full accuracy and the plain model's
violation with the commoner label's share that lies under a method's steps on test. Steps are those
of the rules on the validation rows' frontier, in its order: a rule that falls behind on test takes
its share back, so that nothing is chosen on test rows and more rules don't win by luck.
Hypervolumes of small tables have no interval."""

COMPARING = f"""\
At the violation of each value of either side's knob that is on its frontier on validation rows,
both sides take their most accurate value that is no less fair on validation rows (by more than
{SLACK}), or their fairest where they have none; so swapping the sides turns the signs of both
differences. (Violations of one side only would be a handicap for the other, which had to match what
got there by luck: when each side in turn had to match the other on the results of November 2026,
the two differences in accuracy summed to a loss in 72 of 100 comparisons, to a gain in 8.) Skfair
less the peer on test: the difference in accuracy in points (pairs that maximise balanced accuracy
are judged by both), averaged over these levels; its one-sided 95 % lower limit, for itself; the
p-value of being a point or more worse, by Holm over all comparisons of the report on large tables,
on which "no worse by 1" rests; the value of the peer's knob at which skfair does worst, with its
lower limit (the average takes levels of skfair's knob, too, and may lie below it); and the
difference in violation with its 95 % interval. It is no worse by {GAP_MARGIN} where all of the
interval is at most that ("no": where all of it is above). Only with both a yes is skfair as
accurate at equal violation. Peers that draw lots are compared with skfair's rules that draw lots,
", drawn", and with those that decide alike each time, which its estimators give by
default. Methods that know no criterion are the same fits in both tables. Small tables have no
p-values: they are described, not ranked."""

LOTS = """\
Rules of skfair that decide alike each time less its own that draw lots, at equal violation: what it
costs that the same person gets the same answer. By default estimators draw no lots; "by row" they
hang on the row's values (`randomized="by_row"`). Drawn decisions count with their chances, those by
row as they fell, so that small groups show their luck."""

FRONTIERS = """\
*Lines: each library's most accurate rule within a level of violation on validation rows, measured
on test rows, with 95 % intervals both ways. Faint points: the mean of every value of every method.
Star: no mitigation.*"""

CURVES = "*{}: a curve for each group on test rows of the first repetition, by method.*"

PRETRAINING = """\
Every group against all other rows, in the layout of table 1 of Mandhala et al. (2022). CI is the
imbalance of numbers, disparity their ratio (their equation 3), DPL the difference in shares of
positive labels, KS and KL compare the distributions of labels, skewness is that of the group's 0/1
column. The table's values in the paper are lost; these come from the bundled data."""


def comparisons(found: Findings) -> str:
    """One table for each criterion, of all places."""
    out = ["## The same algorithm at equal violation\n", COMPARING + "\n"]
    for criterion in HEADLINES:
        rows = [
            (str(place), c, found.pvalue(c))
            for place, c in found.compared
            if c.criterion == criterion
        ]
        out += [f"### {criterion.replace('_', ' ')}\n", comparisons_table(rows)]
    certain = [
        (f"{place}, {c.criterion.replace('_', ' ')}", c, float("nan"))
        for place in found.places
        for c in price_of_certainty(place)
    ]
    if certain:
        out += ["### What it costs not to draw lots\n", LOTS + "\n", comparisons_table(certain)]
    return "\n".join(out)


def place_section(place: Place, file: Path) -> str:
    """Tables of one place, and its frontiers."""
    out = [f"## {place}" + ("\n" if place.large else ": described, not ranked\n")]
    if place.key[0] not in PLAIN:
        image = file.parent / "images" / picture_name("benchmarks", *place.key)
        picture = frontier_plot({c.replace("_", " "): (place, c) for c in HEADLINES}, image)
        out += [f"![Accuracy against violation, {place}.](images/{picture})\n", FRONTIERS + "\n"]
    for criterion in HEADLINES:
        out += [
            f"### {place}: accuracy (violation) on test, {criterion.replace('_', ' ')}\n",
            floor_text(place, criterion),
            levels_table(place, criterion),
            "The best of each side, chosen on validation rows, and their difference:\n",
            sides_table(place, criterion),
        ]
    for criterion in HEADLINES:
        level = max(MEASURED_AT, float(np.nan_to_num(place.noise(criterion))))
        out += [
            f"### {place}: all measures on test, knobs chosen for {criterion.replace('_', ' ')} "
            f"at most {level:.2f} or as near as can be\n",
            measures_table(place, criterion, level),
        ]
    return "\n".join(out)


def picture_name(*parts: str) -> str:
    return "-".join(Path(part).stem for part in parts).replace(" ", "") + ".png"


def before_section(found: Findings, file: Path, data: Sequence[str]) -> str:
    out = [
        "## Before training\n",
        PRETRAINING + "\n",
        pretraining_table(list(data)),
        "Errors and AUC on test before and after mitigation (their table 2):\n",
        errors_before_after(found.frame),
        "AUC by group:\n",
        auc_before_after(found.frame),
    ]
    for place in found.places:
        rows = [r for r in found.rows if (r["data"], r["sensitive"], r["model"]) == place.key]
        knobs: dict[str, Any] = {"Resampler": "balance"}
        counts = {m: pooled_bins(rows, m, knobs.get(m)) for m in SHOWN}
        kept = {m: c for m, c in counts.items() if c is not None}
        if place.key[2] == "logistic" and place.key[0] not in PLAIN and kept:
            image = file.parent / "images" / picture_name("roc", *place.key[:2])
            picture = roc_plot(kept, place.labels, image)
            out += [f"![ROC by group, {place}.](images/{picture})\n", CURVES.format(place) + "\n"]
    return "\n".join(out)


def write_report(store: Store, file: Path, data: Sequence[str] = ()) -> None:
    """Write the Markdown file, and its pictures into ``images`` beside it; of some data, or all."""
    found = Findings(store, data)
    out = [
        "# Quality of mitigation: skfair and its peers\n",
        "\n".join(first_lines(found)) + "\n",
        comparisons(found),
        "## How it was run\n",
        METHOD + "\n",
        how_it_was_run(found) + "\n",
        AGAIN + "\n",
        *(place_section(place, file) for place in found.places),
        before_section(found, file, [name for name in data or SENSITIVE if name in SENSITIVE]),
        "## Results of other code\n",
        codes_table(found.codes()),
        "## What failed\n",
        errors_table(found.rows),
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(out))
