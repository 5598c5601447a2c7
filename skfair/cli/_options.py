"""The options of the commands."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from skfair._version import __version__
from skfair.cli._names import METHODS, METRICS, SIDES
from skfair.cli._problems import CommandError

_DESCRIPTION = "Find, measure and mitigate bias in tables and classifiers."
_CODES = """\
exit codes:
  0    done; no condition of --fail-if holds
  1    a condition of --fail-if holds, or its figure is undefined
  2    an option, a file or a column has to be mended; one line says how
  3    mitigate: no model is worth writing
  70   an error that wasn't foreseen (--traceback shows where)
  130  interrupted
  141  what read the output ended before the command did
"""
_SIDES = """\
what --fail-if compares with the number:
  estimate   the figure itself (the default): on few rows it may fail by chance
  shown      the interval's end nearer to what is fine (the lower for >, the upper for <):
             fails only where the data show it, so few rows pass
  possible   the other end: fails unless the data rule it out, so few rows fail
A gap is judged for each sensitive feature and for their intersections; one is named so:
"equalized_odds by sex > 0.1". A bare rate ("accuracy < 0.8") is that of all rows. An undefined
figure fails.
"""
_AUDIT = """\
Report on the decisions of a model by group. --prediction names a column of decisions, --model a
file that skfair mitigate or skops.io.dump wrote. With neither, the labels alone are looked at.
"""
_MITIGATE = """\
Search for the best model within a bound on bias. A test part is set aside first; candidates are
compared by cross-validation on the rest; the winner is fitted, written, and reported on the test
part. Sensitive columns are no features of the model. Rules that use or infer the group of a
person at predict time are tried only with --allow-group-at-predict: they can be unlawful.
"""
_EXAMPLES = {
    "audit": """\
examples:
  skfair audit adult --sensitive sex --sensitive race --html adult.html
  skfair audit data.csv --target income --positive ">50K" --sensitive sex --prediction decision
  skfair audit data.csv --target income --positive ">50K" --sensitive sex --model model.skops \\
      --fail-if "equalized_odds > 0.1"
""",
    "mitigate": """\
examples:
  skfair mitigate adult --sensitive sex --drop fnlwgt --output model.skops --html report.html
  skfair mitigate data.csv --target hired --positive yes --sensitive sex --sensitive age:40 \\
      --criterion equal_opportunity --bound 0.1
""",
}


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        """Raise CommandError."""
        raise CommandError(f"{message} ({self.prog} --help lists what there is)")


def make_parser() -> Parser:
    """Make the parser of all commands."""
    parser = Parser(prog="skfair", description=_DESCRIPTION, **_raw(_CODES))
    parser.add_argument("--version", action="version", version=f"skfair {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    audit = commands.add_parser(
        "audit",
        help="report on labels or decisions by group",
        description=_AUDIT,
        **_raw(_EXAMPLES["audit"] + "\n" + _SIDES + "\n" + _CODES),
    )
    _add_data(audit)
    _add_decisions(audit)
    _add_report(audit)
    mitigate = commands.add_parser(
        "mitigate",
        help="search for a fairer model, and write it with a report",
        description=_MITIGATE,
        **_raw(_EXAMPLES["mitigate"] + "\n" + _SIDES + "\n" + _CODES),
    )
    _add_data(mitigate)
    _add_search(mitigate)
    _add_candidates(mitigate)
    _add_report(mitigate)
    return parser


def _raw(epilog: str) -> dict[str, Any]:
    return {
        "epilog": epilog,
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "allow_abbrev": False,
    }


def _add_data(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("data").add_argument
    add("data", help="a CSV or Parquet file, or a bundled set: adult, german, heart")
    add("--target", metavar="COLUMN", help="the labels; known for bundled sets")
    add("--positive", metavar="VALUE", help="the favourable label; not needed for 0 and 1")
    add(
        "--sensitive",
        metavar="COLUMN",
        action="append",
        required=True,
        help="a sensitive feature; several are allowed. Numbers are cut by COLUMN:EDGE,EDGE, "
        "such as age:25,60",
    )
    add("--encoding", default="utf-8", help="of a CSV file (default: utf-8)")
    add("--separator", metavar="SIGN", help="of a CSV file (default: a comma)")
    add("--decimal", default=".", choices=[".", ","], help="of a CSV file (default: a point)")


def _add_decisions(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("decisions")
    which = group.add_mutually_exclusive_group()
    which.add_argument("--prediction", metavar="COLUMN", help="decisions, written as the labels")
    which.add_argument("--model", metavar="FILE", help="a model in a file of skops")
    group.add_argument("--score", metavar="COLUMN", help="probabilities, beside --prediction")
    group.add_argument("--weight", metavar="COLUMN", help="sampling weights")
    group.add_argument(
        "--rows-in-memory",
        metavar="N",
        type=_count,
        default=500_000,
        help="Parquet with more rows is counted by the embedded engine, or predicted in parts, and "
        "never loaded; the report then lacks what needs rows (default: 500000)",
    )


def _add_search(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("search").add_argument
    add(
        "--criterion",
        default="demographic_parity",
        help="what groups should share (default: demographic_parity)",
    )
    add(
        "--bound",
        type=_share,
        help="largest difference allowed, or smallest ratio (default: 0.05, ratios 0.8)",
    )
    add(
        "--metric",
        choices=METRICS,
        default="accuracy",
        help="what is best within the bound (default: accuracy)",
    )
    add("--test-size", type=_share, default=0.25, help="share of the test part (default: 0.25)")
    add("--cv", type=_count, default=5, help="number of folds (default: 5)")
    add("--jobs", type=int, default=1, help="fits at a time; -1: as many as there are cores")
    add("--random-state", type=int, default=0, help="seed (default: 0)")
    add("--output", metavar="FILE", default="model.skops", help="(default: model.skops)")


def _add_candidates(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("candidates").add_argument
    add(
        "--estimator",
        choices=("logistic", "hist_gradient_boosting"),
        default="logistic",
        help="the model that is mitigated (default: logistic)",
    )
    add("--try", dest="methods", metavar="METHOD", action="append", choices=METHODS, help=_tries())
    add("--drop", metavar="COLUMN", action="append", default=[], help="no feature of the model")
    add(
        "--allow-group-at-predict",
        action="store_true",
        help="also try rules that use or infer a person's group when they decide",
    )
    add(
        "--keep-sensitive-features",
        action="store_true",
        help="sensitive columns are features, too; needs --allow-group-at-predict",
    )


def _tries() -> str:
    return (
        f"try only this method, beside the plain model; several are allowed: {', '.join(METHODS)}"
    )


def _add_report(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("report").add_argument
    add("--html", metavar="FILE", help="write the report as a page")
    add("--json", metavar="FILE", help="write the report as JSON")
    add("--title", help="heading of the report")
    add("--confidence-level", type=_share, default=0.95, help="of all intervals (default: 0.95)")
    add(
        "--min-group-size",
        type=_count,
        default=30,
        help="groups with fewer rows are left out of gaps (default: 30)",
    )
    add(
        "--fail-if",
        metavar="CONDITION",
        action="append",
        default=[],
        help='exit with 1 if it holds, such as "equalized_odds > 0.1"; several are allowed',
    )
    add(
        "--fail-side",
        choices=SIDES,
        default="estimate",
        help="which side of the interval is compared; see below (default: estimate)",
    )
    add("--no-progress", action="store_true", help="show no progress bar")
    add("--traceback", action="store_true", help="show where an error comes from")


def _count(text: str) -> int:
    try:
        found = int(text)
    except ValueError:
        found = 0
    if found < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return found


def _share(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number between 0 and 1")
    return found
