"""A page about the health of images: plain, escaped, without anything to load or run."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair._utils.html import as_utf8, escaped
from skfair._utils.optional import import_optional
from skfair.vision._issues import CONFLICT, MEANING
from skfair.vision._report import only_found, weighing
from skfair.vision._thumbnails import Example, shown_of

_MOST_LINES = 200

_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>Image health</title>
<style>
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 62em; padding: 0 1em; }
table { border-collapse: collapse; margin: 1em 0; }
th, td { padding: .2em .7em; border-bottom: 1px solid #ddd; text-align: right; }
th { background: #f5f5f5; }
td.text, th.text { text-align: left; }
figure { display: inline-block; margin: .3em; vertical-align: top; width: 104px; }
figure img { max-width: 96px; min-width: 48px; image-rendering: pixelated; border: 1px solid #ccc; }
figcaption { font-size: 12px; overflow-wrap: anywhere; color: #555; }
.line { margin: .3em 0; border-left: 3px solid #ddd; padding-left: .5em; }
.line p { margin: 0; font-size: 12px; color: #555; }
</style>
</head>
<body>
"""


def write_html(check: Any) -> str:
    """Write the page of a fitted ImageHealthCheck, of text that UTF-8 can hold."""
    summary = check.summary_.reset_index()
    summary["meaning of the score"] = [MEANING[issue] for issue in summary["issue"]]
    weighted = ", weighted" if check.is_weighted_ else ""
    level = f"{100 * check.confidence_level:g} %"
    parts = [
        _HEAD,
        f"<h1>Image health</h1>\n<p>{check.n_images_} images; intervals are of {level}"
        f"{weighing(check)}.</p>\n",
        _section(f"Issues{weighted}", summary),
        _section(f"Balance of classes and groups{weighted}", check.balance_),
        _section(f"Issues by group{weighted}", only_found(check.by_group_, check.summary_)),
        _section(f"Issues by class{weighted}", only_found(check.by_class_, check.summary_)),
        _section(f"Copies across splits{weighted}", check.across_splits_),
    ]
    if len(check.label_conflicts_):
        conflicts = check.copies_[check.copies_["cluster"].isin(check.label_conflicts_)]
        parts.append(_section("Copies with different labels", conflicts))
        parts += _examples([e for e in check.examples_ if e.issue == CONFLICT], titled=False)
    unread = pd.DataFrame({"row": check.reasons_.index, "reason": check.reasons_.to_numpy()})
    parts.append(_section("Images that can't be read", unread))
    parts += _examples([e for e in check.examples_ if e.issue != CONFLICT])
    return as_utf8("".join([*parts, "</body>\n</html>\n"]))


def _section(title: str, table: pd.DataFrame | None) -> str:
    if table is None or len(table) == 0:
        return ""
    shown = table.head(_MOST_LINES)
    numeric = [pd.api.types.is_numeric_dtype(dtype) for dtype in table.dtypes]
    kinds = ["" if is_number else ' class="text"' for is_number in numeric]
    head = "".join(
        f"<th{kind}>{escaped(name)}</th>" for kind, name in zip(kinds, table, strict=True)
    )
    lines = [
        "<tr>"
        + "".join(f"<td{kind}>{_cell(v)}</td>" for kind, v in zip(kinds, values, strict=True))
        + "</tr>\n"
        for values in shown.itertuples(index=False)
    ]
    more = len(table) - len(shown)
    rest = f"<p>... and {more} more lines</p>\n" if more else ""
    return f"<h2>{escaped(title)}</h2>\n<table>\n<tr>{head}</tr>\n{''.join(lines)}</table>\n{rest}"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else f"{value:.4g}"
    return escaped(value)


def _examples(examples: list[Example], *, titled: bool = True) -> list[str]:
    parts = []
    for issue, group in groupby(examples, key=lambda example: example.issue):
        of_issue = list(group)
        if titled:
            parts.append(f"<h2>{escaped(issue)}</h2>\n")
        if cut := shown_of(of_issue):
            parts.append(f"<p>{cut} shown (n_examples)</p>\n")
        for _, line in groupby(of_issue, key=lambda example: example.line):
            parts.append(_line(list(line)))
    return parts


def _line(line: list[Example]) -> str:
    first = line[0]
    name = "" if first.cluster is None else f"<p>cluster {first.cluster}</p>\n"
    more = f"<p>... and {first.hidden} more images</p>" if first.hidden else ""
    return f'<div class="line">{name}{"".join(map(_figure, line))}{more}</div>\n'


def _figure(example: Example) -> str:
    source = None if example.picture is None else _png(example.picture)
    image = f'<img src="data:image/png;base64,{source}" alt="">' if source else ""
    texts = [f"row {example.row}, {example.score:.3g}", example.name, example.note]
    caption = "<br>".join(escaped(text) for text in texts if text)
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


def _png(picture: NDArray[np.uint8]) -> str | None:
    try:
        library = import_optional("PIL.Image", extra="vision", purpose="pictures in a page")
    except ImportError:
        return None
    buffer = BytesIO()
    library.fromarray(picture).save(buffer, "PNG")
    return b64encode(buffer.getvalue()).decode("ascii")
