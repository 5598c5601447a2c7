"""All cases of the table."""

from __future__ import annotations

from . import counting, detecting, fitting, imports
from .case import Case, Size

ROWS = (10_000, 100_000, 1_000_000, 10_000_000)
GROUPS = (2, 10, 100, 1_000)
COLUMNS = (10, 100, 1_000)


def _grown(base: Size, *, rows: tuple[int, ...] = ROWS, groups: tuple[int, ...] = GROUPS) -> dict:
    return {"rows": (base, rows), "groups": (base._replace(rows=100_000), groups)}


_COUNT, _FIT, _BOOT = Size(100_000, 10), Size(100_000, 4), Size(10_000, 4)

_ALL = [
    Case(
        "group metrics",
        "MetricFrame of four rates by groups of strings, and their differences",
        "strings to codes, one bincount, ratios",
        counting.metrics_of_strings,
        _COUNT,
        _grown(_COUNT),
        ("fairlearn", "aif360"),
        atol=1e-9,
    ),
    Case(
        "group metrics, categories",
        "the same of a categorical column",
        "one bincount, ratios",
        counting.metrics_of_categories,
        _COUNT,
        {"rows": (_COUNT, ROWS)},
        ("fairlearn",),
        atol=1e-9,
    ),
    Case(
        "one figure",
        "demographic parity difference of two groups of strings",
        "strings to codes, one bincount",
        counting.one_figure,
        _COUNT._replace(groups=2),
        peers=("fairlearn", "aif360"),
        atol=1e-9,
    ),
    Case(
        "count cells",
        "the kernel: rows by group, label and decision, from codes in one byte",
        "one bincount of ready cells in eight bytes",
        counting.count_of_cells,
        _COUNT,
        {"rows": (_COUNT, ROWS)},
        atol=0.0,
    ),
    Case(
        "bootstrap",
        f"the four rates with intervals of {counting.REPLICATES} replicates",
        "strings to codes, one bincount, one multinomial draw, quantiles of one gap",
        counting.bootstrap,
        _BOOT,
        {"rows": (_BOOT, ROWS), "groups": (_BOOT, GROUPS)},
        ("fairlearn",),
        figures=("low", "high"),
        patience=3.0,
    ),
    Case(
        "threshold fit, parity",
        "cuts for given scores within 0.05 of demographic parity",
        "one sort of the scores",
        fitting.thresholds_for_parity,
        _FIT,
        _grown(_FIT),
        ("skfair, randomized", "fairlearn", "error-parity"),
        figures=("accuracy", "violation"),
    ),
    Case(
        "threshold fit, odds",
        "cuts for given scores within 0.05 of equalized odds (fairlearn: 0)",
        "one sort of the scores",
        fitting.thresholds_for_odds,
        _FIT,
        _grown(_FIT, rows=ROWS[:3], groups=GROUPS[:3]),
        ("skfair, randomized", "fairlearn", "error-parity"),
        figures=("accuracy", "violation"),
    ),
    Case(
        "threshold decisions",
        "decisions by known cuts, groups of strings",
        "strings to codes, one comparison",
        fitting.decisions,
        Size(1_000_000, 4),
        {"rows": (Size(1_000_000, 4), ROWS)},
        atol=0.0,
    ),
    Case(
        "reduction",
        "exponentiated gradient for demographic parity within 0.05, logistic regression",
        "the logistic regressions that skfair fitted, alone",
        fitting.reductions,
        Size(10_000, 2, 20),
        {
            "rows": (Size(10_000, 2, 20), ROWS[:2]),
            "groups": (Size(10_000, 2, 20), (2, 10, 100)),
            "columns": (Size(10_000, 2, 20), COLUMNS[:2]),
        },
        ("fairlearn",),
        figures=("accuracy", "violation", "fits"),
    ),
    Case(
        "adversarial epoch",
        "a call of fit of one epoch, projection against an adversary, two small networks",
        "the same algorithm as a bare torch loop",
        fitting.adversarial_epoch,
        Size(20_000, 4, 50),
        {
            "rows": (Size(20_000, 4, 50), ROWS[:2]),
            "columns": (Size(20_000, 4, 50), COLUMNS),
        },
        ("fairlearn",),
    ),
    Case(
        "Reweighter, weights",
        "weights of label and group of strings",
        "strings to codes, one bincount, one take",
        counting.weights,
        _COUNT,
        _grown(_COUNT),
        ("aif360",),
        atol=1e-9,
    ),
    Case(
        "Reweighter",
        "a logistic regression fitted with the weights",
        "the same fit, and the weights' floor",
        fitting.reweighted_model,
        Size(100_000, 10, 20),
        {"columns": (Size(100_000, 10, 20), COLUMNS[:2])},
        ("aif360",),
        atol=1e-6,
    ),
    Case(
        "Resampler",
        "all cells of group and label as large as the largest: features, labels and groups",
        "strings to codes, one argsort, one take of features and labels",
        counting.resampling,
        Size(100_000, 10, 20),
        {
            "rows": (Size(100_000, 10, 20), ROWS[:3]),
            "groups": (Size(100_000, 10, 20), GROUPS),
            "columns": (Size(100_000, 10, 20), COLUMNS[:2]),
        },
        ("imbalanced-learn",),
        atol=0.0,
    ),
    Case(
        "CorrelationRemover",
        "two groups' linear trace taken out of the features",
        "one least-squares fit and a difference",
        fitting.correlation,
        Size(100_000, 0, 50),
        {"columns": (Size(100_000, 0, 50), COLUMNS[:2])},
        ("fairlearn",),
        atol=1e-9,
    ),
    Case(
        "detector, words",
        "every value of columns of words: tests, intervals, seven metrics (Clarify: the metrics)",
        "strings to codes, one bincount a column",
        detecting.detector_of_words,
        Size(20_000, 0, 20),
        {
            "rows": (Size(20_000, 0, 20), ROWS[:3]),
            "columns": (Size(20_000, 0, 20), COLUMNS[:2]),
        },
        ("smclarify",),
        atol=1e-9,
    ),
    Case(
        "detector, numbers",
        "every bin of columns of numbers",
        "quantiles, bins, one bincount a column",
        detecting.detector_of_numbers,
        Size(20_000, 0, 20),
        {
            "rows": (Size(20_000, 0, 20), ROWS[:3]),
            "columns": (Size(20_000, 0, 20), COLUMNS[:2]),
        },
    ),
    Case(
        "detector, Adult",
        "every value or bin of 14 columns; with groups and proxies; with three control features",
        "codes or quantiles and bins, one bincount a column",
        detecting.detector_of_adult,
        Size(48_842, 0, 14),
        peers=("skfair, groups and proxies", "skfair, controlled"),
    ),
    Case(
        "import",
        "a fresh interpreter that imports skfair.metrics",
        "one that imports sklearn.metrics",
        imports.import_time,
        Size(),
        peers=("skfair, bare package", "fairlearn", "aif360"),
    ),
]
CASES = {case.name: case for case in _ALL}
