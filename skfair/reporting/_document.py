"""From a report's plain dict to the blocks of a document, the same for every way to write it."""

from __future__ import annotations

from collections.abc import Iterator

from skfair._utils.plotting import readable
from skfair.reporting._blocks import Block, Heading, Items, Text
from skfair.reporting._document_data import data_blocks
from skfair.reporting._document_mitigation import mitigation_blocks, mitigation_sentences
from skfair.reporting._document_model import model_blocks
from skfair.reporting._plain import Plain
from skfair.reporting._words import CRITERIA, count, percent_of_level

_IN_SHORT = ("demographic_parity", "equal_opportunity", "predictive_equality", "predictive_parity")


def document(report: Plain) -> list[Block]:
    """Lay a report out."""
    return [*_blocks(report)]


def _blocks(report: Plain) -> Iterator[Block]:
    yield Text(_about(report))
    yield Heading(2, "In short")
    yield Items(_in_short(report))
    if report["data"]:
        yield Heading(2, "Data")
        yield from data_blocks(report["data"])
    if report["model"]:
        yield Heading(2, "Model")
        yield from model_blocks(report["model"])
    if report["mitigation"] is not None:
        yield Heading(2, "Before and after")
        yield from mitigation_blocks(report["mitigation"])
    yield Heading(2, "What this report can't tell")
    yield Items(report["limits"])
    if report["left_out"]:
        yield Heading(3, "Not in this report")
        yield Items([f"{readable(x['part'])}: {x['why']}" for x in report["left_out"]])
    if report["notes"]:
        yield Heading(3, "Notes of the computation")
        yield Items([f"{readable(x['part'])}: {x['message']}" for x in report["notes"]])


def _about(report: Plain) -> str:
    about = report["about"]
    positive = about["positive_class"]
    of = (
        "no row is labelled or called positive" if positive is None else f"“{positive}” is positive"
    )
    by = " and ".join(about["sensitive_features"])
    model = "" if about["model"] is None else f" Model: {about['model']}."
    weighted = " Rates are weighted." if about["is_weighted"] else ""
    return (
        f"{count(about['n_rows'])} rows, by {by}; {of}.{model}{weighted} Intervals, in brackets, "
        f"hold the true figure in {percent_of_level(about['confidence_level'])} of samples like "
        "this one. Differences of shares are in percentage points."
    )


def _in_short(report: Plain) -> list[str]:
    if report["mitigation"] is not None:
        return mitigation_sentences(report["mitigation"])
    found = []
    for part in report["model"].get("criteria", []):
        by = " and ".join(part["by"])
        if len(part["by"]) > 1:
            continue
        found += [
            f"{CRITERIA[line['criterion']].title} by {by}. {line['sentence']}"
            for line in part["criteria"]
            if line["criterion"] in _IN_SHORT
        ]
    return found or ["No criteria were asked for."]
