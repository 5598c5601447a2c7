"""Results made by hand, for tests of the report of quality."""

from __future__ import annotations

from _quality.place import Place, read_frame

KEY = ("adult", "sex", "logistic")


def made(method, knob, repetition, shift, criterion="any", fold=0, right=0, **other):
    """A result of 1,000 rows a group, of the second of which 10 x shift fewer are selected.

    ``right`` times 10 rows of the first group more are decided rightly, at the same selection.
    """
    more = 10 * right
    cells = [[400 + more, 100 - more, 100 - more, 400 + more]]
    cells.append([400 + 10 * shift, 100 - 10 * shift, 100, 400])
    part = {"cells": cells, "auc": 0.8, "auc_by_group": [0.8, 0.8]}
    identity = {"data": "adult", "sensitive": "sex", "model": "logistic", "method": method}
    identity |= {"criterion": criterion, "knob": knob, "repetition": repetition, "fold": fold}
    told = {"labels": ["Female", "Male"], "key": f"{identity}", "date": "2026-01-01"}
    told |= {"versions": {}, "seconds": 1.0, "rows": 0, "target": "", "positive": ""}
    return {**identity, **told, "validation": part, "test": part, **other}


def cells_of(cells, **other):
    """The same test and validation from cells; of Heart, as small tables are."""
    part = {"cells": cells, "auc": 0.7, "auc_by_group": [0.7, 0.7]}
    return {"validation": part, "test": part, "data": "heart", **other}


def place_of(rows, key=KEY):
    failed = [row for row in rows if "error" in row]
    return Place(key, read_frame(rows), failed)


def results(repetitions=3):
    rows = []
    for repetition in range(repetitions):
        rows += [made("nothing", None, repetition, 10), made("Reweighter", None, repetition, 4)]
        rows += [made("aif360 Reweighing", None, repetition, 5 + repetition % 2)]
        for knob, shift in ((0.3, 8), (1.0, 2)):
            rows.append(made("CorrelationRemover", knob, repetition, shift))
            rows.append(made("fairlearn CorrelationRemover", knob, repetition, shift))
    return rows
